// File flags, as chattr(1) sets them, and project ids.
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint32_t flags_too = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                               ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR |
                               ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_FLAGS;
constexpr unsigned sealing = FS_IMMUTABLE_FL | FS_APPEND_FL;
constexpr unsigned settable[] = {FS_SECRM_FL,   FS_UNRM_FL,   FS_SYNC_FL,         FS_IMMUTABLE_FL,
                                 FS_APPEND_FL,  FS_NODUMP_FL, FS_NOATIME_FL,      FS_COMPR_FL,
                                 FS_NOCOMP_FL,  FS_NOCOW_FL,  FS_JOURNAL_DATA_FL, FS_NOTAIL_FL,
                                 FS_DIRSYNC_FL, FS_TOPDIR_FL, FS_PROJINHERIT_FL};
constexpr unsigned of_a_program = FS_SECRM_FL | FS_UNRM_FL | FS_SYNC_FL | sealing | FS_NODUMP_FL |
                                  FS_NOATIME_FL | FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL |
                                  FS_JOURNAL_DATA_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL |
                                  FS_PROJINHERIT_FL;

class Opened {
public:
    explicit Opened(const std::string& path)
        : fd_(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {}
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    ~Opened() { close(fd_); }
    int fd() const { return fd_; }

private:
    const int fd_;
};

unsigned flags_of(const std::string& path) {
    unsigned flags = 0;
    const Opened file(path);
    return ioctl(file.fd(), FS_IOC_GETFLAGS, &flags) == 0 ? flags & of_a_program : 0;
}

// Whether it has exactly these then.
bool set_flags(const std::string& path, unsigned flags) {
    unsigned all = 0;
    const Opened file(path);
    if (ioctl(file.fd(), FS_IOC_GETFLAGS, &all) < 0)
        return false;
    all = (all & ~of_a_program) | flags;
    return ioctl(file.fd(), FS_IOC_SETFLAGS, &all) == 0 && flags_of(path) == flags;
}

uint32_t project_of(const std::string& path) {
    fsxattr attributes{};
    const Opened file(path);
    return ioctl(file.fd(), FS_IOC_FSGETXATTR, &attributes) == 0 ? attributes.fsx_projid
                                                                 : UINT32_MAX;
}

bool set_project(const std::string& path, uint32_t project) {
    fsxattr attributes{};
    const Opened file(path);
    if (ioctl(file.fd(), FS_IOC_FSGETXATTR, &attributes) < 0)
        return false;
    attributes.fsx_projid = project;
    return ioctl(file.fd(), FS_IOC_FSSETXATTR, &attributes) == 0;
}

// A directory in which all can be removed at the end.
class Sealable {
public:
    explicit Sealable(const Volume& volume) : directory_(volume) {}
    Sealable(const Sealable&) = delete;
    Sealable& operator=(const Sealable&) = delete;
    ~Sealable() { unseal(directory_.path()); }
    std::string operator/(const std::string& name) const { return directory_ / name; }

private:
    static void unseal(const std::string& path) {
        const mode_t kind = kind_of(path);
        if ((kind == S_IFREG || kind == S_IFDIR) && (flags_of(path) & sealing) != 0)
            set_flags(path, flags_of(path) & ~sealing);
        if (kind == S_IFDIR)
            for (const auto& entry : std::filesystem::directory_iterator(path))
                unseal(entry.path());
    }

    const Directory directory_;
};

void check_lost(const arsync_completion& done, int error) {
    INFO(words(done));
    CHECK(done.result == error);
    CHECK(done.stage == ARSYNC_STAGE_FLAGS);
    CHECK((done.flags & ARSYNC_COMPLETION_COPIED) != 0);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a file's copy has its flags, however it is written") {
    NEEDS_ROOT();
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs}) {
        CAPTURE(name_of(kind));
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Sealable directory(volume);
        Pool pool;
        unsigned taken = 0;
        for (const uint64_t size : {5'000u, 2'000'000u}) {
            unsigned number = 0;
            for (const unsigned flag : settable) {
                CAPTURE(flag);
                const std::string from = directory / std::to_string(++number);
                write_file(from, "");
                const bool early = (flag & (FS_NOCOW_FL | FS_COMPR_FL | FS_NOCOMP_FL)) != 0;
                if (early && !set_flags(from, flag))
                    continue;
                write_pattern(from, size);
                if (!set_flags(from, flag))
                    continue;
                ++taken;
                for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
                    for (const bool existing : {false, true}) {
                        const std::string to = directory / "to";
                        if (existing)
                            write_pattern(to, 100'000, 7);
                        const auto durability =
                            existing ? ARSYNC_DURABILITY_FULL : ARSYNC_DURABILITY_NONE;
                        const arsync_completion done = pool.copy(from, to,
                                                                 Options()
                                                                     .with_preserve(flags_too)
                                                                     .with_replace(replace)
                                                                     .with_durability(durability));
                        INFO(words(done));
                        CHECK(done.result == 0);
                        CHECK(flags_of(to) == flag);
                        CHECK(difference(from, to) == "");
                        set_flags(to, flag & ~sealing);
                        unlink(to.c_str());
                    }
                set_flags(from, 0);
                unlink(from.c_str());
            }
        }
        CHECK(taken >= 8);
    }
}

TEST_CASE_FIXTURE(Clean, "what was asked for without flags has none of the source's") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Sealable directory(shared_volume(Kind::ext4));
    write_pattern(directory / "from", 1000);
    REQUIRE(set_flags(directory / "from", FS_IMMUTABLE_FL | FS_NODUMP_FL));
    Pool pool;
    CHECK(pool.copy(directory / "from", directory / "to", archive()).result == 0);
    CHECK(flags_of(directory / "to") == 0);
}

TEST_CASE_FIXTURE(Clean, "who may not make a file immutable is told, and keeps the other flags") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Sealable directory(shared_volume(Kind::ext4));
    write_pattern(directory / "from", 2'000'000);
    REQUIRE(set_flags(directory / "from", FS_IMMUTABLE_FL | FS_NODUMP_FL));
    make_directories(directory / "mine");
    set_owner(directory / "mine", ordinary_user, ordinary_user);
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        const std::string to = directory / "mine/to";
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            Pool pool;
            const arsync_completion done =
                pool.copy(directory / "from", to,
                          Options().with_preserve(ARSYNC_PRESERVE_FLAGS).with_replace(replace));
            EXPECT_WITH(report, done.result == -EPERM, words(done));
            EXPECT_WITH(report, done.stage == ARSYNC_STAGE_FLAGS, words(done));
            EXPECT(report, (done.flags & ARSYNC_COMPLETION_COPIED) != 0);
        });
        CHECK(flags_of(to) == FS_NODUMP_FL);
        CHECK(difference(directory / "from", to) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "flags that a file system does not have cost nothing else, and are told") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    NEEDS(shared_volume(Kind::btrfs));
    const Sealable directory(shared_volume(Kind::ext4));
    const Sealable other(shared_volume(Kind::btrfs));
    Pool pool;
    const Options options = Options().with_preserve(flags_too);
    write_pattern(other / "nocow", 0);
    REQUIRE(set_flags(other / "nocow", FS_NOCOW_FL));
    write_pattern(other / "nocow", 100'000);
    REQUIRE(set_flags(other / "nocow", FS_NOCOW_FL | FS_NOATIME_FL));
    check_lost(pool.copy(other / "nocow", directory / "nocow", options), -EOPNOTSUPP);
    CHECK(flags_of(directory / "nocow") == FS_NOATIME_FL);
    CHECK(difference(other / "nocow", directory / "nocow") == "");

    make_directories(directory / "ram");
    const Mounted ram(directory / "ram", "ramfs");
    NEEDS(ram);
    check_lost(pool.copy(directory / "nocow", directory / "ram/a", options), -EOPNOTSUPP);
    // A file system that tells of no flags has none to be lost, or to be taken away.
    CHECK(pool.copy(directory / "ram/a", directory / "b", options).result == 0);
    CHECK(flags_of(directory / "b") == 0);
}

TEST_CASE_FIXTURE(Clean, "what has lost its flags alone is counted as what it is") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    NEEDS(shared_volume(Kind::btrfs));
    const Sealable directory(shared_volume(Kind::ext4));
    const Sealable other(shared_volume(Kind::btrfs));
    make_files(other / "from", {"plain", "sub/"});
    for (const char* name : {"from/nocow", "from/sub"}) {
        if (!exists(other / name))
            write_pattern(other / name, 0);
        REQUIRE(set_flags(other / name, FS_NOCOW_FL));
    }
    write_pattern(other / "from/nocow", 100'000);
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, other / "from", directory / "to", recursive().with_preserve(flags_too));
    INFO(words(copy));
    CHECK(copy.job.result == -EOPNOTSUPP);
    CHECK(copy.totals.errors == 2);
    CHECK(copy.totals.files == 2);
    CHECK(copy.totals.directories == 2);
    CHECK(copy.totals.bytes == 100'000 + std::string("plain").size());
}

TEST_CASE_FIXTURE(Clean, "on btrfs a file without copy-on-write is shared, and keeps that") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::btrfs));
    const Sealable directory(shared_volume(Kind::btrfs));
    write_pattern(directory / "from", 0);
    REQUIRE(set_flags(directory / "from", FS_NOCOW_FL));
    write_pattern(directory / "from", 300'000);
    Pool pool;
    const arsync_completion done = pool.copy(
        directory / "from", directory / "to",
        Options().with_preserve(ARSYNC_PRESERVE_FLAGS).with_reflink(ARSYNC_REFLINK_ALWAYS));
    CHECK(done.result == 0);
    CHECK(done.method == ARSYNC_METHOD_REFLINK);
    CHECK(flags_of(directory / "to") == FS_NOCOW_FL);
    // In a directory whose files are compressed, and over one that is.
    make_directories(directory / "small");
    REQUIRE(set_flags(directory / "small", FS_COMPR_FL));
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        const std::string to = directory / "small/to";
        write_pattern(to, 10'000, 3);
        REQUIRE(flags_of(to) == FS_COMPR_FL);
        CHECK(pool.copy(directory / "from", to,
                        Options().with_preserve(ARSYNC_PRESERVE_FLAGS).with_replace(replace))
                  .result == 0);
        CHECK(flags_of(to) == FS_NOCOW_FL);
        unlink(to.c_str());
    }
}

TEST_CASE_FIXTURE(Clean, "on btrfs a file keeps the way in which it is compressed") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::btrfs));
    const Sealable directory(shared_volume(Kind::btrfs));
    write_pattern(directory / "from", 10'000);
    REQUIRE(set_flags(directory / "from", FS_COMPR_FL | FS_NOATIME_FL));
    REQUIRE(setxattr((directory / "from").c_str(), "btrfs.compression", "zstd", 4, 0) == 0);
    Pool pool;
    const Options options = Options().with_preserve(flags_too);
    CHECK(pool.copy(directory / "from", directory / "to", options).result == 0);
    char value[16] = {};
    getxattr((directory / "to").c_str(), "btrfs.compression", value, sizeof value);
    CHECK(std::string(value) == "zstd");
    CHECK(flags_of(directory / "to") == (FS_COMPR_FL | FS_NOATIME_FL));
}

TEST_CASE_FIXTURE(Clean,
                  "a tree keeps its flags, those of directories and of files with many names") {
    NEEDS_ROOT();
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs}) {
        CAPTURE(name_of(kind));
        NEEDS(shared_volume(kind));
        const Sealable directory(shared_volume(kind));
        const std::string from = directory / "from";
        const std::string to = directory / "to";
        make_files(from, {"a", "b", "shut/x", "shut/deep/y", "log/z", "plain/"});
        write_pattern(from + "/shut/large", 3'000'000);
        for (const char* name : {"/plain/1", "/shut/2", "/log/3", "/4"})
            make_hard_link(from + "/a", from + name);
        make_symlink("a", from + "/link");
        const std::pair<const char*, unsigned> flagged[] = {
            {"/a", FS_IMMUTABLE_FL},         {"/b", FS_APPEND_FL},
            {"/shut/x", FS_NOATIME_FL},      {"/shut/large", FS_IMMUTABLE_FL | FS_NODUMP_FL},
            {"/shut/deep", FS_IMMUTABLE_FL}, {"/shut", FS_IMMUTABLE_FL},
            {"/log", FS_APPEND_FL},          {"", FS_NODUMP_FL}};
        for (const auto& [name, flags] : flagged)
            REQUIRE(set_flags(from + name, flags));
        for (const uint32_t backend : backends())
            for (const uint32_t durability : {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FULL}) {
                Pool pool{PoolOptions(backend)};
                const std::string copy_to = to + std::to_string(backend * 10 + durability);
                Options options = recursive().with_preserve(flags_too).with_durability(durability);
                const TreeCopy copy = copy_tree(pool, from, copy_to, options);
                INFO(words(copy));
                CHECK(copy.job.result == 0);
                for (const auto& [name, flags] : flagged)
                    CHECK(flags_of(copy_to + name) == flags);
                CHECK(tree_difference(from, copy_to) == "");
                for (const char* name : {"/plain/1", "/shut/2", "/log/3", "/4"})
                    CHECK(inode_of(copy_to + name) == inode_of(copy_to + "/a"));
                // Once more: all is up to date, and nothing is touched that may not be.
                const TreeCopy again =
                    copy_tree(pool, from, copy_to, options.with_update(ARSYNC_UPDATE_CHANGED));
                INFO(words(again));
                CHECK(again.job.result == 0);
            }
    }
}

TEST_CASE_FIXTURE(Clean, "what is up to date gets its source's flags") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Sealable directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    make_files(from, {"a", "b", "c"});
    Pool pool;
    const Options options = recursive().with_preserve(flags_too).with_update(ARSYNC_UPDATE_CHANGED);
    REQUIRE(copy_tree(pool, from, to, options).job.result == 0);
    REQUIRE(set_flags(from + "/a", FS_IMMUTABLE_FL | FS_NODUMP_FL));
    REQUIRE(set_flags(to + "/b", FS_IMMUTABLE_FL));
    REQUIRE(set_flags(to + "/c", FS_NOATIME_FL));
    set_mode(from + "/b", 0600);
    const TreeCopy copy = copy_tree(pool, from, to, options);
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(flags_of(to + "/a") == (FS_IMMUTABLE_FL | FS_NODUMP_FL));
    CHECK(flags_of(to + "/b") == 0);
    CHECK(flags_of(to + "/c") == 0);
    CHECK(mode_of(to + "/b") == 0600);
}

TEST_CASE_FIXTURE(Clean,
                  "what is immutable at the destination stays as it is, and that is an error") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Sealable directory(shared_volume(Kind::ext4));
    write_pattern(directory / "from", 5'000);
    write_pattern(directory / "to", 7'000, 2);
    const std::string old = read_file(directory / "to");
    REQUIRE(set_flags(directory / "to", FS_IMMUTABLE_FL));
    Pool pool;
    for (const uint32_t preserve : {0u, flags_too})
        for (const uint32_t replace :
             {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_REMOVE})
            for (const uint32_t flags : {0u, ARSYNC_COPY_FORCE}) {
                const arsync_completion done = pool.copy(
                    directory / "from", directory / "to",
                    Options().with_preserve(preserve).with_replace(replace).with_flags(flags));
                INFO(words(done));
                CHECK(done.result == -EPERM);
                CHECK((done.flags & ARSYNC_COMPLETION_COPIED) == 0);
                CHECK(read_file(directory / "to") == old);
            }
    make_files(directory / "tree", {"a"});
    make_files(directory / "mirror", {"a", "extra"});
    REQUIRE(set_flags(directory / "mirror/extra", FS_IMMUTABLE_FL));
    const TreeCopy copy =
        copy_tree(pool, directory / "tree", directory / "mirror", recursive(ARSYNC_COPY_MIRROR));
    CHECK(copy.job.result == -EPERM);
    CHECK(copy.job.stage == ARSYNC_STAGE_REMOVE);
    CHECK(exists(directory / "mirror/extra"));
}

TEST_CASE_FIXTURE(Clean, "project ids are kept, also where a directory hands its own on") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::xfs));
    const Sealable directory(shared_volume(Kind::xfs));
    const std::string from = directory / "from";
    make_files(from, {"a", "b", "sub/c"});
    write_pattern(from + "/large", 3'000'000);
    REQUIRE(set_project(from + "/a", 7));
    REQUIRE(set_project(from + "/large", 8));
    REQUIRE(set_project(from + "/sub", 9));
    REQUIRE(set_flags(from + "/sub", FS_PROJINHERIT_FL));
    REQUIRE(set_flags(from + "/a", FS_IMMUTABLE_FL));
    const uint32_t all = flags_too | ARSYNC_PRESERVE_PROJECT;
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        const std::string to = directory / ("to" + std::to_string(replace));
        make_directories(to);
        REQUIRE(set_project(to, 99));
        REQUIRE(set_flags(to, FS_PROJINHERIT_FL));
        for (const char* name : {"/a", "/large"}) { // one by one, so the directory stays as it is
            const arsync_completion done = pool.copy(
                from + name, to + name, Options().with_preserve(all).with_replace(replace));
            INFO(words(done));
            CHECK(done.result == 0);
        }
        CHECK(project_of(to + "/a") == 7);
        CHECK(flags_of(to + "/a") == FS_IMMUTABLE_FL);
        CHECK(project_of(to + "/large") == 8);
        set_flags(to + "/a", 0);
        const TreeCopy copy =
            copy_tree(pool, from, to, recursive().with_preserve(all).with_replace(replace));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(project_of(to + "/a") == 7);
        CHECK(project_of(to + "/b") == 0);
        CHECK(project_of(to + "/sub") == 9);
        CHECK(flags_of(to + "/sub") == FS_PROJINHERIT_FL);
        CHECK(project_of(to + "/sub/c") == project_of(from + "/sub/c"));
        CHECK(project_of(to) == 0);
    }
    CHECK(pool.copy(from + "/large", directory / "plain", Options().with_preserve(flags_too))
              .result == 0);
    CHECK(project_of(directory / "plain") == 0);
}

} // namespace live
