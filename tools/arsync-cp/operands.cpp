#include "operands.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "terminal.h"
#include "text.h"

namespace cp {

namespace {

// O_PATH, because files can be created in a directory that may not be listed.
int open_directory(const char* name) {
    return open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

// Of slashes alone one stays at the end.
std::string_view without_slashes(std::string_view path, bool before, bool after) {
    while (before && path.starts_with('/'))
        path.remove_prefix(1);
    while (after && path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    return path;
}

// The name without the directories before it or slashes after it; "/" stays "/".
std::string_view base_name(std::string_view path) {
    path = without_slashes(path, false, true);
    return path == "/" ? path : path.substr(path.rfind('/') + 1);
}

std::string directory_of(std::string_view path) {
    return std::string(path.substr(0, static_cast<size_t>(base_name(path).data() - path.data())));
}

// What the name of an entry follows. "//" may be another root than "/", and stays.
std::string with_slash(std::string_view directory) {
    if (directory.ends_with('/') && directory.find_first_not_of('/') == directory.npos)
        return std::string(directory);
    return std::string(without_slashes(directory, false, true)).append("/");
}

std::string join(const std::string& directory, std::string_view path) {
    return path.empty() ? directory : with_slash(directory).append(path);
}

// Makes the name of a directory durable that was just made.
bool sync_name_of(const char* directory) {
    const std::string parent = directory_of(directory);
    const int fd = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return synced;
}

} // namespace

int Place::look(struct stat& status, bool follow) const {
    return fstatat(dirfd, name.c_str(), &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

Place Place::below(std::string_view path) const {
    return {dirfd, join(name, path), join(shown, path)};
}

Place Place::beside(std::string_view other) const {
    return {dirfd, directory_of(name).append(other), directory_of(shown).append(other)};
}

Operands::~Operands() {
    free(line_);
    if (list_ != nullptr && list_ != stdin)
        fclose(list_);
    for (const int fd : {source_fd_, target_fd_})
        if (fd >= 0)
            close(fd);
}

bool Operands::complain_about(const char* what, const char* name) {
    complain(what + quote(name) + ": " + arsync_strerror(errno));
    failed_ = true;
    return false;
}

bool Operands::understand() {
    const std::span<char*> all = options_.operands;
    const bool whole = options_.no_target_directory; // whatever it is, it is the copy's own name
    target_ = options_.target_directory;
    const size_t most = listed() ? (target_ != nullptr ? 1 : 2) : whole ? 2 : all.size();
    std::string mistake;
    if (all.empty())
        mistake = "missing file operand";
    else if (all.size() == 1 && target_ == nullptr)
        mistake = "missing destination file operand after " + quote(all[0]);
    else if (all.size() > most)
        mistake = "extra operand " + quote(all[most]);
    if (whole && target_ != nullptr && !all.empty()) {
        complain("cannot combine --target-directory (-t) and --no-target-directory (-T)");
        return false;
    }
    if (mistake.empty() && listed()) {
        target_ = target_ != nullptr ? target_ : all.back(); // opened when the list is
    } else if (mistake.empty() && (target_ != nullptr || !whole)) {
        target_fd_ = open_directory(target_ != nullptr ? target_ : all.back());
        if (target_fd_ < 0 && target_ != nullptr)
            return complain_about("target directory ", target_);
        if (target_fd_ < 0 && all.size() > 2)
            return complain_about("target ", all.back());
        if (target_fd_ >= 0 && target_ == nullptr)
            target_ = all.back();
    }
    if (mistake.empty() && options_.parents && target_ == nullptr)
        mistake = "with --parents, the destination must be a directory";
    if (!mistake.empty())
        complain_about_usage(mistake);
    else
        sources_ = all.first(all.size() - (options_.target_directory != nullptr ? 0 : 1));
    return mistake.empty();
}

bool Operands::open_list() {
    if (!listed())
        return true;
    source_fd_ = open_directory(sources_[0]);
    if (source_fd_ < 0)
        return complain_about("source directory ", sources_[0]);
    const char* name = options_.files_from;
    list_ = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    failed_ = list_ == nullptr;
    if (failed_ && stop_signal() == 0) // which ends a wait for the other end of a pipe
        complain("cannot open " + quote(name) + " for reading: " + arsync_strerror(errno));
    if (failed_)
        return false;
    // Made if it is not there, so that whoever shares out a list need not.
    const bool dry = options_.has(ARSYNC_COPY_DRY_RUN);
    const bool made = !dry && mkdir(target_, 0777) == 0;
    if (!dry && !made && errno != EEXIST)
        return complain_about("cannot create directory ", target_);
    if (made && options_.copy.durability != ARSYNC_DURABILITY_NONE && !sync_name_of(target_))
        return complain_about("error syncing ", target_);
    target_fd_ = open_directory(target_);
    if (target_fd_ >= 0 || (dry && errno == ENOENT))
        return true;
    return complain_about("target directory ", target_);
}

Pair Operands::entry(const std::string& path) const {
    const std::string to = join(target_, path);
    const Place from =
        listed() ? Place{source_fd_, path, join(sources_[0], path)} : Place{AT_FDCWD, path, path};
    return {from, {target_fd(), target_fd_ >= 0 ? path : to, to}};
}

Pair Operands::pair(size_t index) const {
    const std::string_view path = sources_[index];
    Place from{AT_FDCWD, sources_[index], sources_[index]};
    if (target_fd_ < 0)
        return {from, {AT_FDCWD, options_.operands.back(), options_.operands.back()}};
    // As cp does: the option is about names that are made from those of the sources.
    if (options_.strip_trailing_slashes)
        from.name = from.shown = without_slashes(path, false, true);
    // "x/.." is to be copied into the directory, not beside it; "/" has no name of its own.
    std::string name(base_name(path));
    if (name == ".." || name == "/")
        name = ".";
    std::string shown = name;
    if (options_.parents) {
        // The library wants the end of the destination's path to be the source's.
        name = (path.starts_with('/') ? "." : "") + from.name;
        shown = without_slashes(path, true, true);
    }
    return {from, {target_fd_, name, with_slash(target_) + shown}};
}

std::optional<Pair> Operands::next() {
    if (!listed())
        return next_ < count() ? std::optional(pair(next_++)) : std::nullopt;
    const std::optional<std::string> name = next_name();
    return name ? std::optional(entry(*name)) : std::nullopt;
}

std::optional<std::string> Operands::next_name() {
    const char separator = options_.nul_separated ? '\0' : '\n';
    while (true) {
        errno = 0;
        const ssize_t length = getdelim(&line_, &room_, separator, list_);
        if (length < 0 && ferror(list_) != 0 && stop_signal() == 0)
            complain_about("error reading ", options_.files_from);
        if (length < 0)
            return std::nullopt;
        std::string_view path(line_, static_cast<size_t>(length));
        path.remove_suffix(path.ends_with(separator) ? 1 : 0);
        path = without_slashes(path, true, true);
        if (path.empty())
            continue;
        const std::string inner = "/" + std::string(path) + "/";
        if (inner.find("/../") == inner.npos && path.find('\0') == path.npos)
            return std::string(path);
        complain("not a name below the source: " + quote(path));
        failed_ = true;
    }
}

} // namespace cp
