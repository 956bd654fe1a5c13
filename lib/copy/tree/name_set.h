// The names of one directory, as it was listed: eight bytes each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace arsync {

// By their hashes, so it may take a name for one of its own that is none. Whoever asks whether
// something may be removed errs on the right side then.
class NameSet {
public:
    void add(std::string_view name) { hashes_.push_back(hash(name)); }
    // When all have been added: contains() may be asked.
    void seal() { std::sort(hashes_.begin(), hashes_.end()); }
    bool contains(std::string_view name) const {
        return std::binary_search(hashes_.begin(), hashes_.end(), hash(name));
    }

private:
    static uint64_t hash(std::string_view name) { return std::hash<std::string_view>()(name); }

    std::vector<uint64_t> hashes_;
};

} // namespace arsync
