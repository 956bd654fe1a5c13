#include "io/remote_mounts.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utility>

#include "io/descriptors.h"
#include "io/facts.h"

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

// The directories in a value of an overlay's: several, if it is "A:B", in which "\:" is a colon.
void add_layers(std::string_view value, bool several, std::vector<std::string>& layers) {
    std::string layer;
    for (size_t at = 0; at < value.size(); ++at) {
        if (several && value[at] == '\\' && at + 1 < value.size())
            layer += value[++at];
        else if (several && value[at] == ':')
            layers.push_back(std::exchange(layer, {}));
        else
            layer += value[at];
    }
    layers.push_back(layer);
}

std::vector<std::string> layers_of(const Mount& overlay) {
    std::vector<std::string> layers;
    for (std::string_view rest = overlay.options; !rest.empty();) {
        const std::string_view option = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(option.size() + 1, rest.size()));
        const size_t is = option.find('=');
        if (is == std::string_view::npos)
            continue;
        const std::string_view key = option.substr(0, is);
        const bool several = key == "lowerdir";
        if (several || key == "lowerdir+" || key == "datadir+" || key == "upperdir")
            add_layers(unescaped(option.substr(is + 1)), several, layers);
    }
    return layers;
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

// Between two looks at it.
constexpr std::chrono::milliseconds fresh{20};

// Of no device: the kernel's have 12 bits.
constexpr unsigned no_major = 1u << 12;

// The kernel gives up at so many, too.
constexpr int links_most = 40;

} // namespace

MountTable::MountTable(std::string_view mountinfo) : mounts_(parse_mounts(mountinfo)) {
    for (size_t i = 0; i < mounts_.size(); ++i) {
        points_[mounts_[i].point].push_back(i);
        if (!is_local(mounts_[i]))
            remote_.push_back(&mounts_[i]);
    }
}

// What is mounted last is on top.
const Mount* MountTable::at(std::string_view point, size_t limit) const {
    const auto found = points_.find(point);
    if (found == points_.end())
        return nullptr;
    const std::vector<size_t>& all = found->second;
    const auto end = std::lower_bound(all.begin(), all.end(), limit);
    return end == all.begin() ? nullptr : &mounts_[*std::prev(end)];
}

bool MountTable::is_covered(std::string_view point, size_t limit) const {
    const auto found = points_.find(point);
    return found != points_.end() && found->second.back() >= limit;
}

// An overlay's layers were there before it, maybe at its own place. A relative one was so for
// whoever mounted it, who alone knows where.
Devices MountTable::layers(const Mount& overlay) const {
    {
        const Lock lock(mutex_);
        if (const auto found = layers_.find(&overlay); found != layers_.end())
            return found->second;
    }
    Devices devices;
    const auto limit = static_cast<size_t>(&overlay - mounts_.data());
    for (const std::string& layer : layers_of(overlay)) {
        Way way{{}, layer, limit};
        if (layer.starts_with('/'))
            follow(way, devices);
    }
    const Lock lock(mutex_);
    layers_.emplace(&overlay, devices);
    return devices;
}

// What a mount may wait for. False: nothing.
bool MountTable::add(const Mount& mount, Devices& devices) const {
    if (!is_local(mount)) {
        arsync::add(mount, devices);
        return true;
    }
    if (mount.type != "overlay" || all_local())
        return false;
    const Devices below = layers(mount);
    for (const dev_t device : below)
        arsync::add(device, devices);
    return !below.empty();
}

// statx(2) would ask some servers (9p) although it is told not to.
void MountTable::find(int fd, Devices& devices) const {
    uint64_t number = 0;
    if (!all_local() && mount_of(fd, number) == 0)
        add_numbered(number, devices);
}

// One that is of another namespace, or not mounted any more, is as a device of its own.
void MountTable::add_numbered(uint64_t number, Devices& devices) const {
    const auto own = std::find_if(mounts_.begin(), mounts_.end(),
                                  [&](const Mount& each) { return each.number == number; });
    if (own == mounts_.end())
        arsync::add(makedev(no_major, static_cast<unsigned>(number)), devices);
    else
        add(*own, devices);
}

// Of the working directory, which has no descriptor. Its path, in which there are no links, is
// asked first; if all is local there, statx(2) may be, which also knows what a mount has covered
// since.
bool MountTable::find_working(const std::string& where, Devices& devices) const {
    std::string_view path = where;
    const Mount* mount = nullptr;
    while (!mount && path.starts_with('/')) {
        mount = at(path, mounts_.size());
        const size_t above = path.rfind('/');
        path = path.substr(0, above > 0 || path == "/" ? above : 1);
    }
    if (mount && add(*mount, devices))
        return true;
    const size_t before = devices.size();
    struct statx facts;
    if (::statx(AT_FDCWD, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &facts) == 0 &&
        (facts.stx_mask & STATX_MNT_ID) != 0)
        add_numbered(mount_of(facts), devices);
    return devices.size() > before;
}

void MountTable::find_all(Devices& devices) const {
    for (const Mount* mount : remote_)
        add(*mount, devices);
}

// Where a relative path begins, without a "/" at its end. False: that tells all.
bool MountTable::find_start(int dirfd, std::string& where, Devices& devices) const {
    const size_t before = devices.size();
    if (dirfd == AT_FDCWD) {
        if (!read_link("/proc/thread-self/cwd", where) || find_working(where, devices))
            return false;
    } else {
        find(dirfd, devices);
        if (devices.size() > before ||
            !read_link("/proc/thread-self/fd/" + std::to_string(dirfd), where))
            return false;
    }
    if (where == "/")
        where.clear();
    return true;
}

void MountTable::find(int dirfd, const std::string& path, bool below, Devices& devices) const {
    if (all_local())
        return;
    Way way{{}, path, mounts_.size()};
    if (path[0] != '/' && !find_start(dirfd, way.where, devices))
        return;
    if (!follow(way, devices) || !below)
        return;
    for (const Mount& mount : mounts_)
        if (mount.point.starts_with(way.where + '/'))
            add(mount, devices);
}

// False: that tells all.
bool MountTable::follow(Way& way, Devices& devices) const {
    auto& [where, rest, limit] = way;
    const Mount* root = at("/", limit);
    if (where.empty() && root && add(*root, devices))
        return false;
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
        const Mount* mount = at(where, limit);
        if (mount && add(*mount, devices))
            return false;
        there = there && !is_covered(where, limit); // by what must not be asked
        std::string target;
        if (mount || !there || !(there = read_link(where, target) || errno == EINVAL) ||
            target.empty())
            continue;
        if (++links > links_most)
            return false;
        where.erase(target[0] == '/' ? 0 : where.rfind('/'));
        rest = target + '/' + rest;
    }
    return true;
}

// To read it takes 40 us with two dozen mounts, and 20 ms with two thousand; so it is kept open,
// and the kernel asked whether it has changed, unless descriptors are few.
std::shared_ptr<const MountTable> RemoteMounts::table() {
    const Lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (table_ && now - looked_at_ < fresh)
        return table_;
    looked_at_ = now;
    if (table_ && !may_have_changed())
        return table_;
    std::string text;
    if (read(text) == 0 || !table_)
        table_ = std::make_shared<MountTable>(text);
    return table_;
}

bool RemoteMounts::may_have_changed() {
    pollfd list{list_.get(), POLLPRI, 0};
    return !list_ || ::poll(&list, 1, 0) != 0;
}

int RemoteMounts::read(std::string& text) {
    // Of this thread's namespace, which may not be that of the process's first one.
    constexpr const char* path = "/proc/thread-self/mountinfo";
    if (!descriptors::may_keep_list())
        return read_whole(path, text);
    if (!list_)
        list_ = Fd(::open(path, O_RDONLY | O_CLOEXEC));
    return ::lseek(list_.get(), 0, SEEK_SET) == 0 ? read_whole(list_.get(), text) : -errno;
}

void RemoteMounts::abandon() {
    ::close(list_.get());
}

} // namespace arsync
