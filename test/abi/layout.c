/*
 * Where every field of every struct of arsync.h is, as C11 and as C++17 (header.sh compiles this
 * file as both). A field that moves breaks every program built before; adding one at the end of a
 * struct that may grow is the only change to be made here. Each offset is the sum of the sizes
 * above it: the compiler puts no padding anywhere.
 */
#define ARSYNC_MEASURING
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
FIELD(arsync_pool_options, lease_count, 40, 4);
FIELD(arsync_pool_options, reserved, 44, 20);
SIZE(arsync_pool_options, 64);
SIZE(arsync_pool_options, ARSYNC_POOL_OPTIONS_SIZE_0_1);

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
SIZE(arsync_info, ARSYNC_INFO_SIZE_0_1);

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
SIZE(arsync_stats, ARSYNC_STATS_SIZE_0_1);

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
FIELD(arsync_copy_options, want, 80, 4);
FIELD(arsync_copy_options, required, 84, 4);
FIELD(arsync_copy_options, reserved, 88, 8);
FIELD(arsync_copy_options, range_offset, 96, 8);
FIELD(arsync_copy_options, range_length, 104, 8);
FIELD(arsync_copy_options, user_map, 112, 8);
FIELD(arsync_copy_options, group_map, 120, 8);
SIZE(arsync_copy_options, 128);
SIZE(arsync_copy_options, ARSYNC_COPY_OPTIONS_SIZE_0_1);

FIELD(arsync_item, src, 0, 8);
FIELD(arsync_item, dst, 8, 8);
FIELD(arsync_item, user_data, 16, 8);
FIELD(arsync_item, reserved, 24, 8);
SIZE(arsync_item, 32);

FIELD(arsync_buffer, id, 0, 8);
FIELD(arsync_buffer, data, 8, 8);
FIELD(arsync_buffer, size, 16, 8);
FIELD(arsync_buffer, flags, 24, 4);
FIELD(arsync_buffer, worker, 28, 4);
SIZE(arsync_buffer, 32);

FIELD(arsync_adjustment, struct_size, 0, 4);
FIELD(arsync_adjustment, what, 4, 4);
FIELD(arsync_adjustment, byte_rate, 8, 8);
FIELD(arsync_adjustment, priority, 16, 4);
FIELD(arsync_adjustment, reserved, 20, 12);
SIZE(arsync_adjustment, 32);
SIZE(arsync_adjustment, ARSYNC_ADJUSTMENT_SIZE_0_1);

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
FIELD(arsync_progress, bytes_per_second, 64, 8);
SIZE(arsync_progress, 72);
SIZE(arsync_progress, ARSYNC_PROGRESS_SIZE_0_1);

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
SIZE(arsync_totals, ARSYNC_TOTALS_SIZE_0_1);

FIELD(arsync_facts, size, 0, 8);
FIELD(arsync_facts, mtime_s, 8, 8);
FIELD(arsync_facts, mtime_ns, 16, 4);
FIELD(arsync_facts, mode, 20, 4);
FIELD(arsync_facts, device_major, 24, 4);
FIELD(arsync_facts, device_minor, 28, 4);
FIELD(arsync_facts, inode, 32, 8);
SIZE(arsync_facts, 40);

FIELD(arsync_details, struct_size, 0, 4);
FIELD(arsync_details, has, 4, 4);
FIELD(arsync_details, totals, 8, 8);
FIELD(arsync_details, backup, 16, 8);
FIELD(arsync_details, name, 24, 8);
FIELD(arsync_details, question, 32, 8);
FIELD(arsync_details, source, 40, 40);
FIELD(arsync_details, destination, 80, 40);
FIELD(arsync_details, error_path, 120, 8);
FIELD(arsync_details, digest, 128, 16);
FIELD(arsync_details, begin_ns, 144, 8);
FIELD(arsync_details, end_ns, 152, 8);
FIELD(arsync_details, other, 160, 8);
FIELD(arsync_details, buffers, 168, 8);
FIELD(arsync_details, buffer_count, 176, 8);
SIZE(arsync_details, 184);
SIZE(arsync_details, ARSYNC_DETAILS_SIZE_0_1);

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
FIELD(arsync_completion, details, 56, 8);
SIZE(arsync_completion, 64);

ASSERT(ARSYNC_VERSION_NUMBER ==
           ARSYNC_VERSION_MAJOR * 1000000 + ARSYNC_VERSION_MINOR * 1000 + ARSYNC_VERSION_PATCH,
       "the version is not its parts");

/* Programs have these numbers in them. */
#define VALUE(name, value) ASSERT(name == (value), #name " has another value")
VALUE(ARSYNC_BACKEND_AUTO, 0);
VALUE(ARSYNC_BACKEND_URING, 1);
VALUE(ARSYNC_BACKEND_THREADS, 2);

VALUE(ARSYNC_METHOD_AUTO, 0);
VALUE(ARSYNC_METHOD_INLINE, 1);
VALUE(ARSYNC_METHOD_REFLINK, 2);
VALUE(ARSYNC_METHOD_COPY_FILE_RANGE, 3);
VALUE(ARSYNC_METHOD_FIXED, 4);
VALUE(ARSYNC_METHOD_DIRECT, 5);
VALUE(ARSYNC_METHOD_BUFFERED_DIRECT, 6);
VALUE(ARSYNC_METHOD_DIRECT_BUFFERED, 7);
VALUE(ARSYNC_METHOD_HEAP, 8);
VALUE(ARSYNC_METHOD_MANAGED, 9);

VALUE(ARSYNC_REFLINK_AUTO, 0);
VALUE(ARSYNC_REFLINK_ALWAYS, 1);
VALUE(ARSYNC_REFLINK_NEVER, 2);

VALUE(ARSYNC_CACHE_AUTO, 0);
VALUE(ARSYNC_CACHE_KEEP, 1);
VALUE(ARSYNC_CACHE_DIRECT, 2);
VALUE(ARSYNC_CACHE_DROP, 3);

VALUE(ARSYNC_REPLACE_IN_PLACE, 0);
VALUE(ARSYNC_REPLACE_EXCLUSIVE, 1);
VALUE(ARSYNC_REPLACE_ATOMIC, 2);
VALUE(ARSYNC_REPLACE_REMOVE, 3);

VALUE(ARSYNC_UPDATE_ALL, 0);
VALUE(ARSYNC_UPDATE_NONE, 1);
VALUE(ARSYNC_UPDATE_OLDER, 2);
VALUE(ARSYNC_UPDATE_CHANGED, 3);
VALUE(ARSYNC_UPDATE_ASK, 4);
VALUE(ARSYNC_UPDATE_ASK_OLDER, 5);

VALUE(ARSYNC_SYMLINKS_AUTO, 0);
VALUE(ARSYNC_SYMLINKS_KEEP, 1);
VALUE(ARSYNC_SYMLINKS_FOLLOW_TOP, 2);
VALUE(ARSYNC_SYMLINKS_FOLLOW, 3);

VALUE(ARSYNC_REPORT_ERRORS, 0);
VALUE(ARSYNC_REPORT_ALL, 1);
VALUE(ARSYNC_REPORT_NONE, 2);

VALUE(ARSYNC_BACKUP_NONE, 0);
VALUE(ARSYNC_BACKUP_SIMPLE, 1);
VALUE(ARSYNC_BACKUP_NUMBERED, 2);
VALUE(ARSYNC_BACKUP_EXISTING, 3);

VALUE(ARSYNC_DURABILITY_NONE, 0);
VALUE(ARSYNC_DURABILITY_FILE, 1);
VALUE(ARSYNC_DURABILITY_FULL, 2);

VALUE(ARSYNC_SPARSE_AUTO, 0);
VALUE(ARSYNC_SPARSE_ALWAYS, 1);
VALUE(ARSYNC_SPARSE_NEVER, 2);

VALUE(ARSYNC_JOB_QUEUED, 1);
VALUE(ARSYNC_JOB_RUNNING, 2);
VALUE(ARSYNC_JOB_COMPLETED, 3);

VALUE(ARSYNC_STAGE_NONE, 0);
VALUE(ARSYNC_STAGE_QUEUE, 1);
VALUE(ARSYNC_STAGE_OPEN_SOURCE, 2);
VALUE(ARSYNC_STAGE_OPEN_DESTINATION, 3);
VALUE(ARSYNC_STAGE_CHECK, 4);
VALUE(ARSYNC_STAGE_ALLOCATE, 5);
VALUE(ARSYNC_STAGE_READ, 6);
VALUE(ARSYNC_STAGE_WRITE, 7);
VALUE(ARSYNC_STAGE_REFLINK, 8);
VALUE(ARSYNC_STAGE_COPY_FILE_RANGE, 9);
VALUE(ARSYNC_STAGE_TRUNCATE, 10);
VALUE(ARSYNC_STAGE_OWNER, 11);
VALUE(ARSYNC_STAGE_XATTR, 12);
VALUE(ARSYNC_STAGE_MODE, 13);
VALUE(ARSYNC_STAGE_TIMES, 14);
VALUE(ARSYNC_STAGE_SYNC, 15);
VALUE(ARSYNC_STAGE_VERIFY, 16);
VALUE(ARSYNC_STAGE_PUBLISH, 17);
VALUE(ARSYNC_STAGE_CLOSE, 18);
VALUE(ARSYNC_STAGE_MEMORY, 19);
VALUE(ARSYNC_STAGE_LIST, 20);
VALUE(ARSYNC_STAGE_MAKE_DIRECTORY, 21);
VALUE(ARSYNC_STAGE_READ_LINK, 22);
VALUE(ARSYNC_STAGE_LINK, 23);
VALUE(ARSYNC_STAGE_MAKE_SPECIAL, 24);
VALUE(ARSYNC_STAGE_REMOVE, 25);
VALUE(ARSYNC_STAGE_BACKUP, 26);
VALUE(ARSYNC_STAGE_CONTEXT, 27);
VALUE(ARSYNC_STAGE_ASK, 28);
VALUE(ARSYNC_STAGE_FLAGS, 29);

VALUE(ARSYNC_COMPLETION_JOB, 33);
VALUE(ARSYNC_COMPLETION_ENTRY, 34);
VALUE(ARSYNC_COMPLETION_QUESTION, 35);
VALUE(ARSYNC_COMPLETION_ITEM, 36);
VALUE(ARSYNC_COMPLETION_WAY, 37);

VALUE(ARSYNC_ACTION_NONE, 0);
VALUE(ARSYNC_ACTION_COPY, 1);
VALUE(ARSYNC_ACTION_MAKE_DIRECTORY, 2);
VALUE(ARSYNC_ACTION_ENTER_DIRECTORY, 3);
VALUE(ARSYNC_ACTION_SYMBOLIC_LINK, 4);
VALUE(ARSYNC_ACTION_HARD_LINK, 5);
VALUE(ARSYNC_ACTION_MAKE_SPECIAL, 6);
VALUE(ARSYNC_ACTION_SKIP, 7);
VALUE(ARSYNC_ACTION_REMOVE, 8);
VALUE(ARSYNC_ACTION_TREE, 9);
VALUE(ARSYNC_ACTION_LIST, 10);
VALUE(ARSYNC_ACTION_READ, 11);
VALUE(ARSYNC_ACTION_WRITE, 12);
VALUE(ARSYNC_ACTION_SYNC, 13);
VALUE(ARSYNC_ACTION_ACQUIRE, 14);

VALUE(ARSYNC_ANSWER_SKIP, 1);
VALUE(ARSYNC_ANSWER_REPLACE, 2);
VALUE(ARSYNC_ANSWER_KEEP_BOTH, 3);
VALUE(ARSYNC_ANSWER_STOP, 4);

VALUE(ARSYNC_POOL_SQPOLL, 1u);
VALUE(ARSYNC_POOL_IOPOLL, 2u);
VALUE(ARSYNC_POOL_HUGE_PAGES, 4u);

VALUE(ARSYNC_PRESERVE_MODE, 1u);
VALUE(ARSYNC_PRESERVE_OWNER, 2u);
VALUE(ARSYNC_PRESERVE_TIMES, 4u);
VALUE(ARSYNC_PRESERVE_XATTR, 8u);
VALUE(ARSYNC_PRESERVE_LINKS, 16u);
VALUE(ARSYNC_PRESERVE_CONTEXT, 32u);
VALUE(ARSYNC_PRESERVE_FLAGS, 64u);
VALUE(ARSYNC_PRESERVE_PROJECT, 128u);

VALUE(ARSYNC_COPY_VERIFY, 1u);
VALUE(ARSYNC_COPY_SPECIAL, 2u);
VALUE(ARSYNC_COPY_ATTRIBUTES_ONLY, 4u);
VALUE(ARSYNC_COPY_NOFOLLOW, 8u);
VALUE(ARSYNC_COPY_DEFAULT_MODE, 16u);
VALUE(ARSYNC_COPY_RECURSIVE, 32u);
VALUE(ARSYNC_COPY_ONE_FILE_SYSTEM, 64u);
VALUE(ARSYNC_COPY_MIRROR, 128u);
VALUE(ARSYNC_COPY_DRY_RUN, 256u);
VALUE(ARSYNC_COPY_STOP_ON_ERROR, 512u);
VALUE(ARSYNC_COPY_HARD_LINK, 1024u);
VALUE(ARSYNC_COPY_SYMBOLIC_LINK, 2048u);
VALUE(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK, 4096u);
VALUE(ARSYNC_COPY_FORCE, 8192u);
VALUE(ARSYNC_COPY_PARENTS, 16384u);
VALUE(ARSYNC_COPY_BENEATH, 32768u);
VALUE(ARSYNC_COPY_KEEP_LOCKS, 65536u);
VALUE(ARSYNC_COPY_SHALLOW, 262144u);
VALUE(ARSYNC_COPY_DANGLING, 524288u);
VALUE(ARSYNC_COPY_DIRECTORIES_ONLY, 4194304u);
VALUE(ARSYNC_COPY_BARE_PARENTS, 8388608u);
VALUE(ARSYNC_COPY_IN_ORDER, 16777216u);

VALUE(ARSYNC_PROGRESS_WALKING, 1u);
VALUE(ARSYNC_PROGRESS_PAUSED, 2u);

VALUE(ARSYNC_ADJUST_PAUSE, 1u);
VALUE(ARSYNC_ADJUST_RESUME, 2u);
VALUE(ARSYNC_ADJUST_BYTE_RATE, 4u);
VALUE(ARSYNC_ADJUST_PRIORITY, 8u);

VALUE(ARSYNC_SHUTDOWN_DRAIN, 1);
VALUE(ARSYNC_SHUTDOWN_CANCEL, 2);

VALUE(ARSYNC_WORKERS_MAX, 256);
VALUE(ARSYNC_BUFFER_COUNT_MAX, 1024);
VALUE(ARSYNC_BUFFER_SIZE_MIN, 4096);
VALUE(ARSYNC_BUFFER_SIZE_MAX, 67108864);
VALUE(ARSYNC_QUEUE_DEPTH_MAX, 4096);
VALUE(ARSYNC_JOB_LIMIT_MAX, 1048576);
VALUE(ARSYNC_CHUNKS_MAX, 1024);
VALUE(ARSYNC_LIST_WAITING_MAX, 16384);
VALUE(ARSYNC_ENTRIES_WAITING_MAX, 4096);
VALUE(ARSYNC_QUESTIONS_WAITING_MAX, 256);

VALUE(ARSYNC_COMPLETION_SOURCE_CHANGED, 1u);
VALUE(ARSYNC_COMPLETION_SOURCE_SHRANK, 2u);
VALUE(ARSYNC_COMPLETION_FALLBACK, 4u);
VALUE(ARSYNC_COMPLETION_OWNER_LOST, 8u);
VALUE(ARSYNC_COMPLETION_REPLACED, 16u);
VALUE(ARSYNC_COMPLETION_BACKED_UP, 32u);
VALUE(ARSYNC_COMPLETION_DIRECTORY, 64u);
VALUE(ARSYNC_COMPLETION_VERIFIED_CACHED, 128u);
VALUE(ARSYNC_COMPLETION_COPIED, 256u);
VALUE(ARSYNC_COMPLETION_KEPT_BOTH, 512u);
VALUE(ARSYNC_COMPLETION_JUST_CREATED, 4096u);
VALUE(ARSYNC_COMPLETION_REPEATED, 8192u);
VALUE(ARSYNC_COMPLETION_ON_THE_WAY, 16384u);
VALUE(ARSYNC_COMPLETION_AT_SOURCE, 1024u);
VALUE(ARSYNC_COMPLETION_AT_DESTINATION, 2048u);
VALUE(ARSYNC_COMPLETION_CONFLICT, 32768u);
VALUE(ARSYNC_COMPLETION_NOT_REQUIRED, 131072u);

VALUE(ARSYNC_WANT_TOTALS, 1u);
VALUE(ARSYNC_WANT_ERROR_PATH, 2u);
VALUE(ARSYNC_WANT_SOURCE, 4u);
VALUE(ARSYNC_WANT_DESTINATION, 8u);
VALUE(ARSYNC_WANT_DIGEST, 16u);
VALUE(ARSYNC_WANT_TIMES, 32u);
VALUE(ARSYNC_WANT_FD, 64u);

int main(void) {
    return 0;
}
