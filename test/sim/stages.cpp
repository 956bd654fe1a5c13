#include "sim/stages.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <initializer_list>

namespace arsync::sim {

namespace {

using Stages = std::initializer_list<Stage>;

bool in(Stage stage, Stages stages) {
    return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

bool writable(const Step& step) {
    return !(step.flags & O_PATH) && (step.flags & O_ACCMODE) != O_RDONLY;
}

bool is_temporary(const Step& step) {
    return (step.flags & O_TMPFILE) == O_TMPFILE;
}

bool is_on_ring(Call call) {
    return call >= Call::read && call <= Call::sync_filesystem && call != Call::wait;
}

bool is_transfer(Call call) {
    return call == Call::read || call == Call::write || call == Call::write_now;
}

bool fits_open(const Step& step, Stage stage) {
    if (step.subject == Subject::source)
        return in(stage, {ARSYNC_STAGE_OPEN_SOURCE, ARSYNC_STAGE_LIST});
    if (step.subject == Subject::directory && !is_temporary(step))
        return in(stage, {ARSYNC_STAGE_OPEN_DESTINATION, ARSYNC_STAGE_SYNC, ARSYNC_STAGE_PUBLISH,
                          ARSYNC_STAGE_MAKE_DIRECTORY, ARSYNC_STAGE_REMOVE, ARSYNC_STAGE_BACKUP});
    // With O_PATH: for the mode of what is replaced.
    return in(stage, {ARSYNC_STAGE_OPEN_DESTINATION, ARSYNC_STAGE_VERIFY}) ||
           ((step.flags & O_PATH) && stage == ARSYNC_STAGE_MODE);
}

bool fits_statx(const Step& step, Stage stage) {
    if (step.subject == Subject::source)
        return in(stage, {ARSYNC_STAGE_OPEN_SOURCE, ARSYNC_STAGE_READ});
    return in(stage, {ARSYNC_STAGE_OPEN_DESTINATION, ARSYNC_STAGE_CHECK, ARSYNC_STAGE_MODE,
                      ARSYNC_STAGE_PUBLISH, ARSYNC_STAGE_VERIFY, ARSYNC_STAGE_TRUNCATE,
                      ARSYNC_STAGE_REFLINK, ARSYNC_STAGE_REMOVE});
}

} // namespace

bool fits(const Step& step, Stage stage) {
    const bool source = step.subject == Subject::source;
    switch (step.call) {
    case Call::open:
    case Call::open_beneath:
    case Call::open_on_ring:
    case Call::reopen:
        return fits_open(step, stage);
    case Call::statx:
        return fits_statx(step, stage);
    case Call::close:
        return stage == ARSYNC_STAGE_CLOSE;
    case Call::read:
    case Call::read_cached:
    case Call::seek:
        return stage == (source ? ARSYNC_STAGE_READ : ARSYNC_STAGE_VERIFY);
    case Call::write:
    case Call::write_now:
        return stage == ARSYNC_STAGE_WRITE;
    case Call::wait:
        return stage == (source ? ARSYNC_STAGE_READ : ARSYNC_STAGE_WRITE);
    case Call::truncate:
        return in(stage, {ARSYNC_STAGE_TRUNCATE, ARSYNC_STAGE_ALLOCATE});
    case Call::allocate:
        return in(stage, {ARSYNC_STAGE_ALLOCATE, ARSYNC_STAGE_WRITE});
    case Call::list:
    case Call::set_list_position: // of a destination: to find what is extra, or the last backup
        return source ? stage == ARSYNC_STAGE_LIST
                      : in(stage, {ARSYNC_STAGE_REMOVE, ARSYNC_STAGE_BACKUP});
    case Call::read_link:
        return stage == ARSYNC_STAGE_READ_LINK;
    case Call::chmod:
        return stage == ARSYNC_STAGE_MODE;
    case Call::chown:
        return stage == ARSYNC_STAGE_OWNER;
    case Call::set_times:
        return stage == ARSYNC_STAGE_TIMES;
    case Call::list_xattrs:
    case Call::get_xattr:
    case Call::set_xattr:
    case Call::remove_xattr:
        return in(stage, {ARSYNC_STAGE_XATTR, ARSYNC_STAGE_MODE, ARSYNC_STAGE_CONTEXT});
    case Call::inode_flags:
    case Call::set_inode_flags:
    case Call::project:
    case Call::set_project:
        return stage == ARSYNC_STAGE_FLAGS;
    case Call::link:
        return in(stage, {ARSYNC_STAGE_PUBLISH, ARSYNC_STAGE_LINK});
    case Call::rename:
        return in(stage, {ARSYNC_STAGE_PUBLISH, ARSYNC_STAGE_BACKUP});
    case Call::unlink:
    case Call::remove_directory:
        return stage == ARSYNC_STAGE_REMOVE;
    case Call::make_directory:
        return stage == ARSYNC_STAGE_MAKE_DIRECTORY;
    case Call::make_special:
        return stage == ARSYNC_STAGE_MAKE_SPECIAL;
    case Call::make_symlink:
        return stage == ARSYNC_STAGE_LINK;
    case Call::make_link:
        return in(stage, {ARSYNC_STAGE_LINK, ARSYNC_STAGE_BACKUP});
    case Call::sync: // of flags that come when all else is done
        return in(stage, {ARSYNC_STAGE_SYNC, ARSYNC_STAGE_FLAGS});
    case Call::sync_filesystem:
        return stage == ARSYNC_STAGE_SYNC;
    case Call::write_back:
        return in(stage, {ARSYNC_STAGE_SYNC, ARSYNC_STAGE_VERIFY});
    case Call::reflink:
        return stage == ARSYNC_STAGE_REFLINK;
    case Call::copy_file_range:
        return stage == ARSYNC_STAGE_COPY_FILE_RANGE;
    default:
        return false; // the rest only helps
    }
}

bool can_fail_with(const Step& step, int error) {
    const bool transfer = step.call == Call::read || step.call == Call::write;
    switch (error) {
    case EINTR: // everything else is called again by Files itself
        return is_on_ring(step.call);
    case EAGAIN:
        return transfer || step.call == Call::write_now;
    case EPERM: // of an operation, of a filter's
        return step.call == Call::chown || is_on_ring(step.call);
    default: // what is in force can be taken back
        return step.call != Call::set_direct || !(step.flags & O_DIRECT);
    }
}

// A file that has a name from the beginning will do.
bool denies_linking(int error) {
    return error == EPERM || error == EACCES || error == EOPNOTSUPP || error == EINVAL ||
           error == EXDEV || error == EMLINK;
}

bool begins_anew(int error) {
    return error == ESTALE;
}

// What has its name and cannot be opened once more has lost its flags, alone or in a tree.
bool ran_out_of_descriptors(const Outcome& outcome) {
    const bool is_there =
        (outcome.flags & ARSYNC_COMPLETION_COPIED) != 0 || outcome.action == ARSYNC_ACTION_TREE;
    const bool of_flags = outcome.stage == ARSYNC_STAGE_FLAGS && is_there;
    return (outcome.result == -EMFILE || outcome.result == -ENFILE) && !of_flags;
}

bool is_temporary_name(const std::string& path) {
    return path.find(".arsync-") != std::string::npos;
}

bool may_mean_no_such_rename(int error) {
    return error == EINVAL || error == EPERM || error == EOPNOTSUPP || error == ENOSYS;
}

bool is_tried_otherwise(const arsync_copy_options& options, const Step& step, int error) {
    return ((step.flags & O_DIRECT) && (error == EINVAL || error == EOPNOTSUPP)) ||
           (options.cache == ARSYNC_CACHE_DROP && error == EOPNOTSUPP);
}

bool means_no_attribute(int error) {
    return error == ENODATA || error == EOPNOTSUPP;
}

bool must_survive(const Step& step, int error) {
    switch (step.call) {
    case Call::open_beneath:
        return step.aside; // to look where a file lies, which is opened again to be copied
    case Call::set_direct:
    case Call::filesystem_type:
    case Call::page_cache:
    case Call::place_on_disk:
    case Call::read_ahead:
    case Call::drop_cache:
    case Call::register_buffer:
    case Call::pause:
    case Call::copy_cached:  // what it leaves is read and written otherwise
    case Call::settle_holes: // all is read
        return true;
    default:
        return error == EINTR || (is_transfer(step.call) && error == EAGAIN);
    }
}

static bool written_in_place(const Scenario& scenario) {
    return scenario.existing != Existing::nothing && !gives_way(scenario);
}

static bool is_refusal(int error) {
    return error == EPERM || error == EACCES;
}

// To open what is there: what one may not write to, for whatever reason.
static bool is_denial(int error) {
    return is_refusal(error) || error == ETXTBSY || error == EROFS || error == ELOOP;
}

static bool has_numbers(const arsync_copy_options& options) {
    return options.backup == ARSYNC_BACKUP_NUMBERED || options.backup == ARSYNC_BACKUP_EXISTING;
}

bool means_no_room(int error) {
    return error == ENOSPC || error == EDQUOT || error == ENOMEM;
}

bool may_survive(const Scenario& scenario, const Step& step, int error) {
    const arsync_copy_options& options = scenario.options;
    if (must_survive(step, error) || begins_anew(error))
        return true;
    switch (step.call) {
    case Call::close: // of the copy's own file, unless it was given up
        return !writable(step) || scenario.range || step.nameless;
    case Call::open:
        if (step.subject == Subject::destination && writable(step) && is_denial(error) &&
            (options.flags & ARSYNC_COPY_FORCE))
            return true; // it is removed
        if (step.subject == Subject::destination && writable(step) &&
            (error == EOPNOTSUPP || error == EINVAL || error == EPERM || error == ENOSYS))
            return true; // with O_TRUNC, or not for reading, it may be opened
        if ((step.flags & O_DIRECTORY) && error == EACCES && has_numbers(options))
            return true; // names of backups are looked for one by one
        if (error == ENAMETOOLONG && is_temporary_name(step.path))
            return true;
        if (step.subject == Subject::source && error == EACCES &&
            (options.flags & ARSYNC_COPY_HARD_LINK) != 0 && !writable(step))
            return true; // to be synced it may be opened for writing
        return is_temporary(step) && error != EMFILE && error != ENFILE &&
               error != ENOMEM; // a name will do
    case Call::truncate: // opening it with O_TRUNC will do; a server's file gets no size before
        return step.offset == 0 || is_strange(scenario);
    case Call::write_now: // in order it may be taken
        return is_strange(scenario) && !means_no_room(error);
    case Call::link:
        return error == EEXIST || denies_linking(error) ||
               (error == ENAMETOOLONG && is_temporary_name(step.path));
    case Call::rename:
        return (options.replace == ARSYNC_REPLACE_EXCLUSIVE || has_numbers(options)) &&
               may_mean_no_such_rename(error);
    case Call::make_link: // another temporary name will do
    case Call::make_symlink:
        return error == EEXIST;
    case Call::unlink: // of a temporary name that is gone already
        return is_temporary_name(step.path);
    case Call::write:
        if (is_strange(scenario) && !means_no_room(error))
            return true;
        [[fallthrough]];
    case Call::read:
        return is_tried_otherwise(options, step, error);
    case Call::reflink: // another method may do, unless the disk itself is at fault
        return options.reflink != ARSYNC_REFLINK_ALWAYS && error != EIO && error != ENOSPC;
    case Call::copy_file_range: // before the first byte
    case Call::allocate:        // zeros can be written in place of a hole
    case Call::statx:           // when it is only a second look
    case Call::device_size:
    case Call::read_cached:
    case Call::seek:
    case Call::reopen:
    case Call::inode_flags: // for holes; or where there are none
    case Call::project:
    case Call::set_inode_flags: // one by one they may be taken
        return true;
    case Call::write_back: // where there is no such thing
        return error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == ESPIPE ||
               error == EPERM; // or it is denied
    case Call::chown:
        return !(options.preserve & ARSYNC_PRESERVE_OWNER) || !scenario.world.privileged ||
               written_in_place(scenario); // where it is tried before and after
    case Call::chmod: // where it has that mode already; or to have it narrow for a while
        return true;
    case Call::set_times: // what is refused is tried again with the file lent back to its maker
        return is_refusal(error) && (options.preserve & ARSYNC_PRESERVE_OWNER);
    case Call::list_xattrs: // of an entry they are listed twice
        if (step.subject == Subject::source &&
            ((options.flags & ARSYNC_COPY_RECURSIVE) || options.backup != ARSYNC_BACKUP_NONE ||
             options.replace == ARSYNC_REPLACE_REMOVE))
            return true;
        [[fallthrough]];
    case Call::get_xattr: // whether there is an ACL to be removed, which is tried then
        if (step.subject == Subject::destination && (options.preserve & ARSYNC_PRESERVE_MODE))
            return true;
        [[fallthrough]];
    case Call::remove_xattr:
    case Call::set_xattr:
        if (step.call == Call::remove_xattr && error == EPERM) // of what is not there, see checks
            return true;
        return error == EOPNOTSUPP || error == ENODATA || error == EINVAL ||
               (step.subject == Subject::destination && is_refusal(error) &&
                (options.preserve & ARSYNC_PRESERVE_OWNER));
    default:
        return false;
    }
}

} // namespace arsync::sim
