#include "system/nth_call.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
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

// What both have: answers for each call of `system_call`, or of all others, until the process ends.
struct Answering {
    std::atomic<int> listener = -1;
    std::atomic<bool> begun = false;
};

template <class Supervisor>
void supervise(const std::shared_ptr<Supervisor>& all, int system_call, bool others = false) {
    std::thread([all] {
        all->begun.store(true); // what it takes to begin is not asked about
        all->begun.notify_one();
        all->listener.wait(-1);
        while (all->answer_one()) {
        }
    }).detach();
    all->begun.wait(false);
    all->listener.store(listen(system_call, others));
    all->listener.notify_one();
}

} // namespace

struct NthCall::Supervisor : Answering {
    explicit Supervisor(int error_of_one) : error(error_of_one) {}
    bool answer_one();

    const int error;
    std::atomic<long> left = -1;
};

NthCall::NthCall(int system_call, int error) : supervisor_(std::make_shared<Supervisor>(error)) {
    supervise(supervisor_, system_call);
}

bool NthCall::works() const {
    return supervisor_->listener.load() >= 0;
}

void NthCall::fail_after(long before) {
    supervisor_->left.store(before);
}

bool NthCall::end() {
    return supervisor_->left.exchange(-1) < 0;
}

bool NthCall::Supervisor::answer_one() {
    Room<seccomp_notif> asked;
    Room<seccomp_notif_resp> told;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
        return errno == EINTR || errno == ENOENT; // whoever asked is gone
    const bool counts = left.load() >= 0;
    const bool fails = counts && left.fetch_sub(1) == 0;
    told.message.id = asked.message.id;
    told.message.error = fails ? -error : 0;
    told.message.flags = fails ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &told) == 0 || errno == ENOENT;
}

struct NthStep::Supervisor : Answering {
    bool answer_one();
    bool waits_now() const;

    const int first = static_cast<int>(syscall(SYS_gettid)); // whose calls are not counted
    const int stopped = eventfd(0, EFD_CLOEXEC);
    uint64_t waiting = 0;
    unsigned meanwhile = 0; // so many others were made since it may go on
    std::atomic<long> before = -1;
    std::atomic<long> calls = 0;
    std::atomic<bool> goes_on = false;
};

// The lock of the atomics is not to be asked about: futex(2) goes unasked.
NthStep::NthStep() : supervisor_(std::make_shared<Supervisor>()) {
    supervise(supervisor_, __NR_futex, true);
}

bool NthStep::works() const {
    return supervisor_->listener.load() >= 0;
}

int NthStep::stopped() const {
    return supervisor_->stopped;
}

void NthStep::go_on() {
    supervisor_->goes_on.store(true);
}

void NthStep::let_wait() {
    supervisor_->goes_on.store(false);
}

void NthStep::stop_after(long before) {
    supervisor_->calls.store(0);
    go_on();
    supervisor_->before.store(before);
}

long NthStep::end() {
    supervisor_->before.store(-1);
    go_on();
    uint64_t once;
    if (supervisor_->waits_now() && read(stopped(), &once, sizeof once) < 0)
        return -1;
    return supervisor_->calls.load();
}

bool NthStep::Supervisor::waits_now() const {
    pollfd entry{stopped, POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
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

bool NthStep::Supervisor::answer_one() {
    pollfd entry{listener, POLLIN, 0};
    const int quiet_ms = 1;
    const unsigned enough = 1000; // it is quiet after some 50
    const bool may_go_on = goes_on.load();
    if (waiting != 0 && ((may_go_on && meanwhile >= enough) || poll(&entry, 1, quiet_ms) == 0))
        return !may_go_on || let_go_on(listener, std::exchange(waiting, 0));
    Room<seccomp_notif> asked;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
        return errno == EINTR || errno == ENOENT;
    const long stops_before = before.load();
    meanwhile = waiting != 0 && may_go_on ? meanwhile + 1 : 0;
    const bool counts = stops_before >= 0 && static_cast<int>(asked.message.pid) != first;
    if (!counts || calls.fetch_add(1) != stops_before || waiting != 0)
        return let_go_on(listener, asked.message.id);
    waiting = asked.message.id;
    return eventfd_write(stopped, 1) == 0;
}

} // namespace live
