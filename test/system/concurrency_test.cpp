// Many jobs, many threads.
#include <atomic>
#include <cerrno>
#include <mutex>
#include <poll.h>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "system/check.h"

namespace live {

namespace {

constexpr size_t sources = 8;

std::string source_name(const Directory& directory, size_t number) {
    return directory / ("from" + std::to_string(number % sources));
}

void many_jobs(uint32_t backend) {
    constexpr size_t threads = 8;
    constexpr size_t each = sanitized ? 250 : 1250;
    constexpr size_t count = threads * each;
    const Directory directory;
    for (size_t i = 0; i < sources; ++i)
        write_pattern(source_name(directory, i), 1 + i * 7001, static_cast<uint32_t>(i + 1));
    std::vector<std::string> expected;
    for (size_t i = 0; i < sources; ++i)
        expected.push_back(read_file(source_name(directory, i)));

    PoolOptions options(backend);
    options.job_limit = 3000; // so that the limit is met too
    options.workers = 4;
    Pool pool(options);
    std::vector<std::atomic<arsync_job>> ids(count);
    std::vector<arsync_completion> ends(count);
    std::vector<int> times(count, 0);
    std::atomic<size_t> refused = 0, unknown_cancels = 0;

    std::vector<std::thread> submitters;
    for (size_t t = 0; t < threads; ++t)
        submitters.emplace_back([&, t] {
            std::mt19937 random(static_cast<unsigned>(t));
            for (size_t i = t * each; i < (t + 1) * each; ++i) {
                const std::string from = source_name(directory, i);
                const std::string to = directory / ("to" + std::to_string(i));
                arsync_job id = 0;
                int error = -EAGAIN;
                while (error == -EAGAIN) {
                    error = arsync_submit_copy(pool.get(), AT_FDCWD, from.c_str(), AT_FDCWD,
                                               to.c_str(), nullptr, i, &id);
                    if (error == -EAGAIN)
                        std::this_thread::sleep_for(std::chrono::microseconds(200));
                }
                refused += error != 0;
                ids[i] = id;
                if (random() % 4 == 0) {
                    const size_t victim = t * each + random() % (i - t * each + 1);
                    const int result = arsync_job_cancel(pool.get(), ids[victim]);
                    unknown_cancels += result != 0 && result != -ENOENT;
                }
            }
        });
    size_t seen = 0;
    bool known = true;
    arsync_completion batch[64];
    while (seen < count) {
        const int got = arsync_poll(pool.get(), batch, 64, 60'000);
        if (got <= 0)
            break;
        for (int i = 0; i < got; ++i, ++seen) {
            const uint64_t number = batch[i].user_data;
            known = known && number < count;
            if (number < count) {
                ends[number] = batch[i];
                ++times[number];
            }
        }
    }
    for (std::thread& thread : submitters)
        thread.join();
    arsync_completion extra;
    CHECK(arsync_poll(pool.get(), &extra, 1, 50) == 0);

    CHECK(known);
    CHECK(seen == count);
    CHECK(refused == 0);
    CHECK(unknown_cancels == 0);
    size_t cancelled = 0, wrong = 0, not_once = 0, stale = 0;
    for (size_t i = 0; i < count; ++i) {
        not_once += times[i] != 1;
        stale += arsync_job_cancel(pool.get(), ids[i]) != -ENOENT;
        const std::string to = directory / ("to" + std::to_string(i));
        cancelled += ends[i].result == -ECANCELED;
        if (ends[i].job != ids[i])
            ++wrong;
        else if (ends[i].result == 0)
            wrong += read_file(to) != expected[i % sources];
        else
            wrong += ends[i].result != -ECANCELED || exists(to);
    }
    CHECK(not_once == 0);
    CHECK(wrong == 0);
    CHECK(stale == 0);
    const arsync_stats stats = pool.stats();
    CHECK(stats.jobs_submitted == count);
    CHECK(stats.jobs_completed == count);
    CHECK(stats.jobs_cancelled == cancelled);
    CHECK(stats.jobs_failed == 0);
}

} // namespace

TEST_CASE("what is tried on both backends can be tried on io_uring") {
    if (!has_io_uring())
        skip("io_uring is denied: every case of this suite ran on threads only");
}

TEST_CASE_FIXTURE(Clean,
                  "10,000 jobs of 8 threads, cancelled at random, end once each, on io_uring") {
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    many_jobs(ARSYNC_BACKEND_URING);
}
TEST_CASE_FIXTURE(Clean,
                  "10,000 jobs of 8 threads, cancelled at random, end once each, on threads") {
    many_jobs(ARSYNC_BACKEND_THREADS);
}

TEST_CASE_FIXTURE(Clean, "large copies run side by side and are right") {
    const Directory directory;
    constexpr size_t count = 12;
    for (size_t i = 0; i < sources; ++i)
        write_pattern(source_name(directory, i), 5'000'000 + i, static_cast<uint32_t>(i + 1));
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        PoolOptions options(backend);
        options.workers = 3;
        options.buffer_count = 5;
        Pool pool(options);
        for (size_t i = 0; i < count; ++i)
            REQUIRE(pool.submit(source_name(directory, i), directory / ("to" + std::to_string(i)),
                                Options().with_method(i % 2 == 0 ? ARSYNC_METHOD_FIXED
                                                                 : ARSYNC_METHOD_DIRECT)) != 0);
        for (size_t i = 0; i < count; ++i)
            CHECK(pool.wait().result == 0);
        for (size_t i = 0; i < count; ++i) {
            const std::string to = directory / ("to" + std::to_string(i));
            CHECK(difference(source_name(directory, i), to) == "");
            unlink(to.c_str());
        }
        CHECK(pool.info().workers_started <= 3);
    }
}

TEST_CASE_FIXTURE(Clean, "many copies to one new name leave one of them, whole") {
    const Directory directory;
    for (size_t i = 0; i < sources; ++i)
        write_pattern(source_name(directory, i), 100'000, static_cast<uint32_t>(i + 1));
    PoolOptions options;
    options.workers = 4;
    Pool pool(options);
    for (const uint32_t replace : {ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_EXCLUSIVE}) {
        const std::string to = directory / "to";
        for (size_t i = 0; i < 40; ++i)
            REQUIRE(pool.submit(source_name(directory, i), to, Options().with_replace(replace)) !=
                    0);
        size_t copied = 0;
        for (size_t i = 0; i < 40; ++i) {
            const arsync_completion done = pool.wait();
            copied += done.result == 0;
            if (done.result != 0)
                CHECK(done.result == -EEXIST);
        }
        CHECK(copied == (replace == ARSYNC_REPLACE_ATOMIC ? 40 : 1));
        const std::string content = read_file(to);
        size_t matches = 0;
        for (size_t i = 0; i < sources; ++i)
            matches += content == read_file(source_name(directory, i));
        CHECK(matches == 1);
        unlink(to.c_str());
        CHECK(directory.entries() == sources);
    }
}

} // namespace live
