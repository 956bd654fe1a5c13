#include "sim/tree.h"

#include <algorithm>
#include <linux/fs.h>

namespace arsync::sim {

// Attributes of what a test makes are exactly what it says: no umask, nothing inherited.
static Inode& add(World& world, InodeNumber directory, const char* name, mode_t mode) {
    Inode& inode = world.disk.create(mode);
    inode.folds = inode.is_directory() && world.disk.at(directory).folds;
    const timespec now = world.now();
    inode.attributes.accessed = inode.attributes.modified = inode.attributes.changed = now;
    add_name(world, directory, name, inode.number);
    world.disk.sync_all(inode);
    return inode;
}

void add_name(World& world, InodeNumber directory, const char* name, InodeNumber inode) {
    world.disk.change_names(world.disk.at(directory), {{name, inode}});
    world.disk.sync_all(world.disk.at(directory));
}

InodeNumber add_file(World& world, InodeNumber directory, const char* name, const Content& content,
                     mode_t mode) {
    Inode& inode = add(world, directory, name, S_IFREG | mode);
    inode.content = content;
    world.disk.sync_all(inode);
    return inode.number;
}

InodeNumber add_directory(World& world, InodeNumber directory, const char* name, mode_t mode) {
    return add(world, directory, name, S_IFDIR | mode).number;
}

InodeNumber add_symlink(World& world, InodeNumber directory, const char* name, const char* target) {
    Inode& inode = add(world, directory, name, S_IFLNK | 0777);
    inode.target = target;
    return inode.number;
}

InodeNumber add_special(World& world, InodeNumber directory, const char* name, mode_t mode,
                        dev_t device) {
    Inode& inode = add(world, directory, name, mode);
    inode.device = device;
    return inode.number;
}

void set_source(World& world, InodeNumber top) {
    world.sources.insert(top);
    for (const auto& [_, inode] : world.disk.at(top).names)
        set_source(world, inode);
}

Content content_of(const std::string& text) {
    Content content;
    content.write(0, reinterpret_cast<const std::byte*>(text.data()), text.size());
    return content;
}

std::string text_of(const Content& content) {
    std::string text(content.size(), '\0');
    content.read(0, reinterpret_cast<std::byte*>(text.data()), text.size());
    return text;
}

const Inode* at_path(const Disk& disk, InodeNumber top, const std::string& path) {
    const Inode* inode = &disk.at(top);
    for (size_t start = 0; start < path.size();) {
        const size_t end = std::min(path.find('/', start), path.size());
        inode = disk.find(inode->number, path.substr(start, end - start));
        if (!inode)
            return nullptr;
        start = end + 1;
    }
    return inode;
}

namespace {

constexpr const char* label = "security.selinux";

std::string label_of(const Attributes& attributes) {
    const auto found = attributes.xattrs.find(label);
    return found == attributes.xattrs.end() ? "" : found->second;
}

std::map<std::string, std::string> without_label(const Attributes& attributes) {
    std::map<std::string, std::string> others = attributes.xattrs;
    others.erase(label);
    return others;
}

struct Comparison {
    const Disk& disk_a;
    const Disk& disk_b;
    Compared also;
    std::vector<std::string> found;
    std::map<InodeNumber, InodeNumber> pairs, pairs_back; // files of a and of b by each other

    void differ(const std::string& path, const std::string& what) {
        found.push_back("'" + path + "': " + what);
    }
    void compare(const std::string& path, const Inode& a, const Inode& b);
    void compare_attributes(const std::string& path, const Inode& a, const Inode& b);
    void compare_names(const std::string& path, const Inode& a, const Inode& b);
};

void Comparison::compare(const std::string& path, const Inode& a, const Inode& b) {
    if ((a.attributes.mode & S_IFMT) != (b.attributes.mode & S_IFMT)) {
        differ(path, "is of another kind");
        return;
    }
    if (!(a.content == b.content))
        differ(path, "has another content");
    if (a.target != b.target)
        differ(path, "leads to " + b.target + ", not " + a.target);
    if (a.device != b.device)
        differ(path, "is another device");
    compare_attributes(path, a, b);
    if (also.links && !a.is_directory() &&
        (pairs.try_emplace(a.number, b.number).first->second != b.number ||
         pairs_back.try_emplace(b.number, a.number).first->second != a.number))
        differ(path, "is a name of another file");
    compare_names(path, a, b);
}

void Comparison::compare_attributes(const std::string& path, const Inode& a, const Inode& b) {
    const Attributes& from = a.attributes;
    const Attributes& to = b.attributes;
    if (!also.linked && !a.is_file() && !a.is_directory())
        return;
    if (also.mode && from.mode != to.mode)
        differ(path, "has mode " + std::to_string(to.mode) + ", not " + std::to_string(from.mode));
    if (also.owner && (from.uid != to.uid || from.gid != to.gid))
        differ(path, "has another owner");
    const bool times = also.times || (also.file_times && !S_ISDIR(from.mode));
    if (times && (from.modified.tv_sec != to.modified.tv_sec ||
                  from.modified.tv_nsec != to.modified.tv_nsec))
        differ(path, "has another modification time");
    if (S_ISREG(from.mode) || S_ISDIR(from.mode)) {
        const unsigned which = also.seals ? ~0u : ~unsigned{FS_APPEND_FL | FS_IMMUTABLE_FL};
        if (also.flags && (from.flags & which) != (to.flags & which))
            differ(path, "has file flags " + std::to_string(to.flags) + ", not " +
                             std::to_string(from.flags));
        if (also.project && from.project != to.project)
            differ(path, "is of another project");
    }
    if (also.context && label_of(from) != label_of(to))
        differ(path, "has another label");
    if (also.xattrs && without_label(from) != without_label(to)) {
        std::string names;
        for (const auto& [name, value] : to.xattrs)
            names += " " + name + "=" + value;
        names += ", not";
        for (const auto& [name, value] : from.xattrs)
            names += " " + name + "=" + value;
        differ(path, "has other extended attributes:" + names);
    }
}

void Comparison::compare_names(const std::string& path, const Inode& a, const Inode& b) {
    const std::string start = path.empty() ? "" : path + "/";
    for (const auto& [name, inode] : a.names) {
        const auto twin = b.names.find(name);
        if (twin == b.names.end())
            differ(start + name, "is missing");
        else
            compare(start + name, disk_a.at(inode), disk_b.at(twin->second));
    }
    for (const auto& [name, _] : b.names)
        if (!a.names.count(name))
            differ(start + name, "is extra");
}

} // namespace

std::vector<std::string> differences(const Disk& disk_a, InodeNumber a, const Disk& disk_b,
                                     InodeNumber b, const Compared& also) {
    Comparison comparison{disk_a, disk_b, also, {}, {}, {}};
    comparison.compare("", disk_a.at(a), disk_b.at(b));
    return comparison.found;
}

} // namespace arsync::sim
