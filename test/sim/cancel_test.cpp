// A copy that is cancelled at each of its steps.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

TEST_CASE("whenever it is cancelled, a copy ends, and leaves all or nothing") {
    expect_cancellable(catalogue());
}

TEST_CASE("a cancel is taken notice of at the next chunk") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK || method == ARSYNC_METHOD_COPY_FILE_RANGE)
            continue; // one operation
        const bool by_threads = method == ARSYNC_METHOD_AUTO || method == ARSYNC_METHOD_INLINE;
        Scenario scenario = by_method(method, by_threads ? 64 << 20 : 1 << 20); // >= 32 chunks
        scenario.options.chunks = 4;
        bool cancelled = false;
        Simulation simulation(scenario);
        simulation.meanwhile = [&](const Step& step) {
            const bool reads = step.call == Call::read || step.call == Call::read_cached ||
                               step.call == Call::copy_cached;
            if (reads && step.offset >= 256 * 1024 && !cancelled) {
                simulation.cancel_at = step.index + 1;
                cancelled = true;
            }
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -ECANCELED);
        CHECK(simulation.reads_after_cancel() <= 8);
    }
}

TEST_CASE("a cancel while a copy is verified is taken notice of at the next chunk") {
    for (const bool direct : {true, false}) {
        Scenario scenario = by_method(ARSYNC_METHOD_FIXED, 1 << 20);
        scenario.options.chunks = 4;
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        if (!direct)
            scenario.world.direct_offset_align = scenario.world.direct_memory_align = 0;
        Simulation simulation(scenario);
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::read && step.subject == Subject::destination &&
                step.offset >= 256 * 1024)
                simulation.cancel();
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -ECANCELED);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_VERIFY);
        CHECK(simulation.reads_after_cancel() <= 8);
    }
}

TEST_CASE("a cancel while data is made durable keeps the copy from being published") {
    for (const Scenario& scenario : atomic_and_durable()) {
        Simulation simulation(scenario);
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::sync && step.subject == Subject::destination)
                simulation.cancel();
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -ECANCELED);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_SYNC);
    }
}

TEST_CASE("a copy that was cancelled before it began does nothing") {
    Simulation simulation(by_method(ARSYNC_METHOD_FIXED, 100'000));
    simulation.cancel();
    expect_right(simulation);
    CHECK(simulation.outcome().result == -ECANCELED);
    CHECK(simulation.outcome().stage == ARSYNC_STAGE_QUEUE);
    CHECK(simulation.world.steps() == 0);
}

TEST_CASE("a cancel ends a copy whose source has nothing to be read for now") {
    for (const uint64_t filesystem : {ext4_magic, fuse_magic}) { // the second is not waited for
        Scenario scenario;
        scenario.world.filesystem_type = filesystem;
        scenario.size = 5000;
        scenario.hides_size = true;
        Simulation simulation(scenario);
        unsigned reads = 0;
        simulation.refuse = [&](const Step& step) {
            if (step.call != Call::read)
                return 0;
            if (++reads == 3)
                simulation.cancel();
            return reads < 50 ? -EAGAIN : 0;
        };
        simulation.run();
        CHECK(simulation.outcome().result == -ECANCELED);
        CHECK(reads == 3);
    }
}

TEST_CASE("a cancel is taken notice of at the next chunk where none can be moved at once") {
    Simulation simulation(by_method(ARSYNC_METHOD_AUTO, 8 << 20));
    simulation.refuse = [&](const Step& step) {
        if (step.call == Call::read_cached && step.offset >= 256 * 1024)
            simulation.cancel();
        return step.call == Call::copy_cached ? -EIO : 0;
    };
    expect_right(simulation);
    CHECK(simulation.outcome().result == -ECANCELED);
    CHECK(simulation.reads_after_cancel() <= 8);
}

TEST_CASE("what is read to its end without a size is not read on after a cancel") {
    for (const uint64_t filesystem : {ext4_magic, fuse_magic}) { // the second is not waited for
        Scenario scenario;
        scenario.world.filesystem_type = filesystem;
        scenario.size = 50'000;
        scenario.hides_size = true;
        Simulation simulation(scenario);
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::write || step.call == Call::write_now)
                simulation.cancel();
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -ECANCELED);
        CHECK(simulation.reads_after_cancel() == 0);
    }
}

// It would wait for a cancel that has gone by.
TEST_CASE("who is cancelled before it waits to be resumed does not wait") {
    Simulation simulation(by_method(ARSYNC_METHOD_AUTO, 0));
    Terms terms;
    Waiter waiter;
    const std::atomic<bool> cancelled = true;
    terms.pause();
    CHECK(!terms.wait(simulation.ring, waiter, cancelled));
}

// Neither to be durable nor to be compared.
TEST_CASE("what was cancelled before all of it was written is not synced") {
    for (const bool range : {true, false})
        for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY})
            for (const Method method : {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED}) {
                Scenario scenario = by_method(method, 40'000);
                scenario.range = range;
                scenario.existing = Existing::larger;
                scenario.options.flags = flags;
                scenario.options.durability = ARSYNC_DURABILITY_FILE;
                Simulation whole(scenario);
                uint64_t synced = never;
                whole.meanwhile = [&](const Step& step) {
                    if (step.call == Call::sync && synced == never)
                        synced = step.index;
                };
                expect_copied(whole);
                REQUIRE(synced != never);
                for (uint64_t step = 1; step < synced; ++step) {
                    Simulation simulation(scenario);
                    simulation.cancel_at = step;
                    unsigned syncs = 0;
                    simulation.meanwhile = [&](const Step& now) {
                        syncs += now.call == Call::sync;
                    };
                    expect_right(simulation);
                    CHECK_MESSAGE(simulation.outcome().result == -ECANCELED, describe(scenario),
                                  " step ", step);
                    CHECK_MESSAGE(syncs == 0, describe(scenario), " step ", step);
                }
            }
}

} // namespace arsync::sim
