// Jobs that end before any worker had them: what their caller gave is closed as theirs is that ran.
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/full.h"
#include "system/lease.h"
#include "system/opened.h"

namespace live {

namespace {

PoolOptions one_worker(uint32_t backend) {
    PoolOptions options(backend);
    options.workers = 1;
    options.lease_count = 1;
    return options;
}

arsync_job submit_to(Pipe& pipe, Pool& pool, const Directory& directory, uint64_t user_data = 0) {
    const Opened from(directory / "from", O_RDONLY);
    arsync_job job = 0;
    CHECK(arsync_submit_copy_range(pool.get(), from.get(), 0, pipe.writes, 0, 1000, nullptr,
                                   user_data, &job) == 0);
    pipe.close_writing();
    return job;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a job that is cancelled while it is queued closes its descriptors before "
                         "anybody polls") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        for (const bool paused : {false, true}) {
            CAPTURE(backend_name(backend));
            CAPTURE(paused);
            const Directory directory;
            write_pattern(directory / "from", 1000);
            Pool pool(one_worker(backend));
            Full full(pool, directory);
            Pipe pipe;
            const arsync_job job = submit_to(pipe, pool, directory);
            arsync_adjustment pause = {};
            pause.struct_size = sizeof pause;
            pause.what = ARSYNC_ADJUST_PAUSE;
            if (paused)
                CHECK(arsync_job_adjust(pool.get(), job, &pause) == 0);
            CHECK(!pipe.ends(0));
            CHECK(arsync_job_cancel(pool.get(), job) == 0);
            CHECK(arsync_job_cancel(pool.get(), job) == 0); // again: nothing
            CHECK(pipe.ends());
            const arsync_completion done = pool.wait();
            CHECK(done.job == job);
            CHECK(done.result == -ECANCELED);
            CHECK(done.stage == ARSYNC_STAGE_QUEUE);
            full.free();
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a file that was closed is, when its last operation is cancelled in the "
                         "queue") {
    const Directory directory;
    Pool pool(one_worker(ARSYNC_BACKEND_AUTO));
    Full full(pool, directory);
    const Lease buffer(pool);
    Pipe pipe;
    arsync_job jobs[2] = {};
    {
        const PoolFile file(pool, pipe.writes);
        for (arsync_job& job : jobs)
            REQUIRE(arsync_submit_sync(pool.get(), file.id(), 0, 0, &job) == 0);
    }
    pipe.close_writing();
    CHECK(arsync_job_cancel(pool.get(), jobs[0]) == 0);
    CHECK(!pipe.ends(50));
    CHECK(arsync_job_cancel(pool.get(), jobs[1]) == 0);
    CHECK(pipe.ends());
    CHECK(pool.wait().result == -ECANCELED);
    CHECK(pool.wait().result == -ECANCELED);
    full.free();
}

TEST_CASE_FIXTURE(Clean, "a cancel in the queue does not wait for what is slow to close") {
    const FaultyMount mount({"hang=flush:hung"});
    NEEDS(mount);
    const Directory directory;
    write_pattern(directory / "from", 1000);
    write_pattern(mount.backing() + "/hung", 1000);
    Pool pool(one_worker(ARSYNC_BACKEND_AUTO));
    Full full(pool, directory);
    const int hung = open((mount / "hung").c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(hung >= 0);
    const Opened from(directory / "from", O_RDONLY);
    arsync_job on_it = 0;
    REQUIRE(arsync_submit_copy_range(pool.get(), from.get(), 0, hung, 0, 1000, nullptr, 0,
                                     &on_it) == 0);
    const auto closed = std::make_shared<std::atomic<bool>>(false);
    std::thread([hung, closed] {
        close(hung);
        *closed = true;
    }).detach(); // which a check that fails does not wait for
    Pipe pipe;
    const arsync_job other = submit_to(pipe, pool, directory);
    CHECK(arsync_job_cancel(pool.get(), on_it) == 0);
    CHECK(arsync_job_cancel(pool.get(), other) == 0);
    CHECK(pool.wait(20'000).job == other);
    full.free();
    const arsync_job third = pool.submit(directory / "from", directory / "to");
    CHECK(next(pool).job == third);
    mount.go_on();
    CHECK(eventually([&] { return closed->load(); }));
    const arsync_completion done = next(pool);
    CHECK(done.job == on_it);
    CHECK(done.result == -ECANCELED);
}

TEST_CASE_FIXTURE(Clean, "what was polled is closed before the next poll waits") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    Pool pool;
    for (const bool ends : {false, true}) {
        CAPTURE(ends);
        REQUIRE(pool.copy(directory / "from", directory / "to", Options().with_want(ARSYNC_WANT_FD))
                    .result == 0);
        const size_t with_it = open_descriptors();
        if (ends)
            CHECK(arsync_pool_shutdown(pool.get(), ARSYNC_SHUTDOWN_DRAIN) == 0);
        int polled = -1;
        std::thread poller([&] {
            arsync_completion none;
            polled = arsync_poll(pool.get(), &none, 1, -1);
        });
        CHECK(eventually([&] { return open_descriptors() < with_it; }));
        CHECK(arsync_pool_wake(pool.get()) == 0);
        poller.join();
        CHECK(polled == (ends ? -ESHUTDOWN : 0));
    }
}

} // namespace live
