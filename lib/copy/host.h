// What a copy that is more than one file needs of the pool that it runs in: other workers,
// somebody to tell what came of its parts, and answers to its questions.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>

#include "copy/copy.h"
#include "io/ring.h"

namespace arsync {

// Work that any worker may take part in.
class Shared {
public:
    virtual ~Shared() = default;
    // On another worker than the one that the job was given to, with a control of its own: take
    // part until there is nothing left to do.
    virtual Task<void> take_part(Io io, Control& own, class Host& own_host) = 0;
};

// Something that waits for an answer and is not being worked on. Only its asker knows its concrete
// type.
struct Suspended {
    virtual ~Suspended() = default;
    virtual struct Question& question() = 0;
    // The item of a list that it is, or is in; 0: it is the job's own.
    uint64_t item = 0; // its number, counted from 1 in the order of the list
    uint64_t user_data = 0;
};

class Asker {
public:
    // The answer has come, or ARSYNC_ANSWER_STOP for none. From any thread.
    virtual void answered(std::unique_ptr<Suspended> suspended) = 0;

protected:
    ~Asker() = default;
};

// Something has ended that has a completion of its own.
struct Report {
    arsync_completion_kind kind = ARSYNC_COMPLETION_ENTRY;
    uint64_t item = 0;      // the number of the item of a list that it is of, from 1 on; 0: of none
    uint64_t user_data = 0; // the item's
    std::string path;       // of an entry: below the roots
    const Outcome& outcome;
    const arsync_totals* totals = nullptr; // of an item that was a tree
};

// A tree, from any thread.
class Stoppable {
public:
    virtual void stop_with_others() = 0;

protected:
    ~Stoppable() = default;
};

// From any worker.
class Host {
public:
    virtual ~Host() = default;
    // There is work for others: let them call Shared::take_part. (Of a job: Pool::call_others, in
    // pool_call_others.cpp.)
    virtual void call_others(const std::shared_ptr<Shared>& work) = 0;
    virtual void report(Report report) = 0;
    // Whether too many reports wait to be polled. Then waiter will be posted to ring when there is
    // room, or when the job is cancelled.
    virtual bool wait_for_room(Ring& ring, Waiter& waiter) = 0;
    // Whether no other job runs.
    virtual bool is_alone() = 0;
    // The most that may take part.
    virtual unsigned workers() const = 0;
    // Take it over and put its question; `asker` gets it back with the answer, from any thread.
    // False: the job is cancelled. path: of an entry, below the roots; null: of what has none.
    virtual bool ask(Asker& asker, std::unique_ptr<Suspended>& suspended,
                     const std::string* path) = 0;
    // Give back what was asked and not answered, with ARSYNC_ANSWER_STOP.
    virtual void withdraw_questions() = 0;
    // Of this worker's part: it only waits for answers, or does not any more.
    virtual void rest(bool resting) = 0;
    // Something has failed, and nothing more is to be begun: of a list, neither in its other trees,
    // which say here from when until when they can be stopped, and may be at once.
    virtual void stop() {}
    virtual void enter(Stoppable& tree) { static_cast<void>(tree); }
    virtual void leave(Stoppable& tree) { static_cast<void>(tree); }
    // Of an entry's path below the roots: whether it was copied by itself before.
    virtual bool made_before(const std::string& path) {
        static_cast<void>(path);
        return false;
    }
    virtual bool asks_whether_made() const { return false; }
};

// co_await: until there is room for another report.
class [[nodiscard]] RoomToReport : Waiter {
public:
    RoomToReport(Host& host, Ring& ring) : host_(host), ring_(ring) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        return host_.wait_for_room(ring_, *this);
    }
    void await_resume() const noexcept {}

private:
    Host& host_;
    Ring& ring_;
};

} // namespace arsync
