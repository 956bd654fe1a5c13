// Removing from a destination directory what its source has not.
#include "copy/tree/member.h"

#include <cerrno>

#include "copy/tree/attempt.h"
#include "copy/tree/mirror.h"

namespace arsync {

Task<void> Member::remove_extra(const DirectoryRef& directory, Outcome& of_directory) {
    const bool dry = (tree_.options_.flags & ARSYNC_COPY_DRY_RUN) != 0;
    Extra extra(io_, tree_.filter_, control_, dry);
    std::optional<ExtraEntry> entry;
    for (;;) {
        co_await attempt(of_directory, [&] { return find_next(directory, extra, entry); });
        if (of_directory.result == -ECANCELED && tree_.control_.cancelled())
            of_directory.fail(0, ARSYNC_STAGE_NONE);
        if (of_directory.result < 0 || !entry || tree_.stopping() ||
            tree_.removes_nothing_.load(std::memory_order_relaxed))
            co_return;
        Outcome outcome;
        outcome.action = ARSYNC_ACTION_REMOVE;
        outcome.flags = entry->directory ? ARSYNC_COMPLETION_DIRECTORY : 0;
        uint64_t removed = 0;
        if (entry->error < 0)
            outcome.fail(entry->error, ARSYNC_STAGE_REMOVE);
        else
            co_await attempt(outcome, [&] { return remove(directory, extra, *entry, removed); });
        totals_.removed += removed;
        if (outcome.result == -ECANCELED && tree_.control_.cancelled())
            co_return;
        if (outcome.result == 0 && removed == 0)
            continue; // it holds what is excluded, and nothing else
        if (outcome.result < 0)
            tree_.note_error(outcome.result, outcome.stage);
        if (is_reported(outcome)) {
            co_await Poll(*this);
            tree_.host_.report(entry->path, outcome);
        }
    }
}

// Pinned for as long as it does not wait for descriptors.
Task<void> Member::find_next(const DirectoryRef& directory, Extra& extra,
                             std::optional<ExtraEntry>& entry) {
    const Pin pin(io_.files, directory);
    co_await extra.next(*pin, entry);
}

Task<void> Member::remove(const DirectoryRef& directory, Extra& extra, const ExtraEntry& entry,
                          uint64_t& removed) {
    const Pin pin(io_.files, directory);
    co_await extra.remove(*pin, entry, removed);
}

} // namespace arsync
