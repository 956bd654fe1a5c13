// A device that does not give back what was written.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <vector>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

// The damage is on the device: whoever reads the page cache does not see it.
void expect_found(Scenario scenario, uint64_t write) {
    Simulation simulation(scenario);
    simulation.world.damaged_write = write;
    expect_right(simulation);
    const std::string what = describe(scenario) + "; damaged write " + std::to_string(write) +
                             "; result " + std::to_string(simulation.outcome().result) + " stage " +
                             std::to_string(simulation.outcome().stage);
    CHECK_MESSAGE(simulation.world.damaged, what);
    CHECK_MESSAGE(simulation.outcome().result == -EILSEQ, what);
    CHECK_MESSAGE(simulation.outcome().stage == ARSYNC_STAGE_VERIFY, what);
}

// Tells the step after the one in which the kernel has moved all data.
class AfterMove {
public:
    bool has_come(const Step& step) {
        const bool now = moved_ && !come_;
        come_ = come_ || now;
        moved_ = moved_ || step.call == Call::reflink || step.call == Call::copy_file_range;
        return now;
    }
    bool has_come() const { return come_; }

private:
    bool moved_ = false;
    bool come_ = false;
};

} // namespace

TEST_CASE("one bit that the device got wrong is found, whichever write it was in") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK || method == ARSYNC_METHOD_COPY_FILE_RANGE)
            continue; // write nothing
        for (const bool direct : {true, false})
            for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
                for (uint64_t write = 0; write < 25; ++write) {
                    Scenario scenario = by_method(method, 400'000 - 17); // 25 chunks
                    scenario.options.flags = ARSYNC_COPY_VERIFY;
                    scenario.options.replace = replace;
                    scenario.world.seed = write;
                    if (!direct)
                        scenario.world.direct_offset_align = scenario.world.direct_memory_align = 0;
                    expect_found(scenario, write);
                }
    }
}

TEST_CASE("damage to a replacement is found before it replaces anything") {
    for (const auto existing : {Existing::smaller, Existing::larger, Existing::link}) {
        Scenario scenario = by_method(ARSYNC_METHOD_FIXED, 100'000);
        scenario.existing = existing;
        scenario.options.replace = ARSYNC_REPLACE_ATOMIC;
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        expect_found(scenario, 2);
    }
}

TEST_CASE("what verifies was right") {
    for (const Method method : all_methods)
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::zeros, Layout::empty})
            for (const auto sparse :
                 {ARSYNC_SPARSE_AUTO, ARSYNC_SPARSE_ALWAYS, ARSYNC_SPARSE_NEVER})
                for (const uint64_t size : {0ul, 1ul, 4096ul, 70'001ul}) {
                    const bool shares =
                        method == ARSYNC_METHOD_REFLINK || method == ARSYNC_METHOD_COPY_FILE_RANGE;
                    if (shares && sparse != ARSYNC_SPARSE_AUTO)
                        continue;
                    Scenario scenario = by_method(method, size);
                    scenario.layout = layout;
                    scenario.options.sparse = sparse;
                    scenario.options.flags = ARSYNC_COPY_VERIFY;
                    scenario.world.short_percent = 30;
                    Simulation simulation(scenario);
                    expect_copied(simulation);
                }
}

TEST_CASE("damage is found in the first and last block of a range that fills neither") {
    for (const uint64_t from : {0ul, 4097ul})
        for (const uint64_t to : {4096ul, 5000ul})
            for (const uint64_t length : {1ul, 700ul, 5001ul, 20'000ul}) {
                Scenario scenario = by_method(ARSYNC_METHOD_HEAP, 150'000);
                scenario.range = true;
                scenario.existing = Existing::larger;
                scenario.source_offset = from;
                scenario.destination_offset = to;
                scenario.length = length;
                scenario.options.flags = ARSYNC_COPY_VERIFY;
                expect_found(scenario, 0);
            }
}

TEST_CASE("where the cache may not have been bypassed, the completion says so") {
    for (const bool direct : {true, false})
        for (const bool tells : {true, false}) {
            Scenario scenario = by_method(ARSYNC_METHOD_FIXED, 70'001);
            scenario.options.flags = ARSYNC_COPY_VERIFY;
            scenario.world.reports_residency = tells;
            if (!direct)
                scenario.world.direct_offset_align = scenario.world.direct_memory_align = 0;
            Simulation simulation(scenario);
            expect_copied(simulation);
            const bool told = simulation.outcome().flags & ARSYNC_COMPLETION_VERIFIED_CACHED;
            CHECK_MESSAGE(told == (!direct && !tells), describe(scenario));
        }
}

// What was read by then counts once.
TEST_CASE("a file that is refused to O_DIRECT in the middle of being verified is read once more") {
    Scenario scenario = by_method(ARSYNC_METHOD_FIXED, 400'000 - 17); // 25 chunks
    scenario.options.flags = ARSYNC_COPY_VERIFY;
    std::vector<uint64_t> reads;
    Simulation whole(scenario);
    whole.meanwhile = [&](const Step& step) {
        if (step.call == Call::read && step.subject == Subject::destination &&
            (step.flags & O_DIRECT) != 0)
            reads.push_back(step.index);
    };
    expect_copied(whole);
    REQUIRE(reads.size() >= 10);
    for (const uint64_t read : reads) {
        Simulation simulation(scenario);
        simulation.fail_at = read;
        simulation.fail_with = EINVAL;
        simulation.run();
        CHECK_MESSAGE(simulation.outcome().result == 0, read);
    }
}

TEST_CASE("a source that changes after it was shared or offloaded is told, and verifies") {
    for (const Method method : {ARSYNC_METHOD_REFLINK, ARSYNC_METHOD_COPY_FILE_RANGE})
        for (const uint64_t end : {4096ul, 70'001ul, 90'000ul}) {
            Scenario scenario = by_method(method, 70'001);
            scenario.options.flags = ARSYNC_COPY_VERIFY;
            Simulation simulation(scenario);
            AfterMove changed;
            simulation.meanwhile = [&](const Step& step) {
                if (!changed.has_come(step))
                    return;
                simulation.truncate_source(0);
                simulation.extend_source(end);
            };
            simulation.run();
            const std::string what = describe(scenario) + " then " + std::to_string(end);
            CHECK_MESSAGE(changed.has_come(), what);
            CHECK_MESSAGE(simulation.outcome().result == 0, what);
            CHECK_MESSAGE((simulation.outcome().flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0,
                          what);
            if (method == ARSYNC_METHOD_REFLINK) {
                const bool kept = simulation.destination()->content == simulation.original();
                CHECK_MESSAGE(kept, what);
            }
        }
}

TEST_CASE("what was written and cannot be read back in place of that source fails to verify") {
    for (const Method method : {ARSYNC_METHOD_REFLINK, ARSYNC_METHOD_COPY_FILE_RANGE}) {
        Scenario scenario = by_method(method, 70'001);
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        Simulation simulation(scenario);
        AfterMove changed;
        simulation.meanwhile = [&](const Step& step) {
            if (changed.has_come(step)) {
                simulation.truncate_source(0);
                simulation.extend_source(80'000);
            }
            const bool reads = step.call == Call::read || step.call == Call::read_cached;
            if (changed.has_come() && reads && step.subject == Subject::destination &&
                simulation.fail_at == never) {
                simulation.fail_at = step.index;
                simulation.fail_with = EIO;
            }
        };
        simulation.run();
        CHECK_MESSAGE(simulation.failed_step(), describe(scenario));
        CHECK_MESSAGE(simulation.outcome().result == -EIO, describe(scenario));
        CHECK_MESSAGE(simulation.outcome().stage == ARSYNC_STAGE_VERIFY, describe(scenario));
    }
}

TEST_CASE("so is one that shrinks and is written anew") {
    for (const Method method : all_methods)
        for (uint64_t step = 10; step < 60; step += 3) {
            Scenario scenario = by_method(method, 200'000);
            scenario.options.flags = ARSYNC_COPY_VERIFY;
            scenario.world.seed = step;
            Simulation simulation(scenario);
            bool cut = false;
            bool written = false;
            simulation.meanwhile = [&](const Step& now) {
                if (now.index == step) {
                    cut = true;
                    simulation.truncate_source(50'000);
                } else if (cut && !written && now.call == Call::statx) {
                    written = true; // after it was asked for its size again
                    simulation.truncate_source(50'000);
                }
            };
            simulation.run();
            CHECK_MESSAGE(simulation.outcome().result == 0, describe(scenario), " step ", step,
                          " result ", simulation.outcome().result);
        }
}

// What was written is hashed by where it came from.
TEST_CASE("and a range of it, whatever it is copied to") {
    for (uint64_t step = 10; step < 60; ++step) {
        Scenario scenario = by_method(ARSYNC_METHOD_HEAP, 200'000);
        scenario.range = true;
        scenario.existing = Existing::larger;
        scenario.source_offset = 8192;
        scenario.destination_offset = 40'960;
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        scenario.world.seed = step;
        Simulation simulation(scenario);
        simulation.meanwhile = [&](const Step& now) {
            if (now.index == step)
                simulation.truncate_source(50'000);
        };
        simulation.run();
        CHECK_MESSAGE(simulation.outcome().result == 0, "step ", step, " result ",
                      simulation.outcome().result);
    }
}

// What was read beyond the place where it ended for a while is no part of the copy.
TEST_CASE("and one that shrinks and grows again, where sizes may not be true") {
    for (const uint64_t filesystem : {overlay_magic, nfs_magic})
        for (const Method method : all_methods)
            for (uint64_t step = 5; step < 60; ++step) {
                Scenario scenario = by_method(method, 200'000);
                scenario.options.flags = ARSYNC_COPY_VERIFY;
                scenario.options.want = ARSYNC_WANT_DIGEST;
                scenario.world.filesystem_type = filesystem;
                scenario.world.seed = step;
                scenario.source_cached = step % 2 != 0;
                Simulation simulation(scenario);
                simulation.meanwhile = [&](const Step& now) {
                    if (now.index == step)
                        simulation.truncate_source(50'000);
                    if (now.index == step + 1 + step % 7)
                        simulation.extend_source(120'000);
                };
                simulation.run();
                CHECK_MESSAGE(simulation.outcome().result == 0, describe(scenario), " step ", step,
                              " filesystem ", filesystem, " result ", simulation.outcome().result);
            }
}

// Of a source that got another mode or name, the content is known to be the same.
TEST_CASE(
    "what was shared or offloaded is compared with a source of which the inode alone changed") {
    for (const Method method : {ARSYNC_METHOD_REFLINK, ARSYNC_METHOD_COPY_FILE_RANGE})
        for (const bool damaged : {false, true}) {
            Scenario scenario = by_method(method, 70'001);
            scenario.options.flags = ARSYNC_COPY_VERIFY;
            Simulation simulation(scenario);
            AfterMove changed;
            simulation.meanwhile = [&](const Step& step) {
                if (!changed.has_come(step))
                    return;
                simulation.source().attributes.changed = simulation.world.now();
                for (const InodeNumber number : simulation.world.disk.numbers())
                    if (damaged && simulation.world.subject_of(number) == Subject::destination)
                        simulation.world.disk.at(number).content.punch(4096, 4096);
            };
            simulation.run();
            const Outcome& outcome = simulation.outcome();
            const std::string what = describe(scenario) + (damaged ? ", damaged" : "");
            CHECK_MESSAGE(changed.has_come(), what);
            CHECK_MESSAGE(outcome.result == (damaged ? -EILSEQ : 0), what);
            CHECK_MESSAGE((outcome.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) == 0, what);
        }
}

static void resize_destination(Simulation& simulation, uint64_t size) {
    for (const InodeNumber number : simulation.world.disk.numbers())
        if (simulation.world.subject_of(number) == Subject::destination)
            simulation.world.disk.at(number).content.resize(size);
}

// Zeros all of it, as what is not there any more.
TEST_CASE(
    "what has another length when it is verified, or gets it meanwhile, is not what was copied") {
    constexpr uint64_t size = 70'001;
    constexpr uint64_t last_chunk = 65'536;
    for (const Method method : {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED})
        for (const bool direct : {true, false})
            for (const Call at : {Call::statx, Call::read})
                for (const uint64_t end : {4096ul, 69'000ul, 90'000ul}) {
                    Scenario scenario = by_method(method, size);
                    scenario.layout = Layout::zeros;
                    scenario.options.sparse = ARSYNC_SPARSE_NEVER;
                    scenario.options.flags = ARSYNC_COPY_VERIFY;
                    if (!direct)
                        scenario.world.direct_offset_align = scenario.world.direct_memory_align = 0;
                    Simulation simulation(scenario);
                    bool changed = false;
                    simulation.meanwhile = [&](const Step& step) {
                        const bool now = simulation.stage() == ARSYNC_STAGE_VERIFY &&
                                         step.call == at &&
                                         (at != Call::read || step.offset == last_chunk);
                        if (changed || !now)
                            return;
                        changed = true;
                        resize_destination(simulation, end);
                    };
                    simulation.run();
                    CAPTURE(describe(scenario));
                    CAPTURE(end);
                    CHECK(changed);
                    CHECK(simulation.outcome().result == -EILSEQ);
                    CHECK(simulation.outcome().stage == ARSYNC_STAGE_VERIFY);
                }
}

// What is not there is no hole, before the end or after.
TEST_CASE("nor is what ends in a hole, and is cut off there meanwhile") {
    for (const uint64_t filesystem : {xfs_magic, ext4_magic, overlay_magic, nfs_magic})
        for (const bool range : {false, true}) {
            Scenario scenario = by_method(ARSYNC_METHOD_FIXED, 200'000);
            scenario.layout = Layout::empty;
            scenario.range = range;
            if (range)
                scenario.existing = Existing::smaller;
            scenario.options.flags = ARSYNC_COPY_VERIFY;
            scenario.world.filesystem_type = filesystem;
            Simulation simulation(scenario);
            bool cut = false;
            simulation.meanwhile = [&](const Step& step) {
                const bool reads = step.call == Call::seek || step.call == Call::read;
                if (cut || !reads || simulation.stage() != ARSYNC_STAGE_VERIFY)
                    return;
                cut = true;
                resize_destination(simulation, 150'000);
            };
            simulation.run();
            CAPTURE(describe(scenario));
            CAPTURE(filesystem);
            CHECK(cut);
            CHECK(simulation.outcome().result == -EILSEQ);
            CHECK(simulation.outcome().stage == ARSYNC_STAGE_VERIFY);
        }
}

TEST_CASE("what is cached beside a range does not make a doubt of it") {
    for (const uint64_t to : {8192ul, 8300ul}) {
        Scenario scenario = by_method(ARSYNC_METHOD_HEAP, 150'000);
        scenario.range = true;
        scenario.existing = Existing::larger;
        scenario.destination_offset = to;
        scenario.length = 20'000;
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        scenario.world.direct_offset_align = scenario.world.direct_memory_align = 0;
        Simulation simulation(scenario);
        std::set<uint64_t>& cached = simulation.world.disk.at(simulation.old_inode()).cached;
        cached.insert({0, 1, 7, 8, 9, 10});
        expect_copied(simulation);
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_VERIFIED_CACHED) == 0);
    }
}

} // namespace arsync::sim
