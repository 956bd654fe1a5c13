#include "io/rotational.h"

#include <algorithm>
#include <climits>
#include <dirent.h>
#include <memory>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

#include "io/mounts.h"

namespace arsync {

namespace {

std::string directory_of(uint32_t major, uint32_t minor, const std::string& root) {
    return root + "/sys/dev/block/" + std::to_string(major) + ":" + std::to_string(minor);
}

// By these a virtual machine has disks that never say whether they are rotational, for which the
// kernel then takes them.
bool is_unknown(const std::string& disk) {
    char link[PATH_MAX];
    const ssize_t length = ::readlink((disk + "/device/driver").c_str(), link, sizeof link);
    const std::string_view path(link, static_cast<size_t>(std::max<ssize_t>(length, 0)));
    return path.ends_with("/virtio_blk") || path.ends_with("/vbd");
}

// What a disk is made of: those below a device mapper or RAID; of a loop device's file, which may
// have no name, its own.
std::vector<std::string> disks_below(const std::string& disk, const std::string& root) {
    std::vector<std::string> below;
    const std::string slaves = disk + "/slaves";
    const std::unique_ptr<DIR, int (*)(DIR*)> names(::opendir(slaves.c_str()), ::closedir);
    while (const dirent* name = names ? ::readdir(names.get()) : nullptr)
        if (name->d_name[0] != '.')
            below.push_back(slaves + "/" + name->d_name);
    std::string file;
    struct stat facts;
    if (read_whole((disk + "/loop/backing_file").c_str(), file) < 0)
        return below;
    file.resize(std::min(file.find('\n'), file.size()));
    if (::stat((root + file).c_str(), &facts) == 0)
        below.push_back(
            directory_of(gnu_dev_major(facts.st_dev), gnu_dev_minor(facts.st_dev), root));
    return below;
}

bool is_rotational(std::string disk, const std::string& root, unsigned depth) {
    if (::access((disk + "/partition").c_str(), F_OK) == 0)
        disk += "/.."; // which has the queue
    std::string said;
    if (read_whole((disk + "/queue/rotational").c_str(), said) < 0 || !said.starts_with('1') ||
        is_unknown(disk))
        return false;
    // They may be of a filesystem that is no disk's, of which nothing is known.
    const std::vector<std::string> below = disks_below(disk, root);
    const auto is_known = [](const std::string& each) { return ::access(each.c_str(), F_OK) == 0; };
    constexpr unsigned depth_max = 8;
    return depth == depth_max || std::none_of(below.begin(), below.end(), is_known) ||
           std::any_of(below.begin(), below.end(), [&](const std::string& each) {
               return is_rotational(each, root, depth + 1);
           });
}

} // namespace

bool is_rotational(uint32_t major, uint32_t minor, const std::string& root) {
    return is_rotational(directory_of(major, minor, root), root, 0);
}

std::string device_of_mount(std::string_view mountinfo, uint64_t mount) {
    const std::vector<Mount> mounts = parse_mounts(mountinfo);
    const auto own = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const Mount& each) { return each.number == mount; });
    return own != mounts.end() && own->source.starts_with("/dev/") ? own->source : "";
}

bool is_on_rotational(int fd, uint32_t major, uint32_t minor) {
    if (major != 0)
        return is_rotational(major, minor);
    uint64_t mount = 0;
    std::string mounts;
    if (mount_of(fd, mount) < 0 || read_whole("/proc/thread-self/mountinfo", mounts) < 0)
        return false;
    const std::string device = device_of_mount(mounts, mount);
    struct stat facts;
    if (device.empty() || ::stat(device.c_str(), &facts) < 0 || !S_ISBLK(facts.st_mode))
        return false;
    return is_rotational(gnu_dev_major(facts.st_rdev), gnu_dev_minor(facts.st_rdev));
}

} // namespace arsync
