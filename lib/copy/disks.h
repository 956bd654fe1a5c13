// Which devices a pool's copies read from have to seek: each is asked about once.
#pragma once

#include <algorithm>
#include <vector>

#include "copy/copy.h"
#include "io/mutex.h"

namespace arsync {

class Disks {
public:
    // Of what is below an open file. From any thread.
    bool seek(Files& files, int fd, const struct statx& facts) {
        {
            const Lock lock(mutex_);
            for (const Known& each : known_)
                if (each.major == facts.stx_dev_major && each.minor == facts.stx_dev_minor)
                    return each.seeks;
        }
        // It follows the path of what a loop device stands on, which others need not wait for.
        const bool seeks = files.is_on_rotational(fd, facts);
        const Lock lock(mutex_);
        if (known_.size() >= known_max)
            known_.clear();
        known_.push_back({facts.stx_dev_major, facts.stx_dev_minor, seeks});
        return seeks;
    }

private:
    struct Known {
        uint32_t major, minor;
        bool seeks;
    };
    static constexpr size_t known_max = 64; // each btrfs subvolume has a number

    Mutex mutex_;
    std::vector<Known> known_ GUARDED_BY(mutex_);
};

} // namespace arsync
