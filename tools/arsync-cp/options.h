// The command line, understood.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arsync.h"

namespace cp {

enum class Clobber { Overwrite, Ask, Never, Refuse };
enum class Dereference { Undecided, Never, Named, Always };

struct Options {
    std::span<char*> operands;
    const char* target_directory = nullptr;
    bool no_target_directory = false;
    bool strip_trailing_slashes = false;

    Clobber clobber = Clobber::Overwrite;
    bool force = false;
    bool remove_destination = false;
    bool recursive = false;
    bool parents = false;
    bool copy_contents = false;
    bool skip_unchanged = false;
    Dereference dereference = Dereference::Undecided;
    bool continue_on_error = true;
    const char* files_from = nullptr;
    bool nul_separated = false; // the names in it
    std::string filter;

    // ARSYNC_PRESERVE_*, of what was asked for by name, not only as part of "all": not being able
    // to keep it is an error.
    uint32_t required = 0;
    // What cannot be kept else is not even worth a message.
    bool reduce_diagnostics = false;

    bool verbose = false;
    bool debug = false;
    bool json = false;
    bool progress = false;

    // What the library is to do. It points into this.
    arsync_pool_options pool{};
    arsync_copy_options copy{};

    bool has(uint32_t copy_flag) const { return (copy.flags & copy_flag) != 0; }
    bool hard_links() const { return has(ARSYNC_COPY_HARD_LINK); }
    bool symbolic_links() const { return has(ARSYNC_COPY_SYMBOLIC_LINK); }
    bool preserves_links() const { return (copy.preserve & ARSYNC_PRESERVE_LINKS) != 0; }
    bool follows(bool named) const {
        return named ? dereference != Dereference::Never : dereference == Dereference::Always;
    }
    // What is there gives way to a link without a word, as a yes to -i is for hard links.
    bool links_replace() const {
        return (force && (hard_links() || symbolic_links())) ||
               (hard_links() && clobber == Clobber::Ask);
    }
    // FIFOs and devices are read, not made anew.
    bool reads_specials() const { return copy_contents || (!recursive && files_from == nullptr); }
};

// Reads them. Otherwise the exit status of a program that has no more to do: --help and --version
// did their work, mistakes have been complained about.
std::optional<int> parse_options(int argc, char** argv, Options& options);

// A complaint and the hint at --help that goes with mistakes on the command line.
void complain_about_usage(std::string_view message);

} // namespace cp
