// Files that are not as long as they say, and transfers that end early, as servers have them: what
// read(2) gives is the content, and its 0 the end.
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"

namespace live {

namespace {

constexpr uint64_t size = 300'001;

struct Lie {
    std::string what;
    std::vector<std::string> options;
};
const Lie lies[] = {
    {"none", {"direct_io"}},
    {"empty", {"direct_io", "size=0"}},
    {"too small", {"direct_io", "size=7000"}},
    {"too small by whole blocks", {"direct_io", "size=262144"}},
    {"too large", {"direct_io", "size=3000000"}},
    {"much too large", {"direct_io", "size=50000000"}},
    {"larger than the disk", {"direct_io", "size=10000000000000"}},
    {"larger than a file can be", {"direct_io", "size=4611686018427387904"}},
    {"short reads", {"direct_io", "short_read=50001"}},
    {"short reads of a size too small", {"direct_io", "short_read=4096", "size=262143"}},
    {"short writes", {"direct_io", "short_write=50001"}},
};

void check_copied(const arsync_completion& done, const std::string& copy,
                  const std::string& original) {
    CHECK(done.result == 0);
    CHECK((done.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) == 0);
    CHECK(done.bytes == size);
    CHECK(difference(copy, original) == "");
}

} // namespace

TEST_CASE_FIXTURE(Clean,
                  "what a file holds is copied, whatever its size says and however short its "
                  "reads are") {
    const Directory local;
    write_pattern(local / "original", size);
    for (const Lie& lie : lies) {
        CAPTURE(lie.what);
        const FaultyMount mount(lie.options);
        NEEDS(mount);
        const std::string hidden = mount.backing() + "/";
        write_pattern(hidden + "from", size);
        for (const uint32_t backend : both_backends) {
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue; // which FUSE has not
                for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                    CAPTURE(backend_name(backend));
                    CAPTURE(method_name(method));
                    CAPTURE(flags);
                    const Options options = Options().with_method(method).with_flags(flags);
                    auto done = pool.copy(mount / "from", local / "to", options);
                    check_copied(done, local / "to", local / "original");
                    done = pool.copy(local / "original", mount / "to", options);
                    check_copied(done, hidden + "to", local / "original");
                    done = pool.copy(mount / "from", mount / "to", options);
                    check_copied(done, hidden + "to", local / "original");
                }
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "what a file without offsets holds is copied, whatever its size says") {
    const Directory local;
    write_pattern(local / "original", size);
    for (const char* lie : {"direct_io", "size=0", "size=7000", "size=3000000"}) {
        CAPTURE(lie);
        const FaultyMount mount({"direct_io", "nonseekable", lie});
        NEEDS(mount);
        write_pattern(mount.backing() + "/from", size);
        for (const uint32_t backend : both_backends) {
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue; // which FUSE has not
                CAPTURE(backend_name(backend));
                CAPTURE(method_name(method));
                for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                    const auto done = pool.copy(mount / "from", local / "to",
                                                Options().with_method(method).with_flags(flags));
                    INFO(words(done));
                    check_copied(done, local / "to", local / "original");
                }
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "of a file without offsets a range is its beginning, or an error") {
    const Directory local;
    for (const char* lie : {"direct_io", "size=0"}) {
        CAPTURE(lie);
        const FaultyMount mount({"direct_io", "nonseekable", lie});
        NEEDS(mount);
        write_pattern(mount.backing() + "/from", size);
        Pool pool;
        const int from = open((mount / "from").c_str(), O_RDONLY | O_CLOEXEC);
        const int to = open((local / "to").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        REQUIRE(from >= 0);
        REQUIRE(to >= 0);
        const arsync_completion done = pool.copy_range(from, 100, to, 0, 50);
        CHECK(done.result == -ESPIPE);
        CHECK(done.stage == ARSYNC_STAGE_READ);
        CHECK(size_of(local / "to") == 0);
        CHECK(pool.copy_range(from, 0, to, 0, 50).bytes == 50);
        CHECK(read_file(local / "to") == pattern(50));
        close(from);
        close(to);
    }
}

// For its digest such a file is read from its beginning once more.
TEST_CASE_FIXTURE(Clean, "holes made of a file that goes on past its size are counted once") {
    const Directory local;
    const FaultyMount mount({"direct_io", "size=262143"});
    NEEDS(mount);
    std::string content = pattern(size);
    content.replace(8192, 204'800, 204'800, '\0');
    write_file(mount.backing() + "/from", content);
    Pool pool;
    const arsync_completion done =
        pool.copy(mount / "from", local / "to",
                  Options().with_sparse(ARSYNC_SPARSE_ALWAYS).with_want(ARSYNC_WANT_DIGEST));
    CHECK(done.result == 0);
    CHECK(done.hole_bytes == 204'800);
    CHECK(read_file(local / "to") == content);
}

TEST_CASE_FIXTURE(Clean, "a range goes on past the size that a file claims") {
    const Directory local;
    write_pattern(local / "original", size);
    const FaultyMount mount({"direct_io", "size=7000"});
    NEEDS(mount);
    write_pattern(mount.backing() + "/from", size);
    Pool pool;
    const int from = open((mount / "from").c_str(), O_RDONLY | O_CLOEXEC);
    const int to = open((local / "to").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(from >= 0);
    REQUIRE(to >= 0);
    for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
        const Options options = Options().with_flags(flags);
        CHECK(pool.copy_range(from, 0, to, 0, 100'000, options).bytes == 100'000);
        CHECK(pool.copy_range(from, 100'000, to, 100'000, UINT64_MAX, options).bytes ==
              size - 100'000);
        CHECK(difference(local / "to", local / "original") == "");
        REQUIRE(truncate((local / "to").c_str(), 0) == 0);
    }
    close(from);
    close(to);
}

TEST_CASE_FIXTURE(Clean, "progress ends where the content does") {
    const Directory local;
    for (const char* lie : {"size=7000", "size=3000000"}) {
        const FaultyMount mount({"direct_io", lie});
        NEEDS(mount);
        write_pattern(mount.backing() + "/from", size);
        Pool pool;
        const arsync_job job = pool.submit(mount / "from", local / "to");
        REQUIRE(job != 0);
        arsync_progress last = {};
        eventually([&] { return (last = pool.progress(job)).bytes_total == size; }, 5000);
        CHECK(last.bytes_done == size);
        CHECK(last.bytes_total == size);
        CHECK(pool.wait().result == 0);
    }
}

} // namespace live
