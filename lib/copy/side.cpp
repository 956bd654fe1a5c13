#include "copy/side.h"

#include <cerrno>

namespace arsync {

namespace {

// What this process is short of, or was asked to stop.
bool is_of_neither(int code) {
    return code == ECANCELED || code == ENOMEM || code == EMFILE || code == ENFILE;
}

// What is at the destination is not what the copy could go on with.
bool is_conflict(int code) {
    switch (code) {
    case EEXIST:
    case EISDIR:
    case ENOTDIR:
    case ENOTEMPTY:
    case ELOOP:   // a symbolic link that is not followed
    case ENXIO:   // a socket
    case ETXTBSY: // a program that runs
        return true;
    default:
        return false;
    }
}

Side side_by_stage(Stage stage, int code) {
    switch (stage) {
    case ARSYNC_STAGE_OPEN_SOURCE:
    case ARSYNC_STAGE_READ:
    case ARSYNC_STAGE_LIST:
    case ARSYNC_STAGE_READ_LINK:
        return Side::source;
    case ARSYNC_STAGE_LINK:
        if (code == EXDEV || code == EMLINK) // there can be no link from the one to the other
            return Side::neither;
        [[fallthrough]];
    case ARSYNC_STAGE_OPEN_DESTINATION:
    case ARSYNC_STAGE_MAKE_DIRECTORY:
    case ARSYNC_STAGE_MAKE_SPECIAL:
    case ARSYNC_STAGE_REMOVE:
    case ARSYNC_STAGE_BACKUP:
    case ARSYNC_STAGE_PUBLISH:
        return is_conflict(code) ? Side::conflict : Side::destination;
    case ARSYNC_STAGE_ALLOCATE:
    case ARSYNC_STAGE_WRITE:
    case ARSYNC_STAGE_TRUNCATE:
    case ARSYNC_STAGE_OWNER:
    case ARSYNC_STAGE_XATTR:
    case ARSYNC_STAGE_CONTEXT:
    case ARSYNC_STAGE_MODE:
    case ARSYNC_STAGE_TIMES:
    case ARSYNC_STAGE_FLAGS:
    case ARSYNC_STAGE_SYNC:
    case ARSYNC_STAGE_VERIFY:
    case ARSYNC_STAGE_CLOSE:
        return Side::destination;
    case ARSYNC_STAGE_REFLINK:
    case ARSYNC_STAGE_COPY_FILE_RANGE: // reads and writes, but for want of room
        return code == ENOSPC || code == EDQUOT || code == EFBIG ? Side::destination
                                                                 : Side::neither;
    case ARSYNC_STAGE_ASK: // something else is there by now
        return code == ESTALE ? Side::conflict : Side::neither;
    default:
        return Side::neither;
    }
}

} // namespace

uint32_t flags_of_side(Stage stage, int code, Side side) {
    if (code == 0 || is_of_neither(code))
        return 0;
    if (side == Side::by_stage)
        side = side_by_stage(stage, code);
    switch (side) {
    case Side::source:
        return ARSYNC_COMPLETION_AT_SOURCE;
    case Side::destination:
        return ARSYNC_COMPLETION_AT_DESTINATION;
    case Side::conflict:
        return ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT;
    default:
        return 0;
    }
}

Side side_of(uint32_t flags) {
    if ((flags & ARSYNC_COMPLETION_CONFLICT) != 0)
        return Side::conflict;
    if ((flags & ARSYNC_COMPLETION_AT_DESTINATION) != 0)
        return Side::destination;
    return (flags & ARSYNC_COMPLETION_AT_SOURCE) != 0 ? Side::source : Side::neither;
}

} // namespace arsync
