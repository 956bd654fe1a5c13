// Which source goes where.
#pragma once

#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "options.h"

namespace cp {

// A file as system calls name it: relative to a directory that stays open, so that it is the same
// directory for every file even if its name is moved meanwhile.
struct Place {
    int dirfd = AT_FDCWD;
    std::string name;  // relative to dirfd
    std::string shown; // as messages name it

    // 0 or an errno value.
    int look(struct stat& status, bool follow) const;
    // Of an entry of the directory, or of what is further below.
    Place below(std::string_view path) const;
    // In the same directory, by another name.
    Place beside(std::string_view other) const;
};

// A source and its destination.
struct Pair {
    Place source, destination;
};

// The operands as pairs, or the names of a list in their place, made when they are asked for: a
// command line may name a hundred thousand files, and a list a million, from a pipe.
class Operands {
public:
    explicit Operands(const Options& options) : options_(options) {}
    Operands(const Operands&) = delete;
    Operands& operator=(const Operands&) = delete;
    ~Operands();

    // Whether they make sense, and the target directory is there; if not, after a complaint.
    bool understand();
    // Opens the list, and makes the directory that it is copied to. False after a complaint.
    bool open_list();

    size_t count() const { return sources_.size(); }
    Pair pair(size_t index) const;
    // One after the other. Nothing at the end, or where reading the list fails: failed() says so.
    std::optional<Pair> next();
    // A name that leads out of the directory, or cannot be read, has been complained about.
    bool failed() const { return failed_; }

    bool listed() const { return options_.files_from != nullptr; }
    int source_fd() const { return listed() ? source_fd_ : AT_FDCWD; }
    int target_fd() const { return target_fd_ >= 0 ? target_fd_ : AT_FDCWD; }
    // Of what has this path from the source's directory and is copied to the target.
    Pair entry(const std::string& path) const;

private:
    bool complain_about(const char* what, const char* name);
    std::optional<std::string> next_name();

    const Options& options_;
    std::span<char*> sources_;
    const char* target_ = nullptr; // the directory that is copied into, if there is one
    int source_fd_ = -1;
    int target_fd_ = -1;
    size_t next_ = 0;
    FILE* list_ = nullptr;
    char* line_ = nullptr;
    size_t room_ = 0;
    bool failed_ = false;
};

} // namespace cp
