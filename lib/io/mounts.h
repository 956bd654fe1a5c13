// Where directories really are. A mount shows a part of a file system under one more path, so that
// neither paths nor ".." tell whether one directory lies in another: the kernel's list of mounts
// does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace arsync {

struct PlaceOnDevice {
    std::string device; // "8:1", of the file system as it was mounted
    std::string path;   // in the file system, from its own root
    bool operator==(const PlaceOnDevice&) const = default;
};

// A line of proc_pid_mountinfo(5).
struct Mount {
    uint64_t number = 0;
    PlaceOnDevice root; // what of the file system it shows
    std::string point;
    std::string type;
    std::string source;  // a device, or whatever the file system calls it
    std::string options; // of the file system, as they are written there
};
// In the order in which they were made.
std::vector<Mount> parse_mounts(std::string_view mountinfo);

// The place of an open directory, and then those of all that is mounted below it. 0, or a negative
// errno where it is not to be known: without /proc.
int places_of(int directory, std::vector<PlaceOnDevice>& places);
// The same from what /proc/self/mountinfo says, of a path in the mount of that number. False: the
// list does not know it.
bool places_in(std::string_view mountinfo, uint64_t mount, std::string_view path,
               std::vector<PlaceOnDevice>& places);

// The number of the mount in what /proc/self/fdinfo says of an open file; 0: it says none. statx(2)
// has it only since Linux 5.8, and in qemu's user mode it is 0.
uint64_t mount_in(std::string_view fdinfo);
// The same of an open descriptor, whose filesystem is not asked. 0 or a negative errno.
int mount_of(int fd, uint64_t& mount);

// A file whose size tells nothing, as those of /proc, whole. 0 or a negative errno.
int read_whole(const char* path, std::string& text);
int read_whole(int fd, std::string& text); // from where its last read ended

// What is written as "\040" and so on, as spaces and the like are in the list.
std::string unescaped(std::string_view text);

// Whether a path is that directory or below it.
bool is_in(std::string_view path, std::string_view directory);

// Whether one is in another.
bool overlap(const std::vector<PlaceOnDevice>& places);
// Whether something is in a place of each.
bool overlap(const std::vector<PlaceOnDevice>& a, const std::vector<PlaceOnDevice>& b);

} // namespace arsync
