// One operation of a caller's on a buffer and a file, as a job runs it.
#pragma once

#include <cstdint>

#include "caller/buffers.h"
#include "caller/file.h"
#include "copy/copy.h"

namespace arsync {

struct CallerOperation {
    arsync_action what = ARSYNC_ACTION_READ; // READ, WRITE or SYNC
    FileUse file;
    Devices devices;     // the file's, which the pool looks at while others let the file go
    BufferUse use;       // not of a SYNC
    uint64_t offset = 0; // UINT64_MAX: a stream
    uint64_t at = 0;     // in the buffer
    uint64_t length = 0;
    bool datasync = false;
};

// Fills the outcome's action and bytes, as far as it comes, and throws Error where it fails.
Task<void> run_operation(Io io, const CallerOperation& operation, Control& control,
                         Outcome& outcome);

} // namespace arsync
