// Which source goes where.
#pragma once

#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "options.h"

// A source and its destination, as system calls name them: from the directories of all sources and
// of all destinations, which stay open and so the same, even if their names are moved.
struct Pair {
    std::string source;
    std::string destination;

    // Of an entry of the directory, or of what is further below.
    Pair below(std::string_view path) const;
};
// What has another name in the directory that the path ends in.
std::string beside(std::string_view path, std::string_view other);

// The operands as pairs, or the names of a list in their place, made when they are asked for: a
// command line may name a hundred thousand files, and a list a million, from a pipe.
class Operands {
public:
    // Throws a Mistake if they make no sense, or the target directory is not there.
    explicit Operands(const Options& options);
    Operands(const Operands&) = delete;
    Operands& operator=(const Operands&) = delete;
    ~Operands();

    // Opens the list, and makes the directory that it is copied to. False after a complaint.
    bool open_list();
    // One after the other. Nothing at the end, or where reading the list fails: failed() says so.
    std::optional<Pair> next();
    // A name that leads out of the directory, or cannot be read, has been complained about.
    bool failed() const { return failed_; }
    bool cut_off() const { return cut_off_; } // the list could not be read to its end

    std::span<char* const> sources() const { return sources_; } // or the one of a list
    bool listed() const { return options_.files_from != nullptr; }
    int source_fd() const { return source_fd_ >= 0 ? source_fd_ : AT_FDCWD; }
    int target_fd() const { return target_fd_ >= 0 ? target_fd_ : AT_FDCWD; }
    // Of what has this path from the source's directory and is copied to the target.
    Pair entry(const std::string& path) const;
    // As messages name them.
    std::string shown_source(const Pair& pair) const;
    std::string shown_destination(const Pair& pair) const;

private:
    bool fail(const std::string& complaint);
    Pair named(std::string_view source) const;
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
    bool failed_ = false, cut_off_ = false;
};
