// What comes in between while a tree is copied: a cancel, entries that vanish.
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean, "a tree of large files that is cancelled leaves whole files only") {
    const Directory directory;
    constexpr uint64_t size = 1 << 20;
    constexpr int count = 40;
    make_directories(directory / "from/sub");
    const auto name_of_file = [](int i) { return (i % 2 ? "sub/" : "") + std::to_string(i); };
    for (int i = 0; i < count; ++i)
        write_pattern(directory / ("from/" + name_of_file(i)), size, static_cast<uint32_t>(i));
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
            CAPTURE(replace);
            const std::string to = directory / (backend_name(backend) + std::to_string(replace));
            PoolOptions options(backend);
            options.byte_rate = 3 << 20; // it would take a quarter of a minute
            Pool pool(options);
            const arsync_job job = pool.submit(
                directory / "from", to,
                recursive().with_replace(replace).with_reflink(ARSYNC_REFLINK_NEVER), 7);
            REQUIRE(job != 0);
            CHECK(eventually([&] { return pool.progress(job).bytes_done > size + size / 2; },
                             60'000));
            CHECK(arsync_job_cancel(pool.get(), job) == 0);
            const TreeCopy copy = take_all(pool);
            INFO(words(copy));
            CHECK(copy.job.job == job);
            CHECK(copy.job.user_data == 7);
            CHECK(copy.job.result == -ECANCELED);
            CHECK(copy.strays == 0);
            CHECK(arsync_job_cancel(pool.get(), job) == -ENOENT);
            int whole = 0;
            for (const std::string& name : names_in(to)) {
                CAPTURE(name);
                if (name == "sub")
                    continue;
                ++whole;
                CHECK(exists(directory / ("from/" + name)));
                CHECK(difference(directory / ("from/" + name), to + "/" + name) == "");
            }
            CHECK(whole < count);
            CHECK(copy.totals.files == static_cast<uint64_t>(whole));
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a file that grows while its tree is copied is told of, the others are not") {
    const Directory directory;
    constexpr uint64_t size = 2 << 20;
    make_directories(directory / "from/sub");
    write_pattern(directory / "from/sub/large", size, 1);
    write_pattern(directory / "from/sub/quiet", 1000, 2);
    write_pattern(directory / "from/other", size, 3);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        PoolOptions options(backend);
        options.buffer_size = 64 * 1024;
        options.byte_rate = 1 << 20; // it takes seconds
        Pool pool(options);
        const arsync_job job =
            pool.submit(directory / "from", to, recursive().with_reflink(ARSYNC_REFLINK_NEVER));
        REQUIRE(job != 0);
        CHECK(eventually([&] { return exists(to + "/sub/quiet"); }, 60'000));
        CHECK(eventually([&] { return pool.progress(job).bytes_done > 300'000; }, 60'000));
        const int fd = open((directory / "from/sub/large").c_str(), O_WRONLY | O_APPEND);
        CHECK(write(fd, "more", 4) == 4);
        close(fd);
        const TreeCopy copy = take_all(pool);
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        REQUIRE(copy.entries.size() == 1);
        CHECK(copy.entries[0].path == "sub/large");
        CHECK(copy.entries[0].flags ==
              (ARSYNC_COMPLETION_SOURCE_CHANGED | ARSYNC_COMPLETION_COPIED));
        CHECK(copy.entries[0].result == 0);
        CHECK(size_of(to + "/sub/large") == size);
        truncate((directory / "from/sub/large").c_str(), size);
        CHECK(tree_difference(directory / "from", to) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "entries that vanish while they are walked are errors, and nothing more") {
    constexpr int directories = 60;
    constexpr int files = 25;
    const Directory directory;
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        PoolOptions options(backend);
        options.byte_rate = 20 << 20; // so that they vanish before it ends
        Pool pool{options};
        bool vanished = false;
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!vanished && std::chrono::steady_clock::now() < limit) {
            const std::string from = directory / "from";
            const std::string to = directory / "to";
            for (int i = 0; i < directories; ++i) {
                make_directories(from + "/" + std::to_string(i));
                for (int j = 0; j < files; ++j)
                    write_pattern(from + "/" + std::to_string(i) + "/" + std::to_string(j), 20'000,
                                  static_cast<uint32_t>(i * files + j));
            }
            std::atomic<bool> go = false;
            std::thread remover([&] {
                while (!go)
                    std::this_thread::yield();
                for (int i = directories - 1; i >= 0; --i) {
                    const std::string sub = from + "/" + std::to_string(i);
                    for (int j = files - 1; j >= 0; --j)
                        unlink((sub + "/" + std::to_string(j)).c_str());
                    rmdir(sub.c_str());
                }
            });
            const arsync_job job = pool.submit(
                from, to,
                recursive().with_report(ARSYNC_REPORT_ALL).with_reflink(ARSYNC_REFLINK_NEVER));
            CHECK(eventually([&] { return pool.progress(job).bytes_done > 0; }, 60'000));
            go = true;
            const TreeCopy copy = take_all(pool);
            remover.join();
            INFO(words(copy));
            CHECK(job != 0);
            CHECK(copy.job.job == job);
            CHECK(copy.strays == 0);
            uint64_t copied = 0;
            for (const Entry& entry : copy.entries) {
                CAPTURE(entry.path);
                if (entry.result != 0)
                    CHECK(entry.result == -ENOENT);
                else if (entry.action == ARSYNC_ACTION_COPY)
                    ++copied;
            }
            CHECK((copy.job.result == 0 || copy.job.result == -ENOENT));
            CHECK(copy.totals.errors == copy.errors().size());
            CHECK(copy.totals.files == copied);
            uint64_t there = 0;
            for (int i = 0; i < directories; ++i) {
                for (int j = 0; j < files; ++j) {
                    const std::string path = to + "/" + std::to_string(i) + "/" + std::to_string(j);
                    if (!exists(path))
                        continue;
                    ++there;
                    CAPTURE(path);
                    CHECK(read_file(path) == pattern(20'000, static_cast<uint32_t>(i * files + j)));
                }
            }
            CHECK(there == copied);
            vanished = there > 0 && there < directories * files;
            remove_tree(to);
        }
        CHECK(vanished); // else nothing was tried
    }
}

} // namespace live
