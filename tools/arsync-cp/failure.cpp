#include "failure.h"

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
    bool follow = options.dereference == Dereference::Always;
    int error =
        follow ? look_through_link(subject.source, status) : look_at_link(subject.source, status);
    // A file of the command line has been looked at before it was to be opened.
    if (subject.operand.is_tree && error != 0 && error == -completion.result)
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

// The first on the way to the place that is no directory, or a link to one; empty: there is none.
std::string obstacle_before(const Place& place, mode_t& kind) {
    for (size_t slash = place.name.find('/'); slash != std::string::npos;
         slash = place.name.find('/', slash + 1)) {
        struct stat status;
        if (slash == 0 || look_at_link({place.dirfd, place.name.substr(0, slash), ""}, status) != 0)
            continue;
        kind = status.st_mode & S_IFMT;
        if (kind != S_IFDIR)
            return place.shown.substr(0, place.shown.size() - (place.name.size() - slash));
    }
    return "";
}

// What keeps the library from going the way to a name of a list; empty: it is something else.
std::string describe_way(const Subject& subject, const arsync_completion& completion) {
    bool is_other = subject.operand.named || subject.source.shown != subject.operand.source.shown ||
                    (completion.result != -ENOTDIR && completion.result != -ENOENT);
    mode_t kind = 0;
    if (is_other)
        return "";
    if (completion.stage == ARSYNC_STAGE_OPEN_SOURCE) {
        std::string link = obstacle_before(subject.source, kind);
        if (!link.empty() && kind == S_IFLNK && completion.result != -ENOENT)
            return "cannot copy " + quote(subject.source.shown) + " through the symbolic link " +
                   quote(link);
    }
    if (completion.stage == ARSYNC_STAGE_MAKE_DIRECTORY) {
        std::string name = obstacle_before(subject.destination, kind);
        if (!name.empty())
            return quote(name) + " exists but is not a directory";
    }
    return "";
}

// Whether what was come upon in a tree is what the tree is copied to.
bool is_its_destination(const Subject& subject) {
    struct stat found;
    struct stat destination;
    return look_through_link(subject.source, found) == 0 &&
           look_through_link(subject.operand.destination, destination) == 0 &&
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
    if (error == EISDIR)
        return "cannot overwrite directory " + destination + " with non-directory";
    if (error == ELOOP && options.dereference == Dereference::Always &&
        subject.source.shown != subject.operand.source.shown && !is_its_destination(subject))
        return "cannot copy cyclic symbolic link " + source;
    if (error == ELOOP && (options.copy.flags & ARSYNC_COPY_MIRROR) != 0)
        return "cannot mirror " + quote(subject.operand.source.shown) + " to " +
               quote(subject.operand.destination.shown) + ": they have a directory in common";
    if (error == ELOOP)
        return "cannot copy a directory, " + quote(subject.operand.source.shown) +
               ", into itself, " + quote(subject.operand.destination.shown);
    // The library opens no socket. Whoever tries hears that there is no such device.
    if (error == EOPNOTSUPP && S_ISSOCK(kind))
        return "cannot open " + source + " for reading: " + arsync_strerror(ENXIO);
    return "cannot copy " + source + " to " + destination + ": " + arsync_strerror(error);
}

} // namespace

std::string not_overwriting(const Place& source, const Place& destination) {
    return "will not overwrite just-created " + quote(destination.shown) + " with " +
           quote(source.shown);
}

std::string not_replacing(const Place& destination) {
    return "not replacing " + quote(destination.shown);
}

std::string describe_failure(const Subject& subject, const arsync_completion& completion,
                             const Options& options) {
    std::string source = quote(subject.source.shown);
    std::string destination = quote(subject.destination.shown);
    int error = -completion.result;
    std::string what = describe_way(subject, completion);
    if (!what.empty())
        return what;
    if (is_refused(completion, options))
        return not_replacing(subject.destination);
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
        what = what_of_making(subject, completion, options);
        // Only a directory may have a slash after its name, and this was to be a file.
        if (error == EISDIR)
            error = ENOTDIR;
        break;
    case ARSYNC_STAGE_LINK:
    case ARSYNC_STAGE_MAKE_SPECIAL:
        what = what_of_making(subject, completion, options);
        break;
    case ARSYNC_STAGE_MAKE_DIRECTORY:
        // ENOENT: a symbolic link to nothing, with --keep-directory-symlink.
        if ((error == ENOTDIR || error == ENOENT) && kind_of(subject.destination) != 0)
            return "cannot overwrite non-directory " + destination + " with directory " + source;
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

std::string describe_warning(const std::string& source, const arsync_completion& completion) {
    if ((completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0)
        return "warning: " + quote(source) + " became shorter while it was copied";
    if ((completion.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0)
        return "warning: " + quote(source) + " changed while it was copied";
    return "";
}

uint32_t attribute_of(uint32_t stage) {
    switch (stage) {
    case ARSYNC_STAGE_OWNER:
        return ARSYNC_PRESERVE_OWNER;
    case ARSYNC_STAGE_XATTR:
        return ARSYNC_PRESERVE_XATTR;
    case ARSYNC_STAGE_MODE:
        return ARSYNC_PRESERVE_MODE;
    case ARSYNC_STAGE_TIMES:
        return ARSYNC_PRESERVE_TIMES;
    case ARSYNC_STAGE_CONTEXT:
        return ARSYNC_PRESERVE_CONTEXT;
    default:
        return 0;
    }
}

bool is_copied(const arsync_completion& completion) {
    return (completion.flags & ARSYNC_COMPLETION_COPIED) != 0 &&
           attribute_of(completion.stage) != 0;
}

bool loss_matters(const arsync_completion& completion, const Options& options) {
    switch (completion.stage) {
    case ARSYNC_STAGE_XATTR:
        return options.xattr_required;
    case ARSYNC_STAGE_CONTEXT:
        return options.context_required;
    default:
        return true;
    }
}

bool loss_is_told(const arsync_completion& completion, const Options& options) {
    if (loss_matters(completion, options))
        return true;
    return !options.reduce_diagnostics && completion.result != -EOPNOTSUPP;
}

} // namespace cp
