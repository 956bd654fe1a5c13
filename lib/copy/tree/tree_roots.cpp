// The two roots of a tree: opened, or made; and refused where one lies in the other.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/conflict.h"
#include "copy/path.h"
#include "copy/split_path.h"
#include "copy/tree/make_directory.h"
#include "copy/tree/part.h"
#include "copy/tree/tree.h"
#include "io/facts.h"

namespace arsync {

// Tried again where descriptors are short.
Task<void> TreePart::open_roots() {
    Outcome outcome;
    co_await attempt(outcome, [&] { tree_.open_roots(io_.files); });
    if (outcome.result < 0)
        throw error_at(side_of(outcome.flags), outcome.stage, -outcome.result);
}

void Tree::open_roots(Files& files) {
    auto root = std::make_shared<Directory>(job_.directories);
    root->facts = std::make_unique<struct statx>();
    struct statx& facts = *root->facts;
    int fd = open_source_root(files, O_RDONLY);
    root->shut = fd == -EACCES; // and made all the same, as below it
    if (root->shut)
        fd = open_source_root(files, O_PATH);
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    File source(files, fd);
    check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(fd, "", 0, facts));
    base_place_ = place_of_base(files);
    root->source_id = identity(facts);
    device_major_ = facts.stx_dev_major;
    device_minor_ = facts.stx_dev_minor;
    refuse_inside_itself(files, root->source_id);

    const char* path = job_.roots.destination.c_str();
    File destination;
    const bool nofollow = asks(job_.options, ARSYNC_COPY_NOFOLLOW);
    if (nofollow)
        refuse_link(files);
    const bool dry = (job_.options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    bool missing = false;
    if (dry) {
        struct statx found;
        const int there =
            files.statx(job_.roots.destination_dirfd, path, AT_SYMLINK_NOFOLLOW, found);
        missing = there == -ENOENT;
        if (!missing)
            check(ARSYNC_STAGE_MAKE_DIRECTORY, there); // or it would be made
    }
    if (missing) {
        refuse_missing_parent(files, job_.roots, job_.options, ARSYNC_STAGE_MAKE_DIRECTORY);
        root->made = root->missing = true;
    } else {
        const bool durable = job_.options.durability != ARSYNC_DURABILITY_NONE;
        const int unsyncable = durable ? open_above_root(files) : 0;
        const bool follows = !nofollow && asks(job_.options, ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK);
        MadeDirectory made = make_directory(files, job_.roots.destination_dirfd, path, facts, false,
                                            follows, false, job_.options, job_.umask);
        root->made = root_made_ = made.made;
        root->final_mode = made.final_mode;
        root->destination_id = identity(made.facts);
        root_destination_ = root->destination_id;
        root->new_file = new_file_in(files, made, job_.options, job_.uid, job_.gid);
        destination = std::move(made.directory);
        if (job_.options.durability != ARSYNC_DURABILITY_NONE)
            choose_sync(files, *root, destination.get());
        if (!root->made)
            above_root_ = File();
        else if (root->syncs_each)
            check(ARSYNC_STAGE_SYNC, unsyncable);
        prepare_names(files, *root, destination.get());
        if (root->destination_id == root->source_id)
            throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
        // A path with a slash at its end follows links, so what was opened may lie elsewhere.
        if (!made.made && may_reach(root->destination_id))
            refuse_below(files, destination.get(), root->source_id);
        shows_twice_ = !made.made && shows_one_twice(files, destination.get());
        enter_once(root->destination_id, "");
        if ((job_.options.flags & ARSYNC_COPY_MIRROR) != 0 && !made.made) {
            refuse_source_inside(files, source.get());
            refuse_overlap(files, source.get(), destination.get());
            if (may_follow_into_mirror())
                find_places(files, destination.get(), mirrored_);
        }
        made.undo.keep();
    }
    if (root->made && destination)
        set_flags_of_new_directory(files, source.get(), facts, destination.get(), job_.options);
    job_.directories->add(*root, std::move(source), std::move(destination));
    root_ = std::move(root);
}

void Tree::refuse_link(Files& files) const {
    struct statx found;
    if (files.statx(job_.roots.destination_dirfd, job_.roots.destination.c_str(),
                    AT_SYMLINK_NOFOLLOW, found) == 0 &&
        S_ISLNK(found.stx_mode))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, ELOOP};
}

int Tree::open_source_root(Files& files, int access) const {
    return files.open(job_.roots.source_dirfd, job_.roots.source.c_str(),
                      access | O_DIRECTORY | (follows_top(job_.options) ? 0 : O_NOFOLLOW), 0);
}

// Before the root is made: what is tried again after that would not know that it is new. 0, or why
// its name cannot be synced.
int Tree::open_above_root(Files& files) {
    std::string path = job_.roots.destination;
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    const int fd = files.open(job_.roots.destination_dirfd, split_path(path).directory(),
                              O_RDONLY | O_DIRECTORY, 0);
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    above_root_ = File(files, fd);
    return std::min(fd, 0);
}

// One file system is left where another is mounted: so a disk that is mounted in a system can be
// given a copy of it.
bool Tree::may_reach(const Identity& destination) const {
    return (job_.options.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) == 0 ||
           (destination.major == device_major_ && destination.minor == device_minor_);
}

// A directory that is made in what is being copied would be copied too, and again in it.
void Tree::refuse_inside_itself(Files& files, const Identity& source) const {
    std::string path = job_.roots.destination;
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    struct statx facts;
    const bool is_there = files.statx(job_.roots.destination_dirfd, path.c_str(), 0, facts) == 0;
    if (is_there && !S_ISDIR(facts.stx_mode))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, ENOTDIR};
    if (is_there && identity(facts) == source)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
    if (is_there && !may_reach(identity(facts)))
        return;
    const bool dry = (job_.options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    int fd = -ENOENT;
    do { // a dry run has not made the directories on the way
        path = split_path(path).parent;
        while (path.size() > 1 && path.ends_with('/'))
            path.pop_back();
        fd = files.open(job_.roots.destination_dirfd, path.empty() ? "." : path.c_str(),
                        O_PATH | O_DIRECTORY, 0);
    } while (dry && fd == -ENOENT && !path.empty());
    refuse_unknown(fd);
    const File up(files, fd);
    if (!up)
        return;
    check(ARSYNC_STAGE_CHECK, files.statx(fd, "", 0, facts));
    if (may_reach(identity(facts)))
        refuse_below(files, fd, source);
}

// What is above may not be ours to see; but for want of descriptors, or in a mirror, which would
// remove its own source, not to know is not good enough.
void Tree::refuse_unknown(int result) const {
    const bool mirrors = (job_.options.flags & ARSYNC_COPY_MIRROR) != 0;
    if (result == -EMFILE || result == -ENFILE || result == -ENOMEM || mirrors)
        check(ARSYNC_STAGE_CHECK, result);
}

// In a mirror of itself the source is extra.
void Tree::refuse_source_inside(Files& files, int source) const {
    const int fd = files.open(source, "..", O_PATH | O_DIRECTORY, 0);
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    const File up(files, fd);
    refuse_below(files, fd, root_destination_);
}

// A mirror must not remove its own source, nor what is mounted in it, and may come to it through
// any mount: ".." of a bind mount leads to where it is mounted, not to the directory that it shows.
// So no place in a file system may be reached from both roots. Where that is not to be known, both
// are at least of one mount, in which ".." tells the truth, or of different file systems.
void Tree::refuse_overlap(Files& files, int source, int destination) const {
    std::vector<PlaceOnDevice> from;
    std::vector<PlaceOnDevice> to;
    if (find_places(files, source, from) && find_places(files, destination, to)) {
        leave_other_devices(from);
        if (overlap(from, to))
            throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
        return;
    }
    struct statx one;
    struct statx other;
    check(ARSYNC_STAGE_CHECK, files.statx(source, "", 0, one));
    check(ARSYNC_STAGE_CHECK, files.statx(destination, "", 0, other));
    const bool same_device =
        one.stx_dev_major == other.stx_dev_major && one.stx_dev_minor == other.stx_dev_minor;
    if (same_device && mount_of(one) != mount_of(other))
        throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
}

// Whether mounts show some directory below it at two places. What is not written in place is made
// under a name of its own, and so it matters to mirrors alone.
bool Tree::shows_one_twice(Files& files, int destination) const {
    const bool mirrors = (job_.options.flags & ARSYNC_COPY_MIRROR) != 0;
    if (!mirrors && job_.options.replace != ARSYNC_REPLACE_IN_PLACE)
        return false;
    std::vector<PlaceOnDevice> places;
    const int result = files.places_of(destination, places);
    if (result == -EMFILE || result == -ENFILE)
        check(ARSYNC_STAGE_CHECK, result);
    return result == 0 && overlap(places);
}

// Whether the open directory, or any above it, is `root`.
bool Tree::lies_below(Files& files, int directory, const Identity& root) const {
    struct statx facts;
    File up;
    Identity last;
    for (;;) {
        const int looked = files.statx(directory, "", 0, facts);
        refuse_unknown(looked);
        if (looked < 0 || identity(facts) == last)
            return false;
        last = identity(facts);
        if (last == root)
            return true;
        directory = files.open(directory, "..", O_PATH | O_DIRECTORY, 0);
        refuse_unknown(directory);
        if (directory < 0)
            return false;
        up = File(files, directory);
    }
}

void Tree::refuse_below(Files& files, int directory, const Identity& root) const {
    if (lies_below(files, directory, root))
        throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
}

// By its name, for it may be closed by now.
void Tree::tell_destination_root(Files& files, Outcome& outcome) const {
    struct statx facts;
    if (wants(job_.options, ARSYNC_WANT_DESTINATION) && !root_->missing &&
        files.statx(job_.roots.destination_dirfd, job_.roots.destination.c_str(), 0, facts) == 0 &&
        identity(facts) == root_->destination_id)
        outcome.wanted.tell_destination(facts, job_.options);
}

} // namespace arsync
