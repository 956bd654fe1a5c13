// Holes that are none: ext4 without extents shows as holes what has not been written back.
#include <fcntl.h>
#include <unistd.h>

#include "system/check.h"

namespace live {

namespace {

constexpr uint64_t kib = 1024;
constexpr uint64_t size = 6 * 1024 * kib + 5;
const std::vector<Range> data = {{0, 64 * kib}, {1024 * kib, 1324 * kib}, {5000 * kib, size}};

// Written just now, so that no block of it is on the disk.
void write_anew(const std::string& path) {
    unlink(path.c_str());
    write_sparse(path, size, data);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "what was written just now is copied from ext4 without extents") {
    NEEDS(shared_volume(Kind::ext4_by_blocks));
    const Directory directory(shared_volume(Kind::ext4_by_blocks));
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    write_anew(from);
    const std::string expected = read_file(from);
    const bool lies = data_ranges(from) != data;
    INFO("this kernel shows holes: " << lies);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK)
                continue;
            CAPTURE(method_name(method));
            for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                CAPTURE(flags);
                write_anew(from);
                const arsync_completion done =
                    pool.copy(from, to, Options().with_method(method).with_flags(flags));
                INFO(words(done));
                REQUIRE(done.result == 0);
                CHECK(read_file(to) == expected);
                CHECK(done.hole_bytes > 0);
                CHECK(allocated(to) < 2048 * kib);
                unlink(to.c_str());
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "so is a range of it") {
    NEEDS(shared_volume(Kind::ext4_by_blocks));
    const Directory directory(shared_volume(Kind::ext4_by_blocks));
    const std::string from = directory / "from";
    write_anew(from);
    const std::string expected = read_file(from);
    Pool pool;
    for (const uint32_t method : moving_methods) {
        CAPTURE(method_name(method));
        write_anew(from);
        const int in = open(from.c_str(), O_RDONLY | O_CLOEXEC);
        const int out =
            open((directory / "to").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        const arsync_completion done =
            pool.copy_range(in, 0, out, 0, UINT64_MAX, Options().with_method(method));
        INFO(words(done));
        CHECK(done.result == 0);
        close(in);
        close(out);
        CHECK(read_file(directory / "to") == expected);
    }
}

} // namespace live
