// Maps of users and groups, as the options give them, and what they make of an ACL.
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "copy/id_map.h"

namespace arsync {

namespace {

std::string map_of(const char* text, IdKind kind = IdKind::user) {
    const char* why = "not asked";
    const std::string map = id_map_of(text, kind, why);
    CHECK(why == nullptr);
    return map;
}

uid_t mapped(const char* text, uid_t id) {
    return mapped_id(map_of(text).c_str(), id);
}

struct AclEntry {
    uint16_t tag, permissions;
    uint32_t id;
};

std::vector<char> acl_of(const std::vector<AclEntry>& entries) {
    std::vector<char> acl{2, 0, 0, 0};
    for (const AclEntry& entry : entries) {
        const char* bytes = reinterpret_cast<const char*>(&entry);
        acl.insert(acl.end(), bytes, bytes + sizeof entry);
    }
    return acl;
}

} // namespace

TEST_CASE("the first pair that has an id says whose it becomes, and others stay") {
    CHECK(mapped("5:7", 5) == 7);
    CHECK(mapped("5:7", 6) == 6);
    CHECK(mapped("5:7,5:8,*:9", 5) == 7);
    CHECK(mapped("5:7,*:9", 4'000'000'000) == 9);
    CHECK(mapped("10-19:1000", 10) == 1000);
    CHECK(mapped("10-19:1000", 19) == 1000);
    CHECK(mapped("10-19:1000", 20) == 20);
    CHECK(mapped("0-65535:100000-165535", 0) == 100'000);
    CHECK(mapped("0-65535:100000-165535", 1234) == 101'234);
    CHECK(mapped("4294967294:0", 4'294'967'294) == 0);
    CHECK(mapped_id(nullptr, 3) == 3);
}

TEST_CASE("names are the system's own") {
    CHECK(mapped("root:12", 0) == 12);
    CHECK(mapped("12:root", 12) == 0);
    CHECK(mapped_id(map_of("root:12", IdKind::group).c_str(), 0) == 12);
}

TEST_CASE("what is no map is none, with the reason") {
    for (const char* text :
         {"", "5", "5:", ":5", "5:7,", ",5:7", "5:7:8", "5-3:7", "-1:7", "a b:7", "5:*", "1-3:4-5",
          "4294967295:1", "1:4294967295", "5:7 ", "1-:2", "99999999999:1", "no-such-user:1"}) {
        CAPTURE(text);
        const char* why = nullptr;
        CHECK(id_map_of(text, IdKind::user, why).empty());
        CHECK(why != nullptr);
    }
}

TEST_CASE("an ACL names whom the maps name, each once and in order") {
    const std::string users = map_of("1:9,2:9,3:4");
    const std::string groups = map_of("1:50", IdKind::group);
    arsync_copy_options options{};
    options.user_map = users.c_str();
    options.group_map = groups.c_str();
    constexpr uint32_t none = UINT32_MAX;
    std::vector<char> acl = acl_of({{1, 7, none},
                                    {2, 6, 1},
                                    {2, 5, 2},
                                    {2, 7, 3},
                                    {4, 4, none},
                                    {8, 4, 1},
                                    {16, 7, none},
                                    {32, 0, none}});
    map_acl(options, 7, acl);
    CHECK(acl == acl_of({{1, 7, none},
                         {2, 7, 4},
                         {2, 4, 9},
                         {4, 4, none},
                         {8, 4, 50},
                         {16, 7, none},
                         {32, 0, none}}));
    std::vector<char> odd{2, 0, 0};
    map_acl(options, 7, odd);
    CHECK(odd.size() == 3);
}

// Of two entries that apply to somebody the kernel grants what either does.
TEST_CASE("a group that becomes the file's own gives nobody more than all of them had") {
    const std::string groups = map_of("10-20:100", IdKind::group);
    arsync_copy_options options{};
    options.group_map = groups.c_str();
    constexpr uint32_t none = UINT32_MAX;
    const auto acl_with = [&](uint16_t own, uint16_t at_first, uint32_t id, uint16_t second,
                              uint32_t other) {
        return acl_of({{1, 7, none},
                       {4, own, none},
                       {8, at_first, id},
                       {8, second, other},
                       {16, 7, none},
                       {32, 0, none}});
    };
    std::vector<char> acl = acl_with(4, 6, 20, 5, 300);
    map_acl(options, 10, acl);
    CHECK(acl == acl_with(4, 4, 100, 5, 300));
    acl = acl_with(4, 6, 20, 5, 300);
    map_acl(options, 40, acl); // which becomes no other
    CHECK(acl == acl_with(4, 6, 100, 5, 300));
    acl = acl_with(5, 6, 10, 0, 20); // the file's own is named, too
    map_acl(options, 10, acl);
    CHECK(acl == acl_of({{1, 7, none}, {4, 0, none}, {8, 0, 100}, {16, 7, none}, {32, 0, none}}));
}

} // namespace arsync
