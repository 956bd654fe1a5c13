// What simulated directories and links hold.
//
// Names are listed in the order of their hashes, which differs from seed to seed, after "." and
// "..". The position of a name follows from itself alone: so a name that is added or removed
// meanwhile makes no other one be listed twice or not at all, as on a real disk.
#include <algorithm>
#include <cstring>
#include <dirent.h>

#include "sim/on.h"

namespace arsync::sim {

namespace {

struct Entry {
    int64_t position;
    std::string name;
    InodeNumber inode;
};

int64_t position_of(uint64_t seed, const std::string& name) {
    uint64_t hash = Random(seed).next();
    for (const char c : name)
        hash = Random(hash ^ static_cast<unsigned char>(c)).next();
    return static_cast<int64_t>(2 + hash / 4); // after the two that are always there
}

std::vector<Entry> entries_from(const World& world, const Inode& directory, int64_t position) {
    std::vector<Entry> entries;
    const auto add = [&](int64_t at, const std::string& name, InodeNumber inode) {
        if (at >= position)
            entries.push_back({at, name, inode});
    };
    add(0, ".", directory.number);
    add(1, "..", directory.parent);
    for (const auto& [name, inode] : directory.names)
        add(position_of(world.options.seed, name), name, inode);
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.position < b.position; });
    return entries;
}

// d_type is the kind's bits of st_mode.
unsigned char type_of(World& world, InodeNumber inode) {
    if (!world.disk.exists(inode) || world.random.percent(world.options.untyped_percent))
        return DT_UNKNOWN;
    return static_cast<unsigned char>(world.disk.at(inode).attributes.mode >> 12);
}

} // namespace

int64_t SimulatedFiles::list(int fd, void* records, size_t size) {
    const Step step{Call::list, Subject::none, 0, 0, 0, size};
    return on(step, fd, [&](Inode& inode, Description& description) -> int64_t {
        if (!inode.is_directory())
            return -ENOTDIR;
        if (world_.disk.link_count(inode) == 0)
            return -ENOENT; // removed
        size_t used = 0;
        auto* const to = static_cast<std::byte*>(records);
        for (const Entry& entry : entries_from(world_, inode, description.position)) {
            dirent record{};
            const size_t length = offsetof(dirent, d_name) + entry.name.size() + 1;
            const size_t aligned = (length + 7) / 8 * 8;
            if (used + aligned > size)
                return used == 0 ? -EINVAL : static_cast<int64_t>(used);
            record.d_ino = entry.inode;
            record.d_off = entry.position + 1;
            record.d_reclen = static_cast<unsigned short>(aligned);
            record.d_type = type_of(world_, entry.inode);
            entry.name.copy(record.d_name, entry.name.size());
            std::memcpy(to + used, &record, aligned);
            used += aligned;
            description.position = entry.position + 1;
        }
        return static_cast<int64_t>(used);
    });
}

int SimulatedFiles::set_list_position(int fd, int64_t position) {
    return static_cast<int>(
        on({Call::set_list_position}, fd, [&](Inode& inode, Description& description) {
            if (!inode.is_directory() && !inode.is_file())
                return -ESPIPE;
            if (position < 0)
                return -EINVAL;
            description.position = position;
            return 0;
        }));
}

int64_t SimulatedFiles::read_link(int dirfd, const char* path, char* text, size_t size) {
    return at(Call::read_link, dirfd, path, [&](Inode& inode) -> int64_t {
        if (!inode.is_link() || size == 0)
            return -EINVAL;
        return static_cast<int64_t>(inode.target.copy(text, size));
    });
}

} // namespace arsync::sim
