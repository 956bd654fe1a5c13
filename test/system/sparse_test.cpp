// Holes: kept, made and filled.
#include <algorithm>
#include <fcntl.h>
#include <linux/fs.h>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "system/check.h"
#include "system/command.h"

namespace live {

namespace {

constexpr uint64_t kib = 1024;
constexpr uint64_t mib = 1024 * kib;
constexpr uint64_t gib = 1024 * mib;

struct Layout {
    std::string name;
    uint64_t size;
    std::vector<Range> data;
};

const std::vector<Layout>& layouts() {
    static const std::vector<Layout> all = {
        {"nothing but a hole", 700 * kib + 3, {}},
        {"hole at the start", 600 * kib, {{520 * kib, 600 * kib}}},
        {"hole at the end", 600 * kib, {{0, 8 * kib}}},
        {"hole in the middle", 900 * kib + 1, {{0, 12 * kib}, {640 * kib, 900 * kib + 1}}},
        {"a block each now and then",
         2 * mib,
         {{4 * kib, 8 * kib}, {256 * kib, 260 * kib}, {508 * kib, 516 * kib}, {mib, mib + 4096}}},
        {"data off the grid of blocks", 800 * kib, {{100, 200}, {300'001, 300'003}}},
        {"5 GiB, islands, one at the very end",
         5 * gib + 1234,
         {{64 * kib, 128 * kib},
          {2 * gib - 4096, 2 * gib + 4096},
          {4 * gib, 4 * gib + 600 * kib},
          {5 * gib + 1000, 5 * gib + 1234}}},
        {"5 GiB, the last of it a hole", 5 * gib + 77, {{0, 4096}, {3 * gib, 3 * gib + mib}}},
    };
    return all;
}

void keeps_holes(Kind kind) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    for (const Layout& layout : layouts()) {
        CAPTURE(layout.name);
        write_sparse(from, layout.size, layout.data);
        const uint64_t on_disk = allocated(from);
        for (const uint32_t backend : both_backends) {
            if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
                continue;
            CAPTURE(backend_name(backend));
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : all_methods) {
                const bool shares = kind == Kind::xfs || kind == Kind::btrfs;
                if (method == ARSYNC_METHOD_REFLINK && !shares)
                    continue;
                CAPTURE(method_name(method));
                const arsync_completion done = pool.copy(from, to, Options().with_method(method));
                INFO(words(done));
                REQUIRE(done.result == 0);
                CHECK(done.bytes == layout.size);
                CHECK(done.hole_bytes == hole_bytes(from));
                CHECK(difference(from, to) == "");
                CHECK(hole_difference(from, to) == "");
                // A file system may reserve more than asked for, but not by the megabyte.
                CHECK(allocated(to) <= on_disk + 512 * kib);
                unlink(to.c_str());
            }
        }
    }
}

// Where filefrag(8) sees blocks with something in them.
std::vector<Range> extents(const std::string& path) {
    std::istringstream lines(output_of({"filefrag", "-s", "-v", "-b4096", path}));
    std::vector<Range> found;
    for (std::string line; std::getline(lines, line);) {
        // "   0:       16..      31:      34816..     34831:     16:             last,eof"
        std::replace_if(
            line.begin(), line.end(), [](char c) { return c == ':' || c == '.'; }, ' ');
        std::istringstream words(line);
        uint64_t number, first, last;
        if (!(words >> number >> first >> last) || line.find("unwritten") != std::string::npos)
            continue;
        if (!found.empty() && found.back().end == first * 4096)
            found.back().end = (last + 1) * 4096;
        else
            found.push_back({first * 4096, (last + 1) * 4096});
    }
    return found;
}

// SEEK_HOLE is the library's own way to find holes; here somebody else says where they are.
void keeps_holes_as_filefrag_sees_them(Kind kind) {
    NEEDS_COMMAND("filefrag");
    NEEDS(shared_volume(kind));
    const Directory directory(shared_volume(kind));
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    const std::vector<Range> data = {
        {64 * kib, 128 * kib}, {mib, 2 * mib}, {3 * mib, 3 * mib + 4096}};
    write_sparse(from, 5 * mib, data);
    REQUIRE(describe(extents(from)) == describe(data));
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK && kind == Kind::ext4)
                continue;
            CAPTURE(method_name(method));
            CHECK(pool.copy(from, to, Options().with_method(method)).result == 0);
            CHECK(describe(extents(to)) == describe(data));
            unlink(to.c_str());
        }
    }
    Pool pool;
    CHECK(pool.copy(from, to, Options().with_sparse(ARSYNC_SPARSE_NEVER)).result == 0);
    CHECK(describe(extents(to)) == describe({{0, 5 * mib}}));
    const std::string zeros = directory / "zeros";
    write_file(zeros, std::string(mib, '\0') + pattern(mib) + std::string(mib, '\0'));
    CHECK(pool.copy(zeros, to, Options().with_sparse(ARSYNC_SPARSE_ALWAYS)).result == 0);
    CHECK(describe(extents(to)) == describe({{mib, 2 * mib}}));
}

} // namespace

TEST_CASE_FIXTURE(Clean, "filefrag sees the same holes in a copy on ext4") {
    keeps_holes_as_filefrag_sees_them(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "filefrag sees the same holes in a copy on XFS") {
    keeps_holes_as_filefrag_sees_them(Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "filefrag sees the same holes in a copy on btrfs") {
    keeps_holes_as_filefrag_sees_them(Kind::btrfs);
}

TEST_CASE_FIXTURE(Clean, "holes stay holes on ext4") {
    keeps_holes(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "holes stay holes on XFS") {
    keeps_holes(Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "holes stay holes on btrfs") {
    keeps_holes(Kind::btrfs);
}
TEST_CASE_FIXTURE(Clean, "holes stay holes on tmpfs") {
    keeps_holes(Kind::tmpfs);
}
TEST_CASE_FIXTURE(Clean, "holes stay holes on overlayfs") {
    keeps_holes(Kind::overlay);
}

// What tells that a file has holes are its blocks, and those of btrfs count what is in them.
TEST_CASE_FIXTURE(Clean,
                  "holes between what btrfs has compressed stay holes, and there are no others") {
    NEEDS(shared_volume(Kind::btrfs));
    const Directory directory(shared_volume(Kind::btrfs));
    const int opened = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int compressed = FS_COMPR_FL;
    const bool compresses = ioctl(opened, FS_IOC_SETFLAGS, &compressed) == 0;
    close(opened);
    REQUIRE(compresses);
    const std::string text(64 * kib, 'a');
    const std::string dense = directory / "dense";
    write_file(dense, text);
    const std::string holey = directory / "holey";
    write_file(holey, text);
    REQUIRE(truncate(holey.c_str(), 200 * kib) == 0);
    sync();
    CHECK(allocated(dense) >= text.size());
    CHECK(allocated(holey) == text.size());
    Pool pool;
    for (const uint32_t method : {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED}) {
        const Options how = Options().with_method(method);
        CAPTURE(method_name(method));
        CHECK(pool.copy(dense, directory / "dense copy", how).hole_bytes == 0);
        CHECK(pool.copy(holey, directory / "holey copy", how).hole_bytes == 136 * kib);
        CHECK(difference(dense, directory / "dense copy") == "");
        CHECK(difference(holey, directory / "holey copy") == "");
        CHECK(hole_difference(holey, directory / "holey copy") == "");
        unlink((directory / "dense copy").c_str());
        unlink((directory / "holey copy").c_str());
    }
}

TEST_CASE_FIXTURE(Clean, "no old content shows through a hole") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    Pool pool;
    write_sparse(from, 800 * kib, {{400 * kib, 500 * kib}});
    for (const uint32_t method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        CAPTURE(method_name(method));
        write_pattern(to, mib, 9);
        CHECK(pool.copy(from, to, Options().with_method(method)).result == 0);
        CHECK(difference(from, to) == "");
        CHECK(hole_difference(from, to) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "sparse always makes holes of aligned blocks of zeros, and of no others") {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs}) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        CAPTURE(name_of(kind));
        const Directory directory(volume);
        const std::string from = directory / "from";
        const std::string to = directory / "to";
        // Zeros: two whole blocks, 4000 bytes only, from the middle of a block to the middle of
        // another, and the tail.
        std::string content = pattern(700 * kib + 100);
        content.replace(8192, 8192, 8192, '\0');
        content.replace(40 * kib, 4000, 4000, '\0');
        content.replace(100 * kib + 1000, 300 * kib, 300 * kib, '\0');
        content.replace(600 * kib, std::string::npos, 100 * kib + 100, '\0');
        write_file(from, content);
        const std::vector<Range> expected = {{0, 8192}, {16384, 104 * kib}, {400 * kib, 600 * kib}};
        Pool pool;
        for (const uint32_t method : moving_methods) {
            CAPTURE(method_name(method));
            const Options options = Options().with_method(method).with_sparse(ARSYNC_SPARSE_ALWAYS);
            const arsync_completion done = pool.copy(from, to, options);
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(difference(from, to) == "");
            CHECK(done.hole_bytes == hole_bytes(to));
            CHECK(describe(data_ranges(to)) == describe(expected));
            unlink(to.c_str());
        }
    }
}

TEST_CASE_FIXTURE(Clean, "sparse never leaves no hole") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    constexpr uint64_t size = 900 * kib + 5;
    write_sparse(from, size, {{300 * kib, 400 * kib}});
    Pool pool;
    for (const uint32_t method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        CAPTURE(method_name(method));
        const Options options = Options().with_method(method).with_sparse(ARSYNC_SPARSE_NEVER);
        const arsync_completion done = pool.copy(from, to, options);
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(done.hole_bytes == 0);
        CHECK(done.method != ARSYNC_METHOD_COPY_FILE_RANGE);
        CHECK(difference(from, to) == "");
        CHECK(hole_bytes(to) == 0);
        CHECK(allocated(to) >= size);
        unlink(to.c_str());
    }
}

} // namespace live
