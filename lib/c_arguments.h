// What a caller hands in, checked and copied: each function gives 0 or the negative errno that the
// caller gets.
#pragma once

#include <vector>

#include "arsync.h"
#include "job.h"

namespace arsync {

class Pool;

// What a copy of names is to be like. link_set: its links are the job's; pool: null where there is
// none, and so no set.
int take_job_options(Pool* pool, const arsync_copy_options* options, Job& job);

// A job of a copy from path to path, where each may be an open file instead.
int take_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job);

// A job of a copy of a range, its options taken and good for one.
struct RangeArguments {
    int source;
    uint64_t source_offset;
    int destination;
    uint64_t destination_offset;
    uint64_t length;
};
int take_range(const RangeArguments& range, const arsync_copy_options* options, Job& job);

int take_items(const arsync_item* items, uint64_t count, std::vector<ListItem>& taken);
// A job of a list below two directories. items: all there will be; null: they are to be added.
int take_list(Pool& pool, int src_dirfd, int dst_dirfd, const arsync_copy_options* options,
              std::vector<ListItem>* items, Job& job);

} // namespace arsync
