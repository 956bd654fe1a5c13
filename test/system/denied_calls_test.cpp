// A filter that denies one system call, as profiles of containers do with those that are newer than
// they: the copy is the same by other calls.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "leave.h"
#include "system/check.h"
#include "system/child.h"

namespace live {

namespace {

constexpr int cachestat_number = 451;
constexpr int fchmodat2_number = 452;
constexpr int listxattrat_number = 465;

// Those that have a substitute, or are nothing but advice.
struct {
    const char* name;
    int number;
} constexpr replaceable[] = {
    {"statx", __NR_statx},
    {"preadv2", __NR_preadv2},
    {"pwritev2", __NR_pwritev2},
    {"openat2", __NR_openat2},
    {"copy_file_range", __NR_copy_file_range},
    {"cachestat", cachestat_number},
    {"fallocate", __NR_fallocate},
    {"sync_file_range", __NR_sync_file_range},
    {"fadvise64", __NR_fadvise64},
    {"mincore", __NR_mincore},
    {"madvise", __NR_madvise},
    {"ioctl", __NR_ioctl},
    {"fstatfs", __NR_fstatfs},
    {"faccessat2", __NR_faccessat2},
    {"fchmodat2", fchmodat2_number},
    {"renameat2", __NR_renameat2},
    {"io_uring_setup", __NR_io_uring_setup},
    {"io_uring_enter", __NR_io_uring_enter},
    {"io_uring_register", __NR_io_uring_register},
};

void make_source(const Directory& directory) {
    REQUIRE(mkdir((directory / "from").c_str(), 0755) == 0);
    write_pattern(directory / "from/small", 100);
    write_pattern(directory / "from/large", 3'000'000);
    REQUIRE(truncate((directory / "from/small").c_str(), 2'000'000) == 0); // ends in a hole
    REQUIRE(symlink("small", (directory / "from/link").c_str()) == 0);
    REQUIRE(link((directory / "from/small").c_str(), (directory / "from/other").c_str()) == 0);
    const timespec times[2] = {{1'000'000'000, 5}, {1'000'000'000, 6}};
    REQUIRE(chmod((directory / "from/large").c_str(), 0640) == 0);
    REQUIRE(utimensat(AT_FDCWD, (directory / "from/large").c_str(), times, 0) == 0);
}

std::string unlike(const std::string& source, const std::string& copy) {
    if (!exists(copy))
        return "it is not there";
    const struct stat was = stat_of(source);
    const struct stat is = stat_of(copy);
    if (is.st_mode != was.st_mode || is.st_uid != was.st_uid || is.st_nlink != was.st_nlink)
        return "its mode, owner or links";
    if (is.st_mtim.tv_sec != was.st_mtim.tv_sec || is.st_mtim.tv_nsec != was.st_mtim.tv_nsec)
        return "its time";
    return S_ISREG(was.st_mode) ? difference(source, copy) : "";
}

void copy_all(Report& report, Pool& pool, const Directory& directory) {
    const uint32_t everything = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                                ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR |
                                ARSYNC_PRESERVE_LINKS;
    arsync_completion done =
        pool.copy(directory / "from", directory / "to",
                  Options().with_flags(ARSYNC_COPY_RECURSIVE).with_preserve(everything));
    EXPECT_WITH(report, done.result == 0, words(done));
    for (const uint32_t method :
         {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_HEAP}) {
        done = pool.copy(directory / "from/large", directory / "to/large",
                         Options().with_method(method).with_preserve(everything));
        EXPECT_WITH(report, done.result == 0, method_name(method) + ": " + words(done));
    }
    done = pool.copy(directory / "from/small", directory / "to/dropped",
                     Options().with_cache(ARSYNC_CACHE_DROP).with_flags(ARSYNC_COPY_VERIFY));
    EXPECT_WITH(report, done.result == 0, words(done));
    done = pool.copy(directory / "from/large", directory / "to/uncached",
                     Options().with_cache(ARSYNC_CACHE_DROP).with_method(ARSYNC_METHOD_INLINE));
    EXPECT_WITH(report, done.result == 0, words(done));
    done = pool.copy(directory / "from/large", directory / "to/replaced",
                     Options().with_replace(ARSYNC_REPLACE_ATOMIC).with_preserve(everything));
    EXPECT_WITH(report, done.result == 0, words(done));
}

} // namespace

TEST_CASE_FIXTURE(Clean, "what a filter denies, of what is newer than it, costs a copy nothing") {
    const Directory directory;
    make_source(directory);
    for (const auto& call : replaceable)
        for (const int error : {EPERM, ENOSYS})
            for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
                CAPTURE(call.name);
                CAPTURE(error);
                CAPTURE(backend_name(backend));
                check_in_child([&](Report& report) {
                    EXPECT(report, deny(call.number, error));
                    Pool pool{PoolOptions(backend)};
                    EXPECT(report, pool.error() == 0);
                    copy_all(report, pool, directory);
                });
                for (const char* name : {"small", "large", "other", "link"}) {
                    CAPTURE(name);
                    CHECK(unlike(directory / "from/" + name, directory / "to/" + name) == "");
                }
                CHECK(unlike(directory / "from/large", directory / "to/replaced") == "");
                std::filesystem::remove_all(directory / "to");
            }
}

// The child cannot write down what it saw, either.
TEST_CASE_FIXTURE(Clean, "where write(2) is denied, what waits is woken all the same") {
    const Directory directory;
    make_source(directory);
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS})
        for (const int error : {EPERM, ENOSYS}) {
            CAPTURE(backend_name(backend));
            CAPTURE(error);
            check_in_child([&](Report&) {
                if (!deny(__NR_write, error))
                    arsync::leave(2);
                Pool pool{PoolOptions(backend)};
                for (int i = 0; i < 10; ++i)
                    if (pool.copy(directory / "from/large", directory / "to").result < 0)
                        arsync::leave(3);
            });
            CHECK(difference(directory / "from/large", directory / "to") == "");
        }
}

TEST_CASE_FIXTURE(Clean,
                  "where attributes of open files are out of reach, they are reached by a path") {
    const Directory directory;
    const char* const name = "user.arsync";
    write_pattern(directory / "from", 100);
    if (setxattr((directory / "from").c_str(), name, "value", 5, 0) < 0) {
        skip("no extended attributes");
        return;
    }
    check_in_child([&](Report& report) {
        for (const int call : {__NR_flistxattr, __NR_fgetxattr, __NR_fsetxattr, __NR_fremovexattr})
            EXPECT(report, deny(call, ENOSYS));
        Pool pool;
        const arsync_completion done = pool.copy(directory / "from", directory / "to",
                                                 Options().with_preserve(ARSYNC_PRESERVE_XATTR));
        EXPECT_WITH(report, done.result == 0, words(done));
    });
    char value[6] = {};
    CHECK(getxattr((directory / "to").c_str(), name, value, 5) == 5);
    CHECK(std::string(value) == "value");
}

TEST_CASE_FIXTURE(Clean, "where no attributes may be read at all, it is told that they are lost") {
    const Directory directory;
    write_pattern(directory / "from", 100);
    if (setxattr((directory / "from").c_str(), "user.arsync", "value", 5, 0) < 0) {
        skip("no extended attributes");
        return;
    }
    for (const int error : {EPERM, ENOSYS})
        check_in_child([&](Report& report) {
            for (const int call : {__NR_flistxattr, __NR_fgetxattr, __NR_listxattr, __NR_getxattr,
                                   __NR_llistxattr, __NR_lgetxattr, listxattrat_number})
                EXPECT(report, deny(call, error));
            Pool pool;
            const std::string to = directory / std::to_string(error);
            const arsync_completion done =
                pool.copy(directory / "from", to, Options().with_preserve(ARSYNC_PRESERVE_XATTR));
            EXPECT_WITH(report, done.result == -EPERM, words(done));
            EXPECT_WITH(report, done.stage == ARSYNC_STAGE_XATTR, words(done));
            EXPECT(report, difference(directory / "from", to) == "");
        });
}

} // namespace live
