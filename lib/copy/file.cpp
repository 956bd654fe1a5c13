// The life of one file's copy: open the source, open the destination, move the data, verify it,
// carry over the attributes, make it durable, give it its name.
#include "copy/file.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <linux/openat2.h>

#include "copy/destination.h"
#include "copy/file_flags.h"
#include "copy/huge.h"
#include "copy/identity.h"
#include "copy/metadata.h"
#include "copy/method.h"
#include "copy/sync_name.h"
#include "copy/verify.h"

namespace arsync {

namespace {

constexpr int reading = O_RDONLY | O_NONBLOCK | O_NOCTTY;
constexpr uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS; // a tree's roots

bool on_storage(const struct statx& facts) {
    return S_ISREG(facts.stx_mode) || S_ISBLK(facts.stx_mode);
}

// What is to be in the destination.
struct Content {
    int fd;
    const struct statx& facts;
    uint64_t size;
    bool shared = false; // see Source
};

int open_cached(Io io, const FileCopy& copy);
Source opened_source(Io io, int64_t fd, const arsync_copy_options& options);
Source open_given_source(Io io, const FileCopy& copy, const arsync_copy_options& options);
Task<File> write_out(Io io, const FileCopy& copy, const Source& source, const Content& content,
                     bool may_be_unnamed, const arsync_copy_options& options, Control& control,
                     Outcome& outcome);
Task<File> write_to(Io io, Destination& destination, const FileCopy& copy, const Source& source,
                    const Content& content, const arsync_copy_options& options, Control& control,
                    Outcome& outcome);
Task<void> seal(Io io, const File& file, const SourceFlags& flags, bool durable,
                const arsync_copy_options& options, Control& control, Outcome& outcome);
Task<File> publish_aside(Io io, Destination& destination, Control& control);
Task<void> copy_once_more(Io io, const FileCopy& copy, const Source& source, const File& nameless,
                          const arsync_copy_options& options, Control& control, Outcome& outcome);
bool goes_when_closed(Files& files, const Source& source);

} // namespace

void refuse_kind(mode_t mode, const arsync_copy_options& options) {
    if (S_ISDIR(mode))
        throw error_at(Side::source, ARSYNC_STAGE_CHECK, EISDIR);
    const bool stream = S_ISFIFO(mode) || S_ISCHR(mode);
    const bool plain = S_ISREG(mode) || S_ISBLK(mode);
    if (!plain && !(stream && asks(options, ARSYNC_COPY_SPECIAL)))
        throw error_at(Side::source, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
}

// Blocks that are shared, or else nothing is, take no time worth a thread.
void refuse_worth_threads(const Io& io, const struct statx& source,
                          const arsync_copy_options& options) {
    const bool shares_alone = options.reflink == ARSYNC_REFLINK_ALWAYS &&
                              !asks(options, ARSYNC_COPY_VERIFY) &&
                              !wants(options, ARSYNC_WANT_DIGEST);
    const bool is_worth_some = source.stx_size > threads_size_min && !shares_alone;
    if (io.alone && (!S_ISREG(source.stx_mode) || is_worth_some))
        throw WorthThreads{};
}

// Asks what is at the name before it opens it, for opening may be an act: a FIFO's writer would go
// on, a tape rewind. What was opened is then asked again. Beneath a tree's roots whoever calls this
// knows: the directory's listing has told, or refuse_kind() was asked.
Task<Source> open_source(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         Control& control) {
    control.enter(ARSYNC_STAGE_OPEN_SOURCE);
    if (copy.source_is_open)
        co_return open_given_source(io, copy, options);
    const char* name = copy.source.c_str();
    struct statx facts;
    int64_t fd = -EAGAIN;
    if (copy.beneath && !copy.follows) {
        fd = open_cached(io, copy);
        bool asked = false;
        while (fd == -EAGAIN) {
            if (asked)
                co_await wait_for_file_lease(io, control);
            fd = co_await io.ring.open_beneath(copy.source_dirfd, name, reading, beneath);
            asked = true;
        }
    } else {
        const bool nofollow = asks(options, ARSYNC_COPY_NOFOLLOW);
        facts.stx_mode = S_IFREG;
        if (!copy.seen_regular)
            check(
                ARSYNC_STAGE_OPEN_SOURCE,
                io.files.statx(copy.source_dirfd, name, nofollow ? AT_SYMLINK_NOFOLLOW : 0, facts));
        if (S_ISLNK(facts.stx_mode))
            throw Error{ARSYNC_STAGE_OPEN_SOURCE, ELOOP};
        refuse_kind(facts.stx_mode, options);
        const int flags = reading | (nofollow ? O_NOFOLLOW : 0);
        fd = io.files.open(copy.source_dirfd, name, flags, 0);
        while (fd == -EAGAIN && S_ISREG(facts.stx_mode)) {
            co_await wait_for_file_lease(io, control);
            fd = io.files.open(copy.source_dirfd, name, flags, 0);
        }
    }
    co_return opened_source(io, fd, options);
}

bool open_source_at_once(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         Control& control, Source& source) {
    if (!copy.beneath || copy.follows || copy.source_is_open)
        return false;
    control.enter(ARSYNC_STAGE_OPEN_SOURCE);
    const int fd = open_cached(io, copy);
    if (fd == -EAGAIN)
        return false;
    source = opened_source(io, fd, options);
    return true;
}

namespace {

// -EAGAIN: it would have to wait. A name alone leads nowhere else, and looking whether it has takes
// a twelfth of an open.
int open_cached(Io io, const FileCopy& copy) {
    const bool is_name = copy.source.find('/') == std::string::npos && copy.source != "..";
    const uint64_t resolve = is_name ? RESOLVE_NO_SYMLINKS : beneath;
    return io.files.open_beneath(copy.source_dirfd, copy.source.c_str(), reading,
                                 resolve | RESOLVE_CACHED);
}

Source opened_source(Io io, int64_t fd, const arsync_copy_options& options) {
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    Source source{File(io.files, static_cast<int>(fd)), {}, {}, false};
    check(ARSYNC_STAGE_OPEN_SOURCE, io.files.statx(source.file.get(), "", 0, source.facts));
    refuse_kind(source.facts.stx_mode, options);
    return source;
}

// What is open already is opened again, so that its position and flags stay its owner's; where that
// is not possible, or it is a stream, it is shared.
Source open_given_source(Io io, const FileCopy& copy, const arsync_copy_options& options) {
    struct statx facts;
    check(ARSYNC_STAGE_OPEN_SOURCE, io.files.statx(copy.source_dirfd, "", 0, facts));
    refuse_kind(facts.stx_mode, options);
    int fd = -1;
    if (on_storage(facts))
        fd = io.files.reopen(copy.source_dirfd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const bool shared = fd < 0;
    if (shared)
        fd = io.files.duplicate(copy.source_dirfd);
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    return {File(io.files, fd), facts, {}, shared};
}

} // namespace

Task<void> wait_for_file_lease(Io io, Control& control) {
    control.throw_if_cancelled();
    co_await io.ring.pause(open_again_ms);
    control.throw_if_cancelled();
}

Task<void> copy_opened(Io io, const FileCopy& copy, Source& source,
                       const arsync_copy_options& options, Control& control, Outcome& outcome) {
    outcome.action = ARSYNC_ACTION_COPY;
    outcome.wanted.tell_source(source.facts, options);
    File nameless;
    std::exception_ptr failure;
    try {
        const bool moves_data = !asks(options, ARSYNC_COPY_ATTRIBUTES_ONLY);
        const uint64_t size = moves_data ? size_of(io.files, source.file.get(), source.facts) : 0;
        control.set_total(size);
        const Content original{source.file.get(), source.facts, size, source.shared};
        nameless = co_await write_out(io, copy, source, original, true, options, control, outcome);
        if (nameless)
            co_await copy_once_more(io, copy, source, nameless, options, control, outcome);
    } catch (...) {
        failure = std::current_exception();
    }
    if (nameless)
        co_await io.ring.call(is_huge(outcome.bytes), [&] { return nameless.close(); });
    if (goes_when_closed(io.files, source))
        co_await io.ring.call(true, [&] { return source.file.close(); });
    if (failure)
        std::rethrow_exception(failure);
}

namespace {

// Gives the file, complete but for its name, if it could be given none; see Destination::publish.
Task<File> write_out(Io io, const FileCopy& copy, const Source& source, const Content& content,
                     bool may_be_unnamed, const arsync_copy_options& options, Control& control,
                     Outcome& outcome) {
    Destination destination(io, copy, options, source.xattrs && !has_acl(*source.xattrs),
                            may_be_unnamed);
    File nameless;
    std::exception_ptr failure;
    try {
        nameless =
            co_await write_to(io, destination, copy, source, content, options, control, outcome);
    } catch (...) {
        failure = std::current_exception();
    }
    if (destination.removed()) // whatever has become of the copy
        outcome.flags |= ARSYNC_COMPLETION_REPLACED;
    if (failure) {
        // As much as was to be written may have been reserved.
        const bool huge = is_huge(std::max(content.size, control.bytes_done()));
        const int64_t undone = co_await io.ring.call(huge, [&] { return destination.discard(); });
        if (undone == 1) {
            outcome.bytes = outcome.hole_bytes = 0;
            control.take_back();
        }
        std::rethrow_exception(failure);
    }
    co_return nameless;
}

Task<File> write_to(Io io, Destination& destination, const FileCopy& copy, const Source& source,
                    const Content& content, const arsync_copy_options& options, Control& control,
                    Outcome& outcome) {
    const struct statx& facts = source.facts;
    const bool moves_data = !asks(options, ARSYNC_COPY_ATTRIBUTES_ONLY);
    co_await destination.open(facts, control);
    const bool verifies = asks(options, ARSYNC_COPY_VERIFY) && moves_data;
    const bool stored = on_storage(destination.facts());
    if (verifies && !stored)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
    SourceFlags flags;
    if (asks_for_flags(options) && S_ISREG(facts.stx_mode) && destination.regular())
        flags = flags_of_source(io.files, source.file.get(), facts, options, outcome);

    Digest digest;
    bool exact_destination = true;
    if (moves_data) {
        if (flags.known != 0)
            set_flags_of_content(io.files, destination.fd(), flags, options, outcome);
        Ends ends;
        ends.source = content.fd;
        ends.source_facts = &content.facts;
        ends.source_end = content.size;
        ends.whole_file = true;
        ends.sized = content.size > 0;
        ends.destination = destination.fd();
        ends.destination_facts = &destination.facts();
        ends.destination_is_known = destination.knows_device();
        ends.fresh = destination.regular();
        ends.owned = !content.shared && !destination.shared();
        ends.may_seek = !content.shared;
        ends.destination_synced = (copy.destination_flags & O_DSYNC) != 0;
        ends.reads_back = destination.readable();
        ends.destination_waits = destination.shared() && S_ISFIFO(destination.facts().stx_mode) &&
                                 (copy.destination_flags & O_NONBLOCK) == 0;
        Digest* const wanted = verifies || wants(options, ARSYNC_WANT_DIGEST) ? &digest : nullptr;
        Moved moved = co_await move_and_report(io, ends, options, control, outcome, wanted);
        if (moved.wants_order) {
            destination.begin_anew(control, *moved.wants_order);
            ends.destination = destination.fd();
            ends.reads_back = destination.readable();
            ends.in_order = true;
            moved = co_await move_and_report(io, ends, options, control, outcome, wanted);
        }
        exact_destination = moved.exact_destination;
    }
    control.throw_if_cancelled();
    File kept; // as it was opened, which its mode may allow nobody any more
    // One that is shared has a position of its owner's.
    if (wants(options, ARSYNC_WANT_FD) && destination.regular() && !destination.shared()) {
        const int fd = io.files.duplicate(destination.fd());
        check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
        kept = File(io.files, fd);
    }
    if (verifies) { // before the times are set, for reading changes one
        co_await sync_data(io, destination.fd(), true, control);
        if (!exact_destination || !destination.readable())
            destination.reopen_to_read(control);
        Written written;
        written.fd = destination.fd();
        written.exact = exact_destination;
        written.bytes = outcome.bytes;
        written.whole_file = true;
        written.owned = written.may_seek = !destination.shared();
        co_await verify(io, written, digest, options, control, outcome);
        control.throw_if_cancelled();
    }
    carry_attributes(io, source, destination, flags, options, control, outcome);

    // What takes the place of a file must be complete when it does, or a crash would leave neither.
    // A device's content is on no filesystem that is synced with its name.
    const bool waits = copy.synced_later && destination.regular() &&
                       options.replace != ARSYNC_REPLACE_ATOMIC &&
                       !is_mounted_on_name(copy, destination.facts());
    const bool durable = options.durability != ARSYNC_DURABILITY_NONE && !waits;
    // fdatasync may leave out owner, mode and times. What it was given of them unasked, as by what
    // was there before, is not promised to last.
    const bool datasync = options.preserve == 0;
    if (durable && stored)
        co_await sync_data(io, destination.fd(), datasync, control);
    control.throw_if_cancelled();
    struct statx written;
    const bool tells = copy.made || wants(options, ARSYNC_WANT_DESTINATION);
    if (tells && io.files.statx(destination.fd(), "", 0, written) == 0) {
        outcome.wanted.tell_destination(written, options);
        if (copy.made)
            *copy.made = identity(written);
    }
    if (kept) {
        if (verifies) // which has read it
            io.files.seek(kept.get(), 0, SEEK_SET);
        outcome.kept = std::make_shared<File>(std::move(kept));
    }
    File sealed;
    if (flags.has_seal()) {
        const int fd = io.files.duplicate(destination.fd());
        check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
        sealed = File(io.files, fd);
    }
    File nameless;
    if (destination.is_slow_to_publish(outcome.bytes))
        nameless = co_await publish_aside(io, destination, control);
    else
        nameless = destination.publish(control);
    destination.note_linked();
    if (nameless)
        co_return nameless;
    const bool syncs_name = options.durability == ARSYNC_DURABILITY_FULL && stored;
    if (!syncs_name || !destination.is_new())
        outcome.flags |= ARSYNC_COMPLETION_COPIED;
    if (syncs_name)
        co_await destination.sync_name(control);
    outcome.flags |= ARSYNC_COMPLETION_COPIED;
    if (sealed)
        co_await seal(io, sealed, flags, durable, options, control, outcome);
    co_return nameless;
}

} // namespace

Task<Moved> move_and_report(Io io, const Ends& ends, const arsync_copy_options& options,
                            Control& control, Outcome& outcome, Digest* digest) {
    Moved moved;
    std::exception_ptr failure;
    try {
        moved = co_await move_data(io, ends, options, control, digest);
    } catch (...) {
        failure = std::current_exception();
    }
    outcome.method = control.method();
    const bool ran = !failure || outcome.method != ARSYNC_METHOD_AUTO;
    if (ran && fell_back(outcome.method, options))
        outcome.flags |= ARSYNC_COMPLETION_FALLBACK;
    if (failure)
        std::rethrow_exception(failure);
    outcome.bytes = moved.bytes;
    outcome.hole_bytes = moved.hole_bytes;
    if (moved.has_digest && wants(options, ARSYNC_WANT_DIGEST))
        outcome.wanted.tell_digest(digest->low(), digest->high());
    if (moved.changed)
        outcome.flags |= ARSYNC_COMPLETION_SOURCE_CHANGED;
    if (moved.shrank)
        outcome.flags |= ARSYNC_COMPLETION_SOURCE_SHRANK;
    co_return moved;
}

Task<void> sync_data(Io io, int fd, bool datasync, Control& control) {
    control.enter(ARSYNC_STAGE_SYNC);
    const int64_t result = co_await io.ring.sync(fd, datasync);
    check(ARSYNC_STAGE_SYNC, result); // once failed, a second try would lie
}

void carry_attributes(Io io, const Source& source, Destination& destination,
                      const SourceFlags& flags, const arsync_copy_options& options,
                      Control& control, Outcome& outcome) {
    if (!destination.regular())
        return;
    const bool is_new = destination.is_new() || destination.replaced();
    std::optional<std::vector<char>> old;
    if (!is_new)
        old = xattrs_to_update(io.files, destination.fd(), options, outcome);
    Described ends{.source = source.file.get(),
                   .facts = source.facts,
                   .xattrs = source.xattrs ? &*source.xattrs : nullptr,
                   .destination = destination.fd(),
                   .destination_has_no_acl = destination.has_no_acl(),
                   .was_there = destination.was_there(),
                   .destination_xattrs = old ? &*old : nullptr,
                   .flags = flags};
    if (const Replaced* replaced = destination.replaced()) {
        take_over(io.files, destination.fd(), destination.facts(), source.facts, *replaced, options,
                  outcome);
    } else {
        ends.destination_facts = &destination.facts();
        ends.final_mode = destination.final_mode();
    }
    copy_metadata(io.files, ends, options, control, outcome);
}

namespace {

// When nothing is left to be done, nor to be undone: if they do not reach the disk, it is they that
// are lost.
Task<void> seal(Io io, const File& file, const SourceFlags& flags, bool durable,
                const arsync_copy_options& options, Control& control, Outcome& outcome) {
    control.enter(ARSYNC_STAGE_FLAGS);
    seal_flags(io.files, file.get(), flags, options, outcome);
    if (!durable)
        co_return;
    const int64_t synced = co_await io.ring.sync(file.get(), false);
    note_loss(outcome, options, ARSYNC_STAGE_FLAGS, std::min<int64_t>(synced, 0));
}

// See Destination::publish.
Task<File> publish_aside(Io io, Destination& destination, Control& control) {
    File nameless;
    const auto publish = [&] { nameless = destination.publish(control); };
    co_await run_aside(io.ring, publish);
    co_return nameless;
}

// The source may be a stream, which is gone: what is copied once more is the copy, which could not
// be given a name.
Task<void> copy_once_more(Io io, const FileCopy& copy, const Source& source, const File& nameless,
                          const arsync_copy_options& options, Control& control, Outcome& outcome) {
    const Outcome first = outcome;
    struct statx facts;
    check(ARSYNC_STAGE_PUBLISH, io.files.statx(nameless.get(), "", 0, facts));
    const Content again{nameless.get(), facts, facts.stx_size};
    outcome.fail(0, ARSYNC_STAGE_NONE); // of its attributes nothing is lost yet
    co_await write_out(io, copy, source, again, false, options, control, outcome);
    const Wanted again_wanted = outcome.wanted;
    outcome.wanted = first.wanted; // but for what it was left as
    outcome.wanted.destination = again_wanted.destination;
    outcome.wanted.has |= again_wanted.has;
    outcome.bytes = first.bytes;
    outcome.hole_bytes = first.hole_bytes;
    outcome.method = first.method;
}

// A huge file of which somebody has removed the name meanwhile goes with its last descriptor.
bool goes_when_closed(Files& files, const Source& source) {
    struct statx now;
    return is_huge(source.facts) && files.statx(source.file.get(), "", 0, now) == 0 &&
           now.stx_nlink == 0;
}

} // namespace

uint64_t size_of(Files& files, int fd, const struct statx& facts) {
    uint64_t size = facts.stx_size;
    if (S_ISBLK(facts.stx_mode))
        check(ARSYNC_STAGE_OPEN_SOURCE, files.device_size(fd, size));
    return size;
}

} // namespace arsync
