// Entries of a tree that have something to ask, until they go on by the answer.
#include <cerrno>

#include "copy/tree/part.h"

namespace arsync {

std::unique_ptr<SuspendedEntry> TreePart::to_be_asked(const Unit& unit, unsigned char type) const {
    auto entry = std::make_unique<SuspendedEntry>();
    entry->directory = unit.directory;
    entry->name = unit.name;
    entry->type = type;
    entry->follows = unit.follows;
    return entry;
}

// Whether it waits for its answer, as a part of the directory that no batch has any more. If not,
// outcome says why: -ECANCELED at ARSYNC_STAGE_ASK if nothing more is to come of it.
bool TreePart::ask(Batch& batch, std::unique_ptr<SuspendedEntry> entry, Outcome& outcome) {
    batch.pin->pending.fetch_add(1, std::memory_order_relaxed);
    outcome.fail(-ECANCELED, ARSYNC_STAGE_ASK);
    try {
        if (!tree_.stopping() && tree_.ask(entry))
            return true;
    } catch (const std::bad_alloc&) {
        outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    batch.pin->pending.fetch_sub(1, std::memory_order_relaxed); // nor the last: the batch is one
    return false;
}

// Before anything new, and then nothing new while too many have no answer.
Task<void> TreePart::go_on_with_answers() {
    for (;;) {
        while (std::unique_ptr<SuspendedEntry> entry = tree_.take_answered())
            co_await go_on(std::move(entry));
        if (!tree_.asks_too_much())
            co_return;
        awake_.remove();
        co_await Tree::Room(tree_, io_.ring);
        awake_.add();
    }
}

Task<void> TreePart::go_on(std::unique_ptr<SuspendedEntry> entry) {
    co_await Poll(*this);
    if (entry->asked.answer == ARSYNC_ANSWER_STOP) {
        co_await give_up(std::move(entry));
        co_return;
    }
    Outcome outcome;
    if (entry->asked.answer == ARSYNC_ANSWER_SKIP) {
        outcome.wanted.begin(job_.options);
        tell_skipped(entry->asked, job_.options, outcome);
        outcome.wanted.end(job_.options);
        co_await end_answered(std::move(entry), outcome);
        co_return;
    }
    while (!window_.has_room())
        co_await Window::EntryEnd(window_);
    std::unique_ptr<Batch> batch;
    co_await attempt(outcome, [&]() -> Task<void> { return open_again(entry->directory, batch); });
    if (!batch) {
        co_await end_answered(std::move(entry), outcome);
        co_return;
    }
    Unit unit{entry->directory, entry->name, entry->follows};
    Batch& begun = *batch.release(); // from here on its last part's to free
    const unsigned char type = entry->type;
    if (!begin_entry(begun, std::move(unit), type, Source(), std::move(entry)))
        tree_.entry_ended();
    if (DirectoryRef done = end_part(begun))
        co_await complete(std::move(done));
}

Task<void> TreePart::open_again(const DirectoryRef& directory, std::unique_ptr<Batch>& batch) {
    batch = std::make_unique<Batch>(Pin(io_.files, directory));
    co_return;
}

Task<void> TreePart::end_answered(std::unique_ptr<SuspendedEntry> entry, Outcome outcome) {
    end_entry(entry->directory.get(), entry->name, outcome);
    co_await complete(std::move(entry->directory));
    tree_.entry_ended();
}

// Neither an entry that was copied nor one that failed.
Task<void> TreePart::give_up(std::unique_ptr<SuspendedEntry> entry) {
    co_await complete(std::move(entry->directory));
    tree_.entry_ended();
}

} // namespace arsync
