/*
 * The same work in C by leased buffers and by copies, for the rows of `run` that compare them.
 *
 *     buffers managed SRC DST       read and write by O_DIRECT; as many and as large buffers as
 *                                   the next
 *     buffers direct SRC DST        arsync_submit_copy, method direct
 *     buffers fanout SRC DST...     each block read once, and written to every DST at once
 *     buffers copies SRC DST...     a copy to each DST, submitted together
 *     buffers calls SRC DST...      as fanout, by plain calls of as many threads as there are
 *                                   processors: the least that it can cost
 *     buffers list SRC DST COUNT    the files 00000 to COUNT - 1 of one directory to another as one
 *                                   list; prints the seconds that took
 */
#define _GNU_SOURCE
#include <arsync.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS_MAX = 64, COPIES_MAX = 8 };

static void need(int result, const char* what) {
    if (result >= 0)
        return;
    fprintf(stderr, "buffers: %s: %s\n", what, arsync_strerror(result));
    exit(1);
}

static arsync_pool* open_pool(uint32_t buffer_size, uint32_t lease_count) {
    const arsync_pool_options options = {
        .struct_size = sizeof options, .buffer_size = buffer_size, .lease_count = lease_count};
    arsync_pool* pool = NULL;
    need(arsync_pool_open(&options, &pool), "open a pool");
    return pool;
}

static arsync_completion poll_one(arsync_pool* pool) {
    arsync_completion done;
    need(arsync_poll(pool, &done, 1, -1), "poll");
    need(done.result, arsync_stage_name(done.stage));
    return done;
}

/* size: of a destination, which gets its blocks, as a copy's does. By O_DIRECT it gets its size
 * too: such writes that extend a file go one by one. */
static arsync_file open_file(arsync_pool* pool, const char* path, int flags, off_t size) {
    const int fd = open(path, flags | O_CLOEXEC, 0666);
    arsync_file file = 0;
    const int keep = flags & O_DIRECT ? 0 : FALLOC_FL_KEEP_SIZE;
    if (fd < 0 || (size > 0 && fallocate(fd, keep, 0, size) < 0)) {
        perror(path);
        exit(1);
    }
    need(arsync_file_open(pool, fd, 0, &file), path);
    close(fd);
    return file;
}

static void move(const char* from_path, char** to_paths, int copies, int direct) {
    const uint32_t size = direct ? 2 << 20 : 1 << 20;
    const int depth = 4; /* the fewer there are, the more of them a processor's cache holds */
    struct stat facts;
    if (stat(from_path, &facts) < 0) {
        perror(from_path);
        exit(1);
    }
    arsync_pool* pool = open_pool(size, (uint32_t)depth);
    const int mode = direct ? O_DIRECT : 0;
    const arsync_file from = open_file(pool, from_path, O_RDONLY | mode, 0);
    arsync_file to[COPIES_MAX];
    for (int i = 0; i < copies; ++i)
        to[i] = open_file(pool, to_paths[i], O_WRONLY | O_CREAT | O_EXCL | mode, facts.st_size);
    arsync_buffer buffers[BUFFERS_MAX];
    need(arsync_buffer_acquire(pool, (uint32_t)depth, buffers), "get buffers");
    uint64_t offsets[BUFFERS_MAX], next = 0;
    int writes[BUFFERS_MAX] = {0};
    int in_flight = 0;
    for (uint64_t i = 0; i < (uint64_t)depth; ++i, next += size, ++in_flight) {
        offsets[i] = next;
        need(arsync_submit_read(pool, from, next, buffers[i].id, 0, size, 0, i, NULL), "read");
    }
    while (in_flight > 0) {
        const arsync_completion done = poll_one(pool);
        const uint64_t i = done.user_data;
        --in_flight;
        if (done.action == ARSYNC_ACTION_READ && done.bytes > 0) {
            for (int copy = 0; copy < copies; ++copy, ++in_flight)
                need(arsync_submit_write(pool, to[copy], offsets[i], buffers[i].id, 0, done.bytes,
                                         0, i, NULL),
                     "write");
            writes[i] = copies;
        } else if (done.action == ARSYNC_ACTION_WRITE && --writes[i] == 0 &&
                   next < (uint64_t)facts.st_size) {
            offsets[i] = next;
            need(arsync_submit_read(pool, from, next, buffers[i].id, 0, size, 0, i, NULL), "read");
            next += size;
            ++in_flight;
        }
    }
    for (int i = 0; i < depth; ++i)
        arsync_buffer_release(pool, buffers[i].id);
    arsync_pool_close(pool);
}

static struct {
    int from, to[COPIES_MAX], copies;
    uint64_t size;
    atomic_ullong next;
} calls;

static void* call(void* unused) {
    enum { STEP = 256 << 10 };
    char* data = malloc(STEP);
    for (uint64_t at = atomic_fetch_add(&calls.next, STEP); data && at < calls.size;
         at = atomic_fetch_add(&calls.next, STEP)) {
        const ssize_t got = pread(calls.from, data, STEP, (off_t)at);
        for (int i = 0; i < calls.copies; ++i)
            if (got <= 0 || pwrite(calls.to[i], data, (size_t)got, (off_t)at) != got) {
                perror("buffers: calls");
                exit(1);
            }
    }
    free(data);
    return unused;
}

static void call_threads(const char* from_path, char** to_paths, int copies) {
    struct stat facts;
    calls.from = open(from_path, O_RDONLY | O_CLOEXEC);
    calls.copies = copies;
    need(fstat(calls.from, &facts), from_path);
    calls.size = (uint64_t)facts.st_size;
    for (int i = 0; i < copies; ++i) {
        calls.to[i] = open(to_paths[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        need(fallocate(calls.to[i], FALLOC_FL_KEEP_SIZE, 0, facts.st_size), to_paths[i]);
    }
    pthread_t threads[64];
    const long wanted = sysconf(_SC_NPROCESSORS_ONLN);
    const int count = wanted < 64 ? (int)wanted : 64;
    for (int i = 0; i < count; ++i)
        need(-pthread_create(&threads[i], NULL, call, NULL), "start a thread");
    for (int i = 0; i < count; ++i)
        pthread_join(threads[i], NULL);
}

static void copy(const char* from, char** to, int copies, uint32_t method) {
    arsync_copy_options options = {.struct_size = sizeof options, .method = method};
    arsync_pool* pool = open_pool(0, 0);
    for (int i = 0; i < copies; ++i)
        need(arsync_submit_copy(pool, AT_FDCWD, from, AT_FDCWD, to[i], &options, 0, NULL), from);
    for (int i = 0; i < copies; ++i)
        poll_one(pool);
    arsync_pool_close(pool);
}

static void list(const char* from, const char* to, uint64_t count) {
    arsync_item* items = calloc(count, sizeof *items);
    char(*names)[24] = calloc(count, sizeof *names);
    const int source = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!items || !names || source < 0 || mkdir(to, 0777) < 0) {
        perror(to);
        exit(1);
    }
    const int destination = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (uint64_t i = 0; i < count; ++i) {
        snprintf(names[i], sizeof names[i], "%05llu", (unsigned long long)i);
        items[i] = (arsync_item){.src = names[i], .dst = names[i], .user_data = i};
    }
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    arsync_pool* pool = open_pool(0, 0);
    need(arsync_submit_list(pool, source, destination, items, count, NULL, 0, NULL), "list");
    int over = 0;
    while (!over) {
        arsync_completion done[256];
        const int got = arsync_poll(pool, done, 256, -1);
        need(got, "poll");
        for (int i = 0; i < got; ++i) {
            need(done[i].result, arsync_stage_name(done[i].stage));
            over |= done[i].kind == ARSYNC_COMPLETION_JOB;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    arsync_pool_close(pool);
    printf("%.6f\n",
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    free(items);
    free(names);
}

int main(int argc, char** argv) {
    const char* what = argc > 3 ? argv[1] : "";
    const int copies = argc - 3 < COPIES_MAX ? argc - 3 : COPIES_MAX;
    if (strcmp(what, "managed") == 0)
        move(argv[2], argv + 3, 1, 1);
    else if (strcmp(what, "fanout") == 0)
        move(argv[2], argv + 3, copies, 0);
    else if (strcmp(what, "calls") == 0)
        call_threads(argv[2], argv + 3, copies);
    else if (strcmp(what, "direct") == 0)
        copy(argv[2], argv + 3, 1, ARSYNC_METHOD_DIRECT);
    else if (strcmp(what, "copies") == 0)
        copy(argv[2], argv + 3, copies, ARSYNC_METHOD_AUTO);
    else if (strcmp(what, "list") == 0 && argc == 5)
        list(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    else
        return fprintf(stderr, "buffers: see the comment on top of buffers.c\n"), 2;
    return 0;
}
