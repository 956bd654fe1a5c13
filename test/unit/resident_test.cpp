#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/magic.h>
#include <string>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/files.h"
#include "io/resident.h"
#include "skip.h"

using namespace arsync;

namespace {

constexpr size_t size = 3'000'000; // more than one question to the kernel, and no whole page

Fd file_of_random_bytes(const char* directory) {
    std::string name = std::string(directory) + "/arsync-resident-XXXXXX";
    Fd fd(mkstemp(name.data()));
    unlink(name.c_str());
    const std::string content(size, 'x');
    REQUIRE(write(fd.get(), content.data(), size) == static_cast<ssize_t>(size));
    return fd;
}

} // namespace

TEST_CASE("what has been written is in memory, what was taken out of it is not") {
    const Fd fd = file_of_random_bytes("/tmp");
    CHECK(is_resident(fd.get(), 0, size) == 1);
    CHECK(is_resident(fd.get(), 12345, 1) == 1);
    CHECK(is_resident(fd.get(), size - 1, 1) == 1);
    struct statfs facts;
    REQUIRE(fstatfs(fd.get(), &facts) == 0);
    if (facts.f_type == TMPFS_MAGIC) {
        skip("nothing can be taken out of a tmpfs");
        return;
    }
    CHECK(is_resident(fd.get(), size - 1, 1 << 20) == 0); // there is nothing
    REQUIRE(fsync(fd.get()) == 0);
    REQUIRE(posix_fadvise(fd.get(), 1 << 20, 0, POSIX_FADV_DONTNEED) == 0);
    if (is_resident(fd.get(), 2'900'000, 1) == 1) {
        skip("nothing was taken out of the page cache");
        return;
    }
    CHECK(is_resident(fd.get(), 0, 1000) == 1);
    CHECK(is_resident(fd.get(), 0, size) == 0);
}

TEST_CASE("what cannot be mapped is an error") {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const Fd reading(ends[0]);
    const Fd writing(ends[1]);
    CHECK(is_resident(reading.get(), 0, 1) == -ENODEV);
    CHECK(is_resident(-1, 0, 1) == -EBADF);
}

// Such a file refuses RWF_NOWAIT.
TEST_CASE("a file in memory can be read as what is cached") {
    const Fd fd(memfd_create("arsync", MFD_CLOEXEC));
    REQUIRE(pwrite(fd.get(), "content", 7, 5000) == 7);
    SystemFiles files;
    char data[8] = {};
    CHECK(files.read_cached(fd.get(), data, 7, 5000) == 7);
    CHECK(std::string(data) == "content");
    CHECK(files.read_cached(fd.get(), data, 1, 100) == 1);
    CHECK(data[0] == 0);
}
