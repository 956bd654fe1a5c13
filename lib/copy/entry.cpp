#include "copy/entry.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <new>
#include <optional>
#include <sys/sysmacros.h>

#include "copy/backup.h"
#include "copy/conflict.h"
#include "copy/destination.h"
#include "copy/huge.h"
#include "copy/made_name.h"
#include "copy/method.h"
#include "copy/named_attributes.h"
#include "copy/question.h"
#include "copy/read_link.h"
#include "copy/split_path.h"
#include "copy/temporary_name.h"

namespace arsync {

namespace {

// From linkat(2): there can be no link to that file from here, or none at all (EPERM on FAT and
// many servers): copying will tell what else is wrong.
bool means_no_links(int code) {
    return code == EXDEV || code == EMLINK || code == EPERM || code == EOPNOTSUPP || code == ENOSYS;
}

class Entry {
public:
    Entry(Io world, const FileCopy& both, const EntryContext& where, const arsync_copy_options& how,
          Control& outside, Outcome& result)
        : io_(world), names_(both), context_(where), options_(how), control_(outside),
          outcome_(result) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
        try {
            take_back();
        } catch (const std::bad_alloc&) { // the backup keeps its name
        }
    }

    Task<void> copy(unsigned char type) {
        // Most entries are files, at names that are free: what is opened tells all there is to
        // know.
        if (type == DT_REG && makes_copies() && !names_.follows &&
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
        const Way way = names_.fresh && !names_.just_created ? Way::free : look_at_way();
        if (way == Way::skip) {
            outcome_.action = ARSYNC_ACTION_SKIP;
            keep_attributes();
            tell_of_destination();
            // With UPDATE_NONE what is there may be anything, and a newer one of another kind: no
            // copy to link others to.
            const bool same_kind = ((there_.stx_mode ^ facts().stx_mode) & S_IFMT) == 0;
            if (options_.update == ARSYNC_UPDATE_NONE || !same_kind)
                co_return;
        } else {
            // What cannot be read must not cost what is there.
            const bool links = asks(ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK);
            const bool opens = has_contents() && !links && !source_.file;
            if (opens) {
                refuse_kind(facts().stx_mode, options_);
                if (reads())
                    co_await open_what_was_seen();
            }
            prepare_sync_of_name();
            if (asks(ARSYNC_COPY_SYMBOLIC_LINK))
                refuse_lost_link();
            Way cleared = Way::free;
            if (is_slow_to_clear(io_.files, names_, way, there_, options_))
                cleared = co_await clear_aside(way, options_, links);
            else
                cleared = clear(way, options_, links);
            co_await make(cleared);
            if (links && way == Way::remove)
                outcome_.flags |= ARSYNC_COMPLETION_REPLACED;
            if (directory_)
                co_await sync_name();
            keep();
        }
        if (claim_)
            tell_of_copy();
    }

private:
    Way look_at_way() {
        try {
            return look_at_the_way(io_.files, names_, facts(), options_, there_);
        } catch (const Error& error) {
            // That it could not lead there weighs more than what is there.
            if (error.code == EEXIST && asks(ARSYNC_COPY_SYMBOLIC_LINK))
                refuse_lost_link();
            throw;
        }
    }

    // What is in the way is asked about before anything else is decided.
    bool is_to_be_asked() {
        struct statx there;
        if (!context_.question || names_.fresh ||
            !is_in_question(io_.files, names_, facts(), options_, there))
            return false;
        Question& question = *context_.question;
        question.open = true;
        question.source = facts_for_caller(facts());
        question.destination = facts_for_caller(there);
        question.about = {identity(there), static_cast<mode_t>(there.stx_mode & S_IFMT)};
        return true;
    }

    // What was made stays, and so does the backup of what was there.
    void keep() {
        if (made_)
            made_->keep();
        tell_of_destination();
        outcome_.backup = split_path(backup_).name;
        backup_.clear();
        const bool nothing = asks(ARSYNC_COPY_DRY_RUN) || outcome_.action == ARSYNC_ACTION_SKIP;
        if (!nothing)
            outcome_.flags |= ARSYNC_COMPLETION_COPIED;
    }
    // Of what has no content that was written, which was told of when it was.
    void tell_of_destination() {
        struct statx found;
        if (!wants(options_, ARSYNC_WANT_DESTINATION) || asks(ARSYNC_COPY_DRY_RUN) ||
            (outcome_.wanted.has & ARSYNC_WANT_DESTINATION) != 0)
            return;
        if (io_.files.statx(names_.destination_dirfd, names_.destination.c_str(),
                            AT_SYMLINK_NOFOLLOW, found) == 0)
            outcome_.wanted.tell_destination(found, options_);
    }
    // What gave way to a copy that failed gets its name back.
    void take_back() {
        made_.reset();
        if (backup_.empty())
            return;
        outcome_.backup = split_path(backup_).name;
        if (asks(ARSYNC_COPY_DRY_RUN) || undo_backup(io_.files, names_, backup_, options_))
            outcome_.flags &= ~ARSYNC_COMPLETION_BACKED_UP;
        backup_.clear();
    }

    // Before anything gives way: a directory that may be written to but not read cannot be synced.
    void prepare_sync_of_name() {
        if (options_.durability == ARSYNC_DURABILITY_FULL && !asks(ARSYNC_COPY_DRY_RUN))
            directory_ = open_to_sync_name(io_.files, names_);
    }
    // Of what has no data that was synced with its name.
    Task<void> sync_name() {
        if (outcome_.action != ARSYNC_ACTION_SYMBOLIC_LINK &&
            outcome_.action != ARSYNC_ACTION_HARD_LINK &&
            outcome_.action != ARSYNC_ACTION_MAKE_SPECIAL)
            co_return;
        control_.enter(ARSYNC_STAGE_SYNC);
        const int64_t result = co_await io_.ring.sync(directory_.get(), false);
        check(ARSYNC_STAGE_SYNC, result);
    }

    bool asks(uint32_t flag) const { return (options_.flags & flag) != 0; }
    const struct statx& facts() const { return source_.facts; }
    bool makes_copies() const {
        return !asks(ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK | ARSYNC_COPY_DRY_RUN);
    }
    // A dry run opens what it would copy, for that tells whether it may; but waits for no stream.
    bool reads() const { return !asks(ARSYNC_COPY_DRY_RUN) || S_ISREG(facts().stx_mode); }
    bool makes_links_of_names() const {
        return !asks(ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK);
    }
    // Whether what is in it is copied; otherwise it is made anew.
    bool has_contents() const {
        return !S_ISLNK(facts().stx_mode) &&
               (S_ISREG(facts().stx_mode) || asks(ARSYNC_COPY_SPECIAL) ||
                !asks(ARSYNC_COPY_RECURSIVE));
    }

    void look() {
        control_.enter(ARSYNC_STAGE_OPEN_SOURCE);
        check(ARSYNC_STAGE_OPEN_SOURCE,
              io_.files.statx(names_.source_dirfd, names_.source.c_str(),
                              names_.follows ? 0 : AT_SYMLINK_NOFOLLOW, source_.facts));
        if (S_ISDIR(facts().stx_mode)) // only an intruder makes one of what was none
            throw error_at(Side::source, ARSYNC_STAGE_CHECK, EISDIR);
    }

    // All that was decided is of the file that was looked at; under its name may be another by now.
    Task<void> open_what_was_seen() {
        const Identity seen = identity(facts());
        source_ = co_await open_source(io_, names_, options_, control_);
        if (identity(facts()) != seen)
            throw Error{ARSYNC_STAGE_OPEN_SOURCE, ESTALE, true};
    }

    // Where links are followed, they are further names, and nobody knows how many there are.
    bool follows_links() const {
        return names_.follows || options_.symlinks == ARSYNC_SYMLINKS_FOLLOW;
    }
    bool may_have_names() const {
        return facts().stx_nlink > 1 || follows_links() || names_.may_recur;
    }

    // Whether it is done: this is another name of what has been copied before.
    Task<bool> link_to_first() {
        const Identity id = identity(facts());
        const bool any = follows_links() || names_.may_recur;
        const uint32_t count = any ? Links::names_unknown : facts().stx_nlink;
        for (;;) {
            Links::Place first;
            const auto answer = context_.links->ask(id, count, claim_, first);
            if (answer == Links::Answer::first) {
                if (!context_.directory)
                    base_ = context_.links->base_of(io_.files, names_.base());
                co_return false;
            }
            if (answer == Links::Answer::linked) {
                const Linked linked = co_await try_link_to(first);
                switch (linked) {
                case Linked::yes:
                    if (directory_)
                        co_await sync_name();
                    keep();
                    context_.links->linked(id, first);
                    co_return true;
                case Linked::gone:
                    context_.links->forget(id, first);
                    continue;
                case Linked::impossible:
                    co_return false;
                }
            }
            control_.throw_if_cancelled();
            co_await context_.links->wait(id, io_.ring, control_);
        }
    }

    // gone: the first copy is not there any more. impossible: there can be no link to it from here,
    // so this name gets a copy of its own.
    enum class Linked { yes, gone, impossible };
    Task<Linked> try_link_to(const Links::Place& first) {
        try {
            const bool linked = co_await link_to(first);
            co_return linked ? Linked::yes : Linked::gone;
        } catch (const Error& error) {
            // rclone says EIO; where there is a disk, that is its.
            const bool impossible =
                means_no_links(error.code) || (error.code == EIO && is_on_server());
            if (error.stage != ARSYNC_STAGE_LINK || !impossible)
                throw;
            take_back(); // or there would be two backups
            co_return Linked::impossible;
        }
    }

    bool is_on_server() const {
        uint64_t magic = 0;
        return names_.destination_dirfd >= 0 &&
               io_.files.filesystem_type(names_.destination_dirfd, magic) == 0 &&
               filesystem(magic).remote;
    }

    // None: what was copied is not to be found there any more, nor is it of use to know why.
    std::optional<Pin> pin_first(const Links::Place& first) {
        try {
            return Pin(io_.files, first.directory);
        } catch (const Error& error) {
            if (error.code == EMFILE || error.code == ENFILE || error.code == ENOMEM)
                throw; // it may be there all the same
            return std::nullopt;
        }
    }

    // False: it is gone.
    Task<bool> link_to(const Links::Place& first) {
        outcome_.action = ARSYNC_ACTION_HARD_LINK;
        if (asks(ARSYNC_COPY_DRY_RUN) && (!first.directory || first.directory->missing))
            co_return true;
        if (!first.directory)
            co_return co_await link_to_known(first, first.base ? first.base->get() : AT_FDCWD);
        const std::optional<Pin> pin = pin_first(first);
        if (!pin)
            co_return false;
        const int dirfd = (*pin)->destination();
        if (!asks(ARSYNC_COPY_DRY_RUN))
            co_return co_await link_to_known(first, dirfd);
        struct statx found;
        Identity copy;
        if (io_.files.statx(dirfd, first.name.c_str(), AT_SYMLINK_NOFOLLOW, found) == 0)
            copy = identity(found);
        co_await make_link_to(copy, [](const FileCopy&) { return 0; });
        co_return true;
    }

    // If it is what it was; another job, or a backup, may have taken its name.
    Task<bool> link_to_known(const Links::Place& first, int dirfd) {
        const int fd =
            io_.files.open(dirfd, first.name.c_str(), O_PATH | (first.follows ? 0 : O_NOFOLLOW), 0);
        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
            co_return false;
        check(ARSYNC_STAGE_LINK, fd);
        const File copied(io_.files, fd);
        struct statx found;
        check(ARSYNC_STAGE_LINK, io_.files.statx(fd, "", 0, found));
        if (!first.is_copy(found))
            co_return false;
        co_await make_link_to(first.copy.id, [&](const FileCopy& to) {
            const char* name = to.destination.c_str();
            const int linked = io_.files.link(fd, to.destination_dirfd, name);
            if (linked != -ENOENT || io_.files.can_link(fd))
                return linked;
            return io_.files.make_link(dirfd, first.name.c_str(), to.destination_dirfd, name);
        });
        co_return true;
    }

    // To those who have further names of it.
    void tell_of_copy() {
        Links::Place place;
        place.name = names_.from_base();
        place.base = base_;
        if (context_.directory)
            place.directory = *context_.directory;
        place.by_look = context_.links->shared() || options_.backup != ARSYNC_BACKUP_NONE;
        if (!asks(ARSYNC_COPY_DRY_RUN)) {
            struct statx found;
            int result = io_.files.statx(names_.destination_dirfd, names_.destination.c_str(),
                                         AT_SYMLINK_NOFOLLOW, found);
            const auto is_copy = [&] {
                return result == 0 && ((found.stx_mode ^ facts().stx_mode) & S_IFMT) == 0 &&
                       (!wrote_ || identity(found) == *wrote_);
            };
            // It may have been written through a symbolic link.
            if (result == 0 && S_ISLNK(found.stx_mode) && !is_copy() && !names_.beneath) {
                place.follows = true;
                result =
                    io_.files.statx(names_.destination_dirfd, names_.destination.c_str(), 0, found);
            }
            if (!is_copy()) // but gone again, a link to it, or what somebody has put there
                return;
            place.copy = Links::look(found);
        }
        claim_.done(std::move(place));
    }

    // A relative text leads to the source from the working directory, and from no other.
    void refuse_lost_link() {
        if (context_.source_text.starts_with('/'))
            return;
        struct statx here;
        struct statx there;
        const SplitPath path = split_path(names_.destination);
        const bool known =
            io_.files.statx(AT_FDCWD, ".", 0, here) == 0 &&
            io_.files.statx(names_.destination_dirfd, path.directory(), 0, there) == 0;
        if (known && identity(here) != identity(there))
            throw Error{ARSYNC_STAGE_LINK, EINVAL};
    }

    // Whether there can be a link is known when it is made: what is in its way is replaced by it,
    // not removed before.
    Way clear(Way way, const arsync_copy_options& how, bool for_link) {
        if (for_link && way == Way::remove && !asks(ARSYNC_COPY_DRY_RUN))
            return Way::overwrite;
        return clear_the_way(io_.files, names_, way, how, outcome_, backup_);
    }
    Task<Way> clear_aside(Way way, const arsync_copy_options& how, bool for_link) {
        Way cleared = Way::free;
        const auto body = [&] { cleared = clear(way, how, for_link); };
        co_await run_aside(io_.ring, body);
        co_return cleared;
    }

    // copy: what the link is to, if anything may be in its way. make(names) makes it.
    template <class Make>
    Task<void> make_link_to(Identity copy, Make make) {
        struct statx found;
        const bool is_there =
            !names_.fresh && io_.files.statx(names_.destination_dirfd, names_.destination.c_str(),
                                             AT_SYMLINK_NOFOLLOW, found) == 0;
        // An item that is backed up all the same has been copied before by the same list.
        const bool again = !names_.beneath && options_.backup != ARSYNC_BACKUP_NONE;
        if (is_there && identity(found) == copy && !again) {
            outcome_.action = ARSYNC_ACTION_SKIP; // as an earlier run has left it
            co_return;
        }
        // What is there is another file, whatever it looks like.
        arsync_copy_options how = options_;
        if (how.update != ARSYNC_UPDATE_NONE && how.update != ARSYNC_UPDATE_ASK)
            how.update = ARSYNC_UPDATE_ALL;
        if (how.replace == ARSYNC_REPLACE_IN_PLACE)
            how.replace = ARSYNC_REPLACE_REMOVE;
        const Way way =
            names_.fresh ? Way::free : look_at_the_way(io_.files, names_, facts(), how, there_);
        if (way == Way::skip) {
            outcome_.action = ARSYNC_ACTION_SKIP;
            co_return;
        }
        prepare_sync_of_name();
        Way cleared = Way::free;
        if (is_slow_to_clear(io_.files, names_, way, there_, how))
            cleared = co_await clear_aside(way, how, true);
        else
            cleared = clear(way, how, true);
        if (asks(ARSYNC_COPY_DRY_RUN))
            co_return;
        control_.enter(ARSYNC_STAGE_LINK);
        co_await make_name(cleared, ARSYNC_STAGE_LINK, make, [](const FileCopy&, MadeName&) {});
        if (way == Way::remove)
            outcome_.flags |= ARSYNC_COMPLETION_REPLACED;
    }

    Task<void> make(Way way) {
        if (asks(ARSYNC_COPY_HARD_LINK))
            co_await make_hard_link(way);
        else if (asks(ARSYNC_COPY_SYMBOLIC_LINK))
            co_await make_symlink(way, std::string(context_.source_text), false);
        else if (has_contents())
            co_await copy_contents(way);
        else if (S_ISLNK(facts().stx_mode))
            co_await make_symlink(
                way, read_link(io_.files, names_.source_dirfd, names_.source.c_str()), true);
        else
            co_await make_special(way);
    }

    Task<void> copy_contents(Way way) {
        outcome_.action = ARSYNC_ACTION_COPY;
        if (asks(ARSYNC_COPY_DRY_RUN)) {
            outcome_.bytes = asks(ARSYNC_COPY_ATTRIBUTES_ONLY) ? 0 : facts().stx_size;
            control_.set_total(outcome_.bytes);
            control_.add_done(outcome_.bytes);
            if (way == Way::overwrite && options_.replace == ARSYNC_REPLACE_IN_PLACE)
                try_to_open_what_is_there();
            co_return;
        }
        directory_ = File(); // it can be synced, and is, by what writes the content
        list_xattrs_once();
        FileCopy told;
        if (claim_) {
            told = names_;
            told.made = &wrote_.emplace();
        }
        const FileCopy& names = claim_ ? told : names_;
        if (way == Way::overwrite) {
            co_await copy_opened(io_, names, source_, options_, control_, outcome_);
            co_return;
        }
        arsync_copy_options how = options_;
        if (how.replace != ARSYNC_REPLACE_ATOMIC)
            how.replace = ARSYNC_REPLACE_EXCLUSIVE; // the way is clear, or somebody is in it anew
        co_await copy_opened(io_, names, source_, how, control_, outcome_);
    }

    // As the copy would, for that tells whether it may; a stream or a device would notice.
    void try_to_open_what_is_there() {
        struct statx found;
        const int at_flags = names_.beneath ? AT_SYMLINK_NOFOLLOW : 0;
        const char* name = names_.destination.c_str();
        if (io_.files.statx(names_.destination_dirfd, name, at_flags, found) < 0 ||
            !S_ISREG(found.stx_mode))
            return;
        const int flags = O_WRONLY | O_NONBLOCK | (names_.beneath ? O_NOFOLLOW : 0);
        const int fd = io_.files.open(names_.destination_dirfd, name, flags, 0);
        check(ARSYNC_STAGE_CLOSE, File(io_.files, fd).close());
        if (asks(ARSYNC_COPY_FORCE) && gives_way_to_force(fd))
            outcome_.flags |= ARSYNC_COMPLETION_REPLACED;
        else if (fd != -EAGAIN) // for the time that a lease takes to be given back
            check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    }

    // They tell of an ACL too, and that there is none where there are none.
    void list_xattrs_once() {
        constexpr uint32_t asked = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_XATTR;
        if ((options_.preserve & asked) != asked || !S_ISREG(facts().stx_mode))
            return;
        std::vector<char> names;
        if (list_xattrs(io_.files, source_.file.get(), names) >= 0)
            source_.xattrs = std::move(names);
    }

    Task<void> make_hard_link(Way way) {
        outcome_.action = ARSYNC_ACTION_HARD_LINK;
        if (asks(ARSYNC_COPY_DRY_RUN))
            co_return;
        control_.enter(ARSYNC_STAGE_LINK);
        File followed;
        if (names_.follows) {
            followed = File(io_.files,
                            io_.files.open(names_.source_dirfd, names_.source.c_str(), O_PATH, 0));
            check(ARSYNC_STAGE_OPEN_SOURCE, followed.get());
        }
        co_await make_name(
            way, ARSYNC_STAGE_LINK,
            [&](const FileCopy& to) {
                if (followed)
                    return io_.files.link(followed.get(), to.destination_dirfd,
                                          to.destination.c_str());
                return io_.files.make_link(to.source_dirfd, to.source.c_str(), to.destination_dirfd,
                                           to.destination.c_str());
            },
            [](const FileCopy&, MadeName&) {});
    }

    // is_source: it is a link of the source's, with attributes of its own. A link to the source
    // gets its times, as with cp, and nothing else.
    Task<void> make_symlink(Way way, std::string text, bool is_source) {
        outcome_.action = ARSYNC_ACTION_SYMBOLIC_LINK;
        if (asks(ARSYNC_COPY_DRY_RUN))
            co_return;
        control_.enter(ARSYNC_STAGE_LINK);
        co_await make_name(
            way, ARSYNC_STAGE_LINK,
            [&](const FileCopy& to) {
                return io_.files.make_symlink(text.c_str(), to.destination_dirfd,
                                              to.destination.c_str());
            },
            [&](const FileCopy& to, MadeName& made) {
                arsync_copy_options how = options_;
                struct statx link = facts();
                if (!is_source) {
                    how.preserve &= ARSYNC_PRESERVE_TIMES;
                    link.stx_mode = S_IFLNK;
                }
                copy_attributes(to, made.made_like(link), how);
            });
    }

    Task<void> make_special(Way way) {
        outcome_.action = ARSYNC_ACTION_MAKE_SPECIAL;
        if (asks(ARSYNC_COPY_DRY_RUN))
            co_return;
        control_.enter(ARSYNC_STAGE_MAKE_SPECIAL);
        FinalMode final_mode;
        const mode_t mode = mode_of_special(final_mode);
        const dev_t device = makedev(facts().stx_rdev_major, facts().stx_rdev_minor);
        co_await make_name(
            way, ARSYNC_STAGE_MAKE_SPECIAL,
            [&](const FileCopy& to) {
                return io_.files.make_special(to.destination_dirfd, to.destination.c_str(),
                                              (facts().stx_mode & S_IFMT) | mode, device);
            },
            [&](const FileCopy& to, MadeName& made) {
                copy_attributes(to, made.made_like(facts()), options_, final_mode);
            });
    }

    // What it is made with. Others have no rights before its owner is right.
    mode_t mode_of_special(FinalMode& final_mode) const {
        if ((options_.preserve & ARSYNC_PRESERVE_MODE) != 0)
            return 0600;
        mode_t whole = facts().stx_mode & 0777;
        if (asks(ARSYNC_COPY_DEFAULT_MODE))
            whole = S_ISSOCK(facts().stx_mode) ? 0777 : 0666; // as bind(2) makes it
        const bool withheld = (options_.preserve & ARSYNC_PRESERVE_OWNER) != 0;
        final_mode.drops_acl = asks(ARSYNC_COPY_DEFAULT_MODE) && !names_.new_file.no_default_acl;
        if (withheld || final_mode.drops_acl) {
            Umask own;
            final_mode.bits = whole & ~(names_.umask ? *names_.umask : own).get(io_.files);
        }
        return withheld ? whole & 0700 : whole;
    }

    void copy_attributes(const FileCopy& names, const struct statx& there,
                         const arsync_copy_options& how, const FinalMode& final_mode = {}) {
        copy_named_attributes(io_.files, names, facts(), there, final_mode, how, control_,
                              outcome_);
    }

    // Of a file that is skipped because its content is the same, each attribute that differs: which
    // extended ones do is only known when they have been looked at.
    void keep_attributes() {
        if (options_.update != ARSYNC_UPDATE_CHANGED || !makes_copies())
            return;
        update_named_attributes(io_.files, names_, facts(), there_, options_, control_, outcome_);
        outcome_.flags |= ARSYNC_COMPLETION_COPIED;
    }

    // make(names) makes something at the destination of the names, 0 or a negative errno;
    // finish(names, made) gives it its attributes. At a name that is free it is removed again
    // unless keep() is called. To replace a file atomically, it is made at another name first.
    template <class Make, class Finish>
    Task<void> make_name(Way way, Stage stage, Make make, Finish finish) {
        if (way == Way::free) {
            check(stage, make(names_));
            finish(names_, made_.emplace(io_.files, names_));
            co_return;
        }
        FileCopy temporary = names_;
        const SplitPath path = split_path(names_.destination);
        int result = -EEXIST;
        while (result == -EEXIST) {
            temporary.destination = path.parent + temporary_name_for(path.name);
            result = make(temporary);
        }
        check(stage, result);
        MadeName made(io_.files, temporary);
        finish(temporary, made);
        refuse_unasked(io_.files, names_);
        const int64_t renamed = co_await io_.ring.call(is_huge(there_), [&] {
            return io_.files.rename(names_.destination_dirfd, temporary.destination.c_str(),
                                    names_.destination.c_str());
        });
        check(ARSYNC_STAGE_PUBLISH, renamed);
        made.keep();
        // Of two names of one file renaming does nothing, successfully. Some servers give each
        // name an inode of its own, so that it is not known by its inode any more.
        if (outcome_.action == ARSYNC_ACTION_HARD_LINK)
            io_.files.unlink(names_.destination_dirfd, temporary.destination.c_str());
    }

    const Io io_;
    const FileCopy& names_;
    const EntryContext& context_;
    const arsync_copy_options& options_;
    Control& control_;
    Outcome& outcome_;
    Source source_{};
    struct statx there_ = {}; // what is in the way
    Links::Claim claim_;
    std::optional<Identity> wrote_;    // a first copy, as it was when it was written
    std::shared_ptr<const File> base_; // of the destination's path, for links from elsewhere
    std::string backup_;               // of what was in the way, until the copy is there
    std::optional<MadeName> made_;     // of a new name, until it is to stay
    File directory_;                   // of the name, to be synced
};

} // namespace

Task<void> copy_entry(Io io, const FileCopy& names, unsigned char type, const EntryContext& context,
                      const arsync_copy_options& options, Control& control, Outcome& outcome) {
    Entry entry(io, names, context, options, control, outcome);
    co_await entry.copy(type);
}

} // namespace arsync
