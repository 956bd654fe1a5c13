/* One copy: the call without a pool, options, paths, details. */
#define _XOPEN_SOURCE 700
#include "cases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

CASE(copies_a_file) {
    arsync_completion done;
    CHECK_EQUAL(arsync_copy(work, "from", work, "to", NULL, &done), 0);
    CHECK(has_content("to", 0, FILE_SIZE));
    CHECK_EQUAL(done.bytes, FILE_SIZE);
    CHECK(done.method != ARSYNC_METHOD_AUTO);
    CHECK(done.details == NULL);
}

CASE(tells_what_failed) {
    arsync_completion done;
    CHECK_EQUAL(arsync_copy(work, "missing", work, "to", NULL, &done), -ENOENT);
    CHECK_EQUAL(done.stage, ARSYNC_STAGE_OPEN_SOURCE);
    CHECK(done.flags & ARSYNC_COMPLETION_AT_SOURCE);
    CHECK(strcmp(arsync_stage_name(done.stage), "open source") == 0);
    CHECK(!exists("to"));
}

CASE(hands_on_options) {
    arsync_copy_options options = copy_options();
    arsync_completion done;
    make_file("to", 10);
    options.replace = ARSYNC_REPLACE_EXCLUSIVE;
    CHECK_EQUAL(arsync_copy(work, "from", work, "to", &options, &done), -EEXIST);
    CHECK(done.flags & ARSYNC_COMPLETION_AT_DESTINATION);
    CHECK(done.flags & ARSYNC_COMPLETION_CONFLICT);
    CHECK(has_content("to", 0, 10));

    const struct timespec times[] = {{1000000000, 0}, {1000000000, 123456789}};
    NEED(fchmodat(work, "from", 0640, 0) == 0 && utimensat(work, "from", times, 0) == 0);
    options.replace = ARSYNC_REPLACE_ATOMIC;
    options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES;
    options.durability = ARSYNC_DURABILITY_FULL;
    options.flags = ARSYNC_COPY_VERIFY;
    CHECK_EQUAL(arsync_copy(work, "from", work, "to", &options, &done), 0);
    CHECK(has_content("to", 0, FILE_SIZE));
    struct stat st;
    NEED(fstatat(work, "to", &st, 0) == 0);
    CHECK_EQUAL(st.st_mode & 07777, 0640);
    CHECK_EQUAL(st.st_mtim.tv_sec, 1000000000);
    CHECK_EQUAL(st.st_mtim.tv_nsec, 123456789);
}

CASE(refuses_mistaken_options) {
    arsync_copy_options options = copy_options();
    char why[128];
    options.backup = ARSYNC_BACKUP_SIMPLE;
    options.backup_suffix = "/";
    CHECK_EQUAL(arsync_options_check(&options, why, sizeof why), -EINVAL);
    CHECK(strstr(why, "backup_suffix") != NULL);
    CHECK_EQUAL(arsync_copy(work, "from", work, "to", &options, NULL), -EINVAL);
    CHECK(!exists("to"));
}

CASE(refuses_bad_paths) {
    static char longest[4097];
    memset(longest, 'x', 4096);
    CHECK_EQUAL(arsync_copy(work, "", work, "to", NULL, NULL), -ENOENT);
    CHECK_EQUAL(arsync_copy(work, "from", work, "", NULL, NULL), -ENOENT);
    CHECK_EQUAL(arsync_copy(work, longest, work, "to", NULL, NULL), -ENAMETOOLONG);
}

CASE(copies_names_that_are_not_utf_8) {
    NEED(mkdirat(work, "tree", 0755) == 0);
    make_file("tree/\xff\xfe x", 10);
    CHECK_EQUAL(arsync_copy(work, "tree/\xff\xfe x", work, "\xff\xfe y", NULL, NULL), 0);
    CHECK(has_content("\xff\xfe y", 0, 10));

    arsync_copy_options options = copy_options();
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.report = ARSYNC_REPORT_ALL;
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(submit(pool, "tree", "copy", &options, NULL), 0);
    bool told = false;
    arsync_completion done = wait_one(pool);
    for (; done.kind == ARSYNC_COMPLETION_ENTRY; done = wait_one(pool))
        told = told || strcmp(done.path, "\xff\xfe x") == 0;
    CHECK(told);
    CHECK_EQUAL(done.result, 0);
    CHECK(has_content("copy/\xff\xfe x", 0, 10));
    arsync_pool_close(pool);
}

CASE(tells_details_on_request) {
    arsync_copy_options options = copy_options();
    options.want =
        ARSYNC_WANT_SOURCE | ARSYNC_WANT_DESTINATION | ARSYNC_WANT_TIMES | ARSYNC_WANT_DIGEST;
    options.flags = ARSYNC_COPY_VERIFY;
    uint64_t digest[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        arsync_completion done;
        CHECK_EQUAL(arsync_copy(work, i == 0 ? "from" : "to", work, i == 0 ? "to" : "again",
                                &options, &done),
                    0);
        NEED(done.details != NULL);
        const arsync_details* details = done.details;
        CHECK_EQUAL(details->has, options.want);
        CHECK_EQUAL(details->source.size, FILE_SIZE);
        CHECK_EQUAL(details->destination.size, FILE_SIZE);
        CHECK(S_ISREG(details->source.mode));
        CHECK(details->source.inode != details->destination.inode);
        CHECK(details->begin_ns != 0 && details->begin_ns <= details->end_ns);
        if (i == 0)
            memcpy(digest, details->digest, sizeof digest);
        else
            CHECK(memcmp(digest, details->digest, sizeof digest) == 0);
        arsync_details_free(details);
    }
}
