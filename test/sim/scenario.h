// One copy to be simulated: the world, what is in it beforehand, and what is asked for.
//
// The source is "in/source", the destination "out/target" or "target" below the descriptor of
// "out".
#pragma once

#include <string>

#include "arsync.h"
#include "sim/world.h"

namespace arsync::sim {

// Where a file has data.
enum class Layout {
    dense,    // everywhere
    holes,    // data and holes in turn, of several lengths
    empty,    // nowhere: one hole
    zeros,    // everywhere, many blocks of it zeros
    unwritten // in its first half; the rest is allocated and unwritten
};

// What is at the destination's name.
enum class Existing {
    nothing,
    smaller,
    larger,
    link, // a symbolic one, to a file called "linked"
    dangling_link,
    source // a hard link of it
};

struct Scenario {
    WorldOptions world;
    uint64_t size = 0; // of the source
    Layout layout = Layout::dense;
    bool source_cached = true;
    bool source_dirty = false; // has just been written
    bool in_patches = false;   // some blocks of the source, and not others
    mode_t source_mode = 0640;
    uid_t source_uid = 0;
    unsigned source_flags = 0; // FS_*_FL
    uint32_t source_project = 0;
    bool xattrs = false;     // the source has some, capabilities and an ACL among them
    bool hides_size = false; // the source says its size is 0, as files in /proc do
    Existing existing = Existing::nothing;
    bool unwritable = false;          // what is there may not be opened for writing
    const char* old_backup = nullptr; // the name of a backup that is there already
    bool by_directory = false;        // the paths are relative to descriptors, without a slash
    arsync_copy_options options = {};

    bool range = false;   // copy_range between two open files
    bool by_name = false; // and that by the names of both, where both offsets are one
    uint64_t source_offset = 0;
    uint64_t destination_offset = 0;
    uint64_t length = UINT64_MAX;
    bool source_direct = false; // the caller has opened it with O_DIRECT
    int destination_flags = 0;  // as the caller has opened it: O_DIRECT, O_DSYNC, O_SYNC

    unsigned buffer_count = 4;
    size_t buffer_size = 16 * 1024;
};
std::string describe(const Scenario& scenario);

constexpr mode_t existing_mode = 0604;

bool makes_links(const Scenario& scenario); // in place of a copy
// Whether what is at the name gives way, rather than be written to.
bool gives_way(const Scenario& scenario);
// Whether its files are a server's, or the kernel's own: written once more, in order and without
// holes, where they refuse to be written otherwise.
bool is_strange(const Scenario& scenario);
// Whether at every instant something is at the name, if there was.
bool replaces_at_once(const Scenario& scenario);
// The name that what gives way gets; "" if it gets none.
std::string backup_name(const Scenario& scenario);

// The content that the scenario's source, or the file in its way, has to begin with.
Content source_content(const Scenario& scenario);
Content existing_content(const Scenario& scenario);
// The content that the destination is to have in the end. ended: where the source turned out to.
Content expected_content(const Scenario& scenario, const Content& source);
// The range of the destination that is copied.
struct Range {
    uint64_t begin, end;
};
Range copied_range(const Scenario& scenario, uint64_t source_size);

} // namespace arsync::sim
