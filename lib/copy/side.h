// At which end of a copy something failed, as its completion tells it.
#pragma once

#include <cstdint>

#include "io/error.h"

namespace arsync {

inline constexpr uint32_t side_flags =
    ARSYNC_COMPLETION_AT_SOURCE | ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT;

// Of an error (a positive errno): some of these flags, or none where it is of neither end.
uint32_t flags_of_side(Stage stage, int code, Side side);
// And back, for an error that is thrown again.
Side side_of(uint32_t flags);

} // namespace arsync
