// A destination's life: opened, if it is small and new created at its name, and published or
// removed; below that the other ways in which it is created, and with what mode.
#include "copy/destination.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/conflict.h"
#include "copy/huge.h"
#include "copy/id_map.h"
#include "copy/identity.h"
#include "copy/move_name.h"
#include "copy/same_file.h"
#include "copy/split_path.h"
#include "copy/sync_name.h"
#include "copy/temporary_name.h"

namespace arsync {

// Up to this size a file is made at its final name: the moment in which a kill would leave a part
// of it is short, and O_TMPFILE with linkat(2) takes more calls than a plain create.
static constexpr uint64_t created_size_max = 1 << 20;

static bool denies_linking(int error);

Destination::Destination(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         bool no_acl, bool may_be_unnamed)
    : io_(io), copy_(copy), options_(options),
      nofollow_(copy.beneath || asks(options, ARSYNC_COPY_NOFOLLOW) ||
                options.replace == ARSYNC_REPLACE_ATOMIC),
      exclusive_(copy.fresh || options.replace == ARSYNC_REPLACE_EXCLUSIVE), no_source_acl_(no_acl),
      may_be_unnamed_(may_be_unnamed), name_at_(copy.destination.rfind('/') + 1) {} // npos + 1 is 0

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
    if (name_at_ == 0)
        return copy_.destination_dirfd;
    if (!directory_) {
        const int fd =
            io_.files.open(copy_.destination_dirfd, split_path(copy_.destination).directory(),
                           O_PATH | O_DIRECTORY, 0);
        check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
        directory_ = File(io_.files, fd);
    }
    return directory_.get();
}

bool Destination::create_at_once(const struct statx& source, Control& control) {
    control.enter(ARSYNC_STAGE_OPEN_DESTINATION);
    if (source.stx_size <= created_size_max)
        return create_small(source);
    struct statx found;
    new_name_ = copy_.fresh || stat_name(AT_SYMLINK_NOFOLLOW, found) == -ENOENT;
    return new_name_ && can_be_linked() && create_unnamed(source);
}

// False: it is not, or something is at its name.
bool Destination::create_small(const struct statx& source) {
    return !copy_.destination_is_open && !replaces_atomically() && S_ISREG(source.stx_mode) &&
           source.stx_size <= created_size_max && create_at_name(source, false);
}

// What gets attributes alone keeps its content.
bool Destination::replaces_atomically() const {
    return options_.replace == ARSYNC_REPLACE_ATOMIC &&
           (options_.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) == 0;
}

Task<void> Destination::open(const struct statx& source, Control& control) {
    control.enter(ARSYNC_STAGE_OPEN_DESTINATION);
    if (copy_.destination_is_open) {
        co_await open_given(source);
        co_return;
    }
    if (options_.durability == ARSYNC_DURABILITY_FULL)
        directory_ = open_to_sync_name(io_.files, copy_);
    if (create_small(source))
        co_return;

    struct statx found = {};
    const bool atomic = replaces_atomically();
    const bool nofollow = nofollow_ || exclusive_; // whatever a link leads to
    int result = stat_name(nofollow ? AT_SYMLINK_NOFOLLOW : 0, found);
    if (result == -ENOENT && !nofollow) {
        // A link that leads nowhere: writing through it would make a file where nobody looked.
        struct statx link;
        const bool dangles = stat_name(AT_SYMLINK_NOFOLLOW, link) == 0;
        if (dangles && (options_.flags & ARSYNC_COPY_DANGLING) == 0)
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ENOENT};
        if (dangles) {
            make_target(source);
            result = stat_name(0, found);
        }
    }
    const bool force = (options_.flags & ARSYNC_COPY_FORCE) != 0;
    if (result == -ELOOP && !nofollow && force) { // a link that leads to itself
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
        if (options_.durability == ARSYNC_DURABILITY_FULL && !nofollow && !target_directory_)
            target_directory_ =
                open_to_sync_target(io_.files, copy_, end_of_links(io_.files, copy_));
        co_await open_existing(source, found, control);
        co_return;
    }
    if (S_ISLNK(found.stx_mode)) {
        struct statx target;
        if (stat_name(0, target) == 0)
            refuse_same(source, target);
    } else if (S_ISREG(found.stx_mode)) {
        replaced_ = look_at_replaced(io_.files, copy_, found, options_);
    } else if (!copy_.beneath) { // nobody wants a file in place of /dev/null
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EOPNOTSUPP);
    }
    create(source);
}

// False: something is there, unless that is an error.
bool Destination::create_at_name(const struct statx& source, bool required) {
    const int fd = open_to_write(copy_.destination_dirfd, copy_.destination.c_str(),
                                 O_CREAT | O_EXCL, creation_mode(source));
    if (fd == -EEXIST && !required && !exclusive_)
        return false;
    check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    file_ = File(io_.files, fd);
    kind_ = Kind::created;
    new_name_ = true;
    constexpr uint32_t asked = ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_MODE;
    // What goes again if its name cannot be synced has to be known by its inode.
    const bool stays = options_.durability != ARSYNC_DURABILITY_FULL;
    if (!required && stays && (options_.preserve & asked) == 0) {
        // And so all that most small copies ask of it.
        facts_.stx_mode = S_IFREG;
        facts_.stx_dev_major = copy_.new_file.device_major;
        facts_.stx_dev_minor = copy_.new_file.device_minor;
        has_facts_ = guessed_ = true;
    }
    plan_mode(source);
    return true;
}

// What is written is read again to verify it, or by whoever wants it open. Some servers take no
// file for both at once; then it is opened again for that.
int Destination::open_to_write(int dirfd, const char* path, int flags, mode_t mode) {
    readable_ = reads_back();
    if (!readable_)
        return io_.files.open(dirfd, path, flags | O_WRONLY, mode);
    const int fd = io_.files.open(dirfd, path, flags | O_RDWR, mode);
    const bool may_not_read = fd == -EACCES && !asks(options_, ARSYNC_COPY_VERIFY);
    if (!refuses_access(fd) && !may_not_read)
        return fd;
    readable_ = false;
    return io_.files.open(dirfd, path, flags | O_WRONLY, mode);
}

bool Destination::reads_back() const {
    return (options_.flags & ARSYNC_COPY_VERIFY) != 0 || wants(options_, ARSYNC_WANT_FD);
}

// What a server says that takes a file only to be written anew, or not to be read meanwhile.
bool Destination::refuses_access(int error) {
    return error == -EPERM || error == -EINVAL || error == -EOPNOTSUPP || error == -ENOSYS;
}

File Destination::publish(Control& control) {
    control.enter(ARSYNC_STAGE_PUBLISH);
    if (kind_ == Kind::unnamed) {
        const bool replaces = options_.replace == ARSYNC_REPLACE_ATOMIC && replaced_;
        int result = replaces ? -EEXIST : io_.files.link(fd(), directory(), name());
        // What appeared at the name meanwhile gives way, unless the copy is to be of a new name.
        if (result == -EEXIST && !exclusive_) {
            result = try_temporary_names(name(), [&](const std::string& name) {
                temporary_name_ = name;
                return io_.files.link(fd(), directory(), name.c_str());
            });
            kind_ = Kind::temporary;
        } else {
            kind_ = Kind::created;
        }
        if (result < 0)
            kind_ = Kind::unnamed;
        if (denies_linking(result))
            return std::move(file_);
        check(ARSYNC_STAGE_PUBLISH, result);
        linked_ = true;
    }
    // A write error may come as late as this. Not yet published: then it is removed after all.
    // By its inode, but a small one, whose inode was not asked for, by its name.
    facts();
    const int closed = file_.close();
    if (closed < 0 && guessed_) {
        struct statx found;
        if (stat_name(AT_SYMLINK_NOFOLLOW, found) == 0 && S_ISREG(found.stx_mode) &&
            found.stx_nlink == 1)
            io_.files.unlink(copy_.destination_dirfd, copy_.destination.c_str());
        kind_ = Kind::none;
    }
    check(ARSYNC_STAGE_CLOSE, closed);
    if (kind_ == Kind::temporary) {
        arsync::refuse_unasked(io_.files, copy_);
        if (copy_.backup && !exclusive_)
            back_up_newcomer(io_.files, copy_, options_, *copy_.backup);
        const char* temporary = temporary_name_.c_str();
        check(ARSYNC_STAGE_PUBLISH, exclusive_
                                        ? move_name(io_.files, directory(), temporary, name())
                                        : io_.files.rename(directory(), temporary, name()));
        kind_ = Kind::created;
    }
    published_ = true;
    return File();
}

// linkat(2) of a file without a name, where a file with one may be made all the same.
static bool denies_linking(int error) {
    switch (-error) {
    case EPERM: // by seccomp, a security module, or protected_hardlinks for what was given away
    case EACCES:
    case ENOSYS:
    case EOPNOTSUPP:
    case EINVAL:
    case EXDEV:
    case EMLINK:
    case ENOENT: // no /proc, any more
        return true;
    default:
        return false;
    }
}

Task<void> Destination::sync_name(Control& control) {
    published_ = !new_name_ && target_.empty();
    co_await sync_names_in(io_, control, directory_.get());
    if (target_directory_)
        co_await sync_names_in(io_, control, target_directory_.get());
    published_ = true;
}

bool Destination::is_slow_to_publish(uint64_t bytes) const {
    return (kind_ == Kind::existing && is_huge(bytes)) ||
           (replaced_ && (is_huge(bytes) || is_huge(replaced_->facts)));
}

bool Destination::discard() {
    const bool is_undone = !published_ && (kind_ != Kind::existing || !target_.empty());
    if (!published_)
        remove_partial();
    kind_ = Kind::none;
    file_.close();
    return is_undone;
}

void Destination::make_way() {
    const int removed = remove_partial();
    if (exclusive_) // else what stays is overwritten, as what had been there would be
        check(ARSYNC_STAGE_REMOVE, removed);
    kind_ = Kind::none;
}

// Only what is still ours: somebody may have put another file at the name.
int Destination::remove_partial() {
    remove_target();
    if (kind_ == Kind::temporary)
        return io_.files.unlink(directory_ ? directory_.get() : copy_.destination_dirfd,
                                temporary_name_.c_str());
    if (kind_ != Kind::created)
        return 0;
    if (!has_facts_ || guessed_)
        if (const int error = io_.files.statx(fd(), "", 0, facts_); error < 0)
            return error;
    has_facts_ = true;
    guessed_ = false;
    struct statx now;
    const int found = stat_name(AT_SYMLINK_NOFOLLOW, now);
    if (found < 0 || identity(facts_) != identity(now))
        return found == -ENOENT ? 0 : found;
    const int result = io_.files.unlink(copy_.destination_dirfd, copy_.destination.c_str());
    return result == -ENOENT ? 0 : result;
}

// open(2) with O_TMPFILE, where there is no such thing: servers say so in many ways, and whatever
// else it may be, creating a file at its name will meet it too.
static bool no_unnamed_files(int error) {
    return error < 0 && error != -EMFILE && error != -ENFILE && error != -ENOMEM;
}

void Destination::create(const struct statx& source) {
    const bool atomic = options_.replace == ARSYNC_REPLACE_ATOMIC;
    if (can_be_linked() && may_be_unnamed_ && create_unnamed(source))
        return;
    if (can_be_linked() && atomic)
        create_temporary(source);
    else
        create_at_name(source, true);
}

bool Destination::can_be_linked() const {
    const std::string_view last = name();
    return !last.empty() && last != "." && last != "..";
}

// False: not possible here.
bool Destination::create_unnamed(const struct statx& source) {
    readable_ = true; // to be read again if it cannot be linked in the end
    const int fd = io_.files.open(directory(), ".", O_TMPFILE | O_RDWR, creation_mode(source));
    if (no_unnamed_files(fd))
        return false;
    check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    File file(io_.files, fd);
    if (!(io_.memo && io_.memo->has_linked) && !io_.files.can_link(fd))
        return false;
    file_ = std::move(file);
    kind_ = Kind::unnamed;
    plan_mode(source);
    return true;
}

void Destination::create_temporary(const struct statx& source) {
    const int fd = try_temporary_names(name(), [&](const std::string& name) {
        temporary_name_ = name;
        return open_to_write(directory(), name.c_str(), O_CREAT | O_EXCL, creation_mode(source));
    });
    check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    file_ = File(io_.files, fd);
    kind_ = Kind::temporary;
    plan_mode(source);
}

// What a new file is created with. With the mode preserved it is the owner's alone until the end,
// unless from the beginning nobody may do more with it than with the source; otherwise the kernel
// takes the umask off.
mode_t Destination::creation_mode(const struct statx& source) const {
    const NewFile& known = copy_.new_file;
    const bool as_source = known.plain && no_source_acl_ &&
                           known.uid == copied_user(options_, source.stx_uid) &&
                           known.gid == copied_group(options_, source.stx_gid);
    if ((options_.preserve & ARSYNC_PRESERVE_MODE) != 0)
        return as_source ? source.stx_mode & 0777 : 0600;
    return unpreserved_mode(source) & ~withheld(source);
}

mode_t Destination::unpreserved_mode(const struct statx& source) const {
    return (options_.flags & ARSYNC_COPY_DEFAULT_MODE) != 0 ? 0666 : source.stx_mode & 0777;
}

// What others may do with a file is for when its owner and group are right.
mode_t Destination::withheld(const struct statx& source) const {
    const bool by_others = (options_.preserve & ARSYNC_PRESERVE_OWNER) != 0;
    return by_others ? unpreserved_mode(source) & 0077 : 0;
}

// Of a file just made, what its permissions are to be in the end if they are not preserved.
void Destination::plan_mode(const struct statx& source) {
    has_no_acl_ = copy_.new_file.plain;
    if ((options_.preserve & ARSYNC_PRESERVE_MODE) != 0)
        return;
    final_mode_.drops_acl =
        (options_.flags & ARSYNC_COPY_DEFAULT_MODE) != 0 && !copy_.new_file.no_default_acl;
    const mode_t later = withheld(source);
    if (later == 0 && !final_mode_.drops_acl)
        return;
    Umask own;
    const mode_t mask = (copy_.umask ? *copy_.umask : own).get(io_.files);
    if (final_mode_.drops_acl || (later & ~mask) != 0)
        final_mode_.bits = unpreserved_mode(source) & ~mask;
}

} // namespace arsync
