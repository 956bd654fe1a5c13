// What is said of a tree's copy in the end.
#include <cerrno>
#include <sys/stat.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean, "a recursive copy of what is no directory is that of one entry") {
    const Directory directory;
    write_file(directory / "file", "content");
    make_symlink("file", directory / "link");
    make_node(directory / "fifo", S_IFIFO | 0640);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        make_directories(to);
        Pool pool{PoolOptions(backend)};

        const TreeCopy file = copy_tree(pool, directory / "file", to + "/file");
        CHECK(file.job.result == 0);
        CHECK(file.job.action == ARSYNC_ACTION_COPY);
        CHECK(file.job.bytes == 7);
        CHECK(read_file(to + "/file") == "content");
        REQUIRE(file.has_totals);
        CHECK(file.totals.entries == 1);
        CHECK(file.totals.files == 1);
        CHECK(file.totals.bytes == 7);

        const TreeCopy link = copy_tree(pool, directory / "link", to + "/link");
        CHECK(link.job.result == 0);
        CHECK(link.job.action == ARSYNC_ACTION_SYMBOLIC_LINK);
        CHECK(text_of(to + "/link") == "file");
        CHECK(link.totals.entries == 1);
        CHECK(link.totals.symlinks == 1);

        const TreeCopy fifo = copy_tree(pool, directory / "fifo", to + "/fifo", archive());
        CHECK(fifo.job.result == 0);
        CHECK(fifo.job.action == ARSYNC_ACTION_MAKE_SPECIAL);
        CHECK(kind_of(to + "/fifo") == S_IFIFO);
        CHECK(mode_of(to + "/fifo") == 0640);
        CHECK(fifo.totals.entries == 1);
        CHECK(fifo.totals.specials == 1);

        const TreeCopy none = copy_tree(pool, directory / "none", to + "/none");
        CHECK(none.job.result == -ENOENT);
        CHECK_FALSE(exists(to + "/none"));
    }
}

TEST_CASE_FIXTURE(Clean, "a root that fails is one entry and one error") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    make_files(directory.path(), {"file", "to/"});
    struct Failing {
        std::string from, to;
        int result;
    };
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const uint32_t flags : {0u, ARSYNC_COPY_DRY_RUN}) {
            CAPTURE(flags);
            for (const Failing& failing : {Failing{"none", "to/none", -ENOENT},
                                           {"from", "file", -ENOTDIR},
                                           {"from", "from/sub/new", -ELOOP},
                                           {"from", "from", -EINVAL},
                                           {"file", "to", -EISDIR}}) {
                CAPTURE(failing.from);
                CAPTURE(failing.to);
                const TreeCopy copy = copy_tree(pool, directory / failing.from,
                                                directory / failing.to, recursive(flags));
                INFO(words(copy));
                CHECK(copy.job.result == failing.result);
                REQUIRE(copy.has_totals);
                CHECK(copy.totals.entries == 1);
                CHECK(copy.totals.errors == 1);
                CHECK(copy.totals.files == 0);
                CHECK(copy.totals.directories == 0);
                CHECK(copy.totals.bytes == 0);
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a root with no directory to be in is one entry and one error") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    Pool pool;
    for (const char* from : {"from", "from/a"}) {
        const TreeCopy copy = copy_tree(pool, directory / from, directory / "nowhere/to");
        CHECK(copy.job.result == -ENOENT);
        REQUIRE(copy.has_totals);
        CHECK(copy.totals.entries == 1);
        CHECK(copy.totals.errors == 1);
    }
}

TEST_CASE_FIXTURE(Clean, "a dry run tells of a root with no directory to be in") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    Pool pool;
    for (const char* from : {"from", "from/a"}) {
        CAPTURE(std::string(from));
        const TreeCopy copy = copy_tree(pool, directory / from, directory / "nowhere/to",
                                        recursive(ARSYNC_COPY_DRY_RUN));
        INFO(words(copy));
        CHECK(copy.job.result == -ENOENT);
        CHECK(copy.totals.entries == 1);
        CHECK(copy.totals.errors == 1);
    }
}

TEST_CASE_FIXTURE(Clean, "totals are what is there") {
    const Directory directory;
    for (int i = 0; i < 200; ++i) {
        const std::string sub = "from/" + std::to_string(i % 7) + "/" + std::to_string(i % 3);
        make_directories(directory / sub);
        write_pattern(directory / (sub + "/" + std::to_string(i)), static_cast<uint64_t>(i) * 700,
                      static_cast<uint32_t>(i));
    }
    write_sparse(directory / "from/sparse", 1 << 20, {{0, 4096}, {1 << 19, (1 << 19) + 4096}});
    make_symlink("nowhere", directory / "from/link");
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    make_hard_link(directory / "from/sparse", directory / "from/second");
    make_hard_link(directory / "from/sparse", directory / "from/0/third");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        Pool pool{PoolOptions(backend)};
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, archive().with_report(ARSYNC_REPORT_ALL));
        CHECK(copy.job.result == 0);
        CHECK(copy.job.action == ARSYNC_ACTION_TREE);
        CHECK(tree_difference(directory / "from", to) == "");
        const Counts there = count_tree(to);
        CHECK(copy.totals.struct_size == sizeof(arsync_totals));
        CHECK(copy.totals.entries == there.entries);
        CHECK(copy.totals.files == 201);
        CHECK(copy.totals.hard_links == 2);
        CHECK(copy.totals.files + copy.totals.hard_links == there.files);
        CHECK(copy.totals.directories == there.directories);
        CHECK(copy.totals.symlinks == 1);
        CHECK(copy.totals.specials == 1);
        CHECK(copy.totals.skipped == 0);
        CHECK(copy.totals.removed == 0);
        CHECK(copy.totals.errors == 0);
        CHECK(copy.totals.bytes == there.bytes - (2 << 20));
        CHECK(copy.totals.bytes == copy.job.bytes);
        CHECK(copy.totals.hole_bytes == (1 << 20) - 8192);
        uint64_t by_method = 0;
        for (const uint64_t files : copy.totals.files_by_method)
            by_method += files;
        CHECK(by_method == copy.totals.files);
        CHECK(copy.entries.size() == there.entries);
    }
}

TEST_CASE_FIXTURE(Clean, "walking ends when all is found, though the last files take long") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    write_pattern(directory / "from/sub/large", 4'000'000);
    const Counts all = count_tree(directory / "from");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        PoolOptions slow(backend);
        slow.byte_rate = 2'000'000;
        Pool pool{slow};
        const arsync_job job = pool.submit(directory / "from", directory / backend_name(backend),
                                           recursive().with_reflink(ARSYNC_REFLINK_NEVER));
        REQUIRE(job != 0);
        arsync_progress seen{};
        CHECK(eventually([&] {
            seen = pool.progress(job);
            return seen.state != ARSYNC_JOB_QUEUED && (seen.flags & ARSYNC_PROGRESS_WALKING) == 0 &&
                   seen.bytes_total == all.bytes;
        }));
        CHECK(seen.state == ARSYNC_JOB_RUNNING);
        CHECK(seen.entries_total == all.entries);
        CHECK(seen.bytes_done < seen.bytes_total);
        CHECK(take_all(pool).job.result == 0);
    }
}

} // namespace live
