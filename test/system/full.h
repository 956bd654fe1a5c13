// A pool whose workers have no room, so that what is submitted waits.
#pragma once

#include <sys/stat.h>
#include <vector>

#include "system/check.h"

namespace live {

// Takes every place on a pool's workers: what is submitted while it lives is queued until free().
class Full {
public:
    Full(Pool& pool, const Directory& directory, unsigned workers = 1) : pool_(pool) {
        const std::string fifo = directory / "fifo";
        mkfifo(fifo.c_str(), 0600);
        for (unsigned i = 0; i < 64 * workers; ++i)
            jobs_.push_back(pool.submit(fifo, directory / ("stream" + std::to_string(i)),
                                        Options().with_flags(ARSYNC_COPY_SPECIAL), mark));
        for (const arsync_job job : jobs_)
            REQUIRE(eventually([&] { return pool.progress(job).state == ARSYNC_JOB_RUNNING; }));
    }
    void free() {
        for (const arsync_job job : jobs_)
            REQUIRE(arsync_job_cancel(pool_.get(), job) == 0);
        jobs_.clear();
    }
    static constexpr uint64_t mark = 4711;

private:
    Pool& pool_;
    std::vector<arsync_job> jobs_;
};

// The next completion of a job that is none of those.
inline arsync_completion next(Pool& pool) {
    arsync_completion done = pool.wait();
    while (done.user_data == Full::mark)
        done = pool.wait();
    return done;
}

} // namespace live
