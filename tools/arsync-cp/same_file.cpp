#include "same_file.h"

namespace cp {

namespace {

bool is_link(const struct stat& status) {
    return S_ISLNK(status.st_mode);
}

// What the name leads to; false if it leads nowhere.
bool follow(const Known& known, struct stat& status) {
    status = known.link;
    return !is_link(known.link) || look_through_link(known.place, status) == 0;
}

bool same_target(const Known& source, const Known& destination) {
    struct stat from;
    struct stat to;
    return follow(source, from) && follow(destination, to) && id_of(from) == id_of(to);
}

} // namespace

Sameness compare_files(const Known& source, const Known& destination, const Options& options,
                       bool follows_source) {
    bool same = id_of(source.status) == id_of(destination.status);
    if (same && options.hard_links())
        return Sameness::Done;
    bool keeps_links = !follows_source;
    if (!same && !keeps_links)
        return Sameness::Harmless;
    bool source_is_link = is_link(source.link);
    bool destination_is_link = is_link(destination.link);
    bool one_inode = id_of(source.link) == id_of(destination.link);
    auto one_entry = [&] { return same_entry(source.place, destination.place); };

    if (keeps_links && source_is_link && destination_is_link) {
        if (one_entry())
            return Sameness::Destroyed;
        bool put_aside = options.backup != BackupKind::None;
        return one_inode && !put_aside ? Sameness::Done : Sameness::Harmless;
    }
    if (options.backup != BackupKind::None) {
        // Putting the only entry aside would take the source away with it.
        if (one_inode)
            return one_entry() ? Sameness::Destroyed : Sameness::Harmless;
        // Likewise putting aside the file that the source points to; the reverse is harmless.
        bool takes_target = !keeps_links && source_is_link && !destination_is_link;
        return takes_target ? Sameness::Destroyed : Sameness::Harmless;
    }
    if (options.remove_destination) {
        // Removing one of several links leaves the file to be read through another.
        bool distinct_links = one_inode && destination.link.st_nlink > 1 && !one_entry();
        if (destination_is_link || distinct_links)
            return Sameness::Harmless;
    }
    if (!source_is_link && !destination_is_link && !one_inode)
        return Sameness::Harmless;
    if (options.symbolic_links() && destination_is_link)
        return Sameness::Harmless;
    if (keeps_links && !same_target(source, destination))
        return Sameness::Harmless;
    if (keeps_links && options.hard_links())
        return destination_is_link ? Sameness::Harmless : Sameness::Done;
    return Sameness::Destroyed;
}

} // namespace cp
