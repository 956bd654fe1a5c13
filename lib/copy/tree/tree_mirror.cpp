// What a mirror has to know before it removes anything.
#include "copy/tree/tree.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <linux/openat2.h>
#include <new>
#include <sys/stat.h>
#include <utility>

namespace arsync {

// "" where it is not to be known. A path tells of its own directories; the one it begins in is an
// open descriptor, which stays the same when it is moved away or removed.
std::string Tree::place_of_base(Files& files) const {
    const bool beneath = !job_.roots.source_from_base.empty();
    const std::string& path = beneath ? job_.roots.source_from_base : job_.roots.source;
    const int dirfd = beneath ? job_.roots.source_base_dirfd : job_.roots.source_dirfd;
    if ((job_.options.flags & ARSYNC_COPY_MIRROR) == 0 || path.starts_with('/'))
        return {};
    const std::string link = dirfd == AT_FDCWD ? "/proc/thread-self/cwd"
                                               : "/proc/thread-self/fd/" + std::to_string(dirfd);
    std::string text(PATH_MAX, '\0');
    const int64_t length = files.read_link(AT_FDCWD, link.c_str(), text.data(), text.size());
    text.resize(length < 0 ? 0 : static_cast<size_t>(length));
    return text;
}

int Tree::open_source_root_anew(Files& files) const {
    if (job_.roots.source_from_base.empty())
        return open_source_root(files, O_PATH);
    const char* path = job_.roots.source_from_base.c_str();
    if (job_.options.symlinks == ARSYNC_SYMLINKS_FOLLOW)
        return files.open(job_.roots.source_base_dirfd, path, O_PATH | O_DIRECTORY, 0);
    return files.open_beneath(job_.roots.source_base_dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW,
                              RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

bool Tree::may_follow_into_mirror() const {
    return (job_.options.flags & ARSYNC_COPY_MIRROR) != 0 &&
           job_.options.symlinks == ARSYNC_SYMLINKS_FOLLOW && !root_made_;
}

// False: that is not to be known.
bool Tree::find_places(Files& files, int opened, std::vector<PlaceOnDevice>& places) {
    const int result = files.places_of(opened, places);
    if (result == -EMFILE || result == -ENFILE)
        check(ARSYNC_STAGE_CHECK, result);
    if (result < 0)
        places.clear();
    return result == 0;
}

// A directory's, and those of what is mounted in it, as far as the walk goes there.
void Tree::leave_other_devices(std::vector<PlaceOnDevice>& places) const {
    if ((job_.options.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) == 0)
        return;
    std::erase_if(places, [own = places[0].device](const PlaceOnDevice& place) {
        return place.device != own;
    });
}

// With what is mounted in it. Where /proc does not tell where it is, a directory is looked for
// above it; of a file, that is not to be known.
bool Tree::follows_into_mirror(Files& files, int opened) const {
    if (!may_follow_into_mirror())
        return false;
    std::vector<PlaceOnDevice> places;
    if (find_places(files, opened, places) && !mirrored_.empty()) {
        leave_other_devices(places);
        const auto is_mirrored = [&](const PlaceOnDevice& place) {
            return std::any_of(mirrored_.begin(), mirrored_.end(), [&](const PlaceOnDevice& root) {
                return place.device == root.device && is_in(place.path, root.path);
            });
        };
        return std::any_of(places.begin(), places.end(), is_mirrored);
    }
    struct statx facts;
    check(ARSYNC_STAGE_CHECK, files.statx(opened, "", 0, facts));
    return S_ISDIR(facts.stx_mode) && lies_below(files, opened, root_destination_);
}

bool Tree::puts_off(const DirectoryRef& directory) {
    if (!may_follow_into_mirror())
        return false;
    try {
        const Lock lock(mutex_);
        put_off_.push_back(directory);
        return true;
    } catch (const std::bad_alloc&) {
        note_meeting(); // for all that is known
    }
    note_error(-ENOMEM, ARSYNC_STAGE_MEMORY, Side::neither);
    return false;
}

std::vector<DirectoryRef> Tree::take_put_off() {
    const Lock lock(mutex_);
    return std::exchange(put_off_, {});
}

// A directory that was moved away while it was copied, and another put in its place, says nothing
// of what the source is like now: all in it may be on its way out. So each one from the root down
// must still be what is at its name.
void Tree::refuse_replaced(Files& files, const Directory& directory) const {
    std::vector<const Directory*> way;
    for (const Directory* up = &directory; up; up = up->parent.get())
        way.push_back(up);
    if (place_of_base(files) != base_place_)
        throw Error{ARSYNC_STAGE_REMOVE, ESTALE, true};
    File above;
    for (size_t i = way.size(); i-- > 0;) {
        const Directory& next = *way[i];
        const char* name = next.name.c_str();
        int fd;
        if (!next.parent)
            fd = open_source_root_anew(files);
        else if (next.source_followed)
            fd = files.open(above.get(), name, O_PATH | O_DIRECTORY, 0);
        else
            fd = files.open_beneath(above.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW,
                                    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        const bool is_none = fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP;
        check(ARSYNC_STAGE_REMOVE, is_none ? -ESTALE : fd);
        above = File(files, fd);
        struct statx facts;
        check(ARSYNC_STAGE_REMOVE, files.statx(fd, "", 0, facts));
        if (identity(facts) != next.source_id)
            throw Error{ARSYNC_STAGE_REMOVE, ESTALE, true};
    }
}

} // namespace arsync
