// One entry of any kind but a directory: file, link, FIFO, socket, device. What is in its way is
// dealt with, then it is copied, linked or made.
#pragma once

#include <fcntl.h>

#include "copy/copy.h"
#include "copy/tree/links.h"

namespace arsync {

struct Question;

// Where in a tree an entry is; as it stands, in none.
struct EntryContext {
    Links* links =
        nullptr; // null: names of one file are copied one by one; in no tree: shared ones
    const DirectoryRef* directory = nullptr; // that holds it
    std::string_view source_text;            // what a symbolic link to it holds
    int source_text_dirfd = AT_FDCWD;        // what that is relative to
    Source* opened = nullptr;                // it, if it has been opened; or null: is moved from
    Question* question = nullptr;            // to be put, if something is in the way; or null
};

// type: DT_*, what the listing says it is. Fills outcome but for result and stage, except that an
// attribute that could not be kept may become its result; throws Error.
Task<void> copy_entry(Io io, const FileCopy& names, unsigned char type, const EntryContext& context,
                      const arsync_copy_options& options, Control& control, Outcome& outcome);

// Open a regular file, unless it is open, that may be copied by FileAtOnce. False: it takes
// copy_entry(), whatever of it is open by now. links: the tree's, or null.
bool open_entry_at_once(Io io, const FileCopy& names, const Links* links,
                        const arsync_copy_options& options, Control& control, Source& source);

} // namespace arsync
