#include "backup.h"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace cp {

namespace {

// The decimal number in NAME.~NUMBER~, "" for any other file name. Leading zeros are not ours.
std::string_view backup_number(std::string_view file, std::string_view name) {
    if (!file.starts_with(name))
        return "";
    file.remove_prefix(name.size());
    if (!file.starts_with(".~") || !file.ends_with("~") || file.size() < 4)
        return "";
    std::string_view number = file.substr(2, file.size() - 3);
    bool digits = number.find_first_not_of("0123456789") == std::string_view::npos;
    return digits && number[0] != '0' ? number : "";
}

// Numbers are kept as digits, because a file name has room for more than an integer has.
bool is_greater(std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() > b.size() : a > b;
}

std::string plus_one(std::string number) {
    for (size_t i = number.size(); i-- > 0;) {
        if (number[i] != '9') {
            number[i]++;
            return number;
        }
        number[i] = '0';
    }
    return "1" + number;
}

// The highest number among the backups of the file, "" if there is none.
std::optional<std::string> highest_number(const Place& original) {
    std::string_view base = base_name(original.name);
    std::string directory(original.name, 0,
                          static_cast<size_t>(base.data() - original.name.data()));
    if (directory.empty())
        directory = ".";
    int fd = openat(original.dirfd, directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return std::nullopt;
    DIR* entries = fdopendir(fd);
    if (entries == nullptr) {
        close(fd);
        return std::nullopt;
    }
    std::string highest;
    while (const dirent* entry = readdir(entries)) {
        std::string_view number = backup_number(entry->d_name, base);
        if (is_greater(number, highest))
            highest = number;
    }
    closedir(entries);
    return highest;
}

Place with_ending(const Place& original, const std::string& ending) {
    Place place = original;
    // "x/" can only be a directory, and those are not backed up, but "l/" may be a link to one.
    while (place.name.size() > 1 && place.name.back() == '/')
        place.name.pop_back();
    while (place.shown.size() > 1 && place.shown.back() == '/')
        place.shown.pop_back();
    place.name += ending;
    place.shown += ending;
    return place;
}

int give_name(const Place& original, const Place& backup, bool may_replace, Aside how) {
    if (how == Aside::Rename) {
        unsigned flags = may_replace ? 0 : RENAME_NOREPLACE;
        if (renameat2(original.dirfd, original.name.c_str(), backup.dirfd, backup.name.c_str(),
                      flags) == 0)
            return 0;
        bool knows_no_flags = errno == EINVAL || errno == ENOSYS || errno == EPERM;
        if (!knows_no_flags || may_replace)
            return errno;
        // Some network filesystems know no flags. Looking first is a race, but all they can do.
        struct stat status;
        if (look_at_link(backup, status) != ENOENT)
            return EEXIST;
        return renameat(original.dirfd, original.name.c_str(), backup.dirfd, backup.name.c_str()) ==
                       0
                   ? 0
                   : errno;
    }
    auto link_it = [&] {
        return linkat(original.dirfd, original.name.c_str(), backup.dirfd, backup.name.c_str(),
                      0) == 0
                   ? 0
                   : errno;
    };
    int error = link_it();
    if (error != EEXIST || !may_replace)
        return error;
    if (unlinkat(backup.dirfd, backup.name.c_str(), 0) != 0 && errno != ENOENT)
        return errno;
    return link_it();
}

} // namespace

std::optional<Backup> next_backup(const Place& original, BackupKind kind,
                                  const std::string& suffix) {
    if (kind == BackupKind::Simple)
        return Backup{with_ending(original, suffix), false};
    std::optional<std::string> highest = highest_number(original);
    if (!highest)
        return std::nullopt;
    if (kind == BackupKind::Existing && highest->empty())
        return Backup{with_ending(original, suffix), false};
    return Backup{with_ending(original, ".~" + plus_one(*highest) + "~"), true};
}

std::optional<Place> put_aside(const Place& original, BackupKind kind, const std::string& suffix,
                               Aside how) {
    while (true) {
        std::optional<Backup> backup = next_backup(original, kind, suffix);
        if (!backup)
            return std::nullopt;
        errno = give_name(original, backup->place, !backup->numbered, how);
        if (errno == 0)
            return backup->place;
        // Another program took the number meanwhile: the next one, then.
        if (errno != EEXIST || !backup->numbered)
            return std::nullopt;
    }
}

int put_back(const Place& backup, const Place& original, Aside how) {
    struct stat kept;
    struct stat found;
    // Both names are the old file's: a rename would do nothing and say that it went well. So has
    // the one that was to put it aside, if both were before.
    if (look_at_link(backup, kept) == 0 && look_at_link(original, found) == 0 &&
        id_of(kept) == id_of(found)) {
        if (how == Aside::Rename)
            return 0;
        return unlinkat(backup.dirfd, backup.name.c_str(), 0) == 0 ? 0 : errno;
    }
    // Otherwise what has the name by now is not ours to replace.
    return give_name(backup, original, false, Aside::Rename);
}

} // namespace cp
