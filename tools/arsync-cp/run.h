// All operands, or all names of a list, are one job: it is submitted, waited for (run.cpp), and
// told of (report.cpp, json.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "arsync.h"
#include "operands.h"
#include "options.h"

// Copies everything; the exit status. If a signal ended it, everything is cleaned up.
int run(const Options& options, Operands& operands);

// With --json; cp has 1 for both.
constexpr int status_usage = 2;
constexpr int status_cut_off = 3; // or it could not start

// What there is to say, kept until its turn comes, and how.
struct Line {
    void (*print)(std::string_view);
    std::string text;
};

struct Question {
    arsync_question id;
    Pair pair;
    mode_t mode; // of what is there
};

// One operand of the command line, or one name of a list, on its way through the program.
struct Item : Pair {
    explicit Item(const Pair& pair) : Pair(pair) {}
    std::vector<Line> lines;
    std::vector<Question> questions;
    std::string first_complaint;
    std::string way_complaint;    // of a directory on the way that could not be made
    uint64_t errors = 0;          // completions of a tree's entries with an error
    const Item* mirror = nullptr; // in which it would be lost
    bool failed = false;          // one of its entries, or it itself, so that it matters
    bool ended = false;
};

// The outcomes of files, and what else is counted.
enum Count { copied, linked, skipped, failed, cancelled, bytes, hole_bytes, entries, errors = 12 };
inline constexpr std::array count_names{
    "copied",  "linked",      "skipped",        "failed",   "cancelled", "bytes", "hole_bytes",
    "entries", "directories", "symbolic_links", "specials", "removed",   "errors"};
using Counts = std::array<uint64_t, count_names.size()>;

// Adds to the item's lines what there is to say of it, or of what lies below it or on the way to
// it; and if it has ended, to the counts.
void report(Item& item, const arsync_completion& completion, const Options& options,
            const Operands& operands, Counts& counts);
// What --debug tells of the pool.
std::string describe_pool(const arsync_info& info, uint32_t flags_asked_for);

// Lines of --json. Their fields are an interface: they are added to, never changed.
struct Story {
    std::string source; // as it is shown, and so are these
    std::string destination;
    const arsync_completion& completion;
    std::string backup; // of what was there
    std::string message;
    const char* outcome = nullptr;  // of what is named on the command line
    const Counts* counts = nullptr; // and is a tree
};
std::string json_of(const Story& story);
std::string json_of(const Counts& counts, double seconds, int exit_status, const arsync_info& info,
                    const arsync_stats& stats);
