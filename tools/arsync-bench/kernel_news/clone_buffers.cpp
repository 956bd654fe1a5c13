// IORING_REGISTER_CLONE_BUFFERS, Linux 6.12: a ring takes over what another has registered.
#include <arsync.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "parts.h"
#include "ring.h"

namespace news {

namespace {

constexpr unsigned buffer_count = 16;
constexpr size_t buffer_size = 2 * mib;
constexpr unsigned register_clone_buffers = 30;

// As struct io_uring_clone_buffers.
struct CloneArguments {
    uint32_t from = 0;
    uint32_t flags = 0;
    uint32_t from_index = 0;
    uint32_t to_index = 0;
    uint32_t count = 0;
    uint32_t zero[3] = {};
};

int clone(Ring& from, Ring& to) {
    CloneArguments what;
    what.from = static_cast<uint32_t>(from.raw().ring_fd);
    const long result =
        syscall(SYS_io_uring_register, to.raw().ring_fd, register_clone_buffers, &what, 1);
    return result < 0 ? -errno : 0;
}

void need_clone(Ring& from, Ring& to) {
    const int error = clone(from, to);
    if (error == -EINVAL)
        throw Absent{"no IORING_REGISTER_CLONE_BUFFERS"};
    if (error < 0)
        die("clone buffers", -error);
}

void register_all(Ring& ring, char* memory, unsigned count = buffer_count) {
    ring.make_table(buffer_count);
    for (unsigned i = 0; i < count; ++i)
        ring.register_buffer(i, memory + i * buffer_size, buffer_size);
}

enum class By { itself, itself_touched, clone };

// The rings are there before the clock starts. What registering touches first it has to clear.
Figures set_up(unsigned ring_count, By by) {
    constexpr size_t each_size = buffer_count * buffer_size;
    std::vector<std::unique_ptr<Ring>> rings;
    std::vector<std::unique_ptr<Memory>> memory;
    touch(ring_count * each_size);
    for (unsigned i = 0; i < ring_count; ++i) {
        rings.push_back(std::make_unique<Ring>());
        if (i > 0 && by == By::clone)
            continue;
        memory.push_back(std::make_unique<Memory>(each_size));
        if (by != By::itself)
            memset(memory.back()->begin(), 1, each_size);
    }
    const uint64_t pinned_before = status_kib("VmPin");
    const Meter meter;
    for (unsigned i = 0; i < ring_count; ++i) {
        if (i > 0 && by == By::clone)
            need_clone(*rings[0], *rings[i]);
        else
            register_all(*rings[i], memory[i]->begin());
    }
    const double us_each = 1e6 / ring_count;
    const Figures times = {meter.seconds() * us_each, meter.cpu_seconds() * us_each};
    const double pinned_kib = static_cast<double>(status_kib("VmPin") - pinned_before);
    return {times[0], times[1], pinned_kib / 1024 / ring_count};
}

// Of a ring that only its own thread may submit to, as the workers' are.
void from_another_thread() {
    Memory memory(buffer_count * buffer_size);
    Ring first;
    register_all(first, memory.begin());
    int error = 0;
    std::thread([&] {
        Ring second;
        error = clone(first, second);
    }).join();
    row("cloning from a ring that is another thread's (SINGLE_ISSUER)", "its answer", "",
        error == 0 ? "done" : strerror(-error), "", "");
}

// The whole that registering could be a part of.
Figures pool_and_copy(const World& world) {
    remove_files(world.destination());
    Files(world.source(), O_RDONLY, 64 * mib).drop();
    touch(128 * mib);
    const Meter meter;
    library_copy(world, ARSYNC_METHOD_DIRECT);
    return {meter.seconds() * 1e6, meter.cpu_seconds() * 1e6};
}

Figures few_buffers() {
    Memory memory(4 * buffer_size);
    Ring ring;
    touch(4 * buffer_size);
    const Meter meter;
    register_all(ring, memory.begin(), 4);
    return {meter.seconds() * 1e6, meter.cpu_seconds() * 1e6};
}

} // namespace

void clone_buffers(const World& world) {
    for (const unsigned rings : {2u, 4u, 8u})
        hold({std::to_string(rings) + " rings of 16 buffers of 2 MiB",
              {"us a ring", "CPU us", "MiB locked"},
              {{"each its own memory", [=] { return set_up(rings, By::itself); }},
               {"each its own, touched before", [=] { return set_up(rings, By::itself_touched); }},
               {"touched before, one registers, the others clone",
                [=] { return set_up(rings, By::clone); }}}});
    from_another_thread();
    world.make_source(64 * mib);
    hold({"a pool that copies 64 MiB by O_DIRECT (" + world.file_system + ")",
          {"us", "CPU us"},
          {{"the whole of it", [&] { return pool_and_copy(world); }},
           {"registering the 4 buffers that it uses", few_buffers}}});
}

} // namespace news
