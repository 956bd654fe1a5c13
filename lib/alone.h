// One copy on the thread that asks for it, by plain calls and without a pool.
#pragma once

#include "job.h"

namespace arsync {

// Runs a job from path to path to its end. False: it is worth threads, and nothing was done.
bool run_alone(Job& job);

} // namespace arsync
