// What several commands need that share the work on one tree: parts of a file, directories alone,
// and directories on the way that are left as they are.
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/content.h"
#include "system/tree.h"

namespace live {

namespace {

Options part(uint64_t offset, uint64_t length, uint32_t flags = 0) {
    Options options;
    options.range_offset = offset;
    options.range_length = length;
    options.flags = flags;
    return options;
}

constexpr uint64_t MiB = 1 << 20;

} // namespace

TEST_CASE_FIXTURE(Clean, "parts of a file that are copied side by side make the whole") {
    const Directory directory;
    const uint64_t size = 5 * MiB + 123;
    const std::string content = pattern(size);
    write_file(directory / "from", content);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        PoolOptions pool_options;
        pool_options.backend = backend;
        Pool pool(pool_options);
        unlink((directory / "to").c_str());
        unsigned jobs = 0;
        for (uint64_t offset = 0; offset < size; offset += MiB)
            jobs += pool.submit(directory / "from", directory / "to",
                                part(offset, MiB, ARSYNC_COPY_VERIFY)) != 0;
        for (unsigned i = 0; i < jobs; ++i) {
            const arsync_completion done = pool.wait();
            CHECK_MESSAGE(done.result == 0, words(done));
            CHECK(done.action == ARSYNC_ACTION_COPY);
        }
        CHECK(read_file(directory / "to") == content);
    }
}

TEST_CASE_FIXTURE(Clean, "a part leaves all else of the destination as it is") {
    const Directory directory;
    write_file(directory / "from", pattern(3 * MiB));
    set_mtime(directory / "from", 1'000'000'000);
    std::string old = pattern(4 * MiB, 2);
    write_file(directory / "to", old);
    set_mode(directory / "to", 0604);
    const ino_t inode = inode_of(directory / "to");
    Pool pool;
    CHECK(pool.copy(directory / "from", directory / "to", part(MiB, 4096)).result == 0);
    old.replace(MiB, 4096, read_file(directory / "from").substr(MiB, 4096));
    CHECK(read_file(directory / "to") == old);
    CHECK(inode_of(directory / "to") == inode);
    CHECK((stat_of(directory / "to").st_mode & 07777) == 0604);
    CHECK(stat_of(directory / "to").st_mtim.tv_sec != 1'000'000'000);
    // Behind the source's end there is nothing to copy.
    CHECK(pool.copy(directory / "from", directory / "to", part(8 * MiB, MiB)).result == 0);
    CHECK(read_file(directory / "to") == old);
}

TEST_CASE_FIXTURE(Clean, "what a part makes is its owner's alone, and stays if the copy fails") {
    const Directory directory;
    write_file(directory / "from", pattern(MiB));
    set_mode(directory / "from", 0666);
    Pool pool;
    CHECK(pool.copy(directory / "from", directory / "new", part(0, 10)).result == 0);
    CHECK((stat_of(directory / "new").st_mode & 07777) == 0600);
    CHECK(stat_of(directory / "new").st_size == 10);
    // Only part of it could be written: others' parts are not to go with it.
    const Volume volume(Kind::tmpfs, 2);
    NEEDS(volume);
    const Directory small(volume);
    write_file(directory / "large", pattern(8 * MiB));
    const arsync_completion done =
        pool.copy(directory / "large", small / "to", part(0, UINT64_MAX, 0));
    CHECK(done.result == -ENOSPC);
    CHECK(exists(small / "to"));
}

TEST_CASE_FIXTURE(Clean, "where the source has holes a part punches them") {
    const Directory directory;
    const int from = open((directory / "from").c_str(), O_RDWR | O_CREAT, 0600);
    REQUIRE(ftruncate(from, 4 * MiB) == 0);
    REQUIRE(pwrite(from, "x", 1, MiB) == 1);
    close(from);
    write_file(directory / "to", pattern(4 * MiB));
    Pool pool;
    CHECK(pool.copy(directory / "from", directory / "to", part(0, 2 * MiB)).result == 0);
    CHECK(pool.copy(directory / "from", directory / "to", part(2 * MiB, UINT64_MAX)).result == 0);
    CHECK(read_file(directory / "to") == read_file(directory / "from"));
}

TEST_CASE_FIXTURE(Clean, "a part is one of a regular file, into a regular file that is no link") {
    const Directory directory;
    make_directories(directory / "directory");
    write_file(directory / "from", "content");
    write_file(directory / "other", "other");
    make_node(directory / "fifo", S_IFIFO | 0600);
    make_symlink("other", directory / "link");
    Pool pool;
    const auto result = [&](const char* from, const char* to, uint32_t flags = 0) {
        return pool.copy(directory / from, directory / to, part(0, 3, flags)).result;
    };
    CHECK(result("directory", "to") == -EISDIR);
    CHECK(result("fifo", "to") == -EOPNOTSUPP);
    CHECK(result("from", "directory") == -EISDIR);
    CHECK(result("from", "fifo") == -EOPNOTSUPP);
    CHECK(result("from", "link") == -ELOOP);
    CHECK(result("from", "from") == -EINVAL);
    CHECK(result("link", "to", ARSYNC_COPY_NOFOLLOW) == -ELOOP);
    CHECK(!exists(directory / "to"));
    CHECK(read_file(directory / "other") == "other");
    CHECK(result("link", "to") == 0);
    CHECK(read_file(directory / "to") == "oth");
}

TEST_CASE_FIXTURE(Clean, "a part of an entry of a tree is reached by no symbolic link") {
    const Directory directory;
    make_files(directory / "from", {"a/b/file"});
    make_directories(directory / "to");
    make_directories(directory / "elsewhere");
    make_symlink("../elsewhere", directory / "to/a");
    Options options = part(0, 4, ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH);
    const int from = open((directory / "from").c_str(), O_PATH | O_DIRECTORY);
    const int to = open((directory / "to").c_str(), O_PATH | O_DIRECTORY);
    Pool pool;
    const auto copy = [&] {
        REQUIRE(arsync_submit_copy(pool.get(), from, "a/b/file", to, "a/b/file", &options, 0,
                                   nullptr) == 0);
        return pool.wait().result;
    };
    CHECK(copy() == -ENOTDIR);
    CHECK_NAMES(directory / "elsewhere", {});
    unlink((directory / "to/a").c_str());
    CHECK(copy() == 0);
    CHECK(read_file(directory / "to/a/b/file") == "a/b/");
    close(from);
    close(to);
}

TEST_CASE_FIXTURE(Clean, "directories only: they get their attributes, the root too, and no more") {
    const Directory directory;
    make_files(directory / "from", {"a/b/file", "a/other", "empty/"});
    make_symlink("a", directory / "from/link");
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    make_files(directory / "to", {"a/b/mine", "extra/x"});
    write_file(directory / "to/a/other", "stays");
    for (const char* path : {"from/a/b", "from/a", "from/empty", "from"}) {
        set_mode(directory / path, 0711);
        set_mtime(directory / path, 1'000'000'000);
    }
    Pool pool;
    const Options options = archive(ARSYNC_COPY_DIRECTORIES_ONLY);
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", options);
    CHECK_MESSAGE(copy.job.result == 0, words(copy));
    CHECK(copy.totals.directories == 4);
    CHECK(copy.totals.entries == 4);
    CHECK_NAMES(directory / "to", {"a", "a/b", "a/b/mine", "a/other", "empty", "extra", "extra/x"});
    CHECK(read_file(directory / "to/a/other") == "stays");
    for (const char* path : {"to/a/b", "to/a", "to/empty", "to"}) {
        CAPTURE(path);
        CHECK((stat_of(directory / path).st_mode & 07777) == 0711);
        CHECK(stat_of(directory / path).st_mtim.tv_sec == 1'000'000'000);
    }
    // What is no directory is not touched where it is the source itself, either.
    const TreeCopy file = copy_tree(pool, directory / "from/a/other", directory / "new", options);
    CHECK(file.job.result == 0);
    CHECK(file.job.action == ARSYNC_ACTION_SKIP);
    CHECK(!exists(directory / "new"));
}

TEST_CASE_FIXTURE(Clean, "directories only, links followed: one that leads nowhere is none") {
    const Directory directory;
    make_files(directory / "from", {"a/file"});
    make_files(directory.path(), {"aside/b/file"});
    make_symlink("../aside", directory / "from/link");
    make_symlink("nowhere", directory / "from/dangling");
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to",
                  archive(ARSYNC_COPY_DIRECTORIES_ONLY).with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
    CHECK_MESSAGE(copy.job.result == 0, words(copy));
    CHECK(copy.totals.entries == 4);
    CHECK_NAMES(directory / "to", {"a", "link", "link/b"});
}

TEST_CASE_FIXTURE(Clean, "directories only, and mirrored: what is extra goes") {
    const Directory directory;
    make_files(directory / "from", {"a/b/file", "here"});
    make_files(directory / "to", {"a/b/file", "a/b/extra", "here", "gone/x"}, "old");
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    archive(ARSYNC_COPY_DIRECTORIES_ONLY | ARSYNC_COPY_MIRROR));
    CHECK_MESSAGE(copy.job.result == 0, words(copy));
    CHECK_NAMES(directory / "to", {"a", "a/b", "a/b/file", "here"});
    CHECK(read_file(directory / "to/here") == "hereold");
}

TEST_CASE_FIXTURE(Clean, "bare parents: another job may write into a directory after this one") {
    NEEDS_ROOT(); // to become somebody whom a mode stops
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a/b/one", "a/b/two"});
    set_mode(directory / "from/a/b", 0555);
    make_directories(directory / "to");
    set_mode(directory / "to", 0777);
    uint32_t preserve = 0;
    mode_t mode = 0755;
    SUBCASE("with modes") {
        preserve = ARSYNC_PRESERVE_MODE;
        mode = 0700;
    }
    SUBCASE("without") {}
    check_in_child([&](Report& report) {
        umask(022);
        EXPECT(report, become_ordinary());
        const int from = open((directory / "from").c_str(), O_PATH | O_DIRECTORY);
        const int to = open((directory / "to").c_str(), O_PATH | O_DIRECTORY);
        Options options = archive(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BARE_PARENTS);
        options.preserve = preserve;
        for (const char* path : {"a/b/one", "a/b/two"}) {
            Pool pool; // as if it were another process
            EXPECT(report,
                   arsync_submit_copy(pool.get(), from, path, to, path, &options, 0, nullptr) == 0);
            EXPECT(report, take_all(pool).job.result == 0);
        }
    });
    CHECK((stat_of(directory / "to/a/b").st_mode & 07777) == mode);
    Pool pool;
    CHECK(
        copy_tree(pool, directory / "from", directory / "to", archive(ARSYNC_COPY_DIRECTORIES_ONLY))
            .job.result == 0);
    CHECK((stat_of(directory / "to/a/b").st_mode & 07777) == 0555);
}

// The device may take less, but a page has one content, and others may write its other half.
TEST_CASE_FIXTURE(Clean, "a part goes past the page cache by whole pages alone") {
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    write_pattern(directory / "from", 3 * MiB);
    for (const uint64_t begin : {uint64_t{0}, 5 * uint64_t{4096}, 3 * uint64_t{512}}) {
        CAPTURE(begin);
        write_pattern(directory / "to", 3 * MiB, 9);
        Pool pool;
        const arsync_completion done = pool.copy(directory / "from", directory / "to",
                                                 part(begin, MiB).with_cache(ARSYNC_CACHE_DIRECT));
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK((done.method == ARSYNC_METHOD_DIRECT) == (begin % 4096 == 0));
        CHECK(read_file(directory / "to").substr(begin, MiB) == pattern(MiB, 1, begin));
    }
}

TEST_CASE_FIXTURE(Clean, "a part waits until a lease on its destination is given back") {
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    write_pattern(directory / "from", MiB);
    write_pattern(directory / "to", MiB, 9);
    Child holder([&] {
        sigset_t breaks;
        sigemptyset(&breaks);
        sigaddset(&breaks, SIGIO);
        sigprocmask(SIG_BLOCK, &breaks, nullptr);
        const int fd = open((directory / "to").c_str(), O_RDONLY | O_CLOEXEC);
        if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
            _exit(1);
        write_file(directory / "leased", "");
        int signal = 0;
        sigwait(&breaks, &signal);
        write_file(directory / "asked", "");
        usleep(200'000);
        fcntl(fd, F_SETLEASE, F_UNLCK);
    });
    REQUIRE(eventually([&] { return exists(directory / "leased"); }));
    Pool pool;
    const arsync_completion done = pool.copy(directory / "from", directory / "to", part(0, MiB));
    INFO(words(done));
    CHECK(done.result == 0);
    CHECK(exists(directory / "asked"));
    CHECK(difference(directory / "from", directory / "to") == "");
    CHECK(holder.wait() == 0);
}

} // namespace live
