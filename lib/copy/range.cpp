// The life of one range's copy, from an open file into another: nothing is opened for good, nothing
// gets a name.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/file.h"
#include "copy/huge.h"
#include "copy/identity.h"
#include "copy/verify.h"

namespace arsync {

// Of descriptors or memory, for which one may wait. A file that may not be opened again is no
// error.
static void refuse_want(Stage stage, int result) {
    if (result == -EMFILE || result == -ENFILE || result == -ENOMEM)
        check(stage, result);
}

// A second description without O_DIRECT; none where the file may not be opened again.
static File open_buffered(Files& files, int fd, bool to_read) {
    const int again = files.reopen(fd, to_read ? O_RDWR : O_WRONLY);
    refuse_want(ARSYNC_STAGE_OPEN_DESTINATION, again);
    return File(files, again);
}

// Of two names of a device, as of two hard links.
static bool is_same(const struct statx& source, const struct statx& destination) {
    if (S_ISBLK(source.stx_mode) && S_ISBLK(destination.stx_mode))
        return source.stx_rdev_major == destination.stx_rdev_major &&
               source.stx_rdev_minor == destination.stx_rdev_minor;
    return identity(source) == identity(destination);
}

static Task<void> copy_bytes(Io io, RangeCopy& copy, const arsync_copy_options& options,
                             Control& control, Outcome& outcome);

Task<void> copy_range(Io io, RangeCopy& copy, const arsync_copy_options& options, Control& control,
                      Outcome& outcome) {
    co_await copy_bytes(io, copy, options, control, outcome);
    struct statx written;
    if (wants(options, ARSYNC_WANT_DESTINATION) &&
        io.files.statx(copy.destination, "", 0, written) == 0)
        outcome.wanted.tell_destination(written, options);
}

static Task<void> copy_bytes(Io io, RangeCopy& copy, const arsync_copy_options& options,
                             Control& control, Outcome& outcome) {
    control.enter(ARSYNC_STAGE_OPEN_SOURCE);
    struct statx source;
    struct statx destination;
    check(ARSYNC_STAGE_OPEN_SOURCE, io.files.statx(copy.source, "", 0, source));
    check(ARSYNC_STAGE_OPEN_DESTINATION, io.files.statx(copy.destination, "", 0, destination));
    copy.huge = is_huge(source) || is_huge(destination);
    outcome.wanted.tell_source(source, options);
    control.enter(ARSYNC_STAGE_CHECK);
    const auto refuse = [](mode_t mode, Side side) {
        if (S_ISDIR(mode))
            throw error_at(side, ARSYNC_STAGE_CHECK, EISDIR);
        if (!S_ISREG(mode) && !S_ISBLK(mode))
            throw error_at(side, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
    };
    refuse(source.stx_mode, Side::source);
    refuse(destination.stx_mode, Side::conflict);
    outcome.action = ARSYNC_ACTION_COPY;

    const uint64_t size = size_of(io.files, copy.source, source);
    const uint64_t begin = copy.source_offset;
    const uint64_t end = begin >= size ? begin : begin + std::min(copy.length, size - begin);
    const uint64_t to = copy.destination_offset;
    const bool onto_itself = is_same(source, destination);
    if (onto_itself && begin < to + (end - begin) && to < end)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
    control.set_total(end - begin);
    if (copy.length == 0 || (begin == end && !S_ISREG(source.stx_mode)))
        co_return;

    const bool verifies = (options.flags & ARSYNC_COPY_VERIFY) != 0;
    Digest digest;
    // Looking for holes moves the file position, which is the caller's.
    File own_source;
    if (!copy.keeps_locks && !copy.source_is_own) {
        const int again = io.files.reopen(copy.source, O_RDONLY | O_NONBLOCK);
        refuse_want(ARSYNC_STAGE_OPEN_SOURCE, again); // or holes would become zeros
        own_source = File(io.files, again);
    }
    // Only whole blocks can be written through a description that is open with O_DIRECT.
    File buffered;
    if ((copy.destination_flags & O_DIRECT) != 0)
        buffered = open_buffered(io.files, copy.destination, verifies);
    const int target = buffered ? buffered.get() : copy.destination;
    Ends ends;
    ends.source = own_source ? own_source.get() : copy.source;
    ends.may_seek = copy.source_is_own || own_source;
    ends.may_reopen = !copy.keeps_locks;
    ends.source_facts = &source;
    ends.source_begin = begin;
    ends.source_end = end;
    // One of the kernel's, or of a server's, may hold more than its size says.
    ends.sized = begin < end;
    ends.unsized_end = copy.length < UINT64_MAX - begin ? begin + copy.length : UINT64_MAX;
    if (onto_itself) // what grows is not copied onto itself
        ends.unsized_end = end;
    ends.destination = target;
    ends.destination_facts = &destination;
    ends.destination_begin = to;
    ends.source_direct = (copy.source_flags & O_DIRECT) != 0;
    ends.destination_direct = (copy.destination_flags & O_DIRECT) != 0;
    ends.destination_synced = (copy.destination_flags & O_DSYNC) != 0;
    Digest* const wanted = verifies || wants(options, ARSYNC_WANT_DIGEST) ? &digest : nullptr;
    const Moved moved = co_await move_and_report(io, ends, options, control, outcome, wanted);
    control.throw_if_cancelled();
    if (outcome.bytes == 0 && !moved.changed) // of what was cut off some may be written
        co_return;

    // Of a destination whose writes are durable nothing that came in their place may be less: no
    // hole that was punched, no block that is shared.
    const bool promised = (copy.destination_flags & O_DSYNC) != 0;
    if (options.durability != ARSYNC_DURABILITY_NONE || verifies || promised)
        co_await sync_data(io, target, true, control);
    if (verifies) {
        File own;
        if (!copy.keeps_locks)
            own = File(io.files, io.files.reopen(copy.destination, O_RDONLY));
        Written written;
        written.may_reopen = !copy.keeps_locks;
        written.fd = own ? own.get() : target;
        written.may_seek = static_cast<bool>(own);
        written.exact = moved.exact_destination;
        written.begin = to;
        written.bytes = outcome.bytes;
        co_await verify(io, written, digest, options, control, outcome);
    }
    check(ARSYNC_STAGE_CLOSE, buffered.close());
}

} // namespace arsync
