// Contents and facts of the simulated files.
#include "sim/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>

#include "sim/on.h"
#include "sim/transfer.h"

namespace arsync::sim {

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
    return static_cast<int>(on({Call::filesystem_type}, fd, [&](Inode& inode, Description&) {
        const bool is_server = world_.options.filesystem_type == fuse_magic;
        if (inode.number == world_.without_size && !is_server)
            magic = proc_magic;
        else
            magic = world_.type_of(inode.number);
        return 0;
    }));
}

// Nothing is mounted in this world but its root.
int SimulatedFiles::places_of(int fd, std::vector<PlaceOnDevice>& places) {
    const Description* description = world_.descriptor(fd);
    if (!description)
        return -EBADF;
    if (!world_.options.lists_mounts)
        return -ENOENT;
    const std::string path = world_.path_of(description->inode);
    if (path.empty() || path.front() != '/')
        return -ENOENT;
    places = {{"8:1", path}};
    return 0;
}

int SimulatedFiles::device_size(int fd, uint64_t&) {
    return static_cast<int>(
        on({Call::device_size}, fd, [](Inode&, Description&) { return -ENOTTY; }));
}

int SimulatedFiles::page_cache(int fd, uint64_t offset, uint64_t length, PageCache& out) {
    return static_cast<int>(on({Call::page_cache}, fd, [&](Inode& inode, Description&) {
        if (!world_.options.reports_residency)
            return -ENOSYS;
        out = {cached_bytes(inode, offset, length), dirty_bytes(inode, offset, length)};
        return 0;
    }));
}

int SimulatedFiles::is_resident(int fd, uint64_t offset, uint64_t length) {
    return static_cast<int>(on({Call::page_cache}, fd, [&](Inode& inode, Description&) {
        return cached_end(inode, offset, offset + length) == offset + length ? 1 : 0;
    }));
}

// Files lie in another order than that of their numbers.
uint64_t SimulatedFiles::place_on_disk(int fd) {
    const int64_t place = on({Call::place_on_disk}, fd, [](Inode& inode, Description&) {
        return inode.content.size() == 0 ? 0 : static_cast<int64_t>(place_of(inode.number));
    });
    return static_cast<uint64_t>(std::max<int64_t>(place, 0));
}

int SimulatedFiles::read_ahead(int fd, uint64_t offset, uint64_t length) {
    const Step step{Call::read_ahead, Subject::none, 0, 0, offset, length};
    return static_cast<int>(on(step, fd, [](Inode&, Description&) { return 0; }));
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
        const bool lies = world_.options.denies_data || !world_.options.extents;
        const Content lie = lies ? content_seen(inode) : Content();
        const Content& seen = lies ? lie : content;
        const uint64_t found = whence == SEEK_DATA ? seen.next_data(from) : seen.next_hole(from);
        if (whence == SEEK_DATA && found == content.size())
            return -ENXIO;
        return static_cast<int64_t>(found);
    });
}

// By whoever asks for holes.
Content SimulatedFiles::content_seen(const Inode& inode) const {
    Content seen = inode.content;
    if (world_.options.denies_data)
        seen.punch(0, seen.size());
    if (!world_.options.extents)
        for (const uint64_t block : inode.dirty)
            seen.clear_block(block);
    return seen;
}

// Only what is in the page cache, from its first block on.
int64_t SimulatedFiles::read_cached(int fd, void* data, size_t length, uint64_t offset) {
    const Step step{Call::read_cached, Subject::none, 0, 0, offset, length};
    return on(step, fd, [&](Inode& inode, Description& description) -> int64_t {
        if (offset >= inode.content.size() || length == 0)
            return 0;
        if (description.flags & O_DIRECT)
            return -EAGAIN;
        const uint64_t end = cached_end(inode, offset, offset + length);
        if (end == offset)
            return -EAGAIN;
        return sim::read(world_, {inode, description.flags, static_cast<std::byte*>(data),
                                  end - offset, offset});
    });
}

int64_t SimulatedFiles::read(int fd, void* data, size_t length, uint64_t offset) {
    const Step step{Call::read_cached, Subject::none, 0, 0, offset, length};
    return on(step, fd, [&](Inode& inode, Description& description) -> int64_t {
        if (offset >= inode.content.size() || length == 0)
            return 0;
        return sim::read(world_,
                         {inode, description.flags, static_cast<std::byte*>(data), length, offset});
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

int SimulatedFiles::reflink(int source, int fd, uint64_t length) {
    const Step step{Call::reflink, Subject::none, 0, 0, 0, length};
    return static_cast<int>(on(step, fd, [&](Inode& inode, Description&) -> int64_t {
        const Description* from = world_.descriptor(source);
        if (!from)
            return -EBADF;
        if (from->inode == world_.without_size)
            return -EOPNOTSUPP;
        if (world_.is_elsewhere(inode.number) != world_.is_elsewhere(from->inode))
            return -EXDEV;
        return sim::reflink(world_, world_.disk.at(from->inode), 0, inode, 0, length);
    }));
}

int64_t SimulatedFiles::copy_file_range(int source, uint64_t source_offset, int fd, uint64_t offset,
                                        uint64_t length) {
    const Step step{Call::copy_file_range, Subject::none, 0, 0, offset, length};
    return on(step, fd, [&](Inode& inode, Description&) -> int64_t {
        const Description* from = world_.descriptor(source);
        if (!from)
            return -EBADF;
        if (world_.is_elsewhere(inode.number) != world_.is_elsewhere(from->inode))
            return -EXDEV;
        return sim::copy_file_range(world_, world_.disk.at(from->inode), source_offset, inode,
                                    offset, length);
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
        if (length > INT64_MAX) // which is negative to posix_fadvise(2)
            return -EINVAL;
        sim::drop_cache(inode, offset, length);
        return 0;
    }));
}

} // namespace arsync::sim
