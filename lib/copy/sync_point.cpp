#include "copy/sync_point.h"

#include <algorithm>
#include <fcntl.h>
#include <utility>

#include "copy/filesystem_kinds.h"
#include "io/missing.h"

namespace arsync {

const SyncPoint::Filesystem* SyncPoint::find(const Identity& id) const {
    const auto found =
        std::find_if(filesystems_.begin(), filesystems_.end(), [&](const Filesystem& one) {
            return one.major == id.major && one.minor == id.minor;
        });
    return found == filesystems_.end() ? nullptr : &*found;
}

bool SyncPoint::reach(Files& files, const Identity& id, int directory) {
    const Lock lock(mutex_);
    if (const Filesystem* known = find(id))
        return known->whole;
    uint64_t magic = 0;
    files.filesystem_type(directory, magic);
    const arsync::Filesystem kind = filesystem(magic);
    Filesystem one{id.major, id.minor, syncs_whole(kind) && files.may_sync_filesystems(),
                   kind.flushes_by_fsync, File()};
    if (one.whole) {
        const int fd = files.open(directory, ".", O_RDONLY | O_DIRECTORY, 0);
        check(ARSYNC_STAGE_MAKE_DIRECTORY, fd);
        one.directory = File(files, fd);
    }
    filesystems_.push_back(std::move(one));
    return filesystems_.back().whole;
}

std::optional<bool> SyncPoint::known(const Identity& id) {
    const Lock lock(mutex_);
    const Filesystem* const one = find(id);
    return one ? std::optional<bool>(one->whole) : std::nullopt;
}

// All, whatever one says: 0, or an error; a loss, if there is one.
Task<int64_t> SyncPoint::sync_all(Io io) {
    std::vector<std::pair<int, bool>> all;
    {
        const Lock lock(mutex_);
        for (const Filesystem& one : filesystems_)
            if (one.whole)
                all.emplace_back(one.directory.get(), one.flushes_by_fsync);
    }
    int64_t failed = 0;
    for (const auto& [fd, flushes_by_fsync] : all) {
        int64_t result = co_await io.ring.sync_filesystem(fd);
        if (result == 0 && flushes_by_fsync)
            result = co_await io.ring.sync(fd, false);
        if (result < 0 && !is_loss(failed))
            failed = result;
    }
    co_return failed;
}

// It may be denied since it began.
bool SyncPoint::is_loss(int64_t result) {
    return result < 0 && !is_missing(static_cast<int>(-result));
}

void SyncPoint::close() {
    const Lock lock(mutex_);
    filesystems_.clear();
}

} // namespace arsync
