// arsync_copy: one call, on the caller's thread or by a pool of its own.
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <pthread.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

int copy(const std::string& from, const std::string& to, const Options& options = Options(),
         arsync_completion* done = nullptr) {
    return arsync_copy(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), &options, done);
}

// A sanitizer's own is one of them.
constexpr int threads_without_a_pool = thread_sanitized ? 2 : 1;

auto threads_of_this_process() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

} // namespace

TEST_CASE_FIXTURE(Clean, "one call copies a file of any size, and says what a job would") {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::tmpfs, Kind::overlay}) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        CAPTURE(name_of(kind));
        const Directory directory(volume);
        for (const uint64_t size : {uint64_t{0}, uint64_t{4096}, uint64_t{100'001},
                                    uint64_t{4'000'000}, uint64_t{9'000'000}}) {
            CAPTURE(size);
            const std::string from = directory / "from";
            const std::string to = directory / "to" + std::to_string(size);
            write_pattern(from, size);
            arsync_completion done;
            CHECK(copy(from, to, Options(), &done) == 0);
            CHECK(done.result == 0);
            CHECK(done.kind == ARSYNC_COMPLETION_JOB);
            CHECK(done.job == 0);
            CHECK(done.bytes == size);
            CHECK(done.action == ARSYNC_ACTION_COPY);
            CHECK(done.flags == ARSYNC_COMPLETION_COPIED);
            CHECK(done.details == nullptr);
            CHECK(difference(from, to) == "");
            CHECK(copy(from, to, Options().with_flags(ARSYNC_COPY_VERIFY)) ==
                  0); // over what is there
            CHECK(difference(from, to) == "");
        }
    }
    CHECK(threads_of_this_process() == threads_without_a_pool);
}

TEST_CASE_FIXTURE(Clean, "one call takes all options but those that need somebody to answer") {
    const Directory directory;
    const std::string from = directory / "from";
    write_pattern(from, 5000);
    set_mode(from, 0640);
    set_mtime(from, 1'000'000'000, 5);
    const uint32_t all = preserve_all & ~ARSYNC_PRESERVE_LINKS;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC,
                                   ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_IN_PLACE}) {
        CHECK(copy(from, directory / "to",
                   Options().with_replace(replace).with_preserve(all).with_durability(
                       ARSYNC_DURABILITY_FULL)) == 0);
        CHECK(stat_of(directory / "to").st_mode == stat_of(from).st_mode);
        CHECK(stat_of(directory / "to").st_mtim.tv_nsec == 5);
    }
    arsync_completion done;
    CHECK(copy(from, directory / "to", Options().with_replace(ARSYNC_REPLACE_EXCLUSIVE), &done) ==
          -EEXIST);
    CHECK(done.result == -EEXIST);
    CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
    CHECK((done.flags & ARSYNC_COMPLETION_CONFLICT) != 0);
    CHECK(copy(from, directory / "to", Options().with_update(ARSYNC_UPDATE_NONE), &done) == 0);
    CHECK(done.action == ARSYNC_ACTION_SKIP);
    CHECK(copy(from, directory / "to", Options().with_backup(ARSYNC_BACKUP_NUMBERED), &done) == 0);
    REQUIRE(done.details);
    CHECK(done.details->backup == std::string("to.~1~"));
    arsync_details_free(done.details);
    arsync_details_free(nullptr);
    for (const uint32_t method : all_methods)
        if (method != ARSYNC_METHOD_REFLINK)
            CHECK(copy(from, directory / "to", Options().with_method(method)) == 0);

    CHECK(copy(from, directory / "to", Options().with_update(ARSYNC_UPDATE_ASK), &done) == -EINVAL);
    CHECK(done.result == -EINVAL);
    Options with_links = Options().with_preserve(ARSYNC_PRESERVE_LINKS);
    with_links.link_set = 1;
    CHECK(copy(from, directory / "to", with_links) == -EINVAL);
    CHECK(arsync_copy(AT_FDCWD, nullptr, AT_FDCWD, "to", nullptr, nullptr) == -EFAULT);
    CHECK(arsync_copy(AT_FDCWD, from.c_str(), AT_FDCWD, "", nullptr, &done) == -ENOENT);
    CHECK(done.result == -ENOENT);
    CHECK(copy(directory / "missing", directory / "to") == -ENOENT);
    for (const Options& options : {Options(), Options().with_update(ARSYNC_UPDATE_OLDER),
                                   Options().with_backup(ARSYNC_BACKUP_SIMPLE)})
        CHECK(copy(directory.path(), directory / "to", options) == -EISDIR);
    const int above = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(arsync_copy(above, "from", above, "beneath", nullptr, nullptr) == 0);
    CHECK(difference(from, directory / "beneath") == "");
    close(above);
}

TEST_CASE_FIXTURE(Clean,
                  "one call copies a tree, by threads of its own, and says where it failed") {
    const Directory directory;
    make_files(directory / "from", {"a/one", "a/two", "b/three", "four"});
    arsync_completion done;
    CHECK(copy(directory / "from", directory / "to", archive(), &done) == 0);
    CHECK(tree_difference(directory / "from", directory / "to") == "");
    REQUIRE(done.details);
    CHECK(done.details->totals->files == 4);
    arsync_details_free(done.details);
    make_directories(directory / "to/a/two_");
    remove_tree(directory / "to/a/two");
    make_directories(directory / "to/a/two");
    CHECK(copy(directory / "from", directory / "to",
               archive().with_want(ARSYNC_WANT_ERROR_PATH | ARSYNC_WANT_TOTALS), &done) == -EISDIR);
    REQUIRE(done.details);
    CHECK(done.details->error_path == std::string("a/two"));
    CHECK(done.details->totals->errors == 1);
    arsync_details_free(done.details);
    CHECK(threads_of_this_process() == threads_without_a_pool);
}

TEST_CASE_FIXTURE(Clean, "one call is made by many threads at once, and outlives a cancel") {
    const Directory directory;
    const std::string from = directory / "from";
    write_pattern(from, 50'000);
    std::vector<std::thread> threads;
    std::vector<int> results(8, 1);
    for (unsigned i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            results[i] = 0;
            for (int n = 0; n < 20 && results[i] == 0; ++n)
                results[i] = copy(from, directory / "to" + std::to_string(i));
        });
    for (std::thread& thread : threads)
        thread.join();
    for (unsigned i = 0; i < 8; ++i) {
        CHECK(results[i] == 0);
        CHECK(difference(from, directory / "to" + std::to_string(i)) == "");
    }
    std::thread cancelled([&] {
        pthread_cancel(pthread_self());
        arsync_completion done = {};
        copy(from, directory / "whole", Options().with_want(ARSYNC_WANT_FD), &done);
        arsync_details_free(done.details); // which closes the copy
        pthread_testcancel();
    });
    cancelled.join();
    CHECK(difference(from, directory / "whole") == "");
}

} // namespace live
