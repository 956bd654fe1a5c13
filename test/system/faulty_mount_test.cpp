// That the filesystem which is to fail does so.
#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/faulty_mount.h"

using namespace live;

TEST_CASE("a faulty mount lies about sizes and fails as it was told") {
    const FaultyMount mount({"direct_io", "size=0", "fail=fsync:EIO", "fold_case"});
    NEEDS(mount);
    const int fd = open((mount / "name").c_str(), O_RDWR | O_CREAT, 0644);
    REQUIRE(fd >= 0);
    CHECK(write(fd, "hello", 5) == 5);
    CHECK(fsync(fd) == -1);
    CHECK(errno == EIO);
    struct stat facts;
    CHECK(stat((mount / "NAME").c_str(), &facts) == 0);
    CHECK(facts.st_size == 0);
    char text[16];
    CHECK(pread(fd, text, sizeof text, 0) == 5);
    close(fd);
    CHECK(stat((mount.backing() + "/name").c_str(), &facts) == 0);
    CHECK(facts.st_size == 5);
}
