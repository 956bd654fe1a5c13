// distant_disk - a file that is as far away as a disk on a network, by libfuse.
//
//     distant_disk IMAGE MOUNTPOINT MILLISECONDS
//
// MOUNTPOINT/disk shows IMAGE, for a loop device with --direct-io=on to stand on. It runs in the
// foreground and ends when it is unmounted. Each read and write is answered so long after it was
// asked for, however many there are at once.
#define FUSE_USE_VERSION 31

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <mutex>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr fuse_ino_t disk_inode = 2;

struct Request {
    fuse_req_t asked;
    off_t at;
    size_t length;
    bool writes;
    std::vector<char> data; // that is written
    Clock::time_point due = {};
};

class DistantDisk {
public:
    DistantDisk(int image, std::chrono::microseconds away) : image_(image), away_(away) {
        std::thread([this] { answer(); }).detach(); // for as long as the process
    }
    off_t size() const {
        struct stat facts;
        return fstat(image_, &facts) == 0 ? facts.st_size : 0;
    }
    void add(Request request) {
        request.due = Clock::now() + away_;
        const std::lock_guard lock(mutex_);
        under_way_.push_back(std::move(request));
        changed_.notify_one();
    }

private:
    void answer() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return !under_way_.empty(); });
            const Request request = std::move(under_way_.front());
            under_way_.pop_front();
            lock.unlock();
            std::this_thread::sleep_until(request.due);
            move(request);
            lock.lock();
        }
    }

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

    const int image_;
    const std::chrono::microseconds away_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Request> under_way_; // the first is due first
};

DistantDisk* disk;

struct stat facts_of(fuse_ino_t inode) {
    struct stat facts = {};
    facts.st_ino = inode;
    facts.st_nlink = 1;
    facts.st_mode = inode == disk_inode ? S_IFREG | 0600 : S_IFDIR | 0700;
    facts.st_size = inode == disk_inode ? disk->size() : 0;
    return facts;
}

void do_lookup(fuse_req_t request, fuse_ino_t, const char* name) {
    if (strcmp(name, "disk") != 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    fuse_entry_param entry = {};
    entry.ino = disk_inode;
    entry.attr = facts_of(disk_inode);
    entry.attr_timeout = entry.entry_timeout = 3600;
    fuse_reply_entry(request, &entry);
}

void do_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    const struct stat facts = facts_of(inode);
    fuse_reply_attr(request, &facts, 3600);
}

void do_open(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    fuse_reply_open(request, info);
}

void do_read(fuse_req_t request, fuse_ino_t, size_t size, off_t at, fuse_file_info*) {
    disk->add({request, at, size, false, {}});
}

void do_write(fuse_req_t request, fuse_ino_t, const char* data, size_t size, off_t at,
              fuse_file_info*) {
    disk->add({request, at, size, true, std::vector<char>(data, data + size)});
}

// What was written before was answered before.
void do_fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
    fuse_reply_err(request, 0);
}

void do_init(void*, fuse_conn_info* connection) {
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);
    connection->max_background = 256;
    connection->congestion_threshold = 256;
}

int serve(const char* at) {
    fuse_lowlevel_ops operations = {};
    operations.init = do_init;
    operations.lookup = do_lookup;
    operations.getattr = do_getattr;
    operations.open = do_open;
    operations.read = do_read;
    operations.write = do_write;
    operations.fsync = do_fsync;
    char name[] = "distant_disk";
    char option[] = "-ofsname=distant_disk";
    char* words[] = {name, option, nullptr};
    fuse_args arguments = FUSE_ARGS_INIT(2, words);
    fuse_session* const session =
        fuse_session_new(&arguments, &operations, sizeof operations, nullptr);
    if (!session || fuse_session_mount(session, at) != 0)
        return 1;
    const int result = fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return result == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: distant_disk IMAGE MOUNTPOINT MILLISECONDS\n");
        return 2;
    }
    const int image = open(argv[1], O_RDWR | O_CLOEXEC);
    if (image < 0) {
        perror(argv[1]);
        return 1;
    }
    // Whoever writes to the disk waits for this process, which is not to wait for them.
    prctl(PR_SET_IO_FLUSHER, 1);
    prctl(PR_SET_TIMERSLACK, 1);
    disk = new DistantDisk(
        image, std::chrono::microseconds(static_cast<int64_t>(strtod(argv[3], nullptr) * 1000)));
    return serve(argv[2]);
}
