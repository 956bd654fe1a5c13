// Always true: the destination is neither truncated nor removed, nor does it get attributes. Others
// may write other parts of it at the same time, in other processes and on other machines.
#include "copy/file_part.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/file.h"
#include "copy/path.h"
#include "copy/sync_name.h"

namespace arsync {

namespace {

void refuse_irregular(mode_t mode, Side side) {
    if (!S_ISREG(mode))
        throw error_at(side, ARSYNC_STAGE_CHECK, S_ISDIR(mode) ? EISDIR : EOPNOTSUPP);
}

Task<Source> open_regular(Io io, const FileCopy& copy, const arsync_copy_options& options,
                          Control& control) {
    FileCopy names = copy;
    names.follows = follows_top(options);
    control.enter(ARSYNC_STAGE_OPEN_SOURCE);
    struct statx facts;
    check(ARSYNC_STAGE_OPEN_SOURCE, io.files.statx(copy.source_dirfd, copy.source.c_str(),
                                                   names.follows ? 0 : AT_SYMLINK_NOFOLLOW, facts));
    if (S_ISLNK(facts.stx_mode))
        throw Error{ARSYNC_STAGE_OPEN_SOURCE, ELOOP};
    refuse_irregular(facts.stx_mode, Side::source);
    Source source = co_await open_source(io, names, options, control);
    refuse_irregular(source.facts.stx_mode, Side::source);
    co_return source;
}

// Asks first what is there, for to open a FIFO is an act. None: somebody has a lease on it.
File open_to_write_part(Files& files, const FileCopy& copy, bool reads_back) {
    constexpr Stage stage = ARSYNC_STAGE_OPEN_DESTINATION;
    const char* name = copy.destination.c_str();
    const auto open = [&](int more) {
        const int flags = more | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        // Some servers take no file for both at once; to be verified it is then opened again.
        const int fd =
            reads_back ? files.open(copy.destination_dirfd, name, flags | O_RDWR, 0600) : -EPERM;
        const bool refused = fd == -EPERM || fd == -EINVAL || fd == -EOPNOTSUPP || fd == -ENOSYS;
        return refused ? files.open(copy.destination_dirfd, name, flags | O_WRONLY, 0600) : fd;
    };
    // What another job makes meanwhile is opened, and what is removed meanwhile is made.
    for (int tries = 0;; ++tries) {
        struct statx found;
        int fd = files.statx(copy.destination_dirfd, name, AT_SYMLINK_NOFOLLOW, found);
        const bool missing = fd == -ENOENT;
        if (fd == 0 && S_ISLNK(found.stx_mode))
            throw Error{stage, ELOOP};
        if (fd == 0)
            refuse_irregular(found.stx_mode, Side::conflict);
        if (fd == 0 || missing)
            fd = open(missing ? O_CREAT | O_EXCL : 0);
        constexpr int tries_max = 8;
        if (tries < tries_max && fd == (missing ? -EEXIST : -ENOENT))
            continue;
        if (fd != -EAGAIN || missing)
            check(stage, fd);
        return File(files, fd);
    }
}

} // namespace

Task<void> copy_part(Io io, const FileCopy& copy, const arsync_copy_options& options,
                     Control& control, Outcome& outcome) {
    if (copy.just_created)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EEXIST, false, true};
    arsync_copy_options how = options;
    how.durability = copy.durability.value_or(options.durability);
    const Source source = co_await open_regular(io, copy, how, control);
    refuse_worth_threads(io, source.facts, how);
    outcome.action = ARSYNC_ACTION_COPY;

    control.enter(ARSYNC_STAGE_OPEN_DESTINATION);
    File directory; // opened before anything is made in it
    if (how.durability == ARSYNC_DURABILITY_FULL)
        directory = open_to_sync_name(io.files, copy);
    const bool verifies = (how.flags & ARSYNC_COPY_VERIFY) != 0;
    File destination = open_to_write_part(io.files, copy, verifies);
    while (!destination) {
        co_await wait_for_file_lease(io, control);
        destination = open_to_write_part(io.files, copy, verifies);
    }
    RangeCopy range;
    range.source = source.file.get();
    range.source_is_own = true;
    range.destination = destination.get();
    range.source_offset = range.destination_offset = how.range_offset;
    range.length = how.range_length;
    co_await copy_range(io, range, how, control, outcome);
    check(ARSYNC_STAGE_CLOSE, destination.close());
    if (directory) // whoever made the name may not have synced it
        co_await sync_names_in(io, control, directory.get());
    outcome.flags |= ARSYNC_COMPLETION_COPIED;
}

} // namespace arsync
