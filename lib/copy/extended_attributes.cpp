// Extended attributes: those of users, the label, ACLs.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>

#include "copy/identity.h"
#include "copy/metadata_carrier.h"
#include "copy/split_path.h"
#include "copy/xattr_rules.h"

namespace arsync {

// Labels have an option of their own.
static bool is_copied(const char* name) {
    return strcmp(name, label) != 0 && XattrRules::of_system().use_of(name) == XattrUse::content;
}

// Beside POSIX ACLs, as NFS has them: each filesystem takes its own kind alone.
static bool is_other_acl(const char* name) {
    return strcmp(name, access_acl) != 0 && strcmp(name, default_acl) != 0 &&
           XattrRules::of_system().use_of(name) == XattrUse::permissions;
}

static bool is_access_acl(const char* name) {
    return strcmp(name, access_acl) == 0;
}

void Carrier::xattrs() {
    control_.enter(ARSYNC_STAGE_XATTR);
    std::vector<char> names;
    const int64_t size = ends_.list(names);
    if (size == -ENOSYS)
        lose(ARSYNC_STAGE_XATTR, is_copied);
    const bool has_none = is_none(ARSYNC_STAGE_XATTR, size);
    if (size == -ENOSYS || (!has_none && !keeps(ARSYNC_STAGE_XATTR, size, Side::source)))
        return;
    if (has_none)
        names.clear();
    for (size_t at = 0; at < names.size(); at += strlen(&names[at]) + 1)
        if (is_copied(&names[at]))
            copy(ARSYNC_STAGE_XATTR, &names[at]);
    if (ends_.old_xattrs())
        remove_others(names, *ends_.old_xattrs());
}

void Carrier::copy(Stage stage, const char* name) {
    if (!get(stage, name) || ends_.has_already(name, value_))
        return;
    has_capability_ = has_capability_ || strcmp(name, capability) == 0;
    int result = ends_.set(name, value_.data(), value_.size());
    if (result == -EACCES && widen())
        result = ends_.set(name, value_.data(), value_.size());
    changes(stage, result);
}

// The value of the source's attribute; false if there is none, or the filesystem has none.
bool Carrier::get(Stage stage, const char* name) {
    for (;;) {
        const int64_t size = ends_.get(name, nullptr, 0);
        out_of_reach_ = size == -ENOSYS;
        unknown_ = size < 0 && !is_none(stage, size);
        if (is_none(stage, size) || !keeps(stage, size, Side::source))
            return false;
        value_.resize(static_cast<size_t>(size));
        const int64_t got = ends_.get(name, value_.data(), value_.size());
        if (got == -ERANGE || got > size) // it grew in between; of none, its size alone is told
            continue;
        unknown_ = got < 0 && got != -ENODATA;
        if (got == -ENODATA || !keeps(stage, got, Side::source))
            return false;
        value_.resize(static_cast<size_t>(got));
        return true;
    }
}

// Of an ACL EINVAL says that too, as on some network filesystems. ENOSYS: without /proc those
// of links and special files are not to be had, and most have none; see lose().
bool Carrier::is_none(Stage stage, int64_t result) {
    return result == -ENODATA || result == -EOPNOTSUPP || result == -ENOSYS ||
           (stage == ARSYNC_STAGE_MODE && result == -EINVAL);
}

// A user's attributes are for those to set who may write to the file: not even for its owner,
// if it is read-only. For a moment it is not.
bool Carrier::widen() {
    struct statx now;
    if (widened_ || !ends_.find(now) || (now.stx_mode & S_IWUSR) != 0)
        return false;
    mode_before_ = now.stx_mode & 07777;
    widened_ = ends_.chmod(mode_before_ | S_IWUSR) == 0;
    changed_ = changed_ || widened_;
    return widened_;
}

// Without /proc: those names of the source's that are of a kind. Whether there are any.
bool Carrier::lose(Stage stage, bool (*is_of_kind)(const char*)) {
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
void Carrier::remove_others(const std::vector<char>& wanted, const std::vector<char>& old) {
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

// An ACL that the destination had, or inherited from its directory, would open it further than
// its source.
void Carrier::acl(const char* name) {
    if (get(ARSYNC_STAGE_MODE, name)) {
        map_acl(options_, facts_.stx_gid, value_);
        if (ends_.has_already(name, value_))
            return;
        changed_ = true;
        const int set = ends_.set(name, value_.data(), value_.size());
        if (!changes(ARSYNC_STAGE_MODE, set) && is_access_acl(name))
            bits_lost_ |= S_IRWXG; // the mask's: without the ACL they would be the group's
        return;
    }
    if (is_access_acl(name) &&
        (unknown_ || (out_of_reach_ && lose(ARSYNC_STAGE_MODE, is_access_acl))))
        bits_lost_ |= S_IRWXG;
    remove_acl(name);
}

// After the mode, which would take away from them.
void Carrier::other_acls() {
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

// The mask's bits would be the group's meanwhile, and stay that where the ACL does. Without /proc
// it is at least to be known whether there is one.
void Carrier::remove_acl(const char* name) {
    const bool opens = is_access_acl(name);
    struct statx now;
    if (opens && ends_.found_there(now)) {
        if (!ends_.may_have(name))
            return;
        changed_ = true;
        if (ends_.find(now) && (now.stx_mode & S_IRWXG) != 0)
            ends_.chmod(now.stx_mode & 07707);
    }
    const int result = ends_.remove(name);
    changed_ = changed_ || result == 0;
    if (result == -EPERM && !ends_.may_have(name)) // it is immutable, or another's, and right
        return;
    const bool stays = result == -ENOSYS ? ends_.is_listed_by_name(name)
                                         : result < 0 && !is_none(ARSYNC_STAGE_MODE, result);
    if (stays && opens)
        bits_lost_ |= S_IRWXG;
    if (stays)
        changes(ARSYNC_STAGE_MODE, result);
}

bool contains(const std::vector<char>& names, const char* name) {
    for (size_t at = 0; at < names.size(); at += strlen(&names[at]) + 1)
        if (strcmp(&names[at], name) == 0)
            return true;
    return false;
}

// The names that a list call gives, with room made for them; or a negative errno.
template <class List>
static int64_t all_names(std::vector<char>& names, List list) {
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

// A name that leads to what is open, in a directory in which nobody else can give it to another
// file: then a call by that name is as good as one on what is open, and needs no /proc.
MetadataCalls::OwnName MetadataCalls::own_name(int dirfd, const std::string& path, int fd) {
    SplitPath split = split_path(path);
    OwnName own{File(files_, files_.open(dirfd, split.directory(), O_PATH | O_DIRECTORY, 0)),
                std::move(split.name)};
    struct statx above;
    struct statx named;
    struct statx opened;
    const int at = own.directory.get();
    const bool known = at >= 0 && files_.statx(at, "", 0, above) == 0 &&
                       files_.statx(at, own.name.c_str(), AT_SYMLINK_NOFOLLOW, named) == 0 &&
                       files_.statx(fd, "", 0, opened) == 0;
    const bool by_others = known && (above.stx_uid != files_.effective_user() ||
                                     (above.stx_mode & (S_IWGRP | S_IWOTH)) != 0);
    if (!known || by_others || identity(named) != identity(opened))
        own.directory = File();
    return own;
}

MetadataCalls::OwnName MetadataCalls::own_source() {
    if (!ends_.named || ends_.named->follows)
        return {};
    return own_name(ends_.named->source_dirfd, ends_.named->source, ends_.source);
}

MetadataCalls::OwnName MetadataCalls::own_destination() {
    if (!ends_.named)
        return {};
    return own_name(ends_.named->destination_dirfd, ends_.named->destination, ends_.destination);
}

int64_t MetadataCalls::list(std::vector<char>& names) {
    if (ends_.xattrs) {
        names = *ends_.xattrs;
        return static_cast<int64_t>(names.size());
    }
    const int64_t result = list_xattrs(files_, ends_.source, names);
    const OwnName own = result == -ENOSYS ? own_source() : OwnName{};
    if (!own.directory)
        return result;
    return all_names(names, [&](char* text, size_t size) {
        return files_.list_xattrs_at(own.directory.get(), own.name.c_str(), AT_SYMLINK_NOFOLLOW,
                                     text, size);
    });
}

// Of a link or a special file, where that is -ENOSYS: it tells what there is and cannot be had.
int64_t MetadataCalls::list_by_name(std::vector<char>& names) {
    if (!ends_.named)
        return -ENOSYS;
    const FileCopy& copy = *ends_.named;
    return all_names(names, [&](char* text, size_t size) {
        return files_.list_xattrs_at(copy.source_dirfd, copy.source.c_str(),
                                     copy.follows ? 0 : AT_SYMLINK_NOFOLLOW, text, size);
    });
}

bool MetadataCalls::is_listed_by_name(const char* name) {
    if (!ends_.named)
        return false;
    const FileCopy& copy = *ends_.named;
    std::vector<char> names;
    const int64_t size = all_names(names, [&](char* text, size_t room) {
        return files_.list_xattrs_at(copy.destination_dirfd, copy.destination.c_str(),
                                     AT_SYMLINK_NOFOLLOW, text, room);
    });
    return size > 0 && contains(names, name);
}

int64_t MetadataCalls::get(const char* name, void* value, size_t size) {
    if (ends_.xattrs && !contains(*ends_.xattrs, name))
        return -ENODATA;
    const int64_t result = files_.get_xattr(ends_.source, name, value, size);
    const OwnName own = result == -ENOSYS ? own_source() : OwnName{};
    if (!own.directory)
        return result;
    return files_.get_xattr_at(own.directory.get(), own.name.c_str(), AT_SYMLINK_NOFOLLOW, name,
                               value, size);
}

int MetadataCalls::set(const char* name, const void* value, size_t size) {
    const int result = files_.set_xattr(ends_.destination, name, value, size);
    const OwnName own = result == -ENOSYS ? own_destination() : OwnName{};
    if (!own.directory)
        return result;
    return files_.set_xattr_at(own.directory.get(), own.name.c_str(), AT_SYMLINK_NOFOLLOW, name,
                               value, size);
}

bool MetadataCalls::has_already(const char* name, const std::vector<char>& value) {
    if (!old_xattrs() || !contains(*old_xattrs(), name))
        return false;
    std::vector<char> old(value.size() + 1);
    const int64_t size = files_.get_xattr(ends_.destination, name, old.data(), old.size());
    return size == static_cast<int64_t>(value.size()) &&
           std::equal(value.begin(), value.end(), old.begin());
}

bool MetadataCalls::may_have(const char* name) {
    if (old_xattrs())
        return contains(*old_xattrs(), name);
    const int64_t size = files_.get_xattr(ends_.destination, name, nullptr, 0);
    return size != -ENODATA && size != -EOPNOTSUPP;
}

int MetadataCalls::remove(const char* name) {
    if (old_xattrs() && !contains(*old_xattrs(), name))
        return -ENODATA;
    if (ends_.destination_has_no_acl)
        return -ENODATA;
    const int result = files_.remove_xattr(ends_.destination, name);
    const OwnName own = result == -ENOSYS ? own_destination() : OwnName{};
    if (!own.directory)
        return result;
    return files_.remove_xattr_at(own.directory.get(), own.name.c_str(), AT_SYMLINK_NOFOLLOW, name);
}

int64_t list_xattrs(Files& files, int fd, std::vector<char>& names) {
    return all_names(names,
                     [&](char* text, size_t size) { return files.list_xattrs(fd, text, size); });
}

std::optional<std::vector<char>> xattrs_to_update(Files& files, int destination,
                                                  const arsync_copy_options& options,
                                                  Outcome& outcome) {
    constexpr uint32_t kept_as_xattrs =
        ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT;
    if (options.update != ARSYNC_UPDATE_CHANGED || (options.preserve & kept_as_xattrs) == 0)
        return std::nullopt;
    std::vector<char> names;
    const int64_t listed = list_xattrs(files, destination, names);
    if (listed >= 0)
        return names;
    const bool has_none = listed == -EOPNOTSUPP || listed == -ENOSYS;
    if (!has_none && (options.preserve & ARSYNC_PRESERVE_XATTR) != 0)
        note_loss(outcome, options, ARSYNC_STAGE_XATTR, listed);
    return std::nullopt;
}

bool has_acl(const std::vector<char>& xattrs) {
    return contains(xattrs, access_acl);
}

bool has_default_acl(Files& files, int directory) {
    const int64_t size = files.get_xattr(directory, default_acl, nullptr, 0);
    return size != -ENODATA && size != -EOPNOTSUPP && size != -EINVAL;
}

} // namespace arsync
