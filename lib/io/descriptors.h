// How the descriptors that this process may have are shared out: the one place that looks at the
// limit. Each share is of what the limit is when it is asked for, and none is ever reserved: who
// finds none left has to give up what it holds.
#pragma once

namespace arsync::descriptors {

// Directories of a tree, two descriptors each, that stay open though nobody uses them just now.
unsigned idle_directories();
// Workers that may take part in one tree: each holds some directories and files.
unsigned members();
// Directories that one of them enters or lists side by side: each holds two, and two above.
unsigned walkers();
// Entries that one of so many workers has under way side by side, two or three descriptors each.
unsigned entries(unsigned workers);
// Directories on the way to a single entry, two descriptors each, that stay open meanwhile.
unsigned parents();
// Jobs of one of so many workers that only wait for answers: each keeps the roots of its tree open.
unsigned resting_jobs(unsigned workers);
// Whether one may be kept for the list of mounts.
bool may_keep_list();

} // namespace arsync::descriptors
