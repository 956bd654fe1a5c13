#include "copy/tree/member.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <new>

#include "copy/metadata.h"
#include "copy/tree/attempt.h"
#include "copy/tree/batch.h"
#include "copy/tree/make_directory.h"
#include "copy/tree/sync.h"
#include "copy/tree/take.h"
#include "io/descriptors.h"

namespace arsync {

Member::Member(Tree& tree, Io io, Control& control, Host& host)
    : tree_(tree), io_{io.files, io.ring, io.buffers, io.pace, &memo_}, control_(control),
      frugal_(descriptors::walkers() == 1), window_(io.ring, tree.host_.workers()),
      presence_(host, *tree.directories_, tree.asks_) {}

Task<void> Member::run() {
    for (unsigned i = 0; i < descriptors::walkers(); ++i)
        walkers_.spawn([this] { return walk(); });
    for (Group* group : {&walkers_, &entries_}) {
        try {
            co_await group->join();
        } catch (const std::bad_alloc&) { // not even the frame of a coroutine
            out_of_memory();
        }
    }
    if (tree_.asks_ && tree_.stopping()) { // what has come back since
        tree_.withdraw_questions();
        co_await give_up_units();
    }
}

void Member::out_of_memory() {
    tree_.note_error(-ENOMEM, ARSYNC_STAGE_MEMORY, Side::neither);
    tree_.stop();
}

// Fewer at once for a while. False: it would not help.
Task<bool> Member::wait_for_descriptors(unsigned attempt) {
    window_.narrow();
    tree_.directories_->set_keeping(false);
    const bool closed = tree_.directories_->close_idle();
    const bool may_help = closed && attempt == 0; // for once: who tries again leaves more behind
    if (tree_.stopping() || (!may_help && tree_.scarcity_.is_hopeless(tree_.host_.is_alone())))
        co_return false;
    if (!may_help)
        co_await window_.pause(attempt);
    co_return true;
}

Task<void> Member::open_roots() {
    Outcome outcome;
    co_await attempt(outcome, [&] { return open_roots_once(); });
    if (outcome.result < 0)
        throw error_at(side_of(outcome.flags), outcome.stage, -outcome.result);
}

Task<void> Member::open_roots_once() {
    tree_.root_ = tree_.open_roots(io_.files);
    co_return;
}

// Where descriptors are few, those of entries and of the next directory do not add up.
Task<void> Member::wait_for_entries() {
    while (frugal_ && window_.under_way() > 0)
        co_await Window::EntryEnd(window_);
}

Task<void> Member::walk() {
    presence_.enter();
    for (;;) {
        presence_.leave();
        std::optional<Unit> unit = co_await Tree::Take(tree_, io_.ring);
        presence_.enter();
        if (!unit) {
            if (!tree_.over())
                continue;
            co_await give_up_units();
            co_return;
        }
        try {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            co_await wait_for_entries();
            if (unit->answered)
                co_await go_on(std::move(unit->answered));
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
        while (std::optional<Unit> unit = tree_.take_back()) {
            if (unit->answered)
                co_await give_up(std::move(unit->answered));
            co_await complete(std::move(unit->directory));
        }
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
    outcome.wanted.begin(tree_.options_);
    co_await attempt(outcome, [&] { return open_pair(unit, outcome, directory); });
    outcome.wanted.end(tree_.options_);
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
    directory->beyond_link = unit.follows || unit.directory->beyond_link;
    directory->facts = std::make_unique<struct statx>();
    struct statx& facts = *directory->facts;
    const Pin above(io_.files, unit.directory);

    File source = co_await open_source_directory(above, unit, facts, outcome);
    outcome.wanted.tell_source(facts, tree_.options_);
    directory->source_id = identity(facts);
    refuse_loop(*directory);

    const char* name = unit.name.c_str();
    const bool dry = (tree_.options_.flags & ARSYNC_COPY_DRY_RUN) != 0;
    const bool keeps_symlink = (tree_.options_.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0;
    const bool mirrors = (tree_.options_.flags & ARSYNC_COPY_MIRROR) != 0;
    File destination;
    bool missing = above->missing;
    if (dry && !missing) {
        struct statx found;
        const int there = io_.files.statx(above->destination(), name, AT_SYMLINK_NOFOLLOW, found);
        missing = there == -ENOENT;
        if (replaces_kinds() && there == 0 && !S_ISDIR(found.stx_mode))
            missing = co_await clear_other(*above, unit.name);
        if (missing && there == 0)
            outcome.flags |= ARSYNC_COMPLETION_REPLACED;
        if (!missing)
            check(ARSYNC_STAGE_MAKE_DIRECTORY, there); // or it would be made
    }
    const bool fresh = is_free(*above, unit.name, ARSYNC_STAGE_MAKE_DIRECTORY);
    if (missing) {
        directory->made = directory->missing = true;
    } else {
        const auto make = [&] {
            return make_directory(io_.files, above->destination(), name, facts, true, keeps_symlink,
                                  fresh, tree_.options_, tree_.umask_);
        };
        MadeDirectory made;
        std::optional<Error> in_the_way;
        try {
            made = make();
        } catch (const Error& error) {
            if (error.code != ENOTDIR || !replaces_kinds() || fresh)
                throw;
            in_the_way = error;
        }
        if (in_the_way) {
            const bool cleared = co_await clear_other(*above, unit.name);
            if (!cleared)
                throw *in_the_way;
            outcome.flags |= ARSYNC_COMPLETION_REPLACED;
            made = make();
        }
        directory->made = made.made;
        directory->final_mode = made.final_mode;
        directory->destination_followed = keeps_symlink;
        directory->destination_id = identity(made.facts);
        outcome.wanted.tell_destination(made.facts, tree_.options_);
        if (mirrors && directory->destination_id == tree_.root_->source_id)
            refuse_meeting();
        directory->new_file = new_file_in(io_.files, made, tree_.options_, tree_.uid_, tree_.gid_);
        destination = std::move(made.directory);
        tree_.know_names(io_.files, *directory, destination.get());
        tree_.choose_sync(io_.files, *directory, destination.get());
    }
    tree_.directories_->add(*directory, std::move(source), std::move(destination));
    tree_.directories_->unpin(*directory);
    opened = std::move(directory);
}

// Whether nothing is at the name of an entry, but what another entry has put there meanwhile.
bool Member::is_free(const Directory& directory, const std::string& name, Stage stage) const {
    if (directory.made || !directory.folding)
        return directory.made;
    return directory.folding->is_free(io_.files, directory.source(), directory.destination(), name,
                                      stage);
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
    while (fd == -EAGAIN)
        fd = co_await io_.ring.open_beneath(above->source(), name, flags | O_NOFOLLOW, resolve);
    if (fd == -EACCES) {
        outcome.fail(-EACCES, ARSYNC_STAGE_LIST);
        fd = io_.files.open(above->source(), name,
                            O_PATH | O_DIRECTORY | (unit.follows ? 0 : O_NOFOLLOW), 0);
    }
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    File source(io_.files, static_cast<int>(fd));
    check(ARSYNC_STAGE_OPEN_SOURCE, io_.files.statx(source.get(), "", 0, facts));
    co_return source;
}

// The destination, reached by a mount or a link; or, where links were followed, a directory on the
// way to itself.
void Member::refuse_loop(const Directory& directory) const {
    const Identity& source = directory.source_id;
    if (!tree_.root_->missing && source == tree_.root_->destination_id && tree_.may_meet(source))
        refuse_meeting();
    const Directory* above = directory.beyond_link ? directory.parent.get() : nullptr;
    for (; above; above = above->parent.get())
        if (above->source_id == source)
            throw error_at(Side::source, ARSYNC_STAGE_CHECK, ELOOP);
}

// What the roots did not tell, as it was mounted since: a mirror would remove what it has to copy.
void Member::refuse_meeting() const {
    tree_.removes_nothing_.store(true, std::memory_order_relaxed);
    throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
}

Task<void> Member::fill(const DirectoryRef& directory, std::unique_ptr<Batch>& batch) {
    auto next = std::make_unique<Batch>(Pin(io_.files, directory));
    if (directory->shut)
        throw Error{ARSYNC_STAGE_LIST, EACCES};
    if (directory->reopened)
        check(ARSYNC_STAGE_LIST,
              io_.files.set_list_position(directory->source(), directory->position));
    directory->reopened = false;
    next->listing.fill(io_.files, directory->source(), ARSYNC_STAGE_LIST);
    if (directory->source_names) {
        for (auto name = next->listing.next(); name.text; name = next->listing.next())
            directory->source_names->add(name.text);
        next->listing.begin_again();
    }
    directory->position = next->listing.position();
    batch = std::move(next);
    co_return;
}

Task<void> Member::list(DirectoryRef directory) {
    if ((tree_.options_.flags & ARSYNC_COPY_SHALLOW) != 0) {
        co_await complete(std::move(directory));
        co_return;
    }
    for (;;) {
        std::unique_ptr<Batch> batch;
        Outcome outcome;
        co_await wait_for_entries();
        co_await attempt(outcome, [&] { return fill(directory, batch); });
        const bool any = batch && !batch->listing.is_empty();
        if (outcome.result < 0) {
            outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
            outcome.action = ARSYNC_ACTION_ENTER_DIRECTORY;
            note_error(&*directory, {}, outcome);
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
        try {
            co_await begin_entries(begun);
        } catch (const std::bad_alloc&) { // those that have begun are waited for
            out_of_memory();
        }
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
        ((options.preserve & ~ARSYNC_PRESERVE_LINKS) != 0 || directory->final_mode.is_due());
    const bool syncs = directory->syncs_each && !dry && !tree_.stopping();
    if (mirrors || has_attributes || syncs) {
        Outcome outcome;
        outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
        outcome.action =
            directory->made ? ARSYNC_ACTION_MAKE_DIRECTORY : ARSYNC_ACTION_ENTER_DIRECTORY;
        if (mirrors)
            co_await remove_extra(directory, outcome);
        if (has_attributes && outcome.result == 0)
            co_await attempt(outcome, [&] { return set_attributes(directory, outcome, syncs); });
        else if (syncs && outcome.result == 0)
            co_await attempt(outcome, [&] { return sync_names(directory); });
        tree_.note_flags(outcome);
        if (outcome.result < 0) {
            co_await Poll(*this);
            note_error(&*directory, {}, outcome);
            report(&*directory, {}, outcome);
        }
    }
    tree_.directories_->finish(*directory);
}

Task<void> Member::sync_names(const DirectoryRef& ref) {
    const Pin directory(io_.files, ref);
    co_await sync_one(io_, directory->destination());
}

// syncs: while it is open, for afterwards it may not be opened again.
Task<void> Member::set_attributes(const DirectoryRef& ref, Outcome& outcome, bool syncs) {
    const Pin directory(io_.files, ref);
    Control control(control_);
    const auto old = xattrs_to_update(io_.files, directory->destination(), directory->made,
                                      tree_.options_, outcome);
    const Described ends{.source = directory->source(),
                         .facts = *directory->facts,
                         .destination = directory->destination(),
                         .destination_xattrs = old ? &*old : nullptr,
                         .final_mode = directory->final_mode};
    copy_metadata(io_.files, ends, tree_.options_, control, outcome);
    if (syncs)
        co_await sync_one(io_, directory->destination());
}

} // namespace arsync
