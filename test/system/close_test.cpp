// What a pool leaves behind: nothing that counts against its user, and nothing that a forked child
// could take for its own.
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leave.h"
#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

// fork(2), as the first process of a PID namespace of its own.
pid_t fork_as_first() {
    return static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
}

int status_of(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "locked memory is given back before a pool is closed") {
    NEEDS_ROOT();
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "from", 8'000'000);
    check_in_child([&](Report& report) {
        const rlimit most{8 << 20, 8 << 20};
        EXPECT(report, setrlimit(RLIMIT_MEMLOCK, &most) == 0);
        // Nobody else counts against that user's limit.
        EXPECT(report, become_ordinary(ordinary_user + 20000 + static_cast<unsigned>(getpid())));
        for (int i = 0; i < 80; ++i) {
            PoolOptions options(ARSYNC_BACKEND_URING);
            options.workers = 1;
            options.buffer_count = 3; // of 2 MiB
            Pool pool(options);
            EXPECT(report, pool.copy(directory / "from", directory / "to",
                                     Options().with_method(ARSYNC_METHOD_FIXED))
                                   .result == 0);
            const arsync_info info = pool.info();
            EXPECT_WITH(report, info.buffers_registered == 3 && info.buffers_refused == 0,
                        std::to_string(i) + ": " + info.buffers_reason);
            if (!report.text().empty())
                return;
        }
    });
}

TEST_CASE_FIXTURE(Clean, "a job that has ended and is not polled yet keeps no descriptor") {
    const Directory directory;
    make_files(directory / "from", {"a/1", "a/2", "b/c/3"});
    make_hard_link(directory / "from/a/1", directory / "from/b/4");
    PoolOptions one(ARSYNC_BACKEND_THREADS);
    one.workers = 1;
    Pool pool(one);
    const Options options = archive().with_durability(ARSYNC_DURABILITY_FULL);
    REQUIRE(copy_tree(pool, directory / "from", directory / "first", options).job.result == 0);
    make_directories(directory / "list");
    const int from = open((directory / "from").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int to = open((directory / "list").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const size_t before = open_descriptors();
    const auto ends_without = [&](arsync_job job) {
        REQUIRE(job != 0);
        REQUIRE(eventually([&] { return pool.progress(job).state == ARSYNC_JOB_COMPLETED; }));
        CHECK(open_descriptors() <= before);
        CHECK(take_all(pool).job.result == 0);
    };
    arsync_job job = 0;
    CHECK(arsync_submit_copy(pool.get(), from, ".", to, "tree", &options, 0, &job) == 0);
    ends_without(job);
    const arsync_item items[] = {{"a", "a", 1, 0}, {"b", "b", 2, 0}};
    CHECK(arsync_submit_list(pool.get(), from, to, items, 2, &options, 0, &job) == 0);
    ends_without(job);
    close(from);
    close(to);
}

TEST_CASE_FIXTURE(Clean, "a fork is noticed where both processes have the same number") {
    NEEDS_ROOT();
    const Directory directory;
    write_pattern(directory / "from", 300'000);
    check_in_child([&](Report& report) {
        const pid_t first = fork_as_first();
        if (first == 0) {
            Pool pool;
            if (getpid() != 1 || pool.copy(directory / "from", directory / "to").result != 0)
                arsync::leave(1);
            const pid_t second = fork_as_first();
            if (second == 0) {
                alarm(20);
                arsync_completion done;
                const int polled = arsync_poll(pool.get(), &done, 1, 0);
                arsync_pool* own = nullptr; // works, as in any process
                const bool opens = arsync_pool_open(nullptr, &own) == 0 &&
                                   arsync_poll(own, &done, 1, 0) == 0 &&
                                   arsync_poll(pool.get(), &done, 1, 0) == -EOWNERDEAD;
                arsync::leave(getpid() == 1 && polled == -EOWNERDEAD && opens ? 0 : 2);
            }
            if (second < 0 || status_of(second) != 0)
                arsync::leave(3);
            arsync::leave(pool.copy(directory / "from", directory / "to").result == 0 ? 0 : 4);
        }
        EXPECT(report, first > 0);
        const int status = status_of(first);
        EXPECT_WITH(report, status == 0, std::to_string(status));
    });
}

TEST_CASE_FIXTURE(Clean, "a child of vfork takes no pool from its parent") {
    const Directory directory;
    write_pattern(directory / "from", 300'000);
    Pool pool;
    CHECK(pool.copy(directory / "from", directory / "to").result == 0);
    const pid_t child = vfork();
    if (child == 0)
        _exit(arsync_pool_close(pool.get()) == 0 ? 0 : 1);
    CHECK(status_of(child) == 0);
    CHECK(pool.copy(directory / "from", directory / "to").result == 0);
    CHECK(pool.close() == 0);
}

} // namespace live
