// A copy is never open to more people than its source, not for an instant.
#include <atomic>
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/stream.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint32_t special = ARSYNC_COPY_SPECIAL;
constexpr uint32_t replaces[] = {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC};

// Looks at a name all the time, from another thread, and remembers what it should not have seen:
// twice, for stat(2) itself takes the owner before the mode, and may be held up in between.
template <class Wrong>
class Watcher {
public:
    Watcher(const std::string& path, Wrong wrong)
        : thread_([this, path, wrong] {
              while (!stop_) {
                  struct stat facts;
                  if (stat(path.c_str(), &facts) == 0) {
                      ++looks_;
                      if (wrong(facts) && stat(path.c_str(), &facts) == 0 && wrong(facts))
                          ++wrong_;
                  }
              }
          }) {}
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    ~Watcher() {
        stop_ = true;
        thread_.join();
    }
    int looks() const { return looks_; }
    // Whether so many rounds were enough: on a busy machine it may not have had its turn yet.
    bool has_looked(int round, int rounds) const {
        return round >= rounds && (looks_ > 0 || round >= 1000 * rounds);
    }
    int wrong() const { return wrong_; }

private:
    std::atomic<bool> stop_ = false;
    std::atomic<int> looks_ = 0;
    std::atomic<int> wrong_ = 0;
    std::thread thread_;
};

} // namespace

TEST_CASE_FIXTURE(Clean,
                  "half-way, a private source's copy is private, whatever was there before") {
    const Directory directory;
    Stream from(directory / "from", 0600);
    for (const uint32_t replace : replaces) {
        for (const bool existing : {true, false}) {
            CAPTURE(replace);
            CAPTURE(existing);
            const std::string to = directory / "to";
            if (existing) {
                write_pattern(to, 10, 9);
                chmod(to.c_str(), 0666);
            }
            Pool pool;
            const Options options = Options()
                                        .with_flags(special)
                                        .with_preserve(ARSYNC_PRESERVE_MODE)
                                        .with_replace(replace);
            const arsync_job job = pool.submit(from.path(), to, options);
            REQUIRE(job != 0);
            REQUIRE(from.give_and_wait(pattern(20'000), pool, job));
            const bool has_new_content = exists(to) && size_of(to) != 10;
            if (has_new_content)
                CHECK((mode_of(to) & 077) == 0);
            from.end();
            CHECK(pool.wait().result == 0);
            CHECK(mode_of(to) == 0600);
            CHECK(read_file(to) == pattern(20'000));
            unlink(to.c_str());
        }
    }
}

TEST_CASE_FIXTURE(Clean, "half-way, an ACL of the old file opens the new content to nobody") {
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    Stream from(directory / "from", 0640);
    const std::string to = directory / "to";
    write_pattern(to, 10, 9);
    // user::rw-, user:4321:rw-, group::r--, mask::rw-, other::---
    constexpr const char* name = "system.posix_acl_access";
    const uint32_t acl[] = {htole32(2),    htole32(0x60001), UINT32_MAX, htole32(0x60002),
                            htole32(4321), htole32(0x40004), UINT32_MAX, htole32(0x60010),
                            UINT32_MAX,    htole32(0x00020), UINT32_MAX};
    REQUIRE(setxattr(to.c_str(), name, acl, sizeof acl, 0) == 0);
    Pool pool;
    const arsync_job job = pool.submit(
        from.path(), to, Options().with_flags(special).with_preserve(ARSYNC_PRESERVE_MODE));
    REQUIRE(job != 0);
    REQUIRE(from.give_and_wait(pattern(20'000), pool, job));
    uint32_t now[sizeof acl / sizeof acl[0]] = {};
    const bool still_there = getxattr(to.c_str(), name, now, sizeof now) == sizeof now;
    const uint32_t user_may = still_there ? le32toh(now[3]) >> 16 & le32toh(now[7]) >> 16 : 0;
    CHECK(user_may == 0);
    from.end();
    CHECK(pool.wait().result == 0);
    CHECK(getxattr(to.c_str(), name, now, sizeof now) < 0);
}

TEST_CASE_FIXTURE(Clean, "however often one looks, a private source's copy is private") {
    const Directory directory;
    const std::string from = directory / "from";
    constexpr int rounds = sanitized ? 20 : 100;
    for (const uint64_t size : {uint64_t{50'000}, uint64_t{3'000'000}}) {
        write_pattern(from, size);
        chmod(from.c_str(), 0600);
        for (const uint32_t replace : replaces) {
            const std::string to = directory / "to";
            const Watcher watcher(to, [](const struct stat& facts) {
                return facts.st_size > 10 && (facts.st_mode & 077) != 0;
            });
            Pool pool;
            const Options keep =
                Options().with_preserve(ARSYNC_PRESERVE_MODE).with_replace(replace);
            const Options plain = Options().with_replace(replace);
            bool right = true;
            for (int i = 0; !watcher.has_looked(i, rounds); ++i) {
                // A new name, and what was open to all.
                right = right && pool.copy(from, to, i % 3 == 0 ? plain : keep).result == 0;
                unlink(to.c_str());
                write_pattern(to, 10, 9);
                chmod(to.c_str(), 0666);
                right = right && pool.copy(from, to, keep).result == 0;
                unlink(to.c_str());
            }
            CHECK(right);
            CHECK(watcher.looks() > 0); // else nothing was tried
            CHECK(watcher.wrong() == 0);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "setuid is never seen with another owner") {
    NEEDS_ROOT();
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    write_pattern(from, 50'000);
    REQUIRE(chown(from.c_str(), 1234, 2345) == 0);
    REQUIRE(chmod(from.c_str(), 04755) == 0);
    for (const uint32_t replace : replaces) {
        const Watcher watcher(to, [](const struct stat& facts) {
            return (facts.st_mode & S_ISUID) != 0 && facts.st_uid != 1234;
        });
        Pool pool;
        const Options options = Options()
                                    .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER)
                                    .with_replace(replace);
        bool right = true;
        for (int i = 0; !watcher.has_looked(i, sanitized ? 50 : 300); ++i) {
            right = right && pool.copy(from, to, options).result == 0;
            if (i % 2 == 0)
                unlink(to.c_str());
        }
        CHECK(right);
        CHECK(watcher.looks() > 0); // else nothing was tried
        CHECK(watcher.wrong() == 0);
    }
}

// What its old group might do, and all others, is not for the group that it gets.
TEST_CASE_FIXTURE(Clean, "what is there is narrowed before it is given away") {
    NEEDS_ROOT();
    struct {
        const char* name;
        const char* path; // that is watched
        Options options;
    } const ways[] = {
        {"a file in place", "file", archive()},
        {"attributes alone", "file", archive(ARSYNC_COPY_ATTRIBUTES_ONLY)},
        {"a file that is up to date", "file", archive().with_update(ARSYNC_UPDATE_CHANGED)},
        {"a directory", "sub", archive()},
    };
    for (const auto& way : ways) {
        CAPTURE(way.name);
        const Directory directory;
        for (const char* root : {"from", "to"}) {
            REQUIRE(mkdir((directory / root).c_str(), 0755) == 0);
            REQUIRE(mkdir((directory / (std::string(root) + "/sub")).c_str(), 0750) == 0);
            write_pattern(directory / (std::string(root) + "/file"), 5'000);
        }
        const std::string from = directory / "from/" + way.path;
        const std::string to = directory / "to/" + way.path;
        REQUIRE(chown(from.c_str(), 1234, 2345) == 0);
        REQUIRE(chmod(from.c_str(), S_ISDIR(stat_of(from).st_mode) ? 0750 : 0640) == 0);
        const Watcher watcher(to, [](const struct stat& facts) {
            return facts.st_gid == 2345 && (facts.st_mode & 022) != 0;
        });
        Pool pool;
        bool right = true;
        for (int i = 0; !watcher.has_looked(i, sanitized ? 50 : 300); ++i) {
            const struct stat facts = stat_of(from);
            // In this order: by this nobody is to see the new group with the old mode.
            right = right && chown(to.c_str(), 0, 0) == 0 && chmod(to.c_str(), 0777) == 0;
            const timespec times[2] = {facts.st_mtim, facts.st_mtim};
            right = right && utimensat(AT_FDCWD, to.c_str(), times, 0) == 0;
            const TreeCopy done =
                copy_tree(pool, directory / "from", directory / "to", way.options);
            right = right && done.job.result == 0 && stat_of(to).st_mode == facts.st_mode &&
                    stat_of(to).st_gid == 2345;
        }
        CHECK(right);
        CHECK(watcher.looks() > 0); // else nothing was tried
        CHECK(watcher.wrong() == 0);
    }
}

TEST_CASE_FIXTURE(Clean,
                  "with the owner preserved but not the mode, nobody else sees it half made") {
    NEEDS_ROOT();
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    write_pattern(from, 5'000);
    REQUIRE(chown(from.c_str(), 1234, 2345) == 0);
    REQUIRE(chmod(from.c_str(), 0640) == 0);
    const Watcher watcher(to, [](const struct stat& facts) {
        return (facts.st_mode & 077) != 0 && facts.st_gid != 2345;
    });
    Pool pool;
    bool right = true;
    for (int i = 0; !watcher.has_looked(i, sanitized ? 50 : 300); ++i) {
        const Options options = Options().with_preserve(ARSYNC_PRESERVE_OWNER);
        right = right && pool.copy(from, to, options).result == 0;
        right = right && mode_of(to) == 0640;
        unlink(to.c_str());
    }
    CHECK(right);
    CHECK(watcher.looks() > 0); // else nothing was tried
    CHECK(watcher.wrong() == 0);
}

} // namespace live
