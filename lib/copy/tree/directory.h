// The directories of a tree that is being copied: each as a pair, the source and what is made of
// it.
//
// A directory is reached from its parent's descriptors and by its name alone, no symbolic link
// followed, so paths may be of any length, and what an intruder puts in the place of a directory
// leads nowhere. Descriptors are few: those of a directory that nobody is using just now may be
// closed. When it is used again it is opened again, and must be what it was, by device and inode.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "copy/copy.h"
#include "copy/identity.h"
#include "copy/metadata.h"
#include "copy/tree/folding.h"
#include "copy/tree/name_set.h"
#include "io/mutex.h"

namespace arsync {

class Directories;
struct Directory;
using DirectoryRef = std::shared_ptr<Directory>;

struct Directory {
    explicit Directory(std::shared_ptr<Directories> all) : home(std::move(all)) {}
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory();

    const std::shared_ptr<Directories> home;
    DirectoryRef parent; // null: the root of the tree
    std::string name;    // in its parents
    // Of a root that need not stay open: by what it is opened again, links on the way followed.
    struct Root {
        int source_dirfd;
        int destination_dirfd;
        std::string source;
        std::string destination;
    };
    std::unique_ptr<const Root> root;
    Identity source_id;
    Identity destination_id;
    std::unique_ptr<struct statx> facts; // of the source when it was opened; until it is finished
    bool source_followed = false;        // the name is a symbolic link that was to be followed
    bool beyond_link = false;            // that is so of it, or of one above it
    bool destination_followed = false;
    // At either end it, or one above it, may lie elsewhere than below the root: beyond a link that
    // was followed, or a mount.
    bool strays = false;
    bool shut = false;       // the source may not be listed
    bool made = false;       // the destination is new
    bool syncs_each = false; // to be durable, what is in the destination is synced one by one
    bool missing = false;    // there is no destination, for this is a dry run
    NewFile new_file;        // what a file made in the destination will be like
    FinalMode final_mode;    // of the destination

    // Until it is finished. Of a mirror, if the destination was there before: all names that the
    // source was listed to have.
    std::unique_ptr<NameSet> source_names;
    // If names may fold in a destination that was there before.
    std::unique_ptr<Folding> folding;

    // While it is pinned. -1 for a destination that is missing.
    int source() const { return source_.get(); }
    int destination() const { return destination_.get(); }

    // Of the listing: how far it is, whether its end was reached, and whether all went well.
    int64_t position = 0;
    bool reopened = false; // the listing has to be set to `position`
    std::atomic<bool> listed_in_full = false;
    // Those that are at entries of it just now: see next_unit().
    std::atomic<unsigned> walkers = 0;

    // What has not ended: the listing, batches of entries, directories in it. At 0 it is finished.
    std::atomic<unsigned> pending = 1;

private:
    friend class Directories;
    File source_;
    File destination_;
    unsigned pins_ = 0; // under the mutex of `home`
    Directory* previous_idle_ = nullptr;
    Directory* next_idle_ = nullptr;
    bool idle_ = false;
};

// "a/b/NAME", as below the roots.
std::string path_below(const Directory* directory, std::string_view name);

class Directories {
public:
    // At most so many directories that are not in use are kept open.
    explicit Directories(unsigned idle_max) : idle_max_(idle_max), idle_kept_(idle_max) {}
    Directories(const Directories&) = delete;
    Directories& operator=(const Directories&) = delete;

    // From any thread.
    // Take over a directory just opened, pinned.
    void add(Directory& directory, File source, File destination);
    // Keep a directory open until unpin. Throws Error where it cannot be opened again.
    void pin(Files& files, Directory& directory);
    void unpin(Directory& directory);
    // Close those that nobody uses. Whether there were any.
    bool close_idle();
    // While descriptors are wanting: keep none open, or who tries again would find what its last
    // try has left.
    void set_keeping(bool keeps);
    // It will not be needed any more, but for a link to what is in it.
    void finish(Directory& directory);

private:
    friend struct Directory;
    void reopen_somehow(Files& files, Directory& directory) REQUIRES(mutex_);
    void reopen(Files& files, Directory& directory, unsigned kept) REQUIRES(mutex_);
    void keep_idle(Directory& directory) REQUIRES(mutex_);
    void remove_idle(Directory& directory) REQUIRES(mutex_);
    void close(Directory& directory) REQUIRES(mutex_);
    void forget(Directory& directory);

    const unsigned idle_max_;
    Mutex mutex_;
    unsigned idle_kept_ GUARDED_BY(mutex_); // of these, as things are
    Directory* oldest_ GUARDED_BY(mutex_) = nullptr;
    Directory* newest_ GUARDED_BY(mutex_) = nullptr;
    unsigned idle_count_ GUARDED_BY(mutex_) = 0;
};

// A directory that stays open while this lives.
class Pin {
public:
    // Pinned already.
    explicit Pin(DirectoryRef directory) : directory_(std::move(directory)) {}
    Pin(Files& files, DirectoryRef directory) : directory_(std::move(directory)) {
        directory_->home->pin(files, *directory_);
    }
    Pin(Pin&& other) noexcept = default;
    Pin& operator=(Pin&&) = delete;
    ~Pin() {
        if (directory_)
            directory_->home->unpin(*directory_);
    }
    Directory& operator*() const { return *directory_; }
    Directory* operator->() const { return directory_.get(); }
    const DirectoryRef& ref() const { return directory_; }

private:
    DirectoryRef directory_;
};

// What the options name, from its source to its destination; it is pinned. As copy_metadata.
void copy_attributes(Files& files, const Directory& directory, const arsync_copy_options& options,
                     Control& control, Outcome& outcome);

} // namespace arsync
