#include "copy/list/member.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <new>
#include <utility>

#include "copy/conflict.h"
#include "copy/list/item_host.h"
#include "copy/list/take.h"
#include "copy/path.h"
#include "copy/question.h"
#include "copy/tree/totals.h"

namespace arsync {

// ---- what an item's copy says and asks ----

namespace {

struct SuspendedItem final : Suspended {
    explicit SuspendedItem(Question& own) : asked(own) {}
    Question& question() override { return asked; }
    Question& asked;
};

// co_await answer: until it is there. The two may come in any order, from two threads.
class Answer final : public Asker, Waiter {
public:
    explicit Answer(Ring& ring) : ring_(ring) {}
    void answered(std::unique_ptr<Suspended>) override {
        if (state_.exchange(State::answered) == State::asleep)
            ring_.post_from_outside(*this);
    }
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        return state_.exchange(State::asleep) != State::answered;
    }
    void await_resume() const noexcept {}

private:
    enum class State { open, asleep, answered };
    Ring& ring_;
    std::atomic<State> state_ = State::open;
};

} // namespace

// ---- taking items ----

ListMember::ListMember(List& list, Io io, Control& control, Host& host)
    : list_(list), io_(io.with(memo_)), control_(control), host_(host),
      window_(io.ring, host.workers()) {}

Task<void> ListMember::run() {
    try {
        co_await take_items();
    } catch (const std::bad_alloc&) { // not even the frame of a coroutine
        list_.out_of_memory();
    }
    try {
        co_await items_.join();
    } catch (const std::bad_alloc&) {
        list_.out_of_memory();
    }
}

Task<void> ListMember::take_items() {
    for (;;) {
        while (!window_.has_room())
            co_await Window::EntryEnd(window_);
        co_await RoomToReport(*list_.host_, io_.ring);
        if (control_.held())
            co_await wait_while_held(io_, control_);
        const bool taken = co_await List::Turn(list_, io_.ring);
        if (!taken) {
            if (list_.over())
                co_return;
            continue;
        }
        // Whoever has the turn gives it back, and copies what it has admitted meanwhile afterwards.
        bool alone = false;
        try {
            if (list_.mirrors() && !list_.are_apart_)
                co_await check_mirrors();
            if (list_.stopping()) {
                list_.give_turn_back();
                continue;
            }
            do {
                alone = co_await admit_next();
            } while (!alone && may_admit_more());
            if (asks_first(list_.options_)) // so many may wait for answers and no more
                start_admitted();
        } catch (const std::bad_alloc&) {
            list_.give_turn_back();
            start_admitted();
            throw;
        }
        if (!alone)
            list_.give_turn_back();
        start_admitted();
        constexpr unsigned yield_after = 32; // others get their turn: completions, and other jobs
        if (since_yield_ >= yield_after) {
            since_yield_ = 0;
            co_await io_.ring.yield();
        }
    }
}

// Whether it keeps the turn.
Task<bool> ListMember::admit_next() {
    const auto item = std::make_shared<Item>();
    list_.take_item(*item);
    item->failure = why_untriable(item->names);
    if (!item->failure)
        co_await admit(*item);
    list_.begin(*item);
    window_.enter();
    admitted_[admitted_count_++] = item;
    admitted_bytes_ += item->touch.source_size;
    co_return item->alone;
}

// Small files, of which others need none so soon.
bool ListMember::may_admit_more() {
    constexpr uint64_t bytes_max = 128 << 10;
    return !asks_first(list_.options_) && admitted_count_ < admitted_.size() &&
           admitted_bytes_ < bytes_max && !admitted_[admitted_count_ - 1]->touch.is_tree() &&
           window_.has_room() && !control_.held() && list_.has_more();
}

void ListMember::start_admitted() {
    const unsigned count = std::exchange(admitted_count_, 0);
    since_yield_ += count;
    admitted_bytes_ = 0;
    for (unsigned i = 0; i < count; ++i) {
        const std::shared_ptr<Item> item = std::move(admitted_[i]);
        if (items_.spawn([&] { return copy(item); }))
            continue;
        Outcome none;
        none.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
        end(*item, none, {});
        window_.leave();
        list_.stop();
        if (item->alone)
            list_.give_turn_back();
    }
}

// With the turn, until nothing is in flight, for which what was admitted has to be copied.
List::NobodyElse ListMember::nobody_else() {
    start_admitted();
    return List::NobodyElse(list_, io_.ring);
}

// What keeps its paths from even being tried.
std::optional<Error> ListMember::why_untriable(const ListItem& names) const {
    const auto error_of = [](const std::string& path) {
        return path.empty() ? ENOENT : path.size() >= PATH_MAX ? ENAMETOOLONG : 0;
    };
    if (const int error = error_of(names.source); error != 0)
        return Error{ARSYNC_STAGE_OPEN_SOURCE, error};
    const int error = error_of(names.destination);
    if (error == 0)
        return std::nullopt;
    struct statx facts;
    const bool is_directory =
        io_.files.statx(list_.source_dirfd_, names.source.c_str(), 0, facts) == 0 &&
        S_ISDIR(facts.stx_mode);
    return Error{is_directory ? ARSYNC_STAGE_MAKE_DIRECTORY : ARSYNC_STAGE_OPEN_DESTINATION, error};
}

// ---- one item ----

Task<void> ListMember::copy(std::shared_ptr<Item> item) {
    if (list_.stopping()) { // since it was admitted: it is not begun, and not told of
        list_.leave_out(*item);
        give_place_back(*item);
        co_return;
    }
    Outcome outcome;
    outcome.wanted.begin(list_.options_);
    arsync_totals totals = {};
    totals.struct_size = sizeof totals;
    try {
        if (item->failure) {
            outcome.fail(*item->failure);
            outcome.flags |= item->fails_on_the_way ? ARSYNC_COMPLETION_ON_THE_WAY : 0;
        } else if (item->directory) {
            end_directory(*item, outcome, totals);
        } else if (item->repeats) {
            outcome.action = ARSYNC_ACTION_SKIP;
            outcome.flags |= ARSYNC_COMPLETION_REPEATED;
            if (item->touch.is_tree())
                outcome.flags |= ARSYNC_COMPLETION_DIRECTORY;
        } else {
            co_await copy_until_ended(*item, outcome, totals);
        }
    } catch (const std::bad_alloc&) { // for a frame
        outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    if (outcome.result == 0)
        window_.widen();
    outcome.wanted.end(list_.options_);
    end(*item, outcome, totals);
    give_place_back(*item);
}

// Whatever happened, for others wait for it.
void ListMember::give_place_back(const Item& item) {
    if (item.alone)
        list_.give_turn_back();
    window_.leave();
}

// Errors become the outcome's result here. What failed for want of descriptors is begun anew for as
// long as there is hope; what has a question, with the answer.
Task<void> ListMember::copy_until_ended(Item& item, Outcome& outcome, arsync_totals& totals) {
    Question question;
    const Outcome before = outcome;
    for (unsigned number = 0;;) {
        outcome.begin_anew(before);
        totals = {};
        totals.struct_size = sizeof totals;
        Control control(control_);
        try {
            const Scarcity::Busy busy(list_.scarcity_);
            co_await copy_item_once(item, question, control, outcome, totals);
        } catch (const Error& error) {
            outcome.fail(error);
        } catch (const std::bad_alloc&) {
            outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
        }
        if (question.open && outcome.result == 0) {
            control.take_back();
            co_await wait_for_answer(item, question, outcome);
            if (outcome.result < 0)
                co_return;
            continue;
        }
        const bool ended = outcome.action == ARSYNC_ACTION_TREE || !outcome.may_begin_anew() ||
                           control.source_is_spent() ||
                           (outcome.result != -EMFILE && outcome.result != -ENFILE);
        if (ended) {
            if (number > 0) {
                list_.scarcity_.relieve();
                list_.ways_.directories().set_keeping(true);
            }
            co_return;
        }
        control.take_back();
        const bool again = co_await wait_for_descriptors(number);
        if (!again)
            co_return;
        ++number;
    }
}

// Nothing is kept open meanwhile, and others take its place.
Task<void> ListMember::wait_for_answer(const Item& item, Question& question, Outcome& outcome) {
    ItemHost host(list_, host_, item);
    Answer answer(io_.ring);
    std::unique_ptr<Suspended> suspended = std::make_unique<SuspendedItem>(question);
    if (list_.stopping() || !host.ask(answer, suspended, nullptr)) {
        outcome.fail(-ECANCELED, ARSYNC_STAGE_ASK);
        co_return;
    }
    if (list_.stopping()) // whoever stopped it may not have seen this one
        host.withdraw_questions();
    window_.leave();
    list_.count_unanswered(1);
    co_await answer;
    list_.count_unanswered(-1);
    while (!window_.has_room())
        co_await Window::EntryEnd(window_);
    window_.enter();
    if (question.answer == ARSYNC_ANSWER_STOP)
        outcome.fail(-ECANCELED, ARSYNC_STAGE_ASK);
}

// Fewer at once for a while. False: it would not help.
Task<bool> ListMember::wait_for_descriptors(unsigned attempt) {
    window_.narrow();
    list_.ways_.directories().set_keeping(false);
    const bool closed = list_.ways_.directories().close_idle();
    const bool may_help = closed && attempt == 0; // for once: who tries again leaves more behind
    if (list_.stopping() || (!may_help && list_.scarcity_.is_hopeless(host_.is_alone())))
        co_return false;
    if (!may_help)
        co_await window_.pause(attempt);
    co_return true;
}

Task<void> ListMember::copy_item_once(Item& item, Question& question, Control& control,
                                      Outcome& outcome, arsync_totals& totals) {
    if (control.held()) // since it was taken
        co_await wait_while_held(io_, control);
    FileCopy names;
    names.source_dirfd = list_.source_dirfd_;
    names.source = item.names.source;
    names.destination_dirfd = list_.destination_dirfd_;
    names.destination = item.names.destination;
    names.umask = &list_.umask_;
    names.writers = &list_.writers_;
    names.scarcity = &list_.scarcity_;
    names.just_created = item.just_created;
    names.was_absent = item.was_absent && !item.just_created;
    // When it was admitted, unless it has waited for an answer since.
    names.seen_regular =
        item.touch.has_source && S_ISREG(item.touch.source_mode) && question.answer == 0;
    if (list_.keeps_links())
        names.links = &list_.links_;
    names.may_recur = list_.keeps_links() && follows_top(list_.options_);
    list_.sync_.leave(names, item.left);
    std::optional<Pin> pin;
    if (item.way && question.answer != ARSYNC_ANSWER_SKIP) {
        pin.emplace(io_.files, item.way);
        names.unsyncable = item.unsyncable && item.left == Left::nothing;
        if (list_.of_one_tree())
            arsync::enter_way(names, *item.way);
        names.fresh = names.beneath && item.way->made && !item.came_before && !item.just_created;
    }
    ItemHost host(list_, host_, item);
    co_await copy_names(io_, names, list_.options_, list_.filter_, control, host, question, outcome,
                        totals);
}

// A directory whose entries are the list's to name.
void ListMember::end_directory(const Item& item, Outcome& outcome, arsync_totals& totals) const {
    outcome.flags |= ARSYNC_COMPLETION_DIRECTORY;
    outcome.action =
        item.made_directory ? ARSYNC_ACTION_MAKE_DIRECTORY : ARSYNC_ACTION_ENTER_DIRECTORY;
    if (item.came_before && list_.options_.backup != ARSYNC_BACKUP_NUMBERED) {
        outcome.action = ARSYNC_ACTION_SKIP;
        outcome.flags |= ARSYNC_COMPLETION_REPEATED;
    }
    totals.entries = totals.directories = 1;
}

void ListMember::end(Item& item, const Outcome& outcome, const arsync_totals& totals) {
    const bool is_tree = outcome.action == ARSYNC_ACTION_TREE;
    const bool cancelled = outcome.result == -ECANCELED && list_.stopping();
    const bool fails = outcome.result < 0 && !cancelled;
    if (fails)
        list_.note_item_error(item, outcome);
    arsync_totals own = totals;
    if (!is_tree) {
        own = {};
        count(own, outcome);
        own.errors = fails;
    }
    try {
        list_.end_item(item, outcome, own);
    } catch (const std::bad_alloc&) { // what comes after it does not know of it
        list_.out_of_memory();
    }
    try {
        ItemHost host(list_, host_, item);
        host.report({.kind = ARSYNC_COMPLETION_ITEM,
                     .path = {},
                     .outcome = outcome,
                     .totals = is_tree ? &totals : nullptr});
    } catch (const std::bad_alloc&) { // what cannot be told of must not go on
        list_.out_of_memory();
    }
}

} // namespace arsync
