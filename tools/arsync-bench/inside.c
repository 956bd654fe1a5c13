/*
 * One copy through a pool of its own, with what the library counted of it.
 *
 *     inside [NAME=VALUE | WORD]... SRC DST
 *
 * copies a file, or with `recursive` a tree, and prints a line of JSON. Names: method (as arsync-cp
 * has them, or `read`: leased buffers that are read into and not written), size (of a buffer, in
 * KiB), depth (buffers of a worker), jobs (workers), chunks (in flight, of a file). Words: sqpoll,
 * iopoll, recursive, direct (read by O_DIRECT).
 */
#define _GNU_SOURCE
#include <arsync.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { METHODS = ARSYNC_METHOD_MANAGED + 1, DEPTH_MAX = 64 };

typedef struct {
    arsync_pool_options pool;
    arsync_copy_options copy;
    int read_only;
    int direct;
} plan;

static void need(int result, const char* what) {
    if (result >= 0)
        return;
    fprintf(stderr, "inside: %s: %s\n", what, arsync_strerror(result));
    exit(1);
}

static void usage(void) {
    fprintf(stderr, "inside: see the comment on top of inside.c\n");
    exit(2);
}

static uint32_t method_called(const char* name) {
    for (uint32_t method = 0; method < METHODS; ++method)
        if (strcmp(arsync_method_name(method), name) == 0)
            return method;
    usage();
    return 0;
}

static void understand(plan* p, const char* word) {
    const char* value = strchr(word, '=') ? strchr(word, '=') + 1 : "";
    const uint32_t number = (uint32_t)strtoul(value, NULL, 10);
    if (strcmp(word, "method=read") == 0)
        p->read_only = 1;
    else if (strncmp(word, "method=", 7) == 0)
        p->copy.method = method_called(value);
    else if (strncmp(word, "size=", 5) == 0)
        p->pool.buffer_size = number << 10;
    else if (strncmp(word, "depth=", 6) == 0)
        p->pool.buffer_count = p->pool.lease_count = number;
    else if (strncmp(word, "chunks=", 7) == 0)
        p->copy.chunks = number;
    else if (strncmp(word, "jobs=", 5) == 0)
        p->pool.workers = number;
    else if (strcmp(word, "sqpoll") == 0)
        p->pool.flags |= ARSYNC_POOL_SQPOLL;
    else if (strcmp(word, "iopoll") == 0)
        p->pool.flags |= ARSYNC_POOL_IOPOLL;
    else if (strcmp(word, "recursive") == 0)
        p->copy.flags |= ARSYNC_COPY_RECURSIVE;
    else if (strcmp(word, "direct") == 0)
        p->direct = 1;
    else
        usage();
}

static arsync_completion poll_one(arsync_pool* pool) {
    arsync_completion done;
    need(arsync_poll(pool, &done, 1, -1), "poll");
    need(done.result, arsync_stage_name(done.stage));
    return done;
}

static const char* copy(arsync_pool* pool, const plan* p, const char* from, const char* to) {
    arsync_completion done;
    need(arsync_submit_copy(pool, AT_FDCWD, from, AT_FDCWD, to, &p->copy, 0, NULL), from);
    do
        done = poll_one(pool);
    while (done.kind != ARSYNC_COMPLETION_JOB);
    return arsync_method_name(done.method);
}

static void read_all(arsync_pool* pool, const plan* p, const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | (p->direct ? O_DIRECT : 0));
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) < 0) {
        perror(path);
        exit(1);
    }
    arsync_file file;
    need(arsync_file_open(pool, fd, 0, &file), path);
    close(fd);
    const uint32_t depth = p->pool.lease_count < DEPTH_MAX ? p->pool.lease_count : DEPTH_MAX;
    arsync_buffer buffers[DEPTH_MAX];
    need(arsync_buffer_acquire(pool, depth, buffers), "get buffers");
    const uint64_t end = (uint64_t)facts.st_size, size = p->pool.buffer_size;
    uint64_t next = 0;
    uint32_t in_flight = 0;
    for (; in_flight < depth && next < end; ++in_flight, next += size)
        need(arsync_submit_read(pool, file, next, buffers[in_flight].id, 0, (uint32_t)size, 0,
                                in_flight, NULL),
             "read");
    while (in_flight > 0) {
        const uint64_t i = poll_one(pool).user_data;
        if (next < end)
            need(arsync_submit_read(pool, file, next, buffers[i].id, 0, (uint32_t)size, 0, i, NULL),
                 "read");
        else
            --in_flight;
        next += size;
    }
    for (uint32_t i = 0; i < depth; ++i)
        arsync_buffer_release(pool, buffers[i].id);
}

static void tell(arsync_pool* pool, const char* method, double seconds) {
    arsync_stats s = {.struct_size = sizeof s};
    arsync_info i = {.struct_size = sizeof i};
    need(arsync_pool_stats(pool, &s), "statistics");
    need(arsync_pool_info(pool, &i), "facts");
    const double depth = s.busy_ns ? (double)s.queue_depth_ns / (double)s.busy_ns : 0;
    printf("{\"seconds\":%.6f,\"method\":\"%s\",\"submissions\":%llu,\"enters\":%llu,"
           "\"buffer_waits\":%llu,\"depth\":%.3f,\"depth_max\":%u,\"helper_calls\":%llu,"
           "\"copied_in_user_space\":%llu,\"sqpoll\":%s,\"iopoll\":%s}\n",
           seconds, method, (unsigned long long)s.submissions, (unsigned long long)s.enters,
           (unsigned long long)s.buffer_waits, depth, s.queue_depth_max,
           (unsigned long long)s.helper_calls, (unsigned long long)s.bytes_copied_in_user_space,
           i.flags & ARSYNC_POOL_SQPOLL ? "true" : "false",
           i.flags & ARSYNC_POOL_IOPOLL ? "true" : "false");
}

int main(int argc, char** argv) {
    plan p = {.pool = {.struct_size = sizeof p.pool}, .copy = {.struct_size = sizeof p.copy}};
    if (argc < 3)
        usage();
    for (int i = 1; i < argc - 2; ++i)
        understand(&p, argv[i]);
    if (p.read_only && (p.pool.lease_count == 0 || p.pool.buffer_size == 0))
        usage();
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    arsync_pool* pool = NULL;
    need(arsync_pool_open(&p.pool, &pool), "open a pool");
    const char* method = "read";
    if (p.read_only)
        read_all(pool, &p, argv[argc - 2]);
    else
        method = copy(pool, &p, argv[argc - 2], argv[argc - 1]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    tell(pool, method,
         (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    arsync_pool_close(pool);
    return 0;
}
