/*
 * hashcp SRC DST - copy a file and print the XXH3 hash of what was copied, as `xxhsum -H3` would.
 *
 * Block i goes through buffer i % DEPTH: it is read, hashed when its turn has come, and written
 * from the same memory. While one block is hashed, others are being read and written.
 *
 * cc hashcp.c -o hashcp $(pkg-config --cflags --libs arsync) -lxxhash
 */
#define _POSIX_C_SOURCE 200809L
#include <arsync.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#define DEPTH 8

static struct {
    uint64_t length;
    int is_read;
} blocks[DEPTH];
static arsync_buffer buffers[DEPTH];
static arsync_pool* pool;
static arsync_file from, to;
static int in_flight;

static void need(int result, const char* what) {
    if (result >= 0)
        return;
    fprintf(stderr, "hashcp: %s: %s\n", what, arsync_strerror(result));
    exit(1);
}

static void read_block(uint64_t i) {
    const arsync_buffer* buffer = &buffers[i % DEPTH];
    blocks[i % DEPTH].is_read = 0;
    need(arsync_submit_read(pool, from, i * buffer->size, buffer->id, 0, buffer->size, 0, i, NULL),
         "read");
    ++in_flight;
}

static void write_block(uint64_t i) {
    const arsync_buffer* buffer = &buffers[i % DEPTH];
    need(arsync_submit_write(pool, to, i * buffer->size, buffer->id, 0, blocks[i % DEPTH].length, 0,
                             i, NULL),
         "write");
    ++in_flight;
}

int main(int argc, char** argv) {
    if (argc != 3)
        return fprintf(stderr, "usage: hashcp SRC DST\n"), 2;
    const int source = open(argv[1], O_RDONLY | O_CLOEXEC);
    const int destination = source < 0 ? -1 : open(argv[2], O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (destination < 0)
        return perror(source < 0 ? argv[1] : argv[2]), 1;
    need(arsync_pool_open(NULL, &pool), "open a pool");
    need(arsync_buffer_acquire(pool, DEPTH, buffers), "get buffers");
    need(arsync_file_open(pool, source, 0, &from), argv[1]);
    need(arsync_file_open(pool, destination, 0, &to), argv[2]);

    XXH3_state_t* hash = XXH3_createState();
    XXH3_64bits_reset(hash);
    uint64_t next = 0; /* block to be hashed */
    int ended = 0;     /* the source's end has been read */
    for (uint64_t i = 0; i < DEPTH; ++i)
        read_block(i);
    while (in_flight > 0) {
        arsync_completion done;
        need(arsync_poll(pool, &done, 1, -1), "poll");
        need(done.result, arsync_stage_name(done.stage));
        --in_flight;
        const uint64_t i = done.user_data;
        if (done.action == ARSYNC_ACTION_WRITE) {
            if (!ended)
                read_block(i + DEPTH);
            continue;
        }
        blocks[i % DEPTH].length = done.bytes;
        blocks[i % DEPTH].is_read = 1;
        for (; blocks[next % DEPTH].is_read; ++next) {
            const uint64_t length = blocks[next % DEPTH].length;
            blocks[next % DEPTH].is_read = 0;
            XXH3_64bits_update(hash, buffers[next % DEPTH].data, length);
            if (length > 0)
                write_block(next);
            ended |= length < buffers[0].size;
        }
    }
    printf("%016" PRIx64 "  %s\n", (uint64_t)XXH3_64bits_digest(hash), argv[1]);
    XXH3_freeState(hash);
    for (int i = 0; i < DEPTH; ++i)
        arsync_buffer_release(pool, buffers[i].id);
    need(arsync_file_close(pool, to), argv[2]); /* its last duplicate may tell of a lost write */
    arsync_pool_close(pool);
    return 0;
}
