// Several copies at once on one worker: one ring, a few buffers between them.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "sim/seeds.h"
#include "sim/simulation.h"

namespace arsync::sim {

namespace {

constexpr unsigned copies = 6;

struct Worker {
    explicit Worker(uint64_t seed)
        : world(options(seed)), files(world), ring(world, counters),
          buffers(ring, 1 + static_cast<unsigned>(seed % 3), 16 * 1024, false) {
        Scenario what;
        what.size = 100'001;
        what.layout = seed % 2 ? Layout::holes : Layout::dense;
        content = source_content(what);
        world.source = add_file(world, world.disk.root().number, "source", content, 0644);
    }
    static WorldOptions options(uint64_t seed) {
        WorldOptions options;
        options.seed = seed;
        options.short_percent = 30;
        options.interrupt_percent = 10;
        return options;
    }
    // One copy by each of several methods, to a name of its own.
    void submit(unsigned number, uint64_t seed) {
        static constexpr Method methods[] = {ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT,
                                             ARSYNC_METHOD_MANAGED, ARSYNC_METHOD_INLINE};
        Job& job = jobs[number];
        job.what = FileCopy{AT_FDCWD, "source", AT_FDCWD, name(number)};
        job.options.method = methods[(number + seed) % 4];
        job.options.chunks = 4;
        job.options.replace = static_cast<uint32_t>(number % 3);
        job.options.flags = number == 1 ? ARSYNC_COPY_VERIFY : 0;
        start({files, ring, buffers}, job, completions);
    }
    static std::string name(unsigned number) { return "copy" + std::to_string(number); }

    void run() {
        while (completions < copies && !ring.stuck())
            if (!ring.run_ready() && completions < copies)
                ring.wait();
    }

    World world;
    SimulatedFiles files;
    Counters counters;
    SimulatedRing ring;
    Buffers buffers;
    Content content;
    Job jobs[copies];
    unsigned completions = 0;
};

} // namespace

TEST_CASE("copies share a worker's few buffers and do not get in each other's way") {
    for_each_seed(400, [](uint64_t seed) {
        Worker worker(seed);
        for (unsigned i = 0; i < copies; ++i)
            worker.submit(i, seed);
        // One of them is cancelled on the way, and one operation fails.
        const uint64_t cancelled = 40 + seed % 50, fails = 40 + seed % 61;
        bool failed = false;
        worker.world.before = [&](const Step& step) {
            if (step.index == cancelled)
                worker.jobs[seed % copies].control.cancel();
            if (step.index != fails || step.call != Call::write)
                return 0;
            failed = true;
            return -EIO;
        };
        worker.run();

        CHECK(worker.completions == copies);
        CHECK(worker.ring.in_flight() == 0);
        CHECK(worker.buffers.leased() == 0);
        CHECK(worker.world.open_descriptors().empty());
        unsigned errors = 0;
        for (unsigned i = 0; i < copies; ++i) {
            const int result = worker.jobs[i].outcome.result;
            const Inode* file =
                worker.world.disk.find(worker.world.disk.root().number, Worker::name(i));
            CHECK_MESSAGE((file != nullptr) == (result == 0), "seed ", seed, " copy ", i);
            if (file)
                CHECK_MESSAGE(file->content == worker.content, "seed ", seed, " copy ", i);
            if (result == -ECANCELED)
                CHECK(i == seed % copies);
            errors += result == -EIO;
        }
        // The operation may have been one of the copy that was cancelled.
        const bool both = worker.jobs[seed % copies].outcome.result == -ECANCELED;
        CHECK(errors <= (failed ? 1 : 0));
        CHECK_MESSAGE((errors == 1 || !failed || both), "seed ", seed);
        for (const std::string& problem : worker.world.problems)
            FAIL_CHECK("seed ", seed, ": ", problem);
    });
}

} // namespace arsync::sim
