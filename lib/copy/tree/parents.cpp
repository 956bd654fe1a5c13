#include "copy/tree/parents.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/metadata.h"
#include "copy/tree/make_directory.h"

namespace arsync {

// A path's components before the last, "." and repeated slashes left out.
static std::vector<std::string> components_before_last(const std::string& path) {
    std::vector<std::string> components;
    for (size_t at = 0; at < path.size();) {
        const size_t end = std::min(path.find('/', at), path.size());
        std::string part = path.substr(at, end - at);
        if (!part.empty() && part != ".")
            components.push_back(std::move(part));
        at = end + 1;
    }
    if (!components.empty())
        components.pop_back();
    return components;
}

// To be searched is all that is needed of a directory on the way. readable: if it is more.
static File open_directory(Files& files, int dirfd, const std::string& name, Stage stage,
                           bool* readable = nullptr) {
    int fd = files.open(dirfd, name.c_str(), O_RDONLY | O_DIRECTORY, 0);
    if (readable)
        *readable = fd >= 0;
    if (fd == -EACCES)
        fd = files.open(dirfd, name.c_str(), O_PATH | O_DIRECTORY, 0);
    check(stage, fd);
    return File(files, fd);
}

static MadeDirectory make_or_open(Files& files, int dirfd, const std::string& name,
                                  const struct statx& source, const arsync_copy_options& options,
                                  bool& readable) {
    readable = true;
    try {
        return make_directory(files, dirfd, name.c_str(), source, false, true, options);
    } catch (const Error& error) {
        if (error.code != EACCES)
            throw;
        const int fd = files.open(dirfd, name.c_str(), O_PATH | O_DIRECTORY, 0);
        if (fd < 0)
            throw; // it is not there, and may not be made
        MadeDirectory found = {};
        found.directory = File(files, fd);
        found.final_mode = keep_mode;
        readable = false;
        return found;
    }
}

void Parents::make(Files& files, const FileCopy& copy, const arsync_copy_options& options) {
    if (!copy.destination.ends_with(copy.source))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, EINVAL};
    std::string top = copy.destination.substr(0, copy.destination.size() - copy.source.size());
    if (top.empty())
        top = ".";
    int source = copy.source_dirfd;
    base_ = open_directory(files, copy.destination_dirfd, top, ARSYNC_STAGE_MAKE_DIRECTORY,
                           &base_readable_);
    int destination = base_.get();
    bool first = true;
    for (const std::string& name : components_before_last(copy.source)) {
        const std::string from = first && copy.source.starts_with('/') ? "/" + name : name;
        first = false;
        Parent parent;
        parent.source = open_directory(files, source, from, ARSYNC_STAGE_OPEN_SOURCE);
        check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(parent.source.get(), "", 0, parent.facts));
        MadeDirectory made =
            make_or_open(files, destination, name, parent.facts, options, parent.readable);
        parent.destination = std::move(made.directory);
        parent.final_mode = made.final_mode;
        parent.made = made.made;
        parents_.push_back(std::move(parent));
        source = parents_.back().source.get();
        destination = parents_.back().destination.get();
    }
}

void Parents::finish(Files& files, const arsync_copy_options& options, Control& control,
                     Outcome& outcome) {
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
