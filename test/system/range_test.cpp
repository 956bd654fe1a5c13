// Ranges of open files.
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "system/check.h"
#include "system/faulty_mount.h"

namespace live {

namespace {

constexpr uint64_t kib = 1024;
constexpr uint64_t size = 1500 * kib + 13;

// An open file, closed in the end.
class File {
public:
    File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { shut(); }
    int get() const { return fd_; }
    void shut() {
        if (fd_ >= 0)
            close(fd_);
        fd_ = -1;
    }

private:
    int fd_;
};

struct Case {
    uint64_t from, to, length;
};

// Copies ranges over old content, and compares the whole file with what it should then be.
void copies_ranges(Kind kind) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const Directory directory(volume);
    write_sparse(directory / "from", size, {{0, 400 * kib}, {800 * kib, size}});
    const std::string source = read_file(directory / "from");
    const std::string old = pattern(2000 * kib, 9);
    const std::vector<Case> cases = {
        {0, 0, size},
        {0, 0, UINT64_MAX},
        {4096, 8192, 64 * kib},
        {1, 2, 3},
        {4095, 4097, 500 * kib + 1},
        {300 * kib, 100 * kib, 700 * kib},
        {399 * kib + 7, 13, 600 * kib + 1},
        {1400 * kib, 1900 * kib, UINT64_MAX},
        {size - 1, 0, UINT64_MAX},
        {size, 5, UINT64_MAX},
        {size + 100, 5, 10},
        {512 * kib, 3000 * kib, 100 * kib},
        {0, 4096, 0},
    };
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Pool pool{PoolOptions(backend)};
        CAPTURE(backend_name(backend));
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK)
                continue;
            CAPTURE(method_name(method));
            for (const Case& each : cases) {
                const uint64_t from = each.from;
                const uint64_t to = each.to;
                const uint64_t length = each.length;
                CAPTURE(from);
                CAPTURE(to);
                CAPTURE(length);
                write_file(directory / "to", old);
                std::string expected = old;
                const uint64_t moved = from >= size ? 0 : std::min(length, size - from);
                if (moved > 0 && to + moved > expected.size())
                    expected.resize(to + moved);
                if (moved > 0)
                    expected.replace(to, moved, source, from, moved);

                const File in(directory / "from", O_RDONLY);
                const File out(directory / "to", O_RDWR);
                const arsync_completion done = pool.copy_range(
                    in.get(), from, out.get(), to, length, Options().with_method(method));
                INFO(words(done));
                CHECK(done.result == 0);
                CHECK(done.bytes == moved);
                CHECK(read_file(directory / "to") == expected);
            }
        }
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "ranges replace what they cover and nothing else on ext4") {
    copies_ranges(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "ranges replace what they cover and nothing else on XFS") {
    copies_ranges(Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "ranges replace what they cover and nothing else on btrfs") {
    copies_ranges(Kind::btrfs);
}
TEST_CASE_FIXTURE(Clean, "ranges replace what they cover and nothing else on tmpfs") {
    copies_ranges(Kind::tmpfs);
}

TEST_CASE_FIXTURE(Clean, "a range's holes are punched into old content") {
    const Directory directory;
    write_sparse(directory / "from", 1024 * kib, {{0, 64 * kib}, {960 * kib, 1024 * kib}});
    Pool pool;
    for (const uint32_t method : moving_methods) {
        CAPTURE(method_name(method));
        write_pattern(directory / "to", 2048 * kib, 9);
        const File in(directory / "from", O_RDONLY);
        const File out(directory / "to", O_RDWR);
        const arsync_completion done = pool.copy_range(in.get(), 0, out.get(), 512 * kib,
                                                       UINT64_MAX, Options().with_method(method));
        CHECK(done.result == 0);
        CHECK(done.hole_bytes == 896 * kib);
        CHECK(describe(data_ranges(directory / "to")) ==
              describe({{0, 576 * kib}, {1472 * kib, 2048 * kib}}));
    }
}

TEST_CASE_FIXTURE(Clean, "a range can be moved within a file, but not onto itself") {
    const Directory directory;
    const std::string path = directory / "file";
    Pool pool;
    for (const uint32_t method : moving_methods) {
        CAPTURE(method_name(method));
        write_pattern(path, size);
        std::string expected = read_file(path);
        const File file(path, O_RDWR);
        const File again(path, O_RDONLY);
        const Options options = Options().with_method(method);
        for (const auto& [from, to, length] :
             std::vector<Case>{{0, 1, 2}, {0, 0, 4096}, {8192, 4096, 8192}, {4096, 8192, 4097}}) {
            const arsync_completion done =
                pool.copy_range(again.get(), from, file.get(), to, length, options);
            CHECK(done.result == -EINVAL);
            CHECK(done.stage == ARSYNC_STAGE_CHECK);
        }
        CHECK(read_file(path) == expected);
        CHECK(pool.copy_range(file.get(), 0, file.get(), 700 * kib, 700 * kib, options).result ==
              0);
        expected.replace(700 * kib, 700 * kib, expected, 0, 700 * kib);
        CHECK(read_file(path) == expected);
    }
}

TEST_CASE_FIXTURE(Clean, "ranges of one file are copied side by side into one that grows") {
    const Directory directory;
    constexpr uint64_t part = 512 * kib;
    constexpr uint64_t count = 16;
    write_pattern(directory / "from", part * count);
    for (const uint32_t workers : {1u, 4u}) {
        CAPTURE(workers);
        for (const uint32_t method : {ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED}) {
            CAPTURE(method_name(method));
            const File in(directory / "from", O_RDONLY);
            const File out(directory / "to", O_RDWR | O_CREAT | O_TRUNC);
            PoolOptions options;
            options.workers = workers;
            Pool pool(options);
            const Options how = Options().with_method(method);
            // The last first: those that come later in time end before it in the file.
            for (uint64_t i = count; i-- > 0;)
                REQUIRE(arsync_submit_copy_range(pool.get(), in.get(), i * part, out.get(),
                                                 i * part, part, &how, 0, nullptr) == 0);
            for (uint64_t i = 0; i < count; ++i)
                CHECK(pool.wait().result == 0);
            CHECK(difference(directory / "from", directory / "to") == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "ranges share blocks where they can") {
    for (const Kind kind : {Kind::xfs, Kind::btrfs}) {
        NEEDS(shared_volume(kind));
        const Directory directory(shared_volume(kind));
        write_pattern(directory / "from", 1024 * kib);
        const std::string source = read_file(directory / "from");
        write_pattern(directory / "to", 1024 * kib, 9);
        std::string expected = read_file(directory / "to");
        expected.replace(128 * kib, 512 * kib, source, 256 * kib, 512 * kib);
        const File in(directory / "from", O_RDONLY);
        const File out(directory / "to", O_RDWR);
        Pool pool;
        const Options always = Options().with_reflink(ARSYNC_REFLINK_ALWAYS);
        arsync_completion done =
            pool.copy_range(in.get(), 256 * kib, out.get(), 128 * kib, 512 * kib, always);
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(done.method == ARSYNC_METHOD_REFLINK);
        CHECK(read_file(directory / "to") == expected);
        CHECK(shared_bytes(directory / "to") == 512 * kib);

        done = pool.copy_range(in.get(), 1, out.get(), 1, 4096, always);
        CHECK(done.result == -EINVAL); // blocks are shared whole
        CHECK(done.stage == ARSYNC_STAGE_REFLINK);
        CHECK(read_file(directory / "to") == expected);
        done = pool.copy_range(in.get(), 1, out.get(), 1, 4096);
        CHECK(done.result == 0);
        expected.replace(1, 4096, source, 1, 4096);
        CHECK(read_file(directory / "to") == expected);
    }
}

TEST_CASE_FIXTURE(Clean,
                  "the caller's descriptors may be closed at once and are left as they were") {
    const Directory directory;
    write_pattern(directory / "from", size);
    Pool pool;
    for (const uint32_t method : moving_methods) {
        CAPTURE(method_name(method));
        File in(directory / "from", O_RDONLY);
        File out(directory / "to", O_RDWR | O_CREAT | O_TRUNC);
        const int in_flags = fcntl(in.get(), F_GETFL);
        const int out_flags = fcntl(out.get(), F_GETFL);
        lseek(in.get(), 5, SEEK_SET);
        const Options options = Options().with_method(method);
        CHECK(pool.copy_range(in.get(), 0, out.get(), 0, UINT64_MAX, options).result == 0);
        CHECK(fcntl(in.get(), F_GETFL) == in_flags);
        CHECK(fcntl(out.get(), F_GETFL) == out_flags);
        CHECK(lseek(in.get(), 0, SEEK_CUR) == 5);
        CHECK(lseek(out.get(), 0, SEEK_CUR) == 0);
        CHECK(difference(directory / "from", directory / "to") == "");

        REQUIRE(ftruncate(out.get(), 0) == 0);
        REQUIRE(arsync_submit_copy_range(pool.get(), in.get(), 0, out.get(), 0, UINT64_MAX,
                                         &options, 0, nullptr) == 0);
        in.shut();
        out.shut();
        CHECK(pool.wait().result == 0);
        CHECK(difference(directory / "from", directory / "to") == "");
    }
}

TEST_CASE_FIXTURE(Clean, "a destination open for appending is refused and stays as it is") {
    const Directory directory;
    write_pattern(directory / "from", 100'000);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            CAPTURE(backend_name(backend));
            CAPTURE(method_name(method));
            write_pattern(directory / "to", 50'000, 9);
            const std::string old = read_file(directory / "to");
            const File in(directory / "from", O_RDONLY);
            const File out(directory / "to", O_RDWR | O_APPEND);
            const arsync_completion done = pool.copy_range(in.get(), 0, out.get(), 1000, UINT64_MAX,
                                                           Options().with_method(method));
            INFO(words(done));
            CHECK(done.result == -EBADF);
            CHECK(read_file(directory / "to") == old);
        }
    }
}

// By close(2) some filesystems tell of what they have not written.
TEST_CASE_FIXTURE(Clean, "a range has failed if its destination fails to close") {
    const FaultyMount mount({"fail=flush:EIO"});
    NEEDS(mount);
    const Directory directory;
    write_pattern(directory / "from", 100'000);
    write_pattern(mount.backing() + "/to", 10);
    const File in(directory / "from", O_RDONLY);
    const File out(mount / "to", O_RDWR);
    Pool pool;
    const arsync_completion done = pool.copy_range(in.get(), 0, out.get(), 0, UINT64_MAX);
    CHECK(done.result == -EIO);
    CHECK(done.stage == ARSYNC_STAGE_CLOSE);
    const Options kept = Options().with_flags(ARSYNC_COPY_KEEP_LOCKS); // is not closed
    CHECK(pool.copy_range(in.get(), 0, out.get(), 0, UINT64_MAX, kept).result == 0);
}

TEST_CASE_FIXTURE(Clean, "descriptors that cannot do it are told so") {
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    write_pattern(directory / "to", 10'000, 9);
    const File in(directory / "from", O_RDONLY);
    const File out(directory / "to", O_RDWR);
    const File write_only(directory / "to", O_WRONLY);
    const File in_directory(directory.path(), O_RDONLY | O_DIRECTORY);
    Pool pool;
    for (const uint32_t method : moving_methods) {
        const Options options = Options().with_method(method);
        CHECK(pool.copy_range(in.get(), 0, in.get(), 20'000, 5, options).result == -EBADF);
        CHECK(pool.copy_range(write_only.get(), 0, out.get(), 20'000, 5, options).result == -EBADF);
    }
    CHECK(pool.copy_range(in_directory.get(), 0, out.get(), 0, 5).result == -EISDIR);
    CHECK(pool.copy_range(-1, 0, out.get(), 0, 5).result == -EBADF);
    CHECK(pool.copy_range(in.get(), 0, out.get(), uint64_t{INT64_MAX} - 1, 5).result == -EINVAL);
    CHECK(pool.copy_range(in.get(), uint64_t{1} << 63, out.get(), 0, 5).result == -EINVAL);
    CHECK(
        pool.copy_range(in.get(), 0, out.get(), 0, 5, Options().with_replace(ARSYNC_REPLACE_ATOMIC))
            .result == -EINVAL);
    CHECK(
        pool.copy_range(in.get(), 0, out.get(), 0, 5, Options().with_preserve(ARSYNC_PRESERVE_MODE))
            .result == -EINVAL);
    CHECK(pool.copy_range(in.get(), 0, out.get(), 0, 5, Options().with_flags(ARSYNC_COPY_SPECIAL))
              .result == -EINVAL);
    CHECK(read_file(directory / "to") == pattern(10'000, 9));
}

TEST_CASE_FIXTURE(Clean, "of a hole of more than 4 GiB all is made a hole in what is there") {
    constexpr uint64_t gib = uint64_t{1} << 30;
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        write_sparse(directory / "from", 5 * gib + 4096, {{5 * gib, 5 * gib + 4096}});
        write_sparse(directory / "to", 5 * gib, {{0, 4096}, {2 * gib, 2 * gib + 4096}}, 2);
        const File from(directory / "from", O_RDONLY);
        const File to(directory / "to", O_RDWR);
        Pool pool{PoolOptions(backend)};
        CHECK(pool.copy_range(from.get(), 0, to.get(), 0, UINT64_MAX).result == 0);
        CHECK(difference(directory / "from", directory / "to") == "");
        CHECK(allocated(directory / "to") < 1 << 20);
    }
}

} // namespace live
