// Few descriptors, and a caller that polls nothing for a while.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

// As the header has it under "Waiting", and what is under way when it comes to that.
constexpr uint64_t waiting_max = 4096 + 2048;

void waits_for_polling(const std::string& from, uint64_t entries) {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        Pool pool{PoolOptions(backend)};
        const arsync_job job =
            pool.submit(from, directory / "to", recursive().with_report(ARSYNC_REPORT_ALL));
        REQUIRE(job != 0);
        const auto done = [&] { return pool.progress(job).entries_done; };
        CHECK(eventually([&] { return done() >= 4096; }));
        CHECK_FALSE(eventually([&] { return done() > waiting_max; }, 300));
        CHECK(pool.progress(job).state == ARSYNC_JOB_RUNNING);
        const TreeCopy copy = take_all(pool);
        CHECK(copy.job.result == 0);
        CHECK(copy.strays == 0);
        CHECK(copy.entries.size() == entries);
        std::set<std::string> paths;
        for (const Entry& entry : copy.entries)
            paths.insert(entry.path);
        CHECK(paths.size() == entries);
        CHECK(copy.totals.entries == entries);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "32 descriptors are enough for a tree that is deep and wide") {
    const Directory directory;
    set_mode(directory.path(), 0777);
    std::string deep = directory / "from";
    for (int i = 0; i < 100; ++i) {
        deep += "/d";
        make_directories(deep);
        write_file(deep + "/file", std::to_string(i));
    }
    for (int i = 0; i < 40; ++i) {
        const std::string wide = directory / ("from/wide" + std::to_string(i));
        make_directories(wide);
        for (int j = 0; j < 40; ++j)
            write_file(wide + "/" + std::to_string(j), std::to_string(i * j));
        make_hard_link(directory / "from/d/d/file", wide + "/linked");
    }
    for (const uint32_t backend : backends()) {
        const std::string to = directory / backend_name(backend);
        check_in_child([&](Report& report) {
            const rlimit few = {32, 32};
            EXPECT(report, setrlimit(RLIMIT_NOFILE, &few) == 0);
            Pool pool{PoolOptions(backend)};
            const size_t before = open_descriptors();
            const TreeCopy copy = copy_tree(pool, directory / "from", to, archive());
            EXPECT_WITH(report, copy.job.result == 0, words(copy));
            EXPECT(report, copy.entries.empty());
            EXPECT(report, pool.close() == 0);
            EXPECT(report, open_descriptors() <= before);
        });
        CHECK(tree_difference(directory / "from", to) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "a tree of files waits until its entries are polled, each of them once") {
    const Directory directory;
    constexpr int count = 20'000;
    for (int i = 0; i < count; ++i) {
        if (i % 1000 == 0)
            make_directories(directory / ("from/" + std::to_string(i / 1000)));
        write_file(directory / ("from/" + std::to_string(i / 1000) + "/" + std::to_string(i)), "");
    }
    waits_for_polling(directory / "from", count + 20 + 1);
}

TEST_CASE_FIXTURE(Clean, "a tree of directories waits until its entries are polled") {
    const Directory directory;
    constexpr int count = 12'000;
    for (int i = 0; i < count; ++i)
        make_directories(directory / ("from/" + std::to_string(i)));
    waits_for_polling(directory / "from", count + 1);
}

TEST_CASE_FIXTURE(Clean, "mirror waits until what it removed is polled, each entry once") {
    constexpr size_t count = 20'000;
    const Directory from;
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory to;
        std::set<std::string> names;
        for (size_t i = 0; i < count; ++i) {
            names.insert(std::to_string(i));
            write_file(to / std::to_string(i), "");
        }
        Pool pool{PoolOptions(backend)};
        const arsync_job job = pool.submit(
            from.path(), to.path(), recursive(ARSYNC_COPY_MIRROR).with_report(ARSYNC_REPORT_ALL));
        REQUIRE(job != 0);
        CHECK(eventually([&] { return to.entries() <= count - 4000; }));
        CHECK_FALSE(eventually([&] { return to.entries() < count - waiting_max; }, 300));
        CHECK(pool.progress(job).state == ARSYNC_JOB_RUNNING);
        const TreeCopy copy = take_all(pool);
        CHECK(copy.job.result == 0);
        CHECK(copy.strays == 0);
        CHECK(to.entries() == 0);
        CHECK(copy.totals.removed == count);
        std::multiset<std::string> removed;
        for (const Entry& entry : copy.entries)
            if (entry.action == ARSYNC_ACTION_REMOVE && entry.result == 0)
                removed.insert(entry.path);
        CHECK(copy.entries.size() == count + 1); // and the root's own
        CHECK(std::equal(removed.begin(), removed.end(), names.begin(), names.end()));
    }
}

TEST_CASE_FIXTURE(Clean, "a tree that waits to be polled can be cancelled, and its pool closed") {
    const Directory directory;
    make_directories(directory / "from");
    for (int i = 0; i < 6000; ++i)
        write_file(directory / ("from/" + std::to_string(i)), "");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        for (const bool cancels : {true, false}) {
            const Directory to;
            Pool pool{PoolOptions(backend)};
            const arsync_job job = pool.submit(directory / "from", to / "to",
                                               recursive().with_report(ARSYNC_REPORT_ALL));
            REQUIRE(job != 0);
            CHECK(eventually([&] { return pool.progress(job).entries_done >= 4096; }));
            if (cancels) {
                CHECK(arsync_job_cancel(pool.get(), job) == 0);
                const TreeCopy copy = take_all(pool);
                CHECK(copy.job.result == -ECANCELED);
                CHECK(copy.strays == 0);
            }
            CHECK(pool.close() == 0);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "with too few descriptors for a single entry a tree fails, and at once") {
    const Directory directory;
    make_directories(directory / "from");
    for (int i = 0; i < 260; ++i)
        write_file(directory / ("from/" + std::to_string(i)), std::to_string(i));
    for (int i = 0; i < 10; ++i) {
        const std::string deep = directory / ("from/" + std::to_string(i) + "d/e/f/g");
        make_directories(deep);
        write_file(deep + "/file", std::to_string(i));
    }
    bool failed = false;
    bool succeeded = false;
    for (unsigned spare = 5; spare <= 17; spare += 2) {
        CAPTURE(spare);
        const Directory to;
        const auto begun = std::chrono::steady_clock::now();
        const std::string report = in_child([&](Report& each) {
            const rlim_t limit = open_descriptors() + spare;
            const rlimit few = {limit, limit};
            EXPECT(each, setrlimit(RLIMIT_NOFILE, &few) == 0);
            Pool pool;
            const TreeCopy copy = copy_tree(pool, directory / "from", to / "to", recursive());
            if (copy.job.result != -EMFILE)
                EXPECT_WITH(each, copy.job.result == 0, words(copy));
            EXPECT(each, pool.close() == 0);
        });
        const auto took = std::chrono::steady_clock::now() - begun;
        CHECK(report == "");
        CHECK(took < std::chrono::seconds(10));
        const bool whole =
            exists(to / "to") && tree_difference(directory / "from", to / "to") == "";
        failed = failed || !whole;
        succeeded = succeeded || whole;
    }
    CHECK(failed);
    CHECK(succeeded);
}

TEST_CASE_FIXTURE(Clean,
                  "a directory deep in a tree needs no more descriptors than one below its root") {
    const Directory directory;
    make_directories(directory / "from/a/b/c");
    write_file(directory / "from/a/b/c/file", "deep");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        // What a pool has, the roots, a directory of each side, and one in each of these.
        const unsigned enough = (backend == ARSYNC_BACKEND_THREADS ? 1 : 2) + 6;
        for (unsigned spare = enough - 1; spare <= enough + 3; ++spare) {
            CAPTURE(spare);
            const Directory to;
            const auto begun = std::chrono::steady_clock::now();
            check_in_child([&](Report& report) {
                const rlim_t limit = open_descriptors() + spare;
                const rlimit few = {limit, limit};
                EXPECT(report, setrlimit(RLIMIT_NOFILE, &few) == 0);
                Pool pool{PoolOptions(backend)};
                const TreeCopy copy = copy_tree(pool, directory / "from", to / "to", recursive());
                if (spare >= enough || copy.job.result != -EMFILE)
                    EXPECT_WITH(report, copy.job.result == 0, words(copy));
                EXPECT(report, pool.close() == 0);
            });
            CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(5));
            if (spare >= enough)
                CHECK(tree_difference(directory / "from", to / "to") == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "the way to an entry may be longer than there are descriptors") {
    const Directory directory;
    std::string path;
    for (int i = 0; i < 40; ++i)
        path += "d" + std::to_string(i) + "/";
    make_directories(directory / ("from/" + path));
    write_file(directory / ("from/" + path + "file"), "deep");
    set_mode(directory / ("from/" + path), 0750);
    make_directories(directory / "to");
    for (const uint32_t durability : {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FULL}) {
        const std::string to = directory / ("to/" + std::to_string(durability));
        make_directories(to);
        check_in_child([&](Report& report) {
            const rlim_t limit = open_descriptors() + 16;
            const rlimit few = {limit, limit};
            EXPECT(report, setrlimit(RLIMIT_NOFILE, &few) == 0);
            EXPECT(report, chdir((directory / "from").c_str()) == 0);
            Pool pool;
            const arsync_completion done =
                pool.copy(path + "file", to + "/" + path + "file",
                          Options()
                              .with_flags(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH)
                              .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES)
                              .with_durability(durability));
            EXPECT_WITH(report, done.result == 0, words(done));
            EXPECT(report, pool.close() == 0);
        });
        CHECK(read_file(to + "/" + path + "file") == "deep");
        struct stat from = {};
        struct stat made = {};
        CHECK(stat((directory / "from/d0").c_str(), &from) == 0);
        CHECK(stat((to + "/d0").c_str(), &made) == 0);
        CHECK(made.st_mtim.tv_nsec == from.st_mtim.tv_nsec);
        CHECK(stat((to + "/" + path).c_str(), &made) == 0);
        CHECK((made.st_mode & 07777) == 0750);
    }
}

} // namespace live
