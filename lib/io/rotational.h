// Whether a disk has to move an arm to what is read next. The kernel says so of each block device:
// queue/rotational in sysfs. But it also says so of what does not know itself, as virtio's and
// Xen's disks, and what stands on others says what they do. A filesystem may have a device
// number of its own making (btrfs); then the list of mounts tells what it stands on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace arsync {

// Of a block device, or a partition of one. root: a directory that stands for "/", for tests.
// Whatever cannot be read is not rotational.
bool is_rotational(uint32_t major, uint32_t minor, const std::string& root = {});

// What the mount of that number in /proc/self/mountinfo was made from, if that is the path of a
// device; "" if not.
std::string device_of_mount(std::string_view mountinfo, uint64_t mount);

// Of what is below an open file, by the device number that statx(2) gave of it.
bool is_on_rotational(int fd, uint32_t major, uint32_t minor);

} // namespace arsync
