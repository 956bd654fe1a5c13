/* What the library says as text, and takes as text: options by their names, and JSON. The locale is
 * C. */
#define _XOPEN_SOURCE 700
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static arsync_copy_options options;
static arsync_pool_options bounds;

static int set(const char* name, const char* value) {
    return arsync_option_set(&options, &bounds, name, value, NULL, 0);
}

static void forget(void) {
    options = (arsync_copy_options){.struct_size = sizeof options};
    bounds = (arsync_pool_options){.struct_size = sizeof bounds};
}

static void options_are_set_by_their_names(void) {
    forget();
#define CHECK_SETS(name, value, field, want)                                                       \
    do {                                                                                           \
        CHECK_EQUAL(set(name, value), 0);                                                          \
        CHECK_EQUAL(field, want);                                                                  \
    } while (0)
    CHECK_SETS("sparse", "always", options.sparse, ARSYNC_SPARSE_ALWAYS);
    CHECK_SETS("sparse", "n", options.sparse, ARSYNC_SPARSE_NEVER);
    CHECK_SETS("reflink", NULL, options.reflink, ARSYNC_REFLINK_ALWAYS);
    CHECK_SETS("reflink", "auto", options.reflink, ARSYNC_REFLINK_AUTO);
    CHECK_SETS("backup", NULL, options.backup, ARSYNC_BACKUP_EXISTING);
    CHECK_SETS("backup", "off", options.backup, ARSYNC_BACKUP_NONE);
    CHECK_SETS("backup", "t", options.backup, ARSYNC_BACKUP_NUMBERED);
    CHECK_SETS("method", "copy", options.method, ARSYNC_METHOD_COPY_FILE_RANGE);
    CHECK_SETS("cache", "drop", options.cache, ARSYNC_CACHE_DROP);
    CHECK_SETS("durability", "full", options.durability, ARSYNC_DURABILITY_FULL);
    CHECK_SETS("symlinks", "follow", options.symlinks, ARSYNC_SYMLINKS_FOLLOW);
    CHECK_SETS("report", "none", options.report, ARSYNC_REPORT_NONE);
    CHECK_SETS("chunks", "1K", options.chunks, 1024);
    CHECK_SETS("update", "none-fail", options.replace, ARSYNC_REPLACE_EXCLUSIVE);
    CHECK_SETS("update", NULL, options.update, ARSYNC_UPDATE_OLDER);
    CHECK_SETS("replace", "atomic", options.replace, ARSYNC_REPLACE_ATOMIC);
    CHECK_SETS("update", "all", options.update, ARSYNC_UPDATE_ALL);
    CHECK_SETS("verify", NULL, options.flags, ARSYNC_COPY_VERIFY);
    CHECK_SETS("verify", "no", options.flags, 0);
    CHECK_SETS("continue-on-error", "no", options.flags, ARSYNC_COPY_STOP_ON_ERROR);
    CHECK_SETS("continue-on-error", "yes", options.flags, 0);
    CHECK_SETS("range", "4K:1M", options.range_offset, 4096);
    CHECK_EQUAL(options.range_length, 1 << 20);
    CHECK_SETS("range", "7:", options.range_length, UINT64_MAX);
    const char* const suffix = ".old";
    CHECK_EQUAL(set("suffix", suffix), 0);
    CHECK(options.backup_suffix == suffix);
    CHECK_SETS("map-users", "1:2", options.preserve, ARSYNC_PRESERVE_OWNER);
    CHECK_SETS("backend", "threads", bounds.backend, ARSYNC_BACKEND_THREADS);
    CHECK_SETS("buffer-size", "64m", bounds.buffer_size, ARSYNC_BUFFER_SIZE_MAX);
    CHECK_SETS("bwlimit", "1G", bounds.byte_rate, 1 << 30);
    CHECK_SETS("jobs", "3", bounds.workers, 3);
    CHECK_SETS("sqpoll", "yes", bounds.flags, ARSYNC_POOL_SQPOLL);
}

/* Every name that the header has, so that none is only there. */
static void every_name_is_known(void) {
    static const char* const names[] = {"backup",
                                        "cache",
                                        "durability",
                                        "method",
                                        "reflink",
                                        "replace",
                                        "report",
                                        "sparse",
                                        "symlinks",
                                        "backend",
                                        "update",
                                        "preserve",
                                        "no-preserve",
                                        "chunks",
                                        "buffers",
                                        "buffer-size",
                                        "bwlimit",
                                        "jobs",
                                        "job-limit",
                                        "leases",
                                        "queue-depth",
                                        "range",
                                        "filter",
                                        "suffix",
                                        "map-users",
                                        "map-groups",
                                        "attributes-only",
                                        "bare-parents",
                                        "beneath",
                                        "dangling",
                                        "directories-only",
                                        "dry-run",
                                        "force",
                                        "in-order",
                                        "keep-directory-symlink",
                                        "link",
                                        "mirror",
                                        "nofollow",
                                        "one-file-system",
                                        "parents",
                                        "recursive",
                                        "shallow",
                                        "special",
                                        "symbolic-link",
                                        "verify",
                                        "continue-on-error",
                                        "huge-pages",
                                        "iopoll",
                                        "sqpoll"};
    forget();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (set(names[i], "?") == -ENOENT) {
            printf("%s is not known\n", names[i]);
            failures++;
        }
    CHECK_EQUAL(set("interactive", NULL), -ENOENT);
    CHECK_EQUAL(set("", NULL), -ENOENT);
    CHECK_EQUAL(arsync_option_set(&options, NULL, "jobs", "1", NULL, 0), -ENOENT);
    CHECK_EQUAL(arsync_option_set(NULL, &bounds, "sparse", "auto", NULL, 0), -ENOENT);
    CHECK_EQUAL(arsync_option_set(NULL, NULL, "sparse", "auto", NULL, 0), -ENOENT);
    CHECK_EQUAL(set("suffix", NULL), -EINVAL);
    CHECK_EQUAL(set("map-users", NULL), -EINVAL);
    forget(); /* update says nothing of replace, but for none-fail */
    options.replace = ARSYNC_REPLACE_EXCLUSIVE;
    CHECK_SETS("update", "older", options.replace, ARSYNC_REPLACE_EXCLUSIVE);
}

static void attributes_are_set_and_required(void) {
    const uint32_t usual = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES;
    const uint32_t extra = ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT;
    forget();
    CHECK_SETS("preserve", NULL, options.preserve, usual);
    CHECK_EQUAL(options.required, usual);
    CHECK_EQUAL(set("preserve", "all"), 0);
    CHECK_EQUAL(options.preserve & ~extra, usual | ARSYNC_PRESERVE_LINKS);
    CHECK(options.preserve & ARSYNC_PRESERVE_XATTR);
    CHECK_EQUAL(options.required, usual | ARSYNC_PRESERVE_LINKS);
    CHECK_EQUAL(set("preserve", "x,all"), 0);
    CHECK_EQUAL(options.required & extra, ARSYNC_PRESERVE_XATTR);
    CHECK_SETS("no-preserve", "xattr", options.required & extra, 0);
    CHECK_SETS("no-preserve", "mode", options.flags, ARSYNC_COPY_DEFAULT_MODE);
    CHECK_EQUAL(options.preserve & ARSYNC_PRESERVE_MODE, 0);
    CHECK_SETS("preserve", "mode,flags,project", options.flags, 0);
    CHECK(options.preserve & ARSYNC_PRESERVE_PROJECT);
    CHECK_SETS("preserve", "context", options.required & extra, ARSYNC_PRESERVE_CONTEXT);
    CHECK_SETS("no-preserve", "all", options.required & extra, ARSYNC_PRESERVE_CONTEXT);
    forget(); /* 0 would require all; what is never lost stands for nothing */
    CHECK_SETS("preserve", "mode", options.required, ARSYNC_PRESERVE_MODE);
    CHECK_SETS("no-preserve", "mode", options.required, ARSYNC_PRESERVE_LINKS);
}

static void check_refused(const char* name, const char* value, const char* said) {
    const arsync_copy_options before = options;
    char why[256];
    CHECK_EQUAL(arsync_option_set(&options, &bounds, name, value, why, sizeof why), -EINVAL);
    if (strcmp(why, said) != 0) {
        printf("\"%s\" is not \"%s\"\n", why, said);
        failures++;
    }
    char cut[8];
    CHECK_EQUAL(arsync_option_set(&options, &bounds, name, value, cut, sizeof cut), -EINVAL);
    CHECK(strncmp(cut, said, sizeof cut - 1) == 0 && strlen(cut) == sizeof cut - 1);
    CHECK(memcmp(&before, &options, sizeof before) == 0);
}

static void values_that_mean_nothing_are_refused_with_what_is_valid(void) {
    forget();
#define SPARSE_WORDS "\nValid arguments are:\n  - 'never'\n  - 'auto'\n  - 'always'"
    check_refused("sparse", "x", "invalid argument 'x'" SPARSE_WORDS);
    check_refused("sparse", "a", "ambiguous argument 'a'" SPARSE_WORDS);
    check_refused("sparse", "", "ambiguous argument ''" SPARSE_WORDS);
    check_refused("sparse", NULL, "ambiguous argument ''" SPARSE_WORDS);
    check_refused("backup", "n",
                  "ambiguous argument 'n'\nValid arguments are:\n  - 'none', 'off'\n  - 'simple', "
                  "'never'\n  - 'existing', 'nil'\n  - 'numbered', 't'");
    check_refused("verify", "maybe",
                  "invalid argument 'maybe'\nValid arguments are:\n  - 'yes'\n  - 'no'");
    check_refused("preserve", "mode,x\n",
                  "invalid argument 'x\\n'\nValid arguments are:\n  - 'mode'\n  - 'timestamps'\n"
                  "  - 'ownership'\n  - 'links'\n  - 'context'\n  - 'xattr'\n  - 'flags'\n"
                  "  - 'project'\n  - 'all'");
    static const char* const numbers[] = {"0",
                                          "257",
                                          "-1",
                                          "1T",
                                          "",
                                          "K",
                                          "1KK",
                                          " 1",
                                          "0x1",
                                          "99999999999999999999",
                                          "18446744073709551615K"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char said[128];
        snprintf(said, sizeof said, "invalid argument '%s'\nValid is a number from 1 to 256",
                 numbers[i]);
        check_refused("jobs", numbers[i], said);
    }
    check_refused(
        "buffer-size", "4097",
        "invalid argument '4097'\nValid is a number from 4.0K to 64M, a multiple of 4.0K");
    check_refused(
        "bwlimit", "fast",
        "invalid argument 'fast'\nValid is a number of bytes a second, or 0 for no limit");
    static const char* const ranges[] = {"", ":", "1", "1:0", "x:1", "1:x", "1:2:3"};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        char said[128];
        snprintf(said, sizeof said,
                 "invalid argument '%s'\nValid is OFFSET:LENGTH, or OFFSET: for all that follows",
                 ranges[i]);
        check_refused("range", ranges[i], said);
    }
    CHECK_EQUAL(arsync_option_set(&options, &bounds, NULL, "x", NULL, 0), -EFAULT);
    CHECK_EQUAL(arsync_option_set(&options, &bounds, "sparse", "x", NULL, 1), -EFAULT);
    options.struct_size = 60;
    CHECK_EQUAL(set("sparse", "auto"), -EINVAL);
    forget();
    options.reserved[1] = 1;
    CHECK_EQUAL(set("sparse", "auto"), -EINVAL);
    /* A newer program keeps what it has behind our end. */
    struct {
        arsync_copy_options known;
        uint64_t appended;
    } newer = {.known.struct_size = sizeof newer};
    CHECK_EQUAL(arsync_option_set(&newer.known, NULL, "sparse", "always", NULL, 0), 0);
    CHECK_EQUAL(newer.known.sparse, ARSYNC_SPARSE_ALWAYS);
    CHECK_EQUAL(newer.known.struct_size, sizeof newer);
    newer.appended = 1;
    CHECK_EQUAL(arsync_option_set(&newer.known, NULL, "sparse", "auto", NULL, 0), -E2BIG);
}

static void check_json(const arsync_completion* done, const char* src, const char* dst,
                       const char* outcome, const char* message, const char* json) {
    char text[1024];
    const int length = arsync_completion_json(done, src, dst, outcome, message, text, sizeof text);
    CHECK_EQUAL(length, (int)strlen(json));
    if (strcmp(text, json) != 0) {
        printf("%s\nis not\n%s\n", text, json);
        failures++;
    }
    CHECK_EQUAL(arsync_completion_json(done, src, dst, outcome, message, NULL, 0), length);
}

static void completions_are_json(void) {
    arsync_completion done = {.kind = ARSYNC_COMPLETION_ITEM,
                              .action = ARSYNC_ACTION_COPY,
                              .bytes = 7,
                              .method = ARSYNC_METHOD_INLINE,
                              .flags = ARSYNC_COMPLETION_FALLBACK | ARSYNC_COMPLETION_BACKED_UP};
    const arsync_totals totals = {.files = 1, .errors = 2, .bytes = 3, .entries = 4};
    const arsync_details details = {.backup = "b~", .name = "b (1)", .totals = &totals};
#define DATA                                                                                       \
    "\"method\":\"inline\",\"bytes\":7,\"hole_bytes\":0,\"fallback\":true,\"source_changed\":"     \
    "false,"                                                                                       \
    "\"source_shrank\":false,\"verified_cached\":false,\"owner_lost\":false"
    check_json(
        &done, "a", "d/b", NULL, NULL,
        "{\"type\":\"file\",\"source\":\"a\",\"destination\":\"d/b\",\"outcome\":\"copied\"," DATA
        "}");
    check_json(
        &done, "a", "d/b", "done", NULL,
        "{\"type\":\"file\",\"source\":\"a\",\"destination\":\"d/b\",\"outcome\":\"done\"," DATA
        "}");
    done.details = &details;
    check_json(&done, "a", "d/b", NULL, "so",
               "{\"type\":\"file\",\"source\":\"a\",\"destination\":\"d/b\",\"outcome\":\"copied\","
               "\"backup\":\"d/b~\"," DATA ",\"message\":\"so\"}");
    done.flags = ARSYNC_COMPLETION_KEPT_BOTH;
    done.action = ARSYNC_ACTION_SKIP;
    check_json(
        &done, "a", "b/", NULL, "",
        "{\"type\":\"file\",\"source\":\"a\",\"destination\":\"b (1)\",\"outcome\":\"skipped\"}");
    done.flags = 0;
    done.action = ARSYNC_ACTION_TREE;
    done.result = -EIO;
    done.stage = ARSYNC_STAGE_READ;
    check_json(
        &done, "a", "/", "broken", "",
        "{\"type\":\"tree\",\"source\":\"a\",\"destination\":\"/"
        "\",\"outcome\":\"broken\",\"copied\":1,"
        "\"linked\":0,\"skipped\":0,\"bytes\":3,\"hole_bytes\":0,\"entries\":4,\"directories\":0,"
        "\"symbolic_links\":0,\"specials\":0,\"removed\":0,\"errors\":2,\"errno\":5,\"stage\":"
        "\"read\"}");
    done.kind = ARSYNC_COMPLETION_ENTRY;
    done.action = ARSYNC_ACTION_SYMBOLIC_LINK;
    done.result = -ECANCELED;
    check_json(&done, "a", "b", NULL, NULL,
               "{\"type\":\"symbolic-link\",\"source\":\"a\",\"destination\":\"b\",\"outcome\":"
               "\"cancelled\","
               "\"errno\":125,\"stage\":\"read\"}");
    done.action = ARSYNC_ACTION_REMOVE;
    done.flags = ARSYNC_COMPLETION_DIRECTORY;
    done.result = 0;
    check_json(&done, "a", "b", NULL, NULL,
               "{\"type\":\"extra\",\"destination\":\"b\",\"outcome\":\"removed\"}");
    done.action = ARSYNC_ACTION_MAKE_DIRECTORY;
    check_json(
        &done, "a", "b", NULL, "why",
        "{\"type\":\"directory\",\"source\":\"a\",\"destination\":\"b\",\"outcome\":\"failed\","
        "\"message\":\"why\"}");
    char text[16];
    CHECK_EQUAL(arsync_completion_json(NULL, "a", "b", NULL, NULL, text, sizeof text), -EFAULT);
    CHECK_EQUAL(arsync_completion_json(&done, NULL, "b", NULL, NULL, text, sizeof text), -EFAULT);
    CHECK_EQUAL(arsync_completion_json(&done, "a", NULL, NULL, NULL, text, sizeof text), -EFAULT);
    CHECK_EQUAL(arsync_completion_json(&done, "a", "b", NULL, NULL, NULL, 1), -EFAULT);
    CHECK(arsync_completion_json(&done, "a", "b", NULL, NULL, text, sizeof text) > 16);
    CHECK(strcmp(text, "{\"type\":\"direct") == 0);
}

/* What is no UTF-8 is as many characters as Unicode recommends; all bytes are in a second field. */
static void names_of_any_bytes_are_json(void) {
    const arsync_completion done = {.kind = ARSYNC_COMPLETION_ENTRY,
                                    .action = ARSYNC_ACTION_MAKE_SPECIAL};
#define U "\xef\xbf\xbd"
    static const struct {
        const char *name, *json, *hex;
    } cases[] = {
        {"\"\\\b\f\n\r\t\1\x1f\x7f/", "\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/", NULL},
        {"\u00e4\u20ac\U0001f600\U0010ffff", "\u00e4\u20ac\U0001f600\U0010ffff", NULL},
        {"\xff", U, "ff"},
        {"\xc3", U, "c3"},
        {"\xc3x", U "x", "c378"},
        {"\xc0\x80", U U, "c080"},
        {"\xe0\x80x", U U "x", "e08078"},
        {"\xed\xa0\x80", U U U, "eda080"},
        {"\xe2\x82", U, "e282"},
        {"\xe2\x82x", U "x", "e28278"},
        {"\xf4\x90\x80\x80", U U U U, "f4908080"},
        {"\xf0\x9f\x98", U, "f09f98"},
        {"\xf5", U, "f5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[256];
        int length =
            snprintf(json, sizeof json, "{\"type\":\"special\",\"source\":\"%s\",", cases[i].json);
        if (cases[i].hex != NULL)
            length += snprintf(json + length, sizeof json - (size_t)length,
                               "\"source_hex\":\"%s\",", cases[i].hex);
        snprintf(json + length, sizeof json - (size_t)length,
                 "\"destination\":\"d\",\"outcome\":\"made\"}");
        check_json(&done, cases[i].name, "d", NULL, NULL, json);
    }
}

static void pool_tells_of_itself(void) {
    forget();
    CHECK_EQUAL(set("backend", "threads"), 0);
    CHECK_EQUAL(set("buffer-size", "8K"), 0);
    CHECK_EQUAL(set("buffers", "2"), 0);
    CHECK_EQUAL(set("jobs", "1"), 0);
    CHECK_EQUAL(set("sqpoll", NULL), 0);
    arsync_pool* pool = NULL;
    CHECK_EQUAL(arsync_pool_open(&bounds, &pool), 0);
    CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
    char text[1024];
    const int length = arsync_pool_describe(pool, text, sizeof text);
    CHECK_EQUAL(length, (int)strlen(text));
    CHECK(strncmp(text, "backend: threads", 16) == 0);
    CHECK(strstr(text, "\nworkers: 1 of 1 started, queue depth 64\n") != NULL);
    CHECK(strstr(text, "\nbuffers: 2 of 8.0K a worker; 0 registered, 0 refused") != NULL);
    CHECK(strstr(text, "\nsqpoll: not in force (there is no ring") != NULL);
    CHECK(strstr(text, "iopoll") == NULL);
    CHECK(text[length - 1] == '\n');
    const int json_length = arsync_pool_json(pool, text, sizeof text);
    CHECK_EQUAL(json_length, (int)strlen(text));
    static const char begin[] = "{\"backend\":\"threads\",\"backend_reason\":\"";
    CHECK(strncmp(text, begin, sizeof begin - 1) == 0);
    CHECK(strstr(text, ",\"workers_started\":1,\"buffer_size\":8192,") != NULL);
    CHECK(strstr(text, ",\"sqpoll\":false,") != NULL);
    CHECK(text[json_length - 1] == '}');
    CHECK_EQUAL(arsync_pool_describe(pool, NULL, 0), length);
    CHECK_EQUAL(arsync_pool_describe(pool, NULL, 1), -EFAULT);
    CHECK_EQUAL(arsync_pool_json(pool, NULL, 1), -EFAULT);
    CHECK_EQUAL(arsync_pool_json(NULL, text, sizeof text), -EFAULT);
    CHECK(unlinkat(work, "to", 0) == 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK_EQUAL(arsync_pool_describe(pool, text, sizeof text), -EINVAL);
}

/* Nothing is looked at through a name that is "" and a descriptor that is not open; least of all a
 * file of the machine that happens to be called as an entry. */
static void nothing_is_looked_at_where_nothing_is_open(void) {
    const arsync_completion done = {.kind = ARSYNC_COMPLETION_ENTRY,
                                    .result = -EACCES,
                                    .stage = ARSYNC_STAGE_OPEN_SOURCE,
                                    .flags = ARSYNC_COMPLETION_AT_SOURCE,
                                    .path = "etc"};
    char text[256];
    CHECK_EQUAL(arsync_describe(&done, NULL, -1, "", -1, "", text, sizeof text), 0);
    CHECK(strcmp(text, "cannot open $s for reading: Permission denied") == 0);
    CHECK_EQUAL(arsync_describe(&done, NULL, -1, "/", -1, "", text, sizeof text), 0);
    CHECK(strcmp(text, "cannot access $s: Permission denied") == 0);
}

/* As cp asks; of what may not be written, in other words. Root may write to everything. */
static void questions_are_described(void) {
    const arsync_details details = {.destination = {.mode = 0104640}};
    const arsync_completion done = {.kind = ARSYNC_COMPLETION_QUESTION, .details = &details};
    char text[256];
    forget();
    CHECK_EQUAL(arsync_describe(&done, &options, work, "from", work, "from", text, sizeof text), 0);
    CHECK(strcmp(text, "overwrite $d? ") == 0);
    const uid_t user = geteuid();
    CHECK(user != 0 || seteuid(65534) == 0);
    CHECK_EQUAL(arsync_describe(&done, &options, work, "from", work, "no", text, sizeof text), 0);
    CHECK(strcmp(text, "unwritable $d (mode 4640, rwSr-----); try anyway? ") == 0);
    options.flags = ARSYNC_COPY_FORCE;
    CHECK_EQUAL(arsync_describe(&done, &options, work, "from", work, "no", text, sizeof text), 0);
    CHECK(strcmp(text, "replace $d, overriding mode 4640 (rwSr-----)? ") == 0);
    CHECK(seteuid(user) == 0);
}

/* What arsync-cp cannot be brought to say in a test. */
static void rare_failures_are_described(void) {
    static const struct {
        int result;
        uint32_t kind, stage, action;
        const char* text;
    } cases[] = {
        {-EILSEQ, ARSYNC_COMPLETION_JOB, ARSYNC_STAGE_VERIFY, ARSYNC_ACTION_COPY,
         "verification failed: $d does not read back as $s"},
        {-EIO, ARSYNC_COMPLETION_JOB, ARSYNC_STAGE_VERIFY, ARSYNC_ACTION_COPY,
         "cannot verify $d: Input/output error"},
        {-EEXIST, ARSYNC_COMPLETION_ENTRY, ARSYNC_STAGE_REMOVE, ARSYNC_ACTION_TREE,
         "nothing removed from $d: some of its names are others' in another spelling"},
        {-ESTALE, ARSYNC_COMPLETION_ENTRY, ARSYNC_STAGE_REMOVE, ARSYNC_ACTION_TREE,
         "nothing removed from $d: $s was replaced while it was copied"},
        {-EACCES, ARSYNC_COMPLETION_ENTRY, ARSYNC_STAGE_MAKE_DIRECTORY, ARSYNC_ACTION_HARD_LINK,
         "cannot create hard link $d: Permission denied"},
        {-EMFILE, ARSYNC_COMPLETION_JOB, ARSYNC_STAGE_QUEUE, ARSYNC_ACTION_COPY,
         "cannot copy $s to $d: Too many open files"},
        {-EIO, ARSYNC_COMPLETION_WAY, ARSYNC_STAGE_QUEUE, ARSYNC_ACTION_COPY,
         "cannot copy $s to $d: Input/output error"},
        {-ENOMEM, ARSYNC_COMPLETION_JOB, ARSYNC_STAGE_MEMORY, ARSYNC_ACTION_COPY,
         "memory exhausted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const arsync_completion done = {.result = cases[i].result,
                                        .kind = cases[i].kind,
                                        .stage = cases[i].stage,
                                        .action = cases[i].action};
        char text[256];
        forget();
        CHECK_EQUAL(arsync_describe(&done, &options, work, "from", work, "no", text, sizeof text),
                    0);
        if (strcmp(text, cases[i].text) != 0) {
            printf("\"%s\" is not \"%s\"\n", text, cases[i].text);
            failures++;
        }
    }
}

const struct test text_tests[] = {
    TEST(options_are_set_by_their_names),
    TEST(every_name_is_known),
    TEST(attributes_are_set_and_required),
    TEST(values_that_mean_nothing_are_refused_with_what_is_valid),
    TEST(completions_are_json),
    TEST(names_of_any_bytes_are_json),
    TEST(pool_tells_of_itself),
    TEST(nothing_is_looked_at_where_nothing_is_open),
    TEST(questions_are_described),
    TEST(rare_failures_are_described),
    {NULL, NULL},
};
