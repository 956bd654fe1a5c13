// The calls of io/files.h on a simulated world.
#pragma once

#include "io/files.h"
#include "sim/world.h"

namespace arsync::sim {

class SimulatedFiles final : public Files {
public:
    explicit SimulatedFiles(World& world) : world_(world) {}

    int open(int dirfd, const char* path, int flags, mode_t mode) override;
    int close(int fd) override;
    int reopen(int fd, int flags) override;
    int set_direct(int fd, bool direct) override;
    int statx(int dirfd, const char* path, int at_flags, struct statx& out) override;
    int filesystem_type(int fd, uint64_t& magic) override;
    int device_size(int fd, uint64_t& bytes) override;
    int cached(int fd, uint64_t offset, uint64_t length, uint64_t& bytes) override;
    int64_t seek(int fd, int64_t offset, int whence) override;
    int64_t read_cached(int fd, void* data, size_t length, uint64_t offset) override;
    int64_t write(int fd, const void* data, size_t length, uint64_t offset) override;
    int truncate(int fd, uint64_t size) override;
    int drop_cache(int fd, uint64_t offset, uint64_t length) override;
    int chmod(int fd, mode_t mode) override;
    int chown(int fd, uid_t uid, gid_t gid) override;
    int set_times(int fd, const timespec times[2]) override;
    int64_t list_xattrs(int fd, char* names, size_t size) override;
    int64_t get_xattr(int fd, const char* name, void* value, size_t size) override;
    int set_xattr(int fd, const char* name, const void* value, size_t size) override;
    int remove_xattr(int fd, const char* name) override;
    int link(int fd, int dirfd, const char* name) override;
    bool can_link(int) override { return world_.options.can_link; }
    int rename(int dirfd, const char* from, const char* to) override;
    int unlink(int dirfd, const char* name) override;
    int open_beneath(int, const char*, int, uint64_t) override { return -38; }
    int64_t list(int, void*, size_t) override { return -38; }
    int set_list_position(int, int64_t) override { return -38; }
    int64_t read_link(int, const char*, char*, size_t) override { return -38; }
    int chmod_name(int, const char*, mode_t) override { return -38; }
    int chown_name(int, const char*, uid_t, gid_t) override { return -38; }
    int set_times_name(int, const char*, const timespec*) override { return -38; }
    int64_t list_xattrs_name(int, const char*, char*, size_t) override { return -38; }
    int64_t get_xattr_name(int, const char*, const char*, void*, size_t) override { return -38; }
    int set_xattr_name(int, const char*, const char*, const void*, size_t) override { return -38; }
    int remove_directory(int, const char*) override { return -38; }
    int make_directory(int, const char*, mode_t) override { return -38; }
    int make_special(int, const char*, mode_t, dev_t) override { return -38; }
    int make_symlink(const char*, int, const char*) override { return -38; }
    int make_link(int, const char*, int, const char*) override { return -38; }

private:
    // One step on an open descriptor: `effect` gets its inode and description.
    template <class Effect>
    int64_t on(Step step, int fd, Effect effect);
    int open_inode(Inode& inode, int flags);
    int open_name(int dirfd, const char* path, int flags, mode_t mode);
    int create(Inode& directory, const std::string& name, int flags, mode_t mode);
    Subject subject_at(int dirfd, const char* path);

    World& world_;
};

} // namespace arsync::sim
