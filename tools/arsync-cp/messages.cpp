// What a failure is called.
#include "report.h"

#include <cerrno>

#include "quote.h"

namespace cp {

namespace {

// Of the source, not followed; 0 if it cannot be seen any more.
mode_t kind_of(const Place& source) {
    struct stat status;
    return look_at_link(source, status) == 0 ? status.st_mode & S_IFMT : 0;
}

bool is_directory(const arsync_completion& completion) {
    return (completion.flags & ARSYNC_COMPLETION_DIRECTORY) != 0 ||
           completion.action == ARSYNC_ACTION_TREE ||
           completion.action == ARSYNC_ACTION_MAKE_DIRECTORY ||
           completion.action == ARSYNC_ACTION_ENTER_DIRECTORY;
}

// Not being able to ask for its kind and not being able to open it are one stage for the library,
// and two messages of cp.
std::string what_of_opening(const Subject& subject, const arsync_completion& completion,
                            const Options& options) {
    std::string source = quote(subject.source.shown);
    struct stat status;
    const bool is_item = completion.kind == ARSYNC_COMPLETION_ITEM;
    bool follow = is_item ? options.follows_named() : options.dereference == Dereference::Always;
    int error =
        follow ? look_through_link(subject.source, status) : look_at_link(subject.source, status);
    // A file of the command line has been looked at before it was to be opened.
    if (error != 0 && error == -completion.result)
        return "cannot stat " + source;
    if (is_directory(completion) || (error == 0 && S_ISDIR(status.st_mode)))
        return "cannot access " + source;
    return "cannot open " + source + " for reading";
}

std::string what_of_making(const Subject& subject, const arsync_completion& completion,
                           const Options& options) {
    std::string source = quote(subject.source.shown);
    std::string destination = quote(subject.destination.shown);
    if (options.symbolic_links())
        return "cannot create symbolic link " + destination + " to " + source;
    if (options.hard_links())
        return "cannot create hard link " + destination + " to " + source;
    if (completion.action == ARSYNC_ACTION_HARD_LINK)
        return "cannot create hard link " + destination;
    switch (kind_of(subject.source)) {
    case S_IFLNK:
        if (options.dereference != Dereference::Always)
            return "cannot create symbolic link " + destination;
        break;
    case S_IFIFO:
        if (!options.reads_specials())
            return "cannot create fifo " + destination;
        break;
    case S_IFSOCK:
    case S_IFBLK:
    case S_IFCHR:
        if (!options.reads_specials())
            return "cannot create special file " + destination;
        break;
    default:
        break;
    }
    return "cannot create regular file " + destination;
}

// What keeps the library from going the way to an item; empty: it is something else.
std::string describe_way(const Subject& subject, const arsync_completion& completion,
                         const Options& options) {
    if ((completion.flags & ARSYNC_COMPLETION_ON_THE_WAY) == 0 || !subject.item.on_way)
        return "";
    const Subject way = way_of(subject.item, subject.item.way);
    const std::string directory = quote(way.destination.shown);
    const int error = -completion.result;
    const mode_t kind = kind_of(way.source);
    if (completion.stage == ARSYNC_STAGE_OPEN_SOURCE && options.parents)
        return "failed to get attributes of " + quote(way.source.shown) + ": " +
               arsync_strerror(error);
    if (completion.stage == ARSYNC_STAGE_OPEN_SOURCE && kind == S_IFLNK && error != ENOENT)
        return "cannot copy " + quote(subject.source.shown) + " through the symbolic link " +
               quote(way.source.shown);
    if (completion.stage != ARSYNC_STAGE_MAKE_DIRECTORY)
        return "";
    if (error == ENOTDIR || error == EEXIST)
        return directory + " exists but is not a directory";
    return options.parents ? "cannot make directory " + directory + ": " + arsync_strerror(error)
                           : "";
}

// Why it cannot even be asked what is at an item's destination; 0 where it can.
int why_unseen(const Subject& subject, const arsync_completion& completion,
               const Options& options) {
    struct stat status;
    if (completion.kind != ARSYNC_COMPLETION_ITEM)
        return 0;
    int error = look_at_link(subject.destination, status);
    if (error == 0 && S_ISLNK(status.st_mode) && !options.force)
        error = look_through_link(subject.destination, status);
    return error == ENOENT ? 0 : error;
}

// Whether what was come upon in a tree is what the tree is copied to.
bool is_its_destination(const Subject& subject) {
    struct stat found;
    struct stat destination;
    return look_through_link(subject.source, found) == 0 &&
           look_through_link(subject.item.destination, destination) == 0 &&
           id_of(found) == id_of(destination);
}

// With --update=none-fail what is there stays, whatever else is wrong with it.
bool is_refused(const arsync_completion& completion, const Options& options) {
    if (options.clobber != Clobber::Refuse || is_directory(completion))
        return false;
    switch (completion.stage) {
    case ARSYNC_STAGE_OPEN_DESTINATION:
        return completion.result == -EEXIST || completion.result == -EISDIR;
    case ARSYNC_STAGE_CHECK:
        return completion.result == -EINVAL;
    default:
        return false;
    }
}

std::string describe_check(const Subject& subject, const arsync_completion& completion,
                           const Options& options) {
    std::string source = quote(subject.source.shown);
    std::string destination = quote(subject.destination.shown);
    int error = -completion.result;
    mode_t kind = error == EOPNOTSUPP ? kind_of(subject.source) : 0;
    struct stat target;
    if (error == EOPNOTSUPP && look_through_link(subject.source, target) == 0)
        kind = target.st_mode;
    if (error == EINVAL)
        return source + " and " + destination + " are the same file";
    if (error == EISDIR && !options.recursive && !options.files_from)
        return "-r not specified; omitting directory " + source;
    if (error == EISDIR)
        return "cannot overwrite directory " + destination + " with non-directory";
    if (error == ELOOP && options.dereference == Dereference::Always &&
        subject.source.shown != subject.item.source.shown && !is_its_destination(subject))
        return "cannot copy cyclic symbolic link " + source;
    if (error == ELOOP && (options.copy.flags & ARSYNC_COPY_MIRROR) != 0)
        return "cannot mirror " + quote(subject.item.source.shown) + " to " +
               quote(subject.item.destination.shown) + ": they have a directory in common";
    if (error == ELOOP)
        return "cannot copy a directory, " + quote(subject.item.source.shown) + ", into itself, " +
               quote(subject.item.destination.shown);
    // The library opens no socket. Whoever tries hears that there is no such device.
    if (error == EOPNOTSUPP && S_ISSOCK(kind))
        return "cannot open " + source + " for reading: " + arsync_strerror(ENXIO);
    return "cannot copy " + source + " to " + destination + ": " + arsync_strerror(error);
}

std::string describe_clash(const Subject& subject, const Item& mirror,
                           const arsync_completion& completion) {
    const std::string source = quote(mirror.source.shown);
    const std::string destination = quote(mirror.destination.shown);
    if (completion.result == -EEXIST)
        return "with --mirror, " + source + " and " + quote(subject.source.shown) +
               " cannot both be copied to " + destination;
    const bool at_source = (completion.flags & ARSYNC_COMPLETION_AT_SOURCE) != 0;
    const Place& lost = at_source ? subject.source : subject.destination;
    return "with --mirror, " + quote(lost.shown) + " would be lost in " + destination +
           ", which is to be like " + source;
}

} // namespace

std::string describe_failure(const Subject& subject, const arsync_completion& completion,
                             const Options& options) {
    std::string source = quote(subject.source.shown);
    std::string destination = quote(subject.destination.shown);
    int error = -completion.result;
    std::string what = describe_way(subject, completion, options);
    if (!what.empty())
        return what;
    if (subject.item.mirror)
        return describe_clash(subject, *subject.item.mirror, completion);
    if ((completion.flags & ARSYNC_COMPLETION_JUST_CREATED) != 0)
        return error == ELOOP
                   ? "will not copy " + source + " through just-created symlink " + destination
                   : "will not overwrite just-created " + destination + " with " + source;
    if (is_refused(completion, options))
        return "not replacing " + destination;
    switch (completion.stage) {
    case ARSYNC_STAGE_OPEN_SOURCE:
        what = what_of_opening(subject, completion, options);
        break;
    case ARSYNC_STAGE_LIST:
        what = "cannot access " + source;
        break;
    case ARSYNC_STAGE_READ_LINK:
        what = "cannot read symbolic link " + source;
        break;
    case ARSYNC_STAGE_OPEN_DESTINATION:
        // In a tree, or in the way of a link; for a file it has been said before it was tried.
        if (error == EISDIR && !subject.destination.name.ends_with('/'))
            return "cannot overwrite directory " + destination + " with non-directory";
        if (const int unseen = why_unseen(subject, completion, options); unseen != 0)
            return "cannot stat " + destination + ": " + arsync_strerror(unseen);
        if (error == ENOENT && kind_of(subject.destination) == S_IFLNK)
            return "not writing through dangling symlink " + destination;
        what = what_of_making(subject, completion, options);
        // Only a directory may have a slash after its name, and this was to be a file.
        if (error == EISDIR)
            error = ENOTDIR;
        break;
    case ARSYNC_STAGE_LINK:
        if (error == EINVAL && options.symbolic_links())
            return quote_if_needed(subject.destination.shown) +
                   ": can make relative symbolic links only in current directory";
        what = what_of_making(subject, completion, options);
        break;
    case ARSYNC_STAGE_MAKE_SPECIAL:
        what = what_of_making(subject, completion, options);
        break;
    case ARSYNC_STAGE_MAKE_DIRECTORY:
        // ENOENT: a symbolic link to nothing, with --keep-directory-symlink.
        if ((error == ENOTDIR || error == ENOENT) && kind_of(subject.destination) != 0)
            return "cannot overwrite non-directory " + destination + " with directory " + source;
        if (const int unseen = why_unseen(subject, completion, options); unseen != 0)
            return "cannot stat " + destination + ": " + arsync_strerror(unseen);
        what = completion.action == ARSYNC_ACTION_HARD_LINK // in what was made before
                   ? what_of_making(subject, completion, options)
                   : "cannot create directory " + destination;
        break;
    case ARSYNC_STAGE_CHECK:
        return describe_check(subject, completion, options);
    case ARSYNC_STAGE_REMOVE:
        // What is extra was in doubt, and so nothing was removed.
        if (error == ESTALE && completion.action != ARSYNC_ACTION_REMOVE)
            return "nothing removed from " + destination + ": " + source +
                   " was replaced while it was copied";
        if (error == EEXIST)
            return "nothing removed from " + destination +
                   ": some of its names are others' in another spelling";
        what = "cannot remove " + destination;
        break;
    case ARSYNC_STAGE_BACKUP:
        if (error == EINVAL)
            return "backing up " + destination + " might destroy source;  " + source +
                   " not copied";
        what = "cannot backup " + destination;
        break;
    case ARSYNC_STAGE_CONTEXT:
        what = "failed to set the security context of " + destination;
        break;
    case ARSYNC_STAGE_READ:
        what = "error reading " + source;
        break;
    case ARSYNC_STAGE_ALLOCATE:
    case ARSYNC_STAGE_WRITE:
        what = "error writing " + destination;
        break;
    case ARSYNC_STAGE_REFLINK:
        what = "failed to clone " + destination + " from " + source;
        break;
    case ARSYNC_STAGE_COPY_FILE_RANGE:
        what = "error copying " + source + " to " + destination;
        break;
    case ARSYNC_STAGE_TRUNCATE:
        what = "failed to extend " + destination;
        break;
    case ARSYNC_STAGE_OWNER:
        what = "failed to preserve ownership for " + destination;
        break;
    case ARSYNC_STAGE_XATTR:
        what = "setting attributes for " + destination;
        break;
    case ARSYNC_STAGE_MODE:
        what = "preserving permissions for " + destination;
        break;
    case ARSYNC_STAGE_TIMES:
        what = "preserving times for " + destination;
        break;
    case ARSYNC_STAGE_SYNC:
        what = "error syncing " + destination;
        break;
    case ARSYNC_STAGE_VERIFY:
        if (error == EILSEQ)
            return "verification failed: " + destination + " does not read back as " + source;
        what = "cannot verify " + destination;
        break;
    case ARSYNC_STAGE_PUBLISH:
        what = "cannot put the new file in the place of " + destination;
        break;
    case ARSYNC_STAGE_CLOSE:
        what = "failed to close " + destination;
        break;
    case ARSYNC_STAGE_MEMORY:
        return "memory exhausted";
    default:
        what = "cannot copy " + source + " to " + destination;
        break;
    }
    return what + ": " + arsync_strerror(error);
}

} // namespace cp
