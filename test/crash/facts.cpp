#include "crash/facts.h"

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include "crash/must.h"

namespace crash {

namespace {

// Quick, and different for what is cut, moved or zeroed.
uint64_t hash_of(const std::string& path) {
    const int fd = must(open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
    static thread_local std::vector<char> part(1 << 20);
    uint64_t hash = 0;
    ssize_t got = 0;
    while ((got = read(fd, part.data(), part.size())) > 0) {
        std::fill(part.begin() + got, part.begin() + std::min<ssize_t>((got + 7) / 8 * 8, 1 << 20),
                  '\0');
        for (ssize_t at = 0; at < got; at += 8) {
            uint64_t word = 0;
            memcpy(&word, part.data() + at, sizeof word);
            hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
            hash ^= hash >> 29;
        }
    }
    close(fd);
    must(got, path);
    return hash;
}

std::map<std::string, std::string> attributes_of(const std::string& path) {
    std::map<std::string, std::string> all;
    char names[4096];
    char value[4096];
    const ssize_t length = must(llistxattr(path.c_str(), names, sizeof names), path);
    for (const char* name = names; name < names + length; name += strlen(name) + 1) {
        const ssize_t size = must(lgetxattr(path.c_str(), name, value, sizeof value), path);
        all[name].assign(value, static_cast<size_t>(size));
    }
    return all;
}

Fact fact_of(const std::string& path) {
    struct stat facts;
    must(lstat(path.c_str(), &facts), path);
    Fact fact;
    fact.mode = facts.st_mode;
    fact.owner = facts.st_uid;
    fact.group = facts.st_gid;
    fact.changed_s = facts.st_mtim.tv_sec;
    fact.changed_ns = facts.st_mtim.tv_nsec;
    fact.inode = facts.st_ino;
    char text[4096];
    if (S_ISREG(facts.st_mode)) {
        fact.size = static_cast<uint64_t>(facts.st_size);
        fact.hash = hash_of(path);
    }
    if (S_ISLNK(facts.st_mode))
        fact.text.assign(
            text, static_cast<size_t>(must(readlink(path.c_str(), text, sizeof text), path)));
    fact.attributes = attributes_of(path);
    return fact;
}

std::string in_hex(const std::string& bytes) {
    std::string text;
    for (const char byte : bytes) {
        char two[3];
        snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(byte));
        text += two;
    }
    return text;
}

void walk(const std::string& top, const std::string& below, Facts& all) {
    const std::string path = top + below;
    DIR* const directory = opendir(path.c_str());
    must(directory ? 0 : -1, path);
    std::vector<std::string> names;
    while (const dirent* entry = readdir(directory))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names.emplace_back(entry->d_name);
    closedir(directory);
    for (const std::string& name : names) {
        const std::string one = below + "/" + name;
        const Fact& fact = all[one] = fact_of(top + one);
        if (fact.is_directory())
            walk(top, one, all);
    }
}

} // namespace

Facts facts_below(const std::string& top) {
    Facts all;
    all[""] = fact_of(top);
    walk(top, "", all);
    std::map<ino_t, std::string> first;
    for (auto& [path, fact] : all)
        fact.first_name = first.emplace(fact.inode, path).first->second;
    return all;
}

bool same_content(const Fact& a, const Fact& b) {
    return (a.mode & S_IFMT) == (b.mode & S_IFMT) && a.size == b.size && a.hash == b.hash &&
           a.text == b.text;
}

bool alike(const Fact& a, const Fact& b, bool times, bool links) {
    return same_content(a, b) && a.mode == b.mode && a.owner == b.owner && a.group == b.group &&
           a.attributes == b.attributes && (!links || a.first_name == b.first_name) &&
           (!times || (a.changed_s == b.changed_s && a.changed_ns == b.changed_ns));
}

std::string describe(const Fact& fact) {
    char text[256];
    snprintf(text, sizeof text, "mode %o, owner %u:%u, %llu bytes of %016llx, time %lld.%09lld",
             static_cast<unsigned>(fact.mode), fact.owner, fact.group,
             static_cast<unsigned long long>(fact.size), static_cast<unsigned long long>(fact.hash),
             static_cast<long long>(fact.changed_s), static_cast<long long>(fact.changed_ns));
    std::string all = text;
    for (const auto& [name, value] : fact.attributes)
        all += ", " + name + " " + in_hex(value);
    return all + (fact.text.empty() ? "" : ", to " + fact.text) + ", as " + fact.first_name;
}

} // namespace crash
