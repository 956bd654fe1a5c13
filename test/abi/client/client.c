/* What the tests share, and main. */
#define _XOPEN_SOURCE 700
#include "client.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int failures;
bool stays_at_exit;
int work;
static const char* skipped_because;

static unsigned char byte_at(size_t i) {
    return (unsigned char)((i * 2654435761u) >> 13);
}

void make_file(const char* name, size_t size) {
    unsigned char* data = malloc(size + 1);
    NEED(data != NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_at(i);
    int fd = openat(work, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    NEED(fd >= 0);
    NEED(write(fd, data, size) == (ssize_t)size);
    close(fd);
    free(data);
}

bool exists(const char* name) {
    struct stat st;
    return fstatat(work, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool has_content(const char* name, size_t offset, size_t size) {
    unsigned char* data = malloc(size + 1);
    NEED(data != NULL);
    int fd = openat(work, name, O_RDONLY);
    bool same = fd >= 0 && read(fd, data, size + 1) == (ssize_t)size;
    for (size_t i = 0; same && i < size; i++)
        same = data[i] == byte_at(offset + i);
    if (fd >= 0)
        close(fd);
    free(data);
    return same;
}

arsync_pool* open_pool(void) {
    arsync_pool* pool = NULL;
    NEED(arsync_pool_open(NULL, &pool) == 0 && pool != NULL);
    return pool;
}

arsync_copy_options copy_options(void) {
    arsync_copy_options options = {.struct_size = sizeof options};
    return options;
}

int submit(arsync_pool* pool, const char* from, const char* to, const arsync_copy_options* options,
           arsync_job* job) {
    return arsync_submit_copy(pool, work, from, work, to, options, 7, job);
}

arsync_completion wait_one(arsync_pool* pool) {
    arsync_completion done;
    memset(&done, 0xff, sizeof done);
    NEED(arsync_poll(pool, &done, 1, 60000) == 1);
    return done;
}

arsync_completion copy(arsync_pool* pool, const char* from, const char* to,
                       const arsync_copy_options* options) {
    int error = submit(pool, from, to, options, NULL);
    if (error != 0) {
        printf("submit: %s\n", arsync_strerror(error));
        failures++;
        return (arsync_completion){.result = error};
    }
    return wait_one(pool);
}

bool is_readable(int fd, int timeout_ms) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms) == 1 && (wait.revents & POLLIN);
}

static int remove_entry(const char* path, const struct stat* st, int type, struct FTW* ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void skip(const char* why) {
    skipped_because = why;
}

static void tell(const char* name) {
    if (failures > 0)
        printf("not ok %s\n", name);
    else if (skipped_because != NULL)
        printf("SKIP: %s: %s\n", name, skipped_because);
    else
        printf("ok %s\n", name);
    fflush(stdout);
}

/* Run one test in a directory of its own. */
static void run(const struct test* test) {
    const char* tmp = getenv("TMPDIR");
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/arsync-client-XXXXXX", tmp != NULL ? tmp : "/tmp");
    NEED(mkdtemp(dir) != NULL);
    work = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    NEED(work >= 0);
    make_file("from", FILE_SIZE);
    failures = 0;
    skipped_because = NULL;
    test->run();
    tell(test->name);
    close(work);
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void stay_if_asked(void) {
    const struct timespec moment = {0, 200 * 1000 * 1000};
    if (stays_at_exit)
        nanosleep(&moment, NULL);
}

/* client [TEST] - all tests, or the one that is named. */
int main(int argc, char** argv) {
    atexit(stay_if_asked); /* before the library has anything to undo, and so called after it */
    int passed = 0, failed = 0, skipped = 0;
    for (const struct test* const* group = groups; *group != NULL; group++) {
        for (const struct test* test = *group; test->run != NULL; test++) {
            if (argc > 1 && strcmp(argv[1], test->name) != 0)
                continue;
            run(test);
            *(failures > 0 ? &failed : skipped_because != NULL ? &skipped : &passed) += 1;
        }
    }
    printf("# %d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed == 0 ? 0 : 1;
}
