#include "copy/id_map.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <endian.h>
#include <optional>
#include <string_view>
#include <tuple>

#include "io/mounts.h"

namespace arsync {

namespace {

constexpr uint32_t id_max = UINT32_MAX - 1; // the one above means none

struct Ids {
    uint32_t first = 0;
    uint32_t last = 0;
};

std::optional<uint32_t> number(std::string_view text) {
    uint32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size() || id > id_max)
        return std::nullopt;
    return id;
}

// "NAME:password:ID:..." a line, in both files. Not by a stream of the C++ library: that would
// bring all of its locales into each program that we are in.
std::optional<uint32_t> named(std::string_view name, IdKind kind) {
    std::string text;
    if (read_whole(kind == IdKind::user ? "/etc/passwd" : "/etc/group", text) < 0)
        return std::nullopt;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const size_t password = line.find(':');
        const size_t id =
            password == std::string_view::npos ? password : line.find(':', password + 1);
        if (id == std::string_view::npos || line.substr(0, password) != name)
            continue;
        return number(line.substr(id + 1, line.find(':', id + 1) - id - 1));
    }
    return std::nullopt;
}

std::optional<Ids> ids(std::string_view text, IdKind kind) {
    const size_t dash = text.find('-');
    if (const auto id = number(text))
        return Ids{*id, *id};
    if (dash != std::string_view::npos) {
        const auto first = number(text.substr(0, dash));
        const auto last = number(text.substr(dash + 1));
        if (first && last && *first <= *last)
            return Ids{*first, *last};
    }
    if (const auto id = text.empty() ? std::nullopt : named(text, kind))
        return Ids{*id, *id};
    return std::nullopt;
}

// One mapping after the other of a map without names.
struct Mapping {
    Ids from;
    Ids to;
};

uint32_t take_number(const char*& at) {
    uint32_t value = 0;
    for (; *at >= '0' && *at <= '9'; ++at)
        value = value * 10 + static_cast<uint32_t>(*at - '0');
    ++at; // what comes after it
    return value;
}

Mapping take_mapping(const char*& at) {
    Mapping mapping;
    for (uint32_t* id :
         {&mapping.from.first, &mapping.from.last, &mapping.to.first, &mapping.to.last})
        *id = take_number(at);
    return mapping;
}

// As the kernel has it in an extended attribute, all little-endian after four bytes of version.
struct AclEntry {
    uint16_t tag;
    uint16_t permissions;
    uint32_t id;
};
constexpr uint16_t tag_user = 0x02;
constexpr uint16_t tag_own_group = 0x04;
constexpr uint16_t tag_group = 0x08;
constexpr uint16_t tag_others = 0x20;

} // namespace

std::string id_map_of(const char* text, IdKind kind, const char*& why) {
    std::string map;
    for (std::string_view left = text;;) {
        const std::string_view one = left.substr(0, left.find(','));
        const size_t colon = one.find(':');
        why = "is no list of FROM:TO";
        if (colon == std::string_view::npos)
            return "";
        const std::string_view from_text = one.substr(0, colon);
        const auto from = from_text == "*" ? Ids{0, id_max} : ids(from_text, kind);
        const auto to = ids(one.substr(colon + 1), kind);
        why = "names whom the system does not know";
        if (!from || !to)
            return "";
        why = "maps a range to one of another length";
        const uint32_t length = to->last - to->first;
        if (length != 0 && length != from->last - from->first)
            return "";
        char entry[64];
        snprintf(entry, sizeof entry, "%u-%u:%u-%u,", from->first, from->last, to->first, to->last);
        map += entry;
        if (one.size() == left.size())
            break;
        left.remove_prefix(one.size() + 1);
    }
    why = nullptr;
    return map;
}

uid_t mapped_id(const char* map, uid_t id) {
    for (const char* at = map; at && *at;) {
        const Mapping mapping = take_mapping(at);
        if (id < mapping.from.first || id > mapping.from.last)
            continue;
        const bool shifts = mapping.to.first != mapping.to.last;
        return shifts ? mapping.to.first + (id - mapping.from.first) : mapping.to.first;
    }
    return id;
}

void narrow_group_of_acl(std::vector<char>& acl) {
    constexpr size_t version_size = 4;
    const auto for_each = [&](auto visit) {
        for (size_t at = version_size; at + sizeof(AclEntry) <= acl.size();
             at += sizeof(AclEntry)) {
            AclEntry entry;
            memcpy(&entry, acl.data() + at, sizeof entry);
            visit(entry);
            memcpy(acl.data() + at, &entry, sizeof entry);
        }
    };
    uint16_t others = 0;
    for_each([&](const AclEntry& entry) {
        if (le16toh(entry.tag) == tag_others)
            others = entry.permissions;
    });
    for_each([&](AclEntry& entry) {
        if (le16toh(entry.tag) == tag_own_group)
            entry.permissions &= others;
    });
}

void map_acl(const arsync_copy_options& options, gid_t group, std::vector<char>& acl) {
    constexpr size_t version_size = 4;
    if ((!options.user_map && !options.group_map) || acl.size() < version_size ||
        (acl.size() - version_size) % sizeof(AclEntry) != 0)
        return;
    std::vector<AclEntry> entries((acl.size() - version_size) / sizeof(AclEntry));
    if (entries.empty())
        return;
    memcpy(entries.data(), acl.data() + version_size, entries.size() * sizeof(AclEntry));
    const gid_t own_group = copied_group(options, group);
    const auto is_own = [&](const AclEntry& entry) { // of the copy's group
        const uint16_t tag = le16toh(entry.tag);
        return tag == tag_own_group || (tag == tag_group && le32toh(entry.id) == own_group);
    };
    bool becomes_own = false;
    uint16_t of_all = UINT16_MAX;
    for (AclEntry& entry : entries) {
        const uint16_t tag = le16toh(entry.tag);
        const uint32_t id = le32toh(entry.id);
        if (tag == tag_user)
            entry.id = htole32(copied_user(options, id));
        else if (tag == tag_group)
            entry.id = htole32(copied_group(options, id));
        becomes_own = becomes_own || (tag == tag_group && id != group && is_own(entry));
    }
    // To whom two entries apply the kernel grants what either does.
    for (const AclEntry& entry : entries)
        if (is_own(entry))
            of_all &= entry.permissions;
    for (AclEntry& entry : entries)
        if (becomes_own && is_own(entry))
            entry.permissions = of_all;
    const auto key = [](const AclEntry& entry) {
        return std::tuple(le16toh(entry.tag), le32toh(entry.id));
    };
    std::sort(entries.begin(), entries.end(),
              [&](const AclEntry& a, const AclEntry& b) { return key(a) < key(b); });
    std::vector<AclEntry> merged;
    for (const AclEntry& entry : entries) {
        if (!merged.empty() && key(merged.back()) == key(entry))
            merged.back().permissions &= entry.permissions;
        else
            merged.push_back(entry);
    }
    acl.resize(version_size + merged.size() * sizeof(AclEntry));
    memcpy(acl.data() + version_size, merged.data(), merged.size() * sizeof(AclEntry));
}

} // namespace arsync
