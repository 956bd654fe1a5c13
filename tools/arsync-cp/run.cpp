#include "run.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backup.h"
#include "debug.h"
#include "failure.h"
#include "json.h"
#include "link.h"
#include "quote.h"
#include "say.h"
#include "signals.h"

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
    for (size_t i = 0; i < operands.count() && !stop_requested(); i++) {
        Entry& entry = window.emplace_back();
        entry.source = operands.source(i);
        entry.destination = operands.destination(i);
        plan_and_start(entry);
        print_settled();
        while (running >= running_most || window.size() >= window_limit)
            wait_for_completions();
    }
    while (running > 0)
        wait_for_completions();
    print_settled();
    totals.exit_status = failed || stopping ? 1 : 0;
    report();
    arsync_pool_close(pool);
    return totals.exit_status;
}

void Run::plan_and_start(Entry& entry) {
    Verdict verdict = planner.plan(entry, running == 0);
    while (verdict == Verdict::Wait) {
        while (running > 0)
            wait_for_completions();
        if (stop_requested()) {
            entry.outcome = Outcome::Cancelled;
            return end(entry);
        }
        verdict = planner.plan(entry, true);
    }
    switch (verdict) {
    case Verdict::Copy:
        return start(entry);
    case Verdict::Link:
        make_link(entry);
        return end(entry);
    default:
        return end(entry);
    }
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
    arsync_copy_options copy = options.copy;
    copy.preserve = entry.preserve;
    if (!options.atomic())
        copy.replace =
            entry.destination_is_new ? ARSYNC_REPLACE_EXCLUSIVE : ARSYNC_REPLACE_IN_PLACE;
    // Linked or special, what is there is what the user named.
    copy.flags |= ARSYNC_COPY_SPECIAL;
    return arsync_submit_copy(pool, entry.source.dirfd, entry.source.name.c_str(),
                              entry.destination.dirfd, entry.destination.name.c_str(), &copy,
                              reinterpret_cast<uintptr_t>(&entry), &entry.job);
}

void Run::make_link(Entry& entry) {
    if (link_destination(entry, options.verbose))
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
        settle(entry, completions[i]);
    }
    print_settled();
    show_progress();
}

void Run::settle(Entry& entry, const arsync_completion& completion) {
    entry.job = 0;
    entry.completion = completion;
    if (completion.result == 0) {
        succeed(entry, completion);
    } else if (completion.result == -ECANCELED) {
        entry.outcome = Outcome::Cancelled;
        undo_backup(entry);
    } else if (try_again(entry, completion)) {
        return;
    } else if (entry.outcome == Outcome::Pending) {
        entry.fail(describe_failure(entry, completion));
        undo_backup(entry);
    }
    running--;
    auto made = Ledger::Made::Nothing;
    if (entry.outcome == Outcome::Copied)
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
    if (not_opened && options.force && !entry.destination_is_new && !options.atomic()) {
        if (!remove_destination(entry, options.verbose))
            return false;
        entry.through_link = false;
        return submit(entry) == 0;
    }
    uint32_t attribute = attribute_of(completion.stage) & entry.preserve;
    bool matters = attribute != ARSYNC_PRESERVE_XATTR || options.xattr_required;
    // The data is worth having without the attribute, as with cp; but a backup that is to be put
    // back again is worth more, and a stream has been read already.
    if (attribute == 0 || !S_ISREG(entry.source_mode) || (matters && entry.backup))
        return false;
    if (matters || completion.result != -EOPNOTSUPP)
        entry.complain(describe_failure(entry, completion));
    entry.attribute_lost = entry.attribute_lost || matters;
    entry.preserve &= ~attribute;
    return submit(entry) == 0;
}

void Run::succeed(Entry& entry, const arsync_completion& completion) {
    entry.outcome = Outcome::Copied;
    totals.bytes += completion.bytes;
    totals.hole_bytes += completion.hole_bytes;
    if (options.preserve_links)
        ledger.remember_first_copy(entry.source_id, entry.destination);
    if (options.debug)
        entry.chat(describe_copy(completion));
    std::string warning = describe_warning(entry, completion);
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
    totals.outcomes[static_cast<size_t>(entry.outcome)]++;
    failed = failed || entry.outcome == Outcome::Failed;
    progress.end_file(entry.size, entry.outcome == Outcome::Copied ? entry.completion.bytes : 0);
}

void Run::print_settled() {
    while (!window.empty()) {
        Entry& first = window.front();
        for (const Entry::Line& line : first.lines)
            line.is_complaint ? complain(line.text) : say(line.text);
        first.lines.clear();
        if (first.outcome == Outcome::Pending)
            return;
        if (options.json)
            say_to_script(json_of(first));
        window.pop_front();
    }
}

bool Run::stop_requested() {
    if (stopping || stop_signal() == 0)
        return stopping;
    stopping = true;
    for (const Entry& entry : window)
        if (entry.job != 0)
            arsync_cancel(pool, entry.job);
    return true;
}

void Run::measure_total() {
    uint64_t total = 0;
    for (size_t i = 0; i < operands.count(); i++) {
        struct stat status;
        if (look_through_link(operands.source(i), status) == 0 && S_ISREG(status.st_mode))
            total += static_cast<uint64_t>(status.st_size);
    }
    progress.set_total(operands.count(), total);
}

uint64_t Run::bytes_under_way() {
    uint64_t sum = 0;
    for (const Entry& entry : window) {
        arsync_progress so_far{};
        so_far.struct_size = sizeof so_far;
        if (entry.job != 0 && arsync_job_progress(pool, entry.job, &so_far) == 0)
            sum += so_far.bytes_done;
    }
    return sum;
}

void Run::show_progress() {
    if (progress.is_due())
        progress.draw(bytes_under_way());
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
