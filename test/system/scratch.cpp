#include "system/scratch.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/loop.h>
#include <sched.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace live {

namespace {

namespace fs = std::filesystem;

std::string temporary_directory() {
    const char* chosen = getenv("TMPDIR");
    return chosen && *chosen ? chosen : "/var/tmp";
}

// An existing directory that is empty space in our mount namespace, or "" and why.
struct Base {
    std::string path;
    std::string why;

    Base() {
        if (!is_root()) {
            why = "needs root to mount file systems";
            return;
        }
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, nullptr) < 0) {
            why = std::string("no mount namespace to be had: ") + strerror(errno);
            return;
        }
        for (const char* candidate : {"/mnt", "/media", "/srv"}) {
            if (mount("none", candidate, "tmpfs", 0, "mode=0755") == 0) {
                path = candidate;
                return;
            }
        }
        why = std::string("no tmpfs to be had: ") + strerror(errno);
    }
};

const Base& base() {
    static const Base instance;
    return instance;
}

int unnamed_file(uint64_t size, const std::string& where) {
    int fd = open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        std::string name = where + "/arsync-test-XXXXXX";
        fd = mkostemp(name.data(), O_CLOEXEC);
        if (fd >= 0)
            unlink(name.c_str());
    }
    if (fd >= 0 && ftruncate(fd, static_cast<off_t>(size)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void extend_path() {
    const char* path = getenv("PATH");
    setenv("PATH", (std::string(path ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin").c_str(), 1);
}

int run_quietly(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    extend_path();
    const pid_t child = fork();
    if (child == 0) {
        const int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; ++fd)
            dup2(null, fd);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string new_directory(const std::string& parent) {
    std::string path = parent + "/XXXXXX";
    if (!mkdtemp(path.data()))
        throw std::runtime_error("mkdtemp " + path + ": " + strerror(errno));
    chmod(path.c_str(), 0755);
    return path;
}

} // namespace

std::string name_of(Kind kind) {
    constexpr std::array names{"ext4", "xfs", "btrfs", "tmpfs", "overlay", "ext4 without extents"};
    return names[static_cast<size_t>(kind)];
}

void skip(const std::string& reason) {
    printf("SKIP: %s\n", reason.c_str());
    fflush(stdout);
}

bool is_root() {
    return geteuid() == 0;
}

bool has_command(const std::string& name) {
    return run_quietly({"sh", "-c", "command -v " + name}) == 0;
}

LoopDevice::LoopDevice(uint64_t size, const std::string& in) {
    if (!is_root()) {
        why_ = "needs root for loop devices";
        return;
    }
    const std::string where = in.empty() ? temporary_directory() : in;
    const int image = unnamed_file(size, where);
    if (image < 0) {
        why_ = "no unnamed file in " + where + ": " + strerror(errno);
        return;
    }
    if (!attach(image))
        why_ = std::string("no loop device to be had: ") + strerror(errno);
    close(image);
}

bool LoopDevice::attach(int image) {
    const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    for (int attempt = 0; control >= 0 && fd_ < 0 && attempt < 20; ++attempt) {
        const int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            break;
        path_ = "/dev/loop" + std::to_string(number);
        const int fd = open(path_.c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0)
            break;
        loop_config config = {};
        config.fd = static_cast<uint32_t>(image);
        config.block_size = 512;
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
        if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
            fd_ = fd;
        else
            close(fd); // somebody else was quicker
    }
    if (control >= 0)
        close(control);
    return fd_ >= 0;
}

LoopDevice::~LoopDevice() {
    if (fd_ >= 0)
        close(fd_);
}

Volume::Volume(Kind kind, uint64_t megabytes, const Image& image) {
    if (base().path.empty()) {
        why_ = base().why;
        return;
    }
    path_ = new_directory(base().path);
    switch (kind) {
    case Kind::tmpfs: {
        const std::string size = std::to_string(megabytes > 0 ? megabytes : 1024);
        mounted_ = mount("none", path_.c_str(), "tmpfs", 0, ("size=" + size + "m").c_str()) == 0;
        if (!mounted_)
            why_ = std::string("cannot mount tmpfs: ") + strerror(errno);
        break;
    }
    case Kind::overlay:
        mount_overlay();
        break;
    case Kind::ext4_by_blocks:
        mount_image("ext4", megabytes > 0 ? megabytes : 256, image, {"-O", "^extents,^64bit"});
        break;
    default:
        mount_image(name_of(kind).c_str(), megabytes > 0 ? megabytes : 1024, image);
    }
}

void Volume::mount_image(const char* type, uint64_t megabytes, const Image& image,
                         const std::vector<std::string>& features) {
    const LoopDevice device(megabytes << 20, image.in);
    if (!device.usable()) {
        why_ = device.why();
        return;
    }
    const std::string tool = std::string("mkfs.") + type;
    std::vector<std::string> command{tool, "-q", device.path()};
    if (tool == "mkfs.ext4")
        command = {tool, "-q", "-F", "-m", "0", device.path()};
    command.insert(command.end() - 1, features.begin(), features.end());
    const int status = run_quietly(command);
    if (status == 127) {
        why_ = "no " + tool;
    } else if (status != 0) {
        why_ = tool + " failed with status " + std::to_string(status);
    } else if (mount(device.path().c_str(), path_.c_str(), type, 0, image.options) < 0) {
        why_ = std::string("cannot mount ") + type + ": " + strerror(errno);
    } else {
        mounted_ = true;
    }
}

void Volume::mount_overlay() {
    const Volume& below = shared_volume(Kind::ext4);
    if (!below.usable()) {
        why_ = below.why();
        return;
    }
    std::string options;
    for (const char* layer : {"lowerdir", "upperdir", "workdir"})
        options +=
            (options.empty() ? "" : ",") + std::string(layer) + "=" + new_directory(below.path());
    mounted_ = mount("none", path_.c_str(), "overlay", 0, options.c_str()) == 0;
    if (!mounted_)
        why_ = std::string("cannot mount overlay: ") + strerror(errno);
}

Volume::~Volume() {
    if (mounted_)
        umount2(path_.c_str(), MNT_DETACH);
    if (!path_.empty())
        rmdir(path_.c_str());
}

const Volume& shared_volume(Kind kind) {
    static const auto one = [](Kind wanted) { return Volume(wanted); };
    switch (kind) {
    case Kind::ext4: {
        static const Volume volume = one(Kind::ext4);
        return volume;
    }
    case Kind::xfs: {
        static const Volume volume = one(Kind::xfs);
        return volume;
    }
    case Kind::btrfs: {
        static const Volume volume = one(Kind::btrfs);
        return volume;
    }
    case Kind::tmpfs: {
        static const Volume volume = one(Kind::tmpfs);
        return volume;
    }
    case Kind::ext4_by_blocks: {
        static const Volume volume = one(Kind::ext4_by_blocks);
        return volume;
    }
    default: {
        static const Volume volume = one(Kind::overlay);
        return volume;
    }
    }
}

Mounted::Mounted(const std::string& path, const std::string& type)
    : path_(path), type_(type), usable_(mount("none", path.c_str(), type.c_str(), 0,
                                              type == "tmpfs" ? "size=1m" : nullptr) == 0) {}

Mounted::~Mounted() {
    if (usable_)
        umount2(path_.c_str(), MNT_DETACH);
}

Directory::Directory() {
    const Volume& volume = shared_volume(Kind::ext4);
    path_ = new_directory(volume.usable() ? volume.path() : temporary_directory());
}

Directory::Directory(const Volume& volume) : path_(new_directory(volume.path())) {}

Directory::~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

size_t Directory::entries() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(path_))
        ++count;
    return count;
}

Bound::Bound(const std::string& what, const std::string& where)
    : where_(where), usable_(mount(what.c_str(), where.c_str(), "", MS_BIND, nullptr) == 0) {}

Bound::~Bound() {
    if (usable_)
        umount2(where_.c_str(), MNT_DETACH);
}

} // namespace live
