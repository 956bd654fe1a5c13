// What of a list of mounts a copy may have to wait for.
#include <doctest/doctest.h>

#include <filesystem>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "io/remote_mounts.h"

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
