#include "operands.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal.h"

namespace {

// O_PATH, because files can be created in a directory that may not be listed.
int open_directory(const char* name) {
    return open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

std::string because(const char* what, const char* name) {
    const int error = errno;
    return what + quote(name) + ": " + arsync_strerror(error);
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
    close(fd);
    errno = error;
    return synced;
}

} // namespace

Pair Pair::below(std::string_view path) const {
    return {join(source, path), join(destination, path)};
}

std::string beside(std::string_view path, std::string_view other) {
    return directory_of(path).append(other);
}

Operands::Operands(const Options& options) : options_(options), target_(options.target_directory) {
    const std::span<char*> all = options_.operands;
    const bool whole = options_.no_target_directory; // whatever it is, it is the copy's own name
    const bool is_named = target_ != nullptr;
    const size_t most = listed() ? (is_named ? 1 : 2) : whole ? 2 : all.size();
    if (all.empty())
        throw Mistake{"missing file operand"};
    if (whole && is_named)
        throw Mistake{"cannot combine --target-directory (-t) and --no-target-directory (-T)",
                      false};
    if (all.size() == 1 && !is_named)
        throw Mistake{"missing destination file operand after " + quote(all[0])};
    if (all.size() > most)
        throw Mistake{"extra operand " + quote(all[most])};
    if (!is_named && (listed() || !whole))
        target_ = all.back();
    if (target_ != nullptr && !listed()) { // that of a list is opened when the list is
        target_fd_ = open_directory(target_);
        if (target_fd_ < 0 && (is_named || all.size() > 2))
            throw Mistake{because(is_named ? "target directory " : "target ", target_), false};
        if (target_fd_ < 0)
            target_ = nullptr;
    }
    if (options_.parents && target_ == nullptr)
        throw Mistake{"with --parents, the destination must be a directory"};
    sources_ = all.first(all.size() - (is_named ? 0 : 1));
}

Operands::~Operands() {
    free(line_);
    if (list_ != nullptr && list_ != stdin)
        fclose(list_);
    for (const int fd : {source_fd_, target_fd_})
        close(fd);
}

bool Operands::fail(const std::string& complaint) {
    failed_ = true;
    return complain(complaint);
}

bool Operands::open_list() {
    if (!listed())
        return true;
    source_fd_ = open_directory(sources_[0]);
    if (source_fd_ < 0)
        return fail(because("source directory ", sources_[0]));
    const char* name = options_.files_from;
    list_ = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (list_ == nullptr) // a signal ends the wait for the other end of a pipe
        return stop_signal() == 0 &&
               fail("cannot open " + quote(name) + " for reading: " + arsync_strerror(errno));
    // Made if it is not there, so that whoever shares out a list need not.
    const bool dry = options_.has(ARSYNC_COPY_DRY_RUN);
    const bool made = !dry && mkdir(target_, 0777) == 0;
    if (!dry && !made && errno != EEXIST)
        return fail(because("cannot create directory ", target_));
    if (made && options_.copy.durability != ARSYNC_DURABILITY_NONE && !sync_name_of(target_))
        return fail(because("error syncing ", target_));
    target_fd_ = open_directory(target_);
    return target_fd_ >= 0 || (dry && errno == ENOENT) ||
           fail(because("target directory ", target_));
}

Pair Operands::entry(const std::string& path) const {
    return {path, target_fd_ >= 0 ? path : join(target_, path)};
}

Pair Operands::named(std::string_view source) const {
    if (target_fd_ < 0)
        return {std::string(source), options_.operands.back()};
    // As cp does: the option is about names that are made from those of the sources.
    if (options_.strip_trailing_slashes)
        source = without_slashes(source, false, true);
    if (options_.parents) // the library wants the end of the destination's path to be the source's
        return {std::string(source), (source.starts_with('/') ? "." : "") + std::string(source)};
    // "x/.." is to be copied into the directory, not beside it; "/" has no name of its own.
    const std::string_view name = base_name(source);
    return {std::string(source), std::string(name == ".." || name == "/" ? "." : name)};
}

std::string Operands::shown_source(const Pair& pair) const {
    return listed() ? join(sources_[0], pair.source) : pair.source;
}

std::string Operands::shown_destination(const Pair& pair) const {
    if (target_fd_ < 0)
        return pair.destination;
    return with_slash(target_).append(options_.parents ? without_slashes(pair.source, true, true)
                                                       : pair.destination);
}

std::optional<Pair> Operands::next() {
    if (!listed())
        return next_ < sources_.size() ? std::optional(named(sources_[next_++])) : std::nullopt;
    const std::optional<std::string> name = next_name();
    return name ? std::optional(entry(*name)) : std::nullopt;
}

std::optional<std::string> Operands::next_name() {
    const char separator = options_.nul_separated ? '\0' : '\n';
    while (!failed_ || !options_.has(ARSYNC_COPY_STOP_ON_ERROR)) {
        errno = 0;
        const ssize_t length = getdelim(&line_, &room_, separator, list_);
        if ((cut_off_ = length < 0 && ferror(list_) != 0 && stop_signal() == 0))
            fail(because("error reading ", options_.files_from));
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
        fail("not a name below the source: " + quote(path));
    }
    return std::nullopt;
}
