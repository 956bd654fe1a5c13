// What came of a job or an entry, as a program gets it.
#pragma once

#include <memory>

#include "io/fd.h"
#include "job.h"

namespace arsync {

arsync_completion completion_of(const Job& job, const Outcome& outcome);
// What an outcome has for its completion's details, which then point into it. False: nothing.
bool fill_details(arsync_details& details, const Outcome& outcome);
// Those of a job, which own nothing; null: there are none.
const arsync_details* details_of(Job& job);

// Details that have all they point to: a program's own, until it gives them back. Made before there
// are any, so that no copy that was made is lost for want of memory to tell of it.
struct OwnDetails : arsync_details {
    void take(std::unique_ptr<Job> over, Fd descriptor); // a job that has details

    Fd kept;                  // of the destination, if it was wanted
    std::unique_ptr<Job> job; // that these point into
};

} // namespace arsync
