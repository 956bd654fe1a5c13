/* Threads of the caller that are woken, or cancelled, in the middle of it. */
#define _XOPEN_SOURCE 700
#include "client.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long ms) {
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Again while it meets a look of wait_for_poller, which polls, too. */
static int poll_for_long(arsync_pool* pool) {
    arsync_completion done;
    int count;
    do
        count = arsync_poll(pool, &done, 1, -1);
    while (count == -EBUSY);
    return count;
}

/* What the poll gives is the thread's result. */
static void* poll_for_ever(void* pool) {
    return (void*)(intptr_t)poll_for_long(pool);
}

/* Until a thread is in arsync_poll. */
static void wait_for_poller(arsync_pool* pool) {
    arsync_completion done;
    int count = 0;
    for (int i = 0; i < 10000 && count != -EBUSY; i++) {
        count = arsync_poll(pool, &done, 1, 0);
        pause_ms(1);
    }
    CHECK_EQUAL(count, -EBUSY);
}

static pthread_t start(void* (*body)(void*), void* argument) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

static intptr_t join(pthread_t thread) {
    void* result;
    NEED(pthread_join(thread, &result) == 0);
    return (intptr_t)result;
}

static void wake_ends_a_poll_or_the_next_one(void) {
    arsync_pool* pool = open_pool();
    arsync_completion done;
    CHECK_EQUAL(arsync_pool_wake(NULL), -EFAULT);
    pthread_t thread = start(poll_for_ever, pool);
    wait_for_poller(pool);
    CHECK_EQUAL(arsync_pool_wake(pool), 0);
    CHECK_EQUAL(join(thread), 0);

    CHECK_EQUAL(arsync_pool_wake(pool), 0);
    CHECK_EQUAL(arsync_pool_wake(pool), 0);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, -1), 0);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 50), 0); /* heeded once */
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >= 49);

    int fd = arsync_pool_event_fd(pool);
    CHECK_EQUAL(arsync_pool_wake(pool), 0);
    CHECK(is_readable(fd, 0));
    CHECK_EQUAL(arsync_poll(pool, &done, 1, -1), 0);
    CHECK(!is_readable(fd, 0));

    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    CHECK(is_readable(fd, 60000));
    CHECK_EQUAL(arsync_pool_wake(pool), 0);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, -1), 1); /* what there is */
    CHECK_EQUAL(done.result, 0);
    CHECK(!is_readable(fd, 0));
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK_EQUAL(arsync_pool_wake(pool), -EINVAL);
}

/* AddressSanitizer takes the frames of a thread that was cancelled for still there, and
 * ThreadSanitizer takes it for still in the call that it waited in. */
static bool may_cancel(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    printf("SKIP: cancelled threads: the sanitizer does not see that they have left their calls\n");
    return false;
#else
    return true;
#endif
}

static void thread_cancelled_in_a_poll_leaves_the_pool_to_others(void) {
    if (!may_cancel())
        return;
    arsync_pool* pool = open_pool();
    for (int round = 0; round < 3; round++) {
        pthread_t thread = start(poll_for_ever, pool);
        wait_for_poller(pool);
        NEED(pthread_cancel(thread) == 0);
        CHECK_EQUAL(join(thread), (intptr_t)PTHREAD_CANCELED);
        CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
        CHECK(has_content("to", 0, FILE_SIZE));
    }
    arsync_completion done;
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 20), 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
}

struct cleanup {
    arsync_pool* pool;
    int polled, closed;
};

static void clean_up(void* argument) {
    struct cleanup* cleanup = argument;
    arsync_completion done;
    cleanup->polled = arsync_poll(cleanup->pool, &done, 1, 0);
    cleanup->closed = arsync_pool_close(cleanup->pool);
}

static void* poll_and_clean_up(void* argument) {
    struct cleanup* cleanup = argument;
    pthread_cleanup_push(clean_up, cleanup);
    poll_for_long(cleanup->pool);
    pthread_cleanup_pop(0);
    return NULL;
}

static void thread_cancelled_in_a_poll_may_close_the_pool_on_its_way(void) {
    if (!may_cancel())
        return;
    struct cleanup cleanup = {open_pool(), -1, -1};
    pthread_t thread = start(poll_and_clean_up, &cleanup);
    wait_for_poller(cleanup.pool);
    NEED(pthread_cancel(thread) == 0);
    CHECK_EQUAL(join(thread), (intptr_t)PTHREAD_CANCELED);
    CHECK_EQUAL(cleanup.polled, 0);
    CHECK_EQUAL(cleanup.closed, 0);
}

struct crowd {
    arsync_pool* pool;
    atomic_int submitted, polled;
};

static void* submit_on_and_on(void* argument) {
    struct crowd* crowd = argument;
    while (true) {
        const int error = submit(crowd->pool, "missing", "to", NULL, NULL);
        if (error == 0)
            crowd->submitted++;
        else
            CHECK_EQUAL(error, -EAGAIN);
        pthread_testcancel();
    }
    return NULL;
}

static void* poll_on_and_on(void* argument) {
    struct crowd* crowd = argument;
    arsync_completion done[8];
    while (true) {
        const int count = arsync_poll(crowd->pool, done, 8, 1);
        if (count > 0)
            crowd->polled += count;
        else
            CHECK(count == 0 || count == -EBUSY);
        pthread_testcancel();
    }
    return NULL;
}

static int open_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void no_job_is_lost_whenever_threads_are_cancelled(void) {
    if (!may_cancel())
        return;
    const int before = open_descriptors();
    arsync_pool_options options = {.struct_size = sizeof options, .job_limit = 64};
    struct crowd crowd = {.submitted = 0, .polled = 0};
    NEED(arsync_pool_open(&options, &crowd.pool) == 0);
    for (int round = 0; round < 200; round++) {
        pthread_t submitter = start(submit_on_and_on, &crowd);
        pthread_t poller = start(poll_on_and_on, &crowd);
        struct timespec pause = {.tv_nsec = round * 5000L};
        nanosleep(&pause, NULL);
        NEED(pthread_cancel(submitter) == 0 && pthread_cancel(poller) == 0);
        CHECK_EQUAL(join(submitter), (intptr_t)PTHREAD_CANCELED);
        CHECK_EQUAL(join(poller), (intptr_t)PTHREAD_CANCELED);
    }
    arsync_completion done;
    while (crowd.polled < crowd.submitted && arsync_poll(crowd.pool, &done, 1, 60000) == 1)
        crowd.polled++;
    CHECK_EQUAL(crowd.polled, crowd.submitted);
    CHECK_EQUAL(arsync_poll(crowd.pool, &done, 1, 0), 0);
    CHECK_EQUAL(arsync_pool_close(crowd.pool), 0);
    CHECK_EQUAL(open_descriptors(), before);
}

static void* close_it(void* pool) {
    return (void*)(intptr_t)arsync_pool_close(pool);
}

static void thread_cancelled_in_a_close_closes(void) {
    if (!may_cancel())
        return;
    const int before = open_descriptors();
    for (int round = 0; round < 20; round++) {
        arsync_pool* pool = open_pool();
        for (int i = 0; i < 20; i++) {
            char to[16];
            snprintf(to, sizeof to, "to-%d", i);
            CHECK_EQUAL(submit(pool, "from", to, NULL, NULL), 0);
        }
        pthread_t thread = start(close_it, pool);
        struct timespec pause = {.tv_nsec = round * 20000L};
        nanosleep(&pause, NULL);
        pthread_cancel(thread);
        const intptr_t result = join(thread);
        CHECK(result == 0 || result == (intptr_t)PTHREAD_CANCELED);
        const int again = arsync_pool_close(pool); /* if it had not begun */
        CHECK(again == -EINVAL || (again == 0 && result != 0));
    }
    CHECK_EQUAL(open_descriptors(), before);
}

const struct test thread_tests[] = {
    TEST(wake_ends_a_poll_or_the_next_one),
    TEST(thread_cancelled_in_a_poll_leaves_the_pool_to_others),
    TEST(thread_cancelled_in_a_poll_may_close_the_pool_on_its_way),
    TEST(no_job_is_lost_whenever_threads_are_cancelled),
    TEST(thread_cancelled_in_a_close_closes),
    {NULL, NULL},
};
