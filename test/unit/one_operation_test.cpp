// A kernel whose io_uring has all operations but one: files and trees are copied all the same.
#include <doctest/doctest.h>

#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "copy/no_host.h"
#include "io/buffers.h"
#include "io/files.h"
#include "io/uring.h"
#include "job.h"
#include "skip.h"

using namespace arsync;

namespace {

namespace fs = std::filesystem;

constexpr io_uring_op operations[] = {
    IORING_OP_READ,     IORING_OP_WRITE,     IORING_OP_READ_FIXED,      IORING_OP_WRITE_FIXED,
    IORING_OP_FSYNC,    IORING_OP_FALLOCATE, IORING_OP_SYNC_FILE_RANGE, IORING_OP_TIMEOUT,
    IORING_OP_POLL_ADD, IORING_OP_OPENAT2,   IORING_OP_ASYNC_CANCEL};

// A tree of a few files, one of them of several chunks, another with a hole.
struct Place {
    fs::path top;
    explicit Place(std::string name) {
        top = mkdtemp(name.data());
        fs::create_directories(top / "from/sub");
        for (int i = 0; i < 20; ++i)
            std::ofstream(top / "from/sub" / std::to_string(i)) << "file " << i;
        std::string text(700'000, 'x');
        for (size_t i = 0; i < text.size(); i += 1000)
            text.replace(i, 8, std::to_string(10'000'000 + i));
        std::ofstream(top / "from/large") << text;
        std::ofstream(top / "from/sparse") << "data";
        fs::resize_file(top / "from/sparse", 300'000);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { fs::remove_all(top); }
};

std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// "", or what is not as in the source.
std::string difference(const fs::path& from, const fs::path& to) {
    if (!fs::is_directory(from))
        return content(from) == content(to) ? "" : to.string();
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
        const fs::path there = to / fs::relative(entry.path(), from);
        if (entry.is_directory() ? !fs::is_directory(there)
                                 : content(entry.path()) != content(there))
            return there.string();
    }
    return "";
}

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
