#include "copy/path.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <optional>

#include "copy/backup.h"
#include "copy/conflict.h"
#include "copy/entry.h"
#include "copy/file_at_once.h"
#include "copy/file_part.h"
#include "copy/metadata.h"
#include "copy/method.h"
#include "copy/parent_directories.h"
#include "copy/same_file.h"
#include "copy/split_path.h"

namespace arsync {

bool follows_top(const arsync_copy_options& options) {
    if (asks(options, ARSYNC_COPY_NOFOLLOW))
        return false;
    switch (options.symlinks) {
    case ARSYNC_SYMLINKS_AUTO:
        return !asks(options, ARSYNC_COPY_RECURSIVE);
    case ARSYNC_SYMLINKS_KEEP:
        return false;
    default:
        return true;
    }
}

namespace {

Task<bool> copy_unless_stale(Io io, const FileCopy& names, const arsync_copy_options& options,
                             const Filter& filter, Control& control, Host& host, Question& question,
                             Outcome& outcome, arsync_totals& totals);
Task<void> copy_names_once(Io io, const FileCopy& names, const arsync_copy_options& options,
                           const Filter& filter, Control& control, Host& host, Question& question,
                           Outcome& outcome, arsync_totals& totals);
bool goes_straight_to_file(const FileCopy& copy, const arsync_copy_options& options);
bool shares_alone(Io io, const FileCopy& names, const Source& source,
                  const arsync_copy_options& options, Control& control, Outcome& outcome);
void refuse_unsyncable(const FileCopy& copy);
Task<void> copy_anything(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         const Filter& filter, Control& control, Host& host, Question& question,
                         Outcome& outcome, arsync_totals& totals);
struct Above {
    Identity source = {};
    Identity destination = {};
    bool operator==(const Above&) const = default;
};
Above directories_of(Files& files, const FileCopy& names, const arsync_copy_options& options);
void count_single(const Outcome& outcome, arsync_totals& totals);

} // namespace

Task<void> copy_path(Io io, const FileCopy& copy, const arsync_copy_options& options,
                     const Filter& filter, Control& control, Host& host, Question& question,
                     Outcome& outcome, arsync_totals& totals) {
    const bool dry = asks(options, ARSYNC_COPY_DRY_RUN);
    // What is skipped needs no way, and makes none again that has gone.
    const bool has_way =
        question.answer != ARSYNC_ANSWER_SKIP &&
        (asks(options, ARSYNC_COPY_BENEATH) || (asks(options, ARSYNC_COPY_PARENTS) && !dry));
    if (asks(options, ARSYNC_COPY_PARENTS) && dry) {
        totals.entries = totals.errors = 1; // if it goes no further
        path_above(copy.source, copy.destination);
    }
    if (!has_way) {
        co_await copy_names(io, copy, options, filter, control, host, question, outcome, totals);
        co_return;
    }
    totals.entries = totals.errors = 1; // if it goes no further
    Ways ways(copy.source_dirfd, copy.destination_dirfd, options);
    FileCopy names = copy;
    std::optional<Pin> pin;
    std::optional<Error>
        failure; // the directories that were made get their attributes all the same
    try {
        pin.emplace(io.files, ways.enter(io.files, copy.source, copy.destination));
        names.unsyncable =
            options.durability == ARSYNC_DURABILITY_FULL && ways.is_unsyncable(pin->ref());
        if (asks(options, ARSYNC_COPY_BENEATH))
            enter_way(names, **pin);
        co_await copy_names(io, names, options, filter, control, host, question, outcome, totals);
    } catch (const Error& error) {
        failure = error;
    } catch (const std::bad_alloc&) {
        failure = Error{ARSYNC_STAGE_MEMORY, ENOMEM};
    }
    pin.reset();
    if (question.open && !failure) // the directories were all there, and are not done yet
        co_return;
    // A tree has synced what is below them, and before they got their attributes. Where one of them
    // cannot be synced a file is not begun; a tree is, and its filesystem is synced as a whole.
    const bool tree = outcome.action == ARSYNC_ACTION_TREE;
    bool durable = options.durability == ARSYNC_DURABILITY_FULL && !failure &&
                   !(tree && (names.unsyncable || control.cancelled()));
    const auto note = [&](const Error& error) {
        durable = false;
        const bool is_loss = error.stage == ARSYNC_STAGE_SYNC;
        if (is_loss ||
            (!failure && !(tree && outcome.result < 0))) // else what failed first is told
            failure = error;
    };
    for (const Ways::Done& done : ways.take_inside_out()) {
        try {
            co_await ways.finish(io, done.directory, control, outcome, durable);
        } catch (const Error& error) {
            note(error);
        } catch (const std::bad_alloc&) {
            note({ARSYNC_STAGE_MEMORY, ENOMEM});
        }
    }
    const bool failed = failure || (outcome.result < 0 && outcome.result != -ECANCELED);
    totals.errors = std::max<uint64_t>(totals.errors, failed); // the directories' end is one too
    if (failure)
        throw *failure;
}

Task<void> copy_names(Io io, const FileCopy& names, const arsync_copy_options& options,
                      const Filter& filter, Control& control, Host& host, Question& question,
                      Outcome& outcome, arsync_totals& totals) {
    totals.entries = totals.errors = 1; // if it goes no further
    const Outcome before = outcome;
    bool again = co_await copy_unless_stale(io, names, options, filter, control, host, question,
                                            outcome, totals);
    if (again) {
        outcome.begin_anew(before);
        control.restart();
        again = co_await copy_unless_stale(io, names, options, filter, control, host, question,
                                           outcome, totals);
    }
    if (again)
        throw Error{outcome.stage, ESTALE};
}

namespace {

// True: a server has forgotten a file that was open, at outcome's stage; it may be opened again.
Task<bool> copy_unless_stale(Io io, const FileCopy& names, const arsync_copy_options& options,
                             const Filter& filter, Control& control, Host& host, Question& question,
                             Outcome& outcome, arsync_totals& totals) {
    try {
        co_await copy_names_once(io, names, options, filter, control, host, question, outcome,
                                 totals);
    } catch (const Error& error) {
        if (!error.is_stale_handle() || outcome.action == ARSYNC_ACTION_TREE ||
            control.source_is_spent())
            throw;
        outcome.stage = error.stage;
        co_return true;
    }
    co_return false;
}

Task<void> copy_names_once(Io io, const FileCopy& names, const arsync_copy_options& options,
                           const Filter& filter, Control& control, Host& host, Question& question,
                           Outcome& outcome, arsync_totals& totals) {
    question.open = false;                       // whatever is there by now
    if (question.answer == ARSYNC_ANSWER_SKIP) { // of what has gone meanwhile, too
        tell_skipped(question, options, outcome);
        count_single(outcome, totals);
        co_return;
    }
    if (options.range_length != 0) {
        refuse_unsyncable(names);
        co_await copy_part(io, names, options, control, outcome);
        co_return;
    }
    if (!goes_straight_to_file(names, options)) {
        co_await copy_anything(io, names, options, filter, control, host, question, outcome,
                               totals);
        co_return;
    }
    refuse_unsyncable(names);
    arsync_copy_options how = options;
    how.durability = names.durability.value_or(options.durability);
    Source source = co_await open_source(io, names, how, control);
    if (io.alone && shares_alone(io, names, source, how, control, outcome))
        co_return;
    refuse_worth_threads(io, source.facts, how);
    if (!copy_at_once(io, names, source, how, control, outcome))
        co_await copy_opened(io, names, source, how, control, outcome);
}

// What is worth threads, but shares its blocks, if nothing is at its name.
bool shares_alone(Io io, const FileCopy& names, const Source& source,
                  const arsync_copy_options& options, Control& control, Outcome& outcome) {
    if (source.facts.stx_size <= threads_size_min || names.destination_is_open)
        return false;
    struct statx directory;
    if (io.files.statx(names.destination_dirfd, split_path(names.destination).directory(), 0,
                       directory) < 0)
        return false;
    FileCopy copy = names;
    copy.was_absent = true; // if it was not, this finds out
    copy.new_file.known = true;
    copy.new_file.device_major = directory.stx_dev_major;
    copy.new_file.device_minor = directory.stx_dev_minor;
    return copy_at_once(io, copy, source, options, control, outcome);
}

// Whether there is nothing to decide: the source's content goes into the destination.
bool goes_straight_to_file(const FileCopy& copy, const arsync_copy_options& options) {
    constexpr uint32_t other = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_DRY_RUN | ARSYNC_COPY_HARD_LINK |
                               ARSYNC_COPY_SYMBOLIC_LINK;
    if (copy.destination_is_open) // which leaves nothing to decide
        return true;
    return !asks(options, other) && options.update == ARSYNC_UPDATE_ALL &&
           options.backup == ARSYNC_BACKUP_NONE && options.replace != ARSYNC_REPLACE_REMOVE &&
           options.symlinks != ARSYNC_SYMLINKS_KEEP && !copy.links && !copy.beneath &&
           !copy.just_created;
}

// Before a file is copied. A tree is synced as a whole, whatever it is in.
void refuse_unsyncable(const FileCopy& copy) {
    if (copy.unsyncable)
        throw Error{ARSYNC_STAGE_SYNC, EACCES};
}

Task<void> copy_anything(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         const Filter& filter, Control& control, Host& host, Question& question,
                         Outcome& outcome, arsync_totals& totals) {
    control.enter(ARSYNC_STAGE_OPEN_SOURCE);
    const bool follows = follows_top(options);
    struct statx facts;
    check(ARSYNC_STAGE_OPEN_SOURCE, io.files.statx(copy.source_dirfd, copy.source.c_str(),
                                                   follows ? 0 : AT_SYMLINK_NOFOLLOW, facts));
    const bool keeps =
        options.symlinks == ARSYNC_SYMLINKS_KEEP ||
        (options.symlinks == ARSYNC_SYMLINKS_AUTO && asks(options, ARSYNC_COPY_RECURSIVE));
    if (S_ISLNK(facts.stx_mode) && !keeps)
        throw Error{ARSYNC_STAGE_OPEN_SOURCE, ELOOP};
    if (S_ISDIR(facts.stx_mode) && !asks(options, ARSYNC_COPY_RECURSIVE))
        throw error_at(Side::source, ARSYNC_STAGE_CHECK, EISDIR);
    if (!S_ISLNK(facts.stx_mode))
        refuse_worth_threads(io, facts, options);
    if (S_ISDIR(facts.stx_mode)) {
        if (is_there_already(io.files, copy, facts, options)) {
            outcome.action = ARSYNC_ACTION_SKIP;
            outcome.flags |= ARSYNC_COMPLETION_DIRECTORY;
            count_single(outcome, totals);
            co_return;
        }
        const auto tree = std::make_shared<Tree>(copy, options, filter, control, host);
        co_await tree->run(io, outcome, totals);
        co_return;
    }
    if (asks(options, ARSYNC_COPY_DIRECTORIES_ONLY)) {
        outcome.action = ARSYNC_ACTION_SKIP;
        count_single(outcome, totals);
        co_return;
    }
    refuse_unsyncable(copy);
    FileCopy names = copy;
    names.follows = follows;
    arsync_copy_options how = options;
    how.durability = copy.durability.value_or(options.durability);
    if (is_to_back_up_itself(io.files, copy, facts, options)) {
        names.destination = next_backup_name(io.files, copy, options);
        how.backup = ARSYNC_BACKUP_NONE;
        outcome.name = split_path(names.destination).name;
        outcome.flags |= ARSYNC_COMPLETION_KEPT_BOTH;
    }
    EntryContext context;
    context.source_text = copy.source;
    context.source_text_dirfd = copy.source_dirfd;
    if ((options.preserve & ARSYNC_PRESERVE_LINKS) != 0)
        context.links = copy.links;
    if (context.links && follows) { // only what is a link is another name of what it leads to
        struct statx itself;
        check(ARSYNC_STAGE_OPEN_SOURCE,
              io.files.statx(copy.source_dirfd, copy.source.c_str(), AT_SYMLINK_NOFOLLOW, itself));
        names.follows = S_ISLNK(itself.stx_mode);
    }
    if (asks_first(options)) {
        const Above there = directories_of(io.files, names, options);
        if (question.answer != 0 &&
            there != Above{question.above_source, question.above_destination})
            throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, ESTALE,
                        true}; // one was put in the place of another
        co_await copy_by_answer(io, names, DT_UNKNOWN, context, how, question, control, outcome);
        question.above_source = there.source;
        question.above_destination = there.destination;
    } else {
        co_await copy_entry(io, names, DT_UNKNOWN, context, how, control, outcome);
    }
    count_single(outcome, totals);
}

// Those that were reached one by one on the way to the names, if they were: in a dry run nothing
// may be there.
Above directories_of(Files& files, const FileCopy& names, const arsync_copy_options& options) {
    Above found;
    if (!names.beneath || asks(options, ARSYNC_COPY_DRY_RUN))
        return found;
    const auto look = [&](int dirfd) {
        struct statx facts;
        check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(dirfd, ".", 0, facts));
        return identity(facts);
    };
    found.source = look(names.source_dirfd);
    found.destination = look(names.destination_dirfd);
    return found;
}

void count_single(const Outcome& outcome, arsync_totals& totals) {
    totals.entries = 1;
    totals.errors = outcome.result < 0;
    totals.files = outcome.action == ARSYNC_ACTION_COPY;
    totals.symlinks = outcome.action == ARSYNC_ACTION_SYMBOLIC_LINK;
    totals.hard_links = outcome.action == ARSYNC_ACTION_HARD_LINK;
    totals.specials = outcome.action == ARSYNC_ACTION_MAKE_SPECIAL;
    totals.skipped = outcome.action == ARSYNC_ACTION_SKIP;
    totals.bytes = outcome.bytes;
    totals.hole_bytes = outcome.hole_bytes;
    totals.files_by_method[outcome.method] = totals.files;
}

} // namespace

void enter_way(FileCopy& names, const Directory& directory) {
    const std::string last = last_component(names.source);
    names.beneath = true;
    names.source_base_dirfd = names.source_dirfd;
    names.source_from_base = names.source;
    names.source_dirfd = directory.source();
    names.source = last;
    if (directory.missing)
        return;
    names.base_dirfd = names.destination_dirfd;
    names.path_from_base = std::move(names.destination);
    names.destination_dirfd = directory.destination();
    names.destination = last;
    names.new_file = directory.new_file;
}

} // namespace arsync
