#include "sim/opening.h"

#include <cerrno>
#include <linux/openat2.h>

#include "sim/transfer.h"

namespace arsync::sim {

namespace {

// As Linux does, a file that was created stays when the open then fails over O_DIRECT.
int create(World& world, Inode& directory, const std::string& name, int flags, mode_t mode) {
    Inode& inode = world.make_inode(directory, S_IFREG | (mode & 07777));
    const InodeNumber number = inode.number;
    if (!name.empty())
        world.change_names(directory.number, {{name, number}});
    const int fd = open_inode(world, inode, flags & ~O_TRUNC & ~O_DIRECTORY);
    if (fd >= 0)
        world.descriptor_to_change(fd)->flags = flags;
    return fd;
}

int open_temporary(World& world, const Place& place, int flags, mode_t mode) {
    if ((flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    if (!world.options.temporary_files)
        return -EOPNOTSUPP;
    if (place.inode == 0)
        return -ENOENT;
    Inode& directory = world.disk.at(place.inode);
    if (!directory.is_directory())
        return -ENOTDIR;
    if (world.disk.link_count(directory) == 0)
        return -EPERM; // removed, on ext4
    const int fd = create(world, directory, "", flags, mode);
    if (fd >= 0)
        world.disk.at(world.descriptor(fd)->inode).linkable = (flags & O_EXCL) == 0;
    return fd;
}

int open_created(World& world, const Place& place, int flags, mode_t mode) {
    if (place.slash && place.is_name())
        return -EISDIR;
    if (place.inode == 0) {
        Inode& directory = world.disk.at(place.directory);
        if (world.disk.link_count(directory) == 0)
            return -ENOENT; // removed
        return create(world, directory, place.name, flags, mode);
    }
    if (flags & O_EXCL)
        return -EEXIST;
    if (world.disk.at(place.inode).is_directory())
        return -EISDIR;
    return open_inode(world, world.disk.at(place.inode), flags);
}

// Nobody is at a pipe's other end, and no driver behind a device's number.
int open_special(World& world, const Inode& inode, int flags) {
    if (!S_ISFIFO(inode.attributes.mode))
        return -ENXIO;
    if (!(flags & O_NONBLOCK)) {
        world.problem("an open that waits for a pipe's other end");
        return -ENXIO;
    }
    if ((flags & O_ACCMODE) == O_WRONLY)
        return -ENXIO;
    return world.add_descriptor(inode.number, flags);
}

} // namespace

void check_open(World& world, const Step& step) {
    constexpr int made_here = O_CREAT | O_EXCL;
    const bool by_name = step.call == Call::open || step.call == Call::open_beneath ||
                         step.call == Call::open_on_ring;
    if (!by_name || (step.flags & (O_PATH | O_DIRECTORY)) != 0 ||
        (step.flags & made_here) == made_here)
        return;
    if ((step.flags & O_NONBLOCK) == 0)
        world.problem("an open that waits if a pipe is there: " + step.path);
    if ((step.flags & O_NOCTTY) == 0)
        world.problem("an open that may take a terminal: " + step.path);
}

int open_inode(World& world, Inode& inode, int flags) {
    if (world.descriptors_run_out())
        return -EMFILE;
    if ((flags & O_DIRECTORY) && !inode.is_directory())
        return -ENOTDIR;
    if (flags & O_PATH)
        return world.add_descriptor(inode.number, flags);
    if (inode.is_link())
        return -ELOOP;
    if (inode.is_directory() && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)))
        return -EISDIR;
    if (!inode.is_directory() && !inode.is_file())
        return open_special(world, inode, flags);
    if (inode.attributes.is_sealed() && (flags & O_ACCMODE) != O_RDONLY)
        return -EPERM;
    if (inode.number == world.unwritable && (flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    if ((flags & O_DIRECT) && world.options.direct_offset_align == 0)
        return -EINVAL;
    if (flags & O_TRUNC)
        truncate(world, inode, 0);
    return world.add_descriptor(inode.number, flags);
}

int open_path(World& world, int dirfd, const std::string& path, int flags, mode_t mode,
              uint64_t resolve) {
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_CREAT) && (flags & O_DIRECTORY))
        return -EINVAL;
    if (path.empty())
        return -ENOENT;
    if (world.descriptors_run_out()) // before anything is looked at or made
        return -EMFILE;
    Place place;
    if (const int error = world.walk(dirfd, path, last_of(flags), place, resolve); error < 0)
        return error;
    if (is_temporary(flags))
        return open_temporary(world, place, flags, mode);
    if (flags & O_CREAT)
        return open_created(world, place, flags, mode);
    return place.inode == 0 ? -ENOENT : open_inode(world, world.disk.at(place.inode), flags);
}

int open_beneath(World& world, int dirfd, const std::string& path, int flags, uint64_t resolve) {
    constexpr int with_path = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    constexpr uint64_t known = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                               RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
    constexpr uint64_t either = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
    if ((resolve & ~known) != 0 || (resolve & either) == either ||
        ((flags & O_PATH) && (flags & ~with_path) != 0))
        return -EINVAL;
    if ((resolve & RESOLVE_CACHED) && ((flags & (O_TRUNC | O_CREAT)) || is_temporary(flags) ||
                                       world.random.percent(world.options.uncached_percent)))
        return -EAGAIN;
    return open_path(world, dirfd, path, flags, 0, resolve);
}

} // namespace arsync::sim
