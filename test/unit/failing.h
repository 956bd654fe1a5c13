// Memory and threads that cannot be had, as a test wishes; and what of both is in use.
#pragma once

#include <cstddef>
#include <cstdlib> // __GLIBC__

#include "sanitized.h"

namespace failing {

enum class What { allocation, thread };

// Whether those of C are among the allocations, whoever makes them: liburing, and the C library for
// a directory's listing, a thread or an exception. A sanitizer has its own.
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||        \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAILING_IN_C 0
#else
#define FAILING_IN_C 1
#endif
constexpr bool fails_in_c = FAILING_IN_C;

// From now on so many are given, and the one after them is not; nor any more, if `for_ever`.
void after(What what, long given, bool for_ever = false);
// All are given again. Whether one was not.
bool end(What what);

// What the library asks for on its own threads may fail. On the one that called after() it may only
// while that has one of these, about a call of the library.
class Call {
public:
    Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call();
};

// In use in this process.
long allocations();
size_t threads();
size_t descriptors();

} // namespace failing
