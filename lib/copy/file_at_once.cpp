// The life of a small file's copy where all of it is in memory, and its name is free: as in
// file.cpp, but nothing waits, and so nothing is a coroutine. Most files of most trees are such,
// and two dozen coroutines were a tenth of the time that one takes (docs/BENCHMARKS.md).
#include <algorithm>
#include <cerrno>

#include "copy/data_and_holes.h"
#include "copy/destination.h"
#include "copy/file.h"
#include "copy/file_flags.h"
#include "copy/method.h"
#include "copy/survey.h"

namespace arsync {

namespace {

bool is_plain(const FileCopy& copy, const arsync_copy_options& options) {
    constexpr uint32_t others =
        ARSYNC_COPY_ATTRIBUTES_ONLY | ARSYNC_COPY_DRY_RUN | ARSYNC_COPY_VERIFY;
    constexpr uint32_t wanted = ARSYNC_WANT_DIGEST | ARSYNC_WANT_DESTINATION | ARSYNC_WANT_FD;
    const bool is_free =
        copy.fresh || copy.was_absent || options.replace == ARSYNC_REPLACE_EXCLUSIVE;
    return is_free && options.replace != ARSYNC_REPLACE_ATOMIC && !copy.made &&
           !copy.source_is_open && !copy.destination_is_open &&
           options.durability == ARSYNC_DURABILITY_NONE && (options.flags & others) == 0 &&
           (options.want & wanted) == 0 && !asks_for_flags(options);
}

// Whether it, which has no holes, is to share its blocks with the copy, as others there have done,
// and that writes nothing to the disk first.
bool may_share_blocks(Io io, const FileCopy& copy, const Source& source, const Filesystem& from,
                      const arsync_copy_options& options) {
    const struct statx& facts = source.facts;
    const bool same_device = copy.new_file.known &&
                             copy.new_file.device_major == facts.stx_dev_major &&
                             copy.new_file.device_minor == facts.stx_dev_minor;
    PageCache pages;
    return io.memo && io.memo->takes_reflink && same_device && facts.stx_size > 0 && from.exact &&
           !may_have_holes(facts, from.compresses) && !from.caches_below &&
           options.method == ARSYNC_METHOD_AUTO && may_share(options) &&
           options.cache <= ARSYNC_CACHE_KEEP &&
           io.files.page_cache(source.file.get(), 0, facts.stx_size, pages) >= 0 &&
           pages.dirty == 0;
}

// False: not here after all, and nobody else need try.
bool share_blocks(Io io, const Source& source, int destination) {
    const int result = io.files.reflink(source.file.get(), destination);
    if (result == 0)
        return true;
    if (!means_not_here(result))
        check(ARSYNC_STAGE_REFLINK, result);
    io.memo->takes_reflink = false;
    return false;
}

// A file's whole content, on its way through memory.
class Content {
public:
    Content(Io io, const Source& source, bool in_memory)
        : io_(io), source_(source), in_memory_(in_memory) {}
    // False: not all of it is cached, or there is no memory just now.
    bool read();
    // False: it would have to wait.
    bool write(int fd) const;

private:
    uint64_t size() const { return source_.facts.stx_size; }
    const Io io_;
    const Source& source_;
    const bool in_memory_; // and nowhere else
    std::optional<BufferLease> lease_;
};

bool Content::read() {
    if (size() == 0)
        return true;
    if (std::optional<BufferLease> free = io_.buffers.lease_small())
        lease_.emplace(std::move(*free));
    if (!lease_)
        return false;
    const int fd = source_.file.get();
    const int64_t got = in_memory_ ? io_.files.read(fd, lease_->data(), size(), 0)
                                   : io_.files.read_cached(fd, lease_->data(), size(), 0);
    if (got < 0 || static_cast<uint64_t>(got) < size())
        return false;
    Counters& counters = io_.ring.counters();
    counters.reads.add(1);
    counters.reads_inline.add(1);
    counters.bytes_read.add(size());
    return true;
}

bool Content::write(int fd) const {
    for (uint64_t done = 0; done < size();) {
        const int64_t put = io_.files.write(fd, lease_->data() + done, size() - done, done);
        if (put == -EAGAIN)
            return false;
        Counters& counters = io_.ring.counters();
        counters.writes.add(1);
        counters.writes_inline.add(1);
        if (check(ARSYNC_STAGE_WRITE, put) == 0)
            throw Error{ARSYNC_STAGE_WRITE, EIO}; // no progress and no reason
        counters.bytes_written.add(static_cast<uint64_t>(put));
        done += static_cast<uint64_t>(put);
        counters.short_transfers.add(done < size());
    }
    return true;
}

bool has_changed(const struct statx& before, const struct statx& now) {
    return now.stx_size != before.stx_size || was_written(before, now);
}

// Where the source ends in the copy, which is cut off there: at the size that it had when its
// blocks were shared, or as much as was read and is still there.
uint64_t end_of_copy(Io io, Destination& destination, Control& control, const struct statx& before,
                     const struct statx& now, bool shared) {
    uint64_t written = before.stx_size;
    if (shared) {
        struct statx copied;
        check(ARSYNC_STAGE_REFLINK, io.files.statx(destination.fd(), "", 0, copied));
        written = copied.stx_size;
    }
    const uint64_t end = std::min<uint64_t>(before.stx_size, shared ? written : now.stx_size);
    if (end < before.stx_size && !has_changed(before, now))
        throw Error{ARSYNC_STAGE_READ, EIO}; // a copy without what it says it has
    if (written == end)
        return end;
    control.enter(ARSYNC_STAGE_TRUNCATE);
    check(ARSYNC_STAGE_TRUNCATE, io.files.truncate(destination.fd(), end));
    return end;
}

} // namespace

bool copy_at_once(Io io, const FileCopy& copy, const Source& source,
                  const arsync_copy_options& options, Control& control, Outcome& outcome) {
    const struct statx& facts = source.facts;
    const uint64_t size = facts.stx_size;
    if (!is_plain(copy, options) || !S_ISREG(facts.stx_mode) || size > inline_size_max ||
        is_paced(io, control) || control.held())
        return false;
    Filesystem from = filesystem_of(io, source.file.get(), facts);
    if (io.memo && io.memo->refuses_reflink)
        from.reflinks = false;
    bool shares = may_share_blocks(io, copy, source, from, options);
    if (!shares && !goes_in_one_piece(from, facts, size, options))
        return false;
    outcome.action = ARSYNC_ACTION_COPY;
    outcome.wanted.tell_source(facts, options);
    control.set_total(size);
    control.enter(ARSYNC_STAGE_READ);
    control.throw_if_cancelled();
    Content content(io, source, from.in_memory);
    if (!shares && !content.read())
        return false;

    Destination destination(io, copy, options, source.xattrs && !has_acl(*source.xattrs), false);
    if (!destination.create_small(facts, control))
        return false;
    if (shares) {
        control.enter(ARSYNC_STAGE_REFLINK);
        shares = share_blocks(io, source, destination.fd());
        if (!shares && !content.read())
            return false;
    }
    if (!shares) {
        control.enter(ARSYNC_STAGE_WRITE);
        if (!content.write(destination.fd()))
            return false;
    }
    control.enter(ARSYNC_STAGE_READ);
    struct statx now;
    check(ARSYNC_STAGE_READ, io.files.statx(source.file.get(), "", 0, now));
    const bool changed = has_changed(facts, now);
    if (changed && size == 0) // what it has now is to be copied
        return false;
    const uint64_t end = end_of_copy(io, destination, control, facts, now, shares);
    if (changed)
        outcome.flags |= ARSYNC_COMPLETION_SOURCE_CHANGED;
    if (end < size)
        outcome.flags |= ARSYNC_COMPLETION_SOURCE_SHRANK;
    outcome.method = shares ? ARSYNC_METHOD_REFLINK : ARSYNC_METHOD_INLINE;
    outcome.bytes = end;
    control.set_method(outcome.method);
    control.set_total(end);
    if (shares)
        io.ring.counters().bytes_reflinked.add(end);
    control.add_done(outcome.bytes);
    if (fell_back(outcome.method, options))
        outcome.flags |= ARSYNC_COMPLETION_FALLBACK;
    control.throw_if_cancelled();
    carry_attributes(io, copy, source, destination, {}, options, control, outcome);
    control.throw_if_cancelled();
    destination.publish(control);
    outcome.flags |= ARSYNC_COMPLETION_COPIED;
    return true;
}

} // namespace arsync
