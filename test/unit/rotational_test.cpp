#include "io/rotational.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>

using namespace arsync;

namespace {

// A directory that stands for "/": what sysfs has of a disk and its partition, by links as it has
// them.
struct Root {
    Root() {
        char name[] = "/tmp/arsync-sysfs.XXXXXX";
        path = mkdtemp(name);
        make("/sys/dev/block");
        add("8:0", "sda");
        make("/sys/devices/sda/sda1");
        write("/sys/devices/sda/sda1/partition", "1\n");
        link("8:1", "sda/sda1");
    }
    void make(const std::string& directory) const {
        std::filesystem::create_directories(path + directory);
    }
    void write(const std::string& file, const std::string& text) const {
        std::ofstream(path + file) << text;
    }
    void add(const std::string& number, const std::string& disk) const {
        make("/sys/devices/" + disk + "/queue");
        link(number, disk);
    }
    ~Root() { std::filesystem::remove_all(path); }
    void link(const std::string& number, const std::string& device) const {
        std::filesystem::create_symlink("../../devices/" + device,
                                        path + "/sys/dev/block/" + number);
    }
    void tell(const std::string& text, const std::string& disk = "sda") const {
        write("/sys/devices/" + disk + "/queue/rotational", text);
    }
    void set_driver(const std::string& disk, const std::string& driver) const {
        make("/sys/devices/" + disk + "/device");
        std::filesystem::create_symlink("../../bus/virtio/drivers/" + driver,
                                        path + "/sys/devices/" + disk + "/device/driver");
    }
    std::string path;
};

} // namespace

TEST_CASE("a disk is rotational if its queue says so, and so are its partitions") {
    const Root root;
    for (const bool rotates : {true, false}) {
        root.tell(rotates ? "1\n" : "0\n");
        CHECK(is_rotational(8, 0, root.path) == rotates);
        CHECK(is_rotational(8, 1, root.path) == rotates);
        CHECK(!is_rotational(8, 2, root.path));
    }
}

TEST_CASE("what a virtual machine does not know of its disks is not believed") {
    const Root root;
    root.tell("1\n");
    root.set_driver("sda", "sd");
    CHECK(is_rotational(8, 0, root.path));
    for (const char* driver : {"virtio_blk", "vbd"}) {
        const Root other;
        other.tell("1\n");
        other.set_driver("sda", driver);
        CHECK(!is_rotational(8, 0, other.path));
        CHECK(!is_rotational(8, 1, other.path));
    }
}

TEST_CASE("what stands on other disks is rotational if one of them is") {
    const Root root;
    root.add("253:0", "dm-0");
    root.tell("1\n", "dm-0");
    CHECK(is_rotational(253, 0, root.path));
    root.make("/sys/devices/dm-0/slaves");
    std::filesystem::create_symlink("../../sda/sda1", root.path + "/sys/devices/dm-0/slaves/sda1");
    root.tell("0\n");
    CHECK(!is_rotational(253, 0, root.path));
    root.tell("1\n");
    CHECK(is_rotational(253, 0, root.path));
    root.set_driver("sda", "virtio_blk");
    CHECK(!is_rotational(253, 0, root.path));
    root.add("253:1", "vdb");
    root.tell("1\n", "vdb");
    std::filesystem::create_symlink("../../vdb", root.path + "/sys/devices/dm-0/slaves/vdb");
    CHECK(is_rotational(253, 0, root.path));
}

TEST_CASE("a loop device is rotational if its file's disk is, as far as that is to be known") {
    const Root root;
    root.add("7:0", "loop0");
    root.tell("1\n", "loop0");
    CHECK(is_rotational(7, 0, root.path));
    root.make("/sys/devices/loop0/loop");
    root.write("/sys/devices/loop0/loop/backing_file", "/gone (deleted)\n");
    CHECK(is_rotational(7, 0, root.path));
    root.write("/image", "");
    root.write("/sys/devices/loop0/loop/backing_file", "/image\n");
    CHECK(is_rotational(7, 0, root.path)); // of no disk that is in sysfs there
    struct stat facts;
    REQUIRE(stat((root.path + "/image").c_str(), &facts) == 0);
    root.add(std::to_string(major(facts.st_dev)) + ":" + std::to_string(minor(facts.st_dev)),
             "sdb");
    CHECK(!is_rotational(7, 0, root.path));
    root.tell("1\n", "sdb");
    CHECK(is_rotational(7, 0, root.path));
    root.tell("0\n", "loop0");
    CHECK(!is_rotational(7, 0, root.path));
}

TEST_CASE("what sysfs does not tell is not rotational") {
    const Root root;
    CHECK(!is_rotational(8, 0, root.path));
    root.tell("");
    CHECK(!is_rotational(8, 0, root.path));
    CHECK(!is_rotational(8, 0, root.path + "/nowhere"));
    CHECK(!is_rotational(0, 33, root.path));
    CHECK(!is_on_rotational(-1, 0, 33));
}

TEST_CASE("the list of mounts tells the device of a filesystem with a number of its own") {
    const std::string mounts =
        "21 1 0:20 /@ / rw,relatime shared:1 - btrfs /dev/sda2 rw,subvolid=256\n"
        "36 21 0:31 / /home rw - btrfs /dev/mapper/a\\040b rw\n"
        "37 21 0:40 / /net rw - nfs4 server:/export rw\n"
        "38 21 0:41 / /tmp rw - tmpfs tmpfs rw\n";
    CHECK(device_of_mount(mounts, 21) == "/dev/sda2");
    CHECK(device_of_mount(mounts, 36) == "/dev/mapper/a b");
    CHECK(device_of_mount(mounts, 37) == "");
    CHECK(device_of_mount(mounts, 38) == "");
    CHECK(device_of_mount(mounts, 39) == "");
    CHECK(device_of_mount("", 21) == "");
}
