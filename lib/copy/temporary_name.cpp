#include "copy/temporary_name.h"

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <sys/random.h>

#include "io/error.h"

namespace arsync {

std::string temporary_name_for(const std::string& name) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EAGAIN};
    char suffix[32];
    const int length = snprintf(suffix, sizeof suffix, ".arsync-%08x", random);
    const size_t room = NAME_MAX - 1 - static_cast<size_t>(length);
    return "." + name.substr(0, room) + suffix;
}

} // namespace arsync
