// spinning_disk - a file that is as slow as a disk with an arm, by libfuse.
//
//     spinning_disk IMAGE MOUNTPOINT [OPTION...]
//
// MOUNTPOINT/disk shows IMAGE (disk.h). It runs in the foreground and ends when it is unmounted.
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
#include "disk.h"

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>

namespace {

using one_disk::Clock;
using one_disk::Request;
using std::chrono::nanoseconds;

constexpr double passes_by = 1 << 20; // bytes ahead that need no seek, or a shorter wait than one
constexpr auto waits_at_most = std::chrono::milliseconds(500);

struct Settings {
    double seek_min_ms = 2, seek_max_ms = 8;
    double bytes_a_second = 150e6;
    size_t queue = 32;
    std::string told_by;
};

class SpinningDisk : public one_disk::Disk {
public:
    SpinningDisk(int image, Settings settings) : Disk(image), settings_(std::move(settings)) {
        arm_ = std::thread([this] { serve(); });
    }
    ~SpinningDisk() override {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_one();
        arm_.join();
    }
    void add(Request request) override {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(request));
        }
        changed_.notify_one();
    }
    void tell() override;

private:
    void serve();
    double seek_ms(const Request& request) const;
    size_t next() const;

    const Settings settings_;
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
    const double share = std::abs(gap) / static_cast<double>(std::max<off_t>(1, size()));
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

void SpinningDisk::tell() {
    const std::lock_guard lock(mutex_);
    FILE* const file = settings_.told_by.empty() ? nullptr : fopen(settings_.told_by.c_str(), "w");
    if (!file)
        return;
    fprintf(file, "%lu %lu %lu %lu %lu %.0f\n", reads_, read_seeks_, bytes_, writes_, write_seeks_,
            busy_ms_);
    fclose(file);
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
    return one_disk::serve("spinning_disk", argv[1], argv[2], [&](int image) {
        return std::make_unique<SpinningDisk>(image, std::move(settings));
    });
}
