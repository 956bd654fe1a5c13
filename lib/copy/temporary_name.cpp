#include "copy/temporary_name.h"

#include <climits>
#include <cstdint>
#include <cstdio>
#include <sys/random.h>

#include "copy/split_path.h"
#include "io/error.h"

namespace arsync {

std::string temporary_name_for(const std::string& name) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EAGAIN};
    char suffix[32];
    const int length = snprintf(suffix, sizeof suffix, ".arsync-%08x", random);
    if (name.empty())
        return suffix;
    const size_t room = NAME_MAX - 1 - static_cast<size_t>(length);
    return "." + cut_name(name, room) + suffix;
}

} // namespace arsync
