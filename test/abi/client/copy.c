/* What a copy does, and what its completion says. */
#define _XOPEN_SOURCE 700
#include "client.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void version_is_that_of_the_header(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", ARSYNC_VERSION_MAJOR, ARSYNC_VERSION_MINOR,
             ARSYNC_VERSION_PATCH);
    CHECK(strcmp(arsync_version(), version) == 0);
    CHECK_EQUAL(arsync_version_number(), ARSYNC_VERSION_NUMBER);
}

static void one_copy_gives_one_complete_completion(void) {
    arsync_pool* pool = open_pool();
    arsync_job job = 0;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    CHECK(job != 0);
    arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK(done.job == job);
    CHECK_EQUAL(done.user_data, 7);
    CHECK_EQUAL(done.bytes, FILE_SIZE);
    CHECK_EQUAL(done.hole_bytes, 0);
    CHECK(done.path == NULL);
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_JOB);
    CHECK_EQUAL(done.flags, ARSYNC_COMPLETION_COPIED);
    CHECK_EQUAL(done.stage, ARSYNC_STAGE_NONE);
    CHECK(done.method != ARSYNC_METHOD_AUTO);
    CHECK_EQUAL(done.action, ARSYNC_ACTION_COPY);
    CHECK(done.details == NULL);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 0), 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK(has_content("to", 0, FILE_SIZE));
}

static void every_method_copies_on_every_backend(void) {
    for (uint32_t backend = ARSYNC_BACKEND_AUTO; backend <= ARSYNC_BACKEND_THREADS; backend++) {
        arsync_pool_options pool_options = {.struct_size = sizeof pool_options, .backend = backend};
        arsync_pool* pool = NULL;
        int error = arsync_pool_open(&pool_options, &pool);
        if (backend == ARSYNC_BACKEND_URING && error != 0) {
            CHECK(error == -EPERM || error == -ENOSYS || error == -ENOMEM);
            continue;
        }
        NEED(error == 0);
        for (uint32_t method = ARSYNC_METHOD_AUTO; method <= ARSYNC_METHOD_MANAGED; method++) {
            /* Sharing or failing is its own contract; not every file system can. */
            if (method == ARSYNC_METHOD_REFLINK)
                continue;
            arsync_copy_options options = copy_options();
            options.method = method;
            options.replace = ARSYNC_REPLACE_EXCLUSIVE;
            arsync_completion done = copy(pool, "from", "to", &options);
            CHECK_EQUAL(done.result, 0);
            CHECK_EQUAL(done.bytes, FILE_SIZE);
            if (method != ARSYNC_METHOD_AUTO && !(done.flags & ARSYNC_COMPLETION_FALLBACK))
                CHECK_EQUAL(done.method, method);
            CHECK(has_content("to", 0, FILE_SIZE));
            CHECK(unlinkat(work, "to", 0) == 0);
        }
        CHECK_EQUAL(arsync_pool_close(pool), 0);
    }
}

/* What a failure of these is called; the names are those that the copy was submitted with. */
static void check_described(const arsync_completion* done, const arsync_copy_options* options,
                            const char* src, const char* dst, const char* sentence) {
    char text[256];
    memset(text, 'x', sizeof text);
    CHECK_EQUAL(arsync_describe(done, options, work, src, work, dst, text, sizeof text), 0);
    if (strcmp(text, sentence) != 0) {
        printf("\"%s\" is not \"%s\"\n", text, sentence);
        failures++;
    }
    char cut[8];
    CHECK_EQUAL(arsync_describe(done, options, work, src, work, dst, cut, sizeof cut), 0);
    CHECK(strncmp(cut, sentence, sizeof cut - 1) == 0);
    CHECK_EQUAL(arsync_describe(done, options, work, src, work, dst, NULL, 0), 0);
    CHECK_EQUAL(arsync_describe(done, options, work, src, work, dst, NULL, 1), -EFAULT);
}

static void check_quoted(const char* name, uint32_t quoting, const char* quoted) {
    char text[64];
    const int length = arsync_quote(name, strlen(name), quoting, text, sizeof text);
    if (length != (int)strlen(quoted) || strcmp(text, quoted) != 0) {
        printf("%s is not %s\n", text, quoted);
        failures++;
    }
}

/* The locale is C. */
static void names_are_quoted(void) {
    check_quoted("a b", ARSYNC_QUOTE_SHELL, "'a b'");
    check_quoted("it's", ARSYNC_QUOTE_SHELL, "\"it's\"");
    check_quoted("$it's", ARSYNC_QUOTE_SHELL, "'$it'\\''s'");
    check_quoted("new\nline", ARSYNC_QUOTE_SHELL, "'new'$'\\n''line'");
    check_quoted("\033[2J\377", ARSYNC_QUOTE_SHELL, "''$'\\033''[2J'$'\\377'");
    check_quoted("", ARSYNC_QUOTE_SHELL, "''");
    check_quoted("plain", ARSYNC_QUOTE_SHELL, "'plain'");
    check_quoted("plain", ARSYNC_QUOTE_IF_NEEDED, "plain");
    check_quoted("~", ARSYNC_QUOTE_IF_NEEDED, "'~'");
    check_quoted("", ARSYNC_QUOTE_IF_NEEDED, "''");
    check_quoted("it's", ARSYNC_QUOTE_WORD, "'it\\'s'");

    char text[4] = "xxx";
    CHECK_EQUAL(arsync_quote("a\0b", 3, ARSYNC_QUOTE_SHELL, text, sizeof text), 13);
    CHECK(strcmp(text, "'a'") == 0);
    CHECK_EQUAL(arsync_quote("a", 1, ARSYNC_QUOTE_SHELL, NULL, 0), 3);
    CHECK_EQUAL(arsync_quote("a", 1, ARSYNC_QUOTE_SHELL, NULL, 1), -EFAULT);
    CHECK_EQUAL(arsync_quote(NULL, 0, ARSYNC_QUOTE_SHELL, text, sizeof text), 2);
    CHECK_EQUAL(arsync_quote(NULL, 1, ARSYNC_QUOTE_SHELL, text, sizeof text), -EFAULT);
    CHECK_EQUAL(arsync_quote("a", 1, 3, text, sizeof text), -EINVAL);
}

static void failures_are_described(void) {
    arsync_completion done;
    arsync_copy_options options = copy_options();
    CHECK(mkdirat(work, "tree", 0700) == 0);
    CHECK(symlinkat("nothing", work, "dangling") == 0);
#define CHECK_DESCRIBED(src, dst, sentence)                                                        \
    do {                                                                                           \
        CHECK(arsync_copy(work, src, work, dst, &options, &done) < 0);                             \
        check_described(&done, &options, src, dst, sentence);                                      \
        arsync_details_free(done.details);                                                         \
    } while (0)
    CHECK_DESCRIBED("missing", "to", "cannot stat $s: No such file or directory");
    CHECK_DESCRIBED("tree", "to", "omitting directory $s");
    CHECK_DESCRIBED("from", "from", "$s and $d are the same file");
    CHECK_DESCRIBED("from", "tree", "cannot overwrite directory $d with non-directory");
    CHECK_DESCRIBED("from", "from/to", "cannot stat $d: Not a directory");
    CHECK_DESCRIBED("from", "dangling", "not writing through dangling symlink $d");
    CHECK_DESCRIBED("from", "missing/to",
                    "cannot create regular file $d: No such file or directory");
    options.replace = ARSYNC_REPLACE_EXCLUSIVE;
    CHECK_DESCRIBED("from", "from", "not replacing $d");
    options.replace = ARSYNC_REPLACE_IN_PLACE;
    options.flags = ARSYNC_COPY_SYMBOLIC_LINK;
    CHECK_DESCRIBED("from", "tree/link",
                    "$d: can make relative symbolic links only in current directory");
    /* Of a tree's job it is the entry that failed first. */
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.want = ARSYNC_WANT_ERROR_PATH;
    CHECK(symlinkat("a", work, "tree/link") == 0);
    CHECK(mkdirat(work, "to_tree", 0700) == 0 && mkdirat(work, "to_tree/link", 0700) == 0);
    CHECK_DESCRIBED("tree", "to_tree", "cannot overwrite directory $d with non-directory");
    CHECK_DESCRIBED("tree", "tree/in", "cannot copy a directory, $S, into itself, $D");

    /* An open file has no name to be looked for. */
    const int open_from = openat(work, "from", O_RDONLY);
    options = copy_options();
    options.flags = ARSYNC_COPY_SRC_FD;
    CHECK_EQUAL(arsync_copy(open_from, "", work, "missing/to", &options, &done), -ENOENT);
    char text[256];
    CHECK_EQUAL(
        arsync_describe(&done, &options, open_from, NULL, work, "missing/to", text, sizeof text),
        0);
    CHECK(strcmp(text, "cannot create regular file $d: No such file or directory") == 0);
    close(open_from);

    options = copy_options();
    CHECK_EQUAL(arsync_copy(work, "from", work, "to", &options, &done), 0);
    check_described(&done, &options, "from", "to", "");
    check_described(&done, NULL, "from", "to", "");
    CHECK_EQUAL(arsync_describe(NULL, NULL, work, "from", work, "to", text, sizeof text), -EFAULT);
    options.method = 99;
    CHECK_EQUAL(arsync_describe(&done, &options, work, "from", work, "to", text, sizeof text),
                -EINVAL);
    CHECK(unlinkat(work, "to", 0) == 0 && unlinkat(work, "dangling", 0) == 0);
    CHECK(unlinkat(work, "tree/link", 0) == 0 && unlinkat(work, "tree", AT_REMOVEDIR) == 0);
    CHECK(unlinkat(work, "to_tree/link", AT_REMOVEDIR) == 0);
    CHECK(unlinkat(work, "to_tree", AT_REMOVEDIR) == 0);
}

static void failed_copy_says_what_and_where_and_leaves_nothing(void) {
    arsync_pool* pool = open_pool();
    arsync_completion done = copy(pool, "missing", "to", NULL);
    CHECK_EQUAL(done.result, -ENOENT);
    CHECK_EQUAL(done.stage, ARSYNC_STAGE_OPEN_SOURCE);
    CHECK_EQUAL(done.method, ARSYNC_METHOD_AUTO);
    CHECK_EQUAL(done.bytes, 0);

    done = copy(pool, "from", "missing/to", NULL);
    CHECK_EQUAL(done.result, -ENOENT);
    CHECK_EQUAL(done.stage, ARSYNC_STAGE_OPEN_DESTINATION);

    CHECK_EQUAL(copy(pool, ".", "to", NULL).result, -EISDIR);
    CHECK_EQUAL(copy(pool, "from", ".", NULL).result, -EISDIR);

    NEED(mkfifoat(work, "fifo", 0600) == 0);
    CHECK_EQUAL(copy(pool, "fifo", "to", NULL).result, -EOPNOTSUPP);
    CHECK(!exists("to"));
    arsync_pool_close(pool);
}

static void source_onto_itself_is_refused(void) {
    arsync_pool* pool = open_pool();
    NEED(linkat(work, "from", work, "link", 0) == 0);
    arsync_completion done = copy(pool, "from", "link", NULL);
    CHECK_EQUAL(done.result, -EINVAL);
    CHECK_EQUAL(done.stage, ARSYNC_STAGE_CHECK);
    CHECK(has_content("from", 0, FILE_SIZE));
    arsync_pool_close(pool);
}

static void replace_says_what_happens_to_what_is_there(void) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    struct stat before, after;
    make_file("to", 10);

    options.replace = ARSYNC_REPLACE_EXCLUSIVE;
    CHECK_EQUAL(copy(pool, "from", "to", &options).result, -EEXIST);
    CHECK(has_content("to", 0, 10));

    NEED(fstatat(work, "to", &before, 0) == 0);
    options.replace = ARSYNC_REPLACE_IN_PLACE;
    CHECK_EQUAL(copy(pool, "from", "to", &options).result, 0);
    NEED(fstatat(work, "to", &after, 0) == 0);
    CHECK(before.st_ino == after.st_ino);
    CHECK(has_content("to", 0, FILE_SIZE));

    int old = openat(work, "to", O_RDONLY); /* so that the inode is not used again */
    NEED(old >= 0);
    options.replace = ARSYNC_REPLACE_ATOMIC;
    CHECK_EQUAL(copy(pool, "from", "to", &options).result, 0);
    NEED(fstatat(work, "to", &after, 0) == 0);
    CHECK(before.st_ino != after.st_ino);
    CHECK(has_content("to", 0, FILE_SIZE));
    close(old);
    arsync_pool_close(pool);
}

static void preserve_durable_and_verify_can_be_asked_for(void) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.flags = ARSYNC_COPY_VERIFY;
    options.durability = ARSYNC_DURABILITY_FULL;
    options.replace = ARSYNC_REPLACE_ATOMIC;
    options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES;
    struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 2000, .tv_nsec = 2}};
    NEED(fchmodat(work, "from", 0640, 0) == 0 && utimensat(work, "from", times, 0) == 0);
    CHECK_EQUAL(copy(pool, "from", "to", &options).result, 0);
    struct stat st;
    NEED(fstatat(work, "to", &st, 0) == 0);
    CHECK_EQUAL(st.st_mode & 07777, 0640);
    CHECK_EQUAL(st.st_mtim.tv_sec, 2000);
    CHECK_EQUAL(st.st_mtim.tv_nsec, 2);
    CHECK(has_content("to", 0, FILE_SIZE));
    arsync_pool_close(pool);
}

static void paths_options_and_descriptors_are_the_callers_again_at_once(void) {
    arsync_pool* pool = open_pool();
    char from[] = "from", to[] = "to";
    arsync_copy_options options = copy_options();
    int from_dir = fcntl(work, F_DUPFD_CLOEXEC, 0), to_dir = fcntl(work, F_DUPFD_CLOEXEC, 0);
    CHECK_EQUAL(arsync_submit_copy(pool, from_dir, from, to_dir, to, &options, 0, NULL), 0);
    close(from_dir);
    close(to_dir);
    memset(from, 'x', sizeof from - 1);
    memset(to, 'x', sizeof to - 1);
    memset(&options, 0xff, sizeof options);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK(has_content("to", 0, FILE_SIZE));
    arsync_pool_close(pool);
}

static void range_is_copied_between_open_files(void) {
    arsync_pool* pool = open_pool();
    int from = openat(work, "from", O_RDONLY);
    int to = openat(work, "to", O_RDWR | O_CREAT, 0644);
    NEED(from >= 0 && to >= 0);
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 1000, to, 0, 5000, NULL, 9, NULL), 0);
    arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.user_data, 9);
    CHECK_EQUAL(done.bytes, 5000);
    CHECK(has_content("to", 1000, 5000));
    CHECK_EQUAL(lseek(from, 0, SEEK_CUR), 0);
    CHECK_EQUAL(lseek(to, 0, SEEK_CUR), 0);

    /* To the end, appended; and the descriptors may be closed at once. */
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 6000, to, 5000, UINT64_MAX, NULL, 9, NULL), 0);
    close(from);
    close(to);
    done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.bytes, FILE_SIZE - 6000);
    CHECK(has_content("to", 1000, FILE_SIZE - 1000));
    arsync_pool_close(pool);
}

static void range_refuses_what_has_no_meaning(void) {
    arsync_pool* pool = open_pool();
    int from = openat(work, "from", O_RDWR);
    int to = openat(work, "to", O_RDWR | O_CREAT, 0644);
    NEED(from >= 0 && to >= 0);
    const uint64_t last = INT64_MAX;
    CHECK_EQUAL(arsync_submit_copy_range(NULL, from, 0, to, 0, 1, NULL, 0, NULL), -EFAULT);
    CHECK_EQUAL(arsync_submit_copy_range(pool, -1, 0, to, 0, 1, NULL, 0, NULL), -EBADF);
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 0, 9999, 0, 1, NULL, 0, NULL), -EBADF);
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, last, to, 0, 1, NULL, 0, NULL), -EINVAL);
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 0, to, last, 1, NULL, 0, NULL), -EINVAL);
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, last + 1, to, 0, UINT64_MAX, NULL, 0, NULL),
                -EINVAL);

    arsync_copy_options options = copy_options();
    options.replace = ARSYNC_REPLACE_ATOMIC;
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 0, to, 0, 1, &options, 0, NULL), -EINVAL);
    options = copy_options();
    options.preserve = ARSYNC_PRESERVE_MODE;
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 0, to, 0, 1, &options, 0, NULL), -EINVAL);
    options = copy_options();
    options.flags = ARSYNC_COPY_SPECIAL;
    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 0, to, 0, 1, &options, 0, NULL), -EINVAL);

    CHECK_EQUAL(arsync_submit_copy_range(pool, from, 0, from, 4096, 8192, NULL, 0, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, -EINVAL);
    CHECK(has_content("from", 0, FILE_SIZE));
    close(from);
    close(to);
    arsync_pool_close(pool);
}

static void question_waits_for_its_answer(void) {
    arsync_pool* pool = open_pool();
    arsync_copy_options options = copy_options();
    options.update = ARSYNC_UPDATE_ASK;
    arsync_job job = 0;
    make_file("to", 5);
    CHECK_EQUAL(submit(pool, "from", "to", &options, &job), 0);
    arsync_completion asked = wait_one(pool);
    CHECK_EQUAL(asked.kind, ARSYNC_COMPLETION_QUESTION);
    CHECK(asked.job == job);
    CHECK_EQUAL(asked.user_data, 7);
    CHECK(asked.path == NULL);
    NEED(asked.details != NULL);
    CHECK(asked.details->struct_size >= sizeof(arsync_details));
    CHECK_EQUAL(asked.details->source.size, FILE_SIZE);
    CHECK_EQUAL(asked.details->destination.size, 5);
    arsync_question question = asked.details->question;
    CHECK(question != 0);
    CHECK_EQUAL(arsync_answer(NULL, question, ARSYNC_ANSWER_SKIP), -EFAULT);
    CHECK_EQUAL(arsync_answer(pool, question, ARSYNC_ANSWER_STOP + 1), -EINVAL);
    CHECK_EQUAL(arsync_answer(pool, question + 1, ARSYNC_ANSWER_SKIP), -ENOENT);
    CHECK_EQUAL(arsync_answer(pool, question, ARSYNC_ANSWER_KEEP_BOTH), 0);
    CHECK_EQUAL(arsync_answer(pool, question, ARSYNC_ANSWER_SKIP), -ENOENT);
    arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_JOB);
    CHECK_EQUAL(done.result, 0);
    CHECK((done.flags & ARSYNC_COMPLETION_KEPT_BOTH) != 0);
    CHECK(done.details != NULL && strcmp(done.details->name, "to (1)") == 0);
    CHECK(has_content("to (1)", 0, FILE_SIZE));
    CHECK(has_content("to", 0, 5));
    arsync_pool_close(pool);
}

const struct test copy_tests[] = {
    TEST(version_is_that_of_the_header),
    TEST(one_copy_gives_one_complete_completion),
    TEST(every_method_copies_on_every_backend),
    TEST(failed_copy_says_what_and_where_and_leaves_nothing),
    TEST(names_are_quoted),
    TEST(failures_are_described),
    TEST(source_onto_itself_is_refused),
    TEST(replace_says_what_happens_to_what_is_there),
    TEST(preserve_durable_and_verify_can_be_asked_for),
    TEST(paths_options_and_descriptors_are_the_callers_again_at_once),
    TEST(question_waits_for_its_answer),
    TEST(range_is_copied_between_open_files),
    TEST(range_refuses_what_has_no_meaning),
    {NULL, NULL},
};
