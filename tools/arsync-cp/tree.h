// Directories, and names of a list: what the library is asked to do about them, and what it tells
// of their entries.
#pragma once

#include <string>
#include <vector>

#include "entry.h"
#include "options.h"

namespace cp {

// Whether every entry is to be told of, and not only those that fail.
bool wants_all_entries(const Options& options);

// Whether relative symbolic links into the tree would be asked for. The library would make them; as
// with cp there are only the directories, and complaints.
bool refuses_links(const Entry& tree, const Options& options);

// Valid as long as the options and the tree.
arsync_copy_options tree_options(Entry& tree, const Options& options);

// What happened to an entry of a tree, as lines of the tree's operand and, with --json, as a line
// for the script.
void report_entry(Entry& tree, const arsync_completion& completion, const Options& options);

// Whether copying the directory at source into the target directory goes together with copying
// other things there: neither lies in the other.
bool is_entangled(const Place& source, int target_fd);

} // namespace cp
