// Trials of the first numbers; `make sim` runs more of them.
#include <doctest/doctest.h>

#include "sim/seeds.h"
#include "sim/trial.h"

namespace arsync::sim {

TEST_CASE("nothing is wrong with anything, in any world, with any fate") {
    for_each_seed(2000, [](uint64_t seed) {
        const std::string what = trial_of(seed)->run();
        if (!what.empty())
            FAIL_CHECK("trial ", seed, ": ", what, "\nmade small: ", shrink(trial_of(seed))->run());
    });
}

TEST_CASE("a trial runs the same way each time") {
    for_each_seed(40, [](uint64_t seed) {
        if (seed % 10 == 9)
            return; // leases: there it counts how long a write took
        const auto told = [&] {
            std::string all;
            trial_of(seed)->run([&](std::string line) {
                const size_t name = line.find(".arsync-"); // and eight digits by chance
                if (name != std::string::npos)
                    line.erase(name, 16);
                all += line + "\n";
            });
            return all;
        };
        // A mirror's removals give way after so many milliseconds, which a busy machine may take.
        CHECK_MESSAGE((told() == told() || told() == told() || told() == told()), seed);
    });
}

} // namespace arsync::sim
