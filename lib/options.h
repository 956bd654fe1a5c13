// What options may be asked for, and together: one set of rules, by which a submit takes them and
// arsync_options_check explains them.
#pragma once

#include "arsync.h"

namespace arsync {

struct Refusal {
    const char* field = nullptr; // null: nothing is wrong
    const char* reason = nullptr;
    explicit operator bool() const { return field; }
};

// The caller's options in ours, with what follows from them. 0, or a negative errno and why.
int check_and_copy_options(const arsync_copy_options* theirs, arsync_copy_options& ours,
                           Refusal& why);

// What of options that were taken means nothing for a range, or for anything but one.
Refusal refusal_for_range(const arsync_copy_options& options);
Refusal refusal_for_path(const arsync_copy_options& options);

} // namespace arsync
