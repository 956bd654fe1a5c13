// How ways of doing the same thing are held against each other: in turns, in a new order each
// round.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace news {

constexpr size_t kib = size_t{1} << 10;
constexpr size_t mib = size_t{1} << 20;

// Thrown by a way that this kernel, file system or device lacks.
struct Absent {
    std::string why;
};

[[noreturn]] void die(const std::string& what, int error);
int need(int result, const std::string& what);

// One for each of Contest::units.
using Figures = std::vector<double>;

struct Way {
    std::string name;
    std::function<Figures()> run;
};

// The first way is what the library does today, or the nearest to it.
struct Contest {
    std::string work;
    std::vector<std::string> units;
    std::vector<Way> ways;
};

// Runs all ways in turns, and prints what it is about, and a row for each way but the first.
void hold(const Contest& contest);

void row(const std::string& way, const std::string& unit, const std::string& today,
         const std::string& other, const std::string& ratio, const std::string& spreads);

// From its making: wall time, CPU time of this process with the kernel's threads that work for it,
// and of the whole machine (to 10 ms, with the threads of loop devices and of writeback).
class Meter {
public:
    Meter();
    double seconds() const;
    double cpu_seconds() const;
    double machine_seconds() const;

private:
    const std::chrono::steady_clock::time_point begin_;
    const double cpu_;
    const double machine_;
};

// Of /proc/self/status, in KiB: pages that are pinned by registered buffers, for one.
uint64_t status_kib(const std::string& name);

// So many bytes of free memory are the machine's own: see touch.cpp.
void touch(size_t bytes);

} // namespace news
