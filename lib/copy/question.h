// What is at a destination already and is to be asked about, and how a copy goes on by the answer.
//
// A copy that finds something to ask about changes nothing and ends; nothing is kept open for the
// answer. With the answer it is begun anew, and goes on only with what was asked about: if
// something else is there by then, there is another question.
#pragma once

#include "copy/entry.h"
#include "copy/identity.h"

namespace arsync {

inline bool asks_first(const arsync_copy_options& options) {
    return options.update == ARSYNC_UPDATE_ASK || options.update == ARSYNC_UPDATE_ASK_OLDER;
}

struct Question {
    bool open = false;   // it is to be put: nothing was done
    uint32_t answer = 0; // enum arsync_answer_kind; 0: none, or the last one is out of date
    arsync_facts source = {};
    arsync_facts destination = {};
    AskedAbout about = {}; // at the destination
    // Of a name in a tree that is copied by itself: the directories that it was in.
    Identity above_source = {};
    Identity above_destination = {};
};

// What stays by the answer to skip it is what was asked about.
void tell_skipped(const Question& question, const arsync_copy_options& options, Outcome& outcome);

// copy_entry() by the answer, or up to the question.
Task<void> copy_by_answer(Io io, const FileCopy& names, unsigned char type,
                          const EntryContext& context, const arsync_copy_options& options,
                          Question& question, Control& control, Outcome& outcome);

} // namespace arsync
