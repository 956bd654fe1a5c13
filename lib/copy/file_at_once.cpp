// The life of a file's copy where its name is free, and it is small and all in memory, or its
// blocks are shared: as in file.cpp, but nothing waits, and so nothing is a coroutine. Most files
// of most trees are such, and two dozen coroutines each took a good part of the user time.
#include <algorithm>
#include <cerrno>

#include "copy/data_and_holes.h"
#include "copy/destination.h"
#include "copy/file.h"
#include "copy/file_flags.h"
#include "copy/huge.h"
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

// One block that is in memory is sooner written than shared, where that takes a transaction of its
// own. Of four blocks it is no longer so.
constexpr uint64_t sooner_written_max = 4096;
// The kernel copies what is cached once, from page to page, where a read and a write copy it twice:
// less is not worth the two calls that tell whether it would wait. ARCHITECTURE.md has the figures.
constexpr uint64_t sooner_by_kernel_min = 32 << 10;
constexpr uint64_t at_once_max = 1 << 20;

// How the content comes to the copy.
enum class Way : uint8_t { shared, by_kernel, through_buffer };

bool is_on_one_device(const FileCopy& copy, const struct statx& source) {
    return copy.new_file.known && copy.new_file.device_major == source.stx_dev_major &&
           copy.new_file.device_minor == source.stx_dev_minor;
}

// What is small has to be removed from its name again where it cannot: others there have done so.
bool has_shared(const FilesystemMemo& memo, uint64_t size) {
    return size > at_once_max ? memo.sharing != Sharing::refused : memo.sharing == Sharing::taken;
}

// Whether it may share its blocks with the copy. Who has no threads waits for any number of them.
bool may_share_blocks(Io io, const FileCopy& copy, const Source& source, const Filesystem& from,
                      const arsync_copy_options& options) {
    const struct statx& facts = source.facts;
    const bool worth_asking =
        io.alone || (io.memo && !io.memo->refuses_reflink && !is_huge(facts.stx_size) &&
                     has_shared(*io.memo, facts.stx_size));
    return from.reflinks && worth_asking && is_on_one_device(copy, facts) && facts.stx_size > 0 &&
           from.exact && !may_have_holes(facts, from.compresses) && !from.caches_below &&
           options.method == ARSYNC_METHOD_AUTO && may_share(options) &&
           options.cache <= ARSYNC_CACHE_KEEP;
}

// Whether, if it is cached, the kernel may copy it by itself.
bool may_go_by_kernel(Io io, const FileCopy& copy, const Source& source, const Filesystem& from,
                      const arsync_copy_options& options) {
    const struct statx& facts = source.facts;
    return io.memo && !io.memo->refuses_copy_file_range && facts.stx_size >= sooner_by_kernel_min &&
           facts.stx_size <= at_once_max && is_on_one_device(copy, facts) &&
           options.method == ARSYNC_METHOD_AUTO && may_share(options) &&
           goes_through_memory(from, facts, options);
}

// All or nothing: that the source ends elsewhere by now is an error. False: not these blocks, and
// nobody else need try.
bool share_blocks(Io io, const Source& source, int destination) {
    const int result = io.files.reflink(source.file.get(), destination, source.facts.stx_size);
    if (result == 0) {
        if (io.memo)
            io.memo->sharing = Sharing::taken;
        return true;
    }
    if (!means_not_here(result))
        check(ARSYNC_STAGE_REFLINK, result);
    if (io.memo) {
        io.memo->sharing = Sharing::refused;
        io.memo->refuses_reflink = io.memo->refuses_reflink || result == -EOPNOTSUPP;
    }
    return false;
}

// False: not here after all, or not all of it.
bool copy_by_kernel(Io io, const Source& source, int destination, Control& control) {
    const uint64_t size = source.facts.stx_size;
    for (uint64_t done = 0; done < size;) {
        control.throw_if_cancelled();
        const int64_t moved =
            io.files.copy_file_range(source.file.get(), done, destination, done,
                                     std::min<uint64_t>(size - done, inline_size_max));
        if (moved < 0 && done == 0)
            io.memo->refuses_copy_file_range = true;
        if (moved == 0 || moved == -EIO || (moved < 0 && means_not_here(moved)))
            return false;
        done += static_cast<uint64_t>(check(ARSYNC_STAGE_COPY_FILE_RANGE, moved));
        io.ring.counters().bytes_offloaded.add(static_cast<uint64_t>(moved));
    }
    return true;
}

// What it may do besides going through a buffer.
struct Shortcuts {
    bool shared;
    bool by_kernel;
    bool one_block; // sooner written than shared, unless there is no room for it
};

// A file's whole content, on its way to the copy.
class WholeContent {
public:
    WholeContent(Io io, const Source& source, const Filesystem& from, const Shortcuts& shortcuts)
        : io_(io), source_(source), in_memory_(from.in_memory), below_(from.caches_below),
          shortcuts_(shortcuts) {}
    // What goes through a buffer is read. Nothing: it would have to wait, or there is no memory
    // just now.
    std::optional<Way> prepare();
    // Nothing: it would have to wait. Where one way turns out not to be open, another is taken.
    std::optional<Method> bring(Way way, int fd, Control& control);

private:
    std::optional<Way> read_through() {
        return read() ? std::optional(Way::through_buffer) : std::nullopt;
    }
    // False: not all of it is cached, or there is no memory just now.
    bool read();
    int64_t read_all(std::byte* data);
    bool is_resident();
    bool ends_in_memory();
    bool ends_as_told();
    // False: it would have to wait, or there is no room for what may be shared.
    bool write(int fd) const;
    uint64_t size() const { return source_.facts.stx_size; }
    const Io io_;
    const Source& source_;
    const bool in_memory_; // and nowhere else
    const bool below_;     // the files are another filesystem's, which may know better how long
    const Shortcuts shortcuts_;
    std::optional<BufferLease> lease_;
};

std::optional<Way> WholeContent::prepare() {
    if (!shortcuts_.shared && !shortcuts_.by_kernel)
        return read_through();
    const bool one_block = shortcuts_.shared && shortcuts_.one_block;
    if (shortcuts_.shared && !one_block && (io_.alone || is_settled(io_.files, source_.facts)))
        return Way::shared;
    // Who reads what is not cached has it fetched from the disk, for nothing if it is then shared.
    if (one_block && !io_.memo->is_asked_first) {
        if (read())
            return Way::through_buffer;
        io_.memo->is_asked_first = true;
    }
    if (below_)
        return is_resident() ? std::optional(Way::by_kernel) : std::nullopt;
    // What is not yet on the disk would be written there first.
    if (shortcuts_.shared && !one_block)
        return may_be_dirty(io_.files, source_.file.get(), 0, size()) ? std::nullopt
                                                                      : std::optional(Way::shared);
    PageCache pages;
    const bool told = io_.files.page_cache(source_.file.get(), 0, size(), pages) >= 0;
    const bool cached = told && pages.cached >= size();
    if (one_block && cached && read())
        return Way::through_buffer;
    if (shortcuts_.shared)
        return told && pages.dirty == 0 ? std::optional(Way::shared) : std::nullopt;
    if (!told)
        return read_through();
    return cached && ends_in_memory() ? std::optional(Way::by_kernel) : std::nullopt;
}

// Pages that are still being read count as cached, too.
bool WholeContent::ends_in_memory() {
    std::byte last;
    return in_memory_ || io_.files.read_cached(source_.file.get(), &last, 1, size() - 1) == 1;
}

bool WholeContent::read() {
    if (size() == 0)
        return ends_as_told();
    if (size() + below_ > inline_size_max)
        return false;
    if (std::optional<BufferLease> free = io_.buffers.lease_small())
        lease_.emplace(std::move(*free));
    if (!lease_)
        return false;
    const int64_t got = read_all(lease_->data());
    if (got < 0 || static_cast<uint64_t>(got) != size())
        return false;
    Counters& counters = io_.ring.counters();
    counters.reads.add(1);
    counters.reads_inline.add(1);
    counters.bytes_read.add(size());
    return true;
}

// Where it may not end as it says, a byte more.
int64_t WholeContent::read_all(std::byte* data) {
    const int fd = source_.file.get();
    if (below_)
        return is_resident() ? io_.files.read(fd, data, size() + 1, 0) : -EAGAIN;
    return in_memory_ ? io_.files.read(fd, data, size(), 0)
                      : io_.files.read_cached(fd, data, size(), 0);
}

// To ask takes three calls, for which threads wait for each other. After some that were, it is
// asked of each eighth alone: a few others are then read while this thread waits.
bool WholeContent::is_resident() {
    unsigned once = 0;
    unsigned& in_a_row = io_.memo ? io_.memo->resident_in_a_row : once;
    const bool asks = in_a_row < 8 || in_a_row % 8 == 0;
    const bool resident = !asks || io_.files.is_resident(source_.file.get(), 0, size()) == 1;
    in_a_row = resident ? in_a_row + 1 : 0;
    return resident;
}

bool WholeContent::ends_as_told() {
    std::byte next;
    return !below_ || io_.files.read(source_.file.get(), &next, 1, size()) == 0;
}

bool WholeContent::write(int fd) const {
    for (uint64_t done = 0; done < size();) {
        const int64_t put = io_.files.write(fd, lease_->data() + done, size() - done, done);
        if (put == -EAGAIN || (shortcuts_.one_block && (put == -ENOSPC || put == -EDQUOT)))
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

std::optional<Method> WholeContent::bring(Way way, int fd, Control& control) {
    if (way == Way::shared) {
        control.enter(ARSYNC_STAGE_REFLINK);
        if (share_blocks(io_, source_, fd))
            return ARSYNC_METHOD_REFLINK;
    } else if (way == Way::by_kernel) {
        control.enter(ARSYNC_STAGE_COPY_FILE_RANGE);
        if (copy_by_kernel(io_, source_, fd, control) && ends_as_told())
            return ARSYNC_METHOD_COPY_FILE_RANGE;
    }
    if (way != Way::through_buffer && !read())
        return std::nullopt;
    control.enter(ARSYNC_STAGE_WRITE);
    return write(fd) ? std::optional(ARSYNC_METHOD_INLINE) : std::nullopt;
}

bool has_changed(const struct statx& before, const struct statx& now) {
    return now.stx_size != before.stx_size || was_written(before, now);
}

// Where the source ends in the copy, which is cut off there: as much as was read and is still
// there.
uint64_t end_of_copy(Io io, Destination& destination, Control& control, const struct statx& before,
                     const struct statx& now) {
    if (now.stx_size >= before.stx_size)
        return before.stx_size;
    control.enter(ARSYNC_STAGE_TRUNCATE);
    check(ARSYNC_STAGE_TRUNCATE, io.files.truncate(destination.fd(), now.stx_size));
    return now.stx_size;
}

} // namespace

bool copy_at_once(Io io, const FileCopy& copy, const Source& source,
                  const arsync_copy_options& options, Control& control, Outcome& outcome) {
    const struct statx& facts = source.facts;
    const uint64_t size = facts.stx_size;
    if (!is_plain(copy, options) || !S_ISREG(facts.stx_mode) || is_paced(io, control) ||
        control.held())
        return false;
    Filesystem from = filesystem_of(io, source.file.get(), facts);
    const bool same_device = is_on_one_device(copy, facts);
    const bool refused = io.memo && io.memo->refuses_reflink;
    const bool one_block = same_device && from.shares_slowly && !refused && may_share(options) &&
                           size <= sooner_written_max;
    const bool shared = may_share_blocks(io, copy, source, from, options);
    if (refused || options.reflink == ARSYNC_REFLINK_NEVER || one_block ||
        (copy.new_file.known && !same_device))
        from.reflinks = false;
    const Shortcuts shortcuts{shared, may_go_by_kernel(io, copy, source, from, options), one_block};
    if (!shortcuts.shared && !shortcuts.by_kernel && !goes_in_one_piece(from, facts, size, options))
        return false;
    outcome.action = ARSYNC_ACTION_COPY;
    outcome.wanted.tell_source(facts, options);
    control.set_total(size);
    control.enter(ARSYNC_STAGE_READ);
    control.throw_if_cancelled();
    WholeContent content(io, source, from, shortcuts);
    const std::optional<Way> way = content.prepare();
    if (!way)
        return false;

    Destination destination(io, copy, options, source.xattrs && !has_acl(*source.xattrs), true);
    if (!destination.create_at_once(facts, control))
        return false;
    const std::optional<Method> method = content.bring(*way, destination.fd(), control);
    if (!method) {
        destination.make_way();
        return false;
    }
    control.enter(ARSYNC_STAGE_READ);
    struct statx now;
    check(ARSYNC_STAGE_READ, io.files.statx(source.file.get(), "", 0, now));
    const bool changed = has_changed(facts, now);
    const bool is_shared = method == ARSYNC_METHOD_REFLINK;
    const uint64_t end = is_shared ? size : end_of_copy(io, destination, control, facts, now);
    if (changed)
        outcome.flags |= ARSYNC_COMPLETION_SOURCE_CHANGED;
    if (end < size)
        outcome.flags |= ARSYNC_COMPLETION_SOURCE_SHRANK;
    outcome.method = *method;
    outcome.bytes = end;
    control.set_method(outcome.method);
    control.set_total(end);
    if (is_shared)
        io.ring.counters().bytes_reflinked.add(end);
    control.add_done(outcome.bytes);
    control.throw_if_cancelled();
    carry_attributes(io, source, destination, {}, options, control, outcome);
    control.throw_if_cancelled();
    if (destination.publish(control)) { // it can be given no name after all
        control.restart();
        outcome.fail(0, ARSYNC_STAGE_NONE); // of its attributes nothing is lost yet
        return false;
    }
    outcome.flags |= ARSYNC_COMPLETION_COPIED;
    return true;
}

} // namespace arsync
