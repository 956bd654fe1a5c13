#include "copy/same_file.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/identity.h"
#include "copy/split_path.h"
#include "io/error.h"

namespace arsync {

void refuse_same(const struct statx& source, const struct statx& found) {
    if (identity(source) == identity(found))
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
}

bool is_one_entry(Files& files, const FileCopy& copy) {
    const SplitPath from = split_path(copy.source);
    const SplitPath to = split_path(copy.destination);
    if (from.name != to.name)
        return false;
    const auto directory = [&](Side side, int dirfd, const char* path) {
        struct statx facts;
        const int result = files.statx(dirfd, path, 0, facts);
        if (result < 0)
            throw error_at(side, ARSYNC_STAGE_CHECK, -result);
        return identity(facts);
    };
    return directory(Side::source, copy.source_dirfd, from.directory()) ==
           directory(Side::destination, copy.destination_dirfd, to.directory());
}

// Whether a name, followed, leads to a file.
static bool leads_to(Files& files, int dirfd, const std::string& name, const struct statx& file) {
    struct statx target;
    return files.statx(dirfd, name.c_str(), 0, target) == 0 && identity(target) == identity(file);
}

static Meeting meet_through_link(Files& files, const FileCopy& copy, const struct statx& source,
                                 const struct statx& found, const arsync_copy_options& options) {
    if (S_ISLNK(source.stx_mode) == S_ISLNK(found.stx_mode) || options.backup != ARSYNC_BACKUP_NONE)
        return Meeting::harmless;
    const bool hard_link = (options.flags & ARSYNC_COPY_HARD_LINK) != 0;
    if (S_ISLNK(source.stx_mode)) {
        if (!leads_to(files, copy.source_dirfd, copy.source, found))
            return Meeting::harmless;
        return hard_link ? Meeting::done : Meeting::fatal;
    }
    const bool makes_link = hard_link || (options.flags & ARSYNC_COPY_SYMBOLIC_LINK) != 0;
    if (makes_link || options.replace == ARSYNC_REPLACE_REMOVE)
        return Meeting::harmless;
    return leads_to(files, copy.destination_dirfd, copy.destination, source) ? Meeting::fatal
                                                                             : Meeting::harmless;
}

Meeting meet(Files& files, const FileCopy& copy, const struct statx& source,
             const struct statx& found, const arsync_copy_options& options) {
    if (identity(source) != identity(found))
        return meet_through_link(files, copy, source, found, options);
    if ((options.flags & ARSYNC_COPY_HARD_LINK) != 0)
        return Meeting::done;
    struct statx name; // not what it leads to
    const bool one_inode =
        files.statx(copy.source_dirfd, copy.source.c_str(), AT_SYMLINK_NOFOLLOW, name) == 0 &&
        identity(name) == identity(found);
    if (!one_inode || is_one_entry(files, copy))
        return Meeting::fatal;
    if (options.backup != ARSYNC_BACKUP_NONE)
        return Meeting::harmless;
    if (S_ISLNK(found.stx_mode))
        return Meeting::done;
    return options.replace == ARSYNC_REPLACE_REMOVE && found.stx_nlink > 1 ? Meeting::harmless
                                                                           : Meeting::fatal;
}

// As cp has it: to copy a file to its own name, by force and with a backup, is to make one of it.
bool is_to_back_up_itself(Files& files, const FileCopy& copy, const struct statx& source,
                          const arsync_copy_options& options) {
    return (options.flags & ARSYNC_COPY_FORCE) != 0 && options.backup != ARSYNC_BACKUP_NONE &&
           S_ISREG(source.stx_mode) && copy.source == copy.destination && is_one_entry(files, copy);
}

// Of a directory onto itself: with these options all that is in it stays as it is.
bool is_there_already(Files& files, const FileCopy& copy, const struct statx& source,
                      const arsync_copy_options& options) {
    struct statx found;
    return (options.update == ARSYNC_UPDATE_NONE || (options.flags & ARSYNC_COPY_HARD_LINK) != 0) &&
           (options.flags & ARSYNC_COPY_MIRROR) == 0 &&
           files.statx(copy.destination_dirfd, copy.destination.c_str(), 0, found) == 0 &&
           identity(found) == identity(source);
}

} // namespace arsync
