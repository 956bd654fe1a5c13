#include "copy/question.h"

#include <cerrno>

#include "copy/keep_both.h"

namespace arsync {

void tell_skipped(const Question& question, const arsync_copy_options& options, Outcome& outcome) {
    outcome.action = ARSYNC_ACTION_SKIP;
    outcome.wanted.source = question.source;
    outcome.wanted.destination = question.destination;
    outcome.wanted.has |= options.want & (ARSYNC_WANT_SOURCE | ARSYNC_WANT_DESTINATION);
}

Task<void> copy_by_answer(Io io, const FileCopy& names, unsigned char type,
                          const EntryContext& context, const arsync_copy_options& options,
                          Question& question, Control& control, Outcome& outcome) {
    const Outcome before = outcome;
    for (;;) {
        question.open = false;
        EntryContext where = context;
        arsync_copy_options how = options;
        FileCopy to = names;
        switch (question.answer) {
        case ARSYNC_ANSWER_KEEP_BOTH:
            co_await keep_both(io, names, type, context, options, control, outcome);
            co_return;
        case ARSYNC_ANSWER_REPLACE:
            how.update =
                options.update == ARSYNC_UPDATE_ASK ? ARSYNC_UPDATE_ALL : ARSYNC_UPDATE_OLDER;
            to.asked = &question.about;
            break;
        default:
            where.question = &question;
            break;
        }
        try {
            co_await copy_entry(io, to, type, where, how, control, outcome);
            co_return;
        } catch (const Error& error) {
            if (error.stage != ARSYNC_STAGE_ASK || error.code != ESTALE ||
                control.source_is_spent())
                throw;
        }
        // Something else is there by now.
        control.throw_if_cancelled();
        question.answer = 0;
        control.restart();
        outcome.begin_anew(before);
    }
}

} // namespace arsync
