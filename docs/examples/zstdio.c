/*
 * zstdio SRC DST - compress a file, which is read past the page cache (O_DIRECT) eight blocks
 * ahead.
 *
 * Block i is read into buffer i % DEPTH and compressed when its turn has come; then the buffer is
 * read into again. So the device is kept busy while the processor works. Where there is no O_DIRECT
 * (tmpfs, some servers), the file is read through the page cache.
 *
 * cc zstdio.c -o zstdio $(pkg-config --cflags --libs arsync libzstd)
 */
#define _GNU_SOURCE /* O_DIRECT */
#include <arsync.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

enum { DEPTH = 8 };

static void need(int result, const char* what) {
    if (result >= 0)
        return;
    fprintf(stderr, "zstdio: %s: %s\n", what, arsync_strerror(result));
    exit(1);
}

/* Whole blocks are asked for, the last one too: what comes of it ends where the file does. */
static void read_block(arsync_pool* pool, arsync_file from, const arsync_buffer* buffers,
                       uint64_t i) {
    const arsync_buffer* buffer = &buffers[i % DEPTH];
    need(arsync_submit_read(pool, from, i * buffer->size, buffer->id, 0, buffer->size, 0, i, NULL),
         "read");
}

static void compress(ZSTD_CCtx* zstd, const void* data, size_t size, int last, FILE* out) {
    static char packed[128 << 10];
    ZSTD_inBuffer input = {data, size, 0};
    size_t left;
    do {
        ZSTD_outBuffer output = {packed, sizeof packed, 0};
        left = ZSTD_compressStream2(zstd, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            fprintf(stderr, "zstdio: %s\n", ZSTD_getErrorName(left));
            exit(1);
        }
        fwrite(packed, 1, output.pos, out);
    } while (last ? left > 0 : input.pos < input.size);
}

int main(int argc, char** argv) {
    if (argc != 3)
        return fprintf(stderr, "usage: zstdio SRC DST\n"), 2;
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (fd < 0)
        fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    FILE* out = fd < 0 ? NULL : fopen(argv[2], "wbx");
    if (!out)
        return perror(fd < 0 ? argv[1] : argv[2]), 1;
    const arsync_pool_options options = {
        .struct_size = sizeof options, .buffer_size = 512 << 10, .lease_count = DEPTH};
    arsync_pool* pool;
    arsync_buffer buffers[DEPTH];
    arsync_file from;
    need(arsync_pool_open(&options, &pool), "open a pool");
    need(arsync_buffer_acquire(pool, DEPTH, buffers), "get buffers");
    need(arsync_file_open(pool, fd, 0, &from), argv[1]);

    ZSTD_CCtx* zstd = ZSTD_createCCtx();
    int is_read[DEPTH] = {0};
    uint64_t lengths[DEPTH];
    int last = 0;
    for (uint64_t i = 0; i < DEPTH; ++i)
        read_block(pool, from, buffers, i);
    for (uint64_t next = 0; !last; ++next) {
        while (!is_read[next % DEPTH]) {
            arsync_completion done;
            need(arsync_poll(pool, &done, 1, -1), "poll");
            need(done.result, arsync_stage_name(done.stage));
            is_read[done.user_data % DEPTH] = 1;
            lengths[done.user_data % DEPTH] = done.bytes;
        }
        const arsync_buffer* buffer = &buffers[next % DEPTH];
        last = lengths[next % DEPTH] < buffer->size;
        compress(zstd, buffer->data, lengths[next % DEPTH], last, out);
        is_read[next % DEPTH] = 0;
        if (!last)
            read_block(pool, from, buffers, next + DEPTH);
    }
    ZSTD_freeCCtx(zstd);
    arsync_pool_close(pool); /* waits for what was read ahead; the buffers go with the process */
    if (ferror(out) || fclose(out) != 0)
        return perror(argv[2]), 1;
    return 0;
}
