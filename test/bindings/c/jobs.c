/* Jobs of a pool. */
#define _XOPEN_SOURCE 700
#include "cases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

CASE(copies_through_a_pool) {
    arsync_pool* pool = open_pool();
    arsync_job job = 0;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    const arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.job, job);
    CHECK_EQUAL(done.user_data, 7);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.bytes, FILE_SIZE);
    CHECK(has_content("to", 0, FILE_SIZE));
    arsync_pool_close(pool);
}

CASE(wakes_its_waiter) {
    arsync_pool* pool = open_pool();
    const int fd = arsync_pool_event_fd(pool);
    CHECK(!is_readable(fd, 0));
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    CHECK(is_readable(fd, 60000));
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK(!is_readable(fd, 0));
    arsync_pool_close(pool);
}

CASE(reports_progress) {
    arsync_pool* pool = open_pool();
    arsync_job job;
    arsync_progress progress = {.struct_size = sizeof progress};
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    uint64_t before = 0, speed = 0;
    do {
        NEED(arsync_job_progress(pool, job, &progress) == 0);
        CHECK(progress.bytes_done >= before && progress.bytes_done <= FILE_SIZE);
        before = progress.bytes_done;
        speed |= progress.bytes_per_second;
    } while (progress.state != ARSYNC_JOB_COMPLETED);
    CHECK_EQUAL(progress.bytes_done, FILE_SIZE);
    CHECK_EQUAL(progress.bytes_total, FILE_SIZE);
    CHECK(speed > 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK_EQUAL(arsync_job_progress(pool, job, &progress), -ENOENT);
    arsync_pool_close(pool);
}

CASE(cancels_a_job) {
    arsync_pool* pool = open_slow_pool();
    arsync_job job;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    CHECK_EQUAL(arsync_job_cancel(pool, job), 0);
    CHECK_EQUAL(wait_one(pool).result, -ECANCELED);
    arsync_completion done;
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 0), 0);
    CHECK(!exists("to"));
    arsync_pool_close(pool);
}

CASE(pauses_and_resumes) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.update = ARSYNC_UPDATE_ASK; /* so that the pause comes before the end */
    options.reflink = ARSYNC_REFLINK_NEVER;
    arsync_adjustment change = {.struct_size = sizeof change, .what = ARSYNC_ADJUST_PAUSE};
    arsync_progress progress = {.struct_size = sizeof progress};
    arsync_completion done;
    arsync_job job;
    make_file("to", 10);
    CHECK_EQUAL(submit(pool, "from", "to", &options, &job), 0);
    done = wait_one(pool);
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_QUESTION);
    CHECK_EQUAL(arsync_job_adjust(pool, job, &change), 0);
    CHECK_EQUAL(arsync_job_progress(pool, job, &progress), 0);
    CHECK(progress.flags & ARSYNC_PROGRESS_PAUSED);
    CHECK_EQUAL(arsync_answer(pool, done.details->question, ARSYNC_ANSWER_REPLACE), 0);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 1000), 0);
    change.what = ARSYNC_ADJUST_RESUME;
    CHECK_EQUAL(arsync_job_adjust(pool, job, &change), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK(has_content("to", 0, FILE_SIZE));
    arsync_pool_close(pool);
}

CASE(survives_an_abandoned_job) {
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(submit(pool, "from", "nobody", NULL, NULL), 0); /* no id: it just ends */
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
}

CASE(copies_ten_thousand_at_once) {
    enum { JOBS = 10000 };
    arsync_pool* pool = open_pool();
    make_file("small", 100);
    for (int i = 0; i < JOBS; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        NEED(submit(pool, "small", to, NULL, NULL) == 0);
    }
    int ended = 0;
    for (; ended < JOBS; ended++)
        CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK(has_content("to-0", 0, 100));
    CHECK(has_content("to-9999", 0, 100));
    arsync_info info = {.struct_size = sizeof info};
    CHECK_EQUAL(arsync_pool_info(pool, &info), 0);
    CHECK(info.workers_started <= ARSYNC_WORKERS_DEFAULT_MAX);
    arsync_pool_close(pool);
}

CASE(tells_when_the_job_limit_is_reached) {
    const arsync_pool_options options = {.struct_size = sizeof options, .job_limit = 1};
    arsync_pool* pool = NULL;
    NEED(arsync_pool_open(&options, &pool) == 0);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0);
    CHECK_EQUAL(submit(pool, "from", "to-2", NULL, NULL), -EAGAIN);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK_EQUAL(submit(pool, "from", "to-2", NULL, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    arsync_pool_close(pool);
}

CASE(keeps_hard_links_between_jobs) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    NEED(linkat(work, "from", work, "from-2", 0) == 0);
    CHECK_EQUAL(arsync_link_set_open(pool, &options.link_set), 0);
    options.preserve = ARSYNC_PRESERVE_LINKS;
    CHECK_EQUAL(copy(pool, "from", "to", &options).result, 0);
    CHECK_EQUAL(copy(pool, "from-2", "to-2", &options).result, 0);
    CHECK_EQUAL(arsync_link_set_close(pool, options.link_set), 0);
    CHECK_EQUAL(arsync_link_set_close(pool, options.link_set), -ENOENT);
    struct stat one, other;
    NEED(fstatat(work, "to", &one, 0) == 0 && fstatat(work, "to-2", &other, 0) == 0);
    CHECK(one.st_ino == other.st_ino);
    arsync_pool_close(pool);
}

CASE(copies_between_open_files) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    const int from = open_file("from", O_RDONLY), to = open_file("to", O_RDWR | O_CREAT);
    options.flags = ARSYNC_COPY_SRC_FD | ARSYNC_COPY_DST_FD;
    CHECK_EQUAL(arsync_submit_copy(pool, from, NULL, to, NULL, &options, 0, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK(has_content("to", 0, FILE_SIZE));

    const int part = open_file("part", O_RDWR | O_CREAT);
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 1000, part, 0, 50000, NULL, 0, NULL), 0);
    const arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.bytes, 50000);
    CHECK(has_content("part", 1000, 50000));
    close(from);
    close(to);
    close(part);
    arsync_pool_close(pool);
}

CASE(gives_the_finished_file) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.want = ARSYNC_WANT_FD;
    const arsync_completion done = copy(pool, "from", "to", &options);
    CHECK_EQUAL(done.result, 0);
    const int fd = arsync_take_fd(pool, &done);
    NEED(fd >= 0);
    CHECK_EQUAL(arsync_take_fd(pool, &done), -ENOENT);
    struct stat st;
    char data[16];
    CHECK(fstat(fd, &st) == 0 && st.st_size == FILE_SIZE);
    CHECK_EQUAL(read(fd, data, sizeof data), sizeof data);
    close(fd);
    arsync_pool_close(pool);
}
