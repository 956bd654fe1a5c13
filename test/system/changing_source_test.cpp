// Sources that change while they are copied.
#include <fcntl.h>
#include <functional>
#include <unistd.h>

#include "system/check.h"

namespace live {

namespace {

constexpr uint64_t mib = 1024 * 1024;
constexpr uint64_t size = (sanitized ? 8 : 24) * mib + 100;
constexpr uint64_t shorter = (sanitized ? 6 : 20) * mib + 1234;

// One small buffer at a time, so that there is time to change something.
PoolOptions slow(uint32_t backend) {
    PoolOptions options(backend);
    options.buffer_size = sanitized ? 64 * 1024 : 4096;
    options.buffer_count = 1;
    options.workers = 1;
    return options;
}

// Copies and runs act as soon as some bytes are there. late: act came when all was done.
arsync_completion copy_and_act(Pool& pool, const std::string& from, const std::string& to,
                               const Options& options, const std::function<void()>& act,
                               bool& late) {
    const arsync_job job = pool.submit(from, to, options);
    arsync_progress progress = {};
    eventually([&] {
        progress = pool.progress(job);
        return progress.bytes_done > 0 || progress.state == ARSYNC_JOB_COMPLETED;
    });
    act();
    progress = pool.progress(job);
    late = progress.state == ARSYNC_JOB_COMPLETED || progress.bytes_done + mib > shorter;
    return pool.wait();
}

} // namespace

// Those at its beginning have been counted by then.
TEST_CASE_FIXTURE(Clean, "of a source that shrinks into a hole no more is a hole than was copied") {
    const Directory directory;
    Pool pool(slow(ARSYNC_BACKEND_THREADS));
    bool late = true;
    for (int attempt = 0; attempt < 20 && late; ++attempt) {
        write_sparse(directory / "from", size, {{4 * mib, size}});
        const arsync_completion done = copy_and_act(
            pool, directory / "from", directory / "to", Options().with_method(ARSYNC_METHOD_INLINE),
            [&] { truncate((directory / "from").c_str(), 4096); }, late);
        INFO(words(done));
        REQUIRE(done.result == 0);
        late = (done.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) == 0;
        CHECK(done.hole_bytes <= done.bytes);
        unlink((directory / "to").c_str());
    }
    CHECK_FALSE(late);
}

TEST_CASE_FIXTURE(Clean, "a source that shrinks is copied to its new end, and that is said") {
    const Directory directory;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(slow(backend));
        for (const uint32_t method : moving_methods) {
            CAPTURE(method_name(method));
            bool late = true;
            for (int attempt = 0; attempt < 20 && late; ++attempt) {
                write_pattern(directory / "from", size);
                const arsync_completion done = copy_and_act(
                    pool, directory / "from", directory / "to", Options().with_method(method),
                    [&] { truncate((directory / "from").c_str(), shorter); }, late);
                INFO(words(done));
                REQUIRE(done.result == 0);
                if (!late) {
                    CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0);
                    CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0);
                    CHECK(done.bytes == shorter);
                    CHECK(difference(directory / "from", directory / "to") == "");
                    // What was reserved for the rest is given back.
                    CHECK(allocated(directory / "to") <= shorter + 64 * 1024);
                }
                unlink((directory / "to").c_str());
            }
            CHECK_FALSE(late);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a source that is emptied does not hold a copy up") {
    const Directory directory;
    Pool pool(slow(ARSYNC_BACKEND_AUTO));
    bool late = true;
    for (int attempt = 0; attempt < 20 && late; ++attempt) {
        write_pattern(directory / "from", size);
        const arsync_completion done = copy_and_act(
            pool, directory / "from", directory / "to", Options(),
            [&] { truncate((directory / "from").c_str(), 0); }, late);
        CHECK(done.result == 0);
        CHECK(size_of(directory / "to") == done.bytes);
        late = done.bytes == size;
        if (!late)
            CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0);
        unlink((directory / "to").c_str());
    }
    CHECK_FALSE(late);
}

TEST_CASE_FIXTURE(Clean, "a source that grows is copied to the end it had, and that is said") {
    const Directory directory;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(slow(backend));
        bool late = true;
        for (int attempt = 0; attempt < 20 && late; ++attempt) {
            write_pattern(directory / "from", size);
            const arsync_completion done = copy_and_act(
                pool, directory / "from", directory / "to", Options(),
                [&] {
                    const int fd =
                        open((directory / "from").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
                    CHECK(write(fd, "more", 4) == 4);
                    close(fd);
                },
                late);
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(done.bytes == size);
            CHECK(size_of(directory / "to") == size);
            if (!late) {
                CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0);
                CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) == 0);
            }
            truncate((directory / "from").c_str(), static_cast<off_t>(size));
            CHECK(difference(directory / "from", directory / "to") == "");
            unlink((directory / "to").c_str());
        }
        CHECK_FALSE(late);
    }
}

TEST_CASE_FIXTURE(Clean, "a source whose holes are filled while it is copied does not hold it up") {
    const Directory directory;
    write_sparse(directory / "from", size, {{0, 4096}});
    const int fd = open((directory / "from").c_str(), O_WRONLY | O_CLOEXEC);
    Pool pool(slow(ARSYNC_BACKEND_AUTO));
    const arsync_job job = pool.submit(directory / "from", directory / "to");
    REQUIRE(job != 0);
    bool written = true;
    for (uint64_t at = 0; at < size && pool.progress(job).state != ARSYNC_JOB_COMPLETED; at += 8192)
        written = written && pwrite(fd, "x", 1, static_cast<off_t>(at)) == 1;
    CHECK(written);
    const arsync_completion done = pool.wait();
    CHECK(done.result == 0);
    CHECK(size_of(directory / "to") == size);
    close(fd);
}

TEST_CASE_FIXTURE(Clean, "a quiet source is not said to have changed") {
    const Directory directory;
    write_pattern(directory / "from", 2 * mib);
    Pool pool;
    for (const uint32_t method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        const arsync_completion done =
            pool.copy(directory / "from", directory / "to", Options().with_method(method));
        CHECK((done.flags & (ARSYNC_COMPLETION_SOURCE_CHANGED | ARSYNC_COMPLETION_SOURCE_SHRANK)) ==
              0);
    }
}

} // namespace live
