// One thing of a list, as its caller names it.
#pragma once

#include <cstdint>
#include <string>

namespace arsync {

struct ListItem {
    std::string source;
    std::string destination;
    uint64_t user_data = 0;
};

} // namespace arsync
