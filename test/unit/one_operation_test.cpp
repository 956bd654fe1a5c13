// A kernel whose io_uring has all operations but one: files and trees are copied all the same.
#include <doctest/doctest.h>

#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "copy/no_host.h"
#include "io/buffers.h"
#include "io/files.h"
#include "io/uring.h"
#include "job.h"
#include "sanitized.h"
#include "skip.h"
#include "unit/place.h"

using namespace arsync;

namespace {

constexpr io_uring_op operations[] = {
    IORING_OP_READ,     IORING_OP_WRITE,     IORING_OP_READ_FIXED,      IORING_OP_WRITE_FIXED,
    IORING_OP_FSYNC,    IORING_OP_FALLOCATE, IORING_OP_SYNC_FILE_RANGE, IORING_OP_TIMEOUT,
    IORING_OP_POLL_ADD, IORING_OP_OPENAT2,   IORING_OP_ASYNC_CANCEL};

Detached run_to_end(Io io, Job& job, bool& done) {
    NoHost host;
    co_await run_job(io, job, host);
    done = true;
}

void run(Job& job, io_uring_op without) {
    UringOptions options;
    options.without.set(without);
    Counters counters;
    Uring ring(counters, options);
    SystemFiles files;
    Buffers buffers(ring, 4, 64 * 1024, false);
    bool done = false;
    run_to_end({files, ring, buffers}, job, done);
    while (!done)
        if (!ring.run_ready())
            ring.wait();
}

} // namespace

TEST_CASE("without any one operation of io_uring files and trees are copied, durably too") {
    if (const int error = Uring::probe(); error < 0) {
        skip(std::string("io_uring: ") + strerror(-error));
        return;
    }
    const Place on_disk("/tmp/arsync-unit-XXXXXX");
    const Place in_memory("/dev/shm/arsync-unit-XXXXXX"); // where it is quick to sync
    unsigned number = 0;
    for (const io_uring_op without : operations)
        for (const uint32_t durability : {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FULL})
            for (const char* source : {"from/large", "from/sparse", "from"})
                for (const uint32_t method :
                     {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT}) {
                    const Place& place = durability != 0 ? in_memory : on_disk;
                    const fs::path to = place.top / std::to_string(++number);
                    if (sanitized && number % 5 != 0) // of 18 for each, so all come in turn
                        continue;
                    Job job;
                    job.what = FileCopy{AT_FDCWD, place.top / source, AT_FDCWD, to};
                    job.options.struct_size = sizeof job.options;
                    job.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_VERIFY;
                    job.options.method = method;
                    job.options.durability = durability;
                    run(job, without);
                    CAPTURE(without);
                    CAPTURE(source);
                    CAPTURE(method);
                    CHECK(job.outcome.result == 0);
                    CHECK(difference(place.top / source, to) == "");
                    fs::remove_all(to);
                }
}
