// Some names of one directory, and the entries under way among them.
#pragma once

#include "copy/listing.h"
#include "copy/tree/directory.h"

namespace arsync {

// It keeps the directory open. Freed by its last part.
struct Batch {
    explicit Batch(Pin directory) : pin(std::move(directory)) {}
    Pin pin;
    Listing listing;
    unsigned parts = 1; // entries that have not ended, and the walk over the names
};

} // namespace arsync
