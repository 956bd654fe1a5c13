#include "copy/conflict.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/backup.h"
#include "copy/huge.h"
#include "copy/id_map.h"
#include "copy/question.h"
#include "copy/read_link.h"
#include "copy/same_file.h"
#include "copy/split_path.h"
#include "copy/time_step.h"
#include "io/capability.h"

namespace arsync {

namespace {

bool is_newer(const struct statx& a, const struct statx& b) {
    if (a.stx_mtime.tv_sec != b.stx_mtime.tv_sec)
        return a.stx_mtime.tv_sec > b.stx_mtime.tv_sec;
    return a.stx_mtime.tv_nsec > b.stx_mtime.tv_nsec;
}

bool writes_contents(const struct statx& source, const arsync_copy_options& options) {
    if ((options.flags & (ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK)) != 0)
        return false;
    return S_ISREG(source.stx_mode) ||
           (!S_ISLNK(source.stx_mode) && (options.flags & ARSYNC_COPY_SPECIAL) != 0);
}

// What has another name at the destination and, for certain, none at the source: the others of that
// name are of another source, whose owner and mode they are to keep. What may not be given away
// would be as wrong after a copy as before, and without the set-id bits.
bool is_anothers_too(Files& files, const struct statx& source, const struct statx& found,
                     const arsync_copy_options& options) {
    const auto asked = [&](uint32_t attribute) { return (options.preserve & attribute) != 0; };
    if (!asked(ARSYNC_PRESERVE_LINKS) || found.stx_nlink <= 1 || source.stx_nlink != 1)
        return false;
    mode_t kept = 07777;
    if (asked(ARSYNC_PRESERVE_OWNER)) {
        const gid_t gid = copied_group(options, source.stx_gid);
        const bool wrong_user = copied_user(options, source.stx_uid) != found.stx_uid;
        const bool wrong_group = gid != found.stx_gid;
        const bool may_give = has_capability(CAP_CHOWN);
        const bool may_give_to_group =
            may_give || (found.stx_uid == files.effective_user() && is_member(gid));
        if ((wrong_user && may_give) || (wrong_group && may_give_to_group))
            return true;
        if (wrong_user || wrong_group)
            kept = 01777;
    }
    return asked(ARSYNC_PRESERVE_MODE) &&
           (source.stx_mode & kept) != static_cast<mode_t>(found.stx_mode & 07777);
}

bool is_unchanged(Files& files, const FileCopy& copy, const struct statx& source,
                  const struct statx& found, const arsync_copy_options& options) {
    if ((source.stx_mode & S_IFMT) != (found.stx_mode & S_IFMT))
        return false;
    if (!S_ISREG(source.stx_mode) && writes_contents(source, options))
        return false; // nobody knows what comes out of it
    switch (source.stx_mode & S_IFMT) {
    case S_IFREG:
        return source.stx_size == found.stx_size &&
               !is_anothers_too(files, source, found, options) &&
               has_time_of(files, copy.destination_dirfd, copy.destination.c_str(), source, found,
                           (options.flags & ARSYNC_COPY_DRY_RUN) == 0);
    case S_IFLNK:
        return read_link(files, copy.source_dirfd, copy.source.c_str()) ==
               read_link(files, copy.destination_dirfd, copy.destination.c_str());
    case S_IFCHR:
    case S_IFBLK:
        return source.stx_rdev_major == found.stx_rdev_major &&
               source.stx_rdev_minor == found.stx_rdev_minor;
    default:
        return true;
    }
}

bool stays(Files& files, const FileCopy& copy, const struct statx& source,
           const struct statx& found, const arsync_copy_options& options) {
    switch (options.update) {
    case ARSYNC_UPDATE_OLDER:
    case ARSYNC_UPDATE_ASK_OLDER:
        return !is_newer(source, found) ||
               has_time_of(files, copy.destination_dirfd, copy.destination.c_str(), source, found,
                           (options.flags & ARSYNC_COPY_DRY_RUN) == 0);
    case ARSYNC_UPDATE_CHANGED:
        return is_unchanged(files, copy, source, found, options);
    default:
        return false;
    }
}

bool keeps_symlinks(const FileCopy& copy, const arsync_copy_options& options) {
    switch (options.symlinks) {
    case ARSYNC_SYMLINKS_KEEP:
        return true;
    case ARSYNC_SYMLINKS_AUTO:
        return (options.flags & ARSYNC_COPY_RECURSIVE) != 0;
    case ARSYNC_SYMLINKS_FOLLOW_TOP:
        return copy.beneath;
    default:
        return false;
    }
}

// Of content in place of what is there. In a tree nobody has named what is there: a symbolic link
// is not written through, and a stream or a device is only written to where that was asked for.
Obstacle obstacle_of_contents(const FileCopy& copy, const struct statx& found,
                              const arsync_copy_options& options) {
    const bool attributes_only = (options.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) != 0;
    if (S_ISREG(found.stx_mode) ||
        (!copy.beneath && !S_ISLNK(found.stx_mode) && !S_ISSOCK(found.stx_mode)))
        return Obstacle::overwrite;
    if (S_ISLNK(found.stx_mode)) {
        if (copy.beneath && attributes_only) // what is to have them is what the link leads to
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ELOOP};
        return Obstacle::remove;
    }
    if (S_ISSOCK(found.stx_mode)) { // as open(2) has it
        if ((options.flags & ARSYNC_COPY_FORCE) == 0)
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ENXIO};
        return Obstacle::remove;
    }
    if ((options.flags & ARSYNC_COPY_SPECIAL) == 0)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
    return Obstacle::overwrite;
}

// As cp goes about it.
Obstacle obstacle_in_place(const FileCopy& copy, const struct statx& source,
                           const struct statx& found, const arsync_copy_options& options) {
    const bool attributes_only = (options.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) != 0;
    // In place of what has another name somewhere, links that are not in the source would be kept
    // up.
    const bool shared = (options.preserve & ARSYNC_PRESERVE_LINKS) != 0 && found.stx_nlink > 1;
    if (shared && !attributes_only)
        return Obstacle::remove;
    if (writes_contents(source, options))
        return obstacle_of_contents(copy, found, options);
    const bool anew = !S_ISREG(source.stx_mode) && keeps_symlinks(copy, options);
    if (anew && !attributes_only)
        return Obstacle::remove;
    // As link(2), symlink(2) and mknod(2) have it.
    const bool links = S_ISLNK(source.stx_mode) ||
                       (options.flags & (ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK)) != 0;
    if (!links)
        throw Error{ARSYNC_STAGE_MAKE_SPECIAL, EEXIST};
    if ((options.flags & ARSYNC_COPY_FORCE) == 0)
        throw Error{ARSYNC_STAGE_LINK, EEXIST};
    return Obstacle::remove;
}

} // namespace

void refuse_missing_parent(Files& files, const FileCopy& copy, const arsync_copy_options& options,
                           Stage stage) {
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    if (!dry || (options.flags & ARSYNC_COPY_PARENTS) != 0)
        return;
    std::string path = copy.destination;
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    const SplitPath split = split_path(path);
    struct statx facts;
    check(stage, files.statx(copy.destination_dirfd, split.directory(), 0, facts));
    if (!S_ISDIR(facts.stx_mode))
        throw Error{stage, ENOTDIR};
}

namespace {

// What is at the destination.
struct Found {
    int result = 0; // or a negative errno
    struct statx facts;
    bool through_link = false; // of what a symbolic link leads to, which is to be written through
    bool dangles() const { return through_link && result == -ENOENT; }
    bool leads_to_itself() const { return through_link && result == -ELOOP; }
};

} // namespace

static Found look_at_destination(Files& files, const FileCopy& copy, const struct statx& source,
                                 const arsync_copy_options& options) {
    Found found;
    const int dirfd = copy.destination_dirfd;
    const char* name = copy.destination.c_str();
    // At the roots a link that is overwritten in place leads to what is written.
    const bool through_link = !copy.beneath && writes_contents(source, options) &&
                              options.replace == ARSYNC_REPLACE_IN_PLACE &&
                              options.backup == ARSYNC_BACKUP_NONE;
    const bool pretended = dirfd == -1; // a directory that a dry run would have made
    found.result = pretended ? -ENOENT : files.statx(dirfd, name, AT_SYMLINK_NOFOLLOW, found.facts);
    if (found.result < 0 || !S_ISLNK(found.facts.stx_mode) || !through_link)
        return found;
    if (!asks(options, ARSYNC_COPY_NOFOLLOW)) {
        found.result = files.statx(dirfd, name, 0, found.facts);
        found.through_link = true;
    } else if (options.update != ARSYNC_UPDATE_NONE) { // else it stays, whatever it leads to
        found.result = -ELOOP;
    }
    return found;
}

// What an earlier item of the list has made stays, unless it is kept as a numbered backup; a dry
// run has made nothing that could be found. What was written through a link may be anywhere.
static void refuse_just_created(const FileCopy& copy, const Found& found,
                                const arsync_copy_options& options) {
    if (!copy.just_created)
        return;
    if (found.through_link)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ELOOP, false, true};
    if (options.backup != ARSYNC_BACKUP_NUMBERED)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EEXIST, false, true};
}

// Of a dry run. What the file itself would have to be asked stays untold.
static Obstacle pretended_obstacle(const FileCopy& copy, const arsync_copy_options& options) {
    if (options.update == ARSYNC_UPDATE_NONE)
        return Obstacle::skip;
    if (options.update != ARSYNC_UPDATE_ALL)
        return Obstacle::none;
    if (options.replace == ARSYNC_REPLACE_EXCLUSIVE)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EEXIST};
    refuse_just_created(copy, Found{}, options);
    return Obstacle::none;
}

// Of a dry run: only a directory can be made at a name with a slash after it. As open(2), link(2),
// symlink(2) and mknod(2) have it.
static void refuse_slash(const FileCopy& copy, const struct statx& source,
                         const arsync_copy_options& options) {
    if (!copy.destination.ends_with('/'))
        return;
    if (writes_contents(source, options))
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EISDIR};
    const bool links = S_ISLNK(source.stx_mode) ||
                       asks(options, ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK);
    throw Error{links ? ARSYNC_STAGE_LINK : ARSYNC_STAGE_MAKE_SPECIAL, ENOENT};
}

bool is_in_question(Files& files, const FileCopy& copy, const struct statx& source,
                    const arsync_copy_options& options, struct statx& there) {
    Found found = look_at_destination(files, copy, source, options);
    if (found.leads_to_itself() && asks(options, ARSYNC_COPY_FORCE)) // it would be removed
        found.result = files.statx(copy.destination_dirfd, copy.destination.c_str(),
                                   AT_SYMLINK_NOFOLLOW, found.facts);
    there = found.facts;
    if (found.result == -ENOENT)
        return false;
    check(ARSYNC_STAGE_OPEN_DESTINATION, found.result);
    if (meet(files, copy, source, there, options) == Meeting::fatal)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
    return !stays(files, copy, source, there, options);
}

void refuse_unasked(Files& files, const FileCopy& copy) {
    if (!copy.asked)
        return;
    struct statx found;
    const auto look = [&](int at_flags) {
        return files.statx(copy.destination_dirfd, copy.destination.c_str(), at_flags, found);
    };
    const int result = look(AT_SYMLINK_NOFOLLOW);
    const bool is_asked_or_gone = result == -ENOENT || (result == 0 && copy.asked->is(found));
    // At the roots it may be what a symbolic link leads to.
    if (!is_asked_or_gone && (copy.beneath || look(0) < 0 || !copy.asked->is(found)))
        throw Error{ARSYNC_STAGE_ASK, ESTALE, true};
}

// A link that leads to itself gives way to force, as any other that cannot be written through.
static Obstacle obstacle_of_loop(Files& files, const FileCopy& copy, const struct statx& source,
                                 const Found& what, const arsync_copy_options& options,
                                 struct statx& there) {
    if (options.update == ARSYNC_UPDATE_NONE)
        return Obstacle::skip;
    check(
        ARSYNC_STAGE_OPEN_DESTINATION,
        files.statx(copy.destination_dirfd, copy.destination.c_str(), AT_SYMLINK_NOFOLLOW, there));
    refuse_unasked(files, copy);
    if (stays(files, copy, source, there, options))
        return Obstacle::skip;
    if (asks_first(options)) // it came after nothing was there to be asked about
        throw Error{ARSYNC_STAGE_ASK, ESTALE, true};
    refuse_just_created(copy, what, options);
    return Obstacle::remove;
}

Obstacle look_for_obstacle(Files& files, const FileCopy& copy, const struct statx& source,
                           const arsync_copy_options& options, struct statx& there) {
    const bool makes_data = writes_contents(source, options);
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    const Found what = look_at_destination(files, copy, source, options);
    const struct statx& found = what.facts;
    if (what.dangles()) {
        refuse_just_created(copy, what, options);
        if ((options.flags & ARSYNC_COPY_DANGLING) == 0)
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ENOENT};
        return Obstacle::overwrite;
    }
    if (what.result == -ENOENT && copy.just_created && dry)
        return pretended_obstacle(copy, options);
    if (what.result == -ENOENT) {
        if (!copy.beneath)
            refuse_missing_parent(files, copy, options, ARSYNC_STAGE_OPEN_DESTINATION);
        if (dry)
            refuse_slash(copy, source, options);
        return Obstacle::none;
    }
    if (what.leads_to_itself() && asks(options, ARSYNC_COPY_FORCE))
        return obstacle_of_loop(files, copy, source, what, options, there);
    if (what.result == -ELOOP && copy.just_created)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ELOOP, false, true};
    check(ARSYNC_STAGE_OPEN_DESTINATION, what.result);
    refuse_unasked(files, copy);
    there = found;
    if (options.update == ARSYNC_UPDATE_NONE)
        return Obstacle::skip;
    switch (meet(files, copy, source, found, options)) {
    case Meeting::done:
        return Obstacle::skip;
    case Meeting::fatal:
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
    case Meeting::harmless:
        break;
    }
    // A link that is followed would give way to what nobody could read any more.
    const bool gives_name =
        options.backup != ARSYNC_BACKUP_NONE || options.replace == ARSYNC_REPLACE_REMOVE;
    if (gives_name && !copy.beneath && S_ISLNK(found.stx_mode) && is_one_entry(files, copy))
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
    // In a mirror it gives way, whatever its age.
    const bool gives_way = S_ISDIR(found.stx_mode) && (options.flags & ARSYNC_COPY_MIRROR) != 0 &&
                           options.replace != ARSYNC_REPLACE_EXCLUSIVE;
    // Size and time of another source's copy say nothing of this one's content.
    if (options.update == ARSYNC_UPDATE_CHANGED && !S_ISDIR(found.stx_mode))
        refuse_just_created(copy, what, options);
    if (!gives_way && stays(files, copy, source, found, options))
        return Obstacle::skip;
    if (asks_first(options)) // it came after nothing was there to be asked about
        throw Error{ARSYNC_STAGE_ASK, ESTALE, true};
    if (S_ISDIR(found.stx_mode))
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EISDIR};
    if (options.replace == ARSYNC_REPLACE_EXCLUSIVE)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EEXIST};
    refuse_just_created(copy, what, options);

    if (options.backup != ARSYNC_BACKUP_NONE)
        return Obstacle::back_up;
    if (options.replace == ARSYNC_REPLACE_ATOMIC) {
        const bool file_or_link = S_ISREG(found.stx_mode) || S_ISLNK(found.stx_mode);
        if (makes_data && !copy.beneath && !file_or_link)
            throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
        return Obstacle::overwrite;
    }
    if (options.replace == ARSYNC_REPLACE_IN_PLACE)
        return obstacle_in_place(copy, source, found, options);
    return Obstacle::remove;
}

bool is_slow_to_clear(Files& files, const FileCopy& copy, Obstacle obstacle,
                      const struct statx& there, const arsync_copy_options& options) {
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    return !dry && ((obstacle == Obstacle::remove && is_huge(there)) ||
                    (obstacle == Obstacle::back_up && is_slow_to_back_up(files, copy, options)));
}

Obstacle clear_obstacle(Files& files, const FileCopy& copy, Obstacle obstacle,
                        const arsync_copy_options& options, Outcome& outcome, BackedUp& backup) {
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    refuse_unasked(files, copy);
    if (obstacle == Obstacle::back_up) {
        backup = back_up(files, copy, options);
        outcome.flags |= ARSYNC_COMPLETION_BACKED_UP;
        return options.replace == ARSYNC_REPLACE_ATOMIC ? Obstacle::overwrite : Obstacle::none;
    }
    if (obstacle == Obstacle::remove) {
        if (!dry)
            check(ARSYNC_STAGE_REMOVE,
                  files.unlink(copy.destination_dirfd, copy.destination.c_str()));
        outcome.flags |= ARSYNC_COMPLETION_REPLACED;
        return Obstacle::none;
    }
    return obstacle;
}

} // namespace arsync
