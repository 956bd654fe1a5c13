// An entry that is made and not copied: links to the source, symbolic links, special files.
#include <cerrno>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "copy/attributes_by_name.h"
#include "copy/entry_copy.h"
#include "copy/metadata.h"

namespace arsync {

Task<void> Entry::make_hard_link(Obstacle obstacle) {
    outcome_.action = ARSYNC_ACTION_HARD_LINK;
    if (asks(ARSYNC_COPY_DRY_RUN))
        co_return;
    if (syncs_content_at_once() && S_ISREG(facts().stx_mode))
        co_await sync_content_of_source();
    control_.enter(ARSYNC_STAGE_LINK);
    File followed;
    if (names_.follows) {
        followed =
            File(io_.files, io_.files.open(names_.source_dirfd, names_.source.c_str(), O_PATH, 0));
        check(ARSYNC_STAGE_OPEN_SOURCE, followed.get());
    }
    co_await make_name(
        obstacle, ARSYNC_STAGE_LINK,
        [&](const FileCopy& to) {
            if (followed)
                return io_.files.link(followed.get(), to.destination_dirfd, to.destination.c_str());
            return io_.files.make_link(to.source_dirfd, to.source.c_str(), to.destination_dirfd,
                                       to.destination.c_str());
        },
        [](const FileCopy&, MadeName&) {});
}

// is_source: it is a link of the source's, with attributes of its own. A link to the source
// gets its times, as with cp, and nothing else.
Task<void> Entry::make_symlink(Obstacle obstacle, std::string text, bool is_source) {
    outcome_.action = ARSYNC_ACTION_SYMBOLIC_LINK;
    if (asks(ARSYNC_COPY_DRY_RUN))
        co_return;
    control_.enter(ARSYNC_STAGE_LINK);
    co_await make_name(
        obstacle, ARSYNC_STAGE_LINK,
        [&](const FileCopy& to) {
            return io_.files.make_symlink(text.c_str(), to.destination_dirfd,
                                          to.destination.c_str());
        },
        [&](const FileCopy& to, MadeName& made) {
            arsync_copy_options how = options_;
            struct statx link = facts();
            if (!is_source) {
                how.preserve &= ARSYNC_PRESERVE_TIMES;
                link.stx_mode = S_IFLNK;
            }
            copy_attributes(to, made.made_like(link), how);
            if (is_source)
                sealed_ = made.id();
        });
}

// Where nothing may be made, what is there could not have been removed either; so cp says it.
Stage Entry::stage_of_temporary(Stage stage, int result) const {
    const bool gives_way = makes_links_of_names() && outcome_.action != ARSYNC_ACTION_HARD_LINK &&
                           options_.replace != ARSYNC_REPLACE_ATOMIC;
    return gives_way && result == -EACCES ? ARSYNC_STAGE_REMOVE : stage;
}

// A relative text leads to the source from the directory that it was relative to, and from no
// other.
void Entry::refuse_lost_link() {
    if (context_.source_text.starts_with('/'))
        return;
    struct statx here;
    struct statx there;
    const SplitPath path = split_path(names_.destination);
    if (io_.files.statx(context_.source_text_dirfd, ".", 0, here) < 0)
        return;
    const bool is_there =
        names_.destination_dirfd != -1 &&
        io_.files.statx(names_.destination_dirfd, path.directory(), 0, there) == 0;
    // What would be made for it is another directory.
    const bool is_other = is_there ? identity(here) != identity(there) : asks(ARSYNC_COPY_DRY_RUN);
    if (is_other)
        throw Error{ARSYNC_STAGE_LINK, EINVAL};
}

Task<void> Entry::make_special(Obstacle obstacle) {
    outcome_.action = ARSYNC_ACTION_MAKE_SPECIAL;
    if (asks(ARSYNC_COPY_DRY_RUN))
        co_return;
    control_.enter(ARSYNC_STAGE_MAKE_SPECIAL);
    FinalMode final_mode;
    const mode_t mode = mode_of_special(final_mode);
    const dev_t device = makedev(facts().stx_rdev_major, facts().stx_rdev_minor);
    co_await make_name(
        obstacle, ARSYNC_STAGE_MAKE_SPECIAL,
        [&](const FileCopy& to) {
            return io_.files.make_special(to.destination_dirfd, to.destination.c_str(),
                                          (facts().stx_mode & S_IFMT) | mode, device);
        },
        [&](const FileCopy& to, MadeName& made) {
            copy_attributes(to, made.made_like(facts()), options_, final_mode);
            sealed_ = made.id();
        });
}

// What it is made with. Others have no rights before its owner is right.
mode_t Entry::mode_of_special(FinalMode& final_mode) const {
    if ((options_.preserve & ARSYNC_PRESERVE_MODE) != 0)
        return 0600;
    mode_t whole = facts().stx_mode & 0777;
    if (asks(ARSYNC_COPY_DEFAULT_MODE))
        whole = S_ISSOCK(facts().stx_mode) ? 0777 : 0666; // as bind(2) makes it
    const bool withheld = (options_.preserve & ARSYNC_PRESERVE_OWNER) != 0;
    final_mode.drops_acl = asks(ARSYNC_COPY_DEFAULT_MODE) && !names_.new_file.no_default_acl;
    if (withheld || final_mode.drops_acl) {
        Umask own;
        final_mode.bits = whole & ~(names_.umask ? *names_.umask : own).get(io_.files);
    }
    return withheld ? whole & 0700 : whole;
}

// When it has its name, and is not to be removed any more: whatever fails now, it is there, and
// has lost its flags.
void Entry::seal() {
    if (!asks_for_flags(options_) || asks(ARSYNC_COPY_DRY_RUN))
        return;
    try {
        seal_by_name(io_.files, names_, facts(), *sealed_, options_, control_, outcome_);
    } catch (const Error& error) {
        const bool of_source = error.stage == ARSYNC_STAGE_OPEN_SOURCE;
        note_loss(outcome_, options_, ARSYNC_STAGE_FLAGS, -error.code,
                  of_source ? Side::source : Side::destination);
    }
}

void Entry::copy_attributes(const FileCopy& names, const struct statx& there,
                            const arsync_copy_options& how, const FinalMode& final_mode) {
    copy_attributes_by_name(io_.files, names, facts(), there, final_mode, how, control_, outcome_);
}

} // namespace arsync
