#include "copy/list/list.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <new>
#include <sys/stat.h>
#include <utility>

#include "copy/fold_case.h"
#include "copy/list/item_host.h"
#include "copy/list/member.h"
#include "copy/list/take.h"
#include "copy/question.h"
#include "copy/required.h"
#include "copy/split_path.h"
#include "copy/tree/totals.h"
#include "io/descriptors.h"

namespace arsync {

List::List(int source_dirfd, int destination_dirfd, const arsync_copy_options& options,
           const Filter& filter, Control& control, Links* links)
    : source_dirfd_(source_dirfd), destination_dirfd_(destination_dirfd), options_(options),
      filter_(filter), control_(control), links_(links ? *links : own_links_),
      ways_(source_dirfd, destination_dirfd, options), sync_(destination_dirfd, options, ways_) {
    totals_.struct_size = sizeof totals_;
    control_.counts().walking.fetch_add(1, std::memory_order_relaxed);
}

int List::add(std::vector<ListItem>&& items) {
    const Lock lock(mutex_);
    if (ended_)
        return -EINVAL;
    const size_t most = mirrors() ? SIZE_MAX : ARSYNC_LIST_WAITING_MAX;
    const size_t count = std::min(most - std::min(most, items_.size()), items.size());
    size_t added = 0;
    try {
        for (; added < count; ++added)
            items_.push_back(std::move(items[added]));
    } catch (const std::bad_alloc&) {
        if (added == 0)
            throw; // else the others may be added again, but not these
    }
    control_.counts().entries_total.fetch_add(added, std::memory_order_relaxed);
    wake_one_under_lock();
    return static_cast<int>(added);
}

void List::fill(std::vector<ListItem>&& items) {
    const Lock lock(mutex_);
    control_.counts().entries_total.fetch_add(items.size(), std::memory_order_relaxed);
    std::move(items.begin(), items.end(), std::back_inserter(items_));
    ended_ = true;
}

int List::end() {
    const Lock lock(mutex_);
    if (std::exchange(ended_, true))
        return -EINVAL;
    wake_all_under_lock();
    return 0;
}

void List::wake_all() {
    const Lock lock(mutex_);
    wake_all_under_lock();
}

// ---- the turn ----

bool List::over() {
    const Lock lock(mutex_);
    const bool is_over = over_under_lock();
    if (is_over)
        wake_all_under_lock(); // nobody will be called any more
    return is_over;
}

bool List::has_more() {
    const Lock lock(mutex_);
    return !stopping() && !items_.empty() && unanswered_ < ARSYNC_QUESTIONS_WAITING_MAX &&
           !mirrors();
}

// By whoever has the turn. Others are called when there is enough for them: a list of a few small
// files is done before another thread has begun.
void List::take_item(Item& item) {
    bool call = false;
    {
        const Lock lock(mutex_);
        item.names = std::move(items_.front());
        items_.pop_front();
        item.number = ++taken_;
        constexpr uint64_t small_list = 32;
        call = !items_.empty() && taken_ > small_list;
    }
    if (call && !called_.exchange(true))
        host_->call_others(shared_from_this());
}

// By the same, and instead of all of them.
void List::refuse(const Clash& clash, Host& host) {
    Item item;
    Outcome outcome;
    outcome.fail(-clash.error, ARSYNC_STAGE_CHECK, clash.side);
    outcome.flags |= ARSYNC_COMPLETION_IN_MIRROR;
    {
        const Lock lock(mutex_);
        item.names = items_[clash.item];
        item.number = 1; // the only one that is told of
        outcome.other = items_[clash.mirror].user_data;
        ++totals_.entries;
        ++totals_.errors;
    }
    control_.counts().entries_done.fetch_add(1, std::memory_order_relaxed);
    note_item_error(item, outcome);
    stop();
    ItemHost(*this, host, item)
        .report({.kind = ARSYNC_COMPLETION_ITEM, .path = {}, .outcome = outcome});
}

void List::give_turn_back() {
    const Lock lock(mutex_);
    has_turn_ = false;
    wake_one_under_lock();
}

void List::begin(Item& item) {
    bool is_last = false;
    {
        const Lock lock(mutex_);
        order_.begin(item.touch);
        ++in_flight_;
        is_last = ended_ && items_.empty();
    }
    // A large one leaves the next to others.
    constexpr uint64_t large = 8 << 20;
    if (item.touch.source_size >= large && !is_last && !called_.exchange(true))
        host_->call_others(shared_from_this());
}

void List::leave_out(const Item& item) {
    const Lock lock(mutex_);
    end_touch_under_lock(item.touch);
}

void List::end_touch_under_lock(const Touch& touch) {
    order_.end(touch);
    if (--in_flight_ > 0 || !alone_.waiter)
        return;
    alone_.ring->post_from_outside(*alone_.waiter);
    alone_ = {};
}

void List::end_item(Item& item, const Outcome& outcome, const arsync_totals& totals) {
    const bool copied = outcome.result == 0 || (outcome.flags & ARSYNC_COMPLETION_COPIED) != 0;
    const bool is_tree = outcome.action == ARSYNC_ACTION_TREE || item.touch.is_tree();
    // What was linked may be replaced, as with cp.
    const bool linked = outcome.action == ARSYNC_ACTION_HARD_LINK && !asks(ARSYNC_COPY_HARD_LINK);
    const bool made = copied && !is_tree && !linked && outcome.action != ARSYNC_ACTION_SKIP;
    if (outcome.action == ARSYNC_ACTION_TREE) // which has counted its root itself
        control_.counts().entries_total.fetch_sub(1, std::memory_order_relaxed);
    else
        control_.counts().entries_done.fetch_add(1, std::memory_order_relaxed);
    const Lock lock(mutex_);
    end_touch_under_lock(item.touch);
    if (is_tree && outcome.result < 0 && totals.directories == 0)
        order_.forget_tree(item.touch);
    add_whole(totals_, totals);
    flags_ |= outcome.flags & (ARSYNC_COMPLETION_SOURCE_CHANGED | ARSYNC_COMPLETION_SOURCE_SHRANK |
                               ARSYNC_COMPLETION_OWNER_LOST | ARSYNC_COMPLETION_VERIFIED_CACHED);
    // Last, for there may be no memory for it.
    const bool keeps = (outcome.flags & ARSYNC_COMPLETION_COPIED) != 0;
    const bool partly = outcome.action == ARSYNC_ACTION_TREE && totals.directories > 0;
    if ((keeps || partly || outcome.is_linked_already) && sync_.is_asked())
        sync_.note_made(item.names.destination, outcome);
    const std::string& made_as = item.touch.made_as;
    if (made)
        order_.note_made(outcome.name.empty() ? made_as
                                              : split_path(made_as).parent + outcome.name);
    if (of_one_tree() && outcome.action == ARSYNC_ACTION_TREE && totals.directories > 0)
        order_.note_tree(item.touch.source);
}

// ---- what is known of items in flight, and of those that came before ----

bool List::is_listed(const Touch& above, const std::string& path) {
    const auto below = [&](const std::string& root) {
        return root.empty() ? path : root + "/" + path;
    };
    const Lock lock(mutex_);
    const std::string source = below(above.source);
    return order_.came_itself(source) &&
           (order_.is_entered(source) || order_.made(below(above.destination)) == Order::Made::it);
}

bool List::is_idle() {
    const Lock lock(mutex_);
    return in_flight_ == 0;
}

bool List::has_several_targets() {
    const Lock lock(mutex_);
    return has_several_targets_;
}

bool List::is_recent(const struct statx& facts) {
    const Lock lock(mutex_);
    return order_.is_recent(facts);
}

bool List::is_touched(const struct statx& found) {
    const Lock lock(mutex_);
    return order_.is_touched(found);
}

// Whether an item would take a name that one in flight may give to something, or the reverse.
bool List::meets_by_other_names(const Touch& touch) {
    const Lock lock(mutex_);
    if (options_.backup != ARSYNC_BACKUP_NONE) {
        const std::string suffix = options_.backup_suffix ? options_.backup_suffix : "~";
        if (order_.meets_backups(touch, fold_case(suffix)))
            return true;
    }
    return asks_first(options_) && order_.meets_other_names(touch);
}

bool List::meets(const Touch& touch) {
    if (meets_by_other_names(touch))
        return true;
    const Lock lock(mutex_);
    return order_.meets(touch);
}

void List::count_unanswered(int change) {
    const Lock lock(mutex_);
    unanswered_ = static_cast<unsigned>(static_cast<int>(unanswered_) + change);
    if (change < 0)
        wake_one_under_lock();
}

void List::wake_one_under_lock() {
    if (sleepers_.empty())
        return;
    const Sleeper sleeper = sleepers_.back();
    sleepers_.pop_back();
    sleeper.ring->post_from_outside(*sleeper.waiter);
}

void List::wake_all_under_lock() {
    for (const Sleeper& sleeper : sleepers_)
        sleeper.ring->post_from_outside(*sleeper.waiter);
    sleepers_.clear();
}

void List::stop() {
    stopped_.store(true, std::memory_order_relaxed);
    {
        const Lock lock(trees_mutex_);
        for (Stoppable* const tree : trees_)
            tree->stop_with_others();
    }
    host_->withdraw_questions();
    wake_all();
}

void List::enter(Stoppable& tree) {
    const Lock lock(trees_mutex_);
    trees_.push_back(&tree);
    if (stopping())
        tree.stop_with_others();
}

void List::leave(Stoppable& tree) {
    const Lock lock(trees_mutex_);
    std::erase(trees_, &tree);
}

void List::note_error(const Outcome& failed, std::string* path, bool counts) {
    const bool passes = is_not_required(failed.result, failed.stage, options_);
    if (counts)
        control_.counts().errors.fetch_add(1, std::memory_order_relaxed);
    {
        const Lock lock(mutex_);
        first_error_.note(failed.result, failed.stage, side_of(failed.flags),
                          wants(options_, ARSYNC_WANT_ERROR_PATH) ? path : nullptr, passes);
    }
    if (asks(ARSYNC_COPY_STOP_ON_ERROR) && !passes)
        stop();
}

void List::out_of_memory() {
    Outcome failed;
    failed.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    note_error(failed, nullptr);
    stop();
}

// A tree has counted its own, and knows where they are.
void List::note_item_error(const Item& item, const Outcome& failed) {
    const bool counts = failed.action != ARSYNC_ACTION_TREE;
    if (!wants(options_, ARSYNC_WANT_ERROR_PATH)) {
        note_error(failed, nullptr, counts);
        return;
    }
    std::string path;
    bool has_path = true;
    try {
        path = item.fails_on_the_way ? item.failed_way : item.names.source;
        if (!failed.error_path.empty())
            path += (path.ends_with('/') ? "" : "/") + failed.error_path;
    } catch (const std::bad_alloc&) { // the error counts all the same
        has_path = false;
    }
    note_error(failed, has_path ? &path : nullptr, counts);
}

// ---- all of it ----

Task<void> List::run(Io io, Host& host, Outcome& outcome, arsync_totals& totals) {
    host_ = &host;
    control_.enter(ARSYNC_STAGE_NONE);
    outcome.action = ARSYNC_ACTION_LIST;
    {
        Control part(control_);
        ListMember member(*this, io, part, host);
        bool short_of_memory = false;
        try {
            co_await member.run();
        } catch (const std::bad_alloc&) { // others may be at work, and are waited for
            short_of_memory = true;
        }
        if (short_of_memory)
            out_of_memory();
        struct Others : Waiter {
            List& list;
            Ring& ring;
            Others(List& all, Ring& own) : list(all), ring(own) {}
            bool await_ready() const noexcept { return false; }
            bool await_suspend(std::coroutine_handle<> waiting) {
                handle = waiting;
                const Lock lock(list.mutex_);
                list.closed_ = true;
                if (list.others_ == 0)
                    return false;
                list.owner_ = {this, &ring};
                return true;
            }
            void await_resume() const noexcept {}
        };
        co_await Others(*this, io.ring);
    }
    co_await finish_ways(io, host);
    if (sync_.is_asked() && !control_.cancelled())
        co_await finish_durably(io);
    sync_.close();
    ways_.close(); // what is polled late keeps no descriptors
    own_links_.close();
    control_.counts().walking.fetch_sub(1, std::memory_order_relaxed);
    const Lock lock(mutex_);
    items_.clear();
    outcome.flags |= flags_;
    outcome.bytes = totals_.bytes;
    outcome.hole_bytes = totals_.hole_bytes;
    totals = totals_;
    first_error_.give(outcome, control_.cancelled());
}

Task<void> List::take_part(Io io, Control& own, Host& own_host) {
    {
        const Lock lock(mutex_);
        if (closed_ || others_ + 1 >= descriptors::members())
            co_return;
        ++others_;
    }
    own.join(control_);
    try {
        ListMember member(*this, io, own, own_host);
        co_await member.run();
    } catch (const std::bad_alloc&) { // for a frame; the others go on, and this one leaves as any
    }
    own.leave();
    const Lock lock(mutex_);
    if (--others_ == 0 && owner_.waiter)
        owner_.ring->post_from_outside(*owner_.waiter);
}

// Directories that were made are not left without their attributes, whatever became of the rest.
Task<void> List::finish_ways(Io io, Host& host) {
    const bool full = options_.durability == ARSYNC_DURABILITY_FULL && !control_.cancelled();
    for (const Ways::Done& done : ways_.take_inside_out()) {
        Outcome outcome;
        outcome.action =
            done.directory->made ? ARSYNC_ACTION_MAKE_DIRECTORY : ARSYNC_ACTION_ENTER_DIRECTORY;
        outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
        try {
            Control part(control_);
            const bool durable = full && !sync_.leaves(*done.directory);
            co_await ways_.finish(io, done.directory, part, outcome, durable);
        } catch (const Error& error) {
            outcome.fail(error);
        } catch (const std::bad_alloc&) {
            outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
        }
        if (outcome.result == 0 && (outcome.flags & ARSYNC_COMPLETION_OWNER_LOST) == 0)
            continue;
        std::string path = done.path;
        if (outcome.result < 0)
            note_error(outcome, &path);
        {
            const Lock lock(mutex_);
            totals_.errors += outcome.result < 0 ? 1 : 0;
            if (outcome.result < 0 && outcome.stage == ARSYNC_STAGE_SYNC)
                first_error_.note_loss(outcome.result, outcome.stage);
            flags_ |= outcome.flags & ARSYNC_COMPLETION_OWNER_LOST;
        }
        if (options_.report == ARSYNC_REPORT_NONE)
            continue;
        co_await RoomToReport(host, io.ring);
        try {
            host.report({.kind = ARSYNC_COMPLETION_WAY, .path = done.path, .outcome = outcome});
        } catch (const std::bad_alloc&) {
            out_of_memory();
        }
    }
}

uint64_t List::known_items() {
    const Lock lock(mutex_);
    return taken_ + items_.size();
}

Task<void> List::finish_durably(Io io) {
    Outcome outcome;
    try {
        co_await sync_.finish(io, control_);
    } catch (const Error& error) {
        outcome.fail(error);
    }
    if (outcome.result == 0 || outcome.result == -ECANCELED)
        co_return;
    note_error(outcome, nullptr);
    const Lock lock(mutex_);
    ++totals_.errors;
    first_error_.note_loss(outcome.result, outcome.stage);
}

} // namespace arsync
