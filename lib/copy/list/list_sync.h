// How a list becomes durable: as one, at its end, and not item by item.
//
// Local filesystems are written out once each (SyncPoint), as those of a tree are. Where each file
// has to be synced by itself its data is, when it is copied, and the directories that have the
// names are, once each, at the end. A few items are left to themselves: a syncfs(2) also writes
// what other programs have left to be written.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "copy/list/order.h"
#include "copy/parent_directories.h"
#include "copy/sync_point.h"

namespace arsync {

// What of an item is left to the end of its list.
enum class Left : uint8_t { nothing, name, all };

class ListSync {
public:
    // What is referred to lives as long as this.
    ListSync(int destination_dirfd, const arsync_copy_options& options, Ways& ways)
        : destination_dirfd_(destination_dirfd), options_(options), ways_(ways),
          asked_(options.durability != ARSYNC_DURABILITY_NONE &&
                 (options.flags & ARSYNC_COPY_DRY_RUN) == 0) {}

    bool is_asked() const { return asked_; }

    // Of whoever has the turn. path: the destination's. many: more than a few are to come.
    Left choose(Files& files, const std::string& path, const Touch& touch, const DirectoryRef& way,
                bool many);
    // Tells what is to copy a file that so much of it is left.
    void leave(FileCopy& copy, Left left);
    // Under the list's mutex: something was made there, or some of it.
    void note_made(const std::string& destination, const Outcome& outcome);

    // When all items have ended. Whether the way's directory is not to be synced by itself.
    bool leaves(const Directory& way) { return point_.known(way.destination_id).value_or(false); }
    // Throws Error for what may not be durable.
    Task<void> finish(Io io, Control& control);
    void close();

private:
    struct Parent { // of destinations
        bool is_there = false;
        Identity id = {};
    };
    const Parent& parent_of(Files& files, const std::string& path);
    File open_parent(Files& files, const std::string& path, int access) const;
    bool reach(Files& files, const Identity& id, const std::string& parent,
               const DirectoryRef& way);
    bool leaves_name(Files& files, const std::string& parent, const DirectoryRef& way);
    Task<void> ask_each(Io io, Control& control, bool lost);
    Task<void> sync_directories(Io io, const std::set<std::string>& all, bool may_be_gone);

    const int destination_dirfd_;
    const arsync_copy_options& options_;
    Ways& ways_;
    const bool asked_;
    SyncPoint point_;
    std::unordered_map<std::string, Parent> parents_; // by their paths, some
    std::set<std::string> directories_;               // to be synced, by their paths
    std::vector<std::string> made_;                   // to be asked in case of a loss
    bool forgets_ = false;                            // some of these
};

} // namespace arsync
