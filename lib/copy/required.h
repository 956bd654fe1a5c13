// Which errors the options let pass: the loss of attributes that are not required.
#pragma once

#include "copy/copy.h"

namespace arsync {

// What of preserve is lost by an error at this stage.
inline uint32_t attribute_at(Stage stage) {
    switch (stage) {
    case ARSYNC_STAGE_OWNER:
        return ARSYNC_PRESERVE_OWNER;
    case ARSYNC_STAGE_XATTR:
        return ARSYNC_PRESERVE_XATTR;
    case ARSYNC_STAGE_CONTEXT:
        return ARSYNC_PRESERVE_CONTEXT;
    case ARSYNC_STAGE_MODE:
        return ARSYNC_PRESERVE_MODE;
    case ARSYNC_STAGE_TIMES:
        return ARSYNC_PRESERVE_TIMES;
    case ARSYNC_STAGE_FLAGS:
        return ARSYNC_PRESERVE_FLAGS | ARSYNC_PRESERVE_PROJECT;
    default:
        return 0;
    }
}

inline bool is_not_required(int result, Stage stage, const arsync_copy_options& options) {
    const uint32_t lost = result < 0 ? attribute_at(stage) & options.preserve : 0;
    return lost != 0 && options.required != 0 && (lost & options.required) == 0;
}

} // namespace arsync
