// How the simulated world follows paths, as Linux does, and changes the names at their ends.
#include <cerrno>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>

#include "sim/world.h"

namespace arsync::sim {

namespace {

constexpr unsigned links_followed_max = 40;

// The next name of a path, taken off it with the slashes before it.
std::string take_name(std::string& path) {
    path.erase(0, path.find_first_not_of('/'));
    const std::string name = path.substr(0, path.find('/'));
    path.erase(0, name.size());
    return name;
}

bool absolute(const std::string& path) {
    return path.substr(0, 1) == "/";
}

bool follows(Last last, bool slash) {
    return last == Last::followed || last == (slash ? Last::kept : Last::created);
}

} // namespace

int World::walk(int dirfd, const std::string& path, Last last, Place& place, uint64_t resolve) {
    const bool scoped = resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT);
    if (path.empty())
        return -ENOENT;
    if (path.size() >= PATH_MAX)
        return -ENAMETOOLONG;
    InodeNumber at = disk.root().number;
    if (dirfd != AT_FDCWD && (scoped || !absolute(path))) {
        const Description* description = descriptor(dirfd);
        if (!description)
            return -EBADF;
        at = description->inode;
    }
    if (!disk.at(at).is_directory())
        return -ENOTDIR;
    const InodeNumber top = scoped ? at : disk.root().number;
    std::string left = path;
    unsigned links = 0;
    if (absolute(left) && (resolve & RESOLVE_BENEATH))
        return -EXDEV;
    place = {at, ".", at, false};
    while (true) {
        const std::string name = take_name(left);
        const bool at_end = left.find_first_not_of('/') == std::string::npos;
        if (name.size() > NAME_MAX)
            return -ENAMETOOLONG;
        place = {at, ".", at, at_end && !left.empty()};
        if (name.empty())
            return 0;
        if (!disk.at(at).is_directory())
            return -ENOTDIR;
        if (name == "..") {
            if (at == top && (resolve & RESOLVE_BENEATH))
                return -EXDEV;
            if (at != top)
                at = disk.at(at).parent;
            if (!disk.exists(at))
                return -ENOENT; // removed, and the one it was in too
            place = {at, "..", at, place.slash};
        } else if (name != ".") {
            const Inode* next = disk.find(at, name);
            if (next && next->is_link() && (!at_end || follows(last, place.slash))) {
                if ((resolve & RESOLVE_NO_SYMLINKS) || ++links > links_followed_max)
                    return -ELOOP;
                if (absolute(next->target) && (resolve & RESOLVE_BENEATH))
                    return -EXDEV;
                left = next->target + left;
                if (absolute(left))
                    at = top;
                continue;
            }
            place = {at, name, next ? next->number : 0, place.slash};
            if (!next && !at_end)
                return -ENOENT;
            if (next && place.slash && !next->is_directory() &&
                (last == Last::followed || last == Last::kept))
                return -ENOTDIR;
            at = place.inode;
        }
        if (at_end)
            return 0;
    }
}

int World::find(int dirfd, const std::string& path, Last last, InodeNumber& inode) {
    Place place;
    if (const int error = walk(dirfd, path, last, place); error < 0)
        return error;
    inode = place.inode;
    return inode == 0 ? -ENOENT : 0;
}

// Looks without noting a problem: the step that this is for will.
Subject World::subject_at(int dirfd, const std::string& path, Last last) {
    Place place;
    if (dirfd != AT_FDCWD && !open(dirfd))
        return Subject::none;
    if (path.empty())
        return dirfd == AT_FDCWD ? Subject::directory : subject_of(dirfd);
    if (walk(dirfd, path, last, place) < 0)
        return Subject::none;
    if (place.inode != 0)
        return subject_of(place.inode);
    return sources.count(place.directory) ? Subject::source : Subject::destination;
}

void World::change_names(InodeNumber directory, const NameChange& change) {
    std::vector<InodeNumber> touched;
    for (const auto& [name, number] : change) {
        if (const Inode* replaced = disk.find(directory, name))
            touched.push_back(replaced->number);
        if (number)
            touched.push_back(*number);
    }
    Inode& changed = disk.at(directory);
    disk.change_names(changed, change);
    const timespec time = now();
    changed.attributes.modified = changed.attributes.changed = time;
    for (const InodeNumber number : touched)
        if (disk.exists(number)) {
            disk.at(number).attributes.changed = time;
            forget_if_unused(number);
        }
}

Inode& World::make_inode(const Inode& directory, mode_t mode) {
    const auto& above = directory.attributes.xattrs;
    const auto inherited = S_ISLNK(mode) ? above.end() : above.find("system.posix_acl_default");
    const bool keeps_mode = S_ISLNK(mode) || inherited != above.end(); // whatever the umask
    Inode& inode = disk.create(keeps_mode ? mode : mode & ~options.umask);
    Attributes& attributes = inode.attributes;
    if (inherited != above.end()) {
        attributes.xattrs["system.posix_acl_access"] = inherited->second;
        if (inode.is_directory())
            attributes.xattrs["system.posix_acl_default"] = inherited->second;
    }
    attributes.accessed = attributes.modified = attributes.changed = now();
    if (directory.attributes.mode & S_ISGID) {
        attributes.gid = directory.attributes.gid;
        if (inode.is_directory())
            attributes.mode |= S_ISGID;
    }
    inode.folds = inode.is_directory() && directory.folds;
    inode.parent = directory.number;
    inode.durable_attributes = attributes;
    return inode;
}

} // namespace arsync::sim
