#include "sim/pool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace arsync::sim {

// More steps than any copy here needs: one that goes on is looping.
static constexpr uint64_t steps_max = 600'000;
// So many turns in which nobody has anything to do: they sleep for ever.
static constexpr unsigned idle_max = 200;

static Detached run_to_end(Io io, Job& job, Host& host, unsigned& completions) {
    co_await run_job(io, job, host);
    ++completions;
}

static Detached run_whole(Io io, Job& job, Host& host, World& world, unsigned& completions) {
    co_await run_job(io, job, host);
    // Whoever was called and has not come yet may keep what is shared, but nothing that is open.
    for (const int fd : world.open_descriptors())
        world.problem("open when the job has ended: " + world.path_of(world.descriptor(fd)->inode));
    ++completions;
}

SimulatedPool::Worker::Worker(SimulatedPool& pool, unsigned buffer_count, size_t buffer_size)
    : ring(pool.world_, counters),
      buffers(std::make_unique<Buffers>(ring, buffer_count, buffer_size, false)),
      turns(ring, pool.flows_), host(pool, *this) {}

SimulatedPool::SimulatedPool(World& world, unsigned workers, unsigned buffer_count,
                             size_t buffer_size)
    : world_(world), files_(world), company_(world.options.processors),
      flows_(buffer_count, buffer_size, [this] { return now_ns_ += 5'000'000; }),
      random_(world.options.seed + 17) {
    for (unsigned i = 0; i < workers; ++i)
        workers_.push_back(std::make_unique<Worker>(*this, buffer_count, buffer_size));
}

// Buffers that a coroutine still holds, in a run that got stuck, are better leaked than freed.
SimulatedPool::~SimulatedPool() {
    if (job_ && (completions_ == 0 || parts_run()))
        for (auto& worker : workers_)
            static_cast<void>(worker->buffers.release());
}

// ---- what a job needs of its pool ----

void SimulatedPool::JobHost::call_others(const std::shared_ptr<Shared>& work) {
    for (auto& other : pool.workers_) {
        if (other.get() == &worker)
            continue;
        Running& part = pool.parts_.emplace_back();
        part.job.what = Part{work};
        part.worker = other.get();
    }
}

void SimulatedPool::JobHost::report(Report report) {
    arsync_totals totals = {};
    if (report.totals)
        totals = *report.totals;
    const bool fails = report.outcome.result < 0 && report.outcome.result != -ECANCELED;
    pool.failures_ += fails && report.kind == ARSYNC_COMPLETION_ENTRY;
    if (pool.job_->control.counts().errors.load() < pool.failures_)
        pool.world_.problem("an error is told before progress counts it: " + report.path);
    pool.world_.note("completion of kind " + std::to_string(report.kind) + ", user_data " +
                     std::to_string(report.user_data) + " '" + report.path +
                     "': " + name_of_result(report.outcome.result) + " at stage " +
                     arsync_stage_name(report.outcome.stage) + ", flags " +
                     std::to_string(report.outcome.flags));
    pool.held_events_.emplace(++pool.held_, Event{report.kind, report.item != 0, report.user_data,
                                                  std::move(report.path), report.outcome, totals});
    pool.tell(report.item, report.kind, pool.held_);
}

// At once; or of an item of a list that wants it so, in the order of its items.
void SimulatedPool::tell(uint64_t item, arsync_completion_kind kind, uint64_t number) {
    auto finished = std::make_unique<Finished>();
    finished->completion.kind = kind;
    finished->completion.user_data = number;
    const bool in_order = item != 0 && (job_->options.flags & ARSYNC_COPY_IN_ORDER) != 0;
    if (!in_order) {
        tell_now(*finished);
        return;
    }
    job_->in_order.prepare(item);
    job_->in_order.hold(item, std::move(finished));
    tell_held(false);
}

void SimulatedPool::tell_held(bool at_end) {
    while (const std::unique_ptr<Finished> next = job_->in_order.take(at_end))
        tell_now(*next);
}

void SimulatedPool::tell_now(const Finished& finished) {
    const uint64_t number = finished.completion.user_data;
    if (finished.completion.kind == ARSYNC_COMPLETION_QUESTION)
        asked_.push_back(std::move(held_questions_.extract(number).mapped()));
    else
        events_.push_back(std::move(held_events_.extract(number).mapped()));
}

// Nobody polls for a while.
bool SimulatedPool::JobHost::wait_for_room(Ring& ring, Waiter& waiter) {
    if (pool.job_->control.cancelled() || !pool.random_.percent(5))
        return false;
    pool.without_room_.emplace_back(&ring, &waiter);
    return true;
}

bool SimulatedPool::JobHost::ask(Asker& asker, std::unique_ptr<Suspended>& suspended,
                                 const std::string* path) {
    if (pool.job_->control.cancelled())
        return false;
    ++pool.questions_;
    pool.world_.note("asked about '" + (path ? *path : std::string()) + "' of item " +
                     std::to_string(suspended->user_data));
    pool.asked_about_.emplace(suspended->user_data, path ? *path : std::string());
    const uint64_t item = suspended->item;
    pool.held_questions_.emplace(++pool.held_,
                                 Asked{&asker, std::move(suspended), path ? *path : std::string()});
    pool.tell(item, ARSYNC_COMPLETION_QUESTION, pool.held_);
    return true;
}

void SimulatedPool::withdraw_questions() {
    job_->in_order.drop_questions();
    std::vector<Asked> all;
    all.swap(asked_);
    for (auto& [number, asked] : std::exchange(held_questions_, {}))
        all.push_back(std::move(asked));
    for (Asked& asked : all) {
        asked.suspended->question().answer = ARSYNC_ANSWER_STOP;
        asked.asker->answered(std::move(asked.suspended));
    }
}

// ---- what the program does ----

// In any order.
void SimulatedPool::answer_one() {
    if (asked_.empty() || never_answers)
        return;
    const auto at = asked_.begin() + static_cast<std::ptrdiff_t>(random_.below(asked_.size()));
    const uint32_t said = answers_++ == stop_at_question
                              ? static_cast<uint32_t>(ARSYNC_ANSWER_STOP)
                              : answer(at->suspended->user_data, at->path);
    world_.note("answered " + std::to_string(said) + " about '" + at->path + "' of item " +
                std::to_string(at->suspended->user_data));
    if (said == ARSYNC_ANSWER_STOP) {
        cancel();
        return;
    }
    Asked asked = std::move(*at);
    asked_.erase(at);
    asked.suspended->question().answer = said;
    asked.asker->answered(std::move(asked.suspended));
}

// The question of a job that is a single copy: it is begun anew with the answer.
void SimulatedPool::answer_own() {
    Job& job = *job_;
    ++questions_;
    if (never_answers || job.control.cancelled()) {
        job.outcome.fail(-ECANCELED, ARSYNC_STAGE_ASK);
        return;
    }
    const uint32_t said = answer(job.user_data, "");
    if (said == ARSYNC_ANSWER_STOP) {
        job.control.cancel();
        job.outcome.fail(-ECANCELED, ARSYNC_STAGE_ASK);
        return;
    }
    job.question.answer = said;
    job.outcome = {};
    job.totals = {};
    completions_ = 0;
    begin(job, *workers_.front(), completions_);
}

void SimulatedPool::give_room() {
    for (const auto& [ring, waiter] : without_room_)
        ring->post_from_outside(*waiter);
    without_room_.clear();
}

void SimulatedPool::pause() {
    if (!job_ || completions_ > 0)
        return;
    world_.note("paused");
    job_->terms.pause();
    job_->terms.set_priority(static_cast<int>(world_.options.seed % 3) - 1);
}

// Whether it was paused.
bool SimulatedPool::resume() {
    if (!job_->terms.paused())
        return false;
    world_.note("resumed");
    job_->terms.resume();
    return true;
}

void SimulatedPool::cancel() {
    if (!job_ || completions_ > 0)
        return;
    world_.note("cancelled");
    job_->control.cancel();
    job_->terms.let_go();
    withdraw_questions();
    if (const auto* list = std::get_if<ListCopy>(&job_->what))
        list->list->wake_all();
    job_->control.interrupt(workers_.front()->ring);
    for (Running& part : parts_)
        if (part.begun && part.completions == 0)
            part.job.control.interrupt(part.worker->ring);
    give_room();
}

// ---- turns ----

void SimulatedPool::begin(Job& job, Worker& worker, unsigned& completions) {
    const Io io{.files = files_,
                .ring = worker.ring,
                .buffers = *worker.buffers,
                .company = &company_,
                .disks = &disks_,
                .turns = &worker.turns};
    if (&job == job_)
        run_whole(io, job, worker.host, world_, completions);
    else
        run_to_end(io, job, worker.host, completions);
}

bool SimulatedPool::parts_run() const {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const Running& part) { return part.begun && part.completions == 0; });
}

// Now, or some time later, or when there is nothing left to take part in.
bool SimulatedPool::begin_part() {
    const auto next =
        std::find_if(parts_.begin(), parts_.end(), [](const Running& part) { return !part.begun; });
    if (next == parts_.end() || !random_.percent(50))
        return false;
    next->begun = helped_ = true;
    begin(next->job, *next->worker, next->completions);
    return true;
}

// Whether anything was done.
bool SimulatedPool::turn() {
    const bool more = meanwhile && completions_ == 0 && meanwhile();
    if (random_.percent(20))
        give_room();
    if (random_.percent(20))
        answer_one();
    if (job_->terms.paused() && random_.percent(3))
        resume();
    bool done = begin_part() || more;
    const size_t first = workers_.size() > 1 ? random_.below(workers_.size()) : 0;
    bool resumed = false;
    for (size_t i = 0; i < workers_.size(); ++i)
        resumed = workers_[(first + i) % workers_.size()]->ring.run_ready() || resumed;
    if (resumed)
        return true;
    // Woken, for it is not for one ring to say that nobody will ever come.
    for (auto& worker : workers_) {
        if (worker->ring.in_flight() == 0)
            continue;
        worker->ring.wake();
        worker->ring.wait();
        done = true;
    }
    if (!done && resume())
        return true;
    if (!done) {
        workers_[first]->ring.wake();
        workers_[first]->ring.wait();
    }
    return done;
}

void SimulatedPool::run(Job& job) {
    job_ = &job;
    job.control.set_terms(job.terms);
    completions_ = 0;
    begin(job, *workers_.front(), completions_);
    unsigned idle = 0;
    for (;;) {
        while ((completions_ == 0 || parts_run()) && idle < idle_max &&
               world_.steps() < steps_max) {
            idle = turn() ? 0 : idle + 1;
            if (idle == idle_max && never_answers && !asked_.empty()) {
                cancel();
                idle = 0;
            }
        }
        const bool asks = completions_ == 1 && job.question.open && job.outcome.result == 0;
        if (!asks)
            break;
        answer_own();
        if (completions_ > 0 && job.outcome.result < 0)
            break;
    }
    tell_held(true);
    if (completions_ == 0 || parts_run())
        world_.problem(idle == idle_max ? "somebody sleeps for ever" : "the copy does not end");
    for (Running& part : parts_) // late, when it is all over
        if (!part.begun && completions_ > 0) {
            part.begun = true;
            begin(part.job, *part.worker, part.completions);
        }
    for (auto& worker : workers_)
        while (worker->ring.run_ready()) // whatever should not be there any more
            ;
    if (completions_ > 0 && parts_run())
        world_.problem("somebody takes part in what is over");
    else if (completions_ > 0)
        parts_.clear();
}

void SimulatedPool::check_leaks() {
    if (completions_ > 1)
        world_.problem("more than one completion");
    for (const auto& worker : workers_) {
        if (worker->ring.in_flight() > 0)
            world_.problem("still in flight: " + std::to_string(worker->ring.in_flight()));
        if (worker->buffers->leased() > 0)
            world_.problem("buffers still leased: " + std::to_string(worker->buffers->leased()));
    }
    if (!asked_.empty() || !held_questions_.empty())
        world_.problem("questions are left");
    if (!held_events_.empty())
        world_.problem("completions are left");
}

} // namespace arsync::sim
