// Which filesystems a copy may have to wait for without end: those for which a server or another
// process answers (NFS, SMB, FUSE, 9p), and those of a kind that is not known here.
//
// They are found by the kernel's list of mounts and by following a path link by link up to the
// first of them, so that none is asked for anything: it might not answer.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "io/mounts.h"

namespace arsync {

using Devices = std::vector<dev_t>; // in order, each once

class MountTable {
public:
    explicit MountTable(std::string_view mountinfo);
    MountTable(const MountTable&) = delete;
    MountTable& operator=(const MountTable&) = delete;

    bool all_local() const { return remote_.empty(); }
    // Adds those that a path leads to; below: and those that are mounted below what it leads to.
    void find(int dirfd, const std::string& path, bool below, Devices& devices) const;
    void find(int fd, Devices& devices) const;
    void find_all(Devices& devices) const;

private:
    const Mount* at(std::string_view point) const;
    bool find_start(int dirfd, std::string& where, Devices& devices) const;

    std::vector<Mount> mounts_;
    std::vector<const Mount*> remote_; // of these
};

// From any thread.
class RemoteMounts {
public:
    // As they were some 20 ms ago at most. Never null; where the list cannot be read all counts as
    // local.
    std::shared_ptr<const MountTable> table();

private:
    std::mutex mutex_;
    std::shared_ptr<const MountTable> table_;
    std::chrono::steady_clock::time_point read_at_;
};

} // namespace arsync
