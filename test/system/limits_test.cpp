// Little is allowed: descriptors, file sizes, threads, memory.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"

namespace live {

namespace {

bool limit(__rlimit_resource what, rlim_t most) {
    const rlimit both{most, most};
    return setrlimit(what, &both) == 0;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "few descriptors make copies fail cleanly, or slow, but lose none") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        constexpr int count = 300;
        write_pattern(directory / "from", 200'000);
        check_in_child([&](Report& report) {
            Pool pool{PoolOptions(backend)};
            const arsync_completion first = pool.copy(directory / "from", directory / "0");
            EXPECT_WITH(report, first.result == 0, words(first));
            EXPECT(report, limit(RLIMIT_NOFILE, open_descriptors() + 8));
            std::vector<std::string> names(count + 1);
            for (int i = 1; i <= count; ++i) {
                names[static_cast<size_t>(i)] = directory / std::to_string(i);
                const arsync_job job = pool.submit(
                    directory / "from", directory / std::to_string(i),
                    Options().with_method(ARSYNC_METHOD_FIXED), static_cast<uint64_t>(i));
                EXPECT(report, job != 0);
            }
            int copied = 0;
            for (int i = 1; i <= count; ++i) {
                const arsync_completion done = pool.wait();
                copied += done.result == 0;
                const bool right = done.result == 0 || done.result == -EMFILE;
                EXPECT_WITH(report, right, words(done));
                EXPECT(report, exists(names[done.user_data]) == (done.result == 0));
            }
            EXPECT(report, copied > 0);
            const arsync_completion last = pool.copy(directory / "from", directory / "last");
            EXPECT_WITH(report, last.result == 0, words(last));
        });
        for (int i = 0; i <= count; ++i)
            if (exists(directory / std::to_string(i)))
                CHECK(difference(directory / "from", directory / std::to_string(i)) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "no descriptor at all to be had is an error of open or submit") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    check_in_child([&](Report& report) {
        const int here = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Pool pool;
        EXPECT(report, pool.copy(directory / "from", directory / "to").result == 0);
        EXPECT(report, limit(RLIMIT_NOFILE, 3));
        arsync_pool* other = nullptr;
        EXPECT(report, arsync_pool_open(nullptr, &other) == -EMFILE);
        EXPECT(report, arsync_submit_copy(pool.get(), here, "from", here, "to", nullptr, 0,
                                          nullptr) == -EMFILE);
        const arsync_completion done = pool.copy(directory / "from", directory / "to");
        EXPECT_WITH(report, done.result == -EMFILE, words(done));
        EXPECT(report, done.stage == ARSYNC_STAGE_OPEN_SOURCE);
    });
}

TEST_CASE_FIXTURE(Clean, "a file larger than allowed is an error and no signal, and is not left") {
    const Directory directory;
    constexpr uint64_t size = 2'000'000;
    write_pattern(directory / "from", size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        check_in_child([&](Report& report) {
            EXPECT(report, limit(RLIMIT_FSIZE, size / 2));
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue;
                const arsync_completion done =
                    pool.copy(directory / "from", directory / "to", Options().with_method(method));
                EXPECT_WITH(report, done.result == -EFBIG,
                            method_name(method) + ": " + words(done));
                EXPECT(report, !exists(directory / "to"));
            }
        });
        CHECK(directory.entries() == 1);
    }
}

// The limit on threads is the user's: another run of these tests would take from it.
static unsigned user_of_its_own() {
    return ordinary_user + 1 + static_cast<unsigned>(getpid()) % 10000;
}

// Copies by a pool that has no thread.
static void copies_in_poll(Report& report, const Directory& directory, int error) {
    const PoolOptions uring(ARSYNC_BACKEND_URING);
    // A ring belongs to a thread. A submit alone says EAGAIN.
    EXPECT(report, Pool(uring).error() == (error == -EAGAIN ? -ENOMEM : error));
    Pool pool;
    EXPECT(report, pool.error() == 0);
    const int ready = arsync_pool_event_fd(pool.get());
    const auto is_ready = [&] {
        pollfd entry{ready, POLLIN, 0};
        return poll(&entry, 1, 0) == 1;
    };
    EXPECT(report, !is_ready());
    for (const char* name : {"small", "large", "tree"}) {
        const Options options =
            Options().with_flags(ARSYNC_COPY_RECURSIVE).with_report(ARSYNC_REPORT_ALL);
        const std::string to = directory / "copy of " + name;
        EXPECT(report, pool.submit(directory / name, to, options) != 0);
        EXPECT(report, is_ready());
        arsync_completion done = pool.wait();
        while (done.kind == ARSYNC_COMPLETION_ENTRY)
            done = pool.wait();
        EXPECT_WITH(report, done.result == 0, words(done));
        EXPECT(report, !is_ready());
    }
    EXPECT(report, difference(directory / "large", directory / "copy of large") == "");
    EXPECT(report, exists(directory / "copy of tree/4999"));
    const arsync_info info = pool.info();
    EXPECT(report, info.backend == ARSYNC_BACKEND_THREADS && info.workers_started == 0);
    EXPECT_WITH(report, strstr(info.backend_reason, arsync_strerror(error)), info.backend_reason);

    const Options special = Options().with_flags(ARSYNC_COPY_SPECIAL);
    const arsync_completion unread = pool.copy(directory / "small", directory / "fifo", special);
    EXPECT_WITH(report, unread.result == error, words(unread));
    EXPECT(report, unread.stage == ARSYNC_STAGE_OPEN_DESTINATION);

    const arsync_job cancelled = pool.submit(directory / "large", directory / "cancelled");
    EXPECT(report, arsync_job_cancel(pool.get(), cancelled) == 0);
    EXPECT(report, pool.wait().result == -ECANCELED);
    EXPECT(report, pool.submit(directory / "large", directory / "not polled") != 0);
    EXPECT(report, pool.close() == 0);
    EXPECT(report, !exists(directory / "not polled"));
}

TEST_CASE_FIXTURE(Clean, "without a single thread to be had, copies run in poll") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "small", 1000);
    write_pattern(directory / "large", 20'000'000);
    mkfifo((directory / "fifo").c_str(), 0600);
    chmod((directory / "fifo").c_str(), 0666);
    mkdir((directory / "tree").c_str(), 0755);
    for (int i = 0; i < 5000; ++i) // more than may wait to be polled
        write_file(directory / "tree/" + std::to_string(i), "x");
    check_in_child([&](Report& report) {
        EXPECT(report, limit(RLIMIT_NPROC, 1)); // this process is the one
        EXPECT(report, become_ordinary(user_of_its_own()));
        copies_in_poll(report, directory, -EAGAIN);
    });
    std::filesystem::remove_all(directory / "copy of tree");
    check_in_child([&](Report& report) {
        EXPECT(report, deny(__NR_clone3, EPERM) && deny(__NR_clone, EPERM));
        copies_in_poll(report, directory, -EPERM);
    });
}

TEST_CASE_FIXTURE(Clean, "a worker that gets no helper threads ends its copies all the same") {
    NEEDS_ROOT();
    if (thread_sanitized) {
        skip("ThreadSanitizer takes a thread for itself");
        return;
    }
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        chmod(directory.path().c_str(), 0777);
        write_pattern(directory / "from", 2'000'000);
        check_in_child([&](Report& report) {
            EXPECT(report, limit(RLIMIT_NPROC, 2)); // this thread and one worker
            EXPECT(report, become_ordinary(user_of_its_own()));
            PoolOptions options(backend);
            Pool pool(options);
            for (const uint32_t method :
                 {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_COPY_FILE_RANGE}) {
                const arsync_job job = pool.submit(directory / "from", directory / "to",
                                                   Options().with_method(method));
                EXPECT(report, job != 0);
                arsync_completion done = pool.wait();
                if (done.result == -ETIMEDOUT) {
                    EXPECT_WITH(report, done.result != -ETIMEDOUT, method_name(method));
                    return;
                }
                const bool right = done.result == 0 || done.result == -EAGAIN;
                EXPECT_WITH(report, right, method_name(method) + ": " + words(done));
                EXPECT(report, exists(directory / "to") == (done.result == 0));
                unlink((directory / "to").c_str());
            }
        });
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a worker that gets no helper threads has time for others than one large file") {
    NEEDS_ROOT();
    if (thread_sanitized) {
        skip("ThreadSanitizer takes a thread for itself");
        return;
    }
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "large", 128 << 20);
    chmod((directory / "large").c_str(), 0666); // or the kernel does not tell that it is cached
    write_pattern(directory / "small", 1000);
    check_in_child([&](Report& report) {
        EXPECT(report, limit(RLIMIT_NPROC, 2)); // this thread and one worker
        EXPECT(report, become_ordinary());
        Pool pool;
        const arsync_job large = pool.submit(directory / "large", directory / "copy of large");
        EXPECT(report, eventually([&] { return pool.progress(large).bytes_done > 0; }));
        const arsync_job small = pool.submit(directory / "small", directory / "copy of small");
        const arsync_completion done = pool.wait();
        EXPECT_WITH(report, done.job == small && done.result == 0, words(done));
        EXPECT(report, pool.wait().job == large);
    });
}

} // namespace live
