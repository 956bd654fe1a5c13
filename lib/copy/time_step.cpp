#include "copy/time_step.h"

#include <fcntl.h>
#include <linux/magic.h>

#include "copy/filesystem_kinds.h"
#include "copy/identity.h"

namespace arsync {

namespace {

constexpr uint32_t second_ns = 1'000'000'000;

// The largest step, a power of ten of nanoseconds, that all of a file's times could have been made
// of. Where steps are fine, the time of its last change is no multiple of a large one.
uint32_t step_of(const struct statx& facts) {
    uint32_t step = 1;
    while (step < second_ns && facts.stx_mtime.tv_nsec % (step * 10) == 0 &&
           facts.stx_ctime.tv_nsec % (step * 10) == 0)
        step *= 10;
    return step;
}

// What is not to be told by looking, as two seconds from one, or where a server has times of its
// own for changes: the file gets the source's time for a moment, as with cp, if it may.
bool keeps_it_as_found(Files& files, int dirfd, const char* name, const struct statx& source,
                       const struct statx& found) {
    uint64_t magic = 0;
    struct statx now;
    const File file(files, files.open(dirfd, name, O_PATH, 0));
    if (!file || files.filesystem_type(file.get(), magic) < 0 ||
        (magic != MSDOS_SUPER_MAGIC && magic != fuse_magic) ||
        files.statx(file.get(), "", 0, now) < 0 || identity(now) != identity(found))
        return false;
    const auto time = [](const statx_timestamp& stamp) {
        return timespec{stamp.tv_sec, static_cast<long>(stamp.tv_nsec)};
    };
    const timespec wanted[2] = {time(found.stx_atime), time(source.stx_mtime)};
    const timespec before[2] = {time(found.stx_atime), time(found.stx_mtime)};
    if (files.set_times(file.get(), wanted) < 0)
        return false;
    const bool same = files.statx(file.get(), "", 0, now) == 0 &&
                      now.stx_mtime.tv_sec == found.stx_mtime.tv_sec &&
                      now.stx_mtime.tv_nsec == found.stx_mtime.tv_nsec;
    if (!same)
        files.set_times(file.get(), before);
    return same;
}

} // namespace

bool has_time_of(Files& files, int dirfd, const char* name, const struct statx& source,
                 const struct statx& found, bool may_try) {
    const int64_t seconds = source.stx_mtime.tv_sec;
    const uint32_t nanoseconds = source.stx_mtime.tv_nsec;
    if (seconds == found.stx_mtime.tv_sec && nanoseconds == found.stx_mtime.tv_nsec)
        return true;
    const uint32_t step = step_of(found);
    if (seconds == found.stx_mtime.tv_sec &&
        nanoseconds - nanoseconds % step == found.stx_mtime.tv_nsec)
        return true;
    const int64_t ahead = seconds - found.stx_mtime.tv_sec;
    return may_try && found.stx_mtime.tv_nsec == 0 && (ahead == 0 || ahead == 1) &&
           keeps_it_as_found(files, dirfd, name, source, found);
}

} // namespace arsync
