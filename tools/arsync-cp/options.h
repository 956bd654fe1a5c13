// The command line, understood.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arsync.h"

// What is wrong with the command line, and whether a hint at --help follows.
struct Mistake {
    std::string complaint;
    bool hint = true;
};

// What becomes of what is there.
enum class Clobber { overwrite, ask, never, refuse };

// As they are given. What depends on several, or on the environment, is decided at the end.
struct Options {
    std::span<char*> operands;
    const char* target_directory = nullptr;
    bool no_target_directory = false;
    bool strip_trailing_slashes = false;
    bool parents = false;
    const char* files_from = nullptr;
    bool nul_separated = false; // the names in it
    bool patterns_from_stdin = false;
    bool recursive = false;
    bool enters_listed = false; // -r itself: directories of a list are copied with all in them
    bool copy_contents = false;

    Clobber clobber = Clobber::overwrite;
    arsync_copy_options update{}; // what --update said last
    bool skip_unchanged = false;
    bool force = false;
    bool removes = false; // what is there, before anything is written
    // What is there gives way to a link without a word, as a yes to -i is for hard links.
    bool links_replace = false;
    bool wants_backup = false;
    const char* backup_control = nullptr;
    const char* backup_suffix = nullptr;

    const char* context = nullptr;   // for all that is made
    bool reduce_diagnostics = false; // what cannot be kept else is not even worth a message

    bool verbose = false;
    bool debug = false;
    bool json = false;
    bool progress = false;
    std::string answer; // is all that is to be printed, and nothing is copied

    // What the library is to do.
    arsync_pool_options pool{};
    arsync_copy_options copy{}; // may point to this:
    std::string filter;

    Options() {
        pool.struct_size = sizeof pool;
        copy.struct_size = sizeof copy;
    }
    bool has(uint32_t copy_flag) const { return (copy.flags & copy_flag) != 0; }
};

// Throws a Mistake.
void parse_options(int argc, char** argv, Options& options);

// Below: for option_table.cpp and options.cpp alone.

struct Option {
    enum class Kind { heading, cps, ours } kind; // scripts abbreviate cp's as cp lets them
    std::string_view letters;                    // each is the option
    const char* name;                            // or ""
    std::string_view argument;                   // "", "=FILE", or "[=WHEN]" of the name alone
    std::string_view help;
    // getopt_long's optarg is what it is given. None: the library has an option of that name.
    void (*take)(Options& options) = nullptr;
};
extern const std::span<const Option> option_table;

// What the library has under this name. A complaint about the value is one about what is shown.
void set(Options& options, const char* name, const char* value, const std::string& shown);
bool has_selinux(); // the kernel gives files labels
