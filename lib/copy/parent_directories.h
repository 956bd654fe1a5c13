// The directories on the way to what is copied, made as those on the way to its sources are.
//
// Each is made once, whatever is below it, may be written to until all is, and gets its attributes
// in the end. Few of them stay open: they are those of a tree (tree/directory.h), the source and
// what is made of it side by side, reached by their names from the nearest one that is open.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "copy/copy.h"
#include "copy/tree/directory.h"

namespace arsync {

struct MadeDirectory;

// The path of the directory that has the first one on the way: the destination's without the
// source's, which is to be whole components of it (Error EINVAL).
std::string path_above(const std::string& source, const std::string& destination);
// Of a path: the name in the innermost directory on its way.
std::string last_component(const std::string& path);

class Ways {
public:
    // What paths are relative to, and the options: they live as long as this.
    Ways(int source_dirfd, int destination_dirfd, const arsync_copy_options& options);

    // One at a time.
    // The innermost one on the way to the last component of both paths, as it was or was made. The
    // source's must be the end of the destination's. Throws Error.
    DirectoryRef enter(Files& files, const std::string& source, const std::string& destination);
    // The one that has these paths itself.
    DirectoryRef make(Files& files, const std::string& source, const std::string& destination);
    // Those that enter() has added since the last time, outermost first, and where it ended in an
    // error the one that failed, which has no directory.
    struct Made {
        std::string path; // the beginning of the source's, as that spells it
        bool is_new = false;
    };
    std::vector<Made> take_made() { return std::exchange(made_, {}); }
    // Not to be told of as one on the way: whether it was made. The path is a simplified one.
    bool drop_made(const std::string& path);

    // When all below them is done, from the innermost to the outermost: give it its attributes.
    // durable: make names of what was made, and attributes, so. Throws Error.
    struct Done {
        std::string path; // as Made has it
        DirectoryRef directory;
    };
    std::vector<Done> take_inside_out();
    Task<void> finish(Io io, const DirectoryRef& directory, Control& control, Outcome& outcome,
                      bool durable);
    // Of whoever enters and makes: a name in it is new, and it is to be made durable by finish(),
    // or by sync_tops() if it is where a way begins. False: it cannot be.
    bool will_sync(const DirectoryRef& directory);
    Task<void> sync_tops(Io io); // throws Error
    // Whether a name in it cannot be made durable: it was made in, or is, what cannot be read.
    bool is_unsyncable(const DirectoryRef& directory) const;

    Directories& directories() { return *directories_; }
    // None is needed any more.
    void close();

private:
    struct Way {
        DirectoryRef directory;
        bool readable = true;      // the destination
        bool has_new = false;      // a directory that was made
        bool leads_to_new = false; // it is on the way to one that was made
        bool named = false;        // it is what somebody copies, and not merely on the way
    };
    struct Route {
        std::string top;                // of the destination, above what is on the way
        std::string source;             // the path
        std::vector<std::string> names; // on the way, and the last
        std::vector<size_t> ends;       // of each in the path
        bool absolute = false;
    };
    Route route_of(const std::string& source, const std::string& destination) const;
    DirectoryRef walk(Files& files, const Route& route, size_t count, bool last_is_named);
    void open_top(Files& files, const Route& route, const std::string& key);
    void add_top(Files& files, const DirectoryRef& directory);
    bool add(Files& files, const Way& outer, const std::string& key, const std::string& name,
             const std::string& path, bool named);
    void make_next(Files& files, const Way& outer, Way& way, const std::string& name, bool named);
    bool make_or_open(Files& files, const Pin& above, Directory& directory, bool named,
                      MadeDirectory& made);
    bool stays_bare(bool named) const;
    bool stays_as_it_was(const Way& way) const;
    bool follows(bool named) const;

    const int source_dirfd_;
    const int destination_dirfd_;
    const arsync_copy_options& options_;
    const bool dry_;
    const bool source_beneath_; // no symbolic link is followed
    const bool destination_beneath_;
    const uid_t uid_;
    const gid_t gid_;
    Umask umask_;
    const std::shared_ptr<Directories> directories_;
    std::unordered_map<std::string, Way> by_path_; // the top's, and below it the names'
    std::vector<Done> in_order_;                   // each after the one that it is in
    std::unordered_map<const Directory*, std::string> keys_;
    std::vector<Made> made_;
    std::vector<DirectoryRef> tops_to_sync_;
};

} // namespace arsync
