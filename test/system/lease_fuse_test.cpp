// Leased buffers and filesystems that lie about sizes, hang, or fail in close(2).
#include <cerrno>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/lease.h"

namespace live {

namespace {

PoolOptions one_worker(uint32_t backend) {
    PoolOptions options(backend);
    options.workers = 1;
    return options;
}

template <class Body>
void for_both_backends(Body body) {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool(one_worker(backend));
        REQUIRE(pool.error() == 0);
        body(pool);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a buffer gets what read(2) gives, whatever size a file says it has") {
    for (const char* lie : {"size_add=-9000", "size=0", "size_add=5000"}) {
        const FaultyMount mount({"direct_io", lie, "short_read=700"});
        if (!mount.usable()) {
            skip(mount.why());
            return;
        }
        CAPTURE(lie);
        write_pattern(mount.backing() + "/from", 10'000);
        for_both_backends([&](Pool& pool) {
            const Lease buffer(pool);
            const PoolFile from(pool, mount / "from", O_RDONLY);
            const arsync_completion done = read(pool, {from, 0, buffer, 0, 20'000});
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(done.bytes == 10'000);
            CHECK(buffer.text(0, 10'000) == pattern(10'000));
        });
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a read that hangs keeps no operation on another filesystem from its turn") {
    const Directory directory;
    write_pattern(directory / "local", 10'000);
    for_both_backends([&](Pool& pool) {
        const FaultyMount mount({"direct_io", "hang=read"});
        if (!mount.usable()) {
            skip(mount.why());
            return;
        }
        write_pattern(mount.backing() + "/from", 10'000);
        const Lease stuck(pool), buffer(pool);
        const PoolFile hangs(pool, mount / "from", O_RDONLY);
        const PoolFile local(pool, directory / "local", O_RDONLY);
        for (uint64_t i = 0; i < 40; ++i) // more than there are threads for calls
            REQUIRE(arsync_submit_sync(pool.get(), local.id(), 0, 0, nullptr) == 0);
        REQUIRE(submit_read(pool, {hangs, 0, stuck, 0, 10'000, 1}) == 0);
        REQUIRE(submit_read(pool, {local, 0, buffer, 0, 10'000, 2}) == 0);
        for (int i = 0; i < 41; ++i) {
            const arsync_completion done = pool.wait();
            CHECK(done.result == 0);
            CHECK(done.user_data != 1);
        }
        CHECK(buffer.text(0, 10'000) == pattern(10'000));
        mount.go_on();
        CHECK(pool.wait().user_data == 1);
        CHECK(stuck.text(0, 10'000) == pattern(10'000));
    });
}

TEST_CASE_FIXTURE(Clean, "closing a pool's file tells what close(2) says") {
    const FaultyMount mount({"fail=flush:EIO:2"}); // the first is of the test's own descriptor
    if (!mount.usable()) {
        skip(mount.why());
        return;
    }
    Pool pool;
    arsync_file file = 0;
    const int fd = open((mount / "to").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(arsync_file_open(pool.get(), fd, 0, &file) == 0);
    CHECK(close(fd) == 0);
    CHECK(arsync_file_close(pool.get(), file) == -EIO);
    CHECK(arsync_file_close(pool.get(), file) == -ENOENT);
}

} // namespace live
