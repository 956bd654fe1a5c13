// Destinations that take what cp does and no more, as mounted object stores do: files are written
// from their beginning to their end, emptied by opening them, and have no links.
#include <fcntl.h>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/stream.h"

namespace live {

namespace {

const std::vector<std::string> store = {"sequential", "no_link", "no_rename_flags",
                                        "fail=copy_file_range:EOPNOTSUPP"};

void check_same(const arsync_completion& done, const std::string& from, const std::string& to) {
    CHECK_MESSAGE(done.result == 0, words(done));
    CHECK(difference(from, to) == "");
}

} // namespace

TEST_CASE_FIXTURE(Clean,
                  "what takes a file in order alone gets it so, new or in place of another") {
    const FaultyMount mount(store);
    NEEDS(mount);
    const Directory local;
    const std::string original = local / "original";
    const std::string copy = mount.backing() + "/to";
    for (const uint32_t backend : both_backends)
        for (const uint64_t size : {uint64_t{100}, uint64_t{700'001}, uint64_t{4'500'001}}) {
            write_pattern(original, size);
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : moving_methods)
                for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                    CAPTURE(backend_name(backend));
                    CAPTURE(size);
                    CAPTURE(method_name(method));
                    CAPTURE(flags);
                    const Options options =
                        Options().with_method(method).with_flags(flags).with_chunks(7);
                    unlink(copy.c_str());
                    check_same(pool.copy(original, mount / "to", options), original, copy);
                    write_pattern(copy, 2'000'000, 2);
                    check_same(pool.copy(original, mount / "to", options), original, copy);
                }
            check_same(pool.copy(original, mount / "to",
                                 Options()
                                     .with_replace(ARSYNC_REPLACE_ATOMIC)
                                     .with_durability(ARSYNC_DURABILITY_FULL)),
                       original, copy);
        }
}

TEST_CASE_FIXTURE(Clean, "what takes no holes gets zeros") {
    const Directory local;
    const std::string original = local / "original";
    write_sparse(original, 6'000'001,
                 {{0, 5000}, {1 << 20, (1 << 20) + 300'000}, {5 << 20, 5'500'000}});
    // The second says so only when a write comes after a hole.
    for (const std::vector<std::string>& options :
         {store, {"ordered_writes", "fail=copy_file_range:EOPNOTSUPP"}}) {
        CAPTURE(options[0]);
        const FaultyMount mount(options);
        NEEDS(mount);
        const std::string copy = mount.backing() + "/to";
        Pool pool;
        for (const uint32_t method : moving_methods)
            for (const uint32_t sparse : {ARSYNC_SPARSE_AUTO, ARSYNC_SPARSE_ALWAYS})
                for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                    CAPTURE(method_name(method));
                    CAPTURE(sparse);
                    CAPTURE(flags);
                    const Options how =
                        Options().with_method(method).with_sparse(sparse).with_flags(flags);
                    unlink(copy.c_str());
                    check_same(pool.copy(original, mount / "to", how), original, copy);
                    check_same(pool.copy(original, mount / "to", how), original, copy);
                }
    }
}

// Within one such filesystem its server copies, and is told no size before.
TEST_CASE_FIXTURE(Clean, "what takes no holes gets zeros from itself, too, and from a stream") {
    const FaultyMount mount({"sequential"});
    NEEDS(mount);
    write_sparse(mount.backing() + "/from", 6'000'001, {{0, 5000}, {1 << 20, 5 << 20}});
    const std::string copy = mount.backing() + "/to";
    Pool pool;
    for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
        CAPTURE(flags);
        check_same(pool.copy(mount / "from", mount / "to", Options().with_flags(flags)),
                   mount.backing() + "/from", copy);
    }
    std::string content = pattern(9000);
    content.append(20'000, '\0');
    Stream stream(mount.backing() + "/stream");
    REQUIRE(pool.submit(
                stream.path(), mount / "to",
                Options().with_flags(ARSYNC_COPY_SPECIAL).with_sparse(ARSYNC_SPARSE_ALWAYS)) != 0);
    CHECK(stream.give(content));
    stream.end();
    const arsync_completion done = pool.wait();
    CHECK_MESSAGE(done.result == 0, words(done));
    CHECK(read_file(copy) == content);
}

TEST_CASE_FIXTURE(Clean,
                  "a file that may be opened only with O_TRUNC is overwritten all the same") {
    const Directory local;
    const std::string original = local / "original";
    write_pattern(original, 100'000);
    for (const char* refusal : {"truncating_opens", "truncating_opens=EINVAL"}) {
        const FaultyMount mount({"sequential", refusal});
        NEEDS(mount);
        write_pattern(mount.backing() + "/to", 2'000'000, 2);
        Pool pool;
        for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
            const auto done = pool.copy(original, mount / "to", Options().with_flags(flags));
            check_same(done, original, mount.backing() + "/to");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "where there are no links each name gets a copy of its own") {
    const FaultyMount mount(store);
    NEEDS(mount);
    const Directory local;
    REQUIRE(mkdir((local / "tree").c_str(), 0755) == 0);
    write_pattern(local / "tree/a", 3000);
    REQUIRE(link((local / "tree/a").c_str(), (local / "tree/b").c_str()) == 0);
    Pool pool;
    Options options = Options()
                          .with_flags(ARSYNC_COPY_RECURSIVE)
                          .with_preserve(ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_TIMES);
    const auto done = pool.copy(local / "tree", mount / "tree", options);
    CHECK_MESSAGE(done.result == 0, words(done));
    CHECK(difference(local / "tree/a", mount.backing() + "/tree/a") == "");
    CHECK(difference(local / "tree/a", mount.backing() + "/tree/b") == "");
}

TEST_CASE_FIXTURE(Clean, "where copy_file_range ends half-way, buffers go on from there") {
    for (const char* fault : {"fail=copy_file_range:EINVAL:2", "fail=copy_file_range:EBADF:2",
                              "fail=copy_file_range:EIO:2", "fail=copy_file_range:EOPNOTSUPP:1"}) {
        CAPTURE(std::string(fault));
        const FaultyMount mount({fault});
        NEEDS(mount);
        write_pattern(mount.backing() + "/from", 70'000'001);
        Pool pool;
        for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
            const auto done = pool.copy(mount / "from", mount / "to", Options().with_flags(flags));
            CHECK(done.bytes == 70'000'001);
            check_same(done, mount.backing() + "/from", mount.backing() + "/to");
        }
    }
}

} // namespace live
