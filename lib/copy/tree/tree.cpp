#include "copy/tree/tree.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <unistd.h>

#include "copy/required.h"
#include "copy/tree/part.h"
#include "copy/tree/totals.h"
#include "io/descriptors.h"

namespace arsync {

// Names are left to the whole, or to their directories.
static arsync_copy_options for_entries(const arsync_copy_options& options) {
    arsync_copy_options result = options;
    if (options.durability != ARSYNC_DURABILITY_NONE)
        result.durability = ARSYNC_DURABILITY_FILE;
    return result;
}

TreeJob::TreeJob(const FileCopy& copy, const arsync_copy_options& how, const Filter& patterns,
                 Control& of_job, Host& of_tree, Links& own_links, Writers& own_writers,
                 Scarcity& own_scarcity)
    : roots(copy), options(how), entry_options(for_entries(how)), filter(patterns), control(of_job),
      host(of_tree), reports_all(how.report == ARSYNC_REPORT_ALL), asks(asks_first(how)),
      takes_turns_by_name((how.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0 &&
                          how.replace == ARSYNC_REPLACE_IN_PLACE),
      uid(geteuid()), gid(getegid()),
      directories(std::make_shared<Directories>(descriptors::idle_directories())),
      links(copy.links ? *copy.links : own_links),
      writers(copy.writers ? *copy.writers : own_writers),
      scarcity(copy.scarcity ? *copy.scarcity : own_scarcity) {}

Tree::Tree(const FileCopy& roots, const arsync_copy_options& options, const Filter& filter,
           Control& control, Host& host)
    : job_(roots, options, filter, control, host, own_links_, own_writers_, own_scarcity_) {
    totals_.struct_size = sizeof totals_;
}

namespace {
// The trees of its list that can be stopped, for as long as this lives.
class Among {
public:
    Among(Host& host, Stoppable& tree) : host_(host), tree_(tree) { host_.enter(tree_); }
    Among(const Among&) = delete;
    Among& operator=(const Among&) = delete;
    ~Among() { host_.leave(tree_); }

private:
    Host& host_;
    Stoppable& tree_;
};

// The root counts as an entry, also where all fails with it.
struct RootEnd {
    Control& control;
    bool failed = true;
    ~RootEnd() {
        control.counts().entries_done.fetch_add(1, std::memory_order_relaxed);
        if (failed && !control.cancelled())
            control.counts().errors.fetch_add(1, std::memory_order_relaxed);
    }
};
} // namespace

Task<void> Tree::run(Io io, Outcome& outcome, arsync_totals& totals) {
    job_.control.enter(ARSYNC_STAGE_OPEN_SOURCE);
    job_.control.counts().entries_total.fetch_add(1, std::memory_order_relaxed);
    job_.control.counts().walking.fetch_add(1, std::memory_order_relaxed);
    walks_.store(true, std::memory_order_relaxed);
    const AllFound at_end{*this};
    outcome.action = ARSYNC_ACTION_TREE;
    outcome.flags |= ARSYNC_COMPLETION_DIRECTORY;
    outcome.has_error_path = wants(job_.options, ARSYNC_WANT_ERROR_PATH); // "", of the root
    std::shared_ptr<const File> links_base;
    if (job_.links.shared())
        links_base = job_.links.base_of(io.files, job_.roots.base());
    std::optional<Scarcity::InParts> in_parts;
    if (job_.roots.scarcity)
        in_parts.emplace(*job_.roots.scarcity);
    Control own(job_.control);
    TreePart part(*this, io, own, job_.host);
    {
        RootEnd end{job_.control};
        co_await part.open_roots(); // the destination is made where it is not there
        end.failed = false;
    }
    job_.control.enter(ARSYNC_STAGE_NONE);
    std::optional<Among> among(std::in_place, job_.host, static_cast<Stoppable&>(*this));
    own_links_.ask_whether_names_recur([this, &files = io.files] { return has_mounts(files); });

    outcome.wanted.tell_source(*root_->facts, job_.options);
    Outcome of_root;
    of_root.action = root_->made ? ARSYNC_ACTION_MAKE_DIRECTORY : ARSYNC_ACTION_ENTER_DIRECTORY;
    of_root.flags = ARSYNC_COMPLETION_DIRECTORY;
    of_root.wanted = outcome.wanted;
    tell_destination_root(io.files, of_root);
    of_root.wanted.end(job_.options);
    {
        const Lock lock(mutex_);
        totals_.entries = totals_.directories = 1;
    }
    if (job_.reports_all)
        job_.host.report({.path = {}, .outcome = of_root});
    bool short_of_memory = false;
    try {
        push({root_, {}, false});
        co_await part.run();
    } catch (const std::bad_alloc&) { // others may be at work, and are waited for
        short_of_memory = true;
    }
    if (short_of_memory) {
        note_error(-ENOMEM, ARSYNC_STAGE_MEMORY, Side::neither);
        stop();
    }
    leave(part.totals());
    struct Others : Waiter {
        Tree& tree;
        Ring& ring;
        Others(Tree& all, Ring& own) : tree(all), ring(own) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting) {
            handle = waiting;
            const Lock lock(tree.mutex_);
            tree.ended_ = true;
            if (tree.others_ == 0)
                return false;
            tree.owner_ = {this, &ring};
            return true;
        }
        void await_resume() const noexcept {}
    };
    co_await Others(*this, io.ring);
    among.reset(); // all that was to be begun has been
    drop_units();
    all_found();

    const bool dry = (job_.options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    if (job_.options.durability != ARSYNC_DURABILITY_NONE && !dry && !job_.control.cancelled())
        co_await sync(io);
    tell_destination_root(io.files, outcome);
    // Others that come too late may keep this object, but no descriptors.
    job_.links.settle_by_path(root_, job_.roots.from_base(), links_base);
    root_.reset();
    above_root_ = File();
    own_syncs_.close();
    const Lock lock(mutex_);
    outcome.flags |= flags_.load(std::memory_order_relaxed);
    outcome.bytes = totals_.bytes;
    outcome.hole_bytes = totals_.hole_bytes;
    totals = totals_;
    const bool stopped = stopped_with_others_.load(std::memory_order_relaxed) &&
                         (first_error_.result == 0 || first_error_.passes);
    first_error_.give(outcome, stopped || job_.control.cancelled());
}

Task<void> Tree::take_part(Io io, Control& own, Host& own_host) {
    {
        const Lock lock(mutex_);
        if (ended_ || others_ + 1 >= descriptors::members())
            co_return;
        ++others_;
    }
    own.join(job_.control);
    try {
        TreePart part(*this, io, own, own_host);
        co_await part.run();
        leave(part.totals());
    } catch (const std::bad_alloc&) { // for a frame; the others go on, and this one leaves as any
    }
    own.leave();
    const Lock lock(mutex_);
    if (--others_ == 0 && owner_.waiter)
        owner_.ring->post_from_outside(*owner_.waiter);
}

// Of a destination that was there before: by what names the source's entries are kept.
void Tree::prepare_names(Files& files, Directory& directory, int destination) const {
    if (directory.made)
        return;
    if ((job_.options.flags & ARSYNC_COPY_MIRROR) != 0)
        directory.source_names = std::make_unique<NameSet>();
    if (!files.may_fold_names(destination))
        return;
    try {
        directory.folding = std::make_unique<Folding>(files, destination);
    } catch (const Error& error) {
        if (error.code != EACCES || directory.source_names)
            throw; // one that may only be written to is none that a mirror looks through
    }
}

// Whether something is mounted below the source: it may be a part of what is copied anyway.
bool Tree::has_mounts(Files& files) const {
    std::vector<PlaceOnDevice> places;
    return files.places_of(root_->source(), places) < 0 || places.size() > 1;
}

// Two directories may each be copied into the other's copy: then neither is on the way to itself.
static bool goes_beyond_links(const arsync_copy_options& options) {
    return options.symlinks == ARSYNC_SYMLINKS_FOLLOW ||
           (options.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0;
}

void Tree::note_made(const Identity& directory) {
    if (!goes_beyond_links(job_.options))
        return;
    const Lock lock(mutex_);
    made_.insert(directory);
}

bool Tree::enter_once(const Identity& destination, const std::string& path) {
    if (!shows_twice_ || (job_.options.flags & ARSYNC_COPY_MIRROR) == 0)
        return true;
    const Lock lock(mutex_);
    const auto [entered, is_first] = entered_.try_emplace(destination, path);
    return is_first || entered->second == path;
}

bool Tree::has_made(const Identity& directory) {
    if (!goes_beyond_links(job_.options))
        return false;
    const Lock lock(mutex_);
    return made_.contains(directory);
}

void Tree::note_error(int result, Stage stage, Side side, std::string* path) {
    const bool passes = is_not_required(result, stage, job_.options);
    job_.control.counts().errors.fetch_add(1, std::memory_order_relaxed);
    {
        const Lock lock(mutex_);
        ++totals_.errors;
        first_error_.note(result, stage, side, path, passes);
    }
    if ((job_.options.flags & ARSYNC_COPY_STOP_ON_ERROR) == 0 || passes)
        return;
    stopped_.store(true, std::memory_order_relaxed);
    job_.host.stop();
    withdraw_questions();
}

void Tree::leave(const arsync_totals& part) {
    const Lock lock(mutex_);
    add(totals_, part);
}

// ---- the stack of its work, and who sleeps until there is more ----

void Tree::push(Unit unit) {
    bool call = false;
    {
        const Lock lock(mutex_);
        stack_.push_back(std::move(unit));
        wake_one_under_lock();
        // A tree of a few entries is done before another thread has begun.
        constexpr uint64_t small_tree = 64;
        call = job_.control.counts().entries_total.load(std::memory_order_relaxed) > small_tree;
    }
    if (call)
        call_others();
}

void Tree::call_others() noexcept {
    if (!called_.exchange(true, std::memory_order_relaxed))
        job_.host.call_others(shared_from_this());
}

// A backup's name may be a name in the source, too: which of the two comes first, cp's order says.
bool Tree::keeps_order() const {
    return job_.options.backup != ARSYNC_BACKUP_NONE;
}

bool Tree::shares(size_t names) {
    if (keeps_order())
        return false;
    const bool called = called_.load(std::memory_order_relaxed);
    if (names < 2 || (called && !somebody_sleeps_.load(std::memory_order_relaxed)))
        return false;
    // By what the job's entries have had so far. A small file takes as long as 32 KiB do, and to
    // wake a thread as long as some such files.
    constexpr uint64_t of_each = 32 << 10;
    constexpr uint64_t worth_it = 1 << 20;
    const uint64_t bytes = job_.control.bytes_of_whole();
    const uint64_t entries = job_.control.counts().entries_total.load(std::memory_order_relaxed);
    if (names * (of_each + bytes / std::max<uint64_t>(1, entries)) < worth_it)
        return false;
    if (!called)
        return bytes >= worth_it && job_.host.workers() > 1;
    const Lock lock(mutex_);
    return stack_.empty() && std::any_of(sleepers_.begin(), sleepers_.end(),
                                         [](const Sleeper& one) { return one.is_idle(); });
}

bool Tree::Take::await_suspend(std::coroutine_handle<> waiting) {
    handle = waiting;
    const Lock lock(tree_.mutex_);
    if (try_take())
        return false;
    tree_.sleepers_.push_back({this, &ring_, &at_work_});
    tree_.somebody_sleeps_.store(true, std::memory_order_relaxed);
    return true;
}

size_t next_unit(const std::vector<Unit>& stack, const LastUnit& last_unit) {
    constexpr size_t far = 32;
    const auto is_shared = [](const Unit& unit) {
        return unit.name.empty() && unit.directory->walkers.load(std::memory_order_relaxed) > 0;
    };
    const auto goes_on = [&](const Unit& unit) {
        return unit.name.empty() && unit.directory == last_unit.directory && !is_shared(unit);
    };
    const size_t last = stack.size() - 1;
    if (last_unit.directory) {
        const auto found = std::find_if(stack.rbegin(), stack.rend(), goes_on);
        if (found != stack.rend())
            return last - static_cast<size_t>(found - stack.rbegin());
    }
    for (size_t at = 0; at < std::min(far, stack.size()); ++at) {
        const size_t unit = last_unit.joins ? at : last - at;
        if (!is_shared(stack[unit]))
            return unit;
    }
    return last;
}

// Whether the question is answered.
bool Tree::Take::try_take() {
    const bool over = tree_.stopping() || tree_.over_under_lock();
    if (over)
        return true;
    if (std::unique_ptr<SuspendedEntry> answered = tree_.take_answered_under_lock()) {
        unit_ = Unit{nullptr, {}, false, std::move(answered)};
        ++tree_.active_;
    } else if (!tree_.stack_.empty()) {
        const auto taken =
            tree_.stack_.begin() + static_cast<ptrdiff_t>(next_unit(tree_.stack_, last_unit_));
        unit_ = std::move(*taken);
        tree_.stack_.erase(taken);
        ++tree_.active_;
    }
    return unit_.has_value();
}

std::optional<Unit> Tree::take_back() {
    const Lock lock(mutex_);
    if (std::unique_ptr<SuspendedEntry> answered = take_answered_under_lock())
        return Unit{nullptr, {}, false, std::move(answered)};
    if (stack_.empty())
        return std::nullopt;
    std::optional<Unit> unit = std::move(stack_.back());
    stack_.pop_back();
    return unit;
}

void Tree::unit_ended() {
    const Lock lock(mutex_);
    if (--active_ > 0)
        return;
    if (stack_.empty()) // every entry has been found, and the last ones are under way
        all_found();
    if (stack_.empty() || stopping())
        wake_all_under_lock();
}

bool Tree::over() {
    const Lock lock(mutex_);
    if (stopping())
        wake_all_under_lock(); // whoever stopped it may not have seen who fell asleep since
    return stopping() || over_under_lock();
}

void Tree::all_found() {
    if (walks_.exchange(false, std::memory_order_relaxed))
        job_.control.counts().walking.fetch_sub(1, std::memory_order_relaxed);
}

void Tree::drop_units() {
    const Lock lock(mutex_);
    stack_.clear();
}

void Tree::stop_with_others() {
    if (stopping())
        return;
    stopped_with_others_.store(true, std::memory_order_relaxed);
    stop();
}

void Tree::stop() {
    stopped_.store(true, std::memory_order_relaxed);
    withdraw_questions();
    const Lock lock(mutex_);
    wake_room_sleepers_under_lock();
    wake_all_under_lock();
}

void Tree::wake_one_under_lock() {
    if (sleepers_.empty())
        return;
    const auto idle = std::find_if(sleepers_.rbegin(), sleepers_.rend(),
                                   [](const Sleeper& one) { return one.is_idle(); });
    const auto found = idle == sleepers_.rend() ? sleepers_.end() - 1 : std::prev(idle.base());
    const Sleeper sleeper = *found;
    sleepers_.erase(found);
    somebody_sleeps_.store(!sleepers_.empty(), std::memory_order_relaxed);
    sleeper.ring->post_from_outside(*sleeper.waiter);
}

void Tree::wake_all_under_lock() {
    for (const Sleeper& sleeper : sleepers_)
        sleeper.ring->post_from_outside(*sleeper.waiter);
    sleepers_.clear();
    somebody_sleeps_.store(false, std::memory_order_relaxed);
}

} // namespace arsync
