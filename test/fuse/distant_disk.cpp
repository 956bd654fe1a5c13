// distant_disk - a file that is as far away as a disk on a network, by libfuse.
//
//     distant_disk IMAGE MOUNTPOINT MILLISECONDS
//
// MOUNTPOINT/disk shows IMAGE (disk.h). It runs in the foreground and ends when it is unmounted.
// Each read and write is answered so long after it was asked for, however many there are at once.
#include "disk.h"

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

namespace {

using one_disk::Request;

class DistantDisk : public one_disk::Disk {
public:
    DistantDisk(int image, std::chrono::microseconds away) : Disk(image), away_(away) {
        thread_ = std::thread([this] { answer(); });
    }
    ~DistantDisk() override {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    void add(Request request) override {
        const std::lock_guard lock(mutex_);
        under_way_.push_back(std::move(request));
        changed_.notify_one();
    }

private:
    void answer() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return ended_ || !under_way_.empty(); });
            if (under_way_.empty())
                return;
            const Request request = std::move(under_way_.front());
            under_way_.pop_front();
            lock.unlock();
            std::this_thread::sleep_until(request.since + away_);
            move(request);
            lock.lock();
        }
    }

    const std::chrono::microseconds away_;
    std::thread thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Request> under_way_; // the first is due first
    bool ended_ = false;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: distant_disk IMAGE MOUNTPOINT MILLISECONDS\n");
        return 2;
    }
    const auto away =
        std::chrono::microseconds(static_cast<int64_t>(strtod(argv[3], nullptr) * 1000));
    return one_disk::serve("distant_disk", argv[1], argv[2],
                           [&](int image) { return std::make_unique<DistantDisk>(image, away); });
}
