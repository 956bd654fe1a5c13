// Attributes of the simulated files.
#include <cstring>

#include "sim/on.h"

namespace arsync::sim {

namespace {

int change_mode(World& world, Inode& inode, mode_t mode) {
    if (inode.attributes.is_sealed())
        return -EPERM;
    inode.attributes.mode = (inode.attributes.mode & S_IFMT) | (mode & 07777);
    inode.attributes.changed = world.now();
    return 0;
}

// As Linux does, also when nothing changes: set-user-ID, set-group-ID and capabilities are lost.
int change_owner(World& world, Inode& inode, uid_t uid, gid_t gid) {
    Attributes& attributes = inode.attributes;
    const uid_t new_uid = uid == static_cast<uid_t>(-1) ? attributes.uid : uid;
    const gid_t new_gid = gid == static_cast<gid_t>(-1) ? attributes.gid : gid;
    const bool same = new_uid == attributes.uid && new_gid == attributes.gid;
    if (attributes.is_sealed() || (!world.options.privileged && !same))
        return -EPERM;
    attributes.uid = new_uid;
    attributes.gid = new_gid;
    if (!inode.is_directory())
        attributes.mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
    attributes.xattrs.erase("security.capability");
    attributes.changed = world.now();
    return 0;
}

int change_times(World& world, Inode& inode, const timespec times[2]) {
    if (inode.attributes.is_sealed())
        return -EPERM;
    const timespec now = world.now();
    const auto set = [&](timespec& time, const timespec& wanted) {
        if (wanted.tv_nsec != UTIME_OMIT)
            time = wanted.tv_nsec == UTIME_NOW ? now : wanted;
    };
    set(inode.attributes.accessed, times[0]);
    set(inode.attributes.modified, times[1]);
    inode.attributes.changed = now;
    return 0;
}

// Bytes given to a caller who may ask how many there are by a size of 0.
int64_t give(const std::string& from, void* to, size_t size) {
    if (size > 0 && size < from.size())
        return -ERANGE;
    if (size > 0)
        std::memcpy(to, from.data(), from.size());
    return static_cast<int64_t>(from.size());
}

int64_t all_xattrs(const Inode& inode, char* names, size_t size) {
    std::string all;
    for (const auto& [name, _] : inode.attributes.xattrs)
        all += name + '\0';
    return give(all, names, size);
}

int64_t xattr(const Inode& inode, const char* name, void* value, size_t size) {
    const auto found = inode.attributes.xattrs.find(name);
    return found == inode.attributes.xattrs.end() ? -ENODATA : give(found->second, value, size);
}

// Users' attributes are of files and directories only; access lists not of links, which have no
// access of their own.
int change_xattr(World& world, Inode& inode, const std::string& name, const void* value,
                 size_t size) {
    const bool of_user = name.compare(0, 5, "user.") == 0;
    const bool access_list = name.compare(0, 17, "system.posix_acl_") == 0;
    if (inode.attributes.is_sealed())
        return -EPERM;
    if (of_user && !inode.is_file() && !inode.is_directory())
        return -EPERM;
    if (access_list && inode.is_link())
        return -EOPNOTSUPP;
    if (name == "system.posix_acl_default" && !inode.is_directory())
        return -EACCES;
    inode.attributes.xattrs[name] = std::string(static_cast<const char*>(value), size);
    inode.attributes.changed = world.now();
    return 0;
}

} // namespace

int SimulatedFiles::chmod(int fd, mode_t mode) {
    return static_cast<int>(on({Call::chmod}, fd, [&](Inode& inode, Description&) {
        return inode.is_link() ? -EOPNOTSUPP : change_mode(world_, inode, mode);
    }));
}

int SimulatedFiles::chown(int fd, uid_t uid, gid_t gid) {
    return static_cast<int>(on({Call::chown}, fd, [&](Inode& inode, Description&) {
        return change_owner(world_, inode, uid, gid);
    }));
}

int SimulatedFiles::set_times(int fd, const timespec times[2]) {
    return static_cast<int>(on({Call::set_times}, fd, [&](Inode& inode, Description&) {
        return change_times(world_, inode, times);
    }));
}

int64_t SimulatedFiles::list_xattrs(int fd, char* names, size_t size) {
    return on({Call::list_xattrs}, fd,
              [&](Inode& inode, Description&) { return all_xattrs(inode, names, size); });
}

int64_t SimulatedFiles::get_xattr(int fd, const char* name, void* value, size_t size) {
    return on({Call::get_xattr}, fd,
              [&](Inode& inode, Description&) { return xattr(inode, name, value, size); });
}

int SimulatedFiles::set_xattr(int fd, const char* name, const void* value, size_t size) {
    return static_cast<int>(on({Call::set_xattr}, fd, [&](Inode& inode, Description&) {
        return change_xattr(world_, inode, name, value, size);
    }));
}

int SimulatedFiles::remove_xattr(int fd, const char* name) {
    return static_cast<int>(on({Call::remove_xattr}, fd, [&](Inode& inode, Description&) {
        if (inode.attributes.is_sealed())
            return -EPERM;
        return inode.attributes.xattrs.erase(name) ? 0 : -ENODATA;
    }));
}

int SimulatedFiles::inode_flags(int fd, InodeFlags& flags) {
    return static_cast<int>(on({Call::inode_flags}, fd, [&](Inode& inode, Description&) {
        if (world_.options.filesystem_type != ext4_magic)
            return -ENOTTY;
        flags = {inode.attributes.flags | (world_.options.extents ? FS_EXTENT_FL : 0), ~0u};
        return 0;
    }));
}

// As on btrfs, only an empty file can be told to write its data in place.
int SimulatedFiles::set_inode_flags(int fd, unsigned flags) {
    return static_cast<int>(on({Call::set_inode_flags}, fd, [&](Inode& inode, Description&) {
        const unsigned changed = (flags ^ inode.attributes.flags) & ~unsigned{FS_EXTENT_FL};
        const bool seals = (changed & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0;
        if (seals && !world_.options.privileged)
            return -EPERM;
        if ((changed & FS_NOCOW_FL) != 0 && inode.content.size() > 0)
            return -EINVAL;
        inode.attributes.flags = flags & ~unsigned{FS_EXTENT_FL};
        inode.attributes.changed = world_.now();
        return 0;
    }));
}

int SimulatedFiles::project(int fd, uint32_t& project) {
    return static_cast<int>(on({Call::project}, fd, [&](Inode& inode, Description&) {
        project = inode.attributes.project;
        return 0;
    }));
}

int SimulatedFiles::set_project(int fd, uint32_t project) {
    return static_cast<int>(on({Call::set_project}, fd, [&](Inode& inode, Description&) {
        if (inode.attributes.is_sealed())
            return -EPERM;
        inode.attributes.project = project;
        return 0;
    }));
}

} // namespace arsync::sim
