/* Lists, trees and questions. */
#define _XOPEN_SOURCE 700
#include "cases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

CASE(copies_a_list) {
    arsync_pool* pool = open_pool();
    const arsync_item items[] = {
        {"from", "to-0", 100, 0}, {"no", "to-1", 101, 0}, {"from", "to-2", 102, 0}};
    CHECK_EQUAL(arsync_submit_list(pool, work, work, items, 3, NULL, 7, NULL), 0);
    int results[3] = {1, 1, 1};
    arsync_completion done = wait_one(pool);
    for (; done.kind == ARSYNC_COMPLETION_ITEM; done = wait_one(pool)) {
        NEED(done.user_data >= 100 && done.user_data < 103);
        results[done.user_data - 100] = done.result;
    }
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_JOB);
    CHECK_EQUAL(done.user_data, 7);
    CHECK_EQUAL(done.result, -ENOENT);
    CHECK_EQUAL(results[0], 0);
    CHECK_EQUAL(results[1], -ENOENT);
    CHECK_EQUAL(results[2], 0);
    CHECK(has_content("to-0", 0, FILE_SIZE) && has_content("to-2", 0, FILE_SIZE));
    arsync_pool_close(pool);
}

CASE(adds_to_an_open_list) {
    enum { ITEMS = 1000 };
    arsync_pool* pool = open_pool();
    arsync_job job;
    make_file("small", 100);
    CHECK_EQUAL(arsync_list_open(pool, work, work, NULL, 7, &job), 0);
    int ended = 0;
    arsync_completion done;
    for (int i = 0; i < ITEMS; i++) {
        char to[16];
        snprintf(to, sizeof to, "to-%d", i);
        const arsync_item item = {"small", to, (uint64_t)i, 0};
        int added;
        while ((added = arsync_list_add(pool, job, &item, 1)) == 0)
            ended += wait_one(pool).kind == ARSYNC_COMPLETION_ITEM;
        CHECK_EQUAL(added, 1);
    }
    CHECK_EQUAL(arsync_list_end(pool, job), 0);
    CHECK_EQUAL(arsync_list_end(pool, job), -EINVAL);
    while ((done = wait_one(pool)).kind == ARSYNC_COMPLETION_ITEM) {
        CHECK_EQUAL(done.result, 0);
        ended++;
    }
    CHECK_EQUAL(ended, ITEMS);
    CHECK_EQUAL(done.result, 0);
    CHECK(has_content("to-999", 0, 100));
    arsync_pool_close(pool);
}

/* "tree" with two directories of three files. */
static void make_tree(void) {
    static const char* const directories[] = {"tree", "tree/a", "tree/b"};
    for (int i = 0; i < 3; i++)
        NEED(mkdirat(work, directories[i], 0755) == 0);
    for (int i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "tree/%c/%d", i < 3 ? 'a' : 'b', i % 3);
        make_file(name, 5000);
    }
}

CASE(copies_a_tree) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.report = ARSYNC_REPORT_ALL;
    options.want = ARSYNC_WANT_TOTALS;
    make_tree();
    CHECK_EQUAL(submit(pool, "tree", "copy", &options, NULL), 0);
    int entries = 0;
    bool last_file = false;
    arsync_completion done = wait_one(pool);
    for (; done.kind == ARSYNC_COMPLETION_ENTRY; done = wait_one(pool)) {
        entries++;
        last_file = last_file || strcmp(done.path, "b/2") == 0;
    }
    CHECK_EQUAL(entries, 9);
    CHECK(last_file);
    CHECK_EQUAL(done.result, 0);
    NEED(done.details != NULL && done.details->totals != NULL);
    CHECK_EQUAL(done.details->totals->files, 6);
    CHECK_EQUAL(done.details->totals->directories, 3);
    CHECK_EQUAL(done.details->totals->bytes, 30000);
    CHECK(has_content("copy/b/2", 0, 5000));
    arsync_pool_close(pool);
}

CASE(tells_entries_that_fail) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.want = ARSYNC_WANT_TOTALS | ARSYNC_WANT_ERROR_PATH;
    make_tree();
    NEED(mkdirat(work, "copy", 0755) == 0 && mkdirat(work, "copy/a", 0755) == 0 &&
         mkdirat(work, "copy/a/1", 0755) == 0);
    CHECK_EQUAL(submit(pool, "tree", "copy", &options, NULL), 0);
    arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_ENTRY);
    CHECK(strcmp(done.path, "a/1") == 0);
    CHECK_EQUAL(done.result, -EISDIR);
    done = wait_one(pool);
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_JOB);
    CHECK_EQUAL(done.result, -EISDIR);
    NEED(done.details != NULL && done.details->error_path != NULL);
    CHECK(strcmp(done.details->error_path, "a/1") == 0);
    CHECK_EQUAL(done.details->totals->errors, 1);
    CHECK_EQUAL(done.details->totals->files, 5);
    arsync_pool_close(pool);
}

CASE(answers_questions) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.update = ARSYNC_UPDATE_ASK;
    options.report = ARSYNC_REPORT_ALL;
    make_tree();
    NEED(mkdirat(work, "copy", 0755) == 0 && mkdirat(work, "copy/a", 0755) == 0);
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "copy/a/%d", i);
        make_file(name, 10);
    }
    CHECK_EQUAL(submit(pool, "tree", "copy", &options, NULL), 0);
    char kept[64] = "";
    arsync_completion done;
    while ((done = wait_one(pool)).kind != ARSYNC_COMPLETION_JOB) {
        if (done.kind == ARSYNC_COMPLETION_QUESTION) {
            static const uint32_t answers[] = {ARSYNC_ANSWER_SKIP, ARSYNC_ANSWER_REPLACE,
                                               ARSYNC_ANSWER_KEEP_BOTH};
            CHECK_EQUAL(done.details->source.size, 5000);
            CHECK_EQUAL(done.details->destination.size, 10);
            const int which = done.path[2] - '0';
            CHECK_EQUAL(arsync_answer(pool, done.details->question, answers[which]), 0);
        } else if (done.flags & ARSYNC_COMPLETION_KEPT_BOTH) {
            snprintf(kept, sizeof kept, "copy/a/%s", done.details->name);
        }
    }
    CHECK_EQUAL(done.result, 0);
    CHECK(has_content("copy/a/0", 0, 10));
    CHECK(has_content("copy/a/1", 0, 5000));
    CHECK(has_content("copy/a/2", 0, 10));
    CHECK(strcmp(kept, "copy/a/2 (1)") == 0);
    CHECK(has_content(kept, 0, 5000));
    arsync_pool_close(pool);
}

CASE(stops_by_an_answer) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.update = ARSYNC_UPDATE_ASK;
    make_file("to", 10);
    CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), 0);
    arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_QUESTION);
    const arsync_question question = done.details->question;
    CHECK_EQUAL(arsync_answer(pool, question, ARSYNC_ANSWER_STOP), 0);
    CHECK_EQUAL(arsync_answer(pool, question, ARSYNC_ANSWER_SKIP), -ENOENT);
    CHECK_EQUAL(wait_one(pool).result, -ECANCELED);
    CHECK(has_content("to", 0, 10));
    arsync_pool_close(pool);
}

CASE(leaves_a_loop_early) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.update = ARSYNC_UPDATE_ASK;
    options.report = ARSYNC_REPORT_ALL;
    arsync_job job;
    make_tree();
    NEED(mkdirat(work, "copy", 0755) == 0 && mkdirat(work, "copy/a", 0755) == 0);
    make_file("copy/a/0", 10);
    CHECK_EQUAL(submit(pool, "tree", "copy", &options, &job), 0);
    while (wait_one(pool).kind != ARSYNC_COMPLETION_QUESTION) {
    }
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), 0); /* goes on beside it */
    arsync_completion done;
    while ((done = wait_one(pool)).kind != ARSYNC_COMPLETION_JOB) {
    }
    CHECK(done.job != job);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK(has_content("copy/a/0", 0, 10));
}
