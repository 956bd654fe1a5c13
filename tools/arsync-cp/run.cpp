#include "run.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "json.h"
#include "list.h"
#include "prompt.h"
#include "quote.h"
#include "report.h"
#include "say.h"
#include "signals.h"

namespace cp {

namespace {

// Settled items behind one that takes long wait in the window for their turn to be told of.
constexpr size_t window_most = 8192;

uint32_t backup_of(BackupKind kind) {
    switch (kind) {
    case BackupKind::Simple:
        return ARSYNC_BACKUP_SIMPLE;
    case BackupKind::Numbered:
        return ARSYNC_BACKUP_NUMBERED;
    case BackupKind::Existing:
        return ARSYNC_BACKUP_EXISTING;
    case BackupKind::None:
        break;
    }
    return ARSYNC_BACKUP_NONE;
}

uint32_t update_of(const Options& options) {
    if (options.clobber == Clobber::Never)
        return ARSYNC_UPDATE_NONE;
    if (options.clobber == Clobber::Ask)
        return options.update ? ARSYNC_UPDATE_ASK_OLDER : ARSYNC_UPDATE_ASK;
    if (options.skip_unchanged)
        return ARSYNC_UPDATE_CHANGED;
    return options.update ? ARSYNC_UPDATE_OLDER : ARSYNC_UPDATE_ALL;
}

// Valid as long as the options are.
arsync_copy_options list_options(const Options& options) {
    arsync_copy_options copy = options.copy;
    const bool listed = options.files_from != nullptr;
    const auto set = [&](bool wanted, uint32_t flag) { copy.flags |= wanted ? flag : 0; };
    set(options.recursive || listed, ARSYNC_COPY_RECURSIVE);
    set(options.force || options.links_replace(), ARSYNC_COPY_FORCE);
    set(options.reads_specials(), ARSYNC_COPY_SPECIAL);
    // Where an attribute may be lost without harm, it is for this program to say what is a failure.
    const bool harmless = (copy.preserve & (ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT)) != 0;
    set(!options.continue_on_error && !harmless, ARSYNC_COPY_STOP_ON_ERROR);
    set(options.parents || listed, ARSYNC_COPY_PARENTS);
    // What is listed lies in the tree: links on the way would lead out of it. A directory of it is
    // made; what is to be in it is for the list to say.
    set(listed, ARSYNC_COPY_BENEATH);
    set(listed && !options.enters_listed, ARSYNC_COPY_SHALLOW);
    set(getenv("POSIXLY_CORRECT") != nullptr, ARSYNC_COPY_DANGLING);
    if (options.remove_destination && !options.atomic())
        copy.replace = ARSYNC_REPLACE_REMOVE;
    if (options.clobber == Clobber::Refuse)
        copy.replace = ARSYNC_REPLACE_EXCLUSIVE;
    copy.update = update_of(options);
    copy.backup = backup_of(options.backup);
    copy.backup_suffix = options.backup_suffix.c_str();
    copy.report = options.verbose || options.json ? ARSYNC_REPORT_ALL : ARSYNC_REPORT_ERRORS;
    if ((copy.flags & ARSYNC_COPY_RECURSIVE) != 0 && !options.filter.empty())
        copy.filter = options.filter.c_str();
    return copy;
}

bool is_untriable(const char* path) {
    const size_t length = strlen(path);
    return length == 0 || length >= PATH_MAX;
}

// What would have come of an item whose paths cannot even be tried.
arsync_completion refused(const arsync_item& item, int error) {
    struct stat source;
    const bool at_source = is_untriable(item.src);
    const bool is_directory = !at_source && stat(item.src, &source) == 0 && S_ISDIR(source.st_mode);
    arsync_completion completion{};
    completion.kind = ARSYNC_COMPLETION_ITEM;
    completion.user_data = item.user_data;
    completion.result = error;
    completion.stage = at_source      ? ARSYNC_STAGE_OPEN_SOURCE
                       : is_directory ? ARSYNC_STAGE_MAKE_DIRECTORY
                                      : ARSYNC_STAGE_OPEN_DESTINATION;
    return completion;
}

// A pool that may do without rings says why there is none.
bool lacks_threads(arsync_pool_options options) {
    options.backend = ARSYNC_BACKEND_AUTO;
    arsync_pool* pool = nullptr;
    arsync_info info{};
    info.struct_size = sizeof info;
    const bool known = arsync_pool_open(&options, &pool) == 0 && arsync_pool_info(pool, &info) == 0;
    arsync_pool_close(pool);
    return known && std::string(info.backend_reason).find("no thread") == 0;
}

} // namespace

bool Run::open_pool() {
    const int error = arsync_pool_open(&options_.pool, &pool_);
    if (error == 0) {
        event_fd_ = arsync_pool_event_fd(pool_);
        return true;
    }
    const char* what = "cannot start copying: ";
    if (options_.pool.backend == ARSYNC_BACKEND_URING)
        what = lacks_threads(options_.pool) ? "cannot start a thread for io_uring: "
                                            : "cannot use io_uring: ";
    complain(std::string(what) + arsync_strerror(error));
    return false;
}

bool Run::open_job(int source, int target) {
    const arsync_copy_options copy = list_options(options_);
    const int error = arsync_list_open(pool_, source, target, &copy, 0, &job_);
    if (error != 0)
        complain(std::string("cannot start copying: ") + arsync_strerror(error));
    failed_ = failed_ || error != 0;
    return error == 0;
}

int Run::go() {
    began_ = std::chrono::steady_clock::now();
    if (!open_pool())
        return 1;
    signal_fd_ = listen_for_signals();
    if (options_.files_from != nullptr)
        copy_list();
    else
        copy_operands();
    print_settled();
    totals_.exit_status = failed_ || stopping_ ? 1 : 0;
    report();
    arsync_pool_close(pool_);
    return totals_.exit_status;
}

void Run::copy_operands() {
    if (progress_.is_shown())
        measure_total();
    if (!open_job(AT_FDCWD, operands_.target_fd() >= 0 ? operands_.target_fd() : AT_FDCWD))
        return;
    for (size_t i = 0; i < operands_.count() && !stop_requested(); ++i) {
        Item item;
        item.source = operands_.source(i);
        item.destination = operands_.destination(i);
        add(std::move(item));
    }
    finish_job();
}

void Run::copy_list() {
    const Place from = operands_.source(0);
    const int directory = open(from.name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        complain("source directory " + quote(from.shown) + ": " + arsync_strerror(errno));
        failed_ = true;
        return;
    }
    List list;
    has_trees_ = true;
    const bool is_open = list.open(options_) && operands_.open_target_to_fill(options_);
    if (is_open &&
        open_job(directory, operands_.target_fd() >= 0 ? operands_.target_fd() : AT_FDCWD)) {
        std::optional<std::string> name;
        while (!stop_requested() && (name = list.next())) {
            Item item;
            item.named = false;
            item.source = {directory, *name, join(from.shown, *name)};
            item.destination = operands_.place_of(*name);
            add(std::move(item));
        }
        finish_job();
    }
    failed_ = failed_ || !is_open || list.failed();
    close(directory);
}

// Its strings stay where they are: the window is a deque, and grows at its end.
void Run::add(Item item) {
    const Item& added = window_.emplace_back(std::move(item));
    waiting_.push_back({added.source.name.c_str(), added.destination.name.c_str(),
                        first_ + window_.size() - 1, 0});
    // A list may come slowly, and what is known of it is not to wait for the rest.
    const size_t at_once = added.named ? 64 : 1;
    if (waiting_.size() >= at_once || window_.size() == 1)
        hand_over();
    if (!added.named)
        take_ready();
    // Of a list of mirrors nothing ends before all is known.
    const bool mirrors = (options_.copy.flags & ARSYNC_COPY_MIRROR) != 0;
    while (job_ != 0 && !mirrors &&
           (window_.size() >= window_most || waiting_.size() >= window_most))
        take_completions();
}

void Run::hand_over() {
    const std::vector<arsync_item> items(waiting_.begin(), waiting_.end());
    const int taken =
        arsync_list_add(pool_, job_, items.data(), static_cast<uint32_t>(items.size()));
    if (taken >= 0) {
        waiting_.erase(waiting_.begin(), waiting_.begin() + taken);
        return;
    }
    // One that cannot even be tried: the others can.
    const bool refuses_one = std::any_of(items.begin(), items.end(), [](const arsync_item& one) {
        return is_untriable(one.src) || is_untriable(one.dst);
    });
    for (size_t i = 0; refuses_one && i < items.size(); ++i) {
        const int error = arsync_list_add(pool_, job_, &items[i], 1);
        if (error == 0)
            return;
        waiting_.pop_front();
        if (error < 0)
            take(refused(items[i], error));
    }
    if (refuses_one)
        return;
    // The job has ended or is about to; or there is no memory for more.
    waiting_.clear();
    if (taken == -ENOENT)
        return;
    complain(taken == -ENOMEM ? "memory exhausted" : arsync_strerror(taken));
    failed_ = true;
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
        Item way;
        way.named = false;
        way.source = {AT_FDCWD, completion.path, operands_.shown_source(completion.path)};
        way.destination = operands_.place_of(completion.path);
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
    const bool untold = completion.result != 0 && completion.result != -ECANCELED && !failed_ &&
                        completion.stage == ARSYNC_STAGE_MEMORY;
    if (untold)
        complain("memory exhausted");
    failed_ = failed_ || untold;
    for (Item& item : window_) {
        if (item.outcome != Outcome::pending)
            continue;
        if (!failed_ && !stopping_) // whatever stopped it
            complain("cannot copy " + quote(item.source.shown) + ": the copy was stopped");
        failed_ = failed_ || !stopping_;
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
        const uint64_t number = first_;
        const auto next = std::find_if(questions_.begin(), questions_.end(),
                                       [&](const Question& one) { return one.item == number; });
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
    if (item.totals)
        add_tree(totals_, *item.totals);
    else
        add_file(totals_, item);
}

void Run::print_lines(Item& item) {
    for (const Line& line : item.lines) {
        switch (line.kind) {
        case Line::Kind::chat:
            say(line.text);
            break;
        case Line::Kind::complaint:
            complain(line.text);
            break;
        case Line::Kind::script:
            say_to_script(line.text);
            break;
        }
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

void Run::measure_total() {
    for (size_t i = 0; i < operands_.count(); ++i) {
        struct stat status {};
        const Place source = operands_.source(i);
        options_.follows_named() ? look_through_link(source, status) : look_at_link(source, status);
        has_trees_ = has_trees_ || (S_ISDIR(status.st_mode) && options_.recursive);
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
    if (job_ != 0 && arsync_job_progress(pool_, job_, &progress) == 0) {
        now.files_done = progress.entries_done;
        now.bytes_done = progress.bytes_done;
        now.growing = has_trees_ && (progress.flags & ARSYNC_PROGRESS_WALKING) != 0;
        if (has_trees_)
            now.files_total = progress.entries_total;
        if (has_trees_)
            now.bytes_total = progress.bytes_total;
    } else {
        now.files_done = now.files_total = totals_.ended;
        now.bytes_done = now.bytes_total = totals_.bytes;
    }
    return now;
}

void Run::report() {
    progress_.finish(totals_.exit_status == 0, amounts());
    if (!options_.debug && !options_.json)
        return;
    arsync_info info{};
    info.struct_size = sizeof info;
    if (arsync_pool_info(pool_, &info) != 0)
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
