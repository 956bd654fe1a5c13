// Atomic replacement: at every instant the old file or the complete new one.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <grp.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

#include "system/acl.h"
#include "system/check.h"
#include "system/child.h"
#include "system/stream.h"
#include "system/tree.h"

namespace live {

namespace {

const Options atomic = Options().with_replace(ARSYNC_REPLACE_ATOMIC);
const Options atomic_stream =
    Options().with_replace(ARSYNC_REPLACE_ATOMIC).with_flags(ARSYNC_COPY_SPECIAL);

// What a crash may leave: ".NAME.arsync-XXXXXXXX".
bool is_temporary(const std::string& name) {
    constexpr size_t digits = 8;
    const size_t at = name.rfind(".arsync-");
    return name.starts_with(".") && at != std::string::npos && at > 1 &&
           name.size() == at + strlen(".arsync-") + digits &&
           name.find_first_not_of("0123456789abcdef", name.size() - digits) == std::string::npos;
}

// The first name that is neither expected nor a crash's.
std::string unexpected_name(const Directory& directory, const std::vector<std::string>& expected) {
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
        const std::string name = entry.path().filename();
        if (std::find(expected.begin(), expected.end(), name) == expected.end() &&
            !is_temporary(name))
            return name;
    }
    return "";
}

// Of a directory's "from" to its "to", paused in the middle.
class PausedCopy {
public:
    PausedCopy(const Directory& directory, const Options& options)
        : to(directory / "to"), pool(slow()) {
        write_pattern(directory / "from", 20'000'000);
        job_ = pool.submit(directory / "from", to, options);
        REQUIRE(job_ != 0);
        REQUIRE(eventually([&] { return pool.progress(job_).bytes_done > 0; }));
        adjust(ARSYNC_ADJUST_PAUSE);
    }
    arsync_completion go_on() {
        adjust(ARSYNC_ADJUST_RESUME);
        return pool.wait();
    }

    const std::string to;
    Pool pool;

private:
    static PoolOptions slow() {
        PoolOptions options;
        options.byte_rate = 10'000'000;
        return options;
    }
    void adjust(uint32_t what) {
        arsync_adjustment adjustment{};
        adjustment.struct_size = sizeof adjustment;
        adjustment.what = what;
        REQUIRE(arsync_job_adjust(pool.get(), job_, &adjustment) == 0);
    }

    arsync_job job_ = 0;
};

void shows_old_or_new(Kind kind, const Options& options) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    constexpr uint64_t size = 300'000;
    const std::string to = directory / "to";
    const std::string contents[] = {pattern(size, 1), pattern(2 * size, 2)};
    write_file(directory / "0", contents[0]);
    write_file(directory / "1", contents[1]);
    write_file(to, contents[0]);
    std::atomic<bool> stop = false;
    std::atomic<int> odd = 0;
    std::atomic<int> seen[2] = {0, 0};
    std::thread reader([&] {
        while (!stop) {
            try {
                const std::string content = read_file(to);
                if (content == contents[0])
                    ++seen[0];
                else if (content == contents[1])
                    ++seen[1];
                else
                    ++odd;
            } catch (const std::exception&) {
                ++odd; // the name was not there
            }
        }
    });
    {
        Pool pool;
        constexpr int rounds_min = sanitized ? 20 : 100;
        bool right = true;
        for (int i = 1; i <= rounds_min || (i < 100'000 && (seen[0] < 3 || seen[1] < 3)); ++i) {
            const arsync_completion done =
                pool.copy(directory / std::to_string(i % 2), to, options);
            right = right && done.result == 0;
        }
        CHECK(right);
    }
    stop = true;
    reader.join();
    CHECK(odd == 0);
    CHECK(seen[0] > 0);
    CHECK(seen[1] > 0);
    CHECK(directory.entries() == (options.backup == ARSYNC_BACKUP_NONE ? 3 : 4));
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a reader sees the old or the whole new file on ext4") {
    shows_old_or_new(Kind::ext4, atomic);
}
TEST_CASE_FIXTURE(Clean, "a reader sees the old or the whole new file on XFS") {
    shows_old_or_new(Kind::xfs, atomic);
}
TEST_CASE_FIXTURE(Clean, "a reader sees the old or the whole new file on btrfs") {
    shows_old_or_new(Kind::btrfs, atomic);
}
TEST_CASE_FIXTURE(Clean, "a reader sees the old or the whole new file on overlayfs") {
    shows_old_or_new(Kind::overlay, atomic);
}
TEST_CASE_FIXTURE(Clean,
                  "a reader sees the old or the whole new file that is backed up meanwhile") {
    shows_old_or_new(Kind::ext4, Options(atomic).with_backup(ARSYNC_BACKUP_SIMPLE));
}

TEST_CASE_FIXTURE(Clean, "a copy that fails leaves no backup, and what was there at its name") {
    const Directory directory;
    make_files(directory.path(), {"to"}, " old");
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        CAPTURE(replace);
        const ino_t before = inode_of(directory / "to");
        // It opens, and cannot be read: nothing is mapped at its beginning.
        const arsync_completion done =
            pool.copy("/proc/self/mem", directory / "to",
                      Options().with_replace(replace).with_backup(ARSYNC_BACKUP_NUMBERED));
        CHECK(done.result == -EIO);
        CHECK(done.stage == ARSYNC_STAGE_READ);
        CHECK((done.flags & ARSYNC_COMPLETION_BACKED_UP) == 0);
        CHECK_NAMES(directory.path(), {"to"});
        CHECK(inode_of(directory / "to") == before);
        CHECK(read_file(directory / "to") == "to old");
    }
}

TEST_CASE_FIXTURE(Clean, "until it is complete, atomic replacement shows the old file") {
    const Directory directory;
    Stream from(directory / "from");
    write_pattern(directory / "to", 5000, 9);
    for (const bool old : {true, false}) {
        const std::string to = directory / (old ? "to" : "new");
        Pool pool;
        const arsync_job job = pool.submit(from.path(), to, atomic_stream);
        REQUIRE(job != 0);
        REQUIRE(from.give_and_wait(pattern(20'000), pool, job));
        CHECK(exists(to) == old);
        if (old)
            CHECK(read_file(to) == pattern(5000, 9));
        from.end();
        CHECK(pool.wait().result == 0);
        CHECK(read_file(to) == pattern(20'000));
    }
    CHECK(directory.entries() == 3);
}

TEST_CASE_FIXTURE(Clean, "atomic replacement makes a new file with the old one's mode and owner") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        const std::string to = directory / ("to" + std::to_string(backend));
        write_pattern(to, 100, 9);
        REQUIRE(chmod(to.c_str(), 0466) == 0);
        if (is_root())
            REQUIRE(chown(to.c_str(), 1234, 2345) == 0);
        const std::string other = to + "-link";
        REQUIRE(link(to.c_str(), other.c_str()) == 0);
        const struct stat before = stat_of(to);
        Pool pool{PoolOptions(backend)};
        CHECK(pool.copy(directory / "from", to, atomic).result == 0);
        const struct stat after = stat_of(to);
        CHECK(after.st_ino != before.st_ino);
        CHECK(after.st_mode == before.st_mode);
        CHECK(after.st_uid == before.st_uid);
        CHECK(after.st_gid == before.st_gid);
        CHECK(after.st_nlink == 1);
        CHECK(read_file(other) == pattern(100, 9));
        CHECK(difference(directory / "from", to) == "");
    }
}

TEST_CASE_FIXTURE(
    Clean, "an ordinary user's atomic replacement keeps the old file's mode, but for its group's") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "from", 10'000);
    write_pattern(directory / "to", 100, 9);
    chmod((directory / "to").c_str(), 0664);
    chown((directory / "to").c_str(), 1234, 2345);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const arsync_completion done = pool.copy(directory / "from", directory / "to", atomic);
        EXPECT_WITH(report, done.result == 0, words(done));
    });
    CHECK(difference(directory / "from", directory / "to") == "");
    CHECK(stat_of(directory / "to").st_uid == ordinary_user);
    CHECK(mode_of(directory / "to") == 0644); // it has another group
}

TEST_CASE_FIXTURE(Clean, "an atomic replacement gives no other group what the old one's had") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "from", 10'000);
    const auto replaced = [&](mode_t mode, const std::vector<gid_t>& groups) {
        const std::string to = directory / "to";
        write_pattern(to, 100, 9);
        chown(to.c_str(), 1234, 2345);
        chmod(to.c_str(), mode);
        check_in_child([&](Report& report) {
            EXPECT(report, setgroups(groups.size(), groups.data()) == 0);
            EXPECT(report, setgid(ordinary_user) == 0);
            EXPECT(report, setuid(ordinary_user) == 0);
            Pool pool;
            const arsync_completion done = pool.copy(directory / "from", to, atomic);
            EXPECT_WITH(report, done.result == 0, words(done));
        });
        const struct stat facts = stat_of(to);
        CHECK(facts.st_uid == ordinary_user);
        CHECK(facts.st_gid == (groups.empty() ? ordinary_user : groups[0]));
        CHECK(unlink(to.c_str()) == 0);
        return facts.st_mode & 07777;
    };
    CHECK(replaced(0660, {2345}) == 0660);
    CHECK(replaced(0660, {}) == 0600);
    CHECK(replaced(0674, {}) == 0644);
    CHECK(replaced(0604, {}) == 0604);
}

TEST_CASE_FIXTURE(Clean, "nor where the owner is kept, and the source's group is another") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "from", 10'000);
    chmod((directory / "from").c_str(), 0666);
    chown((directory / "from").c_str(), 1234, 3456);
    Options options = Options(atomic).with_preserve(ARSYNC_PRESERVE_OWNER);
    const auto replaced = [&](mode_t mode, gid_t old_group, gid_t group, bool as_root = true) {
        const std::string to = directory / "to";
        write_pattern(to, 100, 9);
        chown(to.c_str(), 1234, old_group);
        chmod(to.c_str(), mode);
        check_in_child([&](Report& report) {
            EXPECT(report, as_root || become_ordinary());
            Pool pool;
            const arsync_completion done = pool.copy(directory / "from", to, options);
            EXPECT_WITH(report, done.result == 0, words(done));
        });
        CHECK(stat_of(to).st_gid == group);
        const mode_t now = mode_of(to);
        CHECK(unlink(to.c_str()) == 0);
        return now;
    };
    CHECK(replaced(0660, 2345, 3456) == 0600);
    CHECK(replaced(0674, 2345, 3456) == 0644);
    CHECK(replaced(06771, 2345, 3456) == 0711);
    CHECK(replaced(06770, 3456, 3456) == 0770);
    CHECK(replaced(0660, 2345, ordinary_user, false) == 0600);
    CHECK(replaced(0660, 3456, ordinary_user, false) == 0600);
    CHECK(replaced(0660, ordinary_user, ordinary_user, false) == 0660); // it stays that one's
    options.group_map = "3456:2345";
    CHECK(replaced(0660, 2345, 2345) == 0660);
    CHECK(replaced(0660, 3456, 2345) == 0600);
}

// CAP_CHOWN alone: what was given away cannot be given its mode any more.
TEST_CASE_FIXTURE(Clean, "who may give files away, and no more, replaces none by one more open") {
    NEEDS_ROOT();
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    chmod((directory / "from").c_str(), 0644);
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "to", 100, 9);
    chmod((directory / "to").c_str(), 0600);
    chown((directory / "to").c_str(), 1234, 2345);
    check_in_child([&](Report& report) {
        EXPECT(report, keep_capabilities({CAP_CHOWN}));
        Pool pool;
        const arsync_completion done = pool.copy(directory / "from", directory / "to", atomic);
        EXPECT_WITH(report, done.result == 0, words(done));
    });
    CHECK(difference(directory / "from", directory / "to") == "");
    CHECK(stat_of(directory / "to").st_uid == 1234);
    CHECK(stat_of(directory / "to").st_gid == 2345);
    CHECK(mode_of(directory / "to") == 0600);
}

TEST_CASE_FIXTURE(Clean, "atomic replacement replaces a symbolic link itself") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    write_pattern(directory / "target", 100, 9);
    REQUIRE(symlink("target", (directory / "link").c_str()) == 0);
    REQUIRE(symlink("nowhere", (directory / "dangling").c_str()) == 0);
    Pool pool;
    for (const char* name : {"link", "dangling"}) {
        CHECK(pool.copy(directory / "from", directory / name, atomic).result == 0);
        struct stat facts;
        REQUIRE(lstat((directory / name).c_str(), &facts) == 0);
        CHECK(S_ISREG(facts.st_mode));
        CHECK(difference(directory / "from", directory / name) == "");
    }
    CHECK(read_file(directory / "target") == pattern(100, 9));
    CHECK_FALSE(exists(directory / "nowhere"));
}

TEST_CASE_FIXTURE(Clean, "atomic replacement of what is no file is refused") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    Stream fifo(directory / "fifo");
    Pool pool;
    const arsync_completion done = pool.copy(directory / "from", fifo.path(), atomic_stream);
    CHECK(done.result == -EOPNOTSUPP);
    CHECK(done.stage == ARSYNC_STAGE_CHECK);
    CHECK(S_ISFIFO(stat_of(fifo.path()).st_mode));
}

TEST_CASE_FIXTURE(Clean, "killed in the middle, atomic replacement leaves the old file") {
    for (const Kind kind : {Kind::ext4, Kind::tmpfs, Kind::overlay}) {
        NEEDS(shared_volume(kind));
        CAPTURE(name_of(kind));
        const Directory directory(shared_volume(kind));
        Stream from(directory / "from");
        write_pattern(directory / "to", 5000, 9);
        for (const char* name : {"to", "new"}) {
            Child child([&] {
                Pool pool;
                pool.copy(from.path(), directory / name, atomic_stream);
            });
            REQUIRE(from.give(pattern(200'000))); // more than a pipe holds: it has been read
            child.kill();
            from.end();
        }
        CHECK(read_file(directory / "to") == pattern(5000, 9));
        CHECK_FALSE(exists(directory / "new"));
        CHECK(unexpected_name(directory, {"from", "to"}) == "");
    }
}

TEST_CASE_FIXTURE(Clean,
                  "killed at any moment, atomic replacement leaves the old or the new file") {
    const Directory directory;
    constexpr uint64_t size = 2'000'000;
    write_pattern(directory / "from", size);
    constexpr int rounds = sanitized ? 8 : 40;
    for (int i = 0; i < rounds; ++i) {
        CAPTURE(i);
        write_pattern(directory / "to", 5000, 9);
        {
            Child child([&] {
                Pool pool;
                for (;;)
                    pool.copy(directory / "from", directory / "to", atomic);
            });
            std::this_thread::sleep_for(std::chrono::microseconds(500 * i));
        }
        const std::string content = read_file(directory / "to");
        const bool whole = content == pattern(5000, 9) || content == pattern(size);
        CHECK(whole);
        CHECK(unexpected_name(directory, {"from", "to"}) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "a copy that fails takes no name that a backup had before") {
    const Directory directory;
    make_files(directory.path(), {"to"});
    make_hard_link(directory / "to", directory / "to~");
    Pool pool;
    const arsync_completion done = pool.copy("/proc/self/mem", directory / "to",
                                             Options(atomic).with_backup(ARSYNC_BACKUP_SIMPLE));
    CHECK(done.result == -EIO);
    CHECK_NAMES(directory.path(), {"to", "to~"});
    CHECK(inode_of(directory / "to") == inode_of(directory / "to~"));
}

TEST_CASE_FIXTURE(Clean, "what comes while it is copied is asked about, not replaced") {
    const Directory directory;
    PausedCopy copy(directory, Options(atomic).with_update(ARSYNC_UPDATE_ASK));
    write_file(copy.to, "another's");
    const arsync_completion question = copy.go_on();
    REQUIRE(question.kind == ARSYNC_COMPLETION_QUESTION);
    REQUIRE(question.details);
    CHECK(arsync_answer(copy.pool.get(), question.details->question, ARSYNC_ANSWER_SKIP) == 0);
    const arsync_completion done = copy.pool.wait();
    CHECK(done.result == 0);
    CHECK(done.action == ARSYNC_ACTION_SKIP);
    CHECK(read_file(copy.to) == "another's");
    CHECK(directory.entries() == 2);
}

TEST_CASE_FIXTURE(Clean,
                  "of two replacements at once both keep the mode and owner of the old file") {
    NEEDS_ROOT();
    const Directory directory;
    const std::string to = directory / "to";
    write_file(directory / "other", "other");
    for (const bool has_acl : {false, true}) {
        CAPTURE(has_acl);
        write_file(to, "old");
        set_owner(to, 1234, 2345);
        set_mode(to, 0664);
        const std::string acl = acl_for(ordinary_user);
        if (has_acl)
            REQUIRE(setxattr(to.c_str(), acl_name, acl.data(), acl.size(), 0) == 0);
        const mode_t mode = mode_of(to);
        PausedCopy copy(directory, atomic);
        CHECK(Pool().copy(directory / "other", to, atomic).result == 0);
        CHECK(mode_of(to) == mode);
        CHECK(copy.go_on().result == 0);
        CHECK(difference(directory / "from", to) == "");
        CHECK(mode_of(to) == mode);
        CHECK((getxattr(to.c_str(), acl_name, nullptr, 0) > 0) == has_acl);
        CHECK(stat_of(to).st_uid == 1234);
        CHECK(stat_of(to).st_gid == 2345);
    }
}

TEST_CASE_FIXTURE(Clean, "what comes while it is copied is backed up before it is replaced") {
    const Directory directory;
    const std::string to = directory / "to";
    for (const uint32_t backup : {ARSYNC_BACKUP_SIMPLE, ARSYNC_BACKUP_NUMBERED}) {
        CAPTURE(backup);
        write_file(to, "old");
        PausedCopy copy(directory, Options(atomic).with_backup(backup));
        write_file(directory / "other", "another's");
        std::filesystem::rename(directory / "other", to);
        const arsync_completion done = copy.go_on();
        CHECK(done.result == 0);
        CHECK((done.flags & ARSYNC_COMPLETION_BACKED_UP) != 0);
        CHECK(difference(directory / "from", to) == "");
        const bool simple = backup == ARSYNC_BACKUP_SIMPLE;
        CHECK(read_file(to + (simple ? "~" : ".~2~")) == "another's");
        if (!simple)
            CHECK(read_file(to + ".~1~") == "old");
    }
    CHECK_NAMES(directory.path(), {"from", "to", "to.~1~", "to.~2~", "to~"});
}

TEST_CASE_FIXTURE(Clean, "what goes while it is copied has the backup that was made before") {
    const Directory directory;
    write_file(directory / "to", "old");
    PausedCopy copy(directory, Options(atomic).with_backup(ARSYNC_BACKUP_SIMPLE));
    CHECK(unlink(copy.to.c_str()) == 0);
    CHECK(copy.go_on().result == 0);
    CHECK(difference(directory / "from", copy.to) == "");
    CHECK(read_file(copy.to + "~") == "old");
}

// Nor could a stream be read again after the answer.
TEST_CASE_FIXTURE(Clean,
                  "what comes while a stream is copied is neither asked about nor replaced") {
    const Directory directory;
    Stream from(directory / "from");
    Pool pool;
    const std::string to = directory / "to";
    const arsync_job job =
        pool.submit(from.path(), to, Options(atomic_stream).with_update(ARSYNC_UPDATE_ASK));
    REQUIRE(job != 0);
    REQUIRE(from.give_and_wait(pattern(20'000), pool, job));
    write_file(to, "another's");
    from.end();
    const arsync_completion done = pool.wait();
    CHECK(done.kind == ARSYNC_COMPLETION_JOB);
    CHECK(done.result < 0);
    CHECK(read_file(to) == "another's");
    CHECK(directory.entries() == 2);
}

} // namespace live
