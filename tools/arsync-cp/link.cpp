#include "link.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "quote.h"

namespace cp {

namespace {

int link_as(const Place& file, const Place& directory, const std::string& name, bool follow) {
    return linkat(file.dirfd, file.name.c_str(), directory.dirfd, name.c_str(),
                  follow ? AT_SYMLINK_FOLLOW : 0) == 0
               ? 0
               : errno;
}

// link(2) never replaces, so the new link takes the name by a rename: at no moment is it free.
int replace_by_link(const Place& file, const Place& destination, bool follow) {
    std::string_view base = base_name(destination.name);
    std::string directory(destination.name, 0,
                          static_cast<size_t>(base.data() - destination.name.data()));
    std::string temporary;
    int error = EEXIST;
    for (unsigned i = 0; error == EEXIST && i < 1000; i++) {
        temporary =
            directory + ".arsync-link." + std::to_string(getpid()) + "." + std::to_string(i);
        error = link_as(file, destination, temporary, follow);
    }
    if (error != 0)
        return error;
    if (renameat(destination.dirfd, temporary.c_str(), destination.dirfd,
                 destination.name.c_str()) != 0)
        error = errno;
    // After a rename onto another link of the same file both names are still there.
    unlinkat(destination.dirfd, temporary.c_str(), 0);
    return error;
}

} // namespace

bool link_destination(Entry& entry, const Options& options) {
    const Place& file = *entry.link_to;
    bool follow = options.follows(entry.named);
    int error = link_as(file, entry.destination, entry.destination.name, follow);
    bool replaced = error == EEXIST;
    if (replaced)
        error = replace_by_link(file, entry.destination, follow);
    if (error != 0) {
        entry.fail("cannot create hard link " + quote(entry.destination.shown) + " to " +
                   quote(file.shown) + ": " + arsync_strerror(error));
        return false;
    }
    if (replaced && options.verbose)
        entry.chat("removed " + quote(entry.destination.shown) + "\n");
    return true;
}

} // namespace cp
