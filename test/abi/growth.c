/*
 * A program that uses every struct that may grow. growth.sh builds it with arsync.h as it is, and
 * with one in which each of them has a field `appended` at its end (GROWN), and runs either with
 * the library of the other.
 *
 * growth FROM TO - copies a directory. A failed check is a line on stdout and exit status 1.
 */
#define _XOPEN_SOURCE 700
#include "arsync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int status;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s: is false\n", __FILE__, __LINE__, #condition);                       \
            status = 1;                                                                            \
        }                                                                                          \
    } while (0)

/* As memory is that nobody has set, but for its size. */
#define TO_FILL(type, name)                                                                        \
    type name;                                                                                     \
    memset(&name, 0xa5, sizeof name);                                                              \
    name.struct_size = sizeof name

static void told(arsync_pool* pool, arsync_job job) {
    TO_FILL(arsync_info, info);
    CHECK(arsync_pool_info(pool, &info) == 0);
    CHECK(info.struct_size == sizeof info);
    CHECK(info.workers == 2);
    CHECK(info.kernel_features[sizeof info.kernel_features - 1] == '\0');
    TO_FILL(arsync_stats, stats);
    CHECK(arsync_pool_stats(pool, &stats) == 0);
    CHECK(stats.jobs_submitted == 1);
    TO_FILL(arsync_progress, progress);
    CHECK(arsync_job_progress(pool, job, &progress) == 0);
    CHECK(progress.state == ARSYNC_JOB_QUEUED || progress.state == ARSYNC_JOB_RUNNING ||
          progress.state == ARSYNC_JOB_COMPLETED);
    CHECK(progress.reserved == 0);
    arsync_adjustment adjustment = {
        .struct_size = sizeof adjustment, .what = ARSYNC_ADJUST_PRIORITY, .priority = 1};
#ifdef GROWN
    adjustment.appended = 1;
    CHECK(arsync_job_adjust(pool, job, &adjustment) == -E2BIG);
    adjustment.appended = 0;
    CHECK(info.appended == 0);
    CHECK(stats.appended == 0);
    CHECK(progress.appended == 0);
#endif
    CHECK(arsync_job_adjust(pool, job, &adjustment) == 0);
}

/* Of two completions in one array the second is where this program looks for it. */
static void polled(arsync_pool* pool) {
    arsync_completion done[2];
    int count = 0;
    while (count < 2) {
        const int more = arsync_poll(pool, done + count, (uint32_t)(2 - count), 60000);
        CHECK(more > 0);
        if (more <= 0)
            return;
        count += more;
    }
    CHECK(done[0].kind == ARSYNC_COMPLETION_ENTRY && done[0].result == 0);
    CHECK(done[1].kind == ARSYNC_COMPLETION_JOB && done[1].result == 0);
    const arsync_details* details = done[1].details;
    CHECK(details != NULL && details->totals != NULL);
    if (details == NULL || details->totals == NULL)
        return;
    CHECK(details->totals->directories == 1);
    CHECK(details->totals->files_by_method[0] == 0);
#ifdef GROWN
    CHECK(details->struct_size == sizeof *details - sizeof details->appended);
    CHECK(details->totals->struct_size ==
          sizeof *details->totals - sizeof details->totals->appended);
#else
    CHECK(details->struct_size > sizeof *details);
    CHECK(details->totals->struct_size > sizeof *details->totals);
#endif
}

int main(int argc, char** argv) {
    arsync_pool_options pool_options = {.struct_size = sizeof pool_options, .workers = 2};
    arsync_copy_options options = {.struct_size = sizeof options,
                                   .want = ARSYNC_WANT_TOTALS,
                                   .flags = ARSYNC_COPY_RECURSIVE,
                                   .report = ARSYNC_REPORT_ALL,
                                   .filter = "*"};
    arsync_pool* pool = NULL;
    arsync_job job = 0;
    if (argc != 3)
        return 2;
#ifdef GROWN
    pool_options.appended = 1;
    CHECK(arsync_pool_open(&pool_options, &pool) == -E2BIG);
    pool_options.appended = 0;
#endif
    CHECK(arsync_pool_open(&pool_options, &pool) == 0);
    if (pool == NULL)
        return 1;
#ifdef GROWN
    options.appended = 1;
    CHECK(arsync_submit_copy(pool, AT_FDCWD, argv[1], AT_FDCWD, argv[2], &options, 0, &job) ==
          -E2BIG);
    options.appended = 0;
#endif
    CHECK(arsync_submit_copy(pool, AT_FDCWD, argv[1], AT_FDCWD, argv[2], &options, 0, &job) == 0);
    told(pool, job);
    polled(pool);
    CHECK(arsync_pool_close(pool) == 0);
    return status;
}
