// What a pool has counted is what its copies did.
#include <chrono>

#include "system/check.h"

namespace live {

namespace {

constexpr uint64_t size = (3 << 20) + 5;

uint64_t now_ns() {
    return static_cast<uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// Copies by each method; what the pool then says.
arsync_stats stats_of_all_methods(uint32_t backend) {
    const Directory directory(shared_volume(Kind::xfs));
    write_pattern(directory / "from", size);
    PoolOptions options(backend);
    options.workers = 1;
    options.buffer_size = 256 * 1024;
    const uint64_t begin = now_ns();
    Pool pool(options);
    for (const uint32_t method :
         {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_HEAP, ARSYNC_METHOD_MANAGED,
          ARSYNC_METHOD_REFLINK, ARSYNC_METHOD_COPY_FILE_RANGE}) {
        CAPTURE(method_name(method));
        const arsync_completion done =
            pool.copy(directory / "from", directory / "to",
                      Options().with_method(method).with_durability(ARSYNC_DURABILITY_FILE));
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(done.method == method);
        CHECK(difference(directory / "from", directory / "to") == "");
    }
    CHECK(pool.copy(directory / "none", directory / "to").result == -ENOENT);
    const arsync_stats stats = pool.stats();
    CHECK(stats.jobs_submitted == 7);
    CHECK(stats.jobs_completed == 7);
    CHECK(stats.jobs_failed == 1);
    CHECK(stats.jobs_cancelled == 0);
    CHECK(stats.bytes_read == 4 * size);
    CHECK(stats.bytes_written == 4 * size);
    CHECK(stats.bytes_reflinked == size);
    CHECK(stats.bytes_offloaded == size);
    CHECK(stats.bytes_copied_in_user_space == size);
    // By chunks of at most a buffer, and one read each to see the end.
    constexpr uint64_t chunks = (size + 256 * 1024 - 1) / (256 * 1024);
    CHECK(stats.reads >= 4 * chunks);
    CHECK(stats.reads <= 4 * (chunks + 1));
    CHECK(stats.writes == 4 * chunks);
    CHECK(stats.reads_inline >= chunks);
    CHECK(stats.reads_inline < stats.reads);
    CHECK(stats.writes_inline >= chunks);
    CHECK(stats.writes_inline < stats.writes);
    CHECK(stats.short_transfers == 0);
    CHECK(stats.helper_calls > 0);
    CHECK(stats.queue_depth_max >= 1);
    CHECK(stats.busy_ns > 0);
    CHECK(stats.busy_ns <= now_ns() - begin);
    CHECK(stats.queue_depth_ns >= stats.busy_ns); // never less than one
    CHECK(stats.queue_depth_ns <= stats.busy_ns * stats.queue_depth_max);
    return stats;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "the counters of a pool add up to what its copies did, on io_uring") {
    NEEDS(shared_volume(Kind::xfs));
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const arsync_stats stats = stats_of_all_methods(ARSYNC_BACKEND_URING);
    CHECK(stats.submissions > stats.reads_fixed + stats.writes_fixed);
    CHECK(stats.enters > 0);
    // What the kernel would not register is used all the same, by other operations.
    CHECK(stats.reads_fixed <= stats.reads - stats.reads_inline);
    CHECK(stats.writes_fixed <= stats.writes - stats.writes_inline);
}

TEST_CASE_FIXTURE(Clean, "the counters of a pool add up to what its copies did, on threads") {
    NEEDS(shared_volume(Kind::xfs));
    const arsync_stats stats = stats_of_all_methods(ARSYNC_BACKEND_THREADS);
    CHECK(stats.submissions == 0);
    CHECK(stats.enters == 0);
    CHECK(stats.reads_fixed == 0);
    CHECK(stats.writes_fixed == 0);
}

} // namespace live
