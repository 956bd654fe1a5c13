#include "same_file.h"

namespace cp {

bool would_destroy_itself(const Known& source, const Known& destination, const Options& options) {
    if (id_of(source.status) != id_of(destination.status))
        return false;
    bool source_is_link = S_ISLNK(source.link.st_mode);
    bool destination_is_link = S_ISLNK(destination.link.st_mode);
    bool one_inode = id_of(source.link) == id_of(destination.link);

    if (options.backup != BackupKind::None) {
        // Putting the only entry aside would take the source away with it.
        if (one_inode)
            return same_entry(source.place, destination.place);
        // Likewise putting aside the file that the source points to; the reverse is harmless.
        return source_is_link && !destination_is_link;
    }
    // Removing one of several links leaves the file to be read through another.
    bool distinct_links =
        one_inode && destination.link.st_nlink > 1 && !same_entry(source.place, destination.place);
    return !(options.remove_destination && (destination_is_link || distinct_links));
}

} // namespace cp
