#include "io/remote_mounts.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace arsync {

namespace {

// Those that answer by themselves. A virtual machine's 9p or virtiofs, say, is not among them.
constexpr std::string_view local_types[] = {
    "bcachefs",   "binfmt_misc", "bpf",       "btrfs",    "cgroup", "cgroup2",  "configfs",
    "debugfs",    "devpts",      "devtmpfs",  "efivarfs", "erofs",  "exfat",    "ext2",
    "ext3",       "ext4",        "f2fs",      "fusectl",  "hfs",    "hfsplus",  "hugetlbfs",
    "iso9660",    "jfs",         "minix",     "mqueue",   "msdos",  "nilfs2",   "nsfs",
    "ntfs3",      "overlay",     "proc",      "pstore",   "ramfs",  "reiserfs", "rootfs",
    "rpc_pipefs", "securityfs",  "selinuxfs", "squashfs", "sysfs",  "tmpfs",    "tracefs",
    "ubifs",      "udf",         "vfat",      "xfs",      "zfs",
};

bool is_local(const Mount& mount) {
    return std::find(std::begin(local_types), std::end(local_types), mount.type) !=
           std::end(local_types);
}

void add(dev_t device, Devices& devices) {
    const auto place = std::lower_bound(devices.begin(), devices.end(), device);
    if (place == devices.end() || *place != device)
        devices.insert(place, device);
}

void add(const Mount& mount, Devices& devices) {
    unsigned major = 0, minor = 0;
    const std::string& text = mount.root.device; // "8:1"
    const char* end = text.data() + text.size();
    const char* colon = std::from_chars(text.data(), end, major).ptr;
    if (colon != end)
        std::from_chars(colon + 1, end, minor);
    add(makedev(major, minor), devices);
}

bool read_link(const std::string& path, std::string& text) {
    char link[PATH_MAX];
    const ssize_t length = ::readlink(path.c_str(), link, sizeof link);
    if (length >= 0)
        text.assign(link, static_cast<size_t>(length));
    return length >= 0;
}

// To read the list takes 40 us with two dozen mounts.
constexpr std::chrono::milliseconds fresh{20};

// The kernel gives up at so many, too.
constexpr int links_most = 40;

} // namespace

MountTable::MountTable(std::string_view mountinfo) : mounts_(parse_mounts(mountinfo)) {
    for (const Mount& mount : mounts_)
        if (!is_local(mount))
            remote_.push_back(&mount);
}

// What is mounted last is on top.
const Mount* MountTable::at(std::string_view point) const {
    const auto found = std::find_if(mounts_.rbegin(), mounts_.rend(),
                                    [&](const Mount& each) { return each.point == point; });
    return found == mounts_.rend() ? nullptr : &*found;
}

void MountTable::find(int fd, Devices& devices) const {
    if (all_local())
        return;
    struct statx facts;
    if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &facts) < 0)
        return;
    const auto own = std::find_if(mounts_.begin(), mounts_.end(), [&](const Mount& each) {
        return each.number == facts.stx_mnt_id;
    });
    if (own == mounts_.end()) // of another namespace, or not mounted any more
        add(makedev(facts.stx_dev_major, facts.stx_dev_minor), devices);
    else if (!is_local(*own))
        add(*own, devices);
}

void MountTable::find_all(Devices& devices) const {
    for (const Mount* mount : remote_)
        add(*mount, devices);
}

// Where a relative path begins, without a "/" at its end. False: that tells all.
bool MountTable::find_start(int dirfd, std::string& where, Devices& devices) const {
    const size_t before = devices.size();
    find(dirfd, devices);
    const std::string link =
        dirfd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(dirfd);
    if (devices.size() > before || !read_link(link, where))
        return false;
    if (where == "/")
        where.clear();
    return true;
}

void MountTable::find(int dirfd, const std::string& path, bool below, Devices& devices) const {
    if (all_local())
        return;
    std::string where; // followed so far: no link in it, and all of it local
    std::string rest = path;
    if (path[0] != '/' && !find_start(dirfd, where, devices))
        return;
    const Mount* root = at("/");
    if (path[0] == '/' && root && !is_local(*root))
        add(*root, devices);
    int links = 0;
    bool there = true;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('/'), rest.size());
        const std::string name = rest.substr(0, end);
        rest.erase(0, end + 1);
        if (name.empty() || name == ".")
            continue;
        if (name == "..") {
            where.erase(std::min(where.rfind('/'), where.size()));
            continue;
        }
        where += '/' + name;
        const Mount* mount = at(where);
        if (mount && !is_local(*mount)) {
            add(*mount, devices);
            return;
        }
        std::string target;
        if (mount || !there || !(there = read_link(where, target) || errno == EINVAL) ||
            target.empty())
            continue;
        if (++links > links_most)
            return;
        where.erase(target[0] == '/' ? 0 : where.rfind('/'));
        rest = target + '/' + rest;
    }
    for (const Mount* mount : remote_)
        if (below && mount->point.starts_with(where + '/'))
            add(*mount, devices);
}

// It keeps no descriptor by which to be told of changes: there may be few.
std::shared_ptr<const MountTable> RemoteMounts::table() {
    std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (table_ && now - read_at_ < fresh)
        return table_;
    std::string text;
    // Of this thread's namespace, which may not be that of the process's first one.
    if (read_whole("/proc/thread-self/mountinfo", text) == 0 || !table_)
        table_ = std::make_shared<MountTable>(text);
    read_at_ = now;
    return table_;
}

} // namespace arsync
