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
constexpr uint32_t none_fail = UINT32_MAX; // an --update that is none of the library's
// What of preserve may be lost without harm, unless it was named.
constexpr uint32_t can_be_required = ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT;

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
    uint32_t update = ARSYNC_UPDATE_ALL; // or none_fail
    bool skip_unchanged = false;
    bool force = false;
    bool removes = false; // what is there, before anything is written
    // What is there gives way to a link without a word, as a yes to -i is for hard links.
    bool links_replace = false;
    bool wants_backup = false;
    const char* backup_control = nullptr;
    const char* backup_suffix = nullptr;

    // ARSYNC_PRESERVE_*, of what was asked for by name, not only as part of "all": not being able
    // to keep it is an error.
    uint32_t required = 0;
    bool mode_declined = false;
    const char* context = nullptr;   // for all that is made
    bool reduce_diagnostics = false; // what cannot be kept else is not even worth a message
    uint32_t continue_on_error = 1;

    bool verbose = false;
    bool debug = false;
    bool json = false;
    bool progress = false;
    std::string option; // that is being taken, as it is spelled
    std::string answer; // is all that is to be printed, and nothing is copied

    // What the library is to do.
    arsync_pool_options pool{};
    arsync_copy_options copy{}; // may point to this:
    std::string filter;

    bool has(uint32_t copy_flag) const { return (copy.flags & copy_flag) != 0; }
};

// Throws a Mistake.
void parse_options(int argc, char** argv, Options& options);

// Below: for option_table.cpp and options.cpp alone.

struct Word {
    std::string_view word;
    uint32_t value;
};

struct Option {
    enum class Kind { heading, cps, ours } kind; // scripts abbreviate cp's as cp lets them
    std::string_view letters;                    // each is the option
    const char* name;                            // or ""
    std::string_view argument;                   // "", "=FILE", or "[=WHEN]" of the name alone
    std::string_view help;
    void (*take)(Options& options) = nullptr; // getopt_long's optarg is what it is given
};
extern const std::span<const Option> option_table;

// The value of the word, or of the only value that its beginning can mean. Words of one value stand
// next to each other, and are shown as one.
uint32_t choose(std::span<const Word> words, std::string_view word, const std::string& option);
// Whether the kernel gives files labels, and so what else "all" is: that bit or 0.
uint32_t context_if_there_is();
