#include "copy/tree/parents.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <optional>

#include "copy/metadata.h"
#include "copy/tree/make_directory.h"
#include "io/descriptors.h"

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
                                  const arsync_copy_options& options, Umask& umask,
                                  bool& readable) {
    readable = true;
    try {
        return make_directory(files, dirfd, name.c_str(), source, beneath, !beneath, false, options,
                              umask);
    } catch (const Error& error) {
        if (error.code != EACCES)
            throw;
        const int fd =
            files.open(dirfd, name.c_str(), O_PATH | O_DIRECTORY | (beneath ? O_NOFOLLOW : 0), 0);
        if (fd < 0)
            throw; // it is not there, and may not be made
        MadeDirectory found = {};
        found.directory = File(files, fd);
        check(ARSYNC_STAGE_MAKE_DIRECTORY, files.statx(fd, "", 0, found.facts));
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
    source_beneath_ = beneath && options.symlinks != ARSYNC_SYMLINKS_FOLLOW;
    destination_beneath_ = beneath && (options.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) == 0;
    const bool absolute = copy.source.starts_with('/');
    std::vector<std::string> names = components_of(copy.source);
    const bool leads_up = std::find(names.begin(), names.end(), "..") != names.end();
    if (beneath && (absolute || leads_up))
        throw Error{ARSYNC_STAGE_OPEN_SOURCE, EXDEV};
    const std::string last = names.empty() ? copy.source : names.back();
    if (!names.empty())
        names.pop_back();

    top_source_ = copy.source_dirfd;
    if (dry)
        base_ = look_for(files, copy.destination_dirfd, top, false);
    else
        base_ = open_directory(files, copy.destination_dirfd, top, false,
                               ARSYNC_STAGE_MAKE_DIRECTORY, &base_readable_);
    for (const std::string& name : names)
        add(files, parents_.empty() && absolute ? "/" + name : name, name, options);
    if (beneath)
        enter(copy, last);
}

// The next one inwards.
void Parents::add(Files& files, const std::string& source_name, const std::string& name,
                  const arsync_copy_options& options) {
    const int above = parents_.empty() ? top_source_ : parents_.back().source.get();
    const int destination = parents_.empty() ? base_.get() : parents_.back().destination.get();
    Parent parent = {};
    parent.source_name = source_name;
    parent.name = name;
    parent.source =
        open_directory(files, above, source_name, source_beneath_, ARSYNC_STAGE_OPEN_SOURCE);
    check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(parent.source.get(), "", 0, parent.facts));
    parent.source_id = identity(parent.facts);
    if ((options.flags & ARSYNC_COPY_DRY_RUN) != 0) {
        if (destination >= 0)
            parent.destination = look_for(files, destination, name, destination_beneath_);
    } else {
        MadeDirectory made = make_or_open(files, destination, name, parent.facts,
                                          destination_beneath_, options, umask_, parent.readable);
        parent.destination_id = identity(made.facts);
        parent.destination = std::move(made.directory);
        parent.final_mode = made.final_mode;
        parent.made = made.made;
    }
    parents_.push_back(std::move(parent));
    keep_innermost();
}

void Parents::keep_innermost() {
    const size_t kept = descriptors::parents();
    if (parents_.size() <= kept)
        return;
    Parent& outer = parents_[parents_.size() - kept - 1];
    outer.source = File();
    outer.destination = File();
}

// From the nearest one outwards that is open.
void Parents::open_again(Files& files, size_t level) {
    size_t from = level;
    while (from > 0 && !parents_[from].source)
        --from;
    for (; from <= level; ++from) {
        if (!parents_[from].source)
            open_one(files, from);
        if (from >= 1 && from - 1 != level) { // only the way to it
            parents_[from - 1].source = File();
            parents_[from - 1].destination = File();
        }
    }
}

void Parents::open_one(Files& files, size_t level) {
    Parent& parent = parents_[level];
    const Parent* above = level > 0 ? &parents_[level - 1] : nullptr;
    const auto open = [&](int dirfd, const std::string& name, bool beneath, const Identity& known,
                          Stage stage) {
        File file = open_directory(files, dirfd, name, beneath, stage);
        struct statx now;
        check(stage, files.statx(file.get(), "", 0, now));
        if (identity(now) != known)
            throw Error{stage, ESTALE}; // it was moved away, and another put in its place
        return file;
    };
    File source = open(above ? above->source.get() : top_source_, parent.source_name,
                       source_beneath_, parent.source_id, ARSYNC_STAGE_OPEN_SOURCE);
    parent.destination =
        open(above ? above->destination.get() : base_.get(), parent.name, destination_beneath_,
             parent.destination_id, ARSYNC_STAGE_MAKE_DIRECTORY);
    parent.source = std::move(source);
}

// The copy is one of names in open directories; but the destination's may be missing in a dry run.
void Parents::enter(FileCopy& copy, std::string name) const {
    copy.beneath = true;
    copy.source_base_dirfd = copy.source_dirfd;
    copy.source_from_base = copy.source;
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

Task<void> Parents::finish(Io io, const arsync_copy_options& options, Control& control,
                           Outcome& outcome, bool durable) {
    if ((options.flags & ARSYNC_COPY_DRY_RUN) != 0)
        co_return;
    std::optional<Error> first;
    for (size_t i = parents_.size(); i-- > 0;) {
        // Also the one that has the name of the first that was made.
        const bool syncs = durable && !first &&
                           (parents_[i].made || (i + 1 < parents_.size() && parents_[i + 1].made));
        try {
            co_await finish_one(io, i, options, control, outcome, syncs);
        } catch (const Error& error) {
            if (!first)
                first = error;
        }
    }
    if (first)
        throw *first;
    if (durable && !parents_.empty() && parents_[0].made) {
        control.enter(ARSYNC_STAGE_SYNC);
        const int64_t result = co_await io.ring.sync(base_.get(), false);
        check(ARSYNC_STAGE_SYNC, result);
    }
}

Task<void> Parents::finish_one(Io io, size_t level, const arsync_copy_options& options,
                               Control& control, Outcome& outcome, bool syncs) {
    if (!parents_[level].source)
        open_again(io.files, level);
    Parent& parent = parents_[level];
    const Described ends{.source = parent.source.get(),
                         .facts = parent.facts,
                         .destination = parent.destination.get(),
                         .final_mode = parent.final_mode};
    copy_metadata(io.files, ends, options, control, outcome);
    if (syncs) {
        control.enter(ARSYNC_STAGE_SYNC);
        const int64_t result = co_await io.ring.sync(parent.destination.get(), false);
        check(ARSYNC_STAGE_SYNC, result);
    }
    parent.source = File();
    parent.destination = File();
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

} // namespace arsync
