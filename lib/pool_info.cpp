// What arsync_pool_info and arsync_pool_stats tell.
#include <algorithm>
#include <cstdio>
#include <string>

#include "io/uring_denied.h"
#include "pool.h"

namespace arsync {

namespace {

// Under the mutex of the texts' owner. The first worker's words stay; later ones say the same.
template <size_t n>
void say(char (&text)[n], const std::string& words) {
    if (text[0] == '\0')
        snprintf(text, n, "%s", words.c_str());
}

std::string words_for(int error) {
    return arsync_strerror(error);
}

} // namespace

void Pool::info(arsync_info& out) {
    const Lock lock(mutex_);
    decide_backend();
    out.backend = backend_;
    out.workers = footprint().workers;
    out.workers_started = here_ ? 0 : static_cast<uint32_t>(workers_.size());
    out.buffer_count = footprint().buffer_count;
    out.buffer_size = footprint().buffer_size;
    out.queue_depth = options_.queue_depth;
    if (here_) {
        out.backend = ARSYNC_BACKEND_THREADS;
        snprintf(out.backend_reason, sizeof out.backend_reason,
                 "no thread can be started: %s; copies run in arsync_poll",
                 arsync_strerror(starter_.error()));
    } else {
        explain_backend(out.backend_reason, options_.backend, backend_error_);
    }
    if (out.backend == ARSYNC_BACKEND_THREADS) {
        const char* reason = "there is no ring to poll for: the backend is threads";
        if ((options_.flags & ARSYNC_POOL_SQPOLL) != 0)
            snprintf(out.sqpoll_reason, sizeof out.sqpoll_reason, "%s", reason);
        if ((options_.flags & ARSYNC_POOL_IOPOLL) != 0)
            snprintf(out.iopoll_reason, sizeof out.iopoll_reason, "%s", reason);
    }
    uint32_t given_up = 0;
    if (const int error = callers_buffers_->huge_pages_error()) {
        given_up |= ARSYNC_POOL_HUGE_PAGES;
        say(out.buffers_reason, "huge pages for leases: " + words_for(error));
    }
    if (callers_buffers_->in_huge_pages())
        out.flags |= ARSYNC_POOL_HUGE_PAGES;
    for (auto& worker : workers_)
        given_up |= worker->describe(out);
    out.flags &= ~given_up; // in force is what all have
}

uint32_t Worker::describe(arsync_info& info) {
    info.buffers_registered += static_cast<uint32_t>(counters_.buffers_registered.value());
    info.buffers_refused += static_cast<uint32_t>(counters_.buffers_refused.value());
    const uint32_t asked = pool_.options().flags;
    uint32_t given_up = 0;
    const auto give_up = [&](uint32_t flag, auto& reason, const std::string& why) {
        given_up |= flag;
        say(reason, why);
    };
    const Lock lock(mutex_);
    if (buffers_) {
        if (const int error = buffers_->refusal()) {
            const char* hint = error == -ENOMEM ? " (RLIMIT_MEMLOCK is too low for more)" : "";
            say(info.buffers_reason, "registering: " + words_for(error) + hint);
        }
        if (const int error = buffers_->huge_pages_error())
            give_up(ARSYNC_POOL_HUGE_PAGES, info.buffers_reason, "huge pages: " + words_for(error));
        if (buffers_->in_huge_pages())
            info.flags |= ARSYNC_POOL_HUGE_PAGES;
    }
    if (!uring_)
        return given_up;
    const UringFeatures& features = uring_->features();
    if (const int error = uring_->denied()) {
        info.backend = ARSYNC_BACKEND_THREADS;
        explain_denied_later(info.backend_reason, error);
    }
    say(info.kernel_features, features.in_use);
    if ((asked & ARSYNC_POOL_SQPOLL) != 0) {
        if (features.sqpoll)
            info.flags |= ARSYNC_POOL_SQPOLL;
        else
            give_up(ARSYNC_POOL_SQPOLL, info.sqpoll_reason, words_for(features.sqpoll_error));
    }
    if ((asked & ARSYNC_POOL_IOPOLL) != 0) {
        if (const int error = uring_->iopoll_error())
            give_up(ARSYNC_POOL_IOPOLL, info.iopoll_reason,
                    error == -EOPNOTSUPP ? "the device or filesystem has no polling queues"
                                         : words_for(error));
        else if (uring_->iopoll())
            info.flags |= ARSYNC_POOL_IOPOLL;
    }
    return given_up;
}

void Pool::decide_backend() {
    if (backend_known_)
        return;
    backend_error_ = options_.backend == ARSYNC_BACKEND_THREADS ? 0 : Uring::probe();
    const bool threads = options_.backend == ARSYNC_BACKEND_THREADS || backend_error_ < 0;
    backend_ = threads ? ARSYNC_BACKEND_THREADS : ARSYNC_BACKEND_URING;
    backend_known_ = true;
}

// One worker that cannot have a ring does not make it a pool without.
void Pool::report_backend(arsync_backend backend, int error) {
    const Lock lock(mutex_);
    if (has_ring_)
        return;
    has_ring_ = backend == ARSYNC_BACKEND_URING;
    backend_known_ = true;
    backend_ = backend;
    backend_error_ = error;
}

void Pool::stats(arsync_stats& out) {
    const Lock lock(mutex_);
    out.jobs_submitted = submitted_;
    out.jobs_completed = completed_;
    out.jobs_failed = failed_;
    out.jobs_cancelled = cancelled_;
    for (auto& worker : workers_) {
        const Counters& from = worker->counters();
        out.queue_depth_max =
            std::max(out.queue_depth_max, static_cast<uint32_t>(from.queue_depth_max.value()));
        out.bytes_read += from.bytes_read.value();
        out.bytes_written += from.bytes_written.value();
        out.bytes_reflinked += from.bytes_reflinked.value();
        out.bytes_offloaded += from.bytes_offloaded.value();
        out.bytes_copied_in_user_space += from.bytes_copied_in_user_space.value();
        out.reads += from.reads.value();
        out.reads_fixed += from.reads_fixed.value();
        out.reads_inline += from.reads_inline.value();
        out.writes += from.writes.value();
        out.writes_fixed += from.writes_fixed.value();
        out.writes_inline += from.writes_inline.value();
        out.short_transfers += from.short_transfers.value();
        out.submissions += from.submissions.value();
        out.enters += from.enters.value();
        out.helper_calls += from.helper_calls.value();
        out.buffer_waits += from.buffer_waits.value();
        out.busy_ns += from.busy_ns.value();
        out.queue_depth_ns += from.queue_depth_ns.value();
    }
}

} // namespace arsync
