// Many pools, side by side and one after the other: each copies, and nothing is left of any.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "system/check.h"
#include "system/held.h"

namespace live {

namespace {

unsigned count_of_pools() {
    if (const char* const count = std::getenv("ARSYNC_POOLS"))
        return static_cast<unsigned>(std::strtoul(count, nullptr, 10));
    return sanitized ? 200 : 2000;
}

// Most only open and close; some copy without and some with a ring of their own.
void open_and_close(unsigned number, const Directory& directory) {
    PoolOptions options(number % 5 == 4 ? ARSYNC_BACKEND_THREADS : ARSYNC_BACKEND_AUTO);
    options.workers = 1 + number % 3;
    options.buffer_count = 2;
    options.buffer_size = 65536;
    Pool pool(options);
    if (number % 10 == 3)
        CHECK(pool.copy(directory / "small", directory / "to").result == 0);
    if (number % 20 == 7)
        CHECK(pool.copy(directory / "large", directory / "to",
                        Options().with_method(ARSYNC_METHOD_FIXED))
                  .result == 0);
    if (number % 20 == 11) {
        arsync_buffer buffer{};
        CHECK(arsync_buffer_acquire(pool.get(), 1, &buffer) == 0);
        CHECK(arsync_buffer_release(pool.get(), buffer.id) == 0);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "64 pools at once copy each what it was given") {
    const Directory directory;
    write_pattern(directory / "from", 500'000);
    std::vector<std::unique_ptr<Pool>> pools;
    for (size_t i = 0; i < 64; ++i) {
        PoolOptions options;
        options.workers = 2;
        options.buffer_count = 2;
        options.buffer_size = 65536;
        pools.push_back(std::make_unique<Pool>(options));
    }
    constexpr uint64_t copies = 3;
    for (uint64_t copy = 0; copy < copies; ++copy)
        for (size_t i = 0; i < pools.size(); ++i) {
            const std::string name = std::to_string(i) + "." + std::to_string(copy);
            CHECK(pools[i]->submit(directory / "from", directory / name,
                                   Options().with_method(ARSYNC_METHOD_FIXED), copy) != 0);
        }
    for (size_t i = 0; i < pools.size(); ++i)
        for (uint64_t copy = 0; copy < copies; ++copy) {
            const arsync_completion done = pools[i]->wait();
            CHECK(done.result == 0);
            CHECK(done.bytes == 500'000);
        }
    const auto threads = thread_names();
    CHECK(std::count(threads.begin(), threads.end(), "arsync/0") >= 64);
    for (size_t i = 0; i < pools.size(); ++i)
        CHECK(difference(directory / "from", directory / (std::to_string(i) + ".2")) == "");
}

TEST_CASE_FIXTURE(Clean, "pools that are opened and closed leave nothing, however many") {
    const Directory directory;
    write_pattern(directory / "small", 3000);
    write_pattern(directory / "large", 300'000);
    for (unsigned i = 0; i < 100; ++i) // what the first ones leave for good
        open_and_close(i, directory);
    const Held before;
    const unsigned count = count_of_pools();
    for (unsigned i = 0; i < count; ++i)
        open_and_close(i, directory);
    const Held after;
    MESSAGE(count, " pools: descriptors ", before.descriptors, " -> ", after.descriptors, ", maps ",
            before.maps, " -> ", after.maps, ", locked KiB ", before.locked_kib, " -> ",
            after.locked_kib, ", heap bytes ", before.heap, " -> ", after.heap);
    CHECK(after.descriptors == before.descriptors);
    CHECK(after.maps <= before.maps + 8);
    CHECK(after.locked_kib <= before.locked_kib);
    if (!sanitized)
        CHECK(after.heap <= before.heap + 65536 + handle_bytes * count);
}

} // namespace live
