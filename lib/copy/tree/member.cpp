#include "copy/tree/member.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <new>
#include <sys/resource.h>

#include "copy/entry.h"
#include "copy/listing.h"
#include "copy/metadata.h"
#include "copy/tree/make_directory.h"
#include "copy/tree/mirror.h"
#include "copy/tree/take.h"

namespace arsync {

// Some names of one directory, and the entries under way among them. It keeps the directory open.
struct Batch {
    explicit Batch(Pin directory) : pin(std::move(directory)) {}
    Pin pin;
    Listing listing;
    unsigned parts = 1; // entries that have not ended, and the walk over the names
};

namespace {

// So many entries side by side keep a device busy; more only wait in its queue.
constexpr unsigned window_max = 64;
// Directories that one worker opens or lists side by side.
constexpr unsigned walkers_max = 4;
// Entries after which others get their turn: completed requests, and other jobs.
constexpr unsigned yield_after = 32;

// A walker holds a directory and its parent, an entry two files.
unsigned walkers() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        limit.rlim_cur = 1024;
    return static_cast<unsigned>(std::clamp<rlim_t>(limit.rlim_cur / 64, 1, walkers_max));
}

// Entries side by side: what they hold, two files each and a third in passing, is to fit, with all
// workers' and the directories.
unsigned window(unsigned workers) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        limit.rlim_cur = 1024;
    return static_cast<unsigned>(
        std::clamp<rlim_t>(limit.rlim_cur / 4 / std::max(1u, workers), 1, window_max));
}

bool out_of_descriptors(const Outcome& outcome) {
    return outcome.result == -EMFILE || outcome.result == -ENFILE;
}

// What failed there did not cost the entry.
bool is_attribute(Stage stage) {
    switch (stage) {
    case ARSYNC_STAGE_OWNER:
    case ARSYNC_STAGE_XATTR:
    case ARSYNC_STAGE_CONTEXT:
    case ARSYNC_STAGE_MODE:
    case ARSYNC_STAGE_TIMES:
        return true;
    default:
        return false;
    }
}

void take_error(Outcome& outcome, const Error& error) {
    outcome.result = -error.code;
    outcome.stage = error.stage;
}

} // namespace

// co_await Poll(member): until not too many reports are unread.
struct Member::Poll : Waiter {
    Member& member;
    explicit Poll(Member& own) : member(own) {}
    bool await_ready() const noexcept { return member.tree_.options_.report == ARSYNC_REPORT_NONE; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        return member.tree_.host_.wait_for_room(member.io_.ring, *this);
    }
    void await_resume() const noexcept {}
};

// co_await EntryEnd(member): until one of the entries under way has ended.
struct Member::EntryEnd : Waiter {
    Member& member;
    explicit EntryEnd(Member& own) : member(own) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        next = member.waiting_first_;
        member.waiting_first_ = this;
    }
    void await_resume() const noexcept {}
};

Member::Member(Tree& tree, Io io, Control& control)
    : tree_(tree), io_{io.files, io.ring, io.buffers, io.pace, &memo_}, control_(control),
      window_max_(window(tree.host_.workers())), window_(window_max_) {}

Task<void> Member::run() {
    for (unsigned i = 0; i < walkers(); ++i)
        walkers_.spawn([this] { return walk(); });
    for (Group* group : {&walkers_, &entries_}) {
        try {
            co_await group->join();
        } catch (const std::bad_alloc&) { // not even the frame of a coroutine
            out_of_memory();
        }
    }
}

void Member::out_of_memory() {
    tree_.note_error(-ENOMEM, ARSYNC_STAGE_MEMORY);
    tree_.stop();
}

Task<void> Member::open_roots() {
    Outcome outcome;
    // What others hold may come free; nothing of this tree's will.
    co_await attempt(
        outcome, [&] { return open_roots_once(); }, 200);
    if (outcome.result < 0)
        throw Error{outcome.stage, -outcome.result};
}

Task<void> Member::open_roots_once() {
    tree_.root_ = tree_.open_roots(io_.files);
    co_return;
}

Task<void> Member::walk() {
    for (;;) {
        std::optional<Unit> unit = co_await Tree::Take(tree_, io_.ring);
        if (!unit) {
            if (!tree_.over())
                continue;
            co_await give_up_units();
            co_return;
        }
        try {
            DirectoryRef directory = unit->directory;
            if (!unit->name.empty()) {
                co_await Poll(*this); // of the stack's directories each has something to report
                directory = co_await enter(*unit);
            }
            if (directory)
                co_await list(directory);
        } catch (const std::bad_alloc&) {
            out_of_memory();
        }
        tree_.unit_ended();
    }
}

// What is not begun any more is not waited for: directories that were made are not left without
// their attributes.
Task<void> Member::give_up_units() {
    try {
        while (std::optional<Unit> unit = tree_.take_back())
            co_await complete(std::move(unit->directory));
    } catch (const std::bad_alloc&) {
        out_of_memory();
    }
}

// ---- directories ----

// Null: there is nothing to list.
Task<DirectoryRef> Member::enter(const Unit& unit) {
    Outcome outcome;
    DirectoryRef directory;
    outcome.action = ARSYNC_ACTION_MAKE_DIRECTORY;
    outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
    co_await attempt(outcome, [&] { return open_pair(unit, outcome, directory); });
    if (directory && !directory->made)
        outcome.action = ARSYNC_ACTION_ENTER_DIRECTORY;
    end_entry(unit.directory.get(), unit.name, outcome);
    if (!directory) {
        co_await complete(unit.directory);
        co_return nullptr;
    }
    const struct statx& facts = *directory->facts;
    const bool leaves_file_system =
        (tree_.options_.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) != 0 &&
        (facts.stx_dev_major != tree_.device_major_ || facts.stx_dev_minor != tree_.device_minor_);
    if (outcome.result == 0 && !leaves_file_system)
        co_return directory;
    co_await complete(std::move(directory));
    co_return nullptr;
}

Task<void> Member::open_pair(const Unit& unit, Outcome& outcome, DirectoryRef& opened) {
    auto directory = std::make_shared<Directory>(tree_.directories_);
    directory->parent = unit.directory;
    directory->name = unit.name;
    directory->source_followed = unit.follows;
    directory->final_mode = keep_mode;
    directory->facts = std::make_unique<struct statx>();
    struct statx& facts = *directory->facts;
    const Pin above(io_.files, unit.directory);

    File source = co_await open_source_directory(above, unit, facts, outcome);
    directory->source_id = identity(facts);
    refuse_loop(unit.directory.get(), directory->source_id, unit.follows);

    const char* name = unit.name.c_str();
    const bool dry = (tree_.options_.flags & ARSYNC_COPY_DRY_RUN) != 0;
    const bool keeps_symlink = (tree_.options_.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0;
    File destination;
    bool missing = above->missing;
    if (dry && !missing) {
        struct statx found;
        const int there = io_.files.statx(above->destination(), name, AT_SYMLINK_NOFOLLOW, found);
        missing = there == -ENOENT;
        if (!missing)
            check(ARSYNC_STAGE_MAKE_DIRECTORY, there); // or it would be made
    }
    if (missing) {
        directory->made = directory->missing = true;
    } else {
        MadeDirectory made = make_directory(io_.files, above->destination(), name, facts, true,
                                            keeps_symlink, tree_.options_);
        directory->made = made.made;
        directory->final_mode = made.final_mode;
        directory->destination_followed = keeps_symlink;
        directory->destination_id = identity(made.facts);
        if ((tree_.options_.flags & ARSYNC_COPY_MIRROR) != 0 &&
            directory->destination_id == tree_.root_->source_id)
            refuse_meeting();
        directory->new_file = tree_.new_file_in(io_.files, made);
        destination = std::move(made.directory);
        tree_.remember_filesystem(io_.files, *directory, destination.get());
    }
    tree_.directories_->add(*directory, std::move(source), std::move(destination));
    tree_.directories_->unpin(*directory);
    opened = std::move(directory);
}

// One that may not be listed is made all the same, as it is the directory of what it holds.
Task<File> Member::open_source_directory(const Pin& above, const Unit& unit, struct statx& facts,
                                         Outcome& outcome) {
    constexpr int flags = O_RDONLY | O_DIRECTORY;
    constexpr uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const char* name = unit.name.c_str();
    int64_t fd = -EAGAIN;
    if (unit.follows)
        fd = io_.files.open(above->source(), name, flags, 0);
    else
        fd = io_.files.open_beneath(above->source(), name, flags | O_NOFOLLOW,
                                    resolve | RESOLVE_CACHED);
    while (fd == -EAGAIN || fd == -EINTR)
        fd = co_await io_.ring.open_beneath(above->source(), name, flags | O_NOFOLLOW, resolve);
    if (fd == -EACCES) {
        outcome.result = -EACCES;
        outcome.stage = ARSYNC_STAGE_LIST;
        fd = io_.files.open(above->source(), name,
                            O_PATH | O_DIRECTORY | (unit.follows ? 0 : O_NOFOLLOW), 0);
    }
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    File source(io_.files, static_cast<int>(fd));
    check(ARSYNC_STAGE_OPEN_SOURCE, io_.files.statx(source.get(), "", 0, facts));
    co_return source;
}

// The destination, reached by a mount or a link; or, where links are followed, a directory on the
// way to itself.
void Member::refuse_loop(const Directory* above, const Identity& source, bool follows) const {
    if (!tree_.root_->missing && source == tree_.root_->destination_id && tree_.may_meet(source))
        refuse_meeting();
    for (; follows && above; above = above->parent.get())
        if (above->source_id == source)
            throw Error{ARSYNC_STAGE_CHECK, ELOOP};
}

// What the roots did not tell, as it was mounted since: a mirror would remove what it has to copy.
void Member::refuse_meeting() const {
    tree_.removes_nothing_.store(true, std::memory_order_relaxed);
    throw Error{ARSYNC_STAGE_CHECK, ELOOP};
}

Task<void> Member::fill(const DirectoryRef& directory, std::unique_ptr<Batch>& batch) {
    if (directory->shut)
        throw Error{ARSYNC_STAGE_LIST, EACCES};
    auto next = std::make_unique<Batch>(Pin(io_.files, directory));
    if (directory->reopened)
        check(ARSYNC_STAGE_LIST,
              io_.files.set_list_position(directory->source(), directory->position));
    directory->reopened = false;
    next->listing.fill(io_.files, directory->source(), ARSYNC_STAGE_LIST);
    directory->position = next->listing.position();
    batch = std::move(next);
    co_return;
}

Task<void> Member::list(DirectoryRef directory) {
    for (;;) {
        std::unique_ptr<Batch> batch;
        Outcome outcome;
        co_await attempt(outcome, [&] { return fill(directory, batch); });
        const bool any = batch && !batch->listing.is_empty();
        if (outcome.result < 0) {
            outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
            outcome.action = ARSYNC_ACTION_ENTER_DIRECTORY;
            tree_.note_error(outcome.result, outcome.stage);
            report(&*directory, {}, outcome);
        } else if (!any) {
            directory->listed_in_full.store(true, std::memory_order_relaxed);
        }
        if (!any) {
            batch.reset();
            co_await complete(std::move(directory));
            co_return;
        }
        directory->pending.fetch_add(1, std::memory_order_relaxed);
        // A full buffer: there is likely to be more, for others to begin with at once.
        const bool shared = batch->listing.is_full();
        if (shared)
            tree_.push({directory, {}, false});
        Batch& begun = *batch.release(); // from here on its last part's to free
        co_await begin_entries(begun);
        if (DirectoryRef done = end_part(begun))
            co_await complete(std::move(done));
        if (shared)
            co_return;
        if (tree_.stopping()) {
            co_await complete(std::move(directory));
            co_return;
        }
    }
}

// Of the directory a part has ended. Finish those whose last part has, this one and upwards.
Task<void> Member::complete(DirectoryRef directory) {
    while (directory && directory->pending.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        co_await finish(directory);
        directory = directory->parent;
    }
}

Task<void> Member::finish(const DirectoryRef& directory) {
    const arsync_copy_options& options = tree_.options_;
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    const bool mirrors = (options.flags & ARSYNC_COPY_MIRROR) != 0 && !directory->made &&
                         directory->listed_in_full.load(std::memory_order_relaxed) &&
                         !tree_.removes_nothing_.load(std::memory_order_relaxed) &&
                         !tree_.stopping();
    const bool has_attributes =
        !dry && (directory->made || !tree_.stopping()) &&
        ((options.preserve & ~ARSYNC_PRESERVE_LINKS) != 0 || directory->final_mode != keep_mode);
    if (mirrors || has_attributes) {
        Outcome outcome;
        outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
        outcome.action =
            directory->made ? ARSYNC_ACTION_MAKE_DIRECTORY : ARSYNC_ACTION_ENTER_DIRECTORY;
        if (mirrors)
            co_await remove_extra(directory, outcome);
        if (has_attributes && outcome.result == 0)
            co_await attempt(outcome, [&] { return set_attributes(directory, outcome); });
        tree_.note_flags(outcome);
        if (outcome.result < 0) {
            co_await Poll(*this);
            tree_.note_error(outcome.result, outcome.stage);
            report(&*directory, {}, outcome);
        }
    }
    tree_.directories_->finish(*directory);
}

Task<void> Member::set_attributes(const DirectoryRef& ref, Outcome& outcome) {
    const Pin directory(io_.files, ref);
    Control control(control_);
    const Described ends{.source = directory->source(),
                         .facts = *directory->facts,
                         .destination = directory->destination(),
                         .unpreserved_mode = directory->final_mode};
    copy_metadata(io_.files, ends, Losses::reported, tree_.options_, control, outcome);
    co_return;
}

Task<void> Member::remove_extra(const DirectoryRef& directory, Outcome& of_directory) {
    const bool dry = (tree_.options_.flags & ARSYNC_COPY_DRY_RUN) != 0;
    Extra extra(io_, tree_.filter_, control_, dry);
    std::optional<ExtraEntry> entry;
    for (;;) {
        co_await attempt(of_directory, [&] { return find_next(directory, extra, entry); });
        if (of_directory.result == -ECANCELED && tree_.control_.cancelled())
            of_directory.fail(0, ARSYNC_STAGE_NONE);
        if (of_directory.result < 0 || !entry || tree_.stopping() ||
            tree_.removes_nothing_.load(std::memory_order_relaxed))
            co_return;
        Outcome outcome;
        outcome.action = ARSYNC_ACTION_REMOVE;
        outcome.flags = entry->directory ? ARSYNC_COMPLETION_DIRECTORY : 0;
        uint64_t removed = 0;
        if (entry->error < 0)
            take_error(outcome, {ARSYNC_STAGE_REMOVE, -entry->error});
        else
            co_await attempt(outcome, [&] { return remove(directory, extra, *entry, removed); });
        totals_.removed += removed;
        if (outcome.result == -ECANCELED && tree_.control_.cancelled())
            co_return;
        if (outcome.result == 0 && removed == 0)
            continue; // it holds what is excluded, and nothing else
        if (outcome.result < 0)
            tree_.note_error(outcome.result, outcome.stage);
        if (is_reported(outcome)) {
            co_await Poll(*this);
            tree_.host_.report(entry->path, outcome);
        }
    }
}

// Pinned for as long as it does not wait for descriptors.
Task<void> Member::find_next(const DirectoryRef& directory, Extra& extra,
                             std::optional<ExtraEntry>& entry) {
    const Pin pin(io_.files, directory);
    co_await extra.next(*pin, entry);
}

Task<void> Member::remove(const DirectoryRef& directory, Extra& extra, const ExtraEntry& entry,
                          uint64_t& removed) {
    const Pin pin(io_.files, directory);
    co_await extra.remove(*pin, entry, removed);
}

// ---- entries ----

Task<void> Member::begin_entries(Batch& batch) {
    const Directory& directory = *batch.pin;
    const bool follows_all = tree_.options_.symlinks == ARSYNC_SYMLINKS_FOLLOW;
    for (auto name = batch.listing.next(); name.text && !tree_.stopping();
         name = batch.listing.next()) {
        Unit unit{batch.pin.ref(), name.text, false};
        unsigned char type = name.type;
        Outcome unknown; // if it is not to be known what it is
        unknown.stage = ARSYNC_STAGE_OPEN_SOURCE;
        const auto look = [&](int at_flags) {
            struct statx facts;
            unknown.result = io_.files.statx(directory.source(), name.text, at_flags, facts);
            if (unknown.result == 0)
                type = static_cast<unsigned char>(IFTODT(facts.stx_mode));
        };
        if (type == DT_UNKNOWN)
            look(AT_SYMLINK_NOFOLLOW);
        if (type == DT_LNK && follows_all) {
            unit.follows = true;
            look(0);
        }
        if (!tree_.filter_.empty() &&
            tree_.filter_.excludes(path_below(&directory, unit.name), type == DT_DIR))
            continue;
        tree_.control_.entries_total.fetch_add(1, std::memory_order_relaxed);
        if (unknown.result < 0) {
            end_entry(&directory, unit.name, unknown);
            continue;
        }
        if (type == DT_DIR) {
            batch.pin->pending.fetch_add(1, std::memory_order_relaxed);
            tree_.push(std::move(unit));
            continue;
        }
        while (under_way_ >= window_)
            co_await EntryEnd(*this);
        co_await Poll(*this);
        ++batch.parts;
        ++under_way_;
        const bool begun =
            entries_.spawn([&] { return copy(batch, std::move(unit.name), type, unit.follows); });
        if (!begun) {
            --batch.parts;
            --under_way_;
            tree_.stop();
        }
        if (++since_yield_ >= yield_after) {
            since_yield_ = 0;
            co_await io_.ring.yield();
        }
    }
}

Task<void> Member::copy(Batch& batch, std::string name, unsigned char type, bool follows) {
    Outcome outcome;
    std::optional<Control> control; // another for each attempt
    co_await attempt(outcome, [&] {
        if (control)
            control->take_back();
        control.emplace(control_);
        return copy_once(batch, name, type, follows, *control, outcome);
    });
    control.reset();
    if (outcome.result == 0)
        widen();
    end_entry(&*batch.pin, name, outcome);
    if (DirectoryRef done = end_part(batch))
        co_await complete(std::move(done));
    --under_way_;
    if (Waiter* waiter = waiting_first_) {
        waiting_first_ = waiter->next;
        io_.ring.post(*waiter);
    }
}

Task<void> Member::copy_once(const Batch& batch, const std::string& name, unsigned char type,
                             bool follows, Control& control, Outcome& outcome) {
    const Directory& directory = *batch.pin;
    FileCopy names;
    names.source_dirfd = directory.source();
    names.source = name;
    names.destination_dirfd = directory.destination();
    names.destination = name;
    names.beneath = true;
    names.follows = follows;
    names.new_file = directory.new_file;
    EntryContext context;
    context.links =
        (tree_.options_.preserve & ARSYNC_PRESERVE_LINKS) != 0 ? &tree_.links_ : nullptr;
    context.directory = &batch.pin.ref();
    context.fresh = directory.made;
    std::string source_text;
    if ((tree_.options_.flags & ARSYNC_COPY_SYMBOLIC_LINK) != 0) {
        source_text = tree_.roots_.source + "/" + path_below(&directory, names.source);
        context.source_text = source_text;
    }
    co_await copy_entry(io_, names, type, context, tree_.entry_options_, control, outcome);
}

// Errors become the outcome's result here. What failed for want of descriptors is begun anew, each
// time with the outcome as it was.
template <class Begin>
Task<void> Member::attempt(Outcome& outcome, Begin begin, unsigned attempts_max) {
    const Outcome before = outcome;
    for (unsigned number = 0;; ++number) {
        outcome = before;
        try {
            co_await begin();
        } catch (const Error& error) {
            take_error(outcome, error);
        } catch (const std::bad_alloc&) {
            take_error(outcome, {ARSYNC_STAGE_MEMORY, ENOMEM});
        }
        if (!out_of_descriptors(outcome) || number >= attempts_max)
            co_return;
        const bool again = co_await wait_for_descriptors(number);
        if (!again)
            co_return;
    }
}

// What is complete with the batch, if this was its last part.
DirectoryRef Member::end_part(Batch& batch) {
    if (--batch.parts > 0)
        return nullptr;
    DirectoryRef directory = batch.pin.ref();
    delete &batch;
    return directory;
}

void Member::end_entry(const Directory* directory, std::string_view name, const Outcome& outcome) {
    tree_.control_.entries_done.fetch_add(1, std::memory_order_relaxed);
    if (outcome.result == -ECANCELED && tree_.control_.cancelled())
        return;
    if (outcome.result < 0)
        tree_.note_error(outcome.result, outcome.stage);
    tree_.note_flags(outcome);
    count(outcome);
    report(directory, name, outcome);
}

bool Member::is_reported(const Outcome& outcome) const {
    if (tree_.options_.report == ARSYNC_REPORT_NONE)
        return false;
    return tree_.reports_all_ || outcome.result < 0 || (outcome.flags & Tree::telling) != 0;
}

void Member::report(const Directory* directory, std::string_view name, const Outcome& outcome) {
    if (!is_reported(outcome))
        return;
    try {
        tree_.host_.report(path_below(directory, name), outcome);
    } catch (const std::bad_alloc&) { // what cannot be told of must not go on
        out_of_memory();
    }
}

void Member::count(const Outcome& outcome) {
    ++totals_.entries;
    // A directory that may not be listed is made all the same.
    const bool is_there =
        outcome.result == 0 || is_attribute(outcome.stage) || outcome.stage == ARSYNC_STAGE_LIST;
    if (!is_there)
        return;
    totals_.bytes += outcome.bytes;
    totals_.hole_bytes += outcome.hole_bytes;
    switch (outcome.action) {
    case ARSYNC_ACTION_COPY:
        ++totals_.files;
        ++totals_.files_by_method[outcome.method];
        break;
    case ARSYNC_ACTION_MAKE_DIRECTORY:
    case ARSYNC_ACTION_ENTER_DIRECTORY:
        ++totals_.directories;
        break;
    case ARSYNC_ACTION_SYMBOLIC_LINK:
        ++totals_.symlinks;
        break;
    case ARSYNC_ACTION_HARD_LINK:
        ++totals_.hard_links;
        break;
    case ARSYNC_ACTION_MAKE_SPECIAL:
        ++totals_.specials;
        break;
    case ARSYNC_ACTION_SKIP:
        ++totals_.skipped;
        break;
    default:
        break;
    }
}

// ---- waiting ----

// What took the descriptors may have been somebody else, and for a moment.
void Member::widen() {
    constexpr unsigned entries_each = 16;
    if (window_ == window_max_ || ++since_narrowed_ < entries_each)
        return;
    since_narrowed_ = 0;
    ++window_;
}

// Fewer at once for a while: half as many, though all that are under way may find none left. False:
// it would not help.
Task<bool> Member::wait_for_descriptors(unsigned attempt) {
    if (pausing_ == 0)
        window_ = std::max(1u, window_ / 2);
    since_narrowed_ = 0;
    const bool closed = tree_.directories_->close_idle();
    if (tree_.stopping())
        co_return false;
    // Those who wait must not all come back at the same time.
    if (!closed || attempt > 0) {
        ++pausing_;
        co_await io_.ring.pause(1 + (attempt + under_way_) % 8);
        --pausing_;
    }
    co_return true;
}

} // namespace arsync
