// A mount with one file in it, `disk`, which shows an image: for a loop device with --direct-io=on
// to stand on. Whoever is a Disk says when what is asked of it is done.
#pragma once

#define FUSE_USE_VERSION 31

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace one_disk {

using Clock = std::chrono::steady_clock;

struct Request {
    fuse_req_t asked;
    off_t at;
    size_t length;
    bool writes;
    std::vector<char> data; // that is written
    Clock::time_point since = Clock::now();
};

class Disk {
public:
    explicit Disk(int image) : image_(image) {
        struct stat facts;
        size_ = fstat(image, &facts) == 0 ? facts.st_size : 0;
    }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    virtual ~Disk() = default;
    off_t size() const { return size_; }
    // It is to be answered some time, from any thread: by move().
    virtual void add(Request request) = 0;
    // MOUNTPOINT/told was looked for.
    virtual void tell() {}

protected:
    void move(const Request& request) const {
        std::vector<char> data(request.writes ? 0 : request.length);
        const ssize_t moved = request.writes
                                  ? pwrite(image_, request.data.data(), request.length, request.at)
                                  : pread(image_, data.data(), request.length, request.at);
        if (moved < 0)
            fuse_reply_err(request.asked, errno);
        else if (request.writes)
            fuse_reply_write(request.asked, static_cast<size_t>(moved));
        else
            fuse_reply_buf(request.asked, data.data(), static_cast<size_t>(moved));
    }

private:
    const int image_;
    off_t size_ = 0;
};

namespace detail {

constexpr fuse_ino_t disk_inode = 2;

inline Disk& disk_of(fuse_req_t request) {
    return *static_cast<Disk*>(fuse_req_userdata(request));
}

inline struct stat facts_of(fuse_req_t request, fuse_ino_t inode) {
    struct stat facts = {};
    facts.st_ino = inode;
    facts.st_nlink = 1;
    facts.st_mode = inode == disk_inode ? S_IFREG | 0600 : S_IFDIR | 0700;
    facts.st_size = inode == disk_inode ? disk_of(request).size() : 0;
    return facts;
}

inline void do_lookup(fuse_req_t request, fuse_ino_t, const char* name) {
    if (strcmp(name, "told") == 0)
        disk_of(request).tell();
    if (strcmp(name, "disk") != 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    fuse_entry_param entry = {};
    entry.ino = disk_inode;
    entry.attr = facts_of(request, disk_inode);
    entry.attr_timeout = entry.entry_timeout = 3600;
    fuse_reply_entry(request, &entry);
}

inline void do_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    const struct stat facts = facts_of(request, inode);
    fuse_reply_attr(request, &facts, 3600);
}

inline void do_open(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    fuse_reply_open(request, info);
}

inline void do_read(fuse_req_t request, fuse_ino_t, size_t size, off_t at, fuse_file_info*) {
    Disk& disk = disk_of(request);
    const off_t left = std::max<off_t>(0, disk.size() - at);
    disk.add({request, at, std::min(size, static_cast<size_t>(left)), false, {}});
}

inline void do_write(fuse_req_t request, fuse_ino_t, const char* data, size_t size, off_t at,
                     fuse_file_info*) {
    disk_of(request).add({request, at, size, true, std::vector<char>(data, data + size)});
}

// What was written before was answered before.
inline void do_fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
    fuse_reply_err(request, 0);
}

inline void do_init(void*, fuse_conn_info* connection) {
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);
    connection->max_background = 256; // so that the disk sees what waits
    connection->congestion_threshold = 256;
}

inline int serve(const char* program, Disk& disk, const char* mountpoint) {
    fuse_lowlevel_ops operations = {};
    operations.init = do_init;
    operations.lookup = do_lookup;
    operations.getattr = do_getattr;
    operations.open = do_open;
    operations.read = do_read;
    operations.write = do_write;
    operations.fsync = do_fsync;
    std::string name = program;
    std::string option = "-ofsname=" + name;
    char* words[] = {name.data(), option.data(), nullptr};
    fuse_args arguments = FUSE_ARGS_INIT(2, words);
    fuse_session* const session =
        fuse_session_new(&arguments, &operations, sizeof operations, &disk);
    if (!session || fuse_session_mount(session, mountpoint) != 0)
        return 1;
    const int result = fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return result == 0 ? 0 : 1;
}

} // namespace detail

// The whole program, until it is unmounted: make(image's descriptor) gives the disk. What main()
// is to return.
template <class Make>
int serve(const char* program, const char* image, const char* mountpoint, Make make) {
    const int fd = open(image, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        perror(image);
        return 1;
    }
    // Whoever writes to the disk waits for this process, which is not to wait for them.
    prctl(PR_SET_IO_FLUSHER, 1);
    prctl(PR_SET_TIMERSLACK, 1);
    const std::unique_ptr<Disk> disk = make(fd);
    return detail::serve(program, *disk, mountpoint);
}

} // namespace one_disk
