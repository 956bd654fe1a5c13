// What a child of the caller's program would get of the library's: no descriptor, no buffer.
#include <filesystem>
#include <set>
#include <sstream>

#include "system/check.h"

namespace live {

namespace {

namespace fs = std::filesystem;

std::set<std::string> descriptors() {
    std::set<std::string> names;
    for (const auto& each : fs::directory_iterator("/proc/self/fd"))
        names.insert(each.path().filename());
    return names;
}

// Whether exec(2) closes it; so says the kernel.
bool is_closed_on_exec(const std::string& descriptor) {
    std::istringstream facts(read_file("/proc/self/fdinfo/" + descriptor));
    for (std::string word; facts >> word;)
        if (word == "flags:" && facts >> word)
            return (std::stoul(word, nullptr, 8) & O_CLOEXEC) != 0;
    return false;
}

// Of all mappings that fork(2) does not copy: a buffer that is registered is one of its own.
uint64_t bytes_not_copied() {
    std::istringstream lines(read_file("/proc/self/smaps"));
    uint64_t kib = 0, bytes = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("Size:"))
            kib = std::stoul(line.substr(5));
        if (line.starts_with("VmFlags:") && (line + " ").find(" dc ") != std::string::npos)
            bytes += kib * 1024;
    }
    return bytes;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "no descriptor that a copy opens outlives an exec, no buffer is forked") {
    const Directory directory;
    write_pattern(directory / "from", 8 << 20);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const std::set<std::string> before = descriptors();
        PoolOptions options(backend);
        options.buffer_count = 3;
        options.buffer_size = 4 << 20;
        options.byte_rate = 1 << 20; // it would take seconds
        Pool pool(options);
        for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
            CAPTURE(replace);
            const arsync_job job =
                pool.submit(directory / "from", directory / "to",
                            Options().with_method(ARSYNC_METHOD_FIXED).with_replace(replace));
            REQUIRE(job != 0);
            CHECK(eventually([&] { return pool.progress(job).bytes_done > 0; }, 60'000));
            size_t seen = 0;
            for (const std::string& descriptor : descriptors()) {
                if (before.contains(descriptor) || !fs::exists("/proc/self/fd/" + descriptor))
                    continue; // the last was for listing them
                ++seen;
                const std::string leads_to = fs::read_symlink("/proc/self/fd/" + descriptor);
                CAPTURE(leads_to);
                CHECK(is_closed_on_exec(descriptor));
            }
            CHECK(seen >= 3); // source, destination, what is polled
            CHECK(bytes_not_copied() >= options.buffer_count * options.buffer_size);
            arsync_job_cancel(pool.get(), job);
            CHECK(pool.wait().result == -ECANCELED);
        }
    }
}

} // namespace live
