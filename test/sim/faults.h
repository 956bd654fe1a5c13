// Which errors a call may give, and steps that are made to fail with one of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "copy/copy.h"
#include "sim/world.h"

namespace arsync::sim {

// The errors that a kernel may give for a step whose arguments are right and whose file is there;
// none: it cannot fail. Left out is what says that something is there, or is not (ENOENT, EEXIST):
// of that the simulated disk knows itself, and a lie about it has other tests.
std::vector<int> errors_of(const Step& step);

struct Failure {
    Step step;
    int error; // a positive errno
};

class Faults {
public:
    struct Planned {
        uint64_t step;
        uint64_t draw; // which of that step's errors
    };
    std::vector<Planned> planned;
    // That step is to fail with this one.
    void fail(uint64_t step, int error) { chosen_[step] = error; }

    // What this step is to fail with, positive; 0: it is not.
    int draw(const Step& step) const;
    void note(const Step& step, int error) { happened_.push_back({step, error}); }

    const std::vector<Failure>& happened() const { return happened_; }
    // Whether more than one call has failed.
    bool several() const { return happened_.size() > 1; }
    bool has(Call call) const {
        return std::any_of(happened_.begin(), happened_.end(),
                           [&](const Failure& one) { return one.step.call == call; });
    }
    // Whether what could not be finished may still be there by this name: something had failed
    // before, or was cancelled, and then what was to remove it did.
    bool kept_from_removing(const std::string& path, bool cancelled) const;
    // Whether a filesystem said that it has no extended attributes, or that one is gone: it is
    // believed. Or that it tells of no flags, or of no projects: then none are kept.
    bool says_no_attributes() const;
    bool hides_attributes() const; // of a source: that there is none, where there may be one
    bool says_none_of(Call call) const;
    // Whether this is what the destination does not have, and the source has.
    bool says_lost(const Outcome& outcome) const;
    bool gave(int error) const {
        return std::any_of(happened_.begin(), happened_.end(),
                           [&](const Failure& one) { return one.error == error; });
    }

private:
    std::map<uint64_t, int> chosen_;
    std::vector<Failure> happened_;
};

// Whether a sweep is to try all: ARSYNC_SIM_SWEEP=all.
bool sweeps_all();
// How many errors of a step a sweep tries: all, or else so many, which
// are others at other steps. number: of the step.
std::vector<int> errors_in_sweep(const Step& step, size_t number, size_t count);

} // namespace arsync::sim
