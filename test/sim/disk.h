// The simulated filesystem's memory: inodes and directories, each as it is and as it is on stable
// storage.
//
// Nothing becomes durable by itself. A file's bytes and size do by sync_data, its attributes too by
// sync_all; a directory's names do by sync_all of the directory. What a crash leaves of the rest is
// the filesystem's choice, so recover() takes a policy: lost, kept, or a seeded mixture in which
// each block and each prefix of a directory's changes may have made it.
#pragma once

#include <cstdint>
#include <ctime>
#include <linux/fs.h>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "sim/content.h"
#include "sim/random.h"

namespace arsync::sim {

using InodeNumber = uint64_t;
using Names = std::map<std::string, InodeNumber>;

struct Attributes {
    mode_t mode = 0; // with the kind of file
    uid_t uid = 0;
    gid_t gid = 0;
    timespec accessed{}, modified{}, changed{};
    std::map<std::string, std::string> xattrs;
    unsigned flags = 0; // FS_*_FL
    uint32_t project = 0;

    // Immutable, or append-only: as it is but for its flags, and so are its names.
    bool is_sealed() const { return (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0; }
    bool operator==(const Attributes& other) const;
};

// Names that change together: a rename is one change of two.
using NameChange = std::vector<std::pair<std::string, std::optional<InodeNumber>>>;

struct Inode {
    InodeNumber number = 0;
    Attributes attributes;
    Attributes durable_attributes;
    unsigned links = 0;
    bool linkable = false; // made without a name, and may be given one
    uint64_t version = 0;  // counts changes of content

    // A regular file.
    Content content;
    Content durable_content;
    std::set<uint64_t> cached;            // blocks in the page cache, clean
    std::set<uint64_t> dirty;             // blocks in the page cache that the device has not got
    std::map<uint64_t, std::byte> damage; // offset → bits that the device gives back wrong
    bool write_back_failed = false; // its pages count as clean, and the device has not got them
    bool loss_untold = false;       // of that; the next sync of the file tells

    // A directory.
    Names names;
    Names durable_names;
    std::vector<NameChange> unsynced;
    bool folds = false;     // names in it are one if they differ by case alone, as casefold of ext4
    InodeNumber parent = 0; // what ".." is; stays when its name is removed

    std::string target; // of a symbolic link
    dev_t device = 0;   // of a device

    bool is_directory() const { return S_ISDIR(attributes.mode); }
    bool is_file() const { return S_ISREG(attributes.mode); }
    bool is_link() const { return S_ISLNK(attributes.mode); }
    bool in_cache(uint64_t block) const { return cached.count(block) || dirty.count(block); }
};

// The name by which a directory has it; the same where it has not.
std::string spelled_in(const Inode& directory, const std::string& name);

class Disk {
public:
    Disk();

    Inode& create(mode_t mode);
    Inode& at(InodeNumber number) { return inodes_.at(number); }
    const Inode& at(InodeNumber number) const { return inodes_.at(number); }
    bool exists(InodeNumber number) const { return inodes_.count(number) != 0; }
    Inode& root() { return at(root_); }
    const Inode& root() const { return at(root_); }
    Inode* find(InodeNumber directory, const std::string& name);
    const Inode* find(InodeNumber directory, const std::string& name) const;

    // As statx(2) says it: a directory has a link from itself and from each directory in it.
    unsigned link_count(const Inode& inode) const;
    // Names, counted as links.
    void change_names(Inode& directory, const NameChange& change);
    void forget_if_unused(InodeNumber number, bool open);

    void sync_data(Inode& inode);
    void sync_all(Inode& inode);
    void sync_everything();
    uint64_t blocks_allocated() const;
    std::vector<InodeNumber> numbers() const;

    enum class Unsynced { lost, kept, mixed };
    // The disk as it is found after a crash now. Data and names that were not synced follow their
    // policies.
    Disk recover(Unsynced data, Unsynced names, Random& random) const;

private:
    std::map<InodeNumber, Inode> inodes_;
    InodeNumber next_ = 11;
    InodeNumber root_ = 0;
};

} // namespace arsync::sim
