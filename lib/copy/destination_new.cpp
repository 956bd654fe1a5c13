// A destination that is new: created at its name, unnamed, or at a temporary one; and its mode.
#include <cerrno>
#include <fcntl.h>

#include "copy/destination.h"
#include "copy/temporary_name.h"

namespace arsync {

// open(2) with O_TMPFILE, where there is no such thing: servers say so in many ways, and whatever
// else it may be, creating a file at its name will meet it too.
static bool no_unnamed_files(int error) {
    return error < 0 && error != -EMFILE && error != -ENFILE && error != -ENOMEM;
}

void Destination::create(const struct statx& source) {
    const bool atomic = options_.replace == ARSYNC_REPLACE_ATOMIC;
    const bool can_link = !path_.name.empty() && path_.name != "." && path_.name != "..";
    if (can_link && may_be_unnamed_ && create_unnamed(source))
        return;
    if (can_link && atomic)
        create_temporary(source);
    else
        create_at_name(source, true);
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
    // What may go again once it is closed has to be known by its inode.
    const bool stays = copy_.new_file.known || options_.durability != ARSYNC_DURABILITY_FULL;
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

// False: not possible here.
bool Destination::create_unnamed(const struct statx& source) {
    readable_ = true; // to be read again if it cannot be linked in the end
    const int fd = io_.files.open(directory(), ".", O_TMPFILE | O_RDWR, creation_mode(source));
    if (no_unnamed_files(fd))
        return false;
    check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    File file(io_.files, fd);
    if (!io_.files.can_link(fd))
        return false;
    file_ = std::move(file);
    kind_ = Kind::unnamed;
    plan_mode(source);
    return true;
}

void Destination::create_temporary(const struct statx& source) {
    int fd = -EEXIST;
    while (fd == -EEXIST) {
        temporary_name_ = temporary_name_for(path_.name);
        fd = open_to_write(directory(), temporary_name_.c_str(), O_CREAT | O_EXCL,
                           creation_mode(source));
    }
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
    const bool as_source =
        known.plain && no_source_acl_ && known.uid == source.stx_uid && known.gid == source.stx_gid;
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
