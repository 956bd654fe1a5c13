// What the fuzzers have found, and bytes at random: quick, the same each time, in every build.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/fuzz.h"
#include "sanitized.h"
#include "sim/random.h"

namespace fuzz {

namespace {

namespace fs = std::filesystem;

void try_corpus(const char* name, Target* target) {
    const fs::path corpus = fs::path("test/fuzz/corpus") / name;
    REQUIRE(fs::is_directory(corpus));
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(corpus)) {
        CAPTURE(entry.path().string());
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes(std::istreambuf_iterator<char>(file), {});
        target(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
        ++count;
    }
    CHECK(count >= 50); // what is kept is all that reaches something of its own
}

void try_random(Target* target, unsigned count, unsigned longest) {
    for (uint64_t seed = 0; seed < (arsync::sanitized ? count / 10 : count); ++seed) {
        CAPTURE(seed);
        arsync::sim::Random random(seed);
        std::vector<uint8_t> bytes(random.below(longest));
        for (uint8_t& byte : bytes)
            byte = static_cast<uint8_t>(random.next());
        target(bytes.data(), bytes.size());
    }
}

} // namespace

TEST_CASE("calls with any structs, numbers and names end as they say") {
    try_corpus("abi", abi);
    try_random(abi, 150, 400);
}

TEST_CASE("any patterns can be read, and the last word is the last word") {
    try_corpus("filter", filter);
    try_random(filter, 20'000, 100);
}

TEST_CASE("whatever a source says of its holes, each byte comes once") {
    try_corpus("holes", holes);
    try_random(holes, 20'000, 600);
}

TEST_CASE("a quoted name is the same name to a shell, and nothing to a terminal") {
    try_corpus("quote", quote);
    try_random(quote, 20'000, 40);
}

TEST_CASE("an option that is refused, whatever its text, changes nothing") {
    try_corpus("options", options);
    try_random(options, 5'000, 400);
}

TEST_CASE("a completion with any names is one object of JSON") {
    try_corpus("json", json);
    try_random(json, 20'000, 160);
}

TEST_CASE("items in any order come out as if they had been copied one after the other") {
    try_corpus("list", list);
    try_random(list, 100, 60);
}

} // namespace fuzz
