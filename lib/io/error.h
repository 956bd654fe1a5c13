// The one exception type of the core: what was being done, and the errno that ended it.
//
// Thrown where a call fails; caught where one thing's failure must not be another's: at a job's
// boundary (job.cpp), an entry's of a tree (tree/attempt.h, tree/mirror.cpp), and the C wall
// (c_wall.h); held for a moment where something is to be put right first (path.cpp,
// tree/directory.cpp); and carried, not handled, by the coroutine machinery (task.h).
#pragma once

#include <cerrno>
#include <cstdint>

#include "arsync.h"

namespace arsync {

using Stage = arsync_stage;
using Method = arsync_method;

// At which end of a copy; see copy/side.h.
enum class Side : uint8_t {
    by_stage, // the stage, and the error, tell
    neither,
    source,
    destination,
    conflict // the destination, because of what is there
};

struct Error {
    Stage stage;
    int code; // a positive errno
    // ESTALE is what we say where something else has been put in a thing's place. What a server
    // says by it is that a handle is to be got anew.
    bool is_replaced = false;
    // EEXIST, ELOOP: because of what an earlier item of the same list has made.
    bool just_created = false;
    Side side = Side::by_stage;

    bool is_stale_handle() const { return code == ESTALE && !is_replaced; }
};

// For calls that return a count or a negative errno: the count, or the exception.
inline int64_t check(Stage stage, int64_t result) {
    if (result < 0)
        throw Error{stage, static_cast<int>(-result)};
    return result;
}

// The same of what the stage does not tell of.
inline Error error_at(Side side, Stage stage, int code) {
    return Error{stage, code, false, false, side};
}

} // namespace arsync
