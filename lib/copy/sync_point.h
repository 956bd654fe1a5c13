// What a job of many copies is made durable by: one syncfs(2) at its end for each filesystem that
// it has reached.
//
// A filesystem is known by a descriptor that is opened before anything is written there. What
// syncfs(2) tells it in the end are the losses since then, and those that nobody was told of
// before. Those may be another program's: so if it tells of one, each copy is asked for its own.
#pragma once

#include <atomic>
#include <cerrno>
#include <optional>
#include <vector>

#include "copy/copy.h"
#include "io/mutex.h"

namespace arsync {

class SyncPoint {
public:
    // Whether what is made in a directory, of that identity and open, is left to the end. Else
    // whoever makes it is to sync it. From any thread. Throws Error.
    bool reach(Files& files, const Identity& id, int directory);
    // The same of a filesystem that was reached before.
    std::optional<bool> known(const Identity& id);

    // Something was reached by a symbolic link, where asking single copies does not look for it:
    // what syncfs(2) tells of may be lost of that. From any thread.
    void go_through_link() { beyond_link_.store(true, std::memory_order_relaxed); }

    // When nothing is written any more. each(lost): sync every single copy, or throw Error for a
    // loss or what cannot be asked; lost: something is lost, perhaps of these. Throws Error for a
    // loss that is of these copies, or may be.
    template <class Each>
    Task<void> finish(Io io, Each each) {
        const int64_t failed = co_await sync_all(io);
        if (failed == 0)
            co_return;
        bool lost = beyond_link_.load(std::memory_order_relaxed);
        try {
            co_await each(is_loss(failed));
            // What has no data of its own, such as a symbolic link, another one writes, for a loss
            // is told once.
            const int64_t again = co_await sync_all(io);
            lost = lost || is_loss(again);
        } catch (const Error& error) {
            if (error.code == ECANCELED)
                throw;
            lost = true;
        }
        if (lost)
            check(ARSYNC_STAGE_SYNC, failed);
    }
    void close();

private:
    struct Filesystem {
        uint32_t major, minor;
        bool whole; // else each file and directory is synced by itself
        bool flushes_by_fsync;
        File directory;
    };
    const Filesystem* find(const Identity& id) const REQUIRES(mutex_);
    Task<int64_t> sync_all(Io io);
    static bool is_loss(int64_t result);

    std::atomic<bool> beyond_link_ = false;
    Mutex mutex_;
    std::vector<Filesystem> filesystems_ GUARDED_BY(mutex_);
};

} // namespace arsync
