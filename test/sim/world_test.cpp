// The simulated world itself: what the other tests rest on.
#include <doctest/doctest.h>

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <set>

#include "sim/files.h"
#include "sim/transfer.h"
#include "sim/tree.h"

namespace arsync::sim {

namespace {

struct Fixture {
    explicit Fixture(const WorldOptions& options = {}) : world(options), files(world) {}

    int create(const char* name, int flags = O_RDWR | O_CREAT | O_EXCL) {
        return files.open(AT_FDCWD, name, flags, 0644);
    }
    Inode& inode(int fd) { return world.disk.at(world.descriptor(fd)->inode); }
    std::string text_at(const Disk& disk, const char* name) {
        const auto found = disk.at(world.disk.root().number).names.find(name);
        if (found == disk.at(world.disk.root().number).names.end())
            return "nothing";
        std::string text(100, '\0');
        text.resize(disk.at(found->second)
                        .content.read(0, reinterpret_cast<std::byte*>(text.data()), text.size()));
        return text;
    }

    World world;
    SimulatedFiles files;
};

using Unsynced = Disk::Unsynced;

} // namespace

TEST_CASE("content: holes read as zeros, and a cut block's end does too") {
    const std::vector<std::byte> ones(10'000, std::byte{1});
    Content content;
    content.write(20'000, ones.data(), ones.size());
    CHECK(content.size() == 30'000);
    CHECK(content.next_data(0) == 16'384);
    CHECK(content.next_hole(16'384) == 30'000);
    CHECK(content.hole_bytes(0, 30'000) == 16'384);
    content.punch(0, 24'576);
    CHECK(content.next_data(0) == 24'576);
    content.resize(25'000);
    content.resize(28'672);
    std::byte byte{9};
    CHECK(content.read(25'000, &byte, 1) == 1);
    CHECK(byte == std::byte{0});
    CHECK(content.read(28'672, &byte, 1) == 0);
}

TEST_CASE("content: compared by bytes, shared by blocks") {
    const std::vector<std::byte> zeros(8'192);
    Content written, hole;
    written.write(0, zeros.data(), zeros.size());
    hole.resize(8'192);
    CHECK(written == hole);
    CHECK_FALSE(written.shares_blocks_with(hole));
    const Content copy = written;
    CHECK(copy.shares_blocks_with(written));
    hole.resize(8'191);
    CHECK_FALSE(written == hole);
}

TEST_CASE("a crash loses what was not synced, or keeps it") {
    Fixture f;
    Random random(1);
    const int fd = f.create("a");
    f.files.write(fd, "old", 3, 0);
    CHECK(f.text_at(f.world.disk.recover(Unsynced::lost, Unsynced::lost, random), "a") ==
          "nothing");
    CHECK(f.text_at(f.world.disk.recover(Unsynced::lost, Unsynced::kept, random), "a").empty());
    CHECK(f.text_at(f.world.disk.recover(Unsynced::kept, Unsynced::kept, random), "a") == "old");
    sync(f.world, f.inode(fd), true);
    f.world.disk.sync_all(f.world.disk.root());
    f.files.write(fd, "new", 3, 0);
    CHECK(f.text_at(f.world.disk.recover(Unsynced::lost, Unsynced::lost, random), "a") == "old");
    CHECK(f.files.close(fd) == 0);
}

TEST_CASE("a rename reaches the disk as a whole or not at all, and may come before the data") {
    Fixture f;
    Random random(1);
    for (const char* name : {"a", "b"}) {
        const int fd = f.create(name);
        f.files.write(fd, name, 1, 0);
        if (*name == 'a')
            sync(f.world, f.inode(fd), true);
        f.files.close(fd);
    }
    f.world.disk.sync_all(f.world.disk.root());
    CHECK(f.files.rename(AT_FDCWD, "b", "a") == 0);
    CHECK(f.text_at(f.world.disk.recover(Unsynced::lost, Unsynced::lost, random), "a") == "a");
    CHECK(f.text_at(f.world.disk.recover(Unsynced::lost, Unsynced::kept, random), "a").empty());
    CHECK(f.text_at(f.world.disk.recover(Unsynced::kept, Unsynced::kept, random), "b") ==
          "nothing");
}

TEST_CASE("after a write-back that failed a second one succeeds and means nothing") {
    Fixture f;
    Random random(1);
    const int fd = f.create("a");
    f.files.write(fd, "x", 1, 0);
    f.inode(fd).write_back_failed = true;
    CHECK(sync(f.world, f.inode(fd), true) == 0);
    CHECK(f.text_at(f.world.disk.recover(Unsynced::kept, Unsynced::kept, random), "a").empty());
    f.files.close(fd);
}

TEST_CASE("O_DIRECT wants everything aligned") {
    Fixture f;
    alignas(4096) static std::byte memory[8192];
    const int fd = f.create("a", O_RDWR | O_CREAT | O_DIRECT);
    Inode& inode = f.inode(fd);
    const auto put = [&](size_t shift, uint64_t length, uint64_t offset) {
        return write(f.world, {inode, O_RDWR | O_DIRECT, memory + shift, length, offset});
    };
    CHECK(put(0, 4096, 512) == 4096);
    CHECK(put(1, 4096, 0) == -EINVAL);
    CHECK(put(0, 4095, 0) == -EINVAL);
    CHECK(put(0, 4096, 1) == -EINVAL);
    CHECK(cached_bytes(inode, 0, 0) == 0);
    f.files.close(fd);
}

TEST_CASE("the page cache hides what the device got wrong") {
    Fixture f;
    const int fd = f.create("a");
    Inode& inode = f.inode(fd);
    f.files.write(fd, "abc", 3, 0);
    inode.damage[1] = std::byte{0x40};
    char text[4] = {};
    CHECK(f.files.read_cached(fd, text, 3, 0) == 3);
    CHECK(std::string(text) == "abc");
    drop_cache(inode, 0, 0); // dirty: stays
    CHECK(f.files.read_cached(fd, text, 3, 0) == 3);
    sync(f.world, inode, true);
    drop_cache(inode, 0, 0);
    CHECK(f.files.read_cached(fd, text, 3, 0) == -EAGAIN);
    CHECK(read(f.world, {inode, O_RDWR, reinterpret_cast<std::byte*>(text), 3, 0}) == 3);
    CHECK(std::string(text) == "a\"c");
    f.files.close(fd);
}

TEST_CASE("misuse of a descriptor is noted") {
    Fixture f;
    const int fd = f.create("a");
    CHECK(f.files.close(fd) == 0);
    CHECK(f.world.problems.empty());
    CHECK(f.files.close(fd) == -EBADF);
    CHECK(f.files.truncate(fd, 0) == -EBADF);
    CHECK(f.world.problems.size() == 2);
}

TEST_CASE("a file without a name is gone with its last descriptor, and a linked one stays") {
    Fixture f;
    const auto files = f.world.disk.numbers().size();
    int fd = f.files.open(AT_FDCWD, ".", O_TMPFILE | O_WRONLY, 0600);
    CHECK(f.world.disk.numbers().size() == files + 1);
    CHECK(f.files.close(fd) == 0);
    CHECK(f.world.disk.numbers().size() == files);
    fd = f.files.open(AT_FDCWD, ".", O_TMPFILE | O_WRONLY, 0600);
    CHECK(f.files.link(fd, AT_FDCWD, "a") == 0);
    CHECK(f.files.link(fd, AT_FDCWD, "a") == -EEXIST);
    CHECK(f.files.close(fd) == 0);
    CHECK(f.world.disk.numbers().size() == files + 1);
}

TEST_CASE("a disk is full when its blocks are, and says so after what still fits") {
    WorldOptions options;
    options.capacity = 3 * block_size;
    Fixture f(options);
    const int fd = f.create("a");
    const std::vector<std::byte> bytes(5 * block_size, std::byte{1});
    CHECK(f.files.write(fd, bytes.data(), bytes.size(), 0) == 3 * block_size);
    CHECK(f.files.write(fd, bytes.data(), 1, 3 * block_size) == -ENOSPC);
    CHECK(f.files.write(fd, bytes.data(), bytes.size(), 0) == 3 * block_size);
    CHECK(f.files.truncate(fd, 0) == 0);
    CHECK(f.files.write(fd, bytes.data(), 1, block_size) == 1);
    f.files.close(fd);
}

TEST_CASE("a directory is listed in pieces, from any position that a record gave") {
    Fixture f;
    const int fd = f.files.open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
    alignas(8) char records[64];
    std::vector<std::pair<std::string, int64_t>> seen;
    std::set<int> types;
    for (int i = 0; i < 100; ++i)
        add_directory(f.world, f.world.disk.root().number, ("name" + std::to_string(i)).c_str());
    while (const int64_t size = f.files.list(fd, records, sizeof records)) {
        REQUIRE(size > 0);
        for (int64_t at = 0; at < size;) {
            const auto* record = reinterpret_cast<const dirent*>(records + at);
            CHECK(record->d_reclen % 8 == 0);
            seen.emplace_back(record->d_name, record->d_off);
            types.insert(record->d_type);
            at += record->d_reclen;
        }
    }
    CHECK(seen.size() == 102);
    CHECK(std::set(seen.begin(), seen.end()).size() == 102);
    CHECK(types == std::set<int>{DT_UNKNOWN, DT_DIR});
    CHECK(f.files.set_list_position(fd, seen[40].second) == 0);
    CHECK(f.files.list(fd, records, 16) == -EINVAL);
    CHECK(f.files.list(fd, records, 32) > 0);
    CHECK(reinterpret_cast<const dirent*>(records)->d_name == seen[41].first);
    CHECK(f.files.close(fd) == 0);
}

TEST_CASE("names change their directory's times, and the links of what they name") {
    Fixture f;
    struct statx before, after;
    CHECK(f.files.make_directory(AT_FDCWD, "d", 0777) == 0);
    CHECK(f.files.statx(AT_FDCWD, "d", 0, before) == 0);
    CHECK((before.stx_mode & 07777) == 0755);
    CHECK(before.stx_nlink == 2);
    CHECK(f.files.make_directory(AT_FDCWD, "d/e", 0777) == 0);
    CHECK(f.files.make_special(AT_FDCWD, "d/f", S_IFIFO | 0600, 0) == 0);
    CHECK(f.files.make_link(AT_FDCWD, "d/f", AT_FDCWD, "d/g") == 0);
    CHECK(f.files.statx(AT_FDCWD, "d", 0, after) == 0);
    CHECK(after.stx_nlink == 3);
    CHECK(after.stx_mtime.tv_sec > before.stx_mtime.tv_sec);
    CHECK(after.stx_ino == before.stx_ino);
    CHECK(f.files.statx(AT_FDCWD, "d/g", 0, after) == 0);
    CHECK(after.stx_nlink == 2);
}

TEST_CASE("what is open with O_PATH has attributes all the same, links and pipes too") {
    Fixture f;
    const auto open = [&](const char* path) {
        return f.files.open(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
    };
    CHECK(f.files.make_directory(AT_FDCWD, "d", 0777) == 0);
    CHECK(f.files.make_special(AT_FDCWD, "f", S_IFIFO | 0600, 0) == 0);
    CHECK(f.files.make_symlink("f", AT_FDCWD, "l") == 0);
    const int fds[] = {open("d"), open("f"), open("l")};
    CHECK(f.files.chmod(fds[1], 0640) == 0);
    CHECK(f.files.chmod(fds[2], 0640) == -EOPNOTSUPP);
    CHECK(f.files.chown(fds[2], 1, 2) == 0);
    struct statx facts;
    CHECK(f.files.statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, facts) == 0);
    CHECK(facts.stx_uid == 1);
    CHECK(f.files.set_xattr(fds[1], "user.a", "b", 1) == -EPERM);
    CHECK(f.files.set_xattr(fds[0], "user.a", "b", 1) == 0);
    CHECK(f.files.list_xattrs(fds[0], nullptr, 0) == 7);
    for (const int fd : fds)
        CHECK(f.files.close(fd) == 0);
}

TEST_CASE("opens fail when descriptors run out, and now and then where they would wait") {
    WorldOptions options;
    options.descriptors_max = 2;
    Fixture f(options);
    const int fd = f.create("a");
    unsigned waits = 0;
    for (int i = 0; i < 100; ++i) {
        const int other = f.files.open_beneath(AT_FDCWD, "a", O_RDONLY, RESOLVE_CACHED);
        CHECK((other == -EAGAIN || other >= 0));
        waits += other < 0;
        CHECK((other < 0 || f.files.close(other) == 0));
    }
    CHECK((waits > 10 && waits < 60));
    const int last = f.files.open(AT_FDCWD, "a", O_RDONLY, 0);
    CHECK(f.files.open(AT_FDCWD, "b", O_WRONLY | O_CREAT, 0600) == -EMFILE);
    CHECK(f.files.close(last) == 0);
    CHECK(f.files.open(AT_FDCWD, "b", O_RDONLY, 0) == -ENOENT); // nor was it made
    CHECK(f.files.close(fd) == 0);
}

TEST_CASE("a tree that was not synced may be lost in a crash, one that was is not") {
    Fixture f;
    Random random(1);
    const auto lost = [&] { return f.world.disk.recover(Unsynced::lost, Unsynced::lost, random); };
    const InodeNumber root = f.world.disk.root().number;
    CHECK(f.files.make_directory(AT_FDCWD, "d", 0755) == 0);
    CHECK(f.files.make_symlink("x", AT_FDCWD, "d/link") == 0);
    CHECK(at_path(lost(), root, "d") == nullptr);
    f.world.disk.sync_all(f.world.disk.root());
    CHECK(at_path(lost(), root, "d") != nullptr);
    CHECK(at_path(lost(), root, "d/link") == nullptr);
    f.world.disk.sync_everything();
    CHECK(differences(f.world.disk, root, lost(), root, {true, true, true, true, true}).empty());
}

} // namespace arsync::sim
