// What links a running copy with the outside: cancellation in, progress out.
//
// Any thread may cancel and read; the worker that runs the copy does everything else. A tree's copy
// has one for the whole, one for each worker that takes part, and one for each entry under way:
// what happens to a part's counts for the whole, and a cancel of the whole reaches the parts.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "copy/pause_and_priority.h"
#include "io/error.h"
#include "io/ring.h"

namespace arsync {

class Control {
public:
    Control() = default;
    // Of a part, on the thread of `owner`, which outlives it.
    explicit Control(Control& owner) : whole_(&owner.whole()), owner_(&owner) {
        next_part_ = owner.first_part_;
        if (next_part_)
            next_part_->previous_part_ = this;
        owner.first_part_ = this;
    }
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    ~Control() {
        if (!owner_)
            return;
        (previous_part_ ? previous_part_->next_part_ : owner_->first_part_) = next_part_;
        if (next_part_)
            next_part_->previous_part_ = previous_part_;
    }
    // From now on a part of a copy that runs on another thread, and outlives this.
    void join(Control& other) { whole_ = &other.whole(); }
    void leave() { whole_ = nullptr; }

    // From any thread, of a whole.
    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    Stage stage() const { return stage_.load(std::memory_order_relaxed); }
    Method method() const { return method_.load(std::memory_order_relaxed); }
    uint64_t bytes_total() const { return bytes_total_.load(std::memory_order_relaxed); }
    uint64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }
    bool cancelled() const { return whole().cancelled_.load(std::memory_order_relaxed); }

    // Of the entries of trees and lists. Of the whole, and from any worker.
    struct Counts {
        std::atomic<uint64_t> entries_total = 0;
        std::atomic<uint64_t> entries_done = 0;
        std::atomic<uint64_t> errors = 0;
        std::atomic<unsigned> walking = 0; // trees and lists whose entries are not all known
    };
    // What its files have, as far as they have begun.
    uint64_t bytes_of_whole() const { return whole().bytes_total(); }
    Counts& counts() { return whole().counts_; }
    const Counts& counts() const { return whole().counts_; }

    // Of a whole, before it runs. Without them: as fast as it goes, first come, first served.
    void set_terms(Terms& terms) { terms_ = &terms; }
    // Whether the copy is to wait before its next step: the job is paused, and not cancelled.
    bool held() const {
        const Terms* terms = whole().terms_;
        return terms && terms->paused() && !cancelled();
    }
    bool wait_while_held(Ring& ring, Waiter& waiter) const {
        return whole().terms_->wait(ring, waiter, whole().cancelled_);
    }
    int priority() const { return whole().terms_ ? whole().terms_->priority() : 0; }
    // The job's own; null: there is none.
    Pace* pace() const {
        Terms* terms = whole().terms_;
        return terms && terms->pace().rate() > 0 ? &terms->pace() : nullptr;
    }

    // From the worker.
    void enter(Stage stage) { stage_.store(stage, std::memory_order_relaxed); }
    void set_method(Method method) { method_.store(method, std::memory_order_relaxed); }
    void set_total(uint64_t bytes) {
        if (bytes == bytes_total())
            return; // the whole's is shared with other threads
        if (whole_)
            whole_->bytes_total_.fetch_add(bytes - bytes_total(), std::memory_order_relaxed);
        bytes_total_.store(bytes, std::memory_order_relaxed);
    }
    void add_done(uint64_t bytes) {
        if (whole_)
            whole_->bytes_done_.fetch_add(bytes, std::memory_order_relaxed);
        bytes_done_.store(bytes_done() + bytes, std::memory_order_relaxed);
    }
    void restart() { add_done(-bytes_done()); }
    // Of a part that is begun anew with another control.
    void take_back() {
        set_total(0);
        restart();
    }
    // Something was taken from a source that cannot be read a second time: whatever fails from now
    // on has failed.
    void spend_source() { source_is_spent_ = true; }
    bool source_is_spent() const { return source_is_spent_; }
    void throw_if_cancelled() const {
        if (cancelled())
            throw Error{stage(), ECANCELED};
    }
    // The wait that a cancel should end early, while there is one; see Ring::cancel.
    Request* interruptible = nullptr;
    // End all such waits, of this and its parts.
    void interrupt(Ring& ring) {
        if (interruptible)
            ring.cancel(*interruptible);
        for (Control* part = first_part_; part; part = part->next_part_)
            part->interrupt(ring);
    }

private:
    Control& whole() { return whole_ ? *whole_ : *this; }
    const Control& whole() const { return whole_ ? *whole_ : *this; }

    Control* whole_ = nullptr; // null: this is it
    Terms* terms_ = nullptr;
    Control* owner_ = nullptr;
    Control* first_part_ = nullptr;
    Control* next_part_ = nullptr;
    Control* previous_part_ = nullptr;
    bool source_is_spent_ = false;
    std::atomic<bool> cancelled_ = false;
    Counts counts_;
    std::atomic<Stage> stage_ = ARSYNC_STAGE_QUEUE;
    std::atomic<Method> method_ = ARSYNC_METHOD_AUTO;
    std::atomic<uint64_t> bytes_total_ = 0;
    std::atomic<uint64_t> bytes_done_ = 0;
};

} // namespace arsync
