// Little memory: in a control group the kernel kills who takes too much, and page cache counts too.
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint64_t mib = 1 << 20;

bool put(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool done =
        fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0)
        close(fd);
    return done;
}

// A control group of either version with so much memory; removed when it goes.
class Group {
public:
    explicit Group(uint64_t limit) {
        const std::string name = "/arsync-test-" + std::to_string(getpid());
        const std::string bytes = std::to_string(limit);
        for (const char* root : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"}) {
            const std::string path = root + name;
            if (mkdir(path.c_str(), 0755) < 0)
                continue;
            if (put(path + "/memory.limit_in_bytes", bytes) || put(path + "/memory.max", bytes)) {
                put(path + "/memory.swap.max", "0");
                path_ = path;
                return;
            }
            rmdir(path.c_str());
        }
    }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    ~Group() {
        // Who was in it may take a moment to be gone.
        eventually([&] { return path_.empty() || rmdir(path_.c_str()) == 0; }, 5000);
    }
    explicit operator bool() const { return !path_.empty(); }
    bool enter() const { return put(path_ + "/cgroup.procs", std::to_string(getpid())); }

private:
    std::string path_;
};

void copies_all(Report& report, const Directory& directory, const PoolOptions& options) {
    Pool pool(options);
    const TreeCopy tree = copy_tree(pool, directory / "from", directory / "tree", recursive());
    EXPECT_WITH(report, tree.job.result == 0, words(tree));
    const arsync_completion large = pool.copy(directory / "large", directory / "copy");
    EXPECT_WITH(report, large.result == 0, words(large));
    for (int i = 0; i < 16; ++i)
        EXPECT(report, pool.submit(directory / ("from/" + std::to_string(i)),
                                   directory / ("single" + std::to_string(i)),
                                   Options().with_method(ARSYNC_METHOD_FIXED)) != 0);
    for (int i = 0; i < 16; ++i) {
        const arsync_completion done = pool.wait();
        EXPECT_WITH(report, done.result == 0, words(done));
    }
    for (int i = 0; i < 16; ++i)
        unlink((directory / ("single" + std::to_string(i))).c_str());
}

void make_sources(const Directory& directory) {
    make_directories(directory / "from");
    for (uint32_t i = 0; i < 20; ++i)
        write_pattern(directory / ("from/" + std::to_string(i)), 4'300'000, i + 1);
    write_pattern(directory / "large", 64 * mib);
}

// Of this process, in bytes.
uint64_t address_space() {
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * 4096;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "32 MiB are enough for many files, a large one and a tree") {
    NEEDS_ROOT();
    if (sanitized) {
        skip("a sanitizer has a footprint of its own");
        return;
    }
    const Directory directory;
    make_sources(directory);
    for (const uint64_t limit : {32 * mib, 64 * mib}) {
        for (const uint32_t backend : backends()) {
            CAPTURE(limit);
            CAPTURE(backend_name(backend));
            const Group group(limit);
            if (!group) {
                skip("there are no control groups with memory here");
                return;
            }
            check_in_child([&](Report& report) {
                EXPECT(report, group.enter());
                PoolOptions options(backend);
                options.workers = 8;
                copies_all(report, directory, options);
                Pool pool(options);
                const arsync_info info = pool.info();
                const uint64_t most = uint64_t{info.workers} * info.buffer_count * info.buffer_size;
                EXPECT_WITH(report, most > 0 && most <= limit / 4, std::to_string(most));
            });
            CHECK(tree_difference(directory / "from", directory / "tree") == "");
            CHECK(difference(directory / "large", directory / "copy") == "");
            std::filesystem::remove_all(directory / "tree");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a limit on the address space makes a pool small, not helpless") {
    if (sanitized) {
        skip("a sanitizer has an address space of its own");
        return;
    }
    const Directory directory;
    make_sources(directory);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        check_in_child([&](Report& report) {
            // What earlier cases have mapped is in the child, too.
            const uint64_t most = address_space() + 280 * mib;
            const rlimit limit{most, most};
            EXPECT(report, setrlimit(RLIMIT_AS, &limit) == 0);
            PoolOptions options(backend);
            options.workers = 8;
            options.buffer_count = 1024;
            copies_all(report, directory, options);
        });
        CHECK(tree_difference(directory / "from", directory / "tree") == "");
        std::filesystem::remove_all(directory / "tree");
    }
}

} // namespace live
