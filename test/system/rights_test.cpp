// Whose rights copies run with: those of the thread that opened the pool, as they were then.
#include <cerrno>
#include <filesystem>
#include <functional>
#include <optional>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"

namespace live {

namespace {

// Runs body on a thread whose file accesses are an ordinary user's.
void as_ordinary_thread(const std::function<void()>& body) {
    std::thread thread([&] {
        setfsgid(ordinary_user);
        setfsuid(ordinary_user);
        body();
    });
    thread.join();
}

int copies(Pool& pool, const Directory& directory) {
    const std::string to = directory / "to";
    const int result = pool.copy(directory / "secret", to).result;
    unlink(to.c_str());
    return result;
}

// On which processors the library's threads may run.
std::vector<std::string> affinities() {
    std::vector<std::string> all;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        const std::string status = read_file(task.path() / "status");
        if (!status.starts_with("Name:\tarsync"))
            continue;
        const size_t at = status.find("Cpus_allowed:");
        all.push_back(status.substr(at, status.find('\n', at) - at));
    }
    return all;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a copy has the rights of the pool's opener, whoever submits it") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "secret", 1000);
    chmod((directory / "secret").c_str(), 0600);
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
        CAPTURE(backend_name(backend));
        const PoolOptions options(backend);
        {
            std::optional<Pool> pool;
            as_ordinary_thread([&] { pool.emplace(options); });
            CHECK(copies(*pool, directory) == -EACCES); // submitted by root
        }
        {
            Pool pool(options);
            as_ordinary_thread([&] { CHECK(copies(pool, directory) == 0); });
        }
        {
            // One worker after the other, each started by another thread's submit.
            std::optional<Pool> pool;
            as_ordinary_thread([&] { pool.emplace(options); });
            for (int i = 0; i < 40; ++i)
                CHECK(pool->submit(directory / "secret", directory / std::to_string(i)) != 0);
            for (int i = 0; i < 40; ++i)
                CHECK(pool->wait().result == -EACCES);
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a copy's group is that of the pool's opener, whichever the submitter has") {
    NEEDS_ROOT();
    constexpr int files = 40;
    const Directory directory;
    write_pattern(directory / "from", 100'000);
    for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
        CAPTURE(backend_name(backend));
        PoolOptions options(backend);
        options.workers = 8; // each is started by a submit
        Pool pool(options);
        std::thread other([&] {
            setfsgid(ordinary_user);
            for (int i = 0; i < files; ++i)
                CHECK(pool.submit(directory / "from", directory / std::to_string(i)) != 0);
        });
        other.join();
        for (int i = 0; i < files; ++i)
            CHECK(pool.wait().result == 0);
        for (int i = 0; i < files; ++i) {
            CHECK(stat_of(directory / std::to_string(i)).st_gid == getegid());
            unlink((directory / std::to_string(i)).c_str());
        }
    }
}

TEST_CASE_FIXTURE(Clean, "workers run where the pool's opener may, wherever the submitter may") {
    cpu_set_t before;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    if (CPU_COUNT(&before) < 2) {
        skip("there is only one processor");
        return;
    }
    const Directory directory;
    write_pattern(directory / "from", 1000);
    Pool pool;
    std::thread confined([&] {
        cpu_set_t one;
        CPU_ZERO(&one);
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &before)) {
                CPU_SET(cpu, &one);
                break;
            }
        }
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
        for (int i = 0; i < 20; ++i)
            CHECK(pool.submit(directory / "from", directory / std::to_string(i)) != 0);
    });
    confined.join();
    for (int i = 0; i < 20; ++i)
        CHECK(pool.wait().result == 0);
    const std::string status = read_file("/proc/thread-self/status");
    for (const std::string& affinity : affinities())
        CHECK(status.find(affinity + "\n") != std::string::npos);
}

} // namespace live
