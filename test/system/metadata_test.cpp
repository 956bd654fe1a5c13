// What a copy keeps of its source's mode, owner and times.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"

namespace live {

namespace {

constexpr uint32_t preserve_all =
    ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR;
// Small and large files are made in different ways.
constexpr uint64_t sizes[] = {0, 10'000, 2'000'000};

struct Files {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";

    Files(uint64_t size, mode_t mode) {
        chmod(directory.path().c_str(), 0777);
        write_pattern(from, size);
        chmod(from.c_str(), mode);
    }
};

class Umask {
public:
    explicit Umask(mode_t mask) : saved_(umask(mask)) {}
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
    ~Umask() { umask(saved_); }

private:
    const mode_t saved_;
};

void set_times(const std::string& path) {
    const timespec times[2] = {{1'000'000'001, 123'456'789}, {1'234'567'890, 987'654'321}};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
}

bool same_time(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a new file has its source's permission bits less the umask") {
    for (const mode_t mask : {mode_t{022}, mode_t{077}, mode_t{0}}) {
        const Umask umask_set(mask);
        for (const uint64_t size : sizes) {
            for (const mode_t mode : {mode_t{0644}, mode_t{0777}, mode_t{0600}, mode_t{06755}}) {
                const Files files(size, mode);
                CAPTURE(mask);
                CAPTURE(size);
                CAPTURE(mode);
                Pool pool;
                CHECK(pool.copy(files.from, files.to).result == 0);
                CHECK(mode_of(files.to) == (mode & 0777 & ~mask));
                const Options default_mode = Options().with_flags(ARSYNC_COPY_DEFAULT_MODE);
                CHECK(pool.copy(files.from, files.directory / "default", default_mode).result == 0);
                CHECK(mode_of(files.directory / "default") == (0666 & ~mask));
                const Options new_atomic = Options().with_replace(ARSYNC_REPLACE_ATOMIC);
                CHECK(pool.copy(files.from, files.directory / "atomic", new_atomic).result == 0);
                CHECK(mode_of(files.directory / "atomic") == (mode & 0777 & ~mask));
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "preserve mode gives the source's bits, whatever was there before") {
    const Umask umask_set(077);
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        for (const uint64_t size : sizes) {
            for (const mode_t mode : {mode_t{0644}, mode_t{0400}, mode_t{01777}, mode_t{06755}}) {
                const Files files(size, mode);
                CAPTURE(size);
                CAPTURE(mode);
                const Options options =
                    Options().with_preserve(ARSYNC_PRESERVE_MODE).with_replace(replace);
                Pool pool;
                CHECK(pool.copy(files.from, files.to, options).result == 0);
                CHECK(mode_of(files.to) == mode);
                chmod(files.to.c_str(), 0666);
                CHECK(pool.copy(files.from, files.to, options).result == 0);
                CHECK(mode_of(files.to) == mode);
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "preserve times keeps nanoseconds") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        for (const uint64_t size : sizes) {
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue;
                const Files files(size, 0644);
                set_times(files.from);
                const Options options =
                    Options().with_preserve(ARSYNC_PRESERVE_TIMES).with_method(method);
                Pool pool{PoolOptions(backend)};
                CHECK(pool.copy(files.from, files.to, options).result == 0);
                const struct stat facts = stat_of(files.to);
                CHECK(same_time(facts.st_mtim, {1'234'567'890, 987'654'321}));
                CHECK(same_time(facts.st_atim, {1'000'000'001, 123'456'789}));
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "what is not to be preserved is not") {
    const Files files(10'000, 06777);
    set_times(files.from);
    if (is_root())
        REQUIRE(chown(files.from.c_str(), 1234, 2345) == 0);
    Pool pool;
    CHECK(pool.copy(files.from, files.to).result == 0);
    const struct stat facts = stat_of(files.to);
    CHECK(facts.st_mtim.tv_sec > 1'234'567'890);
    CHECK(facts.st_uid == geteuid());
    CHECK((facts.st_mode & (S_ISUID | S_ISGID)) == 0);
}

TEST_CASE_FIXTURE(Clean, "root keeps owner, setuid and times together") {
    NEEDS_ROOT();
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        for (const uint64_t size : sizes) {
            const Files files(size, 0644);
            REQUIRE(chown(files.from.c_str(), 1234, 2345) == 0);
            REQUIRE(chmod(files.from.c_str(), 06751) == 0);
            set_times(files.from);
            const Options options = Options().with_preserve(preserve_all).with_replace(replace);
            Pool pool;
            for (int existing = 0; existing < 2; ++existing) {
                const arsync_completion done = pool.copy(files.from, files.to, options);
                INFO(words(done));
                CHECK(done.result == 0);
                CHECK((done.flags & ARSYNC_COMPLETION_OWNER_LOST) == 0);
                const struct stat facts = stat_of(files.to);
                CHECK(facts.st_uid == 1234);
                CHECK(facts.st_gid == 2345);
                CHECK((facts.st_mode & 07777) == 06751);
                CHECK(same_time(facts.st_mtim, {1'234'567'890, 987'654'321}));
                chmod(files.to.c_str(), 0600);
                chown(files.to.c_str(), 0, 0);
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "owner alone can be preserved, and the mode is then as without") {
    NEEDS_ROOT();
    const Umask umask_set(027);
    for (const uint64_t size : sizes) {
        const Files files(size, 0645);
        REQUIRE(chown(files.from.c_str(), 1234, 2345) == 0);
        Pool pool;
        const Options options = Options().with_preserve(ARSYNC_PRESERVE_OWNER);
        CHECK(pool.copy(files.from, files.to, options).result == 0);
        CHECK(stat_of(files.to).st_uid == 1234);
        CHECK(stat_of(files.to).st_gid == 2345);
        CHECK(mode_of(files.to) == 0640);
        const Options default_mode =
            Options().with_preserve(ARSYNC_PRESERVE_OWNER).with_flags(ARSYNC_COPY_DEFAULT_MODE);
        CHECK(pool.copy(files.from, files.directory / "default", default_mode).result == 0);
        CHECK(mode_of(files.directory / "default") == 0640);
    }
}

TEST_CASE_FIXTURE(Clean, "an ordinary user loses the owner, and with it setuid and setgid") {
    NEEDS_ROOT();
    for (const uint64_t size : sizes) {
        const Files files(size, 0644);
        REQUIRE(chown(files.from.c_str(), 1234, 2345) == 0);
        REQUIRE(chmod(files.from.c_str(), 06755) == 0);
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            Pool pool;
            const arsync_completion done =
                pool.copy(files.from, files.to,
                          Options().with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                                                  ARSYNC_PRESERVE_TIMES));
            EXPECT_WITH(report, done.result == 0, words(done));
            EXPECT(report, (done.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
        });
        CHECK(stat_of(files.to).st_uid == ordinary_user);
        CHECK(mode_of(files.to) == 0755);
        CHECK(difference(files.from, files.to) == "");
    }
}

// Who writes to a file takes it away, and the mode of another's file is not to be set again.
TEST_CASE_FIXTURE(Clean, "setgid that the destination had before, and lost, is an error") {
    NEEDS_ROOT();
    for (const uint64_t size : sizes) {
        const Files files(size, 0644);
        write_pattern(files.to, 700, 2);
        for (const std::string& file : {files.from, files.to}) {
            REQUIRE(chown(file.c_str(), 1234, ordinary_user) == 0);
            REQUIRE(chmod(file.c_str(), 02775) == 0);
        }
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            Pool pool;
            const arsync_completion done =
                pool.copy(files.from, files.to, Options().with_preserve(ARSYNC_PRESERVE_MODE));
            EXPECT_WITH(report, done.result == -EPERM, words(done));
            EXPECT(report, done.stage == ARSYNC_STAGE_MODE);
            EXPECT(report, (done.flags & ARSYNC_COMPLETION_COPIED) != 0);
        });
        CHECK(mode_of(files.to) == 0775);
        CHECK(difference(files.from, files.to) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "attributes only copies no data") {
    const Options only = Options()
                             .with_flags(ARSYNC_COPY_ATTRIBUTES_ONLY)
                             .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES);
    for (const uint64_t size : sizes) {
        const Files files(size, 0640);
        set_times(files.from);
        Pool pool;
        arsync_completion done = pool.copy(files.from, files.to, only);
        CHECK(done.result == 0);
        CHECK(done.bytes == 0);
        CHECK(size_of(files.to) == 0);
        CHECK(mode_of(files.to) == 0640);
        CHECK(same_time(stat_of(files.to).st_mtim, {1'234'567'890, 987'654'321}));

        write_pattern(files.to, 777, 9);
        chmod(files.to.c_str(), 0666);
        done = pool.copy(files.from, files.to, only);
        CHECK(done.result == 0);
        CHECK(read_file(files.to) == pattern(777, 9));
        CHECK(mode_of(files.to) == 0640);
        CHECK(pool.stats().bytes_read == 0);
        CHECK(pool.stats().bytes_written == 0);
    }
}

} // namespace live
