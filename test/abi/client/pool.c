/* Jobs, polling, and what a pool tells about itself. */
#define _XOPEN_SOURCE 700
#include "client.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* ---- Jobs --------------------------------------------------------------------------------- */

static void progress_follows_a_job_to_its_end(void) {
    arsync_pool* pool = open_pool();
    arsync_job job;
    arsync_progress progress = {.struct_size = sizeof progress};
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    CHECK_EQUAL(arsync_job_progress(pool, job, &progress), 0);
    CHECK(progress.state >= ARSYNC_JOB_QUEUED && progress.state <= ARSYNC_JOB_COMPLETED);
    CHECK(progress.bytes_done <= FILE_SIZE);

    CHECK(is_readable(arsync_pool_event_fd(pool), 60000));
    CHECK_EQUAL(arsync_job_progress(pool, job, &progress), 0);
    CHECK_EQUAL(progress.state, ARSYNC_JOB_COMPLETED);
    CHECK_EQUAL(progress.bytes_total, FILE_SIZE);
    CHECK_EQUAL(progress.bytes_done, FILE_SIZE);
    CHECK_EQUAL(progress.method, wait_one(pool).method);
    CHECK_EQUAL(arsync_job_progress(pool, job, &progress), -ENOENT);
    arsync_pool_close(pool);
}

static void id_is_stale_once_its_completion_was_polled(void) {
    arsync_pool* pool = open_pool();
    arsync_progress progress = {.struct_size = sizeof progress};
    arsync_job first, second;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &first), 0);
    wait_one(pool);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &second), 0);
    CHECK(first != second);
    CHECK_EQUAL(arsync_job_cancel(pool, first), -ENOENT);
    CHECK_EQUAL(arsync_job_progress(pool, first, &progress), -ENOENT);
    CHECK_EQUAL(arsync_job_cancel(pool, 0), -ENOENT);
    CHECK_EQUAL(arsync_job_cancel(pool, UINT64_MAX), -ENOENT);
    CHECK_EQUAL(wait_one(pool).result, 0); /* the stale cancel did not hit it */
    arsync_pool_close(pool);
}

static void cancelled_job_completes_once_and_leaves_nothing(void) {
    enum { ROUNDS = 50 };
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.reflink = ARSYNC_REFLINK_NEVER;
    for (int i = 0; i < ROUNDS; i++) {
        arsync_job job;
        struct timespec pause = {.tv_nsec = i * 40000L};
        CHECK_EQUAL(submit(pool, "from", "to", &options, &job), 0);
        nanosleep(&pause, NULL);
        CHECK_EQUAL(arsync_job_cancel(pool, job), 0);
        arsync_completion done = wait_one(pool);
        CHECK(done.job == job);
        CHECK(done.result == 0 || done.result == -ECANCELED);
        CHECK_EQUAL(exists("to"), done.result == 0);
        CHECK_EQUAL(arsync_poll(pool, &done, 1, 0), 0);
        unlinkat(work, "to", 0);
    }
    arsync_pool_close(pool);
}

static void close_drops_what_was_not_polled(void) {
    arsync_pool* pool = open_pool();
    for (int i = 0; i < 20; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK_EQUAL(submit(pool, "from", to, NULL, NULL), 0);
    }
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    for (int i = 0; i < 20; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK(!exists(to) || has_content(to, 0, FILE_SIZE));
    }
}

static void job_limit_holds_until_a_completion_is_polled(void) {
    arsync_pool_options options = {.struct_size = sizeof options, .job_limit = 1};
    arsync_pool* pool;
    NEED(arsync_pool_open(&options, &pool) == 0);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    CHECK_EQUAL(submit(pool, "from", "to-2", NULL, NULL), -EAGAIN);
    wait_one(pool);
    CHECK_EQUAL(submit(pool, "from", "to-2", NULL, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    arsync_pool_close(pool);
}

/* ---- Polling ------------------------------------------------------------------------------ */

static void event_fd_is_readable_while_completions_wait(void) {
    arsync_pool* pool = open_pool();
    int fd = arsync_pool_event_fd(pool);
    CHECK(fd >= 0);
    CHECK(!is_readable(fd, 0));
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    CHECK_EQUAL(submit(pool, "from", "to-2", NULL, NULL), 0);
    CHECK(is_readable(fd, 60000));
    wait_one(pool);
    CHECK(is_readable(fd, 60000));
    wait_one(pool);
    CHECK(!is_readable(fd, 0));
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    arsync_pool_close(pool);
}

static void poll_waits_as_long_as_it_was_told(void) {
    arsync_pool* pool = open_pool();
    arsync_completion done[4];
    struct timespec start, end;
    CHECK_EQUAL(arsync_poll(pool, done, 4, 0), 0);
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK_EQUAL(arsync_poll(pool, done, 4, 50), 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 >= 49);
    CHECK_EQUAL(arsync_poll(pool, done, 0, 0), -EINVAL);
    CHECK_EQUAL(arsync_poll(pool, done, 4, -2), -EINVAL);
    CHECK_EQUAL(arsync_poll(pool, NULL, 4, 0), -EFAULT);
    CHECK_EQUAL(arsync_poll(NULL, done, 4, 0), -EFAULT);
    arsync_pool_close(pool);
}

static void* poll_until_one(void* pool) {
    arsync_completion done;
    int count;
    do /* the other thread's short polls may be in the way */
        count = arsync_poll(pool, &done, 1, -1);
    while (count == -EBUSY);
    CHECK_EQUAL(count, 1);
    return NULL;
}

static void* poll_for_the_end(void* pool) {
    arsync_completion done;
    int count;
    do
        count = arsync_poll(pool, &done, 1, -1);
    while (count == -EBUSY);
    CHECK_EQUAL(count, -ESHUTDOWN);
    return NULL;
}

static void second_poller_is_told_that_the_pool_is_busy(void) {
    arsync_pool* pool = open_pool();
    arsync_completion done;
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, poll_until_one, pool) == 0);
    int count = 0;
    for (int i = 0; i < 10000 && count == 0; i++) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
        count = arsync_poll(pool, &done, 1, 0);
    }
    CHECK_EQUAL(count, -EBUSY);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    pthread_join(thread, NULL);
    arsync_pool_close(pool);
}

/* ---- The end of a pool -------------------------------------------------------------------- */

static void pool_that_is_drained_gives_all_there_is_to_come(void) {
    enum { JOBS = 50 };
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(arsync_pool_shutdown(NULL, ARSYNC_SHUTDOWN_DRAIN), -EFAULT);
    CHECK_EQUAL(arsync_pool_shutdown(pool, 0), -EINVAL);
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_CANCEL + 1), -EINVAL);
    int fd = arsync_pool_event_fd(pool);
    for (int i = 0; i < JOBS; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK_EQUAL(submit(pool, "from", to, NULL, NULL), 0);
    }
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_DRAIN), 0);
    arsync_link_set set;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), -ESHUTDOWN);
    CHECK_EQUAL(arsync_link_set_open(pool, &set), -ESHUTDOWN);
    arsync_completion done[8];
    int count, all = 0;
    while ((count = arsync_poll(pool, done, 8, -1)) > 0)
        for (all += count; count > 0; count--)
            CHECK_EQUAL(done[count - 1].result, 0);
    CHECK_EQUAL(count, -ESHUTDOWN);
    CHECK_EQUAL(all, JOBS);
    CHECK(is_readable(fd, 0)); /* for who waits there */
    CHECK_EQUAL(arsync_poll(pool, done, 8, 0), -ESHUTDOWN);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_DRAIN), -EINVAL);
}

static void pool_that_is_shut_down_may_cancel_its_jobs(void) {
    enum { JOBS = 200 };
    arsync_pool_options options = {
        .struct_size = sizeof options, .workers = 1, .byte_rate = 1 << 20};
    arsync_pool* pool;
    NEED(arsync_pool_open(&options, &pool) == 0);
    for (int i = 0; i < JOBS; i++) { /* they would take ten minutes */
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK_EQUAL(submit(pool, "from", to, NULL, NULL), 0);
    }
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_DRAIN), 0);
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_CANCEL), 0);
    arsync_completion done;
    int all = 0, cancelled = 0;
    while (arsync_poll(pool, &done, 1, 60000) == 1) {
        all++;
        cancelled += done.result == -ECANCELED;
    }
    CHECK_EQUAL(all, JOBS);
    CHECK(cancelled > JOBS / 2);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, -1), -ESHUTDOWN);
    arsync_pool_close(pool);
}

static void shutdown_ends_a_poll_of_nothing(void) {
    arsync_pool* pool = open_pool();
    pthread_t thread;
    arsync_completion done;
    NEED(pthread_create(&thread, NULL, poll_for_the_end, pool) == 0);
    int count = 0;
    for (int i = 0; i < 10000 && count != -EBUSY; i++) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
        count = arsync_poll(pool, &done, 1, 0);
    }
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_DRAIN), 0);
    pthread_join(thread, NULL);
    CHECK(is_readable(arsync_pool_event_fd(pool), 0));
    arsync_pool_close(pool);
}

/* ---- What the pool tells ------------------------------------------------------------------ */

static void info_tells_what_is_used(void) {
    arsync_pool_options options = {
        .struct_size = sizeof options, .workers = 3, .buffer_count = 5, .buffer_size = 8192};
    arsync_pool* pool;
    NEED(arsync_pool_open(&options, &pool) == 0);
    arsync_info info;
    memset(&info, 0xff, sizeof info);
    info.struct_size = sizeof info;
    CHECK_EQUAL(arsync_pool_info(pool, &info), 0);
    CHECK(info.backend == ARSYNC_BACKEND_URING || info.backend == ARSYNC_BACKEND_THREADS);
    CHECK_EQUAL(info.workers, 3);
    CHECK(info.workers_started <= 3);
    CHECK_EQUAL(info.buffer_count, 5);
    CHECK_EQUAL(info.buffer_size, 8192);
    CHECK_EQUAL(info.queue_depth, ARSYNC_QUEUE_DEPTH_DEFAULT);
    CHECK_EQUAL(info.flags, 0);
    CHECK(info.backend_reason[0] != '\0');
    CHECK(memchr(info.backend_reason, 0, sizeof info.backend_reason) != NULL);
    CHECK(memchr(info.kernel_features, 0, sizeof info.kernel_features) != NULL);
    CHECK(info.sqpoll_reason[0] == '\0');
    CHECK(info.iopoll_reason[0] == '\0');
    arsync_pool_close(pool);
}

static void stats_add_up(void) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.method = ARSYNC_METHOD_FIXED;
    options.reflink = ARSYNC_REFLINK_NEVER;
    CHECK_EQUAL(copy(pool, "from", "to", &options).result, 0);
    CHECK_EQUAL(copy(pool, "missing", "to", &options).result, -ENOENT);
    arsync_stats stats = {.struct_size = sizeof stats};
    CHECK_EQUAL(arsync_pool_stats(pool, &stats), 0);
    CHECK_EQUAL(stats.jobs_submitted, 2);
    CHECK_EQUAL(stats.jobs_completed, 2);
    CHECK_EQUAL(stats.jobs_failed, 1);
    CHECK_EQUAL(stats.jobs_cancelled, 0);
    CHECK_EQUAL(stats.bytes_read, FILE_SIZE);
    CHECK_EQUAL(stats.bytes_written, FILE_SIZE);
    CHECK_EQUAL(stats.bytes_copied_in_user_space, 0);
    CHECK(stats.reads >= stats.reads_fixed + stats.reads_inline);
    CHECK(stats.writes >= stats.writes_fixed + stats.writes_inline);
    CHECK(stats.queue_depth_max >= 1);
    arsync_pool_close(pool);
}

static void names_are_those_of_the_header(void) {
    CHECK(strcmp(arsync_strerror(-ENOSPC), "No space left on device") == 0);
    CHECK(strcmp(arsync_strerror(ENOSPC), "No space left on device") == 0);
    CHECK(strcmp(arsync_strerror(-99999), "Unknown error") == 0);
    CHECK(strcmp(arsync_stage_name(ARSYNC_STAGE_OPEN_SOURCE), "open source") == 0);
    CHECK(strcmp(arsync_method_name(ARSYNC_METHOD_BUFFERED_DIRECT), "buffered-direct") == 0);
    CHECK(strcmp(arsync_backend_name(ARSYNC_BACKEND_URING), "uring") == 0);
    for (uint32_t i = 0; i <= ARSYNC_STAGE_FLAGS; i++)
        CHECK(strcmp(arsync_stage_name(i), "unknown") != 0);
    for (uint32_t i = 0; i <= ARSYNC_METHOD_MANAGED; i++)
        CHECK(strcmp(arsync_method_name(i), "unknown") != 0);
    for (uint32_t i = 0; i <= ARSYNC_BACKEND_THREADS; i++)
        CHECK(strcmp(arsync_backend_name(i), "unknown") != 0);
    for (uint32_t i = 0; i <= ARSYNC_ACTION_ACQUIRE; i++)
        CHECK(strcmp(arsync_action_name(i), "unknown") != 0);
    for (uint32_t i = ARSYNC_COMPLETION_JOB; i <= ARSYNC_COMPLETION_WAY; i++)
        CHECK(strcmp(arsync_completion_kind_name(i), "unknown") != 0);
    CHECK(strcmp(arsync_action_name(ARSYNC_ACTION_MAKE_DIRECTORY), "make directory") == 0);
    CHECK(strcmp(arsync_action_name(ARSYNC_ACTION_LIST), "list") == 0);
    CHECK(strcmp(arsync_action_name(ARSYNC_ACTION_ACQUIRE + 1), "unknown") == 0);
    CHECK(strcmp(arsync_completion_kind_name(ARSYNC_COMPLETION_ENTRY), "entry") == 0);
    CHECK(strcmp(arsync_completion_kind_name(ARSYNC_COMPLETION_ITEM), "item") == 0);
    CHECK(strcmp(arsync_completion_kind_name(ARSYNC_COMPLETION_WAY), "directory on the way") == 0);
    CHECK(strcmp(arsync_completion_kind_name(0), "unknown") == 0);
    CHECK(strcmp(arsync_completion_kind_name(ARSYNC_COMPLETION_WAY + 1), "unknown") == 0);
    CHECK(strcmp(arsync_stage_name(ARSYNC_STAGE_FLAGS + 1), "unknown") == 0);
    CHECK(strcmp(arsync_method_name(UINT32_MAX), "unknown") == 0);
    CHECK(strcmp(arsync_backend_name(ARSYNC_BACKEND_THREADS + 1), "unknown") == 0);
}

const struct test pool_tests[] = {
    TEST(progress_follows_a_job_to_its_end),
    TEST(id_is_stale_once_its_completion_was_polled),
    TEST(cancelled_job_completes_once_and_leaves_nothing),
    TEST(close_drops_what_was_not_polled),
    TEST(job_limit_holds_until_a_completion_is_polled),
    TEST(event_fd_is_readable_while_completions_wait),
    TEST(poll_waits_as_long_as_it_was_told),
    TEST(second_poller_is_told_that_the_pool_is_busy),
    TEST(pool_that_is_drained_gives_all_there_is_to_come),
    TEST(pool_that_is_shut_down_may_cancel_its_jobs),
    TEST(shutdown_ends_a_poll_of_nothing),
    TEST(info_tells_what_is_used),
    TEST(stats_add_up),
    TEST(names_are_those_of_the_header),
    {NULL, NULL},
};
