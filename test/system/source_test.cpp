// Sources of every kind that are not streams.
#include <cerrno>
#include <fstream>
#include <sched.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/list.h"

namespace live {

namespace {

void write_from_first_processor(const std::string& path) {
    std::thread([&] {
        cpu_set_t first;
        CPU_ZERO(&first);
        CPU_SET(0, &first);
        sched_setaffinity(0, sizeof first, &first);
        std::ofstream(path) << "one line" << std::flush;
    }).join();
}

} // namespace

TEST_CASE_FIXTURE(Clean, "files without a size are copied to their end") {
    const Directory directory;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            CAPTURE(method_name(method));
            for (const char* from : {"/proc/filesystems", "/proc/version", "/proc/self/limits"}) {
                const arsync_completion done =
                    pool.copy(from, directory / "to", Options().with_method(method));
                INFO(words(done));
                CHECK(done.result == 0);
                CHECK(read_file(directory / "to") == read_file(from));
                CHECK(done.bytes == size_of(directory / "to"));
                unlink((directory / "to").c_str()); // nobody may write to it, as to its source
            }
        }
    }
}

// Whose devices have one major number.
TEST_CASE_FIXTURE(Clean, "files without a size are copied beside some that have theirs") {
    NEEDS(shared_volume(Kind::tmpfs));
    const Directory directory(shared_volume(Kind::tmpfs));
    Items items;
    for (int i = 0; i < 8; i += 2) {
        write_pattern(directory / std::to_string(i), 1000);
        items.add(directory / std::to_string(i), directory / ("to" + std::to_string(i)));
        items.add("/proc/version", directory / ("to" + std::to_string(i + 1)));
    }
    PoolOptions options;
    options.workers = 1;
    Pool pool{options};
    const ListCopy copy = copy_list(pool, items);
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    for (int i = 1; i < 8; i += 2)
        CHECK(read_file(directory / ("to" + std::to_string(i))) == read_file("/proc/version"));
}

TEST_CASE_FIXTURE(Clean, "a long file without a size is copied whole") {
    const Directory directory;
    Pool pool;
    PoolOptions small;
    small.buffer_size = 4096;
    Pool small_pool(small);
    for (Pool* each : {&pool, &small_pool}) {
        CHECK(each->copy("/proc/kallsyms", directory / "to").result == 0);
        CHECK(size_of(directory / "to") > 100'000);
        CHECK(read_file(directory / "to") == read_file("/proc/kallsyms"));
        unlink((directory / "to").c_str());
    }
    CHECK(pool.copy("/proc/self/maps", directory / "maps").result == 0);
    const std::string maps = read_file(directory / "maps");
    CHECK(maps.find("[stack]") != std::string::npos);
    CHECK(maps.back() == '\n');
}

// A poll of one processor's waits until the kernel's buffer of it is half full.
TEST_CASE_FIXTURE(Clean, "a trace is copied as it comes, and a cancel ends what waits for more") {
    const std::string trace =
        "/sys/kernel/tracing/instances/arsync-test-" + std::to_string(getpid());
    if (mkdir(trace.c_str(), 0700) != 0) {
        skip("no trace is to be had");
        return;
    }
    const Directory directory;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        write_from_first_processor(trace + "/trace_marker");
        Pool pool{PoolOptions(backend)};
        const arsync_job job = pool.submit(trace + "/per_cpu/cpu0/trace_pipe", directory / "to");
        CHECK(eventually([&] { return pool.progress(job).bytes_done > 0; }));
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        CHECK(pool.wait(10'000).result == -ECANCELED);
    }
    CHECK(rmdir(trace.c_str()) == 0);
}

TEST_CASE_FIXTURE(Clean, "files that have less than they promise are copied as they are") {
    const std::string from = "/sys/kernel/mm/transparent_hugepage/enabled";
    if (!exists(from)) {
        skip("no " + from);
        return;
    }
    const Directory directory;
    Pool pool;
    for (const uint32_t method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        CAPTURE(method_name(method));
        const arsync_completion done =
            pool.copy(from, directory / "to", Options().with_method(method));
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(read_file(directory / "to") == read_file(from));
        CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) == 0);
        CHECK(done.bytes == size_of(directory / "to"));
    }
}

TEST_CASE_FIXTURE(Clean, "a directory is refused, and nothing is made") {
    const Directory directory;
    REQUIRE(mkdir((directory / "sub").c_str(), 0755) == 0);
    Pool pool;
    for (const uint32_t flags : {0u, uint32_t{ARSYNC_COPY_SPECIAL}}) {
        const arsync_completion done =
            pool.copy(directory / "sub", directory / "to", Options().with_flags(flags));
        CHECK(done.result == -EISDIR);
        CHECK(done.stage == ARSYNC_STAGE_CHECK);
        CHECK(done.method == ARSYNC_METHOD_AUTO);
    }
    CHECK(directory.entries() == 1);
}

TEST_CASE_FIXTURE(Clean, "sources that are not there are said to be so") {
    const Directory directory;
    REQUIRE(symlink("nowhere", (directory / "dangling").c_str()) == 0);
    write_pattern(directory / "old", 10, 9);
    Pool pool;
    for (const char* name : {"missing", "dangling", "missing/file"}) {
        for (const char* to : {"to", "old"}) {
            const arsync_completion done = pool.copy(directory / name, directory / to);
            CHECK(done.result == -ENOENT);
            CHECK(done.stage == ARSYNC_STAGE_OPEN_SOURCE);
            CHECK(done.bytes == 0);
        }
    }
    CHECK(pool.copy(directory / "old/file", directory / "to").result == -ENOTDIR);
    CHECK(read_file(directory / "old") == pattern(10, 9));
    CHECK(directory.entries() == 2);
    CHECK(pool.stats().jobs_failed == 7);
}

TEST_CASE_FIXTURE(Clean,
                  "an ordinary user cannot copy what he cannot read, nor where he cannot write") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "secret", 5000);
    chmod((directory / "secret").c_str(), 0600);
    write_pattern(directory / "public", 5000);
    REQUIRE(mkdir((directory / "closed").c_str(), 0755) == 0);
    write_pattern(directory / "fixed", 100, 9);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        arsync_completion done = pool.copy(directory / "secret", directory / "to");
        EXPECT_WITH(report, done.result == -EACCES, words(done));
        EXPECT(report, done.stage == ARSYNC_STAGE_OPEN_SOURCE);
        for (const char* to : {"closed/to", "fixed"}) {
            done = pool.copy(directory / "public", directory / to);
            EXPECT_WITH(report, done.result == -EACCES, words(done));
            EXPECT(report, done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
        }
        done = pool.copy(directory / "public", directory / "mine");
        EXPECT_WITH(report, done.result == 0, words(done));
    });
    CHECK_FALSE(exists(directory / "to"));
    CHECK_FALSE(exists(directory / "closed/to"));
    CHECK(read_file(directory / "fixed") == pattern(100, 9));
    CHECK(difference(directory / "public", directory / "mine") == "");
    CHECK(stat_of(directory / "mine").st_uid == ordinary_user);
}

} // namespace live
