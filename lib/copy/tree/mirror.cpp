#include "copy/tree/mirror.h"

#include <cerrno>
#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "copy/huge.h"
#include "copy/tree/tree.h"
#include "io/facts.h"

namespace arsync {

namespace {

// How long a Remover goes on, before whoever asked looks whether it should.
constexpr std::chrono::milliseconds turn_length{100};

// Removes a directory with all in it that is not excluded, however deep, with the descriptors of
// two directories: down by name, up by "..", which must lead to where it came from. A dry run takes
// the same way and removes nothing.
//
// Nobody knows how many files that is, nor, without asking for each, how large they are. So it is
// not done on the worker's thread, and what throws Error here does so on another.
class Remover {
public:
    Remover(Files& world, const Filter& filter, const Control& outside, Tree& tree, bool dry_run,
            uint64_t& removed)
        : files_(world), filter_(filter), control_(outside), tree_(tree), dry_run_(dry_run),
          removed_(removed) {}

    void begin(int dirfd, const ExtraEntry& top) {
        struct statx facts;
        check(ARSYNC_STAGE_REMOVE, files_.statx(dirfd, "", 0, facts));
        device_ = identity(facts);
        mount_ = mount_of(facts);
        path_ = top.path;
        descend(dirfd, top.name.c_str(), path_);
    }
    // A turn of it.
    void go_on(int dirfd) {
        until_ = std::chrono::steady_clock::now() + turn_length;
        while (!done() && !is_over()) {
            std::string child;
            if (!empty_out(child))
                return;
            if (!child.empty())
                try_descend(child);
            else
                ascend(dirfd);
        }
        if (done() && first_error_ != 0)
            throw Error{ARSYNC_STAGE_REMOVE, first_error_};
    }
    bool done() const { return levels_.empty(); }
    bool gone() const { return gone_; } // but for what is excluded, and what it is in

private:
    bool is_over() const { return control_.held() || std::chrono::steady_clock::now() >= until_; }

    struct Level {
        std::string name;
        Identity id;
        std::set<std::string, std::less<>> kept; // names that are excluded, or hold what is
        int64_t position = 0;                    // to list on from
        bool changed = false;                    // names have gone since the listing began
    };

    // What will not go does not keep the others, but what they are in.
    void leave(std::string_view name, int error) {
        if (error == EMFILE || error == ENFILE) // begun anew when there are some
            throw Error{ARSYNC_STAGE_REMOVE, error};
        if (first_error_ == 0)
            first_error_ = error;
        levels_.back().kept.emplace(name);
    }

    void try_descend(const std::string& name) {
        try {
            const std::string path = path_ + "/" + name;
            descend(current_.get(), name.c_str(), path);
            path_ = path;
        } catch (const Error& error) {
            leave(name, error.code);
        }
    }

    void descend(int dirfd, const char* name, const std::string& path) {
        const int fd = files_.open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
        // What is mounted there is not extra because its mount point is.
        if (fd == -EXDEV)
            throw Error{ARSYNC_STAGE_REMOVE, EBUSY};
        // No directory, so it was not as one that unlink(2) refused it.
        check(ARSYNC_STAGE_REMOVE, fd == -ENOTDIR ? -EPERM : fd);
        File next(files_, fd);
        struct statx facts;
        check(ARSYNC_STAGE_REMOVE, files_.statx(fd, "", 0, facts));
        const Identity id = identity(facts);
        // Without openat2(2) it was opened all the same; of a bind mount only this tells.
        const bool mount_root =
            (facts.stx_attributes_mask & facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
        // A subvolume of btrfs has a device number of its own, and goes as any directory.
        const bool other_device = id.major != device_.major || id.minor != device_.minor;
        const bool other_mount = mount_ != 0 ? mount_of(facts) != mount_ : other_device;
        // The source, or what is shown at another place, and copied to there.
        const bool is_other = id == tree_.root().source_id || !tree_.enter_once(id, path);
        if (mount_root || other_mount || is_other)
            throw Error{ARSYNC_STAGE_REMOVE, EBUSY};
        levels_.push_back({name, id, {}});
        current_ = std::move(next);
    }

    bool is_directory(const Listing::Name& name) {
        if (name.type != DT_UNKNOWN)
            return name.type == DT_DIR;
        struct statx facts;
        return files_.statx(current_.get(), name.text, AT_SYMLINK_NOFOLLOW, facts) == 0 &&
               S_ISDIR(facts.stx_mode);
    }

    bool is_kept(const Listing::Name& name) {
        return !filter_.empty() && filter_.excludes(path_ + "/" + name.text, is_directory(name));
    }

    // False: it is a directory, or may be one.
    bool remove(const Listing::Name& name) {
        if (dry_run_) {
            if (is_directory(name))
                return false;
        } else {
            const int result = files_.unlink(current_.get(), name.text);
            if (result == -EISDIR || result == -EPERM)
                return false;
            if (result == -ENOENT)
                return true; // gone by itself, or listed and never there
            if (result < 0) {
                leave(name.text, -result);
                return true;
            }
        }
        note_removed();
        return true;
    }

    void note_removed() {
        ++removed_;
        if (!levels_.empty())
            levels_.back().changed = !dry_run_;
    }

    // Removes what is no directory. child: the name of a directory, or "" when nothing is left to
    // remove. False: the turn is over before that.
    bool empty_out(std::string& child) {
        Level& level = levels_.back();
        Listing listing;
        for (;;) {
            check(ARSYNC_STAGE_REMOVE, files_.set_list_position(current_.get(), level.position));
            for (;;) {
                control_.throw_if_cancelled();
                if (is_over())
                    return false;
                if (!listing.fill(files_, current_.get(), ARSYNC_STAGE_REMOVE))
                    break;
                for (auto name = listing.next(); name.text; name = listing.next()) {
                    if (level.kept.contains(std::string_view(name.text)))
                        continue;
                    if (is_kept(name)) {
                        level.kept.emplace(name.text);
                        continue;
                    }
                    if (remove(name))
                        continue;
                    level.position = name.end;
                    child = name.text;
                    return true;
                }
                level.position = listing.position();
            }
            if (!level.changed)
                return true;
            // On some file systems positions move when names go, and so names are passed over.
            level.changed = false;
            level.position = 0;
        }
    }

    void ascend(int top) {
        const Level done = std::move(levels_.back());
        levels_.pop_back();
        File above;
        int parent = top;
        if (!levels_.empty()) {
            parent = files_.open(current_.get(), "..", O_RDONLY | O_DIRECTORY, 0);
            check(ARSYNC_STAGE_REMOVE, parent);
            above = File(files_, parent);
            struct statx facts;
            check(ARSYNC_STAGE_REMOVE, files_.statx(parent, "", 0, facts));
            if (identity(facts) != levels_.back().id)
                throw Error{ARSYNC_STAGE_REMOVE, ESTALE, true}; // it was moved: not ours any more
            path_.resize(path_.size() - done.name.size() - 1);
        }
        current_ = std::move(above);
        if (!done.kept.empty()) {
            if (!levels_.empty())
                levels_.back().kept.insert(done.name);
            return;
        }
        const int result = dry_run_ ? 0 : files_.remove_directory(parent, done.name.c_str());
        if (result < 0 && !levels_.empty())
            return leave(done.name, -result);
        check(ARSYNC_STAGE_REMOVE, result);
        note_removed();
        gone_ = levels_.empty();
    }

    Files& files_;
    const Filter& filter_;
    const Control& control_;
    Tree& tree_;
    const bool dry_run_;
    uint64_t& removed_;
    std::chrono::steady_clock::time_point until_;
    std::string path_; // of the directory that is being emptied, below the roots
    Identity device_;
    uint64_t mount_ = 0; // 0 for all where the kernel does not tell
    File current_;
    std::vector<Level> levels_;
    int first_error_ = 0; // a positive errno
    bool gone_ = false;   // the one at the top
};

} // namespace

// Whether it is extra, or may be.
bool Extra::examine(const Directory& directory, const char* name, ExtraEntry& entry) {
    struct statx facts;
    if (directory.source_names->contains(name) ||
        (directory.folding && !directory.folding->may_be_extra(name)))
        return false;
    // What has come since it was listed will be copied by the next run.
    entry.error = io_.files.statx(directory.source(), name, AT_SYMLINK_NOFOLLOW, facts);
    if (entry.error == 0)
        return false;
    if (entry.error == -ENOENT)
        entry.error = io_.files.statx(directory.destination(), name, AT_SYMLINK_NOFOLLOW, facts);
    if (entry.error == -ENOENT)
        return false; // gone by itself
    entry.name = name;
    entry.path = path_below(&directory, name);
    if (entry.error < 0)
        return true;
    entry.directory = S_ISDIR(facts.stx_mode);
    entry.huge = is_huge(facts);
    return !filter_.excludes(entry.path, entry.directory);
}

Task<void> Extra::next(const Directory& directory, std::optional<ExtraEntry>& next) {
    next.reset();
    for (;;) {
        for (auto name = names_.next(); name.text; name = names_.next()) {
            ExtraEntry entry;
            if (stay_.contains(name.text) || !examine(directory, name.text, entry))
                continue;
            if (entry.error < 0)
                stay_.insert(entry.name);
            next = std::move(entry);
            co_return;
        }
        control_.throw_if_cancelled();
        co_await io_.ring.yield();
        const int dirfd = directory.destination();
        check(ARSYNC_STAGE_REMOVE, io_.files.set_list_position(dirfd, names_.position()));
        if (names_.fill(io_.files, dirfd, ARSYNC_STAGE_REMOVE))
            continue;
        // Where positions count names, each round leaves half of what is extra; where removed names
        // stay, there is no end.
        constexpr unsigned rounds_max = 64;
        if (!changed_ || ++rounds_ == rounds_max)
            co_return;
        changed_ = false;
        names_ = Listing();
    }
}

Task<bool> Extra::remove(const Directory& directory, const ExtraEntry& entry, uint64_t& removed) {
    stay_.insert(entry.name);
    const bool gone = co_await remove_once(directory, entry, removed);
    if (gone && !dry_run_) {
        stay_.erase(entry.name);
        changed_ = true;
    }
    co_return gone;
}

Task<bool> Extra::remove_once(const Directory& directory, const ExtraEntry& entry,
                              uint64_t& removed) {
    const int dirfd = directory.destination();
    if (entry.directory) {
        if (dry_run_)
            removed = 0; // when it is begun anew
        Remover remover(io_.files, filter_, control_, tree_, dry_run_, removed);
        remover.begin(dirfd, entry);
        const auto turn = [&] { remover.go_on(dirfd); };
        while (!remover.done()) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            co_await run_aside(io_.ring, turn);
        }
        co_return remover.gone();
    }
    if (!dry_run_) {
        const int64_t result = co_await io_.ring.call(
            entry.huge, [&] { return io_.files.unlink(dirfd, entry.name.c_str()); });
        check(ARSYNC_STAGE_REMOVE, result);
    }
    ++removed;
    co_return true;
}

} // namespace arsync
