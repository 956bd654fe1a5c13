// Backups: an existing file gives way by being renamed.
#pragma once

#include "copy/copy.h"

namespace arsync {

// Rename what is at the copy's destination as the options say. Throws Error. The backup's name, in
// the same directory.
std::string back_up(Files& files, const FileCopy& copy, const arsync_copy_options& options);

} // namespace arsync
