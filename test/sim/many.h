// Trials of many numbers, in as many processes as there are processors; and one again.
#pragma once

#include <cstdint>

namespace arsync::sim {

// All numbers below that. Prints each that is wrong, and its trial as small as it was found to be
// wrong. An exit status.
int run_many(uint64_t count);

// Prints what happens in one, line by line, and then the same of it made small, if it is wrong.
int replay(uint64_t seed);

} // namespace arsync::sim
