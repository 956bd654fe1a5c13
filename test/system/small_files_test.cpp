// Small files that are in memory, and new: most of them are copied in a short way that does nothing
// else (lib/copy/file_at_once.cpp). Each thing that can be asked for besides is asked for alone.
#include <chrono>
#include <fcntl.h>
#include <linux/fs.h>
#include <map>
#include <sys/ioctl.h>
#include <unistd.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr unsigned files = 40;
// One for each way that they may go.
constexpr uint64_t sizes[] = {4096, 12 * 1024, 64 * 1024};

// A tree of them, written back, as only then blocks are shared at once.
class Small {
public:
    Small(Kind on, uint64_t bytes) : kind(on), size(bytes), directory(shared_volume(on)) {
        make_directories(from());
        for (unsigned i = 0; i < files; ++i) {
            write_pattern(file(i), size);
            make_cold(file(i));
            make_cached(file(i));
        }
    }
    std::string from() const { return directory / "from"; }
    std::string file(unsigned i) const { return from() + "/" + std::to_string(i); }
    // Of the tree's copy to there, which is new.
    static std::string copy(const std::string& to, unsigned i) {
        return to + "/" + std::to_string(i);
    }
    std::string copied(const std::string& name, const Options& options) {
        const std::string to = directory / name;
        Options all = options;
        all.flags |= ARSYNC_COPY_RECURSIVE;
        done = copy_tree(pool, from(), to, all.with_report(ARSYNC_REPORT_ALL));
        INFO(words(done));
        CHECK(done.job.result == 0);
        CHECK(done.entries.size() == files + 1);
        return to;
    }

    const Kind kind;
    const uint64_t size; // of each
    const Directory directory;
    Pool pool;
    TreeCopy done;
};

// Of each file what its completion has, and its digest, if it has one.
struct Told {
    uint32_t has = 0;
    uint64_t digest = 0;
    bool operator==(const Told&) const = default;
};
std::map<std::string, Told> what_is_told(Pool& pool, const std::string& from, const std::string& to,
                                         uint32_t want) {
    Options options = recursive().with_want(want).with_report(ARSYNC_REPORT_ALL);
    REQUIRE(pool.submit(from, to, options) != 0);
    std::map<std::string, Told> told;
    for (;;) {
        const arsync_completion done = pool.wait();
        CHECK_MESSAGE(done.result == 0, words(done));
        if (done.kind == ARSYNC_COMPLETION_JOB)
            return told;
        if (done.action == ARSYNC_ACTION_COPY)
            told[done.path] =
                done.details ? Told{done.details->has, done.details->digest[0]} : Told{};
    }
}

template <class Test>
void for_each_way(Test test) {
    for (const Kind kind : {Kind::ext4, Kind::xfs}) // which shares blocks
        for (const uint64_t size : sizes) {
            NEEDS(shared_volume(kind));
            CAPTURE(name_of(kind));
            CAPTURE(size);
            Small small(kind, size);
            test(small);
        }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "of small new files all is told that is wanted, each thing by itself") {
    for_each_way([](Small& small) {
        for (const uint32_t want :
             {0u, ARSYNC_WANT_SOURCE, ARSYNC_WANT_DESTINATION, ARSYNC_WANT_DIGEST,
              ARSYNC_WANT_TIMES, ARSYNC_WANT_SOURCE | ARSYNC_WANT_DIGEST}) {
            CAPTURE(want);
            const auto told = what_is_told(small.pool, small.from(),
                                           small.directory / std::to_string(want), want);
            // Nobody has seen what was shared.
            const uint32_t has = small.kind == Kind::xfs ? want & ~ARSYNC_WANT_DIGEST : want;
            CHECK(told.size() == files);
            for (const auto& one : told) {
                const std::string& path = one.first;
                const Told& what = one.second;
                CHECK_MESSAGE(what.has == has, path);
                CHECK((what.digest != 0) == ((has & ARSYNC_WANT_DIGEST) != 0));
                CHECK_MESSAGE(what == told.begin()->second, path); // the same content
            }
        }
    });
}

TEST_CASE_FIXTURE(Clean, "what is read, written and shared of small new files is counted") {
    for_each_way([](Small& small) {
        small.copied("to", Options());
        const arsync_stats stats = small.pool.stats();
        const uint64_t shared = small.kind == Kind::xfs && small.size > 4096 ? files : 0;
        const uint64_t by_kernel = small.kind == Kind::ext4 && small.size >= 32 * 1024 ? files : 0;
        const uint64_t moved = files - shared - by_kernel;
        CHECK(stats.reads == moved);
        CHECK(stats.reads_inline == moved);
        CHECK(stats.bytes_read == moved * small.size);
        CHECK(stats.writes == moved);
        CHECK(stats.writes_inline == moved);
        CHECK(stats.bytes_written == moved * small.size);
        CHECK(stats.bytes_reflinked == shared * small.size);
        CHECK(stats.bytes_offloaded == by_kernel * small.size);
        CHECK(stats.short_transfers == 0);
        CHECK(small.done.totals.files == files);
        CHECK(small.done.totals.bytes == files * small.size);
        for (const Entry& entry : small.done.entries)
            CHECK((entry.action != ARSYNC_ACTION_COPY || entry.bytes == small.size));
    });
}

TEST_CASE_FIXTURE(Clean, "small new files are no faster than the pool may be") {
    for_each_way([](Small& small) {
        PoolOptions slow;
        slow.byte_rate = 4 * files * small.size; // a quarter of a second for all
        Pool pool{slow};
        const auto begin = std::chrono::steady_clock::now();
        const TreeCopy copy = copy_tree(pool, small.from(), small.directory / "to",
                                        recursive().with_reflink(ARSYNC_REFLINK_NEVER));
        CHECK(copy.job.result == 0);
        CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(200));
        CHECK(tree_difference(small.from(), small.directory / "to") == "");
    });
}

TEST_CASE_FIXTURE(Clean, "a small new file stays open for who wants that, and no other") {
    for_each_way([](Small& small) {
        small.copied("shares", Options());
        const Options exclusive = Options().with_replace(ARSYNC_REPLACE_EXCLUSIVE);
        for (const uint32_t want : {0u, ARSYNC_WANT_FD}) {
            const std::string to = small.directory / ("to" + std::to_string(want));
            const arsync_completion done =
                small.pool.copy(small.file(0), to, Options(exclusive).with_want(want));
            CHECK(done.result == 0);
            CHECK((done.details ? done.details->has : 0) == want);
            CHECK(difference(small.file(0), to) == "");
        }
    });
}

TEST_CASE_FIXTURE(Clean, "small new files get attributes alone, if no more is asked for") {
    for_each_way([](Small& small) {
        small.copied("shares", Options());
        const std::string to =
            small.copied("to", Options().with_flags(ARSYNC_COPY_ATTRIBUTES_ONLY));
        for (unsigned i = 0; i < files; ++i)
            CHECK(size_of(small.copy(to, i)) == 0);
        CHECK(small.done.totals.bytes == 0);
    });
}

TEST_CASE_FIXTURE(Clean, "small new files are read again to be verified, shared or not") {
    for_each_way([](Small& small) {
        small.copied("shares", Options());
        const uint64_t before = small.pool.stats().bytes_read;
        const std::string to = small.copied("to", Options().with_flags(ARSYNC_COPY_VERIFY));
        CHECK(small.pool.stats().bytes_read - before >= 2 * files * small.size);
        CHECK(tree_difference(small.from(), to) == "");
    });
}

TEST_CASE_FIXTURE(Clean, "small new files share no blocks, and have the holes, as it is asked") {
    for_each_way([](Small& small) {
        for (unsigned i = 0; i < files; ++i) {
            write_file(small.file(i), std::string(small.size, '\0'));
            make_cold(small.file(i));
            make_cached(small.file(i));
        }
        const std::string as_usual = small.copied("usual", Options());
        const std::string never =
            small.copied("never", Options().with_reflink(ARSYNC_REFLINK_NEVER));
        const std::string holes =
            small.copied("holes", Options().with_sparse(ARSYNC_SPARSE_ALWAYS));
        for (unsigned i = 0; i < files; ++i) {
            CHECK(shared_bytes(small.copy(never, i)) == 0);
            CHECK(allocated(small.copy(never, i)) >= small.size);
            CHECK(allocated(small.copy(holes, i)) == 0);
            if (small.kind == Kind::xfs && small.size > 4096)
                CHECK(shared_bytes(small.copy(as_usual, i)) == static_cast<int64_t>(small.size));
        }
        CHECK(tree_difference(small.from(), holes) == "");
    });
}

TEST_CASE_FIXTURE(Clean, "small new files get the flags of their sources, if these are asked for") {
    for_each_way([](Small& small) {
        const auto flags = [](const std::string& path, unsigned add) {
            const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
            unsigned now = 0;
            CHECK(ioctl(fd, FS_IOC_GETFLAGS, &now) == 0);
            now |= add;
            if (add != 0)
                CHECK(ioctl(fd, FS_IOC_SETFLAGS, &now) == 0);
            close(fd);
            return now & (FS_NODUMP_FL | FS_NOATIME_FL);
        };
        for (unsigned i = 0; i < files; ++i)
            flags(small.file(i), FS_NOATIME_FL);
        small.copied("shares", Options());
        const std::string to = small.copied("to", Options().with_preserve(ARSYNC_PRESERVE_FLAGS));
        for (unsigned i = 0; i < files; ++i)
            CHECK(flags(small.copy(to, i), 0) == FS_NOATIME_FL);
    });
}

TEST_CASE_FIXTURE(Clean, "small new files are copied by the method that is asked for") {
    for_each_way([](Small& small) {
        small.copied("shares", Options());
        for (const uint32_t method : {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_HEAP,
                                      ARSYNC_METHOD_MANAGED}) {
            CAPTURE(method_name(method));
            const std::string name = std::to_string(method);
            const Options options =
                Options().with_method(method).with_reflink(ARSYNC_REFLINK_NEVER);
            REQUIRE(small.pool.submit(small.from(), small.directory / name,
                                      Options(options)
                                          .with_flags(ARSYNC_COPY_RECURSIVE)
                                          .with_report(ARSYNC_REPORT_ALL)) != 0);
            unsigned copied = 0;
            for (arsync_completion done = small.pool.wait(); done.kind != ARSYNC_COMPLETION_JOB;
                 done = small.pool.wait()) {
                if (done.action != ARSYNC_ACTION_COPY)
                    continue;
                ++copied;
                CHECK(done.method == method);
                CHECK((done.flags & ARSYNC_COMPLETION_FALLBACK) == 0);
                CHECK(done.bytes == small.size);
            }
            CHECK(copied == files);
            CHECK(tree_difference(small.from(), small.directory / name) == "");
        }
    });
}

} // namespace live
