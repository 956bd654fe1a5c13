// What of a list of mounts a copy may have to wait for.
#include <doctest/doctest.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>

#include "io/remote_mounts.h"
#include "skip.h"

using namespace arsync;

namespace {

// As in proc_pid_mountinfo(5); `place` is a directory of this test's.
std::string mounts_with(const std::string& place) {
    return "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
           "21 20 0:30 / " +
           place + "/server rw - nfs4 host:/ rw\n22 20 0:31 / " + place +
           "/deep/er/fuse rw shared:2 master:3 - fuse.sshfs host: rw\n23 20 0:32 / " + place +
           "/ram rw - tmpfs none rw\n";
}

struct Place {
    std::string path;
    Place() {
        char name[] = "/tmp/arsync-unit-XXXXXX";
        path = std::filesystem::canonical(mkdtemp(name));
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("a path is followed up to the first filesystem that may not answer") {
    const Place place;
    const std::string& at = place.path;
    std::filesystem::create_directories(at + "/ram/x");
    std::filesystem::create_symlink("server/share", at + "/link");
    std::filesystem::create_symlink(at + "/link", at + "/link to link");
    std::filesystem::create_symlink("loop", at + "/loop");
    const MountTable table(mounts_with(at));
    CHECK_FALSE(table.all_local());
    const auto find = [&](const std::string& path, bool below = false) {
        Devices devices;
        table.find(-100, path, below, devices); // AT_FDCWD
        return devices;
    };
    const Devices none;
    const Devices nfs{makedev(0, 30)};
    const Devices both{makedev(0, 30), makedev(0, 31)};
    CHECK(find("/") == none);
    CHECK(find(at + "/file") == none);
    CHECK(find(at + "/missing/server") == none);
    CHECK(find(at + "/ram/x") == none);
    CHECK(find(at + "/loop") == none);
    CHECK(find(at + "/server") == nfs);
    CHECK(find(at + "/server/a/b") == nfs);
    CHECK(find(at + "/ram/../server") == nfs);
    CHECK(find(at + "//./server/") == nfs);
    CHECK(find(at + "/link") == nfs);
    CHECK(find(at + "/link to link/a") == nfs);
    CHECK(find(at + "/servers") == none);
    CHECK(find(at, true) == both);
    CHECK(find(at + "/deep", true) == Devices{makedev(0, 31)});
    CHECK(find(at + "/ram", true) == none);
}

TEST_CASE("what is mounted last over a place is what is there") {
    const MountTable table("20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                           "21 20 0:30 / /mnt rw - nfs host:/ rw\n"
                           "22 21 0:31 / /mnt rw - tmpfs none rw\n");
    Devices devices;
    table.find(-100, "/mnt/file", false, devices);
    CHECK(devices.empty());
}

TEST_CASE("an overlay is of the filesystems that its layers are on") {
    const Place place;
    const std::string& at = place.path;
    for (const char* name : {"/local", "/fuse", "/overlay", "/colon:comma,"})
        std::filesystem::create_directories(at + name);
    std::filesystem::create_symlink(at + "/fuse", at + "/link");
    const auto line = [&](int number, const std::string& point, const std::string& rest) {
        return std::to_string(number) + " 20 0:" + std::to_string(number) + " / " + at + point +
               " rw - " + rest + "\n";
    };
    const auto devices_of = [&](const std::string& layers, const std::string& more = "") {
        const MountTable table(line(20, "/x", "ext4 /dev/sda1 rw") +
                               line(30, "/fuse", "fuse.sshfs host: rw") +
                               line(31, "/colon:comma\\054", "nfs host:/ rw") +
                               line(32, "/overlay", "overlay none rw," + layers) + more);
        Devices devices;
        table.find(-100, at + "/overlay/file", false, devices);
        return devices;
    };
    const Devices none;
    const Devices fuse{makedev(0, 30)};
    const Devices both{makedev(0, 30), makedev(0, 31)};
    const std::string local = "lowerdir=" + at + "/local:" + at + "/x/y,upperdir=" + at + "/up";
    CHECK(devices_of(local) == none);
    CHECK(devices_of("lowerdir=" + at + "/local:" + at + "/fuse/a") == fuse);
    CHECK(devices_of("lowerdir+=" + at + "/fuse,lowerdir+=" + at + "/local") == fuse);
    CHECK(devices_of("lowerdir=" + at + "/link") == fuse);
    CHECK(devices_of("xino=off,lowerdir=" + at + "/local,upperdir=" + at + "/fuse/up,workdir=w") ==
          fuse);
    CHECK(devices_of("lowerdir=" + at + "/colon\\134:comma\\054/a:" + at + "/fuse") == both);
    CHECK(devices_of("lowerdir=l/A:l/B") == none);
    // Over one of its own layers; and one over another one.
    CHECK(devices_of(local, line(33, "/fuse", "overlay none rw,lowerdir=" + at + "/fuse")) == none);
    const std::string two =
        line(40, "/overlay/over",
             "overlay none rw,lowerdir=" + at + "/overlay/a:" + at + "/overlay/over");
    const MountTable table(
        line(20, "/x", "ext4 /dev/sda1 rw") + line(30, "/overlay", "fuse host: rw") +
        line(32, "/overlay", "overlay none rw,lowerdir=" + at + "/overlay") + two);
    for (const char* path : {"/overlay/over/file", "/overlay/file"}) {
        Devices devices;
        table.find(-100, at + path, false, devices);
        CHECK_MESSAGE(devices == fuse, path);
    }
}

TEST_CASE("the list of mounts is read anew when it has changed, and only then") {
    const Place place;
    bool private_mounts = false;
    bool same = false;
    bool changed = false;
    std::thread([&] { // with mounts of its own
        private_mounts =
            unshare(CLONE_NEWNS) == 0 && mount("none", "/", "", MS_REC | MS_PRIVATE, nullptr) == 0;
        if (!private_mounts)
            return;
        const auto wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); };
        RemoteMounts mounts;
        mounts.table();
        wait();
        const auto before = mounts.table(); // what came between opening and reading it is told
        wait();
        same = mounts.table() == before;
        mount("none", place.path.c_str(), "tmpfs", 0, nullptr);
        wait();
        changed = mounts.table() != before;
        umount2(place.path.c_str(), MNT_DETACH);
    })
        .join();
    if (!private_mounts)
        return skip("needs root");
    CHECK(same);
    CHECK(changed);
}

TEST_CASE(
    "an open file is where its mount is, and on a filesystem of its own if that is not listed") {
    const Place place;
    const Fd directory(open(place.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    uint64_t number = 0;
    REQUIRE(mount_of(directory.get(), number) == 0);
    const std::string server = " 1 0:30 / /server rw - nfs4 host:/ rw\n";
    Devices devices;
    MountTable(std::to_string(number) + server).find(directory.get(), devices);
    CHECK(devices == Devices{makedev(0, 30)});
    devices.clear();
    MountTable(std::to_string(number + 100'000) + server).find(directory.get(), devices);
    REQUIRE(devices.size() == 1);
    CHECK(devices[0] != makedev(0, 30));
}

TEST_CASE("a relative path begins on the filesystem of the working directory") {
    const Place place;
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::create_directories(place.path + "/server/x");
    const MountTable table(mounts_with(place.path));
    const auto find = [&](const std::string& from) {
        std::filesystem::current_path(place.path + from);
        Devices devices;
        table.find(AT_FDCWD, "file", false, devices);
        std::filesystem::current_path(before);
        return devices;
    };
    CHECK(find("/server") == Devices{makedev(0, 30)});
    CHECK(find("/server/x") == Devices{makedev(0, 30)});
}
