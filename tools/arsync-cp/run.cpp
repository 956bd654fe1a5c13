#include "run.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <unistd.h>

#include "terminal.h"
#include "text.h"

namespace cp {

namespace {

// Settled items behind one that takes long wait in the window for their turn to be told of.
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

bool may_overwrite(const Place& destination, mode_t mode, const Options& options) {
    const std::string name = quote(destination.shown);
    if (S_ISLNK(mode) || geteuid() == 0 ||
        faccessat(destination.dirfd, destination.name.c_str(), W_OK, AT_EACCESS) == 0)
        return ask("overwrite " + name + "? ");
    const std::string octal = format("%04o", mode & 07777);
    if (options.remove_destination || options.force)
        return ask("replace " + name + ", overriding mode " + octal + " (" + letters_of(mode) +
                   ")? ");
    return ask("unwritable " + name + " (mode " + octal + ", " + letters_of(mode) +
               "); try anyway? ");
}

} // namespace

void Run::fail(const std::string& complaint) {
    complain(complaint);
    failed_ = true;
}

bool Run::open_pool() {
    const int error = arsync_pool_open(&options_.pool, &pool_);
    if (error == 0)
        event_fd_ = arsync_pool_event_fd(pool_);
    else
        fail(std::string(options_.pool.backend != ARSYNC_BACKEND_URING ? "cannot start copying: "
                         : error == -EAGAIN ? "cannot start a thread for io_uring: "
                                            : "cannot use io_uring: ") +
             arsync_strerror(error));
    return error == 0;
}

bool Run::open_job() {
    const int error = arsync_list_open(pool_, operands_.source_fd(), operands_.target_fd(),
                                       &options_.copy, 0, &job_);
    if (error != 0)
        fail(std::string("cannot start copying: ") + arsync_strerror(error));
    return error == 0;
}

int Run::go() {
    began_ = std::chrono::steady_clock::now();
    if (!open_pool())
        return 1;
    signal_fd_ = listen_for_signals();
    measure();
    if (operands_.open_list() && open_job()) {
        std::optional<Pair> pair;
        while (!stop_requested() && (pair = operands_.next()))
            add(*pair);
        finish_job();
    }
    failed_ = failed_ || operands_.failed();
    print_settled();
    totals_.exit_status = failed_ || stopping_ ? 1 : 0;
    report();
    arsync_pool_close(pool_);
    return totals_.exit_status;
}

// Its strings stay where they are: the window is a deque, and grows at its end.
void Run::add(const Pair& pair) {
    Item& added = window_.emplace_back(pair);
    added.named = !operands_.listed();
    waiting_.push_back({added.source.name.c_str(), added.destination.name.c_str(),
                        first_ + window_.size() - 1, 0});
    // A list may come slowly, and what is known of it is not to wait for the rest.
    const size_t at_once = added.named ? 64 : 1;
    if (waiting_.size() >= at_once || window_.size() == 1)
        hand_over();
    if (operands_.listed())
        take_ready();
    // Of a list of mirrors nothing ends before all is known.
    const auto is_full = [&] {
        return window_.size() >= window_most || waiting_.size() >= window_most;
    };
    while (job_ != 0 && is_full() && !options_.has(ARSYNC_COPY_MIRROR))
        take_completions();
}

void Run::hand_over() {
    const int taken =
        arsync_list_add(pool_, job_, waiting_.data(), static_cast<uint32_t>(waiting_.size()));
    if (taken >= 0) {
        waiting_.erase(waiting_.begin(), waiting_.begin() + taken);
        return;
    }
    waiting_.clear();
    if (taken == -ENOENT) // it has ended, or is about to
        return;
    fail(taken == -ENOMEM ? "memory exhausted" : arsync_strerror(taken));
    arsync_job_cancel(pool_, job_);
}

void Run::finish_job() {
    while (job_ != 0 && !waiting_.empty() && !stop_requested()) {
        const size_t before = waiting_.size();
        hand_over();
        if (waiting_.size() == before)
            take_completions();
    }
    arsync_list_end(pool_, job_);
    while (job_ != 0)
        take_completions();
}

bool Run::stop_requested() {
    const bool gives_up = failed_ && !options_.continue_on_error;
    if (stopping_ || (stop_signal() == 0 && !gives_up))
        return stopping_;
    stopping_ = true;
    questions_.clear();
    arsync_job_cancel(pool_, job_);
    return true;
}

void Run::take_completions() {
    if (take_ready() || job_ == 0)
        return;
    if (options_.json)
        flush_for_script();
    pollfd wait_for[] = {{event_fd_, POLLIN, 0}, {stopping_ ? -1 : signal_fd_, POLLIN, 0}};
    poll(wait_for, 2, progress_.is_shown() ? Progress::redraw_ms : -1);
}

// Whether there was anything.
bool Run::take_ready() {
    stop_requested();
    arsync_completion completions[64];
    const int count = arsync_poll(pool_, completions, 64, 0);
    for (int i = 0; i < count; ++i)
        take(completions[i]);
    print_settled();
    if (progress_.is_due())
        progress_.draw(amounts());
    return count > 0;
}

void Run::take(const arsync_completion& completion) {
    if (completion.kind == ARSYNC_COMPLETION_JOB)
        return take_job(completion);
    // Of a directory on the way whose attributes come at the end, when no item is left.
    if (completion.user_data < first_) {
        Item way(operands_.entry(completion.path));
        way.named = false;
        settle(way, completion, options_);
        failed_ = failed_ || way.failed;
        return print_lines(way);
    }
    Item& item = window_[completion.user_data - first_];
    switch (completion.kind) {
    case ARSYNC_COMPLETION_QUESTION:
        return take_question(completion);
    case ARSYNC_COMPLETION_ENTRY:
        report_entry(item, completion, options_);
        failed_ = failed_ || item.failed;
        return;
    case ARSYNC_COMPLETION_WAY:
        return report_way(item, completion, options_);
    default:
        if ((completion.flags & ARSYNC_COMPLETION_IN_MIRROR) != 0)
            item.mirror = &window_[completion.details->other - first_];
        settle(item, completion, options_);
        return end(item);
    }
}

// What was not begun has no completion.
void Run::take_job(const arsync_completion& completion) {
    job_ = 0;
    const bool untold = completion.result != 0 && completion.result != -ECANCELED && !failed_;
    if (untold && completion.stage == ARSYNC_STAGE_MEMORY)
        fail("memory exhausted");
    if (untold && completion.stage == ARSYNC_STAGE_SYNC)
        fail(std::string("error syncing what was copied: ") + arsync_strerror(completion.result));
    for (Item& item : window_) {
        if (item.outcome != Outcome::pending)
            continue;
        if (!failed_ && !stopping_) // whatever stopped it
            fail("cannot copy " + quote(item.source.shown) + ": the copy was stopped");
        item.outcome = Outcome::cancelled;
        item.completion.result = -ECANCELED;
        end(item);
    }
}

// What came before is said before the question is put.
void Run::take_question(const arsync_completion& completion) {
    if (stopping_)
        return; // which has withdrawn it
    const Item& item = window_[completion.user_data - first_];
    const arsync_details& details = *completion.details;
    questions_.push_back({completion.user_data, details.question,
                          subject_of(item, completion).destination, details.destination.mode});
}

// Those about the first item that is not settled.
void Run::answer() {
    while (!stop_requested()) {
        const auto next = std::find_if(questions_.begin(), questions_.end(),
                                       [&](const Question& one) { return one.item == first_; });
        if (next == questions_.end())
            return;
        const Question question = *next;
        questions_.erase(next);
        print_lines(window_.front());
        const bool yes = may_overwrite(question.destination, question.mode, options_);
        arsync_answer(pool_, question.id, yes ? ARSYNC_ANSWER_REPLACE : ARSYNC_ANSWER_SKIP);
    }
}

void Run::end(Item& item) {
    failed_ = failed_ || item.failed || item.outcome == Outcome::failed;
    totals_.add(item);
}

void Run::print_lines(Item& item) {
    for (const Line& line : item.lines) {
        const auto print = line.kind == Line::Kind::chat        ? say
                           : line.kind == Line::Kind::complaint ? complain
                                                                : say_to_script;
        print(line.text);
    }
    item.lines.clear();
}

void Run::print_settled() {
    while (!window_.empty()) {
        Item& item = window_.front();
        print_lines(item);
        if (item.outcome == Outcome::pending)
            return answer();
        if (options_.json && item.named)
            say_to_script(json_of(item));
        window_.pop_front();
        ++first_;
    }
}

// How much there is to copy, as far as it is known before.
void Run::measure() {
    has_trees_ = operands_.listed();
    for (size_t i = 0; progress_.is_shown() && !has_trees_ && i < operands_.count(); ++i) {
        struct stat status {};
        operands_.pair(i).source.look(status, options_.follows(true));
        has_trees_ = S_ISDIR(status.st_mode) && options_.recursive;
        ++measured_.files_total;
        measured_.bytes_total +=
            S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
    }
}

// Of files alone all is known before, less what was not copied after all.
Amounts Run::amounts() {
    Amounts now = measured_;
    arsync_progress progress{};
    progress.struct_size = sizeof progress;
    if (job_ == 0 || arsync_job_progress(pool_, job_, &progress) != 0)
        return {totals_.ended, totals_.ended, totals_.bytes, totals_.bytes, false};
    now.files_done = progress.entries_done;
    now.bytes_done = progress.bytes_done;
    if (has_trees_) {
        now.growing = (progress.flags & ARSYNC_PROGRESS_WALKING) != 0;
        now.files_total = progress.entries_total;
        now.bytes_total = progress.bytes_total;
    }
    return now;
}

void Run::report() {
    progress_.finish(totals_.exit_status == 0, amounts());
    arsync_info info{};
    info.struct_size = sizeof info;
    if ((!options_.debug && !options_.json) || arsync_pool_info(pool_, &info) != 0)
        return;
    if (options_.debug)
        say(describe_pool(info, options_.pool.flags));
    if (!options_.json)
        return;
    arsync_stats stats{};
    stats.struct_size = sizeof stats;
    arsync_pool_stats(pool_, &stats);
    totals_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    say_to_script(json_of(totals_, info, stats));
}

} // namespace cp
