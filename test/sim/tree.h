// Trees in the simulated world: built before anything begins, and described to be compared after.
//
// What is built is there, durable, and no call that a test sees.
#pragma once

#include <string>
#include <vector>

#include "sim/world.h"

namespace arsync::sim {

InodeNumber add_file(World& world, InodeNumber directory, const char* name, const Content& content,
                     mode_t mode);
InodeNumber add_directory(World& world, InodeNumber directory, const char* name,
                          mode_t mode = 0755);
InodeNumber add_symlink(World& world, InodeNumber directory, const char* name, const char* target);
// mode: with the kind.
InodeNumber add_special(World& world, InodeNumber directory, const char* name, mode_t mode,
                        dev_t device = 0);
// One more name of a file: a hard link.
void add_name(World& world, InodeNumber directory, const char* name, InodeNumber inode);

// All at and below a directory is source from now on: Subject::source.
void set_source(World& world, InodeNumber top);

// Content that is this text.
Content content_of(const std::string& text);
std::string text_of(const Content& content);

// What is at a path below a directory, no link followed, "" being that directory; null: nothing.
const Inode* at_path(const Disk& disk, InodeNumber top, const std::string& path);

// How the tree at b differs from that at a, a line each; nothing if it does not. Compared are
// names, kinds, contents, link texts and devices, and what `also` names.
struct Compared {
    bool mode = false;
    bool owner = false;
    bool times = false; // of modification
    bool xattrs = false;
    bool links = false;      // that names of one file are names of one file
    bool file_times = false; // of modification, but for directories
    bool flags = false;      // of files and directories, FS_*_FL
    bool seals = true;       // and of those immutable and append-only
    bool project = false;    // of these
    bool context = false;    // their SELinux label
    bool linked = true;      // the attributes of links and special files too, which have no sync
};
constexpr Compared everything{.mode = true,
                              .owner = true,
                              .times = true,
                              .xattrs = true,
                              .links = true,
                              .file_times = true,
                              .flags = true,
                              .seals = true,
                              .project = true,
                              .context = true};
std::vector<std::string> differences(const Disk& disk_a, InodeNumber a, const Disk& disk_b,
                                     InodeNumber b, const Compared& also);

} // namespace arsync::sim
