#include "sim/disk.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace arsync::sim {

bool Attributes::operator==(const Attributes& other) const {
    const auto same = [](const timespec& a, const timespec& b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    };
    return mode == other.mode && uid == other.uid && gid == other.gid && xattrs == other.xattrs &&
           flags == other.flags && project == other.project && same(accessed, other.accessed) &&
           same(modified, other.modified) && same(changed, other.changed);
}

Disk::Disk() {
    Inode& root = create(S_IFDIR | 0755);
    root_ = root.parent = root.number;
}

Inode& Disk::create(mode_t mode) {
    Inode& inode = inodes_[next_];
    inode.number = next_++;
    inode.attributes.mode = mode;
    inode.durable_attributes = inode.attributes;
    return inode;
}

static bool is_one_folded(const std::string& a, const std::string& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

std::string spelled_in(const Inode& directory, const std::string& name) {
    if (directory.folds && !directory.names.count(name))
        for (const auto& [spelled, _] : directory.names)
            if (is_one_folded(spelled, name))
                return spelled;
    return name;
}

const Inode* Disk::find(InodeNumber directory, const std::string& name) const {
    const Inode& above = at(directory);
    const auto found = above.names.find(spelled_in(above, name));
    return found == above.names.end() ? nullptr : &at(found->second);
}

Inode* Disk::find(InodeNumber directory, const std::string& name) {
    return const_cast<Inode*>(std::as_const(*this).find(directory, name));
}

unsigned Disk::link_count(const Inode& inode) const {
    if (!inode.is_directory())
        return inode.links;
    if (inode.links == 0 && inode.number != root_)
        return 0; // removed
    unsigned count = 2;
    for (const auto& [_, number] : inode.names)
        count += at(number).is_directory();
    return count;
}

static void apply(Names& names, const NameChange& change) {
    for (const auto& [name, number] : change) {
        if (number)
            names[name] = *number;
        else
            names.erase(name);
    }
}

static NameChange spelled_in(const Inode& directory, NameChange change) {
    for (auto& [name, _] : change)
        name = spelled_in(directory, name);
    return change;
}

void Disk::change_names(Inode& directory, const NameChange& asked) {
    const NameChange change = spelled_in(directory, asked);
    for (const auto& [name, number] : change) {
        if (Inode* replaced = find(directory.number, name))
            --replaced->links;
        if (!number)
            continue;
        Inode& named = at(*number);
        ++named.links;
        if (named.is_directory())
            named.parent = directory.number;
    }
    apply(directory.names, change);
    directory.unsynced.push_back(change);
}

// A durable name may still lead to it: then a crash brings the file back, as on a real disk.
void Disk::forget_if_unused(InodeNumber number, bool open) {
    const Inode& inode = at(number);
    if (open || inode.links > 0 || number == root_)
        return;
    for (const auto& [_, directory] : inodes_) {
        for (const auto& [name, named] : directory.durable_names)
            if (named == number)
                return;
        for (const NameChange& change : directory.unsynced)
            for (const auto& [name, named] : change)
                if (named == number)
                    return;
    }
    inodes_.erase(number);
}

void Disk::sync_data(Inode& inode) {
    inode.dirty.clear();
    if (!inode.write_back_failed)
        inode.durable_content = inode.content;
}

void Disk::sync_all(Inode& inode) {
    sync_data(inode);
    inode.durable_attributes = inode.attributes;
    inode.durable_names = inode.names;
    inode.unsynced.clear();
}

void Disk::sync_everything() {
    for (auto& [_, inode] : inodes_)
        sync_all(inode);
}

uint64_t Disk::blocks_allocated() const {
    uint64_t total = 0;
    for (const auto& [_, inode] : inodes_)
        total += inode.content.blocks_allocated();
    return total;
}

std::vector<InodeNumber> Disk::numbers() const {
    std::vector<InodeNumber> result;
    for (const auto& [number, _] : inodes_)
        result.push_back(number);
    return result;
}

static Content recover_content(const Inode& inode, Disk::Unsynced policy, Random& random) {
    if (policy == Disk::Unsynced::lost || inode.write_back_failed)
        return inode.durable_content;
    if (policy == Disk::Unsynced::kept)
        return inode.content;
    Content result = inode.durable_content;
    for (const auto& [block, data] : inode.content.blocks())
        if (random.percent(50))
            result.set_block(block, data);
    for (const auto& [block, _] : inode.durable_content.blocks())
        if (!inode.content.allocated(block) && random.percent(50))
            result.clear_block(block);
    if (random.percent(50))
        result.set_size(inode.content.size());
    return result;
}

static Names recover_names(const Inode& directory, Disk::Unsynced policy, Random& random) {
    size_t made_it = 0;
    if (policy == Disk::Unsynced::kept)
        made_it = directory.unsynced.size();
    else if (policy == Disk::Unsynced::mixed)
        made_it = random.below(directory.unsynced.size() + 1);
    Names names = directory.durable_names;
    for (size_t i = 0; i < made_it; ++i)
        apply(names, directory.unsynced[i]);
    return names;
}

Disk Disk::recover(Unsynced data, Unsynced names, Random& random) const {
    Disk result = *this;
    for (auto& [_, inode] : result.inodes_) {
        inode.content = recover_content(inode, data, random);
        if (data == Unsynced::lost)
            inode.attributes = inode.durable_attributes;
        inode.names = recover_names(inode, names, random);
        inode.cached.clear();
        inode.dirty.clear();
    }
    for (auto& [_, inode] : result.inodes_)
        inode.links = 0;
    for (auto& [number, inode] : result.inodes_) {
        result.sync_all(inode);
        for (const auto& [_, named] : inode.names)
            ++result.at(named).links;
    }
    return result;
}

} // namespace arsync::sim
