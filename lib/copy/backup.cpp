#include "copy/backup.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>

#include "copy/fold_case.h"
#include "copy/huge.h"
#include "copy/identity.h"
#include "copy/listing.h"
#include "copy/move_name.h"
#include "copy/split_path.h"
#include "copy/temporary_name.h"

namespace arsync {

namespace {

// The digits of a name "NAME.~N~", empty if it is not one. They are kept as they are: a name has
// room for more than a number has. folds: another spelling of NAME is the same.
std::string number_of(std::string_view candidate, std::string_view name, bool folds) {
    if (folds) {
        const std::string folded = fold_case(candidate);
        return number_of(folded, fold_case(name), false);
    }
    if (!candidate.starts_with(name))
        return {};
    candidate.remove_prefix(name.size());
    if (candidate.size() < 4 || !candidate.starts_with(".~") || !candidate.ends_with('~'))
        return {};
    const std::string_view digits = candidate.substr(2, candidate.size() - 3);
    const bool is_number = digits.find_first_not_of("0123456789") == std::string_view::npos;
    return std::string(is_number && digits[0] != '0' ? digits : std::string_view());
}

bool is_greater(std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() > b.size() : a > b;
}

std::string plus_one(std::string number) {
    for (size_t i = number.size(); i-- > 0;) {
        if (number[i] != '9') {
            ++number[i];
            return number;
        }
        number[i] = '0';
    }
    return "1" + number;
}

// A server may say of each name that it is there.
constexpr unsigned row_max = 100'000;

// In a directory that may be searched, but not listed, those without a gap are found.
std::string last_in_a_row(Files& files, int dirfd, const std::string& destination) {
    std::string last;
    struct statx facts;
    std::string next = "1";
    for (unsigned i = 0; i < row_max; ++i) {
        const std::string name = destination + ".~" + next + "~";
        const int result = files.statx(dirfd, name.c_str(), AT_SYMLINK_NOFOLLOW, facts);
        if (result == -ENOENT)
            return last;
        check(ARSYNC_STAGE_BACKUP, result);
        last = next;
        next = plus_one(next);
    }
    throw Error{ARSYNC_STAGE_BACKUP, EACCES};
}

// Empty: there is none.
std::string highest_number(Files& files, int dirfd, const std::string& destination) {
    const SplitPath path = split_path(destination);
    const int fd = files.open(dirfd, path.directory(), O_RDONLY | O_DIRECTORY, 0);
    if (fd == -EACCES)
        return last_in_a_row(files, dirfd, destination);
    check(ARSYNC_STAGE_BACKUP, fd);
    const File directory(files, fd);
    const bool folds = files.may_fold_names(fd);
    std::string highest;
    Listing listing;
    while (listing.fill(files, fd, ARSYNC_STAGE_BACKUP))
        for (auto next = listing.next(); next.text; next = listing.next())
            if (const auto number = number_of(next.text, path.name, folds);
                is_greater(number, highest))
                highest = number;
    return highest;
}

struct Backup {
    std::string name;
    std::string number; // "": it has none, and takes another's place

    bool is_numbered() const { return !number.empty(); }
};

std::string simple_name(const FileCopy& copy, const arsync_copy_options& options) {
    return copy.destination + (options.backup_suffix ? options.backup_suffix : "~");
}

Backup numbered_backup(const FileCopy& copy, const std::string& number) {
    return {copy.destination + ".~" + number + "~", number};
}

Backup next_backup(Files& files, const FileCopy& copy, const arsync_copy_options& options) {
    std::string highest;
    if (options.backup != ARSYNC_BACKUP_SIMPLE)
        highest = highest_number(files, copy.destination_dirfd, copy.destination);
    if (options.backup == ARSYNC_BACKUP_NUMBERED || !highest.empty())
        return numbered_backup(copy, plus_one(highest));
    return {simple_name(copy, options), ""};
}

// Instead of another: at no instant is the first one free.
int give_second_name(Files& files, int dirfd, const std::string& name, const Backup& second) {
    if (is_stuck(files, dirfd, name.c_str())) // nor would it lose that name again
        return -EPERM;
    if (second.is_numbered())
        return files.make_link(dirfd, name.c_str(), dirfd, second.name.c_str());
    // Neither is the second, if it is in use.
    const SplitPath path = split_path(name);
    std::string temporary;
    int result = try_temporary_names(path.name, [&](const std::string& one) {
        temporary = path.parent + one;
        return files.make_link(dirfd, name.c_str(), dirfd, temporary.c_str());
    });
    if (result < 0)
        return result;
    result = files.rename(dirfd, temporary.c_str(), second.name.c_str());
    files.unlink(dirfd, temporary.c_str()); // it is there still if both were names of this file
    return result;
}

int give_name(Files& files, const FileCopy& copy, const Backup& backup, bool atomic) {
    const int dirfd = copy.destination_dirfd;
    if (atomic)
        return give_second_name(files, dirfd, copy.destination, backup);
    if (backup.is_numbered())
        return move_name(files, dirfd, copy.destination.c_str(), backup.name.c_str());
    return files.rename(dirfd, copy.destination.c_str(), backup.name.c_str());
}

// What the backup takes the place of must not be what is copied, by whatever name or link: its only
// name would be gone, or, as cp has it, the one that it is copied by.
void refuse_source_as_backup(Files& files, const FileCopy& copy, const Backup& backup) {
    struct statx source;
    struct statx found;
    const int at_flags = copy.follows ? 0 : AT_SYMLINK_NOFOLLOW;
    if (backup.is_numbered() ||
        files.statx(copy.destination_dirfd, backup.name.c_str(), AT_SYMLINK_NOFOLLOW, found) < 0 ||
        files.statx(copy.source_dirfd, copy.source.c_str(), at_flags, source) < 0 ||
        identity(source) != identity(found))
        return;
    if (found.stx_nlink <= 1 || split_path(copy.source).name == split_path(backup.name).name)
        throw Error{ARSYNC_STAGE_BACKUP, EINVAL};
}

// Whether what is to be backed up has that name already.
bool has_name(Files& files, const FileCopy& copy, const std::string& backup) {
    struct statx old;
    struct statx found;
    return files.statx(copy.destination_dirfd, backup.c_str(), AT_SYMLINK_NOFOLLOW, found) == 0 &&
           files.statx(copy.destination_dirfd, copy.destination.c_str(), AT_SYMLINK_NOFOLLOW,
                       old) == 0 &&
           identity(old) == identity(found);
}

} // namespace

std::string next_backup_name(Files& files, const FileCopy& copy,
                             const arsync_copy_options& options) {
    return next_backup(files, copy, options).name;
}

// Of a number that somebody has taken meanwhile. Where the listing does not show that, it spells
// what has it in another way, or has lost it again. refused: before, too.
static Backup number_after(Files& files, const FileCopy& copy, const arsync_copy_options& options,
                           const Backup& taken, bool refused) {
    Backup next = next_backup(files, copy, options);
    const bool is_new = next.is_numbered() && is_greater(next.number, taken.number);
    return is_new || !refused ? next : numbered_backup(copy, plus_one(taken.number));
}

BackedUp back_up(Files& files, const FileCopy& copy, const arsync_copy_options& options) {
    Backup backup = next_backup(files, copy, options);
    for (unsigned i = 0;; ++i) {
        refuse_source_as_backup(files, copy, backup);
        if ((options.flags & ARSYNC_COPY_DRY_RUN) != 0)
            return {backup.name};
        const bool had_name = !backup.is_numbered() && has_name(files, copy, backup.name);
        const bool atomic = options.replace == ARSYNC_REPLACE_ATOMIC;
        const int result = give_name(files, copy, backup, atomic);
        if (result == -EEXIST && backup.is_numbered() && i < row_max) {
            backup = number_after(files, copy, options, backup, i > 0);
            continue;
        }
        check(ARSYNC_STAGE_BACKUP, result);
        return {std::move(backup.name), had_name}; // takes no memory, which might cost the way back
    }
}

void back_up_newcomer(Files& files, const FileCopy& copy, const arsync_copy_options& options,
                      BackedUp& backup) {
    if (!backup.replaced)
        return;
    struct statx now;
    const int result =
        files.statx(copy.destination_dirfd, copy.destination.c_str(), AT_SYMLINK_NOFOLLOW, now);
    if (result == -ENOENT)
        return;
    check(ARSYNC_STAGE_PUBLISH, result);
    if (identity(now) != *backup.replaced)
        backup = back_up(files, copy, options);
}

bool is_slow_to_back_up(Files& files, const FileCopy& copy, const arsync_copy_options& options) {
    struct statx found;
    return options.backup != ARSYNC_BACKUP_NUMBERED &&
           files.statx(copy.destination_dirfd, simple_name(copy, options).c_str(),
                       AT_SYMLINK_NOFOLLOW, found) == 0 &&
           is_huge(found);
}

bool undo_backup(Files& files, const FileCopy& copy, const BackedUp& backup) {
    const int dirfd = copy.destination_dirfd;
    const char* name = copy.destination.c_str();
    struct statx kept;
    struct statx found;
    if (files.statx(dirfd, backup.name.c_str(), AT_SYMLINK_NOFOLLOW, kept) < 0)
        return false;
    const int there = files.statx(dirfd, name, AT_SYMLINK_NOFOLLOW, found);
    if (there == 0 && identity(found) == identity(kept)) // both names are its own
        return backup.had_name || files.unlink(dirfd, backup.name.c_str()) == 0;
    if (there != -ENOENT)
        return false; // the new file, or somebody else's: the backup is the old one's only name
    return move_name(files, dirfd, backup.name.c_str(), name) == 0;
}

} // namespace arsync
