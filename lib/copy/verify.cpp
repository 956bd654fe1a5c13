#include "copy/verify.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/direct_end.h"
#include "copy/extents.h"
#include "copy/lanes.h"

namespace arsync {

namespace {

Transfer reading(const Written& written, uint64_t begin, uint64_t end, Digest& digest,
                 const Pipeline& pipeline) {
    Transfer result;
    result.source = written.fd;
    result.plain_read = !written.exact;
    result.source_begin = begin;
    result.source_end = end;
    result.pipeline = pipeline;
    result.read_stage = ARSYNC_STAGE_VERIFY;
    result.digest = &digest;
    result.digest_origin = written.begin;
    return result;
}

// Whether what seems to be a hole may pass for zeros: of a file that has been written back.
bool tells_holes(Files& files, int fd) {
    uint64_t magic = 0;
    files.filesystem_type(fd, magic);
    return filesystem(magic).holes != HoleTruth::doubtful;
}

// Where the size may not be true, read(2) tells the end.
Task<bool> ends_at(Io io, int fd, uint64_t end) {
    std::byte next{};
    int64_t got = -EINTR;
    while (got == -EINTR)
        got = co_await io.ring.read(fd, {&next, 1, -1}, end, 0, Route::plain);
    co_return check(ARSYNC_STAGE_VERIFY, got) == 0;
}

} // namespace

Task<void> verify(Io io, const Written& written, const Digest& digest,
                  const arsync_copy_options& options, Control& control) {
    control.enter(ARSYNC_STAGE_VERIFY);
    struct statx now;
    check(ARSYNC_STAGE_VERIFY, io.files.statx(written.fd, "", 0, now));
    const bool sized = written.exact && S_ISREG(now.stx_mode);
    if (written.whole_file && sized && now.stx_size != written.bytes)
        throw Error{ARSYNC_STAGE_VERIFY, EILSEQ};

    io.files.drop_cache(written.fd, written.begin, written.bytes);
    Facts facts;
    facts.size = written.bytes;
    const Pipeline pipes =
        pipeline(ARSYNC_METHOD_DIRECT, facts, options, io.buffers.size(), io.buffers.count());
    const uint32_t align = direct_align(*written.facts);
    const uint64_t end = written.begin + written.bytes;
    constexpr uint64_t block = Extents::block_size;
    const bool aligned = align > 0 && align <= block && written.begin % align == 0;
    // Whole blocks, for O_DIRECT and the digest both.
    const uint64_t direct_end =
        aligned ? written.begin + written.bytes / block * block : written.begin;
    const bool believes_holes = tells_holes(io.files, written.fd);
    Digest found;
    uint64_t done = written.begin;
    const uint64_t progress = control.bytes_done();
    if (direct_end > written.begin) {
        DirectEnd direct(io.files, written.owned);
        Transfer body = reading(written, written.begin, direct_end, found, pipes);
        body.direct_read = direct.open(body.source, O_RDONLY);
        body.direct_align = align;
        body.find_holes = believes_holes && (written.may_seek || body.source != written.fd);
        co_await run_lanes(io, control, body);
        if (body.refused)
            found = {}; // from the beginning, through the page cache
        else
            done = direct_end;
    }
    Transfer rest = reading(written, done, end, found, pipes);
    rest.find_holes = believes_holes && written.may_seek;
    co_await run_lanes(io, control, rest);
    bool same_end = rest.end == end;
    if (same_end && written.whole_file && !written.exact)
        same_end = co_await ends_at(io, written.fd, end);
    if (options.cache == ARSYNC_CACHE_DROP)
        io.files.drop_cache(written.fd, written.begin, written.bytes);
    control.restart();
    control.add_done(progress);
    control.enter(ARSYNC_STAGE_VERIFY);
    if (!same_end || !(found == digest))
        throw Error{ARSYNC_STAGE_VERIFY, EILSEQ};
}

} // namespace arsync
