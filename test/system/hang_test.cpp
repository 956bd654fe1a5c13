// A filesystem that does not answer keeps nobody waiting but the jobs that are on it.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"

namespace live {

namespace {

constexpr int limit_ms = 20'000;

// Jobs on local files, of which one is cancelled, while others hang. They have user_data 1.
void local_jobs_end(Pool& pool, const Directory& local) {
    write_pattern(local / "small", 1000);
    write_pattern(local / "large", 8 << 20);
    make_cached(local / "large");
    mkfifo((local / "silent").c_str(), 0600);
    mkdir((local / "tree").c_str(), 0755);
    for (int i = 0; i < 200; ++i) // enough for all workers to be called
        write_file(local / "tree/" + std::to_string(i), "x");
    const Options tree =
        Options().with_flags(ARSYNC_COPY_RECURSIVE).with_report(ARSYNC_REPORT_NONE);
    CHECK(pool.submit(local / "small", local / "small copy", Options(), 1) != 0);
    CHECK(pool.submit(local / "large", local / "large copy", Options(), 1) != 0);
    CHECK(pool.submit(local / "tree", local / "tree copy", tree, 1) != 0);
    for (int i = 0; i < 3; ++i) {
        const arsync_completion done = pool.wait(limit_ms);
        INFO(words(done));
        REQUIRE(done.result == 0);
        CHECK(done.user_data == 1);
    }
    const arsync_job silent = pool.submit(local / "silent", local / "silent copy",
                                          Options().with_flags(ARSYNC_COPY_SPECIAL), 1);
    REQUIRE(silent != 0);
    CHECK(arsync_job_cancel(pool.get(), silent) == 0);
    CHECK(pool.wait(limit_ms).result == -ECANCELED);
}

bool runs(Pool& pool, arsync_job job) {
    return eventually([&] { return pool.progress(job).state == ARSYNC_JOB_RUNNING; });
}

// In a directory, over another one.
class Overlay {
public:
    Overlay(const Directory& in, const std::string& lower) : path_(in / "overlay") {
        for (const char* name : {"overlay", "upper", "work"})
            mkdir((in / name).c_str(), 0755);
        const std::string layers =
            "lowerdir=" + lower + ",upperdir=" + (in / "upper") + ",workdir=" + (in / "work");
        usable_ = mount("none", path_.c_str(), "overlay", 0, layers.c_str()) == 0;
    }
    Overlay(const Overlay&) = delete;
    Overlay& operator=(const Overlay&) = delete;
    ~Overlay() {
        if (usable_)
            umount2(path_.c_str(), MNT_DETACH);
    }
    bool usable() const { return usable_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
    bool usable_;
};

} // namespace

TEST_CASE_FIXTURE(Clean, "an open that is not answered stalls only its own job") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        for (const uint32_t workers : {1u, 2u}) {
            for (const char* how : {"named", "by a link", "in a tree", "first of two", "written"}) {
                CAPTURE(backend_name(backend));
                CAPTURE(workers);
                CAPTURE(how);
                const FaultyMount mount({"hang=open:hung", "hang=create:hung"});
                NEEDS(mount);
                const Directory local;
                write_pattern(mount.backing() + "/hung", 1000);
                write_pattern(mount.backing() + "/well", 1000);
                write_pattern(local / "here", 1000);
                CHECK(symlink((mount / "hung").c_str(), (local / "link").c_str()) == 0);
                PoolOptions options(backend);
                options.workers = workers;
                Pool pool(options);
                std::string from = mount / "hung";
                std::string to = local / "to";
                Options copy;
                if (how == std::string("by a link"))
                    from = local / "link";
                if (how == std::string("in a tree")) {
                    from = mount.path();
                    copy.with_flags(ARSYNC_COPY_RECURSIVE).with_report(ARSYNC_REPORT_NONE);
                }
                if (how == std::string("first of two")) // a worker has looked at local ones before
                    CHECK(pool.copy(local / "here", local / "there").result == 0);
                if (how == std::string("written")) {
                    from = local / "here";
                    to = mount / "hung too";
                }
                const arsync_job hung = pool.submit(from, to, copy);
                REQUIRE(hung != 0);
                CHECK(runs(pool, hung));
                usleep(20'000);
                local_jobs_end(pool, local);
                CHECK(pool.progress(hung).state == ARSYNC_JOB_RUNNING);
                mount.go_on();
                CHECK(pool.wait(limit_ms).result == 0);
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "an open file that does not answer stalls only the job that was given it") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        for (const bool ranges : {false, true}) {
            for (const bool reads : {false, true}) {
                CAPTURE(backend_name(backend));
                CAPTURE(ranges);
                CAPTURE(reads);
                const FaultyMount mount({"hang=read:hung", "hang=write:hung", "hang=getattr:hung"});
                NEEDS(mount);
                const Directory local;
                write_pattern(mount.backing() + "/hung", 1000);
                write_pattern(local / "here", 1000);
                PoolOptions options(backend);
                options.workers = 1;
                Pool pool(options);
                mount.go_on(); // until it is open
                const int hung = open((mount / "hung").c_str(), O_RDWR | O_CLOEXEC);
                mount.hang_again();
                const int here = open((local / "here").c_str(), O_RDWR | O_CLOEXEC);
                REQUIRE((hung >= 0 && here >= 0));
                std::atomic<bool> submitted = false;
                // Else the submit would wait for ever, and the test with it.
                std::thread limit([&, until = std::chrono::steady_clock::now() +
                                              std::chrono::milliseconds(limit_ms)] {
                    while (!submitted && std::chrono::steady_clock::now() < until)
                        usleep(1000);
                    CHECK(submitted);
                    if (!submitted)
                        mount.go_on();
                });
                const Options copy =
                    Options().with_flags(ranges ? 0 : ARSYNC_COPY_SRC_FD | ARSYNC_COPY_DST_FD);
                const int from = reads ? hung : here;
                const int to = reads ? here : hung;
                arsync_job job = 0;
                const int error =
                    ranges ? arsync_submit_copy_range(pool.get(), from, 0, to, 0, UINT64_MAX, &copy,
                                                      0, &job)
                           : arsync_submit_copy(pool.get(), from, "", to, "", &copy, 0, &job);
                submitted = true;
                limit.join();
                close(hung);
                close(here);
                REQUIRE(error == 0);
                CHECK(runs(pool, job));
                usleep(20'000);
                local_jobs_end(pool, local);
                CHECK(pool.progress(job).state == ARSYNC_JOB_RUNNING);
                mount.go_on();
                CHECK(pool.wait(limit_ms).result == 0);
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "copies in the kernel that are not answered stall no others") {
    const FaultyMount mount({"hang=copy_file_range:hung"});
    NEEDS(mount);
    const Directory local;
    Pool pool;
    // The kernel first tries a newer request, which this server does not know. Where two of these
    // are refused side by side, it takes the older one for unknown, too, and sends no more.
    write_pattern(mount.backing() + "/first", 1 << 20);
    REQUIRE(pool.copy(mount / "first", mount / "copy of the first").result == 0);
    constexpr int count = 8;
    arsync_job last = 0;
    for (int i = 0; i < count; ++i) {
        const std::string name = "hung " + std::to_string(i);
        write_pattern(mount.backing() + "/" + name, 1 << 20);
        last = pool.submit(mount / name, mount / "copy of " + name);
        REQUIRE(last != 0);
    }
    CHECK(runs(pool, last));
    local_jobs_end(pool, local);
    for (int i = 0; i < count; ++i)
        CHECK(arsync_job_cancel(pool.get(), last) == 0);
    mount.go_on();
    for (int i = 0; i < count; ++i)
        CHECK(pool.wait(limit_ms).result <= 0);
}

TEST_CASE_FIXTURE(Clean, "one hung filesystem does not stall another one") {
    const FaultyMount mount({"hang=open:hung"});
    const FaultyMount other(std::vector<std::string>{});
    NEEDS(mount);
    NEEDS(other);
    const Directory local;
    PoolOptions options;
    options.workers = 1;
    Pool pool(options);
    write_pattern(mount.backing() + "/hung", 1000);
    write_pattern(other.backing() + "/well", 1000);
    const arsync_job hung = pool.submit(mount / "hung", local / "to");
    const arsync_job behind = pool.submit(mount / "hung", local / "behind");
    CHECK(runs(pool, hung));
    for (int i = 0; i < 10; ++i)
        CHECK(pool.copy(other / "well", local / std::to_string(i)).result == 0);
    CHECK(arsync_job_cancel(pool.get(), behind) == 0);
    mount.go_on();
    CHECK(pool.wait(limit_ms).result <= 0);
    CHECK(pool.wait(limit_ms).result <= 0);
}

// A worker finds out where the first job belongs when both have been submitted, and no other call
// comes after that.
TEST_CASE_FIXTURE(Clean, "a job that was submitted just after one that hangs is not left behind") {
    const FaultyMount mount({"hang=open:hung"});
    NEEDS(mount);
    const Directory local;
    write_pattern(mount.backing() + "/hung", 1000);
    write_pattern(local / "well", 1000);
    PoolOptions options;
    options.workers = 1;
    std::vector<std::unique_ptr<Pool>> pools;
    for (int i = 0; i < 8; ++i) {
        pools.push_back(std::make_unique<Pool>(options));
        const std::string number = std::to_string(i);
        REQUIRE(pools.back()->submit(mount / "hung", local / ("to" + number)) != 0);
        REQUIRE(pools.back()->submit(local / "well", local / number, Options(), 2) != 0);
    }
    for (const auto& pool : pools) {
        const arsync_completion done = pool->wait(limit_ms);
        CHECK(done.result == 0);
        CHECK(done.user_data == 2);
    }
    mount.go_on();
    for (const auto& pool : pools)
        CHECK(pool->wait(limit_ms).result == 0);
}

// It cannot start a thread for the pool, and the only one that could does not come back.
TEST_CASE_FIXTURE(Clean, "beside a job that hangs, one of a thread with other rights is run") {
    NEEDS_ROOT();
    for (const bool first : {true, false}) {
        CAPTURE(first);
        const FaultyMount mount({"hang=open:hung"});
        NEEDS(mount);
        const Directory local;
        write_pattern(mount.backing() + "/hung", 1000);
        write_pattern(local / "well", 1000);
        PoolOptions options;
        options.workers = 1;
        Pool pool(options);
        if (!first)
            CHECK(pool.copy(local / "well", local / "before").result == 0);
        const arsync_job hung = pool.submit(mount / "hung", local / "to");
        REQUIRE(hung != 0);
        CHECK(runs(pool, hung));
        usleep(20'000);
        std::thread([&] {
            setfsuid(54321);
            CHECK(pool.submit(local / "well", local / "copy", Options(), 2) != 0);
        }).join();
        const arsync_completion done = pool.wait(limit_ms);
        CHECK(done.result == 0);
        CHECK(done.user_data == 2);
        mount.go_on();
        CHECK(pool.wait(limit_ms).result == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "what hangs below an overlay stalls no local job") {
    NEEDS_ROOT();
    const FaultyMount mount({"hang=open:hung"});
    NEEDS(mount);
    const Directory local;
    write_pattern(mount.backing() + "/hung", 1000);
    write_pattern(mount.backing() + "/well", 1000);
    const Overlay overlay(local, mount.path());
    if (!overlay.usable()) {
        skip("cannot mount an overlay over FUSE");
        return;
    }
    PoolOptions options;
    options.workers = 1;
    Pool pool(options);
    const arsync_job hung = pool.submit(overlay / "hung", local / "to");
    REQUIRE(hung != 0);
    CHECK(runs(pool, hung));
    usleep(20'000);
    local_jobs_end(pool, local);
    CHECK(pool.progress(hung).state == ARSYNC_JOB_RUNNING);
    mount.go_on();
    CHECK(pool.wait(limit_ms).result == 0);
}

} // namespace live
