// What makes a tree durable: by filesystem, or directory by directory, at its end.
#include <cerrno>

#include "copy/sync_file_by_file.h"
#include "copy/tree/tree.h"

namespace arsync {

// How what is in a directory becomes durable.
void Tree::choose_sync(Files& files, Directory& directory, int destination) {
    const Directory* above = directory.parent.get();
    const Identity& id = directory.destination_id;
    if (above && above->destination_id.major == id.major && above->destination_id.minor == id.minor)
        directory.syncs_each = above->syncs_each;
    else
        directory.syncs_each = !syncs().reach(files, id, destination);
}

Task<void> Tree::sync(Io io) {
    job_.control.enter(ARSYNC_STAGE_SYNC);
    int failed = 0;
    try {
        if (root_->syncs_each)
            co_await sync_above_root(io);
        if (!job_.roots.syncs) // else that is up to whoever has it
            co_await own_syncs_.finish(io, [&](bool lost) { return ask_each(io, lost); });
    } catch (const Error& error) {
        failed = -error.code;
    }
    if (failed == 0 || failed == -ECANCELED)
        co_return;
    note_error(failed, ARSYNC_STAGE_SYNC, Side::by_stage);
    const Lock lock(mutex_);
    first_error_.note_loss(failed, ARSYNC_STAGE_SYNC);
}

Task<void> Tree::ask_each(Io io, bool lost) {
    co_await ask_all_in(io, job_.control, root_->destination(), lost);
    co_await sync_above_root(io);
}

Task<void> Tree::sync_above_root(Io io) {
    if (above_root_)
        co_await sync_one(io, above_root_.get());
}

} // namespace arsync
