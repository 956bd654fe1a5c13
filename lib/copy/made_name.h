// A name that was just made for what has no data: a link, a FIFO, a socket, a device.
#pragma once

#include "copy/copy.h"
#include "copy/identity.h"

namespace arsync {

// Removes it, if it is there still, unless keep() was called. By its inode; but if that was not to
// be had, by its name.
class MadeName {
public:
    // At the destination of the names, which outlive this.
    MadeName(Files& files, const FileCopy& names);
    MadeName(const MadeName&) = delete;
    MadeName& operator=(const MadeName&) = delete;
    ~MadeName();

    void keep() { kept_ = true; }
    // What was made. Throws Error if it is not of the source's kind: it is not ours then.
    const struct statx& made_like(const struct statx& source);
    Identity id() const { return identity(made_); }

private:
    int look(struct statx& found) const;

    Files& files_;
    const FileCopy& names_;
    struct statx made_ = {};
    const int looked_;
    bool kept_ = false;
};

} // namespace arsync
