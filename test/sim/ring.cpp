#include "sim/ring.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <utility>

#include "sim/opening.h"
#include "sim/transfer.h"

namespace arsync::sim {

static Call call_of(Op op) {
    switch (op) {
    case Op::read:
        return Call::read;
    case Op::write:
        return Call::write;
    case Op::sync:
        return Call::sync;
    case Op::allocate:
        return Call::allocate;
    case Op::write_back:
        return Call::write_back;
    case Op::reflink:
        return Call::reflink;
    case Op::copy_file_range:
        return Call::copy_file_range;
    case Op::copy_cached:
        return Call::copy_cached;
    case Op::pause:
        return Call::pause;
    case Op::open:
        return Call::open_on_ring;
    case Op::sync_filesystem:
        return Call::sync_filesystem;
    case Op::settle_holes:
        return Call::settle_holes;
    case Op::wait_readable:
    case Op::wait_writable:
    case Op::call: // whose own calls are the steps
        break;
    }
    return Call::wait;
}

static bool is_transfer(const Request& request) {
    return request.op == Op::read || request.op == Op::write;
}

static bool writes(const Request& request) {
    return request.op == Op::write || request.op == Op::copy_cached;
}

static bool overlap(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length) {
    return a < b + b_length && b < a + a_length;
}

static bool share_memory(const Request& a, const Request& b) {
    const bool both_only_read_it = a.op == Op::write && b.op == Op::write;
    return !both_only_read_it && overlap(reinterpret_cast<uintptr_t>(a.data), a.length,
                                         reinterpret_cast<uintptr_t>(b.data), b.length);
}

void SimulatedRing::check_started(const Request& request) {
    for (const Pending& pending : pending_) {
        const Request& other = *pending.request;
        if (is_transfer(request) && is_transfer(other) && share_memory(request, other))
            world_.problem("two operations in flight share memory");
        if (writes(request) && writes(other) && request.fd == other.fd &&
            overlap(request.offset, request.length, other.offset, other.length))
            world_.problem("two writes in flight to one range");
    }
    if (!is_transfer(request) || request.buffer_index < 0)
        return;
    const auto index = static_cast<size_t>(request.buffer_index);
    const auto* data = static_cast<const std::byte*>(request.data);
    if (index >= registered_.size() || data < registered_[index].data ||
        data + request.length > registered_[index].data + registered_[index].size)
        world_.problem("memory outside its registered buffer");
}

void SimulatedRing::start(Request& request) {
    check_started(request);
    pending_.push_back({&request});
    // Now and then it is done before start returns.
    if (world_.random.percent(10))
        advance(pending_.size() - 1);
}

void SimulatedRing::take_completed(bool block) {
    if (!block) {
        look();
        return;
    }
    if (pending_.empty() && !woken_) {
        stuck_ = true;
        world_.problem("waiting with nothing in flight");
    }
    woken_ = false;
    const size_t in_flight = pending_.size();
    while (!pending_.empty() && pending_.size() == in_flight)
        advance(world_.random.below(pending_.size()));
}

void SimulatedRing::look() {
    woken_ = false;
    for (uint64_t left = world_.random.below(pending_.size() + 1); left > 0; --left)
        advance(world_.random.below(pending_.size()));
}

void SimulatedRing::advance(size_t index) {
    Pending& pending = pending_[index];
    if (!pending.performed)
        perform(pending);
    if (world_.random.percent(40))
        return;
    const Pending done = pending;
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    complete(*done.request, done.result);
}

static const char* path_of(const Request& request) {
    return static_cast<const char*>(request.data);
}

Step SimulatedRing::step_of(const Request& request) {
    Step step{call_of(request.op), world_.subject_of(request.fd)};
    step.flags = world_.flags_of(request.fd);
    if (request.op == Op::open) {
        step.path = path_of(request);
        step.flags = request.mode;
        step.subject = world_.subject_at(request.fd, step.path, last_of(request.mode));
        return step;
    }
    step.offset = request.offset;
    step.length = request.length;
    step.fd = request.fd;
    return step;
}

// As on Linux: the pages count as clean now, and a second sync reports success.
static void lose_dirty(Inode& inode, bool told) {
    inode.write_back_failed = true;
    inode.loss_untold = !told;
    inode.dirty.clear();
}

// Nothing was tried, so nothing is lost.
static bool is_refusal(int64_t result) {
    return result == -EINTR || result == -EINVAL || result == -EOPNOTSUPP || result == -ENOSYS ||
           result == -ESPIPE;
}

void SimulatedRing::perform(Pending& pending) {
    const Request& request = *pending.request;
    pending.performed = true;
    if (request.op == Op::call) {
        world_.aside = true;
        pending.result = request.run(request.data);
        world_.aside = false;
        return;
    }
    pending.result = world_.step(step_of(request), [&]() -> int64_t {
        return pending.cancelled ? -ECANCELED : effect(request);
    });
    if (pending.result >= 0)
        return;
    if (is_refusal(pending.result))
        return;
    const bool syncs = request.op == Op::sync || request.op == Op::write_back;
    if (syncs && world_.open(request.fd))
        lose_dirty(world_.disk.at(world_.descriptor(request.fd)->inode), true);
    if (request.op == Op::sync_filesystem && !denies_syncfs())
        for (const InodeNumber number : world_.disk.numbers())
            if (Inode& inode = world_.disk.at(number); !inode.dirty.empty())
                lose_dirty(inode, false);
}

int64_t SimulatedRing::effect(const Request& request) {
    if (request.op == Op::pause)
        return 0;
    if (request.op == Op::open)
        return sim::open_beneath(world_, request.fd, path_of(request), request.mode,
                                 request.offset);
    const Description* description = world_.descriptor(request.fd);
    if (!description || (description->flags & O_PATH))
        return -EBADF;
    Inode& inode = world_.disk.at(description->inode);
    switch (request.op) {
    case Op::read:
    case Op::write:
        return transfer(request, inode, description->flags);
    case Op::sync:
        if (inode.loss_untold) {
            inode.loss_untold = false;
            return -EIO;
        }
        return sim::sync(world_, inode, request.datasync);
    case Op::sync_filesystem:
        if (world_.type_of(inode.number) == fuse_magic) // which does not hand it on
            return 0;
        if (denies_syncfs())
            return -EPERM;
        world_.disk.sync_everything();
        return world_.options.others_lose && !std::exchange(told_of_others_, true) ? -EIO : 0;
    case Op::settle_holes:
        return sim::write_back(inode, 0, 0);
    case Op::allocate:
        return sim::allocate(world_, inode, request.mode, request.offset, request.length);
    case Op::write_back:
        return sim::write_back(inode, request.offset, request.length);
    case Op::wait_readable:
        return POLLIN;
    case Op::wait_writable:
        return POLLOUT;
    default:
        break;
    }
    const Description* from = world_.descriptor(request.source_fd);
    if (!from)
        return -EBADF;
    Inode& source = world_.disk.at(from->inode);
    if (source.number == world_.without_size)
        return request.op == Op::reflink ? -EOPNOTSUPP : 0;
    if (request.op == Op::copy_cached)
        return copy_cached(request, *from, *description);
    if (world_.is_elsewhere(inode.number) != world_.is_elsewhere(source.number))
        return -EXDEV;
    return request.op == Op::reflink ? sim::reflink(world_, source, request.source_offset, inode,
                                                    request.offset, request.length)
                                     : sim::copy_file_range(world_, source, request.source_offset,
                                                            inode, request.offset, request.length);
}

int64_t SimulatedRing::transfer(const Request& request, Inode& inode, int flags) {
    const int access = flags & O_ACCMODE;
    if (access == (request.op == Op::read ? O_WRONLY : O_RDONLY)) {
        world_.problem("descriptor is not open for this");
        return -EBADF;
    }
    if (request.route == Route::polled && !(flags & O_DIRECT))
        world_.problem("request says direct, descriptor is not");
    if (world_.random.percent(world_.options.interrupt_percent))
        return -EINTR;
    auto* data = static_cast<std::byte*>(request.data);
    const Transfer t{inode, flags, data, request.length, request.offset, request.rw_flags};
    if (request.op == Op::write) {
        const int64_t count = sim::write(world_, t);
        return count;
    }
    const int64_t count = sim::read(world_, t);
    // What a short read did not fill is anyone's guess.
    const auto filled = static_cast<size_t>(std::max<int64_t>(count, 0));
    std::memset(data + filled, 0xa5, request.length - filled);
    return count;
}

int64_t SimulatedRing::copy_cached(const Request& request, const Description& from,
                                   const Description& to) {
    if ((from.flags & O_ACCMODE) == O_WRONLY || (to.flags & O_ACCMODE) == O_RDONLY ||
        ((from.flags | to.flags) & O_DIRECT))
        world_.problem("descriptor is not open for this");
    return sim::copy_cached(world_, world_.disk.at(from.inode), request.source_offset,
                            world_.disk.at(to.inode), request.offset, request.length);
}

void SimulatedRing::cancel(Request& request) {
    if (is_transfer(request))
        return;
    for (Pending& pending : pending_)
        if (pending.request == &request &&
            (request.op == Op::pause || request.op == Op::wait_readable ||
             request.op == Op::wait_writable))
            pending.cancelled = true;
}

int SimulatedRing::register_buffer(unsigned index, void* data, size_t size) {
    return static_cast<int>(world_.step({Call::register_buffer, Subject::none}, [&]() -> int64_t {
        if (index >= world_.options.registrations)
            return -ENOMEM;
        registered_.resize(std::max<size_t>(registered_.size(), index + 1));
        registered_[index] = {static_cast<const std::byte*>(data), size};
        return 0;
    }));
}

} // namespace arsync::sim
