// What becomes of the locks that the caller has on files that are copied.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "system/check.h"

namespace live {

namespace {

bool lock(int fd) {
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    return fcntl(fd, F_OFD_SETLK, &whole) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

bool is_locked(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    const bool record = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    const bool file = flock(fd, LOCK_EX | LOCK_NB) < 0;
    close(fd);
    return record && file;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "locks of open file descriptions and of flock(2) outlive copies") {
    const Directory directory;
    write_pattern(directory / "from", 100'000);
    write_pattern(directory / "to", 100'000);
    const int from = open((directory / "from").c_str(), O_RDWR | O_CLOEXEC);
    const int to = open((directory / "to").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(lock(from));
    REQUIRE(lock(to));
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
        Pool pool{PoolOptions(backend)};
        CHECK(pool.copy(directory / "from", directory / "to").result == 0);
        CHECK(pool.copy_range(from, 0, to, 0, UINT64_MAX).result == 0);
        CHECK(is_locked(directory / "from"));
        CHECK(is_locked(directory / "to"));
    }
    CHECK(is_locked(directory / "from"));
    CHECK(is_locked(directory / "to"));
    close(from);
    close(to);
}

} // namespace live
