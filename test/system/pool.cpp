#include "system/pool.h"

#include <cerrno>
#include <cstdio>

namespace live {

bool has_io_uring() {
    static const bool has = [] { return Pool(PoolOptions(ARSYNC_BACKEND_URING)).error() == 0; }();
    return has;
}

Pool::Pool(const PoolOptions& options) : error_(arsync_pool_open(&options, &pool_)) {}

Pool::~Pool() {
    close();
}

int Pool::close() {
    if (!pool_ || stuck_)
        return -EINVAL;
    const int result = arsync_pool_close(pool_);
    pool_ = nullptr;
    return result;
}

arsync_completion Pool::finish(int error, arsync_job job) {
    if (error == 0) {
        const arsync_completion done = wait();
        if (done.job == job || stuck_)
            return done;
        error = -EPROTO;
    }
    arsync_completion refused = {};
    refused.result = error;
    return refused;
}

arsync_completion Pool::copy(const std::string& from, const std::string& to,
                             const Options& options) {
    arsync_job job = 0;
    const int error =
        arsync_submit_copy(pool_, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), &options, 0, &job);
    return finish(error, job);
}

arsync_completion Pool::copy_range(int from, uint64_t from_offset, int to, uint64_t to_offset,
                                   uint64_t length, const Options& options) {
    arsync_job job = 0;
    const int error = arsync_submit_copy_range(pool_, from, from_offset, to, to_offset, length,
                                               &options, 0, &job);
    return finish(error, job);
}

arsync_job Pool::submit(const std::string& from, const std::string& to, const Options& options,
                        uint64_t user_data) {
    arsync_job job = 0;
    const int error = arsync_submit_copy(pool_, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                                         &options, user_data, &job);
    return error == 0 ? job : 0;
}

arsync_completion Pool::wait(int limit_ms) {
    arsync_completion done = {};
    const int count = arsync_poll(pool_, &done, 1, limit_ms);
    if (count == 1)
        return done;
    stuck_ = count == 0;
    done = {};
    done.result = count < 0 ? count : -ETIMEDOUT;
    return done;
}

arsync_info Pool::info() const {
    arsync_info info = {};
    info.struct_size = sizeof info;
    arsync_pool_info(pool_, &info);
    return info;
}

arsync_stats Pool::stats() const {
    arsync_stats stats = {};
    stats.struct_size = sizeof stats;
    arsync_pool_stats(pool_, &stats);
    return stats;
}

arsync_progress Pool::progress(arsync_job job) const {
    arsync_progress progress = {};
    progress.struct_size = sizeof progress;
    arsync_job_progress(pool_, job, &progress);
    return progress;
}

std::string words(const arsync_completion& done) {
    std::string text = std::string(arsync_stage_name(done.stage)) + ": " +
                       (done.result == 0 ? "ok" : arsync_strerror(done.result)) + ", method " +
                       arsync_method_name(done.method) + ", " + std::to_string(done.bytes) +
                       " bytes, flags " + std::to_string(done.flags);
    return text;
}

} // namespace live
