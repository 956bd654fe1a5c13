// What an arsync_pool is: workers, the queue of jobs for them, and the queue of finished ones.
//
// One mutex guards all of it. A job is in the table from submit to the poll that takes its
// completion. On the way it is queued, in its site's queue; or queued in none, while it is paused,
// has a question without an answer, or waits for buffers; running on one worker; or completed, in
// the queue of what is to be polled. One that ends without having run is completed when what its
// caller gave is closed. Workers start as jobs arrive and end with the pool.
#pragma once

#include <climits>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore.h>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "arsync.h"
#include "copy/company.h"
#include "copy/disks.h"
#include "copy/flows.h"
#include "footprint.h"
#include "in_order.h"
#include "io/fd.h"
#include "io/files.h"
#include "io/helpers.h"
#include "io/mutex.h"
#include "io/process.h"
#include "io/remote_mounts.h"
#include "job.h"
#include "poll_turn.h"
#include "starter.h"
#include "worker.h"

namespace arsync {

// Jobs that may wait for the same filesystems, for ever if need be: those that are not local. A
// worker has jobs of one site at a time, so who waits keeps nobody else's job from going on.
struct Site {
    Devices devices;             // none: what is local, and what has not been looked at
    Job* queued_first = nullptr; // a doubly linked list
    Job* queued_last = nullptr;
    unsigned queued = 0;
    unsigned workers = 0; // that have jobs of it
};

class Pool {
public:
    // options: every field is set and valid. Throws std::bad_alloc, or Error where a backend or the
    // event descriptor cannot be had.
    explicit Pool(const arsync_pool_options& options);
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool();

    // The C functions, arguments checked. Negative errnos as the header has them.
    int submit(std::unique_ptr<Job> job, arsync_job* id);
    int open_link_set(arsync_link_set& set);
    int close_link_set(arsync_link_set set);
    std::shared_ptr<Links> find_link_set(arsync_link_set set); // null: there is none
    int add_to_list(arsync_job id, std::vector<ListItem>&& items);
    int end_list(arsync_job id);
    int cancel(arsync_job id);
    int adjust(arsync_job id, const arsync_adjustment& adjustment);
    int answer(arsync_question question, uint32_t answer);
    int progress(arsync_job id, arsync_progress& out);
    // Of callers' buffers and files: pool_buffers.cpp.
    int acquire(uint32_t count, arsync_buffer* out);
    int submit_acquire(uint32_t count, uint64_t user_data, arsync_job* id);
    int release_buffer(uint64_t id);
    int open_file(int fd, arsync_file& file);
    int close_file(arsync_file file);
    int submit_operation(CallerOperation&& operation, arsync_file file, uint64_t buffer,
                         uint64_t user_data, arsync_job* id);
    const std::shared_ptr<CallerBuffers>& callers_buffers() { return callers_buffers_; }
    int take_fd(arsync_job id);
    std::unique_ptr<Job> take_polled(arsync_job id); // that the last poll has given out
    // As arsync_poll. While it sleeps, and only then, a thread may be cancelled in here: as if it
    // had not polled.
    int poll(arsync_completion* completions, uint32_t max, int timeout_ms);
    void wake();
    void shut_down(bool cancels);
    int event_fd();
    void info(arsync_info& out);
    void stats(arsync_stats& out);

    bool in_forked_child() const;
    bool in_any_child() const; // of vfork(2), too
    // In a forked child: close inherited descriptors. The object is not usable, nor freed, after
    // it.
    void abandon() NO_THREAD_SAFETY_ANALYSIS; // whoever held the mutex is not in this process

    // For workers.
    const arsync_pool_options& options() const { return options_; }
    // What the workers may take; found out when it is first asked for. From any thread.
    const Footprint& footprint();
    Files& files() { return files_; }
    Pace* pace() { return pace_ ? &*pace_ : nullptr; }
    Company& company() { return company_; }
    Disks& disks() { return disks_; }
    Flows& flows() { return flows_; }
    Starter& starter() { return starter_; }
    void call_another_worker();
    Job* take(Worker& worker);
    void finish(Job& job);
    void finish_part(Worker& worker);
    // See Host.
    void call_others(const Worker& owner, const std::shared_ptr<Shared>& work);
    void report(Job& job, Report report);
    bool wait_for_room(const Job& job, Ring& ring, Waiter& waiter);
    bool runs_one_job();
    bool ask(Job& job, Asker& asker, std::unique_ptr<Suspended>& suspended,
             const std::string* path);
    void withdraw_questions(Job& job);
    // Of a job that is no tree. It is taken back, and run anew when the answer is there. False: it
    // was cancelled.
    bool ask(Job& job);
    bool closing();
    bool all_lack_rings(); // all workers that there are
    void leave_with_others();
    void report_backend(arsync_backend backend, int error);

private:
    struct Slot {
        std::unique_ptr<Job> job;
        uint64_t generation = 0; // no id is given out twice in the life of any program
        Finished finished;       // of the job, when it has
    };

    // A job's id: its slot's number, counted from 1, and above that its generation. As many bits
    // as job_limit needs.
    static constexpr unsigned slot_bits = 21;
    static constexpr uint64_t slot_mask = (1u << slot_bits) - 1;
    static uint64_t slot_of(arsync_job id) { return (id & slot_mask) - 1; } // huge, if it is no id

    // Jobs: pool.cpp.
    int refuse_submit() const REQUIRES(mutex_);
    uint32_t find_slot() REQUIRES(mutex_);
    Job& enter(uint32_t slot, std::unique_ptr<Job> job, arsync_job* id) REQUIRES(mutex_);
    Job* find(arsync_job id) REQUIRES(mutex_);
    int choose_worker(Site& site, Worker*& chosen) REQUIRES(mutex_);
    int call_a_worker(Site& site) REQUIRES(mutex_);
    void call_for_queued() REQUIRES(mutex_);
    unsigned workers_max();
    void add_worker() REQUIRES(mutex_);
    void queue(Job& job, Site& site) REQUIRES(mutex_);
    Site* site_to_serve(const Worker& worker) REQUIRES(mutex_);
    void occupy(Worker& worker, Site& site, const Job* job);
    void release(Worker& worker) REQUIRES(mutex_);
    void leave(Site& site) REQUIRES(mutex_);
    void queue_again(Job& job) REQUIRES(mutex_);
    void unqueue(Job& job) REQUIRES(mutex_);
    void cancel_queued(Job& job, Stage stage = ARSYNC_STAGE_QUEUE) REQUIRES(mutex_);
    void complete(Job& job) REQUIRES(mutex_);
    void cancel(Job& job) REQUIRES(mutex_); // pool_control.cpp

    // pool_call_others.cpp
    void start_others(const Site& site) REQUIRES(mutex_);
    void give_part(Worker& worker, Site& site, const std::shared_ptr<Shared>& work)
        REQUIRES(mutex_);

    // pool_sites.cpp
    Devices devices_of(const Job& job);
    Site* find_site(const Job& job) REQUIRES(mutex_);
    Site& site_of(Devices&& devices) REQUIRES(mutex_);
    void settle_unknown_site() REQUIRES(mutex_);

    // pool_questions.cpp
    void put_question(Job& job, Job::PendingQuestion& asked, uint64_t item,
                      std::unique_ptr<Finished> finished) REQUIRES(mutex_);
    void withdraw_under_lock(Job& job) REQUIRES(mutex_);

    // pool_unrun.cpp
    void end_unrun(Job& job) REQUIRES(mutex_);
    void complete_closed();
    void close_here() REQUIRES(mutex_);

    void serve_acquires() REQUIRES(mutex_); // pool_buffers.cpp

    // pool_completions.cpp
    // What there is; else one of these, and the thread is to sleep till sleeper_ has a post, or for
    // a millisecond at most, and then to look again.
    static constexpr int nothing_yet = INT_MIN;
    static constexpr int nothing_for_a_moment = INT_MIN + 1;
    int look(arsync_completion* completions, uint32_t max, bool may_sleep);
    void queue_finished(Finished& finished) REQUIRES(mutex_);
    static bool is_in_order(const Job& job, uint64_t item) {
        return item != 0 && (job.options.flags & ARSYNC_COPY_IN_ORDER) != 0;
    }
    void queue_held(std::unique_ptr<Finished> finished) REQUIRES(mutex_);
    bool queue_of_item(Job& job, uint64_t item, std::unique_ptr<Finished> finished)
        REQUIRES(mutex_);
    void take_finished(arsync_completion& completion) REQUIRES(mutex_);
    static void free_polled(Finished* entries, Job* jobs);
    void drop_polled() REQUIRES(mutex_);
    void make_room() REQUIRES(mutex_);
    void run_here() REQUIRES(mutex_);
    // For a poll: to give, or to do.
    bool has_something() const REQUIRES(mutex_) {
        return finished_first_ || woken_ || unclosed_ || (here_goes_on_ && outstanding_ > 0) ||
               drained();
    }
    bool drained() const REQUIRES(mutex_) { return shut_ && outstanding_ == 0 && !finished_first_; }
    void tell_poller() REQUIRES(mutex_);
    void wake_poller() REQUIRES(mutex_);

    // pool_event_fd.cpp
    void mark_readable();
    void mark_empty();

    void decide_backend() REQUIRES(mutex_); // pool_info.cpp

    const arsync_pool_options options_;
    const ProcessMark owner_;
    const std::shared_ptr<CallerBuffers> callers_buffers_; // before all that has a part in one
    SystemFiles files_; // the descriptors of a tree, or a link set, outlive the worker's part in it
    std::once_flag footprint_known_;
    Footprint footprint_{};
    std::optional<Pace> pace_;
    Company company_;
    Disks disks_;
    Flows flows_;
    Fd event_fd_;

    Mutex mutex_;
    Condition left_condition_;
    size_t left_ GUARDED_BY(mutex_) = 0; // workers that have nothing more to do, ever
    std::map<arsync_link_set, std::shared_ptr<Links>> link_sets_ GUARDED_BY(mutex_);
    arsync_link_set last_link_set_ GUARDED_BY(mutex_) = 0;
    std::unordered_map<arsync_file, std::shared_ptr<CallerFile>> callers_files_ GUARDED_BY(mutex_);
    arsync_file last_callers_file_ GUARDED_BY(mutex_) = 0;
    std::deque<Job*> acquires_ GUARDED_BY(mutex_); // that wait for buffers, in order
    std::unordered_map<arsync_question, Job*> questions_ GUARDED_BY(mutex_);
    arsync_question last_question_ GUARDED_BY(mutex_) = 0;
    std::deque<Slot> slots_ GUARDED_BY(mutex_);
    std::vector<uint32_t> free_slots_ GUARDED_BY(mutex_);
    uint32_t outstanding_ GUARDED_BY(mutex_) = 0; // jobs in the table
    unsigned queued_ GUARDED_BY(mutex_) = 0;
    unsigned running_ GUARDED_BY(mutex_) = 0;
    RemoteMounts mounts_;
    std::map<Devices, Site> sites_ GUARDED_BY(mutex_); // but for these two
    Site local_ GUARDED_BY(mutex_);
    // Jobs taken while alone in the pool, whose paths were not looked at.
    Site site_unknown_ GUARDED_BY(mutex_);
    Finished* finished_first_ GUARDED_BY(mutex_) = nullptr;
    Finished** finished_end_ GUARDED_BY(mutex_) = &finished_first_;
    unsigned entries_waiting_ GUARDED_BY(mutex_) = 0; // among these
    struct Blocked {
        Ring* ring;
        Waiter* waiter;
    };
    std::vector<Blocked> blocked_ GUARDED_BY(mutex_); // for entries to be polled
    // What the last poll's completions point into: entries' paths and details, and jobs' own.
    Finished* polled_entries_ GUARDED_BY(mutex_) = nullptr;
    Job* polled_jobs_ GUARDED_BY(mutex_) = nullptr;
    Job* unclosed_ GUARDED_BY(mutex_) = nullptr; // ended, and for whoever polls to close
    Turn turn_;                                  // to poll; taken without the mutex
    sem_t sleeper_;
    // What whoever polls does, or did when it was cancelled. To be woken for each entry costs both
    // sides more than to find many together, so who has just got some dozes until there are enough.
    enum class Poller { awake, dozes, sleeps };
    static constexpr unsigned entries_enough = 64;
    Poller poller_ GUARDED_BY(mutex_) = Poller::awake;
    bool gave_entries_ GUARDED_BY(mutex_) = false;  // the last look
    bool woken_ GUARDED_BY(mutex_) = false;         // for the next look
    Worker* here_ GUARDED_BY(mutex_) = nullptr;     // the worker without a thread
    bool here_goes_on_ GUARDED_BY(mutex_) = false;  // that may have something to do
    bool event_fd_used_ GUARDED_BY(mutex_) = false; // somebody has asked for it
    bool closing_ GUARDED_BY(mutex_) = false;
    bool shut_ GUARDED_BY(mutex_) = false; // nothing is submitted any more
    uint64_t submitted_ GUARDED_BY(mutex_) = 0;
    uint64_t completed_ GUARDED_BY(mutex_) = 0;
    uint64_t failed_ GUARDED_BY(mutex_) = 0;
    uint64_t cancelled_ GUARDED_BY(mutex_) = 0;

    bool backend_known_ GUARDED_BY(mutex_) = false;
    bool has_ring_ GUARDED_BY(mutex_) = false; // some worker had one: more than a probe could tell
    arsync_backend backend_ GUARDED_BY(mutex_) = ARSYNC_BACKEND_URING;
    int backend_error_ GUARDED_BY(mutex_) = 0; // why not io_uring, a negative errno

    Starter starter_;
    // Where no thread can be started it has one, without a thread, whose jobs run in poll.
    std::vector<std::unique_ptr<Worker>>
        workers_ GUARDED_BY(mutex_);            // their threads use the members above
    static constexpr unsigned closers_max = 64; // side by side: some may hang
    Helpers closers_{closers_max, [this] { complete_closed(); }}; // last, as they do
};

} // namespace arsync
