#include "poll_turn.h"

#include <cerrno>
#include <ctime>

namespace arsync {

// None of these calls can fail: the kinds are those that there are.
Turn::Turn() noexcept {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex_, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

// The thread must not end with a mutex that is no more: the kernel would write to where it was.
Turn::~Turn() {
    if (try_take())
        give_back();
    pthread_mutex_destroy(&mutex_);
}

// Of a turn that is the thread's own already, POSIX lets a try say EBUSY, as musl does; glibc says
// EDEADLK. To wait for it is EDEADLK always; if it is another's, the time for that is over.
bool Turn::try_take() noexcept {
    constexpr timespec over{-1, 0};
    int error = pthread_mutex_trylock(&mutex_);
    if (error == EBUSY)
        error = pthread_mutex_timedlock(&mutex_, &over);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(&mutex_);
    return error == 0 || error == EOWNERDEAD || error == EDEADLK;
}

void Turn::give_back() noexcept {
    pthread_mutex_unlock(&mutex_);
}

} // namespace arsync
