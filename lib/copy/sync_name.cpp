#include "copy/sync_name.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/split_path.h"

namespace arsync {

File open_to_sync_name(Files& files, const FileCopy& copy) {
    const SplitPath path = split_path(copy.destination);
    const int fd = files.open(copy.destination_dirfd, path.directory(), O_RDONLY | O_DIRECTORY, 0);
    check(fd == -EACCES ? ARSYNC_STAGE_SYNC : ARSYNC_STAGE_OPEN_DESTINATION, fd);
    return File(files, fd);
}

Task<void> sync_names_in(Io io, Control& control, int directory) {
    control.enter(ARSYNC_STAGE_SYNC);
    const int64_t result = co_await io.ring.sync(directory, false);
    check(ARSYNC_STAGE_SYNC, result);
}

} // namespace arsync
