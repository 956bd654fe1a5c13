// Always true: items are in the window in the order of the command line, and what is said about one
// of them is printed when all before it have ended.
#include "run.h"

#include <cerrno>
#include <chrono>
#include <deque>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal.h"

namespace {

// Items that have ended wait in the window behind one that takes long, for their turn to be told
// of.
constexpr size_t window_most = 8192;

// As "rwxr-sr-x".
std::string letters_of(mode_t mode) {
    std::string text = "rwxrwxrwx";
    for (unsigned i = 0; i < text.size(); ++i)
        if ((mode & (0400u >> i)) == 0)
            text[i] = '-';
    for (unsigned i = 0; i < 3; ++i)
        if (char& x = text[3 * i + 2]; (mode & (04000u >> i)) != 0)
            x = x == 'x' ? "sst"[i] : "SST"[i];
    return text;
}

class Run {
public:
    Run(const Options& options, Operands& operands) : options_(options), operands_(operands) {}

    int go() {
        if (!open_pool())
            return options_.json ? status_cut_off : 1;
        signal_fd_ = listen_for_signals();
        measure();
        cut_off_ = !operands_.open_list() || !open_job();
        if (!cut_off_) {
            std::optional<Pair> pair;
            while (!stop_requested() && (pair = operands_.next()))
                add(*pair);
            arsync_list_end(pool_, job_);
            while (job_ != 0)
                take_completions();
        }
        print_ended();
        // Who stops at an error is cut off by it, whatever others had come to by then.
        const bool is_told = options_.json && (cut_off_ || stopping_ || gives_up());
        const int status = is_told                                      ? status_cut_off
                           : failed_ || operands_.failed() || stopping_ ? 1
                                                                        : 0;
        sum_up(status);
        arsync_pool_close(pool_);
        return status;
    }

private:
    bool fail(const std::string& complaint, int error = 0) {
        complain(error != 0 ? complaint + ": " + arsync_strerror(error) : complaint);
        failed_ = true;
        return false;
    }

    bool open_pool() {
        const int error = arsync_pool_open(&options_.pool, &pool_);
        if (error != 0)
            return fail(options_.pool.backend != ARSYNC_BACKEND_URING ? "cannot start copying"
                        : error == -EAGAIN ? "cannot start a thread for io_uring"
                                           : "cannot use io_uring",
                        error);
        event_fd_ = arsync_pool_event_fd(pool_);
        return true;
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

    bool gives_up() const { return failed_ && options_.continue_on_error == 0; }

    bool stop_requested() {
        if (stopping_ || (stop_signal() == 0 && !gives_up()))
            return stopping_;
        stopping_ = true;
        arsync_job_cancel(pool_, job_);
        return true;
    }

    void take_completions() {
        if (take_ready() || job_ == 0)
            return;
        if (options_.json)
            flush_for_script();
        pollfd wait_for[] = {{event_fd_, POLLIN, 0}, {stopping_ ? -1 : signal_fd_, POLLIN, 0}};
        poll(wait_for, 2, is_shown_ ? redraw_ms : -1);
    }

    // Whether there was anything.
    bool take_ready() {
        stop_requested();
        arsync_completion completions[64];
        const int count = arsync_poll(pool_, completions, 64, 0);
        for (int i = 0; i < count; ++i)
            take(completions[i]);
        print_ended();
        if (progress_is_due())
            draw_progress(progress());
        return count > 0;
    }

    void take(const arsync_completion& completion) {
        if (completion.kind == ARSYNC_COMPLETION_JOB)
            return end_job(completion);
        // Of a directory on the way whose attributes come at the end, when no item is left.
        if (completion.user_data < first_) {
            Item way(operands_.entry(completion.path));
            arsync_completion of_way = completion;
            of_way.kind = ARSYNC_COMPLETION_ENTRY;
            of_way.path = "";
            tell(way, of_way);
            return print(way);
        }
        Item& item = window_[completion.user_data - first_];
        if (completion.kind == ARSYNC_COMPLETION_QUESTION) {
            item.questions.push_back({completion.details->question,
                                      item.below(completion.path != nullptr ? completion.path : ""),
                                      completion.details->destination.mode});
            return;
        }
        if ((completion.flags & ARSYNC_COMPLETION_IN_MIRROR) != 0)
            item.mirror = &window_[completion.details->other - first_];
        tell(item, completion);
    }

    void tell(Item& item, const arsync_completion& completion) {
        report(item, completion, options_, operands_, counts_);
        failed_ = failed_ || item.failed;
    }

    // What was not begun has no completion.
    void end_job(const arsync_completion& completion) {
        job_ = 0;
        const bool untold = completion.result != 0 && completion.result != -ECANCELED && !failed_;
        if (untold && completion.stage == ARSYNC_STAGE_MEMORY)
            fail("memory exhausted");
        if (untold && completion.stage == ARSYNC_STAGE_SYNC)
            fail("error syncing what was copied", completion.result);
        for (Item& item : window_) {
            if (item.ended)
                continue;
            cut_off_ = true;
            if (!failed_ && !stopping_) // whatever stopped it
                fail("cannot copy " + quote(operands_.shown_source(item)) +
                     ": the copy was stopped");
            arsync_completion never{};
            never.kind = ARSYNC_COMPLETION_ITEM;
            never.result = -ECANCELED;
            tell(item, never);
        }
        if (completion.details != nullptr && completion.details->totals != nullptr) {
            const arsync_totals& totals = *completion.details->totals;
            measured_.entries_done = measured_.entries_total = totals.entries;
            measured_.bytes_done = measured_.bytes_total = totals.bytes;
        }
    }

    // What came before is said before the question is put.
    void answer(Item& item) {
        while (!item.questions.empty() && !stop_requested()) {
            const auto [id, pair, mode] = item.questions.front();
            item.questions.erase(item.questions.begin());
            const std::string name = quote(operands_.shown_destination(pair));
            const std::string octal = format("%04o", mode & 07777);
            const bool writable =
                S_ISLNK(mode) || geteuid() == 0 ||
                faccessat(operands_.target_fd(), pair.destination.c_str(), W_OK, AT_EACCESS) == 0;
            const bool yes = ask(writable ? "overwrite " + name + "? "
                                 : options_.removes || options_.force
                                     ? "replace " + name + ", overriding mode " + octal + " (" +
                                           letters_of(mode) + ")? "
                                     : "unwritable " + name + " (mode " + octal + ", " +
                                           letters_of(mode) + "); try anyway? ");
            arsync_answer(pool_, id, yes ? ARSYNC_ANSWER_REPLACE : ARSYNC_ANSWER_SKIP);
        }
    }

    void print(Item& item) {
        for (const Line& line : item.lines)
            line.print(line.text);
        item.lines.clear();
    }

    void print_ended() {
        for (; !window_.empty(); window_.pop_front(), ++first_) {
            print(window_.front());
            if (!window_.front().ended)
                return answer(window_.front());
        }
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
        finish_progress(status == 0, progress());
        arsync_info info{};
        info.struct_size = sizeof info;
        arsync_stats stats{};
        stats.struct_size = sizeof stats;
        if ((!options_.debug && !options_.json) || arsync_pool_info(pool_, &info) != 0)
            return;
        if (options_.debug)
            say(describe_pool(info, options_.pool.flags));
        if (!options_.json || arsync_pool_stats(pool_, &stats) != 0)
            return;
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
        say_to_script(json_of(counts_, passed.count(), status, info, stats));
    }

    const Options& options_;
    Operands& operands_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    arsync_pool* pool_ = nullptr;
    arsync_job job_ = 0; // 0: it has ended
    int event_fd_ = -1;
    int signal_fd_ = -1;

    std::deque<Item> window_;
    uint64_t first_ = 1; // number of the window's first item, by which completions name it
    bool stopping_ = false;
    bool failed_ = false;
    bool cut_off_ = false;  // not all was tried
    bool is_shown_ = false; // how far it is
    bool has_trees_ = false;
    // What there is, as far as it is known before; in the end what there was.
    arsync_progress measured_{};
    Counts counts_{};
};

} // namespace

int run(const Options& options, Operands& operands) {
    return Run(options, operands).go();
}
