// A file's flags, as chattr(1) has them, and its project id on their way from source to
// destination.
//
// Each has its moment. Whether data is compressed, or written in place, only an empty file can be
// told. What is immutable or may only grow can be neither written to, nor renamed, nor linked, nor
// removed; so that comes when the file has its name and nothing can fail any more, and of a
// directory when all that is in it is there. With the project it is the same: where directories
// hand theirs on, nothing of another one is linked or renamed to them. All others come first of all
// attributes, for btrfs forgets with any flag how a file is to be compressed, which is an extended
// attribute there.
#pragma once

#include "copy/copy.h"

namespace arsync {

struct SourceFlags {
    unsigned known = 0; // those that the source's filesystem has told of
    unsigned flags = 0;
    bool has_project = false;
    uint32_t project = 0;

    // Whether there is anything for seal_flags().
    bool has_seal() const;
    // Whether no names can be given to what has them.
    bool is_sealed() const;
};

// What the options name of a file or directory that is open, or of anything that is open with
// O_PATH. What cannot be copied is noted as a loss: what is not to be known, and fs-verity.
SourceFlags flags_of_source(Files& files, int fd, const struct statx& facts,
                            const arsync_copy_options& options, Outcome& outcome);

// Of a destination that is empty.
void set_flags_of_content(Files& files, int destination, const SourceFlags& source,
                          const arsync_copy_options& options, Outcome& outcome);
// All but those that seal it; but if it has those and the source has not, it loses them.
void set_flags(Files& files, int destination, const SourceFlags& source,
               const arsync_copy_options& options, Outcome& outcome);
void seal_flags(Files& files, int destination, const SourceFlags& source,
                const arsync_copy_options& options, Outcome& outcome);
// Of a directory that was just made, what it can be told only while nothing is in it. Losses are
// noted when all its flags are set.
void set_flags_of_new_directory(Files& files, int source, const struct statx& facts,
                                int destination, const arsync_copy_options& options);

inline bool asks_for_flags(const arsync_copy_options& options) {
    return (options.preserve & (ARSYNC_PRESERVE_FLAGS | ARSYNC_PRESERVE_PROJECT)) != 0;
}

// Of a file or directory that is open with O_PATH, a descriptor that all its flags are to be had
// by. None if it is something else, or may not be read.
File open_for_flags(Files& files, int fd, mode_t mode);

// A file that gets one more name, which it could not while it is sealed: while this lives it is
// not.
class Unsealed {
public:
    // fd: with O_PATH.
    Unsealed(Files& files, int fd, mode_t mode, const arsync_copy_options& options,
             Outcome& outcome);
    Unsealed(const Unsealed&) = delete;
    Unsealed& operator=(const Unsealed&) = delete;
    ~Unsealed();

private:
    Files& files_;
    const arsync_copy_options& options_;
    Outcome& outcome_;
    File file_;
    unsigned flags_ = 0;
    bool lifted_ = false;
};

} // namespace arsync
