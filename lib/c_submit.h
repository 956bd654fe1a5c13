// What a caller hands in, checked and copied into a job: each function gives 0 or the negative
// errno that the caller gets.
#pragma once

#include "arsync.h"
#include "job.h"

namespace arsync {

class Pool;

// What a copy of names is to be like. link_set: its links are the job's; pool: null where there is
// none, and so no set.
int take_job_options(Pool* pool, const arsync_copy_options* options, Job& job);

// A job of a copy from path to path, where each may be an open file instead.
int take_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job);

} // namespace arsync
