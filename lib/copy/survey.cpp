#include "copy/survey.h"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <unistd.h>

#include "copy/data_and_holes.h"
#include "copy/direct_mode.h"
#include "io/remembered_filesystems.h"

namespace arsync {

namespace {

constexpr Filesystem block_device = {.direct_pays = true, .exact = true};

Filesystem filesystem_of(const Io& io, int fd, const struct statx& facts, uint64_t& magic) {
    if (S_ISBLK(facts.stx_mode))
        return block_device;
    FilesystemMemo once;
    FilesystemMemo& memo = io.memo ? *io.memo : once;
    if (!memo.is_of(facts)) {
        memo = {.known = true, .major = facts.stx_dev_major, .minor = facts.stx_dev_minor};
        const uint64_t mount = lasting_mount(facts);
        if (!known_filesystem(mount, memo.magic) &&
            io.files.filesystem_type(fd, memo.magic) == 0) // unknown is as good as refused
            remember_filesystem(mount, memo.magic);
    }
    magic = memo.magic;
    return filesystem(magic);
}

} // namespace

Filesystem filesystem_of(const Io& io, int fd, const struct statx& facts) {
    uint64_t magic = 0;
    return filesystem_of(io, fd, facts, magic);
}

bool goes_through_memory(const Filesystem& from, const struct statx& source,
                         const arsync_copy_options& options) {
    const bool as_usual =
        (options.method == ARSYNC_METHOD_AUTO || options.method == ARSYNC_METHOD_INLINE) &&
        options.cache <= ARSYNC_CACHE_KEEP && options.reflink != ARSYNC_REFLINK_ALWAYS &&
        options.sparse != ARSYNC_SPARSE_ALWAYS && (options.flags & ARSYNC_COPY_VERIFY) == 0;
    const bool is_moved =
        !from.reflinks && !from.offloads && !may_have_holes(source, from.compresses);
    return as_usual && S_ISREG(source.stx_mode) && from.goes_through_page_cache() &&
           (is_moved || source.stx_size == 0);
}

bool goes_in_one_piece(const Filesystem& from, const struct statx& source, uint64_t length,
                       const arsync_copy_options& options) {
    return length <= inline_size_max && goes_through_memory(from, source, options);
}

// The kernel writes what is dirty when it is half a minute old (vm.dirty_expire_centisecs, 30 s,
// and a round every 5 s). If it is told to wait longer, sharing waits for it here.
static constexpr time_t settled_after_s = 60;

bool is_settled(Files& files, const struct statx& facts) {
    return facts.stx_ctime.tv_sec < files.now() - settled_after_s;
}

bool may_be_dirty(Files& files, int fd, uint64_t begin, uint64_t length) {
    constexpr uint64_t looked_at = 256 << 10;
    const auto is_clean = [&](uint64_t at, uint64_t bytes) {
        PageCache pages;
        return files.page_cache(fd, at, bytes, pages) >= 0 && pages.dirty == 0;
    };
    if (length <= 2 * looked_at)
        return !is_clean(begin, length);
    return !is_clean(begin, looked_at) || !is_clean(begin + length - looked_at, looked_at);
}

bool has_offsets(const struct statx& facts) {
    return S_ISREG(facts.stx_mode) || S_ISBLK(facts.stx_mode);
}

Survey::Survey(const Io& io, const Ends& ends, const arsync_copy_options& options)
    : io_(io), ends_(ends), options_(options) {
    gather();
}

void Survey::gather() {
    uint64_t source_magic = 0;
    uint64_t destination_magic = 0;
    if (has_offsets(source()))
        from_ = filesystem_of(io_, ends_.source, source(), source_magic);
    const bool anywhere =
        !ends_.destination_is_known && goes_in_one_piece(from_, source(), length(), options_);
    if (!ends_.destination_is_known && !anywhere)
        ask_destination();
    if (anywhere)
        to_ = {};
    else if (same_device())
        to_ = from_, destination_magic = source_magic;
    else if (has_offsets(destination()))
        to_ = filesystem_of(io_, ends_.destination, destination(), destination_magic);
    grounds.sized = ends_.sized && has_offsets(source()) && has_offsets(destination());
    grounds.size = length();
    grounds.in_order = to_.in_order || ends_.in_order;
    grounds.source_direct = ends_.source_direct;
    grounds.destination_direct = ends_.destination_direct;
    if (!grounds.sized) {
        grounds.cached = Residency::little; // how much cannot be asked
        return;
    }
    const bool regular = S_ISREG(source().stx_mode) && S_ISREG(destination().stx_mode);
    const bool same = regular && source_magic == destination_magic;
    const bool refused = io_.memo && io_.memo->refuses_reflink && same_device();
    grounds.reflink = same && from_.reflinks && !refused;
    const bool is_made_up =
        source().stx_blocks == 0 && !from_.exact && !from_.remote && !from_.caches_below;
    grounds.has_no_blocks = !regular || is_made_up;
    grounds.offload = same && from_.offloads;
    grounds.caches_below = from_.caches_below;
    grounds.copies_in_memory = regular && same_device() && from_.goes_through_page_cache();
    reserving_pays_ = regular && to_.reserving_pays && grounds.size > threads_size_min;
    grounds.remote = to_.remote;
    if (grounds.size > threads_size_min)
        company_.join(io_.company);
    gather_alignments();
    asks_cache_ = grounds.size > inline_size_max || options_.cache == ARSYNC_CACHE_DROP;
    grounds.paced = io_.pace != nullptr;
}

void Survey::ask_destination() {
    check(ARSYNC_STAGE_OPEN_DESTINATION, io_.files.statx(ends_.destination, "", 0, destination_));
    asked_destination_ = true;
}

void Survey::gather_alignments() {
    const bool asked = options_.cache == ARSYNC_CACHE_DIRECT ||
                       is_direct(static_cast<Method>(options_.method)) || ends_.destination_direct;
    if ((grounds.size < direct_size_min && !asked) || !ends_.may_reopen)
        return;
    grounds.source_align = direct_align(source());
    grounds.destination_align = direct_align(destination());
    grounds.direct_reads_pay = from_.direct_pays;
    grounds.direct_pays = from_.direct_pays && to_.direct_pays;
    // What is beside a part may be written by others, through the page cache: never by halves of
    // one page.
    const auto page = static_cast<uint32_t>(::sysconf(_SC_PAGESIZE));
    if (grounds.destination_align > 0 && !ends_.whole_file)
        grounds.destination_align = std::max(grounds.destination_align, page);
    // A range may begin where O_DIRECT cannot.
    if (grounds.source_align > 0 && ends_.source_begin % grounds.source_align != 0)
        grounds.source_align = 0;
    if (grounds.destination_align > 0 && ends_.destination_begin % grounds.destination_align != 0)
        grounds.destination_align = 0;
}

Method Survey::choose() {
    grounds.in_company = in_company();
    const Method method = choose_method(grounds, options_);
    if (method != ARSYNC_METHOD_REFLINK && ask_cache())
        return choose_method(grounds, options_);
    return method;
}

bool Survey::ask_cache() {
    if (!asks_cache_)
        return false;
    asks_cache_ = false;
    if (grounds.direct_reads_pay && finds_holes() &&
        !has_large_pieces(io_.files, ends_.source, ends_.source_begin, ends_.source_end))
        grounds.direct_reads_pay = grounds.direct_pays = false;
    PageCache pages;
    if (is_all_below())
        grounds.cached = Residency::all;
    else if (!ask_page_cache(pages))
        grounds.cached = sampled_residency();
    else
        grounds.cached = pages.cached <= stored() / 2 ? Residency::little
                         : pages.cached < stored()    ? Residency::most
                                                      : Residency::all;
    const bool by_itself =
        options_.method == ARSYNC_METHOD_AUTO && options_.cache == ARSYNC_CACHE_AUTO;
    const bool reads_direct =
        grounds.cached == Residency::little && grounds.direct_reads_pay && grounds.source_align > 0;
    if (by_itself && reads_direct && may_linger(options_))
        grounds.cache_has_room = has_room_in_cache();
    return true;
}

// Only where a write is known to end in memory: not on servers, on what may be one, on devices, nor
// by a descriptor that waits for the device with each write.
bool Survey::has_room_in_cache() {
    if (to_.remote || !to_.goes_through_page_cache() || ends_.destination_synced ||
        !S_ISREG(destination().stx_mode))
        return false;
    return to_.in_memory || promised_.promise(stored(), io_.files.room_for_dirty_pages());
}

bool Survey::ask_page_cache(PageCache& out) {
    return !from_.caches_below &&
           io_.files.page_cache(ends_.source, ends_.source_begin, grounds.size, out) >= 0;
}

// Of more than this a byte in each eighth tells.
static constexpr uint64_t looked_at_max = 64 << 20;

bool Survey::is_all_below() const {
    return from_.caches_below && grounds.size <= looked_at_max && grounds.copies_in_memory &&
           io_.files.is_resident(ends_.source, ends_.source_begin, grounds.size) == 1;
}

// A byte in the middle of each eighth: for want of a cachestat(2), or of the right to ask it of
// a file that one may only read.
Residency Survey::sampled_residency() {
    constexpr unsigned samples = 8;
    // Below an overlay it takes all of them for one thread to copy it (row 12 of the methods). What
    // lies behind a hole may stand for several, and so does not tell of all.
    const unsigned enough = from_.caches_below ? samples : samples / 2 + 1;
    bool has_holes = false;
    const uint64_t part = grounds.size / samples;
    unsigned hits = 0;
    unsigned misses = 0;
    for (unsigned i = 0; i < samples && hits < enough && misses < samples / 2; ++i) {
        const auto middle = static_cast<int64_t>(ends_.source_begin + part * i + part / 2);
        int64_t at = middle;
        if (finds_holes()) // which are not cached, nor have to be
            at = io_.files.seek(ends_.source, middle, SEEK_DATA);
        if (at < 0)
            break;
        has_holes = has_holes || at != middle;
        std::byte byte;
        const int64_t got =
            io_.files.read_cached(ends_.source, &byte, 1, static_cast<uint64_t>(at));
        if (got != 1 && got != -EAGAIN) // not to be known
            return Residency::unknown;
        ++(got == 1 ? hits : misses);
    }
    if (hits == samples && !has_holes)
        return Residency::all;
    return hits > misses ? Residency::most : Residency::little;
}

// Bytes that are no hole, and so may be cached.
uint64_t Survey::stored() const {
    if (from_.compresses || !S_ISREG(source().stx_mode))
        return grounds.size;
    return std::min<uint64_t>(grounds.size, source().stx_blocks * 512);
}

bool Survey::same_device() const {
    return S_ISREG(source().stx_mode) && S_ISREG(destination().stx_mode) &&
           source().stx_dev_major == destination().stx_dev_major &&
           source().stx_dev_minor == destination().stx_dev_minor;
}

bool Survey::finds_holes() const {
    return ends_.may_seek && options_.sparse != ARSYNC_SPARSE_NEVER &&
           may_have_holes(source(), from_.compresses);
}

bool Survey::knows_holes() const {
    InodeFlags flags;
    if (from_.holes == HoleTruth::by_extents && io_.files.inode_flags(ends_.source, flags) == 0)
        return (flags.set & FS_EXTENT_FL) != 0;
    return from_.holes == HoleTruth::always;
}

Task<bool> Survey::has_byte(Control& control, uint64_t at) const {
    return arsync::has_byte(io_, control, ends_.source, at, ARSYNC_STAGE_READ,
                            from_.remote ? Route::plain : Route::at_once);
}

Task<bool> has_byte(Io io, Control& control, int fd, uint64_t at, Stage stage, Route route) {
    control.enter(stage);
    if (at >= INT64_MAX) // no file has one
        co_return false;
    std::byte next{};
    for (;;) {
        control.throw_if_cancelled();
        const int64_t got = co_await io.ring.read(fd, {&next, 1, -1}, at, 0, route);
        if (got != -EAGAIN)
            co_return check(stage, got) > 0;
        co_await io.ring.pause(1);
    }
}

} // namespace arsync
