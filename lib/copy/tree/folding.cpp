#include "copy/tree/folding.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/fold_case.h"
#include "copy/listing.h"

namespace arsync {

namespace {

// `take` gets each name. By a description of its own, for others list the same directory.
template <class Take>
void list_anew(Files& files, int directory, Stage stage, Take take) {
    const int fd = files.open(directory, ".", O_RDONLY | O_DIRECTORY, 0);
    check(stage, fd);
    const File own(files, fd);
    Listing listing;
    while (listing.fill(files, fd, stage))
        for (auto name = listing.next(); name.text; name = listing.next())
            take(name.text);
}

} // namespace

Folding::Folding(Files& files, int destination) {
    list_anew(files, destination, ARSYNC_STAGE_MAKE_DIRECTORY,
              [&](const char* name) { before_.add(name); });
    before_.seal();
}

bool Folding::is_free(Files& files, int source, int destination, const std::string& name,
                      Stage stage) {
    if (before_.contains(name))
        return false;
    struct statx found;
    const int there = files.statx(destination, name.c_str(), AT_SYMLINK_NOFOLLOW, found);
    if (there == -ENOENT)
        return true;
    check(stage, there);
    const Lock lock(mutex_);
    if (!index_)
        make_index(files, source, destination);
    const std::string* spelled = spelling_of(name, found.stx_ino);
    in_doubt_ = in_doubt_ || !spelled;
    if (!spelled || index_->source.contains(*spelled) ||
        taken_.try_emplace(*spelled, name).first->second != name)
        throw Error{stage, EEXIST};
    return false;
}

void Folding::note_source(Files& files, int source, int destination, const std::string& name) {
    if (before_.contains(name))
        return;
    struct statx found;
    const int there = files.statx(destination, name.c_str(), AT_SYMLINK_NOFOLLOW, found);
    const bool cannot_be = there == -EINVAL || there == -EILSEQ || there == -ENAMETOOLONG;
    if (there == -ENOENT || cannot_be)
        return;
    const Lock lock(mutex_);
    try {
        check(ARSYNC_STAGE_LIST, there);
        if (!index_)
            make_index(files, source, destination);
        const std::string* spelled = spelling_of(name, found.stx_ino);
        in_doubt_ = in_doubt_ || !spelled;
        if (spelled)
            led_to_.insert(*spelled);
    } catch (const Error& error) {
        if (error.code == EMFILE || error.code == ENFILE || error.is_stale_handle())
            throw;
        in_doubt_ = true;
    }
}

// Only of what was there before: the rest was made by this job.
void Folding::make_index(Files& files, int source, int destination) {
    auto index = std::make_unique<Index>();
    list_anew(files, source, ARSYNC_STAGE_LIST, [&](const char* name) { index->source.add(name); });
    index->source.seal();
    list_anew(files, destination, ARSYNC_STAGE_MAKE_DIRECTORY, [&](const char* name) {
        struct statx facts;
        if (!before_.contains(name) ||
            files.statx(destination, name, AT_SYMLINK_NOFOLLOW, facts) < 0)
            return;
        // Of the names of one file nobody knows which is meant.
        if (facts.stx_nlink == 1 || S_ISDIR(facts.stx_mode))
            index->by_inode.emplace(facts.stx_ino, name);
        index->by_folded_name.emplace(fold_case(name), name);
    });
    index_ = std::move(index);
}

// On some filesystems each spelling has an inode number of its own, on others what is the same is
// not a matter of case alone.
const std::string* Folding::spelling_of(const std::string& name, uint64_t inode) const {
    const auto same = index_->by_inode.find(inode);
    if (same != index_->by_inode.end())
        return &same->second;
    const auto alike = index_->by_folded_name.find(fold_case(name));
    return alike != index_->by_folded_name.end() ? &alike->second : nullptr;
}

bool Folding::may_be_extra(const std::string& spelled) {
    const Lock lock(mutex_);
    return before_.contains(spelled) && !taken_.contains(spelled) && !led_to_.contains(spelled);
}

bool Folding::is_in_doubt() {
    const Lock lock(mutex_);
    return in_doubt_;
}

} // namespace arsync
