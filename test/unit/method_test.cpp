// The method table of lib/copy/method.cpp, row by row.
#include <doctest/doctest.h>

#include <initializer_list>

#include "copy/method.h"

using namespace arsync;

namespace {

constexpr uint64_t large = 64 << 20;
constexpr uint64_t middling = 1 << 20; // more than a chunk, too small for O_DIRECT

// A large cold file between two filesystems that can do everything but share.
Grounds grounds(uint64_t size = large) {
    Grounds result;
    result.size = size;
    result.source_align = 512;
    result.destination_align = 4096;
    result.direct_pays = result.direct_reads_pay = true;
    result.cached = Residency::little;
    return result;
}

arsync_copy_options options() {
    return {};
}

} // namespace

TEST_CASE("syncfs is relied on where it reaches what stores the files, and tells of losses") {
    for (const uint64_t local : std::initializer_list<uint64_t>{0xEF53, 0x58465342, 0x01021994})
        CHECK(syncs_whole(filesystem(local)));
    constexpr uint64_t overlay = 0x794C7630;
    constexpr uint64_t nfs = 0x6969;
    for (const uint64_t other : {fuse_magic, overlay, nfs})
        CHECK_FALSE(syncs_whole(filesystem(other)));
}

TEST_CASE("row 1: a source without a size goes inline, whatever was asked for") {
    Grounds f = grounds(0);
    f.sized = false;
    arsync_copy_options o = options();
    CHECK(choose_method(f, o) == ARSYNC_METHOD_INLINE);
    o.method = ARSYNC_METHOD_DIRECT;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_INLINE);
    o.reflink = ARSYNC_REFLINK_ALWAYS;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_INLINE);
}

TEST_CASE("row 2: reflink always is tried even where it cannot be expected to work") {
    arsync_copy_options o = options();
    o.reflink = ARSYNC_REFLINK_ALWAYS;
    CHECK(choose_method(grounds(), o) == ARSYNC_METHOD_REFLINK);
    CHECK(choose_method(grounds(10), o) == ARSYNC_METHOD_REFLINK);
}

TEST_CASE("row 3: a method by name is used where the ends can") {
    for (const Method method :
         {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT,
          ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED, ARSYNC_METHOD_HEAP,
          ARSYNC_METHOD_MANAGED, ARSYNC_METHOD_COPY_FILE_RANGE}) {
        arsync_copy_options o = options();
        o.method = method;
        CAPTURE(method);
        CHECK(choose_method(grounds(), o) == method);
        CHECK(choose_method(grounds(4096), o) == method);
        CHECK_FALSE(fell_back(method, o));
    }
}

TEST_CASE("row 4: a direct method by name becomes fixed where an end cannot") {
    arsync_copy_options o = options();
    o.method = ARSYNC_METHOD_DIRECT;
    Grounds f = grounds();
    f.source_align = 0;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
    CHECK(fell_back(ARSYNC_METHOD_FIXED, o));
    f = grounds();
    f.destination_align = 0;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
    CHECK_MESSAGE(choose_method(grounds(4095), o) == ARSYNC_METHOD_FIXED, "less than one block");
    f = grounds();
    f.source_align = 65536;
    CHECK_MESSAGE(choose_method(f, o) == ARSYNC_METHOD_FIXED, "a grid wider than our buffers'");

    o.method = ARSYNC_METHOD_BUFFERED_DIRECT;
    f = grounds();
    f.source_align = 0;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_BUFFERED_DIRECT);
    f.destination_align = 0;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
}

TEST_CASE("copy_file_range by name gives way once refused, and to wishes it may not keep") {
    arsync_copy_options o = options();
    o.method = ARSYNC_METHOD_COPY_FILE_RANGE;
    Grounds f = grounds();
    f.copy_file_range = false;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
    o.reflink = ARSYNC_REFLINK_NEVER;
    CHECK(choose_method(grounds(), o) == ARSYNC_METHOD_FIXED);
    o.reflink = ARSYNC_REFLINK_AUTO;
    o.sparse = ARSYNC_SPARSE_NEVER;
    CHECK(choose_method(grounds(), o) == ARSYNC_METHOD_FIXED);
}

TEST_CASE("row 5: blocks are shared where they can be, at any size") {
    Grounds f = grounds();
    f.reflink = true;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_REFLINK);
    f.size = 1;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_REFLINK);

    arsync_copy_options o = options();
    o.reflink = ARSYNC_REFLINK_NEVER;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_INLINE);
    o = options();
    o.sparse = ARSYNC_SPARSE_ALWAYS;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_INLINE);
}

TEST_CASE("row 6: a filesystem that copies by itself is let to, unless it may not share") {
    Grounds f = grounds();
    f.offload = true;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_COPY_FILE_RANGE);
    arsync_copy_options o = options();
    o.reflink = ARSYNC_REFLINK_NEVER;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_DIRECT);
    o = options();
    o.sparse = ARSYNC_SPARSE_NEVER;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_DIRECT);
    f.copy_file_range = false;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_DIRECT);
}

TEST_CASE("row 7: cache direct is direct at any size the grid allows, cached or not") {
    arsync_copy_options o = options();
    o.cache = ARSYNC_CACHE_DIRECT;
    Grounds f = grounds(4096);
    f.cached = Residency::most;
    f.direct_pays = false;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_DIRECT);
    f.destination_align = 0;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_INLINE);
    CHECK(fell_back(ARSYNC_METHOD_INLINE, o));
    CHECK_FALSE(fell_back(ARSYNC_METHOD_REFLINK, o));
}

TEST_CASE("row 8: a file of one chunk goes inline") {
    CHECK(choose_method(grounds(1), options()) == ARSYNC_METHOD_INLINE);
    CHECK(choose_method(grounds(inline_size_max), options()) == ARSYNC_METHOD_INLINE);
    CHECK(choose_method(grounds(inline_size_max + 1), options()) == ARSYNC_METHOD_FIXED);
}

TEST_CASE("row 10: large and cold goes direct, where both ends can and it pays") {
    CHECK(choose_method(grounds(direct_size_min), options()) == ARSYNC_METHOD_DIRECT);
    CHECK(choose_method(grounds(direct_size_min - 1), options()) == ARSYNC_METHOD_FIXED);
    CHECK(choose_method(grounds(middling), options()) == ARSYNC_METHOD_FIXED);
    Grounds f = grounds();
    f.direct_pays = false;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
    f = grounds();
    f.source_align = 0;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
    f = grounds();
    f.cached = Residency::unknown;
    CHECK_MESSAGE(choose_method(f, options()) == ARSYNC_METHOD_FIXED, "it may well be cached");
}

TEST_CASE("row 9: large and cold is written to the page cache where that has room for it") {
    Grounds f = grounds(direct_size_min);
    f.cache_has_room = true;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_DIRECT_BUFFERED);
    f.destination_align = 0;
    f.direct_pays = false;
    CHECK_MESSAGE(choose_method(f, options()) == ARSYNC_METHOD_DIRECT_BUFFERED,
                  "the destination need not");
    f.direct_reads_pay = false;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
    f = grounds(direct_size_min - 1);
    f.cache_has_room = true;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
    f = grounds();
    f.cache_has_room = true;
    f.source_align = 0;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
    f.source_align = 512;
    arsync_copy_options o = options();
    o.durability = ARSYNC_DURABILITY_FILE;
    CHECK_MESSAGE(choose_method(f, o) == ARSYNC_METHOD_DIRECT, "the device has to have it");
    o = options();
    o.flags = ARSYNC_COPY_VERIFY;
    CHECK_MESSAGE(choose_method(f, o) == ARSYNC_METHOD_DIRECT, "and is to be asked what it has");
    f.cached = Residency::most;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_INLINE);
}

TEST_CASE("rows 9 to 11: keep and drop go through the page cache") {
    for (const uint32_t cache : {ARSYNC_CACHE_KEEP, ARSYNC_CACHE_DROP}) {
        arsync_copy_options o = options();
        o.cache = cache;
        o.durability = ARSYNC_DURABILITY_FULL;
        CHECK(choose_method(grounds(), o) == ARSYNC_METHOD_FIXED);
        CHECK_FALSE(fell_back(ARSYNC_METHOD_FIXED, o));
    }
}

TEST_CASE("row 11: large and durable is written direct even if it is read from the cache") {
    arsync_copy_options o = options();
    o.durability = ARSYNC_DURABILITY_FILE;
    Grounds f = grounds();
    f.cached = Residency::most;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_BUFFERED_DIRECT);
    f.source_align = 0;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_BUFFERED_DIRECT);
    f.cached = Residency::unknown;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_BUFFERED_DIRECT);
    f.destination_align = 0;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
    CHECK(choose_method(grounds(middling), o) == ARSYNC_METHOD_FIXED);
}

TEST_CASE("row 12: what is all cached is the kernel's, where there is a file for each processor") {
    Grounds f = grounds();
    f.cached = Residency::all;
    f.in_company = f.copies_in_memory = true;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_COPY_FILE_RANGE);
    const auto otherwise = [&](auto change) {
        Grounds other = f;
        change(other);
        return choose_method(other, options());
    };
    CHECK(otherwise([](Grounds& g) { g.in_company = false; }) == ARSYNC_METHOD_INLINE);
    CHECK(otherwise([](Grounds& g) { g.copies_in_memory = false; }) == ARSYNC_METHOD_INLINE);
    CHECK(otherwise([](Grounds& g) { g.copy_file_range = false; }) == ARSYNC_METHOD_INLINE);
    CHECK(otherwise([](Grounds& g) { g.cached = Residency::most; }) == ARSYNC_METHOD_INLINE);
    CHECK(otherwise([](Grounds& g) { g.size = threads_size_min; }) == ARSYNC_METHOD_INLINE);
    CHECK(otherwise([](Grounds& g) { g.size = threads_size_min + 1; }) ==
          ARSYNC_METHOD_COPY_FILE_RANGE);
    CHECK(otherwise([](Grounds& g) { g.paced = true; }) == ARSYNC_METHOD_FIXED);
    const auto below = [&](Residency cached) {
        return otherwise([&](Grounds& g) {
            g.in_company = false;
            g.caches_below = true;
            g.cached = cached;
        });
    };
    CHECK(below(Residency::all) == ARSYNC_METHOD_COPY_FILE_RANGE);
    CHECK(below(Residency::most) == ARSYNC_METHOD_INLINE);
    arsync_copy_options o = options();
    o.reflink = ARSYNC_REFLINK_NEVER;
    CHECK_MESSAGE(choose_method(f, o) == ARSYNC_METHOD_INLINE, "it might share blocks");
    o = options();
    o.sparse = ARSYNC_SPARSE_NEVER;
    CHECK_MESSAGE(choose_method(f, o) == ARSYNC_METHOD_INLINE, "it might make holes");
    o = options();
    o.method = ARSYNC_METHOD_FIXED;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
}

TEST_CASE("row 13: what is cached goes inline at any size, unless somebody is to see it") {
    Grounds f = grounds();
    f.cached = Residency::most;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_INLINE);
    f.size = middling;
    f.source_align = f.destination_align = 0;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_INLINE);
    arsync_copy_options o = options();
    o.cache = ARSYNC_CACHE_KEEP;
    o.durability = ARSYNC_DURABILITY_FULL;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_INLINE);
    o.cache = ARSYNC_CACHE_DROP;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
    o = options();
    o.flags = ARSYNC_COPY_VERIFY;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
    o = options();
    o.sparse = ARSYNC_SPARSE_ALWAYS;
    CHECK(choose_method(f, o) == ARSYNC_METHOD_FIXED);
    f.paced = true;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
}

TEST_CASE("row 14: all else is fixed") {
    Grounds f = grounds(middling);
    f.source_align = f.destination_align = 0;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
    f.cached = Residency::unknown;
    CHECK(choose_method(f, options()) == ARSYNC_METHOD_FIXED);
}

TEST_CASE("a pipeline has no more lanes than chunks, buffers, or what was asked for") {
    const size_t buffer = 512 << 10;
    arsync_copy_options o = options();
    CHECK(pipeline(ARSYNC_METHOD_FIXED, grounds(), o, buffer, 16).lanes > 1);
    CHECK(pipeline(ARSYNC_METHOD_FIXED, grounds(1000), o, buffer, 16).lanes == 1);
    CHECK(pipeline(ARSYNC_METHOD_FIXED, grounds(), o, buffer, 2).lanes == 2);
    CHECK(pipeline(ARSYNC_METHOD_DIRECT, grounds(), o, 4096, 16).chunk == 4096);
    o.chunks = 3;
    CHECK(pipeline(ARSYNC_METHOD_DIRECT, grounds(), o, buffer, 16).lanes == 3);
    CHECK(pipeline(ARSYNC_METHOD_INLINE, grounds(inline_size_max), options(), buffer, 16).lanes ==
          1);
}

TEST_CASE("cold files that go to the page cache have few chunks in flight, unless asked for more") {
    const size_t buffer = 2 << 20;
    arsync_copy_options o = options();
    const Pipeline few = pipeline(ARSYNC_METHOD_DIRECT_BUFFERED, grounds(), o, buffer, 16);
    CHECK(few.lanes == 3);
    o.chunks = 9;
    const Pipeline more = pipeline(ARSYNC_METHOD_DIRECT_BUFFERED, grounds(), o, buffer, 16);
    CHECK(more.lanes == 9);
}

TEST_CASE("what is not to stay cached goes in chunks that the kernel reads once, and few of them") {
    const size_t buffer = 2 << 20;
    arsync_copy_options o = options();
    o.cache = ARSYNC_CACHE_DROP;
    for (const Method method : {ARSYNC_METHOD_FIXED, ARSYNC_METHOD_HEAP}) {
        CHECK(pipeline(method, grounds(), o, buffer, 16).chunk == buffer);
        CHECK(pipeline(method, grounds(), o, buffer, 16).lanes == 2);
    }
    CHECK(pipeline(ARSYNC_METHOD_INLINE, grounds(), o, buffer, 16).chunk == inline_size_max);
    o.chunks = 5;
    CHECK(pipeline(ARSYNC_METHOD_FIXED, grounds(), o, buffer, 16).lanes == 5);
}

TEST_CASE("what is cached is given to several threads, in large chunks, if it is large") {
    const size_t buffer = 64 << 10;
    for (const uint64_t size : {uint64_t{1}, threads_size_min}) {
        const Pipeline small = pipeline(ARSYNC_METHOD_INLINE, grounds(size), options(), buffer, 16);
        CHECK_FALSE(small.cached_first);
        CHECK(small.lanes == 1);
        CHECK(small.chunk <= buffer);
    }
    Grounds to_server = grounds(middling); // whose answers a worker must not wait for
    to_server.remote = true;
    CHECK(pipeline(ARSYNC_METHOD_INLINE, to_server, options(), buffer, 16).cached_first);
    for (const uint64_t size : {threads_size_min + 1, large, uint64_t{1} << 40}) {
        const Pipeline cached =
            pipeline(ARSYNC_METHOD_INLINE, grounds(size), options(), buffer, 16);
        CHECK(cached.cached_first);
        CHECK(cached.lanes > 1);
        CHECK(cached.chunk >= 1 << 20);
        CHECK(cached.chunk <= 8 << 20);
        CHECK(cached.chunk % 4096 == 0); // or holes would be cut where no block ends
    }
    CHECK_FALSE(pipeline(ARSYNC_METHOD_FIXED, grounds(), options(), buffer, 16).cached_first);
    arsync_copy_options o = options();
    o.flags = ARSYNC_COPY_VERIFY; // by name, and seen: one chunk after another
    const Pipeline seen = pipeline(ARSYNC_METHOD_INLINE, grounds(), o, buffer, 16);
    CHECK_FALSE(seen.cached_first);
    CHECK(seen.lanes == 1);
    CHECK(seen.chunk <= buffer);
    Grounds stream = grounds(); // a file into a pipe, say: it goes through memory of its own
    stream.sized = false;
    CHECK_FALSE(pipeline(ARSYNC_METHOD_INLINE, stream, options(), buffer, 16).cached_first);
    CHECK(pipeline(ARSYNC_METHOD_INLINE, stream, options(), buffer, 16).chunk <= buffer);
}

TEST_CASE("filesystems are known by their numbers") {
    CHECK(filesystem(0x58465342).reflinks);          // XFS
    CHECK_FALSE(filesystem(0xEF53).reflinks);        // ext4
    CHECK(filesystem(0xEF53).direct_pays);           // ext4
    CHECK_FALSE(filesystem(0x9123683E).direct_pays); // btrfs
    CHECK(filesystem(0x2FC12FC1).compresses);        // ZFS
    CHECK(filesystem(0x6969).offloads);              // NFS
    CHECK(filesystem(0xEF53).reserving_pays);        // ext4
    CHECK_MESSAGE(filesystem(12345).reflinks, "one we do not know may well share blocks");
}
