// Files of which nothing is to be had, for whoever has only some of their calls to say.
#pragma once

#include <cerrno>

#include "io/files.h"

namespace fuzz {

class NoFiles : public arsync::Files {
public:
    int open(int, const char*, int, mode_t) override { return -ENOSYS; }
    int close(int) override { return -ENOSYS; }
    int open_beneath(int, const char*, int, uint64_t) override { return -ENOSYS; }
    int reopen(int, int) override { return -ENOSYS; }
    int duplicate(int) override { return -ENOSYS; }
    int set_direct(int, bool) override { return -ENOSYS; }
    int statx(int, const char*, int, struct statx&) override { return -ENOSYS; }
    int filesystem_type(int, uint64_t&) override { return -ENOSYS; }
    int places_of(int, std::vector<arsync::PlaceOnDevice>&) override { return -ENOSYS; }
    bool may_fold_names(int) override { return false; }
    bool may_sync_filesystems() override { return false; }
    int device_size(int, uint64_t&) override { return -ENOSYS; }
    int page_cache(int, uint64_t, uint64_t, arsync::PageCache&) override { return -ENOSYS; }
    int is_resident(int, uint64_t, uint64_t) override { return -ENOSYS; }
    uint64_t room_for_dirty_pages() override { return 0; }
    bool is_on_rotational(int, const struct statx&) override { return false; }
    uint64_t place_on_disk(int) override { return 0; }
    time_t now() override { return 0; }
    int64_t seek(int, int64_t, int) override { return -ENOSYS; }
    int64_t list(int, void*, size_t) override { return -ENOSYS; }
    int set_list_position(int, int64_t) override { return -ENOSYS; }
    int64_t read_link(int, const char*, char*, size_t) override { return -ENOSYS; }
    int64_t read_cached(int, void*, size_t, uint64_t) override { return -ENOSYS; }
    int64_t read(int, void*, size_t, uint64_t) override { return -ENOSYS; }
    int64_t write(int, const void*, size_t, uint64_t) override { return -ENOSYS; }
    int reflink(int, int, uint64_t) override { return -EOPNOTSUPP; }
    int64_t copy_file_range(int, uint64_t, int, uint64_t, uint64_t) override { return -EXDEV; }
    int truncate(int, uint64_t) override { return -ENOSYS; }
    int drop_cache(int, uint64_t, uint64_t) override { return -ENOSYS; }
    int read_ahead(int, uint64_t, uint64_t) override { return -ENOSYS; }
    int chmod(int, mode_t) override { return -ENOSYS; }
    int chown(int, uid_t, gid_t) override { return -ENOSYS; }
    int set_times(int, const timespec[2]) override { return -ENOSYS; }
    int64_t list_xattrs(int, char*, size_t) override { return -ENOSYS; }
    int64_t get_xattr(int, const char*, void*, size_t) override { return -ENOSYS; }
    int set_xattr(int, const char*, const void*, size_t) override { return -ENOSYS; }
    int remove_xattr(int, const char*) override { return -ENOSYS; }
    int inode_flags(int, arsync::InodeFlags&) override { return -ENOSYS; }
    int set_inode_flags(int, unsigned) override { return -ENOSYS; }
    int project(int, uint32_t&) override { return -ENOSYS; }
    int set_project(int, uint32_t) override { return -ENOSYS; }
    uid_t effective_user() override { return 0; }
    mode_t file_mode_mask() override { return 022; }
    int link(int, int, const char*) override { return -ENOSYS; }
    bool can_link(int) override { return false; }
    int rename(int, const char*, const char*) override { return -ENOSYS; }
    int rename_to_free(int, const char*, const char*) override { return -ENOSYS; }
    int unlink(int, const char*) override { return -ENOSYS; }
    int remove_directory(int, const char*) override { return -ENOSYS; }
    int make_directory(int, const char*, mode_t) override { return -ENOSYS; }
    int make_special(int, const char*, mode_t, dev_t) override { return -ENOSYS; }
    int make_symlink(const char*, int, const char*) override { return -ENOSYS; }
    int make_link(int, const char*, int, const char*) override { return -ENOSYS; }
};

} // namespace fuzz
