#include "copy/metadata.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/identity.h"
#include "copy/metadata_carrier.h"
#include "copy/required.h"

namespace arsync {

void copy_metadata(Files& files, const Described& both, const arsync_copy_options& options,
                   Control& control, Outcome& outcome) {
    Described ends = both;
    struct statx now;
    // What is immutable already has to be left alone where it is right.
    const bool looks = asks_for_flags(options) && !ends.destination_facts;
    if (looks && files.statx(ends.destination, "", 0, now) == 0)
        ends.destination_facts = &now;
    const Outcome before = outcome;
    Carrier carrier(files, ends, options, control, outcome);
    carrier.carry();
    if (!carrier.gave_it_away())
        return;
    Outcome with_owner_last = before;
    Carrier again(files, ends, options, control, with_owner_last);
    if (again.carry_with_owner_last())
        outcome = with_owner_last;
}

void Carrier::carry() {
    flags();
    if (asks(ARSYNC_PRESERVE_OWNER)) {
        keep_others_out();
        owner();
    }
    extras();
    permissions(bits_that_stay());
    if (asks(ARSYNC_PRESERVE_TIMES))
        times();
    seal();
}

void Carrier::flags() {
    if (flags_.known == 0)
        return;
    control_.enter(ARSYNC_STAGE_FLAGS);
    ends_.set_flags(flags_, options_, outcome_);
}

void Carrier::seal() {
    if (!seals_ || !flags_.has_seal())
        return;
    control_.enter(ARSYNC_STAGE_FLAGS);
    ends_.seal_flags(flags_, options_, outcome_);
}

// What its old group and all others may do is not for the new ones, who may have less; nor is what
// an ACL gives, whose mask goes with the group's bits.
void Carrier::keep_others_out() {
    // Others mostly cannot give it away, and it would be shut to them for nothing.
    if (!asks(ARSYNC_PRESERVE_MODE) || S_ISLNK(facts_.stx_mode) || ends_.effective_user() != 0)
        return;
    struct statx memory;
    const struct statx* now = ends_.found_there(memory);
    if (!now || (now->stx_uid == uid_ && now->stx_gid == gid_) || (now->stx_mode & 0077) == 0)
        return;
    changed_ = true;
    ends_.chmod(now->stx_mode & 0700);
}

// What is known of the destination is of before any change.
void Carrier::owner() {
    if (!changed_ && ends_.has_owner(uid_, gid_))
        return;
    control_.enter(ARSYNC_STAGE_OWNER);
    changed_ = true;
    const int result = ends_.chown(uid_, gid_);
    if (result == 0)
        return;
    owner_kept_ = false;
    // EACCES: what CIFS says for it. EINVAL: an id that this user namespace has not; EOVERFLOW:
    // that the mount has not.
    if (result == -EPERM || result == -EACCES || result == -EINVAL || result == -EOVERFLOW) {
        // The group may still be ours.
        const bool lost_group = ends_.chown(static_cast<uid_t>(-1), gid_) != 0;
        outcome_.flags |= ARSYNC_COMPLETION_OWNER_LOST;
        const bool lost_user =
            uid_ != facts_.stx_uid && ends_.chown(uid_, static_cast<gid_t>(-1)) != 0;
        const bool lost_mapped = lost_user || (gid_ != facts_.stx_gid && lost_group);
        if (ends_.effective_user() != 0 && !lost_mapped) // of whom nobody expects it
            return;
    }
    keeps(ARSYNC_STAGE_OWNER, result);
}

void Carrier::extras() {
    if (asks(ARSYNC_PRESERVE_XATTR))
        xattrs();
    if (asks(ARSYNC_PRESERVE_CONTEXT)) {
        control_.enter(ARSYNC_STAGE_CONTEXT);
        copy(ARSYNC_STAGE_CONTEXT, label);
    }
    if (widened_ && !asks(ARSYNC_PRESERVE_MODE) && final_mode_.bits == keep_mode)
        keeps(ARSYNC_STAGE_MODE, ends_.chmod(mode_before_));
}

mode_t Carrier::bits_that_stay() const {
    const mode_t bits = facts_.stx_mode & 07777;
    return owner_kept_ ? bits : bits & ~special_bits;
}

void Carrier::permissions(mode_t bits) {
    if (S_ISLNK(facts_.stx_mode)) // has none, and no ACL
        return;
    if (!asks(ARSYNC_PRESERVE_MODE)) {
        if (final_mode_.drops_acl)
            remove_acl(access_acl);
        if (final_mode_.bits != keep_mode)
            keeps_mode(final_mode_.bits);
        return;
    }
    control_.enter(ARSYNC_STAGE_MODE);
    acl(access_acl);
    if (S_ISDIR(facts_.stx_mode))
        acl(default_acl);
    bits &= ~bits_lost_;
    keeps_mode(bits);
    other_acls();
}

// Some filesystems refuse to change any mode, and give every file the same: perhaps this one.
// Setuid and setgid may have gone since the destination was looked at, as what is truncated or
// written to by an ordinary user loses them.
void Carrier::keeps_mode(mode_t bits) {
    if (!changed_ && (bits & special_bits) == 0 && ends_.has_mode(bits))
        return;
    const int result = ends_.chmod(bits);
    if (result < 0 && !ends_.is_found_with(bits))
        changes(ARSYNC_STAGE_MODE, result);
}

void Carrier::times() {
    control_.enter(ARSYNC_STAGE_TIMES);
    const timespec both[2] = {
        {facts_.stx_atime.tv_sec, static_cast<long>(facts_.stx_atime.tv_nsec)},
        {facts_.stx_mtime.tv_sec, static_cast<long>(facts_.stx_mtime.tv_nsec)},
    };
    const int result = ends_.set_times(both);
    if (result != -EPERM || !seals_ || !ends_.has_time(facts_.stx_mtime))
        changes(ARSYNC_STAGE_TIMES, result);
}

// Whether it went well. If not, that is noted.
bool Carrier::keeps(Stage stage, int64_t result, Side side) {
    if (result >= 0)
        return true;
    note_loss(outcome_, options_, stage, result, side);
    return false;
}

// The same of what changes the destination, which its owner alone may.
bool Carrier::changes(Stage stage, int64_t result) {
    refused_ = refused_ || result == -EPERM || result == -EACCES;
    return keeps(stage, result);
}

bool Carrier::gave_it_away() {
    return refused_ && asks(ARSYNC_PRESERVE_OWNER) && owner_kept_ && uid_ != ends_.effective_user();
}

bool Carrier::carry_with_owner_last() {
    if (ends_.chown(ends_.effective_user(), static_cast<gid_t>(-1)) < 0)
        return false;
    const mode_t bits = bits_that_stay();
    changed_ = true;
    flags();
    extras();
    permissions(bits & ~special_bits);
    if (asks(ARSYNC_PRESERVE_TIMES))
        times();
    owner();
    if (has_capability_)
        copy(ARSYNC_STAGE_XATTR, capability);
    if ((bits & special_bits) != 0 && owner_kept_ && asks(ARSYNC_PRESERVE_MODE))
        keeps_mode(bits & ~bits_lost_);
    seal();
    return true;
}

// How grave the loss of an attribute is beside others: one that is required more than any that is
// not, and of these as cp ends at the first of them. What has cost the content is graver than any.
static int gravity(int result, Stage stage, const arsync_copy_options& options) {
    if (result == 0)
        return 0;
    const int least = is_not_required(result, stage, options) ? 0 : 10;
    switch (stage) {
    case ARSYNC_STAGE_CONTEXT:
    case ARSYNC_STAGE_FLAGS:
        return least + 1;
    case ARSYNC_STAGE_XATTR:
        return least + 2;
    case ARSYNC_STAGE_MODE:
        return least + 3;
    case ARSYNC_STAGE_OWNER:
        return least + 4;
    case ARSYNC_STAGE_TIMES:
        return least + 5;
    default:
        return least + 6;
    }
}

void note_loss(Outcome& outcome, const arsync_copy_options& options, Stage stage, int64_t result,
               Side side) {
    const int lost = static_cast<int>(result);
    if (gravity(lost, stage, options) > gravity(outcome.result, outcome.stage, options))
        outcome.fail(lost, stage, side);
}

// What a file's group may do, where that is another group now: no more than all others.
static mode_t without_group(mode_t bits) {
    return bits & (0707 | (bits & 07) << 3);
}

// Of an ACL: what says that there is none.
static bool means_none(int64_t result) {
    return result == -ENODATA || result == -EOPNOTSUPP || result == -EINVAL;
}

// Without /proc an ACL is for those to see who may read the file.
static int64_t get_acl(Files& files, const FileCopy& names, int fd, const Identity& of,
                       std::vector<char>& acl) {
    const int64_t size = files.get_xattr(fd, access_acl, acl.data(), acl.size());
    if (size != -ENOSYS)
        return size;
    const File file(files, files.open(names.destination_dirfd, names.destination.c_str(),
                                      O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0));
    struct statx now;
    const bool same = file && files.statx(file.get(), "", 0, now) == 0 && identity(now) == of;
    return same ? files.get_xattr(file.get(), access_acl, acl.data(), acl.size()) : size;
}

std::optional<Replaced> look_at_replaced(Files& files, const FileCopy& names,
                                         const struct statx& found,
                                         const arsync_copy_options& options) {
    Replaced old{found};
    if ((options.preserve & ARSYNC_PRESERVE_MODE) != 0)
        return old;
    const int fd =
        files.open(names.destination_dirfd, names.destination.c_str(), O_PATH | O_NOFOLLOW, 0);
    if (fd == -EMFILE || fd == -ENFILE) // the entry is undone, and begun anew when there are some
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, -fd};
    const File file(files, fd);
    struct statx now;
    old.result = fd < 0 ? fd : files.statx(fd, "", 0, now);
    const bool is_gone = old.result == -ENOENT || (old.result == 0 && !S_ISREG(now.stx_mode));
    if (is_gone)
        return std::nullopt;
    if (old.result < 0)
        return old;
    old.facts = now;              // another copy may have been quicker, and it is that one's now
    std::vector<char> acl(65536); // the most that an attribute may hold
    const int64_t size = get_acl(files, names, fd, identity(now), acl);
    if (means_none(size))
        old.acl.emplace();
    else if (size < 0)
        old.result = size;
    else
        old.acl.emplace(acl.begin(), acl.begin() + size);
    return old;
}

// Group bits of a file with an ACL are its mask: without the ACL they would be its group's. What is
// not to be known is lost. has_group: that of the file before.
static mode_t take_over_acl(Files& files, int destination, const Replaced& old, bool has_group,
                            const arsync_copy_options& options, Outcome& outcome) {
    const mode_t bits = old.facts.stx_mode & 0777;
    const auto lost = [&](int64_t result) {
        note_loss(outcome, options, ARSYNC_STAGE_MODE, result);
        return bits & 0700;
    };
    if (!old.acl)
        return lost(old.result);
    if (old.acl->empty()) { // nor is it to have what its directory gives
        const int removed = files.remove_xattr(destination, access_acl);
        if (removed < 0 && !means_none(removed))
            return lost(removed);
        return has_group ? bits : without_group(bits);
    }
    std::vector<char> acl = *old.acl;
    if (!has_group)
        narrow_group_of_acl(acl);
    const int set = files.set_xattr(destination, access_acl, acl.data(), acl.size());
    if (set < 0 && set != -EOPNOTSUPP)
        note_loss(outcome, options, ARSYNC_STAGE_MODE, set);
    return set == 0 ? bits : bits & 0707;
}

static constexpr auto same_user = static_cast<uid_t>(-1);
static constexpr auto same_group = static_cast<gid_t>(-1);

// False: it is another's, who alone may do that.
static bool take_over_mode(Files& files, int destination, const struct statx& now,
                           const Replaced& old, bool has_group, const arsync_copy_options& options,
                           Outcome& outcome) {
    // Writing takes setuid and setgid away, and so does this.
    const mode_t bits = take_over_acl(files, destination, old, has_group, options, outcome);
    const int result = files.chmod(destination, bits);
    if (result < 0 && (now.stx_mode & 07777) != bits)
        note_loss(outcome, options, ARSYNC_STAGE_MODE, result);
    return result != -EPERM;
}

// Whether it is to be the source's group's, and that is another than the old file's. Who may not
// give it to that one is told so by copy_metadata().
static bool gets_other_group(Files& files, int destination, const struct statx& now,
                             const struct statx& source, const struct statx& replaced,
                             const arsync_copy_options& options, Outcome& outcome) {
    const gid_t group = copied_group(options, source.stx_gid);
    if (group == replaced.stx_gid || now.stx_gid == group)
        return group != replaced.stx_gid;
    const int given = files.chown(destination, same_user, group);
    if (given < 0 && given != -EPERM)
        note_loss(outcome, options, ARSYNC_STAGE_OWNER, given);
    return given != -EPERM;
}

void take_over(Files& files, int destination, const struct statx& now, const struct statx& source,
               const Replaced& old, const arsync_copy_options& options, Outcome& outcome) {
    const struct statx& replaced = old.facts;
    // Its owner is for copy_metadata() to keep; whose group it is to be counts here.
    const bool keeps_owner = (options.preserve & ARSYNC_PRESERVE_OWNER) != 0;
    const bool gave_away =
        !keeps_owner && files.chown(destination, replaced.stx_uid, replaced.stx_gid) == 0;
    const bool keeps_mode = (options.preserve & ARSYNC_PRESERVE_MODE) != 0;
    if (keeps_owner && keeps_mode) // then nothing of the old file's is taken over
        return;
    const bool gets_other = keeps_owner && gets_other_group(files, destination, now, source,
                                                            replaced, options, outcome);
    const bool has_group =
        !gets_other && (gave_away || now.stx_gid == replaced.stx_gid ||
                        files.chown(destination, same_user, replaced.stx_gid) == 0);
    if (keeps_mode)
        return;
    const auto mode = [&](Outcome& told) {
        return take_over_mode(files, destination, now, old, has_group, options, told);
    };
    Outcome first = outcome;
    const bool may = mode(first);
    const bool takes_back = !may && gave_away && replaced.stx_uid != files.effective_user() &&
                            files.chown(destination, files.effective_user(), same_group) == 0;
    if (!takes_back) {
        outcome = first;
        return;
    }
    mode(outcome);
    files.chown(destination, replaced.stx_uid, same_group);
}

} // namespace arsync
