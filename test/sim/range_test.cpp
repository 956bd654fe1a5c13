// Copies of a range between two open files.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <vector>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

Scenario range_by_method(Method method, uint64_t from, uint64_t to, uint64_t length) {
    Scenario scenario = by_method(method, 150'000);
    scenario.range = true;
    scenario.existing = Existing::larger;
    scenario.source_offset = from;
    scenario.destination_offset = to;
    scenario.length = length;
    return scenario;
}

Scenario part_by_method(Method method, uint64_t offset, uint64_t length) {
    Scenario scenario = range_by_method(method, offset, offset, length);
    scenario.by_name = true;
    return scenario;
}

// Whichever step fails or is the last, the error is told and nothing leaks.
void expect_no_leaks(const Scenario& scenario) {
    Simulation whole(scenario);
    expect_copied(whole);
    for (uint64_t step = 0; step < whole.world.steps(); step += sweep_stride) {
        Simulation failing(scenario);
        failing.fail_at = step;
        failing.fail_with = EIO;
        expect_right(failing);
        Simulation cancelled(scenario);
        cancelled.cancel_at = step;
        expect_right(cancelled);
    }
}

} // namespace

TEST_CASE("a range is copied to where it should be, and nothing else is touched") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::empty, Layout::zeros})
            for (const uint64_t from : {0ul, 4096ul, 4097ul, 100'000ul})
                for (const uint64_t to : {0ul, 8192ul, 777ul, 300'000ul, 400'000ul})
                    for (const uint64_t length : {0ul, 1ul, 4096ul, 60'001ul, UINT64_MAX})
                        for (const bool verify : {false, true}) {
                            Scenario scenario = range_by_method(method, from, to, length);
                            scenario.layout = layout;
                            scenario.options.flags = verify ? ARSYNC_COPY_VERIFY : 0;
                            scenario.options.durability = ARSYNC_DURABILITY_FILE;
                            Simulation simulation(scenario);
                            expect_copied(simulation);
                        }
    }
}

TEST_CASE("what is copied to a descriptor open with O_DSYNC survives a crash, holes included") {
    for (const Method method : all_methods)
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::empty})
            for (const int flags : {O_DSYNC, O_SYNC, O_SYNC | O_DIRECT}) {
                const bool shares = method == ARSYNC_METHOD_REFLINK;
                Scenario scenario = range_by_method(method, 4096, 8192, shares ? 65'536 : 60'001);
                scenario.layout = layout;
                scenario.destination_flags = flags;
                Simulation simulation(scenario);
                unsigned forgotten = 0;
                simulation.meanwhile = [&](const Step& step) {
                    const bool writes = step.call == Call::write || step.call == Call::write_now;
                    forgotten += writes && (step.flags & O_SYNC) != (flags & O_SYNC);
                };
                if (!expect_copied(simulation))
                    continue;
                CHECK_MESSAGE(forgotten == 0, describe(scenario));
                Random random(1);
                const Disk after = simulation.world.disk.recover(Disk::Unsynced::lost,
                                                                 Disk::Unsynced::lost, random);
                const bool kept = after.at(simulation.old_inode()).content == simulation.expected();
                CHECK_MESSAGE(kept, describe(scenario));
            }
}

TEST_CASE("what goes to a descriptor open with O_DSYNC is not left to the page cache first") {
    constexpr uint64_t size = 5 << 20;
    for (const int flags : {0, O_DSYNC, O_SYNC}) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
        scenario.range = true;
        scenario.existing = Existing::larger;
        scenario.length = size;
        scenario.destination_flags = flags;
        scenario.source_cached = false;
        scenario.world.room_for_dirty_pages = UINT64_MAX;
        Simulation simulation(scenario);
        expect_copied(simulation);
        CAPTURE(flags);
        CHECK(simulation.outcome().method ==
              (flags == 0 ? ARSYNC_METHOD_DIRECT_BUFFERED : ARSYNC_METHOD_DIRECT));
    }
}

TEST_CASE("a range goes to a descriptor open with O_DIRECT, wherever it ends") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::empty})
            for (const uint64_t from : {0ul, 4097ul})
                for (const uint64_t to : {0ul, 777ul, 8192ul, 400'000ul})
                    for (const uint64_t length : {1ul, 4096ul, 60'001ul, UINT64_MAX})
                        for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                            Scenario scenario = range_by_method(method, from, to, length);
                            scenario.layout = layout;
                            scenario.destination_flags = O_DIRECT;
                            scenario.options.flags = flags;
                            Simulation simulation(scenario);
                            expect_copied(simulation);
                        }
    }
}

TEST_CASE("who has opened a range's ends with O_DIRECT has it so, cached or not") {
    for (const bool source_direct : {false, true})
        for (const int destination_flags : {0, O_DIRECT}) {
            Scenario scenario = range_by_method(ARSYNC_METHOD_AUTO, 0, 0, 131'072);
            scenario.source_direct = source_direct;
            scenario.destination_flags = destination_flags;
            Simulation simulation(scenario);
            expect_copied(simulation);
            CAPTURE(source_direct);
            CAPTURE(destination_flags);
            Method expected = ARSYNC_METHOD_INLINE;
            if (destination_flags != 0)
                expected = source_direct ? ARSYNC_METHOD_DIRECT : ARSYNC_METHOD_BUFFERED_DIRECT;
            CHECK(simulation.outcome().method == expected);
        }
}

TEST_CASE("an error of closing what a range was written through is not lost") {
    Scenario direct = range_by_method(ARSYNC_METHOD_FIXED, 0, 0, 60'001);
    direct.destination_flags = O_DIRECT;
    const Scenario part = part_by_method(ARSYNC_METHOD_FIXED, 8192, 70'000);
    for (const Scenario& scenario :
         {direct, range_by_method(ARSYNC_METHOD_DIRECT, 0, 0, UINT64_MAX), part}) {
        std::vector<uint64_t> closes;
        Simulation whole(scenario);
        whole.meanwhile = [&](const Step& step) {
            if (step.call == Call::close && (step.flags & O_ACCMODE) != O_RDONLY)
                closes.push_back(step.index);
        };
        expect_copied(whole);
        CHECK(closes.size() == 1);
        for (const uint64_t step : closes) {
            Simulation failing(scenario);
            failing.fail_at = step;
            failing.fail_with = EIO;
            expect_right(failing);
            CHECK(failing.outcome().result == -EIO);
            CHECK(failing.outcome().stage == ARSYNC_STAGE_CLOSE);
        }
    }
}

TEST_CASE("where it may not be opened again, a hole at its end is made all the same") {
    Scenario scenario = range_by_method(ARSYNC_METHOD_FIXED, 0, 400'000, 65'536);
    scenario.layout = Layout::empty;
    scenario.destination_offset = 409'600;
    scenario.destination_flags = O_DIRECT;
    Simulation simulation(scenario);
    simulation.refuse = [](const Step& step) {
        return step.call == Call::reopen && step.subject == Subject::destination ? -EACCES : 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(simulation.destination()->content == simulation.expected());
}

TEST_CASE("where a source is cut off before its end, nothing is punched at the destination") {
    for (const Method method : {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED,
                                ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_COPY_FILE_RANGE})
        for (const uint64_t end : {8192ul, 30'000ul, 100'000ul}) {
            Scenario scenario = range_by_method(method, 4096, 8192, 120'000);
            scenario.layout = Layout::empty;
            Simulation simulation(scenario);
            bool cut = false;
            simulation.meanwhile = [&](const Step& step) {
                if (!cut && step.call == Call::seek) {
                    cut = true;
                    simulation.truncate_source(end);
                }
            };
            simulation.run();
            const std::string what = describe(scenario) + " cut at " + std::to_string(end);
            CHECK_MESSAGE(cut, what);
            CHECK_MESSAGE(simulation.outcome().result == 0, what);
            CHECK_MESSAGE(simulation.outcome().bytes == end - 4096, what);
            Content expected = simulation.old_content();
            const std::vector<std::byte> zeros(end - 4096);
            expected.write(8192, zeros.data(), zeros.size());
            const bool kept = simulation.destination()->content == expected;
            CHECK_MESSAGE(kept, what);
        }
}

TEST_CASE("what was written of a source that is cut off before the range is durable, too") {
    Scenario scenario = range_by_method(ARSYNC_METHOD_INLINE, 60'000, 8192, UINT64_MAX);
    scenario.options.durability = ARSYNC_DURABILITY_FILE;
    Simulation simulation(scenario);
    bool cut = false;
    unsigned synced = 0;
    simulation.meanwhile = [&](const Step& step) {
        synced += step.call == Call::sync;
        if (!cut && step.call == Call::write_now) {
            cut = true;
            simulation.truncate_source(50'000);
        }
    };
    simulation.run();
    CHECK(cut);
    CHECK(simulation.outcome().result == 0);
    CHECK(simulation.outcome().bytes == 0);
    CHECK(synced == 1);
}

TEST_CASE("aligned ranges share blocks") {
    for (const uint64_t length : {4096ul, 65'536ul}) {
        Scenario scenario = range_by_method(ARSYNC_METHOD_REFLINK, 4096, 8192, length);
        scenario.layout = Layout::holes;
        Simulation simulation(scenario);
        expect_copied(simulation);
        CHECK(simulation.outcome().method == ARSYNC_METHOD_REFLINK);
    }
}

TEST_CASE("whichever step of a range fails, the error is reported and nothing leaks") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        Scenario scenario = range_by_method(method, 4096, 8192, 70'000);
        scenario.layout = Layout::holes;
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        scenario.options.durability = ARSYNC_DURABILITY_FULL;
        expect_no_leaks(scenario);
    }
}

TEST_CASE("a part of a file by its name goes to where it should be, and nothing else is touched") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::empty})
            for (const uint64_t offset : {0ul, 4097ul, 100'000ul, 400'000ul})
                for (const uint64_t length : {1ul, 60'001ul, UINT64_MAX}) {
                    Scenario scenario = part_by_method(method, offset, length);
                    scenario.layout = layout;
                    scenario.options.durability = ARSYNC_DURABILITY_FULL;
                    Simulation simulation(scenario);
                    expect_copied(simulation);
                }
    }
}

TEST_CASE("whichever step of a part fails, the error is reported, and the file stays") {
    for (const Method method : {ARSYNC_METHOD_FIXED, ARSYNC_METHOD_COPY_FILE_RANGE}) {
        Scenario scenario = part_by_method(method, 8192, 70'000);
        scenario.layout = Layout::holes;
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        scenario.options.durability = ARSYNC_DURABILITY_FULL;
        expect_no_leaks(scenario);
    }
}

TEST_CASE("of what takes a file's place as it is opened no part is copied") {
    for (const mode_t kind : {mode_t{S_IFIFO}, mode_t{S_IFBLK}}) {
        Simulation simulation(part_by_method(ARSYNC_METHOD_FIXED, 0, 70'000));
        bool opened = false;
        simulation.meanwhile = [&](const Step& step) {
            if (step.subject != Subject::source)
                return;
            if (opened) // what was opened is asked what it is
                simulation.source().attributes.mode = kind | 0644;
            opened = opened || step.call == Call::open;
        };
        simulation.run();
        CHECK(opened);
        CHECK(simulation.outcome().result == -EOPNOTSUPP);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_CHECK);
        CHECK(simulation.destination()->content == simulation.old_content());
    }
}

} // namespace arsync::sim
