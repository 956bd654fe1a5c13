// A job's link to its pool: what a Host does, a function of Pool of the same name does.
#pragma once

#include "pool.h"

namespace arsync {

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

} // namespace arsync
