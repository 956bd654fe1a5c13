// What completions come to, and what there is to say of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arsync.h"
#include "operands.h"

namespace cp {

enum class Outcome { copied, linked, skipped, failed, cancelled, pending };
inline constexpr std::array outcome_names{"copied", "linked", "skipped", "failed", "cancelled"};

// What there is to say, kept until its turn comes.
struct Line {
    enum class Kind { chat, complaint, script } kind;
    std::string text;
};

// One operand of the command line, or one name of a list, on its way through the program.
struct Item : Pair {
    explicit Item(const Pair& pair) : Pair(pair) {}
    bool named = true; // on the command line; otherwise on a list
    Outcome outcome = Outcome::pending;
    arsync_completion completion{};
    std::optional<arsync_totals> totals;     // of a tree
    std::string backup;                      // of what was there, as it is shown
    uint64_t entry_errors = 0;               // completions of a tree's entries with an error
    bool failed = false;                     // one of its entries, or it itself, so that it matters
    const Item* mirror = nullptr;            // in which it would be lost
    std::optional<arsync_completion> on_way; // a directory on the way that could not be made
    std::string way;                         // its path
    std::vector<Line> lines;
    std::string first_complaint;

    void chat(const std::string& text) { lines.push_back({Line::Kind::chat, text}); }
    void complain(const std::string& message); // or nothing, where it is empty
};

// All items together.
struct Totals {
    std::array<uint64_t, outcome_names.size()> outcomes{}; // how many files
    arsync_totals trees{};                                 // of all trees together
    uint64_t ended = 0;                                    // entries
    uint64_t bytes = 0;
    uint64_t hole_bytes = 0;
    double seconds = 0;
    int exit_status = 0;

    void add(const Item& item);
};

// What a completion is about: an item, or an entry of one that is a tree.
struct Subject : Pair {
    const Item& item;
};
Subject subject_of(const Item& item, const arsync_completion& completion);
// The directory on the way to an item that has this path from the source's directory.
Subject way_of(const Item& item, const std::string& path);

// Each adds to the item's lines what there is to say, and with --json a line for the script.
void report_entry(Item& item, const arsync_completion& completion, const Options& options);
// A directory on the way to it was made, or not.
void report_way(Item& item, const arsync_completion& completion, const Options& options);
// It has ended, and has an outcome now.
void settle(Item& item, const arsync_completion& completion, const Options& options);

// What cp calls a failure. Looks at the files again where that tells more.
std::string describe_failure(const Subject& subject, const arsync_completion& completion,
                             const Options& options);
// What --debug tells of the pool.
std::string describe_pool(const arsync_info& info, uint32_t flags_asked_for);

// Lines of --json. Their fields are an interface: they are added to, never changed.
std::string json_of(const Item& item);
// Of a tree's entry, or a listed item, with its backup if it has one.
std::string json_of(const Subject& subject, const std::string& backup,
                    const arsync_completion& completion, const std::string& message);
std::string json_of(const Totals& totals, const arsync_info& info, const arsync_stats& stats);

} // namespace cp
