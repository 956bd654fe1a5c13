// What came of a job or an entry, as a program gets it.
#pragma once

#include <string>

#include "io/fd.h"
#include "job.h"

namespace arsync {

arsync_completion completion_of(const Job& job, const Outcome& outcome);
// What an outcome has for its completion's details, which then point into it. False: nothing.
bool fill_details(arsync_details& details, const Outcome& outcome);
// Those of a job, which own nothing; null: there are none.
const arsync_details* details_of(Job& job);

// Details that have all they point to: a program's own, until it gives them back.
class OwnDetails : public arsync_details {
public:
    OwnDetails(const arsync_details& from, Fd descriptor);
    OwnDetails(const OwnDetails&) = delete;
    OwnDetails& operator=(const OwnDetails&) = delete;

    Fd kept; // of the destination, if it was wanted

private:
    const char* keep(const char* text, std::string& copy);

    arsync_totals totals_ = {};
    std::string backup_;
    std::string name_;
    std::string error_path_;
};

} // namespace arsync
