// Block devices, at either end.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"

namespace live {

namespace {

constexpr uint64_t device_size = 6 * 1024 * 1024;

void write_device(const LoopDevice& device, const std::string& content) {
    const int fd = open(device.path().c_str(), O_WRONLY | O_CLOEXEC);
    CHECK(pwrite(fd, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
    fsync(fd);
    close(fd);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a block device is copied whole into a file") {
    const LoopDevice device(device_size);
    NEEDS(device);
    const Directory directory;
    const std::string content = pattern(device_size);
    write_device(device, content);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK)
                continue;
            CAPTURE(method_name(method));
            const arsync_completion done =
                pool.copy(device.path(), directory / "to", Options().with_method(method));
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(done.bytes == device_size);
            CHECK((read_file(directory / "to") == content));
            unlink((directory / "to").c_str());
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a file is copied to the beginning of a block device") {
    const LoopDevice device(device_size);
    NEEDS(device);
    const Directory directory;
    constexpr uint64_t size = 2'000'003;
    write_sparse(directory / "from", size, {{0, 500'000}, {1'500'000, size}});
    const std::string content = read_file(directory / "from");
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK)
                continue;
            CAPTURE(method_name(method));
            for (const uint32_t flags : {0u, uint32_t{ARSYNC_COPY_VERIFY}}) {
                std::string expected = pattern(device_size, 9);
                write_device(device, expected);
                expected.replace(0, size, content);
                const Options options =
                    Options().with_method(method).with_flags(flags).with_durability(
                        ARSYNC_DURABILITY_FULL);
                const arsync_completion done =
                    pool.copy(directory / "from", device.path(), options);
                INFO(words(done));
                CHECK(done.result == 0);
                CHECK(done.bytes == size);
                CHECK(done.hole_bytes == 0); // they are written to it as zeros
                CHECK((read_file(device.path()) == expected));
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a block device is copied onto another") {
    const LoopDevice from(device_size);
    const LoopDevice to(device_size + 1024 * 1024);
    NEEDS(from);
    NEEDS(to);
    std::string expected = pattern(device_size + 1024 * 1024, 9);
    const std::string content = pattern(device_size);
    write_device(from, content);
    write_device(to, expected);
    expected.replace(0, device_size, content);
    Pool pool;
    for (const uint32_t method : moving_methods) {
        CAPTURE(method_name(method));
        const arsync_completion done =
            pool.copy(from.path(), to.path(), Options().with_method(method));
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK((read_file(to.path()) == expected));
    }
    CHECK(pool.copy(from.path(), from.path()).result == -EINVAL);
}

TEST_CASE_FIXTURE(Clean, "a range of a device is not copied onto itself by another of its names") {
    const LoopDevice device(device_size);
    NEEDS(device);
    const Directory directory;
    const std::string other = directory / "other";
    REQUIRE(mknod(other.c_str(), S_IFBLK | 0600, stat_of(device.path()).st_rdev) == 0);
    const std::string content = pattern(device_size);
    write_device(device, content);
    const int from = open(device.path().c_str(), O_RDONLY | O_CLOEXEC);
    const int to = open(other.c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(from >= 0);
    if (to < 0) {
        close(from);
        skip("device nodes cannot be opened here");
        return;
    }
    {
        Pool pool;
        const arsync_completion done = pool.copy_range(from, 0, to, 4096, 1 << 20);
        CHECK(done.result == -EINVAL);
        CHECK(done.stage == ARSYNC_STAGE_CHECK);
        CHECK(pool.copy_range(from, 0, to, 2 << 20, 1 << 20).result == 0);
    }
    close(from);
    close(to);
    CHECK((read_file(device.path()).substr(0, 2 << 20) == content.substr(0, 2 << 20)));
}

TEST_CASE_FIXTURE(Clean, "what does not fit on a block device is an error") {
    const LoopDevice device(device_size);
    NEEDS(device);
    const Directory directory;
    write_pattern(directory / "from", device_size + 4096);
    Pool pool;
    for (const uint32_t method : moving_methods) {
        CAPTURE(method_name(method));
        const arsync_completion done =
            pool.copy(directory / "from", device.path(), Options().with_method(method));
        INFO(words(done));
        CHECK(done.result == -ENOSPC);
        CHECK(done.stage == ARSYNC_STAGE_WRITE);
    }
    CHECK(exists(device.path()));
}

TEST_CASE_FIXTURE(Clean, "a block device is not replaced by a file") {
    const LoopDevice device(device_size);
    NEEDS(device);
    const Directory directory;
    write_pattern(directory / "from", 4096);
    Pool pool;
    CHECK(
        pool.copy(directory / "from", device.path(), Options().with_replace(ARSYNC_REPLACE_ATOMIC))
            .result == -EOPNOTSUPP);
    CHECK(pool.copy(directory / "from", device.path(),
                    Options().with_replace(ARSYNC_REPLACE_EXCLUSIVE))
              .result == -EEXIST);
    CHECK(S_ISBLK(stat_of(device.path()).st_mode));
}

} // namespace live
