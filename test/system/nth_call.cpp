#include "system/nth_call.h"

#include <cerrno>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace live {

namespace {

// A descriptor by which it is asked for each such call from now on, or for each other one;
// negative: there is none.
int listen(int system_call, bool others = false) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(system_call), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, others ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, others ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW),
    };
    const sock_fprog all{sizeof program / sizeof *program, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return static_cast<int>(
        syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &all));
}

// With room for what later kernels write.
template <class Message>
union Room {
    Message message = {};
    char room[1024];
};

} // namespace

NthCall::NthCall(int system_call, int error)
    : error_(error), supervisor_([this] {
          begun_.store(true); // what it takes to begin is not asked about
          begun_.notify_one();
          listener_.wait(-1);
          answer();
      }) {
    begun_.wait(false);
    listener_.store(listen(system_call));
    listener_.notify_one();
    supervisor_.detach();
}

void NthCall::answer() const {
    const int listener = listener_.load();
    while (listener >= 0 && answer_one(listener)) {
    }
}

bool NthCall::answer_one(int listener) const {
    Room<seccomp_notif> asked;
    Room<seccomp_notif_resp> told;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
        return errno == EINTR || errno == ENOENT; // whoever asked is gone
    const bool counts = left_.load() >= 0;
    const bool fails = counts && left_.fetch_sub(1) == 0;
    told.message.id = asked.message.id;
    told.message.error = fails ? -error_ : 0;
    told.message.flags = fails ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &told) == 0 || errno == ENOENT;
}

// The lock of the two atomics below is not to be asked about: futex(2) goes unasked.
NthStep::NthStep()
    : first_(static_cast<int>(syscall(SYS_gettid))), stopped_(eventfd(0, EFD_CLOEXEC)),
      supervisor_([this] {
          begun_.store(true);
          begun_.notify_one();
          listener_.wait(-1);
          answer();
      }) {
    begun_.wait(false);
    listener_.store(listen(__NR_futex, true));
    listener_.notify_one();
    supervisor_.detach();
}

void NthStep::stop_after(long before) {
    calls_.store(0);
    go_on();
    before_.store(before);
}

long NthStep::end() {
    before_.store(-1);
    go_on();
    uint64_t once;
    if (waits_now() && read(stopped_, &once, sizeof once) < 0)
        return -1;
    return calls_.load();
}

bool NthStep::waits_now() const {
    pollfd entry{stopped_, POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
}

void NthStep::answer() {
    const int listener = listener_.load();
    while (listener >= 0 && answer_one(listener)) {
    }
}

static bool let_go_on(int listener, uint64_t id) {
    Room<seccomp_notif_resp> told;
    told.message.id = id;
    told.message.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    while (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &told) < 0)
        if (errno != EINTR)
            return errno == ENOENT; // whoever asked is gone, or asks anew
    return true;
}

bool NthStep::answer_one(int listener) {
    pollfd entry{listener, POLLIN, 0};
    const int quiet_ms = 1;
    const unsigned enough = 1000; // it is quiet after some 50
    const bool goes_on = goes_on_.load();
    if (waiting_ != 0 && ((goes_on && meanwhile_ >= enough) || poll(&entry, 1, quiet_ms) == 0))
        return !goes_on || let_go_on(listener, std::exchange(waiting_, 0));
    Room<seccomp_notif> asked;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
        return errno == EINTR || errno == ENOENT;
    const long before = before_.load();
    meanwhile_ = waiting_ != 0 && goes_on ? meanwhile_ + 1 : 0;
    const bool counts = before >= 0 && static_cast<int>(asked.message.pid) != first_;
    if (!counts || calls_.fetch_add(1) != before || waiting_ != 0)
        return let_go_on(listener, asked.message.id);
    waiting_ = asked.message.id;
    return eventfd_write(stopped_, 1) == 0;
}

} // namespace live
