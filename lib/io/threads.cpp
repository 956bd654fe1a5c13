#include "io/threads.h"

#include <cerrno>
#include <utility>

namespace arsync {

// Enough to overlap reads and writes of one file and to keep a device's queue from running dry.
static constexpr unsigned transfer_limit = 16;
// What frees a huge file, say.
static constexpr unsigned call_limit = 8;
// A copy waits for one thing at a time, and a worker runs fewer copies than this.
static constexpr unsigned wait_limit = 128;

Threads::Threads(Counters& counters, int no_thread, std::function<unsigned()> most)
    : Ring(counters), no_thread_(no_thread), transfers_(
                                                 transfer_limit, [this] { wake(); }, most),
      calls_(
          call_limit, [this] { wake(); }, std::move(most)),
      waits_(
          wait_limit, [this] { wake(); }, {}, true) {}

void Threads::start(Request& request) {
    if (request.route == Route::at_once || no_thread_ == by_caller) {
        complete(request, perform(request));
        return;
    }
    counters().helper_calls.add(1);
    const int error = no_thread_ < 0 ? no_thread_ : helpers_for(request).submit(request);
    if (error < 0)
        complete(request, Helpers::without_thread(request, error));
}

Helpers& Threads::helpers_for(const Request& request) {
    switch (request.op) {
    case Op::wait_readable:
    case Op::wait_writable:
    case Op::pause:
        return waits_;
    case Op::call:
        return calls_;
    default:
        return transfers_;
    }
}

void Threads::take_completed(bool block) {
    if (take_finished() || !block)
        return;
    sleeper_.sleep();
    take_finished();
}

bool Threads::take_finished() {
    bool any = false;
    for (Helpers* helpers : {&transfers_, &calls_, &waits_}) {
        for (Request* request = helpers->take_finished(); request; any = true) {
            auto* next = static_cast<Request*>(request->next);
            complete(*request, request->result);
            request = next;
        }
    }
    return any;
}

void Threads::wake() {
    sleeper_.tell();
}

void Threads::cancel(Request& request) {
    std::atomic_ref(request.cancelled).store(true, std::memory_order_relaxed);
}

int Threads::register_buffer(unsigned, void*, size_t) {
    return -EOPNOTSUPP;
}

} // namespace arsync
