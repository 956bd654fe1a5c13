// The names in the directory that a list's items go to, as they were when it was first looked at.
//
// Of many files that go to one directory, each looks whether something has its name there. A name
// that the kernel does not know of waits for the directory, in which other workers make files; to
// list it once does not. What others have made there since is met when the copy is made. What the
// list has made is known, as long as all its items are files that go there by the same path and
// come from elsewhere: at the first other one this gives up.
#pragma once

#include <string>

#include "copy/list/flat_set.h"
#include "copy/listing.h"

namespace arsync {

// One thread at a time.
class TargetNames {
public:
    // Whether nothing had that name, and nobody has asked for it before; false where that is not
    // known. items: how many the list has, as far as that is known.
    bool lacks(Files& files, int dirfd, const std::string& path, uint64_t items);
    // There may be more in it than this knows of: nothing is known any more.
    void give_up();

private:
    bool list(Files& files, int dirfd, const char* directory, uint64_t most);

    enum class State { unlisted, listed, not_worth_it } state_ = State::unlisted;
    std::string parent_;
    FlatSet<uint64_t, HashKey> names_;
};

} // namespace arsync
