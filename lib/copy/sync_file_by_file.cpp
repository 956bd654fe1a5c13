#include "copy/sync_file_by_file.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include "copy/listing.h"

namespace arsync {

namespace {

// None: what has no data of its own, or is gone again.
File open_to_sync(Files& files, int directory, const Listing::Name& name) {
    unsigned char type = name.type;
    struct statx facts;
    if (type == DT_UNKNOWN && files.statx(directory, name.text, AT_SYMLINK_NOFOLLOW, facts) == 0)
        type = static_cast<unsigned char>(IFTODT(facts.stx_mode));
    if (type != DT_REG && type != DT_DIR)
        return File();
    const auto open = [&](int access) {
        const int kind = type == DT_DIR ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;
        return files.open_beneath(directory, name.text, access | kind | O_NOFOLLOW,
                                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    };
    int fd = open(O_RDONLY);
    if (fd == -EACCES && type == DT_REG)
        fd = open(O_WRONLY);
    if (fd == -ENOENT)
        return File();
    check(ARSYNC_STAGE_SYNC, fd);
    return File(files, fd);
}

bool is_in_memory(Files& files, int fd, uint64_t size) {
    PageCache pages{};
    if (files.page_cache(fd, 0, size, pages) >= 0)
        return pages.cached > 0;
    std::byte first{};
    return files.read_cached(fd, &first, 1, 0) == 1;
}

// What is at a path, and what it is; none if there is nothing to be synced.
File open_named(Files& files, int dirfd, const char* path, bool follows, struct statx& facts) {
    int result = files.statx(dirfd, path, AT_SYMLINK_NOFOLLOW, facts);
    const bool through = result == 0 && S_ISLNK(facts.stx_mode) && follows;
    if (through)
        result = files.statx(dirfd, path, 0, facts);
    const bool is_directory = result == 0 && S_ISDIR(facts.stx_mode);
    const bool is_gone = result == -ENOENT || result == -ENOTDIR;
    if (is_gone || (result == 0 && !is_directory && !S_ISREG(facts.stx_mode)))
        return File();
    check(ARSYNC_STAGE_SYNC, result);
    const int flags =
        (is_directory ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY) | (through ? 0 : O_NOFOLLOW);
    int fd = files.open(dirfd, path, O_RDONLY | flags, 0);
    if (fd == -EACCES && !is_directory)
        fd = files.open(dirfd, path, O_WRONLY | flags, 0);
    check(ARSYNC_STAGE_SYNC, fd);
    return File(files, fd);
}

Task<void> ask(Io io, Control& control, int fd, const struct statx& facts, bool lost) {
    if (S_ISDIR(facts.stx_mode)) {
        co_await ask_all_in(io, control, fd, lost);
        co_return;
    }
    co_await sync_one(io, fd);
    if (lost && facts.stx_size > 0 && !is_in_memory(io.files, fd, facts.stx_size))
        throw Error{ARSYNC_STAGE_SYNC, EIO};
}

} // namespace

Task<void> sync_one(Io io, int fd) {
    const int64_t result = co_await io.ring.sync(fd, false);
    check(ARSYNC_STAGE_SYNC, result);
}

Task<void> sync_named(Io io, int dirfd, const char* path, bool follows) {
    struct statx facts;
    const File file = open_named(io.files, dirfd, path, follows, facts);
    if (file)
        co_await sync_one(io, file.get());
}

Task<void> ask_named(Io io, Control& control, int dirfd, const char* path, bool follows,
                     bool lost) {
    struct statx facts;
    const File file = open_named(io.files, dirfd, path, follows, facts);
    if (file)
        co_await ask(io, control, file.get(), facts, lost);
}

Task<void> ask_all_in(Io io, Control& control, int directory, bool lost) {
    Listing listing;
    check(ARSYNC_STAGE_SYNC, io.files.set_list_position(directory, 0));
    while (listing.fill(io.files, directory, ARSYNC_STAGE_SYNC)) {
        for (Listing::Name name = listing.next(); name.text; name = listing.next()) {
            control.throw_if_cancelled();
            const File file = open_to_sync(io.files, directory, name);
            if (!file)
                continue;
            struct statx facts;
            check(ARSYNC_STAGE_SYNC, io.files.statx(file.get(), "", 0, facts));
            co_await ask(io, control, file.get(), facts, lost);
        }
    }
    co_await sync_one(io, directory);
}

} // namespace arsync
