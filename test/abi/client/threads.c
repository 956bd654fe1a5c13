/* Threads of the caller that are woken, or cancelled, in the middle of it. */
#define _XOPEN_SOURCE 700
#include "client.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
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

    pool = open_pool();
    CHECK_EQUAL(arsync_pool_wake(pool), 0); /* before anybody has the descriptor */
    fd = arsync_pool_event_fd(pool);
    CHECK(is_readable(fd, 0));
    CHECK_EQUAL(arsync_poll(pool, &done, 1, -1), 0);
    CHECK(!is_readable(fd, 0));
    CHECK_EQUAL(arsync_pool_close(pool), 0);
}

/* AddressSanitizer takes the frames of a thread that was cancelled for still there. What it does
 * itself on such a stack, at the thread's end, is with its signal stack alone. */
#if defined(__SANITIZE_ADDRESS__)
const char* __asan_default_options(void);
const char* __asan_default_options(void) {
    return "use_sigaltstack=0";
}
#endif

/* ThreadSanitizer takes it for still in the call that it waited in. */
static bool may_cancel(void) {
#if defined(__SANITIZE_THREAD__)
    printf("SKIP: cancelled threads: ThreadSanitizer does not see that they left their calls\n");
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

/* A thread that calls one thing on and on, and what it has begun and ended. */
struct caller {
    arsync_pool* pool;
    void (*call)(struct caller*);
    bool is_cancelled_before; /* its thread has been when it calls */
    arsync_file file;
    int fd;
    atomic_ullong question; /* that waits for its answer */
    atomic_int begun, ended, submitted, polled;
};

static void taken(struct caller* caller, int error) {
    if (error == 0)
        caller->submitted++;
    else
        CHECK(error == -EAGAIN);
}

static void call_copy(struct caller* caller) {
    (void)caller;
    CHECK_EQUAL(arsync_copy(work, "from", work, "copied", NULL, NULL), 0);
}

static void call_copy_of_a_large_file(struct caller* caller) { /* by a pool of its own */
    (void)caller;
    arsync_copy_options options = copy_options();
    options.want = ARSYNC_WANT_DIGEST | ARSYNC_WANT_FD;
    arsync_completion done;
    CHECK_EQUAL(arsync_copy(work, "large", work, "large-copied", &options, &done), 0);
    arsync_details_free(done.details); /* closes the copy */
}

static void call_open_and_close(struct caller* caller) {
    (void)caller;
    arsync_pool* pool = NULL;
    CHECK_EQUAL(arsync_pool_open(NULL, &pool), 0);
    const int error = submit(pool, "from", "never", NULL, NULL);
    CHECK_EQUAL(error, 0);
    CHECK_EQUAL(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_CANCEL), 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
}

static void call_submit(struct caller* caller) {
    arsync_job job = 0;
    const int error = submit(caller->pool, "from", "to", NULL, &job);
    taken(caller, error);
    if (error != 0)
        return;
    arsync_adjustment adjustment = {.struct_size = sizeof adjustment,
                                    .what = ARSYNC_ADJUST_PRIORITY | ARSYNC_ADJUST_RESUME,
                                    .priority = 1};
    arsync_progress progress = {.struct_size = sizeof progress};
    const int said[] = {arsync_job_adjust(caller->pool, job, &adjustment),
                        arsync_job_progress(caller->pool, job, &progress),
                        arsync_job_cancel(caller->pool, job)};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        CHECK(said[i] == 0 || said[i] == -ENOENT); /* it has been polled */
}

static void call_submit_range(struct caller* caller) {
    taken(caller, arsync_submit_copy_range(caller->pool, caller->fd, 0, caller->fd, FILE_SIZE, 4096,
                                           NULL, 0, NULL));
}

static void call_list(struct caller* caller) {
    const arsync_item item = {"missing", "listed", 1, 0};
    taken(caller, arsync_submit_list(caller->pool, work, work, &item, 1, NULL, 0, NULL));
    arsync_job job = 0;
    const int error = arsync_list_open(caller->pool, work, work, NULL, 0, &job);
    taken(caller, error);
    if (error != 0)
        return;
    CHECK_EQUAL(arsync_list_add(caller->pool, job, &item, 1), 1);
    CHECK_EQUAL(arsync_list_end(caller->pool, job), 0);
}

static void call_answer(struct caller* caller) {
    arsync_copy_options options = copy_options();
    options.update = ARSYNC_UPDATE_ASK;
    taken(caller, submit(caller->pool, "from", "copied", &options, NULL));
    for (int i = 0; i < 50 && caller->question == 0; i++) {
        arsync_pool_wake(caller->pool);
        sched_yield();
    }
    const arsync_question question = atomic_exchange(&caller->question, 0);
    const int error = arsync_answer(caller->pool, question, ARSYNC_ANSWER_SKIP);
    CHECK(question == 0 ? error == -ENOENT : error == 0);
}

static void call_lease(struct caller* caller) {
    arsync_buffer buffer;
    const int error = arsync_buffer_acquire(caller->pool, 1, &buffer);
    CHECK(error == 0 || error == -EAGAIN);
    if (error != 0)
        return;
    taken(caller,
          arsync_submit_read(caller->pool, caller->file, 0, buffer.id, 0, 4096, 0, 0, NULL));
    const int written =
        arsync_submit_write(caller->pool, caller->file, 0, buffer.id, 8192, 4096, 0, 0, NULL);
    if (written != -EBUSY)
        taken(caller, written);
    taken(caller, arsync_submit_sync(caller->pool, caller->file, ARSYNC_SYNC_DATA, 0, NULL));
    CHECK_EQUAL(arsync_buffer_release(caller->pool, buffer.id), 0);
    taken(caller, arsync_submit_acquire(caller->pool, 1, 0, NULL));
}

static void call_file(struct caller* caller) {
    arsync_file file = 0;
    CHECK_EQUAL(arsync_file_open(caller->pool, caller->fd, 0, &file), 0);
    CHECK_EQUAL(arsync_file_close(caller->pool, file), 0);
    arsync_link_set set = 0;
    CHECK_EQUAL(arsync_link_set_open(caller->pool, &set), 0);
    CHECK_EQUAL(arsync_link_set_close(caller->pool, set), 0);
}

static void call_what_tells(struct caller* caller) {
    arsync_info info = {.struct_size = sizeof info};
    arsync_stats stats = {.struct_size = sizeof stats};
    char text[4096];
    CHECK_EQUAL(arsync_pool_info(caller->pool, &info), 0);
    CHECK_EQUAL(arsync_pool_stats(caller->pool, &stats), 0);
    CHECK(arsync_pool_describe(caller->pool, text, sizeof text) > 0);
    CHECK(arsync_pool_json(caller->pool, text, sizeof text) > 0);
    CHECK(arsync_pool_event_fd(caller->pool) >= 0);
    CHECK_EQUAL(arsync_pool_wake(caller->pool), 0);
    arsync_completion failed = {.kind = ARSYNC_COMPLETION_JOB,
                                .result = -ENOENT,
                                .stage = ARSYNC_STAGE_OPEN_SOURCE,
                                .flags = ARSYNC_COMPLETION_AT_SOURCE};
    arsync_copy_options options = copy_options();
    options.preserve = ARSYNC_PRESERVE_OWNER;
    options.user_map = "root:root"; /* looks into /etc/passwd */
    CHECK_EQUAL(arsync_describe(&failed, &options, work, "missing", work, "to", text, sizeof text),
                0);
    CHECK(arsync_completion_json(&failed, "missing", "to", NULL, text, NULL, 0) > 0);
    CHECK(arsync_quote("a b", 3, ARSYNC_QUOTE_SHELL, text, sizeof text) > 0);
    CHECK_EQUAL(arsync_options_check(&options, text, sizeof text), 0);
    options = copy_options();
    CHECK_EQUAL(arsync_option_set(&options, NULL, "map-users", "0:0", text, sizeof text), 0);
}

static void* call_on_and_on(void* argument) {
    struct caller* caller = argument;
    if (caller->is_cancelled_before)
        pthread_cancel(pthread_self());
    do {
        caller->begun++;
        caller->call(caller);
        caller->ended++;
        pthread_testcancel();
    } while (true);
    return NULL;
}

/* Takes what there is, and gives back buffers that came. */
static void poll_for(struct caller* caller, int timeout_ms) {
    arsync_completion done;
    const int count = arsync_poll(caller->pool, &done, 1, timeout_ms);
    CHECK(count >= 0);
    if (count != 1)
        return;
    if (done.kind == ARSYNC_COMPLETION_QUESTION) {
        const arsync_question before = atomic_exchange(&caller->question, done.details->question);
        if (before != 0)
            CHECK_EQUAL(arsync_answer(caller->pool, before, ARSYNC_ANSWER_SKIP), 0);
    }
    caller->polled += done.kind == ARSYNC_COMPLETION_JOB;
    if (done.action == ARSYNC_ACTION_ACQUIRE && done.details)
        for (uint64_t i = 0; i < done.details->buffer_count; i++)
            CHECK_EQUAL(arsync_buffer_release(caller->pool, done.details->buffers[i].id), 0);
}

static void poll_the_rest(struct caller* caller) {
    for (int i = 0; i < 60000 && caller->polled < caller->submitted; i++) {
        const arsync_question question = atomic_exchange(&caller->question, 0);
        if (question != 0)
            CHECK_EQUAL(arsync_answer(caller->pool, question, ARSYNC_ANSWER_SKIP), 0);
        poll_for(caller, 10);
    }
    CHECK_EQUAL(caller->polled, caller->submitted);
}

static void (*const calls[])(struct caller*) = {
    call_copy,           call_copy_of_a_large_file,
    call_open_and_close, call_submit,
    call_submit_range,   call_list,
    call_answer,         call_lease,
    call_file,           call_what_tells,
};

/* All but the wait in arsync_poll: see above for that. */
static void thread_cancelled_in_any_other_call_finishes_it(void) {
    if (!may_cancel())
        return;
    make_file("large", 5 * 1024 * 1024);
    CHECK_EQUAL(arsync_copy(work, "from", work, "copied", NULL, NULL), 0);
    const int before = open_descriptors();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct caller caller = {.call = calls[i]};
        const int rounds = caller.call == call_copy_of_a_large_file ? 8 : 20;
        arsync_pool_options options = {.struct_size = sizeof options, .job_limit = 64};
        NEED(arsync_pool_open(&options, &caller.pool) == 0);
        caller.fd = openat(work, "range", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        NEED(caller.fd >= 0 && ftruncate(caller.fd, FILE_SIZE) == 0);
        NEED(arsync_file_open(caller.pool, caller.fd, 0, &caller.file) == 0);
        for (int round = 0; round < rounds; round++) {
            caller.is_cancelled_before = round % 4 == 0;
            const int begun = caller.begun;
            pthread_t thread = start(call_on_and_on, &caller);
            struct timespec pause = {.tv_nsec = round * 60000L};
            while (caller.begun == begun)
                poll_for(&caller, 0);
            nanosleep(&pause, NULL);
            poll_for(&caller, 0);
            NEED(pthread_cancel(thread) == 0);
            CHECK_EQUAL(join(thread), (intptr_t)PTHREAD_CANCELED);
            CHECK_EQUAL(caller.ended, caller.begun);
            poll_the_rest(&caller);
        }
        poll_for(&caller, 0); /* takes a wake that nobody waited for */
        CHECK_EQUAL(copy(caller.pool, "from", "to", NULL).result, 0);
        CHECK(has_content("to", 0, FILE_SIZE));
        CHECK_EQUAL(arsync_pool_close(caller.pool), 0);
        close(caller.fd);
    }
    CHECK(has_content("copied", 0, FILE_SIZE));
    CHECK(has_content("large-copied", 0, 5 * 1024 * 1024));
    CHECK_EQUAL(open_descriptors(), before);
}

static void call_copy_of_a_pipe(struct caller* caller) {
    (void)caller;
    arsync_copy_options options = copy_options();
    options.flags = ARSYNC_COPY_SPECIAL;
    CHECK_EQUAL(arsync_copy(work, "pipe", work, "from-pipe", &options, NULL), 0);
}

static void thread_cancelled_in_a_copy_that_waits_goes_on_waiting(void) {
    if (!may_cancel())
        return;
    NEED(mkfifoat(work, "pipe", 0600) == 0);
    struct caller caller = {.call = call_copy_of_a_pipe};
    pthread_t thread = start(call_on_and_on, &caller);
    const int fd = openat(work, "pipe", O_WRONLY | O_CLOEXEC); /* until it reads */
    NEED(fd >= 0);
    pause_ms(20);
    NEED(pthread_cancel(thread) == 0);
    pause_ms(20);
    CHECK_EQUAL(caller.ended, 0);
    CHECK_EQUAL(write(fd, "in the end", 10), 10);
    close(fd);
    CHECK_EQUAL(join(thread), (intptr_t)PTHREAD_CANCELED);
    CHECK_EQUAL(caller.ended, 1);
    char text[16] = {0};
    const int copied = openat(work, "from-pipe", O_RDONLY | O_CLOEXEC);
    CHECK_EQUAL(read(copied, text, sizeof text), 10);
    CHECK(strcmp(text, "in the end") == 0);
    close(copied);
}

const struct test thread_tests[] = {
    TEST(wake_ends_a_poll_or_the_next_one),
    TEST(thread_cancelled_in_a_poll_leaves_the_pool_to_others),
    TEST(thread_cancelled_in_a_poll_may_close_the_pool_on_its_way),
    TEST(no_job_is_lost_whenever_threads_are_cancelled),
    TEST(thread_cancelled_in_a_close_closes),
    TEST(thread_cancelled_in_any_other_call_finishes_it),
    TEST(thread_cancelled_in_a_copy_that_waits_goes_on_waiting),
    {NULL, NULL},
};
