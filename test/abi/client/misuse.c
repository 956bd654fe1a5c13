/* What a caller gets who does not keep to the header, or has another one. */
#define _XOPEN_SOURCE 700
#include "client.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static void null_is_refused_where_a_pointer_is_needed(void) {
    arsync_pool* pool = open_pool();
    arsync_info info = {.struct_size = sizeof info};
    arsync_stats stats = {.struct_size = sizeof stats};
    arsync_progress progress = {.struct_size = sizeof progress};
    arsync_job job;
    CHECK_EQUAL(arsync_pool_open(NULL, NULL), -EFAULT);
    CHECK_EQUAL(arsync_pool_event_fd(NULL), -EFAULT);
    CHECK_EQUAL(arsync_pool_info(NULL, &info), -EFAULT);
    CHECK_EQUAL(arsync_pool_info(pool, NULL), -EFAULT);
    CHECK_EQUAL(arsync_pool_stats(NULL, &stats), -EFAULT);
    CHECK_EQUAL(arsync_pool_stats(pool, NULL), -EFAULT);
    CHECK_EQUAL(submit(NULL, "from", "to", NULL, NULL), -EFAULT);
    CHECK_EQUAL(submit(pool, NULL, "to", NULL, NULL), -EFAULT);
    CHECK_EQUAL(submit(pool, "from", NULL, NULL, NULL), -EFAULT);
    CHECK_EQUAL(arsync_job_cancel(NULL, 1), -EFAULT);
    CHECK_EQUAL(arsync_job_progress(NULL, 1, &progress), -EFAULT);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    CHECK_EQUAL(arsync_job_progress(pool, job, NULL), -EFAULT);
    CHECK_EQUAL(arsync_pool_close(NULL), 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
}

static void paths_are_checked_at_submit(void) {
    arsync_pool* pool = open_pool();
    static char longest[4097];
    memset(longest, 'x', 4096);
    CHECK_EQUAL(submit(pool, "", "to", NULL, NULL), -ENOENT);
    CHECK_EQUAL(submit(pool, "from", "", NULL, NULL), -ENOENT);
    CHECK_EQUAL(submit(pool, longest, "to", NULL, NULL), -ENAMETOOLONG);
    CHECK_EQUAL(submit(pool, "from", longest, NULL, NULL), -ENAMETOOLONG);
    CHECK_EQUAL(arsync_submit_copy(pool, -1, "from", work, "to", NULL, 0, NULL), -EBADF);
    CHECK_EQUAL(arsync_submit_copy(pool, work, "from", 9999, "to", NULL, 0, NULL), -EBADF);
    arsync_completion done;
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 100), 0); /* an error means that nothing was queued */
    arsync_pool_close(pool);
}

/* Opens and closes: what arsync_pool_open returns for these options. */
static int try_open(const arsync_pool_options* options) {
    arsync_pool* pool = NULL;
    int error = arsync_pool_open(options, &pool);
    if (error == 0)
        arsync_pool_close(pool);
    return error;
}

static void pool_options_that_mean_nothing_are_refused(void) {
    const arsync_pool_options good = {.struct_size = sizeof good};
    arsync_pool_options options;
#define CHECK_OPEN(field, value, want)                                                             \
    do {                                                                                           \
        options = good;                                                                            \
        options.field = (value);                                                                   \
        CHECK_EQUAL(try_open(&options), want);                                                     \
    } while (0)
    CHECK_OPEN(flags, 0, 0);
    CHECK_OPEN(flags, 1u << 31, -EINVAL);
    CHECK_OPEN(flags, ARSYNC_POOL_HUGE_PAGES << 1, -EINVAL);
    CHECK_OPEN(backend, ARSYNC_BACKEND_THREADS, 0);
    CHECK_OPEN(backend, ARSYNC_BACKEND_THREADS + 1, -EINVAL);
    CHECK_OPEN(workers, ARSYNC_WORKERS_MAX, 0);
    CHECK_OPEN(workers, ARSYNC_WORKERS_MAX + 1, -EINVAL);
    CHECK_OPEN(buffer_count, ARSYNC_BUFFER_COUNT_MAX, 0);
    CHECK_OPEN(buffer_count, ARSYNC_BUFFER_COUNT_MAX + 1, -EINVAL);
    CHECK_OPEN(buffer_size, ARSYNC_BUFFER_SIZE_MIN, 0);
    CHECK_OPEN(buffer_size, ARSYNC_BUFFER_SIZE_MAX, 0);
    CHECK_OPEN(buffer_size, ARSYNC_BUFFER_SIZE_MAX + ARSYNC_BUFFER_SIZE_MIN, -EINVAL);
    CHECK_OPEN(buffer_size, ARSYNC_BUFFER_SIZE_MIN / 2, -EINVAL);
    CHECK_OPEN(buffer_size, ARSYNC_BUFFER_SIZE_MIN + 1, -EINVAL);
    CHECK_OPEN(queue_depth, ARSYNC_QUEUE_DEPTH_MAX, 0);
    CHECK_OPEN(queue_depth, ARSYNC_QUEUE_DEPTH_MAX + 1, -EINVAL);
    CHECK_OPEN(queue_depth, UINT32_MAX, -EINVAL);
    CHECK_OPEN(job_limit, ARSYNC_JOB_LIMIT_MAX, 0);
    CHECK_OPEN(job_limit, ARSYNC_JOB_LIMIT_MAX + 1, -EINVAL);
    CHECK_OPEN(byte_rate, UINT64_MAX, 0);
    CHECK_OPEN(lease_count, ARSYNC_LEASE_COUNT_MAX, 0);
    CHECK_OPEN(lease_count, ARSYNC_LEASE_COUNT_MAX + 1, -EINVAL);
    for (size_t i = 0; i < sizeof options.reserved / sizeof *options.reserved; i++)
        CHECK_OPEN(reserved[i], 1, -EINVAL);
}

static void copy_options_that_mean_nothing_are_refused(void) {
    arsync_pool* pool = open_pool();
    const arsync_copy_options good = copy_options();
    arsync_copy_options options;
#define CHECK_SUBMIT(field, value, want)                                                           \
    do {                                                                                           \
        options = good;                                                                            \
        options.field = (value);                                                                   \
        CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), want);                             \
    } while (0)
    CHECK_SUBMIT(flags, 1u << 31, -EINVAL);
    CHECK_SUBMIT(flags, ARSYNC_COPY_KEEP_LOCKS, -EINVAL);
    CHECK_SUBMIT(flags, ARSYNC_COPY_IN_ORDER << 1, -EINVAL);
    CHECK_SUBMIT(method, ARSYNC_METHOD_MANAGED + 1, -EINVAL);
    CHECK_SUBMIT(reflink, ARSYNC_REFLINK_NEVER + 1, -EINVAL);
    CHECK_SUBMIT(cache, ARSYNC_CACHE_DROP + 1, -EINVAL);
    CHECK_SUBMIT(replace, ARSYNC_REPLACE_REMOVE + 1, -EINVAL);
    CHECK_SUBMIT(durability, ARSYNC_DURABILITY_FULL + 1, -EINVAL);
    CHECK_SUBMIT(preserve, ARSYNC_PRESERVE_PROJECT << 1, -EINVAL);
    CHECK_SUBMIT(sparse, ARSYNC_SPARSE_NEVER + 1, -EINVAL);
    CHECK_SUBMIT(chunks, ARSYNC_CHUNKS_MAX + 1, -EINVAL);
    CHECK_SUBMIT(update, ARSYNC_UPDATE_ASK_OLDER + 1, -EINVAL);
    CHECK_SUBMIT(symlinks, ARSYNC_SYMLINKS_FOLLOW + 1, -EINVAL);
    CHECK_SUBMIT(report, ARSYNC_REPORT_NONE + 1, -EINVAL);
    CHECK_SUBMIT(backup, ARSYNC_BACKUP_EXISTING + 1, -EINVAL);
    CHECK_SUBMIT(link_set, 1, -EINVAL);
    CHECK_SUBMIT(want, ARSYNC_WANT_FD << 1, -EINVAL);
    CHECK_SUBMIT(required, ARSYNC_PRESERVE_PROJECT << 1, -EINVAL);
    for (int i = 0; i < 2; i++)
        CHECK_SUBMIT(reserved[i], 1, -EINVAL);
    options = good;
    options.flags = ARSYNC_COPY_DEFAULT_MODE;
    options.preserve = ARSYNC_PRESERVE_MODE;
    CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), -EINVAL);
    CHECK(!exists("to"));
    CHECK_SUBMIT(chunks, ARSYNC_CHUNKS_MAX, 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    arsync_pool_close(pool);
}

/* What submit says to these options; of what it takes, the copy is waited for. */
static int try_copy(arsync_pool* pool, arsync_copy_options options) {
    int error = submit(pool, "from", "to", &options, NULL);
    if (error == 0)
        wait_one(pool);
    unlinkat(work, "to", 0);
    return error;
}

static void copy_options_that_contradict_each_other_are_refused(void) {
    arsync_pool* pool = open_pool();
#define CHECK_TOGETHER(want, ...)                                                                  \
    CHECK_EQUAL(try_copy(pool, (arsync_copy_options){.struct_size = sizeof(arsync_copy_options),   \
                                                     __VA_ARGS__}),                                \
                want)
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_HARD_LINK);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_SYMBOLIC_LINK);
    CHECK_TOGETHER(-EINVAL, .flags = ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK);
    CHECK_TOGETHER(-EINVAL, .flags = ARSYNC_COPY_BENEATH);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_BENEATH | ARSYNC_COPY_PARENTS);
    CHECK_TOGETHER(-EINVAL, .flags = ARSYNC_COPY_SHALLOW);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_SHALLOW | ARSYNC_COPY_RECURSIVE);
    CHECK_TOGETHER(-EINVAL, .flags = ARSYNC_COPY_DIRECTORIES_ONLY);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_DIRECTORIES_ONLY | ARSYNC_COPY_RECURSIVE);
    CHECK_TOGETHER(-EINVAL, .flags = ARSYNC_COPY_BARE_PARENTS);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_BARE_PARENTS | ARSYNC_COPY_PARENTS);
    CHECK_TOGETHER(-EINVAL, .range_offset = 1);
    CHECK_TOGETHER(0, .range_offset = 1, .range_length = UINT64_MAX);
    CHECK_TOGETHER(0, .range_length = 1, .flags = ARSYNC_COPY_VERIFY);
    CHECK_TOGETHER(-EINVAL, .range_offset = 1, .range_length = INT64_MAX);
    CHECK_TOGETHER(-EINVAL, .range_length = 1, .flags = ARSYNC_COPY_RECURSIVE);
    CHECK_TOGETHER(-EINVAL, .range_length = 1, .preserve = ARSYNC_PRESERVE_TIMES);
    CHECK_TOGETHER(-EINVAL, .range_length = 1, .replace = ARSYNC_REPLACE_ATOMIC);
    CHECK_TOGETHER(-EINVAL, .range_length = 1, .update = ARSYNC_UPDATE_NONE);
    CHECK_TOGETHER(-EINVAL, .range_length = 1, .symlinks = ARSYNC_SYMLINKS_KEEP);
    CHECK_TOGETHER(-EINVAL, .range_length = 1, .backup = ARSYNC_BACKUP_SIMPLE);
    CHECK_TOGETHER(-EINVAL, .range_length = 1, .want = ARSYNC_WANT_FD);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_DANGLING);
    CHECK_TOGETHER(-EINVAL,
                   .flags = ARSYNC_COPY_BENEATH | ARSYNC_COPY_PARENTS | ARSYNC_COPY_SYMBOLIC_LINK);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR);
    CHECK_TOGETHER(-EINVAL, .flags = ARSYNC_COPY_MIRROR);
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_RECURSIVE, .filter = "x");
    CHECK_TOGETHER(-EINVAL, .filter = "x");
    for (uint32_t backup = ARSYNC_BACKUP_SIMPLE; backup <= ARSYNC_BACKUP_EXISTING; backup++) {
        CHECK_TOGETHER(0, .backup = backup, .replace = ARSYNC_REPLACE_ATOMIC);
        CHECK_TOGETHER(-EINVAL, .backup = backup, .replace = ARSYNC_REPLACE_EXCLUSIVE);
        CHECK_TOGETHER(0, .backup = backup, .flags = ARSYNC_COPY_RECURSIVE);
        CHECK_TOGETHER(-EINVAL, .backup = backup,
                       .flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR);
    }
    CHECK_TOGETHER(0, .flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK);
    CHECK_TOGETHER(-EINVAL, .flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR |
                                     ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK);
    CHECK_TOGETHER(0, .backup = ARSYNC_BACKUP_SIMPLE, .backup_suffix = ".old");
    CHECK_TOGETHER(-EINVAL, .backup = ARSYNC_BACKUP_SIMPLE, .backup_suffix = "");
    CHECK_TOGETHER(-EINVAL, .backup = ARSYNC_BACKUP_SIMPLE, .backup_suffix = "a/b");
    CHECK_TOGETHER(0, .method = ARSYNC_METHOD_REFLINK, .reflink = ARSYNC_REFLINK_ALWAYS);
    CHECK_TOGETHER(-EINVAL, .method = ARSYNC_METHOD_REFLINK, .reflink = ARSYNC_REFLINK_NEVER);
    for (uint32_t sparse = ARSYNC_SPARSE_ALWAYS; sparse <= ARSYNC_SPARSE_NEVER; sparse++) {
        CHECK_TOGETHER(0, .sparse = sparse);
        CHECK_TOGETHER(-EINVAL, .sparse = sparse, .reflink = ARSYNC_REFLINK_ALWAYS);
        CHECK_TOGETHER(-EINVAL, .sparse = sparse, .method = ARSYNC_METHOD_REFLINK);
    }
    arsync_pool_close(pool);
}

/* What the check says to these options begins so; a submit says the same without words. */
static void check_why(arsync_pool* pool, const arsync_copy_options* options, const char* begin) {
    char why[200];
    memset(why, 'x', sizeof why);
    const int error = arsync_options_check(options, why, sizeof why);
    CHECK(error < 0);
    if (strncmp(why, begin, strlen(begin)) != 0) {
        printf("\"%s\" does not begin with \"%s\"\n", why, begin);
        failures++;
    }
    CHECK_EQUAL(submit(pool, "from", "to", options, NULL), error);
    char cut[8];
    memset(cut, 'x', sizeof cut);
    CHECK_EQUAL(arsync_options_check(options, cut, sizeof cut), error);
    CHECK(strncmp(cut, why, sizeof cut - 1) == 0 && cut[sizeof cut - 1] == '\0');
    CHECK_EQUAL(arsync_options_check(options, NULL, 0), error);
}

static void check_says_which_field_is_wrong_and_why(void) {
    arsync_pool* pool = open_pool();
    char why[200] = "x";
    arsync_copy_options options = copy_options();
    CHECK_EQUAL(arsync_options_check(NULL, why, sizeof why), 0);
    CHECK_EQUAL(why[0], '\0');
    CHECK_EQUAL(arsync_options_check(&options, why, sizeof why), 0);
    CHECK_EQUAL(arsync_options_check(&options, NULL, 1), -EFAULT);
#define CHECK_WHY(begin, ...)                                                                      \
    do {                                                                                           \
        options = (arsync_copy_options){.struct_size = sizeof options, __VA_ARGS__};               \
        check_why(pool, &options, begin);                                                          \
    } while (0)
    CHECK_WHY("flags: ", .flags = 1u << 31);
    CHECK_WHY("flags: ARSYNC_COPY_MIRROR needs ARSYNC_COPY_RECURSIVE", .flags = ARSYNC_COPY_MIRROR);
    CHECK_WHY("flags: ARSYNC_COPY_BENEATH needs ", .flags = ARSYNC_COPY_BENEATH);
    CHECK_WHY("flags: ARSYNC_COPY_SHALLOW needs ", .flags = ARSYNC_COPY_SHALLOW);
    CHECK_WHY("flags: ARSYNC_COPY_DIRECTORIES_ONLY needs ", .flags = ARSYNC_COPY_DIRECTORIES_ONLY);
    CHECK_WHY("range_offset: needs range_length", .range_offset = 1);
    CHECK_WHY("preserve: does not go with range_length", .range_length = 1,
              .preserve = ARSYNC_PRESERVE_MODE);
    CHECK_WHY("link_set: does not go with range_length", .range_length = 1, .link_set = 1);
    CHECK_WHY("link_set: does not go with open files", .flags = ARSYNC_COPY_SRC_FD, .link_set = 1);
    CHECK_WHY("update: does not go with ARSYNC_COPY_SRC_FD", .flags = ARSYNC_COPY_SRC_FD,
              .update = ARSYNC_UPDATE_CHANGED);
    CHECK_WHY("update: does not go with ARSYNC_COPY_DST_FD", .flags = ARSYNC_COPY_DST_FD,
              .update = ARSYNC_UPDATE_NONE);
    CHECK_WHY("symlinks: does not go with ARSYNC_COPY_DST_FD", .flags = ARSYNC_COPY_DST_FD,
              .symlinks = ARSYNC_SYMLINKS_KEEP);
    CHECK_WHY("want: ARSYNC_WANT_FD does not go with ARSYNC_COPY_RECURSIVE",
              .flags = ARSYNC_COPY_RECURSIVE, .want = ARSYNC_WANT_FD);
    CHECK_WHY("flags: ARSYNC_COPY_HARD_LINK does not go with ",
              .flags = ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK);
    CHECK_WHY("preserve: ", .preserve = 1u << 31);
    CHECK_WHY("method: ", .method = 99);
    CHECK_WHY("reflink: ", .reflink = 99);
    CHECK_WHY("reflink: NEVER does not go with ARSYNC_METHOD_REFLINK",
              .method = ARSYNC_METHOD_REFLINK, .reflink = ARSYNC_REFLINK_NEVER);
    CHECK_WHY("cache: ", .cache = 99);
    CHECK_WHY("replace: ", .replace = 99);
    CHECK_WHY("durability: ", .durability = 99);
    CHECK_WHY("sparse: ", .sparse = 99);
    CHECK_WHY("sparse: must be AUTO", .sparse = ARSYNC_SPARSE_NEVER,
              .reflink = ARSYNC_REFLINK_ALWAYS);
    CHECK_WHY("chunks: is more than ARSYNC_CHUNKS_MAX", .chunks = ARSYNC_CHUNKS_MAX + 1);
    CHECK_WHY("update: ", .update = 99);
    CHECK_WHY("update: does not go with ARSYNC_COPY_MIRROR",
              .flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR, .update = ARSYNC_UPDATE_ASK);
    CHECK_WHY("update: does not go with ARSYNC_COPY_MIRROR",
              .flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR,
              .update = ARSYNC_UPDATE_ASK_OLDER);
    CHECK_WHY("symlinks: ", .symlinks = 99);
    CHECK_WHY("report: ", .report = 99);
    CHECK_WHY("backup: ", .backup = 99);
    CHECK_WHY("backup: does not go with ARSYNC_REPLACE_EXCLUSIVE", .backup = ARSYNC_BACKUP_SIMPLE,
              .replace = ARSYNC_REPLACE_EXCLUSIVE);
    CHECK_WHY("backup_suffix: is empty", .backup_suffix = "");
    CHECK_WHY("backup_suffix: has a slash", .backup_suffix = "a/b");
    CHECK_WHY("user_map: is no list", .preserve = ARSYNC_PRESERVE_OWNER, .user_map = "1");
    CHECK_WHY("user_map: names whom", .preserve = ARSYNC_PRESERVE_OWNER, .user_map = "1:no one");
    CHECK_WHY("group_map: names whom", .preserve = ARSYNC_PRESERVE_OWNER, .group_map = "2:1,:5");
    CHECK_WHY("group_map: maps a range", .preserve = ARSYNC_PRESERVE_MODE, .group_map = "1-3:4-5");
    CHECK_WHY("user_map: needs ARSYNC_PRESERVE_OWNER", .user_map = "1:2");
    CHECK_WHY("group_map: needs ARSYNC_PRESERVE_OWNER", .group_map = "1:2");
    CHECK_WHY("want: ", .want = 1u << 31);
    CHECK_WHY("filter: needs ARSYNC_COPY_RECURSIVE", .filter = "x");
    CHECK_WHY("reserved: ", .reserved = {0, 1});
    CHECK_WHY("required: has bits", .required = 1u << 31);
    options = copy_options();
    options.struct_size = 60;
    check_why(pool, &options, "struct_size: ");
    struct {
        arsync_copy_options known;
        uint32_t newer[2];
    } newer = {.known.struct_size = sizeof newer, .newer = {0, 1}};
    check_why(pool, &newer.known, "struct_size: ");
    arsync_pool_close(pool);
}

static void options_that_mean_nothing_for_a_range_are_refused(void) {
    arsync_pool* pool = open_pool();
    make_file("to", 100);
    int from = openat(work, "from", O_RDONLY);
    int to = openat(work, "to", O_RDWR);
    NEED(from >= 0 && to >= 0);
    arsync_link_set set;
    CHECK_EQUAL(arsync_link_set_open(pool, &set), 0);
    arsync_copy_options options;
#define CHECK_RANGE(want, ...)                                                                     \
    do {                                                                                           \
        options = (arsync_copy_options){.struct_size = sizeof options, __VA_ARGS__};               \
        CHECK_EQUAL(arsync_submit_copy_range(pool, from, 1, to, 0, 100, &options, 0, NULL), want); \
    } while (0)
    CHECK_RANGE(-EINVAL, .update = ARSYNC_UPDATE_NONE);
    CHECK_RANGE(-EINVAL, .symlinks = ARSYNC_SYMLINKS_KEEP);
    CHECK_RANGE(-EINVAL, .backup = ARSYNC_BACKUP_SIMPLE);
    CHECK_RANGE(-EINVAL, .replace = ARSYNC_REPLACE_ATOMIC);
    CHECK_RANGE(-EINVAL, .preserve = ARSYNC_PRESERVE_TIMES);
    CHECK_RANGE(-EINVAL, .filter = "x");
    CHECK_RANGE(-EINVAL, .filter = "x", .flags = ARSYNC_COPY_RECURSIVE);
    CHECK_RANGE(-EINVAL, .link_set = set);
    CHECK_RANGE(-EINVAL, .preserve = ARSYNC_PRESERVE_OWNER, .user_map = "1:2");
    CHECK_RANGE(-EINVAL, .preserve = ARSYNC_PRESERVE_OWNER, .group_map = "1:2");
    CHECK_RANGE(-EINVAL, .want = ARSYNC_WANT_FD);
    CHECK_RANGE(-EINVAL, .range_length = 5);
    CHECK_RANGE(-EINVAL, .flags = ARSYNC_COPY_RECURSIVE);
    CHECK(has_content("to", 0, 100));
    CHECK_RANGE(0, .flags = ARSYNC_COPY_VERIFY);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK(has_content("to", 1, 100));
    close(from);
    close(to);
    arsync_pool_close(pool);
}

static void adjustments_that_mean_nothing_are_refused(void) {
    arsync_pool* pool = open_pool();
    arsync_adjustment adjustment = {.struct_size = sizeof adjustment};
    arsync_job job;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    CHECK_EQUAL(arsync_job_adjust(NULL, job, &adjustment), -EFAULT);
    CHECK_EQUAL(arsync_job_adjust(pool, job, NULL), -EFAULT);
    CHECK_EQUAL(arsync_job_adjust(pool, job, &adjustment), 0);
    CHECK_EQUAL(arsync_job_adjust(pool, 0, &adjustment), -ENOENT);
    adjustment.what = ARSYNC_ADJUST_PAUSE | ARSYNC_ADJUST_RESUME;
    CHECK_EQUAL(arsync_job_adjust(pool, job, &adjustment), -EINVAL);
    adjustment.what = ARSYNC_ADJUST_PRIORITY << 1;
    CHECK_EQUAL(arsync_job_adjust(pool, job, &adjustment), -EINVAL);
    adjustment.what = 0;
    adjustment.reserved[2] = 1;
    CHECK_EQUAL(arsync_job_adjust(pool, job, &adjustment), -EINVAL);
    adjustment.reserved[2] = 0;
    adjustment.struct_size = ARSYNC_ADJUSTMENT_SIZE_0_1 - 1;
    CHECK_EQUAL(arsync_job_adjust(pool, job, &adjustment), -EINVAL);
    adjustment.struct_size = sizeof adjustment;
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK_EQUAL(arsync_job_adjust(pool, job, &adjustment), -ENOENT);
    arsync_pool_close(pool);
    CHECK_EQUAL(arsync_job_adjust(pool, job, &adjustment), -EINVAL);
}

static void link_sets_are_known_by_their_number_alone(void) {
    arsync_pool* pool = open_pool();
    arsync_pool* other = open_pool();
    arsync_link_set set = 0;
    CHECK_EQUAL(arsync_link_set_open(NULL, &set), -EFAULT);
    CHECK_EQUAL(arsync_link_set_open(pool, NULL), -EFAULT);
    CHECK_EQUAL(arsync_link_set_close(NULL, 1), -EFAULT);
    CHECK_EQUAL(arsync_link_set_open(pool, &set), 0);
    CHECK(set != 0);
    arsync_copy_options options = copy_options();
    options.preserve = ARSYNC_PRESERVE_LINKS;
    options.link_set = set;
    CHECK_EQUAL(submit(other, "from", "to", &options, NULL), -EINVAL);
    CHECK_EQUAL(arsync_link_set_close(other, set), -ENOENT);
    CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), 0);
    CHECK_EQUAL(arsync_link_set_close(pool, set), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK_EQUAL(arsync_link_set_close(pool, set), -ENOENT);
    CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), -EINVAL);
    arsync_link_set next = 0;
    CHECK_EQUAL(arsync_link_set_open(pool, &next), 0);
    CHECK(next != set);
    arsync_pool_close(other);
    arsync_pool_close(pool); /* and the set with it */
}

/* A program built with an older or a newer header than the library's. */
static void options_of_another_size_are_read_as_far_as_they_mean_something(void) {
    struct {
        arsync_pool_options known;
        uint32_t newer[2];
    } pool_options = {.known.struct_size = sizeof pool_options};
    CHECK_EQUAL(try_open(&pool_options.known), 0);
    pool_options.newer[1] = 1;
    CHECK_EQUAL(try_open(&pool_options.known), -E2BIG);
    pool_options.known.struct_size = 0;
    CHECK_EQUAL(try_open(&pool_options.known), -EINVAL);

    arsync_pool* pool = open_pool();
    struct {
        arsync_copy_options known;
        uint32_t newer[40];
    } options = {.known.struct_size = sizeof options};
    CHECK_EQUAL(copy(pool, "from", "to", &options.known).result, 0);
    for (int i = 0; i < 40; i++) { /* each may be an option that nobody here knows */
        options.newer[i] = 1;
        CHECK_EQUAL(submit(pool, "from", "to", &options.known, NULL), -E2BIG);
        options.newer[i] = 0;
    }
    options.known.struct_size = 0;
    CHECK_EQUAL(submit(pool, "from", "to", &options.known, NULL), -EINVAL);
    arsync_pool_close(pool);
}

/* Each would cut a field in two, as a pointer, or leave some out that have always been there. */
static void sizes_that_no_version_had_are_refused(void) {
    arsync_pool* pool = open_pool();
    arsync_pool_options pool_options = {.struct_size = 0};
    arsync_copy_options options = copy_options();
    options.backup_suffix = "~";
    options.filter = "x";
    options.flags = ARSYNC_COPY_RECURSIVE;
    for (uint32_t size = 0; size < ARSYNC_POOL_OPTIONS_SIZE_0_1; size++) {
        pool_options.struct_size = size;
        CHECK_EQUAL(try_open(&pool_options), -EINVAL);
    }
    for (uint32_t size = 0; size < ARSYNC_COPY_OPTIONS_SIZE_0_1; size++) {
        options.struct_size = size;
        CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), -EINVAL);
    }
    options.struct_size = 1u << 31; /* as memory that nobody has set */
    CHECK_EQUAL(submit(pool, "from", "to", &options, NULL), -E2BIG);
    arsync_pool_close(pool);
}

static void structs_to_fill_are_filled_as_far_as_there_is_room(void) {
    arsync_pool* pool = open_pool();
    arsync_job job;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    union {
        uint32_t struct_size;
        arsync_info info;
        arsync_stats stats;
        arsync_progress progress;
        unsigned char bytes[4096];
    } u;
#define CHECK_FILLED(type, call)                                                                   \
    do {                                                                                           \
        memset(&u, 0xa5, sizeof u);                                                                \
        u.struct_size = sizeof(type) - 1;                                                          \
        CHECK_EQUAL(call, -EINVAL);                                                                \
        u.struct_size = 0;                                                                         \
        CHECK_EQUAL(call, -EINVAL);                                                                \
        u.struct_size = sizeof(type);                                                              \
        CHECK_EQUAL(call, 0);                                                                      \
        CHECK_EQUAL(u.bytes[sizeof(type)], 0xa5);                                                  \
        u.struct_size = sizeof(type) + 64; /* as of a newer header */                              \
        CHECK_EQUAL(call, 0);                                                                      \
        CHECK_EQUAL(u.bytes[sizeof(type) + 64], 0xa5);                                             \
    } while (0)
    CHECK_FILLED(arsync_info, arsync_pool_info(pool, &u.info));
    CHECK_FILLED(arsync_stats, arsync_pool_stats(pool, &u.stats));
    CHECK_FILLED(arsync_progress, arsync_job_progress(pool, job, &u.progress));
    arsync_pool_close(pool);
}

static void closed_pool_is_not_closed_twice(void) {
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK_EQUAL(arsync_pool_close(pool), -EINVAL);
}

static void closed_pool_is_good_for_nothing(void) {
    arsync_pool* pool = open_pool();
    arsync_info info = {.struct_size = sizeof info};
    arsync_stats stats = {.struct_size = sizeof stats};
    arsync_progress progress = {.struct_size = sizeof progress};
    arsync_completion done;
    arsync_link_set set;
    arsync_job job;
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    CHECK_EQUAL(arsync_link_set_open(pool, &set), 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK_EQUAL(arsync_pool_event_fd(pool), -EINVAL);
    CHECK_EQUAL(arsync_pool_info(pool, &info), -EINVAL);
    CHECK_EQUAL(arsync_pool_stats(pool, &stats), -EINVAL);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), -EINVAL);
    CHECK_EQUAL(arsync_submit_copy_range(pool, 0, 0, 1, 0, 1, NULL, 0, NULL), -EINVAL);
    CHECK_EQUAL(arsync_job_cancel(pool, job), -EINVAL);
    CHECK_EQUAL(arsync_job_progress(pool, job, &progress), -EINVAL);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 0), -EINVAL);
    CHECK_EQUAL(arsync_link_set_open(pool, &set), -EINVAL);
    CHECK_EQUAL(arsync_link_set_close(pool, set), -EINVAL);
}

static void forked_child_may_only_close(void) {
    arsync_pool* pool = open_pool();
    arsync_link_set set;
    arsync_job job;
    CHECK_EQUAL(arsync_link_set_open(pool, &set), 0);
    CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
    CHECK_EQUAL(submit(pool, "from", "to", NULL, &job), 0);
    fflush(stdout);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        arsync_info info = {.struct_size = sizeof info};
        arsync_stats stats = {.struct_size = sizeof stats};
        arsync_progress progress = {.struct_size = sizeof progress};
        arsync_completion done;
        failures = 0;
        CHECK_EQUAL(arsync_pool_event_fd(pool), -EOWNERDEAD);
        CHECK_EQUAL(arsync_pool_info(pool, &info), -EOWNERDEAD);
        CHECK_EQUAL(arsync_pool_stats(pool, &stats), -EOWNERDEAD);
        CHECK_EQUAL(submit(pool, "from", "to", NULL, NULL), -EOWNERDEAD);
        CHECK_EQUAL(arsync_submit_copy_range(pool, 0, 0, 1, 0, 1, NULL, 0, NULL), -EOWNERDEAD);
        CHECK_EQUAL(arsync_job_cancel(pool, job), -EOWNERDEAD);
        CHECK_EQUAL(arsync_job_progress(pool, job, &progress), -EOWNERDEAD);
        CHECK_EQUAL(arsync_poll(pool, &done, 1, 0), -EOWNERDEAD);
        CHECK_EQUAL(arsync_link_set_open(pool, &set), -EOWNERDEAD);
        CHECK_EQUAL(arsync_link_set_close(pool, set), -EOWNERDEAD);
        CHECK_EQUAL(arsync_pool_close(pool), 0);
        fflush(stdout);
        _exit(failures);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
    CHECK_EQUAL(wait_one(pool).result, 0); /* the child's close did not touch the parent's pool */
    CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
}

static void exit_with_jobs_running_is_just_that(void) {
    fflush(stdout);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        stays_at_exit = true;
        arsync_pool* pool = open_pool();
        for (int i = 0; i < 2000; i++) {
            char name[32];
            snprintf(name, sizeof name, "to%d", i);
            NEED(submit(pool, "from", name, NULL, NULL) == 0);
        }
        wait_one(pool);
        exit(0);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
}

static int open_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void library_leaves_no_descriptor_open(void) {
    int before = open_descriptors();
    arsync_pool* pool = open_pool();
    CHECK_EQUAL(copy(pool, "from", "to", NULL).result, 0);
    CHECK_EQUAL(copy(pool, "missing", "to", NULL).result, -ENOENT);
    CHECK_EQUAL(arsync_submit_copy(pool, work, "from", 9999, "to", NULL, 0, NULL), -EBADF);
    arsync_pool_close(pool);
    CHECK_EQUAL(open_descriptors(), before);
}

const struct test misuse_tests[] = {
    TEST(null_is_refused_where_a_pointer_is_needed),
    TEST(paths_are_checked_at_submit),
    TEST(pool_options_that_mean_nothing_are_refused),
    TEST(copy_options_that_mean_nothing_are_refused),
    TEST(copy_options_that_contradict_each_other_are_refused),
    TEST(check_says_which_field_is_wrong_and_why),
    TEST(options_that_mean_nothing_for_a_range_are_refused),
    TEST(adjustments_that_mean_nothing_are_refused),
    TEST(link_sets_are_known_by_their_number_alone),
    TEST(options_of_another_size_are_read_as_far_as_they_mean_something),
    TEST(sizes_that_no_version_had_are_refused),
    TEST(structs_to_fill_are_filled_as_far_as_there_is_room),
    TEST(closed_pool_is_not_closed_twice),
    TEST(closed_pool_is_good_for_nothing),
    TEST(forked_child_may_only_close),
    TEST(exit_with_jobs_running_is_just_that),
    TEST(library_leaves_no_descriptor_open),
    {NULL, NULL},
};
