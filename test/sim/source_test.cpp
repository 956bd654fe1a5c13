// A source that changes its size while it is copied.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

constexpr uint64_t size = 200'000;

// Run a copy during which, before one of its steps, the source is cut off at `end`.
void shrink(const Scenario& scenario, uint64_t step, uint64_t end) {
    Simulation simulation(scenario);
    simulation.meanwhile = [&](const Step& now) {
        if (now.index == step)
            simulation.truncate_source(end);
    };
    if (!expect_copied(simulation))
        return;
    const std::string what = describe(scenario) + "; cut off at " + std::to_string(end) +
                             " before step " + std::to_string(step);
    const uint32_t flags = simulation.outcome().flags;
    const uint64_t copied = simulation.destination()->content.size();
    CHECK_MESSAGE(simulation.outcome().bytes == copied, what);
    CHECK_MESSAGE(simulation.bytes_done() == copied, what);
    CHECK_MESSAGE(simulation.bytes_total() == copied, what);
    const bool changed = flags & ARSYNC_COMPLETION_SOURCE_CHANGED;
    const bool shrank = flags & ARSYNC_COMPLETION_SOURCE_SHRANK;
    if (changed || simulation.source_was_changed())
        CHECK_MESSAGE((copied == end || copied == size), what);
    CHECK_MESSAGE(shrank == (changed && copied < size), what);
    // What is there is what the source had.
    Content expected = copied == end ? simulation.source().content : simulation.original();
    CHECK_MESSAGE(simulation.destination()->content == expected, what);
}

uint64_t steps_of(const Scenario& scenario) {
    Simulation simulation(scenario);
    expect_copied(simulation);
    return simulation.world.steps();
}

} // namespace

TEST_CASE("a source that shrinks ends the copy where it ends, and is reported") {
    for (const Method method : all_methods)
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::empty})
            for (const bool cached : {true, false}) {
                Scenario scenario = by_method(method, size);
                scenario.layout = layout;
                scenario.source_cached = cached;
                scenario.world.direct_offset_align = 4096;
                const uint64_t steps = steps_of(scenario);
                for (const uint64_t end : {0ul, 1ul, 65'536ul, 100'001ul, size - 1})
                    for (uint64_t step = 3; step < steps; step += 1 + sweep_stride)
                        shrink(scenario, step, end);
            }
}

// Where sizes may be untrue, what was cut off looks like a hole at the end.
TEST_CASE("so does one with holes on an overlay or a server") {
    for (const uint64_t filesystem : {overlay_magic, nfs_magic, fuse_magic})
        for (const Method method : all_methods) {
            Scenario scenario = by_method(method, size);
            scenario.layout = Layout::holes;
            scenario.world.filesystem_type = filesystem;
            const uint64_t steps = steps_of(scenario);
            for (const uint64_t end : {0ul, 1ul, 65'536ul, 100'001ul, size - 1})
                for (uint64_t step = 3; step < steps; step += 1 + sweep_stride)
                    shrink(scenario, step, end);
        }
}

TEST_CASE("a source that shrinks before its first byte is read shrinks the copy") {
    for (const Method method : all_methods) {
        Scenario scenario = by_method(method, size);
        Simulation simulation(scenario);
        bool done = false;
        simulation.meanwhile = [&](const Step& now) {
            // Open and asked for its size, not yet read.
            if (!done && now.subject == Subject::destination) {
                simulation.truncate_source(50'001);
                done = true;
            }
        };
        expect_copied(simulation);
        CHECK(simulation.outcome().bytes == 50'001);
        CHECK(simulation.bytes_done() == 50'001);
        if (method != ARSYNC_METHOD_AUTO)
            CHECK(simulation.outcome().method == method);
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0);
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0);
    }
}

TEST_CASE("when a copy cannot be cut off where its source now ends, it has failed") {
    for (const Method method : {ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_BUFFERED_DIRECT}) {
        Simulation simulation(by_method(method, size)); // which get their size before their data
        bool done = false;
        simulation.meanwhile = [&](const Step& now) {
            if (!done && now.call == Call::read) {
                simulation.truncate_source(50'001);
                done = true;
            }
            if (done && now.call == Call::truncate) {
                simulation.fail_at = now.index;
                simulation.fail_with = EIO;
            }
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -EIO);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_TRUNCATE);
    }
}

TEST_CASE("what a direct method had written until it was refused is no part of a shorter source") {
    for (const Method method :
         {ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED})
        for (const unsigned refused : {2u, 4u, 5u}) {
            Scenario scenario = by_method(method, size);
            scenario.world.filesystem_type = xfs_magic; // where nothing is reserved for it
            scenario.source_cached = false;
            scenario.options.chunks = 1; // so that some are written before the next is read
            Simulation simulation(scenario);
            unsigned reads = 0;
            const Call direct = method == ARSYNC_METHOD_BUFFERED_DIRECT ? Call::write : Call::read;
            simulation.meanwhile = [&](const Step& now) {
                if (now.call != direct || ++reads != refused)
                    return;
                simulation.truncate_source(5001);
                simulation.fail_at = now.index;
                simulation.fail_with = EINVAL;
            };
            expect_right(simulation);
            CAPTURE(refused);
            CHECK(reads >= refused);
            const Inode* const copy = simulation.world.disk.find(simulation.directory(), "target");
            REQUIRE(copy);
            CHECK(copy->content.size() == 5001);
            CHECK(simulation.outcome().result == 0);
            CHECK(simulation.outcome().method == ARSYNC_METHOD_FIXED);
        }
}

TEST_CASE("of a source that shrinks and grows again, no byte is made up") {
    for_each_seed(200, [](uint64_t seed) {
        for (const Method method : all_methods) {
            Scenario scenario = by_method(method, size);
            scenario.world.seed = seed;
            scenario.source_cached = seed % 2 != 0;
            Random random(seed);
            const uint64_t end = random.below(size), shrinks = 3 + random.below(25),
                           grows = shrinks + 1 + random.below(6);
            Simulation simulation(scenario);
            simulation.meanwhile = [&](const Step& now) {
                if (now.index == shrinks)
                    simulation.truncate_source(end);
                if (now.index == grows)
                    simulation.extend_source(size);
            };
            if (!expect_copied(simulation))
                continue;
            const Content& copy = simulation.destination()->content;
            std::vector<std::byte> before(size), after(size), copied(size);
            simulation.original().read(0, before.data(), size);
            simulation.source().content.read(0, after.data(), size);
            const size_t length = copy.read(0, copied.data(), size);
            CHECK(length == copy.size());
            size_t made_up = 0;
            for (size_t i = 0; i < length; ++i)
                made_up += copied[i] != before[i] && copied[i] != after[i];
            CHECK_MESSAGE(made_up == 0, describe(scenario));
        }
    });
}

TEST_CASE("of a source that grows, what it had at the start is copied, and the growth reported") {
    for (const Method method : all_methods)
        for (const uint64_t start : {size, uint64_t{4096}, uint64_t{50}, uint64_t{16'384}}) {
            Scenario scenario = by_method(method, start);
            const uint64_t steps = steps_of(scenario);
            for (uint64_t step = 3; step < steps; step += sweep_stride) {
                Simulation simulation(scenario);
                simulation.meanwhile = [&](const Step& now) {
                    if (now.index == step)
                        simulation.extend_source(start + 30'000);
                };
                if (!expect_copied(simulation))
                    continue;
                const std::string what =
                    describe(scenario) + "; grew before step " + std::to_string(step);
                CHECK_MESSAGE(simulation.destination()->content == simulation.original(), what);
                CHECK_MESSAGE(simulation.outcome().bytes == start, what);
                CHECK_MESSAGE((simulation.outcome().flags & ARSYNC_COMPLETION_SOURCE_SHRANK) == 0,
                              what);
            }
        }
}

TEST_CASE("a source that grows while it is read is said to have changed") {
    for (const Method method : all_methods) {
        Scenario scenario = by_method(method, size);
        Simulation simulation(scenario);
        bool done = false;
        simulation.meanwhile = [&](const Step& now) {
            if (!done && now.subject == Subject::destination) {
                simulation.extend_source(size + 5);
                done = true;
            }
        };
        expect_copied(simulation);
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0);
    }
}

TEST_CASE("where a source has shrunk, blocks that were reserved for the rest are given back") {
    for (const Method method : {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED})
        for (const uint64_t end : {0ul, 1ul << 20, (1ul << 20) + 1}) {
            Scenario scenario = by_method(method, 6 << 20);
            scenario.buffer_size = 256 * 1024;
            Simulation simulation(scenario);
            bool reserved = false;
            simulation.meanwhile = [&](const Step& step) {
                reserved = reserved || step.call == Call::allocate;
                if (reserved && !simulation.source_was_changed() && step.call != Call::allocate)
                    simulation.truncate_source(end);
            };
            simulation.run();
            CHECK(reserved);
            CHECK(simulation.outcome().result == 0);
            const Content& copy = simulation.destination()->content;
            CHECK(copy.size() == end);
            CHECK(copy.blocks_allocated() <= blocks_for(end));
        }
}

TEST_CASE("a copy of a file whose end keeps moving away comes to an end") {
    for (const Method method : all_methods) {
        Scenario scenario = by_method(method, size);
        Simulation simulation(scenario);
        simulation.meanwhile = [&](const Step& now) {
            if (now.call == Call::read || now.call == Call::read_cached || now.call == Call::seek)
                simulation.extend_source(simulation.source().content.size() + 4096);
        };
        expect_copied(simulation);
        CHECK(simulation.outcome().bytes == size);
    }
}

} // namespace arsync::sim
