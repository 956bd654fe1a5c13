#include "copy/read_link.h"

#include <climits>

#include "io/error.h"

namespace arsync {

std::string read_link(Files& files, int dirfd, const char* path) {
    char text[PATH_MAX]; // Linux has no longer ones
    const int64_t length =
        check(ARSYNC_STAGE_READ_LINK, files.read_link(dirfd, path, text, sizeof text));
    return std::string(text, static_cast<size_t>(length));
}

} // namespace arsync
