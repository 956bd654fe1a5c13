// Reading a destination back and comparing it with what was read from the source.
#pragma once

#include "copy/copy.h"
#include "copy/digest.h"

namespace arsync {

struct Written {
    int fd = -1;
    uint64_t begin = 0;
    uint64_t bytes = 0;
    bool whole_file = false; // its size is compared too
    bool owned = false;      // see DirectMode
    bool may_reopen = true;  // see Ends
    bool may_seek = true;    // see Ends
    bool exact = true;       // see Filesystem
};

// What was written is on the device already. Reads past the page cache where the device allows it,
// in whole blocks, whatever range it is; where some may have come from the cache all the same, the
// outcome's flags say so. Throws Error{ARSYNC_STAGE_VERIFY, EILSEQ} if the content is not the
// digest's.
Task<void> verify(Io io, const Written& written, const Digest& digest,
                  const arsync_copy_options& options, Control& control, Outcome& outcome);

} // namespace arsync
