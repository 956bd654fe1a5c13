// Lists: items side by side, their ends, adding to an open list.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "system/check.h"
#include "system/child.h"
#include "system/frozen.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

// So many small files below a directory, and where they are to be.
Items files_below(const Directory& directory, int count) {
    make_directories(directory / "from");
    make_directories(directory / "to");
    Items items;
    for (int i = 0; i < count; ++i) {
        const std::string name = std::to_string(i);
        write_file(directory / ("from/" + name), name);
        items.add(directory / ("from/" + name), directory / ("to/" + name));
    }
    return items;
}

} // namespace

TEST_CASE_FIXTURE(Clean,
                  "each item has its completion, and after all of them the job has its own") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        const Items items = files_below(directory, 300);
        Pool pool{PoolOptions(backend)};
        const ListCopy copy = copy_list(pool, items);
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(copy.job.user_data == 999);
        CHECK(copy.job.action == ARSYNC_ACTION_LIST);
        CHECK(copy.job.path == nullptr);
        CHECK(copy.all.size() == items.size());
        CHECK(copy.strays == 0);
        uint64_t bytes = 0;
        for (uint64_t number = 1; number <= items.size(); ++number) {
            const Told item = copy.item(number);
            CHECK(item.kind == ARSYNC_COMPLETION_ITEM);
            CHECK(item.result == 0);
            CHECK(item.action == ARSYNC_ACTION_COPY);
            CHECK(item.bytes == std::to_string(number - 1).size());
            bytes += item.bytes;
        }
        CHECK(copy.totals.files == items.size());
        CHECK(copy.totals.entries == items.size());
        CHECK(copy.totals.bytes == bytes);
        CHECK(copy.job.bytes == bytes);
        CHECK(tree_difference(directory / "from", directory / "to") == "");
    }
}

TEST_CASE_FIXTURE(Clean, "an item that fails does not stop the others") {
    const Directory directory;
    Items items = files_below(directory, 20);
    items.add(directory / "missing", directory / "to/missing");
    items.add(directory.path(), directory / "to/directory");
    items.add(directory / "from/1", directory / "to/last");
    Pool pool;
    const ListCopy copy = copy_list(pool, items);
    INFO(words(copy));
    CHECK(copy.job.result == -ENOENT);
    CHECK(copy.job.stage == ARSYNC_STAGE_OPEN_SOURCE);
    CHECK(copy.count(ARSYNC_COMPLETION_ITEM) == items.size());
    CHECK(copy.item(21).result == -ENOENT);
    CHECK(copy.item(22).result == -EISDIR);
    CHECK(copy.item(23).result == 0);
    CHECK(copy.totals.errors == 2);
    CHECK(copy.totals.files == 21);
    CHECK(read_file(directory / "to/last") == "1");
}

TEST_CASE_FIXTURE(Clean, "an item whose paths cannot be tried fails alone") {
    const Directory directory;
    // Cut off, it would be one that can be tried.
    std::string longest = directory.path() + "/";
    while (longest.size() < PATH_MAX - 100)
        longest += "./";
    longest.resize(PATH_MAX, 'n');
    make_files(directory.path(), {"file", "in/file"});
    Items items;
    items.add("", directory / "1");
    items.add(longest, directory / "2");
    items.add(directory / "file", "");
    items.add(directory / "file", longest);
    items.add(directory / "in", "");
    items.add(directory / "file", directory / "copy");
    Pool pool;
    const ListCopy copy = copy_list(pool, items, Options().with_flags(ARSYNC_COPY_RECURSIVE));
    INFO(words(copy));
    const std::pair<int, uint32_t> expected[] = {{-ENOENT, ARSYNC_STAGE_OPEN_SOURCE},
                                                 {-ENAMETOOLONG, ARSYNC_STAGE_OPEN_SOURCE},
                                                 {-ENOENT, ARSYNC_STAGE_OPEN_DESTINATION},
                                                 {-ENAMETOOLONG, ARSYNC_STAGE_OPEN_DESTINATION},
                                                 {-ENOENT, ARSYNC_STAGE_MAKE_DIRECTORY}};
    for (uint64_t number = 1; number <= 5; ++number) {
        CAPTURE(number);
        CHECK(copy.item(number).result == expected[number - 1].first);
        CHECK(copy.item(number).stage == expected[number - 1].second);
    }
    CHECK(copy.item(6).result == 0);
    CHECK(copy.totals.errors == 5);
    CHECK(read_file(directory / "copy") == "file");
    CHECK_NAMES(directory.path(), {"copy", "file", "in", "in/file"});
}

TEST_CASE_FIXTURE(Clean, "an item that fails stops the others if it is asked for") {
    const Directory directory;
    Items items;
    items.add(directory / "missing", directory / "missing.copy");
    make_files(directory.path(), {"file"});
    for (int i = 0; i < 2000; ++i)
        items.add(directory / "file", directory / std::to_string(i));
    Pool pool;
    const ListCopy copy = copy_list(pool, items, Options().with_flags(ARSYNC_COPY_STOP_ON_ERROR));
    CHECK(copy.job.result == -ENOENT);
    CHECK(copy.job.stage == ARSYNC_STAGE_OPEN_SOURCE);
    CHECK(copy.item(1).result == -ENOENT);
    CHECK(copy.count(ARSYNC_COMPLETION_ITEM) < items.size());
    CHECK(copy.totals.errors == 1);
}

TEST_CASE_FIXTURE(Clean, "of what a stopped list has not begun nothing is told, nor counted") {
    const Directory directory;
    make_files(directory.path(), {"file"});
    Items items;
    for (const char* name : {"missing", "file", "file", "file", "file", "file"})
        items.add(directory / name, directory / (name + std::to_string(items.size())));
    Pool pool;
    const ListCopy copy = copy_list(pool, items, Options().with_flags(ARSYNC_COPY_STOP_ON_ERROR));
    INFO(words(copy));
    CHECK(copy.job.result == -ENOENT);
    for (const Told& told : copy.all)
        CHECK(told.result != -ECANCELED);
    CHECK(copy.totals.entries == copy.count(ARSYNC_COMPLETION_ITEM));
}

TEST_CASE_FIXTURE(Clean, "what fails in an item's tree stops the other trees, too") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::tmpfs));
    const Directory directory(shared_volume(Kind::tmpfs));
    set_mode(directory.path(), 0777);
    for (const char* name : {"large", "small"})
        make_directories(directory / name);
    for (int i = 0; i < 60'000; ++i)
        make_node(directory / ("large/" + std::to_string(i)), S_IFREG | 0644);
    make_node(directory / "small/secret", S_IFREG | 0600);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            EXPECT(report, mkdir(to.c_str(), 0755) == 0);
            const Items items = {{directory / "large", to + "/large"},
                                 {directory / "small", to + "/small"}};
            Pool pool{PoolOptions(backend)};
            const ListCopy copy = copy_list(pool, items, recursive(ARSYNC_COPY_STOP_ON_ERROR));
            EXPECT_WITH(report, copy.job.result == -EACCES, words(copy));
            EXPECT(report, copy.item(2).result == -EACCES);
            EXPECT_WITH(report, copy.item(1).result == -ECANCELED, words(copy));
            EXPECT(report, copy.totals.errors == 1);
        });
        CHECK(names_in(to + "/large").size() < 60'000);
    }
}

TEST_CASE_FIXTURE(Clean, "a list's completion says where it failed first, and at which end") {
    constexpr uint32_t sides =
        ARSYNC_COMPLETION_AT_SOURCE | ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT;
    constexpr uint32_t in_the_way = ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT;
    const Directory directory;
    make_files(directory / "from", {"1", "dir/f", "dir/sub/x", "way/y"});
    make_files(directory / "to", {"dir/sub", "way"});
    Options options = recursive().with_want(ARSYNC_WANT_ERROR_PATH | ARSYNC_WANT_TOTALS);
    const auto copy = [&](const Items& items, uint32_t flags) {
        options.flags |= flags;
        Pool pool;
        return copy_list_between(pool, directory / "from", directory / "to", items, options);
    };
    SUBCASE("an item") {
        const ListCopy done = copy({{"1", "1"}, {"missing", "missing"}}, 0);
        CHECK(done.job.result == -ENOENT);
        CHECK(done.job.stage == ARSYNC_STAGE_OPEN_SOURCE);
        CHECK((done.job.flags & sides) == ARSYNC_COMPLETION_AT_SOURCE);
        CHECK(done.error_path == "missing");
    }
    SUBCASE("what is in an item") {
        const ListCopy done = copy({{"1", "1"}, {"dir", "dir"}}, 0);
        CHECK(done.job.result == -ENOTDIR);
        CHECK((done.job.flags & sides) == in_the_way);
        CHECK(done.error_path == "dir/sub");
    }
    SUBCASE("a directory on the way to one") {
        for (const uint32_t flags :
             {uint32_t{ARSYNC_COPY_PARENTS}, uint32_t{ARSYNC_COPY_BENEATH}}) {
            const ListCopy done = copy({{"1", "1"}, {"way/y", "way/y"}}, flags);
            CHECK(done.job.result == -ENOTDIR);
            CHECK((done.job.flags & sides) == in_the_way);
            CHECK(done.error_path == "way");
        }
    }
    SUBCASE("none, where nothing failed") {
        CHECK(copy({{"1", "1"}}, 0).error_path == "none");
    }
    SUBCASE("none, where nobody asks") {
        options.want = ARSYNC_WANT_TOTALS;
        CHECK(copy({{"missing", "missing"}}, 0).error_path == "none");
    }
}

TEST_CASE_FIXTURE(Clean, "what is no list of items is refused, and nothing is copied") {
    const Directory directory;
    make_files(directory.path(), {"file"});
    Pool pool;
    const Options options;
    const std::string from = directory / "file";
    const std::string to = directory / "copy";
    const auto submit = [&](const arsync_item& second) {
        const arsync_item items[] = {{from.c_str(), to.c_str(), 1, 0}, second};
        return arsync_submit_list(pool.get(), AT_FDCWD, AT_FDCWD, items, 2, &options, 0, nullptr);
    };
    CHECK(submit({nullptr, to.c_str(), 2, 0}) == -EFAULT);
    CHECK(submit({from.c_str(), nullptr, 2, 0}) == -EFAULT);
    CHECK(submit({from.c_str(), to.c_str(), 2, 1}) == -EINVAL);
    CHECK(arsync_submit_list(pool.get(), AT_FDCWD, AT_FDCWD, nullptr, 1, &options, 0, nullptr) ==
          -EFAULT);
    CHECK(arsync_list_open(pool.get(), AT_FDCWD, AT_FDCWD, &options, 0, nullptr) == -EFAULT);
    CHECK(arsync_submit_list(pool.get(), -7, AT_FDCWD, nullptr, 0, &options, 0, nullptr) == -EBADF);
    arsync_completion none;
    CHECK(arsync_poll(pool.get(), &none, 1, 0) == 0);
    CHECK(!exists(to));
}

TEST_CASE_FIXTURE(Clean, "a list without items ends at once") {
    Pool pool;
    const ListCopy copy = copy_list(pool, {});
    CHECK(copy.job.result == 0);
    CHECK(copy.job.action == ARSYNC_ACTION_LIST);
    CHECK(copy.all.empty());
    CHECK(copy.totals.entries == 0);
    const arsync_job job = open_list(pool);
    CHECK(arsync_list_end(pool.get(), job) == 0);
    CHECK(take_list(pool).job.result == 0);
}

TEST_CASE_FIXTURE(Clean, "an open list copies what is added, until it is ended") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        make_files(directory.path(), {"1", "2", "3"});
        Pool pool{PoolOptions(backend)};
        const arsync_job job = open_list(pool);
        CHECK(add(pool, job, {{directory / "1", directory / "1.copy"}}) == 1);
        const arsync_completion first = pool.wait();
        CHECK(first.kind == ARSYNC_COMPLETION_ITEM);
        CHECK(first.job == job);
        CHECK(first.result == 0);
        CHECK(add(pool, job, {}) == 0);
        CHECK(add(pool, job,
                  {{directory / "2", directory / "2.copy"},
                   {directory / "3", directory / "3.copy"}}) == 2);
        CHECK(arsync_list_end(pool.get(), job) == 0);
        const int late = add(pool, job, {{directory / "1", directory / "late"}});
        CHECK((late == -EINVAL || late == -ENOENT)); // it may have ended by now
        const ListCopy copy = take_list(pool);
        CHECK(copy.job.result == 0);
        CHECK(copy.totals.files == 3);
        CHECK(copy.all.size() == 2);
        CHECK(!exists(directory / "late"));
        CHECK(arsync_list_end(pool.get(), job) == -ENOENT);
        CHECK(add(pool, job, {}) == -ENOENT);
    }
}

namespace {

// Which nobody takes for what an item has just made.
void make_fifo_and_files(const Directory& directory, const std::vector<std::string>& names) {
    make_files(directory.path(), names);
    REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
    const auto is_past = [&] {
        timespec now;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        struct stat fifo;
        REQUIRE(stat((directory / "fifo").c_str(), &fifo) == 0);
        // A file's time may be ahead of this clock.
        return std::pair(now.tv_sec, now.tv_nsec) >
               std::pair(fifo.st_ctim.tv_sec, fifo.st_ctim.tv_nsec);
    };
    REQUIRE(eventually(is_past));
}

} // namespace

// A FIFO without a writer keeps the first one from ending.
TEST_CASE_FIXTURE(Clean, "what comes of items comes in their order, if it is asked for") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        make_fifo_and_files(directory, {"2", "tree/a", "tree/b", "asked", "asked.copy"});
        Items items;
        for (const char* name : {"fifo", "2", "missing", "tree", "asked"})
            items.add(directory / name, directory / name + ".copy");
        Options options = recursive().with_update(ARSYNC_UPDATE_ASK);
        options.flags |= ARSYNC_COPY_IN_ORDER | ARSYNC_COPY_SPECIAL;
        options.report = ARSYNC_REPORT_ALL;
        Pool pool{PoolOptions(backend)};
        const arsync_job job = open_list(pool, options);
        CHECK(add(pool, job, items) == 5);
        REQUIRE(arsync_list_end(pool.get(), job) == 0);
        CHECK(eventually([&] { return exists(directory / "2.copy"); }));
        arsync_completion none;
        CHECK(arsync_poll(pool.get(), &none, 1, 20) == 0);
        const int fifo = open((directory / "fifo").c_str(), O_WRONLY | O_CLOEXEC);
        REQUIRE(fifo >= 0);
        CHECK(write(fifo, "first", 5) == 5);
        close(fifo);
        const ListCopy copy = take_list(pool);
        INFO(words(copy));
        uint64_t last = 1;
        for (const Told& told : copy.all) {
            CHECK(told.user_data >= last);
            last = told.user_data;
        }
        CHECK(copy.count(ARSYNC_COMPLETION_ITEM) == 5);
        CHECK(copy.count(ARSYNC_COMPLETION_ENTRY) == 3);
        CHECK(copy.item(3).result == -ENOENT);
        CHECK(copy.item(5).action == ARSYNC_ACTION_SKIP);
        CHECK(read_file(directory / "fifo.copy") == "first");
    }
}

TEST_CASE_FIXTURE(Clean, "what is held back comes when the list is cancelled") {
    const Directory directory;
    make_fifo_and_files(directory, {"2"});
    Options options;
    options.flags |= ARSYNC_COPY_IN_ORDER | ARSYNC_COPY_SPECIAL;
    Pool pool;
    const arsync_job job = open_list(pool, options);
    CHECK(add(pool, job,
              {{directory / "fifo", directory / "fifo.copy"},
               {directory / "2", directory / "2.copy"}}) == 2);
    CHECK(eventually([&] { return exists(directory / "2.copy"); }));
    CHECK(arsync_job_cancel(pool.get(), job) == 0);
    const ListCopy copy = take_list(pool);
    CHECK(copy.job.result == -ECANCELED);
    CHECK(copy.item(1).result == -ECANCELED);
    CHECK(copy.item(2).kind == ARSYNC_COMPLETION_ITEM);
}

TEST_CASE_FIXTURE(Clean, "a list that is paused begins nothing until it is resumed") {
    const auto adjust = [](Pool& pool, arsync_job job, uint32_t what) {
        arsync_adjustment adjustment = {};
        adjustment.struct_size = sizeof adjustment;
        adjustment.what = what;
        return arsync_job_adjust(pool.get(), job, &adjustment);
    };
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        make_files(directory.path(), {"1", "2"});
        Pool pool{PoolOptions(backend)};
        const arsync_job job = open_list(pool, Options().with_flags(ARSYNC_COPY_HARD_LINK));
        CHECK(add(pool, job, {{directory / "1", directory / "first"}}) == 1);
        CHECK(pool.wait().result == 0);
        CHECK(adjust(pool, job, ARSYNC_ADJUST_PAUSE) == 0);
        for (int i = 0; i < 50; ++i)
            CHECK(add(pool, job, {{directory / "2", directory / std::to_string(100 + i)}}) == 1);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        for (int i = 0; i < 50; ++i)
            CHECK(!exists(directory / std::to_string(100 + i)));
        CHECK(adjust(pool, job, ARSYNC_ADJUST_RESUME) == 0);
        CHECK(arsync_list_end(pool.get(), job) == 0);
        const ListCopy copy = take_list(pool);
        CHECK(copy.job.result == 0);
        CHECK(copy.totals.hard_links == 51);
    }
}

TEST_CASE_FIXTURE(Clean, "nothing is added to a list that was ended, or to what is none") {
    const Directory directory;
    make_node(directory / "fifo", S_IFIFO | 0600);
    Pool pool;
    // Nobody writes into it, so this does not end by itself.
    const Options stream = Options().with_flags(ARSYNC_COPY_SPECIAL);
    const Items fifo = {{directory / "fifo", directory / "copy"}};
    const arsync_job list = open_list(pool, stream);
    CHECK(add(pool, list, fifo) == 1);
    CHECK(arsync_list_end(pool.get(), list) == 0);
    CHECK(add(pool, list, fifo) == -EINVAL);
    CHECK(arsync_list_end(pool.get(), list) == -EINVAL);
    const arsync_job other = pool.submit(directory / "fifo", directory / "other", stream);
    CHECK(add(pool, other, fifo) == -EINVAL);
    CHECK(arsync_list_end(pool.get(), other) == -EINVAL);
    for (const arsync_job job : {list, other})
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
    CHECK(add(pool, list, fifo) == -ENOENT);
    for (int jobs = 0; jobs < 2;) {
        const arsync_completion done = pool.wait();
        CHECK(done.result == -ECANCELED);
        jobs += done.kind == ARSYNC_COMPLETION_JOB;
    }
}

TEST_CASE_FIXTURE(Clean, "an open list can be cancelled, and closed with its pool") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const arsync_job job = open_list(pool);
        CHECK(eventually([&] { return pool.progress(job).state == ARSYNC_JOB_RUNNING; }));
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        CHECK(add(pool, job, {{"/a", "/b"}}) == -ENOENT);
        const ListCopy copy = take_list(pool);
        CHECK(copy.job.result == -ECANCELED);
        CHECK(copy.all.empty());
        const arsync_job queued = open_list(pool); // perhaps yet
        CHECK(arsync_job_cancel(pool.get(), queued) == 0);
        CHECK(take_list(pool).job.result == -ECANCELED);
        const arsync_job open = open_list(pool);
        CHECK(eventually([&] { return pool.progress(open).state == ARSYNC_JOB_RUNNING; }));
        open_list(pool);
        CHECK(pool.close() == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "as many items wait as may, and others have to be added later") {
    const Directory directory;
    make_files(directory.path(), {"from", "to"});
    constexpr uint32_t questions = ARSYNC_QUESTIONS_WAITING_MAX;
    Items items;
    for (uint32_t i = 0; i < questions; ++i) {
        const std::string name = directory / ("from" + std::to_string(i));
        write_file(name, "from");
        write_file(name + ".copy", "to");
        items.add(name, name + ".copy");
    }
    while (items.size() < ARSYNC_LIST_WAITING_MAX + 10)
        items.add(directory / "missing", directory / "missing.copy");
    // What is as new as the list may be what another item writes, and waits for all others.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    Pool pool;
    const arsync_job job = open_list(pool, Options().with_update(ARSYNC_UPDATE_ASK));
    CHECK(add(pool, job, items) == ARSYNC_LIST_WAITING_MAX);
    std::vector<arsync_question> asked;
    while (asked.size() < questions) {
        const arsync_completion done = pool.wait();
        REQUIRE(done.kind == ARSYNC_COMPLETION_QUESTION);
        asked.push_back(done.details->question);
    }
    CHECK(eventually([&] { return add(pool, job, items) == 0; }));
    CHECK(add(pool, job, {{"/missing", "/missing.copy"}}) == 0);
    for (const arsync_question question : asked)
        CHECK(arsync_answer(pool.get(), question, ARSYNC_ANSWER_SKIP) == 0);
    for (uint32_t i = 0; i < questions; ++i)
        CHECK(pool.wait().kind == ARSYNC_COMPLETION_ITEM);
    CHECK(eventually([&] { return add(pool, job, {{"/missing", "/missing.copy"}}) == 1; }));
    CHECK(arsync_job_cancel(pool.get(), job) == 0);
    CHECK(take_list(pool).job.result == -ECANCELED);
}

TEST_CASE_FIXTURE(Clean, "in the end the progress counts all items, and all in them") {
    const Directory directory;
    Items items = files_below(directory, 50);
    make_files(directory / "tree", {"a", "b/c", "b/d"});
    items.add(directory / "tree", directory / "to/tree");
    items.add(directory / "missing", directory / "to/missing");
    items.add(directory / "from/0", directory / "to/0"); // again
    constexpr uint64_t entries = 50 + 5 + 2;
    Pool pool;
    const Options options = recursive();
    const std::vector<arsync_item> shown = items.shown();
    arsync_job job = 0;
    REQUIRE(arsync_submit_list(pool.get(), AT_FDCWD, AT_FDCWD, shown.data(), shown.size(), &options,
                               0, &job) == 0);
    CHECK(eventually([&] { return pool.progress(job).state == ARSYNC_JOB_COMPLETED; }));
    const arsync_progress progress = pool.progress(job);
    CHECK(progress.entries_done == entries);
    CHECK(progress.entries_total == entries);
    CHECK(progress.errors == 1);
    CHECK((progress.flags & ARSYNC_PROGRESS_WALKING) == 0);
    const ListCopy copy = take_list(pool);
    CHECK(progress.bytes_done == copy.totals.bytes);
    CHECK(progress.bytes_total == copy.totals.bytes);
    CHECK(copy.totals.entries == entries);
}

TEST_CASE_FIXTURE(Clean, "a long list needs few descriptors") {
    const Directory directory;
    const Items items = files_below(directory, 10'000);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        check_in_child([&](Report& report) {
            const rlimit few = {64, 64};
            EXPECT(report, setrlimit(RLIMIT_NOFILE, &few) == 0);
            Pool pool{PoolOptions(backend)};
            const ListCopy copy = copy_list(pool, items);
            EXPECT_WITH(report, copy.job.result == 0, words(copy.job));
            EXPECT(report, copy.totals.files == items.size());
            EXPECT(report, copy.count(ARSYNC_COMPLETION_ITEM) == items.size());
        });
        CHECK(tree_difference(directory / "from", directory / "to") == "");
        remove_tree(directory / "to");
        make_directories(directory / "to");
    }
}

TEST_CASE_FIXTURE(Clean, "an item whose copy waits in a call keeps no other worker from the list") {
    const Volume volume(Kind::ext4, 16);
    NEEDS(volume);
    const Directory directory;
    Items items = files_below(directory, 40);
    items.add(directory / "from/0", volume.path() + "/waits");
    for (int i = 40; i < 200; ++i) {
        const std::string name = std::to_string(i);
        write_file(directory / ("from/" + name), name);
        items.add(directory / ("from/" + name), directory / ("to/" + name));
    }
    PoolOptions options;
    options.workers = 2;
    Pool pool(options);
    size_t ended = 0;
    {
        const Frozen frozen(volume.path());
        REQUIRE(frozen.is());
        const arsync_job job = open_list(pool);
        CHECK(add(pool, job, items) == static_cast<int>(items.size()));
        REQUIRE(arsync_list_end(pool.get(), job) == 0);
        constexpr size_t with_it = 8; // those that its worker has taken too
        arsync_completion done[16];
        int got = 1;
        while (got > 0 && ended < items.size() - with_it) {
            got = arsync_poll(pool.get(), done, 16, 30'000);
            ended += static_cast<size_t>(std::max(got, 0));
        }
        CHECK(ended >= items.size() - with_it);
        CHECK(ended < items.size());
    }
    const ListCopy rest = take_list(pool);
    CHECK(rest.job.result == 0);
    CHECK(rest.totals.files == items.size());
    CHECK(read_file(volume.path() + "/waits") == "0");
}

TEST_CASE_FIXTURE(Clean, "a list that was cancelled can be neither added to nor ended") {
    Pool pool;
    arsync_job job = 0;
    REQUIRE(arsync_list_open(pool.get(), AT_FDCWD, AT_FDCWD, nullptr, 0, &job) == 0);
    CHECK(arsync_job_cancel(pool.get(), job) == 0);
    const arsync_item item = {"from", "to", 0, 0};
    CHECK(arsync_list_add(pool.get(), job, &item, 1) == -ENOENT);
    CHECK(arsync_list_end(pool.get(), job) == -ENOENT);
    CHECK(pool.wait().result == -ECANCELED);
}

TEST_CASE_FIXTURE(Clean, "a list of more items than memory could ever hold is refused") {
    Pool pool;
    const arsync_item item = {"from", "to", 0, 0};
    CHECK(arsync_submit_list(pool.get(), AT_FDCWD, AT_FDCWD, &item, UINT64_MAX / 2, nullptr, 0,
                             nullptr) == -ENOMEM);
}

} // namespace live
