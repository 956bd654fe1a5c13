#include "parents.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "quote.h"

namespace cp {

namespace {

// cp does not quote these; but a terminal is not to be given any bytes.
std::string shown_plain(const std::string& name) {
    std::string quoted = quote(name);
    return quoted == "'" + name + "'" ? name : quoted;
}

// What is known beforehand to keep a directory from being made there; 0 if nothing is. Otherwise
// the library would have it fail with all that is to come below it, and nobody knew where.
int why_not_made(const Place& place) {
    std::string_view base = base_name(place.name);
    std::string above(place.name, 0, static_cast<size_t>(base.data() - place.name.data()));
    if (above.empty())
        above = ".";
    return faccessat(place.dirfd, above.c_str(), W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

} // namespace

bool passes_closed_directory(const Place& source) {
    struct stat status;
    for (size_t slash = source.name.find('/', 1); slash != std::string::npos;
         slash = source.name.find('/', slash + 1)) {
        int error = look_through_link({source.dirfd, source.name.substr(0, slash), ""}, status);
        if (error == 0 && (status.st_mode & 0300) != 0300)
            return true;
    }
    return false;
}

bool plan_parents(Entry& entry, bool verbose) {
    const std::string& path = entry.source.shown;
    std::string_view base = base_name(path);
    size_t directory_end = static_cast<size_t>(base.data() - path.data());
    size_t begin = std::min(path.find_first_not_of('/'), directory_end);
    // The target directory's name, which stands before the source's in the destination's.
    size_t own_length = directory_end + base.size() - begin;
    std::string shown_top(entry.destination.shown, 0, entry.destination.shown.size() - own_length);
    struct stat status;
    if (directory_end > begin) {
        Place parent = entry.destination;
        parent.name = path.substr(begin, directory_end - begin);
        if (look_through_link(parent, status) == 0 && S_ISDIR(status.st_mode))
            return true;
    }
    std::vector<std::string> new_ones;
    for (size_t slash = path.find('/', begin); slash < directory_end;
         slash = path.find('/', path.find_first_not_of('/', slash))) {
        std::string source = path.substr(0, slash);
        Place made{entry.destination.dirfd, path.substr(begin, slash - begin), ""};
        made.shown = shown_top + made.name;
        if (int error = look_through_link(made, status); error == 0) {
            if (S_ISDIR(status.st_mode))
                continue;
            entry.fail(quote(made.shown) + " exists but is not a directory");
            return false;
        }
        std::string simple = simplified(made.name);
        if (!new_ones.empty() && (simple.empty() || std::find(new_ones.begin(), new_ones.end(),
                                                              simple) != new_ones.end()))
            continue;
        int error = look_through_link({entry.source.dirfd, source, source}, status);
        if (error == 0 && !S_ISDIR(status.st_mode))
            error = ENOTDIR;
        if (error != 0) {
            entry.fail("failed to get attributes of " + quote(source) + ": " +
                       arsync_strerror(error));
            return false;
        }
        error = new_ones.empty() ? why_not_made(made) : 0;
        if (error != 0) {
            entry.fail("cannot make directory " + quote(made.shown) + ": " +
                       arsync_strerror(error));
            return false;
        }
        new_ones.push_back(std::move(simple));
        if (verbose)
            entry.chat(shown_plain(source) + " -> " + shown_plain(made.shown) + "\n");
    }
    return true;
}

} // namespace cp
