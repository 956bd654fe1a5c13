// What a copy does to its ends beside moving the data, and what it believes of them.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/stream.h"

namespace live {

namespace {

// An open file, closed in the end.
class Fd {
public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(fd_); }
    int get() const { return fd_; }

private:
    const int fd_;
};

struct stat facts_of(const std::string& path) {
    struct stat facts = {};
    CHECK(lstat(path.c_str(), &facts) == 0);
    return facts;
}

// Reads a FIFO to its end, on a thread.
class Reader {
public:
    explicit Reader(const std::string& path)
        : thread_([this, path] {
              const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
              char bytes[65536];
              for (ssize_t got = 0; (got = read(fd.get(), bytes, sizeof bytes)) > 0;)
                  count_ += static_cast<size_t>(got);
          }) {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() {
        if (thread_.joinable())
            thread_.join();
    }
    size_t count() {
        thread_.join();
        return count_;
    }

private:
    size_t count_ = 0;
    std::thread thread_;
};

} // namespace

TEST_CASE_FIXTURE(Clean, "a range leaves the file positions of its descriptors alone") {
    const Directory directory;
    const std::string from = directory / "from";
    write_pattern(from, 10'000);
    REQUIRE(truncate(from.c_str(), 4'000'000) == 0);
    const Fd source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
    const Fd to(open((directory / "to").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(lseek(source.get(), 7, SEEK_SET) == 7);
    REQUIRE(lseek(to.get(), 9, SEEK_SET) == 9);
    Pool pool;
    const Options verify = Options().with_flags(ARSYNC_COPY_VERIFY);
    const auto done = pool.copy_range(source.get(), 0, to.get(), 0, UINT64_MAX, verify);
    CHECK(done.result == 0);
    CHECK(done.hole_bytes > 0);
    CHECK(lseek(source.get(), 0, SEEK_CUR) == 7);
    CHECK(lseek(to.get(), 0, SEEK_CUR) == 9);
    CHECK(difference(from, directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "a range that is to be verified needs a destination that can be read") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    const Fd source(open((directory / "from").c_str(), O_RDONLY | O_CLOEXEC));
    const Fd to(open((directory / "to").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    Pool pool;
    const Options verify = Options().with_flags(ARSYNC_COPY_VERIFY);
    const auto done = pool.copy_range(source.get(), 0, to.get(), 0, UINT64_MAX, verify);
    CHECK(done.result == -EBADF);
    CHECK(facts_of(directory / "to").st_size == 0);
}

TEST_CASE_FIXTURE(Clean, "a range of a file without a size is what there is") {
    const Directory directory;
    const std::string to = directory / "to";
    const Fd source(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    const Fd destination(open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    Pool pool;
    const auto all = pool.copy_range(source.get(), 0, destination.get(), 0, UINT64_MAX);
    CHECK(all.result == 0);
    CHECK(all.bytes > 100);
    const Fd beginning(open((directory / "five").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    CHECK(pool.copy_range(source.get(), 0, beginning.get(), 0, 5).bytes == 5);
    CHECK(read_file(directory / "five") == "Name:");
}

TEST_CASE_FIXTURE(Clean, "verifying leaves the times that are preserved") {
    const Directory directory;
    const std::string from = directory / "from";
    write_pattern(from, 100'000);
    const timespec times[2] = {{1'000'000'000, 5}, {1'000'000'001, 6}};
    REQUIRE(utimensat(AT_FDCWD, from.c_str(), times, 0) == 0);
    Pool pool;
    Options options;
    options.with_flags(ARSYNC_COPY_VERIFY).with_preserve(ARSYNC_PRESERVE_TIMES);
    REQUIRE(pool.copy(from, directory / "to", options).result == 0);
    const struct stat facts = facts_of(directory / "to");
    CHECK(facts.st_atim.tv_sec == 1'000'000'000);
    CHECK(facts.st_mtim.tv_sec == 1'000'000'001);
}

TEST_CASE_FIXTURE(Clean, "a file that grows is copied into a stream as far as it went at first") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    write_pattern(from, 3'000'000);
    REQUIRE(mkfifo(to.c_str(), 0600) == 0);
    PoolOptions slow;
    slow.byte_rate = 10'000'000;
    Pool pool(slow);
    const arsync_job job = pool.submit(from, to, Options().with_flags(ARSYNC_COPY_SPECIAL));
    Reader reader(to);
    REQUIRE(eventually([&] { return pool.progress(job).bytes_done > 0; }));
    const Fd more(open(from.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    CHECK(write(more.get(), "more", 4) == 4);
    const arsync_completion done = pool.wait();
    CHECK(done.result == 0);
    CHECK(done.bytes == 3'000'000);
    CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0);
    CHECK(reader.count() == 3'000'000);
}

TEST_CASE_FIXTURE(Clean, "attributes alone leave what is there, atomic or not") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    write_pattern(directory / "to", 2000, 7);
    const std::string before = read_file(directory / "to");
    Options options = Options().with_flags(ARSYNC_COPY_ATTRIBUTES_ONLY);
    options.with_replace(ARSYNC_REPLACE_ATOMIC).with_preserve(ARSYNC_PRESERVE_TIMES);
    Pool pool;
    CHECK(pool.copy(directory / "from", directory / "to", options).result == 0);
    CHECK(read_file(directory / "to") == before);
    CHECK(facts_of(directory / "to").st_mtim.tv_nsec ==
          facts_of(directory / "from").st_mtim.tv_nsec);
}

TEST_CASE_FIXTURE(Clean, "a backup never takes the name of its source") {
    const Directory directory;
    write_pattern(directory / "to~", 1000);
    write_pattern(directory / "to", 2000, 7);
    const std::string source = read_file(directory / "to~");
    const std::string before = read_file(directory / "to");
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        Options options = Options().with_backup(ARSYNC_BACKUP_SIMPLE);
        const auto done =
            pool.copy(directory / "to~", directory / "to", options.with_replace(replace));
        CHECK(done.result == -EINVAL);
        CHECK(done.stage == ARSYNC_STAGE_BACKUP);
        CHECK(read_file(directory / "to~") == source);
        CHECK(read_file(directory / "to") == before);
    }
}

TEST_CASE_FIXTURE(Clean, "an atomic replacement keeps the ACL, and so opens nothing to the group") {
    const Directory directory;
    const std::string to = directory / "to";
    write_pattern(directory / "from", 1000);
    write_pattern(to, 2000, 7);
    REQUIRE(chmod(to.c_str(), 0600) == 0);
    // user::rw-, user:65534:rw-, group::---, mask::rw-, other::---
    const uint32_t acl[] = {2,          0x00060001, UINT32_MAX, 0x00060002, 65534,     0x00000004,
                            UINT32_MAX, 0x00060010, UINT32_MAX, 0x00000020, UINT32_MAX};
    constexpr const char* name = "system.posix_acl_access";
    if (setxattr(to.c_str(), name, acl, sizeof acl, 0) < 0) {
        skip("no ACLs here");
        return;
    }
    REQUIRE((facts_of(to).st_mode & 0777) == 0660);
    Pool pool;
    const Options atomic = Options().with_replace(ARSYNC_REPLACE_ATOMIC);
    REQUIRE(pool.copy(directory / "from", to, atomic).result == 0);
    CHECK(difference(directory / "from", to) == "");
    uint32_t now[std::size(acl)] = {};
    CHECK(getxattr(to.c_str(), name, now, sizeof now) == sizeof acl);
    CHECK(std::equal(std::begin(acl), std::end(acl), std::begin(now)));
}

} // namespace live
