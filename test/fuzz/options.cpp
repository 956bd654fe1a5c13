// Options as text, one after the other, of a copy and a pool: what is refused changes nothing, and
// says why in whole words.
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "arsync.h"
#include "fuzz/fuzz.h"

namespace fuzz {

namespace {

// Some of each kind; and one that there is not.
constexpr std::array names = {
    "backup",    "cache",       "durability", "method",      "reflink", "replace",   "report",
    "sparse",    "symlinks",    "backend",    "update",      "range",   "preserve",  "no-preserve",
    "chunks",    "buffers",     "bwlimit",    "buffer-size", "jobs",    "job-limit", "leases",
    "map-users", "queue-depth", "filter",     "suffix",      "mirror",  "sqpoll",    "none"};

constexpr std::array words = {"",
                              "none",
                              "au",
                              "existing",
                              "t",
                              "mode,times",
                              "all,x",
                              "no",
                              "1K",
                              "18446744073709551615",
                              "16E",
                              "0:",
                              ":1",
                              "64K:1M",
                              "-1",
                              "yes",
                              "file",
                              "t,t",
                              "none-fail",
                              "4096G",
                              "9999999999999G"};

struct Given {
    arsync_copy_options copy{};
    arsync_pool_options pool{};
};

} // namespace

void options(const uint8_t* data, size_t size) {
    Bytes bytes(data, size < 4096 ? size : 4096);
    Given given;
    given.copy.struct_size = sizeof given.copy;
    given.pool.struct_size = sizeof given.pool;
    while (!bytes.empty()) {
        const size_t number = bytes.below(names.size() + 1);
        const std::string name = number < names.size() ? names[number] : bytes.text(8);
        const size_t form = bytes.below(words.size() + 8);
        // A copy that ends with it, so that a read past its end is seen.
        std::string value = form < words.size() ? words[form] : bytes.text(bytes.below(24));
        value.resize(std::strlen(value.c_str()));
        const char* text = form == words.size() ? nullptr : value.c_str();
        const bool has_copy = bytes.below(8) != 0, has_pool = bytes.below(8) != 0;
        const size_t room = bytes.below(96);
        std::string why(room, '?');
        Given before;
        std::memcpy(&before.copy, &given.copy, sizeof given.copy);
        std::memcpy(&before.pool, &given.pool, sizeof given.pool);
        const int result =
            arsync_option_set(has_copy ? &given.copy : nullptr, has_pool ? &given.pool : nullptr,
                              name.c_str(), text, room > 0 ? why.data() : nullptr, room);
        expect(result == 0 || result == -ENOENT || result == -EINVAL, "another error");
        expect(room == 0 || why.find('\0') != why.npos, "a reason without an end");
        if (result == 0) {
            expect(room == 0 || why[0] == '\0', "a reason where nothing is wrong");
        } else {
            expect(std::memcmp(&before.copy, &given.copy, sizeof given.copy) == 0 &&
                       std::memcmp(&before.pool, &given.pool, sizeof given.pool) == 0,
                   "what is refused has changed something");
        }
        // They end before the value does.
        given.copy.filter = given.copy.backup_suffix = nullptr;
        given.copy.user_map = given.copy.group_map = nullptr;
        expect(arsync_options_check(&given.copy, nullptr, 0) != -E2BIG, "options nobody knows");
    }
}

} // namespace fuzz
