// Directories in which entries that -i asked about are replaced, after the library has given the
// directories their attributes: a late answer changes their times, and may need rights that they no
// longer give.
#pragma once

#include <vector>

#include "entry.h"
#include "options.h"
#include "place.h"

namespace cp {

class Touched {
public:
    // Something at the destination is about to be replaced. A directory that has its source's mode
    // already, and may not be written to for that, is opened to its owner: true then.
    bool about_to_replace(const Place& source, const Place& destination, const Options& options);

    // Whether what has failed for an entry may go well now: the tree had given the directory its
    // mode since it was looked at.
    bool reopens(Entry& entry, int error, const Options& options);

    // Once nothing is under way. false after a complaint.
    bool restore(arsync_pool* pool, const Options& options);

private:
    struct Pair {
        Place source;
        Place destination;
        bool opened = false;
    };
    std::vector<Pair> pairs;
};

} // namespace cp
