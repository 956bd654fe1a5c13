// Coroutines: Task<T>, a function that may wait, and Group, which runs several and waits for all.
//
// A task starts when it is awaited and resumes its awaiter when it ends, with its value or
// exception. A group's tasks start at once and run side by side on the same thread. A group is
// joined exactly once, and lives in the frame of the coroutine that joins it; so no task outlives
// what it refers to.
//
// Two rules for code that is built from this, because of compilers we support: no co_await inside a
// conditional expression or a braced argument list; and no capturing lambda that is a coroutine.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "frames.h"

namespace arsync {

template <class T>
class [[nodiscard]] Task;

namespace detail {

// At its end a task resumes its awaiter, if that has gone to sleep; see Task::await_suspend.
struct ResumeAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
        const auto& promise = ended.promise();
        return promise.awaiter ? promise.awaiter : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
};

struct PromiseBase : InCachedFrame {
    std::coroutine_handle<> awaiter; // null while it waits in await_suspend, not asleep
    std::exception_ptr exception;

    std::suspend_always initial_suspend() const noexcept { return {}; }
    ResumeAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;

    Task<T> get_return_object();
    template <class U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        if (exception)
            std::rethrow_exception(exception);
        return std::move(*value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object();
    void return_void() const noexcept {}
    void take() const {
        if (exception)
            std::rethrow_exception(exception);
    }
};

} // namespace detail

template <class T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (handle_)
            handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    // Runs the task; if it ends without waiting, the awaiter goes on without having slept. Handing
    // over by symmetric transfer instead would cost stack at every step of a loop over such tasks
    // wherever the compiler makes no tail call of it, as without optimisation.
    bool await_suspend(std::coroutine_handle<> awaiter) {
        handle_.resume();
        if (handle_.done())
            return false;
        handle_.promise().awaiter = awaiter;
        return true;
    }
    T await_resume() { return handle_.promise().take(); }

private:
    Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A coroutine that nobody awaits: it starts at once, frees itself at its end, and must not throw.
struct Detached {
    struct promise_type : InCachedFrame {
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };
};

class Group {
public:
    Group() = default;
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    // Start what make() returns, a Task<void>. Never throws: what make or the task throws comes out
    // of join. Nothing is started any more once one task has failed; false then.
    template <class Make>
    bool spawn(Make&& make) noexcept {
        if (failed())
            return false;
        try {
            run(*this, make());
            return true;
        } catch (...) { // no memory for a frame
            fail(std::current_exception());
            return false;
        }
    }

    // Whether a task has failed: the others look at this between steps, and end early.
    bool failed() const { return static_cast<bool>(first_); }

    // co_await group.join(): wait until all have ended, then throw what was thrown first.
    auto join() {
        struct Join {
            Group& group;
            bool await_ready() const noexcept { return group.running_ == 0; }
            void await_suspend(std::coroutine_handle<> handle) noexcept { group.joiner_ = handle; }
            void await_resume() const {
                if (group.first_)
                    std::rethrow_exception(group.first_);
            }
        };
        return Join{*this};
    }

private:
    static Detached run(Group& group, Task<void> task) {
        ++group.running_;
        {
            Task<void> own = std::move(task); // gone, with all it holds, before others go on
            try {
                co_await own;
            } catch (...) {
                group.fail(std::current_exception());
            }
        }
        if (--group.running_ == 0 && group.joiner_)
            group.joiner_.resume();
    }
    void fail(std::exception_ptr exception) noexcept {
        if (!first_)
            first_ = std::move(exception);
    }

    unsigned running_ = 0;
    std::coroutine_handle<> joiner_;
    std::exception_ptr first_;
};

} // namespace arsync
