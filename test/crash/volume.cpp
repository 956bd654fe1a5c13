#include "crash/volume.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "crash/must.h"
#include "system/command.h"

namespace crash {

namespace {

// The descriptor of a loop device on the image, and its path; it detaches itself when nobody has it
// open or mounted. Or -1.
int attach(const std::string& image, bool read_only, std::string& path) {
    const int file = open(image.c_str(), O_RDWR | O_CLOEXEC);
    const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int attached = -1;
    for (int tries = 0; file >= 0 && control >= 0 && attached < 0 && tries < 100; ++tries) {
        const int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            break;
        path = "/dev/loop" + std::to_string(number);
        const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0)
            break;
        loop_config config = {};
        config.fd = static_cast<uint32_t>(file);
        config.block_size = 512;
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
        if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
            attached = fd;
        else
            close(fd); // somebody else was quicker
    }
    static_cast<void>(read_only);
    const int error = errno;
    for (const int fd : {file, control})
        if (fd >= 0)
            close(fd);
    errno = error;
    return attached;
}

// btrfs remembers devices by what was on them, and refuses an earlier state of one at another path.
void forget_btrfs() {
    const int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return;
    btrfs_ioctl_vol_args nothing = {};
    ioctl(control, BTRFS_IOC_FORGET_DEV, &nothing);
    close(control);
}

} // namespace

std::string make_filesystem(const Filesystem& kind, const std::string& image) {
    const int fd = must(open(image.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), image);
    const int sized = ftruncate(fd, static_cast<off_t>(kind.size));
    close(fd);
    must(sized, image);
    return live::output_of({"sh", "-c", kind.make, "sh", image});
}

Mounted::Mounted(const Filesystem& kind, const std::string& image, const std::string& at,
                 bool read_only)
    : at_(at) {
    std::string path;
    const int device = attach(image, read_only, path);
    if (device < 0) {
        why_ = std::string("no loop device to be had: ") + strerror(errno);
        return;
    }
    if (kind.name == std::string("btrfs"))
        forget_btrfs();
    if (mount(path.c_str(), at.c_str(), kind.name, read_only ? MS_RDONLY : 0, kind.options) < 0)
        why_ = std::string("cannot mount ") + kind.name + ": " + strerror(errno);
    close(device);
}

Mounted::~Mounted() {
    // Somebody may look at it just now, as those do who look at all mounts.
    while (usable() && umount2(at_.c_str(), 0) < 0 && errno == EBUSY)
        usleep(1000);
}

} // namespace crash
