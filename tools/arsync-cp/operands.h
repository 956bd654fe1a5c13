// Which source goes where.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "options.h"
#include "place.h"

namespace cp {

// The operands as pairs of a source and its destination, made when they are asked for: a command
// line may name a hundred thousand files.
class Operands {
public:
    // Nothing after a complaint.
    static std::optional<Operands> understand(const Options& options);

    Operands(Operands&& other) noexcept;
    Operands& operator=(Operands&&) = delete;
    ~Operands();

    // With --files-from there is one source, the directory that the listed names are in.
    size_t count() const { return sources.size(); }
    Place source(size_t index) const;
    Place destination(size_t index) const;

    // The target directory; -1 if there is none.
    int target_fd() const { return directory_fd; }

    // With --files-from: opens the target directory, and makes it if need be, which is for when the
    // list has been found. false after a complaint.
    bool open_target_to_fill(const Options& options);
    // Of a name of the list. In a dry run the directory need not be there.
    Place place_of(const std::string& name) const;

    // How the directory with the listed names, or what is below it, is shown.
    std::string shown_source(const std::string& path) const;

private:
    Operands() = default;

    std::span<char*> sources;
    bool parents = false;
    bool listed = false;
    bool strip_trailing_slashes = false;
    int directory_fd = -1;         // of the target directory, if there is one
    std::string directory_shown;   // its name with one slash at the end
    std::string destination_shown; // otherwise
};

} // namespace cp
