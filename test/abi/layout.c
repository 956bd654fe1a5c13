/*
 * Where every field of every struct of arsync.h is, as C11 and as C++17 (header.sh compiles this
 * file as both). A field that moves breaks every program built before; adding one at the end of a
 * struct that may grow is the only change to be made here. Each offset is the sum of the sizes
 * above it: the compiler puts no padding anywhere.
 */
#include "arsync.h"

#include <stddef.h>

#ifdef __cplusplus
#define ASSERT(condition, text) static_assert(condition, text)
#else
#define ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define FIELD(type, field, offset, size)                                                           \
    ASSERT(offsetof(type, field) == (offset), #type "." #field " has moved");                      \
    ASSERT(sizeof(((type*)0)->field) == (size), #type "." #field " has another size")
#define SIZE(type, size) ASSERT(sizeof(type) == (size), #type " has another size")

FIELD(arsync_pool_options, struct_size, 0, 4);
FIELD(arsync_pool_options, flags, 4, 4);
FIELD(arsync_pool_options, backend, 8, 4);
FIELD(arsync_pool_options, workers, 12, 4);
FIELD(arsync_pool_options, buffer_count, 16, 4);
FIELD(arsync_pool_options, buffer_size, 20, 4);
FIELD(arsync_pool_options, queue_depth, 24, 4);
FIELD(arsync_pool_options, job_limit, 28, 4);
FIELD(arsync_pool_options, byte_rate, 32, 8);
FIELD(arsync_pool_options, reserved, 40, 24);
SIZE(arsync_pool_options, 64);

FIELD(arsync_info, struct_size, 0, 4);
FIELD(arsync_info, backend, 4, 4);
FIELD(arsync_info, workers, 8, 4);
FIELD(arsync_info, workers_started, 12, 4);
FIELD(arsync_info, buffer_count, 16, 4);
FIELD(arsync_info, buffer_size, 20, 4);
FIELD(arsync_info, queue_depth, 24, 4);
FIELD(arsync_info, buffers_registered, 28, 4);
FIELD(arsync_info, buffers_refused, 32, 4);
FIELD(arsync_info, flags, 36, 4);
FIELD(arsync_info, backend_reason, 40, 128);
FIELD(arsync_info, buffers_reason, 168, 128);
FIELD(arsync_info, sqpoll_reason, 296, 128);
FIELD(arsync_info, iopoll_reason, 424, 128);
FIELD(arsync_info, kernel_features, 552, 128);
SIZE(arsync_info, 680);

FIELD(arsync_stats, struct_size, 0, 4);
FIELD(arsync_stats, queue_depth_max, 4, 4);
FIELD(arsync_stats, jobs_submitted, 8, 8);
FIELD(arsync_stats, jobs_completed, 16, 8);
FIELD(arsync_stats, jobs_failed, 24, 8);
FIELD(arsync_stats, jobs_cancelled, 32, 8);
FIELD(arsync_stats, bytes_read, 40, 8);
FIELD(arsync_stats, bytes_written, 48, 8);
FIELD(arsync_stats, bytes_reflinked, 56, 8);
FIELD(arsync_stats, bytes_offloaded, 64, 8);
FIELD(arsync_stats, bytes_copied_in_user_space, 72, 8);
FIELD(arsync_stats, reads, 80, 8);
FIELD(arsync_stats, reads_fixed, 88, 8);
FIELD(arsync_stats, reads_inline, 96, 8);
FIELD(arsync_stats, writes, 104, 8);
FIELD(arsync_stats, writes_fixed, 112, 8);
FIELD(arsync_stats, writes_inline, 120, 8);
FIELD(arsync_stats, short_transfers, 128, 8);
FIELD(arsync_stats, submissions, 136, 8);
FIELD(arsync_stats, enters, 144, 8);
FIELD(arsync_stats, helper_calls, 152, 8);
FIELD(arsync_stats, buffer_waits, 160, 8);
FIELD(arsync_stats, busy_ns, 168, 8);
FIELD(arsync_stats, queue_depth_ns, 176, 8);
SIZE(arsync_stats, 184);

FIELD(arsync_copy_options, struct_size, 0, 4);
FIELD(arsync_copy_options, flags, 4, 4);
FIELD(arsync_copy_options, method, 8, 4);
FIELD(arsync_copy_options, reflink, 12, 4);
FIELD(arsync_copy_options, cache, 16, 4);
FIELD(arsync_copy_options, replace, 20, 4);
FIELD(arsync_copy_options, durability, 24, 4);
FIELD(arsync_copy_options, preserve, 28, 4);
FIELD(arsync_copy_options, sparse, 32, 4);
FIELD(arsync_copy_options, chunks, 36, 4);
FIELD(arsync_copy_options, update, 40, 4);
FIELD(arsync_copy_options, symlinks, 44, 4);
FIELD(arsync_copy_options, report, 48, 4);
FIELD(arsync_copy_options, backup, 52, 4);
FIELD(arsync_copy_options, backup_suffix, 56, 8);
FIELD(arsync_copy_options, filter, 64, 8);
FIELD(arsync_copy_options, link_set, 72, 8);
FIELD(arsync_copy_options, reserved, 80, 16);
SIZE(arsync_copy_options, 96);

FIELD(arsync_progress, struct_size, 0, 4);
FIELD(arsync_progress, state, 4, 4);
FIELD(arsync_progress, stage, 8, 4);
FIELD(arsync_progress, method, 12, 4);
FIELD(arsync_progress, bytes_total, 16, 8);
FIELD(arsync_progress, bytes_done, 24, 8);
FIELD(arsync_progress, entries_total, 32, 8);
FIELD(arsync_progress, entries_done, 40, 8);
FIELD(arsync_progress, errors, 48, 8);
FIELD(arsync_progress, flags, 56, 4);
FIELD(arsync_progress, reserved, 60, 4);
SIZE(arsync_progress, 64);

FIELD(arsync_totals, struct_size, 0, 4);
FIELD(arsync_totals, reserved, 4, 4);
FIELD(arsync_totals, entries, 8, 8);
FIELD(arsync_totals, files, 16, 8);
FIELD(arsync_totals, directories, 24, 8);
FIELD(arsync_totals, symlinks, 32, 8);
FIELD(arsync_totals, hard_links, 40, 8);
FIELD(arsync_totals, specials, 48, 8);
FIELD(arsync_totals, skipped, 56, 8);
FIELD(arsync_totals, removed, 64, 8);
FIELD(arsync_totals, errors, 72, 8);
FIELD(arsync_totals, bytes, 80, 8);
FIELD(arsync_totals, hole_bytes, 88, 8);
FIELD(arsync_totals, files_by_method, 96, 128);
SIZE(arsync_totals, 224);

FIELD(arsync_completion, job, 0, 8);
FIELD(arsync_completion, user_data, 8, 8);
FIELD(arsync_completion, bytes, 16, 8);
FIELD(arsync_completion, hole_bytes, 24, 8);
FIELD(arsync_completion, path, 32, 8);
FIELD(arsync_completion, result, 40, 4);
FIELD(arsync_completion, kind, 44, 2);
FIELD(arsync_completion, action, 46, 2);
FIELD(arsync_completion, flags, 48, 4);
FIELD(arsync_completion, stage, 52, 2);
FIELD(arsync_completion, method, 54, 2);
FIELD(arsync_completion, totals, 56, 8);
SIZE(arsync_completion, 64);

/* New values come after the last, so the last one shows that none has been put between. */
#define LAST(name, value) ASSERT(name == (value), #name " has another value")
LAST(ARSYNC_BACKEND_THREADS, 2);
LAST(ARSYNC_METHOD_MANAGED, 8);
LAST(ARSYNC_REFLINK_NEVER, 2);
LAST(ARSYNC_CACHE_DROP, 3);
LAST(ARSYNC_REPLACE_REMOVE, 3);
LAST(ARSYNC_UPDATE_CHANGED, 3);
LAST(ARSYNC_SYMLINKS_FOLLOW, 3);
LAST(ARSYNC_REPORT_NONE, 2);
LAST(ARSYNC_BACKUP_EXISTING, 3);
LAST(ARSYNC_DURABILITY_FULL, 2);
LAST(ARSYNC_SPARSE_NEVER, 2);
LAST(ARSYNC_JOB_COMPLETED, 3);
LAST(ARSYNC_STAGE_CONTEXT, 27);
LAST(ARSYNC_COMPLETION_ENTRY, 2);
LAST(ARSYNC_ACTION_TREE, 9);
LAST(ARSYNC_POOL_HUGE_PAGES, 4u);
LAST(ARSYNC_COPY_PARENTS, 16384u);
LAST(ARSYNC_PRESERVE_CONTEXT, 32u);
LAST(ARSYNC_COMPLETION_DIRECTORY, 64u);
LAST(ARSYNC_PROGRESS_WALKING, 1u);

int main(void) {
    return 0;
}
