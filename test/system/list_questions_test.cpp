// Questions of lists: of their items, and of what is in them.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/list.h"
#include "system/opened.h"
#include "system/tree.h"

namespace live {

namespace {

Options asking() {
    return recursive().with_update(ARSYNC_UPDATE_ASK);
}

// So many files, and others where they are to be.
Items there_already(const Directory& directory, int count) {
    Items items;
    for (int i = 0; i < count; ++i) {
        const std::string name = std::to_string(i);
        make_files(directory / "from", {name});
        make_files(directory / "to", {name}, " old");
        items.add(directory / ("from/" + name), directory / ("to/" + name));
    }
    // What is as new as the list may be what another item writes, and waits for all others.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return items;
}

arsync_job submit(Pool& pool, const Items& items, const Options& options) {
    const std::vector<arsync_item> shown = items.shown();
    arsync_job job = 0;
    CHECK(arsync_submit_list(pool.get(), AT_FDCWD, AT_FDCWD, shown.data(), shown.size(), &options,
                             0, &job) == 0);
    return job;
}

void wait_for_questions(Pool& pool, size_t count) {
    for (size_t i = 0; i < count; ++i)
        REQUIRE(pool.wait().kind == ARSYNC_COMPLETION_QUESTION);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "an item is asked about, and goes on by its answer") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        Items items = there_already(directory, 3);
        make_files(directory / "from", {"new"});
        items.add(directory / "from/new", directory / "to/new");
        Pool pool{PoolOptions(backend)};
        unsigned questions = 0;
        const ListCopy copy =
            copy_list(pool, items, asking(), [&](const arsync_completion& question) {
                ++questions;
                CHECK(question.path == nullptr);
                CHECK(question.details->source.size == 1);
                CHECK(question.details->destination.size == 5);
                constexpr uint32_t answers[] = {0, ARSYNC_ANSWER_SKIP, ARSYNC_ANSWER_REPLACE,
                                                ARSYNC_ANSWER_KEEP_BOTH, 0};
                return answers[question.user_data];
            });
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(questions == 3);
        CHECK(copy.item(1).action == ARSYNC_ACTION_SKIP);
        CHECK(copy.item(2).action == ARSYNC_ACTION_COPY);
        CHECK(copy.item(3).has(ARSYNC_COMPLETION_KEPT_BOTH));
        CHECK(copy.item(3).name == "2 (1)");
        CHECK(copy.item(4).result == 0);
        CHECK(copy.totals.files == 3);
        CHECK(copy.totals.skipped == 1);
        CHECK(read_file(directory / "to/0") == "0 old");
        CHECK(read_file(directory / "to/1") == "1");
        CHECK(read_file(directory / "to/2") == "2 old");
        CHECK(read_file(directory / "to/2 (1)") == "2");
    }
}

// The other of the two that are kept is what the list has made.
TEST_CASE_FIXTURE(Clean, "what was kept beside a copy is no copy of an earlier item") {
    const Directory directory;
    Items items = there_already(directory, 1);
    make_files(directory / "from", {"second", "third"});
    items.add(directory / "from/second", directory / "to/0");
    items.add(directory / "from/third", directory / "to/0 (1)");
    Pool pool;
    const ListCopy copy =
        copy_list(pool, items, asking(), [](const arsync_completion& question) -> uint32_t {
            return question.user_data == 1 ? ARSYNC_ANSWER_KEEP_BOTH : ARSYNC_ANSWER_REPLACE;
        });
    INFO(words(copy));
    CHECK(copy.item(1).name == "0 (1)");
    CHECK(copy.item(2).result == 0);
    CHECK(read_file(directory / "to/0") == "second");
    CHECK(copy.item(3).result == -EEXIST);
    CHECK(copy.item(3).has(ARSYNC_COMPLETION_JUST_CREATED));
    CHECK(read_file(directory / "to/0 (1)") == "0");
}

TEST_CASE_FIXTURE(Clean, "what is in an item's tree is asked about as the item's") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        for (const char* tree : {"one", "two"}) {
            make_files(directory / "from" + "/" + tree, {"a", "b/c", "new"});
            make_files(directory / "to" + "/" + tree, {"a", "b/c"}, " old");
        }
        Pool pool{PoolOptions(backend)};
        const Items items = {{directory / "from/one", directory / "to/one"},
                             {directory / "from/two", directory / "to/two"}};
        const ListCopy copy =
            copy_list(pool, items, asking(), [](const arsync_completion& question) -> uint32_t {
                REQUIRE(question.path);
                if (question.user_data == 1)
                    return ARSYNC_ANSWER_SKIP;
                return std::string(question.path) == "a" ? ARSYNC_ANSWER_REPLACE
                                                         : ARSYNC_ANSWER_KEEP_BOTH;
            });
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        for (const uint64_t number : {1U, 2U})
            CHECK(copy.paths(ARSYNC_COMPLETION_QUESTION, number) ==
                  std::vector<std::string>{"a", "b/c"});
        CHECK(copy.totals.skipped == 2);
        CHECK(read_file(directory / "to/one/a") == "a old");
        CHECK(read_file(directory / "to/two/a") == "a");
        CHECK(read_file(directory / "to/two/b/c") == "b/c old");
        CHECK(read_file(directory / "to/two/b/c (1)") == "b/c");
    }
}

TEST_CASE_FIXTURE(Clean, "the questions of a tree are not lost if a later item stops the list") {
    const Directory directory;
    make_files(directory / "from", {"tree/a", "tree/b", "tree/c"});
    make_files(directory / "to", {"tree/a", "tree/b", "tree/c"}, " old");
    const Opened from(directory / "from");
    const Opened to(directory / "to");
    const Items items = Items::entries({"tree", "missing"});
    Options options = asking();
    options.flags |= ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH | ARSYNC_COPY_STOP_ON_ERROR;
    Pool pool;
    const std::vector<arsync_item> shown = items.shown();
    REQUIRE(arsync_submit_list(pool.get(), from.get(), to.get(), shown.data(), shown.size(),
                               &options, 0, nullptr) == 0);
    const ListCopy copy = take_list(pool, [](const arsync_completion&) -> uint32_t {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return ARSYNC_ANSWER_REPLACE;
    });
    INFO(words(copy));
    CHECK(copy.job.result == -ENOENT);
    CHECK(copy.item(1).result == 0);
    CHECK(copy.item(1).totals.entries == 4);
    for (const char* name : {"a", "b", "c"})
        CHECK(read_file(directory / "to/tree" + "/" + name) == std::string("tree/") + name);
}

TEST_CASE_FIXTURE(Clean, "an answer that stops ends the whole list") {
    const Directory directory;
    const Items items = there_already(directory, 40);
    for (const bool in_tree : {false, true}) {
        CAPTURE(in_tree);
        Pool pool;
        Items all;
        if (in_tree)
            all.add(directory / "from", directory / "to");
        const ListCopy copy =
            copy_list(pool, in_tree ? all : items, asking(),
                      [](const arsync_completion&) -> uint32_t { return ARSYNC_ANSWER_STOP; });
        INFO(words(copy));
        CHECK(copy.job.result == -ECANCELED);
        CHECK(read_file(directory / "to/0") == "0 old");
    }
}

TEST_CASE_FIXTURE(Clean, "nobody need answer what a list asks that an item's failure stops") {
    const Directory directory;
    make_node(directory / "socket", S_IFSOCK | 0644); // which is not to be read
    const Items items = there_already(directory, 1);
    Options options = asking();
    options.flags = ARSYNC_COPY_STOP_ON_ERROR;
    Pool pool;
    const arsync_job job = open_list(pool, options);
    CHECK(add(pool, job, items) == 1);
    wait_for_questions(pool, 1);
    CHECK(add(pool, job, {{directory / "socket", directory / "elsewhere"}}) == 1);
    const ListCopy copy = take_list(pool);
    INFO(words(copy));
    CHECK(copy.job.result == -EOPNOTSUPP);
    CHECK(copy.count(ARSYNC_COMPLETION_ITEM) == 2);
    CHECK(read_file(directory / "to/0") == "0 old");
}

TEST_CASE_FIXTURE(Clean, "a list is cancelled whose questions wait") {
    for (const uint32_t backend : backends())
        for (const int count : {5, 1000}) {
            CAPTURE(backend_name(backend));
            CAPTURE(count);
            const Directory directory;
            const Items items = there_already(directory, count);
            const size_t questions = std::min<size_t>(items.size(), ARSYNC_QUESTIONS_WAITING_MAX);
            Pool pool{PoolOptions(backend)};
            const arsync_job job = submit(pool, items, asking());
            wait_for_questions(pool, questions);
            CHECK(arsync_job_cancel(pool.get(), job) == 0);
            const ListCopy copy = take_list(pool);
            CHECK(copy.job.result == -ECANCELED);
            CHECK(copy.count(ARSYNC_COMPLETION_ITEM) >= questions);
            for (const Told& told : copy.all)
                CHECK(told.result == -ECANCELED);
            CHECK(copy.totals.errors == 0);
            CHECK(read_file(directory / "to/0") == "0 old");
        }
}

TEST_CASE_FIXTURE(Clean, "a pool is closed while questions of a list wait") {
    for (const uint32_t backend : backends())
        for (const bool in_tree : {false, true}) {
            CAPTURE(backend_name(backend));
            CAPTURE(in_tree);
            const Directory directory;
            Items items = there_already(directory, 20);
            if (in_tree)
                items = {{directory / "from", directory / "to"}};
            Pool pool{PoolOptions(backend)};
            submit(pool, items, asking());
            wait_for_questions(pool, 20);
            CHECK(pool.close() == 0);
            CHECK(read_file(directory / "to/19") == "19 old");
        }
}

TEST_CASE_FIXTURE(Clean, "more questions of a list than may wait come as others are answered") {
    const Directory directory;
    const Items items = there_already(directory, 700);
    Pool pool;
    const ListCopy copy =
        copy_list(pool, items, asking(),
                  [](const arsync_completion&) -> uint32_t { return ARSYNC_ANSWER_REPLACE; });
    CHECK(copy.job.result == 0);
    CHECK(copy.count(ARSYNC_COMPLETION_QUESTION) == items.size());
    CHECK(copy.totals.files == items.size());
    CHECK(tree_difference(directory / "from", directory / "to") == "");
}

// The order is kept: who waits for an answer is waited for by those that would meet it.
TEST_CASE_FIXTURE(Clean, "an item reads what one that was asked about has written") {
    const Directory directory;
    make_files(directory.path(), {"a", "b"});
    Pool pool;
    const ListCopy copy = copy_list(
        pool, {{directory / "a", directory / "b"}, {directory / "b", directory / "c"}}, asking(),
        [](const arsync_completion&) -> uint32_t { return ARSYNC_ANSWER_REPLACE; });
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(read_file(directory / "c") == "a");
}

TEST_CASE_FIXTURE(Clean, "names of one file that are kept beside others are links to each other") {
    const Directory directory;
    make_files(directory.path(), {"from/d/a", "to/d/a", "to/d/b"});
    make_hard_link(directory / "from/d/a", directory / "from/d/b");
    Pool pool;
    for (const uint32_t flags : {0U, uint32_t{ARSYNC_COPY_BENEATH | ARSYNC_COPY_PARENTS}}) {
        CAPTURE(flags);
        const Options options =
            recursive(flags).with_update(ARSYNC_UPDATE_ASK).with_preserve(ARSYNC_PRESERVE_LINKS);
        const ListCopy copy = copy_list_between(
            pool, directory / "from", directory / "to", Items::entries({"d/a", "d/b"}), options,
            [](const arsync_completion&) -> uint32_t { return ARSYNC_ANSWER_KEEP_BOTH; });
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        const std::string to = directory / "to/d";
        CHECK_NAMES(to, {"a", "b", "a (1)", "b (1)"});
        CHECK(stat_of(to + "/a (1)").st_ino == stat_of(to + "/b (1)").st_ino);
        for (const char* name : {"/a (1)", "/b (1)"})
            unlink((to + name).c_str());
    }
}

} // namespace live
