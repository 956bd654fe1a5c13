#include "copy/conflict.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/backup.h"
#include "copy/identity.h"
#include "copy/read_link.h"
#include "copy/split_path.h"

namespace arsync {

namespace {

bool is_newer(const struct statx& a, const struct statx& b) {
    if (a.stx_mtime.tv_sec != b.stx_mtime.tv_sec)
        return a.stx_mtime.tv_sec > b.stx_mtime.tv_sec;
    return a.stx_mtime.tv_nsec > b.stx_mtime.tv_nsec;
}

bool is_unchanged(Files& files, const FileCopy& copy, const struct statx& source,
                  const struct statx& found) {
    if ((source.stx_mode & S_IFMT) != (found.stx_mode & S_IFMT))
        return false;
    switch (source.stx_mode & S_IFMT) {
    case S_IFREG:
        return source.stx_size == found.stx_size &&
               source.stx_mtime.tv_sec == found.stx_mtime.tv_sec &&
               source.stx_mtime.tv_nsec == found.stx_mtime.tv_nsec;
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
    case ARSYNC_UPDATE_NONE:
        return true;
    case ARSYNC_UPDATE_OLDER:
        return !is_newer(source, found);
    case ARSYNC_UPDATE_CHANGED:
        return is_unchanged(files, copy, source, found);
    default:
        return false;
    }
}

bool writes_contents(const struct statx& source, const arsync_copy_options& options) {
    if ((options.flags & (ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK)) != 0)
        return false;
    return S_ISREG(source.stx_mode) ||
           (!S_ISLNK(source.stx_mode) && (options.flags & ARSYNC_COPY_SPECIAL) != 0);
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
Way way_of_contents(const FileCopy& copy, const struct statx& found,
                    const arsync_copy_options& options) {
    const bool attributes_only = (options.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) != 0;
    if (S_ISREG(found.stx_mode) || (!copy.beneath && !S_ISLNK(found.stx_mode)))
        return Way::overwrite;
    if (S_ISLNK(found.stx_mode)) {
        if (copy.beneath && attributes_only) // what is to have them is what the link leads to
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ELOOP};
        return Way::remove;
    }
    if (S_ISSOCK(found.stx_mode)) { // as open(2) has it
        if ((options.flags & ARSYNC_COPY_FORCE) == 0)
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ENXIO};
        return Way::remove;
    }
    if ((options.flags & ARSYNC_COPY_SPECIAL) == 0)
        throw Error{ARSYNC_STAGE_CHECK, EOPNOTSUPP};
    return Way::overwrite;
}

// As cp goes about it.
Way way_in_place(const FileCopy& copy, const struct statx& source, const struct statx& found,
                 const arsync_copy_options& options) {
    const bool attributes_only = (options.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) != 0;
    // In place of what has another name somewhere, links that are not in the source would be kept
    // up.
    const bool shared = (options.preserve & ARSYNC_PRESERVE_LINKS) != 0 && found.stx_nlink > 1;
    if (shared && !attributes_only)
        return Way::remove;
    if (writes_contents(source, options))
        return way_of_contents(copy, found, options);
    const bool anew = !S_ISREG(source.stx_mode) && keeps_symlinks(copy, options);
    if (anew && !attributes_only)
        return Way::remove;
    // As link(2), symlink(2) and mknod(2) have it.
    const bool links = S_ISLNK(source.stx_mode) ||
                       (options.flags & (ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK)) != 0;
    if (!links)
        throw Error{ARSYNC_STAGE_MAKE_SPECIAL, EEXIST};
    if ((options.flags & ARSYNC_COPY_FORCE) == 0)
        throw Error{ARSYNC_STAGE_LINK, EEXIST};
    return Way::remove;
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

Way look_at_the_way(Files& files, const FileCopy& copy, const struct statx& source,
                    const arsync_copy_options& options, struct statx* there) {
    const int dirfd = copy.destination_dirfd;
    const char* name = copy.destination.c_str();
    const bool makes_data = writes_contents(source, options);
    // At the roots a link that is overwritten in place leads to what is written.
    const bool through_link = !copy.beneath && makes_data &&
                              options.replace == ARSYNC_REPLACE_IN_PLACE &&
                              options.backup == ARSYNC_BACKUP_NONE;
    struct statx found;
    int result = files.statx(dirfd, name, AT_SYMLINK_NOFOLLOW, found);
    if (result == 0 && S_ISLNK(found.stx_mode) && through_link) {
        result = files.statx(dirfd, name, 0, found);
        if (result == -ENOENT)
            return Way::overwrite; // which is refused when it is opened
    }
    if (result == -ENOENT) {
        if (!copy.beneath)
            refuse_missing_parent(files, copy, options, ARSYNC_STAGE_OPEN_DESTINATION);
        return Way::free;
    }
    check(ARSYNC_STAGE_OPEN_DESTINATION, result);
    if (identity(source) == identity(found)) {
        if ((options.flags & ARSYNC_COPY_HARD_LINK) != 0)
            return Way::skip; // it is that link already
        throw Error{ARSYNC_STAGE_CHECK, EINVAL};
    }
    if (there)
        *there = found;
    if (stays(files, copy, source, found, options))
        return Way::skip;
    if (S_ISDIR(found.stx_mode))
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EISDIR};
    if (options.replace == ARSYNC_REPLACE_EXCLUSIVE)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EEXIST};

    if (options.backup != ARSYNC_BACKUP_NONE)
        return Way::back_up;
    if (options.replace == ARSYNC_REPLACE_ATOMIC) {
        const bool file_or_link = S_ISREG(found.stx_mode) || S_ISLNK(found.stx_mode);
        if (makes_data && !copy.beneath && !file_or_link)
            throw Error{ARSYNC_STAGE_CHECK, EOPNOTSUPP};
        return Way::overwrite;
    }
    if (options.replace == ARSYNC_REPLACE_IN_PLACE)
        return way_in_place(copy, source, found, options);
    return Way::remove;
}

Way clear_the_way(Files& files, const FileCopy& copy, Way way, const arsync_copy_options& options,
                  Outcome& outcome, std::string& backup) {
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    if (way == Way::back_up) {
        if (!dry)
            backup = back_up(files, copy, options);
        outcome.flags |= ARSYNC_COMPLETION_BACKED_UP;
        return options.replace == ARSYNC_REPLACE_ATOMIC ? Way::overwrite : Way::free;
    }
    if (way == Way::remove) {
        if (!dry)
            check(ARSYNC_STAGE_REMOVE,
                  files.unlink(copy.destination_dirfd, copy.destination.c_str()));
        outcome.flags |= ARSYNC_COMPLETION_REPLACED;
        return Way::free;
    }
    return way;
}

} // namespace arsync
