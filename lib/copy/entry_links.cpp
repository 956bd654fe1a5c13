// An entry that is another name of a file: it becomes a link to the copy of the first one.
#include <cerrno>
#include <fcntl.h>

#include "copy/entry_copy.h"
#include "copy/file.h"
#include "copy/file_flags.h"
#include "copy/filesystem_kinds.h"
#include "copy/sync_name.h"
#include "io/facts.h"

namespace arsync {

// From linkat(2): there can be no link to that file from here, or none at all (EPERM on FAT and
// many servers): copying will tell what else is wrong.
static bool means_no_links(int code) {
    return code == EXDEV || code == EMLINK || code == EPERM || code == EOPNOTSUPP || code == ENOSYS;
}

// Whether it is done: this is another name of what has been copied before.
Task<bool> Entry::link_to_first() {
    const Identity id = identity(facts());
    const bool any = follows_links() || names_.may_recur;
    const uint32_t count = any ? Links::names_unknown : facts().stx_nlink;
    for (;;) {
        Links::Place first;
        const auto answer = context_.links->ask(id, count, claim_, first);
        if (answer == Links::Answer::first) {
            if (!context_.directory)
                base_ = context_.links->base_of(io_.files, names_.base());
            co_return false;
        }
        if (answer == Links::Answer::linked) {
            const Linked linked = co_await try_link_to(first);
            switch (linked) {
            case Linked::yes:
                if (directory_)
                    co_await sync_name();
                keep();
                context_.links->linked(id, first);
                co_return true;
            case Linked::gone:
                context_.links->forget(id, first);
                continue;
            case Linked::impossible:
                co_return false;
            }
        }
        control_.throw_if_cancelled();
        co_await context_.links->wait(id, io_.ring, control_);
    }
}

Task<Entry::Linked> Entry::try_link_to(const Links::Place& first) {
    try {
        const bool linked = co_await link_to(first);
        co_return linked ? Linked::yes : Linked::gone;
    } catch (const Error& error) {
        // rclone says EIO; where there is a disk, that is its.
        const bool impossible = means_no_links(error.code) || (error.code == EIO && is_on_server());
        if (error.stage != ARSYNC_STAGE_LINK || !impossible)
            throw;
        take_back(); // or there would be two backups
        co_return Linked::impossible;
    }
}

bool Entry::is_on_server() const {
    uint64_t magic = 0;
    return names_.destination_dirfd >= 0 &&
           io_.files.filesystem_type(names_.destination_dirfd, magic) == 0 &&
           filesystem(magic).remote;
}

// None: what was copied is not to be found there any more, nor is it of use to know why.
std::optional<Pin> Entry::pin_first(const Links::Place& first) {
    try {
        return Pin(io_.files, first.directory);
    } catch (const Error& error) {
        if (error.code == EMFILE || error.code == ENFILE || error.code == ENOMEM)
            throw; // it may be there all the same
        return std::nullopt;
    }
}

// copy: what the link is to, if anything may be in its way. make(names) makes it.
template <class Make>
Task<void> Entry::make_link_to(Identity copy, Make make) {
    struct statx found;
    const bool is_there =
        !names_.fresh && io_.files.statx(names_.destination_dirfd, names_.destination.c_str(),
                                         AT_SYMLINK_NOFOLLOW, found) == 0;
    // An item that is backed up all the same has been copied before by the same list.
    const bool again = !names_.beneath && options_.backup != ARSYNC_BACKUP_NONE;
    if (is_there && identity(found) == copy && !again) {
        outcome_.action = ARSYNC_ACTION_SKIP; // as an earlier run has left it, maybe not synced
        outcome_.is_linked_already = true;
        prepare_sync_of_name();
        if (directory_)
            co_await sync_names_in(io_, control_, directory_.get());
        co_return;
    }
    // What is there is another file, whatever it looks like.
    arsync_copy_options how = options_;
    if (how.update != ARSYNC_UPDATE_NONE && how.update != ARSYNC_UPDATE_ASK)
        how.update = ARSYNC_UPDATE_ALL;
    if (how.replace == ARSYNC_REPLACE_IN_PLACE)
        how.replace = ARSYNC_REPLACE_REMOVE;
    const Obstacle obstacle =
        names_.fresh ? Obstacle::none : look_for_obstacle(io_.files, names_, facts(), how, there_);
    if (obstacle == Obstacle::skip) {
        outcome_.action = ARSYNC_ACTION_SKIP;
        co_return;
    }
    prepare_sync_of_name();
    Obstacle cleared = Obstacle::none;
    if (is_slow_to_clear(io_.files, names_, obstacle, there_, how))
        cleared = co_await clear_aside(obstacle, how, true);
    else
        cleared = clear(obstacle, how, true);
    if (asks(ARSYNC_COPY_DRY_RUN))
        co_return;
    control_.enter(ARSYNC_STAGE_LINK);
    co_await make_name(cleared, ARSYNC_STAGE_LINK, make, [](const FileCopy&, MadeName&) {});
    if (obstacle == Obstacle::remove)
        outcome_.flags |= ARSYNC_COMPLETION_REPLACED;
}

// Whether the first copy got flags with which it takes no further name.
bool Entry::is_sealed_copy() const {
    constexpr uint64_t sealing = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
    return (options_.preserve & ARSYNC_PRESERVE_FLAGS) != 0 &&
           (facts().stx_attributes & sealing) != 0;
}

// False: it is gone.
Task<bool> Entry::link_to(const Links::Place& first) {
    outcome_.action = ARSYNC_ACTION_HARD_LINK;
    const bool dry = asks(ARSYNC_COPY_DRY_RUN);
    if (!first.directory) {
        const int base = first.base ? first.base->get() : AT_FDCWD;
        if (!dry)
            co_return co_await link_to_known(first, base);
        const bool is_it = first.name == names_.from_base() &&
                           first.base == context_.links->base_of(io_.files, names_.base());
        if (is_it && options_.backup == ARSYNC_BACKUP_NONE)
            outcome_.action = ARSYNC_ACTION_SKIP;
        else
            co_await pretend_link_to(first, base);
        co_return true;
    }
    if (dry && first.directory->missing) {
        co_await pretend_link_to(first, -1);
        co_return true;
    }
    const std::optional<Pin> pin = pin_first(first);
    if (!pin)
        co_return false;
    if (!dry)
        co_return co_await link_to_known(first, (*pin)->destination());
    co_await pretend_link_to(first, (*pin)->destination());
    co_return true;
}

// The copy need not be there, and that is no matter: it would be.
Task<void> Entry::pretend_link_to(const Links::Place& first, int dirfd) {
    struct statx found;
    Identity copy;
    const int at_flags = first.follows ? 0 : AT_SYMLINK_NOFOLLOW;
    if (dirfd != -1 && io_.files.statx(dirfd, first.name.c_str(), at_flags, found) == 0)
        copy = identity(found);
    return make_link_to(copy, [](const FileCopy&) { return 0; });
}

// Whether a copy's content is on the disk before anybody hears of it: else the job's end sees to
// it, or nobody.
bool Entry::syncs_content_at_once() const {
    const bool waits = names_.synced_later && options_.replace != ARSYNC_REPLACE_ATOMIC;
    return options_.durability != ARSYNC_DURABILITY_NONE && !waits;
}

// By its name, for what is open is so with O_PATH. False: it is gone.
Task<bool> Entry::sync_content_of(const Content& content, Stage stage, Side side) {
    const int flags = O_NONBLOCK | O_NOCTTY | (content.follows ? 0 : O_NOFOLLOW);
    const char* name = content.name.c_str();
    const auto open = [&] {
        const int fd = io_.files.open(content.dirfd, name, O_RDONLY | flags, 0);
        return fd == -EACCES ? io_.files.open(content.dirfd, name, O_WRONLY | flags, 0) : fd;
    };
    int fd = open();
    while (fd == -EAGAIN) {
        co_await wait_for_file_lease(io_, control_);
        fd = open();
    }
    if (fd == -ENOENT)
        co_return false;
    check(stage, fd);
    const File file(io_.files, fd);
    struct statx found;
    check(stage, io_.files.statx(fd, "", 0, found));
    if (identity(found) != content.id)
        co_return false;
    control_.enter(ARSYNC_STAGE_SYNC);
    const int64_t synced = co_await io_.ring.sync(fd, false);
    if (synced < 0)
        throw error_at(side, ARSYNC_STAGE_SYNC, static_cast<int>(-synced));
    co_return true;
}

// What a name is made for need not be on the disk, whoever has written it.
Task<void> Entry::sync_content_of_source() {
    control_.enter(ARSYNC_STAGE_OPEN_SOURCE);
    const Content content{names_.source_dirfd, names_.source, names_.follows, identity(facts())};
    bool synced = false;
    bool may_not = false; // be opened by who may link to it all the same
    try {
        synced = co_await sync_content_of(content, ARSYNC_STAGE_OPEN_SOURCE, Side::source);
    } catch (const Error& error) {
        may_not = error.code == EACCES && error.stage == ARSYNC_STAGE_OPEN_SOURCE;
        if (!may_not)
            throw;
    }
    if (may_not) {
        control_.enter(ARSYNC_STAGE_SYNC);
        const File directory = open_to_sync_name(io_.files, names_);
        const int64_t whole = co_await io_.ring.sync_filesystem(directory.get());
        check(ARSYNC_STAGE_SYNC, whole);
    } else if (!synced) {
        throw Error{ARSYNC_STAGE_OPEN_SOURCE, ESTALE, true};
    }
}

// If it is what it was; another job, or a backup, may have taken its name.
Task<bool> Entry::link_to_known(const Links::Place& first, int dirfd) {
    const int fd =
        io_.files.open(dirfd, first.name.c_str(), O_PATH | (first.follows ? 0 : O_NOFOLLOW), 0);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
        co_return false;
    check(ARSYNC_STAGE_LINK, fd);
    const File copied(io_.files, fd);
    struct statx found;
    check(ARSYNC_STAGE_LINK, io_.files.statx(fd, "", 0, found));
    if (!first.is_copy(found))
        co_return false;
    // Another job of the link set need not have synced it, nor whoever made what was skipped.
    const bool is_to_sync = syncs_content_at_once() && !first.synced && S_ISREG(found.stx_mode);
    if (is_to_sync && !asks(ARSYNC_COPY_DRY_RUN)) {
        const Content content{dirfd, first.name, first.follows, first.copy.id};
        const bool synced = co_await sync_content_of(content, ARSYNC_STAGE_SYNC, Side::destination);
        if (!synced)
            co_return false;
    }
    std::optional<Unsealed> unsealed;
    co_await make_link_to(first.copy.id, [&](const FileCopy& to) {
        const char* name = to.destination.c_str();
        int linked = io_.files.link(fd, to.destination_dirfd, name);
        // Whoever makes another link to it seals it again at any time.
        for (int i = 0; linked == -EPERM && is_sealed_copy() && i < 1000; ++i) {
            unsealed.emplace(io_.files, fd, found.stx_mode, options_, outcome_);
            linked = io_.files.link(fd, to.destination_dirfd, name);
        }
        if (linked != -ENOENT || io_.files.can_link(fd))
            return linked;
        return io_.files.make_link(dirfd, first.name.c_str(), to.destination_dirfd, name);
    });
    co_return true;
}

// To those who have further names of it.
void Entry::tell_of_copy() {
    Links::Place place;
    place.name = names_.from_base();
    place.base = base_;
    if (context_.directory)
        place.directory = *context_.directory;
    place.by_look = context_.links->shared() || options_.backup != ARSYNC_BACKUP_NONE;
    place.synced =
        syncs_content_at_once() && (outcome_.action == ARSYNC_ACTION_COPY || syncs_what_is_there());
    if (!asks(ARSYNC_COPY_DRY_RUN)) {
        struct statx found;
        int result = io_.files.statx(names_.destination_dirfd, names_.destination.c_str(),
                                     AT_SYMLINK_NOFOLLOW, found);
        const auto is_copy = [&] {
            return result == 0 && ((found.stx_mode ^ facts().stx_mode) & S_IFMT) == 0 &&
                   (!wrote_ || identity(found) == *wrote_);
        };
        // It may have been written through a symbolic link.
        if (result == 0 && S_ISLNK(found.stx_mode) && !is_copy() && !names_.beneath) {
            place.follows = true;
            result =
                io_.files.statx(names_.destination_dirfd, names_.destination.c_str(), 0, found);
        }
        if (!is_copy()) // but gone again, a link to it, or what somebody has put there
            return;
        place.copy = Links::look(found);
    }
    claim_.done(std::move(place));
}

} // namespace arsync
