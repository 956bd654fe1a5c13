// One worker's part in the copy of a tree.
#pragma once

#include "copy/tree/tree.h"

namespace arsync {

struct Batch;

class Member {
public:
    Member(Tree& tree, Io io, Control& control);

    // Until the tree has no more work.
    Task<void> run();
    const arsync_totals& totals() const { return totals_; }

private:
    Task<void> walk();
    Task<DirectoryRef> enter(const Unit& unit);
    Task<DirectoryRef> open_pair(const Unit& unit, Outcome& outcome);
    Task<File> open_source_directory(const Pin& above, const Unit& unit, struct statx& facts,
                                     Outcome& outcome);
    void refuse_loop(const Directory* above, const Identity& source, bool follows) const;
    Task<void> list(DirectoryRef directory);
    Task<void> begin_entries(Batch& batch);
    Task<void> copy(Batch& batch, std::string name, unsigned char type, bool follows);
    void end_part(Batch& batch);
    void complete(DirectoryRef directory);
    void finish(const DirectoryRef& directory);
    void remove_extra(const Pin& directory);

    Task<void> wait_for_room();
    Task<void> wait_for_entry();
    Task<void> wait_for_poll();
    Task<bool> wait_for_descriptors(unsigned attempt);
    void end_entry(const Directory* directory, std::string_view name, const Outcome& outcome);
    void count(const Outcome& outcome);
    bool is_reported(const Outcome& outcome) const;
    void report(const Directory* directory, std::string_view name, const Outcome& outcome);

    Tree& tree_;
    FilesystemMemo memo_;
    const Io io_;
    Control& control_;
    Group walkers_;
    Group entries_;
    unsigned under_way_ = 0;
    unsigned window_; // most entries under way
    unsigned since_yield_ = 0;
    Waiter* waiting_first_ = nullptr; // for an entry to end
    arsync_totals totals_{};
};

} // namespace arsync
