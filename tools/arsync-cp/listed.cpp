#include "listed.h"

#include <string_view>

namespace cp {

Listed::Listed(bool enters_directories) : enters(enters_directories) {
    // The clock that file timestamps are taken from, which lags behind the precise one.
    clock_gettime(CLOCK_REALTIME_COARSE, &began);
}

bool Listed::has(const std::string& name) const {
    std::string path = simplified(name);
    while (!names.contains(path)) {
        if (!enters || path.empty())
            return false;
        size_t slash = path.rfind('/');
        path.resize(slash == std::string::npos ? 0 : slash);
    }
    return true;
}

std::vector<std::string> Listed::below(const std::string& name) const {
    std::vector<std::string> found;
    if (!enters)
        return found;
    std::string directory = simplified(name);
    if (!directory.empty())
        directory += '/';
    for (auto next = names.lower_bound(directory);
         next != names.end() && next->starts_with(directory); ++next)
        if (next->size() > directory.size())
            found.push_back(next->substr(directory.size()));
    return found;
}

void Listed::take(const std::string& name) {
    names.insert(simplified(name));
}

bool Listed::has_made(const Place& destination) const {
    struct stat found;
    if (look_at_link(destination, found) != 0)
        return false;
    const timespec& changed = found.st_ctim;
    return changed.tv_sec != began.tv_sec ? changed.tv_sec > began.tv_sec
                                          : changed.tv_nsec >= began.tv_nsec;
}

std::string pattern_for(const std::string& path) {
    std::string pattern = "/";
    for (char c : path) {
        if (std::string_view("\\*?[ ").find(c) != std::string_view::npos)
            pattern += '\\';
        if (c == '\n') // which would end it
            pattern += "[[:cntrl:]]";
        else
            pattern += c;
    }
    return pattern + "\n";
}

} // namespace cp
