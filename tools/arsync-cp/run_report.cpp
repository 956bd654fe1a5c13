// How far it is, and at the end what came of all of it.
#include "run.h"

#include "debug.h"
#include "json.h"
#include "say.h"

namespace cp {

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
    totals.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    say_to_script(json_of(totals, info, stats));
}

} // namespace cp
