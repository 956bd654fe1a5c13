// The simulated ring: requests take effect and complete in a seeded order, some time after they
// were started.
//
// A request is started, then performed, which is its step in the world, and then completed: other
// requests may come between each. Between start and completion its memory and its descriptor are
// the kernel's; that nobody else uses them meanwhile is checked.
#pragma once

#include <vector>

#include "io/ring.h"
#include "sim/world.h"

namespace arsync::sim {

class SimulatedRing final : public Ring {
public:
    SimulatedRing(World& world, Counters& counters) : Ring(counters), world_(world) {}

    void wake() override { woken_ = true; }
    void cancel(Request& request) override;
    int register_buffer(unsigned index, void* data, size_t size) override;

    bool stuck() const { return stuck_; }
    // Writes of the destination whose bytes the device is to get wrong, counted from 0.

protected:
    void start(Request& request) override;
    // Ends at least one request. If there is none and nobody has called wake, nothing will ever
    // happen again: noted as a problem, and stuck() from then on. A look ends any number, or none.
    void take_completed(bool block) override;

private:
    struct Pending {
        Request* request;
        bool performed = false;
        bool cancelled = false;
        int64_t result = 0;
    };

    bool denies_syncfs() const {
        return world_.options.denies_syncfs || world_.options.loses_syncfs;
    }
    void check_started(const Request& request);
    void look();
    void advance(size_t index);
    void perform(Pending& pending);
    Step step_of(const Request& request);
    int64_t effect(const Request& request);
    int64_t transfer(const Request& request, Inode& inode, int flags);
    int64_t copy_cached(const Request& request, const Description& from, const Description& to);

    World& world_;
    std::vector<Pending> pending_;
    struct Registered {
        const std::byte* data = nullptr;
        size_t size = 0;
    };
    std::vector<Registered> registered_;
    bool woken_ = false;
    bool stuck_ = false;
    bool told_of_others_ = false; // as WorldOptions::others_lose says
};

} // namespace arsync::sim
