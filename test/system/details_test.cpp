// What a completion tells on request, and on which side it says that an error was.
#include <cerrno>
#include <ctime>
#include <functional>
#include <map>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/list.h"
#include "system/opened.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint32_t all_wants = ARSYNC_WANT_TOTALS | ARSYNC_WANT_ERROR_PATH | ARSYNC_WANT_SOURCE |
                               ARSYNC_WANT_DESTINATION | ARSYNC_WANT_DIGEST | ARSYNC_WANT_TIMES;
constexpr uint32_t sides =
    ARSYNC_COMPLETION_AT_SOURCE | ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT;
constexpr uint32_t at_source = ARSYNC_COMPLETION_AT_SOURCE;
constexpr uint32_t at_destination = ARSYNC_COMPLETION_AT_DESTINATION;
constexpr uint32_t conflict = ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT;

bool is_of(const arsync_facts& facts, const struct stat& file) {
    return facts.size == static_cast<uint64_t>(file.st_size) && facts.inode == file.st_ino &&
           facts.mode == file.st_mode && facts.mtime_s == file.st_mtim.tv_sec &&
           facts.mtime_ns == static_cast<uint32_t>(file.st_mtim.tv_nsec) &&
           makedev(facts.device_major, facts.device_minor) == file.st_dev;
}

struct stat link_stat_of(const std::string& path) {
    struct stat facts {};
    CHECK(lstat(path.c_str(), &facts) == 0);
    return facts;
}

uint64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

struct Digest {
    uint64_t low = 0, high = 0;
    auto operator<=>(const Digest&) const = default;
};

// Of one copy; 0 if it has none.
Digest digest_of(Pool& pool, const std::string& from, const std::string& to,
                 const Options& options) {
    const arsync_completion done = pool.copy(from, to, options);
    REQUIRE(done.result == 0);
    unlink(to.c_str());
    const bool has = done.details && (done.details->has & ARSYNC_WANT_DIGEST) != 0;
    return has ? Digest{done.details->digest[0], done.details->digest[1]} : Digest{};
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a completion tells of both files what was wanted, and nothing else") {
    const Directory directory;
    Pool pool;
    for (const size_t size : {size_t{0}, size_t{4096}, size_t{3'000'000}}) {
        CAPTURE(size);
        const std::string from = directory / "from";
        const std::string to = directory / "to" + std::to_string(size);
        write_pattern(from, size);
        const uint64_t before = now_ns();
        const arsync_completion done =
            pool.copy(from, to, Options().with_want(all_wants).with_preserve(preserve_all));
        REQUIRE(done.result == 0);
        REQUIRE(done.details);
        const arsync_details& details = *done.details;
        CHECK((details.has & (ARSYNC_WANT_TOTALS | ARSYNC_WANT_ERROR_PATH)) == 0);
        CHECK((details.has & ARSYNC_WANT_SOURCE) != 0);
        CHECK((details.has & ARSYNC_WANT_DESTINATION) != 0);
        CHECK((details.has & ARSYNC_WANT_TIMES) != 0);
        CHECK(details.totals == nullptr);
        CHECK(details.error_path == nullptr);
        CHECK(is_of(details.source, stat_of(from)));
        CHECK(is_of(details.destination, stat_of(to)));
        CHECK(before <= details.begin_ns);
        CHECK(details.begin_ns <= details.end_ns);
        CHECK(details.end_ns <= now_ns());
        unlink(to.c_str());

        const arsync_completion plain = pool.copy(from, to, Options().with_want(0));
        CHECK(plain.result == 0);
        CHECK(plain.details == nullptr);
        unlink(to.c_str());
        const arsync_completion one = pool.copy(from, to, Options().with_want(ARSYNC_WANT_SOURCE));
        REQUIRE(one.details);
        CHECK(one.details->has == ARSYNC_WANT_SOURCE);
        CHECK(one.details->destination.mode == 0);
        CHECK(one.details->end_ns == 0);
        unlink(to.c_str());
    }
    CHECK(pool.submit(directory / "from", directory / "to", Options().with_want(1u << 31)) == 0);
}

TEST_CASE_FIXTURE(Clean, "an item tells when it began and ended, as a job does") {
    const Directory directory;
    make_files(directory / "", {"file", "tree/1"});
    const uint64_t before = now_ns();
    Pool pool;
    const ListCopy copy = copy_list(pool,
                                    {{directory / "file", directory / "to"},
                                     {directory / "tree", directory / "copy"},
                                     {directory / "missing", directory / "none"}},
                                    recursive().with_want(ARSYNC_WANT_TIMES));
    CHECK(copy.item(3).result == -ENOENT);
    for (const uint64_t number : {1u, 2u, 3u}) {
        const Told told = copy.item(number);
        CAPTURE(number);
        CHECK(before <= told.begin_ns);
        CHECK(told.begin_ns <= told.end_ns);
        CHECK(told.end_ns <= now_ns());
    }
}

TEST_CASE_FIXTURE(Clean, "a part of a file by its name tells of the copy that it was written to") {
    const Directory directory;
    write_pattern(directory / "from", 100'000);
    write_pattern(directory / "to", 300'000, 9);
    Pool pool;
    Options options = Options().with_want(ARSYNC_WANT_DESTINATION);
    options.range_offset = 1000;
    options.range_length = 50'000;
    const arsync_completion done = pool.copy(directory / "from", directory / "to", options);
    CHECK(done.result == 0);
    REQUIRE(done.details);
    CHECK((done.details->has & ARSYNC_WANT_DESTINATION) != 0);
    CHECK(is_of(done.details->destination, stat_of(directory / "to")));
    const Opened from(directory / "from", O_RDONLY);
    const Opened to(directory / "to", O_RDWR);
    const arsync_completion by_descriptor = pool.copy_range(
        from.get(), 0, to.get(), 0, 1000, Options().with_want(ARSYNC_WANT_DESTINATION));
    CHECK(by_descriptor.result == 0);
    REQUIRE(by_descriptor.details);
    CHECK((by_descriptor.details->has & ARSYNC_WANT_DESTINATION) != 0);
    CHECK(is_of(by_descriptor.details->destination, stat_of(directory / "to")));
}

TEST_CASE_FIXTURE(Clean, "a completion tells of links, special files and trees, too") {
    const Directory directory;
    Pool pool;
    make_files(directory / "tree", {"file"});
    make_symlink("file", directory / "link");
    make_node(directory / "fifo", S_IFIFO | 0640);
    for (const std::string name : {"tree", "link", "fifo"}) {
        CAPTURE(name);
        const std::string to = directory / "to " + name;
        const Options options = recursive()
                                    .with_want(ARSYNC_WANT_SOURCE | ARSYNC_WANT_DESTINATION)
                                    .with_symlinks(ARSYNC_SYMLINKS_KEEP)
                                    .with_report(ARSYNC_REPORT_NONE);
        const arsync_completion done = pool.copy(directory / name, to, options);
        INFO(words(done));
        REQUIRE(done.result == 0);
        REQUIRE(done.details);
        CHECK(done.details->has == options.want);
        CHECK(is_of(done.details->source, link_stat_of(directory / name)));
        CHECK(is_of(done.details->destination, link_stat_of(to)));
    }
}

TEST_CASE_FIXTURE(Clean, "of what is up to date a completion tells what it has been brought to") {
    const Directory directory;
    make_files(directory.path(), {"from", "to"}, "");
    for (const char* name : {"from", "to"})
        set_mtime(directory / name, 1'000'000'000);
    write_file(directory / "to", "from"); // the same size
    set_mtime(directory / "to", 1'000'000'000);
    set_mode(directory / "from", 0751);
    set_mode(directory / "to", 0640);
    Pool pool;
    const arsync_completion done =
        pool.copy(directory / "from", directory / "to",
                  Options()
                      .with_update(ARSYNC_UPDATE_CHANGED)
                      .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES)
                      .with_want(ARSYNC_WANT_DESTINATION));
    INFO(words(done));
    REQUIRE(done.result == 0);
    CHECK(done.action == ARSYNC_ACTION_SKIP);
    REQUIRE(done.details);
    CHECK(done.details->destination.mode == (S_IFREG | 0751));
    CHECK(is_of(done.details->destination, stat_of(directory / "to")));
}

TEST_CASE_FIXTURE(Clean, "a digest is of the content alone, however that was copied") {
    const Directory directory;
    Pool pool;
    const Options wanted = Options().with_want(ARSYNC_WANT_DIGEST);
    std::map<std::string, Digest> seen;
    for (const size_t size : {size_t{1}, size_t{5000}, size_t{300'000}, size_t{9'000'001}}) {
        const std::string from = directory / "from" + std::to_string(size);
        const std::string to = directory / "to";
        write_pattern(from, size);
        const Digest whole =
            digest_of(pool, from, to, Options(wanted).with_reflink(ARSYNC_REFLINK_NEVER));
        CHECK(whole != Digest{});
        for (const uint32_t method :
             {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT,
              ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED}) {
            CAPTURE(method_name(method));
            CHECK(digest_of(pool, from, to, Options(wanted).with_method(method)) == whole);
        }
        CHECK(digest_of(pool, from, to, Options(wanted).with_flags(ARSYNC_COPY_VERIFY)) == whole);
        CHECK(seen.emplace(std::to_string(size), whole).second);
        for (const auto& [name, other] : seen)
            CHECK((other == whole) == (name == std::to_string(size)));
        // What the kernel has moved by itself nobody here has seen.
        const Options offload = Options(wanted).with_method(ARSYNC_METHOD_COPY_FILE_RANGE);
        CHECK(digest_of(pool, from, to, offload) == Digest{});
        CHECK(digest_of(pool, from, to, Options(offload).with_flags(ARSYNC_COPY_VERIFY)) == whole);
    }
    // Zeros count as the hole that they may be.
    write_pattern(directory / "zeros", 100'000);
    write_pattern(directory / "hole", 100'000);
    REQUIRE(truncate((directory / "hole").c_str(), 900'000) == 0);
    write_file(directory / "zeros", read_file(directory / "hole"));
    CHECK(digest_of(pool, directory / "zeros", directory / "to", wanted) ==
          digest_of(pool, directory / "hole", directory / "to", wanted));
}

TEST_CASE_FIXTURE(Clean,
                  "of a tree each entry tells what was wanted, and the job where it failed") {
    const Directory directory;
    make_files(directory / "from", {"a/file", "b/", "c/deep/unreadable"});
    make_symlink("file", directory / "from/a/link");
    make_node(directory / "from/a/fifo", S_IFIFO | 0644);
    set_mode(directory / "from/c/deep/unreadable", 0);
    check_in_child([&](Report& report) {
        const bool root = is_root();
        if (root)
            EXPECT(report, chown(directory.path().c_str(), ordinary_user, ordinary_user) == 0 &&
                               become_ordinary());
        Pool pool;
        const std::string from = directory / "from";
        const std::string to = directory / "to";
        const Options options = recursive().with_want(all_wants).with_report(ARSYNC_REPORT_ALL);
        EXPECT(report, pool.submit(from, to, options) != 0);
        std::map<std::string, unsigned> told;
        for (;;) {
            const arsync_completion done = pool.wait();
            EXPECT(report, done.details != nullptr);
            if (!done.details)
                return;
            const arsync_details& details = *done.details;
            EXPECT(report, (details.has & ARSYNC_WANT_TIMES) != 0);
            EXPECT(report, details.begin_ns <= details.end_ns);
            if (done.kind == ARSYNC_COMPLETION_JOB) {
                EXPECT_WITH(report, done.result == -EACCES, words(done));
                EXPECT(report, (done.flags & sides) == at_source);
                const std::string where = details.error_path ? details.error_path : "nowhere";
                EXPECT_WITH(report, where == "c/deep/unreadable", where);
                EXPECT(report, details.totals && details.totals->errors == 1);
                EXPECT(report, is_of(details.source, stat_of(from)));
                EXPECT(report, is_of(details.destination, stat_of(to)));
                break;
            }
            const std::string path = done.path;
            ++told[path];
            if (done.result < 0) {
                EXPECT_WITH(report, path == "c/deep/unreadable", path);
                EXPECT(report, (done.flags & sides) == at_source);
                continue;
            }
            struct stat copy = {};
            const bool is_there = lstat((to + "/" + path).c_str(), &copy) == 0;
            EXPECT_WITH(report, is_there, path);
            EXPECT_WITH(report, details.destination.inode == copy.st_ino, path);
            EXPECT_WITH(report, details.destination.mode == copy.st_mode, path);
            struct stat source = {};
            EXPECT(report, lstat((from + "/" + path).c_str(), &source) == 0);
            EXPECT_WITH(report, is_of(details.source, source), path);
            const bool digest = (details.has & ARSYNC_WANT_DIGEST) != 0;
            EXPECT_WITH(report, digest == (path == "a/file"), path);
        }
        EXPECT(report, told.size() == 9);
    });
}

TEST_CASE_FIXTURE(Clean, "an error is told to be at the source or at the destination") {
    const Directory directory;
    const std::string from = directory / "from";
    write_pattern(from, 10);
    make_directories(directory / "directory/below");
    make_node(directory / "fifo", S_IFIFO | 0644);
    make_symlink("nowhere", directory / "dangling");
    Pool pool;
    const auto side = [&](const std::string& source, const std::string& destination, int error,
                          const Options& options = Options()) {
        const arsync_completion done = pool.copy(source, destination, options);
        INFO(words(done));
        CHECK(done.result == error);
        return done.flags & sides;
    };
    CHECK(side(directory / "missing", directory / "to", -ENOENT) == at_source);
    CHECK(side(directory / "directory", directory / "to", -EISDIR) == at_source);
    CHECK(side(directory / "fifo", directory / "to", -EOPNOTSUPP) == at_source);
    CHECK(side(from, directory / "missing/to", -ENOENT) == at_destination);
    CHECK(side(from, directory / "directory", -EISDIR) == conflict);
    CHECK(side(from, directory / "from/below", -ENOTDIR) == conflict);
    CHECK(side(from, directory / "fifo", -EOPNOTSUPP) == conflict);
    CHECK(side(from, from, -EINVAL) == conflict);
    make_symlink("from", directory / "link");
    CHECK(side(directory / "link", directory / "link", -EINVAL,
               Options().with_backup(ARSYNC_BACKUP_SIMPLE)) == conflict);
    write_pattern(directory / "there", 10);
    CHECK(side(from, directory / "there", -EEXIST,
               Options().with_replace(ARSYNC_REPLACE_EXCLUSIVE)) == conflict);
    CHECK(side(directory / "directory", directory / "there", -ENOTDIR, recursive()) == conflict);
    CHECK(side(directory / "directory", directory / "directory", -EINVAL, recursive()) == conflict);
    CHECK(side(directory / "directory", directory / "directory/below/in", -ELOOP, recursive()) ==
          at_destination);
    CHECK(side(from, directory / "to", 0) == 0);
    // What this process is short of, or has stopped, is of neither.
    const arsync_job job = pool.submit(directory / "fifo", directory / "to",
                                       Options().with_flags(ARSYNC_COPY_SPECIAL));
    REQUIRE(arsync_job_cancel(pool.get(), job) == 0);
    const arsync_completion cancelled = pool.wait();
    CHECK(cancelled.result == -ECANCELED);
    CHECK((cancelled.flags & sides) == 0);
}

TEST_CASE_FIXTURE(Clean, "no kind of a completion is a flag of one") {
    for (uint32_t kind = ARSYNC_COMPLETION_JOB; kind <= ARSYNC_COMPLETION_QUESTION; ++kind)
        CHECK((kind & (kind - 1)) != 0);
}

} // namespace live
