// Every method, on every file system, for sizes round every boundary, on both backends.
#include <cerrno>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

#include "system/check.h"

namespace live {

namespace {

constexpr uint64_t kib = 1024;
const std::vector<uint64_t> sizes = {0,
                                     1,
                                     511,
                                     4095,
                                     4096,
                                     4097,
                                     65'536,
                                     65'537,
                                     256 * kib - 1,
                                     256 * kib,
                                     256 * kib + 1,
                                     512 * kib - 1,
                                     512 * kib,
                                     512 * kib + 1,
                                     1024 * kib,
                                     1024 * kib + 1,
                                     2048 * kib - 1,
                                     2048 * kib,
                                     2048 * kib + 1,
                                     5 * 512 * kib + 4096 + 7,
                                     5 * 2048 * kib + 4096 + 7}; // direct chunks are of 2 MiB

bool can_share(Kind kind) {
    return kind == Kind::xfs || kind == Kind::btrfs;
}

// For these O_DIRECT is known to work, so falling back would be wrong.
bool can_direct(Kind kind) {
    return kind == Kind::ext4 || kind == Kind::xfs;
}

// What may be said to have run. size is the source's.
void check_method(const arsync_completion& done, uint32_t asked, Kind kind, uint64_t size) {
    const bool fell_back = (done.flags & ARSYNC_COMPLETION_FALLBACK) != 0;
    CHECK(fell_back == (asked != ARSYNC_METHOD_AUTO && asked != done.method));
    CHECK(done.method != ARSYNC_METHOD_AUTO);
    if (size == 0)
        return;
    switch (asked) {
    case ARSYNC_METHOD_INLINE:
    case ARSYNC_METHOD_FIXED:
    case ARSYNC_METHOD_HEAP:
    case ARSYNC_METHOD_MANAGED:
    case ARSYNC_METHOD_REFLINK:
        CHECK(done.method == asked);
        break;
    case ARSYNC_METHOD_COPY_FILE_RANGE:
        if (kind != Kind::overlay)
            CHECK(done.method == asked);
        break;
    case ARSYNC_METHOD_DIRECT:
    case ARSYNC_METHOD_BUFFERED_DIRECT:
    case ARSYNC_METHOD_DIRECT_BUFFERED:
        if (can_direct(kind) && size >= 4096)
            CHECK(done.method == asked);
        if (kind == Kind::tmpfs)
            CHECK(done.method != ARSYNC_METHOD_REFLINK);
        break;
    default:
        if (can_share(kind))
            CHECK(done.method == ARSYNC_METHOD_REFLINK);
        else
            CHECK(done.method != ARSYNC_METHOD_REFLINK);
    }
}

void copies(Pool& pool, Kind kind, uint32_t method, const std::string& from,
            const Directory& directory) {
    const std::string to = directory / "copy";
    const uint64_t size = size_of(from);
    CAPTURE(size);
    const arsync_completion done = pool.copy(from, to, Options().with_method(method));
    if (method == ARSYNC_METHOD_REFLINK && !can_share(kind) && size > 0) {
        CHECK(done.result == -EOPNOTSUPP);
        CHECK(done.stage == ARSYNC_STAGE_REFLINK);
        CHECK_FALSE(exists(to));
        return;
    }
    INFO(words(done));
    REQUIRE(done.result == 0);
    CHECK(done.stage == ARSYNC_STAGE_NONE);
    CHECK(done.bytes == size);
    check_method(done, method, kind, size);
    CHECK(difference(from, to) == "");
    unlink(to.c_str());
}

void copies_all_sizes(Kind kind) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    for (const uint64_t size : sizes)
        write_pattern(directory / std::to_string(size), size, static_cast<uint32_t>(size));
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        REQUIRE(pool.error() == 0);
        for (const uint32_t method : all_methods) {
            CAPTURE(method_name(method));
            for (const uint64_t size : sizes)
                copies(pool, kind, method, directory / std::to_string(size), directory);
        }
    }
    CHECK(directory.entries() == sizes.size());
}

} // namespace

TEST_CASE_FIXTURE(Clean, "every method copies every size on ext4") {
    copies_all_sizes(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "every method copies every size on XFS") {
    copies_all_sizes(Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "every method copies every size on btrfs") {
    copies_all_sizes(Kind::btrfs);
}
TEST_CASE_FIXTURE(Clean, "every method copies every size on tmpfs") {
    copies_all_sizes(Kind::tmpfs);
}
TEST_CASE_FIXTURE(Clean, "every method copies every size on overlayfs") {
    copies_all_sizes(Kind::overlay);
}

TEST_CASE_FIXTURE(Clean, "every method overwrites what is longer than the source") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    Pool pool;
    for (const uint64_t size : {uint64_t{0}, uint64_t{5000}, 512 * kib + 1}) {
        write_pattern(from, size);
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK)
                continue;
            CAPTURE(method_name(method));
            CAPTURE(size);
            write_pattern(to, 1536 * kib + 5, 9);
            CHECK(pool.copy(from, to, Options().with_method(method)).result == 0);
            CHECK(difference(from, to) == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "every method copies from each file system to every other") {
    Pool pool;
    constexpr uint64_t size = 700 * kib + 77;
    constexpr Kind kinds[] = {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs, Kind::overlay};
    for (const Kind kind : kinds)
        NEEDS(shared_volume(kind));
    for (const Kind from_kind : kinds) {
        const Directory from_directory(shared_volume(from_kind));
        const std::string from = from_directory / "from";
        write_sparse(from, size, {{0, 4096}, {100 * kib, size}});
        for (const Kind to_kind : kinds) {
            const Directory to_directory(shared_volume(to_kind));
            const std::string to = to_directory / "to";
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK || from_kind == to_kind)
                    continue;
                CAPTURE(name_of(from_kind));
                CAPTURE(name_of(to_kind));
                CAPTURE(method_name(method));
                const arsync_completion done = pool.copy(from, to, Options().with_method(method));
                INFO(words(done));
                CHECK(done.result == 0);
                CHECK(difference(from, to) == "");
                CHECK(hole_difference(from, to) == "");
                unlink(to.c_str());
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "what is cached goes inline on every file system, and what is not by O_DIRECT") {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs, Kind::overlay}) {
        CAPTURE(name_of(kind));
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Directory directory(volume);
        const std::string from = directory / "from";
        const std::string to = directory / "to";
        const Options no_reflink = Options().with_reflink(ARSYNC_REFLINK_NEVER);
        for (const uint64_t size : {200 * kib, 3 * 1024 * kib, 12 * 1024 * kib}) {
            CAPTURE(size);
            write_pattern(from, size);
            Pool pool;
            const arsync_completion cached = pool.copy(from, to, no_reflink);
            CHECK(cached.result == 0);
            CHECK(method_name(cached.method) == "inline");
            CHECK(pool.stats().reads_inline == pool.stats().reads);
            CHECK(pool.stats().writes_inline == pool.stats().writes);
            CHECK(difference(from, to) == "");
        }
        if (kind == Kind::tmpfs)
            continue;
        make_cold(from);
        Pool pool;
        const arsync_completion cold = pool.copy(from, to, no_reflink);
        CHECK(cold.result == 0);
        CAPTURE(method_name(cold.method));
        CHECK(
            (kind == Kind::btrfs ? cold.method == ARSYNC_METHOD_FIXED : reads_direct(cold.method)));
        CHECK(difference(from, to) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "a method does what its counters say it does") {
    const Volume& volume = shared_volume(Kind::ext4);
    NEEDS(volume);
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory(volume);
    const std::string from = directory / "from";
    constexpr uint64_t size = 3 * 1024 * kib;
    write_pattern(from, size);
    for (const uint32_t method : moving_methods) {
        CAPTURE(method_name(method));
        Pool pool;
        REQUIRE(pool.copy(from, directory / "to", Options().with_method(method)).result == 0);
        const arsync_stats stats = pool.stats();
        CHECK(stats.bytes_read == size);
        CHECK(stats.bytes_written == size);
        CHECK(stats.jobs_submitted == 1);
        CHECK(stats.jobs_completed == 1);
        CHECK(stats.bytes_copied_in_user_space == (method == ARSYNC_METHOD_MANAGED ? size : 0));
        const bool by_us = method == ARSYNC_METHOD_DIRECT_BUFFERED;
        const bool fixed = by_us || method == ARSYNC_METHOD_FIXED ||
                           method == ARSYNC_METHOD_DIRECT ||
                           method == ARSYNC_METHOD_BUFFERED_DIRECT;
        const arsync_info info = pool.info();
        if (fixed && info.buffers_refused == 0) {
            CHECK(stats.reads_fixed == stats.reads);
            CHECK((by_us ? stats.writes_inline : stats.writes_fixed) == stats.writes);
            CHECK(info.buffers_registered > 0);
        }
        if (method == ARSYNC_METHOD_HEAP)
            CHECK(stats.reads_fixed + stats.writes_fixed == 0);
    }
}

} // namespace live
