// What waits to be polled; and, of a list that wants it so, what is held back until it is its
// item's turn.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "arsync.h"
#include "copy/copy.h"

namespace arsync {

// A finished job, an entry of one, or a question.
struct Finished {
    Finished* next = nullptr;
    arsync_completion completion = {};
    bool has_path = false;
    std::string path; // of an entry, or a question about one
    // But for jobs; none of most entries.
    struct Details {
        arsync_details shown = {}; // points to what is below
        Outcome outcome;
        arsync_totals totals = {};
    };
    std::unique_ptr<Details> details;
};

// Items are numbered from 1 on, in their order. Each ends, unless the list is cancelled or stopped.
class InOrder {
public:
    InOrder() = default;
    InOrder(const InOrder&) = delete;
    InOrder& operator=(const InOrder&) = delete;
    ~InOrder();

    // Room for what comes of an item, until it has ended; else that throws std::bad_alloc.
    void prepare(uint64_t item) { held_.try_emplace(item); }
    void hold(uint64_t item, std::unique_ptr<Finished> finished);
    // The next whose turn it is; null: there is none yet. At the list's end no item is waited for.
    std::unique_ptr<Finished> take(bool at_end = false);
    // That nobody waits for an answer to any more.
    void drop_questions();

private:
    struct Held {
        Finished* first = nullptr;
        Finished** end = &first;
        bool ended = false;
    };

    std::map<uint64_t, Held> held_; // nodes stay where they are
    uint64_t turn_ = 1;
};

} // namespace arsync
