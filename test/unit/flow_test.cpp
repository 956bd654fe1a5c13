// How much is in flight, as it adjusts itself to devices that are reckoned here.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "io/flow.h"

namespace arsync {

namespace {

constexpr size_t KiB = 1 << 10;
constexpr size_t MiB = 1 << 20;
constexpr double second_ns = 1e9;

uint64_t now_ns = 0;

uint64_t reckoned_clock() {
    return now_ns;
}

// Bytes a second at a level.
using Device = std::function<double(Flow::Level)>;

// That answers each request after a while, and moves no more than so much.
Device distant(double latency_s, double most) {
    return [=](Flow::Level level) {
        const double one = static_cast<double>(level.chunk) /
                           (latency_s + static_cast<double>(level.chunk) / most);
        return std::min(most, one * level.depth);
    };
}

// Of which each chunk more than two in flight costs something, as of memory that is touched anew.
double near(Flow::Level level) {
    const double in_flight = static_cast<double>(level.depth * level.chunk) / (4 << 20);
    return 2.5e9 * (in_flight < 1 ? 0.5 + in_flight / 2 : std::pow(in_flight, -0.15));
}

// That gives no more, whatever it is asked for.
double throttled(Flow::Level) {
    return 20e6;
}

class Run {
public:
    Run(Flow::Level start, Flow::Level most, double noise, unsigned seed)
        : flow(start, most, reckoned_clock), random_(seed), spread_(1 - noise, 1 + noise) {
        now_ns = 1;
        flow.join();
    }

    // Bytes a second. Noise comes and goes with time, not with chunks.
    double go_on(const Device& device, double seconds) {
        const uint64_t begin_ns = now_ns;
        uint64_t bytes = 0;
        while (static_cast<double>(now_ns - begin_ns) < seconds * second_ns) {
            if (now_ns >= disturbed_ns_) {
                disturbance_ = spread_(random_);
                disturbed_ns_ = now_ns + 10'000'000;
            }
            const Flow::Level level = flow.level();
            const double rate = device(level) * disturbance_;
            now_ns += static_cast<uint64_t>(static_cast<double>(level.chunk) / rate * second_ns);
            bytes += level.chunk;
            flow.moved(level.chunk, true);
        }
        return static_cast<double>(bytes) * second_ns / static_cast<double>(now_ns - begin_ns);
    }

    Flow flow;

private:
    std::mt19937 random_;
    std::uniform_real_distribution<double> spread_;
    double disturbance_ = 1;
    uint64_t disturbed_ns_ = 0;
};

constexpr Flow::Level usual{3, 2 * MiB};
constexpr Flow::Level most{16, 2 * MiB};

double best_of(const Device& device) {
    double best = 0;
    for (size_t chunk = 256 * KiB; chunk <= most.chunk; chunk *= 2)
        for (unsigned depth = 1; depth <= most.depth; ++depth)
            best = std::max(best, device({depth, chunk}));
    return best;
}

size_t in_flight(const Flow& flow) {
    return flow.level().depth * flow.level().chunk;
}

struct Kind {
    const char* name;
    Device device;
};

const Kind kinds[] = {
    {"near", near},
    {"throttled", throttled},
    {"1 ms away", distant(0.001, 3e9)},
    {"5 ms away", distant(0.005, 1.3e9)},
    {"20 ms away", distant(0.020, 1.3e9)},
    {"100 ms away, and slow", distant(0.1, 0.2e9)},
};

} // namespace

TEST_CASE("what is in flight comes to within 5 % of what the best level gives, and stays there") {
    for (const Kind& kind : kinds)
        for (unsigned seed = 0; seed < 20; ++seed) {
            Run run(usual, most, 0.1, seed);
            run.go_on(kind.device, 20);
            const double rate = run.go_on(kind.device, 60);
            CAPTURE(kind.name);
            CAPTURE(seed);
            CAPTURE(run.flow.level().depth);
            CAPTURE(run.flow.level().chunk);
            CHECK(rate >= 0.95 * best_of(kind.device));
        }
}

TEST_CASE("while it finds out, it moves hardly less than the level that it begins with") {
    for (const Kind& kind : kinds)
        for (const double seconds : {0.2, 0.5, 1.0, 3.0, 10.0}) {
            double sum = 0;
            constexpr unsigned seeds = 20;
            for (unsigned seed = 0; seed < seeds; ++seed)
                sum += Run(usual, most, 0.1, seed).go_on(kind.device, seconds);
            CAPTURE(kind.name);
            CAPTURE(seconds);
            CHECK(sum / seeds >= 0.95 * kind.device(usual));
        }
}

TEST_CASE("a device that is far away gets more at once within half a second") {
    const Device far_away = distant(0.005, 1.3e9);
    for (unsigned seed = 0; seed < 20; ++seed) {
        Run run(usual, most, 0.1, seed);
        run.go_on(far_away, 0.5);
        CAPTURE(seed);
        CHECK(in_flight(run.flow) > usual.depth * usual.chunk);
    }
}

TEST_CASE("one that gives no more gets less at once, and more again when it does") {
    for (unsigned seed = 0; seed < 20; ++seed) {
        Run run(usual, most, 0.05, seed);
        run.go_on(throttled, 120);
        CAPTURE(seed);
        CHECK(in_flight(run.flow) < usual.depth * usual.chunk);
        const Device far_away = distant(0.005, 1.3e9);
        run.go_on(far_away, 20);
        CHECK(run.go_on(far_away, 20) >= 0.9 * best_of(far_away));
    }
}

TEST_CASE("what is not limited by the chunks in flight changes nothing") {
    Flow flow(usual, most, reckoned_clock);
    now_ns = 1;
    flow.join();
    for (int i = 0; i < 10'000; ++i) {
        now_ns += 1'000'000;
        flow.moved(2 * MiB, i % 3 == 0);
        CHECK(flow.level() == usual);
    }
}

TEST_CASE("a level that is tried is given up when a worker comes or goes") {
    Flow flow(usual, most, reckoned_clock);
    now_ns = 1;
    flow.join();
    int n = 0;
    for (; n < 10'000 && flow.level() == usual; ++n) {
        now_ns += 1'000'000;
        flow.moved(2 * MiB, true);
    }
    REQUIRE(n < 10'000);
    CHECK(flow.level().depth > usual.depth);
    flow.join();
    CHECK(flow.level() == usual);
    flow.leave();
    CHECK(flow.level() == usual);
}

TEST_CASE("levels lie between one small chunk and what there are buffers for") {
    for (const Flow::Level start :
         {Flow::Level{1, 4 * KiB}, Flow::Level{1, 256 * KiB}, Flow::Level{2, 2 * MiB},
          Flow::Level{8, 256 * KiB}, Flow::Level{1, 516 * KiB}, Flow::Level{2, 1028 * KiB}}) {
        const Flow::Level end{std::max(start.depth, 16u), std::max(start.chunk, 2 * MiB)};
        Flow flow(start, end, reckoned_clock);
        CHECK(flow.level() == start);
        CHECK(flow.depth_max() == end.depth);
        now_ns = 1;
        flow.join();
        size_t least = in_flight(flow);
        size_t greatest = 0;
        for (int i = 0; i < 200'000; ++i) {
            now_ns += 100'000; // first the more is in flight the better, then it is all the same
            flow.moved(i < 100'000 ? in_flight(flow) : end.depth * end.chunk, true);
            least = std::min(least, in_flight(flow));
            greatest = std::max(greatest, in_flight(flow));
            CHECK(flow.level().chunk <= end.chunk);
            CHECK(flow.level().chunk % (4 * KiB) == 0);
            CHECK(flow.level().depth <= end.depth);
        }
        CHECK(greatest == end.depth * end.chunk);
        CHECK(least == std::min<size_t>(start.chunk, 256 * KiB));
    }
    Flow only({1, 4 * KiB}, {1, 4 * KiB}, reckoned_clock);
    only.join();
    for (int i = 0; i < 10'000; ++i) {
        now_ns += 1'000'000;
        only.moved(4 * KiB, true);
    }
    CHECK(only.level() == Flow::Level{1, 4 * KiB});
}

} // namespace arsync
