// The holes of a copy's source: whether they are looked for, kept, or filled with zeros.
#pragma once

#include "copy/stretch.h"
#include "copy/survey.h"

namespace arsync {

class HolePolicy {
public:
    // fills: the destination can have none.
    HolePolicy(const Io& io, const Ends& ends, const arsync_copy_options& options, Control& control,
               Survey& survey, bool fills)
        : io_(io), ends_(ends), options_(options), control_(control), survey_(survey),
          fills_(fills) {}

    // Before holes are believed, once.
    Task<void> look();
    // The destination can have none after all.
    void fill() {
        fills_ = true;
        kept_ = false;
    }

    bool are_sought() const { return survey_.finds_holes() && !fills_; }
    bool are_kept() const { return kept_; } // there are some, which look() has seen
    // They may hide data.
    bool are_doubtful() const { return doubtful_; }
    // Blocks of zeros become holes.
    bool are_made_of_zeros() const { return options_.sparse == ARSYNC_SPARSE_ALWAYS && !fills_; }
    // The destination will have some.
    bool are_made() const { return kept_ || are_made_of_zeros(); }
    Holes at_destination() const;

private:
    const Io& io_;
    const Ends& ends_;
    const arsync_copy_options& options_;
    Control& control_;
    Survey& survey_;
    bool looked_ = false;
    bool kept_ = false;
    bool doubtful_ = false;
    bool fills_;
};

} // namespace arsync
