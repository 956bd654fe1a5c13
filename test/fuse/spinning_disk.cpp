// spinning_disk - a file that is as slow as a disk with an arm, by libfuse.
//
//     spinning_disk IMAGE MOUNTPOINT [OPTION...]
//
// MOUNTPOINT/disk shows IMAGE, for a loop device with --direct-io=on to stand on. It runs in the
// foreground and ends when it is unmounted.
//
// One request is served at a time. It takes its bytes at the disk's rate; and before that, if it
// does not follow the last one, a seek: a short one for the next track, a long one for the whole
// image, and between them in proportion. What lies a little ahead passes below the head sooner.
// As a drive does, and the kernel's scheduler before it, it takes of the first requests that wait
// the nearest, reads before writes; but whatever has waited too long comes first.
//
//     seek=MS:MS     the shortest and the longest seek (2:8)
//     rate=MBS       bytes in a second, in units of 10^6 (150)
//     queue=N        how many requests it looks at to choose from (32)
//     told_by=FILE   FILE becomes "READS READ_SEEKS READ_BYTES WRITES WRITE_SEEKS BUSY_MS" of all
//                    that was served, each time that it is asked for MOUNTPOINT/told
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
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr fuse_ino_t disk_inode = 2;
constexpr double passes_by = 1 << 20; // bytes ahead that need no seek, or a shorter wait than one
constexpr auto waits_at_most = std::chrono::milliseconds(500);

struct Settings {
    double seek_min_ms = 2, seek_max_ms = 8;
    double bytes_a_second = 150e6;
    size_t queue = 32;
    std::string told_by;
};

struct Request {
    fuse_req_t asked;
    off_t at;
    size_t length;
    bool writes;
    std::vector<char> data; // that is written
    Clock::time_point since;
};

class SpinningDisk {
public:
    SpinningDisk(int image, Settings settings) : image_(image), settings_(std::move(settings)) {
        struct stat facts;
        size_ = fstat(image, &facts) == 0 ? facts.st_size : 0;
        arm_ = std::thread([this] { serve(); });
    }
    ~SpinningDisk() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_one();
        arm_.join();
    }
    off_t size() const { return size_; }
    void add(Request request) {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(request));
        }
        changed_.notify_one();
    }
    void tell();

private:
    void serve();
    double seek_ms(const Request& request) const;
    size_t next() const;
    void move(Request& request) const;

    const int image_;
    const Settings settings_;
    off_t size_ = 0;
    off_t head_ = 0;
    std::thread arm_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Request> waiting_;
    bool ended_ = false;
    uint64_t reads_ = 0, read_seeks_ = 0, bytes_ = 0, writes_ = 0, write_seeks_ = 0;
    double busy_ms_ = 0;
};

double SpinningDisk::seek_ms(const Request& request) const {
    const auto gap = static_cast<double>(request.at - head_);
    if (gap == 0)
        return 0;
    const double share = std::abs(gap) / static_cast<double>(std::max<off_t>(1, size_));
    const double seek =
        settings_.seek_min_ms + share * (settings_.seek_max_ms - settings_.seek_min_ms);
    const double passing = gap / settings_.bytes_a_second * 1000;
    return gap > 0 && gap <= passes_by ? std::min(seek, passing) : seek;
}

size_t SpinningDisk::next() const {
    const size_t count = std::min(waiting_.size(), settings_.queue);
    if (Clock::now() - waiting_.front().since > waits_at_most)
        return 0;
    size_t best = 0;
    for (size_t each = 1; each < count; ++each) {
        const Request& one = waiting_[each];
        const Request& other = waiting_[best];
        if (one.writes != other.writes ? other.writes : seek_ms(one) < seek_ms(other))
            best = each;
    }
    return best;
}

void SpinningDisk::serve() {
    Clock::time_point free = Clock::now(); // so that what sleeps too long is no slower for it
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
        if (waiting_.empty())
            return;
        const auto taken = waiting_.begin() + static_cast<ptrdiff_t>(next());
        Request request = std::move(*taken);
        waiting_.erase(taken);
        const double seek = seek_ms(request);
        const double ms =
            seek + static_cast<double>(request.length) / settings_.bytes_a_second * 1000;
        head_ = request.at + static_cast<off_t>(request.length);
        const bool seeks = seek >= settings_.seek_min_ms;
        ++(request.writes ? writes_ : reads_);
        (request.writes ? write_seeks_ : read_seeks_) += seeks;
        bytes_ += request.writes ? 0 : request.length;
        busy_ms_ += ms;
        lock.unlock();
        free = std::max(free, request.since) + nanoseconds(static_cast<int64_t>(ms * 1e6));
        std::this_thread::sleep_until(free);
        move(request);
        lock.lock();
    }
}

void SpinningDisk::move(Request& request) const {
    if (request.writes) {
        const ssize_t put = pwrite(image_, request.data.data(), request.length, request.at);
        if (put < 0)
            fuse_reply_err(request.asked, errno);
        else
            fuse_reply_write(request.asked, static_cast<size_t>(put));
        return;
    }
    std::vector<char> data(request.length);
    const ssize_t got = pread(image_, data.data(), request.length, request.at);
    if (got < 0)
        fuse_reply_err(request.asked, errno);
    else
        fuse_reply_buf(request.asked, data.data(), static_cast<size_t>(got));
}

void SpinningDisk::tell() {
    const std::lock_guard lock(mutex_);
    FILE* const file = settings_.told_by.empty() ? nullptr : fopen(settings_.told_by.c_str(), "w");
    if (!file)
        return;
    fprintf(file, "%lu %lu %lu %lu %lu %.0f\n", reads_, read_seeks_, bytes_, writes_, write_seeks_,
            busy_ms_);
    fclose(file);
}

SpinningDisk* disk;

struct stat facts_of(fuse_ino_t inode) {
    struct stat facts = {};
    facts.st_ino = inode;
    facts.st_nlink = 1;
    facts.st_mode = inode == disk_inode ? S_IFREG | 0600 : S_IFDIR | 0700;
    facts.st_size = inode == disk_inode ? disk->size() : 0;
    return facts;
}

void do_lookup(fuse_req_t request, fuse_ino_t, const char* name) {
    if (strcmp(name, "told") == 0)
        disk->tell();
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
    const off_t left = std::max<off_t>(0, disk->size() - at);
    disk->add({request, at, std::min(size, static_cast<size_t>(left)), false, {}, Clock::now()});
}

void do_write(fuse_req_t request, fuse_ino_t, const char* data, size_t size, off_t at,
              fuse_file_info*) {
    disk->add({request, at, size, true, std::vector<char>(data, data + size), Clock::now()});
}

// What was written before was answered before.
void do_fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
    fuse_reply_err(request, 0);
}

void do_init(void*, fuse_conn_info* connection) {
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);
    connection->max_background = 256; // so that it sees what waits
    connection->congestion_threshold = 256;
}

// False: there is no such option.
bool understand(std::string_view option, Settings& settings) {
    const size_t equals = option.find('=');
    if (equals == std::string_view::npos)
        return false;
    const std::string_view name = option.substr(0, equals);
    const std::string value(option.substr(equals + 1));
    if (name == "seek")
        return sscanf(value.c_str(), "%lf:%lf", &settings.seek_min_ms, &settings.seek_max_ms) == 2;
    if (name == "rate")
        settings.bytes_a_second = strtod(value.c_str(), nullptr) * 1e6;
    else if (name == "queue")
        settings.queue = strtoul(value.c_str(), nullptr, 10);
    else if (name == "told_by")
        settings.told_by = value;
    else
        return false;
    return settings.bytes_a_second > 0 && settings.queue > 0;
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
    char name[] = "spinning_disk";
    char option[] = "-ofsname=spinning_disk";
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
    Settings settings;
    bool understood = argc >= 3;
    for (int each = 3; each < argc; ++each)
        understood = understood && understand(argv[each], settings);
    if (!understood) {
        fprintf(stderr, "usage: spinning_disk IMAGE MOUNTPOINT [OPTION...]\n");
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
    SpinningDisk spinning(image, settings);
    disk = &spinning;
    return serve(argv[2]);
}
