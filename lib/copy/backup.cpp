#include "copy/backup.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>

#include "copy/listing.h"

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

uint64_t highest_number(Files& files, int dirfd, const std::string& parent,
                        const std::string& name) {
    const int fd =
        files.open(dirfd, parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY, 0);
    check(ARSYNC_STAGE_BACKUP, fd);
    const File directory(files, fd);
    uint64_t highest = 0;
    Listing listing;
    while (listing.fill(files, fd, ARSYNC_STAGE_BACKUP))
        for (auto next = listing.next(); next.text; next = listing.next())
            highest = std::max(highest, number_of(next.text, name));
    return highest;
}

} // namespace

std::string back_up(Files& files, const FileCopy& copy, const arsync_copy_options& options) {
    const size_t slash = copy.destination.rfind('/');
    const size_t begin = slash == std::string::npos ? 0 : slash + 1;
    const std::string name = copy.destination.substr(begin);
    std::string backup = copy.destination;
    uint64_t highest = 0;
    if (options.backup != ARSYNC_BACKUP_SIMPLE)
        highest =
            highest_number(files, copy.destination_dirfd, copy.destination.substr(0, begin), name);
    if (options.backup == ARSYNC_BACKUP_NUMBERED || highest > 0)
        backup += ".~" + std::to_string(highest + 1) + "~";
    else
        backup += options.backup_suffix ? options.backup_suffix : "~";
    check(ARSYNC_STAGE_BACKUP,
          files.rename(copy.destination_dirfd, copy.destination.c_str(), backup.c_str()));
    return backup;
}

} // namespace arsync
