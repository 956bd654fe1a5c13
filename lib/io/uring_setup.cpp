// Setting the rings up: as much as this kernel has of what was asked for.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "io/error.h"
#include "io/uring.h"
#include "io/uring_denied.h"

namespace arsync {

// Transfers on threads that run side by side: copy_cached and copy_file_range mostly.
static constexpr unsigned transfers_beside_ring = 4;
// How long the SQPOLL thread spins without work before it sleeps.
static constexpr unsigned sqpoll_idle_ms = 50;
// Room for completions, however short the submission queue is: waits and cancels are not counted
// when requests are held back, see Uring::start.
static constexpr unsigned completions_min = 512;

// Linux 6.0, 6.1, 5.19, 5.18: newer than the headers some distributions still build with.
static constexpr unsigned setup_single_issuer = 1u << 12;
static constexpr unsigned setup_defer_taskrun = 1u << 13;
static constexpr unsigned setup_coop_taskrun = 1u << 8;
static constexpr unsigned setup_submit_all = 1u << 7;

Uring::Queue::Queue(unsigned entries, unsigned flags, unsigned idle_ms) {
    io_uring_params params{};
    params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = std::max(entries * 4, completions_min);
    params.sq_thread_idle = idle_ms;
    const int error = io_uring_queue_init_params(entries, &ring, &params);
    if (error < 0)
        throw Error{ARSYNC_STAGE_QUEUE, -error};
    io_uring_ring_dontfork(&ring);
    // Before Linux 5.13 a ring takes nothing more, no cancel either, while its completions
    // overflow.
    const bool is_old = (params.features & IORING_FEAT_RSRC_TAGS) == 0;
    // A sandbox may allow the set-up and deny the use.
    const int denied = is_old ? -EOPNOTSUPP : io_uring_get_events(&ring);
    if (denied < 0) {
        io_uring_queue_exit(&ring);
        throw Error{ARSYNC_STAGE_QUEUE, -denied};
    }
}

// Closing the ring alone gives its buffers' locked pages back some time later, and until then they
// count against the user's RLIMIT_MEMLOCK, and so against the next ring's.
Uring::Queue::~Queue() {
    io_uring_unregister_buffers(&ring);
    io_uring_queue_exit(&ring);
}

Uring::Uring(Counters& counters, const UringOptions& options)
    : Ring(counters), buffer_count_(options.buffer_count),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      helpers_(
          transfers_beside_ring, [this] { wake(); }, options.helpers) {
    if (!wake_fd_)
        throw Error{ARSYNC_STAGE_QUEUE, errno};
    if (under_valgrind())
        throw Error{ARSYNC_STAGE_QUEUE, EOPNOTSUPP};
    open_main(options);
    find_operations(options);
    if (options.iopoll)
        open_polled(options);
    limit_ = main_->ring.cq.ring_entries / 2;
}

// What the kernel still has is a poll of the event descriptor, which touches no memory.
Uring::~Uring() {
    assert(in_flight() == 0);
}

// The newest set-up flags that this kernel takes, best first.
void Uring::open_main(const UringOptions& options) {
    if (options.sqpoll) {
        constexpr Setup polled[] = {
            {IORING_SETUP_SQPOLL | setup_single_issuer, "sqpoll single_issuer"},
            {IORING_SETUP_SQPOLL, "sqpoll"},
        };
        try {
            open_best(polled, options.queue_depth);
            features_.sqpoll = true;
            return;
        } catch (const Error& error) {
            features_.sqpoll_error = -error.code;
        }
    }
    constexpr Setup plain[] = {
        {setup_single_issuer | setup_defer_taskrun | setup_submit_all,
         "single_issuer defer_taskrun submit_all"},
        {setup_coop_taskrun | setup_submit_all, "coop_taskrun submit_all"},
        {0, ""},
    };
    open_best(plain, options.queue_depth);
}

void Uring::open_best(std::span<const Setup> setups, unsigned queue_depth) {
    for (const Setup& setup : setups) {
        try {
            main_ = std::make_unique<Queue>(queue_depth, setup.flags, sqpoll_idle_ms);
            features_.in_use = setup.words;
            return;
        } catch (const Error& error) {
            if (error.code != EINVAL || &setup == &setups.back())
                throw;
        }
    }
}

void Uring::open_polled(const UringOptions& options) {
    try {
        polled_ = std::make_unique<Queue>(options.queue_depth, IORING_SETUP_IOPOLL, 0);
        if (registration_error_ == 0)
            register_table();
        iopoll_.store(true);
    } catch (const Error& error) {
        iopoll_error_.store(-error.code);
    }
}

void Uring::find_operations(const UringOptions& options) {
    if (io_uring_probe* probe = io_uring_get_probe_ring(&main_->ring)) {
        for (int op = 0; op < IORING_OP_LAST; ++op)
            operations_[static_cast<size_t>(op)] = io_uring_opcode_supported(probe, op) != 0;
        io_uring_free_probe(probe);
    }
    operations_ &= ~options.without;
    if (has(IORING_OP_READ_FIXED) && has(IORING_OP_WRITE_FIXED)) {
        register_table();
        if (registration_error_ == 0)
            features_.in_use += " fixed_buffers";
    } else {
        registration_error_ = -EOPNOTSUPP;
    }
}

// Room for the buffers to be registered in, in each ring that has none yet.
void Uring::register_table() {
    registration_error_ = 0;
    for (Queue* queue : {main_.get(), polled_.get()}) {
        if (!queue || queue->has_table)
            continue;
        const int error = io_uring_register_buffers_sparse(&queue->ring, buffer_count_);
        queue->has_table = error == 0;
        if (error < 0)
            registration_error_ = error;
    }
}

int Uring::register_buffer(unsigned index, void* data, size_t size) {
    if (denied())
        return denied();
    if (registration_error_ == -ENOMEM) // by now there may be enough
        register_table();
    if (registration_error_ < 0)
        return registration_error_;
    const iovec part{data, size};
    const __u64 tag = 0;
    for (Queue* queue : {main_.get(), polled_.get()}) {
        if (!queue)
            continue;
        const int result =
            io_uring_register_buffers_update_tag(&queue->ring, index, &part, &tag, 1);
        if (result < 0)
            return result;
    }
    return 0;
}

} // namespace arsync
