// What was left to the end of a copy is synced by filesystems, each of them.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "copy/sync_point.h"
#include "io/buffers.h"
#include "sim/files.h"
#include "sim/ring.h"
#include "task.h"

namespace arsync::sim {

namespace {

Detached finish(SyncPoint& syncs, Io io, int& result, bool& ended) {
    try {
        co_await syncs.finish(io, [](bool) -> Task<void> { co_return; });
    } catch (const Error& error) {
        result = -error.code;
    }
    ended = true;
}

} // namespace

TEST_CASE("what one of several filesystems has lost is told, whichever it is") {
    constexpr unsigned count = 3;
    for (unsigned lost = 0; lost <= count; ++lost) { // the last of them is none
        CAPTURE(lost);
        World world({});
        SimulatedFiles files(world);
        Counters counters;
        SimulatedRing ring(world, counters);
        Buffers buffers(ring, 1, 16 * 1024, false);
        SyncPoint syncs;
        for (unsigned minor = 0; minor < count; ++minor) {
            const File root(files, files.open(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0));
            REQUIRE(syncs.reach(files, {8, minor, 1}, root.get()));
        }
        unsigned asked = 0;
        world.before = [&](const Step& step) {
            return step.call == Call::sync_filesystem && asked++ % count == lost ? -EIO : 0;
        };
        int result = 0;
        bool ended = false;
        finish(syncs, {files, ring, buffers}, result, ended);
        while (!ended && !ring.stuck())
            if (!ring.run_ready() && !ended)
                ring.wait();
        CHECK(ended);
        CHECK(result == (lost < count ? -EIO : 0));
        CHECK(asked == (lost < count ? 2 * count : count));
        syncs.close();
    }
}

} // namespace arsync::sim
