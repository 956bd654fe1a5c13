#include "copy/tree/parents.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>

#include "copy/metadata.h"
#include "copy/tree/make_directory.h"

namespace arsync {

// A path's components, "." and repeated slashes left out.
static std::vector<std::string> components_of(const std::string& path) {
    std::vector<std::string> components;
    for (size_t at = 0; at < path.size();) {
        const size_t end = std::min(path.find('/', at), path.size());
        std::string part = path.substr(at, end - at);
        if (!part.empty() && part != ".")
            components.push_back(std::move(part));
        at = end + 1;
    }
    return components;
}

// To be searched is all that is needed of a directory on the way. readable: if it is more.
static File open_directory(Files& files, int dirfd, const std::string& name, bool beneath,
                           Stage stage, bool* readable = nullptr) {
    const auto open = [&](int access) {
        if (beneath)
            return files.open_beneath(dirfd, name.c_str(), access | O_DIRECTORY | O_NOFOLLOW,
                                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        return files.open(dirfd, name.c_str(), access | O_DIRECTORY, 0);
    };
    int fd = open(O_RDONLY);
    if (readable)
        *readable = fd >= 0;
    if (fd == -EACCES)
        fd = open(O_PATH);
    check(stage, fd);
    return File(files, fd);
}

static MadeDirectory make_or_open(Files& files, int dirfd, const std::string& name,
                                  const struct statx& source, bool beneath,
                                  const arsync_copy_options& options, bool& readable) {
    readable = true;
    try {
        return make_directory(files, dirfd, name.c_str(), source, beneath, !beneath, options);
    } catch (const Error& error) {
        if (error.code != EACCES)
            throw;
        const int fd =
            files.open(dirfd, name.c_str(), O_PATH | O_DIRECTORY | (beneath ? O_NOFOLLOW : 0), 0);
        if (fd < 0)
            throw; // it is not there, and may not be made
        MadeDirectory found = {};
        found.directory = File(files, fd);
        found.final_mode = keep_mode;
        readable = false;
        return found;
    }
}

// Of a dry run: none where it would be made.
static File look_for(Files& files, int dirfd, const std::string& name, bool beneath) {
    struct statx found;
    const int result = files.statx(dirfd, name.c_str(), beneath ? AT_SYMLINK_NOFOLLOW : 0, found);
    if (result == -ENOENT)
        return File();
    check(ARSYNC_STAGE_MAKE_DIRECTORY, result);
    if (!S_ISDIR(found.stx_mode))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, ENOTDIR};
    return open_directory(files, dirfd, name, beneath, ARSYNC_STAGE_MAKE_DIRECTORY);
}

// The path of the directory that has the first one: the destination's without the source's, which
// is to be whole components of it.
static std::string path_above(const FileCopy& copy) {
    std::string top = copy.destination;
    const bool is_end = top.ends_with(copy.source);
    if (is_end)
        top.resize(top.size() - copy.source.size());
    const bool absolute = copy.source.starts_with('/');
    if (!is_end || (!top.empty() && !top.ends_with('/') && !absolute))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, EINVAL};
    if (top.empty())
        top = absolute ? "/" : ".";
    return top;
}

void Parents::make(Files& files, FileCopy& copy, const arsync_copy_options& options) {
    const std::string top = path_above(copy);
    const bool beneath = (options.flags & ARSYNC_COPY_BENEATH) != 0;
    const bool dry = (options.flags & ARSYNC_COPY_DRY_RUN) != 0;
    const bool source_beneath = beneath && options.symlinks != ARSYNC_SYMLINKS_FOLLOW;
    const bool destination_beneath =
        beneath && (options.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) == 0;
    const bool absolute = copy.source.starts_with('/');
    std::vector<std::string> names = components_of(copy.source);
    const bool leads_up = std::find(names.begin(), names.end(), "..") != names.end();
    if (beneath && (absolute || leads_up))
        throw Error{ARSYNC_STAGE_OPEN_SOURCE, EXDEV};
    const std::string last = names.empty() ? copy.source : names.back();
    if (!names.empty())
        names.pop_back();

    if (dry)
        base_ = look_for(files, copy.destination_dirfd, top, false);
    else
        base_ = open_directory(files, copy.destination_dirfd, top, false,
                               ARSYNC_STAGE_MAKE_DIRECTORY, &base_readable_);
    int source = copy.source_dirfd;
    int destination = base_.get();
    bool first = true;
    for (const std::string& name : names) {
        const std::string from = first && absolute ? "/" + name : name;
        first = false;
        Parent parent = {};
        parent.source =
            open_directory(files, source, from, source_beneath, ARSYNC_STAGE_OPEN_SOURCE);
        check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(parent.source.get(), "", 0, parent.facts));
        if (dry) {
            if (destination >= 0)
                parent.destination = look_for(files, destination, name, destination_beneath);
        } else {
            MadeDirectory made = make_or_open(files, destination, name, parent.facts,
                                              destination_beneath, options, parent.readable);
            parent.destination = std::move(made.directory);
            parent.final_mode = made.final_mode;
            parent.made = made.made;
        }
        parents_.push_back(std::move(parent));
        source = parents_.back().source.get();
        destination = parents_.back().destination.get();
    }
    if (beneath)
        enter(copy, last);
}

// The copy is one of names in open directories; but the destination's may be missing in a dry run.
void Parents::enter(FileCopy& copy, std::string name) const {
    copy.beneath = true;
    if (!parents_.empty())
        copy.source_dirfd = parents_.back().source.get();
    copy.source = name;
    const int innermost = parents_.empty() ? base_.get() : parents_.back().destination.get();
    if (innermost < 0)
        return;
    copy.base_dirfd = copy.destination_dirfd;
    copy.path_from_base = std::move(copy.destination);
    copy.destination_dirfd = innermost;
    copy.destination = std::move(name);
}

void Parents::finish(Files& files, const arsync_copy_options& options, Control& control,
                     Outcome& outcome) {
    if ((options.flags & ARSYNC_COPY_DRY_RUN) != 0)
        return;
    for (size_t i = parents_.size(); i-- > 0;) {
        const Parent& parent = parents_[i];
        const Described ends{.source = parent.source.get(),
                             .facts = parent.facts,
                             .destination = parent.destination.get(),
                             .unpreserved_mode = parent.final_mode};
        copy_metadata(files, ends, Losses::reported, options, control, outcome);
    }
}

// A directory that may be written to but not read cannot be synced.
void Parents::refuse_unsyncable() const {
    bool readable = base_readable_;
    for (const Parent& parent : parents_) {
        if (parent.made && !readable)
            throw Error{ARSYNC_STAGE_SYNC, EACCES};
        readable = parent.readable;
    }
}

// Those that were made, and the directory that has the first one's name.
Task<void> Parents::sync(Ring& ring, Control& control) {
    refuse_unsyncable();
    const File* above = &base_;
    bool named = false;
    for (const Parent& parent : parents_) {
        if (parent.made) {
            control.enter(ARSYNC_STAGE_SYNC);
            if (!named) {
                const int64_t holder = co_await ring.sync(above->get(), false);
                check(ARSYNC_STAGE_SYNC, holder);
            }
            const int64_t itself = co_await ring.sync(parent.destination.get(), false);
            check(ARSYNC_STAGE_SYNC, itself);
            named = true;
        }
        above = &parent.destination;
    }
}

} // namespace arsync
