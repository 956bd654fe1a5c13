// The helper threads of one ring, in three crews, so that what lasts keeps nothing else from its
// turn: transfers; calls that take as long as a file is large; waits, any number of which may last
// for ever, each on a thread of its own.
#pragma once

#include <functional>

#include "io/helpers.h"

namespace arsync {

class Crews {
public:
    // transfers_max: reads, writes and copies side by side. notify, most: see Helpers.
    Crews(unsigned transfers_max, const std::function<void()>& notify,
          const std::function<unsigned()>& most);

    // As of Helpers.
    int submit(Request& request) noexcept { return crew_for(request).submit(request); }
    // Give finished requests to complete(request, result). False: there were none.
    template <class Complete>
    bool take_finished(const Complete& complete) {
        bool any = false;
        for (Helpers* crew : {&transfers_, &calls_, &waits_}) {
            for (Request* request = crew->take_finished(); request; any = true) {
                auto* const next = static_cast<Request*>(request->next);
                complete(*request, request->result);
                request = next;
            }
        }
        return any;
    }

private:
    Helpers& crew_for(const Request& request);

    Helpers waits_;
    Helpers calls_;
    Helpers transfers_;
};

} // namespace arsync
