// FALLOC_FL_WRITE_ZEROES, Linux 6.17: blocks that are allocated, zero and written, by the device.
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "parts.h"
#include "ring.h"

namespace news {

namespace {

constexpr int fallocate_zero_range = 0x10;
constexpr int fallocate_write_zeroes = 0x80;

void empty(const Files& files) {
    need(ftruncate(files.fd(), 0), "truncate");
    files.sync();
    touch(files.size());
}

void write_zeros(const Files& files) {
    const std::vector<char> zeros(256 * kib);
    for (uint64_t at = 0; at < files.size(); at += zeros.size())
        need(static_cast<int>(
                 pwrite(files.fd(), zeros.data(), zeros.size(), static_cast<off_t>(at))),
             "pwrite");
}

// Until the zeros are on the device, or it is noted there that there are some.
template <class Fill>
Figures fill_hole(const Files& files, Fill fill) {
    empty(files);
    const Meter meter;
    fill(files);
    const double returned = meter.seconds();
    files.sync();
    return {returned, meter.seconds(), meter.machine_seconds()};
}

void write_direct(const Files& direct) {
    Move what;
    what.to = &direct;
    what.chunk = 2 * mib;
    what.depth = 4;
    move(what);
    direct.sync();
}

// `mode` of fallocate(2); the time is that of both.
Figures reserve_and_write(const Files& files, const Files& direct, int mode) {
    empty(files);
    const Meter meter;
    files.allocate(mode);
    write_direct(direct);
    return {meter.seconds(), meter.machine_seconds()};
}

Figures write_over(const Files& files, const Files& direct) {
    empty(files);
    files.fill();
    files.drop();
    const Meter meter;
    write_direct(direct);
    return {meter.seconds(), meter.machine_seconds()};
}

} // namespace

void written_zeros(const World& world) {
    const size_t size = world.size / 4;
    const Files files(world.destination(), O_RDWR | O_CREAT, size);
    const Files direct(world.destination(), O_RDWR | O_DIRECT, size);
    const auto allocated = [&](int mode) {
        return [&, mode] { return fill_hole(files, [=](const Files& f) { f.allocate(mode); }); };
    };
    const std::string where = " (" + world.file_system + ")";
    const std::string megabytes = std::to_string(size / mib) + " MiB";
    hold({"a hole of " + megabytes + " filled" + where,
          {"s", "s with fdatasync", "CPU s"},
          {{"zeros written", [&] { return fill_hole(files, write_zeros); }},
           {"fallocate", allocated(0)},
           {"FALLOC_FL_ZERO_RANGE", allocated(fallocate_zero_range)},
           {"FALLOC_FL_WRITE_ZEROES", allocated(fallocate_write_zeroes)}}});
    const auto reserved = [&](int mode) {
        return [&, mode] { return reserve_and_write(files, direct, mode); };
    };
    hold({megabytes + " reserved, written by O_DIRECT, fdatasync" + where,
          {"s", "CPU s"},
          {{"fallocate", reserved(0)},
           {"FALLOC_FL_WRITE_ZEROES", reserved(fallocate_write_zeroes)},
           {"over blocks written before", [&] { return write_over(files, direct); }}}});
}

} // namespace news
