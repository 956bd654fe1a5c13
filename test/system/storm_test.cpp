// Everything at once: threads that submit copies, trees, lists, ranges and operations on leased
// buffers, threads that cancel, pause, hurry, ask, wake and look, one that polls and answers, some
// that fork, and a signal a millisecond. What is judged is what holds whatever happens: each job
// that was taken has one completion, nothing is told of any other, a child that was forked in the
// middle of anything is refused at once and may call exec or end, and in the end nothing is left.
//
//     ARSYNC_STORM_S=600 build/test/system -tc='*storm*'
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "sim/random.h"
#include "system/check.h"
#include "system/lease.h"

namespace live {

namespace {

using arsync::sim::Random;
using Clock = std::chrono::steady_clock;

constexpr unsigned job_limit = 64;
constexpr unsigned workers = 3;
constexpr unsigned names = 6; // that the copies fight about

std::atomic<uint64_t> alarms;
void on_alarm(int) {
    ++alarms;
}

// SIGALRM a thousand times a second, to whichever thread it meets, without SA_RESTART.
class Alarm {
public:
    Alarm() {
        struct sigaction action = {};
        action.sa_handler = on_alarm;
        sigaction(SIGALRM, &action, &before_);
        const itimerval often{{0, 1000}, {0, 1000}};
        setitimer(ITIMER_REAL, &often, nullptr);
    }
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    ~Alarm() {
        const itimerval never{};
        setitimer(ITIMER_REAL, &never, nullptr);
        sigaction(SIGALRM, &before_, nullptr);
    }

private:
    struct sigaction before_ = {};
};

// A few of what came by last, for whoever wants one at random.
template <class T>
class Recent {
public:
    void put(T value) {
        const std::lock_guard lock(mutex_);
        values_.push_back(value);
        if (values_.size() > 200)
            values_.pop_front();
    }
    T any(Random& random) {
        const std::lock_guard lock(mutex_);
        return values_.empty() ? T{} : values_[random.below(values_.size())];
    }

private:
    std::mutex mutex_;
    std::deque<T> values_;
};

struct Taken {
    arsync_job job = 0;
    bool acquires = false;
};

class Storm {
public:
    Storm(uint32_t backend, uint64_t seed)
        : seed_(seed), backend_(backend), pool_(options(backend)),
          from_(open(directory_.path().c_str(), O_PATH)) {
        write_pattern(directory_ / "small", 5000);
        write_pattern(directory_ / "large", 700'000);
        mkdir((directory_ / "tree").c_str(), 0755);
        mkdir((directory_ / "tree/below").c_str(), 0755);
        for (int i = 0; i < 12; ++i)
            write_pattern(directory_ /
                              ("tree/" + std::string(i % 2 ? "below/" : "") + std::to_string(i)),
                          3000);
        write_file(directory_ / "range", "");
        large_ = open((directory_ / "large").c_str(), O_RDONLY | O_CLOEXEC);
        range_ = open((directory_ / "range").c_str(), O_RDWR | O_CLOEXEC);
        file_ = std::make_unique<PoolFile>(pool_, range_);
    }
    ~Storm() {
        file_.reset();
        for (const int fd : {from_, large_, range_})
            close(fd);
    }
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;

    // drains: all that was taken is polled; else the pool is closed in the middle of it.
    void blow(std::chrono::milliseconds time, bool drains) {
        {
            const Alarm alarm;
            std::vector<std::thread> threads;
            for (uint64_t i = 0; i < 3; ++i)
                threads.emplace_back([this, i] { submit_on_and_on(Random(seed_ * 100 + i)); });
            for (uint64_t i = 0; i < 2; ++i)
                threads.emplace_back([this, i] { meddle_on_and_on(Random(seed_ * 100 + 50 + i)); });
            for (uint64_t i = 0; i < 2; ++i)
                threads.emplace_back([this, i] { fork_on_and_on(Random(seed_ * 100 + 70 + i)); });
            std::thread poller([this] { poll_on_and_on(Random(seed_ * 100 + 90)); });
            std::this_thread::sleep_for(time);
            ends_ = true;
            for (std::thread& thread : threads)
                thread.join();
            if (drains) {
                CHECK(arsync_pool_shutdown(pool_.get(), ARSYNC_SHUTDOWN_CANCEL) == 0);
            } else {
                leaves_ = true;
                arsync_pool_wake(pool_.get());
            }
            poller.join();
        }
        const arsync_stats stats = counted();
        CHECK(stats.jobs_submitted == taken_);
        if (drains)
            CHECK(stats.jobs_completed == taken_);
        file_.reset();
        CHECK(pool_.close() == 0);
        CHECK(taken_ > 0);
        CHECK(children_ > 0);
        CHECK(last_wrong_child_ == 0);
        CHECK(strays_ == 0);
        CHECK(wrong_ == 0);
        CHECK(told_ <= taken_);
        if (drains)
            CHECK(told_ == taken_);
    }

private:
    static PoolOptions options(uint32_t backend) {
        PoolOptions options(backend);
        options.workers = workers;
        options.job_limit = job_limit;
        options.buffer_size = 64 << 10;
        options.lease_count = 4;
        return options;
    }

    // Jobs have numbers from 1 on, which come back as user_data.
    uint64_t begin() { return ++numbers_; }
    // By reference, for the call that sets it may come after it among the arguments.
    void taken(int error, const arsync_job& job, bool acquires = false) {
        if (error == 0) {
            ++taken_;
            jobs_.put({job, acquires});
        } else if (error != -EAGAIN) {
            ++wrong_;
        }
    }

    void submit_on_and_on(Random random) {
        while (!ends_) {
            switch (random.below(8)) {
            case 0:
                submit_tree(random);
                break;
            case 1:
                submit_list(random);
                break;
            case 2:
                submit_range(random);
                break;
            case 3:
                use_lease(random);
                break;
            default:
                submit_file(random);
            }
            if (random.percent(30))
                std::this_thread::sleep_for(std::chrono::microseconds(random.below(500)));
        }
    }

    Options any_options(Random& random) {
        Options how;
        how.replace = random.percent(50) ? ARSYNC_REPLACE_ATOMIC : ARSYNC_REPLACE_IN_PLACE;
        how.update = random.percent(20) ? ARSYNC_UPDATE_ASK : ARSYNC_UPDATE_ALL;
        how.reflink = ARSYNC_REFLINK_NEVER;
        how.durability = random.percent(3) ? ARSYNC_DURABILITY_FULL : ARSYNC_DURABILITY_NONE;
        how.preserve = random.percent(30) ? ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_MODE : 0;
        how.want = random.percent(50) ? ARSYNC_WANT_TOTALS | ARSYNC_WANT_ERROR_PATH : 0;
        return how;
    }
    std::string any_name(Random& random) { return "to" + std::to_string(random.below(names)); }

    void submit_file(Random& random) {
        const Options how = any_options(random);
        arsync_job job = 0;
        taken(arsync_submit_copy(pool_.get(), from_, random.percent(80) ? "small" : "large", from_,
                                 any_name(random).c_str(), &how, begin(), &job),
              job);
    }

    void submit_tree(Random& random) {
        Options how = any_options(random);
        how.flags = ARSYNC_COPY_RECURSIVE;
        how.report = random.percent(50) ? ARSYNC_REPORT_ALL : ARSYNC_REPORT_NONE;
        arsync_job job = 0;
        taken(arsync_submit_copy(pool_.get(), from_, "tree", from_,
                                 ("copy" + std::to_string(random.below(2))).c_str(), &how, begin(),
                                 &job),
              job);
    }

    void submit_list(Random& random) {
        const Options how = any_options(random);
        std::vector<std::string> to;
        for (int i = 0; i < 5; ++i)
            to.push_back(any_name(random));
        std::vector<arsync_item> items;
        const uint64_t number = begin();
        for (const std::string& name : to)
            items.push_back({random.percent(90) ? "small" : "missing", name.c_str(), number, 0});
        arsync_job job = 0;
        if (random.percent(50)) {
            taken(arsync_submit_list(pool_.get(), from_, from_, items.data(), items.size(), &how,
                                     number, &job),
                  job);
            return;
        }
        const int error = arsync_list_open(pool_.get(), from_, from_, &how, number, &job);
        taken(error, job);
        for (size_t i = 0; error == 0 && i < items.size(); ++i)
            arsync_list_add(pool_.get(), job, &items[i], 1); // or it has been cancelled
        if (error == 0)
            arsync_list_end(pool_.get(), job);
    }

    void submit_range(Random& random) {
        arsync_job job = 0;
        Options how;
        how.flags = random.percent(20) ? ARSYNC_COPY_VERIFY : 0;
        taken(arsync_submit_copy_range(pool_.get(), large_, random.below(100'000), range_,
                                       random.below(100'000), random.below(200'000), &how, begin(),
                                       &job),
              job);
    }

    void use_lease(Random& random) {
        if (random.percent(20)) {
            arsync_job job = 0;
            taken(arsync_submit_acquire(pool_.get(), static_cast<uint32_t>(1 + random.below(3)),
                                        begin(), &job),
                  job, true);
            return;
        }
        arsync_buffer buffer = {};
        if (arsync_buffer_acquire(pool_.get(), 1, &buffer) != 0)
            return; // somebody waits, or all are out
        for (int i = 0; i < 3; ++i) {
            arsync_job job = 0;
            const bool reads = random.percent(50);
            const auto submit = reads ? arsync_submit_read : arsync_submit_write;
            const int error = submit(pool_.get(), file_->id(), random.below(500'000), buffer.id, 0,
                                     random.below(buffer.size), 0, begin(), &job);
            if (error != -EBUSY)
                taken(error, job);
        }
        if (arsync_buffer_release(pool_.get(), buffer.id) != 0)
            ++wrong_;
    }

    void meddle_on_and_on(Random random) {
        while (!ends_) {
            const Taken any = jobs_.any(random);
            const arsync_job job = any.job;
            switch (random.below(7)) {
            case 0:
                may_be_gone(arsync_job_cancel(pool_.get(), job));
                break;
            case 1:
            case 2:
                adjust(random, any);
                break;
            case 3: {
                arsync_progress progress = {};
                progress.struct_size = sizeof progress;
                may_be_gone(arsync_job_progress(pool_.get(), job, &progress));
                break;
            }
            case 4:
                may_be_gone(arsync_answer(pool_.get(), questions_.any(random), answer(random)));
                break;
            case 5:
                arsync_pool_wake(pool_.get());
                break;
            default:
                look();
            }
            std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
        }
    }

    // What the pool tells of itself, whatever goes on.
    void look() {
        arsync_info info = {};
        info.struct_size = sizeof info;
        if (arsync_pool_info(pool_.get(), &info) != 0 || info.backend != backend_ ||
            info.workers == 0 || info.workers > workers)
            ++wrong_;
        const uint64_t ended = told_; // before: their number grows
        const arsync_stats stats = counted();
        if (stats.jobs_completed < ended || stats.jobs_completed > stats.jobs_submitted ||
            stats.jobs_failed + stats.jobs_cancelled > stats.jobs_completed)
            ++wrong_;
    }
    arsync_stats counted() {
        arsync_stats stats = {};
        stats.struct_size = sizeof stats;
        if (arsync_pool_stats(pool_.get(), &stats) != 0)
            ++wrong_;
        return stats;
    }

    void may_be_gone(int error) {
        if (error != 0 && error != -ENOENT)
            ++wrong_;
    }

    static uint32_t answer(Random& random) {
        return static_cast<uint32_t>(ARSYNC_ANSWER_SKIP + random.below(4));
    }

    // What is paused goes on soon, for whoever comes by resumes another one more often.
    void adjust(Random& random, const Taken& any) {
        arsync_adjustment adjustment = {};
        adjustment.struct_size = sizeof adjustment;
        adjustment.what = ARSYNC_ADJUST_PRIORITY | ARSYNC_ADJUST_BYTE_RATE |
                          (random.percent(30) ? ARSYNC_ADJUST_PAUSE : ARSYNC_ADJUST_RESUME);
        adjustment.priority = static_cast<int32_t>(random.below(5)) - 2;
        adjustment.byte_rate = random.percent(30) ? 1'000'000 + random.below(9'000'000) : 0;
        const int error = arsync_job_adjust(pool_.get(), any.job, &adjustment);
        if (!any.acquires || error != -EINVAL) // there is nothing to adjust of a wait for buffers
            may_be_gone(error);
    }

    // A child that has no pool, whatever the parent's other threads were at; which of its calls
    // said something else, or 0.
    int try_as_a_child(bool closes) {
        arsync_completion done;
        arsync_buffer buffer;
        arsync_progress progress = {};
        progress.struct_size = sizeof progress;
        const Options how;
        const int said[] = {
            arsync_submit_copy(pool_.get(), from_, "small", from_, "child", &how, 1, nullptr),
            arsync_poll(pool_.get(), &done, 1, -1),
            arsync_job_cancel(pool_.get(), 1),
            arsync_job_progress(pool_.get(), 1, &progress),
            arsync_answer(pool_.get(), 1, ARSYNC_ANSWER_STOP),
            arsync_buffer_acquire(pool_.get(), 1, &buffer),
            arsync_submit_acquire(pool_.get(), 1, 1, nullptr),
            arsync_pool_wake(pool_.get()),
            arsync_pool_shutdown(pool_.get(), ARSYNC_SHUTDOWN_CANCEL),
            arsync_pool_event_fd(pool_.get()),
        };
        int number = 0;
        for (const int each : said) {
            ++number;
            if (each != -EOWNERDEAD)
                return number;
        }
        return closes && arsync_pool_close(pool_.get()) != 0 ? number + 1 : 0;
    }

    void fork_on_and_on(Random random) {
        while (!ends_) {
            const bool closes = random.percent(50);
            const bool calls_exec = random.percent(50);
            const pid_t child = fork();
            if (child == 0) {
                const int wrong = try_as_a_child(closes);
                if (calls_exec && wrong == 0)
                    execl("/bin/true", "true", static_cast<char*>(nullptr));
                _exit(wrong);
            }
            int status = -1;
            if (child < 0 || !eventually([&] { return waitpid(child, &status, WNOHANG) == child; }))
                status = -1;
            if (status != 0) {
                last_wrong_child_ = status;
                if (child > 0 && status == -1)
                    kill(child, SIGKILL);
            }
            ++children_;
            std::this_thread::sleep_for(std::chrono::microseconds(random.below(5000)));
        }
    }

    void poll_on_and_on(Random random) {
        arsync_completion done[16];
        while (!leaves_) {
            const int got =
                arsync_poll(pool_.get(), done, static_cast<uint32_t>(1 + random.below(16)),
                            static_cast<int>(random.below(20)));
            if (got == -ESHUTDOWN)
                return;
            if (got < 0)
                ++wrong_;
            for (int i = 0; i < got; ++i)
                take(random, done[i]);
        }
    }

    void take(Random& random, const arsync_completion& done) {
        if (done.user_data == 0 || done.user_data > numbers_ || told_of(done.user_data))
            ++strays_; // of no job, or of one that had ended
        if (done.kind == ARSYNC_COMPLETION_QUESTION) {
            const arsync_question question = done.details->question;
            if (random.percent(60))
                may_be_gone(arsync_answer(pool_.get(), question, answer(random)));
            else
                questions_.put(question);
        }
        if (done.kind != ARSYNC_COMPLETION_JOB)
            return;
        ++told_;
        ended_.resize(std::max<size_t>(ended_.size(), done.user_data + 1));
        ended_[done.user_data] = true;
        if (done.action != ARSYNC_ACTION_ACQUIRE || !done.details)
            return;
        for (uint32_t i = 0; i < done.details->buffer_count; ++i)
            may_be_gone(arsync_buffer_release(pool_.get(), done.details->buffers[i].id));
    }
    bool told_of(uint64_t number) const { return number < ended_.size() && ended_[number]; }

    const uint64_t seed_;
    const uint32_t backend_;
    const Directory directory_;
    Pool pool_;
    const int from_;
    int large_ = -1;
    int range_ = -1;
    std::unique_ptr<PoolFile> file_;
    std::atomic<bool> ends_ = false;
    std::atomic<bool> leaves_ = false;
    std::atomic<uint64_t> numbers_ = 0;
    std::atomic<uint64_t> children_ = 0;
    std::atomic<int> last_wrong_child_ = 0;
    std::atomic<uint64_t> taken_ = 0, told_ = 0, strays_ = 0, wrong_ = 0;
    Recent<Taken> jobs_;
    Recent<arsync_question> questions_;
    std::vector<bool> ended_; // the poller's, by number
};

uint64_t seconds() {
    const char* text = getenv("ARSYNC_STORM_S");
    return text ? strtoull(text, nullptr, 10) : 4;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "in a storm of calls each job has one end, and nothing is left") {
    uint64_t seed = 1;
    const Clock::time_point end = Clock::now() + std::chrono::seconds(seconds());
    do {
        for (const uint32_t backend : both_backends) {
            if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
                continue;
            for (const bool drains : {true, false}) {
                CAPTURE(backend_name(backend));
                CAPTURE(drains);
                CAPTURE(seed);
                Storm storm(backend, seed++);
                storm.blow(std::chrono::milliseconds(700), drains);
            }
        }
    } while (Clock::now() < end);
}

} // namespace live
