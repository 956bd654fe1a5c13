#include "options.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>
#include <vector>

#include "option_table.h"
#include "terminal.h"
#include "text.h"

namespace cp {

namespace {

constexpr Word attribute_words[] = {{"mode", ARSYNC_PRESERVE_MODE},
                                    {"timestamps", ARSYNC_PRESERVE_TIMES},
                                    {"ownership", ARSYNC_PRESERVE_OWNER},
                                    {"links", ARSYNC_PRESERVE_LINKS},
                                    {"context", ARSYNC_PRESERVE_CONTEXT},
                                    {"xattr", ARSYNC_PRESERVE_XATTR},
                                    {"all", UINT32_MAX}};
constexpr Word backup_words[] = {
    {"none", ARSYNC_BACKUP_NONE},         {"off", ARSYNC_BACKUP_NONE},
    {"simple", ARSYNC_BACKUP_SIMPLE},     {"never", ARSYNC_BACKUP_SIMPLE},
    {"existing", ARSYNC_BACKUP_EXISTING}, {"nil", ARSYNC_BACKUP_EXISTING},
    {"numbered", ARSYNC_BACKUP_NUMBERED}, {"t", ARSYNC_BACKUP_NUMBERED}};
constexpr uint32_t by_default =
    ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES;
constexpr uint32_t all_but_context = by_default | ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_XATTR;
constexpr uint32_t can_be_required = ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT;

// Whether the kernel gives files labels, and so what else "all" is.
uint32_t context_if_there_is() {
    static const bool enabled = access("/sys/fs/selinux/enforce", F_OK) == 0;
    return enabled ? ARSYNC_PRESERVE_CONTEXT : 0;
}

// What getopt_long gives for it: its letter, or a number of its own.
int number_of(const Option& option) {
    constexpr int above_all_letters = 256;
    return option.letters.empty() ? above_all_letters + static_cast<int>(&option - &option_table[0])
                                  : option.letters[0];
}

std::string short_options() {
    std::string text;
    for (const Option& option : option_table)
        for (const char letter : option.letters)
            text.append(1, letter).append(option.argument.starts_with('=') ? ":" : "");
    return text;
}

// In the order in which a complaint about an ambiguous one lists them.
std::vector<option> long_options(Option::Kind kind) {
    std::vector<option> all;
    for (const Option& one : option_table) {
        const int argument = one.argument.empty()            ? no_argument
                             : one.argument.starts_with('[') ? optional_argument
                                                             : required_argument;
        if (*one.name != '\0' && one.kind == kind)
            all.push_back({one.name, argument, nullptr, number_of(one)});
    }
    std::sort(all.begin(), all.end(),
              [](const option& a, const option& b) { return strcmp(a.name, b.name) < 0; });
    return all;
}

// What getopt_long will look at next: operands that come before it are passed over.
std::string_view next_option(int argc, char** argv) {
    for (int i = optind; i < argc; ++i) {
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            return argv[i];
        if (getenv("POSIXLY_CORRECT") != nullptr)
            break;
    }
    return "";
}

// What abbreviates one option of cp means that one, whatever else there is here that begins so.
bool is_for_cp(std::string_view argument) {
    const std::string_view word = argument.substr(0, argument.find('='));
    size_t begun = 0;
    for (const Option& option : option_table) {
        const std::string name = *option.name != '\0' ? std::string("--") + option.name : "";
        if (option.kind == Option::Kind::ours && name == word)
            return false;
        begun += option.kind == Option::Kind::cps && name.starts_with(word) ? 1 : 0;
    }
    return begun == 1 && word.starts_with("--");
}

void hint_at_help() {
    explain("Try '" + program_name() + " --help' for more information.\n");
}

} // namespace

void Parser::fail(const std::string& complaint, bool hint) {
    complain(complaint);
    if (hint)
        hint_at_help();
    status_ = 1;
}

void Parser::end_with(const std::string& text) {
    say(text);
    status_ = 0;
}

void Parser::number(uint32_t& field, uint64_t lowest, uint64_t highest, uint64_t unit) {
    const std::optional<uint64_t> number = parse_size(optarg);
    if (number && *number >= lowest && *number <= highest && *number % unit == 0)
        field = static_cast<uint32_t>(*number);
    else
        fail("invalid argument " + quote_word(optarg) + " for " + quote_word(spelled()) +
             "\nValid is a number from " + format_size(lowest) + " to " +
             (unit > 1 ? format_size(highest) + ", a multiple of " + format_size(unit)
                       : std::to_string(highest)));
}

void Parser::rate() {
    if (const std::optional<uint64_t> rate = parse_size(optarg))
        o.pool.byte_rate = *rate;
    else
        fail("invalid argument " + quote_word(optarg) + " for " + quote_word(spelled()) +
             "\nValid is a number of bytes a second, or 0 for no limit");
}

// The value of the word, or of the only value that its beginning can mean. Words of one value stand
// next to each other, and are shown as one.
std::optional<uint32_t> Parser::choose(std::span<const Word> words, std::string_view word,
                                       std::string_view option) {
    std::optional<uint32_t> found;
    bool ambiguous = false;
    std::string valid;
    for (const Word& one : words) {
        if (one.word == word)
            return one.value;
        const bool synonym = &one != &words[0] && (&one)[-1].value == one.value;
        valid += (synonym ? ", " : "\n  - ") + quote_word(one.word);
        if (!one.word.starts_with(word))
            continue;
        ambiguous = ambiguous || (found && *found != one.value);
        found = one.value;
    }
    if (found && !ambiguous)
        return found;
    fail((ambiguous ? "ambiguous argument " : "invalid argument ") + quote_word(word) + " for " +
         quote_word(option) + "\nValid arguments are:" + valid);
    return std::nullopt;
}

void Parser::word(std::span<const Word> words, uint32_t& field, uint32_t otherwise) {
    if (optarg == nullptr)
        field = otherwise;
    else if (const std::optional<uint32_t> value = choose(words, optarg, spelled()))
        field = *value;
}

void Parser::attributes(bool keep) {
    if (optarg == nullptr) {
        o.copy.preserve |= by_default;
        return;
    }
    for (std::string_view list = optarg;; list.remove_prefix(list.find(',') + 1)) {
        const std::string_view one = list.substr(0, list.find(','));
        const std::optional<uint32_t> chosen = choose(attribute_words, one, spelled());
        if (!chosen)
            return;
        const uint32_t context = keep ? context_if_there_is() : ARSYNC_PRESERVE_CONTEXT;
        const bool all = *chosen == UINT32_MAX;
        const uint32_t bits = all ? all_but_context | context : *chosen;
        const uint32_t required = all ? 0 : bits & can_be_required;
        o.copy.preserve = keep ? o.copy.preserve | bits : o.copy.preserve & ~bits;
        o.required = keep ? o.required | required : o.required & ~required;
        if ((bits & ARSYNC_PRESERVE_MODE) != 0)
            mode_declined_ = !keep;
        if (one.size() == list.size())
            return;
    }
}

void Parser::archive() {
    o.dereference = Dereference::Never;
    o.recursive = o.reduce_diagnostics = true;
    o.copy.preserve |= all_but_context | context_if_there_is();
}

void Parser::links() {
    o.dereference = Dereference::Never;
    o.copy.preserve |= ARSYNC_PRESERVE_LINKS;
}

void Parser::target_directory() {
    if (o.target_directory != nullptr)
        fail("multiple target directories specified", false);
    o.target_directory = optarg;
}

void Parser::backup() {
    wants_backup_ = true;
    if (optarg != nullptr)
        backup_control_ = optarg;
}

void Parser::suffix() {
    wants_backup_ = true;
    backup_suffix_ = optarg;
}

void Parser::dry_run() {
    set(ARSYNC_COPY_DRY_RUN);
    o.verbose = true;
}

void Parser::context() {
    if (context_if_there_is() != 0)
        context_ = optarg != nullptr ? optarg : "";
    else if (optarg != nullptr)
        complain("warning: ignoring --context; it requires an SELinux-enabled kernel");
}

void Parser::pattern(bool include) {
    if (strchr(optarg, '\n') != nullptr)
        fail("a pattern cannot contain a newline: " + quote(optarg));
    // In a file "#" begins a comment, but nobody comments a command line.
    o.filter += include ? "!" : *optarg == '#' ? "\\" : "";
    o.filter.append(optarg).append("\n");
}

void Parser::patterns() {
    const bool is_stdin = strcmp(optarg, "-") == 0;
    patterns_from_stdin_ = patterns_from_stdin_ || is_stdin;
    FILE* stream = is_stdin ? stdin : fopen(optarg, "re");
    int error = stream == nullptr ? errno : 0;
    std::string text;
    char part[4096];
    size_t length = 0;
    while (stream != nullptr && (length = fread(part, 1, sizeof part, stream)) > 0)
        text.append(part, length);
    if (stream != nullptr && ferror(stream) != 0)
        error = errno;
    if (stream != nullptr && !is_stdin)
        fclose(stream);
    if (error == 0 && text.find('\0') != std::string::npos)
        error = EILSEQ;
    if (error != 0)
        return fail("cannot read patterns from " + quote(optarg) + ": " + arsync_strerror(error),
                    false);
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // that editors put there
    o.filter += std::string_view(text).substr(text.starts_with(byte_order_mark) ? 3 : 0);
    if (!text.ends_with('\n'))
        o.filter += '\n';
}

// Options that exclude each other.
const char* Parser::conflict() const {
    const bool always = o.copy.reflink == ARSYNC_REFLINK_ALWAYS;
    const bool by_reflink = o.copy.method == ARSYNC_METHOD_REFLINK;
    const bool sparse = o.copy.sparse != ARSYNC_SPARSE_AUTO;
    const bool atomic = o.copy.replace == ARSYNC_REPLACE_ATOMIC;
    const bool mirror = o.has(ARSYNC_COPY_MIRROR);
    const bool refuses = o.clobber == Clobber::Refuse;
    const bool listed = o.files_from != nullptr;
    const bool list_from_stdin = listed && strcmp(o.files_from, "-") == 0;
    const struct {
        bool is_there;
        const char* complaint;
    } conflicts[] = {
        {o.hard_links() && o.symbolic_links(), "cannot make both hard and symbolic links"},
        {wants_backup_ && o.clobber == Clobber::Never,
         "options --backup and --no-clobber are mutually exclusive"},
        {wants_backup_ && refuses,
         "options --backup and --update=none-fail are mutually exclusive"},
        {always && sparse, "--reflink can be used only with --sparse=auto"},
        {by_reflink && sparse, "--method=reflink can be used only with --sparse=auto"},
        {by_reflink && o.copy.reflink == ARSYNC_REFLINK_NEVER,
         "options --method=reflink and --reflink=never are mutually exclusive"},
        {always && !by_reflink && o.copy.method != ARSYNC_METHOD_AUTO,
         "--reflink can be used only with --method=auto or --method=reflink"},
        {atomic && o.remove_destination,
         "options --atomic and --remove-destination are mutually exclusive"},
        {atomic && refuses, "options --atomic and --update=none-fail are mutually exclusive"},
        {mirror && !o.recursive, "--mirror can be used only with --recursive (-r)"},
        {mirror && wants_backup_, "options --mirror and --backup are mutually exclusive"},
        {mirror && o.has(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK),
         "options --mirror and --keep-directory-symlink are mutually exclusive"},
        {mirror && o.clobber != Clobber::Overwrite,
         "--mirror can be used only without -i, -n and --update=none-fail"},
        {list_from_stdin && patterns_from_stdin_,
         "--files-from and --exclude-from cannot both read standard input"},
        {o.clobber == Clobber::Ask && (list_from_stdin || patterns_from_stdin_),
         "--interactive (-i) can be used only without a list on standard input"},
        {o.nul_separated && !listed, "--null (-0) can be used only with --files-from"},
        {listed && o.parents, "options --files-from and --parents are mutually exclusive"},
        {listed && o.symbolic_links(),
         "options --files-from and --symbolic-link are mutually exclusive"},
        {o.skip_unchanged && (update == ARSYNC_UPDATE_OLDER || o.clobber != Clobber::Overwrite),
         "--skip-unchanged can be used only without -i, -n and -u"},
    };
    for (const auto& one : conflicts)
        if (one.is_there)
            return one.complaint;
    return nullptr;
}

void Parser::decide_backup() {
    if (!wants_backup_)
        return;
    const bool said = backup_control_ != nullptr && *backup_control_ != '\0';
    const char* control = said ? backup_control_ : getenv("VERSION_CONTROL");
    o.copy.backup = ARSYNC_BACKUP_EXISTING;
    if (control != nullptr && *control != '\0')
        o.copy.backup = choose(backup_words, control, said ? "backup type" : "$VERSION_CONTROL")
                            .value_or(ARSYNC_BACKUP_NONE);
    const char* suffix =
        backup_suffix_ != nullptr ? backup_suffix_ : getenv("SIMPLE_BACKUP_SUFFIX");
    // A suffix with a slash would put the backup into another directory.
    if (suffix != nullptr && *suffix != '\0' && strchr(suffix, '/') == nullptr)
        o.copy.backup_suffix = suffix;
}

// Not preserving the mode, said in as many words, is more than the default: a new file does not
// even begin with the source's permissions.
void Parser::decide_attributes() {
    if (mode_declined_ && (o.copy.preserve & ARSYNC_PRESERVE_MODE) == 0)
        set(ARSYNC_COPY_DEFAULT_MODE);
    if ((o.required & ARSYNC_PRESERVE_CONTEXT) != 0 && context_if_there_is() == 0)
        fail("cannot preserve security context without an SELinux-enabled kernel", false);
}

// Whatever this process and its threads make from now on gets the context.
void Parser::decide_context() {
    if (context_ == nullptr)
        return;
    if ((o.required & ARSYNC_PRESERVE_CONTEXT) != 0)
        return fail("cannot set target context and preserve it", false);
    if (*context_ == '\0')
        return fail("finding out the default context of a file is not supported; use --context=CTX",
                    false);
    o.copy.preserve &= ~ARSYNC_PRESERVE_CONTEXT;
    const int fd = open("/proc/thread-self/attr/fscreate", O_WRONLY | O_CLOEXEC);
    const auto length = static_cast<ssize_t>(strlen(context_));
    if (fd < 0 || write(fd, context_, strlen(context_)) != length)
        fail("failed to set default file creation context to " + quote_word(context_) + ": " +
                 arsync_strerror(errno),
             false);
    if (fd >= 0)
        close(fd);
}

void Parser::decide_rest() {
    const bool listed = o.files_from != nullptr;
    // A name of a list is followed as one of the command line is, but no link on the way to it.
    const bool keeps = o.recursive && !o.hard_links();
    if (o.dereference == Dereference::Undecided)
        o.dereference = keeps    ? Dereference::Never
                        : listed ? Dereference::Named
                                 : Dereference::Always;
    o.copy.symlinks = o.dereference == Dereference::Always  ? ARSYNC_SYMLINKS_FOLLOW
                      : o.dereference == Dereference::Named ? ARSYNC_SYMLINKS_FOLLOW_TOP
                                                            : ARSYNC_SYMLINKS_KEEP;
    const auto set_if = [&](bool wanted, uint32_t flag) { set(wanted ? flag : 0); };
    o.continue_on_error = continue_on_error != 0;
    set_if(o.recursive || listed, ARSYNC_COPY_RECURSIVE);
    set_if(o.force || o.links_replace(), ARSYNC_COPY_FORCE);
    set_if(o.reads_specials(), ARSYNC_COPY_SPECIAL);
    // Where an attribute may be lost without harm, it is for this program to say what is a failure.
    const bool harmless = (o.copy.preserve & can_be_required) != 0;
    set_if(!o.continue_on_error && !harmless, ARSYNC_COPY_STOP_ON_ERROR);
    set_if(o.parents || listed, ARSYNC_COPY_PARENTS);
    // What is listed lies in the tree: links on the way would lead out of it. A directory of it is
    // made; what is to be in it is for the list to say.
    set_if(listed, ARSYNC_COPY_BENEATH);
    set_if(listed && !enters_listed, ARSYNC_COPY_SHALLOW);
    set_if(getenv("POSIXLY_CORRECT") != nullptr, ARSYNC_COPY_DANGLING);
    if (o.remove_destination && o.copy.replace != ARSYNC_REPLACE_ATOMIC)
        o.copy.replace = ARSYNC_REPLACE_REMOVE;
    if (o.clobber == Clobber::Refuse)
        o.copy.replace = ARSYNC_REPLACE_EXCLUSIVE;
    const bool older = update == ARSYNC_UPDATE_OLDER;
    o.copy.update = o.clobber == Clobber::Never ? ARSYNC_UPDATE_NONE
                    : o.clobber == Clobber::Ask
                        ? (older ? ARSYNC_UPDATE_ASK_OLDER : ARSYNC_UPDATE_ASK)
                    : o.skip_unchanged ? ARSYNC_UPDATE_CHANGED
                    : older            ? ARSYNC_UPDATE_OLDER
                                       : ARSYNC_UPDATE_ALL;
    o.copy.report = o.verbose || o.json ? ARSYNC_REPORT_ALL : ARSYNC_REPORT_ERRORS;
    o.copy.want = ARSYNC_WANT_TOTALS;
    if (o.has(ARSYNC_COPY_RECURSIVE) && !o.filter.empty())
        o.copy.filter = o.filter.c_str();
    o.pool.struct_size = sizeof o.pool;
    o.copy.struct_size = sizeof o.copy;
}

std::optional<int> Parser::parse(int argc, char** argv) {
    const std::string letters = short_options();
    std::vector<option> cps = long_options(Option::Kind::cps);
    cps.push_back({});
    std::vector<option> all = long_options(Option::Kind::ours);
    all.insert(all.end(), cps.begin(), cps.end());
    while (!status_) {
        const bool for_cp = is_for_cp(next_option(argc, argv));
        const int number =
            getopt_long(argc, argv, letters.c_str(), (for_cp ? cps : all).data(), nullptr);
        if (number == -1)
            break;
        if (number == '?') { // it has complained
            hint_at_help();
            return 1;
        }
        current_ = &*std::find_if(option_table.begin(), option_table.end(), [&](const Option& one) {
            return number_of(one) == number ||
                   (number < UINT8_MAX &&
                    one.letters.find(static_cast<char>(number)) != one.letters.npos);
        });
        current_->take(*this);
    }
    // -n is --update=none, even where another --update comes after it; as cp has it since 9.6, the
    // last of these counts.
    if (update == ARSYNC_UPDATE_NONE)
        o.clobber = Clobber::Never;
    else if (update == none_fail && o.clobber != Clobber::Never)
        o.clobber = Clobber::Refuse;
    if (o.clobber == Clobber::Never)
        update = ARSYNC_UPDATE_NONE;
    if (const char* complaint = status_ ? nullptr : conflict())
        fail(complaint);
    using Decision = void (Parser::*)();
    for (const Decision decide : {&Parser::decide_backup, &Parser::decide_attributes,
                                  &Parser::decide_context, &Parser::decide_rest})
        if (!status_)
            (this->*decide)();
    o.operands = {argv + optind, static_cast<size_t>(argc - optind)};
    return status_;
}

std::optional<int> parse_options(int argc, char** argv, Options& options) {
    std::string name = program_name(); // with which getopt_long begins its own complaints
    argv[0] = name.data();
    return Parser(options).parse(argc, argv);
}

void complain_about_usage(std::string_view message) {
    complain(message);
    hint_at_help();
}

} // namespace cp
