#include "copy/sync_name.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/read_link.h"
#include "copy/split_path.h"
#include "io/facts.h"

namespace arsync {

File open_to_sync_name(Files& files, const FileCopy& copy) {
    const SplitPath path = split_path(copy.destination);
    const int fd = files.open(copy.destination_dirfd, path.directory(), O_RDONLY | O_DIRECTORY, 0);
    check(fd == -EACCES ? ARSYNC_STAGE_SYNC : ARSYNC_STAGE_OPEN_DESTINATION, fd);
    return File(files, fd);
}

std::string end_of_links(Files& files, const FileCopy& copy) {
    constexpr unsigned links_max = 40; // as the kernel has it
    const int dirfd = copy.destination_dirfd;
    std::string path = copy.destination;
    for (unsigned i = 0; i < links_max; ++i) {
        struct statx facts;
        const int there = files.statx(dirfd, path.c_str(), AT_SYMLINK_NOFOLLOW, facts);
        if (there < 0 || !S_ISLNK(facts.stx_mode))
            return path;
        std::string text;
        try {
            text = read_link(files, dirfd, path.c_str());
        } catch (const Error& error) { // as a rule it is the source that is read
            throw error_at(Side::destination, error.stage, error.code);
        }
        path = text.starts_with('/') ? text : split_path(path).parent + text;
    }
    return "";
}

File open_to_sync_target(Files& files, const FileCopy& copy, const std::string& target) {
    if (target.empty() || target == copy.destination)
        return File();
    FileCopy there;
    there.destination_dirfd = copy.destination_dirfd;
    there.destination = target;
    return open_to_sync_name(files, there);
}

// Before Linux 5.8 only the device tells.
bool is_mounted_on_name(const FileCopy& copy, const struct statx& found) {
    if ((found.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
        return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return copy.new_file.known && (found.stx_dev_major != copy.new_file.device_major ||
                                   found.stx_dev_minor != copy.new_file.device_minor);
}

Task<void> sync_names_in(Io io, Control& control, int directory) {
    control.enter(ARSYNC_STAGE_SYNC);
    const int64_t result = co_await io.ring.sync(directory, false);
    check(ARSYNC_STAGE_SYNC, result);
}

} // namespace arsync
