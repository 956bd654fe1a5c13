// One operand of the command line, or one name of a list, on its way through the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arsync.h"
#include "place.h"

namespace cp {

enum class Outcome { pending, copied, linked, skipped, failed, cancelled };
inline constexpr size_t outcome_count = 6;
const char* outcome_name(Outcome outcome);

// What there is to say, kept until its turn comes.
struct Line {
    enum class Kind { chat, complaint, script } kind;
    std::string text;
};

struct Item {
    Place source;
    Place destination;
    bool named = true; // on the command line; otherwise on a list

    Outcome outcome = Outcome::pending;
    arsync_completion completion{};
    std::optional<arsync_totals> totals; // of a tree
    std::optional<Place> backup;         // of what was there
    uint64_t entry_errors = 0;           // completions of a tree's entries with an error
    bool failed = false;                 // one of its entries, or it itself, in a way that matters
    const Item* mirror = nullptr;        // in which it would be lost
    std::optional<arsync_completion> on_way; // a directory on the way that could not be made
    std::string way;                         // its path
    std::vector<Line> lines;
    std::string first_complaint;

    void chat(std::string text) { lines.push_back({Line::Kind::chat, std::move(text)}); }
    void complain(std::string message);
};

} // namespace cp
