// The defaults and limits of arsync_pool_options.
#pragma once

#include "arsync.h"

namespace arsync {

// Fills in the defaults. -EINVAL: a field is out of its range.
int settle(arsync_pool_options& options);

// That this thread may run on.
unsigned processors();

} // namespace arsync
