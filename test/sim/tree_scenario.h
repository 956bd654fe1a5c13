// One copy of a tree to be simulated: the source, what is in its way, what is asked for, and what
// must come of it if nothing goes wrong.
//
// The source is "in", the destination "out/target".
#pragma once

#include <map>
#include <set>
#include <string>

#include "arsync.h"
#include "sim/tree.h"

namespace arsync::sim {

struct TreeScenario {
    WorldOptions world; // its seed says what the tree is
    arsync_copy_options options = {};
    std::string filter;
    unsigned directories = 5;
    unsigned entries = 16;
    unsigned linked = 0;   // names, "l0" and so on, of one more file
    bool existing = false; // the destination has some of it already, and more
    bool folds = false;    // names fold at the destination, and some of the source's are one there
    bool unwritable = false; // and what it has may not be opened for writing
    bool labelled = false;   // some of the source has file flags, projects and labels
    bool holed = false;      // some of its files have holes, or blocks of zeros
    unsigned workers = 1;
    unsigned buffer_count = 4;
    size_t buffer_size = 16 * 1024;

    bool asks(uint32_t flags) const { return (options.flags & flags) != 0; }
    bool preserves(uint32_t what) const { return (options.preserve & what) != 0; }
};
std::string describe(const TreeScenario& scenario);
// Whether a directory and what is none give way to each other.
bool replaces_kinds(const TreeScenario& scenario);
// Whether that is no local filesystem that is known, but FUSE, an overlay or a server's.
bool is_server(uint64_t filesystem_type);
bool goes_to_server(const TreeScenario& scenario);
// Whether what is durable is synced one by one, rather than by syncfs(2).
bool syncs_each(const TreeScenario& scenario);
// The name that a file which gives way gets, if it gets one.
std::string backup_of(const TreeScenario& scenario, const std::string& name);

// What is answered if it is asked about.
uint32_t answer_to(const TreeScenario& scenario, const std::string& path);

// How data is moved, and which attributes besides those of cp are kept: drawn apart from the rest,
// which stays what its number has said.
void choose_ways_of_moving(Random& random, TreeScenario& scenario);

// Any copy, in any world in which nothing fails.
TreeScenario choose_tree(uint64_t seed);
// One by one what a tree may be copied like, for tests that go through every step of it.
std::vector<TreeScenario> tree_catalogue();

// Make what is there to begin with.
struct Trees {
    InodeNumber source = 0;
    InodeNumber above = 0;  // the destination's parent
    InodeNumber target = 0; // 0: there is none yet
};
Trees build_trees(World& world, const TreeScenario& scenario);

// What is said of an entry that ends well.
struct EntryEnd {
    arsync_action action = ARSYNC_ACTION_NONE;
    bool may_be_link = false; // or that, for another name of the same file may have come first
    uint32_t flags = 0;       // DIRECTORY, and what became of what was there
    uint64_t bytes = 0;
    std::string backup = {}, name = {}; // as in the details
};

// What a copy to which nothing happens does, by the contract in arsync.h.
struct Expectation {
    InodeNumber tree = 0;                 // the destination as it will be
    std::map<std::string, int> results;   // of each entry, by its path
    std::map<std::string, EntryEnd> ends; // of those without an error
    std::set<std::string> removed;        // paths
    arsync_totals totals{};
};
Expectation expect_of(World& world, const TreeScenario& scenario, const Trees& trees);

} // namespace arsync::sim
