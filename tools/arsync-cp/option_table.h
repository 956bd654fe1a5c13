// How options are spelled, what --help says of them, and what each does.
#pragma once

#include <span>

#include "options.h"

namespace cp {

class Parser;

struct Option {
    enum class Kind { heading, cps, ours } kind; // scripts abbreviate cp's as cp lets them
    std::string_view letters;                    // each is the option
    const char* name;                            // or ""
    std::string_view argument;                   // "", "=FILE", or "[=WHEN]" of the name alone
    std::string_view help;
    void (*take)(Parser& parser);
};

extern const std::span<const Option> option_table;
std::string help_text();

struct Word {
    std::string_view word;
    uint32_t value;
};
constexpr uint32_t none_fail = UINT32_MAX; // an --update that is none of the library's

// Reads the options one by one. What depends on several of them, or on the environment, is decided
// at the end, in the order in which GNU cp looks at it, so that of several mistakes both complain
// about the same one.
class Parser {
public:
    explicit Parser(Options& options) : o(options) {}
    // As parse_options.
    std::optional<int> parse(int argc, char** argv);

    // For the table. What an option is given is in optarg.
    void set(uint32_t copy_flag) { o.copy.flags |= copy_flag; }
    void number(uint32_t& field, uint64_t lowest, uint64_t highest, uint64_t unit = 1);
    void word(std::span<const Word> words, uint32_t& field, uint32_t otherwise = 0);
    void rate();
    void attributes(bool keep);
    void archive();
    void links();
    void target_directory();
    void backup();
    void suffix();
    void context();
    void pattern(bool include);
    void patterns();
    void dry_run();
    void end_with(const std::string& text); // and copy nothing

    Options& o;
    uint32_t update = ARSYNC_UPDATE_ALL; // or none_fail
    bool enters_listed = false; // -r itself: directories of a list are copied with all in them
    uint32_t continue_on_error = 1;

private:
    std::optional<uint32_t> choose(std::span<const Word> words, std::string_view word,
                                   std::string_view option);
    void fail(const std::string& complaint, bool hint = true);
    const char* conflict() const;
    void decide_backup();
    void decide_attributes();
    void decide_context();
    void decide_rest();
    std::string spelled() const { return std::string("--") + current_->name; }

    const Option* current_ = nullptr;
    std::optional<int> status_;
    bool wants_backup_ = false;
    const char* backup_control_ = nullptr;
    const char* backup_suffix_ = nullptr;
    bool mode_declined_ = false;
    bool patterns_from_stdin_ = false;
    const char* context_ = nullptr; // for all that is made
};

} // namespace cp
