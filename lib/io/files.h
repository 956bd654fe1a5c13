// The calls on files that a copy makes at once, on its own thread: they touch names, attributes and
// the page cache, not the disk's data, and are cheaper as plain calls than as ring operations.
//
// Every function returns a count or a descriptor, or a negative errno; none retries anything but
// EINTR. An interface because the simulated world (test/sim) has files of its own.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <sys/stat.h>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "io/mounts.h"

namespace arsync {

// What of a file is in memory, in bytes.
struct PageCache {
    uint64_t cached;
    uint64_t dirty; // to be written back, or being written
};

// FS_*_FL. With O_PATH only some of them are known.
struct InodeFlags {
    unsigned set = 0;
    unsigned known = 0;
};

class Files {
public:
    virtual ~Files() = default;

    // Descriptors. open always adds O_CLOEXEC.
    virtual int open(int dirfd, const char* path, int flags, mode_t mode) = 0;
    virtual int close(int fd) = 0;
    // openat2(2) with its `resolve` flags (RESOLVE_*); with RESOLVE_CACHED -EAGAIN where it would
    // wait for a disk. Kernels and filters without that call get an openat(2) that follows no
    // symbolic link in the last component, which is all of a path below a tree's roots.
    virtual int open_beneath(int dirfd, const char* path, int flags, uint64_t resolve) = 0;
    // A second description of the same file with flags of its own, through /proc/thread-self/fd. It
    // keeps what the first one promises: O_SYNC, O_DSYNC, O_NOATIME.
    virtual int reopen(int fd, int flags) = 0;
    // Another descriptor of the same description.
    virtual int duplicate(int fd) = 0;
    // Switch O_DIRECT of an open description.
    virtual int set_direct(int fd, bool direct) = 0;

    // Facts. statx asks for the basic fields, STATX_DIOALIGN and the mount, by STATX_MNT_ID_UNIQUE
    // where the kernel has that; an empty path means dirfd itself.
    virtual int statx(int dirfd, const char* path, int at_flags, struct statx& out) = 0;
    virtual int filesystem_type(int fd, uint64_t& magic) = 0; // statfs(2) f_type
    virtual int places_of(int directory, std::vector<PlaceOnDevice>& places) = 0; // see mounts.h
    virtual bool may_fold_names(int directory) = 0; // see folds_names.h
    virtual bool may_sync_filesystems() = 0;        // whether syncfs(2) is let through by filters
    virtual int device_size(int fd, uint64_t& bytes) = 0; // of a block device
    virtual int page_cache(int fd, uint64_t offset, uint64_t length,
                           PageCache& out) = 0;                            // cachestat(2)
    virtual int is_resident(int fd, uint64_t offset, uint64_t length) = 0; // see resident.h
    virtual uint64_t room_for_dirty_pages() = 0; // in bytes; see dirty_pages.h
    virtual bool is_on_rotational(int fd, const struct statx& facts) = 0; // see rotational.h
    // Where a file's data begins on its device, to compare with others'; 0: nowhere, or not known.
    virtual uint64_t place_on_disk(int fd) = 0;
    virtual time_t now() = 0; // by the clock that files are stamped with
    virtual int64_t seek(int fd, int64_t offset, int whence) = 0; // SEEK_DATA, SEEK_HOLE

    // Names in an open directory, from where the last call ended: getdents64(2) records, the count
    // of their bytes, 0 at the end. position: of the listing, an offset that a record's d_off gave.
    virtual int64_t list(int fd, void* records, size_t size) = 0;
    virtual int set_list_position(int fd, int64_t position) = 0;
    virtual int64_t read_link(int dirfd, const char* path, char* text, size_t size) = 0;

    // Content, as far as it does not wait for a disk.
    virtual int64_t read_cached(int fd, void* data, size_t length,
                                uint64_t offset) = 0; // or -EAGAIN
    // The same of what is in memory and nowhere else. Of anything else it waits.
    virtual int64_t read(int fd, void* data, size_t length, uint64_t offset) = 0;
    virtual int64_t write(int fd, const void* data, size_t length, uint64_t offset) = 0;
    // FICLONERANGE from the beginning; a length that is of no whole blocks has to be all of the
    // file.
    virtual int reflink(int source, int fd, uint64_t length) = 0;
    // copy_file_range(2), of what is cached.
    virtual int64_t copy_file_range(int source, uint64_t source_offset, int fd, uint64_t offset,
                                    uint64_t length) = 0;
    virtual int truncate(int fd, uint64_t size) = 0;
    virtual int drop_cache(int fd, uint64_t offset, uint64_t length) = 0; // clean pages only
    virtual int read_ahead(int fd, uint64_t offset, uint64_t length) = 0; // begin to

    // Attributes. The descriptor may be one with O_PATH: of symbolic links and special files, which
    // are not to be opened, and of what may not be. Mode and extended attributes of such a one need
    // /proc, or are -ENOSYS.
    virtual int chmod(int fd, mode_t mode) = 0; // of no symbolic link
    virtual int chown(int fd, uid_t uid, gid_t gid) = 0;
    virtual int set_times(int fd, const timespec times[2]) = 0; // access, modification
    virtual int64_t list_xattrs(int fd, char* names, size_t size) = 0;
    virtual int64_t get_xattr(int fd, const char* name, void* value, size_t size) = 0;
    virtual int set_xattr(int fd, const char* name, const void* value, size_t size) = 0;
    virtual int remove_xattr(int fd, const char* name) = 0;
    // What chattr(1) has, and the project whose quota it counts for. Of what is open with O_PATH by
    // file_getattr(2), which Linux has since 6.17 (-ENOSYS).
    virtual int inode_flags(int fd, InodeFlags& flags) = 0;
    virtual int set_inode_flags(int fd, unsigned flags) = 0;
    virtual int project(int fd, uint32_t& project) = 0;
    virtual int set_project(int fd, uint32_t project) = 0;
    // By its name, which another file may have by now, and without /proc; -ENOSYS before
    // Linux 6.13.
    virtual int64_t list_xattrs_at(int, const char*, int, char*, size_t) { return -ENOSYS; }
    virtual int64_t get_xattr_at(int, const char*, int, const char*, void*, size_t) {
        return -ENOSYS;
    }
    virtual int set_xattr_at(int, const char*, int, const char*, const void*, size_t) {
        return -ENOSYS;
    }
    virtual int remove_xattr_at(int, const char*, int, const char*) { return -ENOSYS; }

    // Of the calling thread, whose files new ones are.
    virtual uid_t effective_user() = 0;
    virtual mode_t file_mode_mask() = 0; // umask(2), or 022; throws Error EMFILE

    // Names.
    virtual int link(int fd, int dirfd, const char* name) = 0; // name a file opened with O_TMPFILE
    virtual bool can_link(int fd) = 0; // whether link() will find its way: without /proc it may not
    virtual int rename(int dirfd, const char* from, const char* to) = 0; // replaces
    // The same, but -EEXIST if something has that name; -EINVAL where the filesystem cannot tell.
    virtual int rename_to_free(int dirfd, const char* from, const char* to) = 0;
    virtual int unlink(int dirfd, const char* name) = 0;
    virtual int remove_directory(int dirfd, const char* name) = 0;
    virtual int make_directory(int dirfd, const char* name, mode_t mode) = 0;
    virtual int make_special(int dirfd, const char* name, mode_t mode, dev_t device) = 0;
    virtual int make_symlink(const char* text, int dirfd, const char* name) = 0;
    // A hard link; from itself is not followed if it is a symbolic link.
    virtual int make_link(int from_dirfd, const char* from, int dirfd, const char* name) = 0;
};

// The real ones. Has no state; any number may exist.
class SystemFiles final : public Files {
public:
    int open(int dirfd, const char* path, int flags, mode_t mode) override;
    int close(int fd) override;
    int open_beneath(int dirfd, const char* path, int flags, uint64_t resolve) override;
    int reopen(int fd, int flags) override;
    int duplicate(int fd) override;
    int set_direct(int fd, bool direct) override;
    int statx(int dirfd, const char* path, int at_flags, struct statx& out) override;
    int filesystem_type(int fd, uint64_t& magic) override;
    int places_of(int directory, std::vector<PlaceOnDevice>& places) override;
    bool may_fold_names(int directory) override;
    bool may_sync_filesystems() override;
    int device_size(int fd, uint64_t& bytes) override;
    int page_cache(int fd, uint64_t offset, uint64_t length, PageCache& out) override;
    int is_resident(int fd, uint64_t offset, uint64_t length) override;
    uint64_t room_for_dirty_pages() override;
    bool is_on_rotational(int fd, const struct statx& facts) override;
    uint64_t place_on_disk(int fd) override;
    time_t now() override;
    int64_t seek(int fd, int64_t offset, int whence) override;
    int64_t list(int fd, void* records, size_t size) override;
    int set_list_position(int fd, int64_t position) override;
    int64_t read_link(int dirfd, const char* path, char* text, size_t size) override;
    int64_t read_cached(int fd, void* data, size_t length, uint64_t offset) override;
    int64_t read(int fd, void* data, size_t length, uint64_t offset) override;
    int64_t write(int fd, const void* data, size_t length, uint64_t offset) override;
    int reflink(int source, int fd, uint64_t length) override;
    int64_t copy_file_range(int source, uint64_t source_offset, int fd, uint64_t offset,
                            uint64_t length) override;
    int truncate(int fd, uint64_t size) override;
    int drop_cache(int fd, uint64_t offset, uint64_t length) override;
    int read_ahead(int fd, uint64_t offset, uint64_t length) override;
    int chmod(int fd, mode_t mode) override;
    int chown(int fd, uid_t uid, gid_t gid) override;
    int set_times(int fd, const timespec times[2]) override;
    int64_t list_xattrs(int fd, char* names, size_t size) override;
    int64_t get_xattr(int fd, const char* name, void* value, size_t size) override;
    int set_xattr(int fd, const char* name, const void* value, size_t size) override;
    int remove_xattr(int fd, const char* name) override;
    int inode_flags(int fd, InodeFlags& flags) override;
    int set_inode_flags(int fd, unsigned flags) override;
    int project(int fd, uint32_t& project) override;
    int set_project(int fd, uint32_t project) override;
    int64_t list_xattrs_at(int dirfd, const char* path, int at_flags, char* names,
                           size_t size) override;
    int64_t get_xattr_at(int dirfd, const char* path, int at_flags, const char* name, void* value,
                         size_t size) override;
    int set_xattr_at(int dirfd, const char* path, int at_flags, const char* name, const void* value,
                     size_t size) override;
    int remove_xattr_at(int dirfd, const char* path, int at_flags, const char* name) override;
    uid_t effective_user() override;
    mode_t file_mode_mask() override;
    int link(int fd, int dirfd, const char* name) override;
    bool can_link(int fd) override;
    int rename(int dirfd, const char* from, const char* to) override;
    int rename_to_free(int dirfd, const char* from, const char* to) override;
    int unlink(int dirfd, const char* name) override;
    int remove_directory(int dirfd, const char* name) override;
    int make_directory(int dirfd, const char* name, mode_t mode) override;
    int make_special(int dirfd, const char* name, mode_t mode, dev_t device) override;
    int make_symlink(const char* text, int dirfd, const char* name) override;
    int make_link(int from_dirfd, const char* from, int dirfd, const char* name) override;
};

// A descriptor of some Files' world, closed when its owner goes.
class File {
public:
    File() = default;
    File(Files& files, int fd) : files_(&files), fd_(fd) {}
    File(File&& other) noexcept : files_(other.files_), fd_(other.fd_) { other.fd_ = -1; }
    File& operator=(File&& other) noexcept {
        if (this != &other) {
            close();
            files_ = other.files_;
            fd_ = other.fd_;
            other.fd_ = -1;
        }
        return *this;
    }
    ~File() { close(); }

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }
    // Closes now; what close(2) reports (a deferred write error, say) is the caller's to look at.
    int close() {
        int fd = fd_;
        fd_ = -1;
        return fd >= 0 ? files_->close(fd) : 0;
    }

private:
    Files* files_ = nullptr;
    int fd_ = -1;
};

} // namespace arsync
