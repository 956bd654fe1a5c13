#include "sim/world.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <iterator>

namespace arsync::sim {

const char* name_of(Call call) {
    static const char* const names[] = {"open",
                                        "open_beneath",
                                        "close",
                                        "reopen",
                                        "set_direct",
                                        "statx",
                                        "filesystem_type",
                                        "device_size",
                                        "page_cache",
                                        "place_on_disk",
                                        "read_ahead",
                                        "seek",
                                        "list",
                                        "set_list_position",
                                        "read_link",
                                        "read_cached",
                                        "write_now",
                                        "truncate",
                                        "drop_cache",
                                        "chmod",
                                        "chown",
                                        "set_times",
                                        "list_xattrs",
                                        "get_xattr",
                                        "set_xattr",
                                        "remove_xattr",
                                        "inode_flags",
                                        "set_inode_flags",
                                        "project",
                                        "set_project",
                                        "link",
                                        "rename",
                                        "unlink",
                                        "remove_directory",
                                        "make_directory",
                                        "make_special",
                                        "make_symlink",
                                        "make_link",
                                        "read",
                                        "write",
                                        "sync",
                                        "allocate",
                                        "write_back",
                                        "wait",
                                        "pause",
                                        "reflink",
                                        "copy_file_range",
                                        "copy_cached",
                                        "open_on_ring",
                                        "sync_filesystem",
                                        "settle_holes",
                                        "register_buffer"};
    static_assert(std::size(names) == static_cast<size_t>(Call::register_buffer) + 1);
    return names[static_cast<size_t>(call)];
}

std::string describe(const Step& step) {
    static const char* const subjects[] = {"", " source", " destination", " directory"};
    return "step " + std::to_string(step.index) + ": " + name_of(step.call) +
           subjects[static_cast<size_t>(step.subject)] + " " + std::to_string(step.offset) + "+" +
           std::to_string(step.length) + (step.path.empty() ? "" : " '" + step.path + "'");
}

std::string describe(Lie lie) {
    static const char* const lies[] = {
        "nothing",      "a size too small",        "a size too large",
        "another kind", "another inode each time", "a time that moves"};
    return lies[static_cast<size_t>(lie)];
}

uint64_t World::told_size(const Inode& inode) const {
    const uint64_t size = inode.content.size();
    if (inode.number != lied_about)
        return size;
    if (lie == Lie::smaller)
        return size - std::min(size, lied_bytes);
    return lie == Lie::larger ? size + lied_bytes : size;
}

uint64_t place_of(InodeNumber inode) {
    return 1 + Random(inode).next() / 4;
}

std::string name_of_result(int64_t result) {
    const char* name = result < 0 ? strerrorname_np(static_cast<int>(-result)) : nullptr;
    return name ? name : std::to_string(result);
}

World::World(const WorldOptions& world_options)
    : options(world_options), random(world_options.seed) {}

int64_t World::step(Step step, const std::function<int64_t()>& effect) {
    step.index = steps_++;
    step.aside = aside;
    if (before && !crashed_) {
        const int error = before(step);
        if (error < 0 && !crashed_) {
            tell(step, error, " <- MADE TO FAIL");
            if (after)
                after(step, error);
            return error;
        }
    }
    if (crashed_ && step.call != Call::close)
        return -EIO;
    const std::string of =
        trace && step.fd >= 0 && open(step.fd) ? " " + path_of(descriptors_.at(step.fd).inode) : "";
    const int64_t result = effect();
    tell(step, result, of.c_str());
    if (after && !crashed_)
        after(step, result);
    return result;
}

void World::tell(const Step& step, int64_t result, const char* why) const {
    if (trace)
        trace(describe(step) + why + " = " + name_of_result(result));
}

std::string World::path_of(InodeNumber inode) const {
    if (inode == disk.root().number)
        return "/";
    for (const InodeNumber directory : disk.numbers())
        for (const auto& [name, number] : disk.at(directory).names)
            if (number == inode) {
                const std::string above = path_of(directory);
                return (above == "/" ? "" : above) + "/" + name;
            }
    return "(inode " + std::to_string(inode) + ", without a name)";
}

Content World::on_device(const Inode& inode) {
    Content content = inode.content;
    for (const auto& [offset, bits] : inode.damage) {
        std::byte byte{};
        content.read(offset, &byte, 1);
        byte ^= bits;
        content.write(offset, &byte, 1);
    }
    return content;
}

bool World::is_damaged_copy(const Content& content, const Content& other) const {
    if (content.size() != other.size())
        return false;
    Content mended = content;
    for (const auto& [offset, bits] : damaged_bits) {
        std::byte now{}, right{};
        content.read(offset, &now, 1);
        other.read(offset, &right, 1);
        if (offset < content.size() && now == (right ^ bits))
            mended.write(offset, &right, 1);
    }
    return mended == other;
}

void World::crash() {
    note("the power goes");
    if (!crashed_)
        crashed_ = disk;
}

int World::add_descriptor(InodeNumber inode, int flags) {
    descriptors_[next_descriptor_] = {inode, flags, 0};
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
    forget_if_unused(inode);
    return 0;
}

void World::forget_if_unused(InodeNumber inode) {
    const bool is_open = std::any_of(descriptors_.begin(), descriptors_.end(),
                                     [&](const auto& d) { return d.second.inode == inode; });
    disk.forget_if_unused(inode, is_open);
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
    if (inode == source || sources.count(inode))
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

timespec World::now() {
    ++clock_;
    return {epoch_ + static_cast<time_t>(clock_), static_cast<long>(clock_)};
}

void World::problem(const std::string& text) {
    problems.push_back("step " + std::to_string(steps_) + ": " + text);
}

} // namespace arsync::sim
