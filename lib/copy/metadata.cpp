#include "copy/metadata.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <vector>

#include "copy/attribute_rules.h"
#include "copy/identity.h"

namespace arsync {

namespace {

constexpr const char* access_acl = "system.posix_acl_access";
constexpr const char* default_acl = "system.posix_acl_default"; // of directories
constexpr const char* label = "security.selinux";
constexpr const char* capability = "security.capability";

// Labels have an option of their own.
bool is_copied(const char* name) {
    return strcmp(name, label) != 0 &&
           AttributeRules::of_system().use_of(name) == AttributeUse::content;
}

// Beside POSIX ACLs, as NFS has them: each filesystem takes its own kind alone.
bool is_other_acl(const char* name) {
    return strcmp(name, access_acl) != 0 && strcmp(name, default_acl) != 0 &&
           AttributeRules::of_system().use_of(name) == AttributeUse::permissions;
}

bool is_access_acl(const char* name) {
    return strcmp(name, access_acl) == 0;
}

// The names that a list call gives, with room made for them; or a negative errno.
template <class List>
int64_t all_names(std::vector<char>& names, List list) {
    names.resize(256); // enough for most; a list that is empty takes one call
    for (;;) {
        const int64_t size = list(names.data(), names.size());
        if (size >= 0)
            names.resize(static_cast<size_t>(size));
        if (size != -ERANGE)
            return size;
        const int64_t needed = list(nullptr, 0);
        if (needed < 0)
            return needed;
        names.resize(static_cast<size_t>(needed) + 256); // it may grow between the two calls
    }
}

bool contains(const std::vector<char>& names, const char* name) {
    for (size_t at = 0; at < names.size(); at += strlen(&names[at]) + 1)
        if (strcmp(&names[at], name) == 0)
            return true;
    return false;
}

// The calls, but for what is known without them.
class OpenFiles {
public:
    OpenFiles(Files& world, const Described& both) : files_(world), ends_(both) {}

    int64_t list(std::vector<char>& names) {
        if (!ends_.xattrs)
            return list_xattrs(files_, ends_.source, names);
        names = *ends_.xattrs;
        return static_cast<int64_t>(names.size());
    }
    // Of a link or a special file, where that is -ENOSYS: it tells what there is and cannot be had.
    int64_t list_by_name(std::vector<char>& names) {
        if (!ends_.named)
            return -ENOSYS;
        const FileCopy& copy = *ends_.named;
        return all_names(names, [&](char* text, size_t size) {
            return files_.list_xattrs_at(copy.source_dirfd, copy.source.c_str(),
                                         copy.follows ? 0 : AT_SYMLINK_NOFOLLOW, text, size);
        });
    }
    int64_t get(const char* name, void* value, size_t size) {
        if (ends_.xattrs && !contains(*ends_.xattrs, name))
            return -ENODATA;
        return files_.get_xattr(ends_.source, name, value, size);
    }
    int set(const char* name, const void* value, size_t size) {
        return files_.set_xattr(ends_.destination, name, value, size);
    }
    const std::vector<char>* old_xattrs() const { return ends_.destination_xattrs; }
    bool has_already(const char* name, const std::vector<char>& value) {
        if (!old_xattrs() || !contains(*old_xattrs(), name))
            return false;
        std::vector<char> old(value.size() + 1);
        const int64_t size = files_.get_xattr(ends_.destination, name, old.data(), old.size());
        return size == static_cast<int64_t>(value.size()) &&
               std::equal(value.begin(), value.end(), old.begin());
    }
    int remove(const char* name) {
        if (old_xattrs() && !contains(*old_xattrs(), name))
            return -ENODATA;
        return ends_.destination_has_no_acl ? -ENODATA
                                            : files_.remove_xattr(ends_.destination, name);
    }
    bool has_owner(uid_t uid, gid_t gid) const {
        const struct statx* now = ends_.destination_facts;
        return now && now->stx_uid == uid && now->stx_gid == gid;
    }
    int chown(uid_t uid, gid_t gid) { return files_.chown(ends_.destination, uid, gid); }
    bool has_mode(mode_t mode) const {
        const struct statx* now = ends_.destination_facts;
        return now && (now->stx_mode & 07777) == mode;
    }
    int chmod(mode_t mode) { return files_.chmod(ends_.destination, mode); }
    int set_times(const timespec times[2]) { return files_.set_times(ends_.destination, times); }
    bool find(struct statx& now) { return files_.statx(ends_.destination, "", 0, now) == 0; }
    bool is_found_with(mode_t mode) {
        struct statx now;
        return find(now) && (now.stx_mode & 07777) == mode;
    }
    uid_t effective_user() { return files_.effective_user(); }

private:
    Files& files_;
    const Described& ends_;
};

// How grave the loss of an attribute is beside others, as cp ends at the first of them. What has
// cost the content is graver than any.
int gravity(int result, Stage stage) {
    if (result == 0)
        return 0;
    switch (stage) {
    case ARSYNC_STAGE_CONTEXT:
        return 1;
    case ARSYNC_STAGE_XATTR:
        return 2;
    case ARSYNC_STAGE_MODE:
        return 3;
    case ARSYNC_STAGE_OWNER:
        return 4;
    case ARSYNC_STAGE_TIMES:
        return 5;
    default:
        return 6;
    }
}

} // namespace

void note_loss(Outcome& outcome, Stage stage, int64_t result, Side side) {
    if (gravity(static_cast<int>(result), stage) > gravity(outcome.result, outcome.stage))
        outcome.fail(static_cast<int>(result), stage, side);
}

namespace {

class Carrier {
public:
    Carrier(Files& files, const Described& both, const arsync_copy_options& options,
            Control& outside, Outcome& result)
        : ends_(files, both), facts_(both.facts), preserve_(options.preserve),
          final_mode_(both.final_mode), control_(outside), outcome_(result) {}

    // Each in its place: a change of owner takes setuid, setgid and capabilities away.
    void carry() {
        if (asks(ARSYNC_PRESERVE_OWNER))
            owner();
        extras();
        permissions(bits_that_stay());
        if (asks(ARSYNC_PRESERVE_TIMES))
            times();
    }

    // Whether it is another's now, and who gave it away (CAP_CHOWN) may not change what is
    // another's (CAP_FOWNER).
    bool gave_it_away() {
        return refused_ && asks(ARSYNC_PRESERVE_OWNER) && owner_kept_ &&
               facts_.stx_uid != ends_.effective_user();
    }

    // So while it is its own. False: it does not come back.
    bool carry_with_owner_last() {
        if (ends_.chown(ends_.effective_user(), static_cast<gid_t>(-1)) < 0)
            return false;
        const mode_t bits = bits_that_stay();
        changed_ = true;
        extras();
        permissions(bits & ~special_bits);
        if (asks(ARSYNC_PRESERVE_TIMES))
            times();
        owner();
        if (has_capability_)
            copy(ARSYNC_STAGE_XATTR, capability);
        if ((bits & special_bits) != 0 && owner_kept_ && asks(ARSYNC_PRESERVE_MODE))
            keeps_mode(bits & ~bits_lost_);
        return true;
    }

private:
    static constexpr mode_t special_bits = S_ISUID | S_ISGID;

    bool asks(uint32_t attribute) const { return (preserve_ & attribute) != 0; }

    void owner() {
        if (ends_.has_owner(facts_.stx_uid, facts_.stx_gid))
            return;
        control_.enter(ARSYNC_STAGE_OWNER);
        changed_ = true;
        const int result = ends_.chown(facts_.stx_uid, facts_.stx_gid);
        if (result == 0)
            return;
        owner_kept_ = false;
        if (result == -EPERM || result == -EINVAL) { // EINVAL: an id this user namespace has not
            ends_.chown(static_cast<uid_t>(-1), facts_.stx_gid); // the group may still be ours
            outcome_.flags |= ARSYNC_COMPLETION_OWNER_LOST;
            if (ends_.effective_user() != 0) // of whom nobody expects it
                return;
        }
        keeps(ARSYNC_STAGE_OWNER, result);
    }

    void extras() {
        if (asks(ARSYNC_PRESERVE_XATTR))
            xattrs();
        if (asks(ARSYNC_PRESERVE_CONTEXT)) {
            control_.enter(ARSYNC_STAGE_CONTEXT);
            copy(ARSYNC_STAGE_CONTEXT, label);
        }
        if (widened_ && !asks(ARSYNC_PRESERVE_MODE) && final_mode_.bits == keep_mode)
            keeps(ARSYNC_STAGE_MODE, ends_.chmod(mode_before_));
    }

    void xattrs() {
        control_.enter(ARSYNC_STAGE_XATTR);
        std::vector<char> names;
        const int64_t size = ends_.list(names);
        if (size == -ENOSYS)
            lose(ARSYNC_STAGE_XATTR, is_copied);
        if (is_none(ARSYNC_STAGE_XATTR, size) || !keeps(ARSYNC_STAGE_XATTR, size, Side::source))
            return;
        for (size_t at = 0; at < static_cast<size_t>(size); at += strlen(&names[at]) + 1)
            if (is_copied(&names[at]))
                copy(ARSYNC_STAGE_XATTR, &names[at]);
        if (ends_.old_xattrs())
            remove_others(names, *ends_.old_xattrs());
    }

    // Without /proc: those names of the source's that are of a kind. Whether there are any.
    bool lose(Stage stage, bool (*is_of_kind)(const char*)) {
        std::vector<char> names;
        const int64_t size = ends_.list_by_name(names);
        for (int64_t at = 0; at < size;) {
            const char* name = &names[static_cast<size_t>(at)];
            if (is_of_kind(name))
                return !keeps(stage, -ENOSYS);
            at += static_cast<int64_t>(strlen(name)) + 1;
        }
        return false;
    }

    // Of those that are the file's own; what else a kernel's policy puts there is for that to say.
    void remove_others(const std::vector<char>& wanted, const std::vector<char>& old) {
        for (size_t at = 0; at < old.size(); at += strlen(&old[at]) + 1) {
            const std::string_view name(&old[at]);
            const bool own =
                name.starts_with("user.") || name.starts_with("trusted.") || name == capability;
            if (!own || !is_copied(&old[at]) || contains(wanted, &old[at]))
                continue;
            const auto remove = [&] { return ends_.remove(&old[at]); };
            int result = remove();
            if (result == -EACCES && widen())
                result = remove();
            if (result != -ENODATA) // a change of owner has removed it
                changes(ARSYNC_STAGE_XATTR, result);
        }
    }

    mode_t bits_that_stay() const {
        const mode_t bits = facts_.stx_mode & 07777;
        return owner_kept_ ? bits : bits & ~special_bits;
    }

    void permissions(mode_t bits) {
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

    // After the mode, which would take away from them.
    void other_acls() {
        std::vector<char> names;
        const int64_t size = ends_.list(names);
        if (is_none(ARSYNC_STAGE_MODE, size) || !keeps(ARSYNC_STAGE_MODE, size, Side::source))
            return;
        for (size_t at = 0; at < names.size(); at += strlen(&names[at]) + 1) {
            if (!is_other_acl(&names[at]) || !get(ARSYNC_STAGE_MODE, &names[at]))
                continue;
            const int set = ends_.set(&names[at], value_.data(), value_.size());
            if (!is_none(ARSYNC_STAGE_MODE, set))
                changes(ARSYNC_STAGE_MODE, set);
        }
    }

    // Some filesystems refuse to change any mode, and give every file the same: perhaps this one.
    void keeps_mode(mode_t bits) {
        if (!changed_ && ends_.has_mode(bits))
            return;
        const int result = ends_.chmod(bits);
        if (result < 0 && !ends_.is_found_with(bits))
            changes(ARSYNC_STAGE_MODE, result);
    }

    void times() {
        control_.enter(ARSYNC_STAGE_TIMES);
        const timespec both[2] = {
            {facts_.stx_atime.tv_sec, static_cast<long>(facts_.stx_atime.tv_nsec)},
            {facts_.stx_mtime.tv_sec, static_cast<long>(facts_.stx_mtime.tv_nsec)},
        };
        changes(ARSYNC_STAGE_TIMES, ends_.set_times(both));
    }

    // Whether it went well. If not, that is noted.
    bool keeps(Stage stage, int64_t result, Side side = Side::by_stage) {
        if (result >= 0)
            return true;
        note_loss(outcome_, stage, result, side);
        return false;
    }

    // The same of what changes the destination, which its owner alone may.
    bool changes(Stage stage, int64_t result) {
        refused_ = refused_ || result == -EPERM || result == -EACCES;
        return keeps(stage, result);
    }

    // The value of the source's attribute; false if there is none, or the filesystem has none.
    bool get(Stage stage, const char* name) {
        for (;;) {
            const int64_t size = ends_.get(name, nullptr, 0);
            out_of_reach_ = size == -ENOSYS;
            if (is_none(stage, size) || !keeps(stage, size, Side::source))
                return false;
            value_.resize(static_cast<size_t>(size));
            const int64_t got = ends_.get(name, value_.data(), value_.size());
            if (got == -ERANGE)
                continue; // it grew in between
            if (got == -ENODATA || !keeps(stage, got, Side::source))
                return false;
            value_.resize(static_cast<size_t>(got));
            return true;
        }
    }

    // Of an ACL EINVAL says that too, as on some network filesystems. ENOSYS: without /proc those
    // of links and special files are not to be had, and most have none; see lose().
    static bool is_none(Stage stage, int64_t result) {
        return result == -ENODATA || result == -EOPNOTSUPP || result == -ENOSYS ||
               (stage == ARSYNC_STAGE_MODE && result == -EINVAL);
    }

    void copy(Stage stage, const char* name) {
        if (!get(stage, name) || ends_.has_already(name, value_))
            return;
        has_capability_ = has_capability_ || strcmp(name, capability) == 0;
        int result = ends_.set(name, value_.data(), value_.size());
        if (result == -EACCES && widen())
            result = ends_.set(name, value_.data(), value_.size());
        changes(stage, result);
    }

    // A user's attributes are for those to set who may write to the file: not even for its owner,
    // if it is read-only. For a moment it is not.
    bool widen() {
        struct statx now;
        if (widened_ || !ends_.find(now) || (now.stx_mode & S_IWUSR) != 0)
            return false;
        mode_before_ = now.stx_mode & 07777;
        widened_ = ends_.chmod(mode_before_ | S_IWUSR) == 0;
        changed_ = changed_ || widened_;
        return widened_;
    }

    // An ACL that the destination had, or inherited from its directory, would open it further than
    // its source.
    void acl(const char* name) {
        if (get(ARSYNC_STAGE_MODE, name)) {
            if (ends_.has_already(name, value_))
                return;
            changed_ = true;
            const int set = ends_.set(name, value_.data(), value_.size());
            if (!changes(ARSYNC_STAGE_MODE, set) && name == access_acl)
                bits_lost_ |= S_IRWXG; // the mask's: without the ACL they would be the group's
            return;
        }
        if (out_of_reach_ && name == access_acl && lose(ARSYNC_STAGE_MODE, is_access_acl))
            bits_lost_ |= S_IRWXG;
        remove_acl(name);
    }

    void remove_acl(const char* name) {
        const int result = ends_.remove(name);
        changed_ = changed_ || result == 0;
        if (!is_none(ARSYNC_STAGE_MODE, result))
            changes(ARSYNC_STAGE_MODE, result);
    }

    OpenFiles ends_;
    const struct statx& facts_;
    const uint32_t preserve_;
    const FinalMode final_mode_;
    Control& control_;
    Outcome& outcome_;
    bool owner_kept_ = true;
    bool refused_ = false; // something, for lack of rights
    bool has_capability_ = false;
    bool out_of_reach_ = false;
    bool widened_ = false; // writable for its owner, who had mode_before_
    mode_t mode_before_ = 0;
    mode_t bits_lost_ = 0; // of the mode, with an ACL that could not be set
    bool changed_ = false; // what may have changed the mode too
    std::vector<char> value_;
};

} // namespace

int64_t list_xattrs(Files& files, int fd, std::vector<char>& names) {
    return all_names(names,
                     [&](char* text, size_t size) { return files.list_xattrs(fd, text, size); });
}

std::optional<std::vector<char>> xattrs_to_update(Files& files, int destination, bool is_new,
                                                  const arsync_copy_options& options,
                                                  Outcome& outcome) {
    constexpr uint32_t kept_as_xattrs =
        ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT;
    if (is_new || options.update != ARSYNC_UPDATE_CHANGED ||
        (options.preserve & kept_as_xattrs) == 0)
        return std::nullopt;
    std::vector<char> names;
    const int64_t listed = list_xattrs(files, destination, names);
    if (listed >= 0)
        return names;
    const bool has_none = listed == -EOPNOTSUPP || listed == -ENOSYS;
    if (!has_none && (options.preserve & ARSYNC_PRESERVE_XATTR) != 0)
        note_loss(outcome, ARSYNC_STAGE_XATTR, listed);
    return std::nullopt;
}

bool has_acl(const std::vector<char>& xattrs) {
    return contains(xattrs, access_acl);
}

bool has_default_acl(Files& files, int directory) {
    const int64_t size = files.get_xattr(directory, default_acl, nullptr, 0);
    return size != -ENODATA && size != -EOPNOTSUPP && size != -EINVAL;
}

void copy_metadata(Files& files, const Described& ends, const arsync_copy_options& options,
                   Control& control, Outcome& outcome) {
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

// Group bits of a file with an ACL are its mask: without the ACL they would be its group's. What is
// not to be known is lost.
static mode_t take_over_acl(Files& files, int destination, const FileCopy& names,
                            const struct statx& replaced, Outcome& outcome) {
    const mode_t bits = replaced.stx_mode & 0777;
    const auto lost = [&](int64_t result) {
        note_loss(outcome, ARSYNC_STAGE_MODE, result);
        return bits & 0700;
    };
    const int fd =
        files.open(names.destination_dirfd, names.destination.c_str(), O_PATH | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return bits & 0700;             // nobody knows any more
    if (fd == -EMFILE || fd == -ENFILE) // the entry is undone, and begun anew when there are some
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, -fd};
    if (fd < 0)
        return lost(fd);
    const File old(files, fd);
    struct statx now;
    if (const int result = files.statx(fd, "", 0, now); result < 0)
        return lost(result);
    if (identity(now) != identity(replaced))
        return bits & 0700;
    std::vector<char> acl(65536); // the most that an attribute may hold
    const int64_t size = files.get_xattr(fd, access_acl, acl.data(), acl.size());
    if (size == -ENODATA || size == -EOPNOTSUPP || size == -EINVAL)
        return bits;
    if (size < 0)
        return lost(size);
    const int set = files.set_xattr(destination, access_acl, acl.data(), static_cast<size_t>(size));
    return set == 0 ? bits : bits & 0707;
}

void take_over(Files& files, int destination, const struct statx& now, const FileCopy& names,
               const struct statx& replaced, const arsync_copy_options& options, Outcome& outcome) {
    if ((options.preserve & ARSYNC_PRESERVE_OWNER) == 0)
        files.chown(destination, replaced.stx_uid, replaced.stx_gid);
    if ((options.preserve & ARSYNC_PRESERVE_MODE) != 0)
        return;
    // Writing takes setuid and setgid away, and so does this.
    const mode_t bits = take_over_acl(files, destination, names, replaced, outcome);
    const int result = files.chmod(destination, bits);
    if (result < 0 && (now.stx_mode & 07777) != bits)
        note_loss(outcome, ARSYNC_STAGE_MODE, result);
}

} // namespace arsync
