#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "io/dirty_pages.h"

using namespace arsync;

namespace {

constexpr uint64_t kib = 1024;

// 1,000,000 KiB that may become dirty, half of it free; 30,000 KiB are dirty.
const std::string meminfo = "MemTotal:        2000000 kB\n"
                            "MemFree:          500000 kB\n"
                            "MemAvailable:     900000 kB\n"
                            "Active(file):     200000 kB\n"
                            "Inactive(file):   300000 kB\n"
                            "Dirty:             20000 kB\n"
                            "Writeback:         10000 kB\n"
                            "WritebackTmp:       5000 kB\n";

uint64_t room(const DirtyLimits& limits, const GroupMemory& group = {},
              std::string_view text = meminfo) {
    return room_for_dirty_pages(text, limits, group);
}

std::string without(const std::string& key) {
    std::string text = meminfo;
    const size_t at = text.find("\n" + key) + 1;
    return text.erase(at, text.find('\n', at) + 1 - at);
}

std::string content_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

} // namespace

TEST_CASE("there is room for dirty pages up to where the kernel begins to write them out") {
    CHECK(room({0, 10, 0, 20}) == 70'000 * kib);
    CHECK_MESSAGE(room({50'000 * kib, 0, 0, 20}) == 20'000 * kib, "a limit in bytes");
    CHECK_MESSAGE(room({0, 30, 100'000 * kib, 0}) == 20'000 * kib,
                  "it begins at half of where one waits");
    CHECK_MESSAGE(room({0, 2, 0, 20}) == 0, "more is dirty than may be");
    CHECK_MESSAGE(room({0, 90, 0, 100}) == 500'000 * kib, "no more than what is free");
    CHECK_MESSAGE(room({0, 10, 0, 20}, {}, meminfo.substr(0, meminfo.size() - 1)) == 70'000 * kib,
                  "no end of line");
}

TEST_CASE(
    "a group has its share of the room for dirty pages, and no more than what is left to it") {
    const GroupMemory half{500'000 * kib, no_memory_limit};
    CHECK(room({0, 10, 0, 20}, half) == 20'000 * kib);
    CHECK(room({100'000 * kib, 0, 400'000 * kib, 0}, half) == 20'000 * kib);
    CHECK(room({0, 10, 0, 20}, {500'000 * kib, 123}) == 123);
    CHECK(room({0, 10, 0, 20}, {0, 0}) == 0);
}

TEST_CASE("where nothing is known of memory there is no room for dirty pages") {
    const DirtyLimits limits{0, 10, 0, 20};
    for (const char* key : {"MemFree:", "Active(file):", "Inactive(file):", "Dirty:", "Writeback:"})
        CHECK(room(limits, {}, without(key)) == 0);
    CHECK(room(limits, {}, "") == 0);
    CHECK(room(limits, {}, "MemFree:") == 0);
    CHECK(room(limits, {}, without("Dirty:") + "Dirty: -\nOther: 5 kB\n") == 0);
    CHECK(room({}) == 0);
}

TEST_CASE("the room for dirty pages is reckoned by what this machine's /proc says") {
    const std::string vm = "/proc/sys/vm/dirty_";
    const auto number = [&](const char* name) { return std::stoull(content_of(vm + name)); };
    const DirtyLimits limits{number("background_bytes"), number("background_ratio"),
                             number("bytes"), number("ratio")};
    bool close = false; // others may free and write what they like meanwhile
    for (int attempt = 0; attempt < 100 && !close; ++attempt) {
        const uint64_t expected =
            room_for_dirty_pages(content_of("/proc/meminfo"), limits, own_group_memory());
        const uint64_t told = room_for_dirty_pages();
        close = told + expected / 10 >= expected && told <= expected + expected / 10;
    }
    CHECK(close);
}

TEST_CASE("what one copy is promised another does not reckon with") {
    PromisedPages first;
    CHECK(first.promise(60, 100));
    {
        PromisedPages second;
        CHECK_FALSE(second.promise(50, 100));
        PromisedPages third;
        CHECK(third.promise(40, 100));
    }
    PromisedPages fourth;
    CHECK(fourth.promise(40, 100));
    PromisedPages fifth;
    CHECK_FALSE(fifth.promise(1, 50));
}
