/* Pools: several, closing, shutting down, child processes, what they tell. */
#define _XOPEN_SOURCE 700
#include "cases.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

CASE(keeps_two_pools_apart) {
    arsync_pool* one = open_pool();
    arsync_pool* other = open_slow_pool();
    arsync_job job;
    CHECK_EQUAL(submit(other, "from", "slow", NULL, &job), 0);
    CHECK_EQUAL(submit(one, "from", "to", NULL, NULL), 0);
    CHECK_EQUAL(wait_one(one).result, 0);
    CHECK_EQUAL(arsync_pool_close(other), 0);
    CHECK_EQUAL(copy(one, "from", "to-2", NULL).result, 0);
    CHECK_EQUAL(arsync_pool_close(one), 0);
    CHECK(!exists("slow"));
}

CASE(closes_with_jobs_in_flight) {
    enum { JOBS = 100 };
    arsync_pool* pool = open_slow_pool();
    for (int i = 0; i < JOBS; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK_EQUAL(submit(pool, "from", to, NULL, NULL), 0);
    }
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_CANCEL), 0);
    CHECK_EQUAL(wait_one(pool).result, -ECANCELED); /* and the rest are dropped */
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK_EQUAL(arsync_pool_close(pool), -EINVAL);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), -EINVAL);
    for (int i = 0; i < JOBS; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK(!exists(to));
    }
}

CASE(drains) {
    enum { JOBS = 20 };
    arsync_pool* pool = open_pool();
    for (int i = 0; i < JOBS; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK_EQUAL(submit(pool, "from", to, NULL, NULL), 0);
    }
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_DRAIN), 0);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), -ESHUTDOWN);
    arsync_completion done;
    int count, ended = 0;
    while ((count = arsync_poll(pool, &done, 1, 60000)) == 1) {
        CHECK_EQUAL(done.result, 0);
        ended++;
    }
    CHECK_EQUAL(count, -ESHUTDOWN);
    CHECK_EQUAL(ended, JOBS);
    arsync_pool_close(pool);
}

CASE(runs_commands_while_copies_run) {
    enum { CHILDREN = 20, JOBS = 200 };
    arsync_pool* pool = open_pool();
    for (int i = 0; i < JOBS; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        CHECK_EQUAL(submit(pool, "from", to, NULL, NULL), 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        char* const arguments[] = {
            "sh", "-c", "! ls -l /proc/self/fd | grep -e io_uring -e eventfd -e arsync-client",
            NULL};
        pid_t child;
        int status = -1;
        NEED(posix_spawnp(&child, "sh", NULL, NULL, arguments, environ) == 0);
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    for (int i = 0; i < JOBS; i++)
        CHECK_EQUAL(wait_one(pool).result, 0);
    arsync_pool_close(pool);
}

CASE(is_told_in_a_forked_child) {
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    const pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        arsync_completion done;
        const bool told = submit(pool, "from", "to-2", NULL, NULL) == -EOWNERDEAD &&
                          arsync_poll(pool, &done, 1, 0) == -EOWNERDEAD &&
                          arsync_pool_event_fd(pool) == -EOWNERDEAD && arsync_pool_close(pool) == 0;
        _exit(told ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    arsync_pool_close(pool);
}

CASE(tells_about_itself) {
    CHECK_EQUAL(arsync_version_number(), ARSYNC_VERSION_NUMBER);
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
    arsync_info info = {.struct_size = sizeof info};
    arsync_stats stats = {.struct_size = sizeof stats};
    CHECK_EQUAL(arsync_pool_info(pool, &info), 0);
    CHECK_EQUAL(arsync_pool_stats(pool, &stats), 0);
    CHECK(info.backend_reason[0] != '\0');
    CHECK(info.workers >= 1);
    CHECK_EQUAL(stats.jobs_completed, 1);
    CHECK(strcmp(arsync_backend_name(info.backend), "unknown") != 0);
    CHECK(strcmp(arsync_stage_name(ARSYNC_STAGE_WRITE), "write") == 0);
    CHECK(strcmp(arsync_method_name(ARSYNC_METHOD_REFLINK), "reflink") == 0);
    CHECK(strcmp(arsync_strerror(-ENOSPC), "No space left on device") == 0);
    arsync_pool_close(pool);
}
