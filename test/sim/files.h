// The calls of io/files.h on a simulated world.
#pragma once

#include <cerrno>

#include "io/files.h"
#include "sim/world.h"

namespace arsync::sim {

class SimulatedFiles : public Files {
public:
    explicit SimulatedFiles(World& world) : world_(world) {}

    int open(int dirfd, const char* path, int flags, mode_t mode) override;
    int open_beneath(int dirfd, const char* path, int flags, uint64_t resolve) override;
    int close(int fd) override;
    int reopen(int fd, int flags) override;
    int duplicate(int fd) override;
    int set_direct(int fd, bool direct) override;
    int statx(int dirfd, const char* path, int at_flags, struct statx& out) override;
    int filesystem_type(int fd, uint64_t& magic) override;
    int places_of(int fd, std::vector<PlaceOnDevice>& places) override;
    bool may_fold_names(int fd) override {
        return world_.open(fd) && world_.disk.at(world_.descriptor(fd)->inode).folds;
    }
    uint64_t room_for_dirty_pages() override { return world_.options.room_for_dirty_pages; }
    bool is_on_rotational(int, const struct statx&) override { return world_.options.rotational; }
    uint64_t place_on_disk(int fd) override;
    int read_ahead(int fd, uint64_t offset, uint64_t length) override;
    time_t now() override { return world_.a_look_at_the_clock(); }
    bool may_sync_filesystems() override { return !world_.options.denies_syncfs; }
    int device_size(int fd, uint64_t& bytes) override;
    int is_resident(int fd, uint64_t offset, uint64_t length) override;
    int page_cache(int fd, uint64_t offset, uint64_t length, PageCache& out) override;
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
    uid_t effective_user() override { return world_.options.privileged ? 0 : 1; }
    mode_t file_mode_mask() override { return world_.options.umask; }
    int link(int fd, int dirfd, const char* name) override;
    bool can_link(int) override { return world_.options.can_link; }
    int rename(int dirfd, const char* from, const char* to) override;
    int rename_to_free(int dirfd, const char* from, const char* to) override;
    int unlink(int dirfd, const char* name) override;
    int remove_directory(int dirfd, const char* name) override;
    int make_directory(int dirfd, const char* name, mode_t mode) override;
    int make_special(int dirfd, const char* name, mode_t mode, dev_t device) override;
    int make_symlink(const char* text, int dirfd, const char* name) override;
    int make_link(int from_dirfd, const char* from, int dirfd, const char* name) override;

private:
    // One step on an open descriptor: `effect` gets its inode and description.
    template <class Effect>
    int64_t on(Step step, int fd, Effect effect);
    // One step on a name that is not followed: `effect` gets its inode.
    template <class Effect>
    int64_t at(Call call, int dirfd, const char* path, Effect effect);
    Step step_at(Call call, int dirfd, const char* path, Last last);
    int new_name(int dirfd, const char* path, Place& place, bool directory);
    int move_name(int dirfd, const char* from, const char* to, bool replaces);
    int add_name(const Place& place, mode_t mode);
    Content content_seen(const Inode& inode) const;
    int link_inode(InodeNumber number, int dirfd, const char* name);

    World& world_;
};

} // namespace arsync::sim
