// Buffers that a program leases: who has one, what may be under way in it, and when it is free.
#include <cerrno>
#include <sys/mman.h>
#include <thread>
#include <vector>

#include "system/check.h"
#include "system/child.h"
#include "system/lease.h"
#include "system/stream.h"

namespace live {

namespace {

constexpr uint32_t size = 64 << 10;

PoolOptions with_leases(uint32_t count, uint32_t backend = ARSYNC_BACKEND_AUTO) {
    PoolOptions options(backend);
    options.lease_count = count;
    options.buffer_size = size;
    return options;
}

std::vector<arsync_buffer> buffers_of(const arsync_completion& done) {
    REQUIRE(done.details);
    return {done.details->buffers, done.details->buffers + done.details->buffer_count};
}

} // namespace

TEST_CASE_FIXTURE(Clean, "what is read into a leased buffer can be seen, and written elsewhere") {
    const Directory directory;
    write_pattern(directory / "from", 3 * size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(with_leases(2, backend));
        const Lease buffer(pool);
        REQUIRE(buffer.error() == 0);
        CHECK(buffer.size == size);
        CHECK(reinterpret_cast<uintptr_t>(buffer.data) % 4096 == 0);
        const PoolFile from(pool, directory / "from", O_RDONLY);
        const PoolFile to(pool, directory / "to", O_RDWR | O_CREAT | O_TRUNC);
        REQUIRE((from.error() == 0 && to.error() == 0));

        const arsync_completion got = read(pool, {from, 1000, buffer, 100, 50'000, 7});
        INFO(words(got));
        CHECK(got.result == 0);
        CHECK(got.bytes == 50'000);
        CHECK(got.kind == ARSYNC_COMPLETION_JOB);
        CHECK(got.action == ARSYNC_ACTION_READ);
        CHECK(got.user_data == 7);
        CHECK(buffer.text(100, 50'000) == pattern(50'000, 1, 1000));

        buffer.bytes()[100] = '!';
        const arsync_completion put = write(pool, {to, 3, buffer, 100, 50'000, 8});
        INFO(words(put));
        CHECK(put.result == 0);
        CHECK(put.bytes == 50'000);
        CHECK(put.action == ARSYNC_ACTION_WRITE);
        CHECK(put.user_data == 8);
        CHECK(read_file(directory / "to") == std::string(3, '\0') + "!" + pattern(49'999, 1, 1001));

        REQUIRE(arsync_submit_sync(pool.get(), to.id(), ARSYNC_SYNC_DATA, 9, nullptr) == 0);
        const arsync_completion synced = pool.wait();
        CHECK(synced.result == 0);
        CHECK(synced.action == ARSYNC_ACTION_SYNC);
        CHECK(synced.user_data == 9);
    }
}

TEST_CASE_FIXTURE(Clean,
                  "through the page cache a worker reads and writes by itself, and waits not") {
    const Volume& volume = shared_volume(Kind::ext4);
    if (!volume.usable())
        return skip(volume.why());
    const Directory directory(volume);
    write_pattern(directory / "from", size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(with_leases(1, backend));
        const Lease buffer(pool);
        const PoolFile from(pool, directory / "from", O_RDONLY);
        const PoolFile to(pool, directory / "to", O_RDWR | O_CREAT | O_TRUNC);
        const PoolFile synced(pool, directory / "synced", O_RDWR | O_CREAT | O_TRUNC | O_DSYNC);
        CHECK(read(pool, {from, 0, buffer, 0, size}).bytes == size);
        CHECK(write(pool, {to, 0, buffer, 0, size}).bytes == size);
        CHECK(pool.stats().reads_inline == pool.stats().reads);
        CHECK(pool.stats().writes_inline == pool.stats().writes);
        const uint64_t inline_writes = pool.stats().writes_inline;

        make_cold(directory / "from");
        CHECK(read(pool, {from, 0, buffer, 0, size}).bytes == size);
        CHECK(write(pool, {synced, 0, buffer, 0, size}).bytes == size);
        CHECK(pool.stats().reads_inline < pool.stats().reads);
        CHECK(pool.stats().writes_inline == inline_writes);
        CHECK(pool.stats().writes > inline_writes);
        const bool fixed = backend == ARSYNC_BACKEND_URING && pool.info().buffers_registered > 0;
        CHECK(pool.stats().reads_fixed == (fixed ? 1 : 0));
        CHECK(pool.stats().writes_fixed == (fixed ? 1 : 0));
        CHECK(read_file(directory / "to") == pattern(size));
        CHECK(read_file(directory / "synced") == pattern(size));
    }
}

TEST_CASE_FIXTURE(Clean, "one read and several writes send the same data to several files") {
    const Directory directory;
    write_pattern(directory / "from", 10 * size + 5);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(with_leases(1, backend));
        const Lease buffer(pool);
        const PoolFile from(pool, directory / "from", O_RDONLY);
        const PoolFile to[] = {{pool, directory / "a", O_WRONLY | O_CREAT | O_TRUNC},
                               {pool, directory / "b", O_WRONLY | O_CREAT | O_TRUNC},
                               {pool, directory / "c", O_WRONLY | O_CREAT | O_TRUNC}};
        for (uint64_t offset = 0;; offset += size) {
            const arsync_completion got = read(pool, {from, offset, buffer, 0, size});
            REQUIRE(got.result == 0);
            if (got.bytes == 0)
                break;
            for (const PoolFile& each : to)
                REQUIRE(submit_write(pool, {each, offset, buffer, 0, got.bytes}) == 0);
            for (size_t i = 0; i < std::size(to); ++i) {
                const arsync_completion put = pool.wait();
                CHECK(put.result == 0);
                CHECK(put.bytes == got.bytes);
            }
        }
        for (const char* name : {"a", "b", "c"})
            CHECK(difference(directory / "from", directory / name) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "buffers are acquired all or none") {
    Pool pool(with_leases(3));
    arsync_buffer buffers[4] = {};
    CHECK(arsync_buffer_acquire(pool.get(), 0, buffers) == -EINVAL);
    CHECK(arsync_buffer_acquire(pool.get(), 4, buffers) == -EINVAL);
    CHECK(arsync_buffer_acquire(pool.get(), 1, nullptr) == -EFAULT);
    REQUIRE(arsync_buffer_acquire(pool.get(), 2, buffers) == 0);
    CHECK(arsync_buffer_acquire(pool.get(), 2, buffers + 2) == -EAGAIN);
    REQUIRE(arsync_buffer_acquire(pool.get(), 1, buffers + 2) == 0);
    CHECK(buffers[0].id != buffers[1].id);
    CHECK(buffers[0].data != buffers[1].data);
    CHECK(arsync_buffer_acquire(pool.get(), 1, buffers + 3) == -EAGAIN);
    CHECK(arsync_buffer_release(pool.get(), buffers[1].id) == 0);
    CHECK(arsync_buffer_release(pool.get(), buffers[1].id) == -ENOENT);
    REQUIRE(arsync_buffer_acquire(pool.get(), 1, buffers + 3) == 0);
    CHECK(buffers[3].id != buffers[1].id);
    for (const int i : {0, 2, 3})
        CHECK(arsync_buffer_release(pool.get(), buffers[i].id) == 0);
    CHECK(arsync_buffer_release(pool.get(), 0) == -ENOENT);
    CHECK(arsync_buffer_release(nullptr, 1) == -EFAULT);
}

TEST_CASE_FIXTURE(
    Clean, "leased buffers are in the huge pages that were asked for, or info says why not") {
    PoolOptions options;
    options.lease_count = 1;
    options.flags = ARSYNC_POOL_HUGE_PAGES;
    Pool pool(options);
    const Lease buffer(pool);
    REQUIRE(buffer.error() == 0);
    const arsync_info info = pool.info();
    INFO(info.buffers_reason);
    const bool in_force = (info.flags & ARSYNC_POOL_HUGE_PAGES) != 0;
    CHECK(in_force == (strlen(info.buffers_reason) == 0));
}

TEST_CASE_FIXTURE(Clean, "who waits for buffers is served in order, and nobody passes") {
    Pool pool(with_leases(3));
    arsync_buffer had[3] = {};
    REQUIRE(arsync_buffer_acquire(pool.get(), 3, had) == 0);
    arsync_job jobs[3] = {};
    CHECK(arsync_submit_acquire(pool.get(), 4, 0, nullptr) == -EINVAL);
    REQUIRE(arsync_submit_acquire(pool.get(), 2, 1, &jobs[0]) == 0);
    REQUIRE(arsync_submit_acquire(pool.get(), 1, 2, &jobs[1]) == 0);
    CHECK(arsync_buffer_release(pool.get(), had[0].id) == 0);
    // Enough for the second, which is behind the first; and for somebody who does not wait.
    arsync_completion done = {};
    CHECK(arsync_poll(pool.get(), &done, 1, 50) == 0);
    CHECK(arsync_buffer_acquire(pool.get(), 1, had) == -EAGAIN);
    CHECK(pool.progress(jobs[0]).state == ARSYNC_JOB_QUEUED);

    CHECK(arsync_buffer_release(pool.get(), had[1].id) == 0);
    done = pool.wait();
    CHECK(done.result == 0);
    CHECK(done.user_data == 1);
    CHECK(done.action == ARSYNC_ACTION_ACQUIRE);
    const std::vector<arsync_buffer> first = buffers_of(done);
    CHECK(first.size() == 2);
    CHECK(arsync_buffer_release(pool.get(), had[2].id) == 0);
    done = pool.wait();
    CHECK(done.user_data == 2);
    const std::vector<arsync_buffer> second = buffers_of(done);
    REQUIRE(second.size() == 1);
    memset(second[0].data, 1, second[0].size);

    // Nobody is in the way any more, and what is there is given at once.
    for (const arsync_buffer& buffer : first)
        CHECK(arsync_buffer_release(pool.get(), buffer.id) == 0);
    REQUIRE(arsync_submit_acquire(pool.get(), 2, 3, &jobs[2]) == 0);
    done = pool.wait();
    CHECK(done.user_data == 3);
    for (const arsync_buffer& buffer : buffers_of(done))
        CHECK(arsync_buffer_release(pool.get(), buffer.id) == 0);
    CHECK(arsync_buffer_release(pool.get(), second[0].id) == 0);
}

TEST_CASE_FIXTURE(Clean, "who waits for buffers can be cancelled, and lets the next one go on") {
    Pool pool(with_leases(2));
    const Lease had(pool);
    arsync_job first = 0;
    REQUIRE(arsync_submit_acquire(pool.get(), 2, 1, &first) == 0);
    REQUIRE(arsync_submit_acquire(pool.get(), 1, 2, nullptr) == 0);
    arsync_adjustment adjustment = {};
    adjustment.struct_size = sizeof adjustment;
    adjustment.what = ARSYNC_ADJUST_PAUSE;
    CHECK(arsync_job_adjust(pool.get(), first, &adjustment) == -EINVAL);
    CHECK(arsync_job_cancel(pool.get(), first) == 0);
    arsync_completion done = pool.wait();
    CHECK(done.user_data == 1);
    CHECK(done.result == -ECANCELED);
    CHECK(done.stage == ARSYNC_STAGE_QUEUE);
    CHECK(!done.details);
    done = pool.wait();
    CHECK(done.user_data == 2);
    CHECK(done.result == 0);
    CHECK(arsync_buffer_release(pool.get(), buffers_of(done)[0].id) == 0);
}

TEST_CASE_FIXTURE(Clean, "a buffer is read into by one operation, or written from by several") {
    const Directory directory;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(with_leases(1, backend));
        const Lease buffer(pool);
        const PoolFile to(pool, directory / "to", O_RDWR | O_CREAT | O_TRUNC);
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        const PoolFile silent(pool, ends[0]);
        arsync_job job = 0;
        REQUIRE(submit_read(pool, {silent, UINT64_MAX, buffer, 0, 10}, &job) == 0);
        CHECK(submit_read(pool, {to, 0, buffer, 100, 10}) == -EBUSY);
        CHECK(submit_write(pool, {to, 0, buffer, 100, 10}) == -EBUSY);
        REQUIRE(::write(ends[1], "abc", 3) == 3);
        const arsync_completion done = pool.wait();
        CHECK(done.job == job);
        CHECK(done.result == 0);
        CHECK(done.bytes == 3); // one transfer, as it is
        CHECK(buffer.text(0, 3) == "abc");
        CHECK(write(pool, {to, 0, buffer, 0, 3}).result == 0);

        const PoolFile full(pool, ends[1]);
        REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
        REQUIRE(write(pool, {full, UINT64_MAX, buffer, 0, 4096}).bytes == 4096);
        for (const uint64_t number : {1U, 2U})
            REQUIRE(submit_write(pool, {full, UINT64_MAX, buffer, 0, 4096, number}) == 0);
        CHECK(submit_read(pool, {to, 0, buffer, 8192, 1}) == -EBUSY);
        REQUIRE(submit_write(pool, {to, 0, buffer, 0, 1, 3}) == 0);
        CHECK(pool.wait().user_data == 3);
        char taken[4096];
        for (int i = 0; i < 2; ++i) {
            REQUIRE(::read(ends[0], taken, sizeof taken) == sizeof taken);
            CHECK(pool.wait().bytes == 4096);
        }
        CHECK(read(pool, {to, 0, buffer, 0, 1}).result == 0); // idle again
        close(ends[0]);
        close(ends[1]);
    }
}

TEST_CASE_FIXTURE(Clean, "a buffer that is released while it is read into is free afterwards") {
    bool fails = false;
    SUBCASE("which succeeds") {}
    SUBCASE("which is cancelled") {
        fails = true;
    }
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(with_leases(1, backend));
        arsync_buffer buffer = {};
        REQUIRE(arsync_buffer_acquire(pool.get(), 1, &buffer) == 0);
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        const PoolFile silent(pool, ends[0]);
        arsync_job job = 0;
        REQUIRE(submit_read(pool, {silent, UINT64_MAX, buffer, 0, 10, 5}, &job) == 0);
        CHECK(arsync_buffer_release(pool.get(), buffer.id) == 0);
        CHECK(submit_write(pool, {silent, UINT64_MAX, buffer, 0, 1}) == -ENOENT);
        CHECK(arsync_buffer_release(pool.get(), buffer.id) == -ENOENT);
        arsync_buffer next = {};
        CHECK(arsync_buffer_acquire(pool.get(), 1, &next) == -EAGAIN); // it is in use
        REQUIRE(arsync_submit_acquire(pool.get(), 1, 6, nullptr) == 0);
        arsync_completion done = {};
        CHECK(arsync_poll(pool.get(), &done, 1, 30) == 0);
        if (fails)
            CHECK(arsync_job_cancel(pool.get(), job) == 0);
        else
            REQUIRE(::write(ends[1], "abc", 3) == 3);
        done = pool.wait();
        CHECK(done.user_data == 5);
        CHECK(done.result == (fails ? -ECANCELED : 0));
        CHECK(done.bytes == (fails ? 0 : 3));
        done = pool.wait();
        CHECK(done.user_data == 6);
        CHECK(arsync_buffer_release(pool.get(), buffers_of(done)[0].id) == 0);
        close(ends[0]);
        close(ends[1]);
    }
}

TEST_CASE_FIXTURE(Clean, "a leased buffer outlives its pool") {
    const Directory directory;
    write_pattern(directory / "from", size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        arsync_pool* pool = nullptr;
        const PoolOptions options = with_leases(4, backend);
        REQUIRE(arsync_pool_open(&options, &pool) == 0);
        arsync_buffer buffers[2] = {};
        REQUIRE(arsync_buffer_acquire(pool, 2, buffers) == 0);
        const int fd = open((directory / "from").c_str(), O_RDONLY | O_CLOEXEC);
        arsync_file file = 0;
        REQUIRE(arsync_file_open(pool, fd, 0, &file) == 0);
        close(fd);
        // One is under way, or done, when the pool closes; one nobody will hear of.
        REQUIRE(arsync_submit_read(pool, file, 0, buffers[0].id, 0, size, 0, 0, nullptr) == 0);
        REQUIRE(arsync_submit_acquire(pool, 1, 0, nullptr) == 0);
        memset(buffers[1].data, 'x', size);
        CHECK(arsync_pool_close(pool) == 0);
        CHECK(static_cast<char*>(buffers[1].data)[size - 1] == 'x');
        static_cast<char*>(buffers[0].data)[0] = 'y';
        unsigned char resident = 0;
        CHECK(mincore(buffers[1].data, 4096, &resident) == 0);
        CHECK(arsync_buffer_release(pool, buffers[1].id) == 0);
        CHECK(arsync_buffer_release(pool, buffers[1].id) == -ENOENT);
        CHECK(mincore(buffers[1].data, 4096, &resident) == -1); // not mapped any more
        CHECK(arsync_buffer_release(pool, buffers[0].id) == 0);
        CHECK(arsync_submit_read(pool, file, 0, buffers[0].id, 0, 1, 0, 0, nullptr) == -EINVAL);
        CHECK(arsync_buffer_acquire(pool, 1, buffers) == -EINVAL);
    }
}

TEST_CASE_FIXTURE(Clean, "a pool that is shut down gives no buffers, and takes what is released") {
    Pool pool(with_leases(1));
    const Lease had(pool);
    REQUIRE(arsync_submit_acquire(pool.get(), 1, 1, nullptr) == 0);
    CHECK(arsync_pool_shutdown(pool.get(), ARSYNC_SHUTDOWN_DRAIN) == 0);
    arsync_buffer buffer = {};
    CHECK(arsync_buffer_acquire(pool.get(), 1, &buffer) == -ESHUTDOWN);
    CHECK(arsync_submit_acquire(pool.get(), 1, 0, nullptr) == -ESHUTDOWN);
    arsync_completion done = {};
    CHECK(arsync_poll(pool.get(), &done, 1, 30) == 0);
    CHECK(arsync_pool_shutdown(pool.get(), ARSYNC_SHUTDOWN_CANCEL) == 0);
    done = pool.wait();
    CHECK(done.result == -ECANCELED);
    CHECK(arsync_poll(pool.get(), &done, 1, -1) == -ESHUTDOWN);
}

} // namespace live
