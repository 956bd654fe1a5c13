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
#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

#include "sim/disk.h"
#include "sim/random.h"

namespace arsync::sim {

// f_type values of statfs(2).
constexpr uint64_t ext4_magic = 0xef53, xfs_magic = 0x58465342, btrfs_magic = 0x9123683e,
                   overlay_magic = 0x794c7630, nfs_magic = 0x6969, fuse_magic = 0x65735546,
                   proc_magic = 0x9fa0, tmpfs_magic = 0x01021994;

struct WorldOptions {
    uint64_t seed = 0;
    uint64_t filesystem_type = ext4_magic;
    uint64_t destination_type = 0;      // of another one, on which all but the source is; 0: none
    unsigned direct_memory_align = 512; // 0: no O_DIRECT here
    unsigned direct_offset_align = 512;
    bool temporary_files = true;       // O_TMPFILE
    bool can_link = true;              // linkat(2) of an open file
    bool reflink = false;              // FICLONE, and copy_file_range shares blocks
    bool offload = true;               // copy_file_range
    bool offload_says_0 = false;       // which is how some say that they cannot
    bool preallocation = true;         // fallocate
    bool uncached_io = true;           // RWF_DONTCACHE
    bool reports_holes = true;         // SEEK_DATA, SEEK_HOLE; else all is data
    bool extents = true;               // else what is not written back looks like a hole
    bool denies_data = false;          // all looks like a hole
    bool others_lose = false;          // syncfs(2) tells of what other programs have lost
    bool denies_syncfs = false;        // by a filter, from the beginning
    bool loses_syncfs = false;         // when that has been asked about
    bool lists_mounts = true;          // as /proc does
    bool reports_residency = true;     // cachestat
    bool privileged = true;            // chown
    unsigned registrations = 1000;     // buffers that may be registered
    uint64_t capacity = UINT64_MAX;    // bytes in blocks
    uint64_t room_for_dirty_pages = 0; // in bytes
    unsigned processors = 64;
    bool rotational = false;   // what the disk tells of itself
    bool is_settled = false;   // all files are older than the kernel takes to write them
    uint64_t spare_blocks = 0; // reserved ones of 512 bytes, in each file but a source
    mode_t umask = 022;
    unsigned short_percent = 0;            // reads and writes that move less than asked
    unsigned interrupt_percent = 0;        // ring reads and writes that end with EINTR
    unsigned uncached_percent = 30;        // opens with RESOLVE_CACHED that would wait for a disk
    unsigned untyped_percent = 10;         // listed names whose kind is not said: DT_UNKNOWN
    unsigned descriptors_max = UINT32_MAX; // open ones, the caller's included: then EMFILE
    unsigned links_max = 65'000;           // names of one file
};

enum class Call : uint8_t {
    // Files
    open,
    open_beneath,
    close,
    reopen,
    set_direct,
    statx,
    filesystem_type,
    device_size,
    page_cache,
    place_on_disk,
    read_ahead,
    seek,
    list,
    set_list_position,
    read_link,
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
    inode_flags,
    set_inode_flags,
    project,
    set_project,
    link,
    rename,
    unlink,
    remove_directory,
    make_directory,
    make_special,
    make_symlink,
    make_link,
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
    copy_cached,
    open_on_ring,
    sync_filesystem,
    settle_holes,
    register_buffer,
};
const char* name_of(Call call);

// What a step works on. Of a tree that is copied all in it is the source, directories too. A file
// that is neither source nor directory is the destination, whatever its name at that time.
enum class Subject : uint8_t { none, source, destination, directory };

struct Step {
    Call call;
    Subject subject = Subject::none;
    uint64_t index = 0;
    int flags = 0;       // of the open description
    uint64_t offset = 0; // of a transfer
    uint64_t length = 0;
    std::string path = {}; // of a call by name, as it was given
    int fd = -1;           // or of a call on an open file
    bool aside = false;    // on another thread
    bool nameless = false; // a close: of a file that has no name any more, or never had one
};
std::string describe(const Step& step);
// Where on the disk the data of an inode begins: in another order than that of the inodes.
uint64_t place_of(InodeNumber inode);
// "0", "17" or "ENOENT".
std::string name_of_result(int64_t result);

struct Description {
    InodeNumber inode;
    int flags;            // as open(2)
    int64_t position = 0; // of its listing, if it is a directory
};

// What becomes of a symbolic link at a path's end: followed; kept, unless a slash comes after it;
// kept in any case, by calls that make and remove names; or followed, unless a slash comes after
// it, by opens that may create a file.
enum class Last : uint8_t { followed, kept, name, created };

// Where a path leads. Of a path that ends in "." or "..", or is the root, the name is "." or "..".
struct Place {
    InodeNumber directory = 0; // that the last name is in
    std::string name;
    InodeNumber inode = 0; // what is there; 0: nothing
    bool slash = false;    // the path ends in one, so only a directory will do

    bool is_name() const { return name != "." && name != ".."; }
};

// What statx(2) gets wrong, each time, of the file that is lied about.
enum class Lie : uint8_t { none, smaller, larger, kind, inode, time };
std::string describe(Lie lie);

class World {
public:
    explicit World(const WorldOptions& world_options);

    const WorldOptions options;
    Random random;
    Disk disk;
    InodeNumber source = 0;        // whose steps have Subject::source
    std::set<InodeNumber> sources; // the same, of a tree
    InodeNumber without_size = 0;  // a file that says it is empty and is not, as in /proc
    InodeNumber unwritable = 0;    // a file that may not be opened for writing
    std::vector<std::string> problems;
    uint64_t damaged_write = UINT64_MAX; // to a destination: the device gets a bit of it wrong
    uint64_t destination_writes = 0;
    bool forgets = false;          // or it says it has that write, and keeps what it had
    bool damaged = false;          // it came to that
    InodeNumber damaged_inode = 0; // of which file
    std::map<uint64_t, std::byte> damaged_bits; // of that write, by their offsets
    Lie lie = Lie::none;
    InodeNumber lied_about = 0;
    uint64_t lied_bytes = 1; // by which a size is too small or too large
    uint64_t lies_told = 0;
    bool aside = false; // what happens now happens on another thread, for which nobody waits

    // A test's say in what happens. before: a negative errno is the step's result, and the step has
    // no effect.
    std::function<int(const Step&)> before;
    std::function<void(const Step&, int64_t result)> after;

    // Whoever wants to read what happens, a line each.
    std::function<void(const std::string& line)> trace;
    void note(const std::string& line) const {
        if (trace)
            trace(line);
    }

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
    // Whether it is on the destination's filesystem, which is another than the source's.
    bool is_elsewhere(InodeNumber inode) const {
        return options.destination_type != 0 && inode != source && !sources.contains(inode);
    }
    uint64_t type_of(InodeNumber inode) const { // of its filesystem
        return is_elsewhere(inode) ? options.destination_type : options.filesystem_type;
    }
    // The subject of what a path leads to; a name that nothing has is of the directory it is in.
    Subject subject_at(int dirfd, const std::string& path, Last last);
    bool descriptors_run_out() const { return descriptors_.size() >= options.descriptors_max; }

    // Follow a path from a directory descriptor, or AT_FDCWD: the root. resolve: as of openat2(2).
    // Negative errno.
    int walk(int dirfd, const std::string& path, Last last, Place& place, uint64_t resolve = 0);
    // The same, to what is there: -ENOENT if nothing is.
    int find(int dirfd, const std::string& path, Last last, InodeNumber& inode);
    // Change names as a call does: the directory's times and those of what is named follow, and a
    // file that has lost its last name and is not open is gone.
    void change_names(InodeNumber directory, const NameChange& change);
    // A new inode, as if made in this directory by a process with this umask. It has no name yet.
    Inode& make_inode(const Inode& directory, mode_t mode);

    // One of the paths that lead there.
    std::string path_of(InodeNumber inode) const;
    // The size of a file as it is told.
    uint64_t told_size(const Inode& inode) const;
    // What the device gives back of a file.
    static Content on_device(const Inode& inode);
    // Whether it is another content but for some of what the device got wrong.
    bool is_damaged_copy(const Content& content, const Content& other) const;

    timespec now(); // later each time
    time_t a_look_at_the_clock() const {
        return epoch_ + static_cast<time_t>(clock_) + (options.is_settled ? 1'000'000 : -1'000'000);
    }
    // From now on it is as late as the real clock will not be for a while: that is the one by which
    // a list knows what is newer than itself.
    void begin_lists() { epoch_ = lists_epoch; }
    static constexpr time_t lists_epoch = 4'000'000'000;
    void problem(const std::string& text);

private:
    void forget_if_unused(InodeNumber inode);
    void tell(const Step& step, int64_t result, const char* why) const;

    std::map<int, Description> descriptors_;
    std::optional<Disk> crashed_;
    int next_descriptor_ = 1000;
    uint64_t steps_ = 0;
    uint64_t clock_ = 0;
    int64_t epoch_ = 1'700'000'000;
};

} // namespace arsync::sim
