/*
 * fanout SRC DST DST DST - copy a file to three places, reading it once.
 *
 * Each block is read into a buffer and written from it to all destinations at once; when the last
 * of these writes has ended, the buffer is read into again.
 *
 * cc fanout.c -o fanout $(pkg-config --cflags --libs arsync)
 */
#define _POSIX_C_SOURCE 200809L
#include <arsync.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COPIES = 3, DEPTH = 4 };

static void need(int result, const char* what) {
    if (result >= 0)
        return;
    fprintf(stderr, "fanout: %s: %s\n", what, arsync_strerror(result));
    exit(1);
}

static arsync_file open_file(arsync_pool* pool, const char* path, int flags) {
    const int fd = open(path, flags | O_CLOEXEC, 0666);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    arsync_file file;
    need(arsync_file_open(pool, fd, 0, &file), path);
    close(fd); /* the pool has a duplicate */
    return file;
}

int main(int argc, char** argv) {
    if (argc != 2 + COPIES) {
        fprintf(stderr, "usage: fanout SRC DST DST DST\n");
        return 2;
    }
    /* Small enough that a block is still in the processor's cache when it is written. */
    const arsync_pool_options options = {
        .struct_size = sizeof options, .buffer_size = 256 << 10, .lease_count = DEPTH};
    arsync_pool* pool;
    need(arsync_pool_open(&options, &pool), "open a pool");
    arsync_buffer buffers[DEPTH];
    need(arsync_buffer_acquire(pool, DEPTH, buffers), "get buffers");
    const arsync_file from = open_file(pool, argv[1], O_RDONLY);
    arsync_file to[COPIES];
    for (int i = 0; i < COPIES; ++i)
        to[i] = open_file(pool, argv[2 + i], O_WRONLY | O_CREAT | O_EXCL);

    uint64_t offsets[DEPTH], next = 0;
    int writes[DEPTH] = {0}; /* under way */
    int in_flight = 0;
    for (uint64_t i = 0; i < DEPTH; ++i, ++in_flight, next += buffers[0].size) {
        offsets[i] = next;
        need(arsync_submit_read(pool, from, next, buffers[i].id, 0, buffers[i].size, 0, i, NULL),
             "read");
    }
    while (in_flight > 0) {
        arsync_completion done;
        need(arsync_poll(pool, &done, 1, -1), "poll");
        need(done.result, arsync_stage_name(done.stage));
        --in_flight;
        const uint64_t i = done.user_data; /* number of the buffer */
        if (done.action == ARSYNC_ACTION_READ && done.bytes > 0) {
            for (int copy = 0; copy < COPIES; ++copy, ++in_flight)
                need(arsync_submit_write(pool, to[copy], offsets[i], buffers[i].id, 0, done.bytes,
                                         0, i, NULL),
                     "write");
            writes[i] = COPIES;
        } else if (done.action == ARSYNC_ACTION_WRITE && --writes[i] == 0) {
            offsets[i] = next;
            need(
                arsync_submit_read(pool, from, next, buffers[i].id, 0, buffers[i].size, 0, i, NULL),
                "read");
            next += buffers[i].size;
            ++in_flight;
        }
    }
    for (int i = 0; i < DEPTH; ++i)
        arsync_buffer_release(pool, buffers[i].id);
    for (int i = 0; i < COPIES; ++i)
        need(arsync_file_close(pool, to[i]), argv[2 + i]);
    arsync_pool_close(pool);
    return 0;
}
