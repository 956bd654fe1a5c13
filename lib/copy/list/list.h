// Copying a list of things with all workers of a pool at once.
//
// Items are taken one after the other, whoever takes them: an item is looked at, waits for what it
// must not meet (order.h), and is begun; then it runs beside the others, and the next one's turn
// comes. Whoever looks holds the turn; what is to run alone keeps it until it has ended. An item
// that is a directory is a tree of its own, which calls helpers of its own.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "copy/filter.h"
#include "copy/host.h"
#include "copy/list/list_item.h"
#include "copy/list/list_sync.h"
#include "copy/list/mirrors.h"
#include "copy/list/order.h"
#include "copy/list/target_names.h"
#include "copy/parent_directories.h"
#include "copy/tree/links.h"
#include "copy/tree/scarcity.h"
#include "copy/writers.h"
#include "io/mutex.h"

namespace arsync {

class List final : public Shared, public std::enable_shared_from_this<List> {
public:
    // What is referred to lives until run() has ended. links: shared with other jobs, or null.
    List(int source_dirfd, int destination_dirfd, const arsync_copy_options& options,
         const Filter& filter, Control& control, Links* links);

    // From any thread, before it runs and while it does.
    // Adds as many as there is room for, from the first on: how many, or -EINVAL after the end. A
    // list of mirrors has room for all, as it begins with none before the last is known.
    int add(std::vector<ListItem>&& items);
    int end(); // there are no more; -EINVAL: that was said before
    // All items at once, however many, and no more.
    void fill(std::vector<ListItem>&& items);
    // take(dirfd, path): all that the waiting items name.
    // Not of all, where they are many: it is asked while others wait.
    template <class Take>
    void for_each_path(Take take) {
        constexpr size_t most = 64;
        std::vector<ListItem> first;
        {
            const Lock lock(mutex_);
            const auto count = static_cast<std::ptrdiff_t>(std::min(items_.size(), most));
            first.assign(items_.begin(), items_.begin() + count);
        }
        for (const ListItem& item : first) {
            take(source_dirfd_, item.source);
            take(destination_dirfd_, item.destination);
        }
        // Of those that are added later too.
        take(source_dirfd_, ".");
        take(destination_dirfd_, ".");
    }
    void wake_all(); // the job was cancelled

    // On the worker that the job was given to. Fills outcome, its result included.
    Task<void> run(Io io, Host& host, Outcome& outcome, arsync_totals& totals);
    Task<void> take_part(Io io, Control& own, Host& own_host) override;

private:
    friend class ListMember;
    friend class ItemHost;

    struct Item {
        ListItem names;
        uint64_t number = 0; // in the list's order, from 1 on
        Touch touch;
        DirectoryRef way;
        std::optional<Error> failure; // there is no way
        bool fails_on_the_way = false;
        std::string failed_way;      // then: which
        bool unsyncable = false;     // the way
        Left left = Left::nothing;   // to the list's end, of what makes it durable
        DirectoryRef directory;      // it is one of those on the way to other items
        bool made_directory = false; // which it made
        bool came_before = false;    // of one tree's entries: it, or what it lies in
        bool has_parts = false;      // the same: what lies in it came before
        bool waits = false;          // for all that is in flight
        bool meets = false;          // the same, as it was seen from its way
        bool was_absent = false;     // nothing had its name, as the directory was listed
        bool may_be_one = false;     // one that was made has its name, but for the case
        bool repeats = false;
        bool just_created = false;
        bool alone = false; // it keeps the turn
    };

    // co_await Turn(list, ring): the turn, with an item there to be taken; or not, then try again
    // unless it is over.
    class Turn;
    // co_await NobodyElse(list, ring): until nothing is in flight.
    class NobodyElse;
    struct Sleeper {
        Waiter* waiter;
        Ring* ring;
    };

    bool over();
    bool over_under_lock() const REQUIRES(mutex_) {
        return stopping() || (ended_ && items_.empty());
    }
    bool may_take() const REQUIRES(mutex_) {
        return !has_turn_ && !items_.empty() && unanswered_ < ARSYNC_QUESTIONS_WAITING_MAX &&
               (ended_ || !mirrors());
    }
    bool has_more(); // for whoever has the turn
    // By whoever has the turn, after the end was said: nobody adds or takes one meanwhile.
    const std::deque<ListItem>& all_items() const NO_THREAD_SAFETY_ANALYSIS { return items_; }
    void take_item(Item& item);
    void refuse(const Clash& clash, Host& host);
    void give_turn_back();
    void begin(Item& item);
    void leave_out(const Item& item);
    void end_item(Item& item, const Outcome& outcome, const arsync_totals& totals);
    void end_touch_under_lock(const Touch& touch) REQUIRES(mutex_);
    void wake_one_under_lock() REQUIRES(mutex_);
    void wake_all_under_lock() REQUIRES(mutex_);
    bool stopping() const {
        return stopped_.load(std::memory_order_relaxed) || control_.cancelled();
    }
    void stop();
    void enter(Stoppable& tree);
    void leave(Stoppable& tree);
    // path: of what failed; null: it is of nothing that has one. counts: nobody else has.
    void note_error(const Outcome& failed, std::string* path, bool counts = true);
    void note_item_error(const Item& item, const Outcome& failed);
    void out_of_memory();
    bool asks(uint32_t flag) const { return (options_.flags & flag) != 0; }
    bool of_one_tree() const { return asks(ARSYNC_COPY_BENEATH); }
    bool mirrors() const { return asks(ARSYNC_COPY_MIRROR) && !asks(ARSYNC_COPY_SHALLOW); }
    bool keeps_links() const {
        return (options_.preserve & ARSYNC_PRESERVE_LINKS) != 0 && !asks(ARSYNC_COPY_HARD_LINK);
    }
    // admission.cpp. Of one tree's entries: which came before; and whether an item has made that
    // one.
    void look_up(Item& item, bool enters);
    struct Whereabouts { // of an entry's source
        bool is_directory = false;
        size_t root_length_min = 0; // with ONE_FILE_SYSTEM: shorter ones lie on another one
    };
    void judge_again(Item& item, Whereabouts where);
    bool is_listed(const Touch& above, const std::string& path);
    // admission.cpp. Of paths. False: it is to wait.
    bool judge(Item& item, bool idle);
    bool is_idle();
    bool is_recent(const struct statx& facts);
    bool is_touched(const struct statx& found);
    bool has_several_targets();
    void look_for_made(Item& item);
    void look_for_made_under_lock(Item& item) const REQUIRES(mutex_);
    bool meets_by_other_names(const Touch& touch);
    // Of one tree's entries, as seen from their ways.
    bool meets(const Touch& touch);
    void count_unanswered(int change);
    Task<void> finish_ways(Io io, Host& host);
    Task<void> finish_durably(Io io);
    uint64_t known_items();
    bool has_many() { return known_items() > 16; }

    const int source_dirfd_;
    const int destination_dirfd_;
    const arsync_copy_options& options_;
    const Filter& filter_;
    Control& control_;
    Host* host_ = nullptr; // of the job, once it runs
    Links own_links_{true};
    Links& links_;
    Writers writers_;
    Ways ways_;     // of whoever has the turn
    ListSync sync_; // the same
    Scarcity scarcity_;
    Mutex trees_mutex_; // held while they are stopped; none of theirs is held when it is taken
    std::vector<Stoppable*> trees_ GUARDED_BY(trees_mutex_);
    Umask umask_;

    // Of whoever has the turn.
    bool are_apart_ = false; // what the items mirror, as far as that matters
    TargetNames target_names_;
    // What directories are, by their paths.
    std::unordered_map<std::string, std::string> source_directories_;
    std::unordered_map<std::string, std::string> destination_directories_;

    std::atomic<bool> stopped_ = false;
    std::atomic<bool> called_ = false;

    Mutex mutex_; // of what follows
    std::deque<ListItem> items_ GUARDED_BY(mutex_);
    bool ended_ GUARDED_BY(mutex_) = false;
    bool has_turn_ GUARDED_BY(mutex_) = false; // somebody
    Order order_ GUARDED_BY(mutex_);
    unsigned in_flight_ GUARDED_BY(mutex_) = 0;
    unsigned unanswered_ GUARDED_BY(mutex_) = 0; // of these
    uint64_t taken_ GUARDED_BY(mutex_) = 0;
    std::string target_ GUARDED_BY(mutex_); // the directory of the last item's destination
    bool has_several_targets_ GUARDED_BY(mutex_) = false;
    std::vector<Sleeper> sleepers_ GUARDED_BY(mutex_);
    Sleeper alone_ GUARDED_BY(mutex_){};     // waits until nothing is in flight
    bool closed_ GUARDED_BY(mutex_) = false; // nobody may join any more
    unsigned others_ GUARDED_BY(mutex_) = 0;
    Sleeper owner_ GUARDED_BY(mutex_){}; // waits for the others to leave
    FirstError first_error_ GUARDED_BY(mutex_);
    uint32_t flags_ GUARDED_BY(mutex_) = 0; // of all items
    arsync_totals totals_ GUARDED_BY(mutex_){};
};

} // namespace arsync
