#include "copy/sync_name.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/split_path.h"
#include "io/facts.h"

namespace arsync {

File open_to_sync_name(Files& files, const FileCopy& copy) {
    const SplitPath path = split_path(copy.destination);
    const int fd = files.open(copy.destination_dirfd, path.directory(), O_RDONLY | O_DIRECTORY, 0);
    check(fd == -EACCES ? ARSYNC_STAGE_SYNC : ARSYNC_STAGE_OPEN_DESTINATION, fd);
    return File(files, fd);
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
