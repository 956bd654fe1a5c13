// A source or destination that is given open, and a destination that is handed over.
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/opened.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint32_t src_fd = ARSYNC_COPY_SRC_FD;
constexpr uint32_t dst_fd = ARSYNC_COPY_DST_FD;

arsync_completion copy(Pool& pool, int from, const char* source, int to, const char* destination,
                       const Options& options) {
    const int error =
        arsync_submit_copy(pool.get(), from, source, to, destination, &options, 0, nullptr);
    if (error == 0)
        return pool.wait();
    arsync_completion refused = {};
    refused.result = error;
    return refused;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a FIFO that is given open is made like it, attributes and all") {
    const Directory directory;
    REQUIRE(mkfifo((directory / "from").c_str(), 0600) == 0);
    set_mode(directory / "from", 0640);
    const Opened source(directory / "from", O_RDWR);
    Pool pool;
    const arsync_completion done =
        copy(pool, source.get(), nullptr, AT_FDCWD, (directory / "to").c_str(),
             Options()
                 .with_flags(src_fd | ARSYNC_COPY_RECURSIVE)
                 .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES));
    INFO(words(done));
    CHECK(done.result == 0);
    CHECK(stat_of(directory / "to").st_mode == stat_of(directory / "from").st_mode);
    CHECK(stat_of(directory / "to").st_mtime == stat_of(directory / "from").st_mtime);
}

TEST_CASE_FIXTURE(Clean,
                  "source and destination may be open files, whatever their names are by now") {
    const Directory directory;
    for (const uint64_t size : {uint64_t{0}, uint64_t{5000}, uint64_t{9'000'001}}) {
        for (const uint32_t more :
             {0u, uint32_t{ARSYNC_COPY_VERIFY}, uint32_t{ARSYNC_COPY_BORROW_DIRFDS}}) {
            CAPTURE(size);
            CAPTURE(more);
            const std::string from = directory / "from";
            write_pattern(from, size);
            set_mode(from, 0640);
            write_pattern(directory / "to", 20'000'000, 9);
            const Opened source(from, O_RDONLY);
            const Opened destination(directory / "to", O_RDWR);
            REQUIRE(lseek(source.get(), 1, SEEK_SET) == 1);
            REQUIRE(lseek(destination.get(), 3, SEEK_SET) == 3);
            REQUIRE(rename((directory / "to").c_str(), (directory / "moved").c_str()) == 0);
            Pool pool;
            const arsync_completion done =
                copy(pool, source.get(), nullptr, destination.get(), "",
                     Options()
                         .with_flags(src_fd | dst_fd | more)
                         .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES)
                         .with_durability(ARSYNC_DURABILITY_FULL));
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK((done.flags & ARSYNC_COMPLETION_COPIED) != 0);
            CHECK(difference(from, directory / "moved") == "");
            CHECK(stat_of(directory / "moved").st_mode == stat_of(from).st_mode);
            CHECK(!exists(directory / "to"));
            CHECK(lseek(source.get(), 0, SEEK_CUR) == 1);
            CHECK(lseek(destination.get(), 0, SEEK_CUR) == 3);

            CHECK(copy(pool, source.get(), "", AT_FDCWD, (directory / "by-name").c_str(),
                       Options().with_flags(src_fd | more).with_replace(ARSYNC_REPLACE_ATOMIC))
                      .result == 0);
            CHECK(difference(from, directory / "by-name") == "");
            CHECK(arsync_copy(source.get(), nullptr, destination.get(), nullptr,
                              &static_cast<const arsync_copy_options&>(
                                  Options().with_flags(src_fd | dst_fd)),
                              nullptr) == 0);
            CHECK(difference(from, directory / "moved") == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a source that is open with O_NOATIME is not seen to be read") {
    const Directory directory;
    write_pattern(directory / "from", 3'000'000);
    const auto read_at = [&](int more_flags, bool range) {
        const timespec times[] = {{1'000'000'000, 0}, {1'000'000'001, 0}}; // which reading changes
        REQUIRE(utimensat(AT_FDCWD, (directory / "from").c_str(), times, 0) == 0);
        const Opened from(directory / "from", O_RDONLY | more_flags);
        const Opened to(directory / "to", O_RDWR | O_CREAT);
        Pool pool;
        if (range)
            CHECK(pool.copy_range(from.get(), 0, to.get(), 0, 3'000'000).result == 0);
        else
            CHECK(copy(pool, from.get(), nullptr, to.get(), nullptr,
                       Options().with_flags(src_fd | dst_fd))
                      .result == 0);
        return stat_of(directory / "from").st_atim.tv_sec;
    };
    if (read_at(0, true) == 1'000'000'000) {
        skip("mounted with noatime");
        return;
    }
    CHECK(read_at(O_NOATIME, true) == 1'000'000'000);
    CHECK(read_at(O_NOATIME, false) == 1'000'000'000);
}

TEST_CASE_FIXTURE(Clean, "a file without a name is copied from and to") {
    const Directory directory;
    const Opened memory(memfd_create("arsync", MFD_CLOEXEC));
    write_pattern(directory / "from", 300'000);
    const Opened source(directory / "from", O_RDONLY);
    REQUIRE(unlink((directory / "from").c_str()) == 0);
    write_pattern(directory / "from", 300'000); // the same again
    Pool pool;
    CHECK(copy(pool, source.get(), nullptr, memory.get(), nullptr,
               Options().with_flags(src_fd | dst_fd))
              .result == 0);
    CHECK(copy(pool, memory.get(), nullptr, AT_FDCWD, (directory / "to").c_str(),
               Options().with_flags(src_fd))
              .result == 0);
    CHECK(difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "open directories are copied as trees") {
    const Directory directory;
    make_files(directory / "from", {"a/one", "two"});
    make_directories(directory / "to");
    const Opened source(directory / "from", O_RDONLY | O_DIRECTORY);
    const Opened destination(directory / "to", O_RDONLY | O_DIRECTORY);
    Pool pool;
    CHECK(copy(pool, source.get(), nullptr, destination.get(), nullptr,
               recursive(src_fd | dst_fd).with_report(ARSYNC_REPORT_NONE))
              .result == 0);
    CHECK(tree_difference(directory / "from", directory / "to") == "");
    const Opened file(directory / "file", O_CREAT | O_WRONLY);
    CHECK(
        copy(pool, source.get(), nullptr, file.get(), nullptr, recursive(src_fd | dst_fd)).result ==
        -ENOTDIR);
    CHECK(copy(pool, source.get(), nullptr, file.get(), nullptr,
               Options().with_flags(src_fd | dst_fd))
              .result == -EISDIR);
}

TEST_CASE_FIXTURE(Clean, "what cannot be done with an open file is refused") {
    const Directory directory;
    write_pattern(directory / "from", 10);
    const Opened source(directory / "from", O_RDONLY);
    const Opened both(directory / "to", O_CREAT | O_RDWR);
    const Opened appends(directory / "to", O_WRONLY | O_APPEND);
    const Opened only_path(directory / "from", O_PATH);
    Pool pool;
    const auto result = [&](int from, int to, const Options& options) {
        return copy(pool, from, nullptr, to, nullptr, options).result;
    };
    const Options given = Options().with_flags(src_fd | dst_fd);
    CHECK(result(source.get(), source.get(), given) == -EBADF);
    CHECK(result(only_path.get(), both.get(), given) == -EBADF);
    CHECK(result(source.get(), appends.get(), given) == -EBADF);
    CHECK(result(12345, both.get(), given) == -EBADF);
    CHECK(result(both.get(), both.get(), given) == -EINVAL); // itself
    CHECK(copy(pool, source.get(), "name", both.get(), nullptr, given).result == -EINVAL);
    CHECK(
        copy(pool, source.get(), nullptr, AT_FDCWD, nullptr, Options().with_flags(src_fd)).result ==
        -EFAULT);
    for (const uint32_t flag : {ARSYNC_COPY_PARENTS, ARSYNC_COPY_HARD_LINK,
                                ARSYNC_COPY_SYMBOLIC_LINK, ARSYNC_COPY_FORCE, ARSYNC_COPY_DRY_RUN})
        CHECK(result(source.get(), both.get(), Options().with_flags(src_fd | dst_fd | flag)) ==
              -EINVAL);
    CHECK(result(source.get(), both.get(), Options(given).with_replace(ARSYNC_REPLACE_ATOMIC)) ==
          -EINVAL);
    CHECK(result(source.get(), both.get(), Options(given).with_backup(ARSYNC_BACKUP_SIMPLE)) ==
          -EINVAL);
    CHECK(result(source.get(), both.get(), Options(given).with_update(ARSYNC_UPDATE_NONE)) ==
          -EINVAL);
}

// Its mode says so, and who has it open goes on all the same.
TEST_CASE_FIXTURE(Clean, "what is given open and may not be opened again is verified as it is, and "
                         "not handed over") {
    const Directory directory;
    set_mode(directory.path(), 0777);
    write_pattern(directory / "from", 100'000);
    set_mode(directory / "from", 0644);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        for (const mode_t mode : {0444, 0200, 0000}) {
            const std::string to = directory / ("to" + std::to_string(mode));
            const int fd = open(to.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, mode);
            EXPECT(report, lseek(fd, 10, SEEK_SET) == 10);
            Pool pool;
            for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                const arsync_completion done =
                    copy(pool, AT_FDCWD, (directory / "from").c_str(), fd, nullptr,
                         Options().with_flags(dst_fd | flags).with_want(ARSYNC_WANT_FD));
                EXPECT_WITH(report, done.result == 0, words(done));
                EXPECT(report, arsync_take_fd(pool.get(), &done) == -ENOENT);
                EXPECT(report, lseek(fd, 0, SEEK_CUR) == 10);
                std::string content(100'000, 0);
                EXPECT(report, pread(fd, content.data(), 100'001, 0) == 100'000);
                EXPECT(report, content == pattern(100'000));
            }
            close(fd);
        }
    });
}

// There it is opened again to be read.
TEST_CASE_FIXTURE(Clean, "what was verified on an overlay is handed over open for writing, too") {
    NEEDS(shared_volume(Kind::overlay));
    const Directory directory(shared_volume(Kind::overlay));
    write_pattern(directory / "from", 10'000);
    chmod((directory / "from").c_str(), 0444);
    Pool pool;
    const arsync_completion done = pool.copy(directory / "from", directory / "to",
                                             Options()
                                                 .with_want(ARSYNC_WANT_FD)
                                                 .with_flags(ARSYNC_COPY_VERIFY)
                                                 .with_preserve(ARSYNC_PRESERVE_MODE));
    REQUIRE(done.result == 0);
    const Opened taken(arsync_take_fd(pool.get(), &done));
    CHECK((fcntl(taken.get(), F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK(lseek(taken.get(), 0, SEEK_CUR) == 0);
    CHECK(pwrite(taken.get(), "x", 1, 0) == 1);
}

TEST_CASE_FIXTURE(Clean, "a finished copy is handed over open, once, or closed at the next poll") {
    const Directory directory;
    const Options wanted = Options().with_want(ARSYNC_WANT_FD);
    Pool pool;
    for (const uint64_t size : {uint64_t{10}, uint64_t{3'000'000}}) {
        for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
            const std::string from = directory / "from";
            const std::string to =
                directory / "to" + std::to_string(size) + std::to_string(replace);
            write_pattern(from, size);
            const arsync_completion done =
                pool.copy(from, to, Options(wanted).with_replace(replace));
            REQUIRE(done.result == 0);
            REQUIRE(done.details);
            CHECK((done.details->has & ARSYNC_WANT_FD) != 0);
            const Opened taken(arsync_take_fd(pool.get(), &done));
            CHECK(arsync_take_fd(pool.get(), &done) == -ENOENT);
            struct stat facts;
            REQUIRE(fstat(taken.get(), &facts) == 0);
            CHECK(facts.st_ino == inode_of(to));
            CHECK(lseek(taken.get(), 0, SEEK_CUR) == 0);
            CHECK(fcntl(taken.get(), F_GETFD) == FD_CLOEXEC);
            CHECK((fcntl(taken.get(), F_GETFL) & O_ACCMODE) == O_RDWR);
            char byte;
            CHECK(read(taken.get(), &byte, 1) == 1);
        }
    }
    // To verify it is to read it, and to look for its holes.
    write_sparse(directory / "sparse", 3'000'000, {{0, 100'000}, {2'000'000, 2'100'000}}, 1);
    const arsync_completion verified = pool.copy(directory / "sparse", directory / "verified",
                                                 Options(wanted).with_flags(ARSYNC_COPY_VERIFY));
    REQUIRE(verified.result == 0);
    const Opened read_again(arsync_take_fd(pool.get(), &verified));
    CHECK(lseek(read_again.get(), 0, SEEK_CUR) == 0);
    // Not taken, it is closed by the next poll; of what failed, or was not asked for, there is
    // none.
    const arsync_completion left = pool.copy(directory / "from", directory / "left", wanted);
    REQUIRE(left.result == 0);
    arsync_completion none;
    CHECK(arsync_poll(pool.get(), &none, 1, 0) == 0);
    CHECK(arsync_take_fd(pool.get(), &left) == -ENOENT);
    const arsync_completion plain = pool.copy(directory / "from", directory / "plain");
    CHECK(arsync_take_fd(pool.get(), &plain) == -ENOENT);
    const arsync_completion failed = pool.copy(directory / "missing", directory / "to", wanted);
    CHECK(arsync_take_fd(pool.get(), &failed) == -ENOENT);
    CHECK(arsync_take_fd(pool.get(), nullptr) == -EFAULT);
    // A link is complete, and nothing was opened for it.
    REQUIRE(symlink("from", (directory / "link").c_str()) == 0);
    const arsync_completion link = pool.copy(directory / "link", directory / "link too",
                                             Options(wanted).with_symlinks(ARSYNC_SYMLINKS_KEEP));
    CHECK((link.flags & ARSYNC_COMPLETION_COPIED) != 0);
    CHECK((!link.details || (link.details->has & ARSYNC_WANT_FD) == 0));
    CHECK(arsync_take_fd(pool.get(), &link) == -ENOENT);

    for (const uint64_t size : {uint64_t{10}, uint64_t{9'000'000}}) { // alone, and by a pool
        write_pattern(directory / "from", size);
        arsync_completion done;
        REQUIRE(arsync_copy(AT_FDCWD, (directory / "from").c_str(), AT_FDCWD,
                            (directory / "alone").c_str(), &wanted, &done) == 0);
        const Opened taken(arsync_take_fd(nullptr, &done));
        CHECK(arsync_take_fd(nullptr, &done) == -ENOENT);
        struct stat facts;
        REQUIRE(fstat(taken.get(), &facts) == 0);
        CHECK(facts.st_ino == inode_of(directory / "alone"));
        arsync_details_free(done.details);
    }
}

} // namespace live
