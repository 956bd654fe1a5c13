// Real filesystems that crash at any moment of a copy, and what is there when they are mounted
// again. See HACKING.md for how to look at a state that does not hold.
//
//     CRASH_SEED=N      the first plan of works (1)
//     CRASH_STATES=N    states a filesystem (60)
//     CRASH_FLUSHES=N   of each plan's flushes, how many become a state of their own (16); "all"
//     CRASH_PLANS=N     over so many plans (1)
//     CRASH_STATE=N     only the state of this number, of the first plan
//     CRASH_KEEP=DIR    where the images of states that do not hold are copied to, with the log
//
// A message names a state by filesystem, seed and number. The same plan is not written to the disk
// in quite the same order twice, so a state that does not hold is best looked at in its kept image.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <numeric>

#include "crash/number.h"
#include "crash/recording.h"
#include "crash/states.h"
#include "system/command.h"
#include "system/scratch.h"
#include "system/tree.h"

namespace crash {

namespace {

struct Sum {
    uint64_t states = 0, bad = 0, flushes = 0, writes = 0, done = 0, lost = 0;
    uint64_t boundaries = 0; // of the flushes those with which a copy had begun
    uint64_t taken = 0;      // and of these those after which it has crashed at once
    uint64_t due = 0;        // how many had to be
    std::vector<std::string> said;
    std::string skipped;
};

void keep(const std::string& image, const std::string& name) {
    const char* const directory = getenv("CRASH_KEEP");
    if (!directory || !*directory)
        return;
    live::make_directories(directory);
    live::output_of({"cp", "--sparse=always", image, std::string(directory) + "/" + name});
}

// Of one plan's flushes, how many become a state of their own.
uint64_t flushes_wanted(bool durable) {
    constexpr uint64_t in_check = 16;
    const char* const text = getenv("CRASH_FLUSHES");
    if (!durable)
        return 0; // the control has the others
    return text && std::string(text) == "all" ? UINT64_MAX : number_of("CRASH_FLUSHES", in_check);
}

// One plan's states.
void crash_one(const Filesystem& kind, uint64_t seed, uint64_t count, bool durable, Sum& sum) {
    const live::Volume work(live::Kind::tmpfs, 4096);
    if (!work.usable()) {
        sum.skipped = work.why();
        return;
    }
    Recording recording(kind, work.path(), seed, durable);
    sum.skipped = recording.skipped();
    if (!sum.skipped.empty())
        return;
    const Log& log = recording.log();
    sum.flushes += log.count(What::flush);
    sum.writes += log.count(What::write);
    sum.said.insert(sum.said.end(), recording.failures().begin(), recording.failures().end());
    const std::string image = work.path() + "/state";
    const uint64_t only = number_of("CRASH_STATE", UINT64_MAX);
    Disk disk(recording.base(), log, kind.sector, seed);
    std::vector<State> states = states_of(log, recording.first_mark(), seed, count);
    const std::vector<State> at_flushes =
        flush_states_of(log, recording.first_mark(), seed, count, flushes_wanted(durable));
    states.insert(states.end(), at_flushes.begin(), at_flushes.end());
    put_in_order(states);
    const uint64_t flushes = flushes_from(log, recording.first_mark());
    sum.boundaries += flushes;
    if (only == UINT64_MAX)
        sum.due += std::min(flushes, flushes_wanted(durable));
    for (const State& state : states) {
        if (only != UINT64_MAX && state.number != only)
            continue;
        disk.write_state(state, image);
        const std::vector<std::string> said = recording.judge_image(image, state);
        ++sum.states;
        sum.taken += state.number >= count;
        if (said.empty())
            continue;
        ++sum.bad;
        const std::string name = std::string(kind.name) + "-" + std::to_string(seed) + "-" +
                                 std::to_string(state.number);
        for (const std::string& one : said)
            sum.said.push_back(name + " (" + name_of(state.kind) + " of entries " +
                               std::to_string(state.flushed) + " to " + std::to_string(state.end) +
                               "): " + one);
        if (durable) {
            keep(image, name);
            keep(work.path() + "/log", name + ".log");
        }
    }
    sum.done += recording.works_done;
    sum.lost += recording.works_lost;
}

Sum crash_all(const Filesystem& kind, bool durable, uint64_t states) {
    const uint64_t plans = std::max<uint64_t>(1, number_of("CRASH_PLANS", 1));
    const uint64_t seed = number_of("CRASH_SEED", 1);
    Sum sum;
    const auto begin = std::chrono::steady_clock::now();
    for (uint64_t plan = 0; plan < plans && sum.skipped.empty(); ++plan)
        crash_one(kind, seed + plan, states / plans, durable, sum);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    printf("%s, %s, seed %llu: %llu states of %llu plans (%llu writes, %llu flushes), %llu do not "
           "hold; "
           "%llu of %llu finished works have losses; %.1f s\n",
           kind.name, durable ? "durable" : "control", static_cast<unsigned long long>(seed),
           static_cast<unsigned long long>(sum.states), static_cast<unsigned long long>(plans),
           static_cast<unsigned long long>(sum.writes),
           static_cast<unsigned long long>(sum.flushes), static_cast<unsigned long long>(sum.bad),
           static_cast<unsigned long long>(sum.lost), static_cast<unsigned long long>(sum.done),
           took.count());
    if (durable)
        printf(
            "%s: of %llu flushes %llu were since the first copy began, and after %llu of these the "
            "disk has crashed at once\n",
            kind.name, static_cast<unsigned long long>(sum.flushes),
            static_cast<unsigned long long>(sum.boundaries),
            static_cast<unsigned long long>(sum.taken));
    return sum;
}

void test(const Filesystem& kind) {
    NEEDS_ROOT();
    const uint64_t states = number_of("CRASH_STATES", 60);
    const Sum sum = crash_all(kind, true, states);
    if (!sum.skipped.empty()) {
        live::skip(sum.skipped);
        return;
    }
    INFO(some_of(sum.said));
    CHECK(sum.said.empty());
    CHECK(sum.states > 0);
    CHECK(sum.done > 0);
    CHECK(sum.taken == sum.due);
    CHECK((sum.due > 0 || getenv("CRASH_FLUSHES") || getenv("CRASH_STATE")));
    // Without durability the same must be seen to be lost, or nothing is seen at all.
    const Sum control = crash_all(kind, false, std::max<uint64_t>(8, states / 8));
    CHECK(control.lost > 0);
}

} // namespace

TEST_CASE("what an ext4 has after a crash is what was promised") {
    test(ext4);
}
TEST_CASE("what an XFS has after a crash is what was promised") {
    test(xfs);
}
TEST_CASE("what a btrfs has after a crash is what was promised") {
    test(btrfs);
}

} // namespace crash
