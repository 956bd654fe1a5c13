// A directory of a tree is finished when all in it has ended: what is extra removed, its attributes
// set, its names synced; then the same one level up.
#include "copy/metadata.h"
#include "copy/sync_file_by_file.h"
#include "copy/tree/part.h"

namespace arsync {

// Of the directory a part has ended. Finish those whose last part has, this one and upwards.
Task<void> TreePart::complete(DirectoryRef directory) {
    while (directory && directory->pending.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const DirectoryRef above = directory->parent;
        if (!tree_.puts_off(directory))
            co_await finish(directory);
        if (!above)
            co_await finish_put_off();
        directory = above;
    }
}

Task<void> TreePart::finish_put_off() {
    constexpr unsigned yield_after = 32;
    unsigned since_yield = 0;
    for (const DirectoryRef& each : tree_.take_put_off()) {
        if (control_.held())
            co_await wait_while_held(io_, control_);
        if (++since_yield % yield_after == 0)
            co_await io_.ring.yield();
        co_await finish_or_tell(each);
    }
}

// What one has no memory for costs the others nothing.
Task<void> TreePart::finish_or_tell(const DirectoryRef& directory) {
    try {
        co_await finish(directory);
    } catch (const std::bad_alloc&) {
        out_of_memory();
    }
}

Task<void> TreePart::finish(const DirectoryRef& directory) {
    const arsync_copy_options& options = job_.options;
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    const bool mirrors = (options.flags & ARSYNC_COPY_MIRROR) != 0 && !directory->made &&
                         directory->listed_in_full.load(std::memory_order_relaxed) &&
                         !tree_.has_met_itself() && !tree_.stopping();
    const bool has_attributes =
        !dry && (directory->made || !tree_.stopping()) &&
        ((options.preserve & ~ARSYNC_PRESERVE_LINKS) != 0 || directory->final_mode.is_due());
    const bool syncs = directory->syncs_each && !dry && !tree_.stopping();
    if (mirrors || has_attributes || syncs) {
        Outcome outcome;
        outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
        outcome.action =
            directory->made ? ARSYNC_ACTION_MAKE_DIRECTORY : ARSYNC_ACTION_ENTER_DIRECTORY;
        Outcome of_extra = outcome;
        if (mirrors)
            co_await remove_extra(directory, of_extra);
        // What could not be looked through has its attributes all the same.
        if (has_attributes)
            co_await attempt(outcome, [&] { return set_attributes(directory, outcome, syncs); });
        else if (syncs)
            co_await attempt(outcome, [&] { return sync_names(directory); });
        of_extra.flags |= outcome.flags;
        if (of_extra.result < 0)
            outcome = of_extra;
        tree_.note_flags(outcome);
        if (outcome.result < 0 || (outcome.flags & Tree::telling) != 0) {
            co_await Poll(*this);
            if (outcome.result < 0)
                note_error(&*directory, {}, outcome);
            report(&*directory, {}, outcome);
        }
    }
    job_.directories->finish(*directory);
}

Task<void> TreePart::sync_names(const DirectoryRef& ref) {
    const Pin directory(io_.files, ref);
    co_await sync_one(io_, directory->destination());
}

// syncs: while it is open, for afterwards it may not be opened again.
Task<void> TreePart::set_attributes(const DirectoryRef& ref, Outcome& outcome, bool syncs) {
    const Pin directory(io_.files, ref);
    Control control(control_);
    copy_attributes(io_.files, *directory, job_.options, control, outcome);
    if (syncs)
        co_await sync_one(io_, directory->destination());
}

void copy_attributes(Files& files, const Directory& directory, const arsync_copy_options& options,
                     Control& control, Outcome& outcome) {
    std::optional<std::vector<char>> old;
    if (!directory.made)
        old = xattrs_to_update(files, directory.destination(), options, outcome);
    const SourceFlags flags =
        flags_of_source(files, directory.source(), *directory.facts, options, outcome);
    const Described ends{.source = directory.source(),
                         .facts = *directory.facts,
                         .destination = directory.destination(),
                         .was_there = !directory.made,
                         .destination_xattrs = old ? &*old : nullptr,
                         .final_mode = directory.final_mode,
                         .flags = flags,
                         .seals = true};
    copy_metadata(files, ends, options, control, outcome);
}

} // namespace arsync
