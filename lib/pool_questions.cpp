// Questions of the pool's jobs, from the completion that puts one to its answer.
#include <cerrno>

#include "pool.h"

namespace arsync {

static void fill(arsync_completion& completion, const Job& job) {
    completion.job = job.id;
    completion.user_data = job.user_data;
    completion.kind = ARSYNC_COMPLETION_QUESTION;
}

bool Pool::ask(Job& job, Asker& asker, std::unique_ptr<Suspended>& suspended,
               const std::string* path) {
    const Question& question = suspended->question();
    auto finished = std::make_unique<Finished>();
    finished->has_path = path != nullptr;
    if (path)
        finished->path = *path;
    finished->details = std::make_unique<Finished::Details>();
    finished->details->shown.source = question.source;
    finished->details->shown.destination = question.destination;
    fill(finished->completion, job);
    const uint64_t item = suspended->item;
    if (item != 0)
        finished->completion.user_data = suspended->user_data;
    const Lock lock(mutex_);
    if (closing_ || job.control.cancelled())
        return false;
    Job::PendingQuestion asked{&asker, std::move(suspended)};
    try {
        put_question(job, asked, item, std::move(finished));
    } catch (const std::bad_alloc&) {
        suspended = std::move(asked.suspended);
        throw;
    }
    return true;
}

bool Pool::ask(Job& job) {
    auto finished = std::make_unique<Finished>();
    finished->details = std::make_unique<Finished::Details>();
    finished->details->shown.source = job.question.source;
    finished->details->shown.destination = job.question.destination;
    fill(finished->completion, job);
    Job::PendingQuestion itself;
    const Lock lock(mutex_);
    if (closing_ || job.control.cancelled())
        return false;
    put_question(job, itself, 0, std::move(finished));
    job.control.enter(ARSYNC_STAGE_ASK);
    release(*job.worker);
    job.worker = nullptr;
    job.state = ARSYNC_JOB_QUEUED; // in no queue yet
    --running_;
    return true;
}

void Pool::put_question(Job& job, Job::PendingQuestion& asked, uint64_t item,
                        std::unique_ptr<Finished> finished) {
    const arsync_question id = last_question_ + 1;
    if (is_in_order(job, item))
        job.in_order.prepare(item);
    const auto at = job.asked.try_emplace(id).first;
    try {
        questions_.emplace(id, &job);
    } catch (const std::bad_alloc&) {
        job.asked.erase(at);
        throw;
    }
    last_question_ = id;
    at->second = std::move(asked);
    finished->details->shown.has = ARSYNC_WANT_SOURCE | ARSYNC_WANT_DESTINATION;
    finished->details->shown.question = id;
    if (queue_of_item(job, item, std::move(finished)))
        tell_poller();
}

int Pool::answer(arsync_question question, uint32_t answer) {
    const Lock lock(mutex_);
    const auto found = questions_.find(question);
    if (found == questions_.end())
        return -ENOENT;
    Job& job = *found->second;
    if (answer == ARSYNC_ANSWER_STOP) {
        cancel(job);
        return 0;
    }
    questions_.erase(found);
    const auto at = job.asked.find(question);
    Job::PendingQuestion asked = std::move(at->second);
    job.asked.erase(at);
    if (asked.asker) {
        asked.suspended->question().answer = answer;
        asked.asker->answered(std::move(asked.suspended));
        wake_poller();
        return 0;
    }
    job.question.answer = answer;
    job.outcome = {};
    job.totals = {};
    job.totals.struct_size = sizeof job.totals;
    job.control.enter(ARSYNC_STAGE_QUEUE);
    queue_again(job);
    return 0;
}

void Pool::withdraw_questions(Job& job) {
    const Lock lock(mutex_);
    withdraw_under_lock(job);
}

void Pool::withdraw_under_lock(Job& job) {
    job.in_order.drop_questions();
    while (!job.asked.empty()) {
        const auto at = job.asked.begin();
        Job::PendingQuestion asked = std::move(at->second);
        questions_.erase(at->first);
        job.asked.erase(at);
        if (!asked.asker)
            continue;
        asked.suspended->question().answer = ARSYNC_ANSWER_STOP;
        asked.asker->answered(std::move(asked.suspended));
    }
}

} // namespace arsync
