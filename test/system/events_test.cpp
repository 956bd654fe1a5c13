// Polling, the event descriptor, job ids, and the threads behind them.
#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <poll.h>
#include <set>
#include <thread>
#include <unistd.h>
#include <vector>

#include "system/check.h"
#include "system/child.h"
#include "system/stream.h"

namespace live {

namespace {

const Options special = Options().with_flags(ARSYNC_COPY_SPECIAL);

bool readable(int fd, int timeout_ms = 0) {
    pollfd entry{fd, POLLIN, 0};
    return poll(&entry, 1, timeout_ms) == 1 && (entry.revents & POLLIN) != 0;
}

uint64_t blocked_signals(const std::filesystem::path& task) {
    const std::string status = read_file(task / "status");
    const size_t at = status.find("SigBlk:");
    return at == std::string::npos ? 0 : std::stoull(status.substr(at + 7), nullptr, 16);
}

constexpr uint64_t bit_of(int signal) {
    return uint64_t{1} << (signal - 1);
}
// SIGKILL, SIGSTOP, the two that the C library keeps for itself, and what a thread brings upon
// itself.
constexpr uint64_t may_be_open = bit_of(SIGKILL) | bit_of(SIGSTOP) | bit_of(32) | bit_of(33) |
                                 bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGFPE) |
                                 bit_of(SIGILL) | bit_of(SIGTRAP) | bit_of(SIGSYS);

bool is_kernels(const std::string& name) {
    return name.starts_with("iou-");
}

bool is_named_right(const std::string& name) {
    const std::string prefix = "arsync/";
    return name.starts_with(prefix) && name.size() > prefix.size() &&
           std::all_of(name.begin() + static_cast<long>(prefix.size()), name.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0; });
}

} // namespace

TEST_CASE_FIXTURE(Clean, "the event descriptor is readable exactly while completions wait") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Pool pool{PoolOptions(backend)};
        const int fd = arsync_pool_event_fd(pool.get());
        REQUIRE(fd >= 0);
        CHECK(arsync_pool_event_fd(pool.get()) == fd);
        CHECK_FALSE(readable(fd));
        for (int round = 0; round < 20; ++round) {
            constexpr int count = 3;
            for (int i = 0; i < count; ++i)
                REQUIRE(pool.submit(directory / "from", directory / std::to_string(i)) != 0);
            REQUIRE(eventually([&] {
                return pool.stats().jobs_completed == static_cast<uint64_t>(count * (round + 1));
            }));
            for (int i = 0; i < count; ++i) {
                CHECK(readable(fd));
                CHECK(readable(fd)); // level-triggered
                arsync_completion done;
                CHECK(arsync_poll(pool.get(), &done, 1, 0) == 1);
            }
            CHECK_FALSE(readable(fd));
            arsync_completion none;
            CHECK(arsync_poll(pool.get(), &none, 1, 0) == 0);
        }
        // It wakes who waits.
        REQUIRE(pool.submit(directory / "from", directory / "to") != 0);
        CHECK(readable(fd, 10'000));
        CHECK(pool.wait().result == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "of two that poll at once, the second is told so") {
    Pool pool;
    std::atomic<int> first = 1;
    std::thread poller([&] {
        arsync_completion done;
        do
            first = arsync_poll(pool.get(), &done, 1, -1);
        while (first == -EBUSY); // we were there before it
    });
    arsync_completion done;
    CHECK(eventually([&] { return arsync_poll(pool.get(), &done, 1, 0) == -EBUSY; }));
    CHECK(arsync_poll(pool.get(), &done, 1, 0) == -EBUSY);
    const Directory directory;
    write_pattern(directory / "from", 1000);
    REQUIRE(pool.submit(directory / "from", directory / "to") != 0);
    poller.join();
    CHECK(first.load() == 1);
    CHECK(arsync_poll(pool.get(), &done, 1, 0) == 0);
}

TEST_CASE_FIXTURE(Clean, "a poll waits as long as it was told") {
    using Clock = std::chrono::steady_clock;
    Pool pool;
    arsync_completion done[2];
    const auto start = Clock::now();
    CHECK(arsync_poll(pool.get(), done, 2, 50) == 0);
    CHECK(Clock::now() - start >= std::chrono::milliseconds(50));
    CHECK(arsync_poll(pool.get(), done, 0, 0) == -EINVAL);
    CHECK(arsync_poll(pool.get(), done, 1, -2) == -EINVAL);
    CHECK(arsync_poll(pool.get(), nullptr, 1, 0) == -EFAULT);
}

TEST_CASE_FIXTURE(Clean, "a job id is good until its completion has been polled, and never again") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    Pool pool;
    arsync_progress progress = {};
    progress.struct_size = sizeof progress;
    std::vector<arsync_job> old;
    for (int i = 0; i < 100; ++i) {
        const arsync_job job = pool.submit(directory / "from", directory / "to");
        REQUIRE(job != 0);
        CHECK(std::find(old.begin(), old.end(), job) == old.end());
        REQUIRE(eventually([&] { return pool.progress(job).state == ARSYNC_JOB_COMPLETED; }));
        CHECK(arsync_job_cancel(pool.get(), job) == 0); // too late, but known
        CHECK(pool.wait().result == 0);
        old.push_back(job);
        for (const arsync_job stale : old) {
            CHECK(arsync_job_cancel(pool.get(), stale) == -ENOENT);
            CHECK(arsync_job_progress(pool.get(), stale, &progress) == -ENOENT);
        }
    }
    for (const arsync_job never : {arsync_job{0}, arsync_job{12345}, UINT64_MAX})
        CHECK(arsync_job_cancel(pool.get(), never) == -ENOENT);
}

TEST_CASE_FIXTURE(Clean, "at the job limit a submit is refused, until something is polled") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    PoolOptions options;
    options.job_limit = 3;
    Pool pool(options);
    const std::string from = directory / "from";
    const auto submit = [&](int number) {
        return arsync_submit_copy(pool.get(), AT_FDCWD, from.c_str(), AT_FDCWD,
                                  (directory / std::to_string(number)).c_str(), nullptr, 0,
                                  nullptr);
    };
    for (int i = 0; i < 3; ++i)
        REQUIRE(submit(i) == 0);
    REQUIRE(eventually([&] { return pool.stats().jobs_completed == 3; }));
    CHECK(submit(3) == -EAGAIN); // completed, but not polled
    CHECK(pool.wait().result == 0);
    CHECK(submit(3) == 0);
    CHECK(submit(4) == -EAGAIN);
    for (int i = 0; i < 3; ++i)
        CHECK(pool.wait().result == 0);
    CHECK_FALSE(exists(directory / "4"));
}

TEST_CASE_FIXTURE(Clean, "the library's threads block all signals and say whose they are") {
    const Directory directory;
    write_pattern(directory / "from", 3'000'000);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const std::vector<std::string> before = thread_names();
        CHECK(std::none_of(before.begin(), before.end(), is_named_right)); // there is no work yet
        for (const uint32_t method : {ARSYNC_METHOD_FIXED, ARSYNC_METHOD_COPY_FILE_RANGE})
            CHECK(pool.copy(directory / "from", directory / "to", Options().with_method(method))
                      .result == 0);
        size_t workers = 0;
        std::set<std::string> odd_names;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            std::string name = read_file(task.path() / "comm");
            name.resize(name.find('\n'));
            const bool ours = task.path().filename() == std::to_string(getpid());
            if (ours || is_kernels(name) || name.starts_with("system"))
                continue;
            if (!is_named_right(name) && name != "arsync/spare") // which has nothing to do yet
                odd_names.insert(name);
            ++workers;
            CHECK((blocked_signals(task.path()) | may_be_open) == UINT64_MAX);
        }
        CHECK(workers >= 1);
        CHECK(odd_names.empty());
        for (const std::string& name : odd_names)
            MESSAGE(name);
    }
}

TEST_CASE_FIXTURE(Clean, "a signal meant for the program finds the program's own thread") {
    const Directory directory;
    check_in_child([&](Report& report) {
        static std::atomic<pid_t> handled_by = 0;
        signal(SIGUSR1, [](int) { handled_by = gettid(); });
        Stream from(directory / "from");
        Pool pool;
        const arsync_job job = pool.submit(from.path(), directory / "to", special);
        EXPECT(report, from.give_and_wait("some", pool, job));
        for (int i = 0; i < 50; ++i) {
            handled_by = 0;
            kill(getpid(), SIGUSR1);
            EXPECT(report, eventually([&] { return handled_by != 0; }, 5000));
            EXPECT(report, handled_by == gettid());
        }
        from.end();
        EXPECT(report, pool.wait().result == 0);
    });
}

TEST_CASE_FIXTURE(Clean,
                  "the progress of a job that has failed tells of an error, of none if none") {
    const Directory directory;
    write_file(directory / "from", "content");
    Pool pool;
    const auto ended = [&](const std::string& from) {
        const arsync_job job = pool.submit(from, directory / "to");
        REQUIRE(job != 0);
        CHECK(eventually([&] { return pool.progress(job).state == ARSYNC_JOB_COMPLETED; }));
        const arsync_progress progress = pool.progress(job);
        pool.wait();
        CHECK(progress.entries_total == 1);
        CHECK(progress.entries_done == 1);
        return progress.errors;
    };
    CHECK(ended(directory / "from") == 0);
    CHECK(ended(directory / "nothing") == 1);
    arsync_job list = 0;
    REQUIRE(arsync_list_open(pool.get(), AT_FDCWD, AT_FDCWD, nullptr, 0, &list) == 0);
    CHECK(pool.progress(list).entries_total == 0);
    CHECK((pool.progress(list).flags & ARSYNC_PROGRESS_WALKING) != 0);
    CHECK(arsync_job_cancel(pool.get(), list) == 0);
    CHECK(eventually([&] { return pool.progress(list).state == ARSYNC_JOB_COMPLETED; }));
    CHECK((pool.progress(list).flags & ARSYNC_PROGRESS_WALKING) == 0);
    pool.wait();
}

} // namespace live
