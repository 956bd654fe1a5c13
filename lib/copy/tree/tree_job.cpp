#include "copy/tree/tree_job.h"

#include <unistd.h>

#include "copy/question.h"
#include "io/descriptors.h"

namespace arsync {

// Names are left to the whole, or to their directories.
static arsync_copy_options for_entries(const arsync_copy_options& options) {
    arsync_copy_options result = options;
    if (options.durability != ARSYNC_DURABILITY_NONE)
        result.durability = ARSYNC_DURABILITY_FILE;
    return result;
}

TreeJob::TreeJob(const FileCopy& copy, const arsync_copy_options& how, const Filter& patterns,
                 Control& of_job, Host& of_tree, Links& own_links)
    : roots(copy), options(how), entry_options(for_entries(how)), filter(patterns), control(of_job),
      host(of_tree), reports_all(how.report == ARSYNC_REPORT_ALL), asks(asks_first(how)),
      uid(geteuid()), gid(getegid()),
      directories(std::make_shared<Directories>(descriptors::idle_directories())),
      links(copy.links ? *copy.links : own_links) {}

} // namespace arsync
