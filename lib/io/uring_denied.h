// io_uring denied: all that is known of it, and all that is done about it.
//
//   at set-up         io_uring_setup(2), or the first io_uring_enter(2), fails: an old kernel,
//                     kernel.io_uring_disabled, a seccomp filter (Docker's own), or valgrind.
//                     Workers use threads, and arsync_pool_info says why; with
//                     ARSYNC_BACKEND_URING there is no pool.
//   for the moment    The same for want of descriptors or memory. Workers use threads and try
//                     again; with ARSYNC_BACKEND_URING the jobs taken meanwhile fail.
//   an operation      The kernel has not all of them (IORING_REGISTER_PROBE): threads perform what
//                     is missing (Uring::uses_ring), and the ring does the rest.
//   whenever asked    The ring is restricted (IORING_REGISTER_RESTRICTIONS), and such an operation
//                     ends with EACCES: a helper does it, but for a sync, whose error that may be.
//                     Without polls or cancels the ring is given up, as next.
//   later             The process puts a filter on itself, and io_uring_enter(2) fails with what is
//                     not a matter of the moment. Nothing more is given to a ring, and at the next
//                     look the rings are given up: what the kernel has not taken goes to helpers,
//                     waits go there too, as they have no memory to lose, and the rings are closed.
//                     The end of what was begun is not told any more. That it is over shows on a
//                     pipe (Uring::guarded): then helpers repeat what may be repeated, and the rest
//                     fails with the error that the enter gave. From then on the ring is one of
//                     helpers only.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "arsync.h"
#include "io/error.h"
#include "io/threads.h"
#include "io/uring.h"

namespace arsync {

// Whether an error of io_uring_enter(2) means that it is denied, and not that the next time may go
// better.
bool is_denial(int error);

// Valgrind lets one thread run at a time, and its versions up to 3.19 at least do not know that
// io_uring_enter(2) may wait: whoever is to end the wait would never run. Nor does memcheck see
// what a ring writes into memory.
bool under_valgrind();

// The ring of one worker: on io_uring where that may be had, else on threads.
class AvailableRing {
public:
    // backend: enum arsync_backend.
    AvailableRing(Counters& counters, uint32_t backend, const UringOptions& wishes);

    // For all that begins now. Null: it is to be on io_uring or nothing, and there is none;
    // error() says why, and the next time there may be one, unless it was denied later.
    Ring* open();
    // What open() gave, if it is on io_uring.
    Uring* uring() const { return uring_.get(); }
    // Why it is not, if it is not.
    const Error& error() const { return error_; }
    // Whether open() should be called again when nothing is in flight.
    bool is_over() const;

private:
    std::unique_ptr<Uring> make();
    Threads& threads();

    // Between two tries to have a ring on io_uring after all.
    static constexpr std::chrono::milliseconds retry_after{100};

    Counters& counters_;
    const uint32_t backend_;
    const UringOptions wishes_;
    std::unique_ptr<Uring> uring_;
    std::optional<Threads> threads_;
    Error error_{ARSYNC_STAGE_QUEUE, 0};
    std::chrono::steady_clock::time_point retry_;
};

// What arsync_pool_info says. asked: enum arsync_backend. error: a negative errno of a set-up.
void explain_backend(std::span<char> text, uint32_t asked, int error);
// error: of Uring::denied.
void explain_denied_later(std::span<char> text, int error);

} // namespace arsync
