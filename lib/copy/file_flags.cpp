#include "copy/file_flags.h"

#include <fcntl.h>
#include <linux/fs.h>

#include "copy/metadata.h"
#include "io/facts.h"

namespace arsync {

namespace {

constexpr unsigned of_content = FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL | FS_CASEFOLD_FL;
constexpr unsigned sealing = FS_IMMUTABLE_FL | FS_APPEND_FL;
// All that a program may set. Others tell how a file is stored.
constexpr unsigned settable = of_content | sealing | FS_SECRM_FL | FS_UNRM_FL | FS_SYNC_FL |
                              FS_NODUMP_FL | FS_NOATIME_FL | FS_JOURNAL_DATA_FL | FS_NOTAIL_FL |
                              FS_DIRSYNC_FL | FS_TOPDIR_FL | FS_DAX_FL | FS_PROJINHERIT_FL;
// A filesystem that has no such thing, or of this kind of file.
bool is_none(int result) {
    return result == -ENOTTY || result == -EOPNOTSUPP || result == -EINVAL || result == -ENOSYS;
}

// Those that statx(2) tells of, whatever else does not.
bool shows_flags(const struct statx& facts) {
    constexpr uint64_t shown =
        STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP | STATX_ATTR_COMPRESSED;
    return (facts.stx_attributes & shown) != 0;
}

void lose(Outcome& outcome, const arsync_copy_options& options, int64_t result,
          Side side = Side::by_stage) {
    note_loss(outcome, options, ARSYNC_STAGE_FLAGS, result, side);
}

// As the filesystem takes them: one that it refuses must not cost the others.
int change_one_by_one(Files& files, int fd, unsigned wanted, unsigned& now) {
    int refused = 0;
    for (unsigned left = wanted ^ now; left != 0; left &= left - 1) {
        const unsigned lowest = left & (~left + 1);
        const unsigned changed = now ^ lowest;
        const int result = files.set_inode_flags(fd, changed);
        if (result == 0)
            now = changed;
        else if (refused == 0)
            refused = result;
    }
    return refused;
}

void change(Files& files, int fd, const SourceFlags& source, unsigned which,
            const arsync_copy_options& options, Outcome& outcome) {
    which &= source.known;
    InodeFlags now;
    if (which == 0)
        return;
    if (const int result = files.inode_flags(fd, now); result < 0) {
        if ((source.flags & which) != 0)
            lose(outcome, options, is_none(result) ? -EOPNOTSUPP : result);
        return;
    }
    const unsigned wanted = (now.set & ~which) | (source.flags & which);
    if (wanted == now.set)
        return;
    int refused = files.set_inode_flags(fd, wanted);
    if (refused < 0)
        refused = change_one_by_one(files, fd, wanted, now.set);
    // Some leave out in silence what they do not have.
    if (refused == 0)
        refused = files.inode_flags(fd, now);
    if (((wanted ^ now.set) & which) != 0)
        lose(outcome, options, refused < 0 ? refused : -EOPNOTSUPP);
}

void change_project(Files& files, int fd, uint32_t wanted, const arsync_copy_options& options,
                    Outcome& outcome) {
    uint32_t now = 0;
    int result = files.project(fd, now);
    if (result == 0 && now == wanted)
        return;
    if (result == 0)
        result = files.set_project(fd, wanted);
    if (result < 0 && !(is_none(result) && wanted == 0))
        lose(outcome, options, is_none(result) ? -EOPNOTSUPP : result);
}

} // namespace

bool SourceFlags::is_sealed() const {
    return (flags & sealing) != 0;
}

bool SourceFlags::has_seal() const {
    return is_sealed() || has_project;
}

SourceFlags flags_of_source(Files& files, int fd, const struct statx& facts,
                            const arsync_copy_options& options, Outcome& outcome) {
    SourceFlags source;
    if ((options.preserve & ARSYNC_PRESERVE_FLAGS) != 0) {
        InodeFlags found;
        const int result = files.inode_flags(fd, found);
        if (result == 0) {
            source.known = found.known & settable;
            source.flags = found.set & source.known;
        }
        if (result < 0 && (!is_none(result) || shows_flags(facts)))
            lose(outcome, options, result, Side::source);
        if (result == 0 && (found.set & FS_VERITY_FL) != 0)
            lose(outcome, options, -EOPNOTSUPP);
    }
    if ((options.preserve & ARSYNC_PRESERVE_PROJECT) != 0) {
        const int result = files.project(fd, source.project);
        source.has_project = result == 0;
        if (result < 0 && !is_none(result))
            lose(outcome, options, result, Side::source);
    }
    return source;
}

void set_flags_of_content(Files& files, int destination, const SourceFlags& source,
                          const arsync_copy_options& options, Outcome& outcome) {
    change(files, destination, source, of_content, options, outcome);
}

void set_flags(Files& files, int destination, const SourceFlags& source,
               const arsync_copy_options& options, Outcome& outcome) {
    change(files, destination, source, ~(source.flags & sealing), options, outcome);
}

void seal_flags(Files& files, int destination, const SourceFlags& source,
                const arsync_copy_options& options, Outcome& outcome) {
    if (source.has_project)
        change_project(files, destination, source.project, options, outcome);
    if (source.is_sealed())
        change(files, destination, source, sealing, options, outcome);
}

void set_flags_of_new_directory(Files& files, int source, const struct statx& facts,
                                int destination, const arsync_copy_options& options) {
    if ((options.preserve & ARSYNC_PRESERVE_FLAGS) == 0)
        return;
    Outcome told_later;
    const SourceFlags flags = flags_of_source(files, source, facts, options, told_later);
    change(files, destination, flags, FS_CASEFOLD_FL, options, told_later);
}

File open_for_flags(Files& files, int fd, mode_t mode) {
    if (!S_ISREG(mode) && !S_ISDIR(mode))
        return File();
    return File(files, files.reopen(fd, O_RDONLY | O_NONBLOCK));
}

Unsealed::Unsealed(Files& files, int fd, mode_t mode, const arsync_copy_options& options,
                   Outcome& outcome)
    : files_(files), options_(options), outcome_(outcome), file_(open_for_flags(files, fd, mode)) {
    InodeFlags found;
    if (!file_ || files.inode_flags(file_.get(), found) < 0 || (found.set & sealing) == 0)
        return;
    flags_ = found.set;
    lifted_ = files.set_inode_flags(file_.get(), flags_ & ~sealing) == 0;
}

Unsealed::~Unsealed() {
    if (!lifted_)
        return;
    if (const int result = files_.set_inode_flags(file_.get(), flags_); result < 0)
        lose(outcome_, options_, result);
}

} // namespace arsync
