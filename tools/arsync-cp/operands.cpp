#include "operands.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "quote.h"
#include "say.h"

namespace cp {

namespace {

int open_directory(const char* name) {
    // O_PATH, because files can be created in a directory that may not be listed.
    return open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

// Makes the name of a directory durable that was just made.
bool sync_name_of(const char* directory) {
    const std::string_view base = base_name(directory);
    const std::string parent(directory, static_cast<size_t>(base.data() - directory));
    const int fd = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return synced;
}

std::string with_one_slash(std::string directory) {
    while (!directory.empty() && directory.back() == '/' &&
           directory.find_first_not_of('/') != std::string::npos)
        directory.pop_back();
    if (directory.empty() || directory.back() != '/')
        directory += '/';
    return directory;
}

std::string complaint_about(const char* what, const char* name, int error) {
    return std::string(what) + quote(name) + ": " + arsync_strerror(error);
}

} // namespace

std::optional<Operands> Operands::understand(const Options& options) {
    Operands result;
    result.strip_trailing_slashes = options.strip_trailing_slashes;
    std::span<char*> operands = options.operands;
    const char* directory = options.target_directory;

    if (operands.empty()) {
        complain_about_usage("missing file operand");
        return std::nullopt;
    }
    if (operands.size() == 1 && directory == nullptr) {
        complain_about_usage("missing destination file operand after " + quote(operands[0]));
        return std::nullopt;
    }
    if (options.no_target_directory) {
        if (directory != nullptr) {
            complain("cannot combine --target-directory (-t) and --no-target-directory (-T)");
            return std::nullopt;
        }
        if (operands.size() > 2) {
            complain_about_usage("extra operand " + quote(operands[2]));
            return std::nullopt;
        }
    }
    if (options.files_from != nullptr) {
        size_t expected = directory != nullptr ? 1 : 2;
        if (operands.size() > expected) {
            complain_about_usage("extra operand " + quote(operands[expected]));
            return std::nullopt;
        }
        if (directory == nullptr)
            directory = operands.back();
    } else if (options.no_target_directory) {
        // Whatever it is, it is the copy's own name.
    } else if (directory != nullptr) {
        result.directory_fd = open_directory(directory);
        if (result.directory_fd < 0) {
            complain(complaint_about("target directory ", directory, errno));
            return std::nullopt;
        }
    } else {
        result.directory_fd = open_directory(operands.back());
        if (result.directory_fd >= 0) {
            directory = operands.back();
        } else if (operands.size() > 2) {
            complain(complaint_about("target ", operands.back(), errno));
            return std::nullopt;
        }
    }
    if (options.parents && directory == nullptr) {
        complain_about_usage("with --parents, the destination must be a directory");
        return std::nullopt;
    }
    result.parents = options.parents;
    result.listed = options.files_from != nullptr;
    if (directory != nullptr)
        result.directory_shown = with_one_slash(directory);
    if (options.target_directory != nullptr)
        result.sources = operands;
    else
        result.sources = operands.first(operands.size() - 1);
    if (directory == nullptr)
        result.destination_shown = operands.back();
    return result;
}

bool Operands::open_target_to_fill(const Options& options) {
    const char* directory =
        options.target_directory != nullptr ? options.target_directory : options.operands.back();
    // Made if it is not there, so that whoever shares out a list need not.
    const bool made = !options.dry_run && mkdir(directory, 0777) == 0;
    if (!options.dry_run && !made && errno != EEXIST) {
        complain(complaint_about("cannot create directory ", directory, errno));
        return false;
    }
    if (made && options.copy.durability != ARSYNC_DURABILITY_NONE && !sync_name_of(directory)) {
        complain(complaint_about("error syncing ", directory, errno));
        return false;
    }
    directory_fd = open_directory(directory);
    if (directory_fd >= 0 || (options.dry_run && errno == ENOENT))
        return true;
    complain(complaint_about("target directory ", directory, errno));
    return false;
}

Place Operands::place_of(const std::string& name) const {
    std::string shown = directory_shown + name;
    return directory_fd >= 0 ? Place{directory_fd, name, shown} : Place{AT_FDCWD, shown, shown};
}

std::string Operands::shown_source(const std::string& path) const {
    return listed ? join(source(0).shown, path) : path;
}

Operands::Operands(Operands&& other) noexcept
    : sources(other.sources), parents(other.parents), listed(other.listed),
      strip_trailing_slashes(other.strip_trailing_slashes),
      directory_fd(std::exchange(other.directory_fd, -1)),
      directory_shown(std::move(other.directory_shown)),
      destination_shown(std::move(other.destination_shown)) {}

Operands::~Operands() {
    if (directory_fd >= 0)
        close(directory_fd);
}

Place Operands::source(size_t index) const {
    std::string name = sources[index];
    // As cp does: the option is about names that are made from those of the sources.
    if (strip_trailing_slashes && directory_fd >= 0)
        while (name.size() > 1 && name.back() == '/')
            name.pop_back();
    return {AT_FDCWD, name, name};
}

Place Operands::destination(size_t index) const {
    if (directory_fd < 0)
        return {AT_FDCWD, destination_shown, destination_shown};
    std::string_view path = sources[index];
    if (parents) {
        // The library wants the end of the destination's path to be the source's.
        std::string name = (path.starts_with('/') ? "." : "") + source(index).name;
        std::string_view shown = path.substr(std::min(path.find_first_not_of('/'), path.size()));
        while (shown.ends_with('/'))
            shown.remove_suffix(1);
        return {directory_fd, name, directory_shown + std::string(shown)};
    }
    std::string name(base_name(path));
    // "x/.." is to be copied into the directory, not beside it; "/" has no name of its own.
    if (name == ".." || name == "/")
        name = ".";
    return {directory_fd, name, directory_shown + name};
}

} // namespace cp
