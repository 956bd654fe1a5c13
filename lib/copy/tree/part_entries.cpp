// The entries of a directory that are no directories: begun side by side, and what is told of them.
#include "copy/tree/part.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <new>

#include "copy/entry.h"
#include "copy/tree/totals.h"

namespace arsync {

namespace {

// Entries after which others get their turn: completed requests, and other jobs.
constexpr unsigned yield_after = 32;

} // namespace

Task<void> TreePart::begin_entries(Batch& batch) {
    const Directory& directory = *batch.pin;
    const bool follows_all = job_.options.symlinks == ARSYNC_SYMLINKS_FOLLOW;
    const bool directories_only = (job_.options.flags & ARSYNC_COPY_DIRECTORIES_ONLY) != 0;
    const bool sweeps_here = sweeps(directory);
    const bool in_order = seeks(directory) && !tree_.keeps_order();
    std::vector<ColdFile> cold;
    std::vector<Unit> directories;
    const bool at_once = !sweeps_here && copies_at_once(directory);
    // Where two make files in one directory, each that does nothing else for a while holds off the
    // other.
    const auto together_max = [&]() -> size_t {
        const bool alone = directory.walkers.load(std::memory_order_relaxed) < 2;
        return alone && !tree_.keeps_order() ? Together::most : 1;
    };
    std::vector<SmallFile> together;
    for (auto name = batch.listing.next(); name.text && !tree_.stopping();
         name = batch.listing.next()) {
        std::string text = name.text;
        unsigned char type = name.type;
        bool follows = false;
        int looked = 0; // if negative, it is not to be known what it is
        const auto look = [&](int at_flags) {
            struct statx facts;
            looked = io_.files.statx(directory.source(), name.text, at_flags, facts);
            if (looked == 0)
                type = static_cast<unsigned char>(IFTODT(facts.stx_mode));
        };
        if (type == DT_UNKNOWN)
            look(AT_SYMLINK_NOFOLLOW);
        if (type == DT_LNK && follows_all) {
            follows = true;
            look(0);
        }
        if (!job_.filter.empty() &&
            job_.filter.excludes(path_below(&directory, text), type == DT_DIR))
            continue;
        // Of what it is not known of it might be one; but a link that leads nowhere is none.
        const bool is_known = looked == 0 || (follows && looked == -ENOENT);
        if (directories_only && type != DT_DIR && is_known)
            continue;
        job_.control.counts().entries_total.fetch_add(1, std::memory_order_relaxed);
        if (looked < 0) {
            Outcome unknown;
            unknown.fail(looked, ARSYNC_STAGE_OPEN_SOURCE);
            end_entry(&directory, text, unknown);
            continue;
        }
        if (type == DT_DIR && made_before(directory, text)) {
            Outcome repeated;
            repeated.action = ARSYNC_ACTION_SKIP;
            repeated.flags = ARSYNC_COMPLETION_DIRECTORY | ARSYNC_COMPLETION_REPEATED;
            end_entry(&directory, text, repeated);
            continue;
        }
        if (type == DT_DIR) {
            batch.has_directories = true;
            Unit unit{batch.pin.ref(), std::move(text), follows};
            if (in_order)
                directories.push_back(std::move(unit));
            else
                push(batch, std::move(unit));
            continue;
        }
        if (at_once && type == DT_REG && !follows) {
            together.reserve(together_max());
            together.push_back({std::move(text)});
            if (together.size() >= std::min<size_t>(together_max(), window_.room()))
                co_await begin_together(batch, together);
        } else {
            if (job_.asks)
                co_await go_on_with_answers();
            co_await wait_to_begin();
            Source source;
            const bool done = sweeps_here && type == DT_REG && !follows &&
                              copies_or_leaves(batch, text, source, cold);
            Unit unit{batch.pin.ref(), std::move(text), follows};
            std::unique_ptr<SuspendedEntry> asked;
            if (job_.asks) {
                tree_.entry_begun();
                asked = to_be_asked(unit, type);
            }
            const bool begun = done || begin_entry(batch, std::move(unit), type, std::move(source),
                                                   std::move(asked));
            if (job_.asks && !begun)
                tree_.entry_ended();
        }
        if (++since_yield_ >= yield_after) {
            since_yield_ = 0;
            yields_ = true;
            co_await io_.ring.yield();
            yields_ = false;
        }
        if (tree_.shares(batch.listing.names_left()))
            share(batch);
    }
    co_await begin_together(batch, together);
    for (; !directories.empty(); directories.pop_back()) // the last in is the first out
        push(batch, std::move(directories.back()));
    if (!cold.empty())
        co_await sweep(batch, std::move(cold));
}

void TreePart::push(Batch& batch, Unit directory) {
    std::atomic<unsigned>& pending = batch.pin->pending;
    pending.fetch_add(1, std::memory_order_relaxed); // before anybody can end it
    try {
        tree_.push(std::move(directory));
    } catch (const std::bad_alloc&) { // nobody has it; nor was it the last: the batch is one
        pending.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
}

Task<void> TreePart::wait_to_begin() {
    while (!window_.has_room())
        co_await Window::EntryEnd(window_);
    co_await Poll(*this);
    if (control_.held())
        co_await wait_while_held(io_, control_);
}

// With another worker, of the names that have not begun.
void TreePart::share(Batch& batch) {
    std::unique_ptr<Listing> names = batch.listing.split();
    if (!names)
        return;
    std::atomic<unsigned>& pending = batch.pin->pending;
    pending.fetch_add(1, std::memory_order_relaxed); // before anybody can end it
    try {
        tree_.push(Unit{batch.pin.ref(), {}, false, nullptr, std::move(names)});
    } catch (const std::bad_alloc&) { // nobody has it; nor was it the last: the batch is one
        pending.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
    tree_.call_others();
}

// False: it could not be begun, and no more will be.
bool TreePart::begin_entry(Batch& batch, Unit unit, unsigned char type, Source source,
                           std::unique_ptr<SuspendedEntry> asked) {
    ++batch.parts;
    window_.enter(); // until copy() has ended
    awake_.add();
    const bool begun = entries_.spawn([&] {
        return copy(batch, std::move(unit.name), type, unit.follows, std::move(source),
                    std::move(asked));
    });
    if (!begun) {
        --batch.parts;
        window_.leave();
        awake_.remove();
        tree_.stop();
    }
    return begun;
}

// asked: with the answer to its question, or for the question that it may have; null in a tree that
// asks none.
Task<void> TreePart::copy(Batch& batch, std::string name, unsigned char type, bool follows,
                          Source source, std::unique_ptr<SuspendedEntry> asked) {
    Outcome outcome;
    outcome.wanted.begin(job_.options);
    std::optional<Control> control; // another for each attempt
    constexpr uint32_t links = ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK;
    const bool has_content = type == DT_REG && (job_.options.flags & links) == 0;
    const Reads reads = !has_content ? Reads::nothing : follows ? Reads::through_link : Reads::file;
    bool cleared = false;
    const auto begin = [&] {
        if (control)
            control->take_back();
        control.emplace(control_);
        Question* question = asked ? &asked->asked : nullptr;
        return copy_entry_once(batch, name, type, follows, cleared, source, question, *control,
                               outcome);
    };
    const auto is_final = [&] { return control && control->source_is_spent(); };
    try {
        co_await attempt(outcome, begin, is_final);
        if (gives_way(*batch.pin, outcome))
            cleared = co_await clear_directory(batch.pin.ref(), name, reads, outcome);
        if (cleared) {
            Outcome anew;
            anew.wanted.begin_ns = outcome.wanted.begin_ns;
            outcome = std::move(anew);
            co_await attempt(outcome, begin, is_final);
            outcome.flags |= ARSYNC_COMPLETION_REPLACED;
        }
    } catch (const std::bad_alloc&) { // for its frame
        outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    control.reset();
    if (outcome.result == 0)
        window_.widen();
    const bool waits =
        asked && asked->asked.open && outcome.result == 0 && ask(batch, std::move(asked), outcome);
    const bool given_up = outcome.result == -ECANCELED && outcome.stage == ARSYNC_STAGE_ASK;
    outcome.wanted.end(job_.options);
    if (!waits && !given_up)
        end_entry(&*batch.pin, name, outcome);
    try {
        if (DirectoryRef done = end_part(batch))
            co_await complete(std::move(done));
    } catch (const std::bad_alloc&) {
        out_of_memory();
    }
    if (job_.asks && !waits)
        tree_.entry_ended();
    window_.leave(); // whatever happened, for others wait for it
    awake_.remove();
}

FileCopy TreePart::names_of(const Directory& directory, const std::string& name) const {
    FileCopy names;
    set_names(names, directory, name);
    return names;
}

void TreePart::set_names(FileCopy& names, const Directory& directory,
                         const std::string& name) const {
    names.source_dirfd = directory.source();
    names.source = name;
    names.destination_dirfd = directory.destination();
    names.destination = name;
    names.beneath = true;
    names.just_created = made_before(directory, name);
    names.new_file = directory.new_file;
    names.umask = &job_.umask;
    names.writers = &job_.writers;
    names.synced_later = !directory.syncs_each;
}

EntryContext TreePart::context_of(const Batch& batch) const {
    EntryContext context;
    context.links = (job_.options.preserve & ARSYNC_PRESERVE_LINKS) != 0 ? &job_.links : nullptr;
    context.directory = &batch.pin.ref();
    return context;
}

Task<void> TreePart::copy_entry_once(const Batch& batch, const std::string& name,
                                     unsigned char type, bool follows, bool cleared, Source& source,
                                     Question* question, Control& control, Outcome& outcome) {
    const Directory& directory = *batch.pin;
    Writers::Turn turn; // but who takes from a stream may wait for ever, and has none
    if (takes_turns_by_name() && type == DT_REG) {
        turn = co_await job_.writers.take(name_in(directory.destination_id, name), io_.ring);
        control.throw_if_cancelled(); // as that may have been long in coming
    }
    FileCopy names = names_of(directory, name);
    names.follows = follows;
    if (follows)
        refuse_link_into_mirror(directory, name);
    names.fresh = cleared || is_free(directory, name, ARSYNC_STAGE_OPEN_DESTINATION);
    const arsync_copy_options& options = job_.entry_options;
    EntryContext context = context_of(batch);
    context.opened = &source;
    std::string source_text;
    if ((job_.options.flags & ARSYNC_COPY_SYMBOLIC_LINK) != 0) {
        source_text = job_.roots.source + "/" + path_below(&directory, names.source);
        context.source_text = source_text;
        context.source_text_dirfd = job_.roots.source_dirfd;
    }
    if (question)
        co_await copy_by_answer(io_, names, type, context, options, *question, control, outcome);
    else
        co_await copy_entry(io_, names, type, context, options, control, outcome);
}

void TreePart::refuse_link_into_mirror(const Directory& directory, const std::string& name) const {
    if (!tree_.may_follow_into_mirror())
        return;
    const int fd = io_.files.open(directory.source(), name.c_str(), O_PATH, 0);
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    const File opened(io_.files, fd);
    if (opened && tree_.follows_into_mirror(io_.files, opened.get()))
        refuse_meeting();
}

// Below a root that is new no link was there that might lead to one of its directories, nor is
// anything mounted.
bool TreePart::takes_turns_by_name() const {
    return (job_.takes_turns_by_name && !tree_.root().made) || tree_.shows_twice();
}

// Whether a directory that is in the way of an entry is to be removed.
bool TreePart::gives_way(const Directory& directory, const Outcome& outcome) const {
    return replaces_kinds() && !directory.made && outcome.result == -EISDIR &&
           outcome.stage == ARSYNC_STAGE_OPEN_DESTINATION;
}

// In a mirror what is of another kind than the source gives way.
bool TreePart::replaces_kinds() const {
    return (job_.options.flags & ARSYNC_COPY_MIRROR) != 0 &&
           job_.options.replace != ARSYNC_REPLACE_EXCLUSIVE &&
           job_.options.update != ARSYNC_UPDATE_NONE && !tree_.has_met_itself();
}

// Whether it was copied by itself before, as an item of the same list.
bool TreePart::made_before(const Directory& directory, std::string_view name) const {
    return job_.host.asks_whether_made() && job_.options.backup != ARSYNC_BACKUP_NUMBERED &&
           job_.host.made_before(path_below(&directory, name));
}

// What is complete with the batch, if this was its last part.
DirectoryRef TreePart::end_part(Batch& batch) {
    if (--batch.parts > 0)
        return nullptr;
    DirectoryRef directory = batch.pin.ref();
    delete &batch;
    return directory;
}

void TreePart::end_entry(const Directory* directory, std::string_view name,
                         const Outcome& outcome) {
    job_.control.counts().entries_done.fetch_add(1, std::memory_order_relaxed);
    if (outcome.result == -ECANCELED && job_.control.cancelled())
        return;
    if (outcome.result < 0)
        note_error(directory, name, outcome);
    tree_.note_flags(outcome);
    count(totals_, outcome);
    report(directory, name, outcome);
}

void TreePart::note_error(const Directory* directory, std::string_view name,
                          const Outcome& outcome) {
    std::string path;
    bool has_path = wants(job_.options, ARSYNC_WANT_ERROR_PATH);
    try {
        if (has_path)
            path = path_below(directory, name);
    } catch (const std::bad_alloc&) {
        has_path = false;
    }
    tree_.note_error(outcome.result, outcome.stage, side_of(outcome.flags),
                     has_path ? &path : nullptr);
}

bool TreePart::is_reported(const Outcome& outcome) const {
    if (job_.options.report == ARSYNC_REPORT_NONE)
        return false;
    return job_.reports_all || outcome.result < 0 || (outcome.flags & Tree::telling_of_entry) != 0;
}

void TreePart::report(const Directory* directory, std::string_view name, const Outcome& outcome) {
    if (!is_reported(outcome))
        return;
    try {
        job_.host.report({.path = path_below(directory, name), .outcome = outcome});
    } catch (const std::bad_alloc&) { // what cannot be told of must not go on
        out_of_memory();
    }
}

} // namespace arsync
