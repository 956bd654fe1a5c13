#include "worker.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <new>
#include <pthread.h>
#include <utility>

#include "frames.h"
#include "io/descriptors.h"
#include "io/helpers.h"
#include "io/uring_denied.h"
#include "pool.h"

namespace arsync {

// What a worker of that pool may have for its buffers.
static std::function<Buffers::Share()> share_of(Pool& pool) {
    return [&pool] {
        const Footprint& most = pool.footprint();
        return Buffers::Share{most.buffer_count, most.buffer_size};
    };
}

static bool asks_huge_pages(const Pool& pool) {
    return (pool.options().flags & ARSYNC_POOL_HUGE_PAGES) != 0;
}

struct Worker::Here {
    Threads ring;
    Buffers buffers;
    MethodTurns turns;

    Here(Counters& counters, Pool& pool, int no_thread)
        : ring(counters, no_thread),
          buffers(ring, pool.options().buffer_count, pool.options().buffer_size,
                  asks_huge_pages(pool), share_of(pool), pool.options().lease_count),
          turns(ring, pool.flows()) {}
};

Worker::Worker(Pool& pool, unsigned number)
    : pool_(pool), number_(number), thread_(pool.starter().start([this] { run(); })) {}

Worker::Worker(Pool& pool, int no_thread)
    : pool_(pool), number_(0), here_(std::make_unique<Here>(counters_, pool, no_thread)) {
    set_ring(&here_->ring, nullptr, &here_->buffers);
}

void Worker::join() {
    if (here_) {
        while (turn_here()) {
        }
    } else {
        thread_.join();
    }
}

Worker::~Worker() = default;

void Worker::wake() {
    tell();
    rouse();
}

void Worker::rouse() {
    const Lock lock(mutex_);
    if (ring_) // before there is one, there is no wait to end
        ring_->wake();
}

void Worker::wake_to_cancel() {
    cancels_.store(true);
    wake();
}

void Worker::run() {
    char name[16];
    snprintf(name, sizeof name, "arsync/%u", number_);
    pthread_setname_np(pthread_self(), name); // and its helpers', which inherit it

    // On io_uring where that may be had, else on threads.
    AvailableRing available(counters_, pool_.options().backend, wishes());
    for (;;) {
        Ring* const ring = available.open();
        const bool lacked_ring = lacks_ring_.exchange(!ring);
        if (!ring) {
            if (!lacked_ring) // what it was called for is for others
                pool_.call_another_worker();
            if (!do_without_ring(available.error()))
                return;
            continue;
        }
        if (available.uring())
            pool_.report_backend(ARSYNC_BACKEND_URING, 0);
        else if (available.error().code != 0)
            pool_.report_backend(ARSYNC_BACKEND_THREADS, -available.error().code);
        if (serve(*ring, available))
            return;
    }
}

UringOptions Worker::wishes() {
    const arsync_pool_options& options = pool_.options();
    UringOptions wishes;
    wishes.queue_depth = options.queue_depth;
    wishes.buffer_count = options.buffer_count + options.lease_count;
    wishes.helpers = [this] { return pool_.footprint().helpers; };
    wishes.sqpoll = (options.flags & ARSYNC_POOL_SQPOLL) != 0;
    wishes.iopoll = (options.flags & ARSYNC_POOL_IOPOLL) != 0;
    return wishes;
}

// io_uring or nothing, and there is no ring just now. Others that have one do all; where none has,
// the next job fails. Then, and after a moment, there may be one. False: the pool is closing.
bool Worker::do_without_ring(const Error& error) {
    constexpr timespec pause{0, 10'000'000};
    for (auto& part : parts())
        drop_part(part.release());
    Job* const job = pool_.all_lack_rings() ? pool_.take(*this) : nullptr;
    if (job) {
        job->outcome.result = -error.code;
        job->outcome.stage = error.stage;
        close_descriptors(*job);
        pool_.finish(*job);
    } else if (pool_.closing()) {
        pool_.leave_with_others();
        return false;
    } else {
        nanosleep(&pause, nullptr);
    }
    return true;
}

Io Worker::io_with(Ring& ring, Buffers& buffers, MethodTurns& turns) const {
    return {.files = pool_.files(),
            .ring = ring,
            .buffers = buffers,
            .pace = pool_.pace(),
            .company = &pool_.company(),
            .disks = &pool_.disks(),
            .turns = &turns};
}

// False, with no job running: another ring is to be had instead.
bool Worker::serve(Ring& ring, const AvailableRing& available) {
    const arsync_pool_options& options = pool_.options();
    const FrameCache frames;
    Buffers buffers(ring, options.buffer_count, options.buffer_size, asks_huge_pages(pool_),
                    share_of(pool_), options.lease_count);
    MethodTurns turns(ring, pool_.flows());
    const Io io = io_with(ring, buffers, turns);
    set_ring(&ring, available.uring(), &buffers);
    bool closing = false;
    while (!closing && (running_ || !available.is_over())) {
        if (pool_.starter().try_again()) // a thread, which somebody has asked for in vain
            pool_.call_another_worker();
        if (turn(io))
            continue;
        closing = !running_ && pool_.closing();
        if (!closing) {
            ring.wait();
            begun_ = 0;
        }
    }
    if (closing)
        pool_.leave_with_others();
    set_ring(nullptr, nullptr, nullptr);
    return closing;
}

void Worker::set_ring(Ring* ring, Uring* uring, const Buffers* buffers) {
    const Lock lock(mutex_);
    ring_ = ring;
    uring_ = uring;
    buffers_ = buffers;
}

// False: there is nothing to do but to wait.
bool Worker::turn(Io io) {
    if (cancels_.exchange(false))
        stop_cancelled(io.ring);
    const bool helps = take_parts(io);
    const unsigned took = take_jobs(io);
    const bool resumed = io.ring.run_ready();
    begun_ += took;
    if (begun_ >= begun_max) {
        io.ring.look();
        begun_ = 0;
        return true;
    }
    return helps || took > 0 || resumed;
}

bool Worker::turn_here() {
    const SignalsBlocked blocked;
    const Io io = io_with(here_->ring, here_->buffers, here_->turns);
    bool any = turn(io);
    if (!any) {
        io.ring.look();
        any = io.ring.run_ready();
    }
    // What a write brings upon the thread that makes it, beside its error.
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, SIGPIPE);
    sigaddset(&own, SIGXFSZ);
    constexpr timespec at_once{};
    while (sigtimedwait(&own, nullptr, &at_once) > 0) {
    }
    return any;
}

unsigned Worker::take_jobs(Io io) {
    unsigned took = 0;
    while (took < begun_max && has_room()) {
        Job* job = pool_.take(*this);
        if (!job)
            break;
        ++took;
        begin(*job, io);
    }
    return took;
}

void Worker::take_part_in(std::unique_ptr<Job> part) {
    {
        const Lock lock(mutex_);
        parts_.push_back(std::move(part));
        has_parts_.store(true);
    }
    wake();
}

std::vector<std::unique_ptr<Job>> Worker::parts() {
    if (!has_parts_.load())
        return {};
    const Lock lock(mutex_);
    has_parts_.store(false);
    return std::exchange(parts_, {});
}

bool Worker::take_parts(Io io) {
    auto mine = parts();
    for (auto& part : mine)
        begin(*part.release(), io);
    return !mine.empty();
}

// Where it may come to hang, there is a thread for whoever cannot start one.
void Worker::begin(Job& job, Io io) {
    if (may_hang.load(std::memory_order_relaxed) && !here_)
        pool_.starter().keep_spare();
    job.next = running_;
    job.previous = nullptr;
    if (running_)
        running_->previous = &job;
    running_ = &job;
    running_count_.store(running() + 1, std::memory_order_relaxed);
    try {
        run_and_finish(job, io);
    } catch (const std::bad_alloc&) { // for its frame
        job.outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
        end(job);
    }
}

namespace {

// A job's link to its pool: what a Host does, a function of Pool of the same name does.
class JobHost final : public Host {
public:
    JobHost(Pool& pool, Worker& owner, Job& job) : pool_(pool), owner_(owner), job_(job) {}
    void call_others(const std::shared_ptr<Shared>& work) override {
        pool_.call_others(owner_, work);
    }
    void report(Report report) override { pool_.report(job_, std::move(report)); }
    bool wait_for_room(Ring& ring, Waiter& waiter) override {
        return pool_.wait_for_room(job_, ring, waiter);
    }
    bool is_alone() override { return pool_.runs_one_job(); }
    unsigned workers() const override { return pool_.options().workers; }
    bool ask(Asker& asker, std::unique_ptr<Suspended>& suspended,
             const std::string* path) override {
        return pool_.ask(job_, asker, suspended, path);
    }
    void withdraw_questions() override { pool_.withdraw_questions(job_); }
    void rest(bool resting) override {
        if (resting)
            rests_ = owner_.rest();
        else if (std::exchange(rests_, false))
            owner_.rest_no_more();
    }

private:
    Pool& pool_;
    Worker& owner_;
    Job& job_;
    bool rests_ = false;
};

} // namespace

Detached Worker::run_and_finish(Job& job, Io io) {
    JobHost host(pool_, *this, job);
    try {
        co_await run_job(io, job, host);
    } catch (const std::bad_alloc&) { // for the frame of that
        job.outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    end(job);
}

// True: somebody else may run it by now.
bool Worker::put_question(Job& job) {
    try {
        if (pool_.ask(job))
            return true;
        job.outcome.fail(-ECANCELED, ARSYNC_STAGE_ASK);
    } catch (const std::bad_alloc&) {
        job.outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    return false;
}

bool Worker::rest() {
    if (resting_ >= descriptors::resting_jobs(pool_.options().workers))
        return false;
    ++resting_;
    running_count_.store(running() - 1, std::memory_order_relaxed);
    return true;
}

void Worker::rest_no_more() {
    --resting_;
    running_count_.store(running() + 1, std::memory_order_relaxed);
}

// What the caller gave is closed here, not by whoever polls: closing may wait, and may fail.
void Worker::end(Job& job) {
    (job.previous ? job.previous->next : running_) = job.next;
    if (job.next)
        job.next->previous = job.previous;
    running_count_.store(running() - 1, std::memory_order_relaxed);
    if (job.question.open && job.outcome.result == 0 && put_question(job))
        return;
    close_descriptors(job);
    if (std::holds_alternative<Part>(job.what))
        drop_part(&job);
    else
        pool_.finish(job); // from here on the job is not ours
}

void Worker::drop_part(Job* part) {
    delete part;
    pool_.finish_part(*this);
}

void Worker::stop_cancelled(Ring& ring) {
    for (Job* job = running_; job; job = job->next) {
        if (job->control.cancelled())
            job->control.interrupt(ring);
    }
}

// No lock: the thread that held it is not in this process.
void Worker::abandon() {
    if (uring_)
        uring_->close_inherited();
}

} // namespace arsync
