#include "io/remembered_filesystems.h"

#include <cstddef>

namespace arsync {

namespace {

struct Known {
    uint64_t mount;
    uint64_t magic; // statfs(2)'s f_type
};

// Without a constructor or destructor: a thread of the program's own may come here too.
constexpr size_t most = 4;
thread_local Known known[most] = {};
thread_local size_t next = 0;

} // namespace

bool known_filesystem(uint64_t mount, uint64_t& magic) {
    for (const Known& each : known) {
        if (mount != 0 && each.mount == mount) {
            magic = each.magic;
            return true;
        }
    }
    return false;
}

void remember_filesystem(uint64_t mount, uint64_t magic) {
    if (mount == 0)
        return;
    known[next] = {mount, magic};
    next = (next + 1) % most;
}

} // namespace arsync
