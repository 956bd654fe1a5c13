// Want of memory and of threads: each allocation that the library makes fails in turn, on its own
// threads and on the caller's, and each start of a thread. Every job that was taken ends, with one
// completion; the pool goes on, closes, and leaves nothing behind.
#include <doctest/doctest.h>

#include "sanitized.h"
#include "skip.h"
#include "unit/failing.h"
#include "unit/work.h"

#include <algorithm>
#include <arsync.h>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>

namespace {

using failing::Call;
using failing::What;

arsync_pool_options pool_options(uint32_t backend, uint32_t workers) {
    arsync_pool_options options = {};
    options.struct_size = sizeof options;
    options.backend = backend;
    options.workers = workers;
    return options;
}

struct Ends {
    unsigned taken = 0;       // jobs
    unsigned ended = 0;       // of these
    bool other_error = false; // than want of memory
    bool failed = false;      // a call, or a job
    void note(int result) {
        failed = failed || result < 0;
        other_error = other_error || (result < 0 && result != -ENOMEM);
    }
};

// What has to do with one question may fail for want of memory, and is asked of the library again.
void answer(arsync_pool* pool, arsync_question question) {
    const auto wish = static_cast<uint32_t>(ARSYNC_ANSWER_SKIP + question % 3);
    int result = -ENOMEM;
    for (int i = 0; i < 3 && result == -ENOMEM; ++i) {
        const Call call;
        result = arsync_answer(pool, question, wish);
    }
    CHECK((result == 0 || result == -ENOENT)); // withdrawn, for its job ends
}

Ends run(arsync_pool* pool, work::Work& work) {
    Ends ends;
    for (unsigned number = 0; number < work.jobs(); ++number) {
        const Call call;
        const int result = work.submit(pool, number);
        ends.taken += result == 0;
        ends.note(result);
    }
    while (ends.ended < ends.taken) {
        arsync_completion done = {};
        int polled = -ENOMEM;
        for (int i = 0; i < 3 && polled == -ENOMEM; ++i) {
            const Call call;
            polled = arsync_poll(pool, &done, 1, 20'000);
        }
        if (polled != 1)
            break;
        if (done.kind == ARSYNC_COMPLETION_QUESTION)
            answer(pool, done.details->question);
        if (done.kind != ARSYNC_COMPLETION_JOB)
            continue;
        ++ends.ended;
        ends.note(done.result);
        work.ended(pool, done);
    }
    return ends;
}

// A thread is out of the list a moment after it has been joined.
bool are_so_few(size_t threads) {
    for (int i = 0; i < 2000; ++i) {
        if (failing::threads() <= threads)
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

struct Failures {
    What what = What::allocation;
    bool for_ever = false;
    long growth = 0; // number n is tried for each n up to this, later ones are of the same kinds
    bool started = false; // the pool has made another copy before
};

// Whether there was so much to fail. ended_badly counts when it mattered.
bool fails_at(long number, Failures failures, const arsync_pool_options& options, work::Work& work,
              work::Work& other, unsigned& ended_badly) {
    work.prepare();
    other.prepare();
    const size_t threads = failing::threads();
    const size_t descriptors = failing::descriptors();
    const long allocations = failing::allocations();
    arsync_pool* pool = nullptr;
    int opened = 0;
    if (failures.started) {
        REQUIRE(arsync_pool_open(&options, &pool) == 0);
        CHECK(!run(pool, other).failed);
    }
    failing::after(failures.what, number, failures.for_ever);
    if (!failures.started) {
        const Call call;
        opened = arsync_pool_open(&options, &pool);
    }
    Ends ends;
    ends.note(opened);
    if (opened == 0)
        ends = run(pool, work);
    const bool failed = failing::end(failures.what);
    ended_badly += ends.failed;
    REQUIRE(ends.ended == ends.taken); // or closing would wait for ever too
    CHECK(!ends.other_error);
    if (!ends.failed)
        CHECK(work.difference() == "");
    CHECK(work.litter() == "");
    if (opened == 0) {
        arsync_completion more = {};
        CHECK(arsync_poll(pool, &more, 1, 0) == 0);
        CHECK(!run(pool, other).failed); // whoever was hit has survived
        CHECK(arsync_pool_close(pool) == 0);
    }
    CHECK(failing::allocations() == allocations + (opened == 0)); // a handle stays for ever
    CHECK(failing::descriptors() == descriptors);
    CHECK(are_so_few(threads));
    return failed;
}

unsigned each_fails(Failures failures, const arsync_pool_options& options, work::Work& work) {
    std::thread([] {}).join(); // with the first one ThreadSanitizer starts one that stays
    const auto other = work::file(false);
    const long growth = arsync::sanitized ? std::min(failures.growth, 10L) : failures.growth;
    unsigned ended_badly = 0;
    bool failed = true;
    for (long number = 0; failed && number < 100'000; number += 1 + number / growth) {
        CAPTURE(number);
        failed = fails_at(number, failures, options, work, *other, ended_badly);
    }
    CHECK(!failed);
    return ended_badly;
}

constexpr uint32_t backends[] = {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS};

void each_allocation_fails(work::Work& work, uint32_t workers, long growth, bool started = false) {
    for (const uint32_t backend : backends) {
        CAPTURE(backend);
        const Failures failures{What::allocation, false, growth, started};
        CHECK(each_fails(failures, pool_options(backend, workers), work) > 0);
    }
}

} // namespace

TEST_CASE("without memory a file's copy fails, and its pool goes on") {
    each_allocation_fails(*work::file(false), 1, 500);
    each_allocation_fails(*work::file(false), 1, 500, true);
    each_allocation_fails(*work::file(true), 1, 500);
}

TEST_CASE("without memory a range's copy fails, and its pool goes on") {
    each_allocation_fails(*work::range(false), 1, 500);
    each_allocation_fails(*work::range(false), 1, 500, true);
    each_allocation_fails(*work::range(true), 1, 500);
}

TEST_CASE("without memory operations on leased buffers fail, and their pool goes on") {
    each_allocation_fails(*work::leased(), 2, 500);
    each_allocation_fails(*work::leased(), 2, 500, true);
}

TEST_CASE("without memory a tree's copy ends, and leaves nothing behind") {
    for (const auto kind :
         {work::Kind::plain, work::Kind::thorough, work::Kind::mirror, work::Kind::questions})
        each_allocation_fails(*work::tree(kind), 2, 15);
}

TEST_CASE("without memory jobs end that wait for each other's copies") {
    each_allocation_fails(*work::linked(), 2, 500);
}

TEST_CASE("without memory a list's copy ends, and leaves nothing behind") {
    for (const bool of_one_tree : {false, true})
        each_allocation_fails(*work::list(of_one_tree), 2, 15);
}

TEST_CASE("an allocation of C fails as one of C++ does") {
    if (!failing::fails_in_c) {
        arsync::skip("only the C library of glibc can be told so, and without a sanitizer");
        return;
    }
    void* volatile memory = nullptr; // not to be left out
    failing::after(What::allocation, 0);
    {
        const Call call;
        memory = malloc(100);
    }
    CHECK(failing::end(What::allocation));
    CHECK(!memory);
    free(memory);
}

// Each one, of jobs that are small enough for that.
TEST_CASE("whichever allocation of a small tree or list fails, its copy ends") {
    constexpr long every = 100'000;
    for (const auto kind :
         {work::Kind::plain, work::Kind::thorough, work::Kind::mirror, work::Kind::questions})
        each_allocation_fails(*work::small_tree(kind), 2, every);
    for (const bool of_one_tree : {false, true})
        each_allocation_fails(*work::small_list(of_one_tree), 2, every);
}

// Whose work is not known to be local: it was not when it began, and no memory may be left to see.
TEST_CASE("without memory nobody joins work of which it is not known where it belongs") {
    const work::ServerlessMount mount("/tmp/arsync-mount." + std::to_string(getpid()));
    if (!mount.is_there()) {
        arsync::skip("a mount that no server answers for takes root");
        return;
    }
    each_allocation_fails(*work::tree(work::Kind::plain), 2, 15);
    each_allocation_fails(*work::list(false), 2, 15);
}

TEST_CASE("without memory jobs end that wait for servers, and others") {
    const auto several = work::several();
    if (!several) {
        arsync::skip("a mount that no server answers for takes root");
        return;
    }
    each_allocation_fails(*several, 1, 500);
}

TEST_CASE("without memory and without threads copies fail in the thread that polls") {
    failing::after(What::thread, 0, true);
    const std::unique_ptr<work::Work> works[] = {work::file(true), work::range(true)};
    for (const auto& work : works)
        CHECK(each_fails({What::allocation, false, 500, false},
                         pool_options(ARSYNC_BACKEND_AUTO, 2), *work) > 0);
    CHECK(each_fails({What::allocation, false, 15, false}, pool_options(ARSYNC_BACKEND_AUTO, 2),
                     *work::tree(work::Kind::questions)) > 0);
    CHECK(failing::end(What::thread));
}

TEST_CASE("a copy by arsync_copy that is there is never told as one for which memory was short") {
    const std::string directory = [] {
        char name[] = "/tmp/arsync-unit-XXXXXX";
        return std::string(mkdtemp(name));
    }();
    const std::string to = directory + "/to";
    const std::string backup = to + "-which-is-longer-than-what-fits-into-a-string-itself";
    for (const size_t size : {size_t{100}, size_t{5} << 20}) { // alone, and by a pool
        CAPTURE(size);
        const std::string from = directory + "/from";
        std::ofstream(from) << std::string(size, 'x');
        arsync_copy_options options = {};
        options.struct_size = sizeof options;
        options.want = ARSYNC_WANT_SOURCE | ARSYNC_WANT_DESTINATION | ARSYNC_WANT_FD;
        options.backup = ARSYNC_BACKUP_SIMPLE;
        options.backup_suffix = backup.c_str() + to.size();
        bool failed = true;
        for (long given = 0; failed && given < 10'000; ++given) {
            CAPTURE(given);
            std::ofstream(to) << "before";
            unlink(backup.c_str());
            arsync_completion done = {};
            int result = 0;
            failing::after(What::allocation, given);
            {
                const Call call;
                result = arsync_copy(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), &options, &done);
            }
            failed = failing::end(What::allocation);
            std::error_code none;
            const bool is_there = std::filesystem::file_size(to, none) == size;
            CHECK(is_there == ((done.flags & ARSYNC_COMPLETION_COPIED) != 0));
            CHECK(done.result == result);
            if (result == 0) {
                REQUIRE(done.details);
                CHECK(done.details->backup == backup.substr(directory.size() + 1));
                CHECK((done.details->has & ARSYNC_WANT_FD) != 0);
            }
            arsync_details_free(done.details);
        }
        CHECK(!failed);
    }
    std::filesystem::remove_all(directory);
}

// What needs no thread of its own is done by those that there are, or by who polls.
TEST_CASE("without threads all is copied all the same") {
    std::unique_ptr<work::Work> works[] = {work::file(false), work::range(true),
                                           work::tree(work::Kind::plain),
                                           work::tree(work::Kind::questions)};
    for (const uint32_t backend : backends)
        for (const bool for_ever : {false, true})
            for (auto& work : works) {
                CAPTURE(backend);
                CAPTURE(for_ever);
                const Failures failures{What::thread, for_ever, 500, false};
                CHECK(each_fails(failures, pool_options(backend, 2), *work) == 0);
            }
}
