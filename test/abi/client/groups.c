/* What the client of the ABI's tests runs. */
#include "client.h"

extern const struct test copy_tests[], pool_tests[], misuse_tests[], text_tests[], thread_tests[];

const struct test* const groups[] = {copy_tests, pool_tests,   misuse_tests,
                                     text_tests, thread_tests, NULL};
