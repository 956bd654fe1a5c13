#include "copy/tree/mirror.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <utility>
#include <vector>

#include "copy/listing.h"

namespace arsync {

namespace {

// Removes a directory with all in it, however deep, with the descriptors of two directories: down
// by name, up by "..", which must lead to where it came from.
class Remover {
public:
    explicit Remover(Files& world) : files_(world) {}

    // How many entries are gone. Throws Error at the first that will not go.
    uint64_t run(int dirfd, const char* name) {
        descend(dirfd, name);
        while (!levels_.empty()) {
            if (const std::string child = empty_out(); !child.empty())
                descend(current_.get(), child.c_str());
            else
                ascend(dirfd);
        }
        return removed_;
    }

private:
    struct Level {
        std::string name;
        Identity id;
    };

    void descend(int dirfd, const char* name) {
        const int fd = files_.open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        check(ARSYNC_STAGE_REMOVE, fd);
        File next(files_, fd);
        struct statx facts;
        check(ARSYNC_STAGE_REMOVE, files_.statx(fd, "", 0, facts));
        levels_.push_back({name, identity(facts)});
        current_ = std::move(next);
    }

    // Removes what is no directory. The name of a directory, or "" when nothing is left.
    std::string empty_out() {
        for (;;) {
            check(ARSYNC_STAGE_REMOVE, files_.set_list_position(current_.get(), 0));
            Listing listing;
            bool any = false;
            while (listing.fill(files_, current_.get(), ARSYNC_STAGE_REMOVE)) {
                for (auto name = listing.next(); name.text; name = listing.next()) {
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
        }
        current_ = std::move(above);
        check(ARSYNC_STAGE_REMOVE, files_.remove_directory(parent, done.name.c_str()));
        ++removed_;
    }

    Files& files_;
    File current_;
    std::vector<Level> levels_;
    uint64_t removed_ = 0;
};

Removal remove(Files& files, int dirfd, const char* name, bool directory, bool dry_run) {
    Removal removal;
    removal.directory = directory;
    removal.entries = 1;
    if (dry_run)
        return removal;
    try {
        if (directory)
            removal.entries = Remover(files).run(dirfd, name);
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
            if (in_source != -ENOENT)
                continue; // there, or not to be known
            if (files.statx(dirfd, name.text, AT_SYMLINK_NOFOLLOW, facts) < 0)
                continue; // gone by itself
            const bool is_directory = S_ISDIR(facts.stx_mode);
            std::string path = path_below(&*directory, name.text);
            if (filter.excludes(path, is_directory))
                continue;
            Removal removal = remove(files, dirfd, name.text, is_directory, dry_run);
            removal.path = std::move(path);
            report(removal);
        }
    }
}

} // namespace arsync
