// Always true: the window has the items that have not ended, in the order of the command line. What
// comes of them comes in that order (ARSYNC_COPY_IN_ORDER), and is said at once.
#include "run.h"

#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstring>
#include <deque>
#include <numeric>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "terminal.h"

namespace {

// So many wait in the window behind one that takes long; no more are added.
constexpr size_t window_most = 8192;
// To be woken for each of so many costs more than some of them take.
constexpr size_t many = 64;

class Run {
public:
    Run(const Options& options, Operands& operands) : options_(options), operands_(operands) {}

    int go() {
        signal_fd_ = listen_for_signals();
        std::optional<Pair> pair;
        if (is_one_file() && copy_alone(Item(*(pair = operands_.next()))))
            return failed_ ? 1 : 0;
        if (!open_pool())
            return options_.json ? status_cut_off : 1;
        measure();
        cut_off_ = !operands_.open_list() || !open_job();
        if (!cut_off_) {
            while (!stop_requested() && (pair || (pair = operands_.next())) && !gives_up())
                add(*std::exchange(pair, std::nullopt));
            arsync_list_end(pool_, job_);
            while (job_ != 0)
                take_completions();
        }
        // Who stops at an error is cut off by it, whatever others had come to by then.
        cut_off_ = cut_off_ || operands_.cut_off();
        const bool is_told = options_.json && (cut_off_ || stopping_ || gives_up());
        const int status = is_told ? status_cut_off : failed() || stopping_;
        sum_up(status);
        arsync_pool_close(pool_);
        return status;
    }

private:
    // Whether it is one file that may be copied sooner than a pool is opened, as arsync_copy does.
    bool is_one_file() {
        const arsync_pool_options any = Options().pool;
        return operands_.sources().size() == 1 && !operands_.listed() && !options_.parents &&
               !options_.json && !options_.debug && !options_.progress &&
               options_.clobber != Clobber::ask && memcmp(&options_.pool, &any, sizeof any) == 0 &&
               lstat(operands_.sources()[0], &file_) == 0 && S_ISREG(file_.st_mode) &&
               file_.st_size > 0; // of 0 there may be no end
    }

    // Whether no more is asked than a new file, where it may share blocks.
    bool may_share(const std::string& destination) const {
        constexpr uint32_t usual =
            ARSYNC_COPY_IN_ORDER | ARSYNC_COPY_SPECIAL | ARSYNC_COPY_FORCE | ARSYNC_COPY_RECURSIVE;
        const arsync_copy_options& o = options_.copy;
        struct stat parent {};
        return (o.update | o.backup | o.replace | o.durability | o.cache | o.method | o.sparse |
                o.range_length | (o.flags & ~usual)) == 0 &&
               fstatat(operands_.target_fd(), beside(destination, ".").c_str(), &parent, 0) == 0 &&
               parent.st_dev == file_.st_dev;
    }

    // Whether it was: a small one, or one that shares its blocks with a new file. Nothing happens
    // where a FIFO is waited for, or links may have to be cut.
    bool copy_alone(Item item) {
        arsync_copy_options options = options_.copy;
        const bool is_large = file_.st_size > 4 << 20;
        const bool must_be_new = is_large || (options.preserve & ARSYNC_PRESERVE_LINKS) != 0;
        if ((is_large && !may_share(item.destination)) ||
            (must_be_new && faccessat(operands_.target_fd(), item.destination.c_str(), F_OK,
                                      AT_SYMLINK_NOFOLLOW) == 0) ||
            !leave_signals_to_a_thread()) // as no call returns where a filesystem does not answer
            return false;
        if (is_large)
            options.method = ARSYNC_METHOD_REFLINK;
        options.flags &= ~ARSYNC_COPY_SPECIAL;
        arsync_completion done{};
        arsync_copy(AT_FDCWD, item.source.c_str(), operands_.target_fd(), item.destination.c_str(),
                    &options, &done);
        done.kind = ARSYNC_COMPLETION_ITEM;
        const bool is_special = done.result == -EOPNOTSUPP && done.stage == ARSYNC_STAGE_CHECK;
        const bool was_tried = done.result == 0 || done.stage != ARSYNC_STAGE_NONE;
        // The kernel tells of a lost write once, and whoever asks again is told that all is well.
        const int error = -done.result;
        const bool is_hard = error == EIO || error == ENOSPC || error == EDQUOT || error == ENOMEM;
        const bool is_unshared = is_large && done.stage == ARSYNC_STAGE_REFLINK && !is_hard;
        const bool has_ended = was_tried && !is_special && !is_unshared;
        if (has_ended)
            tell(item, done);
        arsync_details_free(done.details);
        return has_ended;
    }

    bool fail(const std::string& complaint, int error = 0) {
        failed_ = true;
        return complain(complaint, error);
    }

    bool open_pool() {
        const int error = arsync_pool_open(&options_.pool, &pool_);
        return error == 0 ||
               fail(options_.pool.backend != ARSYNC_BACKEND_URING ? "cannot start copying"
                    : error == -EAGAIN ? "cannot start a thread for io_uring"
                                       : "cannot use io_uring",
                    error);
    }

    bool open_job() {
        const int error = arsync_list_open(pool_, operands_.source_fd(), operands_.target_fd(),
                                           &options_.copy, 0, &job_);
        return error == 0 || fail("cannot start copying", error);
    }

    void add(const Pair& pair) {
        window_.emplace_back(pair);
        const arsync_item item{pair.source.c_str(), pair.destination.c_str(),
                               first_ + window_.size() - 1, 0};
        int taken = 0;
        while (job_ != 0 && (taken = arsync_list_add(pool_, job_, &item, 1)) == 0)
            take_completions();
        if (taken < 0 && taken != -ENOENT) { // or it has ended, or is about to
            fail(taken == -ENOMEM ? "memory exhausted" : arsync_strerror(taken));
            arsync_job_cancel(pool_, job_);
        }
        // A list may come slowly, and what is known of it is not to wait for the rest.
        if (operands_.listed())
            take_ready();
        // Of a list of mirrors nothing ends before all is known.
        while (job_ != 0 && window_.size() >= window_most && !options_.has(ARSYNC_COPY_MIRROR))
            take_completions();
    }

    bool failed() const { return failed_ || operands_.failed(); }
    bool gives_up() const { return failed() && options_.has(ARSYNC_COPY_STOP_ON_ERROR); }

    bool stop_requested() {
        if ((stop_signal() != 0 || gives_up()) && !std::exchange(stopping_, true))
            arsync_job_cancel(pool_, job_);
        return stopping_;
    }

    void take_completions() {
        if (take_ready() || job_ == 0) {
            dozes_ = window_.size() > many;
            return;
        }
        if (options_.json)
            flush_stdout();
        const bool dozes = std::exchange(dozes_, false);
        pollfd wait_for[] = {{stopping_ ? -1 : signal_fd_, POLLIN, 0},
                             {arsync_pool_event_fd(pool_), POLLIN, 0}};
        poll(wait_for, dozes ? 1 : 2, dozes ? 1 : is_shown_ ? redraw_ms : -1);
    }

    // Whether there was anything.
    bool take_ready() {
        stop_requested();
        arsync_completion completions[64];
        const int count = arsync_poll(pool_, completions, 64, 0);
        for (int i = 0; i < count; ++i)
            take(completions[i]);
        if (progress_is_due())
            draw_progress(progress());
        return count > 0;
    }

    void take(const arsync_completion& completion) {
        if (completion.kind == ARSYNC_COMPLETION_JOB)
            return end_job(completion);
        // Of a directory on the way whose attributes come at the end, when no item is left. One
        // that merely lost its owner is not told of, as a file is not.
        if (completion.user_data < first_) {
            if (completion.result == 0)
                return;
            Item way(operands_.entry(completion.path));
            arsync_completion of_way = completion;
            of_way.kind = ARSYNC_COMPLETION_ENTRY;
            of_way.path = "";
            return tell(way, of_way);
        }
        Item& item = window_[completion.user_data - first_];
        if ((completion.flags & ARSYNC_COMPLETION_IN_MIRROR) != 0)
            item.mirror = window_[completion.details->other - first_];
        while (first_ < completion.user_data) // it was not begun, and never will be
            give_up_first();
        if (completion.kind == ARSYNC_COMPLETION_QUESTION)
            return answer(item, completion);
        tell(item, completion);
        if (completion.kind == ARSYNC_COMPLETION_ITEM)
            end_first();
    }

    void end_first() {
        window_.pop_front();
        ++first_;
    }

    // What was not begun has no completion.
    void give_up_first() {
        arsync_completion never{};
        never.kind = ARSYNC_COMPLETION_ITEM;
        never.result = -ECANCELED;
        cut_off_ = true;
        tell(window_.front(), never);
        end_first();
    }

    void tell(Item& item, const arsync_completion& completion) {
        report(item, completion, options_, operands_, counts_);
        failed_ = failed_ || item.failed;
        sync_failed_ = sync_failed_ || completion.stage == ARSYNC_STAGE_SYNC;
    }

    void end_job(const arsync_completion& completion) {
        job_ = 0;
        const bool ended = completion.result == 0 || completion.result == -ECANCELED;
        if (!ended && !failed_ && completion.stage == ARSYNC_STAGE_MEMORY)
            fail("memory exhausted");
        if (!ended && completion.stage == ARSYNC_STAGE_SYNC && !sync_failed_)
            fail("error syncing what was copied", completion.result);
        for (; !window_.empty(); give_up_first())
            if (!failed_ && !stopping_) // whatever stopped it
                fail("cannot copy " + quote(operands_.shown_source(window_.front())) +
                     ": the copy was stopped");
        if (completion.details != nullptr && completion.details->totals != nullptr) {
            const arsync_totals& totals = *completion.details->totals;
            measured_.entries_done = measured_.entries_total = totals.entries;
            measured_.bytes_done = measured_.bytes_total = totals.bytes;
        }
    }

    void answer(Item& item, const arsync_completion& completion) {
        if (stop_requested())
            return;
        const bool yes = ask(question(item, completion, options_, operands_));
        arsync_answer(pool_, completion.details->question,
                      yes ? ARSYNC_ANSWER_REPLACE : ARSYNC_ANSWER_SKIP);
    }

    // How much there is to copy, as far as it is known before.
    void measure() {
        is_shown_ = begin_progress(options_.progress);
        has_trees_ = operands_.listed();
        const int flags = options_.copy.symlinks == ARSYNC_SYMLINKS_KEEP ? AT_SYMLINK_NOFOLLOW : 0;
        for (size_t i = 0; is_shown_ && !has_trees_ && i < operands_.sources().size(); ++i) {
            struct stat status {};
            fstatat(AT_FDCWD, operands_.sources()[i], &status, flags);
            has_trees_ = S_ISDIR(status.st_mode) && options_.has(ARSYNC_COPY_RECURSIVE);
            ++measured_.entries_total;
            measured_.bytes_total +=
                S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
        }
    }

    // Of files alone all is known before, less what was not copied after all.
    arsync_progress progress() {
        arsync_progress now{};
        now.struct_size = sizeof now;
        if (job_ == 0 || arsync_job_progress(pool_, job_, &now) != 0)
            return measured_;
        if (!has_trees_) {
            now.flags = 0;
            now.entries_total = measured_.entries_total;
            now.bytes_total = measured_.bytes_total;
        }
        return now;
    }

    void sum_up(int status) {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
        measured_.bytes_per_second = static_cast<uint64_t>(
            static_cast<double>(measured_.bytes_done) / std::max(passed.count(), 0.001));
        finish_progress(status == 0, measured_);
        const auto told = [&](const auto& tell) {
            return text_of([&](char* text, size_t size) { return tell(pool_, text, size); });
        };
        if (options_.debug)
            say(told(arsync_pool_describe));
        if (!options_.json)
            return;
        const uint64_t files = std::accumulate(&counts_[copied], &counts_[bytes], uint64_t{0});
        std::string json = R"({"type":"summary","files":)" + std::to_string(files);
        for (size_t i = 0; i < counts_.size(); ++i)
            json += format(",\"%s\":%" PRIu64, count_names[i], counts_[i]);
        json += format(",\"seconds\":%.6f,\"exit_status\":%d,", passed.count(), status);
        say_to_script(json + told(arsync_pool_json).substr(1) + "\n"); // one object, of both
    }

    const Options& options_;
    Operands& operands_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    arsync_pool* pool_ = nullptr;
    arsync_job job_ = 0; // 0: it has ended
    int signal_fd_ = -1;

    std::deque<Item> window_;
    uint64_t first_ = 1; // number of the window's first item, by which completions name it
    bool stopping_ = false;
    bool failed_ = false, sync_failed_ = false;
    struct stat file_ {};   // the one there is
    bool cut_off_ = false;  // not all was tried
    bool is_shown_ = false; // how far it is
    bool dozes_ = false;    // many are outstanding, and some have just ended: for a millisecond
    bool has_trees_ = false;
    // What there is, as far as it is known before; in the end what there was.
    arsync_progress measured_{};
    Counts counts_{};
};

} // namespace

int run(const Options& options) {
    Operands operands(options);
    return Run(options, operands).go();
}
