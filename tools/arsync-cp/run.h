// All operands, or all names of a list, are one job: it is submitted, waited for (run.cpp), and
// told of (report.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "arsync.h"
#include "operands.h"
#include "options.h"

// Copies everything; the exit status. After a signal nothing unfinished is left. Throws a Mistake.
int run(const Options& options);

// With --json; cp has 1 for both.
constexpr int status_usage = 2;
constexpr int status_cut_off = 3; // or it could not start

// One operand of the command line, or one name of a list, on its way through the program.
struct Item : Pair {
    explicit Item(const Pair& pair) : Pair(pair) {}
    std::string first_complaint;
    std::string way_complaint;  // of a directory on the way that could not be made
    uint64_t errors = 0;        // completions of a tree's entries with an error
    std::optional<Pair> mirror; // what another item copies, in which it would be lost
    bool failed = false;        // one of its entries, or it itself, so that it matters
};

// The outcomes of files, and what else is counted: as the library's JSON names them.
enum Count { copied, linked, skipped, failed, cancelled, bytes, hole_bytes, entries, errors = 12 };
inline constexpr std::array count_names{
    "copied",  "linked",      "skipped",        "failed",   "cancelled", "bytes", "hole_bytes",
    "entries", "directories", "symbolic_links", "specials", "removed",   "errors"};
using Counts = std::array<uint64_t, count_names.size()>;

// Says what there is to say of an item, of what is below it or on its way, and counts it in the
// end.
void report(Item& item, const arsync_completion& completion, const Options& options,
            const Operands& operands, Counts& counts);
// What is to be asked.
std::string question(Item& item, const arsync_completion& completion, const Options& options,
                     const Operands& operands);
