// The flows of a pool, one for each way of moving chunks that is worth one, and a worker's turns.
#pragma once

#include <algorithm>

#include "copy/method.h"
#include "io/turns.h"

namespace arsync {

// Each begins as its method usually goes.
class Flows {
public:
    // buffers: of a worker, and the size of each.
    Flows(unsigned buffers, size_t size, Flow::Clock clock = monotonic_ns)
        : cold_reads(begin(ARSYNC_METHOD_DIRECT_BUFFERED, buffers, size), most(buffers, size),
                     clock),
          direct(begin(ARSYNC_METHOD_DIRECT, buffers, size), most(buffers, size), clock),
          direct_writes(begin(ARSYNC_METHOD_BUFFERED_DIRECT, buffers, size), most(buffers, size),
                        clock),
          cached(begin(ARSYNC_METHOD_FIXED, buffers, size), most(buffers, size), clock) {}

    Flow cold_reads;    // by O_DIRECT, and to the page cache
    Flow direct;        // by O_DIRECT at both ends
    Flow direct_writes; // by O_DIRECT, of what is cached
    Flow cached;        // by the ring, through the page cache at both ends

private:
    static constexpr unsigned depth_most = 64; // beyond it a worker's queue is full by default

    static Flow::Level begin(Method method, unsigned buffers, size_t size) {
        const Pipeline usual = usual_pipeline(method, size);
        return {std::min(usual.lanes, buffers), usual.chunk};
    }
    static Flow::Level most(unsigned buffers, size_t size) {
        return {std::min(depth_most, buffers), size};
    }
};

class MethodTurns {
public:
    MethodTurns(Ring& ring, Flows& flows)
        : cold_reads_(ring, flows.cold_reads), direct_(ring, flows.direct),
          direct_writes_(ring, flows.direct_writes), cached_(ring, flows.cached) {}

    // Null: of such chunks none waits for another.
    Turns* of(Method method) {
        switch (method) {
        case ARSYNC_METHOD_DIRECT_BUFFERED:
            return &cold_reads_;
        case ARSYNC_METHOD_DIRECT:
            return &direct_;
        case ARSYNC_METHOD_BUFFERED_DIRECT:
            return &direct_writes_;
        case ARSYNC_METHOD_FIXED:
            return &cached_;
        default:
            return nullptr;
        }
    }

private:
    Turns cold_reads_;
    Turns direct_;
    Turns direct_writes_;
    Turns cached_;
};

} // namespace arsync
