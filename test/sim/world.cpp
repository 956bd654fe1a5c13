#include "sim/world.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace arsync::sim {

const char* name_of(Call call) {
    static const char* const names[] = {"open",           "close",
                                        "reopen",         "set_direct",
                                        "statx",          "filesystem_type",
                                        "device_size",    "cached",
                                        "seek",           "read_cached",
                                        "write_now",      "truncate",
                                        "drop_cache",     "chmod",
                                        "chown",          "set_times",
                                        "list_xattrs",    "get_xattr",
                                        "set_xattr",      "remove_xattr",
                                        "link",           "rename",
                                        "unlink",         "read",
                                        "write",          "sync",
                                        "allocate",       "write_back",
                                        "wait",           "pause",
                                        "reflink",        "copy_file_range",
                                        "register_buffer"};
    return names[static_cast<size_t>(call)];
}

std::string describe(const Step& step) {
    static const char* const subjects[] = {"", " source", " destination", " directory"};
    return "step " + std::to_string(step.index) + ": " + name_of(step.call) +
           subjects[static_cast<size_t>(step.subject)] + " " + std::to_string(step.offset) + "+" +
           std::to_string(step.length);
}

World::World(const WorldOptions& world_options)
    : options(world_options), random(world_options.seed) {}

int64_t World::step(Step step, const std::function<int64_t()>& effect) {
    step.index = steps_++;
    if (before && !crashed_) {
        const int error = before(step);
        if (error < 0 && !crashed_) {
            if (after)
                after(step, error);
            return error;
        }
    }
    if (crashed_ && step.call != Call::close)
        return -EIO;
    const int64_t result = effect();
    if (after && !crashed_)
        after(step, result);
    return result;
}

void World::crash() {
    if (!crashed_)
        crashed_ = disk;
}

int World::add_descriptor(InodeNumber inode, int flags) {
    descriptors_[next_descriptor_] = {inode, flags};
    return next_descriptor_++;
}

int World::remove_descriptor(int fd) {
    const auto found = descriptors_.find(fd);
    if (found == descriptors_.end()) {
        problem("closed twice or never opened: descriptor " + std::to_string(fd));
        return -EBADF;
    }
    const InodeNumber inode = found->second.inode;
    descriptors_.erase(found);
    const bool others = std::any_of(descriptors_.begin(), descriptors_.end(),
                                    [&](const auto& entry) { return entry.second.inode == inode; });
    disk.forget_if_unused(inode, others);
    return 0;
}

const Description* World::descriptor(int fd) {
    return descriptor_to_change(fd);
}

Description* World::descriptor_to_change(int fd) {
    const auto found = descriptors_.find(fd);
    if (found != descriptors_.end())
        return &found->second;
    problem("used while not open: descriptor " + std::to_string(fd));
    return nullptr;
}

std::vector<int> World::open_descriptors() const {
    std::vector<int> result;
    for (const auto& [fd, _] : descriptors_)
        result.push_back(fd);
    return result;
}

Subject World::subject_of(InodeNumber inode) {
    if (inode == source)
        return Subject::source;
    return disk.at(inode).is_directory() ? Subject::directory : Subject::destination;
}

Subject World::subject_of(int fd) {
    const auto found = descriptors_.find(fd);
    return found == descriptors_.end() ? Subject::none : subject_of(found->second.inode);
}

int World::flags_of(int fd) const {
    const auto found = descriptors_.find(fd);
    return found == descriptors_.end() ? 0 : found->second.flags;
}

int World::resolve(int dirfd, const std::string& path, InodeNumber& directory, std::string& name) {
    directory = disk.root().number;
    if (dirfd != AT_FDCWD && path.substr(0, 1) != "/") {
        const Description* description = descriptor(dirfd);
        if (!description)
            return -EBADF;
        directory = description->inode;
    }
    size_t start = 0;
    while (start < path.size()) {
        const size_t end = std::min(path.find('/', start), path.size());
        const std::string part = path.substr(start, end - start);
        const bool last = path.find_first_not_of('/', end) == std::string::npos;
        if (!disk.at(directory).is_directory())
            return -ENOTDIR;
        if (part.empty() || part == ".") {
            start = end + 1;
            continue;
        }
        if (last) {
            name = part;
            return 0;
        }
        const Inode* next = disk.find(directory, part);
        if (!next)
            return -ENOENT;
        directory = next->number;
        start = end + 1;
    }
    name = ".";
    return 0;
}

timespec World::now() {
    ++clock_;
    return {static_cast<time_t>(1'700'000'000 + clock_), static_cast<long>(clock_)};
}

void World::problem(const std::string& text) {
    problems.push_back("step " + std::to_string(steps_) + ": " + text);
}

} // namespace arsync::sim
