// The items of a list, repeated, crossed and put into any order, on the simulated disk: as if they
// had been copied one after the other, or as much of that as a fault leaves.
#include <cerrno>

#include "fuzz/fuzz.h"
#include "sim/list_checks.h"

namespace fuzz {

namespace {

using arsync::sim::ListItemNames;
using arsync::sim::ListScenario;
using arsync::sim::ListSimulation;

// With PARENTS a destination ends like its source, and so is no other's.
std::vector<ListItemNames> shuffled(Bytes& bytes, const ListScenario& scenario) {
    const std::vector<ListItemNames>& items = scenario.items;
    const bool crosses = !scenario.asks(ARSYNC_COPY_PARENTS);
    std::vector<ListItemNames> out;
    const size_t count = 1 + bytes.below(16);
    for (size_t i = 0; i < count; ++i) {
        const size_t one = bytes.below(items.size());
        ListItemNames item = items[one];
        if (bytes.below(4) == 0 && crosses)
            item.destination = items[bytes.below(items.size())].destination;
        out.push_back(item);
    }
    return out;
}

void choose_fate(Bytes& bytes, ListSimulation& list) {
    const uint64_t step = bytes.number<uint16_t>() % 400;
    constexpr int errors[] = {EIO, ENOSPC, EMFILE, EACCES};
    switch (bytes.below(5)) {
    case 0:
        list.fail_at = step;
        list.fail_with = errors[bytes.below(4)];
        break;
    case 1:
        list.cancel_at = step;
        break;
    case 2:
        list.crash_at = step;
        break;
    default:
        break;
    }
}

} // namespace

void list(const uint8_t* data, size_t size) {
    Bytes bytes(data, size);
    ListScenario scenario = arsync::sim::choose_list(bytes.number<uint16_t>());
    if (scenario.items.empty() || scenario.asks(ARSYNC_COPY_MIRROR))
        return;
    scenario.items = shuffled(bytes, scenario);
    ListSimulation simulation(scenario);
    choose_fate(bytes, simulation);
    simulation.run();
    check_result(simulation);
    if (!simulation.world.problems.empty())
        wrong(arsync::sim::report(simulation).c_str());
}

} // namespace fuzz
