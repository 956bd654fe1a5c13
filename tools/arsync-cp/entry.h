// One file of the command line on its way through the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arsync.h"
#include "place.h"

namespace cp {

enum class Outcome { Pending, Copied, Linked, Skipped, Failed, Cancelled };
inline constexpr size_t outcome_count = 6;

const char* outcome_name(Outcome outcome);

struct Entry {
    Place source;
    Place destination;

    // What planning found.
    FileId source_id;
    uint64_t size = 0; // of a regular source, otherwise 0
    mode_t source_mode = 0;
    std::optional<FileId> destination_id; // of what the copy will write into
    bool destination_is_new = false;      // must not be there when the copy begins
    bool through_link = false;            // the destination's name is a symbolic link, followed
    bool source_checked = false;          // for being named twice
    bool allowed = false;                 // the user was asked and said yes
    std::optional<Place> backup;
    std::optional<Place> link_to; // an earlier copy of the same source, to be linked

    // What became of it.
    Outcome outcome = Outcome::Pending;
    arsync_job job = 0;          // 0 unless it runs
    uint32_t preserve = 0;       // ARSYNC_PRESERVE_* still to be tried
    bool forced = false;         // the destination was removed because it would not open
    bool attribute_lost = false; // copied, but not with all that was asked for
    arsync_completion completion{};

    // What there is to say about it, kept until its turn comes.
    struct Line {
        bool is_complaint;
        std::string text;
    };
    std::vector<Line> lines;
    std::string first_complaint;

    void chat(std::string text);
    void complain(std::string message);
    void fail(std::string message);
};

} // namespace cp
