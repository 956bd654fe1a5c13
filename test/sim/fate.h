// What happens to a copy that is simulated.
#pragma once

#include <cstdint>
#include <string>

#include "sim/random.h"
#include "sim/simulation.h"

namespace arsync::sim {

struct Fate {
    // By the number of the step before which it happens.
    uint64_t fail_at = never;
    int fail_with = 0; // a positive errno
    uint64_t cancel_at = never;
    uint64_t crash_at = never;
    uint64_t change_at = never; // somebody changes a source, or takes a directory away
    // Of questions: none is answered; or that one with STOP.
    bool never_answers = false;
    uint64_t stop_at_question = never;

    bool has_step() const {
        return fail_at != never || cancel_at != never || crash_at != never || change_at != never;
    }
    Fate at_step(uint64_t step) const {
        Fate other = *this;
        for (uint64_t* at : {&other.fail_at, &other.cancel_at, &other.crash_at, &other.change_at})
            if (*at != never)
                *at = step;
        return other;
    }
};

std::string describe(const Fate& fate);

// At most one thing happens.
Fate choose_fate(Random& random, bool asks, bool changes);

} // namespace arsync::sim
