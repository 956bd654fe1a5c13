#include "run.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "failure.h"
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

// What all jobs together may hold, as the limit is the process's own: a job that meets it fails.
size_t descriptors_for_jobs() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return limit.rlim_cur > 64 ? limit.rlim_cur - 64 : 0;
}

// The library keeps no more open of the directories on the way, but for one in passing.
size_t levels_open() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 2;
    return std::max<size_t>(limit.rlim_cur / 64, 1) + 1;
}

// Those that both paths are relative to, both files, the directory that is synced and one in
// passing; and of the directories on the way both.
size_t descriptors_of(const Entry& entry, const Options& options) {
    constexpr size_t of_a_file = 6;
    if (!options.parents && entry.named)
        return of_a_file;
    const std::string& path = entry.source.name;
    auto levels = static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
    return of_a_file + 1 + 2 * std::min(levels, levels_open());
}

// What planning has left for the library to do about a file.
arsync_copy_options file_options(const Entry& entry, const Options& options) {
    arsync_copy_options copy = options.copy;
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

// A pool that may do without rings says why there is none.
bool lacks_threads(arsync_pool_options options) {
    options.backend = ARSYNC_BACKEND_AUTO;
    arsync_pool* pool = nullptr;
    arsync_info info{};
    info.struct_size = sizeof info;
    bool known = arsync_pool_open(&options, &pool) == 0 && arsync_pool_info(pool, &info) == 0;
    arsync_pool_close(pool);
    return known && std::string(info.backend_reason).find("no thread") == 0;
}

} // namespace

Run::Run(const Options& chosen, Operands& named)
    : options(chosen), operands(named), ledger(named.count() > 1), planner(chosen, ledger),
      progress(chosen.progress), descriptors_most(descriptors_for_jobs()) {
    if (named.count() > 1)
        running_most = running_limit;
}

bool Run::open_pool() {
    int error = arsync_pool_open(&options.pool, &pool);
    if (error == 0) {
        event_fd = arsync_pool_event_fd(pool);
        bool several = operands.count() > 1 || options.files_from != nullptr;
        if (several && options.preserve_links && !options.hard_links())
            error = arsync_link_set_open(pool, &link_set);
    }
    if (error == 0) {
        return true;
    }
    const char* what = "cannot start copying: ";
    if (options.pool.backend == ARSYNC_BACKEND_URING)
        what = lacks_threads(options.pool) ? "cannot start a thread for io_uring: "
                                           : "cannot use io_uring: ";
    complain(std::string(what) + arsync_strerror(error));
    return false;
}

int Run::go() {
    began = std::chrono::steady_clock::now();
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
    list_is_open = list.open(options) && operands.open_target_to_fill(options);
    running_most = running_limit;
    Listed listed(options.enters_listed);
    std::optional<std::string> name;
    while (list_is_open && !stop_requested() && (name = list.next())) {
        Entry& entry = window.emplace_back();
        entry.named = false;
        entry.is_tree = true;
        entry.source = {directory, *name, join(from.shown, *name)};
        entry.destination = operands.place_of(*name);
        copy_listed(entry, listed);
        print_settled();
        wait_for_room();
    }
    failed = failed || !list_is_open || list.failed();
    list_is_open = false;
    wait_for_all();
    close(directory);
}

// What an earlier name has made, or may be making, is not to be met by this one.
void Run::copy_listed(Entry& entry, Listed& listed) {
    const std::string& name = entry.source.name;
    bool again = listed.has(name);
    std::vector<std::string> parts = listed.below(name);
    listed.take(name);
    if (again || !parts.empty())
        wait_for_all();
    if (options.backup != BackupKind::Numbered) {
        if (again && (options.dry_run || listed.has_made(entry.destination)) &&
            leave_repeated(entry))
            return end(entry);
        leave_out_repeated(entry, listed, parts);
    }
    start(entry);
}

// False: it is not there any more.
bool Run::leave_repeated(Entry& entry) {
    struct stat source;
    if (look_at_link(entry.source, source) != 0)
        return false;
    entry.outcome = Outcome::Skipped;
    if (S_ISDIR(source.st_mode))
        entry.complain("warning: source directory " + quote(entry.source.shown) +
                       " specified more than once");
    else if (options.clobber != Clobber::Never && !options.update && !options.hard_links())
        entry.fail(not_overwriting(entry.source, entry.destination));
    return true;
}

// Of a tree, those that were copied before it.
void Run::leave_out_repeated(Entry& entry, const Listed& listed,
                             const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
        Entry repeated;
        repeated.source = below(entry.source, part);
        repeated.destination = below(entry.destination, part);
        if ((!options.dry_run && !listed.has_made(repeated.destination)) ||
            !leave_repeated(repeated))
            continue;
        entry.left_out += pattern_for(part);
        entry.lines.insert(entry.lines.end(), repeated.lines.begin(), repeated.lines.end());
        entry.entry_failed = entry.entry_failed || repeated.outcome == Outcome::Failed;
    }
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
    if (options.parents) {
        struct stat status;
        // Who comes first makes a directory, and says so; and who comes after that may be shut out.
        if (options.verbose || passes_closed_directory(entry.source))
            wait_for_all();
        bool is_there = look_at_link(entry.source, status) == 0;
        bool is_refused = options.symbolic_links() && !S_ISDIR(status.st_mode) &&
                          !links_from_here(entry, options);
        if (!plan_parents(entry, options.verbose && is_there && !is_refused))
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
        if (entry.outcome == Outcome::Failed)
            undo_backup(entry);
        return end(entry);
    }
}

// Trees run side by side where that makes no difference, and where what is said about their entries
// need not be kept for its turn. What is in a directory already may have names elsewhere, or be
// what others are to be copied to.
void Run::start_tree(Entry& entry) {
    bool alone = !entry.destination_is_new || wants_all_entries(options) || options.parents ||
                 options.clobber == Clobber::Ask || options.dereference == Dereference::Always ||
                 (options.copy.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0 ||
                 operands.target_fd() < 0 || is_entangled(entry.source, operands.target_fd());
    if (alone)
        wait_for_all();
    start(entry);
    if (alone)
        wait_for_all();
}

void Run::start(Entry& entry) {
    entry.descriptors = descriptors_of(entry, options);
    while (running > 0 && descriptors_held + entry.descriptors > descriptors_most)
        wait_for_completions();
    descriptors_held += entry.descriptors;
    const FileId* written = entry.destination_id ? &*entry.destination_id : nullptr;
    ledger.begin(entry.source_id, written, entry.destination, entry.comes_upon());
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
    bool is_directory = S_ISDIR(entry.source_mode);
    completion.stage = is_directory ? ARSYNC_STAGE_MAKE_DIRECTORY : ARSYNC_STAGE_OPEN_DESTINATION;
    settle(entry, completion);
}

int Run::submit(Entry& entry) {
    arsync_copy_options copy =
        entry.is_tree ? tree_options(entry, options) : file_options(entry, options);
    copy.link_set = link_set;
    if (!entry.is_tree && link_set == 0)
        copy.preserve &= ~ARSYNC_PRESERVE_LINKS; // of a single file there is nothing to link to
    return arsync_submit_copy(pool, entry.source.dirfd, entry.source.name.c_str(),
                              entry.destination.dirfd, entry.destination.name.c_str(), &copy,
                              reinterpret_cast<uintptr_t>(&entry), &entry.job);
}

void Run::make_link(Entry& entry) {
    if (options.dry_run || link_destination(entry, options))
        entry.outcome = Outcome::Linked;
    else
        undo_backup(entry);
}

void Run::wait_for_completions() {
    stop_requested();
    arsync_completion completions[64];
    int count = arsync_poll(pool, completions, 64, 0);
    if (count == 0) {
        if (options.json)
            flush_for_script();
        pollfd wait_for[] = {{event_fd, POLLIN, 0}, {stopping ? -1 : signal_fd, POLLIN, 0}};
        poll(wait_for, 2, progress.is_shown() ? Progress::redraw_ms : -1);
        show_progress();
        return;
    }
    for (int i = 0; i < count; i++) {
        Entry& entry = *reinterpret_cast<Entry*>(static_cast<uintptr_t>(completions[i].user_data));
        if (completions[i].kind == ARSYNC_COMPLETION_QUESTION)
            take_question(entry, completions[i]);
        else if (completions[i].kind == ARSYNC_COMPLETION_ENTRY)
            take_entry(entry, completions[i]);
        else
            settle(entry, completions[i]);
    }
    print_settled();
    show_progress();
}

bool Run::stop_requested() {
    bool give_up = failed && !options.continue_on_error;
    if (stopping || (stop_signal() == 0 && !give_up))
        return stopping;
    stopping = true;
    for (const Entry& entry : window)
        if (entry.job != 0)
            arsync_job_cancel(pool, entry.job);
    return true;
}

} // namespace cp
