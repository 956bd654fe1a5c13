#include "starter.h"

#include <cerrno>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "io/helpers.h"

namespace arsync {

Rights::Rights()
    : user_(setfsuid(static_cast<uid_t>(-1))), group_(setfsgid(static_cast<gid_t>(-1))) {
    int count = getgroups(0, nullptr);
    if (count > 0) {
        groups_.resize(static_cast<size_t>(count));
        count = getgroups(count, groups_.data());
        groups_.resize(static_cast<size_t>(count < 0 ? 0 : count));
    }
    __user_cap_header_struct version{_LINUX_CAPABILITY_VERSION_3, 0};
    syscall(SYS_capget, &version, capabilities_);
    CPU_ZERO(&processors_);
    sched_getaffinity(0, sizeof processors_, &processors_);
}

bool Rights::operator==(const Rights& other) const {
    const auto same = [&](int set) {
        const auto& a = capabilities_[set];
        const auto& b = other.capabilities_[set];
        return a.effective == b.effective && a.permitted == b.permitted &&
               a.inheritable == b.inheritable;
    };
    return user_ == other.user_ && group_ == other.group_ && groups_ == other.groups_ && same(0) &&
           same(1) && CPU_EQUAL(&processors_, &other.processors_);
}

Starter::Starter() {
    rlimit space{};
    has_room_ = getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur == RLIM_INFINITY;
    try {
        start_spare();
    } catch (const std::system_error& error) {
        error_ = -error.code().value();
    }
}

Starter::~Starter() {
    {
        const Lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (spare_.joinable())
        spare_.join();
}

std::thread Starter::start(std::function<void()> body) {
    {
        const Lock lock(mutex_);
        if (spare_.joinable()) {
            body_ = std::move(body);
            has_spare_.store(false, std::memory_order_relaxed);
            changed_.notify_all();
            return std::exchange(spare_, {});
        }
    }
    if (Rights() == rights_) {
        const SignalsBlocked blocked;
        return std::thread(std::move(body));
    }
    asked_in_vain_.store(true, std::memory_order_relaxed);
    throw std::system_error(error_ < 0 ? -error_ : EPERM, std::generic_category());
}

bool Starter::try_again() {
    if (!asked_in_vain_.load(std::memory_order_relaxed))
        return false;
    asked_in_vain_.store(false, std::memory_order_relaxed);
    return start_spare_if_none();
}

bool Starter::start_spare_if_none() {
    const Lock lock(mutex_);
    if (spare_.joinable() || body_)
        return false;
    try {
        start_spare();
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

// It, and the helpers that it may start, must never take a signal meant for the program.
void Starter::start_spare() {
    const SignalsBlocked blocked;
    spare_ = std::thread([this] { run(); });
    has_spare_.store(true, std::memory_order_relaxed);
}

void Starter::run() {
    pthread_setname_np(pthread_self(), "arsync/spare");
    std::function<void()> body;
    {
        const Lock lock(mutex_);
        while (!body_ && !stopping_)
            changed_.wait(mutex_);
        if (!body_)
            return;
        body = std::exchange(body_, {});
    }
    body();
}

} // namespace arsync
