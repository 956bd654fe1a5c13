/* Leased buffers. */
#define _XOPEN_SOURCE 700
#include "cases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static arsync_pool* open_pool_of_one(void) {
    const arsync_pool_options options = {.struct_size = sizeof options, .lease_count = 1};
    arsync_pool* pool = NULL;
    NEED(arsync_pool_open(&options, &pool) == 0);
    return pool;
}

static arsync_buffer acquire(arsync_pool* pool) {
    arsync_buffer buffer = {0};
    NEED(arsync_buffer_acquire(pool, 1, &buffer) == 0);
    return buffer;
}

static arsync_file file_of(arsync_pool* pool, const char* name, int flags) {
    arsync_file file = 0;
    const int fd = open_file(name, flags);
    NEED(arsync_file_open(pool, fd, 0, &file) == 0);
    close(fd);
    return file;
}

/* Whether the memory has length bytes of a file of the tests, from offset on. */
static bool has_bytes(const void* data, size_t offset, size_t length) {
    static unsigned char bytes[FILE_SIZE];
    const int fd = open_file("from", O_RDONLY);
    const bool read = pread(fd, bytes, length, (off_t)offset) == (ssize_t)length;
    close(fd);
    return read && memcmp(data, bytes, length) == 0;
}

CASE(reads_and_writes_through_a_buffer) {
    arsync_pool* pool = open_pool();
    const arsync_file from = file_of(pool, "from", O_RDONLY);
    const arsync_file to = file_of(pool, "to", O_WRONLY | O_CREAT);
    const arsync_buffer buffer = acquire(pool);
    CHECK(buffer.size >= MIB && (uintptr_t)buffer.data % 4096 == 0);
    CHECK_EQUAL(arsync_submit_read(pool, from, 1000, buffer.id, 0, MIB, 0, 7, NULL), 0);
    arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.bytes, MIB);
    CHECK_EQUAL(done.user_data, 7);
    CHECK_EQUAL(done.action, ARSYNC_ACTION_READ);
    CHECK(has_bytes(buffer.data, 1000, MIB));
    CHECK_EQUAL(arsync_submit_write(pool, to, 0, buffer.id, 0, MIB, 0, 0, NULL), 0);
    done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.bytes, MIB);
    CHECK_EQUAL(arsync_submit_sync(pool, to, ARSYNC_SYNC_DATA, 0, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK(has_content("to", 1000, MIB));
    CHECK_EQUAL(arsync_file_close(pool, from), 0);
    CHECK_EQUAL(arsync_file_close(pool, to), 0);
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), 0);
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), -ENOENT);
    arsync_pool_close(pool);
}

CASE(writes_one_buffer_to_three_files) {
    static const char* const names[] = {"to-0", "to-1", "to-2"};
    arsync_pool* pool = open_pool();
    const arsync_file from = file_of(pool, "from", O_RDONLY);
    const arsync_buffer buffer = acquire(pool);
    CHECK_EQUAL(arsync_submit_read(pool, from, 0, buffer.id, 0, MIB, 0, 0, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    for (int i = 0; i < 3; i++) {
        const arsync_file to = file_of(pool, names[i], O_WRONLY | O_CREAT);
        CHECK_EQUAL(arsync_submit_write(pool, to, 0, buffer.id, 0, MIB, 0, 0, NULL), 0);
        CHECK_EQUAL(arsync_file_close(pool, to), 0); /* when the write has ended */
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(wait_one(pool).bytes, MIB);
    for (int i = 0; i < 3; i++)
        CHECK(has_content(names[i], 0, MIB));
    arsync_pool_close(pool);
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), 0);
}

CASE(tells_the_end_of_a_file) {
    arsync_pool* pool = open_pool();
    const arsync_file from = file_of(pool, "from", O_RDONLY);
    const arsync_buffer buffer = acquire(pool);
    CHECK_EQUAL(arsync_submit_read(pool, from, FILE_SIZE - 10, buffer.id, 0, MIB, 0, 0, NULL), 0);
    const arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.bytes, 10);
    CHECK(has_bytes(buffer.data, FILE_SIZE - 10, 10));
    const uint64_t too_much = buffer.size + 1;
    CHECK_EQUAL(arsync_submit_read(pool, from, 0, buffer.id, 0, too_much, 0, 0, NULL), -EINVAL);
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), 0);
    arsync_pool_close(pool);
}

CASE(gives_the_buffer_back_on_error) {
    arsync_pool* pool = open_pool();
    const arsync_file from = file_of(pool, "from", O_RDONLY);
    const arsync_buffer buffer = acquire(pool);
    CHECK_EQUAL(arsync_submit_write(pool, from, 0, buffer.id, 0, 10, 0, 0, NULL), 0);
    const arsync_completion done = wait_one(pool);
    CHECK_EQUAL(done.result, -EBADF);
    CHECK_EQUAL(done.stage, ARSYNC_STAGE_WRITE);
    CHECK_EQUAL(arsync_submit_read(pool, from, 0, buffer.id, 0, 10, 0, 0, NULL), 0);
    CHECK_EQUAL(wait_one(pool).bytes, 10);
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), 0);
    arsync_pool_close(pool);
}

CASE(waits_for_a_buffer) {
    arsync_pool* pool = open_pool_of_one();
    const arsync_buffer buffer = acquire(pool);
    arsync_buffer other;
    arsync_completion done;
    CHECK_EQUAL(arsync_buffer_acquire(pool, 1, &other), -EAGAIN);
    CHECK_EQUAL(arsync_submit_acquire(pool, 1, 7, NULL), 0);
    CHECK_EQUAL(arsync_poll(pool, &done, 1, 50), 0);
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), 0);
    done = wait_one(pool);
    CHECK_EQUAL(done.result, 0);
    CHECK_EQUAL(done.user_data, 7);
    NEED(done.details != NULL && done.details->buffer_count == 1);
    CHECK(done.details->buffers[0].id != buffer.id);
    CHECK_EQUAL(arsync_buffer_release(pool, done.details->buffers[0].id), 0);
    arsync_pool_close(pool);
}

CASE(releases_while_busy) {
    arsync_pool* pool = open_pool_of_one();
    int ends[2];
    arsync_file stream;
    arsync_job job;
    NEED(pipe(ends) == 0 && arsync_file_open(pool, ends[0], 0, &stream) == 0);
    const arsync_buffer buffer = acquire(pool);
    CHECK_EQUAL(arsync_submit_read(pool, stream, UINT64_MAX, buffer.id, 0, 10, 0, 0, &job), 0);
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), 0);
    arsync_buffer other;
    CHECK_EQUAL(arsync_buffer_acquire(pool, 1, &other), -EAGAIN); /* it is read into still */
    CHECK_EQUAL(write(ends[1], "abcdefghij", 10), 10);
    const arsync_completion done = wait_one(pool);
    CHECK(done.job == job);
    CHECK_EQUAL(done.bytes, 10);
    other = acquire(pool);
    CHECK_EQUAL(arsync_buffer_release(pool, other.id), 0);
    close(ends[0]);
    close(ends[1]);
    arsync_pool_close(pool);
}

CASE(keeps_a_buffer_past_its_pool) {
    arsync_pool* pool = open_pool();
    const arsync_file from = file_of(pool, "from", O_RDONLY);
    const arsync_buffer buffer = acquire(pool);
    CHECK_EQUAL(arsync_submit_read(pool, from, 0, buffer.id, 0, MIB, 0, 0, NULL), 0);
    CHECK_EQUAL(wait_one(pool).result, 0);
    CHECK_EQUAL(arsync_pool_close(pool), 0);
    CHECK(has_bytes(buffer.data, 0, MIB));
    CHECK_EQUAL(arsync_buffer_release(pool, buffer.id), 0);
}
