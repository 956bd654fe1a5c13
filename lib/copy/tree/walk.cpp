// A worker's walk over a tree: it takes directories from the stack, enters them, which makes them
// at the destination, and lists them.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <new>

#include "copy/file.h"
#include "copy/metadata.h"
#include "copy/tree/make_directory.h"
#include "copy/tree/part.h"
#include "io/descriptors.h"
#include "io/facts.h"

namespace arsync {

TreePart::TreePart(Tree& tree, Io io, Control& control, Host& host)
    : tree_(tree), job_(tree.job()), io_(io.with(memo_)), control_(control),
      frugal_(descriptors::walkers() == 1), window_(io.ring, job_.host.workers()),
      awake_(host, *job_.directories, job_.asks) {}

Task<void> TreePart::run() {
    for (unsigned i = 0; i < descriptors::walkers(); ++i)
        walkers_.spawn([this] { return walk(); });
    for (Group* group : {&walkers_, &entries_}) {
        try {
            co_await group->join();
        } catch (const std::bad_alloc&) { // not even the frame of a coroutine
            out_of_memory();
        }
    }
    if (job_.asks && tree_.stopping()) { // what has come back since
        tree_.withdraw_questions();
        co_await give_up_units();
    }
}

Task<void> TreePart::walk() {
    LastUnit last_unit;
    awake_.add();
    for (;;) {
        awake_.remove();
        // While one of this worker's walkers waits for nothing another would only be in its way,
        // and two leave what is large to the end: one worker would be at as many directories as
        // there are walkers, and come to the end of the small ones first.
        while (yields_)
            co_await io_.ring.yield();
        // The next directory; or nothing, when there is none left and nobody finds more.
        std::optional<Unit> unit = co_await Tree::Take(tree_, io_.ring, at_work_, last_unit);
        awake_.add();
        if (!unit) {
            if (!tree_.over())
                continue;
            co_await give_up_units();
            co_return;
        }
        last_unit = {nullptr, false};
        at_work_.fetch_add(1, std::memory_order_relaxed);
        try {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            co_await wait_for_entries();
            if (unit->answered)
                co_await go_on(std::move(unit->answered));
            DirectoryRef directory = unit->directory;
            if (unit->names)
                co_await take_over(std::move(directory), std::move(unit->names), last_unit);
            else if (!unit->name.empty()) {
                co_await Poll(*this); // of the stack's directories each has something to report
                directory = co_await enter(*unit);
            }
            if (directory)
                co_await list(std::move(directory), last_unit);
        } catch (const std::bad_alloc&) {
            out_of_memory();
        }
        at_work_.fetch_sub(1, std::memory_order_relaxed);
        tree_.unit_ended();
    }
}

// Null: there is nothing to list.
Task<DirectoryRef> TreePart::enter(const Unit& unit) {
    Outcome outcome;
    DirectoryRef directory;
    outcome.action = ARSYNC_ACTION_MAKE_DIRECTORY;
    outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
    outcome.wanted.begin(job_.options);
    co_await attempt(outcome, [&] { return open_pair(unit, outcome, directory); });
    outcome.wanted.end(job_.options);
    if (directory && !directory->made)
        outcome.action = ARSYNC_ACTION_ENTER_DIRECTORY;
    end_entry(unit.directory.get(), unit.name, outcome);
    if (!directory) {
        co_await complete(unit.directory);
        co_return nullptr;
    }
    const struct statx& facts = *directory->facts;
    const bool leaves_file_system = (job_.options.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) != 0 &&
                                    !tree_.is_on_source_device(facts);
    if (outcome.result == 0 && !leaves_file_system)
        co_return directory;
    co_await complete(std::move(directory));
    co_return nullptr;
}

Task<void> TreePart::open_pair(const Unit& unit, Outcome& outcome, DirectoryRef& opened) {
    auto directory = std::make_shared<Directory>(job_.directories);
    directory->parent = unit.directory;
    directory->name = unit.name;
    directory->source_followed = unit.follows;
    directory->beyond_link = unit.follows || unit.directory->beyond_link;
    directory->facts = std::make_unique<struct statx>();
    struct statx& facts = *directory->facts;
    const Pin above(io_.files, unit.directory);

    File source = co_await open_source_directory(above, unit, facts, outcome);
    outcome.wanted.tell_source(facts, job_.options);
    directory->source_id = identity(facts);
    directory->strays = unit.directory->strays || unit.follows || may_be_mount(facts);
    refuse_loop(*directory);
    if (unit.follows && tree_.follows_into_mirror(io_.files, source.get()))
        refuse_meeting();

    File destination = co_await make_destination(above, *directory, outcome);
    if (directory->made && destination)
        set_flags_of_new_directory(io_.files, source.get(), facts, destination.get(), job_.options);
    job_.directories->add(*directory, std::move(source), std::move(destination));
    job_.directories->unpin(*directory);
    opened = std::move(directory);
}

// One that may not be listed is made all the same, as it is the directory of what it holds.
Task<File> TreePart::open_source_directory(const Pin& above, const Unit& unit, struct statx& facts,
                                           Outcome& outcome) {
    constexpr int flags = O_RDONLY | O_DIRECTORY;
    constexpr uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const char* name = unit.name.c_str();
    int64_t fd = -EAGAIN;
    if (!unit.follows) {
        fd = io_.files.open_beneath(above->source(), name, flags | O_NOFOLLOW,
                                    resolve | RESOLVE_CACHED);
        for (bool asked = false; fd == -EAGAIN; asked = true) {
            if (asked) // what a server says may be so for long
                co_await wait_for_file_lease(io_, control_);
            fd = co_await io_.ring.open_beneath(above->source(), name, flags | O_NOFOLLOW, resolve);
        }
    } else {
        fd = io_.files.open(above->source(), name, flags, 0);
    }
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

// Or opens what is there. None in a dry run, if it would be made.
Task<File> TreePart::make_destination(const Pin& above, Directory& directory, Outcome& outcome) {
    const std::string& name = directory.name;
    const bool keeps_symlink = (job_.options.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0;
    const bool missing = co_await is_missing(above, name, outcome);
    const bool fresh = is_free(*above, name, ARSYNC_STAGE_MAKE_DIRECTORY);
    if (missing) {
        directory.made = directory.missing = true;
        co_return File();
    }
    const auto make = [&] {
        return make_directory(io_.files, above->destination(), name.c_str(), *directory.facts, true,
                              keeps_symlink, fresh, job_.options, job_.umask);
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
        const bool cleared = co_await clear_other(*above, name);
        if (!cleared)
            throw *in_the_way;
        outcome.flags |= ARSYNC_COMPLETION_REPLACED;
        made = make();
    }
    directory.made = made.made;
    directory.final_mode = made.final_mode;
    directory.destination_followed = keeps_symlink;
    directory.destination_id = identity(made.facts);
    if (!made.made && tree_.shows_twice() &&
        !tree_.enter_once(directory.destination_id, path_below(&*above, name)))
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EEXIST);
    if (made.made)
        tree_.note_made(directory.destination_id);
    outcome.wanted.tell_destination(made.facts, job_.options);
    directory.new_file = new_file_in(io_.files, made, job_.options, job_.uid, job_.gid);
    File destination = std::move(made.directory);
    tree_.prepare_names(io_.files, directory, destination.get());
    if (job_.options.durability != ARSYNC_DURABILITY_NONE) {
        tree_.choose_sync(io_.files, directory, destination.get());
        struct statx itself;
        const bool is_link =
            keeps_symlink && !made.made &&
            io_.files.statx(above->destination(), name.c_str(), AT_SYMLINK_NOFOLLOW, itself) == 0 &&
            !S_ISDIR(itself.stx_mode);
        if (is_link)
            tree_.note_link_to(directory);
    }
    directory.strays =
        directory.strays || (!made.made && (keeps_symlink || may_be_mount(made.facts)));
    refuse_source_above(directory);
    made.undo.keep();
    co_return destination;
}

// Whether this is a dry run, and it would be made.
Task<bool> TreePart::is_missing(const Pin& above, const std::string& name, Outcome& outcome) {
    if ((job_.options.flags & ARSYNC_COPY_DRY_RUN) == 0 || above->missing)
        co_return above->missing;
    struct statx found;
    const int there =
        io_.files.statx(above->destination(), name.c_str(), AT_SYMLINK_NOFOLLOW, found);
    bool missing = there == -ENOENT;
    if (replaces_kinds() && there == 0 && !S_ISDIR(found.stx_mode))
        missing = co_await clear_other(*above, name);
    if (missing && there == 0)
        outcome.flags |= ARSYNC_COMPLETION_REPLACED;
    if (!missing)
        check(ARSYNC_STAGE_MAKE_DIRECTORY, there); // or it would be made
    co_return missing;
}

// Whether nothing is at the name of an entry, but what another entry has put there meanwhile.
bool TreePart::is_free(const Directory& directory, const std::string& name, Stage stage) const {
    if (directory.made || !directory.folding)
        return directory.made;
    return directory.folding->is_free(io_.files, directory.source(), directory.destination(), name,
                                      stage);
}

// Of a source that is, by a mount or a link, where its own copy would be put: the destination of a
// directory on the way, or what this job has made elsewhere, which may be growing just so. Or,
// where links were followed, of a directory on the way to itself.
void TreePart::refuse_loop(const Directory& directory) const {
    const Identity& source = directory.source_id;
    const bool is_entered = tree_.may_reach(source);
    const auto is_destination = [&](const Directory& above) {
        return !above.missing && above.destination_id == source;
    };
    if (is_entered && is_destination(tree_.root()))
        refuse_meeting();
    if (!directory.strays)
        return;
    if (is_entered && tree_.has_made(source))
        refuse_meeting();
    for (const Directory* above = directory.parent.get(); above; above = above->parent.get()) {
        if (is_entered && is_destination(*above))
            refuse_meeting();
        if (directory.beyond_link && above->source_id == source)
            throw error_at(Side::source, ARSYNC_STAGE_CHECK, ELOOP);
    }
}

// A mirror would remove from its own source, to which a destination may lead as it was mounted, or
// moved there, since the roots were compared.
void TreePart::refuse_source_above(const Directory& directory) const {
    if ((job_.options.flags & ARSYNC_COPY_MIRROR) == 0)
        return;
    if (directory.destination_id == tree_.root().source_id)
        refuse_meeting();
    if (!directory.strays)
        return;
    for (const Directory* source = &directory; source; source = source->parent.get())
        if (source->source_id == directory.destination_id)
            refuse_meeting();
}

// What the roots did not tell: a mirror would remove what it has to copy.
void TreePart::refuse_meeting() const {
    tree_.note_meeting();
    throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
}

namespace {
// Somebody is at entries of a directory.
struct At {
    const DirectoryRef directory;
    explicit At(DirectoryRef where) : directory(std::move(where)) {
        directory->walkers.fetch_add(1, std::memory_order_relaxed);
    }
    At(const At&) = delete;
    At& operator=(const At&) = delete;
    ~At() { directory->walkers.fetch_sub(1, std::memory_order_relaxed); }
};
} // namespace

Task<void> TreePart::list(DirectoryRef directory, LastUnit& last_unit) {
    const At here(directory);
    if ((job_.options.flags & ARSYNC_COPY_SHALLOW) != 0) {
        co_await complete(std::move(directory));
        co_return;
    }
    for (;;) {
        std::unique_ptr<Batch> batch;
        Outcome outcome;
        co_await wait_for_entries();
        co_await attempt(outcome, [&] { fill(directory, batch); });
        const bool any = batch && !batch->listing.is_empty();
        if (outcome.result < 0)
            note_unlisted(*directory, outcome);
        else if (!any)
            directory->listed_in_full.store(true, std::memory_order_relaxed);
        if (!any) {
            batch.reset();
            co_await complete(std::move(directory));
            co_return;
        }
        directory->pending.fetch_add(1, std::memory_order_relaxed);
        // A full buffer: there is likely to be more, for others to begin with at once.
        const bool shared = batch->listing.is_full() && !tree_.keeps_order();
        if (shared) {
            tree_.push({directory, {}, false});
            tree_.call_others();
        }
        co_await copy_names(std::move(batch), last_unit);
        if (shared)
            co_return;
        if (tree_.stopping()) {
            co_await complete(std::move(directory));
            co_return;
        }
    }
}

// The names that another worker has listed; they are a part of the directory.
Task<void> TreePart::take_over(DirectoryRef directory, std::unique_ptr<Listing> names,
                               LastUnit& last_unit) {
    const At here(directory);
    std::unique_ptr<Batch> batch;
    Outcome outcome;
    co_await attempt(outcome, [&]() -> Task<void> { return open_again(directory, batch); });
    if (outcome.result < 0) {
        note_unlisted(*directory, outcome);
        co_await complete(std::move(directory));
        co_return;
    }
    batch->listing = std::move(*names);
    co_await copy_names(std::move(batch), last_unit);
}

// They are a part of the directory, which ends with the last of them.
Task<void> TreePart::copy_names(std::unique_ptr<Batch> batch, LastUnit& last_unit) {
    Batch& begun = *batch.release(); // from here on its last part's to free
    try {
        co_await begin_entries(begun);
    } catch (const std::bad_alloc&) { // those that have begun are waited for
        out_of_memory();
    }
    last_unit.directory = begun.has_directories ? nullptr : begun.pin.ref();
    if (DirectoryRef done = end_part(begun))
        co_await complete(std::move(done));
}

void TreePart::note_unlisted(const Directory& directory, Outcome& outcome) {
    outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
    outcome.action = ARSYNC_ACTION_ENTER_DIRECTORY;
    note_error(&directory, {}, outcome);
    report(&directory, {}, outcome);
}

void TreePart::fill(const DirectoryRef& directory, std::unique_ptr<Batch>& batch) {
    Pin pin(io_.files, directory);
    const size_t size = listing_size(*directory);
    auto next = std::make_unique<Batch>(std::move(pin), size);
    if (directory->shut)
        throw Error{ARSYNC_STAGE_LIST, EACCES};
    if (directory->reopened)
        check(ARSYNC_STAGE_LIST,
              io_.files.set_list_position(directory->source(), directory->position));
    directory->reopened = true; // when it is tried again these names are read again
    next->listing.fill(io_.files, directory->source(), ARSYNC_STAGE_LIST);
    if (directory->source_names) {
        for (auto name = next->listing.next(); name.text; name = next->listing.next())
            note_source_name(*directory, name.text);
        next->listing.begin_again();
    }
    directory->reopened = false;
    if (seeks(*directory) && !tree_.keeps_order())
        next->listing.sort_by_inode();
    directory->position = next->listing.position();
    batch = std::move(next);
}

// Before anything can become of it: what a mirror keeps must not hang on how the entry fares.
void TreePart::note_source_name(Directory& directory, const char* name) {
    directory.source_names->add(name);
    if (directory.folding)
        directory.folding->note_source(io_.files, directory.source(), directory.destination(),
                                       name);
}

// ---- what the walk waits for, and what becomes of it when it cannot go on ----

// Where descriptors are few, or have run out, those of entries and of the next directory do not add
// up.
Task<void> TreePart::wait_for_entries() {
    while ((frugal_ || window_.is_paused()) && window_.under_way() > 0)
        co_await Window::EntryEnd(window_);
}

// Units that will not be begun must still be counted off, so that directories already made get
// their attributes.
Task<void> TreePart::give_up_units() {
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

// Fewer at once for a while. False: it would not help.
Task<bool> TreePart::wait_for_descriptors(unsigned attempt) {
    window_.narrow();
    job_.directories->set_keeping(false);
    const bool closed = job_.directories->close_idle();
    const bool may_help = closed && attempt == 0; // for once: who tries again leaves more behind
    if (tree_.stopping() || (!may_help && job_.scarcity.is_hopeless(job_.host.is_alone())))
        co_return false;
    if (!may_help)
        co_await window_.pause(attempt);
    co_return true;
}

void TreePart::out_of_memory() {
    tree_.note_error(-ENOMEM, ARSYNC_STAGE_MEMORY, Side::neither);
    tree_.stop();
}

} // namespace arsync
