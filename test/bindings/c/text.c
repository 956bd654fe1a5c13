/* Text: options by their names, records of copies and pools, sentences, names to be shown. */
#define _XOPEN_SOURCE 700
#include "cases.h"

#include <fcntl.h>
#include <sys/stat.h>

static arsync_copy_options options;
static arsync_pool_options bounds;
static char text[4096];

static int set(const char* name, const char* value) {
    return arsync_option_set(&options, &bounds, name, value, text, sizeof text);
}

CASE(sets_options_by_name) {
    options = copy_options();
    bounds = (arsync_pool_options){.struct_size = sizeof bounds};
    CHECK_EQUAL(set("recursive", NULL), 0);
    CHECK_EQUAL(set("filter", "/a"), 0);
    CHECK_EQUAL(set("jobs", "1"), 0);
    CHECK_EQUAL(set("interactive", NULL), -ENOENT);
    CHECK_EQUAL(set("sparse", "x"), -EINVAL);
    CHECK(strstr(text, "invalid argument 'x'") == text);
    CHECK(strstr(text, "'always'") != NULL);

    arsync_pool* pool = NULL;
    NEED(arsync_pool_open(&bounds, &pool) == 0);
    arsync_info info = {.struct_size = sizeof info};
    CHECK_EQUAL(arsync_pool_info(pool, &info), 0);
    CHECK_EQUAL(info.workers, 1);
    NEED(mkdirat(work, "tree", 0755) == 0);
    make_file("tree/a", 10);
    make_file("tree/b", 10);
    CHECK_EQUAL(copy(pool, "tree", "to", &options).result, 0);
    CHECK(!exists("to/a"));
    CHECK(exists("to/b"));
    arsync_pool_close(pool);
}

/* Whether the record of a completion has each of these members, up to a NULL. */
static bool has_members(const arsync_completion* done, const char* dst,
                        const char* const* members) {
    const int length = arsync_completion_json(done, "\xff", dst, NULL, "so", text, sizeof text);
    CHECK_EQUAL(length, (int)strlen(text));
    for (; *members != NULL; members++)
        if (strstr(text, *members) == NULL)
            return false;
    return true;
}

CASE(writes_completions_as_json) {
    arsync_pool* pool = open_pool();
    options = copy_options();
    options.backup = ARSYNC_BACKUP_SIMPLE;
    make_file("to", 10);
    arsync_completion done = copy(pool, "from", "to", &options);
    static const char* const of_a_copy[] = {"\"type\":\"file\"",
                                            "\"source\":\"\xef\xbf\xbd\",\"source_hex\":\"ff\"",
                                            "\"outcome\":\"copied\"",
                                            "\"backup\":\"d/to~\"",
                                            "\"bytes\":3152517",
                                            "\"message\":\"so\"",
                                            NULL};
    CHECK(has_members(&done, "d/to", of_a_copy));

    NEED(mkdirat(work, "tree", 0755) == 0 && mkdirat(work, "copy", 0755) == 0 &&
         mkdirat(work, "copy/a", 0755) == 0);
    make_file("tree/a", 10);
    make_file("tree/b", 10);
    options = copy_options();
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.want = ARSYNC_WANT_TOTALS;
    options.report = ARSYNC_REPORT_NONE;
    done = copy(pool, "tree", "copy", &options);
    static const char* const of_a_tree[] = {"\"type\":\"tree\"",
                                            "\"outcome\":\"failed\"",
                                            "\"copied\":1,\"linked\"",
                                            "\"entries\":3",
                                            "\"errors\":1",
                                            "\"errno\":21",
                                            NULL};
    CHECK(has_members(&done, "copy", of_a_tree));
    arsync_pool_close(pool);
}

static const char* described(const arsync_completion* done, const char* src) {
    CHECK_EQUAL(arsync_describe(done, &options, work, src, work, "to", text, sizeof text), 0);
    return text;
}

CASE(describes_what_failed) {
    arsync_pool* pool = open_pool();
    options = copy_options();
    arsync_completion done = copy(pool, "missing", "to", &options);
    CHECK(strcmp(described(&done, "missing"), "cannot stat $s: No such file or directory") == 0);
    done = copy(pool, "from", "to", &options);
    CHECK(strcmp(described(&done, "from"), "") == 0);
    options.update = ARSYNC_UPDATE_ASK;
    CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), 0);
    done = wait_one(pool);
    CHECK_EQUAL(done.kind, ARSYNC_COMPLETION_QUESTION);
    CHECK(strcmp(described(&done, "from"), "overwrite $d? ") == 0);
    arsync_pool_close(pool);
}

CASE(describes_a_pool) {
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
    const int length = arsync_pool_describe(pool, text, sizeof text);
    CHECK_EQUAL(length, (int)strlen(text));
    CHECK(length > 0 && text[length - 1] == '\n');
    CHECK_EQUAL(arsync_pool_describe(pool, NULL, 0), length);
    CHECK(arsync_pool_json(pool, text, sizeof text) > 0);
    CHECK(strstr(text, "{\"backend\":\"") == text);
    CHECK(strstr(text, "\"bytes_read\":") != NULL);
    arsync_pool_close(pool);
}

static const char* quoted(const char* name, uint32_t quoting) {
    CHECK(arsync_quote(name, strlen(name), quoting, text, sizeof text) >= 0);
    return text;
}

CASE(quotes_names) {
    CHECK(strcmp(quoted("a b", ARSYNC_QUOTE_SHELL), "'a b'") == 0);
    CHECK(strcmp(quoted("it's", ARSYNC_QUOTE_SHELL), "\"it's\"") == 0);
    CHECK(strcmp(quoted("new\nline", ARSYNC_QUOTE_IF_NEEDED), "'new'$'\\n''line'") == 0);
    CHECK(strcmp(quoted("\xff", ARSYNC_QUOTE_IF_NEEDED), "''$'\\377'") == 0);
    CHECK(strcmp(quoted("plain", ARSYNC_QUOTE_IF_NEEDED), "plain") == 0);
    CHECK(strcmp(quoted("plain", ARSYNC_QUOTE_WORD), "'plain'") == 0);
    CHECK_EQUAL(arsync_quote("a", 1, 7, text, sizeof text), -EINVAL);
}
