#include "copy/parent_directories.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "copy/list/order.h"
#include "copy/metadata.h"
#include "copy/split_path.h"
#include "copy/tree/make_directory.h"
#include "io/descriptors.h"

namespace arsync {

namespace {

// A path's components, "." and repeated slashes left out; ends: where each ends in the path.
std::vector<std::string> components_of(const std::string& path,
                                       std::vector<size_t>* ends = nullptr) {
    std::vector<std::string> components;
    for (size_t at = 0; at < path.size();) {
        const size_t end = std::min(path.find('/', at), path.size());
        std::string part = path.substr(at, end - at);
        if (!part.empty() && part != ".") {
            components.push_back(std::move(part));
            if (ends)
                ends->push_back(end);
        }
        at = end + 1;
    }
    return components;
}

// To be searched is all that is needed of a directory on the way. readable: if it is more.
File open_directory(Files& files, int dirfd, const std::string& name, bool beneath, Stage stage,
                    bool* readable = nullptr) {
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

// Of a dry run: none where it would be made.
File look_for(Files& files, int dirfd, const std::string& name, bool beneath) {
    struct statx found;
    const int result = files.statx(dirfd, name.c_str(), beneath ? AT_SYMLINK_NOFOLLOW : 0, found);
    if (result == -ENOENT)
        return File();
    check(ARSYNC_STAGE_MAKE_DIRECTORY, result);
    if (!S_ISDIR(found.stx_mode))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, ENOTDIR};
    return open_directory(files, dirfd, name, beneath, ARSYNC_STAGE_MAKE_DIRECTORY);
}

} // namespace

std::string path_above(const std::string& source, const std::string& destination) {
    std::string top = destination;
    const bool is_end = top.ends_with(source);
    if (is_end)
        top.resize(top.size() - source.size());
    const bool absolute = source.starts_with('/');
    if (!is_end || (!top.empty() && !top.ends_with('/') && !absolute))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, EINVAL};
    if (top.empty())
        top = absolute ? "/" : ".";
    return top;
}

std::string last_component(const std::string& path) {
    const std::vector<std::string> names = components_of(path);
    return names.empty() ? path : names.back();
}

Ways::Ways(int source_dirfd, int destination_dirfd, const arsync_copy_options& options)
    : source_dirfd_(source_dirfd), destination_dirfd_(destination_dirfd), options_(options),
      dry_(asks(options, ARSYNC_COPY_DRY_RUN)),
      source_beneath_(asks(options, ARSYNC_COPY_BENEATH) &&
                      options.symlinks != ARSYNC_SYMLINKS_FOLLOW),
      destination_beneath_(asks(options, ARSYNC_COPY_BENEATH) &&
                           !asks(options, ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK)),
      uid_(geteuid()), gid_(getegid()),
      directories_(std::make_shared<Directories>(descriptors::parents())) {}

Ways::Route Ways::route_of(const std::string& source, const std::string& destination) const {
    Route route{path_above(source, destination), source, {}, {}, source.starts_with('/')};
    route.names = components_of(source, &route.ends);
    const bool leads_up =
        std::find(route.names.begin(), route.names.end(), "..") != route.names.end();
    if (asks(options_, ARSYNC_COPY_BENEATH) && (route.absolute || leads_up))
        throw Error{ARSYNC_STAGE_OPEN_SOURCE, EXDEV};
    return route;
}

DirectoryRef Ways::enter(Files& files, const std::string& source, const std::string& destination) {
    const Route route = route_of(source, destination);
    return walk(files, route, route.names.empty() ? 0 : route.names.size() - 1, false);
}

DirectoryRef Ways::make(Files& files, const std::string& source, const std::string& destination) {
    const Route route = route_of(source, destination);
    // Also one that was entered before, when it was merely on the way.
    std::string itself = destination;
    while (itself.size() > 1 && itself.ends_with('/'))
        itself.pop_back();
    struct statx found;
    if (asks(options_, ARSYNC_COPY_NOFOLLOW) &&
        files.statx(destination_dirfd_, itself.c_str(), AT_SYMLINK_NOFOLLOW, found) == 0 &&
        S_ISLNK(found.stx_mode))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, ELOOP};
    DirectoryRef directory = walk(files, route, route.names.size(), true);
    if (!directory->parent && !directory->facts)
        add_top(files, directory);
    return directory;
}

// It was there, and gets attributes as the others do.
void Ways::add_top(Files& files, const DirectoryRef& directory) {
    const Pin top(files, directory);
    auto facts = std::make_unique<struct statx>();
    check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(top->source(), "", 0, *facts));
    directory->facts = std::move(facts);
    in_order_.insert(in_order_.begin(), {"", directory});
}

// As many of the names as that.
DirectoryRef Ways::walk(Files& files, const Route& route, size_t count, bool last_is_named) {
    std::vector<std::string> keys; // of the top, and of each below it
    keys.push_back((route.absolute ? "/" : "") + std::string(1, '\0') + route.top);
    for (size_t i = 0; i < count; ++i)
        keys.push_back(keys.back() + '\0' + route.names[i]);
    size_t known = keys.size();
    while (known > 0 && !by_path_.contains(keys[known - 1]))
        --known;
    for (size_t i = known; i < keys.size(); ++i) {
        if (i == 0) {
            open_top(files, route, keys[0]);
            continue;
        }
        Way& outer = by_path_.at(keys[i - 1]);
        const bool named = last_is_named && i == count;
        const bool is_new = add(files, outer, keys[i], route.names[i - 1],
                                route.source.substr(0, route.ends[i - 1]), named);
        outer.has_new = outer.has_new || is_new;
        // What is copied itself is not on the way to anything.
        for (size_t at = 0; is_new && !named && at < i; ++at)
            by_path_.at(keys[at]).leads_to_new = true;
    }
    Way& last = by_path_.at(keys.back());
    last.named = last.named || last_is_named;
    return last.directory;
}

// The first stays open, for all others are reached from it; but each item may have another, and
// these are opened again. Of a dry run it may be missing.
void Ways::open_top(Files& files, const Route& route, const std::string& key) {
    Way way{std::make_shared<Directory>(directories_)};
    Directory& directory = *way.directory;
    const char* const top = route.absolute ? "/" : ".";
    if (!by_path_.empty())
        directory.root = std::make_unique<Directory::Root>(
            Directory::Root{source_dirfd_, destination_dirfd_, top, route.top});
    const int fd = files.open(source_dirfd_, top, O_PATH | O_DIRECTORY, 0);
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    File source(files, fd);
    struct statx of_source;
    check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(fd, "", 0, of_source));
    directory.source_id = identity(of_source);
    File destination;
    if (dry_) {
        destination = look_for(files, destination_dirfd_, route.top, false);
        directory.made = directory.missing = !destination;
    } else {
        destination = open_directory(files, destination_dirfd_, route.top, false,
                                     ARSYNC_STAGE_MAKE_DIRECTORY, &way.readable);
        struct statx facts;
        check(ARSYNC_STAGE_MAKE_DIRECTORY, files.statx(destination.get(), "", 0, facts));
        directory.destination_id = identity(facts);
    }
    directories_->add(directory, std::move(source), std::move(destination));
    directories_->unpin(directory);
    keys_.insert_or_assign(&directory, key);
    by_path_.emplace(key, std::move(way));
}

// The next one inwards; whether it was made. What is to be known of it has its room before, so that
// none is made and then not known, for memory may run out at each step.
bool Ways::add(Files& files, const Way& outer, const std::string& key, const std::string& name,
               const std::string& path, bool named) {
    const DirectoryRef directory = std::make_shared<Directory>(directories_);
    Way& way = by_path_.emplace(key, Way{directory}).first->second;
    bool to_be_told = false;
    const auto forget = [&] {
        if (!in_order_.empty() && in_order_.back().directory == directory)
            in_order_.pop_back();
        keys_.erase(directory.get());
        by_path_.erase(key);
    };
    try {
        keys_.insert_or_assign(directory.get(), key);
        in_order_.push_back({path, directory});
        made_.push_back({path, false});
        to_be_told = true;
        make_next(files, outer, way, name, named);
    } catch (const Error&) {
        forget();
        throw;
    } catch (const std::bad_alloc&) {
        forget();
        if (to_be_told)
            made_.pop_back();
        throw;
    }
    if (directory->made)
        made_.back().is_new = true;
    else
        made_.pop_back();
    return directory->made;
}

void Ways::make_next(Files& files, const Way& outer, Way& way, const std::string& name,
                     bool named) {
    Directory& directory = *way.directory;
    directory.parent = outer.directory;
    directory.name = name;
    directory.source_followed = !source_beneath_;
    directory.destination_followed = follows(named);
    directory.facts = std::make_unique<struct statx>();
    const Pin above(files, outer.directory);
    File source =
        open_directory(files, above->source(), name, source_beneath_, ARSYNC_STAGE_OPEN_SOURCE);
    check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(source.get(), "", 0, *directory.facts));
    directory.source_id = identity(*directory.facts);
    MadeDirectory made; // none in a dry run
    if (!dry_) {
        way.readable = make_or_open(files, above, directory, named, made);
    } else {
        if (!above->missing)
            made.directory = look_for(files, above->destination(), name, destination_beneath_);
        directory.made = directory.missing = !made.directory;
    }
    if (made.made)
        set_flags_of_new_directory(files, source.get(), *directory.facts, made.directory.get(),
                                   options_);
    directories_->add(directory, std::move(source), std::move(made.directory));
    directories_->unpin(directory);
    made.undo.keep();
}

bool Ways::stays_bare(bool named) const {
    return asks(options_, ARSYNC_COPY_BARE_PARENTS) && !named;
}

// As by cp, for which a way that was there is not its own. With directories alone each is meant:
// their attributes in the end of what BARE_PARENTS has copied.
bool Ways::stays_as_it_was(const Way& way) const {
    return !way.named && !way.directory->made && !way.leads_to_new &&
           !asks(options_, ARSYNC_COPY_BENEATH) && !asks(options_, ARSYNC_COPY_DIRECTORIES_ONLY);
}

// Whether a link in the place of a destination's directory is.
bool Ways::follows(bool named) const {
    return !destination_beneath_ && !(named && asks(options_, ARSYNC_COPY_NOFOLLOW));
}

// Whether it may be read.
bool Ways::make_or_open(Files& files, const Pin& above, Directory& directory, bool named,
                        MadeDirectory& made) {
    const char* name = directory.name.c_str();
    arsync_copy_options how = options_;
    if (stays_bare(named))
        how.preserve &= ~ARSYNC_PRESERVE_OWNER; // nothing to be withheld for
    bool readable = true;
    try {
        made = make_directory(files, above->destination(), name, *directory.facts,
                              destination_beneath_, follows(named), false, how, umask_);
    } catch (const Error& error) {
        if (error.code != EACCES)
            throw;
        const int fd = files.open(above->destination(), name,
                                  O_PATH | O_DIRECTORY | (follows(named) ? 0 : O_NOFOLLOW), 0);
        if (fd < 0)
            throw; // it is not there, and may not be made
        made.directory = File(files, fd);
        check(ARSYNC_STAGE_MAKE_DIRECTORY, files.statx(fd, "", 0, made.facts));
        readable = false;
    }
    directory.made = made.made;
    directory.final_mode = made.final_mode;
    directory.destination_id = identity(made.facts);
    directory.new_file = new_file_in(files, made, options_, uid_, gid_);
    return readable;
}

std::vector<Ways::Done> Ways::take_inside_out() {
    std::reverse(in_order_.begin(), in_order_.end());
    return std::exchange(in_order_, {});
}

void Ways::close() {
    in_order_.clear();
    tops_to_sync_.clear();
    keys_.clear();
    by_path_.clear();
}

bool Ways::drop_made(const std::string& path) {
    return std::erase_if(made_, [&](const Made& made) { return simplified(made.path) == path; }) >
           0;
}

bool Ways::is_unsyncable(const DirectoryRef& directory) const {
    const Directory* at = directory.get();
    bool made = true; // the name in it
    for (; at; at = at->parent.get()) {
        if (made && !by_path_.at(keys_.at(at)).readable)
            return true;
        made = at->made;
    }
    return false;
}

bool Ways::will_sync(const DirectoryRef& directory) {
    if (is_unsyncable(directory))
        return false;
    by_path_.at(keys_.at(directory.get())).has_new = true;
    const bool is_top = !directory->parent;
    const auto known = std::find(tops_to_sync_.begin(), tops_to_sync_.end(), directory);
    if (is_top && known == tops_to_sync_.end())
        tops_to_sync_.push_back(directory);
    return true;
}

Task<void> Ways::sync_tops(Io io) {
    for (const DirectoryRef& top : tops_to_sync_) {
        const Pin directory(io.files, top);
        const int64_t result = co_await io.ring.sync(directory->destination(), false);
        check(ARSYNC_STAGE_SYNC, result);
    }
    tops_to_sync_.clear();
}

Task<void> Ways::finish(Io io, const DirectoryRef& ref, Control& control, Outcome& outcome,
                        bool durable) {
    if (dry_)
        co_return;
    const Way& way = by_path_.at(keys_.at(ref.get()));
    const auto sync = [&](int fd) { return io.ring.sync(fd, false); };
    {
        const Pin directory(io.files, ref);
        arsync_copy_options how = options_;
        if (stays_bare(way.named) || stays_as_it_was(way)) {
            how.preserve = 0;
            // It gets the mode that it was made for, and the right to put things in it.
            if (directory->final_mode.bits != keep_mode)
                directory->final_mode.bits |= S_IRWXU;
        }
        copy_attributes(io.files, *directory, how, control, outcome);
        // Also the one that has the name of the first that was made, and what got attributes alone.
        const bool has_names = directory->made || way.has_new;
        const bool has_attributes =
            (options_.preserve & ~ARSYNC_PRESERVE_LINKS) != 0 && way.readable;
        if (durable && (has_names || has_attributes)) {
            control.enter(ARSYNC_STAGE_SYNC);
            const int64_t result = co_await sync(directory->destination());
            // By another path it has got those already, and was synced; they may have made it
            // unreadable.
            if (has_names || result != -EBADF)
                check(ARSYNC_STAGE_SYNC, result);
        }
    }
    const DirectoryRef& above = ref->parent;
    if (durable && ref->made && above && !above->parent) {
        control.enter(ARSYNC_STAGE_SYNC);
        const Pin top(io.files, above);
        const int64_t result = co_await sync(top->destination());
        check(ARSYNC_STAGE_SYNC, result);
    }
    directories_->finish(*ref);
}

} // namespace arsync
