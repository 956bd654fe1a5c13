// Verifying passes what is right, and finds what is not.
#include <cerrno>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/stream.h"

namespace live {

namespace {

// That end within a block of a device, of a file system, and of neither.
constexpr uint64_t sizes[] = {0, 1, 511, 600, 4096, 4097, 5000, 1'000'000, 1'576'961, 2'000'003};

void verifies(Kind kind) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    Pool pool;
    for (const uint64_t size : sizes) {
        CAPTURE(size);
        write_sparse(from, size, {{0, size / 3}, {size / 3 * 2, size}});
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK && kind != Kind::xfs && kind != Kind::btrfs)
                continue;
            CAPTURE(method_name(method));
            const arsync_completion done =
                pool.copy(from, to, Options().with_method(method).with_flags(ARSYNC_COPY_VERIFY));
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(done.bytes == size);
            CHECK(exists(to));
            if (exists(to))
                CHECK(difference(from, to) == "");
            unlink(to.c_str());
        }
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "verify passes what is right on ext4") {
    verifies(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "verify passes what is right on XFS") {
    verifies(Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "verify passes what is right on btrfs") {
    verifies(Kind::btrfs);
}
TEST_CASE_FIXTURE(Clean, "verify passes what is right on tmpfs") {
    verifies(Kind::tmpfs);
}
TEST_CASE_FIXTURE(Clean, "verify passes what is right on overlayfs") {
    verifies(Kind::overlay);
}

TEST_CASE_FIXTURE(Clean, "what is read back is no progress, and what is undone goes from it") {
    const Directory directory;
    constexpr uint64_t size = 3'000'000;
    write_pattern(directory / "from", size);
    PoolOptions slow;
    slow.byte_rate = 6'000'000;
    Pool pool(slow);
    for (const bool cancels : {false, true}) {
        const arsync_job job = pool.submit(directory / "from", directory / "to",
                                           Options().with_flags(ARSYNC_COPY_VERIFY));
        REQUIRE(job != 0);
        arsync_progress now = {};
        bool within = true;
        do {
            now = pool.progress(job);
            within = within && now.bytes_done <= size;
            if (cancels && now.stage == ARSYNC_STAGE_VERIFY)
                arsync_job_cancel(pool.get(), job);
        } while (now.state != ARSYNC_JOB_COMPLETED);
        CHECK(within);
        CHECK(now.bytes_done == (cancels ? 0 : size));
        CHECK(now.bytes_total == (cancels ? 0 : size));
        CHECK(pool.wait().result == (cancels ? -ECANCELED : 0));
        unlink((directory / "to").c_str());
    }
}

TEST_CASE_FIXTURE(Clean, "verify finds what somebody else wrote into the copy meanwhile") {
    const Directory directory;
    const std::string to = directory / "to";
    for (const uint64_t where : {uint64_t{0}, uint64_t{40'000}, uint64_t{99'999}}) {
        Stream from(directory / "from");
        write_pattern(to, 10, 9);
        Pool pool;
        const arsync_job job = pool.submit(
            from.path(), to, Options().with_flags(ARSYNC_COPY_SPECIAL | ARSYNC_COPY_VERIFY));
        REQUIRE(job != 0);
        // Enough for the first buffers to be written before the end is known.
        REQUIRE(from.give(pattern(2'000'000)));
        REQUIRE(eventually([&] { return size_of(to) >= 200'000; }));
        const int fd = open(to.c_str(), O_WRONLY | O_CLOEXEC);
        CHECK(pwrite(fd, "\0", 1, static_cast<off_t>(where)) == 1);
        close(fd);
        from.end();
        const arsync_completion done = pool.wait();
        INFO(words(done));
        CHECK(done.result == -EILSEQ);
        CHECK(done.stage == ARSYNC_STAGE_VERIFY);
    }
}

} // namespace live
