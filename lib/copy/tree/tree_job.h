// What the copy of a tree is to do, and has to do it with: the same for all its parts.
#pragma once

#include <memory>
#include <sys/types.h>

#include "copy/copy.h"
#include "copy/filter.h"
#include "copy/host.h"
#include "copy/tree/directory.h"
#include "copy/tree/links.h"
#include "copy/tree/scarcity.h"

namespace arsync {

struct TreeJob {
    TreeJob(const FileCopy& copy, const arsync_copy_options& how, const Filter& patterns,
            Control& of_job, Host& of_tree, Links& own_links);

    const FileCopy& roots;
    const arsync_copy_options& options;
    const arsync_copy_options entry_options; // as of one entry
    const Filter& filter;
    Control& control;
    Host& host;
    const bool reports_all;
    const bool asks;
    const uid_t uid; // that new files get
    const gid_t gid;
    Umask umask;
    const std::shared_ptr<Directories> directories;
    Scarcity scarcity;
    Links& links; // the tree's own, or those that are shared with other jobs
};

} // namespace arsync
