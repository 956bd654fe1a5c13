// How completions are waited for: IORING_SETUP_HYBRID_IOPOLL (Linux 6.13), IORING_ENTER_NO_IOWAIT
// (6.15), and a wait for several that ends with one after a time (6.12).
#include <fcntl.h>
#include <filesystem>
#include <fstream>

#include "parts.h"
#include "ring.h"

namespace news {

namespace {

Figures read_by(const World& world, Move what, size_t size, int flags, bool cached) {
    const Files files(world.source(), O_RDONLY | flags, size);
    if (cached)
        files.read_in();
    else
        files.drop();
    what.from = &files;
    const Meter meter;
    const Moved moved = move(what);
    return {meter.seconds(), meter.cpu_seconds(), static_cast<double>(moved.enters)};
}

std::string polled_devices() {
    std::string names;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/block")) {
        std::ifstream file(entry.path() / "queue/io_poll");
        int polls = 0;
        if (file >> polls && polls > 0)
            names += " " + entry.path().filename().string();
    }
    return names;
}

} // namespace

void hybrid_polling(const World& world) {
    if (polled_devices().empty())
        throw Absent{"no device here has poll queues"};
    world.make_source(world.size / 4);
    Move polled;
    polled.chunk = 64 * kib;
    polled.depth = 16;
    polled.setup = IORING_SETUP_IOPOLL;
    Move hybrid = polled;
    hybrid.setup |= setup_hybrid_iopoll;
    hold({"reads of 64 KiB, 16 in flight, O_DIRECT (" + world.file_system + ")",
          {"s", "CPU s", "enters"},
          {{"IOPOLL", [&] { return read_by(world, polled, world.size / 4, O_DIRECT, false); }},
           {"HYBRID_IOPOLL",
            [&] { return read_by(world, hybrid, world.size / 4, O_DIRECT, false); }}}});
}

void waiting(const World& world) {
    world.make_source(world.size / 4);
    const auto rows = [&](const std::string& work, size_t chunk, size_t size, int flags,
                          bool cached) {
        const auto way = [&, chunk, size, flags, cached](Wait wait) {
            Move what;
            what.chunk = chunk;
            what.depth = 16;
            what.wait = wait;
            what.any_order = chunk < 64 * kib;
            return [=, &world] { return read_by(world, what, size, flags, cached); };
        };
        hold({std::to_string(size / mib) + " MiB by reads of " + std::to_string(chunk / kib) +
                  " KiB, 16 in flight, " + work + " (" + world.file_system + ")",
              {"s", "CPU s", "enters"},
              {{"waiting for one", way({1, 0, 0})},
               {"NO_IOWAIT", way({1, enter_no_iowait, 0})},
               {"for 8, after 50 us for one", way({8, 0, 50})},
               {"for 8, after 500 us for one", way({8, 0, 500})}}});
    };
    rows("cold, O_DIRECT", 64 * kib, world.size / 4, O_DIRECT, false);
    rows("in any order, O_DIRECT", 4 * kib, world.size / 32, O_DIRECT, false);
    rows("cold", 64 * kib, world.size / 4, 0, false);
    rows("cached", 64 * kib, world.size / 4, 0, true);
}

} // namespace news
