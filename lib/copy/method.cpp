// The choice of a method, first match wins:
//
//    asked for or known                                         method
//    ---------------------------------------------------------  -----------------------------------
//  1 the source has no size                                     inline
//  2 reflink always, or method reflink                          reflink
//  3 a method by name, and the ends can                         that method
//  4 a direct method by name, and the ends cannot               fixed
//  5 reflink auto, sparse auto, blocks can be shared            reflink
//  6 reflink auto, sparse auto, the filesystem copies by itself copy_file_range
//  7 cache direct, both ends can                                direct
//    cache auto, destination open with O_DIRECT, and it can     direct or buffered_direct
//  8 at most inline_size_max (256 KiB)                          inline
//  9 cache auto, large, not cached, source can and direct pays,
//    neither durable nor verified, the page cache has room      direct_buffered
// 10 cache auto, large, not cached, both can and direct pays    direct
// 11 cache auto, large, durable, dest. can and direct pays      buffered_direct
// 12 all cached, larger than threads_size_min (4 MiB), a file
//    for each processor or one of an overlay, and the data is
//    only to be moved                                           copy_file_range
// 13 most of it cached, and the data is only to be moved        inline
// 14 all else                                                   fixed
//
// Large begins at direct_size_min (4 MiB). Rows 9 to 13: ARCHITECTURE.md says why. What is copied
// at once (file_at_once.cpp) may go by copy_file_range in place of 8 and 13, and by 8 in place
// of 5.
#include "copy/method.h"

#include <algorithm>

namespace arsync {

// Direct transfers are of whole blocks of 4096 bytes, which suits every smaller alignment; the rest
// of a file goes through the page cache.
static bool can_direct(uint32_t align, uint64_t size) {
    return align > 0 && align <= 4096 && size >= 4096;
}

static bool can_write_direct(const Grounds& grounds) {
    return can_direct(grounds.destination_align, grounds.size);
}

static bool can_read_direct(const Grounds& grounds) {
    return can_direct(grounds.source_align, grounds.size);
}

static bool can_direct(const Grounds& grounds) {
    return can_read_direct(grounds) && can_write_direct(grounds);
}

// copy_file_range may share blocks and make holes as it likes.
bool may_share(const arsync_copy_options& options) {
    return options.reflink == ARSYNC_REFLINK_AUTO && options.sparse == ARSYNC_SPARSE_AUTO;
}

// Whether what is written may be in memory alone when the copy ends.
bool may_linger(const arsync_copy_options& options) {
    return options.durability == ARSYNC_DURABILITY_NONE &&
           (options.flags & ARSYNC_COPY_VERIFY) == 0;
}

// Whether all that is to be done with the data is to move it, as soon as may be.
static bool goes_unseen(const Grounds& grounds, const arsync_copy_options& options) {
    return options.sparse != ARSYNC_SPARSE_ALWAYS && options.cache != ARSYNC_CACHE_DROP &&
           (options.flags & ARSYNC_COPY_VERIFY) == 0 && (options.want & ARSYNC_WANT_DIGEST) == 0 &&
           !grounds.paced;
}

// Of what is cached. One thread does it, which would wait for what is not. Several that write to
// one file wait for each other, and where there is another filesystem below, at two locks.
static bool goes_by_kernel(const Grounds& grounds, const arsync_copy_options& options) {
    return (grounds.in_company || grounds.caches_below) && grounds.cached == Residency::all &&
           grounds.copies_in_memory && grounds.copy_file_range && grounds.size > threads_size_min &&
           may_share(options);
}

static Method choose_by_itself(const Grounds& grounds, const arsync_copy_options& options) {
    if (may_share(options)) {
        if (grounds.reflink)
            return ARSYNC_METHOD_REFLINK;
        if (grounds.offload && grounds.copy_file_range)
            return ARSYNC_METHOD_COPY_FILE_RANGE;
    }
    if (options.cache == ARSYNC_CACHE_DIRECT && can_direct(grounds))
        return ARSYNC_METHOD_DIRECT;
    if (options.cache == ARSYNC_CACHE_AUTO && grounds.destination_direct &&
        can_write_direct(grounds))
        return grounds.source_direct && can_direct(grounds) ? ARSYNC_METHOD_DIRECT
                                                            : ARSYNC_METHOD_BUFFERED_DIRECT;
    if (grounds.size <= inline_size_max)
        return ARSYNC_METHOD_INLINE;
    if (options.cache == ARSYNC_CACHE_AUTO && grounds.size >= direct_size_min) {
        const bool cold = grounds.cached == Residency::little;
        if (cold && grounds.direct_reads_pay && grounds.cache_has_room && may_linger(options) &&
            can_read_direct(grounds))
            return ARSYNC_METHOD_DIRECT_BUFFERED;
        if (cold && grounds.direct_pays && can_direct(grounds))
            return ARSYNC_METHOD_DIRECT;
        if (options.durability != ARSYNC_DURABILITY_NONE && grounds.direct_pays &&
            can_write_direct(grounds))
            return ARSYNC_METHOD_BUFFERED_DIRECT;
    }
    if (grounds.cached >= Residency::most && goes_unseen(grounds, options))
        return goes_by_kernel(grounds, options) ? ARSYNC_METHOD_COPY_FILE_RANGE
                                                : ARSYNC_METHOD_INLINE;
    return ARSYNC_METHOD_FIXED;
}

Method choose_method(const Grounds& grounds, const arsync_copy_options& options) {
    if (!grounds.sized)
        return ARSYNC_METHOD_INLINE;
    if (options.reflink == ARSYNC_REFLINK_ALWAYS && !grounds.has_no_blocks)
        return ARSYNC_METHOD_REFLINK;
    switch (options.method) {
    case ARSYNC_METHOD_AUTO:
    case ARSYNC_METHOD_REFLINK: // and there are no blocks
        return choose_by_itself(grounds, options);
    case ARSYNC_METHOD_COPY_FILE_RANGE:
        return grounds.copy_file_range && may_share(options) ? ARSYNC_METHOD_COPY_FILE_RANGE
                                                             : ARSYNC_METHOD_FIXED;
    case ARSYNC_METHOD_DIRECT:
        return can_direct(grounds) ? ARSYNC_METHOD_DIRECT : ARSYNC_METHOD_FIXED;
    case ARSYNC_METHOD_BUFFERED_DIRECT:
        return can_write_direct(grounds) ? ARSYNC_METHOD_BUFFERED_DIRECT : ARSYNC_METHOD_FIXED;
    case ARSYNC_METHOD_DIRECT_BUFFERED:
        return can_read_direct(grounds) ? ARSYNC_METHOD_DIRECT_BUFFERED : ARSYNC_METHOD_FIXED;
    default:
        return static_cast<Method>(options.method);
    }
}

bool is_direct(Method method) {
    return method == ARSYNC_METHOD_DIRECT || method == ARSYNC_METHOD_BUFFERED_DIRECT ||
           method == ARSYNC_METHOD_DIRECT_BUFFERED;
}

bool fell_back(Method ran, const arsync_copy_options& options) {
    if (options.method != ARSYNC_METHOD_AUTO)
        return ran != static_cast<Method>(options.method);
    const bool moved = ran != ARSYNC_METHOD_REFLINK && ran != ARSYNC_METHOD_COPY_FILE_RANGE;
    return options.cache == ARSYNC_CACHE_DIRECT && moved && ran != ARSYNC_METHOD_DIRECT;
}

uint32_t direct_alignment(Method method, const Grounds& grounds) {
    uint32_t align = 512;
    if (method != ARSYNC_METHOD_BUFFERED_DIRECT)
        align = std::max(align, grounds.source_align);
    if (method != ARSYNC_METHOD_DIRECT_BUFFERED)
        align = std::max(align, grounds.destination_align);
    return align;
}

Pipeline usual_pipeline(Method method, size_t buffer_size) {
    // Through the page cache a chunk should stay in the CPU's cache between its read and its write;
    // a device wants large requests, and enough of them. Where it is read alone, and what it gives
    // is written to the page cache by this thread, that is soon enough.
    if (method == ARSYNC_METHOD_DIRECT_BUFFERED)
        return {buffer_size, 3};
    if (is_direct(method))
        return {buffer_size,
                static_cast<unsigned>(std::clamp<size_t>((8 << 20) / buffer_size, 4, 16))};
    return {std::min(buffer_size, size_t{256} << 10), 8};
}

Pipeline pipeline(Method method, const Grounds& grounds, const arsync_copy_options& options,
                  size_t buffer_size, unsigned buffer_count) {
    // RWF_DONTCACHE drops all of a large folio when a part of it has been read: what follows in it
    // is read from the device again, unless it is a part of the same chunk.
    const bool drops =
        options.cache == ARSYNC_CACHE_DROP && !is_direct(method) && method != ARSYNC_METHOD_INLINE;
    Pipeline result = drops ? Pipeline{buffer_size, 2} : usual_pipeline(method, buffer_size);
    if (method == ARSYNC_METHOD_INLINE) {
        result.lanes = 1;
        const uint64_t by_one_thread = grounds.remote ? inline_size_max : threads_size_min;
        result.cached_first =
            grounds.sized && grounds.size > by_one_thread && goes_unseen(grounds, options);
    }
    // Large enough that giving them out costs little, small enough that the last one ends with the
    // others; the third lane has its next chunk ready when one of two processors wants it.
    if (result.cached_first) {
        const uint64_t part = grounds.size / 32 / inline_size_max * inline_size_max;
        result.chunk = std::clamp<uint64_t>(part, 1 << 20, 8 << 20);
        result.lanes = 3;
    }
    if (options.chunks > 0)
        result.lanes = options.chunks;
    if (grounds.in_order)
        result.lanes = 1;
    const uint64_t chunks = grounds.size / result.chunk + 1;
    const uint64_t lanes = std::min<uint64_t>({result.lanes, buffer_count, chunks});
    result.lanes = static_cast<unsigned>(lanes);
    return result;
}

} // namespace arsync
