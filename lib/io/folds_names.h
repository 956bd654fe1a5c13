// Where two names may be one.
#pragma once

namespace arsync {

// Whether two names that differ may be one in an open directory: because of their case, or of how
// an accent is written. True where nobody knows, as on network filesystems.
bool may_fold_names(int directory);

} // namespace arsync
