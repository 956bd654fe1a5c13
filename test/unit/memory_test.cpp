// Want of memory: each allocation of a worker fails in turn. Every job ends all the same, with a
// completion, and the pool closes.
#include <doctest/doctest.h>

#include <arsync.h>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <unistd.h>

namespace {

// Allocations by other threads than the test's, until one fails; none does below 0.
std::atomic<long> until_failure = -1;
thread_local bool exempt = false;

bool fails_now() {
    if (exempt || until_failure.load(std::memory_order_relaxed) < 0)
        return false;
    return until_failure.fetch_sub(1) == 0;
}

} // namespace

void* operator new(size_t size) {
    void* memory = fails_now() ? nullptr : malloc(size);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}
void operator delete(void* memory) noexcept {
    free(memory);
}
void operator delete(void* memory, size_t) noexcept {
    free(memory);
}

namespace {

struct Files {
    Files() {
        char name[] = "/tmp/arsync-memory.XXXXXX";
        directory = mkdtemp(name);
        const std::string content(300'000, 'x');
        FILE* file = fopen(from().c_str(), "w");
        REQUIRE(file);
        CHECK(fwrite(content.data(), 1, content.size(), file) == content.size());
        fclose(file);
    }
    ~Files() {
        unlink(from().c_str());
        unlink(to().c_str());
        rmdir(directory.c_str());
    }
    std::string from() const { return directory + "/from"; }
    std::string to() const { return directory + "/to"; }
    std::string directory;
};

// The job's result; 1 if none came.
int copy(const Files& files, arsync_pool* pool) {
    if (arsync_submit_copy(pool, AT_FDCWD, files.from().c_str(), AT_FDCWD, files.to().c_str(),
                           nullptr, 0, nullptr) < 0)
        return 1;
    arsync_completion done = {};
    return arsync_poll(pool, &done, 1, 20'000) == 1 ? done.result : 1;
}

void each_allocation_fails(uint32_t backend, bool started) {
    const Files files;
    arsync_pool_options options = {};
    options.struct_size = sizeof options;
    options.backend = backend;
    options.workers = 1;
    unsigned failed = 0;
    bool reached = true;
    for (long number = 0; reached && number < 500; ++number) {
        CAPTURE(number);
        arsync_pool* pool = nullptr;
        REQUIRE(arsync_pool_open(&options, &pool) == 0);
        if (started)
            CHECK(copy(files, pool) == 0);
        until_failure = number;
        const int result = copy(files, pool);
        reached = until_failure.exchange(-1) < 0; // it has failed
        CHECK((result == 0 || result == -ENOMEM));
        failed += result == -ENOMEM;
        CHECK(copy(files, pool) == 0); // the worker has survived
        CHECK(arsync_pool_close(pool) == 0);
    }
    CHECK(!reached);
    CHECK(failed > 0);
}

// A tree with a bit of everything, in more directories than one worker lists at once.
void make_tree(const std::string& root) {
    namespace fs = std::filesystem;
    for (int i = 0; i < 6; ++i) {
        const std::string directory = root + "/d" + std::to_string(i);
        fs::create_directories(directory + "/deeper");
        for (int j = 0; j < 14; ++j)
            std::ofstream(directory + "/" + std::to_string(j)) << j;
        fs::create_hard_link(directory + "/0", directory + "/linked");
        fs::create_hard_link(directory + "/0", directory + "/deeper/linked");
        fs::create_symlink("0", directory + "/symbolic");
    }
    std::ofstream(root + "/large") << std::string(6 << 20, 'l');
}

size_t descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

void each_allocation_of_a_tree_fails(uint32_t backend) {
    const Files files;
    const std::string from = files.directory + "/tree";
    const std::string to = files.directory + "/copy";
    make_tree(from);
    arsync_copy_options how = {};
    how.struct_size = sizeof how;
    how.flags = ARSYNC_COPY_RECURSIVE;
    how.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_LINKS;
    how.report = ARSYNC_REPORT_ALL;
    arsync_pool_options options = {};
    options.struct_size = sizeof options;
    options.backend = backend;
    options.workers = 2;
    const size_t open_before = descriptors();
    unsigned failed = 0;
    bool reached = true;
    // Early ones each; later ones are of the same kinds again.
    for (long number = 0; reached && number < 100'000; number += 1 + number / 15) {
        CAPTURE(number);
        arsync_pool* pool = nullptr;
        REQUIRE(arsync_pool_open(&options, &pool) == 0);
        until_failure = number;
        REQUIRE(arsync_submit_copy(pool, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), &how, 0,
                                   nullptr) == 0);
        arsync_completion done = {};
        unsigned jobs = 0;
        int polled = 1;
        while (jobs == 0 && polled == 1) {
            polled = arsync_poll(pool, &done, 1, 20'000);
            jobs += polled == 1 && done.kind == ARSYNC_COMPLETION_JOB;
        }
        reached = until_failure.exchange(-1) < 0;
        REQUIRE(jobs == 1); // or closing would wait for ever too
        CHECK(arsync_poll(pool, &done, 1, 0) == 0);
        failed += done.result == -ENOMEM;
        CHECK((done.result == 0 || done.result == -ENOMEM));
        CHECK(arsync_pool_close(pool) == 0);
        CHECK(descriptors() == open_before);
        std::filesystem::remove_all(to);
    }
    CHECK(!reached);
    CHECK(failed > 0);
    std::filesystem::remove_all(from);
}

} // namespace

TEST_CASE("a worker without memory fails its job and goes on") {
    exempt = true;
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS})
        for (const bool started : {false, true})
            each_allocation_fails(backend, started);
    exempt = false;
}

TEST_CASE("a tree without memory ends, and leaves no descriptor open") {
    exempt = true;
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS})
        each_allocation_of_a_tree_fails(backend);
    exempt = false;
}
