// Blocks are shared where that was asked for and can be had, and not where it was forbidden.
#include <cerrno>

#include "system/check.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint64_t size = 2 * 1024 * 1024;

void shares(Kind kind) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    write_pattern(from, size);
    Pool pool;

    for (const Options& options : {Options(), Options().with_reflink(ARSYNC_REFLINK_ALWAYS),
                                   Options().with_method(ARSYNC_METHOD_REFLINK)}) {
        const arsync_completion done = pool.copy(from, to, options);
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(done.method == ARSYNC_METHOD_REFLINK);
        CHECK((done.flags & ARSYNC_COMPLETION_FALLBACK) == 0);
        CHECK(done.bytes == size);
        CHECK(difference(from, to) == "");
        CHECK(shared_bytes(to) == static_cast<int64_t>(size));
        unlink(to.c_str());
    }
    CHECK(pool.stats().bytes_reflinked == 3 * size);
    CHECK(pool.stats().bytes_written == 0);

    for (const uint32_t method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        CAPTURE(method_name(method));
        const Options options = Options().with_method(method).with_reflink(ARSYNC_REFLINK_NEVER);
        const arsync_completion done = pool.copy(from, to, options);
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(done.method != ARSYNC_METHOD_REFLINK);
        CHECK(done.method != ARSYNC_METHOD_COPY_FILE_RANGE);
        CHECK(difference(from, to) == "");
        CHECK(shared_bytes(to) == 0);
        CHECK(allocated(to) >= size);
        unlink(to.c_str());
    }
}

void refuses_to_share(Kind kind) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    write_pattern(directory / "from", size);
    write_pattern(directory / "old", 10, 9);
    Pool pool;
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_EXCLUSIVE}) {
        const Options options = Options().with_reflink(ARSYNC_REFLINK_ALWAYS).with_replace(replace);
        const arsync_completion done = pool.copy(directory / "from", directory / "to", options);
        INFO(words(done));
        CHECK(done.result == -EOPNOTSUPP);
        CHECK(done.stage == ARSYNC_STAGE_REFLINK);
        CHECK(directory.entries() == 2);
    }
    const Options atomic =
        Options().with_reflink(ARSYNC_REFLINK_ALWAYS).with_replace(ARSYNC_REPLACE_ATOMIC);
    CHECK(pool.copy(directory / "from", directory / "old", atomic).result == -EOPNOTSUPP);
    CHECK(read_file(directory / "old") == pattern(10, 9));
    CHECK(directory.entries() == 2);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "reflink shares blocks on XFS, and never means never") {
    shares(Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "reflink shares blocks on btrfs, and never means never") {
    shares(Kind::btrfs);
}
TEST_CASE_FIXTURE(Clean,
                  "reflink always on ext4 fails as the file system says, and leaves nothing") {
    refuses_to_share(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean,
                  "reflink always on tmpfs fails as the file system says, and leaves nothing") {
    refuses_to_share(Kind::tmpfs);
}

TEST_CASE_FIXTURE(Clean, "reflink always from one file system to another fails") {
    NEEDS(shared_volume(Kind::xfs));
    NEEDS(shared_volume(Kind::btrfs));
    const Directory from(shared_volume(Kind::xfs));
    const Directory to(shared_volume(Kind::btrfs));
    write_pattern(from / "file", size);
    Pool pool;
    const arsync_completion done =
        pool.copy(from / "file", to / "file", Options().with_reflink(ARSYNC_REFLINK_ALWAYS));
    CHECK(done.result == -EXDEV);
    CHECK(done.stage == ARSYNC_STAGE_REFLINK);
    CHECK(to.entries() == 0);
}

TEST_CASE_FIXTURE(Clean,
                  "a small file is shared without a helper if none of it has to be written first") {
    NEEDS(shared_volume(Kind::xfs));
    const Directory directory(shared_volume(Kind::xfs));
    const std::string from = directory / "from";
    constexpr uint64_t small = 100 * 1024;
    write_pattern(from, small);
    if (cached_bytes(from) < 0) {
        skip("no cachestat(2)");
        return;
    }
    Pool pool;
    CHECK(pool.copy(from, directory / "of dirty").result == 0);
    const uint64_t calls = pool.stats().helper_calls;
    CHECK(calls <= 1); // the kernel may have written it back by then
    make_cold(from);
    CHECK(pool.copy(from, directory / "of clean").result == 0);
    CHECK(pool.stats().helper_calls == calls);
    CHECK(pool.stats().bytes_reflinked == 2 * small);
    for (const char* copy : {"of dirty", "of clean"}) {
        CHECK(shared_bytes(directory / copy) == static_cast<int64_t>(small));
        CHECK(difference(from, directory / copy) == "");
    }
}

// overlayfs on a filesystem that cannot share says so of each file anew.
TEST_CASE_FIXTURE(Clean,
                  "a filesystem that has refused to share is not asked again for each file") {
    NEEDS(shared_volume(Kind::overlay));
    const Directory directory(shared_volume(Kind::overlay));
    constexpr int file_count = 500;
    make_directories(directory / "from");
    for (int i = 0; i < file_count; ++i)
        write_pattern(directory / ("from/" + std::to_string(i)), 1000);
    Pool pool;
    const TreeCopy done = copy_tree(pool, directory / "from", directory / "to");
    CHECK(done.job.result == 0);
    CHECK(pool.stats().bytes_reflinked == 0);
    // Those that were begun before the first had its answer.
    CHECK(pool.stats().helper_calls <= 64 * pool.info().workers_started);
    for (int i = 0; i < file_count; ++i)
        CHECK(read_file(directory / ("to/" + std::to_string(i))) == pattern(1000));
}

} // namespace live
