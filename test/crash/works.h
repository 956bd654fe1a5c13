// What is copied, one work after the other or several at a time, before the disk crashes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "system/pool.h"

namespace crash {

// What is to hold of a work's destination. See judge.h.
struct Promise {
    bool durable = true; // what is done is there
    bool atomic = false; // each file is the old or the new one
    bool single = false; // one file, which has no name before it is complete if it is large
    bool times = false;
    bool tree = false; // with those of directories
    bool links = false;
    std::string suffix; // of the backups of what is replaced; "" for none
};

struct Place {
    std::string source;      // see make_source
    std::string destination; // a directory of the work's own
};

struct Work {
    std::string name;
    Promise promise;
    std::function<void(const std::string& destination)> prepare; // makes what is there before
    // Either one file to a name in the destination, which is submitted together with others,
    std::string from, to;
    live::Options options;
    // or whatever else: "" if it succeeded, else what went wrong.
    std::function<std::string(const Place&, live::Pool&)> run;
    bool inside = false; // the source is on the same disk
};

// The works of one recording, those of one line at the same time.
using Plan = std::vector<std::vector<Work>>;
// durable: else the same works without durability.
Plan plan_of(uint64_t seed, bool durable);

// What all works copy from.
void make_source(const std::string& at);

} // namespace crash
