// Names and descriptors of the simulated files; their contents and attributes are in files.cpp.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "sim/files.h"
#include "sim/transfer.h"

namespace arsync::sim {

// O_TMPFILE has O_DIRECTORY's bit, so a test of one bit is not enough.
static bool is_temporary(int flags) {
    return (flags & O_TMPFILE) == O_TMPFILE;
}

Subject SimulatedFiles::subject_at(int dirfd, const char* path) {
    if (*path == '\0')
        return world_.subject_of(dirfd);
    InodeNumber directory = 0;
    std::string name;
    if (dirfd != AT_FDCWD && !world_.open(dirfd))
        return Subject::none;
    if (world_.resolve(dirfd, path, directory, name) < 0)
        return Subject::none;
    if (name == ".")
        return Subject::directory;
    const Inode* inode = world_.disk.find(directory, name);
    return inode ? world_.subject_of(inode->number) : Subject::destination;
}

int SimulatedFiles::open(int dirfd, const char* path, int flags, mode_t mode) {
    Step step{Call::open, subject_at(dirfd, path)};
    step.flags = flags;
    if (is_temporary(flags))
        step.subject = Subject::destination;
    return static_cast<int>(
        world_.step(step, [&]() -> int64_t { return open_name(dirfd, path, flags, mode); }));
}

int SimulatedFiles::open_name(int dirfd, const char* path, int flags, mode_t mode) {
    InodeNumber directory_number = 0;
    std::string name;
    if (*path == '\0')
        return -ENOENT;
    if (const int error = world_.resolve(dirfd, path, directory_number, name); error < 0)
        return error;
    Inode* directory = &world_.disk.at(directory_number);
    Inode* inode = name == "." ? directory : world_.disk.find(directory_number, name);
    if (inode && inode->is_link()) {
        if (flags & O_NOFOLLOW)
            return flags & O_PATH ? world_.add_descriptor(inode->number, flags) : -ELOOP;
        if ((flags & O_CREAT) && (flags & O_EXCL))
            return -EEXIST;
        name = inode->target; // relative, in the same directory
        inode = world_.disk.find(directory_number, name);
    }
    if (is_temporary(flags)) {
        if (!world_.options.temporary_files)
            return -EOPNOTSUPP;
        if (!inode)
            return -ENOENT;
        return inode->is_directory() ? create(*inode, "", flags, mode) : -ENOTDIR;
    }
    if (!inode)
        return flags & O_CREAT ? create(*directory, name, flags, mode) : -ENOENT;
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    return open_inode(*inode, flags);
}

// As Linux does, a file that was created stays when the open then fails over O_DIRECT.
int SimulatedFiles::create(Inode& directory, const std::string& name, int flags, mode_t mode) {
    Inode& inode = world_.disk.create(S_IFREG | (mode & 07777 & ~world_.options.umask));
    const timespec now = world_.now();
    inode.attributes.accessed = inode.attributes.modified = inode.attributes.changed = now;
    inode.durable_attributes = inode.attributes;
    if (!name.empty())
        world_.disk.change_names(directory, {{name, inode.number}});
    const int fd = open_inode(inode, flags & ~O_TRUNC & ~O_DIRECTORY);
    if (fd >= 0)
        world_.descriptor_to_change(fd)->flags = flags;
    return fd;
}

int SimulatedFiles::open_inode(Inode& inode, int flags) {
    if ((flags & O_DIRECTORY) && !inode.is_directory())
        return -ENOTDIR;
    if (inode.is_directory() && (flags & O_ACCMODE) != O_RDONLY)
        return -EISDIR;
    if ((flags & O_DIRECT) && world_.options.direct_offset_align == 0)
        return -EINVAL;
    if (flags & O_TRUNC)
        sim::truncate(world_, inode, 0);
    return world_.add_descriptor(inode.number, flags);
}

int SimulatedFiles::close(int fd) {
    Step step{Call::close, world_.subject_of(fd)};
    step.flags = world_.flags_of(fd);
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
        return description ? open_inode(world_.disk.at(description->inode), flags) : -EBADF;
    }));
}

static void fill(const World& world, const Inode& inode, struct statx& out) {
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
    out.stx_nlink = inode.links;
    out.stx_uid = attributes.uid;
    out.stx_gid = attributes.gid;
    out.stx_mode = static_cast<uint16_t>(attributes.mode);
    out.stx_ino = inode.number;
    if (inode.number != world.without_size) {
        out.stx_size = inode.content.size();
        out.stx_blocks = inode.content.blocks_allocated() * (block_size / 512);
    }
    out.stx_atime = time(attributes.accessed);
    out.stx_mtime = time(attributes.modified);
    out.stx_ctime = time(attributes.changed);
    out.stx_dev_major = 8;
    out.stx_dev_minor = 1;
    out.stx_dio_mem_align = inode.is_file() ? world.options.direct_memory_align : 0;
    out.stx_dio_offset_align = inode.is_file() ? world.options.direct_offset_align : 0;
}

int SimulatedFiles::statx(int dirfd, const char* path, int at_flags, struct statx& out) {
    const Step step{Call::statx, subject_at(dirfd, path)};
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        if (*path == '\0') {
            const Description* description = world_.descriptor(dirfd);
            if (!description)
                return -EBADF;
            fill(world_, world_.disk.at(description->inode), out);
            return 0;
        }
        InodeNumber directory = 0;
        std::string name;
        if (const int error = world_.resolve(dirfd, path, directory, name); error < 0)
            return error;
        const Inode* inode =
            name == "." ? &world_.disk.at(directory) : world_.disk.find(directory, name);
        if (inode && inode->is_link() && !(at_flags & AT_SYMLINK_NOFOLLOW))
            inode = world_.disk.find(directory, inode->target);
        if (!inode)
            return -ENOENT;
        fill(world_, *inode, out);
        return 0;
    }));
}

int SimulatedFiles::link(int fd, int dirfd, const char* name) {
    const Step step{Call::link, world_.subject_of(fd)};
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        const Description* description = world_.descriptor(fd);
        InodeNumber directory = 0;
        std::string last;
        if (!description)
            return -EBADF;
        if (const int error = world_.resolve(dirfd, name, directory, last); error < 0)
            return error;
        if (world_.disk.find(directory, last))
            return -EEXIST;
        if (!is_temporary(description->flags) && world_.disk.at(description->inode).links == 0)
            return -ENOENT;
        world_.disk.change_names(world_.disk.at(directory), {{last, description->inode}});
        return 0;
    }));
}

int SimulatedFiles::rename(int dirfd, const char* from, const char* to) {
    const Step step{Call::rename, subject_at(dirfd, from)};
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        InodeNumber directory = 0, to_directory = 0;
        std::string from_name, to_name;
        if (const int error = world_.resolve(dirfd, from, directory, from_name); error < 0)
            return error;
        if (const int error = world_.resolve(dirfd, to, to_directory, to_name); error < 0)
            return error;
        if (directory != to_directory)
            return -EXDEV; // the simulated disk renames inside a directory only
        const Inode* inode = world_.disk.find(directory, from_name);
        if (!inode)
            return -ENOENT;
        world_.disk.change_names(world_.disk.at(directory),
                                 {{to_name, inode->number}, {from_name, std::nullopt}});
        return 0;
    }));
}

int SimulatedFiles::unlink(int dirfd, const char* name) {
    const Step step{Call::unlink, subject_at(dirfd, name)};
    return static_cast<int>(world_.step(step, [&]() -> int64_t {
        InodeNumber directory = 0;
        std::string last;
        if (const int error = world_.resolve(dirfd, name, directory, last); error < 0)
            return error;
        const Inode* inode = world_.disk.find(directory, last);
        if (!inode)
            return -ENOENT;
        if (inode->is_directory())
            return -EISDIR;
        world_.disk.change_names(world_.disk.at(directory), {{last, std::nullopt}});
        return 0;
    }));
}

} // namespace arsync::sim
