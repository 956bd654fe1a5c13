// One operand of the command line, or one name of a list, on its way through the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arsync.h"
#include "ledger.h"
#include "place.h"

namespace cp {

enum class Outcome { Pending, Copied, Linked, Skipped, Failed, Cancelled };
inline constexpr size_t outcome_count = 6;

const char* outcome_name(Outcome outcome);

struct Entry {
    Place source;
    Place destination;

    // Whether it is on the command line. Otherwise it is on a list.
    bool named = true;
    // The library does all of it, by the options for trees: a directory, or a name of a list.
    bool is_tree = false;

    // What planning found.
    FileId source_id;
    uint64_t size = 0; // of a regular source, otherwise 0
    mode_t source_mode = 0;
    Names source_names = Names::One;      // of a file, unless links are kept
    bool destination_has_names = false;   // more than the one under which it is written into
    std::optional<FileId> destination_id; // of what the copy will write into
    bool destination_is_new = false;      // must not be there when the copy begins
    bool through_link = false;            // the destination's name is a symbolic link, followed
    bool source_checked = false;          // for being named twice
    bool allowed = false;                 // the user was asked and said yes
    bool removal_due = false;             // the library is to remove what is there
    std::optional<Place> backup;
    std::optional<Place> link_to; // an earlier copy of the same source, to be linked

    // What became of it.
    Outcome outcome = Outcome::Pending;
    arsync_job job = 0;     // 0 unless it runs
    size_t descriptors = 0; // that this job may hold
    bool forced = false;    // the destination was removed because it would not open
    arsync_completion completion{};
    std::optional<arsync_totals> totals; // of a tree
    uint64_t entries_told = 0;           // of a tree: completions of entries
    uint64_t entry_errors = 0;           // of a tree: completions of entries with an error
    bool entry_failed = false;           // and whether one of them matters
    // Of a tree whose links would lead nowhere, which takes two jobs: its directories are made, and
    // what this tells of is the rest.
    bool tells_of_refused = false;
    std::string filter;   // of the job under way
    std::string left_out; // patterns for what in a tree was copied before

    // What there is to say about it, kept until its turn comes.
    struct Line {
        enum class Kind { Chat, Complaint, Script } kind;
        std::string text;
    };
    std::vector<Line> lines;
    std::string first_complaint;

    // How many entries there are shows only when it is copied.
    bool counts_entries() const { return is_tree && (S_ISDIR(source_mode) || !named); }

    Names comes_upon() const { return destination_has_names ? Names::Several : source_names; }

    void chat(std::string text);
    void complain(std::string message);
    void tell_script(std::string line);
    void fail(std::string message);
};

} // namespace cp
