#include "copy/list/list_sync.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/split_path.h"
#include "copy/sync_file_by_file.h"

namespace arsync {

static std::string parent_path(std::string path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return split_path(path).directory();
}

File ListSync::open_parent(Files& files, const std::string& path, int access) const {
    return File(files, files.open(destination_dirfd_, path.c_str(), access | O_DIRECTORY, 0));
}

const ListSync::Parent& ListSync::parent_of(Files& files, const std::string& path) {
    const auto known = parents_.find(path);
    if (known != parents_.end())
        return known->second;
    constexpr size_t most = 4096;
    if (parents_.size() >= most)
        parents_.clear();
    struct statx facts;
    Parent parent;
    parent.is_there = files.statx(destination_dirfd_, path.c_str(), 0, facts) == 0;
    if (parent.is_there)
        parent.id = identity(facts);
    return parents_.emplace(path, parent).first->second;
}

Left ListSync::choose(Files& files, const std::string& path, const Touch& touch,
                      const DirectoryRef& way, bool many) {
    if (!asked_)
        return Left::nothing;
    const std::string parent = way ? "" : parent_path(path);
    Identity id;
    if (way) {
        id = way->destination_id;
    } else {
        const Parent& known = parent_of(files, parent);
        if (!known.is_there) // which the copy will say
            return Left::nothing;
        id = known.id;
    }
    // It is written into what lies elsewhere.
    const bool elsewhere = touch.has_written && (touch.written_id.major != id.major ||
                                                 touch.written_id.minor != id.minor);
    const bool reached = point_.known(id).has_value();
    if (touch.through_link || elsewhere || (!reached && !many))
        return Left::nothing;
    try {
        if (reach(files, id, parent, way))
            return Left::all;
        return leaves_name(files, parent, way) ? Left::name : Left::nothing;
    } catch (const Error&) { // for want of a descriptor, or of a right
        return Left::nothing;
    }
}

bool ListSync::reach(Files& files, const Identity& id, const std::string& parent,
                     const DirectoryRef& way) {
    if (const std::optional<bool> known = point_.known(id))
        return *known;
    if (way) {
        const Pin pin(files, way);
        return point_.reach(files, id, pin->destination());
    }
    const File directory = open_parent(files, parent, O_PATH);
    check(ARSYNC_STAGE_OPEN_DESTINATION, directory ? 0 : -ENOENT);
    return point_.reach(files, id, directory.get());
}

bool ListSync::leaves_name(Files& files, const std::string& parent, const DirectoryRef& way) {
    if (options_.durability != ARSYNC_DURABILITY_FULL)
        return false;
    if (way)
        return ways_.will_sync(way);
    if (directories_.contains(parent))
        return true;
    if (!open_parent(files, parent, O_RDONLY))
        return false;
    directories_.insert(parent);
    return true;
}

void ListSync::leave(FileCopy& copy, Left left) {
    copy.syncs = asked_ ? &point_ : nullptr;
    if (left == Left::nothing)
        return;
    copy.durability = ARSYNC_DURABILITY_FILE;
    copy.synced_later = left == Left::all;
}

// By the names that it and what it took the place of have now: that may be an earlier item's.
void ListSync::note_made(const std::string& destination, const Outcome& outcome) {
    constexpr size_t most = 1 << 16;
    forgets_ = forgets_ || made_.size() >= most;
    if (forgets_)
        return;
    const std::string parent = split_path(destination).parent;
    made_.push_back(outcome.name.empty() ? destination : parent + outcome.name);
    if (!outcome.backup.empty())
        made_.push_back(parent + outcome.backup);
}

// ---- the end ----

Task<void> ListSync::finish(Io io, Control& control) {
    control.enter(ARSYNC_STAGE_SYNC);
    co_await ways_.sync_tops(io);
    co_await sync_directories(io, directories_, false);
    co_await point_.finish(io, [&](bool lost) { return ask_each(io, control, lost); });
}

Task<void> ListSync::sync_directories(Io io, const std::set<std::string>& all, bool may_be_gone) {
    for (const std::string& path : all) {
        const int fd = io.files.open(destination_dirfd_, path.c_str(), O_RDONLY | O_DIRECTORY, 0);
        if (may_be_gone && (fd == -ENOENT || fd == -ENOTDIR))
            continue;
        check(ARSYNC_STAGE_SYNC, fd);
        const File directory(io.files, fd);
        co_await sync_one(io, fd);
    }
}

Task<void> ListSync::ask_each(Io io, Control& control, bool lost) {
    if (forgets_)
        throw Error{ARSYNC_STAGE_SYNC, EIO};
    std::set<std::string> parents;
    const bool follows = (options_.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0;
    for (const std::string& path : made_) {
        control.throw_if_cancelled();
        co_await ask_named(io, control, destination_dirfd_, path.c_str(), follows, lost);
        if (options_.durability != ARSYNC_DURABILITY_FULL)
            continue;
        // Directories on the way were made too.
        std::string parent = parent_path(path);
        while (parents.insert(parent).second && (options_.flags & ARSYNC_COPY_PARENTS) != 0)
            parent = parent_path(parent);
    }
    co_await sync_directories(io, parents, true);
}

void ListSync::close() {
    point_.close();
}

} // namespace arsync
