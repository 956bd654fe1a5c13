// One run that a number stands for: a copy, a tree, a list, or reads and writes of leased buffers;
// a world for it; and what happens to it there. `make sim` runs many of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace arsync::sim {

class Trial {
public:
    using Trace = std::function<void(const std::string& line)>;
    virtual ~Trial() = default;

    // What is wrong with it, and what it is; or nothing. trace: is told what happens.
    virtual std::string run(const Trace& trace = {}) const = 0;
    virtual std::string describe() const = 0;
    // Each with something less in it.
    virtual std::vector<std::unique_ptr<Trial>> smaller() const = 0;
    // The same, with what happens to it before another step; null: nothing does at a step.
    virtual std::unique_ptr<Trial> at_step(uint64_t step) const = 0;
};

std::unique_ptr<Trial> trial_of(uint64_t seed);

// The smallest that is found of those that are wrong as well.
std::unique_ptr<Trial> shrink(std::unique_ptr<Trial> wrong);

} // namespace arsync::sim
