// A destination that was there before, or was given open: opened, made ready for new content, and
// opened again where a server wants that.
#include <cerrno>
#include <fcntl.h>

#include "copy/destination.h"
#include "copy/huge.h"
#include "copy/id_map.h"
#include "copy/same_file.h"
#include "copy/sync_name.h"

namespace arsync {

// Never opened unless asked to: opening a FIFO waits, opening a device may do anything.
static bool is_special(mode_t mode) {
    return !S_ISREG(mode) && !S_ISBLK(mode) && !S_ISDIR(mode);
}

bool gives_way_to_force(int error) {
    return error == -EACCES || error == -EPERM || error == -ETXTBSY || error == -EROFS ||
           error == -ELOOP;
}

Task<void> Destination::open_existing(const struct statx& source, const struct statx& found,
                                      Control& control) {
    // Nobody need be asked about what is not written to: where a link is not followed, it was what
    // it leads to that was asked about.
    if (S_ISLNK(found.stx_mode))
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ELOOP};
    refuse_unasked(found);
    if (is_special(found.stx_mode) && (options_.flags & ARSYNC_COPY_SPECIAL) == 0)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EOPNOTSUPP);

    if (S_ISSOCK(found.stx_mode)) { // as open(2) has it
        if ((options_.flags & ARSYNC_COPY_FORCE) == 0)
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ENXIO};
        co_await replace_by_force(source, found);
        co_return;
    }
    const int flags = nofollow_ ? O_NOFOLLOW : 0;
    const int fd = co_await open_for_writing(flags, source, found, control);
    if (fd < 0) { // removing was asked for
        co_await replace_by_force(source, found);
        co_return;
    }
    file_ = File(io_.files, fd);
    kind_ = Kind::existing;
    co_await prepare_existing(source);
}

// As a source that is open already.
Task<void> Destination::open_given(const struct statx& source) {
    struct statx found;
    check(ARSYNC_STAGE_OPEN_DESTINATION, io_.files.statx(copy_.destination_dirfd, "", 0, found));
    const bool stored = S_ISREG(found.stx_mode) || S_ISBLK(found.stx_mode);
    readable_ = reads_back();
    int fd = -1;
    if (stored)
        fd =
            io_.files.reopen(copy_.destination_dirfd, (readable_ ? O_RDWR : O_WRONLY) | O_NONBLOCK);
    shared_ = fd < 0;
    if (shared_) {
        fd = io_.files.duplicate(copy_.destination_dirfd);
        readable_ = stored && (copy_.destination_flags & (O_ACCMODE | O_DIRECT)) == O_RDWR;
    }
    check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    file_ = File(io_.files, fd);
    kind_ = Kind::existing;
    co_await prepare_existing(source);
}

Task<void> Destination::replace_by_force(const struct statx& source, const struct statx& found) {
    const int64_t removed = co_await io_.ring.call(is_huge(found), [&] {
        return io_.files.unlink(copy_.destination_dirfd, copy_.destination.c_str());
    });
    check(ARSYNC_STAGE_REMOVE, removed);
    removed_ = new_name_ = true;
    create(source);
}

// What the link names, for it to be written as anything that was there. The kernel follows the
// link, for it knows where none may be followed.
void Destination::make_target(const struct statx& source) {
    std::string target = end_of_links(io_.files, copy_);
    if (options_.durability == ARSYNC_DURABILITY_FULL)
        target_directory_ = open_to_sync_target(io_.files, copy_, target);
    const int fd =
        io_.files.open(copy_.destination_dirfd, copy_.destination.c_str(),
                       O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY, creation_mode(source));
    check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    File made(io_.files, fd);
    struct statx facts;
    check(ARSYNC_STAGE_OPEN_DESTINATION, io_.files.statx(fd, "", 0, facts));
    if (S_ISREG(facts.stx_mode) && facts.stx_size == 0) { // else somebody else was quicker
        target_ = std::move(target);
        target_id_ = identity(facts);
        plan_mode(source);
    }
    check(ARSYNC_STAGE_CLOSE, made.close());
}

void Destination::remove_target() {
    struct statx found;
    if (!target_.empty() &&
        io_.files.statx(copy_.destination_dirfd, target_.c_str(), AT_SYMLINK_NOFOLLOW, found) ==
            0 &&
        identity(found) == target_id_)
        io_.files.unlink(copy_.destination_dirfd, target_.c_str());
}

// O_NONBLOCK, or opening a FIFO that has no reader would hold up the whole worker.
Task<int> Destination::open_for_writing(int flags, const struct statx& source,
                                        const struct statx& found, Control& control) {
    const char* path = copy_.destination.c_str();
    flags |= O_NONBLOCK | O_NOCTTY;
    for (;;) {
        int fd = -EPERM;
        if (is_special(found.stx_mode))
            fd = io_.files.open(copy_.destination_dirfd, path, flags | O_WRONLY, 0);
        else
            fd = open_to_write(copy_.destination_dirfd, path, flags, 0);
        if (refuses_access(fd) && S_ISREG(found.stx_mode)) {
            const int emptied = open_emptied(flags, source);
            if (emptied >= 0)
                co_return emptied;
        }
        if (gives_way_to_force(fd) && (options_.flags & ARSYNC_COPY_FORCE) != 0)
            co_return fd;
        // A lease that somebody has on it (a file server, say) is being given back.
        const bool leased = fd == -EAGAIN && S_ISREG(found.stx_mode);
        if (!leased && (fd != -ENXIO || !S_ISFIFO(found.stx_mode)))
            co_return static_cast<int>(check(ARSYNC_STAGE_OPEN_DESTINATION, fd));
        control.throw_if_cancelled();
        const int64_t paused = co_await io_.ring.pause(open_again_ms, !leased);
        control.throw_if_cancelled();
        check(ARSYNC_STAGE_OPEN_DESTINATION, paused);
    }
}

// With O_TRUNC, as cp opens what is there: some servers take nothing else. What is opened is looked
// at before.
int Destination::open_emptied(int flags, const struct statx& source) {
    if ((options_.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) != 0)
        return -EPERM;
    const File pin(io_.files, io_.files.open(copy_.destination_dirfd, copy_.destination.c_str(),
                                             (flags & O_NOFOLLOW) | O_PATH, 0));
    struct statx found;
    if (!pin || io_.files.statx(pin.get(), "", 0, found) < 0 || !S_ISREG(found.stx_mode))
        return -EPERM;
    refuse_same(source, found);
    refuse_unasked(found);
    const int fd = io_.files.reopen(pin.get(), O_WRONLY | O_TRUNC | O_NONBLOCK);
    emptied_ = fd >= 0;
    return fd;
}

Task<void> Destination::prepare_existing(const struct statx& source) {
    // What was opened, not what was found: the name may have changed hands in between.
    refuse_same(source, facts());
    refuse_unasked(facts());
    if (is_special(facts().stx_mode) && (options_.flags & ARSYNC_COPY_SPECIAL) == 0)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
    if (!regular() || (options_.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) != 0)
        co_return;

    // The new content must not be readable through permissions, or an ACL, that the old content
    // had, if they can be changed; nor may a new group write to it by them.
    const mode_t old_mode = facts().stx_mode & 07777;
    const mode_t narrow_mode = (old_mode & source.stx_mode & 0700) | 0200;
    if ((options_.preserve & ARSYNC_PRESERVE_MODE) != 0 && old_mode != narrow_mode &&
        io_.files.chmod(fd(), narrow_mode) == 0)
        facts_.stx_mode = static_cast<uint16_t>((facts_.stx_mode & S_IFMT) | narrow_mode);
    // Nor by who owned the old content. What cannot be kept of this is told in the end: it does not
    // cost the content.
    const uid_t uid = copied_user(options_, source.stx_uid);
    const gid_t gid = copied_group(options_, source.stx_gid);
    const bool to_other = (options_.preserve & ARSYNC_PRESERVE_OWNER) != 0 &&
                          (facts().stx_uid != uid || facts().stx_gid != gid);
    if (to_other) {
        io_.files.chown(fd(), uid, gid);
        has_facts_ = false;
    }
    if (emptied_)
        co_return;
    // An empty one too: it is written anew, and its times shall say so.
    const int64_t emptied =
        co_await io_.ring.call(is_huge(facts()), [&] { return io_.files.truncate(fd(), 0); });
    int closed = 0;
    if (emptied < 0 && reopen(O_WRONLY | O_TRUNC, closed) < 0)
        check(ARSYNC_STAGE_TRUNCATE, emptied);
}

// Closes it first; what that says is in `closed`. A negative errno if it is not open again.
int Destination::reopen(int flags, int& closed) {
    closed = 0;
    has_facts_ = has_facts_ && !guessed_;
    guessed_ = false;
    facts();
    const File pin(io_.files, io_.files.reopen(fd(), O_PATH));
    if (!pin)
        return pin.get();
    closed = file_.close();
    file_ = File(io_.files, io_.files.reopen(pin.get(), flags | O_NONBLOCK));
    readable_ = (flags & O_ACCMODE) != O_WRONLY;
    shared_ = shared_ && !file_;
    return file_.get();
}

// Of what was refused so: if it cannot be done, that is what went wrong.
void Destination::begin_anew(Control& control, const Error& refusal) {
    control.enter(ARSYNC_STAGE_TRUNCATE);
    // A new file's mode may forbid its owner to write, which was no matter while it was open.
    struct statx now;
    check(ARSYNC_STAGE_TRUNCATE, io_.files.statx(fd(), "", 0, now));
    const mode_t mode = now.stx_mode & 07777;
    const bool widened =
        kind_ != Kind::existing && (mode & 0200) == 0 && io_.files.chmod(fd(), mode | 0200) == 0;
    int closed = 0; // and if what was written so far is lost, so much the better
    if (reopen(O_WRONLY | O_TRUNC, closed) < 0)
        throw refusal;
    if (widened)
        io_.files.chmod(fd(), mode);
}

void Destination::reopen_to_read(Control& control) {
    control.enter(ARSYNC_STAGE_VERIFY);
    int closed = 0;
    const int result = reopen(O_RDONLY, closed);
    check(ARSYNC_STAGE_CLOSE, closed);
    if (!file_ || !readable_) // without /proc it is still open as it was
        check(ARSYNC_STAGE_VERIFY, result);
}

void Destination::refuse_unasked(const struct statx& found) const {
    if (copy_.asked && !copy_.asked->is(found))
        throw Error{ARSYNC_STAGE_ASK, ESTALE, true};
}

} // namespace arsync
