#include "measure.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <future>
#include <map>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

namespace news {

void die(const std::string& what, int error) {
    fprintf(stderr, "kernel_news: %s: %s\n", what.c_str(), strerror(error));
    _exit(1); // with other threads under way there is nothing to unwind
}

int need(int result, const std::string& what) {
    if (result < 0)
        die(what, errno);
    return result;
}

static int rounds() {
    const char* set = getenv("ARSYNC_BENCH_ROUNDS");
    return set ? std::max(1, atoi(set)) : 7;
}

static double at_share(const std::vector<double>& sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

struct Summary {
    double median = 0;
    double spread = 0; // the middle half as a share of the median
};

static Summary summary(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const double median = at_share(values, 0.5);
    const double half = at_share(values, 0.75) - at_share(values, 0.25);
    return {median, median > 0 ? half / median : 0};
}

static std::string with_digits(double value) {
    char text[32];
    if (value == 0 || value >= 100)
        snprintf(text, sizeof text, "%.0f", value);
    else
        snprintf(text, sizeof text, "%.3g", value);
    return text;
}

static std::string percent(double share) {
    return std::to_string(std::lround(100 * share)) + " %";
}

void row(const std::string& way, const std::string& unit, const std::string& today,
         const std::string& other, const std::string& ratio, const std::string& spreads) {
    printf("| %s | %s | %s | %s | %s | %s |\n", way.c_str(), unit.c_str(), today.c_str(),
           other.c_str(), ratio.c_str(), spreads.c_str());
    fflush(stdout);
}

static std::string ratio_of(double other, double today) {
    char text[32];
    snprintf(text, sizeof text, "%.2f", other / today);
    return today > 0 ? text : "-";
}

// One row: each of its cells has a figure for each unit, the spreads are of the first.
static void tell(const Contest& contest, const Way& way, const std::vector<Figures>& today,
                 const std::vector<Figures>& other) {
    std::string cells[4];
    std::string spreads;
    for (size_t unit = 0; unit < contest.units.size(); ++unit) {
        const auto of = [&](const std::vector<Figures>& all) {
            std::vector<double> values;
            for (const Figures& figures : all)
                values.push_back(figures[unit]);
            return summary(values);
        };
        const Summary usual = of(today);
        const Summary found = of(other);
        const std::string words[4] = {contest.units[unit], with_digits(usual.median),
                                      with_digits(found.median),
                                      ratio_of(found.median, usual.median)};
        for (size_t i = 0; i < 4; ++i)
            cells[i] += (unit > 0 ? "; " : "") + words[i];
        if (unit == 0)
            spreads = percent(usual.spread) + ", " + percent(found.spread);
    }
    row(way.name, cells[0], cells[1], cells[2], cells[3], spreads);
}

void hold(const Contest& contest) {
    const size_t count = contest.ways.size();
    std::vector<std::vector<Figures>> all(count);
    std::map<size_t, std::string> absent;
    std::vector<size_t> order(count);
    for (size_t i = 0; i < count; ++i)
        order[i] = i;
    static std::mt19937 chance;
    for (int round = 0; round < rounds(); ++round) {
        std::shuffle(order.begin(), order.end(), chance);
        for (const size_t i : order) {
            if (absent.contains(i))
                continue;
            // By a thread of its own: the kernel's threads for rings, and their limits, are a
            // thread's.
            try {
                all[i].push_back(std::async(std::launch::async, contest.ways[i].run).get());
            } catch (const Absent& reason) {
                absent[i] = reason.why;
            }
        }
    }
    row("**" + contest.work + "**: " + contest.ways[0].name, "", "", "", "", "");
    for (size_t way = 1; way < count; ++way) {
        if (absent.contains(way) || absent.contains(0))
            row(contest.ways[way].name, "", "", "absent: " + absent[absent.contains(0) ? 0 : way],
                "", "");
        else
            tell(contest, contest.ways[way], all[0], all[way]);
    }
}

static double own_cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// All but idle, waiting for a device, and what another machine took.
static double machine_cpu_seconds() {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    double ticks[7] = {}; // user, nice, system, idle, iowait, irq, softirq
    stat >> cpu;
    for (double& tick : ticks)
        stat >> tick;
    const double busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6];
    return busy / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Meter::Meter()
    : begin_(std::chrono::steady_clock::now()), cpu_(own_cpu_seconds()),
      machine_(machine_cpu_seconds()) {}

double Meter::seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

double Meter::cpu_seconds() const {
    return own_cpu_seconds() - cpu_;
}

double Meter::machine_seconds() const {
    return machine_cpu_seconds() - machine_;
}

uint64_t status_kib(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(name + ":"))
            return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10);
    return 0;
}

void touch(size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        die("mmap", errno);
    madvise(memory, bytes, MADV_HUGEPAGE);
    for (size_t at = 0; at < bytes; at += 4096)
        static_cast<volatile char*>(memory)[at] = 1;
    munmap(memory, bytes);
}

} // namespace news
