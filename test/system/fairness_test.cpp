// Whoever waits long keeps nobody from his turn, and nobody waits beside a worker that is free.
#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <unistd.h>
#include <vector>

#include "system/check.h"
#include "system/stream.h"
#include "system/tree.h"

namespace live {

namespace {

const Options special = Options().with_flags(ARSYNC_COPY_SPECIAL);
constexpr uint64_t stream_mark = 7;

PoolOptions with_workers(uint32_t backend, uint32_t workers) {
    PoolOptions options(backend);
    options.workers = workers;
    return options;
}

bool usable(uint32_t backend) {
    return backend != ARSYNC_BACKEND_URING || has_io_uring();
}

// Submits copies that are done at once, one after the other, for as long as it lives.
class Storm {
public:
    Storm(Pool& pool, const Directory& directory)
        : thread_([this, &pool, from = directory / "small", to = directory / "copy"] {
              while (!ended_) {
                  if (arsync_submit_copy(pool.get(), AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                                         nullptr, 0, nullptr) < 0)
                      std::this_thread::yield(); // as many as may be wait to be polled
                  ++submitted_;
              }
          }) {}
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;
    ~Storm() {
        ended_ = true;
        thread_.join();
    }
    uint64_t submitted() const { return submitted_; }

private:
    std::atomic<bool> ended_ = false;
    std::atomic<uint64_t> submitted_ = 0;
    std::thread thread_;
};

} // namespace

TEST_CASE_FIXTURE(Clean, "no job is queued while a worker has a place for it") {
    const Directory directory;
    make_node(directory / "fifo", S_IFIFO | 0600); // nobody writes into it
    for (const uint32_t backend : both_backends) {
        if (!usable(backend))
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(with_workers(backend, 3));
        std::vector<arsync_job> jobs;
        for (int i = 0; i < 3 * 64; ++i)
            jobs.push_back(
                pool.submit(directory / "fifo", directory / ("to" + std::to_string(i)), special));
        const auto runs = [&](arsync_job job) {
            return pool.progress(job).state == ARSYNC_JOB_RUNNING;
        };
        CHECK(eventually([&] { return std::all_of(jobs.begin(), jobs.end(), runs); }, 5'000));
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a stream of small copies keeps neither a cancel nor a large copy waiting") {
    const Directory directory;
    write_pattern(directory / "small", 1000);
    write_pattern(directory / "large", 8'000'000);
    for (const uint32_t backend : both_backends) {
        if (!usable(backend))
            continue;
        Stream from(directory / ("stream" + std::to_string(backend)));
        Pool pool(with_workers(backend, 1));
        const arsync_job waits = pool.submit(from.path(), directory / "to", special, 1);
        REQUIRE(eventually([&] { return pool.progress(waits).stage == ARSYNC_STAGE_READ; }));
        const Options fixed = Options().with_method(ARSYNC_METHOD_FIXED);
        const Storm storm(pool, directory);
        REQUIRE(eventually([&] { return storm.submitted() > 1000; }));
        REQUIRE(pool.submit(directory / "large", directory / "copy of large", fixed, 2) != 0);
        CHECK(arsync_job_cancel(pool.get(), waits) == 0);
        int left = 2;
        while (left > 0) { // wait() gives up where this would last for ever
            const arsync_completion done = pool.wait();
            REQUIRE(done.result != -ETIMEDOUT);
            if (done.user_data == 1)
                CHECK(done.result == -ECANCELED);
            if (done.user_data == 2)
                CHECK(done.result == 0);
            left -= done.user_data != 0;
        }
    }
}

TEST_CASE_FIXTURE(Clean, "streams that give nothing leave buffers and places to others") {
    const Directory directory;
    write_pattern(directory / "from", 1'000'000);
    for (const uint32_t backend : both_backends) {
        if (!usable(backend))
            continue;
        for (const uint32_t depth : {1u, 64u}) {
            std::vector<std::unique_ptr<Stream>> streams;
            PoolOptions options = with_workers(backend, 1);
            options.queue_depth = depth;
            options.buffer_count = 4;
            Pool pool(options);
            for (int i = 0; i < 40; ++i) {
                const std::string name = "stream" + std::to_string(i);
                unlink((directory / name).c_str());
                streams.push_back(std::make_unique<Stream>(directory / name));
                REQUIRE(pool.submit(streams.back()->path(), directory / ("to " + name), special,
                                    stream_mark) != 0);
            }
            const Options fixed = Options().with_method(ARSYNC_METHOD_FIXED);
            const std::string to = directory / "to";
            unlink(to.c_str());
            REQUIRE(pool.submit(directory / "from", to, fixed) != 0);
            const arsync_completion done = pool.wait(30'000);
            CHECK(done.user_data == 0);
            CHECK(done.result == 0);
            CHECK(difference(directory / "from", to) == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "jobs that are submitted together go to as many workers") {
    const Directory directory;
    write_pattern(directory / "small", 1000);
    for (const uint32_t backend : both_backends) {
        if (!usable(backend))
            continue;
        Stream from(directory / ("stream" + std::to_string(backend)));
        for (int round = 0; round < (sanitized ? 20 : 200); ++round) {
            // Both cases: workers that are just starting, and workers that are about to sleep.
            Pool fresh(with_workers(backend, 2));
            for (int again = 0; again < 4; ++again) {
                const arsync_job waits =
                    fresh.submit(from.path(), directory / "to", special, stream_mark);
                REQUIRE(fresh.submit(directory / "small", directory / "copy") != 0);
                const arsync_completion first = fresh.wait(20'000);
                REQUIRE(first.result == 0);
                REQUIRE(first.user_data == 0);
                REQUIRE(arsync_job_cancel(fresh.get(), waits) == 0);
                REQUIRE(fresh.wait().result == -ECANCELED);
            }
            CHECK(fresh.info().workers_started == 2);
        }
    }
}

} // namespace live
