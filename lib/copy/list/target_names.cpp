#include "copy/list/target_names.h"

#include <algorithm>
#include <fcntl.h>
#include <functional>

#include "copy/split_path.h"

namespace arsync {

namespace {

uint64_t hash_name(std::string_view name) {
    const uint64_t value = std::hash<std::string_view>()(name);
    return value != 0 ? value : 1; // 0 is none
}

} // namespace

bool TargetNames::lacks(Files& files, int dirfd, const std::string& path, uint64_t items) {
    constexpr uint64_t few = 16; // looks cost less than a listing
    if (state_ == State::not_worth_it || items <= few)
        return false;
    const SplitPath split = split_path(path);
    if (split.name.empty() || split.name == "." || split.name == "..")
        return false;
    if (state_ == State::unlisted) {
        parent_ = split.parent;
        const uint64_t most = std::min<uint64_t>(1024 + 4 * items, 65536); // others wait meanwhile
        state_ = State::listed;
        if (!list(files, dirfd, split.directory(), most))
            give_up();
    } else if (split.parent != parent_) { // which may be the same directory
        give_up();
    }
    return state_ == State::listed && names_.insert(hash_name(split.name));
}

void TargetNames::give_up() {
    state_ = State::not_worth_it;
    names_ = {};
}

// False: it cannot be listed, or has more names than would be looked for, or names in it may be
// spelled in several ways.
bool TargetNames::list(Files& files, int dirfd, const char* directory, uint64_t most) {
    const File target(files, files.open(dirfd, directory, O_RDONLY | O_DIRECTORY, 0));
    if (!target || files.may_fold_names(target.get()))
        return false;
    Listing listing;
    uint64_t count = 0;
    try {
        while (listing.fill(files, target.get(), ARSYNC_STAGE_LIST))
            for (Listing::Name name = listing.next(); name.text; name = listing.next())
                if (names_.insert(hash_name(name.text)) && ++count > most)
                    return false;
    } catch (const Error&) { // whoever copies to it will meet that too
        return false;
    }
    return true;
}

} // namespace arsync
