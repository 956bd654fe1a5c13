// Whether it is worth waiting for descriptors, from any worker of a tree or of a list.
//
// What its own entries hold comes free when they end, however long that takes. When all that
// are left wait, only others can give some back, the program's or another job's: they have a time
// for that, which counts from when the want began, and not anew for each entry.
#pragma once

#include <atomic>
#include <chrono>

namespace arsync {

class Scarcity {
public:
    // Something that holds descriptors, or may, for as long as this lives.
    class Busy {
    public:
        explicit Busy(Scarcity& all) : all_(all) {
            all_.busy_.fetch_add(1, std::memory_order_relaxed);
        }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;
        ~Busy() { all_.busy_.fetch_sub(1, std::memory_order_relaxed); }

    private:
        Scarcity& all_;
    };

    // Of whose parts each is busy by itself: what has begun them is not, for as long as this lives.
    class InParts {
    public:
        explicit InParts(Scarcity& all) : all_(all) {
            all_.busy_.fetch_sub(1, std::memory_order_relaxed);
        }
        InParts(const InParts&) = delete;
        InParts& operator=(const InParts&) = delete;
        ~InParts() { all_.busy_.fetch_add(1, std::memory_order_relaxed); }

    private:
        Scarcity& all_;
    };

    // Somebody who had waited has got what he needed.
    void relieve() { since_.store(0, std::memory_order_relaxed); }

    // Asked by somebody who holds nothing. alone: no other job runs.
    bool is_hopeless(bool alone) {
        if (busy_.load(std::memory_order_relaxed) > 0)
            return false;
        using namespace std::chrono;
        const int64_t now =
            duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
        const int64_t asked = asked_.exchange(now, std::memory_order_relaxed);
        int64_t since = since_.load(std::memory_order_relaxed);
        if (since == 0 || now - asked > renewed_after_ms) {
            since = now;
            since_.store(since, std::memory_order_relaxed);
        }
        return now - since > (alone ? patience_alone_ms : patience_ms);
    }

private:
    static constexpr int64_t patience_ms = 10'000;
    static constexpr int64_t patience_alone_ms = 1000;
    static constexpr int64_t renewed_after_ms = 5000; // without any want

    std::atomic<unsigned> busy_ = 0;
    std::atomic<int64_t> since_ = 0; // when the want began; 0: there is none
    std::atomic<int64_t> asked_ = 0;
};

} // namespace arsync
