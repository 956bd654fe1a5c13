// What a long option that is not written out stands for.
#pragma once

#include <getopt.h>

namespace cp {

// The table in which getopt_long is to look for the next option: where cp would understand an
// abbreviation, it has cp's options alone.
const option* table_for_next(int argc, char** argv);

} // namespace cp
