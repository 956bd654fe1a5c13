// What happens to a copy that is simulated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/random.h"
#include "sim/simulation.h"

namespace arsync::sim {

struct Fate {
    // By the number of the step before which it happens.
    std::vector<Faults::Planned> failures;
    uint64_t cancel_at = never;
    uint64_t crash_at = never;
    uint64_t change_at = never; // somebody changes a source, or takes a directory away
    // Of questions: none is answered; or that one with STOP.
    bool never_answers = false;
    uint64_t stop_at_question = never;
    // Of what is written to a destination: the device gets a bit of that write wrong, or forgets
    // it.
    uint64_t damaged_write = never;
    bool forgets = false;
    uint64_t pause_at = never; // until nothing else can be done, or for some turns
    Lie lie = Lie::none;       // of a look at a source

    bool has_step() const {
        return !failures.empty() || cancel_at != never || crash_at != never || change_at != never ||
               pause_at != never;
    }
    // The first of it at that step, and the others as much later as they were.
    Fate at_step(uint64_t step) const {
        Fate other = *this;
        uint64_t first = never;
        for (const uint64_t* at : other.steps())
            first = std::min(first, *at);
        for (uint64_t* at : other.steps())
            *at = *at - first + step;
        return other;
    }
    // Each with one event less.
    std::vector<Fate> smaller() const;

private:
    std::vector<uint64_t*> steps();
};

std::string describe(const Fate& fate);

// What may happen besides calls that fail, a cancel and a crash.
struct Possible {
    bool questions = false;
    bool changes = false;
    bool damage = false;
};
// Mostly at most one thing happens, and in a quarter of them two to four.
Fate choose_fate(Random& random, const Possible& possible);
// A pause of it, and a look that lies: drawn apart, so that the rest of a number stays what it was.
void choose_pause_and_lie(Random& random, Fate& fate);

} // namespace arsync::sim
