// What a tree's copy came to, in numbers.
#pragma once

#include "arsync.h"
#include "copy/copy.h"

namespace arsync {

// One more entry, that ended so.
void count(arsync_totals& totals, const Outcome& outcome);
// But for the errors, which are counted as they happen.
void add(arsync_totals& totals, const arsync_totals& part);
// With them.
void add_whole(arsync_totals& totals, const arsync_totals& whole);

} // namespace arsync
