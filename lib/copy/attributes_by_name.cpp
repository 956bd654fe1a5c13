#include "copy/attributes_by_name.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/id_map.h"
#include "copy/identity.h"
#include "copy/time_step.h"

namespace arsync {

namespace {

File open_known(Files& files, int dirfd, const std::string& name, int flags, const Identity& known,
                Stage stage) {
    const bool is_given = name.empty(); // open, and without a name
    const int fd =
        is_given ? files.duplicate(dirfd) : files.open(dirfd, name.c_str(), O_PATH | flags, 0);
    check(stage, fd);
    File file(files, fd);
    struct statx found;
    check(stage, files.statx(fd, "", 0, found));
    if (identity(found) != known)
        throw Error{stage, ESTALE, true};
    return file;
}

// Both ends once more, for what is open with O_PATH does not have all its flags that way.
class ForFlags {
public:
    ForFlags(Files& files, const File& from, const File& to, const struct statx& facts,
             const arsync_copy_options& options, Outcome& outcome) {
        if (!asks_for_flags(options))
            return;
        const File source = open_for_flags(files, from.get(), facts.stx_mode);
        flags_ =
            flags_of_source(files, source ? source.get() : from.get(), facts, options, outcome);
        if (flags_.known != 0)
            to_ = open_for_flags(files, to.get(), facts.stx_mode);
        destination_ = to_ ? to_.get() : to.get();
    }
    const SourceFlags& flags() const { return flags_; }
    int destination() const { return destination_; }

private:
    SourceFlags flags_;
    File to_;
    int destination_ = -1;
};

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
    const ForFlags for_flags(files, from, to, source, options, outcome);
    const Described ends{.source = from.get(),
                         .facts = source,
                         .named = &names,
                         .destination = to.get(),
                         .final_mode = final_mode,
                         .flags = for_flags.flags()};
    copy_metadata(files, ends, options, control, outcome);
}

void seal_by_name(Files& files, const FileCopy& names, const struct statx& source,
                  const Identity& made, const arsync_copy_options& options, Control& control,
                  Outcome& outcome) {
    const File from =
        open_known(files, names.source_dirfd, names.source, names.follows ? 0 : O_NOFOLLOW,
                   identity(source), ARSYNC_STAGE_OPEN_SOURCE);
    Outcome told; // when its other flags were copied
    const SourceFlags flags = flags_of_source(files, from.get(), source, options, told);
    if (!flags.has_seal())
        return;
    const File to = open_known(files, names.destination_dirfd, names.destination, O_NOFOLLOW, made,
                               ARSYNC_STAGE_OPEN_DESTINATION);
    control.enter(ARSYNC_STAGE_FLAGS);
    seal_flags(files, to.get(), flags, options, outcome);
}

void update_attributes_by_name(Files& files, const FileCopy& names, const struct statx& source,
                               const struct statx& there, const arsync_copy_options& options,
                               Control& control, Outcome& outcome) {
    const bool same_mode = (options.preserve & ARSYNC_PRESERVE_MODE) == 0 ||
                           S_ISLNK(there.stx_mode) || there.stx_mode == source.stx_mode;
    const bool same_owner = (options.preserve & ARSYNC_PRESERVE_OWNER) == 0 ||
                            (there.stx_uid == copied_user(options, source.stx_uid) &&
                             there.stx_gid == copied_group(options, source.stx_gid));
    const bool same_time = (options.preserve & ARSYNC_PRESERVE_TIMES) == 0 ||
                           has_time_of(files, names.destination_dirfd, names.destination.c_str(),
                                       source, there, (options.flags & ARSYNC_COPY_DRY_RUN) == 0);
    // An ACL shows in no mode.
    constexpr uint32_t unseen = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_XATTR |
                                ARSYNC_PRESERVE_CONTEXT | ARSYNC_PRESERVE_FLAGS |
                                ARSYNC_PRESERVE_PROJECT;
    if (same_mode && same_owner && same_time && (options.preserve & unseen) == 0)
        return;
    arsync_copy_options how = options;
    if (same_time)
        how.preserve &= ~ARSYNC_PRESERVE_TIMES;
    const File from =
        open_known(files, names.source_dirfd, names.source, names.follows ? 0 : O_NOFOLLOW,
                   identity(source), ARSYNC_STAGE_OPEN_SOURCE);
    // At the roots what is up to date may be found through a link.
    const bool follows =
        !names.beneath && !S_ISLNK(there.stx_mode) && !asks(options, ARSYNC_COPY_NOFOLLOW);
    const File to =
        open_known(files, names.destination_dirfd, names.destination, follows ? 0 : O_NOFOLLOW,
                   identity(there), ARSYNC_STAGE_OPEN_DESTINATION);
    const auto old = xattrs_to_update(files, to.get(), options, outcome);
    const ForFlags for_flags(files, from, to, source, options, outcome);
    const Described ends{.source = from.get(),
                         .facts = source,
                         .named = &names,
                         .destination = to.get(),
                         .destination_facts = &there,
                         .was_there = true,
                         .destination_xattrs = old ? &*old : nullptr,
                         .flags = for_flags.flags(),
                         .flags_destination = for_flags.destination(),
                         .seals = true};
    copy_metadata(files, ends, how, control, outcome);
}

} // namespace arsync
