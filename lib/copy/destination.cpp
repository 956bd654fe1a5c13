#include "copy/destination.h"

#include <cerrno>
#include <fcntl.h>

namespace arsync {

// Up to this size a file is made at its final name: the moment in which a kill would leave a part
// of it is short, and O_TMPFILE with linkat(2) takes more calls than a plain create.
static constexpr uint64_t created_size_max = 1 << 20;

File open_to_sync_name(Files& files, const FileCopy& copy) {
    const SplitPath path = split_path(copy.destination);
    const int fd = files.open(copy.destination_dirfd, path.directory(), O_RDONLY | O_DIRECTORY, 0);
    check(fd == -EACCES ? ARSYNC_STAGE_SYNC : ARSYNC_STAGE_OPEN_DESTINATION, fd);
    return File(files, fd);
}

Destination::Destination(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         bool no_acl, bool may_be_unnamed)
    : io_(io), copy_(copy), options_(options),
      nofollow_(copy.beneath || (options.flags & ARSYNC_COPY_NOFOLLOW) != 0),
      exclusive_(copy.fresh || options.replace == ARSYNC_REPLACE_EXCLUSIVE), no_source_acl_(no_acl),
      may_be_unnamed_(may_be_unnamed), path_(split_path(copy.destination)) {}

Destination::~Destination() {
    if (!published_)
        remove_partial();
}

const struct statx& Destination::facts() {
    if (!has_facts_) {
        check(ARSYNC_STAGE_OPEN_DESTINATION, io_.files.statx(fd(), "", 0, facts_));
        has_facts_ = true;
    }
    return facts_;
}

int Destination::stat_name(int at_flags, struct statx& out) const {
    return io_.files.statx(copy_.destination_dirfd, copy_.destination.c_str(), at_flags, out);
}

// The parent directory, to name things in it; opened when first needed.
int Destination::directory() {
    if (path_.parent.empty())
        return copy_.destination_dirfd;
    if (!directory_) {
        const int fd =
            io_.files.open(copy_.destination_dirfd, path_.directory(), O_PATH | O_DIRECTORY, 0);
        check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
        directory_ = File(io_.files, fd);
    }
    return directory_.get();
}

Task<void> Destination::open(const struct statx& source, Control& control) {
    control.enter(ARSYNC_STAGE_OPEN_DESTINATION);
    if (copy_.destination_is_open) {
        co_await open_given(source);
        co_return;
    }
    if (options_.durability == ARSYNC_DURABILITY_FULL)
        directory_ = open_to_sync_name(io_.files, copy_);
    const bool attributes_only = (options_.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) != 0;
    // What gets attributes alone keeps its content.
    const bool atomic = options_.replace == ARSYNC_REPLACE_ATOMIC && !attributes_only;
    const bool small = S_ISREG(source.stx_mode) && source.stx_size <= created_size_max;

    // Most destinations are new, and one call makes a small one.
    if (!atomic && small && create_at_name(source, false))
        co_return;

    struct statx found = {};
    const bool nofollow = atomic || nofollow_;
    int result = stat_name(nofollow ? AT_SYMLINK_NOFOLLOW : 0, found);
    if (result == -ENOENT && !nofollow) {
        // A link that leads nowhere: writing through it would make a file where nobody looked.
        struct statx link;
        const bool dangles = stat_name(AT_SYMLINK_NOFOLLOW, link) == 0;
        if (dangles && (exclusive_ || (options_.flags & ARSYNC_COPY_DANGLING) == 0))
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, exclusive_ ? EEXIST : ENOENT};
        if (dangles) {
            make_target(source);
            result = stat_name(0, found);
        }
    }
    const bool force = (options_.flags & ARSYNC_COPY_FORCE) != 0;
    if (result == -ELOOP && !nofollow && force && !exclusive_) { // a link that leads to itself
        co_await replace_by_force(source, found);
        co_return;
    }
    if (result == -ENOENT) {
        new_name_ = true;
        create(source);
        co_return;
    }
    check(ARSYNC_STAGE_OPEN_DESTINATION, result);
    if (exclusive_)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EEXIST};
    if (S_ISDIR(found.stx_mode))
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EISDIR};
    refuse_same(source, found);
    if (!atomic) {
        co_await open_existing(source, found, control);
        co_return;
    }
    if (S_ISLNK(found.stx_mode)) {
        struct statx target;
        if (stat_name(0, target) == 0)
            refuse_same(source, target);
    } else if (S_ISREG(found.stx_mode)) {
        replaced_ = found;
        has_replaced_ = true;
    } else if (!copy_.beneath) { // nobody wants a file in place of /dev/null
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
    }
    create(source);
}

} // namespace arsync
