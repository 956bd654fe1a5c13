// Whether a member has something to do, or only waits for what somebody will answer: then its part
// in the tree takes no place among what the worker has under way.
#pragma once

#include "copy/tree/tree.h"

namespace arsync {

class Awake {
public:
    Awake(Host& host, Directories& directories, bool may_rest)
        : host_(host), directories_(directories), may_rest_(may_rest) {}
    Awake(const Awake&) = delete;
    Awake& operator=(const Awake&) = delete;
    ~Awake() {
        if (rests_)
            host_.rest(false);
    }

    // One more, or one less, of its walkers that are awake and its entries under way.
    void add() {
        ++busy_;
        if (rests_)
            host_.rest(rests_ = false);
    }
    void remove() {
        if (--busy_ > 0 || !may_rest_)
            return;
        directories_.close_idle();
        host_.rest(rests_ = true);
    }

private:
    Host& host_;
    Directories& directories_;
    const bool may_rest_;
    bool rests_ = false;
    unsigned busy_ = 0;
};

} // namespace arsync
