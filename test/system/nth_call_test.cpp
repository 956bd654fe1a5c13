// A call that takes memory fails, once: mmap(2), for a thread's stack, for a ring, for buffers or
// for what malloc has no room left for, or one of io_uring's. Each such call of several jobs is
// tried.
#include <cerrno>
#include <string>
#include <sys/syscall.h>

#include "system/check.h"
#include "system/child.h"
#include "system/nth_call.h"
#include "system/tree.h"

namespace live {

namespace {

// With all that takes memory: helpers for a tree, and buffers that are registered.
void copy_all(Report& report, Pool& pool, const Directory& directory) {
    const auto judge = [&](const arsync_completion& done) {
        EXPECT_WITH(report, done.result == 0 || done.result == -ENOMEM, words(done));
        EXPECT(report, done.job != 0 || done.result == -ENOMEM); // refused
    };
    judge(pool.copy(directory / "from", directory / "to", recursive()));
    judge(pool.copy(directory / "from/large", directory / "to/large",
                    Options().with_flags(ARSYNC_COPY_VERIFY)));
    judge(pool.copy(directory / "from/large", directory / "to/direct",
                    Options().with_method(ARSYNC_METHOD_DIRECT)));
}

bool are_so_many(size_t threads) {
    return eventually([&] { return thread_names().size() == threads; });
}

constexpr const char* no_seccomp = "no seccomp";
constexpr const char* no_such_call = "no such call";

// In a process of its own each time, for the C library keeps the stacks of threads that have ended.
void fail_one(Report& report, int system_call, long number, uint32_t backend,
              const Directory& directory) {
    PoolOptions options(backend);
    options.workers = 2;
    options.buffer_size = 1 << 20;
    NthCall call(system_call, ENOMEM);
    if (!call.works()) {
        report.expect(false, no_seccomp, 0);
        return;
    }
    const size_t descriptors = open_descriptors();
    const size_t threads = thread_names().size();
    call.fail_after(number);
    bool failed = false;
    {
        Pool pool(options);
        EXPECT(report, pool.error() == 0 || pool.error() == -ENOMEM);
        if (pool.error() == 0)
            copy_all(report, pool, directory);
        failed = call.end();
        if (pool.error() == 0) // it goes on
            EXPECT(report, pool.copy(directory / "from/0", directory / "to/again").result == 0);
    }
    EXPECT(report, open_descriptors() == descriptors);
    EXPECT(report, are_so_many(threads));
    if (!failed)
        report.expect(false, no_such_call, 0);
}

bool tells(const std::string& report, const char* what) {
    return report.find(what) != std::string::npos;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "where one call gets no memory jobs end, and the pool goes on") {
    if (sanitized) {
        skip("a sanitizer ends the process when it gets no memory");
        return;
    }
    const Directory directory;
    make_directories(directory / "from");
    for (int i = 0; i < 100; ++i)
        write_pattern(directory / ("from/" + std::to_string(i)), 100);
    write_pattern(directory / "from/large", 5 << 20);
    const auto each_fails = [&](int system_call, uint32_t backend) {
        CAPTURE(system_call);
        CAPTURE(backend_name(backend));
        std::string report;
        long number = 0;
        for (; report.empty(); ++number) {
            report = in_child(
                [&](Report& own) { fail_one(own, system_call, number, backend, directory); });
            remove_tree(directory / "to");
        }
        if (tells(report, no_seccomp))
            skip("seccomp(2) does not let a process ask itself here");
        else
            CHECK(report == std::string("line 0: ") + no_such_call + "\n");
    };
    each_fails(__NR_mmap, ARSYNC_BACKEND_THREADS);
    if (has_io_uring())
        for (const int system_call :
             {__NR_mmap, __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register})
            each_fails(system_call, ARSYNC_BACKEND_AUTO);
}

} // namespace live
