// Asking the user.
#pragma once

#include <sys/types.h>

#include "options.h"
#include "place.h"

namespace cp {

// Puts the question of -i and reads the answer from stdin. No answer is a no.
bool may_overwrite(const Place& destination, mode_t mode, const Options& options);

// At the end of the program. false after a complaint: answers could not be read.
bool finish_answers();

} // namespace cp
