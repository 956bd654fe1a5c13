#include "copy/tree/directory.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <vector>

#include "io/error.h"

namespace arsync {

std::string path_below(const Directory* directory, std::string_view name) {
    std::vector<std::string_view> parts{name};
    size_t length = name.size();
    for (; directory && directory->parent; directory = directory->parent.get()) {
        parts.push_back(directory->name);
        length += directory->name.size() + 1;
    }
    std::string path;
    path.reserve(length);
    for (size_t i = parts.size(); i-- > 0;) {
        path += parts[i];
        if (i > 0 && !(i == 1 && parts[0].empty()))
            path += '/';
    }
    return path;
}

// Parents may be many: one after the other, not each from within the destructor of its child, which
// leaves its own parent to whoever is letting go of it.
static void let_go(DirectoryRef directory) noexcept {
    static thread_local DirectoryRef* left = nullptr;
    if (left) {
        *left = std::move(directory);
        return;
    }
    DirectoryRef next;
    left = &next;
    while (directory) {
        directory.reset();
        directory = std::move(next);
    }
    left = nullptr;
}

Directory::~Directory() {
    home->forget(*this);
    let_go(std::move(parent));
}

void Directories::add(Directory& directory, File source, File destination) {
    const Lock lock(mutex_);
    directory.source_ = std::move(source);
    directory.destination_ = std::move(destination);
    directory.pins_ = 1;
}

void Directories::pin(Files& files, Directory& directory) {
    const Lock lock(mutex_);
    remove_idle(directory);
    if (!directory.source_)
        reopen_somehow(files, directory);
    ++directory.pins_;
}

// Descriptors that only spare the work of opening again are given up for one that is needed.
void Directories::reopen_somehow(Files& files, Directory& directory) {
    try {
        reopen(files, directory, idle_kept_);
        return;
    } catch (const Error& error) {
        if ((error.code != EMFILE && error.code != ENFILE) || !oldest_)
            throw;
    }
    while (oldest_)
        close(*oldest_);
    reopen(files, directory, 0);
}

void Directories::unpin(Directory& directory) {
    const Lock lock(mutex_);
    if (--directory.pins_ > 0 || !directory.source_)
        return;
    keep_idle(directory);
    if (idle_count_ > idle_kept_)
        close(*oldest_);
}

bool Directories::close_idle() {
    const Lock lock(mutex_);
    const bool any = oldest_ != nullptr;
    while (oldest_)
        close(*oldest_);
    return any;
}

void Directories::set_keeping(bool keeps) {
    const Lock lock(mutex_);
    idle_kept_ = keeps ? idle_max_ : 0;
}

void Directories::finish(Directory& directory) {
    const Lock lock(mutex_);
    directory.facts.reset();
    directory.source_names.reset();
    directory.folding.reset();
    if (directory.idle_)
        close(directory);
}

// shut: set if it may not be read; perhaps it never was.
static File open_again(Files& files, int dirfd, const std::string& name, bool follow,
                       const Identity& known, Stage stage, bool& shut) {
    const auto open = [&](int access) {
        if (follow)
            return files.open(dirfd, name.c_str(), access | O_DIRECTORY, 0);
        return files.open_beneath(dirfd, name.c_str(), access | O_DIRECTORY | O_NOFOLLOW,
                                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    };
    int fd = open(O_RDONLY);
    shut = shut || fd == -EACCES;
    if (fd == -EACCES)
        fd = open(O_PATH);
    check(stage, fd);
    File file(files, fd);
    struct statx now;
    check(stage, files.statx(fd, "", 0, now));
    if (known != Identity{} && identity(now) != known) // a dry run has not looked what it is
        throw Error{stage, ESTALE, true}; // it was moved away, and another put in its place
    return file;
}

// From the nearest directory above that is open; the root is, unless it has names of its own.
void Directories::reopen(Files& files, Directory& directory, unsigned kept) {
    std::vector<Directory*> way;
    for (Directory* up = &directory; up && !up->source_; up = up->parent.get())
        way.push_back(up);
    for (size_t i = way.size(); i-- > 0;) {
        Directory& next = *way[i];
        const Directory* const above = next.parent.get();
        const Directory::Root* const root = next.root.get();
        File source = open_again(files, root ? root->source_dirfd : above->source(),
                                 root ? root->source : next.name, root || next.source_followed,
                                 next.source_id, ARSYNC_STAGE_OPEN_SOURCE, next.shut);
        File destination;
        bool unread = false;
        if (!next.missing)
            destination =
                open_again(files, root ? root->destination_dirfd : above->destination(),
                           root ? root->destination : next.name, root || next.destination_followed,
                           next.destination_id, ARSYNC_STAGE_MAKE_DIRECTORY, unread);
        next.source_ = std::move(source);
        next.destination_ = std::move(destination);
        next.reopened = true;
        if (&next != &directory)
            keep_idle(next);
        // The one above is not needed any more, but is likely to be: it goes when others come.
        while (idle_count_ > kept && oldest_ != &next)
            close(*oldest_);
    }
}

void Directories::keep_idle(Directory& directory) {
    if (!directory.parent && !directory.root) // it stays open: all others are reached from it
        return;
    directory.idle_ = true;
    directory.previous_idle_ = newest_;
    directory.next_idle_ = nullptr;
    (newest_ ? newest_->next_idle_ : oldest_) = &directory;
    newest_ = &directory;
    ++idle_count_;
}

void Directories::remove_idle(Directory& directory) {
    if (!directory.idle_)
        return;
    directory.idle_ = false;
    (directory.previous_idle_ ? directory.previous_idle_->next_idle_ : oldest_) =
        directory.next_idle_;
    (directory.next_idle_ ? directory.next_idle_->previous_idle_ : newest_) =
        directory.previous_idle_;
    --idle_count_;
}

void Directories::close(Directory& directory) {
    remove_idle(directory);
    directory.source_ = File();
    directory.destination_ = File();
}

void Directories::forget(Directory& directory) {
    const Lock lock(mutex_);
    remove_idle(directory);
}

} // namespace arsync
