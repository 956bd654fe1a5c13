// Few and many, small and large: buffers, chunks, queue entries, workers.
#include <cstring>
#include <vector>

#include "system/check.h"
#include "system/child.h"

namespace live {

namespace {

constexpr uint64_t size = 3 * 1024 * 1024 / 2 + 4097;

void copies_with(const PoolOptions& wanted, uint32_t chunks, const Directory& directory) {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        PoolOptions options = wanted;
        options.backend = backend;
        CAPTURE(backend_name(backend));
        CAPTURE(options.buffer_count);
        CAPTURE(options.buffer_size);
        CAPTURE(options.queue_depth);
        CAPTURE(chunks);
        Pool pool(options);
        REQUIRE(pool.error() == 0);
        const arsync_info info = pool.info();
        if (options.buffer_size > 0)
            CHECK(info.buffer_size == options.buffer_size);
        if (options.buffer_count > 0)
            CHECK(info.buffer_count == options.buffer_count);
        for (const uint32_t method : moving_methods) {
            CAPTURE(method_name(method));
            const arsync_completion done =
                pool.copy(directory / "from", directory / "to",
                          Options().with_method(method).with_chunks(chunks));
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(difference(directory / "from", directory / "to") == "");
        }
        if (chunks == 1)
            CHECK(pool.stats().queue_depth_max <= 2);
    }
}

PoolOptions pool_with(uint32_t count, uint32_t bytes, uint32_t depth) {
    PoolOptions options;
    options.buffer_count = count;
    options.buffer_size = bytes;
    options.queue_depth = depth;
    options.workers = 1;
    return options;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "copies are right with the smallest of everything") {
    const Directory directory;
    write_pattern(directory / "from", size);
    copies_with(pool_with(1, 4096, 1), 1, directory);
    copies_with(pool_with(1, 4096, 1), 0, directory);
    copies_with(pool_with(1, 0, 0), 0, directory);
    copies_with(pool_with(0, 4096, 0), 0, directory);
    copies_with(pool_with(0, 0, 1), 0, directory);
    copies_with(pool_with(0, 0, 0), 1, directory);
}

TEST_CASE_FIXTURE(Clean, "copies are right with much of everything") {
    const Directory directory;
    write_pattern(directory / "from", size);
    copies_with(pool_with(1024, 4096, 4096), 1024, directory);
    copies_with(pool_with(3, 12'288, 3), 7, directory);
    copies_with(pool_with(2, 64u << 20, 64), 2, directory);
}

TEST_CASE_FIXTURE(Clean, "many copies share one buffer of one worker") {
    const Directory directory;
    constexpr int count = 50;
    for (int i = 0; i < count; ++i)
        write_pattern(directory / ("from" + std::to_string(i)), 30'000,
                      static_cast<uint32_t>(i + 1));
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        PoolOptions options = pool_with(1, 4096, 1);
        options.backend = backend;
        Pool pool(options);
        for (int i = 0; i < count; ++i)
            REQUIRE(pool.submit(directory / ("from" + std::to_string(i)),
                                directory / ("to" + std::to_string(i)),
                                Options().with_method(ARSYNC_METHOD_FIXED)) != 0);
        for (int i = 0; i < count; ++i)
            CHECK(pool.wait().result == 0);
        for (int i = 0; i < count; ++i)
            CHECK(difference(directory / ("from" + std::to_string(i)),
                             directory / ("to" + std::to_string(i))) == "");
    }
}

// In a child: running out of stack cannot be caught.
TEST_CASE_FIXTURE(Clean, "a copy of very many chunks needs no more stack than one of few") {
    const Directory directory;
    constexpr uint64_t large = 24 * 1024 * 1024;
    write_pattern(directory / "from", large);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        check_in_child([&](Report& report) {
            PoolOptions options = pool_with(1, 4096, 1);
            options.backend = backend;
            Pool pool(options);
            for (const uint32_t method : {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED}) {
                const arsync_completion done =
                    pool.copy(directory / "from", directory / "to", Options().with_method(method));
                EXPECT_WITH(report, done.result == 0, words(done));
                EXPECT(report, difference(directory / "from", directory / "to") == "");
            }
        });
    }
}

} // namespace live
