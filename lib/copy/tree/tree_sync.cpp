// What makes a tree durable: by filesystem, or directory by directory, at its end.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/method.h"
#include "copy/tree/sync.h"
#include "copy/tree/tree.h"
#include "io/missing.h"

namespace arsync {

// To be synced at the end. What is just made is where its parent is.
void Tree::remember_filesystem(Files& files, const Directory& directory, int destination) {
    const Identity& id = directory.destination_id;
    const auto is_on = [&](const auto& place) {
        return place.major == id.major && place.minor == id.minor;
    };
    if (directory.made || job_.options.durability == ARSYNC_DURABILITY_NONE ||
        is_on(root_destination_))
        return;
    const Lock lock(mutex_);
    if (std::any_of(other_filesystems_.begin(), other_filesystems_.end(), is_on))
        return;
    const int fd = files.reopen(destination, O_RDONLY | O_DIRECTORY);
    check(ARSYNC_STAGE_MAKE_DIRECTORY, fd);
    other_filesystems_.push_back({id.major, id.minor, File(files, fd)});
}

// How what is in a directory becomes durable. What a descriptor that is opened now is told by
// syncfs(2) in the end are the losses from now on, and those that nobody was told of before.
void Tree::choose_sync(Files& files, Directory& directory, int destination) {
    if (job_.options.durability == ARSYNC_DURABILITY_NONE)
        return;
    const Directory* above = directory.parent.get();
    const Identity& id = directory.destination_id;
    if (above && above->destination_id.major == id.major &&
        above->destination_id.minor == id.minor) {
        directory.syncs_each = above->syncs_each;
    } else {
        uint64_t magic = 0;
        files.filesystem_type(destination, magic);
        directory.syncs_each = !syncs_whole(filesystem(magic)) || !files.may_sync_filesystems();
    }
    if (above && !directory.syncs_each)
        remember_filesystem(files, directory, destination);
}

Task<void> Tree::sync(Io io) {
    job_.control.enter(ARSYNC_STAGE_SYNC);
    int failed = 0;
    try {
        if (root_->syncs_each)
            co_await sync_above_root(io);
        co_await sync_by_filesystem(io);
    } catch (const Error& error) {
        failed = -error.code;
    }
    if (failed < 0 && failed != -ECANCELED)
        note_error(failed, ARSYNC_STAGE_SYNC, Side::by_stage);
}

// What syncfs(2) reports may be another program's loss, or one of before this tree: then each file
// and directory is to say for itself. An inode's loss is told to whoever opens it first. Where one
// cannot be asked, the loss counts as this tree's. What has no data of its own, such as a symbolic
// link, another syncfs writes, for a loss is told once.
Task<void> Tree::sync_by_filesystem(Io io) {
    std::vector<int> all;
    if (!root_->syncs_each)
        all.push_back(root_->destination());
    {
        const Lock lock(mutex_);
        for (const OtherFilesystem& other : other_filesystems_)
            all.push_back(other.directory.get());
    }
    const int64_t failed = co_await sync_filesystems(io, all);
    if (failed == 0)
        co_return;
    bool lost = false;
    try {
        co_await sync_all_in(io, job_.control, root_->destination());
        co_await sync_above_root(io);
        const int64_t again = co_await sync_filesystems(io, all);
        lost = again < 0 && !is_missing(static_cast<int>(-again)); // denied since it began
    } catch (const Error&) {
        lost = true;
    }
    if (lost)
        check(ARSYNC_STAGE_SYNC, failed);
}

// All, whatever one says: 0, or an error.
Task<int64_t> Tree::sync_filesystems(Io io, const std::vector<int>& all) {
    int64_t failed = 0;
    for (const int fd : all) {
        const int64_t result = co_await io.ring.sync_filesystem(fd);
        if (result < 0)
            failed = result;
    }
    co_return failed;
}

Task<void> Tree::sync_above_root(Io io) {
    if (above_root_)
        co_await sync_one(io, above_root_.get());
}

} // namespace arsync
