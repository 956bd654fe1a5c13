// The simulated world that files and ring share: a disk, a table of descriptors, a clock, a seed,
// and the order in which things happen.
//
// Every call on files and every ring operation is one step. Before its step a test may have it
// fail, change the world, cancel the job or crash the machine; after it, look. What no correct
// library does (use a closed descriptor, share memory between two operations in flight) is noted in
// `problems`, whatever errno the library gets for it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "sim/disk.h"
#include "sim/random.h"

namespace arsync::sim {

// f_type values of statfs(2).
constexpr uint64_t ext4_magic = 0xef53, xfs_magic = 0x58465342, btrfs_magic = 0x9123683e,
                   nfs_magic = 0x6969;

struct WorldOptions {
    uint64_t seed = 0;
    uint64_t filesystem_type = ext4_magic;
    unsigned direct_memory_align = 512; // 0: no O_DIRECT here
    unsigned direct_offset_align = 512;
    bool temporary_files = true;    // O_TMPFILE
    bool can_link = true;           // linkat(2) of an open file
    bool reflink = false;           // FICLONE, and copy_file_range shares blocks
    bool offload = true;            // copy_file_range
    bool preallocation = true;      // fallocate
    bool uncached_io = true;        // RWF_DONTCACHE
    bool reports_holes = true;      // SEEK_DATA, SEEK_HOLE; else all is data
    bool reports_residency = true;  // cachestat
    bool privileged = true;         // chown
    unsigned registrations = 1000;  // buffers that may be registered
    uint64_t capacity = UINT64_MAX; // bytes in blocks
    mode_t umask = 022;
    unsigned short_percent = 0;     // reads and writes that move less than asked
    unsigned interrupt_percent = 0; // ring reads and writes that end with EINTR
};

enum class Call : uint8_t {
    // Files
    open,
    close,
    reopen,
    set_direct,
    statx,
    filesystem_type,
    device_size,
    cached,
    seek,
    read_cached,
    write_now,
    truncate,
    drop_cache,
    chmod,
    chown,
    set_times,
    list_xattrs,
    get_xattr,
    set_xattr,
    remove_xattr,
    link,
    rename,
    unlink,
    // Ring
    read,
    write,
    sync,
    allocate,
    write_back,
    wait,
    pause,
    reflink,
    copy_file_range,
    register_buffer,
};
const char* name_of(Call call);

// What a step works on. A file that is neither source nor directory is the destination, whatever
// its name at that time.
enum class Subject : uint8_t { none, source, destination, directory };

struct Step {
    Call call;
    Subject subject = Subject::none;
    uint64_t index = 0;
    int flags = 0;       // of the open description
    uint64_t offset = 0; // of a transfer
    uint64_t length = 0;
};
std::string describe(const Step& step);

struct Description {
    InodeNumber inode;
    int flags; // as open(2)
};

class World {
public:
    explicit World(const WorldOptions& world_options);

    const WorldOptions options;
    Random random;
    Disk disk;
    InodeNumber source = 0;       // whose steps have Subject::source
    InodeNumber without_size = 0; // a file that says it is empty and is not, as in /proc
    std::vector<std::string> problems;

    // A test's say in what happens. before: a negative errno is the step's result, and the step has
    // no effect.
    std::function<int(const Step&)> before;
    std::function<void(const Step&, int64_t result)> after;

    // Do one step: `effect` gives its result.
    int64_t step(Step step, const std::function<int64_t()>& effect);
    uint64_t steps() const { return steps_; }

    // The power goes: what was not durable may be gone, and every later step fails with EIO.
    void crash();
    const std::optional<Disk>& crashed() const { return crashed_; }

    // Descriptors. No number is used twice, so that one used after its close is noticed.
    int add_descriptor(InodeNumber inode, int flags);
    int remove_descriptor(int fd);         // 0 or -EBADF
    const Description* descriptor(int fd); // null: bad, and noted
    Description* descriptor_to_change(int fd);
    bool open(int fd) const { return descriptors_.count(fd) != 0; }
    std::vector<int> open_descriptors() const;

    Subject subject_of(InodeNumber inode);
    Subject subject_of(int fd);
    int flags_of(int fd) const; // 0 if it is not open
    // A path relative to a directory descriptor: its directory and last name. Negative errno.
    int resolve(int dirfd, const std::string& path, InodeNumber& directory, std::string& name);

    timespec now(); // later each time
    void problem(const std::string& text);

private:
    std::map<int, Description> descriptors_;
    std::optional<Disk> crashed_;
    int next_descriptor_ = 1000;
    uint64_t steps_ = 0;
    uint64_t clock_ = 0;
};

} // namespace arsync::sim
