// Removing from a destination directory what its source has not.
#include "copy/tree/part.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <utility>

#include "copy/huge.h"
#include "copy/tree/mirror.h"

namespace arsync {

Task<void> TreePart::remove_extra(const DirectoryRef& directory, Outcome& of_directory) {
    const bool dry = (job_.options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    Extra extra(io_, job_.filter, control_, tree_, dry);
    std::optional<ExtraEntry> entry;
    if (directory->folding && directory->folding->is_in_doubt()) {
        of_directory.fail(-EEXIST, ARSYNC_STAGE_REMOVE);
        co_return;
    }
    directory->source_names->seal();
    // Once for each buffer of names, and for each directory that goes.
    std::pair<unsigned, int64_t> checked{0, -1};
    for (;;) {
        if (control_.held())
            co_await wait_while_held(io_, control_);
        co_await attempt(of_directory, [&] { return find_next(directory, extra, entry); });
        const std::pair now{extra.round(), extra.position()};
        if (of_directory.result == 0 && entry && (entry->directory || now != checked)) {
            checked = now;
            co_await attempt(of_directory, [&] { return refuse_replaced(directory); });
        }
        if (of_directory.result == -ECANCELED && job_.control.cancelled())
            of_directory.fail(0, ARSYNC_STAGE_NONE);
        if (of_directory.result < 0 || !entry || tree_.stopping() || tree_.has_met_itself())
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
        if (outcome.result == -ECANCELED && job_.control.cancelled())
            co_return;
        if (outcome.result == 0 && removed == 0)
            continue; // it holds what is excluded, and nothing else
        if (outcome.result < 0) {
            std::string path = entry->path;
            tree_.note_error(outcome.result, outcome.stage, side_of(outcome.flags),
                             wants(job_.options, ARSYNC_WANT_ERROR_PATH) ? &path : nullptr);
        }
        if (is_reported(outcome)) {
            co_await Poll(*this);
            job_.host.report({.path = entry->path, .outcome = outcome});
        }
    }
}

// Pinned for as long as it does not wait for descriptors.
Task<void> TreePart::find_next(const DirectoryRef& directory, Extra& extra,
                               std::optional<ExtraEntry>& entry) {
    const Pin pin(io_.files, directory);
    co_await extra.next(*pin, entry);
}

Task<void> TreePart::refuse_replaced(const DirectoryRef& directory) {
    tree_.refuse_replaced(io_.files, *directory);
    co_return;
}

// gone: whether it is, if that is of interest.
Task<void> TreePart::remove(const DirectoryRef& directory, Extra& extra, const ExtraEntry& entry,
                            uint64_t& removed, bool* gone) {
    const Pin pin(io_.files, directory);
    const bool is_gone = co_await extra.remove(*pin, entry, removed);
    if (gone)
        *gone = is_gone;
}

// ---- what is in the way of an entry of another kind ----

// Of a directory at the name of a file, a link or the like. Whether it is gone, or would be; failed
// becomes the error for which it is not. One that is excluded stays, as what is excluded in it
// does.
Task<bool> TreePart::clear_directory(const DirectoryRef& directory, const std::string& name,
                                     Reads reads, Outcome& failed) {
    const bool dry = (job_.options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    Extra extra(io_, job_.filter, control_, tree_, dry);
    const ExtraEntry entry{.name = name, .path = path_below(&*directory, name), .directory = true};
    if (job_.filter.excludes(entry.path, true))
        co_return false;
    uint64_t removed = 0;
    bool gone = false;
    Outcome outcome;
    co_await attempt(outcome, [&] { return check_source(directory, name, reads); });
    if (outcome.result == 0)
        co_await attempt(outcome, [&] { return remove(directory, extra, entry, removed, &gone); });
    totals_.removed += removed;
    if (outcome.result < 0)
        failed.fail(outcome.result, outcome.stage, side_of(outcome.flags));
    co_return gone;
}

// What is no longer the source's, or cannot be read, must not cost what is there.
Task<void> TreePart::check_source(const DirectoryRef& directory, const std::string& name,
                                  Reads reads) {
    const Pin pin(io_.files, directory);
    tree_.refuse_replaced(io_.files, *pin);
    if (reads == Reads::nothing)
        co_return;
    constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    const int fd = reads == Reads::through_link
                       ? io_.files.open(pin->source(), name.c_str(), flags, 0)
                       : io_.files.open_beneath(pin->source(), name.c_str(), flags | O_NOFOLLOW,
                                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    const File readable(io_.files, fd);
}

// Of what is no directory at the name of one. False: it stays, since it is excluded.
Task<bool> TreePart::clear_other(const Directory& directory, const std::string& name) {
    struct statx found;
    check(ARSYNC_STAGE_MAKE_DIRECTORY,
          io_.files.statx(directory.destination(), name.c_str(), AT_SYMLINK_NOFOLLOW, found));
    if (S_ISDIR(found.stx_mode) || job_.filter.excludes(path_below(&directory, name), false))
        co_return false;
    tree_.refuse_replaced(io_.files, directory);
    if ((job_.options.flags & ARSYNC_COPY_DRY_RUN) == 0) {
        const int64_t result = co_await io_.ring.call(is_huge(found), [&] {
            return io_.files.unlink(directory.destination(), name.c_str());
        });
        check(ARSYNC_STAGE_REMOVE, result);
    }
    ++totals_.removed;
    co_return true;
}

} // namespace arsync
