#include "touched.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <unistd.h>

#include "quote.h"
#include "say.h"

namespace cp {

namespace {

// With the slash at its end: it may be reached through a symbolic link.
Place directory_of(const Place& place) {
    auto cut = [](const std::string& path) {
        return path.substr(0, static_cast<size_t>(base_name(path).data() - path.data()));
    };
    Place directory{place.dirfd, cut(place.name), cut(place.shown)};
    while (directory.shown.size() > 1 && directory.shown.ends_with('/'))
        directory.shown.pop_back();
    return directory;
}

bool may_be_written(const Place& directory) {
    return faccessat(directory.dirfd, directory.name.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

// Whether the mode is the source's, and its owner is now allowed to write to it.
bool open_to_owner(const Place& source, const Place& destination) {
    struct stat from;
    struct stat to;
    return look_through_link(source, from) == 0 && look_through_link(destination, to) == 0 &&
           (from.st_mode & 07777) == (to.st_mode & 07777) &&
           fchmodat(destination.dirfd, destination.name.c_str(), (to.st_mode & 07777) | 0700, 0) ==
               0;
}

// Nothing of what is in it, and all that is kept of the directory itself.
int copy_attributes(arsync_pool* pool, const Place& source, const Place& destination,
                    const Options& options) {
    arsync_copy_options copy = options.copy;
    copy.flags = ARSYNC_COPY_RECURSIVE;
    copy.preserve &= ~ARSYNC_PRESERVE_LINKS;
    copy.symlinks = ARSYNC_SYMLINKS_FOLLOW_TOP;
    copy.report = ARSYNC_REPORT_NONE;
    copy.filter = "*";
    int error = arsync_submit_copy(pool, source.dirfd, source.name.c_str(), destination.dirfd,
                                   destination.name.c_str(), &copy, 0, nullptr);
    arsync_completion done{};
    if (error == 0 && arsync_poll(pool, &done, 1, -1) == 1)
        error = done.result;
    return error;
}

} // namespace

bool Touched::about_to_replace(const Place& source, const Place& destination,
                               const Options& options) {
    if ((options.copy.preserve & ~ARSYNC_PRESERVE_LINKS) == 0 || options.dry_run)
        return false;
    Pair pair{directory_of(source), directory_of(destination)};
    if (pair.source.name.empty() || pair.destination.name.empty())
        return false; // what a list is relative to
    auto same = [&](const Pair& other) {
        return other.destination.dirfd == pair.destination.dirfd &&
               other.destination.name == pair.destination.name;
    };
    auto known = std::find_if(pairs.begin(), pairs.end(), same);
    Pair& directory = known == pairs.end() ? pairs.emplace_back(std::move(pair)) : *known;
    bool has_mode = (options.copy.preserve & ARSYNC_PRESERVE_MODE) != 0;
    bool opened = has_mode && !may_be_written(directory.destination) &&
                  open_to_owner(directory.source, directory.destination);
    directory.opened = directory.opened || opened;
    return opened;
}

bool Touched::reopens(Entry& entry, int error, const Options& options) {
    if (!entry.picked || error != EACCES)
        return false;
    bool opened = about_to_replace(entry.source, entry.destination, options);
    // It may have been opened for another entry just after this one had failed.
    bool again = opened || !entry.retried;
    entry.retried = true;
    return again;
}

bool Touched::restore(arsync_pool* pool, const Options& options) {
    bool restored = true;
    for (const Pair& pair : pairs) {
        int error = copy_attributes(pool, pair.source, pair.destination, options);
        // Attributes that cannot be kept have been told of before; a mode that could, has not.
        if (error == 0 || !pair.opened)
            continue;
        complain("preserving permissions for " + quote(pair.destination.shown) + ": " +
                 arsync_strerror(error));
        restored = false;
    }
    pairs.clear();
    return restored;
}

} // namespace cp
