// Putting an existing destination aside, and back again if its copy fails.
#pragma once

#include <optional>
#include <string>

#include "options.h"
#include "place.h"

namespace cp {

struct Backup {
    Place place;
    bool numbered = false; // and therefore never in the place of another file
};

// Where the next backup of the file would go; nothing, with errno, if its directory cannot be read.
std::optional<Backup> next_backup(const Place& original, BackupKind kind,
                                  const std::string& suffix);

enum class Aside {
    Rename, // the name is free afterwards
    Link,   // the name goes on showing the old file until it is replaced
};

// Gives the file its backup's name; the place that it got. A numbered backup never replaces a file,
// the others do. Nothing, with errno, if it could not be.
std::optional<Place> put_aside(const Place& original, BackupKind kind, const std::string& suffix,
                               Aside how);

// Undoes put_aside. 0 or an errno value.
int put_back(const Place& backup, const Place& original, Aside how);

} // namespace cp
