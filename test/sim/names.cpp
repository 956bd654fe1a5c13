// Names and descriptors of the simulated files.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "io/facts.h"
#include "sim/files.h"
#include "sim/opening.h"

namespace arsync::sim {

int SimulatedFiles::open(int dirfd, const char* path, int flags, mode_t mode) {
    Step step = step_at(Call::open, dirfd, path, last_of(flags));
    step.flags = flags;
    if (is_temporary(flags))
        step.subject = Subject::destination;
    return static_cast<int>(
        world_.step(step, [&] { return open_path(world_, dirfd, path, flags, mode); }));
}

int SimulatedFiles::open_beneath(int dirfd, const char* path, int flags, uint64_t resolve) {
    Step step = step_at(Call::open_beneath, dirfd, path, last_of(flags));
    step.flags = flags;
    return static_cast<int>(
        world_.step(step, [&] { return sim::open_beneath(world_, dirfd, path, flags, resolve); }));
}

Step SimulatedFiles::step_at(Call call, int dirfd, const char* path, Last last) {
    Step step{call, world_.subject_at(dirfd, path, last)};
    step.path = path;
    return step;
}

int SimulatedFiles::close(int fd) {
    Step step{Call::close, world_.subject_of(fd)};
    step.fd = fd;
    step.flags = world_.flags_of(fd);
    step.nameless = world_.open(fd) && world_.disk.at(world_.descriptor(fd)->inode).links == 0;
    bool closed = false;
    const int64_t result = world_.step(step, [&]() -> int64_t {
        closed = true;
        return world_.remove_descriptor(fd);
    });
    if (!closed) // a close that reports an error has closed all the same
        world_.remove_descriptor(fd);
    return static_cast<int>(result);
}

int SimulatedFiles::reopen(int fd, int flags) {
    Step step{Call::reopen, world_.subject_of(fd)};
    step.flags = flags;
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        const Description* description = world_.descriptor(fd);
        if (!description)
            return -EBADF;
        const int promises = description->flags & (O_SYNC | O_NOATIME);
        return open_inode(world_, world_.disk.at(description->inode), flags | promises);
    }));
}

int SimulatedFiles::duplicate(int fd) {
    Step step{Call::reopen, world_.subject_of(fd)};
    step.flags = world_.flags_of(fd);
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        const Description* description = world_.descriptor(fd);
        if (!description)
            return -EBADF;
        if (world_.descriptors_run_out())
            return -EMFILE;
        // The first close of the description has told of what was written.
        return world_.add_descriptor(description->inode, O_RDONLY);
    }));
}

// Of what is there only this is wrong.
static void lie_about(World& world, struct statx& out) {
    ++world.lies_told;
    switch (world.lie) {
    case Lie::kind:
        out.stx_mode = static_cast<uint16_t>((out.stx_mode & 07777) | S_IFIFO);
        break;
    case Lie::inode:
        out.stx_ino += 1'000'000 * world.lies_told;
        break;
    case Lie::time:
        out.stx_mtime.tv_sec += static_cast<int64_t>(world.lies_told);
        break;
    default: // of the size, which is told already
        break;
    }
}

static void fill(World& world, const Inode& inode, struct statx& out) {
    const Attributes& attributes = inode.attributes;
    const auto time = [](const timespec& from) {
        statx_timestamp to{};
        to.tv_sec = from.tv_sec;
        to.tv_nsec = static_cast<uint32_t>(from.tv_nsec);
        return to;
    };
    std::memset(&out, 0, sizeof out);
    out.stx_mask = STATX_BASIC_STATS | STATX_DIOALIGN;
    out.stx_blksize = block_size;
    out.stx_nlink = world.disk.link_count(inode);
    out.stx_uid = attributes.uid;
    out.stx_gid = attributes.gid;
    out.stx_mode = static_cast<uint16_t>(attributes.mode);
    if ((attributes.flags & FS_IMMUTABLE_FL) != 0)
        out.stx_attributes |= STATX_ATTR_IMMUTABLE;
    if ((attributes.flags & FS_APPEND_FL) != 0)
        out.stx_attributes |= STATX_ATTR_APPEND;
    out.stx_ino = inode.number;
    out.stx_rdev_major = major(inode.device);
    out.stx_rdev_minor = minor(inode.device);
    if (inode.is_directory()) {
        out.stx_size = block_size;
    } else if (inode.is_link()) {
        out.stx_size = inode.target.size();
    } else if (inode.number != world.without_size) {
        out.stx_size = world.told_size(inode);
        out.stx_blocks = inode.content.blocks_allocated() * (block_size / 512);
        const bool is_source =
            inode.number == world.source || world.sources.count(inode.number) != 0;
        if (inode.is_file() && !is_source)
            out.stx_blocks += world.options.spare_blocks;
    }
    out.stx_atime = time(attributes.accessed);
    out.stx_mtime = time(attributes.modified);
    out.stx_ctime = time(attributes.changed);
    out.stx_dev_major = 8;
    out.stx_dev_minor = world.is_elsewhere(inode.number) ? 2 : 1;
    if (inode.is_file())
        set_later_facts(out,
                        {0, world.options.direct_memory_align, world.options.direct_offset_align});
    if (world.lie != Lie::none && inode.number == world.lied_about)
        lie_about(world, out);
}

int SimulatedFiles::statx(int dirfd, const char* path, int at_flags, struct statx& out) {
    const Last last = at_flags & AT_SYMLINK_NOFOLLOW ? Last::kept : Last::followed;
    return static_cast<int>(world_.step(step_at(Call::statx, dirfd, path, last), [&]() -> int64_t {
        InodeNumber number = world_.disk.root().number;
        if (*path != '\0') {
            if (const int error = world_.find(dirfd, path, last, number); error < 0)
                return error;
        } else if (dirfd != AT_FDCWD) {
            const Description* description = world_.descriptor(dirfd);
            if (!description)
                return -EBADF;
            number = description->inode;
        }
        fill(world_, world_.disk.at(number), out);
        return 0;
    }));
}

// A place for a new name, as link(2), mkdir(2) and the like want it.
int SimulatedFiles::new_name(int dirfd, const char* path, Place& place, bool directory) {
    if (const int error = world_.walk(dirfd, path, Last::name, place); error < 0)
        return error;
    if (place.inode != 0)
        return -EEXIST;
    if ((world_.disk.at(place.directory).attributes.flags & FS_IMMUTABLE_FL) != 0)
        return -EACCES;
    const bool removed = world_.disk.link_count(world_.disk.at(place.directory)) == 0;
    return removed || (place.slash && !directory) ? -ENOENT : 0;
}

int SimulatedFiles::link_inode(InodeNumber number, int dirfd, const char* name) {
    Place place;
    if (const int error = new_name(dirfd, name, place, false); error < 0)
        return error;
    const Inode& inode = world_.disk.at(number);
    if (inode.is_directory() || inode.attributes.is_sealed())
        return -EPERM;
    if (inode.links >= world_.options.links_max)
        return -EMLINK;
    world_.change_names(place.directory, {{place.name, number}});
    return 0;
}

int SimulatedFiles::link(int fd, int dirfd, const char* name) {
    Step step{Call::link, world_.subject_of(fd)};
    step.path = name;
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        const Description* description = world_.descriptor(fd);
        if (!description)
            return -EBADF;
        const Inode& inode = world_.disk.at(description->inode);
        if (inode.links == 0 && !inode.linkable)
            return -ENOENT;
        return link_inode(description->inode, dirfd, name);
    }));
}

int SimulatedFiles::make_link(int from_dirfd, const char* from, int dirfd, const char* name) {
    Step step = step_at(Call::make_link, dirfd, name, Last::name);
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        InodeNumber number = 0;
        if (const int error = world_.find(from_dirfd, from, Last::kept, number); error < 0)
            return error;
        return link_inode(number, dirfd, name);
    }));
}

int SimulatedFiles::make_directory(int dirfd, const char* name, mode_t mode) {
    const Step step = step_at(Call::make_directory, dirfd, name, Last::name);
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        Place place;
        if (const int error = new_name(dirfd, name, place, true); error < 0)
            return error;
        return add_name(place, S_IFDIR | (mode & 01777));
    }));
}

int SimulatedFiles::make_special(int dirfd, const char* name, mode_t mode, dev_t device) {
    const Step step = step_at(Call::make_special, dirfd, name, Last::name);
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        const mode_t kind = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
        const bool is_device = S_ISCHR(kind) || S_ISBLK(kind);
        Place place;
        if (S_ISDIR(kind))
            return -EPERM;
        if (!is_device && !S_ISREG(kind) && !S_ISFIFO(kind) && !S_ISSOCK(kind))
            return -EINVAL;
        if (const int error = new_name(dirfd, name, place, false); error < 0)
            return error;
        if (is_device && !world_.options.privileged)
            return -EPERM;
        const int result = add_name(place, kind | (mode & 07777));
        world_.disk.find(place.directory, place.name)->device = is_device ? device : 0;
        return result;
    }));
}

int SimulatedFiles::make_symlink(const char* text, int dirfd, const char* name) {
    const Step step = step_at(Call::make_symlink, dirfd, name, Last::name);
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        const std::string target = text;
        Place place;
        if (target.empty())
            return -ENOENT;
        if (target.size() >= block_size)
            return -ENAMETOOLONG;
        if (const int error = new_name(dirfd, name, place, false); error < 0)
            return error;
        const int result = add_name(place, S_IFLNK | 0777);
        world_.disk.find(place.directory, place.name)->target = target;
        return result;
    }));
}

int SimulatedFiles::add_name(const Place& place, mode_t mode) {
    const Inode& inode = world_.make_inode(world_.disk.at(place.directory), mode);
    world_.change_names(place.directory, {{place.name, inode.number}});
    return 0;
}

// Whether what is at one place may be renamed to what is at another: 0, or why not.
static int may_replace(const Disk& disk, const Place& from, const Place& to) {
    const Inode& inode = disk.at(from.inode);
    if (inode.attributes.is_sealed())
        return -EPERM;
    if (!inode.is_directory() && (from.slash || to.slash))
        return -ENOTDIR;
    if (to.inode == 0 || to.inode == from.inode)
        return 0;
    const Inode& old = disk.at(to.inode);
    if (old.attributes.is_sealed())
        return -EPERM;
    if (inode.is_directory() && !old.is_directory())
        return -ENOTDIR;
    if (!inode.is_directory() && old.is_directory())
        return -EISDIR;
    return old.names.empty() ? 0 : -ENOTEMPTY;
}

int SimulatedFiles::rename(int dirfd, const char* from, const char* to) {
    return move_name(dirfd, from, to, true);
}

int SimulatedFiles::rename_to_free(int dirfd, const char* from, const char* to) {
    return move_name(dirfd, from, to, false);
}

int SimulatedFiles::move_name(int dirfd, const char* from, const char* to, bool replaces) {
    const Step step = step_at(Call::rename, dirfd, from, Last::name);
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        Place old_place, new_place;
        if (const int error = world_.walk(dirfd, from, Last::name, old_place); error < 0)
            return error;
        if (const int error = world_.walk(dirfd, to, Last::name, new_place); error < 0)
            return error;
        if (!old_place.is_name() || !new_place.is_name())
            return -EBUSY;
        if (old_place.inode == 0)
            return -ENOENT;
        if (old_place.directory != new_place.directory)
            return -EXDEV; // the simulated disk renames inside a directory only
        if (!replaces && new_place.inode != 0)
            return -EEXIST;
        if (const int error = may_replace(world_.disk, old_place, new_place); error < 0)
            return error;
        if (old_place.inode == new_place.inode)
            return 0; // names of one file: both stay
        world_.change_names(old_place.directory,
                            {{new_place.name, old_place.inode}, {old_place.name, std::nullopt}});
        return 0;
    }));
}

int SimulatedFiles::unlink(int dirfd, const char* name) {
    return static_cast<int>(
        world_.step(step_at(Call::unlink, dirfd, name, Last::name), [&]() -> int64_t {
            Place place;
            if (const int error = world_.walk(dirfd, name, Last::name, place); error < 0)
                return error;
            if (!place.is_name())
                return -EISDIR;
            if (place.inode == 0)
                return -ENOENT;
            if (world_.disk.at(place.inode).attributes.is_sealed())
                return -EPERM;
            if (world_.disk.at(place.inode).is_directory())
                return -EISDIR;
            if (place.slash)
                return -ENOTDIR;
            world_.change_names(place.directory, {{place.name, std::nullopt}});
            return 0;
        }));
}

int SimulatedFiles::remove_directory(int dirfd, const char* name) {
    return static_cast<int>(
        world_.step(step_at(Call::remove_directory, dirfd, name, Last::name), [&]() -> int64_t {
            Place place;
            if (const int error = world_.walk(dirfd, name, Last::name, place); error < 0)
                return error;
            if (!place.is_name())
                return place.name == ".." ? -ENOTEMPTY : -EINVAL;
            if (place.inode == 0)
                return -ENOENT;
            const Inode& inode = world_.disk.at(place.inode);
            if (!inode.is_directory())
                return -ENOTDIR;
            if (!inode.names.empty())
                return -ENOTEMPTY;
            world_.change_names(place.directory, {{place.name, std::nullopt}});
            return 0;
        }));
}

} // namespace arsync::sim
