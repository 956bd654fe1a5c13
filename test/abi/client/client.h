/*
 * A client in C11 that keeps to arsync.h and checks what it promises: what a caller gets back, what
 * it gets for every kind of misuse, and who owns what. It is linked with libarsync.so, as most
 * programs will be. This header is what its tests share.
 */
#ifndef CLIENT_H
#define CLIENT_H

#define ARSYNC_MEASURING
#include "arsync.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Checking ----------------------------------------------------------------------------- */

extern int failures; /* of the test that runs */
/* After all else that exit(3) does the process stays a moment. */
extern bool stays_at_exit;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s: is false\n", __FILE__, __LINE__, #condition);                       \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

#define CHECK_EQUAL(got, want)                                                                     \
    do {                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                              \
        if (got_ != want_) {                                                                       \
            printf("%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, want_);        \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* For what has to hold or nothing that follows makes sense. */
#define NEED(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s: is false\n", __FILE__, __LINE__, #condition);                       \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* ---- Tests -------------------------------------------------------------------------------- */

struct test {
    void (*run)(void);
    const char* name;
};
#define TEST(name)                                                                                 \
    { name, #name }

/* What a program runs, in order: groups.c has those of this one. NULL ends it, and an entry whose
 * run is NULL each of its groups. */
extern const struct test* const groups[];

/* End the test that runs as one that cannot be run here. */
void skip(const char* why);

/* ---- Files -------------------------------------------------------------------------------- */

/* Several chunks, and a tail that ends in the middle of a page and of a sector. */
enum { FILE_SIZE = 3 * 1024 * 1024 + 6789 };

extern int work; /* the directory of all files; a test starts with nothing but "from" in it */

/* Make a file of size bytes, each a function of its offset. */
void make_file(const char* name, size_t size);
bool exists(const char* name);
/* Whether the file has exactly size bytes, and they are those of make_file from offset on. */
bool has_content(const char* name, size_t offset, size_t size);

/* ---- The library, for tests that are about something else ---------------------------------- */

arsync_pool* open_pool(void);
arsync_copy_options copy_options(void);
/* Submit a copy inside work with user_data 7. */
int submit(arsync_pool* pool, const char* from, const char* to, const arsync_copy_options* options,
           arsync_job* job);
arsync_completion wait_one(arsync_pool* pool);
/* Submit and wait. */
arsync_completion copy(arsync_pool* pool, const char* from, const char* to,
                       const arsync_copy_options* options);
bool is_readable(int fd, int timeout_ms);

#endif
