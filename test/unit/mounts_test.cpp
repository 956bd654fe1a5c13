// Whether two directories are one, by what the kernel says of its mounts.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <string>
#include <string_view>
#include <vector>

#include "io/fd.h"
#include "io/mounts.h"

using namespace arsync;
using Places = std::vector<PlaceOnDevice>;

namespace {

constexpr const char* mountinfo =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 22 8:1 /data/s/sub /m rw,relatime - ext4 /dev/sda1 rw\n"
    "31 22 8:2 / /data/s/disk rw - xfs /dev/sdb rw\n"
    "32 22 8:1 /other\\040one /data/s/with\\040space rw - ext4 /dev/sda1 rw\n"
    "33 22 8:3 /@home /home rw - btrfs /dev/sdc rw\n";

Places places(uint64_t mount, const char* path) {
    Places result;
    REQUIRE(places_in(mountinfo, mount, path, result));
    return result;
}

} // namespace

TEST_CASE("a place is counted from the root of its file system, whatever it is mounted on") {
    CHECK(places(22, "/data/t") == Places{{"8:1", "/data/t"}});
    CHECK(places(30, "/m") == Places{{"8:1", "/data/s/sub"}});
    CHECK(places(30, "/m/x") == Places{{"8:1", "/data/s/sub/x"}});
    CHECK(places(31, "/data/s/disk/x") == Places{{"8:2", "/x"}});
    CHECK(places(33, "/home/a") == Places{{"8:3", "/@home/a"}});
    CHECK(places(22, "/").front() == PlaceOnDevice{"8:1", "/"});
}

TEST_CASE("what is mounted below a place is reached from it too") {
    CHECK(places(22, "/data/s") == Places{{"8:1", "/data/s"}, {"8:2", "/"}, {"8:1", "/other one"}});
    CHECK(places(22, "/data/sub").size() == 1); // "/data/s" is no directory of its path
    CHECK(places(22, "/").size() == 5);
}

TEST_CASE("a mount that is not in the list, or not on the way, is not known") {
    Places none;
    CHECK_FALSE(places_in(mountinfo, 99, "/m", none));
    CHECK_FALSE(places_in(mountinfo, 30, "/elsewhere", none));
    CHECK_FALSE(places_in("", 22, "/", none));
}

TEST_CASE("places overlap where one is, or lies in, the other, on one device") {
    CHECK(overlap(places(22, "/data/s"), places(30, "/m")));
    CHECK(overlap(places(30, "/m/x"), places(22, "/data/s")));
    CHECK(overlap(places(22, "/data/s"), places(31, "/data/s/disk/x")));
    CHECK(overlap(places(22, "/data/s"), places(22, "/other one/deep")));
    CHECK_FALSE(overlap(places(22, "/data/t"), places(30, "/m")));
    CHECK_FALSE(overlap(places(22, "/data/s"), places(22, "/data/sub")));
    CHECK_FALSE(overlap(places(31, "/data/s/disk/a"), places(22, "/a")));
    const PlaceOnDevice one{"8:1", "/one"};
    CHECK_FALSE(overlap({one}));
    CHECK_FALSE(overlap({one, {"8:1", "/other"}, {"8:2", "/one"}}));
    CHECK(overlap({{"8:1", "/other"}, {"8:2", "/one"}, {"8:2", "/one/below"}}));
    CHECK(overlap({one, {"8:1", "/"}}));
}

TEST_CASE("an open file tells the number of its mount") {
    CHECK(mount_in("pos:\t0\nflags:\t02200000\nmnt_id:\t4711\nino:\t2\n") == 4711);
    CHECK(mount_in("pos:\t0\nmnt_id:\t12") == 12);
    CHECK(mount_in("pos:\t0\nflags:\t02200000\n") == 0);
    CHECK(mount_in("mnt_id:\t") == 0);
    CHECK(mount_in("") == 0);
}

TEST_CASE("this machine's list tells of a directory that is there") {
    const Fd fd(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(fd);
    Places result;
    CHECK(places_of(fd.get(), result) == 0);
    CHECK(overlap(result, result));
}

TEST_CASE("a character that the list spells by its number is read, and no other") {
    CHECK(unescaped("a\\040b\\134") == "a b\\");
    CHECK(unescaped("\\04") == "\\04");
    CHECK(unescaped("\\089") == "\\089");
    CHECK(unescaped("\\") == "\\");
    const std::string_view longer = "a\\040"; // it ends where it says, whatever comes after it
    for (size_t length = 0; length < longer.size(); ++length)
        CHECK(unescaped(longer.substr(0, length)) == longer.substr(0, length));
    CHECK(unescaped(longer) == "a ");
}
