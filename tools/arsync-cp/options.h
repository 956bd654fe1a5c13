// The command line, understood.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arsync.h"

namespace cp {

enum class Clobber { Overwrite, Ask, Never, Refuse };
// --update, as it was given last.
enum class Update { All, None, NoneFail, Older };
enum class Dereference { Undecided, Never, Named, Always };
enum class BackupKind { None, Simple, Existing, Numbered };

struct Options {
    std::span<char*> operands;
    const char* target_directory = nullptr;
    bool no_target_directory = false;
    bool strip_trailing_slashes = false;

    Clobber clobber = Clobber::Overwrite;
    bool update = false;
    bool force = false;
    bool remove_destination = false;
    BackupKind backup = BackupKind::None;
    std::string backup_suffix = "~";

    bool recursive = false;
    bool enters_listed =
        false; // -r itself was given: directories of a list are copied with all in them
    bool parents = false;
    bool copy_contents = false;
    Dereference dereference = Dereference::Undecided;
    bool skip_unchanged = false;
    bool dry_run = false;
    bool continue_on_error = true;
    const char* files_from = nullptr;
    bool nul_separated = false; // the names in it
    bool patterns_from_stdin = false;
    std::string filter; // for copy.filter, which is set when the options do not move any more
    const char* context = nullptr; // an SELinux context for all that is made

    bool preserve_links = false;
    // Not all that could be kept is worth a message.
    bool reduce_diagnostics = false;
    // Asked for by name, not only as part of "all": then not being able to is an error.
    bool xattr_required = false;
    bool context_required = false;

    bool verbose = false;
    bool debug = false;
    bool json = false;
    bool progress = false;

    // The name is made to show the new file by a rename in the library, not by writing into the old
    // one: what a symbolic link points to is then of no interest.
    bool atomic() const { return copy.replace == ARSYNC_REPLACE_ATOMIC; }

    bool makes_links() const {
        return (copy.flags & (ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK)) != 0;
    }
    bool hard_links() const { return (copy.flags & ARSYNC_COPY_HARD_LINK) != 0; }
    bool symbolic_links() const { return (copy.flags & ARSYNC_COPY_SYMBOLIC_LINK) != 0; }
    bool follows_named() const { return dereference != Dereference::Never; }
    bool follows(bool named) const {
        return named ? follows_named() : dereference == Dereference::Always;
    }
    // What is there gives way to a link without a word, as a yes to -i is for hard links.
    bool links_replace() const {
        return (force && makes_links()) || (hard_links() && clobber == Clobber::Ask);
    }
    bool names_from_stdin() const {
        return files_from != nullptr && std::string_view(files_from) == "-";
    }
    // FIFOs and devices are read, not made anew.
    bool reads_specials() const { return copy_contents || (!recursive && files_from == nullptr); }

    arsync_pool_options pool{};
    arsync_copy_options copy{};
};

// Either options to work with, or the exit status of a program that has no more to do: --help and
// --version did their work, mistakes have been complained about.
struct Parsed {
    std::optional<Options> options;
    int exit_status = 0;
};

Parsed parse_options(int argc, char** argv);

// A complaint and the hint at --help that goes with mistakes on the command line.
void complain_about_usage(std::string_view message);

} // namespace cp
