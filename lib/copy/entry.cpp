#include "copy/entry.h"

#include <dirent.h>
#include <fcntl.h>

#include "copy/attributes_by_name.h"
#include "copy/backup.h"
#include "copy/destination.h"
#include "copy/entry_copy.h"
#include "copy/file_at_once.h"
#include "copy/question.h"
#include "copy/read_link.h"
#include "copy/sync_file_by_file.h"
#include "copy/sync_name.h"

namespace arsync {

Task<void> copy_entry(Io io, const FileCopy& names, unsigned char type, const EntryContext& context,
                      const arsync_copy_options& options, Control& control, Outcome& outcome) {
    Entry entry(io, names, context, options, control, outcome);
    co_await entry.copy(type);
}

namespace {

bool makes_copies_by(const arsync_copy_options& options) {
    return !asks(options, ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK | ARSYNC_COPY_DRY_RUN);
}

void list_xattrs_once_of(Files& files, Source& source, const arsync_copy_options& options) {
    constexpr uint32_t asked = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_XATTR;
    if ((options.preserve & asked) != asked || !S_ISREG(source.facts.stx_mode) || source.xattrs)
        return;
    std::vector<char> names;
    if (list_xattrs(files, source.file.get(), names) >= 0)
        source.xattrs = std::move(names);
}

} // namespace

// Of the entries that are not looked at before they are opened, those that the tree itself would
// copy: with one name, at a name that is free.
bool open_entry_at_once(Io io, const FileCopy& names, const Links* links,
                        const arsync_copy_options& options, Control& control, Source& source) {
    if (!makes_copies_by(options) || !names.fresh || names.just_created || names.may_recur)
        return false;
    if (!source.file && !open_source_at_once(io, names, options, control, source))
        return false;
    const bool may_have_names =
        source.facts.stx_nlink > 1 || options.symlinks == ARSYNC_SYMLINKS_FOLLOW;
    if (links && may_have_names)
        return false;
    list_xattrs_once_of(io.files, source, options);
    return true;
}

Task<void> Entry::copy(unsigned char type) {
    // Most entries are files, at names that are free: what is opened tells all there is to
    // know.
    if (context_.opened && context_.opened->file) {
        source_ = std::move(*context_.opened);
        tried_at_once_ = true;
    } else if (type == DT_REG && makes_copies() && !names_.follows &&
               (names_.fresh || options_.update == ARSYNC_UPDATE_ALL))
        source_ = co_await open_source(io_, names_, options_, control_);
    else
        look();
    outcome_.wanted.tell_source(facts(), options_);
    if (is_to_be_asked())
        co_return;
    if (context_.links && may_have_names() && makes_links_of_names()) {
        const bool linked = co_await link_to_first();
        if (linked)
            co_return;
    }
    Obstacle obstacle = names_.fresh && !names_.just_created ? Obstacle::none : find_obstacle();
    if (shares_what_is_there(obstacle))
        obstacle = co_await take_turn(obstacle);
    if (obstacle == Obstacle::skip) {
        outcome_.action = ARSYNC_ACTION_SKIP;
        keep_attributes();
        outcome_.is_linked_already = is_linked_already();
        if (syncs_what_is_there())
            co_await sync_what_is_there();
        tell_of_destination();
        // With UPDATE_NONE what is there may be anything, and a newer one of another kind: no
        // copy to link others to.
        const bool same_kind = ((there_.stx_mode ^ facts().stx_mode) & S_IFMT) == 0;
        if (options_.update == ARSYNC_UPDATE_NONE || !same_kind)
            co_return;
    } else {
        // What cannot be read must not cost what is there.
        const bool opens = !makes_name() && !source_.file;
        if (opens) {
            refuse_kind(facts().stx_mode, options_);
            if (reads())
                co_await open_what_was_seen();
        }
        prepare_sync_of_name();
        if (asks(ARSYNC_COPY_SYMBOLIC_LINK))
            refuse_lost_link();
        Obstacle cleared = Obstacle::none;
        if (is_slow_to_clear(io_.files, names_, obstacle, there_, options_))
            cleared = co_await clear_aside(obstacle, options_, makes_name());
        else
            cleared = clear(obstacle, options_, makes_name());
        if (!backup_.name.empty() && options_.replace == ARSYNC_REPLACE_ATOMIC)
            backup_.replaced = identity(there_);
        co_await make(cleared);
        if (makes_name() && obstacle == Obstacle::remove)
            outcome_.flags |= ARSYNC_COMPLETION_REPLACED;
        if (directory_)
            co_await sync_name();
        keep();
        if (sealed_)
            seal();
    }
    if (claim_)
        tell_of_copy();
}

bool Entry::makes_copies() const {
    return makes_copies_by(options_);
}

bool Entry::makes_links_of_names() const {
    return !asks(ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK);
}

// Where links are followed, they are further names, and nobody knows how many there are.
bool Entry::follows_links() const {
    return names_.follows || options_.symlinks == ARSYNC_SYMLINKS_FOLLOW;
}

bool Entry::may_have_names() const {
    return facts().stx_nlink > 1 || follows_links() || names_.may_recur;
}

// Whether what is in it is copied; otherwise it is made anew.
bool Entry::has_contents() const {
    return !S_ISLNK(facts().stx_mode) &&
           (S_ISREG(facts().stx_mode) || asks(ARSYNC_COPY_SPECIAL) || !asks(ARSYNC_COPY_RECURSIVE));
}

bool Entry::makes_name() const {
    return asks(ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK) || !has_contents();
}

// A dry run opens what it would copy, for that tells whether it may; but waits for no stream.
bool Entry::reads() const {
    return !asks(ARSYNC_COPY_DRY_RUN) || S_ISREG(facts().stx_mode);
}

Task<void> Entry::make(Obstacle obstacle) {
    if (asks(ARSYNC_COPY_HARD_LINK))
        co_await make_hard_link(obstacle);
    else if (asks(ARSYNC_COPY_SYMBOLIC_LINK))
        co_await make_symlink(obstacle, std::string(context_.source_text), false);
    else if (has_contents())
        co_await copy_contents(obstacle);
    else if (S_ISLNK(facts().stx_mode))
        co_await make_symlink(
            obstacle, read_link(io_.files, names_.source_dirfd, names_.source.c_str()), true);
    else
        co_await make_special(obstacle);
}

Task<void> Entry::copy_contents(Obstacle obstacle) {
    outcome_.action = ARSYNC_ACTION_COPY;
    if (asks(ARSYNC_COPY_DRY_RUN)) {
        if (obstacle == Obstacle::overwrite && options_.replace == ARSYNC_REPLACE_IN_PLACE)
            try_to_open_what_is_there();
        outcome_.bytes = asks(ARSYNC_COPY_ATTRIBUTES_ONLY) ? 0 : facts().stx_size;
        control_.set_total(outcome_.bytes);
        control_.add_done(outcome_.bytes);
        co_return;
    }
    directory_ = File(); // it can be synced, and is, by what writes the content
    list_xattrs_once();
    arsync_copy_options how = options_;
    bool fresh = names_.fresh;
    if (obstacle == Obstacle::none) { // the way is clear, or somebody is in it anew
        if (how.replace == ARSYNC_REPLACE_ATOMIC && !asks(ARSYNC_COPY_ATTRIBUTES_ONLY))
            fresh = fresh || !replaces_newcomer();
        else
            how.replace = ARSYNC_REPLACE_EXCLUSIVE;
    }
    std::optional<FileCopy> own;
    if (claim_ || fresh != names_.fresh || !backup_.name.empty()) {
        own = names_;
        own->fresh = fresh;
        own->made = claim_ ? &wrote_.emplace() : nullptr;
        own->backup = &backup_;
    }
    try {
        if (!tried_at_once_ &&
            copy_at_once(io_, own ? *own : names_, source_, how, control_, outcome_))
            co_return;
        co_await copy_opened(io_, own ? *own : names_, source_, how, control_, outcome_);
    } catch (const Error& error) {
        if (error.code == EEXIST && obstacle == Obstacle::none)
            ask_about_newcomer();
        throw;
    }
}

// Of what comes to a name that was free, while its copy is being made: whether nobody need be asked
// about it, and nothing be kept of it.
bool Entry::replaces_newcomer() const {
    return options_.update == ARSYNC_UPDATE_ALL && options_.backup == ARSYNC_BACKUP_NONE &&
           !names_.asked;
}

// It is to be asked about as if it had been there before. What was to give way is no newcomer: it
// had its backup's name already, and giving it that again did not free the name.
void Entry::ask_about_newcomer() {
    struct statx found;
    const bool asks_at_all = (asks_first(options_) || names_.asked) && !names_.fresh;
    if (asks_at_all &&
        io_.files.statx(names_.destination_dirfd, names_.destination.c_str(), AT_SYMLINK_NOFOLLOW,
                        found) == 0 &&
        identity(found) != identity(there_))
        throw Error{ARSYNC_STAGE_ASK, ESTALE, true};
}

void Entry::look() {
    control_.enter(ARSYNC_STAGE_OPEN_SOURCE);
    check(ARSYNC_STAGE_OPEN_SOURCE,
          io_.files.statx(names_.source_dirfd, names_.source.c_str(),
                          names_.follows ? 0 : AT_SYMLINK_NOFOLLOW, source_.facts));
    if (S_ISDIR(facts().stx_mode)) // only an intruder makes one of what was none
        throw error_at(Side::source, ARSYNC_STAGE_CHECK, EISDIR);
}

// All that was decided is of the file that was looked at; under its name may be another by now.
Task<void> Entry::open_what_was_seen() {
    const Identity seen = identity(facts());
    source_ = co_await open_source(io_, names_, options_, control_);
    if (identity(facts()) != seen)
        throw Error{ARSYNC_STAGE_OPEN_SOURCE, ESTALE, true};
}

Obstacle Entry::find_obstacle() {
    try {
        return look_for_obstacle(io_.files, names_, facts(), options_, there_);
    } catch (const Error& error) {
        // That it could not lead there weighs more than what is there.
        const bool weighs =
            error.code == EEXIST || (error.code == EISDIR && asks(ARSYNC_COPY_MIRROR));
        if (weighs && asks(ARSYNC_COPY_SYMBOLIC_LINK))
            refuse_lost_link();
        if (error.code == EISDIR && S_ISDIR(there_.stx_mode) && asks(ARSYNC_COPY_MIRROR) &&
            makes_name() && !asks(ARSYNC_COPY_DRY_RUN))
            return Obstacle::directory;
        throw;
    }
}

// Whether what is there, which may be another entry's by another name, is written to or given
// attributes. Who takes from a stream may wait for ever, and has no turn.
bool Entry::shares_what_is_there(Obstacle obstacle) const {
    const bool stays = obstacle == Obstacle::overwrite ||
                       (obstacle == Obstacle::skip && options_.update != ARSYNC_UPDATE_NONE);
    return names_.writers && stays && S_ISREG(there_.stx_mode) && S_ISREG(facts().stx_mode) &&
           options_.replace == ARSYNC_REPLACE_IN_PLACE && makes_copies();
}

// What is decided is decided of what the one before has made of it.
Task<Obstacle> Entry::take_turn(Obstacle obstacle) {
    while (shares_what_is_there(obstacle)) {
        const Identity id = identity(there_);
        turn_ = co_await names_.writers->take(id, io_.ring);
        if (!turn_.waited() && there_.stx_nlink <= 1)
            break;
        control_.throw_if_cancelled();
        obstacle = find_obstacle();
        if (identity(there_) == id)
            break;
        turn_ = {}; // which nobody may keep while waiting for another
    }
    co_return obstacle;
}

// What is in the way is asked about before anything else is decided.
bool Entry::is_to_be_asked() {
    struct statx there;
    const bool is_free = names_.fresh && !names_.just_created;
    if (!context_.question || is_free)
        return false;
    if (!is_in_question(io_.files, names_, facts(), options_, there) &&
        !dangles_in_the_way_of_a_link(there))
        return false;
    Question& question = *context_.question;
    question.open = true;
    question.source = facts_for_caller(facts());
    question.destination = facts_for_caller(there);
    question.about = {identity(there), static_cast<mode_t>(there.stx_mode & S_IFMT)};
    return true;
}

// A symbolic link that leads nowhere has nothing that content would replace; but a further name of
// what was copied takes the place of the link itself.
bool Entry::dangles_in_the_way_of_a_link(struct statx& there) {
    const bool leads_on = !names_.beneath && options_.replace == ARSYNC_REPLACE_IN_PLACE &&
                          options_.backup == ARSYNC_BACKUP_NONE;
    if (!leads_on || !context_.links || !may_have_names() || !makes_links_of_names())
        return false;
    const auto look = [&](int at_flags) {
        return io_.files.statx(names_.destination_dirfd, names_.destination.c_str(), at_flags,
                               there);
    };
    return look(0) == -ENOENT && look(AT_SYMLINK_NOFOLLOW) == 0;
}

// Whether there can be a link or a special file is known when it is made: what is in its way is
// replaced by it, not removed before.
Obstacle Entry::clear(Obstacle obstacle, const arsync_copy_options& how, bool makes_name) {
    if (makes_name && obstacle == Obstacle::remove && !asks(ARSYNC_COPY_DRY_RUN))
        return Obstacle::overwrite;
    arsync_copy_options own = how;
    if (!makes_name && asks(ARSYNC_COPY_ATTRIBUTES_ONLY)) // which the backup would get, too
        own.replace = ARSYNC_REPLACE_IN_PLACE;
    return clear_obstacle(io_.files, names_, obstacle, own, outcome_, backup_);
}

Task<Obstacle> Entry::clear_aside(Obstacle obstacle, const arsync_copy_options& how,
                                  bool makes_name) {
    Obstacle cleared = Obstacle::none;
    const auto body = [&] { cleared = clear(obstacle, how, makes_name); };
    co_await run_aside(io_.ring, body);
    co_return cleared;
}

// They tell of an ACL too, and that there is none where there are none.
void Entry::list_xattrs_once() {
    list_xattrs_once_of(io_.files, source_, options_);
}

// As the copy would, for that tells whether it may; a stream or a device would notice.
void Entry::try_to_open_what_is_there() {
    struct statx found;
    const int at_flags = names_.beneath ? AT_SYMLINK_NOFOLLOW : 0;
    const char* name = names_.destination.c_str();
    if (io_.files.statx(names_.destination_dirfd, name, at_flags, found) < 0 ||
        !S_ISREG(found.stx_mode))
        return;
    const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | (names_.beneath ? O_NOFOLLOW : 0);
    const int fd = io_.files.open(names_.destination_dirfd, name, flags, 0);
    check(ARSYNC_STAGE_CLOSE, File(io_.files, fd).close());
    if (asks(ARSYNC_COPY_FORCE) && gives_way_to_force(fd))
        outcome_.flags |= ARSYNC_COMPLETION_REPLACED;
    else if (fd != -EAGAIN) // for the time that a lease takes to be given back
        check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
}

// Before anything gives way: a directory that may be written to but not read cannot be synced.
void Entry::prepare_sync_of_name() {
    if (options_.durability == ARSYNC_DURABILITY_FULL && !asks(ARSYNC_COPY_DRY_RUN))
        directory_ = open_to_sync_name(io_.files, names_);
}

// Of what has no data that was synced with its name.
Task<void> Entry::sync_name() {
    if (outcome_.action != ARSYNC_ACTION_SYMBOLIC_LINK &&
        outcome_.action != ARSYNC_ACTION_HARD_LINK && outcome_.action != ARSYNC_ACTION_MAKE_SPECIAL)
        co_return;
    co_await sync_names_in(io_, control_, directory_.get());
}

// What was made stays, and so does the backup of what was there.
void Entry::keep() {
    if (made_)
        made_->keep();
    tell_of_destination();
    outcome_.backup = split_path(backup_.name).name;
    backup_ = {};
    const bool nothing = asks(ARSYNC_COPY_DRY_RUN) || outcome_.action == ARSYNC_ACTION_SKIP;
    if (!nothing)
        outcome_.flags |= ARSYNC_COMPLETION_COPIED;
}

// Of what has no content that was written, which was told of when it was.
void Entry::tell_of_destination() {
    struct statx found;
    if (!wants(options_, ARSYNC_WANT_DESTINATION) || asks(ARSYNC_COPY_DRY_RUN) ||
        (outcome_.wanted.has & ARSYNC_WANT_DESTINATION) != 0)
        return;
    if (io_.files.statx(names_.destination_dirfd, names_.destination.c_str(), AT_SYMLINK_NOFOLLOW,
                        found) == 0)
        outcome_.wanted.tell_destination(found, options_);
}

// Of a file that is skipped because its content is the same, each attribute that differs: which
// extended ones do is only known when they have been looked at.
void Entry::keep_attributes() {
    if (options_.update != ARSYNC_UPDATE_CHANGED || !makes_copies())
        return;
    update_attributes_by_name(io_.files, names_, facts(), there_, options_, control_, outcome_);
    outcome_.flags |= ARSYNC_COMPLETION_COPIED;
}

// What is up to date is to be as durable as a copy of it would be. Whoever wrote it need not have
// synced it, such as a copy that was killed.
bool Entry::syncs_what_is_there() const {
    const bool is_asked = options_.update == ARSYNC_UPDATE_CHANGED &&
                          !asks(ARSYNC_COPY_SYMBOLIC_LINK | ARSYNC_COPY_DRY_RUN);
    return (is_asked || is_linked_already()) && options_.durability != ARSYNC_DURABILITY_NONE &&
           (!names_.synced_later || is_mounted_on_name(names_, there_));
}

// What is to be a hard link is one, as an earlier run has left it.
bool Entry::is_linked_already() const {
    return asks(ARSYNC_COPY_HARD_LINK) && !asks(ARSYNC_COPY_DRY_RUN) &&
           options_.update != ARSYNC_UPDATE_NONE && identity(there_) == identity(facts());
}

Task<void> Entry::sync_what_is_there() {
    control_.enter(ARSYNC_STAGE_SYNC);
    prepare_sync_of_name();
    const bool follows = S_ISREG(there_.stx_mode) && !names_.beneath && makes_copies();
    File target_directory;
    if (directory_ && follows)
        target_directory = open_to_sync_target(io_.files, names_, end_of_links(io_.files, names_));
    const bool has_content = S_ISREG(there_.stx_mode);
    if (has_content && is_linked_already())
        co_await sync_content_of_source();
    else if (has_content)
        co_await sync_named(io_, names_.destination_dirfd, names_.destination.c_str(), follows);
    if (directory_)
        co_await sync_one(io_, directory_.get());
    if (target_directory)
        co_await sync_one(io_, target_directory.get());
}

// What gave way to a copy that failed gets its name back.
void Entry::take_back() {
    made_.reset();
    if (backup_.name.empty())
        return;
    const bool undone = asks(ARSYNC_COPY_DRY_RUN) || undo_backup(io_.files, names_, backup_);
    if (undone)
        outcome_.flags &= ~ARSYNC_COMPLETION_BACKED_UP;
    outcome_.backup = split_path(backup_.name).name; // for which there may be no memory
    backup_ = {};
}

} // namespace arsync
