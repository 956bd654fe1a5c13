// Where io_uring, or a part of it, is not to be had: it works, and info says why.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "system/check.h"
#include "system/child.h"

namespace live {

namespace {

constexpr uint64_t size = 3'000'000;

// Copies by every method, and says which did not work.
void copies_by_every_method(Report& report, Pool& pool, const Directory& directory) {
    for (const uint32_t method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        const std::string to = directory / "to";
        const arsync_completion done =
            pool.copy(directory / "from", to, Options().with_method(method));
        EXPECT_WITH(report, done.result == 0, words(done));
        EXPECT_WITH(report, difference(directory / "from", to) == "", method_name(method));
        unlink(to.c_str());
    }
}

void works_on_threads(Report& report, const Directory& directory) {
    arsync_pool* pool = nullptr;
    const PoolOptions uring(ARSYNC_BACKEND_URING);
    EXPECT(report, arsync_pool_open(&uring, &pool) == -EPERM);
    EXPECT(report, pool == nullptr);
    Pool automatic;
    EXPECT(report, automatic.error() == 0);
    for (int used = 0; used < 2; ++used) {
        const arsync_info info = automatic.info();
        EXPECT(report, info.backend == ARSYNC_BACKEND_THREADS);
        EXPECT_WITH(report, strstr(info.backend_reason, strerrordesc_np(EPERM)) != nullptr,
                    info.backend_reason);
        copies_by_every_method(report, automatic, directory);
    }
    EXPECT(report, automatic.stats().submissions == 0);
}

// Sets kernel.io_uring_disabled, and sets it back even if this process is killed: another one, in a
// session of its own, waits for that.
class Disabled {
public:
    explicit Disabled(const char* value) {
        try {
            before_ = read_file(path);
        } catch (const std::exception&) {
            return; // before Linux 6.6 there is no such thing
        }
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return;
        guardian_ = fork();
        if (guardian_ == 0) {
            setsid();
            close(ends[1]);
            char byte;
            while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
            }
            set(before_.c_str());
            _exit(0);
        }
        close(ends[0]);
        rope_ = ends[1];
        in_force_ = set(value);
    }
    Disabled(const Disabled&) = delete;
    Disabled& operator=(const Disabled&) = delete;
    ~Disabled() {
        if (rope_ < 0)
            return;
        close(rope_);
        int status;
        waitpid(guardian_, &status, 0);
    }
    bool in_force() const { return in_force_; }

private:
    static constexpr const char* path = "/proc/sys/kernel/io_uring_disabled";

    static bool set(const char* value) {
        const int fd = open(path, O_WRONLY | O_CLOEXEC);
        const auto length = static_cast<ssize_t>(strlen(value));
        const bool done = fd >= 0 && write(fd, value, strlen(value)) == length;
        if (fd >= 0)
            close(fd);
        return done;
    }

    std::string before_;
    pid_t guardian_ = -1;
    int rope_ = -1;
    bool in_force_ = false;
};

// Copies while io_uring becomes denied: some have ended then, some run, some wait. How a sync went
// that a ring had begun nobody knows: that is the filter's error.
void denies_itself_later(Report& report, const Directory& directory, uint32_t flags, int error) {
    PoolOptions options(ARSYNC_BACKEND_AUTO);
    options.workers = 2;
    options.flags = flags;
    Pool pool(options);
    const int held = open((directory / "fifo").c_str(), O_RDWR | O_CLOEXEC);
    const arsync_job silent = pool.submit(directory / "fifo", directory / "never",
                                          Options().with_flags(ARSYNC_COPY_SPECIAL));
    constexpr uint64_t jobs = 24;
    for (uint64_t i = 0; i < jobs; ++i) {
        if (i == jobs / 2) {
            usleep(5'000);
            const uint32_t polls = flags & ARSYNC_POOL_SQPOLL;
            EXPECT(report, eventually([&] { return (pool.info().flags & polls) == polls; }));
            EXPECT(report,
                   deny_late({__NR_io_uring_enter, __NR_io_uring_setup, __NR_io_uring_register},
                             error));
        }
        const auto method = i % 2 == 0 ? ARSYNC_METHOD_FIXED : ARSYNC_METHOD_DIRECT;
        Options how = Options().with_method(method);
        if (i % 3 == 0)
            how.with_durability(ARSYNC_DURABILITY_FILE);
        EXPECT(report,
               pool.submit(directory / "from", directory / std::to_string(i), how, i + 1) != 0);
    }
    for (uint64_t i = 0; i < jobs; ++i) {
        const arsync_completion done = pool.wait();
        const uint64_t number = done.user_data - 1;
        const bool unknown = number % 3 == 0 && done.result == -error;
        EXPECT_WITH(report, done.result == 0 || unknown, words(done));
        const std::string to = directory / std::to_string(number);
        EXPECT(report, unknown || difference(directory / "from", to) == "");
        unlink(to.c_str());
    }
    EXPECT(report, arsync_job_cancel(pool.get(), silent) == 0);
    EXPECT(report, pool.wait().result == -ECANCELED);
    const arsync_info info = pool.info(); // who only waited has noticed by now
    EXPECT(report, info.backend == ARSYNC_BACKEND_THREADS);
    EXPECT_WITH(report, strstr(info.backend_reason, strerrordesc_np(error)) != nullptr,
                info.backend_reason);
    EXPECT(report, pool.close() == 0);
    close(held);
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    EXPECT(report, used.ru_utime.tv_sec + used.ru_stime.tv_sec < 20);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "with io_uring denied by seccomp, copies run on threads") {
    const Directory directory;
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        if (deny_io_uring())
            works_on_threads(report, directory);
        else
            report.expect(false, "seccomp", 0);
    });
}

TEST_CASE_FIXTURE(Clean, "with io_uring_enter(2) alone denied by seccomp, copies run on threads") {
    const Directory directory;
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        if (deny(__NR_io_uring_enter, EPERM))
            works_on_threads(report, directory);
        else
            report.expect(false, "seccomp", 0);
    });
}

TEST_CASE_FIXTURE(Clean, "a process that denies itself io_uring later goes on by threads") {
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    write_pattern(directory / "from", size);
    REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
    for (const int error : {EPERM, ENOSYS, EACCES})
        for (const uint32_t flags : {0u, uint32_t{ARSYNC_POOL_SQPOLL}, uint32_t{ARSYNC_POOL_IOPOLL},
                                     uint32_t{ARSYNC_POOL_SQPOLL} | uint32_t{ARSYNC_POOL_IOPOLL}}) {
            CAPTURE(error);
            CAPTURE(flags);
            check_in_child(
                [&](Report& report) { denies_itself_later(report, directory, flags, error); });
        }
}

TEST_CASE_FIXTURE(Clean,
                  "with registering alone denied by seccomp, buffers are used unregistered") {
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        if (!deny(__NR_io_uring_register, EPERM)) {
            report.expect(false, "seccomp", 0);
            return;
        }
        Pool pool;
        copies_by_every_method(report, pool, directory);
        EXPECT(report, pool.info().backend == ARSYNC_BACKEND_URING);
        EXPECT(report, strlen(pool.info().buffers_reason) > 0);
        EXPECT(report, pool.stats().reads_fixed == 0);
    });
}

TEST_CASE_FIXTURE(Clean, "with io_uring denied by sysctl, copies run on threads") {
    NEEDS_ROOT();
    const Directory directory;
    write_pattern(directory / "from", size);
    std::string report;
    {
        const Disabled disabled("2");
        if (!disabled.in_force()) {
            skip("kernel.io_uring_disabled cannot be set");
            return;
        }
        report = in_child([&](Report& each) { works_on_threads(each, directory); });
    }
    CHECK(report == "");
    CHECK(Pool(PoolOptions(ARSYNC_BACKEND_URING)).error() == 0); // and it is back again
}

TEST_CASE_FIXTURE(Clean, "info says what was asked for and what there is") {
    Pool threads{PoolOptions(ARSYNC_BACKEND_THREADS)};
    CHECK(threads.info().backend == ARSYNC_BACKEND_THREADS);
    CHECK(strlen(threads.info().backend_reason) > 0);
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    Pool pool;
    CHECK(pool.info().backend == ARSYNC_BACKEND_URING);
    CHECK(strlen(pool.info().backend_reason) > 0);
    CHECK(pool.info().workers_started == 0);
    const Directory directory;
    write_pattern(directory / "from", size);
    REQUIRE(
        pool.copy(directory / "from", directory / "to", Options().with_method(ARSYNC_METHOD_FIXED))
            .result == 0);
    const arsync_info info = pool.info();
    CHECK(info.backend == ARSYNC_BACKEND_URING);
    CHECK(info.workers_started == 1);
    CHECK(strlen(info.kernel_features) > 0);
    CHECK((strlen(info.buffers_reason) > 0) == (info.buffers_refused > 0));
    CHECK(info.flags == 0);
    CHECK(strlen(info.sqpoll_reason) == 0);
    CHECK(strlen(info.iopoll_reason) == 0);
}

TEST_CASE_FIXTURE(Clean,
                  "with no memory to lock, buffers are used unregistered, and info says so") {
    NEEDS_ROOT();
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        const rlimit none{0, 0};
        EXPECT(report, setrlimit(RLIMIT_MEMLOCK, &none) == 0);
        EXPECT(report, become_ordinary());
        Pool pool;
        copies_by_every_method(report, pool, directory);
        const arsync_info info = pool.info();
        if (info.backend == ARSYNC_BACKEND_URING) {
            EXPECT(report, info.buffers_registered == 0);
            EXPECT(report, info.buffers_refused > 0);
            EXPECT(report, strlen(info.buffers_reason) > 0);
            EXPECT(report, pool.stats().reads_fixed == 0);
            EXPECT(report, pool.stats().writes_fixed == 0);
        } else {
            EXPECT(report, strlen(info.backend_reason) > 0);
        }
    });
}

TEST_CASE_FIXTURE(Clean, "memory that may be locked again is used again") {
    NEEDS_ROOT();
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        rlimit limit{};
        EXPECT(report, getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
        EXPECT(report, become_ordinary());
        // Enough for a ring, and for no buffer.
        const rlim_t before = std::exchange(limit.rlim_cur, 256 << 10);
        EXPECT(report, setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
        PoolOptions options;
        options.workers = 1;
        options.buffer_size = 512 << 10;
        Pool pool(options);
        const auto fixed = Options().with_method(ARSYNC_METHOD_FIXED);
        EXPECT(report, pool.copy(directory / "from", directory / "to", fixed).result == 0);
        const uint32_t refused = pool.info().buffers_refused;
        EXPECT(report, pool.info().backend == ARSYNC_BACKEND_URING);
        if (refused == 0)
            return; // this kernel has another account for it, or there is no ring
        EXPECT(report, pool.info().buffers_registered == 0);
        limit.rlim_cur = before;
        EXPECT(report, setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
        usleep(1'100'000);
        EXPECT(report, pool.copy(directory / "from", directory / "to", fixed).result == 0);
        EXPECT(report, pool.info().buffers_registered > 0);
        EXPECT(report, pool.info().buffers_refused < refused); // those that were used again
    });
}

TEST_CASE_FIXTURE(Clean, "a worker that found no descriptor for a ring gets one later") {
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        PoolOptions options;
        options.workers = 1;
        Pool pool(options);
        rlimit limit{};
        EXPECT(report, getrlimit(RLIMIT_NOFILE, &limit) == 0);
        const rlim_t before = std::exchange(limit.rlim_cur, 3);
        EXPECT(report, setrlimit(RLIMIT_NOFILE, &limit) == 0);
        pool.copy(directory / "from", directory / "to"); // it may well fail
        EXPECT(report, pool.info().backend == ARSYNC_BACKEND_THREADS);
        limit.rlim_cur = before;
        EXPECT(report, setrlimit(RLIMIT_NOFILE, &limit) == 0);
        usleep(150'000);
        const auto fixed = Options().with_method(ARSYNC_METHOD_FIXED);
        EXPECT(report, pool.copy(directory / "from", directory / "to", fixed).result == 0);
        EXPECT(report, pool.copy(directory / "from", directory / "to", fixed).result == 0);
        EXPECT_WITH(report, pool.info().backend == ARSYNC_BACKEND_URING,
                    pool.info().backend_reason);
        EXPECT(report, pool.stats().submissions > 0);
    });
}

TEST_CASE_FIXTURE(Clean, "a worker that finds no ring leaves its jobs to those that have one") {
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    write_pattern(directory / "from", size);
    mkfifo((directory / "fifo").c_str(), 0600);
    check_in_child([&](Report& report) {
        PoolOptions options(ARSYNC_BACKEND_URING);
        options.workers = 2;
        Pool pool(options);
        const int from = open((directory / "from").c_str(), O_RDONLY | O_CLOEXEC);
        const int to = open((directory / "to").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        const int held = open((directory / "fifo").c_str(), O_RDWR | O_CLOEXEC);
        const arsync_job silent = pool.submit(directory / "fifo", directory / "never",
                                              Options().with_flags(ARSYNC_COPY_SPECIAL));
        EXPECT(report,
               eventually([&] { return pool.progress(silent).stage == ARSYNC_STAGE_READ; }));
        rlimit limit{};
        EXPECT(report, getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = 128;
        EXPECT(report, setrlimit(RLIMIT_NOFILE, &limit) == 0);
        while (dup(from) >= 0) {
        }
        const Options lent = Options().with_flags(ARSYNC_COPY_KEEP_LOCKS);
        for (int i = 0; i < 5; ++i) {
            const arsync_completion done = pool.copy_range(from, 0, to, 0, size, lent);
            EXPECT_WITH(report, done.result == 0, words(done));
        }
        EXPECT(report, arsync_job_cancel(pool.get(), silent) == 0);
        EXPECT(report, pool.wait().result == -ECANCELED);
        EXPECT(report, pool.close() == 0);
        close(held);
    });
    CHECK(difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "a pool of rings alone fails new jobs when io_uring is denied later") {
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        Pool pool{PoolOptions(ARSYNC_BACKEND_URING)};
        const auto fixed = Options().with_method(ARSYNC_METHOD_FIXED);
        EXPECT(report, pool.copy(directory / "from", directory / "to", fixed).result == 0);
        EXPECT(report, deny_late({__NR_io_uring_enter, __NR_io_uring_setup}, EPERM));
        // What meets the denial goes on by threads.
        EXPECT(report, pool.copy(directory / "from", directory / "to", fixed).result == 0);
        const arsync_completion done = pool.copy(directory / "from", directory / "to", fixed);
        EXPECT_WITH(report, done.result == -EPERM, words(done));
        EXPECT(report, done.stage == ARSYNC_STAGE_QUEUE);
        EXPECT(report, pool.close() == 0);
    });
}

TEST_CASE_FIXTURE(Clean, "what is asked of a pool is in force, or info says why not") {
    const Directory directory;
    write_pattern(directory / "from", size);
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
        for (const uint32_t flag :
             {ARSYNC_POOL_SQPOLL, ARSYNC_POOL_IOPOLL, ARSYNC_POOL_HUGE_PAGES}) {
            CAPTURE(backend_name(backend));
            CAPTURE(flag);
            PoolOptions options(backend);
            options.flags = flag;
            Pool pool(options);
            REQUIRE(pool.error() == 0);
            for (const uint32_t method : moving_methods) {
                CAPTURE(method_name(method));
                const arsync_completion done =
                    pool.copy(directory / "from", directory / "to", Options().with_method(method));
                INFO(words(done));
                CHECK(done.result == 0);
                CHECK(difference(directory / "from", directory / "to") == "");
            }
            const arsync_info info = pool.info();
            const char* reason = flag == ARSYNC_POOL_SQPOLL   ? info.sqpoll_reason
                                 : flag == ARSYNC_POOL_IOPOLL ? info.iopoll_reason
                                                              : info.buffers_reason;
            INFO(reason);
            const bool in_force = (info.flags & flag) != 0;
            CHECK((info.flags & ~flag) == 0);
            CHECK(in_force == (strlen(reason) == 0));
            if (backend == ARSYNC_BACKEND_THREADS && flag != ARSYNC_POOL_HUGE_PAGES)
                CHECK_FALSE(in_force);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "IOPOLL on a loop device, which has no polling queues, is given up") {
    NEEDS(shared_volume(Kind::ext4));
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory(shared_volume(Kind::ext4));
    write_pattern(directory / "from", size);
    PoolOptions options;
    options.flags = ARSYNC_POOL_IOPOLL;
    Pool pool(options);
    const arsync_completion done = pool.copy(directory / "from", directory / "to",
                                             Options().with_method(ARSYNC_METHOD_DIRECT));
    INFO(words(done));
    CHECK(done.result == 0);
    CHECK(done.method == ARSYNC_METHOD_DIRECT);
    CHECK(difference(directory / "from", directory / "to") == "");
    CHECK((pool.info().flags & ARSYNC_POOL_IOPOLL) == 0);
    CHECK(strlen(pool.info().iopoll_reason) > 0);
}

} // namespace live
