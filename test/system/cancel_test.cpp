// Cancelling, at random moments.
#include <cerrno>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/frozen.h"
#include "system/opened.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint64_t size = 4 * 1024 * 1024 + 5;

void leaves_all_or_nothing(Kind kind, uint32_t replace) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    write_pattern(directory / "from", size);
    const std::string to = directory / "to";
    std::mt19937 random(7);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        PoolOptions options(backend);
        options.buffer_size = 64 * 1024;
        Pool pool(options);
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK)
                continue;
            CAPTURE(method_name(method));
            for (int i = 0; i < (sanitized ? 4 : 12); ++i) {
                const arsync_job job = pool.submit(
                    directory / "from", to, Options().with_method(method).with_replace(replace));
                REQUIRE(job != 0);
                std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
                CHECK(arsync_job_cancel(pool.get(), job) == 0);
                const arsync_completion done = pool.wait();
                INFO(words(done));
                CHECK(done.job == job);
                const bool ended = done.result == 0 || done.result == -ECANCELED;
                CHECK(ended);
                CHECK(exists(to) == (done.result == 0));
                if (done.result == 0)
                    CHECK(difference(directory / "from", to) == "");
                unlink(to.c_str());
                CHECK(directory.entries() == 1);
            }
        }
        const arsync_stats stats = pool.stats();
        CHECK(stats.jobs_completed == stats.jobs_submitted);
        CHECK(stats.jobs_failed == 0);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a cancelled copy leaves all or nothing on ext4") {
    leaves_all_or_nothing(Kind::ext4, ARSYNC_REPLACE_IN_PLACE);
}
TEST_CASE_FIXTURE(Clean, "a cancelled atomic copy leaves all or nothing on ext4") {
    leaves_all_or_nothing(Kind::ext4, ARSYNC_REPLACE_ATOMIC);
}
TEST_CASE_FIXTURE(Clean, "a cancelled copy leaves all or nothing on overlayfs") {
    leaves_all_or_nothing(Kind::overlay, ARSYNC_REPLACE_EXCLUSIVE);
}

TEST_CASE_FIXTURE(Clean, "what is cancelled while it waits for its turn does nothing") {
    const Directory directory;
    write_pattern(directory / "large", 8 * size);
    write_pattern(directory / "small", 100);
    PoolOptions options;
    options.workers = 1;
    Pool pool(options);
    constexpr int count = 500;
    std::vector<arsync_job> jobs;
    for (int i = 0; i < count; ++i) {
        jobs.push_back(pool.submit(directory / (i == 0 ? "large" : "small"),
                                   directory / ("to" + std::to_string(i))));
        REQUIRE(jobs.back() != 0);
    }
    for (const arsync_job job : jobs)
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
    size_t copied = 0;
    for (int i = 0; i < count; ++i) {
        const arsync_completion done = pool.wait();
        copied += done.result == 0;
        if (done.result != 0)
            CHECK(done.result == -ECANCELED);
    }
    CHECK(directory.entries() == 2 + copied);
    CHECK(pool.stats().jobs_cancelled == count - copied);
}

TEST_CASE_FIXTURE(Clean, "what waits for its turn ends when it is cancelled, not at its turn") {
    const Directory directory;
    make_node(directory / "fifo", S_IFIFO | 0600);
    write_file(directory / "from", "x");
    PoolOptions options;
    options.workers = 1;
    Pool pool(options);
    std::vector<arsync_job> endless; // nobody writes into the FIFO
    const auto is_queued = [&](arsync_job job) {
        return pool.progress(job).state == ARSYNC_JOB_QUEUED;
    };
    // Whatever has not begun by then never will.
    const auto begin_one = [&] {
        endless.push_back(pool.submit(directory / "fifo",
                                      directory / ("to" + std::to_string(endless.size())),
                                      Options().with_flags(ARSYNC_COPY_SPECIAL)));
        return eventually([&] { return !is_queued(endless.back()); }, 3000);
    };
    while (begin_one())
        REQUIRE(endless.size() < 2000);
    const arsync_job last = pool.submit(directory / "from", directory / "to");
    for (const arsync_job job : {endless.back(), last}) {
        CHECK(is_queued(job));
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        const arsync_completion done = pool.wait();
        CHECK(done.job == job);
        CHECK(done.result == -ECANCELED);
        CHECK(done.stage == ARSYNC_STAGE_QUEUE);
    }
    endless.pop_back();
    for (const arsync_job job : endless)
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
    for (size_t i = 0; i < endless.size(); ++i)
        CHECK(pool.wait().result == -ECANCELED);
    CHECK_NAMES(directory.path(), {"fifo", "from"});
}

TEST_CASE_FIXTURE(Clean, "closing a pool leaves no partial output") {
    const Directory directory;
    write_pattern(directory / "from", 2 * size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        for (int i = 0; i < 10; ++i) {
            const Directory to;
            {
                Pool pool{PoolOptions(backend)};
                for (int j = 0; j < 20; ++j)
                    REQUIRE(pool.submit(directory / "from", to / std::to_string(j)) != 0);
                std::this_thread::sleep_for(std::chrono::milliseconds(i));
                CHECK(pool.close() == 0);
            }
            for (int j = 0; j < 20; ++j)
                if (exists(to / std::to_string(j)))
                    CHECK(difference(directory / "from", to / std::to_string(j)) == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a cancel does not wait until a slow disk has taken all of a large chunk") {
    NEEDS_ROOT();
    const Directory directory;
    const Volume slow(Kind::ext4, 64);
    NEEDS(slow);
    constexpr uint64_t length = 64 << 20;
    constexpr uint64_t step = 256 << 10;
    write_pattern(directory / "from", length);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Opened from(directory / "from", O_RDONLY);
        const Opened to(slow.path() + "/to", O_WRONLY | O_CREAT | O_TRUNC);
        Pool pool{PoolOptions(backend)};
        arsync_job job = 0;
        {
            const Frozen frozen(slow.path());
            REQUIRE(frozen.is());
            REQUIRE(arsync_submit_copy_range(pool.get(), from.get(), 0, to.get(), 0, length,
                                             nullptr, 0, &job) == 0);
            REQUIRE(eventually([&] { return pool.progress(job).method == ARSYNC_METHOD_INLINE; }));
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
            CHECK(arsync_job_cancel(pool.get(), job) == 0);
        }
        CHECK(pool.wait().result == -ECANCELED);
        CHECK(pool.stats().bytes_written <= 4 * step); // one of each thread
    }
}

TEST_CASE_FIXTURE(Clean, "progress goes up to the size and no further") {
    const Directory directory;
    write_sparse(directory / "from", 2 * size, {{0, size}});
    PoolOptions slow;
    slow.buffer_size = 4096;
    slow.buffer_count = 1;
    Pool pool(slow);
    const arsync_job job = pool.submit(directory / "from", directory / "to",
                                       Options().with_method(ARSYNC_METHOD_FIXED));
    REQUIRE(job != 0);
    arsync_progress last = {};
    bool rises = true;
    bool within = true;
    do {
        const arsync_progress now = pool.progress(job);
        rises = rises && now.bytes_done >= last.bytes_done;
        within = within && now.bytes_done <= 2 * size &&
                 (now.bytes_total == 0 || now.bytes_total == 2 * size);
        last = now;
    } while (last.state != ARSYNC_JOB_COMPLETED);
    CHECK(rises);
    CHECK(within);
    CHECK(last.bytes_done == 2 * size);
    CHECK(last.method == ARSYNC_METHOD_FIXED);
    CHECK(pool.wait().result == 0);
}

} // namespace live
