// What a copy leaves in the page cache.
#include <fstream>
#include <string>

#include "system/check.h"
#include "system/child.h"
#include "system/processors.h"

namespace live {

namespace {

constexpr uint64_t size = 8 * 1024 * 1024;
constexpr auto bytes = static_cast<int64_t>(size);

struct Files {
    const Directory directory{shared_volume(Kind::ext4)};
    const std::string from = directory / "from";
    const std::string to = directory / "to";

    Files() {
        write_pattern(from, size);
        make_cold(from);
    }
};

bool tells() {
    Files files;
    return cached_bytes(files.from) == 0;
}

} // namespace

#define NEEDS_CACHE_FIGURES()                                                                      \
    NEEDS(shared_volume(Kind::ext4));                                                              \
    do {                                                                                           \
        if (!tells()) {                                                                            \
            skip("no cachestat(2), or nothing can be taken out of the page cache");                \
            return;                                                                                \
        }                                                                                          \
    } while (false)

TEST_CASE_FIXTURE(Clean, "cache keep leaves both files cached") {
    NEEDS_CACHE_FIGURES();
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        const Files files;
        Pool pool{PoolOptions(backend)};
        const arsync_completion done =
            pool.copy(files.from, files.to, Options().with_cache(ARSYNC_CACHE_KEEP));
        CHECK(done.result == 0);
        CHECK(cached_bytes(files.from) == bytes);
        CHECK(cached_bytes(files.to) == bytes);
    }
}

TEST_CASE_FIXTURE(Clean, "cache direct uses the page cache at neither end") {
    NEEDS_CACHE_FIGURES();
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        const Files files;
        Pool pool{PoolOptions(backend)};
        const arsync_completion done =
            pool.copy(files.from, files.to, Options().with_cache(ARSYNC_CACHE_DIRECT));
        CHECK(done.result == 0);
        CHECK(done.method == ARSYNC_METHOD_DIRECT);
        CHECK((done.flags & ARSYNC_COMPLETION_FALLBACK) == 0);
        CHECK(cached_bytes(files.from) == 0);
        CHECK(cached_bytes(files.to) == 0);
        CHECK(difference(files.from, files.to) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "cache direct where it cannot be had says so") {
    const Volume& volume = shared_volume(Kind::tmpfs);
    NEEDS(volume);
    const Volume& other = shared_volume(Kind::ext4);
    NEEDS(other);
    // tmpfs has taken O_DIRECT, without effect, since Linux 6.6; what it says of alignment counts.
    const Directory here(volume);
    const Directory there(other);
    write_pattern(here / "from", size);
    Pool pool;
    const arsync_completion done =
        pool.copy(here / "from", there / "to", Options().with_cache(ARSYNC_CACHE_DIRECT));
    CHECK(done.result == 0);
    const bool fell_back = (done.flags & ARSYNC_COMPLETION_FALLBACK) != 0;
    CHECK(fell_back == (done.method != ARSYNC_METHOD_DIRECT));
    CHECK(difference(here / "from", there / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "cache drop leaves nothing that was not there before") {
    NEEDS_CACHE_FIGURES();
    for (const uint32_t method :
         {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_HEAP,
          ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED}) {
        CAPTURE(method_name(method));
        const Files files;
        Pool pool;
        const Options options = Options().with_method(method).with_cache(ARSYNC_CACHE_DROP);
        const arsync_completion done = pool.copy(files.from, files.to, options);
        INFO(words(done));
        CHECK(done.result == 0);
        // Pages go when their writing back has ended.
        eventually([&] { return cached_bytes(files.from) + cached_bytes(files.to) == 0; }, 5000);
        CHECK(cached_bytes(files.from) == 0);
        CHECK(cached_bytes(files.to) == 0);
        CHECK(difference(files.from, files.to) == "");

        bool stays = false;
        for (int i = 0; i < 3 && !stays; ++i) { // the kernel may take pages for reasons of its own
            make_cached(files.from);
            CHECK(pool.copy(files.from, files.to, options).result == 0);
            stays = cached_bytes(files.from) == bytes;
        }
        CHECK(stays);
        eventually([&] { return cached_bytes(files.to) == 0; }, 5000);
        CHECK(cached_bytes(files.to) == 0);
    }
}

// Of all threads of this process.
int64_t bytes_read_from_devices() {
    std::ifstream file("/proc/self/io");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("read_bytes: "))
            return std::stoll(line.substr(line.find(' ')));
    return -1;
}

TEST_CASE_FIXTURE(Clean, "cache drop reads what is not cached once") {
    NEEDS_CACHE_FIGURES();
    const Directory directory(shared_volume(Kind::ext4));
    constexpr int64_t large = 64 * 1024 * 1024;
    write_pattern(directory / "from", large);
    make_cold(directory / "from");
    if (bytes_read_from_devices() < 0) {
        skip("no /proc/self/io");
        return;
    }
    for (const uint32_t backend : both_backends) {
        CAPTURE(backend_name(backend));
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        make_cold(directory / "from");
        const int64_t before = bytes_read_from_devices();
        Pool pool{PoolOptions(backend)};
        const arsync_completion done =
            pool.copy(directory / "from", directory / "to",
                      Options().with_method(ARSYNC_METHOD_FIXED).with_cache(ARSYNC_CACHE_DROP));
        CHECK(done.result == 0);
        CHECK(pool.close() == 0);
        const int64_t read = bytes_read_from_devices() - before;
        CHECK(read >= large);
        CHECK(read < large + large / 16); // and a few of the filesystem's own blocks
    }
}

TEST_CASE_FIXTURE(Clean, "left to itself, a large source that was not cached stays so") {
    NEEDS_CACHE_FIGURES();
    const Directory directory(shared_volume(Kind::ext4));
    constexpr int64_t large = 128 * 1024 * 1024;
    write_pattern(directory / "from", large);
    make_cold(directory / "from");
    Pool pool;
    const arsync_completion done = pool.copy(directory / "from", directory / "to");
    INFO(words(done));
    CHECK(done.result == 0);
    CHECK(cached_bytes(directory / "from") <= bytes);
    const int64_t of_copy = cached_bytes(directory / "to");
    if (done.method == ARSYNC_METHOD_DIRECT_BUFFERED)
        CHECK(of_copy >= large / 2);
    else
        CHECK(of_copy <= bytes);
    CHECK(difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "how much is cached is found out without cachestat(2) too") {
    NEEDS_TWO_PROCESSORS();
    NEEDS_CACHE_FIGURES();
    const auto method = [](const Files& files) {
        unlink(files.to.c_str());
        Pool pool;
        const arsync_completion done = pool.copy(files.from, files.to);
        if (done.result == 0 && reads_direct(done.method))
            return std::string("direct");
        return std::string(done.result == 0 ? arsync_method_name(done.method) : "failed");
    };
    const Files files;
    const std::string of_cold = method(files);
    make_cached(files.from);
    const std::string of_cached = method(files);
    CHECK(of_cached == "inline");
    CHECK(of_cold == "direct");
    make_cold(files.from);
    check_in_child([&](Report& report) {
        constexpr int cachestat_number = 451;
        EXPECT(report, deny(cachestat_number, EPERM));
        const std::string cold = method(files);
        EXPECT_WITH(report, cold == of_cold, "cold: " + cold);
        make_cached(files.from);
        const std::string cached = method(files);
        EXPECT_WITH(report, cached == of_cached, "cached: " + cached);
    });
    CHECK(difference(files.from, files.to) == "");
}

TEST_CASE_FIXTURE(Clean, "of a file with holes counts what is stored, and in how large pieces") {
    NEEDS_TWO_PROCESSORS();
    NEEDS_CACHE_FIGURES();
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    struct Case {
        uint64_t piece; // as long as the hole before it
        const char* cold;
    };
    for (const Case& each : {Case{16 << 10, "fixed"}, Case{1 << 20, "direct"}}) {
        CAPTURE(each.piece);
        std::vector<Range> pieces;
        for (uint64_t at = each.piece; at < 2 * size; at += 2 * each.piece)
            pieces.push_back({at, at + each.piece});
        write_sparse(from, 2 * size, pieces);
        const auto method = [&] {
            unlink(to.c_str());
            Pool pool;
            const arsync_completion done = pool.copy(from, to);
            CHECK(done.result == 0);
            CHECK(difference(from, to) == "");
            CHECK(allocated(to) == allocated(from));
            return std::string(reads_direct(done.method) ? "direct"
                                                         : arsync_method_name(done.method));
        };
        CHECK(cached_bytes(from) <= bytes); // half of its size
        CHECK(method() == "inline");
        make_cold(from);
        CHECK(method() == each.cold);
    }
}

} // namespace live
