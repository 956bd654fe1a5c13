// A destination directory, made or found, as a place to put things in.
#pragma once

#include <string>
#include <utility>

#include "copy/copy.h"
#include "copy/metadata.h"

namespace arsync {

// Removes a directory that was made, unless it is kept: when it is tried again nobody would know
// that it is ours.
class UndoDirectory {
public:
    UndoDirectory() = default;
    UndoDirectory(Files& files, int dirfd, const char* name)
        : files_(&files), dirfd_(dirfd), name_(name) {}
    UndoDirectory(UndoDirectory&& other) noexcept
        : files_(std::exchange(other.files_, nullptr)), dirfd_(other.dirfd_),
          name_(std::move(other.name_)) {}
    UndoDirectory& operator=(UndoDirectory&& other) noexcept {
        std::swap(files_, other.files_);
        std::swap(dirfd_, other.dirfd_);
        std::swap(name_, other.name_);
        return *this;
    }
    ~UndoDirectory() {
        if (files_)
            files_->remove_directory(dirfd_, name_.c_str());
    }
    void keep() { files_ = nullptr; }

private:
    Files* files_ = nullptr;
    int dirfd_ = -1;
    std::string name_;
};

struct MadeDirectory {
    UndoDirectory undo; // until all that is to be known of it is known
    File directory;
    struct statx facts;
    bool made = false;
    FinalMode final_mode;
};

// source: what it is to be like. Until its end it is the owner's alone where it might be wider than
// its source, and the owner may always write to it. follow: a symbolic link to a directory will do.
// fresh: what is there is another's, EEXIST. Throws Error: ENOTDIR where something else is.
MadeDirectory make_directory(Files& files, int dirfd, const char* name, const struct statx& source,
                             bool beneath, bool follow, bool fresh,
                             const arsync_copy_options& options, Umask& umask);

// What is known of files that are made in it by this user and group.
NewFile new_file_in(Files& files, const MadeDirectory& directory,
                    const arsync_copy_options& options, uid_t uid, gid_t gid);

} // namespace arsync
