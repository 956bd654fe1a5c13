#include "copy/file_at_once.h"

#include <algorithm>
#include <cerrno>

#include "copy/data_and_holes.h"
#include "copy/file.h"
#include "copy/file_flags.h"
#include "copy/huge.h"
#include "copy/method.h"
#include "copy/survey.h"

namespace arsync {

namespace {

// One block that is in memory is sooner written than shared, where that takes a transaction of its
// own. Of four blocks it is no longer so.
constexpr uint64_t sooner_written_max = 4096;
// The kernel copies what is cached once, from page to page, where a read and a write copy it twice:
// less is not worth the two calls that tell whether it would wait. ARCHITECTURE.md has the figures.
constexpr uint64_t sooner_by_kernel_min = 32 << 10;
constexpr uint64_t at_once_max = 1 << 20;

// What is small has to be removed from its name again where it cannot: others there have done so.
bool has_shared(const FilesystemMemo& memo, uint64_t size) {
    return size > at_once_max ? memo.sharing != Sharing::refused : memo.sharing == Sharing::taken;
}

bool has_changed(const struct statx& before, const struct statx& now) {
    return now.stx_size != before.stx_size || was_written(before, now);
}

} // namespace

std::byte* SmallRoom::take(size_t bytes) {
    constexpr size_t line = 64; // of the processor's cache
    if (!lease_) {
        if (std::optional<BufferLease> free = buffers_.lease_small())
            lease_.emplace(std::move(*free));
        else
            return nullptr;
    }
    if (bytes > Buffers::small_size - used_)
        return nullptr;
    std::byte* const taken = lease_->data() + used_;
    used_ = std::min((used_ + bytes + line - 1) / line * line, Buffers::small_size);
    return taken;
}

FileAtOnce::FileAtOnce(Io io, const FileCopy& copy, const Source& source,
                       const arsync_copy_options& options, Control& control, Outcome& outcome,
                       SmallRoom& room)
    : io_(io), copy_(copy), source_(source), options_(options), control_(control),
      outcome_(outcome), room_(room) {}

bool FileAtOnce::is_plain() const {
    constexpr uint32_t others =
        ARSYNC_COPY_ATTRIBUTES_ONLY | ARSYNC_COPY_DRY_RUN | ARSYNC_COPY_VERIFY;
    constexpr uint32_t wanted = ARSYNC_WANT_DIGEST | ARSYNC_WANT_DESTINATION | ARSYNC_WANT_FD;
    const bool is_free =
        copy_.fresh || copy_.was_absent || options_.replace == ARSYNC_REPLACE_EXCLUSIVE;
    return is_free && options_.replace != ARSYNC_REPLACE_ATOMIC && !copy_.made &&
           !copy_.source_is_open && !copy_.destination_is_open &&
           options_.durability == ARSYNC_DURABILITY_NONE && (options_.flags & others) == 0 &&
           (options_.want & wanted) == 0 && !asks_for_flags(options_);
}

bool FileAtOnce::is_on_one_device() const {
    return copy_.new_file.known && copy_.new_file.device_major == facts().stx_dev_major &&
           copy_.new_file.device_minor == facts().stx_dev_minor;
}

// Who has no threads waits for any number of blocks.
bool FileAtOnce::is_worth_sharing() const {
    return io_.alone || (io_.memo && !io_.memo->refuses_reflink && !is_huge(size()) &&
                         has_shared(*io_.memo, size()));
}

// Whether it may share its blocks with the copy.
bool FileAtOnce::may_share_blocks() const {
    return from_.reflinks && is_worth_sharing() && is_on_one_device() && size() > 0 &&
           from_.exact && !may_have_holes(facts(), from_.compresses) && !from_.caches_below &&
           options_.method == ARSYNC_METHOD_AUTO && may_share(options_) &&
           options_.cache <= ARSYNC_CACHE_KEEP;
}

// Whether, if it is cached, the kernel may copy it by itself.
bool FileAtOnce::may_go_by_kernel() const {
    return io_.memo && !io_.memo->refuses_copy_file_range && size() >= sooner_by_kernel_min &&
           size() <= at_once_max && is_on_one_device() && options_.method == ARSYNC_METHOD_AUTO &&
           may_share(options_) && goes_through_memory(from_, facts(), options_);
}

bool FileAtOnce::prepare() {
    if (!is_plain() || !S_ISREG(facts().stx_mode) || is_paced(io_, control_) || control_.held())
        return false;
    from_ = filesystem_of(io_, source_.file.get(), facts());
    const bool same_device = is_on_one_device();
    const bool refused = io_.memo && io_.memo->refuses_reflink;
    one_block_ = same_device && from_.shares_slowly && !refused && may_share(options_) &&
                 size() <= sooner_written_max;
    may_share_ = may_share_blocks();
    if (refused || options_.reflink == ARSYNC_REFLINK_NEVER || one_block_ ||
        (copy_.new_file.known && !same_device))
        from_.reflinks = false;
    may_go_by_kernel_ = may_go_by_kernel();
    if (!may_share_ && !may_go_by_kernel_ && !goes_in_one_piece(from_, facts(), size(), options_))
        return false;
    outcome_.action = ARSYNC_ACTION_COPY;
    outcome_.wanted.tell_source(facts(), options_);
    control_.set_total(size());
    control_.enter(ARSYNC_STAGE_READ);
    control_.throw_if_cancelled();
    const std::optional<Way> way = find_way();
    way_ = way.value_or(way_);
    return way.has_value();
}

// Nothing: it would have to wait, or there is no memory just now.
std::optional<FileAtOnce::Way> FileAtOnce::find_way() {
    if (!may_share_ && !may_go_by_kernel_)
        return read_through();
    const bool one_block = may_share_ && one_block_;
    if (may_share_ && !one_block && (io_.alone || is_settled(io_.files, facts())))
        return Way::shared;
    // Who reads what is not cached has it fetched from the disk, for nothing if it is then shared.
    if (one_block && !io_.memo->is_asked_first) {
        if (read())
            return Way::through_buffer;
        io_.memo->is_asked_first = true;
    }
    if (from_.caches_below)
        return is_resident() ? std::optional(Way::by_kernel) : std::nullopt;
    // What is not yet on the disk would be written there first.
    if (may_share_ && !one_block)
        return may_be_dirty(io_.files, source_.file.get(), 0, size()) ? std::nullopt
                                                                      : std::optional(Way::shared);
    PageCache pages;
    const bool told = io_.files.page_cache(source_.file.get(), 0, size(), pages) >= 0;
    const bool cached = told && pages.cached >= size();
    if (one_block && cached && read())
        return Way::through_buffer;
    if (may_share_)
        return told && pages.dirty == 0 ? std::optional(Way::shared) : std::nullopt;
    if (!told)
        return read_through();
    return cached && ends_in_memory() ? std::optional(Way::by_kernel) : std::nullopt;
}

// Pages that are still being read count as cached, too.
bool FileAtOnce::ends_in_memory() {
    std::byte last;
    return from_.in_memory || io_.files.read_cached(source_.file.get(), &last, 1, size() - 1) == 1;
}

// False: not all of it is cached, or there is no memory just now.
bool FileAtOnce::read() {
    if (size() == 0)
        return ends_as_told();
    if (size() + from_.caches_below > inline_size_max)
        return false;
    if (!data_)
        data_ = room_.take(size() + from_.caches_below);
    if (!data_)
        return false;
    const int64_t got = read_all();
    if (got < 0 || static_cast<uint64_t>(got) != size())
        return false;
    Counters& counters = io_.ring.counters();
    counters.reads.add(1);
    counters.reads_inline.add(1);
    counters.bytes_read.add(size());
    return true;
}

// Where it may not end as it says, as the files are another filesystem's, a byte more.
int64_t FileAtOnce::read_all() {
    const int fd = source_.file.get();
    if (from_.caches_below)
        return is_resident() ? io_.files.read(fd, data_, size() + 1, 0) : -EAGAIN;
    return from_.in_memory ? io_.files.read(fd, data_, size(), 0)
                           : io_.files.read_cached(fd, data_, size(), 0);
}

// To ask takes three calls, for which threads wait for each other. After some that were, it is
// asked of each eighth alone: a few others are then read while this thread waits.
bool FileAtOnce::is_resident() {
    unsigned once = 0;
    unsigned& in_a_row = io_.memo ? io_.memo->resident_in_a_row : once;
    const bool asks = in_a_row < 8 || in_a_row % 8 == 0;
    const bool resident = !asks || io_.files.is_resident(source_.file.get(), 0, size()) == 1;
    in_a_row = resident ? in_a_row + 1 : 0;
    return resident;
}

bool FileAtOnce::ends_as_told() {
    std::byte next;
    return !from_.caches_below || io_.files.read(source_.file.get(), &next, 1, size()) == 0;
}

bool FileAtOnce::create() {
    if (way_ == Way::shared && !is_worth_sharing())
        return false; // others that were prepared with it have found out
    destination_.emplace(io_, copy_, options_, source_.xattrs && !has_acl(*source_.xattrs), true);
    return destination_->create_at_once(facts(), control_);
}

bool FileAtOnce::fill() {
    const std::optional<Method> method = bring();
    if (!method) {
        destination_->make_way();
        return false;
    }
    method_ = *method;
    return true;
}

// Nothing: it would have to wait. Where one way turns out not to be open, another is taken.
std::optional<Method> FileAtOnce::bring() {
    if (way_ == Way::shared) {
        control_.enter(ARSYNC_STAGE_REFLINK);
        if (share_blocks())
            return ARSYNC_METHOD_REFLINK;
    } else if (way_ == Way::by_kernel) {
        control_.enter(ARSYNC_STAGE_COPY_FILE_RANGE);
        if (copy_by_kernel() && ends_as_told())
            return ARSYNC_METHOD_COPY_FILE_RANGE;
    }
    if (way_ != Way::through_buffer && !read())
        return std::nullopt;
    control_.enter(ARSYNC_STAGE_WRITE);
    return write() ? std::optional(ARSYNC_METHOD_INLINE) : std::nullopt;
}

// All or nothing: that the source ends elsewhere by now is an error. False: not these blocks, and
// nobody else need try.
bool FileAtOnce::share_blocks() {
    const int result = io_.files.reflink(source_.file.get(), destination_->fd(), size());
    if (result == 0) {
        if (io_.memo && io_.memo->is_of(facts()))
            io_.memo->sharing = Sharing::taken;
        return true;
    }
    if (!means_not_here(result))
        check(ARSYNC_STAGE_REFLINK, result);
    if (io_.memo && io_.memo->is_of(facts())) {
        io_.memo->sharing = Sharing::refused;
        io_.memo->refuses_reflink = io_.memo->refuses_reflink || result == -EOPNOTSUPP;
    }
    return false;
}

// False: not here after all, or not all of it.
bool FileAtOnce::copy_by_kernel() {
    for (uint64_t done = 0; done < size();) {
        control_.throw_if_cancelled();
        const int64_t moved =
            io_.files.copy_file_range(source_.file.get(), done, destination_->fd(), done,
                                      std::min<uint64_t>(size() - done, inline_size_max));
        if (moved < 0 && done == 0 && io_.memo->is_of(facts()))
            io_.memo->refuses_copy_file_range = true;
        if (moved == 0 || moved == -EIO || (moved < 0 && means_not_here(moved)))
            return false;
        done += static_cast<uint64_t>(check(ARSYNC_STAGE_COPY_FILE_RANGE, moved));
        io_.ring.counters().bytes_offloaded.add(static_cast<uint64_t>(moved));
    }
    return true;
}

// False: it would have to wait, or there is no room for what may be shared.
bool FileAtOnce::write() {
    for (uint64_t done = 0; done < size();) {
        const int64_t put = io_.files.write(destination_->fd(), data_ + done, size() - done, done);
        if (put == -EAGAIN || (one_block_ && (put == -ENOSPC || put == -EDQUOT)))
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

// Where the source ends in the copy, which is cut off there: as much as was read and is still
// there.
uint64_t FileAtOnce::end_of_copy(const struct statx& now) {
    if (now.stx_size >= size())
        return size();
    control_.enter(ARSYNC_STAGE_TRUNCATE);
    check(ARSYNC_STAGE_TRUNCATE, io_.files.truncate(destination_->fd(), now.stx_size));
    return now.stx_size;
}

bool FileAtOnce::finish() {
    control_.enter(ARSYNC_STAGE_READ);
    struct statx now;
    check(ARSYNC_STAGE_READ, io_.files.statx(source_.file.get(), "", 0, now));
    const bool changed = has_changed(facts(), now);
    const bool is_shared = method_ == ARSYNC_METHOD_REFLINK;
    const uint64_t end = is_shared ? size() : end_of_copy(now);
    if (changed)
        outcome_.flags |= ARSYNC_COMPLETION_SOURCE_CHANGED;
    if (end < size())
        outcome_.flags |= ARSYNC_COMPLETION_SOURCE_SHRANK;
    outcome_.method = method_;
    control_.set_method(method_);
    control_.set_total(end);
    if (is_shared)
        io_.ring.counters().bytes_reflinked.add(end);
    control_.add_done(end);
    control_.throw_if_cancelled();
    carry_attributes(io_, source_, *destination_, {}, options_, control_, outcome_);
    control_.throw_if_cancelled();
    if (destination_->publish(control_)) { // it can be given no name after all
        control_.restart();
        outcome_.fail(0, ARSYNC_STAGE_NONE); // of its attributes nothing is lost yet
        return false;
    }
    destination_->note_linked();
    outcome_.bytes = end;
    outcome_.flags |= ARSYNC_COMPLETION_COPIED;
    return true;
}

bool copy_at_once(Io io, const FileCopy& copy, const Source& source,
                  const arsync_copy_options& options, Control& control, Outcome& outcome) {
    SmallRoom room(io.buffers);
    FileAtOnce file(io, copy, source, options, control, outcome, room);
    return file.prepare() && file.create() && file.fill() && file.finish();
}

} // namespace arsync
