// Which filesystems a copy may have to wait for without end: those for which a server or another
// process answers (NFS, SMB, FUSE, 9p), and those of a kind that is not known here.
//
// An overlay is of the filesystems that its layers are on, as far as they can be seen from here.
//
// They are found by the kernel's list of mounts and by following a path link by link up to the
// first of them, so that none is asked for anything: it might not answer.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unordered_map>
#include <vector>

#include "io/fd.h"
#include "io/mounts.h"
#include "io/mutex.h"

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
    // Where a path was followed to; and how many mounts of the list count.
    struct Way {
        std::string where; // no link in it, and all of it local
        std::string rest;
        size_t limit;
    };
    const Mount* at(std::string_view point, size_t limit) const;
    bool is_covered(std::string_view point, size_t limit) const;
    bool find_start(int dirfd, std::string& where, Devices& devices) const;
    bool find_working(const std::string& where, Devices& devices) const;
    void add_numbered(uint64_t number, Devices& devices) const;
    bool follow(Way& way, Devices& devices) const;
    bool add(const Mount& mount, Devices& devices) const;
    Devices layers(const Mount& overlay) const;

    std::vector<Mount> mounts_;
    std::unordered_map<std::string_view, std::vector<size_t>> points_; // of these
    std::vector<const Mount*> remote_;                                 // of these
    mutable Mutex mutex_;
    mutable std::unordered_map<const Mount*, Devices>
        layers_ GUARDED_BY(mutex_); // of overlays that somebody met
};

// From any thread.
class RemoteMounts {
public:
    // As they were some 20 ms ago at most. Never null; where the list cannot be read all counts as
    // local.
    std::shared_ptr<const MountTable> table();
    // In a forked child: close what was inherited.
    void abandon() NO_THREAD_SAFETY_ANALYSIS; // whoever held the mutex is not in this process

private:
    bool may_have_changed() REQUIRES(mutex_);
    int read(std::string& text) REQUIRES(mutex_);

    Mutex mutex_;
    std::shared_ptr<const MountTable> table_ GUARDED_BY(mutex_);
    std::chrono::steady_clock::time_point looked_at_ GUARDED_BY(mutex_);
    Fd list_ GUARDED_BY(mutex_); // open, to be told of changes; or not
};

} // namespace arsync
