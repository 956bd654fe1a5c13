#include "list.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "quote.h"
#include "say.h"
#include "signals.h"

namespace cp {

namespace {

bool leads_out(std::string_view path) {
    while (!path.empty()) {
        size_t length = std::min(path.find('/'), path.size());
        if (path.substr(0, length) == "..")
            return true;
        path.remove_prefix(std::min(length + 1, path.size()));
    }
    return false;
}

} // namespace

List::~List() {
    free(line);
    if (stream != nullptr && stream != stdin)
        fclose(stream);
}

bool List::open(const Options& options) {
    name = options.files_from;
    separator = options.nul_separated ? '\0' : '\n';
    stream = name == "-" ? stdin : fopen(name.c_str(), "re");
    if (stream == nullptr && stop_signal() == 0) // which ends a wait for the other end of a pipe
        complain("cannot open " + quote(name) + " for reading: " + arsync_strerror(errno));
    return stream != nullptr;
}

std::optional<std::string> List::next() {
    while (true) {
        errno = 0;
        ssize_t length = getdelim(&line, &room, separator, stream);
        if (length < 0) {
            if (ferror(stream) != 0 && stop_signal() == 0) {
                complain("error reading " + quote(name) + ": " + arsync_strerror(errno));
                has_failed = true;
            }
            return std::nullopt;
        }
        std::string_view path(line, static_cast<size_t>(length));
        if (path.ends_with(separator))
            path.remove_suffix(1);
        while (path.starts_with('/'))
            path.remove_prefix(1);
        while (path.ends_with('/'))
            path.remove_suffix(1);
        if (path.empty())
            continue;
        if (!leads_out(path) && path.find('\0') == std::string_view::npos)
            return std::string(path);
        complain("not a name below the source: " + quote(path));
        has_failed = true;
    }
}

} // namespace cp
