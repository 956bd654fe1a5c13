// How many threads the kernel starts for what a ring cannot do at once (io-wq), and what bounding
// them by IORING_REGISTER_IOWQ_MAX_WORKERS, Linux 5.15, does to the copy.
#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

#include "parts.h"
#include "ring.h"

namespace news {

namespace {

unsigned threads_of_io_wq() {
    unsigned count = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream file(task.path() / "comm");
        std::string name;
        count += std::getline(file, name) && name.starts_with("iou-wrk");
    }
    return count;
}

// The most that are seen while it runs; it looks every millisecond.
class Watch {
public:
    Watch() : thread_([this] { look(); }) {}
    unsigned end() {
        over_ = true;
        thread_.join();
        return most_;
    }

private:
    void look() {
        while (!over_) {
            most_ = std::max(most_, threads_of_io_wq());
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    std::atomic<bool> over_ = false;
    unsigned most_ = 0;
    std::thread thread_;
};

// Those of the ring before.
void let_threads_end() {
    for (unsigned i = 0; i < 500 && threads_of_io_wq() > 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

Figures copy(const World& world, unsigned files, unsigned depth, unsigned limit) {
    remove_files(world.destination(), files);
    const Files from(world.source(), O_RDONLY, world.size, files);
    from.read_in();
    need(syncfs(from.fd()), "syncfs");
    touch(world.size);
    const Files to(world.destination(), O_RDWR | O_CREAT, world.size, files);
    to.allocate();
    let_threads_end();
    Move what;
    what.from = &from;
    what.to = &to;
    what.depth = depth;
    what.kernel_threads = limit;
    what.any_order = files > 1;
    Watch watch;
    const Meter meter;
    move(what);
    const double seconds = meter.seconds();
    const double machine = meter.machine_seconds();
    return {seconds, machine, static_cast<double>(watch.end())};
}

// Many files whose data is to get to the device at once: the kernel's threads wait for it.
Figures sync_many(const World& world, unsigned limit) {
    constexpr unsigned count = 64;
    remove_files(world.destination(), count);
    const Files files(world.destination(), O_RDWR | O_CREAT, world.size / 16, count);
    files.write();
    let_threads_end();
    Ring ring;
    ring.limit_threads(limit);
    Watch watch;
    const Meter meter;
    for (unsigned i = 0; i < count; ++i)
        io_uring_prep_fsync(&ring.entry(), files.fd(i), IORING_FSYNC_DATASYNC);
    Wait all;
    all.count = count;
    ring.enter(all);
    const double seconds = meter.seconds();
    const double machine = meter.machine_seconds();
    return {seconds, machine, static_cast<double>(watch.end())};
}

} // namespace

// As this kernel sets them by itself: for files, and for all else.
static void usual_limits() {
    Ring ring;
    unsigned limits[2] = {};
    if (io_uring_register_iowq_max_workers(&ring.raw(), limits) < 0)
        throw Absent{"no IORING_REGISTER_IOWQ_MAX_WORKERS"};
    row("threads of io-wq that a ring may have when nothing is set", "for files; for all else", "",
        std::to_string(limits[0]) + "; " + std::to_string(limits[1]), "", "");
}

// The first way has no limit.
static void rows(const std::string& work, const std::function<Figures(unsigned)>& run) {
    std::vector<Way> ways = {{"no limit", [=] { return run(0); }}};
    for (const unsigned limit : {1u, 2u, 4u, 8u})
        ways.push_back({"at most " + std::to_string(limit), [=] { return run(limit); }});
    hold({work, {"s", "CPU s", "threads"}, ways});
}

void kernel_threads(const World& world) {
    const std::string copied = std::to_string(world.size / mib) + " MiB in ";
    const std::string where = " in flight (" + world.file_system + ")";
    world.make_source(world.size);
    for (const unsigned depth : {8u, 64u})
        rows(copied + "one file, cached, copied by a ring, " + std::to_string(depth) + where,
             [=, &world](unsigned limit) { return copy(world, 1, depth, limit); });
    remove_files(world.source());
    remove_files(world.destination());
    world.make_source(world.size, 16);
    rows(copied + "16 files side by side, cached, copied by a ring, 64" + where,
         [&](unsigned limit) { return copy(world, 16, 64, limit); });
}

void threads_that_sync(const World& world) {
    usual_limits();
    rows("fdatasync of 64 files of " + std::to_string(world.size / 1024 / kib) + " KiB at once (" +
             world.file_system + ")",
         [&](unsigned limit) { return sync_many(world, limit); });
}

} // namespace news
