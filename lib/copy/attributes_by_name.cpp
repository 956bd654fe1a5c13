#include "copy/attributes_by_name.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/identity.h"
#include "copy/time_step.h"

namespace arsync {

namespace {

File open_known(Files& files, int dirfd, const std::string& name, int flags, const Identity& known,
                Stage stage) {
    const int fd = files.open(dirfd, name.c_str(), O_PATH | flags, 0);
    check(stage, fd);
    File file(files, fd);
    struct statx found;
    check(stage, files.statx(fd, "", 0, found));
    if (identity(found) != known)
        throw Error{stage, ESTALE, true};
    return file;
}

} // namespace

void copy_attributes_by_name(Files& files, const FileCopy& names, const struct statx& source,
                             const struct statx& there, const FinalMode& final_mode,
                             const arsync_copy_options& options, Control& control,
                             Outcome& outcome) {
    if ((options.preserve & ~ARSYNC_PRESERVE_LINKS) == 0 && !final_mode.is_due())
        return;
    const File from =
        open_known(files, names.source_dirfd, names.source, names.follows ? 0 : O_NOFOLLOW,
                   identity(source), ARSYNC_STAGE_OPEN_SOURCE);
    const File to = open_known(files, names.destination_dirfd, names.destination, O_NOFOLLOW,
                               identity(there), ARSYNC_STAGE_OPEN_DESTINATION);
    const Described ends{.source = from.get(),
                         .facts = source,
                         .named = &names,
                         .destination = to.get(),
                         .final_mode = final_mode};
    copy_metadata(files, ends, options, control, outcome);
}

void update_attributes_by_name(Files& files, const FileCopy& names, const struct statx& source,
                               const struct statx& there, const arsync_copy_options& options,
                               Control& control, Outcome& outcome) {
    const bool same_mode = (options.preserve & ARSYNC_PRESERVE_MODE) == 0 ||
                           S_ISLNK(there.stx_mode) || there.stx_mode == source.stx_mode;
    const bool same_owner = (options.preserve & ARSYNC_PRESERVE_OWNER) == 0 ||
                            (there.stx_uid == source.stx_uid && there.stx_gid == source.stx_gid);
    const bool same_time = (options.preserve & ARSYNC_PRESERVE_TIMES) == 0 ||
                           has_time_of(files, names.destination_dirfd, names.destination.c_str(),
                                       source, there, (options.flags & ARSYNC_COPY_DRY_RUN) == 0);
    // An ACL shows in no mode.
    constexpr uint32_t unseen =
        ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT;
    if (same_mode && same_owner && same_time && (options.preserve & unseen) == 0)
        return;
    arsync_copy_options how = options;
    if (same_time)
        how.preserve &= ~ARSYNC_PRESERVE_TIMES;
    const File from =
        open_known(files, names.source_dirfd, names.source, names.follows ? 0 : O_NOFOLLOW,
                   identity(source), ARSYNC_STAGE_OPEN_SOURCE);
    // At the roots what is up to date may be found through a link.
    const File to = open_known(files, names.destination_dirfd, names.destination,
                               names.beneath || S_ISLNK(there.stx_mode) ? O_NOFOLLOW : 0,
                               identity(there), ARSYNC_STAGE_OPEN_DESTINATION);
    const auto old = xattrs_to_update(files, to.get(), false, options, outcome);
    const Described ends{.source = from.get(),
                         .facts = source,
                         .named = &names,
                         .destination = to.get(),
                         .destination_facts = &there,
                         .destination_xattrs = old ? &*old : nullptr};
    copy_metadata(files, ends, how, control, outcome);
}

} // namespace arsync
