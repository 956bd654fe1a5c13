#include "signals.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <initializer_list>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cp {

namespace {

// timeout(1) and others send a signal to the process and once more to its group. That is one signal
// to whoever sent it, and must not keep us from cleaning up.
constexpr int64_t one_signal_ms = 300;

// Written by the handler, which runs on the main thread only: the library's threads block signals.
volatile sig_atomic_t caught = 0;
int64_t caught_at_ms = 0;
int wake_fd = -1;

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

void on_signal(int signal) {
    if (caught != 0) {
        if (now_ms() - caught_at_ms < one_signal_ms)
            return;
        _exit(128 + signal);
    }
    caught_at_ms = now_ms();
    caught = signal;
    // A flag alone could be raised between looking at it and waiting.
    int saved = errno;
    uint64_t one = 1;
    ssize_t ignored = write(wake_fd, &one, sizeof one);
    (void)ignored;
    errno = saved;
}

} // namespace

int listen_for_signals() {
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return -1;
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction old {};
        struct sigaction ours {};
        ours.sa_handler = on_signal;
        // No SA_RESTART: a signal ends the wait for an answer to a question too.
        sigaction(signal, &ours, &old);
        if (old.sa_handler == SIG_IGN)
            sigaction(signal, &old, nullptr);
    }
    return wake_fd;
}

int stop_signal() {
    return caught;
}

void die_of(int signal) {
    struct sigaction ordinary {};
    ordinary.sa_handler = SIG_DFL;
    sigaction(signal, &ordinary, nullptr);
    raise(signal);
    _exit(128 + signal);
}

} // namespace cp
