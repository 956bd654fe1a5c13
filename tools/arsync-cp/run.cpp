#include "run.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backup.h"
#include "debug.h"
#include "failure.h"
#include "json.h"
#include "link.h"
#include "list.h"
#include "parents.h"
#include "quote.h"
#include "say.h"
#include "signals.h"
#include "tree.h"

namespace cp {

namespace {

// Enough to keep every worker busy with small files.
constexpr size_t running_limit = 256;
// Settled files behind one that takes long wait in the window for their turn to be reported.
constexpr size_t window_limit = 8192;

// A job holds up to three descriptors: both files and the target directory. The limit is the
// process's own, and running into it is slower than staying below.
size_t jobs_for_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return running_limit;
    size_t spare = limit.rlim_cur > 64 ? limit.rlim_cur - 64 : 0;
    return std::clamp<size_t>(spare / 4, 1, running_limit);
}

double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// What planning has left for the library to do about a file.
arsync_copy_options file_options(const Entry& entry, const Options& options) {
    arsync_copy_options copy = options.copy;
    copy.preserve = entry.preserve & ~ARSYNC_PRESERVE_LINKS;
    copy.flags &=
        ~(ARSYNC_COPY_MIRROR | ARSYNC_COPY_ONE_FILE_SYSTEM | ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK);
    if (options.parents)
        copy.flags |= ARSYNC_COPY_PARENTS;
    bool is_link = S_ISLNK(entry.source_mode);
    bool makes_data = !options.makes_links() && !is_link &&
                      (S_ISREG(entry.source_mode) || options.reads_specials());
    if (!options.atomic())
        copy.replace = entry.destination_is_new || !makes_data ? ARSYNC_REPLACE_EXCLUSIVE
                                                               : ARSYNC_REPLACE_IN_PLACE;
    if (entry.removal_due)
        copy.replace = ARSYNC_REPLACE_REMOVE;
    if (makes_data) {
        copy.symlinks = ARSYNC_SYMLINKS_AUTO;
        // Linked or special, what is there is what the user named.
        copy.flags |= ARSYNC_COPY_SPECIAL;
    } else {
        copy.symlinks = is_link ? ARSYNC_SYMLINKS_KEEP : ARSYNC_SYMLINKS_FOLLOW;
        copy.flags |= ARSYNC_COPY_RECURSIVE;
        copy.report = ARSYNC_REPORT_NONE;
    }
    return copy;
}

} // namespace

Run::Run(const Options& chosen, const Operands& named)
    : options(chosen), operands(named), ledger(named.count() > 1), planner(chosen, ledger),
      progress(chosen.progress) {
    if (named.count() > 1)
        running_most = jobs_for_descriptors();
}

bool Run::open_pool() {
    int error = arsync_pool_open(&options.pool, &pool);
    if (error == 0) {
        event_fd = arsync_pool_event_fd(pool);
        return true;
    }
    const char* what = options.pool.backend == ARSYNC_BACKEND_URING ? "cannot use io_uring: "
                                                                    : "cannot start copying: ";
    complain(std::string(what) + arsync_strerror(error));
    return false;
}

int Run::go() {
    began = now();
    if (!open_pool())
        return 1;
    signal_fd = listen_for_signals();
    if (progress.is_shown())
        measure_total();
    if (options.files_from != nullptr)
        copy_list();
    else
        copy_operands();
    wait_for_all();
    print_settled();
    totals.exit_status = failed || stopping ? 1 : 0;
    report();
    arsync_pool_close(pool);
    return totals.exit_status;
}

void Run::copy_operands() {
    for (size_t i = 0; i < operands.count() && !stop_requested(); i++) {
        Entry& entry = window.emplace_back();
        entry.source = operands.source(i);
        entry.destination = operands.destination(i);
        plan_and_start(entry);
        print_settled();
        wait_for_room();
    }
}

// The library plans these: there may be very many, and nobody named them one by one.
void Run::copy_list() {
    Place from = operands.source(0);
    int directory = open(from.name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        complain("source directory " + quote(from.shown) + ": " + arsync_strerror(errno));
        failed = true;
        return;
    }
    List list;
    list_is_open = list.open(options);
    running_most = jobs_for_descriptors();
    std::optional<std::string> name;
    while (list_is_open && !stop_requested() && (name = list.next())) {
        Entry& entry = window.emplace_back();
        entry.named = false;
        entry.is_tree = true;
        entry.source = {directory, *name, join(from.shown, *name)};
        entry.destination = {operands.target_fd(), *name, operands.target_shown() + *name};
        start(entry);
        print_settled();
        wait_for_room();
    }
    failed = failed || !list_is_open || list.failed();
    list_is_open = false;
    wait_for_all();
    close(directory);
}

void Run::wait_for_room() {
    while (running >= running_most || window.size() >= window_limit)
        wait_for_completions();
}

void Run::wait_for_all() {
    while (running > 0)
        wait_for_completions();
}

Verdict Run::plan(Entry& entry) {
    if (entry.picked)
        return planner.plan(entry, true);
    if (options.parents) {
        struct stat status;
        // Who comes first makes a directory, and says so.
        if (options.verbose)
            wait_for_all();
        bool is_there = look_at_link(entry.source, status) == 0;
        if (!plan_parents(entry, options.verbose && is_there))
            return Verdict::Done;
    }
    Verdict verdict = planner.plan(entry, running == 0);
    while (verdict == Verdict::Wait) {
        wait_for_all();
        if (stop_requested()) {
            entry.outcome = Outcome::Cancelled;
            return Verdict::Done;
        }
        verdict = planner.plan(entry, true);
    }
    return verdict;
}

void Run::plan_and_start(Entry& entry) {
    switch (plan(entry)) {
    case Verdict::Copy:
        return start(entry);
    case Verdict::Tree:
        return start_tree(entry);
    case Verdict::Link:
        make_link(entry);
        return end(entry);
    default:
        return end(entry);
    }
}

// Trees run side by side where that makes no difference, and where what is said about their entries
// need not be kept for its turn.
void Run::start_tree(Entry& entry) {
    bool alone = wants_all_entries(options) || options.parents || entry.picked ||
                 options.dereference == Dereference::Always ||
                 (options.copy.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0 ||
                 operands.target_fd() < 0 || is_entangled(entry.source, operands.target_fd());
    if (alone && !entry.picked)
        wait_for_all();
    start(entry);
    if (alone && !entry.picked)
        wait_for_all();
}

void Run::start(Entry& entry) {
    entry.preserve = options.copy.preserve;
    const FileId* written = entry.destination_id ? &*entry.destination_id : nullptr;
    ledger.begin(entry.source_id, written, entry.destination);
    running++;
    int error = stop_requested() ? -ECANCELED : submit(entry);
    // Short of something that jobs under way will give back.
    while ((error == -EAGAIN || error == -EMFILE || error == -ENFILE || error == -ENOMEM) &&
           running > 1) {
        wait_for_completions();
        error = stop_requested() ? -ECANCELED : submit(entry);
    }
    if (error == 0)
        return;
    arsync_completion completion{};
    completion.result = error;
    completion.stage = ARSYNC_STAGE_OPEN_DESTINATION;
    settle(entry, completion);
}

int Run::submit(Entry& entry) {
    arsync_copy_options copy =
        entry.is_tree ? tree_options(entry, options) : file_options(entry, options);
    return arsync_submit_copy(pool, entry.source.dirfd, entry.source.name.c_str(),
                              entry.destination.dirfd, entry.destination.name.c_str(), &copy,
                              reinterpret_cast<uintptr_t>(&entry), &entry.job);
}

void Run::make_link(Entry& entry) {
    if (options.dry_run || link_destination(entry, options.follows_named(), options.verbose))
        entry.outcome = Outcome::Linked;
    else
        undo_backup(entry);
}

void Run::wait_for_completions() {
    stop_requested();
    arsync_completion completions[64];
    int count = arsync_poll(pool, completions, 64, 0);
    if (count == 0) {
        pollfd wait_for[] = {{event_fd, POLLIN, 0}, {stopping ? -1 : signal_fd, POLLIN, 0}};
        poll(wait_for, 2, progress.is_shown() ? Progress::redraw_ms : -1);
        show_progress();
        return;
    }
    for (int i = 0; i < count; i++) {
        Entry& entry = *reinterpret_cast<Entry*>(static_cast<uintptr_t>(completions[i].user_data));
        if (completions[i].kind == ARSYNC_COMPLETION_ENTRY)
            take_entry(entry, completions[i]);
        else
            settle(entry, completions[i]);
    }
    print_settled();
    start_picked();
    show_progress();
}

void Run::take_entry(Entry& tree, const arsync_completion& completion) {
    report_entry(tree, completion, options);
    failed = failed || tree.entry_failed;
    if (!is_to_be_picked(completion, options) || stopping)
        return;
    Entry& entry = picked.emplace_back();
    entry.named = false;
    entry.picked = true;
    entry.source = below(tree.source, completion.path);
    entry.destination = below(tree.destination, completion.path);
}

// The answers, and what comes of them, before any more is taken from the library.
void Run::start_picked() {
    if (in_question)
        return;
    in_question = true;
    for (auto next = picked.begin(); next != picked.end();) {
        Entry& entry = *next++;
        if (entry.job != 0 || entry.outcome != Outcome::Pending)
            continue;
        if (stop_requested()) {
            entry.outcome = Outcome::Cancelled;
            end(entry);
        } else {
            plan_and_start(entry);
        }
    }
    in_question = false;
    picked.remove_if([](const Entry& entry) { return entry.outcome != Outcome::Pending; });
}

void Run::settle_tree(Entry& entry, const arsync_completion& completion) {
    if (completion.totals != nullptr) {
        arsync_totals& kept = entry.totals.emplace();
        memcpy(&kept, completion.totals,
               std::min<size_t>(sizeof kept, completion.totals->struct_size));
    }
    // What is no directory is the whole of its tree.
    if (entry.entries_told == 0 && completion.action != ARSYNC_ACTION_TREE &&
        completion.result != -ECANCELED && (completion.result != 0 || wants_all_entries(options))) {
        arsync_completion whole = completion;
        whole.path = "";
        take_entry(entry, whole);
    }
    bool untold = completion.result != 0 && completion.result != -ECANCELED &&
                  entry.entry_errors == 0 && !entry.entry_failed;
    if (untold)
        entry.complain(
            describe_failure({entry.source, entry.destination, entry}, completion, options));
    bool missed = entry.totals && entry.totals->errors > entry.entry_errors;
    if (completion.result == -ECANCELED)
        entry.outcome = Outcome::Cancelled;
    else if (untold || missed || entry.entry_failed)
        entry.outcome = Outcome::Failed;
    else
        entry.outcome = Outcome::Copied;
    if (entry.totals)
        entry.totals->errors = std::max<uint64_t>(entry.totals->errors, untold ? 1 : 0);
    entry.completion.totals = nullptr;
    running--;
    ledger.end(entry.source_id, nullptr, entry.destination, Ledger::Made::Nothing);
    end(entry);
}

void Run::settle(Entry& entry, const arsync_completion& completion) {
    entry.job = 0;
    entry.completion = completion;
    if (entry.is_tree)
        return settle_tree(entry, completion);
    if (completion.result == 0) {
        succeed(entry, completion);
    } else if (completion.result == -ECANCELED) {
        entry.outcome = Outcome::Cancelled;
        undo_backup(entry);
    } else if (try_again(entry, completion)) {
        return;
    } else if (entry.outcome == Outcome::Pending) {
        entry.fail(describe_failure({entry.source, entry.destination, entry}, completion, options));
        undo_backup(entry);
    }
    running--;
    auto made = Ledger::Made::Nothing;
    if (entry.outcome == Outcome::Copied && entry.named)
        made = entry.through_link ? Ledger::Made::ThroughLink : Ledger::Made::File;
    ledger.end(entry.source_id, entry.destination_id ? &*entry.destination_id : nullptr,
               entry.destination, made);
    end(entry);
}

// Whether the copy runs again, in another way. If not, the outcome may have been decided.
bool Run::try_again(Entry& entry, const arsync_completion& completion) {
    if (stopping)
        return false;
    bool not_opened = completion.stage == ARSYNC_STAGE_OPEN_DESTINATION;
    if (not_opened && completion.result == -EEXIST && options.clobber == Clobber::Never) {
        // Somebody else made it since we looked.
        entry.outcome = Outcome::Skipped;
        return false;
    }
    bool writes = S_ISREG(entry.source_mode) || options.reads_specials();
    if (not_opened && writes && options.force && !entry.destination_is_new && !options.atomic()) {
        if (!remove_destination(entry, options))
            return false;
        entry.through_link = false;
        return submit(entry) == 0;
    }
    uint32_t attribute = attribute_of(completion.stage) & entry.preserve;
    bool matters = loss_matters(completion, options);
    // The data is worth having without the attribute, as with cp; but a backup that is to be put
    // back again is worth more, and a stream has been read already.
    if (attribute == 0 || !S_ISREG(entry.source_mode) || (matters && entry.backup))
        return false;
    if (loss_is_told(completion, options))
        entry.complain(
            describe_failure({entry.source, entry.destination, entry}, completion, options));
    entry.attribute_lost = entry.attribute_lost || matters;
    entry.preserve &= ~attribute;
    return submit(entry) == 0;
}

void Run::succeed(Entry& entry, const arsync_completion& completion) {
    entry.outcome = Outcome::Copied;
    totals.bytes += completion.bytes;
    totals.hole_bytes += completion.hole_bytes;
    if (options.preserve_links && !options.hard_links())
        ledger.remember_first_copy(entry.source_id, entry.destination);
    if (options.debug)
        entry.chat(describe_copy(completion));
    std::string warning = describe_warning(entry.source.shown, completion);
    if (!warning.empty())
        entry.complain(std::move(warning));
    bool shrank = (completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0;
    failed = failed || shrank || entry.attribute_lost;
}

void Run::undo_backup(Entry& entry) {
    if (!entry.backup)
        return;
    Aside how = options.atomic() ? Aside::Link : Aside::Rename;
    int error = put_back(*entry.backup, entry.destination, how);
    if (error != 0)
        entry.complain("cannot un-backup " + quote(entry.destination.shown) + ": " +
                       arsync_strerror(error));
    else if (options.verbose)
        entry.chat(quote(entry.backup->shown) + " -> " + quote(entry.destination.shown) +
                   " (unbackup)\n");
    entry.backup.reset();
}

void Run::end(Entry& entry) {
    failed = failed || entry.outcome == Outcome::Failed;
    if (entry.totals)
        add_tree(totals, *entry.totals);
    else
        totals.outcomes[static_cast<size_t>(entry.outcome)]++;
    if (entry.picked) {
        // It was counted with its tree already.
        totals.outcomes[static_cast<size_t>(Outcome::Skipped)]--;
        print_lines(entry);
        if (options.json)
            say_to_script(json_of(entry));
    } else if (entry.counts_entries()) {
        trees_left -= entry.named ? 1 : 0;
        progress.end_tree(entry.totals ? entry.totals->entries : 0,
                          entry.totals ? entry.totals->bytes : 0);
    } else {
        uint64_t bytes = entry.totals ? entry.totals->bytes : entry.completion.bytes;
        progress.end_file(entry.size, entry.outcome == Outcome::Copied ? bytes : 0);
    }
}

void Run::print_lines(Entry& entry) {
    for (const Entry::Line& line : entry.lines) {
        switch (line.kind) {
        case Entry::Line::Kind::Chat:
            say(line.text);
            break;
        case Entry::Line::Kind::Complaint:
            complain(line.text);
            break;
        case Entry::Line::Kind::Script:
            say_to_script(line.text);
            break;
        }
    }
    entry.lines.clear();
}

void Run::print_settled() {
    while (!window.empty()) {
        Entry& first = window.front();
        print_lines(first);
        if (first.outcome == Outcome::Pending)
            return;
        if (options.json && !(first.is_tree && !first.named && first.totals))
            say_to_script(json_of(first));
        window.pop_front();
    }
}

bool Run::stop_requested() {
    bool give_up = failed && !options.continue_on_error;
    if (stopping || (stop_signal() == 0 && !give_up))
        return stopping;
    stopping = true;
    for (const Entry& entry : picked)
        if (entry.job != 0)
            arsync_cancel(pool, entry.job);
    for (const Entry& entry : window)
        if (entry.job != 0)
            arsync_cancel(pool, entry.job);
    return true;
}

void Run::measure_total() {
    if (options.files_from != nullptr)
        return;
    uint64_t files = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < operands.count(); i++) {
        struct stat status {};
        Place source = operands.source(i);
        options.follows_named() ? look_through_link(source, status) : look_at_link(source, status);
        if (S_ISDIR(status.st_mode) && options.recursive)
            trees_left++;
        else
            files++;
        if (S_ISREG(status.st_mode))
            bytes += static_cast<uint64_t>(status.st_size);
    }
    progress.set_total(files, bytes);
}

Amounts Run::under_way() {
    Amounts sum;
    size_t trees_running = 0;
    for (const Entry& entry : window) {
        arsync_progress so_far{};
        so_far.struct_size = sizeof so_far;
        if (entry.job == 0 || arsync_job_progress(pool, entry.job, &so_far) != 0)
            continue;
        sum.bytes_done += so_far.bytes_done;
        if (!entry.counts_entries())
            continue;
        trees_running++;
        sum.bytes_total += so_far.bytes_total;
        sum.files_done += so_far.entries_done;
        sum.files_total += so_far.entries_total;
        sum.growing = sum.growing || (so_far.flags & ARSYNC_PROGRESS_WALKING) != 0;
    }
    sum.growing = sum.growing || list_is_open ||
                  (options.files_from == nullptr && trees_left > trees_running);
    return sum;
}

void Run::show_progress() {
    if (progress.is_due())
        progress.draw(under_way());
}

void Run::report() {
    progress.finish(totals.exit_status == 0);
    if (!options.debug && !options.json)
        return;
    arsync_info info{};
    info.struct_size = sizeof info;
    if (arsync_pool_info(pool, &info) != 0)
        return;
    if (options.debug)
        say(describe_pool(info, options.pool.flags));
    if (!options.json)
        return;
    arsync_stats stats{};
    stats.struct_size = sizeof stats;
    arsync_pool_stats(pool, &stats);
    totals.seconds = now() - began;
    say_to_script(json_of(totals, info, stats));
}

} // namespace cp
