// The simulated world itself: what the other tests rest on.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "sim/files.h"
#include "sim/transfer.h"

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

} // namespace arsync::sim
