// Contents, attributes and facts; names and descriptors are in names.cpp.
#include "sim/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>

#include "sim/transfer.h"

namespace arsync::sim {

template <class Effect>
int64_t SimulatedFiles::on(Step step, int fd, Effect effect) {
    step.subject = world_.subject_of(fd);
    step.flags = world_.flags_of(fd);
    return world_.step(step, [&]() -> int64_t {
        Description* description = world_.descriptor_to_change(fd);
        if (!description)
            return -EBADF;
        return effect(world_.disk.at(description->inode), *description);
    });
}

int SimulatedFiles::set_direct(int fd, bool direct) {
    const bool supported = world_.options.direct_offset_align != 0;
    return static_cast<int>(on({Call::set_direct}, fd, [&](Inode&, Description& description) {
        if (direct && !supported)
            return -EINVAL;
        description.flags = direct ? description.flags | O_DIRECT : description.flags & ~O_DIRECT;
        return 0;
    }));
}

int SimulatedFiles::filesystem_type(int fd, uint64_t& magic) {
    return static_cast<int>(on({Call::filesystem_type}, fd, [&](Inode&, Description&) {
        magic = world_.options.filesystem_type;
        return 0;
    }));
}

int SimulatedFiles::device_size(int fd, uint64_t&) {
    return static_cast<int>(
        on({Call::device_size}, fd, [](Inode&, Description&) { return -ENOTTY; }));
}

int SimulatedFiles::cached(int fd, uint64_t offset, uint64_t length, uint64_t& bytes) {
    return static_cast<int>(on({Call::cached}, fd, [&](Inode& inode, Description&) {
        if (!world_.options.reports_residency)
            return -ENOSYS;
        bytes = cached_bytes(inode, offset, length);
        return 0;
    }));
}

int64_t SimulatedFiles::seek(int fd, int64_t offset, int whence) {
    return on({Call::seek}, fd, [&](Inode& inode, Description&) -> int64_t {
        const Content& content = inode.content;
        const auto from = static_cast<uint64_t>(offset);
        if (whence != SEEK_DATA && whence != SEEK_HOLE)
            return -EINVAL;
        if (offset < 0 || from >= content.size())
            return -ENXIO;
        if (!world_.options.reports_holes)
            return whence == SEEK_DATA ? offset : static_cast<int64_t>(content.size());
        const uint64_t found =
            whence == SEEK_DATA ? content.next_data(from) : content.next_hole(from);
        if (whence == SEEK_DATA && found == content.size())
            return -ENXIO;
        return static_cast<int64_t>(found);
    });
}

// Only what is in the page cache, from its first block on.
int64_t SimulatedFiles::read_cached(int fd, void* data, size_t length, uint64_t offset) {
    const Step step{Call::read_cached, Subject::none, 0, 0, offset, length};
    return on(step, fd, [&](Inode& inode, Description& description) -> int64_t {
        if (offset >= inode.content.size() || length == 0)
            return 0;
        if (description.flags & O_DIRECT)
            return -EAGAIN;
        uint64_t end = offset;
        while (end < offset + length && inode.in_cache(block_of(end)))
            end = (block_of(end) + 1) * block_size;
        if (end == offset)
            return -EAGAIN;
        return read(world_, {inode, description.flags, static_cast<std::byte*>(data),
                             std::min<uint64_t>(length, end - offset), offset});
    });
}

int64_t SimulatedFiles::write(int fd, const void* data, size_t length, uint64_t offset) {
    const Step step{Call::write_now, Subject::none, 0, 0, offset, length};
    return on(step, fd, [&](Inode& inode, Description& description) -> int64_t {
        // Written from, not to: Transfer serves both directions.
        auto* bytes = static_cast<std::byte*>(const_cast<void*>(data));
        return sim::write(world_, {inode, description.flags, bytes, length, offset});
    });
}

int SimulatedFiles::truncate(int fd, uint64_t size) {
    const Step step{Call::truncate, Subject::none, 0, 0, size, 0};
    return static_cast<int>(on(step, fd, [&](Inode& inode, Description& description) {
        if ((description.flags & O_ACCMODE) == O_RDONLY)
            return -EINVAL;
        return sim::truncate(world_, inode, size);
    }));
}

int SimulatedFiles::drop_cache(int fd, uint64_t offset, uint64_t length) {
    return static_cast<int>(on({Call::drop_cache}, fd, [&](Inode& inode, Description&) {
        sim::drop_cache(inode, offset, length);
        return 0;
    }));
}

int SimulatedFiles::chmod(int fd, mode_t mode) {
    return static_cast<int>(on({Call::chmod}, fd, [&](Inode& inode, Description&) {
        inode.attributes.mode = (inode.attributes.mode & S_IFMT) | (mode & 07777);
        inode.attributes.changed = world_.now();
        return 0;
    }));
}

// As Linux does, also when nothing changes: set-user-ID, set-group-ID and capabilities are lost.
int SimulatedFiles::chown(int fd, uid_t uid, gid_t gid) {
    return static_cast<int>(on({Call::chown}, fd, [&](Inode& inode, Description&) {
        Attributes& attributes = inode.attributes;
        const uid_t new_uid = uid == static_cast<uid_t>(-1) ? attributes.uid : uid;
        const gid_t new_gid = gid == static_cast<gid_t>(-1) ? attributes.gid : gid;
        const bool same = new_uid == attributes.uid && new_gid == attributes.gid;
        if (!world_.options.privileged && !same)
            return -EPERM;
        attributes.uid = new_uid;
        attributes.gid = new_gid;
        attributes.mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
        attributes.xattrs.erase("security.capability");
        attributes.changed = world_.now();
        return 0;
    }));
}

int SimulatedFiles::set_times(int fd, const timespec times[2]) {
    return static_cast<int>(on({Call::set_times}, fd, [&](Inode& inode, Description&) {
        inode.attributes.accessed = times[0];
        inode.attributes.modified = times[1];
        inode.attributes.changed = world_.now();
        return 0;
    }));
}

int64_t SimulatedFiles::list_xattrs(int fd, char* names, size_t size) {
    return on({Call::list_xattrs}, fd, [&](Inode& inode, Description&) -> int64_t {
        std::string all;
        for (const auto& [name, _] : inode.attributes.xattrs)
            all += name + '\0';
        if (size > 0 && size < all.size())
            return -ERANGE;
        if (size > 0)
            std::memcpy(names, all.data(), all.size());
        return static_cast<int64_t>(all.size());
    });
}

int64_t SimulatedFiles::get_xattr(int fd, const char* name, void* value, size_t size) {
    return on({Call::get_xattr}, fd, [&](Inode& inode, Description&) -> int64_t {
        const auto found = inode.attributes.xattrs.find(name);
        if (found == inode.attributes.xattrs.end())
            return -ENODATA;
        if (size > 0 && size < found->second.size())
            return -ERANGE;
        if (size > 0)
            std::memcpy(value, found->second.data(), found->second.size());
        return static_cast<int64_t>(found->second.size());
    });
}

int SimulatedFiles::set_xattr(int fd, const char* name, const void* value, size_t size) {
    return static_cast<int>(on({Call::set_xattr}, fd, [&](Inode& inode, Description&) {
        inode.attributes.xattrs[name] = std::string(static_cast<const char*>(value), size);
        return 0;
    }));
}

int SimulatedFiles::remove_xattr(int fd, const char* name) {
    return static_cast<int>(on({Call::remove_xattr}, fd, [&](Inode& inode, Description&) {
        return inode.attributes.xattrs.erase(name) ? 0 : -ENODATA;
    }));
}

} // namespace arsync::sim
