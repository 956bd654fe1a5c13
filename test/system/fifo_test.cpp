// Streams: FIFOs and character devices, at either end.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/opened.h"
#include "system/stream.h"

namespace live {

namespace {

const Options special = Options().with_flags(ARSYNC_COPY_SPECIAL);
using Clock = std::chrono::steady_clock;

// Cancels a job that waits; whether it ends quickly, with -ECANCELED.
void ends_when_cancelled(Pool& pool, arsync_job job) {
    REQUIRE(job != 0);
    REQUIRE(eventually([&] { return pool.progress(job).stage != ARSYNC_STAGE_QUEUE; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(30)); // let it wait
    const auto start = Clock::now();
    CHECK(arsync_job_cancel(pool.get(), job) == 0);
    CHECK(pool.wait().result == -ECANCELED);
    CHECK(Clock::now() - start < std::chrono::seconds(20));
}

} // namespace

TEST_CASE_FIXTURE(Clean, "sparse always makes holes of a stream's zeros, its tail among them") {
    const Directory directory;
    std::string content = pattern(300'000);
    content.replace(8192, 200'000, 200'000, '\0');
    content.append(100'000, '\0');
    Pool pool;
    Stream from(directory / "from");
    const std::string to = directory / "to";
    Options options = special;
    options.with_sparse(ARSYNC_SPARSE_ALWAYS);
    REQUIRE(pool.submit(from.path(), to, options) != 0);
    CHECK(from.give(content));
    from.end();
    const arsync_completion done = pool.wait();
    INFO(words(done));
    CHECK(done.result == 0);
    CHECK(done.bytes == content.size());
    CHECK(read_file(to) == content);
    // Of the zeros inside all but the ragged ends of two blocks, and the tail from its first block.
    CHECK(done.hole_bytes > 280'000);
    CHECK(hole_bytes(to) > 280'000);
}

TEST_CASE_FIXTURE(Clean, "a FIFO is copied to its end, though its writer comes late") {
    const Directory directory;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            CAPTURE(method_name(method));
            Stream from(directory / "from");
            Options options = special;
            options.with_method(method);
            const std::string to = directory / "to";
            const arsync_job job = pool.submit(from.path(), to, options);
            REQUIRE(job != 0);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            CHECK(from.give(pattern(10, 1)));
            CHECK(from.give_and_wait(pattern(300'000, 2), pool, job));
            from.end();
            arsync_progress last = {};
            CHECK(eventually(
                [&] { return (last = pool.progress(job)).state == ARSYNC_JOB_COMPLETED; }));
            CHECK(last.bytes_total == 300'010);
            const arsync_completion done = pool.wait();
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(done.bytes == 300'010);
            CHECK(read_file(to) == pattern(10, 1) + pattern(300'000, 2));
            unlink(to.c_str());
        }
    }
}

TEST_CASE_FIXTURE(Clean, "waiting for a FIFO's writer ends when cancelled") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        const Stream from(directory / "from");
        Pool pool{PoolOptions(backend)};
        ends_when_cancelled(pool, pool.submit(from.path(), directory / "to", special));
        CHECK_FALSE(exists(directory / "to"));
    }
}

TEST_CASE_FIXTURE(Clean, "waiting for more from a FIFO ends when cancelled") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        Stream from(directory / "from");
        Pool pool{PoolOptions(backend)};
        const arsync_job job = pool.submit(from.path(), directory / "to", special);
        REQUIRE(from.give_and_wait(pattern(5000), pool, job));
        ends_when_cancelled(pool, job);
        CHECK_FALSE(exists(directory / "to"));
    }
}

TEST_CASE_FIXTURE(Clean, "waiting for a FIFO's reader ends when cancelled") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        const Stream to(directory / "to");
        write_pattern(directory / "from", 300'000);
        Pool pool{PoolOptions(backend)};
        ends_when_cancelled(pool, pool.submit(directory / "from", to.path(), special));
        CHECK(S_ISFIFO(stat_of(to.path()).st_mode));
    }
}

TEST_CASE_FIXTURE(Clean, "waiting for a FIFO's reader to take something ends when cancelled") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        const Stream to(directory / "to");
        write_pattern(directory / "from", 300'000);
        const int reader = open(to.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        {
            Pool pool{PoolOptions(backend)};
            ends_when_cancelled(pool, pool.submit(directory / "from", to.path(), special));
        }
        close(reader);
    }
}

// A write to it waits until all is taken, for whoever has given it did not open it otherwise.
TEST_CASE_FIXTURE(Clean, "waiting for who reads a pipe that was given open ends when cancelled") {
    const Directory directory;
    write_pattern(directory / "from", 1'000'000);
    REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Pipe pipe;
        const Opened reads(directory / "fifo", O_RDONLY | O_NONBLOCK);
        const Opened writes(directory / "fifo", O_WRONLY);
        for (const int to : {pipe.writes, writes.get()}) {
            Pool pool{PoolOptions(backend)};
            const Options given = Options().with_flags(ARSYNC_COPY_SPECIAL | ARSYNC_COPY_DST_FD);
            arsync_job job = 0;
            REQUIRE(arsync_submit_copy(pool.get(), AT_FDCWD, (directory / "from").c_str(), to,
                                       nullptr, &given, 0, &job) == 0);
            CHECK(eventually([&] { return pool.progress(job).stage == ARSYNC_STAGE_WRITE; }));
            std::this_thread::sleep_for(std::chrono::milliseconds(100)); // let it wait
            CHECK(arsync_job_cancel(pool.get(), job) == 0);
            CHECK(pool.wait(10'000).result == -ECANCELED);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "closing the pool ends the waiting for a FIFO") {
    const Directory directory;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Stream from(directory / "from");
        Pool pool{PoolOptions(backend)};
        for (int i = 0; i < 3; ++i)
            REQUIRE(pool.submit(from.path(), directory / ("to" + std::to_string(i)), special) != 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        const auto start = Clock::now();
        CHECK(pool.close() == 0);
        CHECK(Clock::now() - start < std::chrono::seconds(20));
        CHECK(directory.entries() == 1);
    }
}

TEST_CASE_FIXTURE(Clean, "unasked, a FIFO is refused, and who waits at it goes on waiting") {
    const Directory directory;
    Stream fifo(directory / "fifo");
    write_pattern(directory / "file", 100);
    std::atomic<bool> released = false;
    std::thread writer([&] {
        const int fd = open(fifo.path().c_str(), O_WRONLY | O_CLOEXEC);
        released = true;
        close(fd);
    });
    {
        Pool pool;
        for (const uint32_t method : all_methods) {
            const arsync_completion done =
                pool.copy(fifo.path(), directory / "to", Options().with_method(method));
            CHECK(done.result == -EOPNOTSUPP);
            CHECK(done.stage == ARSYNC_STAGE_CHECK);
        }
        const arsync_completion done = pool.copy(directory / "file", fifo.path());
        CHECK(done.result == -EOPNOTSUPP);
        CHECK(done.stage == ARSYNC_STAGE_CHECK);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    CHECK_FALSE(released);
    CHECK_FALSE(exists(directory / "to"));
    close(open(fifo.path().c_str(), O_RDONLY | O_CLOEXEC));
    writer.join();
}

TEST_CASE_FIXTURE(Clean, "a FIFO as destination gets all, though its reader comes late") {
    const Directory directory;
    const Stream fifo(directory / "fifo");
    const std::string content = pattern(700'000);
    write_file(directory / "file", content);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        REQUIRE(pool.submit(directory / "file", fifo.path(), special) != 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        const int fd = open(fifo.path().c_str(), O_RDONLY | O_CLOEXEC);
        std::string got;
        char part[5000];
        for (ssize_t n; (n = read(fd, part, sizeof part)) > 0;)
            got.append(part, static_cast<size_t>(n));
        close(fd);
        const arsync_completion done = pool.wait();
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(done.bytes == content.size());
        CHECK((got == content));
    }
}

TEST_CASE_FIXTURE(Clean, "a FIFO whose reader goes away is an error, and kills nobody") {
    const Directory directory;
    const Stream fifo(directory / "fifo");
    write_pattern(directory / "file", 700'000);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Pool pool{PoolOptions(backend)};
        const int fd = open(fifo.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        const arsync_job job = pool.submit(directory / "file", fifo.path(), special);
        CHECK(eventually([&] { return pool.progress(job).stage == ARSYNC_STAGE_WRITE; }));
        close(fd);
        const arsync_completion done = pool.wait();
        INFO(words(done));
        CHECK(done.result == -EPIPE);
        CHECK(done.stage == ARSYNC_STAGE_WRITE);
    }
}

TEST_CASE_FIXTURE(Clean, "character devices are streams if asked, and else refused") {
    NEEDS_ROOT();
    const Directory directory;
    const std::string null = directory / "null";
    const std::string zero = directory / "zero";
    REQUIRE(mknod(null.c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
    REQUIRE(mknod(zero.c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0);
    const int usable = open(null.c_str(), O_RDWR | O_CLOEXEC);
    if (usable < 0) {
        skip("device nodes cannot be opened here");
        return;
    }
    close(usable);
    write_pattern(directory / "file", 700'000);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const std::string& device : {null, zero}) {
            CHECK(pool.copy(device, directory / "to").result == -EOPNOTSUPP);
            CHECK(pool.copy(directory / "file", device).result == -EOPNOTSUPP);
            CHECK_FALSE(exists(directory / "to"));
        }
        arsync_completion done = pool.copy(null, directory / "to", special);
        CHECK(done.result == 0);
        CHECK(size_of(directory / "to") == 0);
        unlink((directory / "to").c_str());
        done = pool.copy(directory / "file", null, special);
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(done.bytes == 700'000);
        CHECK(S_ISCHR(stat_of(null).st_mode));
        // One that never ends.
        const arsync_job job = pool.submit(zero, null, special);
        CHECK(eventually([&] { return pool.progress(job).bytes_done > 1'000'000; }));
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        CHECK(pool.wait().result == -ECANCELED);
    }
}

} // namespace live
