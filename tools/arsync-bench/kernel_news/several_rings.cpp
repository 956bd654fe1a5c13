// One large file by one ring, and by two, each of a thread of its own.
#include <arsync.h>
#include <fcntl.h>
#include <unistd.h>

#include "parts.h"
#include "ring.h"

namespace news {

namespace {

enum class State { cached, cold };

// How the pieces of a file are moved.
struct Shape {
    int from_flags = 0;
    int to_flags = 0;
    size_t chunk = 256 * kib;
    bool writes_now = false;
};

void prepare(const World& world, State state) {
    remove_files(world.destination());
    const Files source(world.source(), O_RDWR, world.size);
    if (state == State::cold)
        source.drop();
    else
        source.read_in();
    need(syncfs(source.fd()), "syncfs");
    touch(world.size + world.size / 4);
}

Figures by_rings(const World& world, State state, const Shape& shape, unsigned rings,
                 unsigned depth) {
    prepare(world, state);
    const Meter meter;
    const Files from(world.source(), O_RDONLY | shape.from_flags, world.size);
    const Files to(world.destination(), O_RDWR | O_CREAT | shape.to_flags, world.size);
    to.allocate();
    Move what;
    what.from = &from;
    what.to = &to;
    what.chunk = shape.chunk;
    what.depth = depth;
    what.writes_now = shape.writes_now;
    move(what, rings);
    return {meter.seconds(), meter.machine_seconds()};
}

Figures by_library(const World& world, State state, uint32_t method) {
    prepare(world, state);
    const Meter meter;
    library_copy(world, method);
    return {meter.seconds(), meter.machine_seconds()};
}

void rows(const World& world, const std::string& work, State state, const Shape& shape,
          unsigned depth, uint32_t method) {
    const auto way = [&](unsigned rings, unsigned each) {
        return [&, rings, each] { return by_rings(world, state, shape, rings, each); };
    };
    const std::string each = std::to_string(depth);
    const std::string twice = std::to_string(2 * depth);
    std::vector<Way> ways = {
        {"1 ring, " + each + " in flight", way(1, depth)},
        {"1 ring, " + twice + " in flight", way(1, 2 * depth)},
        {"2 rings, " + each + " each", way(2, depth)},
        {std::string("the library, ") + arsync_method_name(method),
         [&] { return by_library(world, state, method); }},
    };
    if (state == State::cached)
        ways.push_back(
            {"the library, auto", [&] { return by_library(world, state, ARSYNC_METHOD_AUTO); }});
    hold(
        {std::to_string(world.size / mib) + " MiB copied, " + work + " (" + world.file_system + ")",
         {"s", "CPU s"},
         ways});
}

} // namespace

void several_rings(const World& world) {
    world.make_source(world.size);
    const bool has_device = world.file_system != "tmpfs";
    if (has_device)
        rows(world, "O_DIRECT", State::cold, {O_DIRECT, O_DIRECT, 2 * mib, false}, 4,
             ARSYNC_METHOD_DIRECT);
    if (world.file_system != "xfs")
        rows(world, "cached", State::cached, {}, 8, ARSYNC_METHOD_FIXED);
    if (world.file_system == "ext4")
        rows(world, "cold", State::cold, {O_DIRECT, 0, 2 * mib, true}, 3,
             ARSYNC_METHOD_DIRECT_BUFFERED);
}

} // namespace news
