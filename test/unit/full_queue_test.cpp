// A ring whose completion queue is so short that it is full again and again while files and a tree
// are copied: what the kernel keeps back meanwhile comes all the same.
#include <doctest/doctest.h>

#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "copy/no_host.h"
#include "io/buffers.h"
#include "io/fd.h"
#include "io/files.h"
#include "io/uring.h"
#include "job.h"
#include "skip.h"
#include "unit/place.h"
#include "unit/rings_here.h"

using namespace arsync;

namespace {

Detached run_to_end(Io io, Job& job, bool& done) {
    NoHost host;
    co_await run_job(io, job, host);
    done = true;
}

// Waits for what is there already, on and on.
Detached wait_on_and_on(Ring& ring, int readable, const bool& done, unsigned& left, bool& wrong) {
    while (!done)
        wrong = (co_await ring.wait_readable(readable, nullptr)) < 0 || wrong;
    --left;
}

} // namespace

TEST_CASE("while the kernel's queue overflows again and again files and a tree are copied") {
    if (const int error = Uring::probe(); error < 0) {
        skip(std::string("io_uring: ") + strerror(-error));
        return;
    }
    const Place place("/dev/shm/arsync-unit-XXXXXX");
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const Fd readable(ends[0]);
    const Fd written(ends[1]);
    REQUIRE(write(written.get(), "x", 1) == 1);
    for (const char* source : {"from/large", "from/sparse", "from"})
        for (const uint32_t method : {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED}) {
            CAPTURE(std::string(source));
            CAPTURE(method);
            Counters counters;
            UringOptions options;
            options.queue_depth = 8;
            rings_here.eager = true;
            rings_here.queue = 8;
            Uring ring(counters, options);
            rings_here.eager = false;
            rings_here.queue = 0;
            rings_here.overflowed = false;
            SystemFiles files;
            Buffers buffers(ring, 4, 64 * 1024, false);
            Job job;
            job.what = FileCopy{AT_FDCWD, place.top / source, AT_FDCWD, place.top / "to"};
            job.options.struct_size = sizeof job.options;
            job.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_VERIFY;
            job.options.method = method;
            bool done = false;
            bool wrong = false;
            unsigned left = 100;
            for (unsigned i = left; i > 0; --i)
                wait_on_and_on(ring, readable.get(), done, left, wrong);
            run_to_end({files, ring, buffers}, job, done);
            while (!done || left > 0)
                if (!ring.run_ready())
                    ring.wait();
            CHECK(rings_here.overflowed);
            CHECK_FALSE(wrong);
            CHECK(job.outcome.result == 0);
            CHECK(difference(place.top / source, place.top / "to") == "");
            CHECK(ring.in_flight() == 0);
            fs::remove_all(place.top / "to");
        }
}
