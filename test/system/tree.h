// Trees: made, copied, described and compared.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "system/pool.h"

namespace live {

// ---- copying ----

// Options of a tree's copy.
Options recursive(uint32_t more_flags = 0);
constexpr uint32_t preserve_all = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                                  ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR |
                                  ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_CONTEXT;
Options archive(uint32_t more_flags = 0); // recursive, with all that can be preserved

// Those that can be had here.
std::vector<uint32_t> backends();

// The completion of one entry.
struct Entry {
    std::string path;
    int result = 0;
    uint32_t stage = 0;
    uint32_t action = 0;
    uint32_t flags = 0;
    uint64_t bytes = 0;
    std::string backup = {}; // the name that what was there has now
    auto operator<=>(const Entry&) const = default;
};

// All that was said of one job.
struct TreeCopy {
    arsync_completion job = {}; // without what it pointed to
    arsync_totals totals = {};
    bool has_totals = false;
    std::vector<Entry> entries; // in the order they came
    unsigned strays = 0;        // completions that came after the job's own

    const Entry* find(const std::string& path) const;           // null if nothing was said of it
    uint32_t action_of(const std::string& path) const;          // 0 likewise
    std::set<std::pair<std::string, uint32_t>> actions() const; // of all entries, with their paths
    // Of each entry that failed "PATH: STAGE: ERROR", sorted.
    std::vector<std::string> errors() const;
    std::vector<Entry> sorted() const;
};

// Polls until the job has ended.
TreeCopy take_all(Pool& pool);
TreeCopy copy_tree(Pool& pool, const std::string& from, const std::string& to,
                   const Options& options = recursive());
std::string words(const TreeCopy& copy);
std::string lines(const std::vector<std::string>& all);
std::string lines(const std::set<std::string>& all);
std::string lines(const std::set<std::pair<std::string, uint32_t>>& actions);

// ---- making ----

// Each throws where it fails.
void make_directories(const std::string& path);
// Files that hold their own paths and what more says, with the directories they are in; a name that
// ends in a slash is an empty directory.
void make_files(const std::string& top, const std::vector<std::string>& paths,
                const std::string& more = "");
void make_symlink(const std::string& text, const std::string& path);
void make_hard_link(const std::string& old, const std::string& path);
void make_node(const std::string& path, mode_t mode, dev_t device = 0);
void set_mode(const std::string& path, mode_t mode);
void set_owner(const std::string& path, unsigned user, unsigned group);
void set_mtime(const std::string& path, int64_t seconds, long nanoseconds = 0);
void remove_tree(const std::string& path); // of any depth

// ---- looking ----

// No link is followed. 0 where nothing is.
mode_t kind_of(const std::string& path);
ino_t inode_of(const std::string& path);
std::string text_of(const std::string& link); // what it holds; "no link" of anything else

using Names = std::set<std::string>;
// The paths below top, without top itself.
Names names_in(const std::string& top);

#define CHECK_NAMES(top, ...)                                                                      \
    do {                                                                                           \
        const live::Names there = live::names_in(top);                                             \
        INFO(live::lines(there));                                                                  \
        CHECK(there == live::Names(__VA_ARGS__));                                                  \
    } while (false)

// ---- comparing ----

// Below it, path by path: kind, content or what a link holds. No link is followed. Files of the
// same inode are not told from copies.
std::map<std::string, std::string> contents(const std::string& top);
// The same with mode, owner, modification time and inode: what has changed at all.
std::map<std::string, std::string> state(const std::string& top);
// "" if alike, else the first path that differs, and how.
std::string difference(const std::map<std::string, std::string>& a,
                       const std::map<std::string, std::string>& b);
// Of the contents.
std::string tree_difference(const std::string& a, const std::string& b);

struct Counts {
    uint64_t entries = 0, files = 0, directories = 0, symlinks = 0, specials = 0, bytes = 0;
};
Counts count_tree(const std::string& top); // top itself included

} // namespace live
