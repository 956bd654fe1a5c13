// One thread at a time, though it may end without having said so: as one that is cancelled while it
// polls does.
//
// A robust mutex: the kernel gives back what a thread held that is no more. Nothing is ever waited
// for.
#pragma once

#include <pthread.h>

namespace arsync {

class Turn {
public:
    Turn() noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

    // False: another thread has it. This one may have it still, from when it was cancelled, if it
    // asks while it unwinds.
    bool try_take() noexcept;
    void give_back() noexcept;

private:
    pthread_mutex_t mutex_;
};

} // namespace arsync
