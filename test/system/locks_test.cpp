// What becomes of the locks that the caller has on files that are copied.
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"

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

// As databases do.
bool lock_for_process(int fd) {
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    return fcntl(fd, F_SETLK, &whole) == 0;
}

// Whether another process cannot lock it.
bool others_are_kept_out(const std::string& path) {
    return in_child([&](Report& report) {
               const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
               const bool taken = lock_for_process(fd);
               EXPECT(report, fd >= 0);
               EXPECT(report, !taken && (errno == EAGAIN || errno == EACCES));
           }) == "";
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

TEST_CASE_FIXTURE(Clean, "a range may be copied with the record locks of its files kept") {
    const Directory directory;
    constexpr uint64_t size = 9'000'000; // large enough for O_DIRECT
    const struct {
        const char* name;
        uint32_t flags, method, cache;
    } ways[] = {{"plain", 0, ARSYNC_METHOD_AUTO, ARSYNC_CACHE_AUTO},
                {"verified", ARSYNC_COPY_VERIFY, ARSYNC_METHOD_AUTO, ARSYNC_CACHE_AUTO},
                {"direct", ARSYNC_COPY_VERIFY, ARSYNC_METHOD_DIRECT, ARSYNC_CACHE_DIRECT},
                {"dropped", 0, ARSYNC_METHOD_FIXED, ARSYNC_CACHE_DROP}};
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS})
        for (const auto& way : ways) {
            CAPTURE(backend_name(backend));
            CAPTURE(way.name);
            write_pattern(directory / "from", size);
            write_pattern(directory / "to", 100);
            REQUIRE(truncate((directory / "from").c_str(), size + 1'000'000) == 0); // and a hole
            const int from = open((directory / "from").c_str(), O_RDWR | O_CLOEXEC);
            const int to = open((directory / "to").c_str(), O_RDWR | O_CLOEXEC);
            REQUIRE(lock_for_process(from));
            REQUIRE(lock_for_process(to));
            Pool pool{PoolOptions(backend)};
            const Options options = Options()
                                        .with_flags(way.flags | ARSYNC_COPY_KEEP_LOCKS)
                                        .with_method(way.method)
                                        .with_cache(way.cache);
            const arsync_completion done = pool.copy_range(from, 0, to, 0, UINT64_MAX, options);
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(others_are_kept_out(directory / "from"));
            CHECK(others_are_kept_out(directory / "to"));
            CHECK(pool.close() == 0);
            CHECK(others_are_kept_out(directory / "from"));
            CHECK(others_are_kept_out(directory / "to"));
            CHECK(lseek(from, 0, SEEK_CUR) == 0);
            close(from);
            close(to);
            CHECK(difference(directory / "from", directory / "to") == "");
        }
}

TEST_CASE_FIXTURE(Clean,
                  "record locks cannot be kept of what is open with O_DIRECT, nor of paths") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    write_pattern(directory / "to", 10'000);
    Pool pool;
    const Options keep = Options().with_flags(ARSYNC_COPY_KEEP_LOCKS);
    CHECK(pool.copy(directory / "from", directory / "to", keep).result == -EINVAL);
    const int from = open((directory / "from").c_str(), O_RDONLY | O_CLOEXEC);
    const int to = open((directory / "to").c_str(), O_RDWR | O_CLOEXEC | O_DIRECT);
    REQUIRE(to >= 0);
    CHECK(pool.copy_range(from, 0, to, 0, UINT64_MAX, keep).result == -EINVAL);
    CHECK(pool.copy_range(to, 0, from, 0, UINT64_MAX, keep).result == -EBADF);
    close(from);
    close(to);
}

} // namespace live
