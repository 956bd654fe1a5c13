// Copying lists, and what came of their items.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "system/pool.h"

namespace live {

// What is to be copied, and where to. The user_data of each is its number, from 1 on.
class Items {
public:
    Items() = default;
    Items(std::initializer_list<std::pair<std::string, std::string>> names) {
        for (const auto& [from, to] : names)
            add(from, to);
    }
    void add(const std::string& from, const std::string& to) { names_.emplace_back(from, to); }
    // To the same path, as with ARSYNC_COPY_PARENTS and two directories.
    static Items entries(const std::vector<std::string>& paths);

    size_t size() const { return names_.size(); }
    const std::pair<std::string, std::string>& names(size_t i) const { return names_[i]; }
    // Valid for as long as nothing is added.
    std::vector<arsync_item> shown() const;

private:
    std::vector<std::pair<std::string, std::string>> names_;
};

// A completion other than the job's.
struct Told {
    uint32_t kind = 0;
    uint64_t user_data = 0;
    std::string path; // of an entry or a way
    int result = 0;
    uint32_t stage = 0;
    uint32_t action = 0;
    uint32_t flags = 0;
    uint64_t bytes = 0;
    std::string backup;
    std::string name;
    uint64_t other = 0;                // with IN_MIRROR
    uint64_t begin_ns = 0, end_ns = 0; // with ARSYNC_WANT_TIMES
    arsync_totals totals = {};         // of an item that is a tree

    bool has(uint32_t flag) const { return (flags & flag) != 0; }
};

// All that was said of one list.
struct ListCopy {
    arsync_completion job = {}; // without what it pointed to
    arsync_totals totals = {};
    std::string error_path; // of the job; "none"
    std::vector<Told> all;  // in the order they came
    unsigned strays = 0;    // completions that came after the job's own

    // Of that number; kind 0, if it has not exactly one.
    Told item(uint64_t number) const;
    size_t count(uint32_t kind) const;
    std::vector<std::string> paths(uint32_t kind, uint64_t user_data) const; // sorted
    std::vector<std::string> paths(uint32_t kind) const;                     // in their order
};

// What to answer to a question.
using Answerer = std::function<uint32_t(const arsync_completion&)>;

// Polls until the job has ended; questions are skipped if nobody answers.
ListCopy take_list(Pool& pool, const Answerer& answerer = nullptr);
// The result of the submit is the job's, if it was refused.
ListCopy copy_list(Pool& pool, const Items& items, const Options& options = Options(),
                   const Answerer& answerer = nullptr);
ListCopy copy_list_between(Pool& pool, const std::string& from, const std::string& to,
                           const Items& items, const Options& options,
                           const Answerer& answerer = nullptr);
// By arsync_list_open, and arsync_list_add of all at once: what that says.
arsync_job open_list(Pool& pool, const Options& options = Options(), uint64_t user_data = 999);
int add(Pool& pool, arsync_job job, const Items& items);
// Each by a job of its own, one after the other: how many failed.
unsigned copy_in_turn(Pool& pool, const Items& items, const Options& options = Options());

std::string words(const ListCopy& copy); // its errors, and what else it said

} // namespace live
