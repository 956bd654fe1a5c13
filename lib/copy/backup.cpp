#include "copy/backup.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>

#include "copy/identity.h"
#include "copy/listing.h"
#include "copy/split_path.h"
#include "copy/temporary_name.h"

namespace arsync {

namespace {

// N of a name "NAME.~N~", 0 if it is not one.
uint64_t number_of(std::string_view candidate, std::string_view name) {
    if (!candidate.starts_with(name) || !candidate.ends_with("~"))
        return 0;
    candidate.remove_prefix(name.size());
    if (!candidate.starts_with(".~") || candidate.size() < 4 || candidate[2] == '0')
        return 0;
    const char* end = candidate.data() + candidate.size() - 1;
    uint64_t number = 0;
    const auto [stop, error] = std::from_chars(candidate.data() + 2, end, number);
    return error == std::errc() && stop == end ? number : 0;
}

uint64_t highest_number(Files& files, int dirfd, const SplitPath& path) {
    const int fd = files.open(dirfd, path.directory(), O_RDONLY | O_DIRECTORY, 0);
    check(ARSYNC_STAGE_BACKUP, fd);
    const File directory(files, fd);
    uint64_t highest = 0;
    Listing listing;
    while (listing.fill(files, fd, ARSYNC_STAGE_BACKUP))
        for (auto next = listing.next(); next.text; next = listing.next())
            highest = std::max(highest, number_of(next.text, path.name));
    return highest;
}

// Instead of another: at no instant is the first one free. Neither is the second, if it is in use.
void give_second_name(Files& files, int dirfd, const std::string& name, const std::string& second) {
    const SplitPath path = split_path(name);
    std::string temporary;
    int result = -EEXIST;
    while (result == -EEXIST) {
        temporary = path.parent + temporary_name_for(path.name);
        result = files.make_link(dirfd, name.c_str(), dirfd, temporary.c_str());
    }
    check(ARSYNC_STAGE_BACKUP, result);
    result = files.rename(dirfd, temporary.c_str(), second.c_str());
    files.unlink(dirfd, temporary.c_str()); // it is there still if both were names of this file
    check(ARSYNC_STAGE_BACKUP, result);
}

// Its only name would be gone.
void refuse_source_as_backup(Files& files, const FileCopy& copy, const std::string& backup) {
    if (split_path(copy.source).name != split_path(backup).name)
        return;
    struct statx source;
    struct statx found;
    if (files.statx(copy.source_dirfd, copy.source.c_str(), AT_SYMLINK_NOFOLLOW, source) == 0 &&
        files.statx(copy.destination_dirfd, backup.c_str(), AT_SYMLINK_NOFOLLOW, found) == 0 &&
        identity(source) == identity(found))
        throw Error{ARSYNC_STAGE_BACKUP, EINVAL};
}

} // namespace

std::string back_up(Files& files, const FileCopy& copy, const arsync_copy_options& options) {
    std::string backup = copy.destination;
    uint64_t highest = 0;
    if (options.backup != ARSYNC_BACKUP_SIMPLE)
        highest = highest_number(files, copy.destination_dirfd, split_path(copy.destination));
    if (options.backup == ARSYNC_BACKUP_NUMBERED || highest > 0)
        backup += ".~" + std::to_string(highest + 1) + "~";
    else
        backup += options.backup_suffix ? options.backup_suffix : "~";
    const int dirfd = copy.destination_dirfd;
    refuse_source_as_backup(files, copy, backup);
    if (options.replace == ARSYNC_REPLACE_ATOMIC)
        give_second_name(files, dirfd, copy.destination, backup);
    else
        check(ARSYNC_STAGE_BACKUP, files.rename(dirfd, copy.destination.c_str(), backup.c_str()));
    return backup;
}

bool undo_backup(Files& files, const FileCopy& copy, const std::string& backup) {
    const int dirfd = copy.destination_dirfd;
    const char* name = copy.destination.c_str();
    struct statx kept;
    struct statx found;
    if (files.statx(dirfd, backup.c_str(), AT_SYMLINK_NOFOLLOW, kept) < 0)
        return false;
    const int there = files.statx(dirfd, name, AT_SYMLINK_NOFOLLOW, found);
    if (there == 0 && identity(found) == identity(kept))
        return files.unlink(dirfd, backup.c_str()) == 0; // it has both names
    if (there != -ENOENT)
        return false; // the new file, or somebody else's: the backup is the old one's only name
    const int linked = files.make_link(dirfd, backup.c_str(), dirfd, name); // replaces nothing
    if (linked == 0)
        return files.unlink(dirfd, backup.c_str()) == 0;
    return linked != -EEXIST && files.rename(dirfd, backup.c_str(), name) == 0;
}

} // namespace arsync
