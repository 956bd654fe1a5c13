#include "options.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <getopt.h>
#include <new>
#include <unistd.h>
#include <vector>

#include "terminal.h"

namespace {

constexpr int above_all_letters = 256; // what getopt_long gives for a long option: that and its row

// With a plus sign the first operand ends the options. The C library would see to POSIXLY_CORRECT
// itself, but not each does: musl's knows the sign alone.
std::string short_options() {
    std::string text = getenv("POSIXLY_CORRECT") ? "+" : "";
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
        const auto row = static_cast<int>(&one - &option_table[0]);
        if (*one.name != '\0' && one.kind == kind)
            all.push_back({one.name, argument, nullptr, above_all_letters + row});
    }
    std::sort(all.begin(), all.end(),
              [](const option& a, const option& b) { return strcmp(a.name, b.name) < 0; });
    return all;
}

// What getopt_long will look at next: operands that come before it are passed over, or end it.
std::string_view next_option(int argc, char** argv, bool operands_end) {
    int i = optind;
    while (i < argc && (argv[i][0] != '-' || argv[i][1] == '\0') && !operands_end)
        ++i;
    return i < argc ? argv[i] : "";
}

// What abbreviates one option of cp means that one, whatever else there is here that begins so.
bool is_for_cp(std::string_view argument) {
    const std::string_view word = argument.substr(0, argument.find('='));
    size_t begun = 0;
    for (const Option& option : option_table) {
        const std::string name = std::string("--") + option.name;
        if (option.kind == Option::Kind::ours && name == word)
            return false;
        begun += option.kind == Option::Kind::cps && name.starts_with(word) ? 1 : 0;
    }
    return begun == 1 && word.starts_with("--");
}

// One by one, until one of them asks for no more than an answer.
void take_options(int argc, char** argv, Options& given) {
    const std::string letters = short_options();
    std::vector<option> all = long_options(Option::Kind::ours);
    const size_t ours = all.size();
    const std::vector<option> cps = long_options(Option::Kind::cps);
    all.insert(all.end(), cps.begin(), cps.end());
    all.push_back({});
    while (given.answer.empty()) {
        const std::string_view next = next_option(argc, argv, letters.starts_with('+'));
        const option* const known = &all[is_for_cp(next) ? ours : 0];
        const int number = getopt_long(argc, argv, letters.c_str(), known, nullptr);
        if (number == -1)
            break;
        if (number == '?')
            throw Mistake{}; // it has complained
        const auto is_it = [&](const Option& one) {
            return one.letters.find(static_cast<char>(number)) != one.letters.npos;
        };
        const Option& option = number >= above_all_letters
                                   ? option_table[static_cast<size_t>(number - above_all_letters)]
                                   : *std::find_if(option_table.begin(), option_table.end(), is_it);
        if (option.take != nullptr)
            option.take(given);
        else
            set(given, option.name, optarg, std::string("--") + option.name);
    }
    given.operands = {argv + optind, static_cast<size_t>(argc - optind)};
}

// -n is --update=none, even where another --update comes after it; as cp has it since 9.6, the last
// of these counts.
void decide_clobber(Options& o) {
    if (o.update.update == ARSYNC_UPDATE_NONE)
        o.clobber = Clobber::never;
    else if (o.update.replace == ARSYNC_REPLACE_EXCLUSIVE && o.clobber != Clobber::never)
        o.clobber = Clobber::refuse;
}

// Of several mistakes cp complains about the same one.
void refuse_conflicts(const Options& o) {
    const bool always = o.copy.reflink == ARSYNC_REFLINK_ALWAYS;
    const bool by_reflink = o.copy.method == ARSYNC_METHOD_REFLINK;
    const bool sparse = o.copy.sparse != ARSYNC_SPARSE_AUTO;
    const bool atomic = o.copy.replace == ARSYNC_REPLACE_ATOMIC;
    const bool mirror = o.has(ARSYNC_COPY_MIRROR);
    const bool refuses = o.clobber == Clobber::refuse;
    const bool overwrites = o.clobber == Clobber::overwrite;
    const bool symbolic = o.has(ARSYNC_COPY_SYMBOLIC_LINK);
    const bool listed = o.files_from != nullptr;
    const bool list_from_stdin = listed && strcmp(o.files_from, "-") == 0;
    const struct {
        bool is_there;
        const char* complaint;       // or an option,
        const char* other = nullptr; // and this one that excludes it
    } conflicts[] = {
        {o.has(ARSYNC_COPY_HARD_LINK) && symbolic, "cannot make both hard and symbolic links"},
        {o.wants_backup && o.clobber == Clobber::never, "--backup", "--no-clobber"},
        {o.wants_backup && refuses, "--backup", "--update=none-fail"},
        {always && sparse, "--reflink can be used only with --sparse=auto"},
        {by_reflink && sparse, "--method=reflink can be used only with --sparse=auto"},
        {by_reflink && o.copy.reflink == ARSYNC_REFLINK_NEVER, "--method=reflink",
         "--reflink=never"},
        {always && !by_reflink && o.copy.method != ARSYNC_METHOD_AUTO,
         "--reflink can be used only with --method=auto or --method=reflink"},
        {atomic && o.removes, "--atomic", "--remove-destination"},
        {atomic && refuses, "--atomic", "--update=none-fail"},
        {o.has(ARSYNC_COPY_DIRECTORIES_ONLY) && !o.recursive,
         "--directories-only can be used only with --recursive (-r)"},
        {o.has(ARSYNC_COPY_BARE_PARENTS) && !listed && !o.parents,
         "--bare-parents can be used only with --files-from or --parents"},
        {mirror && !o.recursive, "--mirror can be used only with --recursive (-r)"},
        {mirror && o.wants_backup, "--mirror", "--backup"},
        {mirror && o.has(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK), "--mirror",
         "--keep-directory-symlink"},
        {mirror && !overwrites, "--mirror can be used only without -i, -n and --update=none-fail"},
        {list_from_stdin && o.patterns_from_stdin,
         "--files-from and --exclude-from cannot both read standard input"},
        {o.clobber == Clobber::ask && (list_from_stdin || o.patterns_from_stdin),
         "--interactive (-i) can be used only without a list on standard input"},
        {o.nul_separated && !listed, "--null (-0) can be used only with --files-from"},
        {listed && o.parents, "--files-from", "--parents"},
        {listed && symbolic, "--files-from", "--symbolic-link"},
        {o.skip_unchanged && (o.update.update == ARSYNC_UPDATE_OLDER || !overwrites),
         "--skip-unchanged can be used only without -i, -n and -u"},
    };
    for (const auto& [is_there, one, other] : conflicts)
        if (is_there)
            throw Mistake{other == nullptr ? one
                                           : std::string("options ") + one + " and " + other +
                                                 " are mutually exclusive"};
}

// What says something is there.
const char* first_of(const char* said, const char* variable) {
    const char* text = said != nullptr ? said : getenv(variable);
    return text != nullptr && *text != '\0' ? text : nullptr;
}

void decide_backup(Options& o) {
    if (!o.wants_backup)
        return;
    const bool said = o.backup_control != nullptr && *o.backup_control != '\0';
    const char* control = first_of(said ? o.backup_control : nullptr, "VERSION_CONTROL");
    set(o, "backup", control, said ? "backup type" : "$VERSION_CONTROL");
    const char* suffix = first_of(o.backup_suffix, "SIMPLE_BACKUP_SUFFIX");
    // A suffix with a slash would put the backup into another directory.
    if (suffix != nullptr && strchr(suffix, '/') == nullptr)
        o.copy.backup_suffix = suffix;
}

// Whatever this process and its threads make from now on gets the context.
void set_context(const char* context) {
    if (*context == '\0')
        throw Mistake{
            "finding out the default context of a file is not supported; use --context=CTX", false};
    const int fd = open("/proc/thread-self/attr/fscreate", O_WRONLY | O_CLOEXEC);
    const size_t length = strlen(context);
    if (fd < 0 || write(fd, context, length) != static_cast<ssize_t>(length))
        throw Mistake{"failed to set default file creation context to " +
                          quote(context, ARSYNC_QUOTE_WORD) + ": " + arsync_strerror(errno),
                      false};
    close(fd);
}

void decide_attributes(Options& o) {
    const bool must_keep_context = (o.copy.required & ARSYNC_PRESERVE_CONTEXT) != 0;
    if (must_keep_context && !has_selinux())
        throw Mistake{"cannot preserve security context without an SELinux-enabled kernel", false};
    if (o.context == nullptr)
        return;
    if (must_keep_context)
        throw Mistake{"cannot set target context and preserve it", false};
    set_context(o.context);
    o.copy.preserve &= ~ARSYNC_PRESERVE_CONTEXT;
}

uint32_t update_of(const Options& o) {
    const bool older = o.update.update == ARSYNC_UPDATE_OLDER;
    if (o.clobber == Clobber::never)
        return ARSYNC_UPDATE_NONE;
    if (o.clobber == Clobber::ask)
        return older ? ARSYNC_UPDATE_ASK_OLDER : ARSYNC_UPDATE_ASK;
    return o.skip_unchanged ? ARSYNC_UPDATE_CHANGED
           : older          ? ARSYNC_UPDATE_OLDER
                            : ARSYNC_UPDATE_ALL;
}

void decide_rest(Options& o) {
    const bool listed = o.files_from != nullptr;
    const bool part = o.copy.range_length != 0; // of a regular file
    const bool hard = o.has(ARSYNC_COPY_HARD_LINK);
    // A name of a list is followed as one of the command line is, but no link on the way to it.
    if (o.copy.symlinks == ARSYNC_SYMLINKS_AUTO)
        o.copy.symlinks = o.recursive && !hard ? ARSYNC_SYMLINKS_KEEP
                          : listed             ? ARSYNC_SYMLINKS_FOLLOW_TOP
                                               : ARSYNC_SYMLINKS_FOLLOW;
    const bool asks = o.clobber == Clobber::ask;
    o.links_replace = hard ? o.force || asks : o.has(ARSYNC_COPY_SYMBOLIC_LINK) && o.force;
    const std::pair<bool, uint32_t> flags[] = {
        {o.recursive || (listed && !part), ARSYNC_COPY_RECURSIVE},
        {true, ARSYNC_COPY_IN_ORDER},
        {o.force || o.links_replace, ARSYNC_COPY_FORCE},
        // FIFOs and devices are read, not made anew.
        {o.copy_contents || (!o.recursive && !listed && !part), ARSYNC_COPY_SPECIAL},
        {o.parents || listed, ARSYNC_COPY_PARENTS},
        // What is listed lies in the tree: links on the way would lead out of it. A directory of
        // it is made; what is to be in it is for the list to say.
        {listed, ARSYNC_COPY_BENEATH},
        {listed && !o.enters_listed && !part, ARSYNC_COPY_SHALLOW},
        {getenv("POSIXLY_CORRECT") != nullptr && !part, ARSYNC_COPY_DANGLING},
    };
    for (const auto& [is_wanted, flag] : flags)
        o.copy.flags |= is_wanted ? flag : 0;
    if (o.recursive || listed)
        o.copy.filter = o.filter.empty() ? nullptr : o.filter.c_str();
    if (o.removes)
        o.copy.replace = ARSYNC_REPLACE_REMOVE;
    if (o.clobber == Clobber::refuse)
        o.copy.replace = ARSYNC_REPLACE_EXCLUSIVE;
    o.copy.update = update_of(o);
    o.copy.report = o.verbose || o.json ? ARSYNC_REPORT_ALL : ARSYNC_REPORT_ERRORS;
    o.copy.want = ARSYNC_WANT_TOTALS | (o.json ? ARSYNC_WANT_SOURCE : 0);
    char why[160];
    const bool maps = o.copy.user_map != nullptr || o.copy.group_map != nullptr;
    if ((part || maps) && arsync_options_check(&o.copy, why, sizeof why) != 0)
        throw Mistake{std::string(part ? "--range cannot be used with this: "
                                       : "invalid map of users or groups: ") +
                      why};
}

} // namespace

void set(Options& o, const char* name, const char* value, const std::string& shown) {
    const int error = arsync_option_set(&o.copy, &o.pool, name, value, nullptr, 0);
    if (error == 0)
        return;
    if (error == -ENOMEM)
        throw std::bad_alloc();
    // The words of the complaint are in the quotes of the locale, which this one loads.
    const std::string of = " for " + quote(shown, ARSYNC_QUOTE_WORD);
    std::string why(4096 + 8 * strlen(value), '\0');
    if (arsync_option_set(&o.copy, &o.pool, name, value, why.data(), why.size()) == -ENOMEM)
        throw std::bad_alloc();
    why.resize(strlen(why.c_str()));
    throw Mistake{why.insert(why.find('\n'), of)};
}

void parse_options(int argc, char** argv, Options& options) {
    argv[0] = program_invocation_short_name; // with which getopt_long begins its own complaints
    take_options(argc, argv, options);
    if (!options.answer.empty())
        return;
    decide_clobber(options);
    refuse_conflicts(options);
    decide_backup(options);
    decide_attributes(options);
    decide_rest(options);
}
