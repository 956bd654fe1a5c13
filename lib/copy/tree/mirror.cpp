#include "copy/tree/mirror.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "copy/listing.h"

namespace arsync {

namespace {

// Removes a directory with all in it that is not excluded, however deep, with the descriptors of
// two directories: down by name, up by "..", which must lead to where it came from.
class Remover {
public:
    Remover(Files& world, const Filter& filter, std::string path)
        : files_(world), filter_(filter), path_(std::move(path)) {}

    // How many entries are gone. Throws Error at the first that will not go.
    uint64_t run(int dirfd, const char* name) {
        struct statx facts;
        check(ARSYNC_STAGE_REMOVE, files_.statx(dirfd, "", 0, facts));
        device_ = identity(facts);
        descend(dirfd, name);
        while (!levels_.empty()) {
            if (const std::string child = empty_out(); !child.empty()) {
                path_ += "/" + child;
                descend(current_.get(), child.c_str());
            } else {
                ascend(dirfd);
            }
        }
        return removed_;
    }

private:
    struct Level {
        std::string name;
        Identity id;
        std::set<std::string, std::less<>> kept; // names that are excluded, or hold what is
    };

    void descend(int dirfd, const char* name) {
        const int fd = files_.open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        check(ARSYNC_STAGE_REMOVE, fd);
        File next(files_, fd);
        struct statx facts;
        check(ARSYNC_STAGE_REMOVE, files_.statx(fd, "", 0, facts));
        const Identity id = identity(facts);
        // What is mounted there is not extra because its mount point is.
        if (id.major != device_.major || id.minor != device_.minor)
            throw Error{ARSYNC_STAGE_REMOVE, EBUSY};
        levels_.push_back({name, id, {}});
        current_ = std::move(next);
    }

    bool is_kept(const char* name) {
        if (filter_.empty())
            return false;
        struct statx facts;
        const bool directory =
            files_.statx(current_.get(), name, AT_SYMLINK_NOFOLLOW, facts) == 0 &&
            S_ISDIR(facts.stx_mode);
        return filter_.excludes(path_ + "/" + name, directory);
    }

    // Removes what is no directory. The name of a directory, or "" when nothing is left to remove.
    std::string empty_out() {
        auto& kept = levels_.back().kept;
        for (;;) {
            check(ARSYNC_STAGE_REMOVE, files_.set_list_position(current_.get(), 0));
            Listing listing;
            bool any = false;
            while (listing.fill(files_, current_.get(), ARSYNC_STAGE_REMOVE)) {
                for (auto name = listing.next(); name.text; name = listing.next()) {
                    if (kept.contains(std::string_view(name.text)))
                        continue;
                    if (is_kept(name.text)) {
                        kept.emplace(name.text);
                        continue;
                    }
                    any = true;
                    const int result = files_.unlink(current_.get(), name.text);
                    if (result == -EISDIR || result == -EPERM)
                        return name.text;
                    if (result != -ENOENT)
                        check(ARSYNC_STAGE_REMOVE, result);
                    ++removed_;
                }
            }
            if (!any)
                return {};
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
                throw Error{ARSYNC_STAGE_REMOVE, ESTALE}; // it was moved: not ours any more
            path_.resize(path_.size() - done.name.size() - 1);
        }
        current_ = std::move(above);
        if (done.kept.empty()) {
            check(ARSYNC_STAGE_REMOVE, files_.remove_directory(parent, done.name.c_str()));
            ++removed_;
        } else if (!levels_.empty()) {
            levels_.back().kept.insert(done.name);
        }
    }

    Files& files_;
    const Filter& filter_;
    std::string path_; // of the directory that is being emptied, below the roots
    Identity device_;
    File current_;
    std::vector<Level> levels_;
    uint64_t removed_ = 0;
};

Removal remove(Files& files, int dirfd, const char* name, bool directory, const Filter& filter,
               std::string path, bool dry_run) {
    Removal removal;
    removal.path = std::move(path);
    removal.directory = directory;
    removal.entries = 1;
    if (dry_run)
        return removal;
    try {
        if (directory)
            removal.entries = Remover(files, filter, removal.path).run(dirfd, name);
        else
            check(ARSYNC_STAGE_REMOVE, files.unlink(dirfd, name));
    } catch (const Error& error) { // one that stays does not keep the others
        removal.error = -error.code;
    }
    return removal;
}

} // namespace

void remove_extra(Files& files, const Pin& directory, const Filter& filter, bool dry_run,
                  const std::function<void(const Removal&)>& report) {
    const int dirfd = directory->destination();
    check(ARSYNC_STAGE_REMOVE, files.set_list_position(dirfd, 0));
    Listing listing;
    while (listing.fill(files, dirfd, ARSYNC_STAGE_REMOVE)) {
        for (auto name = listing.next(); name.text; name = listing.next()) {
            struct statx facts;
            const int in_source =
                files.statx(directory->source(), name.text, AT_SYMLINK_NOFOLLOW, facts);
            if (in_source == 0)
                continue;
            std::string path = path_below(&*directory, name.text);
            const int there = in_source == -ENOENT
                                  ? files.statx(dirfd, name.text, AT_SYMLINK_NOFOLLOW, facts)
                                  : in_source;
            if (there == -ENOENT)
                continue;    // gone by itself
            if (there < 0) { // it is not to be known whether it is extra
                Removal unknown;
                unknown.path = std::move(path);
                unknown.error = there;
                report(unknown);
                continue;
            }
            const bool is_directory = S_ISDIR(facts.stx_mode);
            if (filter.excludes(path, is_directory))
                continue;
            const Removal removal =
                remove(files, dirfd, name.text, is_directory, filter, std::move(path), dry_run);
            if (removal.error < 0 || removal.entries > 0)
                report(removal);
        }
    }
}

} // namespace arsync
