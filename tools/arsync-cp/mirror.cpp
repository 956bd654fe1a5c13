#include "mirror.h"

#include <string>
#include <unordered_map>

#include "quote.h"
#include "say.h"

namespace cp {

namespace {

bool is_directory(const Place& place) {
    struct stat status;
    return look_through_link(place, status) == 0 && S_ISDIR(status.st_mode);
}

bool has_room_for_both(const Operands& operands, size_t outer, size_t inner, bool same_name) {
    if (!is_directory(operands.source(outer)) &&
        !(same_name && is_directory(operands.source(inner))))
        return true;
    complain("with --mirror, " + quote(operands.source(outer).shown) + " and " +
             quote(operands.source(inner).shown) + " cannot both be copied to " +
             quote(operands.destination(outer).shown));
    return false;
}

} // namespace

bool mirrors_are_apart(const Operands& operands) {
    std::unordered_map<std::string, size_t> names;
    for (size_t i = 0; i < operands.count(); i++) {
        auto [first, is_new] = names.try_emplace(simplified(operands.destination(i).name), i);
        if (!is_new && !has_room_for_both(operands, first->second, i, true))
            return false;
    }
    for (size_t i = 0; i < operands.count(); i++) {
        std::string above = simplified(operands.destination(i).name);
        while (!above.empty()) {
            size_t slash = above.rfind('/');
            above.resize(slash == std::string::npos ? 0 : slash);
            auto outer = names.find(above);
            if (outer != names.end() && !has_room_for_both(operands, outer->second, i, false))
                return false;
        }
    }
    return true;
}

} // namespace cp
