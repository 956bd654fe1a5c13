// RWF_DONTCACHE, Linux 6.14: through the page cache, and out of it again.
#include <fcntl.h>

#include "parts.h"
#include "ring.h"

namespace news {

namespace {

constexpr int dontcache = 0x80;

// How all of a file is read or written.
struct How {
    int open_flags = 0;
    int flags = 0;
    bool drops = false; // afterwards
    size_t chunk = 256 * kib;
    unsigned depth = 8;
};

Move move_by(const How& way) {
    Move what;
    what.flags = way.flags;
    what.chunk = way.chunk;
    what.depth = way.depth;
    return what;
}

Figures read_once(const World& world, const How& way) {
    const Files cached(world.source(), O_RDWR, world.size);
    const Files files(world.source(), O_RDWR | way.open_flags, world.size);
    cached.drop();
    touch(world.size);
    Move what = move_by(way);
    what.from = &files;
    const uint64_t read_before = files.read_by_device();
    const Meter meter;
    move(what);
    if (way.drops)
        posix_fadvise(files.fd(), 0, 0, POSIX_FADV_DONTNEED);
    const Figures times = {meter.seconds(), meter.machine_seconds()};
    return {times[0], times[1], static_cast<double>((files.read_by_device() - read_before) / mib),
            static_cast<double>(cached.resident() / mib)};
}

// Until the data is on the device, and is dropped from the cache if that is to be done.
Figures write_once(const World& world, const How& way) {
    remove_files(world.destination());
    const Files files(world.destination(), O_RDWR | O_CREAT | way.open_flags, world.size);
    files.allocate();
    files.sync();
    touch(world.size);
    Move what = move_by(way);
    what.to = &files;
    const Meter meter;
    move(what);
    const double returned = meter.seconds();
    files.sync();
    if (way.drops)
        posix_fadvise(files.fd(), 0, 0, POSIX_FADV_DONTNEED);
    return {returned, meter.seconds(), meter.machine_seconds(),
            static_cast<double>(files.resident() / mib)};
}

template <class Once>
std::vector<Way> ways(const World& world, Once once) {
    const auto way = [&world, once](const How& how) {
        return [&world, once, how] { return once(world, how); };
    };
    return {{"plain, 256 KiB, 8 in flight", way({})},
            {"RWF_DONTCACHE, 256 KiB, 8 in flight", way({0, dontcache})},
            {"RWF_DONTCACHE, 2 MiB, 4 in flight", way({0, dontcache, false, 2 * mib, 4})},
            {"plain, then POSIX_FADV_DONTNEED", way({0, 0, true})},
            {"O_DIRECT, 2 MiB, 4 in flight", way({O_DIRECT, 0, false, 2 * mib, 4})}};
}

} // namespace

void past_the_cache(const World& world) {
    world.make_source(world.size);
    const std::string megabytes = std::to_string(world.size / mib) + " MiB";
    const std::string where = " (" + world.file_system + ")";
    hold({megabytes + " read cold" + where,
          {"s", "CPU s", "MiB read by the device", "MiB left cached"},
          ways(world, read_once)});
    hold({megabytes + " written" + where,
          {"s", "s with fdatasync", "CPU s", "MiB left cached"},
          ways(world, write_once)});
}

} // namespace news
