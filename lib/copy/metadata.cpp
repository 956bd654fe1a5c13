#include "copy/metadata.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <vector>

#include "copy/identity.h"

namespace arsync {

namespace {

constexpr const char* access_acl = "system.posix_acl_access";
constexpr const char* default_acl = "system.posix_acl_default"; // of directories
constexpr const char* label = "security.selinux";

// ACLs go with the mode, labels have an option of their own. Other "system." attributes belong to
// the filesystem. XFS shows its ACLs to root a second time, as "trusted." ones.
bool is_copied(std::string_view name) {
    return !name.starts_with("system.") && !name.starts_with("trusted.SGI_ACL_") && name != label;
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
    int64_t get(const char* name, void* value, size_t size) {
        if (ends_.xattrs && !contains(*ends_.xattrs, name))
            return -ENODATA;
        return files_.get_xattr(ends_.source, name, value, size);
    }
    int set(const char* name, const void* value, size_t size) {
        return files_.set_xattr(ends_.destination, name, value, size);
    }
    int remove(const char* name) {
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

private:
    Files& files_;
    const Described& ends_;
};

class Carrier {
public:
    Carrier(OpenFiles both, const struct statx& facts, Losses losses, Control& outside,
            Outcome& result)
        : ends_(both), facts_(facts), losses_(losses), control_(outside), outcome_(result) {}

    void before_mode(uint32_t preserve) {
        if ((preserve & ARSYNC_PRESERVE_OWNER) != 0)
            owner();
        if ((preserve & ARSYNC_PRESERVE_XATTR) != 0)
            xattrs();
        if ((preserve & ARSYNC_PRESERVE_CONTEXT) != 0)
            context();
    }

    void owner() {
        if (ends_.has_owner(facts_.stx_uid, facts_.stx_gid))
            return;
        control_.enter(ARSYNC_STAGE_OWNER);
        changed_ = true;
        const int result = ends_.chown(facts_.stx_uid, facts_.stx_gid);
        if (result == 0)
            return;
        if (result != -EPERM && result != -EINVAL) { // EINVAL: an id this user namespace has not
            expect(ARSYNC_STAGE_OWNER, result);
        } else {
            ends_.chown(static_cast<uid_t>(-1), facts_.stx_gid); // the group may still be ours
            outcome_.flags |= ARSYNC_COMPLETION_OWNER_LOST;
        }
        owner_kept_ = false;
    }

    void xattrs() {
        control_.enter(ARSYNC_STAGE_XATTR);
        std::vector<char> names;
        const int64_t size = ends_.list(names);
        if (size == -EOPNOTSUPP || !expect(ARSYNC_STAGE_XATTR, size))
            return;
        for (size_t at = 0; at < static_cast<size_t>(size); at += strlen(&names[at]) + 1)
            if (is_copied(&names[at]))
                copy(ARSYNC_STAGE_XATTR, &names[at]);
    }

    void context() {
        control_.enter(ARSYNC_STAGE_CONTEXT);
        copy(ARSYNC_STAGE_CONTEXT, label);
    }

    void mode(bool directory) {
        control_.enter(ARSYNC_STAGE_MODE);
        acl(access_acl);
        if (directory)
            acl(default_acl);
        permissions();
    }

    void permissions() {
        mode_t bits = facts_.stx_mode & 07777;
        if (!owner_kept_)
            bits &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
        bits &= ~bits_lost_;
        if (changed_ || !ends_.has_mode(bits))
            expect(ARSYNC_STAGE_MODE, ends_.chmod(bits));
    }

    void set_mode(mode_t bits) { expect(ARSYNC_STAGE_MODE, ends_.chmod(bits)); }

    void times() {
        control_.enter(ARSYNC_STAGE_TIMES);
        const timespec both[2] = {
            {facts_.stx_atime.tv_sec, static_cast<long>(facts_.stx_atime.tv_nsec)},
            {facts_.stx_mtime.tv_sec, static_cast<long>(facts_.stx_mtime.tv_nsec)},
        };
        expect(ARSYNC_STAGE_TIMES, ends_.set_times(both));
    }

private:
    static bool is_extra(Stage stage) {
        return stage == ARSYNC_STAGE_XATTR || stage == ARSYNC_STAGE_CONTEXT;
    }

    // Whether it went well. A failure is thrown, or noted if it is the gravest.
    bool expect(Stage stage, int64_t result) {
        if (result >= 0)
            return true;
        // Out of descriptors: the entry is undone, and tried again later.
        if (losses_ == Losses::fatal || result == -EMFILE || result == -ENFILE)
            check(stage, result);
        // The gravest is told: who does without extended attributes still wants to know the others.
        const bool told_of_less = is_extra(outcome_.stage) && !is_extra(stage);
        if (outcome_.result == 0 || told_of_less) {
            outcome_.result = static_cast<int>(result);
            outcome_.stage = stage;
        }
        return false;
    }

    // The value of the source's attribute; false if there is none, or the filesystem has none.
    bool get(Stage stage, const char* name) {
        for (;;) {
            const int64_t size = ends_.get(name, nullptr, 0);
            if (size == -ENODATA || size == -EOPNOTSUPP || !expect(stage, size))
                return false;
            value_.resize(static_cast<size_t>(size));
            const int64_t got = ends_.get(name, value_.data(), value_.size());
            if (got == -ERANGE)
                continue; // it grew in between
            if (got == -ENODATA || !expect(stage, got))
                return false;
            value_.resize(static_cast<size_t>(got));
            return true;
        }
    }

    void copy(Stage stage, const char* name) {
        if (get(stage, name))
            expect(stage, ends_.set(name, value_.data(), value_.size()));
    }

    // An ACL that the destination had, or inherited from its directory, would open it further than
    // its source.
    void acl(const char* name) {
        if (get(ARSYNC_STAGE_MODE, name)) {
            changed_ = true;
            const int set = ends_.set(name, value_.data(), value_.size());
            if (!expect(ARSYNC_STAGE_MODE, set) && name == access_acl)
                bits_lost_ |= S_IRWXG; // the mask's: without the ACL they would be the group's
            return;
        }
        const int result = ends_.remove(name);
        changed_ = changed_ || result == 0;
        if (result != -ENODATA && result != -EOPNOTSUPP)
            expect(ARSYNC_STAGE_MODE, result);
    }

    OpenFiles ends_;
    const struct statx& facts_;
    const Losses losses_;
    Control& control_;
    Outcome& outcome_;
    bool owner_kept_ = true;
    mode_t bits_lost_ = 0; // of the mode, with an ACL that could not be set
    bool changed_ = false; // what may have changed the mode too
    std::vector<char> value_;
};

} // namespace

int64_t list_xattrs(Files& files, int fd, std::vector<char>& names) {
    return all_names(names,
                     [&](char* text, size_t size) { return files.list_xattrs(fd, text, size); });
}

bool has_acl(const std::vector<char>& xattrs) {
    return contains(xattrs, access_acl);
}

bool has_default_acl(Files& files, int directory) {
    const int64_t size = files.get_xattr(directory, default_acl, nullptr, 0);
    return size != -ENODATA && size != -EOPNOTSUPP;
}

void copy_metadata(Files& files, const Described& ends, Losses losses,
                   const arsync_copy_options& options, Control& control, Outcome& outcome) {
    Carrier carry(OpenFiles(files, ends), ends.facts, losses, control, outcome);
    carry.before_mode(options.preserve);
    const bool link = S_ISLNK(ends.facts.stx_mode); // has no mode and no ACL
    if ((options.preserve & ARSYNC_PRESERVE_MODE) != 0 && !link)
        carry.mode(S_ISDIR(ends.facts.stx_mode));
    else if (ends.unpreserved_mode != keep_mode)
        carry.set_mode(ends.unpreserved_mode);
    if ((options.preserve & ARSYNC_PRESERVE_TIMES) != 0)
        carry.times();
}

// Group bits of a file with an ACL are its mask: without the ACL they would be its group's.
static mode_t take_over_acl(Files& files, int destination, const FileCopy& names,
                            const struct statx& replaced) {
    const mode_t bits = replaced.stx_mode & 0777;
    const int fd =
        files.open(names.destination_dirfd, names.destination.c_str(), O_PATH | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return bits & 0700; // nobody knows any more
    check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    const File old(files, fd);
    struct statx now;
    check(ARSYNC_STAGE_OPEN_DESTINATION, files.statx(fd, "", 0, now));
    if (identity(now) != identity(replaced))
        return bits & 0700;
    std::vector<char> acl(65536); // the most that an attribute may hold
    const int64_t size = files.get_xattr(fd, access_acl, acl.data(), acl.size());
    if (size == -ENODATA || size == -EOPNOTSUPP)
        return bits;
    check(ARSYNC_STAGE_MODE, size);
    const int set = files.set_xattr(destination, access_acl, acl.data(), static_cast<size_t>(size));
    return set == 0 ? bits : bits & 0707;
}

void take_over(Files& files, int destination, const FileCopy& names, const struct statx& replaced,
               const arsync_copy_options& options) {
    if ((options.preserve & ARSYNC_PRESERVE_OWNER) == 0)
        files.chown(destination, replaced.stx_uid, replaced.stx_gid);
    // Writing takes setuid and setgid away, and so does this.
    if ((options.preserve & ARSYNC_PRESERVE_MODE) == 0)
        check(ARSYNC_STAGE_MODE,
              files.chmod(destination, take_over_acl(files, destination, names, replaced)));
}

} // namespace arsync
