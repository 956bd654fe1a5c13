// Reads and writes of leased buffers: short transfers, ends, errors, streams, O_DIRECT, what is
// refused at the submit, and what is done about a job like any other.
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <thread>
#include <utility>
#include <vector>

#include "system/check.h"
#include "system/child.h"
#include "system/lease.h"
#include "system/opened.h"

namespace live {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t size = 256 << 10;

PoolOptions with_leases(uint32_t count, uint32_t backend = ARSYNC_BACKEND_AUTO) {
    PoolOptions options(backend);
    options.lease_count = count;
    options.buffer_size = size;
    return options;
}

template <class Body>
void for_both_backends(uint32_t leases, Body body) {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(with_leases(leases, backend));
        REQUIRE(pool.error() == 0);
        body(pool);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "fewer bytes than asked for, and no error, are the end of the file") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    for_both_backends(1, [&](Pool& pool) {
        const Lease buffer(pool);
        const PoolFile from(pool, directory / "from", O_RDONLY);
        arsync_job job = 0;
        REQUIRE(submit_read(pool, {from, 0, buffer, 0, size}, &job) == 0);
        arsync_progress last = {};
        CHECK(
            eventually([&] { return (last = pool.progress(job)).state == ARSYNC_JOB_COMPLETED; }));
        CHECK(last.bytes_total == 10'000);
        arsync_completion done = pool.wait();
        CHECK(done.result == 0);
        CHECK(done.bytes == 10'000);
        CHECK(buffer.text(0, 10'000) == pattern(10'000));
        done = read(pool, {from, 9'999, buffer, 0, 2});
        CHECK(done.bytes == 1);
        done = read(pool, {from, 10'000, buffer, 0, 2});
        CHECK(done.result == 0);
        CHECK(done.bytes == 0);
        done = read(pool, {from, 1u << 30, buffer, 0, 2});
        CHECK(done.result == 0);
        CHECK(done.bytes == 0);
        done = read(pool, {from, 0, buffer, size, 0});
        CHECK(done.result == 0);
        CHECK(done.bytes == 0);
    });
}

TEST_CASE_FIXTURE(Clean, "what does not fit in the buffer or the file is refused at once") {
    const Directory directory;
    Pool pool(with_leases(1));
    const Lease buffer(pool);
    const PoolFile file(pool, directory / "file", O_RDWR | O_CREAT);
    CHECK(submit_read(pool, {file, 0, buffer, 0, size + 1}) == -EINVAL);
    CHECK(submit_read(pool, {file, 0, buffer, 1, size}) == -EINVAL);
    CHECK(submit_write(pool, {file, 0, buffer, size + 1, 0}) == -EINVAL);
    CHECK(submit_write(pool, {file, 0, buffer, UINT64_MAX, 2}) == -EINVAL);
    CHECK(submit_write(pool, {file, 0, buffer, 2, UINT64_MAX}) == -EINVAL);
    const uint64_t most = INT64_MAX;
    CHECK(submit_read(pool, {file, most + 1, buffer, 0, 1}) == -EINVAL);
    CHECK(submit_read(pool, {file, most, buffer, 0, 1}) == -EINVAL);
    CHECK(submit_read(pool, {file, UINT64_MAX - 1, buffer, 0, 1}) == -EINVAL);
    CHECK(arsync_submit_read(pool.get(), file.id(), 0, buffer.id, 0, 1, 1, 0, nullptr) == -EINVAL);
    CHECK(arsync_submit_write(pool.get(), file.id(), 0, buffer.id, 0, 1, 1, 0, nullptr) == -EINVAL);
    CHECK(arsync_submit_sync(pool.get(), file.id(), 2, 0, nullptr) == -EINVAL);
    CHECK(arsync_submit_read(pool.get(), file.id(), 0, 0, 0, 1, 0, 0, nullptr) == -ENOENT);
    CHECK(arsync_submit_read(pool.get(), 0, 0, buffer.id, 0, 1, 0, 0, nullptr) == -ENOENT);
    CHECK(arsync_submit_sync(pool.get(), 99, 0, 0, nullptr) == -ENOENT);
    // Nothing of that has left its mark on the buffer.
    CHECK(read(pool, {file, most - 1, buffer, 0, 1}).result == 0);
    CHECK(pool.stats().jobs_submitted == 1);
}

TEST_CASE_FIXTURE(Clean, "which files a pool takes") {
    const Directory directory;
    write_pattern(directory / "file", 100);
    Pool pool(with_leases(1));
    arsync_file file = 0;
    CHECK(arsync_file_open(pool.get(), -1, 0, &file) == -EBADF);
    const int opened = open(directory.path().c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(arsync_file_open(pool.get(), opened, 0, &file) == -EISDIR);
    close(opened);
    const int path = open((directory / "file").c_str(), O_PATH | O_CLOEXEC);
    CHECK(arsync_file_open(pool.get(), path, 0, &file) == -EBADF);
    close(path);
    const int fd = open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(arsync_file_open(pool.get(), fd, 1, &file) == -EINVAL);
    CHECK(arsync_file_open(pool.get(), fd, 0, nullptr) == -EFAULT);
    REQUIRE(arsync_file_open(pool.get(), fd, 0, &file) == 0);
    close(fd);
    const Lease buffer(pool);
    REQUIRE(arsync_submit_read(pool.get(), file, 0, buffer.id, 0, 100, 0, 0, nullptr) == 0);
    CHECK(pool.wait().bytes == 100);
    CHECK(arsync_file_close(pool.get(), file) == 0);
    CHECK(arsync_file_close(pool.get(), file) == -ENOENT);
    CHECK(arsync_submit_read(pool.get(), file, 0, buffer.id, 0, 1, 0, 0, nullptr) == -ENOENT);
}

TEST_CASE_FIXTURE(Clean, "a file that is closed while it is read stays until that has ended") {
    for_both_backends(1, [&](Pool& pool) {
        Pipe pipe;
        const Lease buffer(pool);
        arsync_file file = 0;
        REQUIRE(arsync_file_open(pool.get(), pipe.reads, 0, &file) == 0);
        REQUIRE(arsync_submit_read(pool.get(), file, UINT64_MAX, buffer.id, 0, 10, 0, 0, nullptr) ==
                0);
        CHECK(arsync_file_close(pool.get(), file) == 0);
        REQUIRE(::write(pipe.writes, "abc", 3) == 3);
        CHECK(pool.wait().bytes == 3);
        CHECK(arsync_file_close(pool.get(), file) == -ENOENT);
        pipe.close_reading();
        pollfd writer{pipe.writes, POLLOUT, 0};
        CHECK(poll(&writer, 1, 0) == 1);
        CHECK((writer.revents & POLLERR) != 0); // nobody has the other end any more
    });
}

TEST_CASE_FIXTURE(Clean,
                  "a file is closed at once if its only operation was cancelled in the queue") {
    PoolOptions options = with_leases(65);
    options.buffer_size = 4096;
    options.workers = 1;
    Pool pool(options);
    const Pipe silent;
    Pipe other;
    arsync_buffer buffers[65] = {};
    REQUIRE(arsync_buffer_acquire(pool.get(), 65, buffers) == 0);
    const PoolFile busy(pool, silent.reads);
    for (int i = 0; i < 64; ++i) // as many as a worker takes
        REQUIRE(submit_read(pool, {busy, UINT64_MAX, buffers[i], 0, 10}) == 0);
    arsync_file file = 0;
    arsync_job queued = 0;
    REQUIRE(arsync_file_open(pool.get(), other.writes, 0, &file) == 0);
    REQUIRE(arsync_submit_write(pool.get(), file, UINT64_MAX, buffers[64].id, 0, 10, 0, 1,
                                &queued) == 0);
    CHECK(arsync_job_cancel(pool.get(), queued) == 0);
    CHECK(arsync_file_close(pool.get(), file) == 0);
    close(std::exchange(other.writes, -1)); // the last but for what the pool had
    char byte = 0;
    CHECK(::fcntl(other.reads, F_SETFL, O_NONBLOCK) == 0);
    CHECK(::read(other.reads, &byte, 1) == 0); // its end
    CHECK(pool.wait().result == -ECANCELED);
    for (const arsync_buffer& buffer : buffers)
        CHECK(arsync_buffer_release(pool.get(), buffer.id) == 0);
}

TEST_CASE_FIXTURE(Clean, "an error leaves the buffer idle, and tells what was done before it") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    check_in_child([&](Report& report) {
        for (const uint32_t backend : both_backends) {
            if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
                continue;
            const rlimit most{150'000, 150'000};
            EXPECT(report, setrlimit(RLIMIT_FSIZE, &most) == 0);
            Pool pool(with_leases(1, backend));
            const Lease buffer(pool);
            const PoolFile from(pool, directory / "from", O_RDONLY);
            const PoolFile to(pool, directory / "to", O_RDWR | O_CREAT | O_TRUNC);
            arsync_completion done = write(pool, {from, 0, buffer, 0, 10});
            EXPECT_WITH(report, done.result == -EBADF, words(done));
            EXPECT(report, done.stage == ARSYNC_STAGE_WRITE);
            EXPECT(report, (done.flags & ARSYNC_COMPLETION_AT_DESTINATION) != 0);
            EXPECT(report, done.bytes == 0);
            buffer.fill(pattern(size));
            // The kernel writes up to the limit, and then no further.
            done = write(pool, {to, 0, buffer, 0, size});
            EXPECT_WITH(report, done.result == -EFBIG, words(done));
            EXPECT(report, done.stage == ARSYNC_STAGE_WRITE);
            EXPECT(report, done.bytes == 150'000);
            EXPECT(report, read_file(directory / "to") == pattern(150'000));
            done = read(pool, {from, 0, buffer, 0, 1000});
            EXPECT_WITH(report, done.result == 0, words(done));
            EXPECT(report, buffer.text(0, 1000) == pattern(1000));
        }
    });
}

TEST_CASE_FIXTURE(Clean, "O_DIRECT is the kernel's: aligned it goes, and otherwise it is refused") {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs}) {
        const Volume& volume = shared_volume(kind);
        if (!volume.usable()) {
            skip(volume.why());
            continue;
        }
        CAPTURE(name_of(kind));
        const Directory directory(volume);
        write_pattern(directory / "from", 3 * 65'536 + 700);
        make_cold(directory / "from");
        for_both_backends(1, [&](Pool& pool) {
            const Lease buffer(pool);
            const PoolFile from(pool, directory / "from", O_RDONLY | O_DIRECT);
            const PoolFile to(pool, directory / "to", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT);
            REQUIRE((from.error() == 0 && to.error() == 0));
            // The last block is asked for as a whole, and ends at the file's end.
            arsync_completion done = read(pool, {from, 65'536, buffer, 0, size - 65'536});
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(done.bytes == 2 * 65'536 + 700);
            CHECK(buffer.text(0, done.bytes) == pattern(done.bytes, 1, 65'536));
            done = write(pool, {to, 4096, buffer, 4096, 65'536});
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(done.bytes == 65'536);
            CHECK(read_file(directory / "to").substr(4096) == pattern(65'536, 1, 65'536 + 4096));
            if (kind != Kind::xfs)
                return; // others go through the page cache then
            done = read(pool, {from, 100, buffer, 0, 4096});
            CHECK(done.result == -EINVAL);
            CHECK(done.stage == ARSYNC_STAGE_READ);
            done = write(pool, {to, 0, buffer, 1, 4096});
            CHECK(done.result == -EINVAL);
            CHECK(done.stage == ARSYNC_STAGE_WRITE);
        });
    }
}

TEST_CASE_FIXTURE(Clean, "of a stream one transfer is made, when there is something") {
    for_both_backends(1, [&](Pool& pool) {
        Pipe pipe;
        const Lease buffer(pool);
        const PoolFile from(pool, pipe.reads);
        const PoolFile to(pool, pipe.writes);
        REQUIRE(::write(pipe.writes, "abcdef", 6) == 6);
        arsync_completion done = read(pool, {from, UINT64_MAX, buffer, 10, 4});
        CHECK(done.bytes == 4);
        CHECK(buffer.text(10, 4) == "abcd");
        done = read(pool, {from, UINT64_MAX, buffer, 0, 100});
        CHECK(done.result == 0);
        CHECK(done.bytes == 2);
        CHECK(submit_read(pool, {from, 0, buffer, 0, 100}) == -ESPIPE);
        CHECK(submit_write(pool, {to, 7, buffer, 0, 100}) == -ESPIPE);
        buffer.fill("xyz");
        done = write(pool, {to, UINT64_MAX, buffer, 0, 3});
        CHECK(done.bytes == 3);
        // More than there is room for is written as far as there is.
        const int room = fcntl(pipe.writes, F_GETPIPE_SZ);
        REQUIRE(room > 0);
        REQUIRE(static_cast<uint32_t>(room) < size);
        done = write(pool, {to, UINT64_MAX, buffer, 0, size});
        CHECK(done.result == 0);
        CHECK(done.bytes > 0);
        CHECK(done.bytes < size);
    });
}

// A FIFO knows no write that does not wait.
TEST_CASE_FIXTURE(Clean, "a write to a FIFO waits for no more room than there is, and can be "
                         "cancelled when there is none") {
    const Directory directory;
    REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
    const Opened reads(directory / "fifo", O_RDONLY | O_NONBLOCK);
    for_both_backends(1, [&](Pool& pool) {
        const Opened writes(directory / "fifo", O_WRONLY);
        const Lease buffer(pool);
        const PoolFile to(pool, writes.get());
        const auto room = static_cast<uint64_t>(fcntl(writes.get(), F_GETPIPE_SZ));
        uint64_t done = 0;
        while (done < room) {
            REQUIRE(submit_write(pool, {to, UINT64_MAX, buffer, 0, size}) == 0);
            const arsync_completion part = pool.wait(10'000);
            REQUIRE(part.result == 0);
            REQUIRE(part.bytes > 0);
            done += part.bytes;
        }
        CHECK(done == room);
        arsync_job job = 0;
        REQUIRE(submit_write(pool, {to, UINT64_MAX, buffer, 0, size}, &job) == 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(50)); // so that it waits
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        CHECK(pool.wait(10'000).result == -ECANCELED);
        std::string got(room, 0);
        CHECK(::read(reads.get(), got.data(), room) == static_cast<ssize_t>(room));
    });
}

TEST_CASE_FIXTURE(Clean, "a stream that ends gives no bytes, and one that nobody reads EPIPE") {
    for_both_backends(1, [&](Pool& pool) {
        const Lease buffer(pool);
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        const PoolFile one(pool, ends[0]);
        close(ends[0]);
        REQUIRE(submit_read(pool, {one, UINT64_MAX, buffer, 0, 100}) == 0);
        close(ends[1]);
        arsync_completion done = pool.wait();
        CHECK(done.result == 0);
        CHECK(done.bytes == 0);
        done = write(pool, {one, UINT64_MAX, buffer, 0, 100});
        CHECK(done.result == -EPIPE);
    });
}

TEST_CASE_FIXTURE(Clean, "the wrong end of a stream is an error, and nothing to wait for") {
    for_both_backends(1, [&](Pool& pool) {
        const Pipe pipe;
        const Lease buffer(pool);
        const PoolFile reads(pool, pipe.reads), writes(pool, pipe.writes);
        REQUIRE(submit_read(pool, {writes, UINT64_MAX, buffer, 0, 10}) == 0);
        arsync_completion done = pool.wait(10'000);
        CHECK(done.result == -EBADF);
        CHECK(done.stage == ARSYNC_STAGE_READ);
        REQUIRE(submit_write(pool, {reads, UINT64_MAX, buffer, 0, 10}) == 0);
        done = pool.wait(10'000);
        CHECK(done.result == -EBADF);
        CHECK(done.stage == ARSYNC_STAGE_WRITE);
    });
}

TEST_CASE_FIXTURE(Clean, "a regular file as a stream is read at its position, which moves") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    for_both_backends(1, [&](Pool& pool) {
        const Lease buffer(pool);
        const int fd = open((directory / "from").c_str(), O_RDONLY | O_CLOEXEC);
        const PoolFile from(pool, fd);
        CHECK(read(pool, {from, UINT64_MAX, buffer, 0, 6'000}).bytes == 6'000);
        CHECK(lseek(fd, 0, SEEK_CUR) == 6'000);
        CHECK(read(pool, {from, 0, buffer, 0, 1'000}).bytes == 1'000);
        CHECK(lseek(fd, 0, SEEK_CUR) == 6'000);
        CHECK(read(pool, {from, UINT64_MAX, buffer, 0, 6'000}).bytes == 4'000);
        CHECK(buffer.text(0, 4'000) == pattern(4'000, 1, 6'000));
        close(fd);
    });
}

TEST_CASE_FIXTURE(Clean, "an operation that waits can be cancelled, and one that is paused, too") {
    const Directory directory;
    for_both_backends(2, [&](Pool& pool) {
        Pipe pipe;
        const Lease buffer(pool), other(pool);
        const PoolFile silent(pool, pipe.reads);
        const PoolFile to(pool, directory / "to", O_RDWR | O_CREAT | O_TRUNC);
        arsync_job job = 0;
        REQUIRE(submit_read(pool, {silent, UINT64_MAX, buffer, 0, 10}, &job) == 0);
        REQUIRE(eventually([&] { return pool.progress(job).stage == ARSYNC_STAGE_READ; }));
        CHECK(pool.progress(job).bytes_total == 10);
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        arsync_completion done = pool.wait();
        CHECK(done.result == -ECANCELED);
        CHECK(done.stage == ARSYNC_STAGE_READ);
        CHECK(write(pool, {to, 0, buffer, 0, 10}).result == 0); // idle

        REQUIRE(submit_read(pool, {silent, UINT64_MAX, buffer, 0, 10}, &job) == 0);
        arsync_adjustment adjustment = {};
        adjustment.struct_size = sizeof adjustment;
        adjustment.what = ARSYNC_ADJUST_PAUSE;
        CHECK(arsync_job_adjust(pool.get(), job, &adjustment) == 0);
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        CHECK(pool.wait().result == -ECANCELED);
        CHECK(read(pool, {to, 0, buffer, 0, 10}).bytes == 10);
    });
}

TEST_CASE_FIXTURE(Clean, "an operation that is paused while it waits takes nothing that comes") {
    for_both_backends(1, [](Pool& pool) {
        Pipe pipe;
        const Lease buffer(pool);
        const PoolFile silent(pool, pipe.reads);
        arsync_job job = 0;
        REQUIRE(submit_read(pool, {silent, UINT64_MAX, buffer, 0, 10}, &job) == 0);
        REQUIRE(eventually([&] { return pool.progress(job).stage == ARSYNC_STAGE_READ; }));
        std::this_thread::sleep_for(std::chrono::milliseconds(50)); // so that it waits
        arsync_adjustment adjustment = {};
        adjustment.struct_size = sizeof adjustment;
        adjustment.what = ARSYNC_ADJUST_PAUSE;
        CHECK(arsync_job_adjust(pool.get(), job, &adjustment) == 0);
        CHECK(::write(pipe.writes, "come", 4) == 4);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        int unread = 0;
        CHECK(ioctl(pipe.reads, FIONREAD, &unread) == 0);
        CHECK(unread == 4);
        adjustment.what = ARSYNC_ADJUST_RESUME;
        CHECK(arsync_job_adjust(pool.get(), job, &adjustment) == 0);
        CHECK(pool.wait().bytes == 4);
    });
}

// It is a regular file, of which a read waits for what the kernel has to say.
TEST_CASE_FIXTURE(Clean, "a cancel ends the read of a file of the kernel's that says nothing") {
    const int log = open("/proc/kmsg", O_RDONLY | O_CLOEXEC);
    if (log < 0) {
        skip("the kernel's messages may not be read");
        return;
    }
    for_both_backends(1, [&](Pool& pool) {
        const Lease buffer(pool);
        const PoolFile file(pool, log);
        arsync_completion done = {};
        do {
            arsync_job job = 0;
            REQUIRE(submit_read(pool, {file, UINT64_MAX, buffer, 0, size}, &job) == 0);
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            CHECK(arsync_job_cancel(pool.get(), job) != -EINVAL); // it may have ended
            done = pool.wait(10'000);
        } while (done.result == 0 && done.bytes > 0); // of before
        CHECK(done.result == -ECANCELED);
    });
    close(log);
}

TEST_CASE_FIXTURE(Clean, "what has no offsets is a stream, and a cancel ends what waits for it") {
    for_both_backends(1, [&](Pool& pool) {
        const Lease buffer(pool);
        const int silent[] = {eventfd(0, EFD_CLOEXEC), timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
                              inotify_init1(IN_CLOEXEC)};
        for (const int fd : silent) {
            const PoolFile file(pool, fd);
            CHECK(file.error() == 0);
            CHECK(submit_read(pool, {file, 0, buffer, 0, 100}) == -ESPIPE);
            arsync_job job = 0;
            REQUIRE(submit_read(pool, {file, UINT64_MAX, buffer, 0, 100}, &job) == 0);
            REQUIRE(eventually([&] { return pool.progress(job).stage == ARSYNC_STAGE_READ; }));
            CHECK(arsync_job_cancel(pool.get(), job) == 0);
            CHECK(pool.wait().result == -ECANCELED);
            close(fd);
        }
        const uint64_t three = 3;
        const int event = eventfd(0, EFD_CLOEXEC);
        const PoolFile file(pool, event);
        CHECK(::write(event, &three, sizeof three) == sizeof three);
        CHECK(read(pool, {file, UINT64_MAX, buffer, 0, 100}).bytes == sizeof three);
        CHECK(memcmp(buffer.data, &three, sizeof three) == 0);
        close(event);
        const PoolFile zeros(pool, "/dev/zero", O_RDWR); // a device that has some
        CHECK(read(pool, {zeros, 7, buffer, 0, size}).bytes == size);
        CHECK(write(pool, {zeros, 7, buffer, 0, size}).bytes == size);
    });
}

// A terminal knows no read that does not wait.
TEST_CASE_FIXTURE(Clean, "of two that read one terminal, the one that gets nothing is cancelled") {
    const int above = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (above < 0 || grantpt(above) < 0 || unlockpt(above) < 0) {
        skip("there are no terminals here");
        return;
    }
    const int terminal = open(ptsname(above), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(terminal >= 0);
    for_both_backends(2, [&](Pool& pool) {
        const Lease one(pool), other(pool);
        const PoolFile from(pool, terminal);
        for (int round = 0; round < 20; ++round) {
            arsync_job jobs[2] = {};
            REQUIRE(submit_read(pool, {from, UINT64_MAX, one, 0, 100, 0}, &jobs[0]) == 0);
            REQUIRE(submit_read(pool, {from, UINT64_MAX, other, 0, 100, 1}, &jobs[1]) == 0);
            CHECK(::write(above, "a line\n", 7) == 7);
            arsync_completion done = pool.wait();
            REQUIRE(done.result == 0);
            CHECK(done.bytes == 7);
            CHECK(arsync_job_cancel(pool.get(), jobs[1 - done.user_data]) == 0);
            done = pool.wait();
            INFO(words(done));
            REQUIRE(done.result == -ECANCELED);
        }
    });
    close(terminal);
    close(above);
}

TEST_CASE_FIXTURE(Clean, "operations count for job_limit, and for the pool's byte_rate") {
    const Directory directory;
    write_pattern(directory / "from", size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        PoolOptions options = with_leases(2, backend);
        options.job_limit = 1;
        options.byte_rate = 400'000;
        Pool pool(options);
        const Lease buffer(pool), other(pool);
        const PoolFile from(pool, directory / "from", O_RDONLY);
        const auto start = Clock::now();
        arsync_job job = 0;
        REQUIRE(submit_read(pool, {from, 0, buffer, 0, 100'000}, &job) == 0);
        CHECK(submit_read(pool, {from, 0, other, 0, 100'000}) == -EAGAIN);
        CHECK(arsync_submit_acquire(pool.get(), 1, 0, nullptr) == -EAGAIN);
        CHECK(arsync_submit_sync(pool.get(), from.id(), 0, 0, nullptr) == -EAGAIN);
        CHECK(pool.wait().bytes == 100'000);
        CHECK(Clock::now() - start >= std::chrono::milliseconds(200));
        // The refusals have left the other buffer idle.
        REQUIRE(submit_read(pool, {from, 0, other, 0, size}, &job) == 0);
        REQUIRE(eventually([&] { return pool.progress(job).bytes_done == size; }));
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        const arsync_completion done = pool.wait();
        CHECK(done.result == -ECANCELED);
        CHECK(done.bytes == size);
    }
}

TEST_CASE_FIXTURE(Clean, "leases keep no copy from its buffers") {
    const Directory directory;
    write_pattern(directory / "from", 20 * size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        PoolOptions options = with_leases(4, backend);
        options.buffer_count = 1;
        options.workers = 1;
        Pool pool(options);
        const Lease leases[] = {Lease(pool), Lease(pool), Lease(pool), Lease(pool)};
        CHECK(leases[3].error() == 0);
        const arsync_completion done = pool.copy(directory / "from", directory / "to",
                                                 Options().with_method(ARSYNC_METHOD_FIXED));
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(difference(directory / "from", directory / "to") == "");
    }
}

TEST_CASE_FIXTURE(Clean, "what the kernel does not register is used unregistered") {
    const Directory directory;
    write_pattern(directory / "from", size);
    check_in_child([&](Report& report) {
        const rlimit none{0, 0};
        EXPECT(report, setrlimit(RLIMIT_MEMLOCK, &none) == 0);
        EXPECT(report, become_ordinary());
        const int fd = open((directory / "from").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
        Pool pool(with_leases(1));
        const Lease buffer(pool);
        const PoolFile from(pool, fd);
        const arsync_completion done = read(pool, {from, 0, buffer, 0, size});
        EXPECT_WITH(report, done.result == 0, words(done));
        EXPECT(report, done.bytes == size);
        EXPECT(report, buffer.text(0, size) == pattern(size));
        EXPECT(report, pool.stats().reads_fixed == 0);
        if (pool.info().backend == ARSYNC_BACKEND_URING) {
            EXPECT(report, pool.info().buffers_refused == 1);
            EXPECT(report, pool.info().buffers_reason[0] != '\0');
        }
    });
}

TEST_CASE_FIXTURE(Clean, "a forked child has neither the buffers' memory nor the pool") {
    const Directory directory;
    Pool pool(with_leases(1));
    const Lease buffer(pool);
    const PoolFile file(pool, directory / "file", O_RDWR | O_CREAT);
    arsync_pool* const closed = [] {
        arsync_pool* opened = nullptr;
        REQUIRE(arsync_pool_open(nullptr, &opened) == 0);
        return opened;
    }();
    arsync_buffer late = {};
    REQUIRE(arsync_buffer_acquire(closed, 1, &late) == 0);
    REQUIRE(arsync_pool_close(closed) == 0);
    arsync_pool* unused = nullptr;
    REQUIRE(arsync_pool_open(nullptr, &unused) == 0);
    REQUIRE(arsync_pool_close(unused) == 0);
    CHECK(arsync_buffer_release(unused, 1) == -ENOENT);
    check_in_child([&](Report& report) {
        EXPECT(report, arsync_buffer_release(unused, 1) == -EOWNERDEAD);
        unsigned char resident = 0;
        EXPECT(report, mincore(buffer.data, 4096, &resident) == -1);
        arsync_buffer another = {};
        arsync_file opened = 0;
        EXPECT(report, arsync_buffer_acquire(pool.get(), 1, &another) == -EOWNERDEAD);
        EXPECT(report, arsync_submit_acquire(pool.get(), 1, 0, nullptr) == -EOWNERDEAD);
        EXPECT(report, arsync_buffer_release(pool.get(), buffer.id) == -EOWNERDEAD);
        EXPECT(report, arsync_buffer_release(closed, late.id) == -EOWNERDEAD);
        EXPECT(report, arsync_file_open(pool.get(), 0, 0, &opened) == -EOWNERDEAD);
        EXPECT(report, arsync_file_close(pool.get(), file.id()) == -EOWNERDEAD);
        EXPECT(report, submit_read(pool, {file, 0, buffer, 0, 1}) == -EOWNERDEAD);
        EXPECT(report, submit_write(pool, {file, 0, buffer, 0, 1}) == -EOWNERDEAD);
        EXPECT(report, arsync_submit_sync(pool.get(), file.id(), 0, 0, nullptr) == -EOWNERDEAD);
    });
    CHECK(arsync_buffer_release(closed, late.id) == 0);
}

TEST_CASE_FIXTURE(Clean, "many operations at once, from several threads, find their way") {
    const Directory directory;
    constexpr unsigned count = 8;
    constexpr uint64_t blocks = 40;
    write_pattern(directory / "from", blocks * size);
    for_both_backends(count, [&](Pool& pool) {
        const PoolFile from(pool, directory / "from", O_RDONLY);
        const PoolFile to(pool, directory / "to", O_RDWR | O_CREAT | O_TRUNC);
        arsync_buffer buffers[count] = {};
        REQUIRE(arsync_buffer_acquire(pool.get(), count, buffers) == 0);
        uint64_t next = 0, ended = 0;
        std::vector<uint64_t> offsets(count);
        const auto go_on = [&](uint64_t number) {
            if (next == blocks)
                return;
            offsets[number] = next++ * size;
            CHECK(submit_read(pool, {from, offsets[number], buffers[number], 0, size, number}) ==
                  0);
        };
        for (unsigned i = 0; i < count; ++i)
            std::thread([&, i] { go_on(i); }).join();
        while (ended < blocks) {
            const arsync_completion done = pool.wait();
            REQUIRE(done.result == 0);
            REQUIRE(done.bytes == size);
            const uint64_t number = done.user_data;
            if (done.action == ARSYNC_ACTION_READ) {
                REQUIRE(submit_write(pool,
                                     {to, offsets[number], buffers[number], 0, size, number}) == 0);
                continue;
            }
            ++ended;
            go_on(number);
        }
        for (const arsync_buffer& buffer : buffers)
            CHECK(arsync_buffer_release(pool.get(), buffer.id) == 0);
        CHECK(difference(directory / "from", directory / "to") == "");
    });
}

} // namespace live
