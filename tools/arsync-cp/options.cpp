#include "options.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>
#include <utility>

#include "abbreviation.h"
#include "attributes.h"
#include "choice.h"
#include "conflict.h"
#include "filter.h"
#include "option_table.h"
#include "quote.h"
#include "say.h"
#include "sizes.h"
#include "usage.h"
#include "words.h"

namespace cp {

namespace {

void hint_at_help() {
    std::string text;
    text.append("Try '").append(program_name()).append(" --help' for more information.\n");
    explain(text);
}

// Reads the options one by one. What depends on several of them, or on the environment, is decided
// at the end, in the order in which GNU cp looks at it, so that of several mistakes both complain
// about the same one.
class Parser {
public:
    Parsed parse(int argc, char** argv);

private:
    // false after a complaint about the option.
    bool take(int opt);
    bool take_number(std::string_view option, uint64_t lowest, uint64_t highest, uint64_t unit,
                     uint32_t& field);
    bool take_word(std::span<const Choice> choices, std::string_view option, uint32_t& field);
    bool take_target_directory();
    bool take_update();
    void choose_clobber();
    bool take_rate();
    void take_archive();
    bool take_context();
    bool is_consistent();
    bool choose_backup();
    void choose_backup_suffix();
    bool choose_preserved();
    bool choose_context();
    void choose_tree();
    Parsed mistake();

    Options options;
    Attributes attributes;
    // Whether the complaint is of the kind that --help can help with.
    bool hint = true;
    bool wants_backup = false;
    Update update = Update::All;
    uint32_t continue_on_error = 1;
    const char* backup_control = nullptr;
    const char* suffix = nullptr;
};

bool Parser::take_number(std::string_view option, uint64_t lowest, uint64_t highest, uint64_t unit,
                         uint32_t& field) {
    std::optional<uint64_t> number = parse_size(optarg);
    if (number && *number >= lowest && *number <= highest && *number % unit == 0) {
        field = static_cast<uint32_t>(*number);
        return true;
    }
    std::string message = "invalid argument ";
    message.append(quote_word(optarg)).append(" for ").append(quote_word(option));
    message.append("\nValid is a number from ").append(format_size(lowest));
    message.append(" to ").append(unit > 1 ? format_size(highest) : std::to_string(highest));
    if (unit > 1)
        message.append(", a multiple of ").append(format_size(unit));
    complain(message);
    return false;
}

bool Parser::take_word(std::span<const Choice> choices, std::string_view option, uint32_t& field) {
    std::optional<int> value = choose(choices, optarg, option);
    if (value)
        field = static_cast<uint32_t>(*value);
    return value.has_value();
}

bool Parser::take_target_directory() {
    if (options.target_directory == nullptr) {
        options.target_directory = optarg;
        return true;
    }
    complain("multiple target directories specified");
    hint = false;
    return false;
}

// As cp does since 9.6: of several the last one counts, whatever -i and -n say.
bool Parser::take_update() {
    uint32_t when = static_cast<uint32_t>(Update::Older);
    if (optarg != nullptr && !take_word(update_words, "--update", when))
        return false;
    update = static_cast<Update>(when);
    return true;
}

// -n is --update=none, even where another --update comes after it.
void Parser::choose_clobber() {
    if (update == Update::None)
        options.clobber = Clobber::Never;
    else if (update == Update::NoneFail && options.clobber != Clobber::Never)
        options.clobber = Clobber::Refuse;
    options.update = update == Update::Older && options.clobber != Clobber::Never;
}

bool Parser::take_rate() {
    std::optional<uint64_t> rate = parse_size(optarg);
    if (rate)
        options.pool.byte_rate = *rate;
    else
        complain("invalid argument " + quote_word(optarg) + " for " + quote_word("--bwlimit") +
                 "\nValid is a number of bytes a second, or 0 for no limit");
    return rate.has_value();
}

void Parser::take_archive() {
    options.dereference = Dereference::Never;
    options.recursive = options.reduce_diagnostics = true;
    attributes.set_archive();
}

bool Parser::take_context() {
    if (selinux_enabled())
        options.context = optarg != nullptr ? optarg : "";
    else if (optarg != nullptr)
        complain("warning: ignoring --context; it requires an SELinux-enabled kernel");
    return true;
}

bool Parser::take(int opt) {
    switch (opt) {
    case '0':
        options.nul_separated = true;
        return true;
    case 'a':
        take_archive();
        return true;
    case 'b':
        wants_backup = true;
        return true;
    case 'd':
        attributes.links = true;
        options.dereference = Dereference::Never;
        return true;
    case 'H':
        options.dereference = Dereference::Named;
        return true;
    case 'l':
        options.copy.flags |= ARSYNC_COPY_HARD_LINK;
        return true;
    case 'L':
        options.dereference = Dereference::Always;
        return true;
    case 'P':
        options.dereference = Dereference::Never;
        return true;
    case 'r':
    case 'R':
        options.recursive = options.enters_listed = true;
        return true;
    case 's':
        options.copy.flags |= ARSYNC_COPY_SYMBOLIC_LINK;
        return true;
    case 'x':
        options.copy.flags |= ARSYNC_COPY_ONE_FILE_SYSTEM;
        return true;
    case 'Z':
    case Context:
        return take_context();
    case 'f':
        options.force = true;
        return true;
    case 'i':
        options.clobber = Clobber::Ask;
        return true;
    case 'n':
        options.clobber = Clobber::Never;
        return true;
    case 'p':
        attributes.set_default();
        return true;
    case 'S':
        wants_backup = true;
        suffix = optarg;
        return true;
    case 't':
        return take_target_directory();
    case 'T':
        options.no_target_directory = true;
        return true;
    case 'u':
        return take_update();
    case 'v':
        options.verbose = true;
        return true;
    case Atomic:
        options.copy.replace = ARSYNC_REPLACE_ATOMIC;
        return true;
    case AttributesOnly:
        options.copy.flags |= ARSYNC_COPY_ATTRIBUTES_ONLY;
        return true;
    case Backend:
        return take_word(backend_words, "--backend", options.pool.backend);
    case Backup:
        wants_backup = true;
        if (optarg != nullptr)
            backup_control = optarg;
        return true;
    case BufferSize:
        return take_number("--buffer-size", 4096, 64 << 20, 4096, options.pool.buffer_size);
    case Buffers:
        return take_number("--buffers", 1, 1024, 1, options.pool.buffer_count);
    case BwLimit:
        return take_rate();
    case Cache:
        return take_word(cache_words, "--cache", options.copy.cache);
    case ContinueOnError:
        return take_word(yes_no_words, "--continue-on-error", continue_on_error);
    case CopyContents:
        options.copy_contents = true;
        return true;
    case Debug:
        options.debug = options.verbose = true;
        return true;
    case DryRun:
        options.dry_run = options.verbose = true;
        options.copy.flags |= ARSYNC_COPY_DRY_RUN;
        return true;
    case Durable:
        options.copy.durability = ARSYNC_DURABILITY_FULL;
        return true;
    case Exclude:
    case Include:
        return append_pattern(options.filter, optarg, opt == Include);
    case ExcludeFrom:
        hint = false;
        options.patterns_from_stdin |= std::string_view(optarg) == "-";
        if (!append_patterns_of(options.filter, optarg))
            return false;
        hint = true;
        return true;
    case FilesFrom:
        options.files_from = optarg;
        return true;
    case IoPoll:
        options.pool.flags |= ARSYNC_POOL_IOPOLL;
        return true;
    case Jobs:
        return take_number("--jobs", 1, 256, 1, options.pool.workers);
    case Json:
        options.json = true;
        return true;
    case KeepDirectorySymlink:
        options.copy.flags |= ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK;
        return true;
    case Method:
        return take_word(method_words, "--method", options.copy.method);
    case Mirror:
        options.copy.flags |= ARSYNC_COPY_MIRROR;
        return true;
    case NoPreserve:
        return attributes.set(optarg, false);
    case Parents:
        options.parents = true;
        return true;
    case Preserve:
        if (optarg != nullptr)
            return attributes.set(optarg, true);
        attributes.set_default();
        return true;
    case Progress:
        options.progress = true;
        return true;
    case QueueDepth:
        return take_number("--queue-depth", 1, 4096, 1, options.pool.queue_depth);
    case Reflink:
        options.copy.reflink = ARSYNC_REFLINK_ALWAYS;
        return optarg == nullptr || take_word(reflink_words, "--reflink", options.copy.reflink);
    case RemoveDestination:
        options.remove_destination = true;
        return true;
    case SkipUnchanged:
        options.skip_unchanged = true;
        return true;
    case Sparse:
        return take_word(sparse_words, "--sparse", options.copy.sparse);
    case SqPoll:
        options.pool.flags |= ARSYNC_POOL_SQPOLL;
        return true;
    case StripTrailingSlashes:
        options.strip_trailing_slashes = true;
        return true;
    case Verify:
        options.copy.flags |= ARSYNC_COPY_VERIFY;
        return true;
    default:
        // getopt_long has complained.
        return false;
    }
}

bool Parser::is_consistent() {
    const char* conflict = conflict_among(options, wants_backup);
    if (conflict != nullptr)
        complain(conflict);
    return conflict == nullptr;
}

bool Parser::choose_backup() {
    if (!wants_backup)
        return true;
    std::string_view option = "backup type";
    const char* control = backup_control;
    if (control == nullptr || *control == '\0') {
        option = "$VERSION_CONTROL";
        control = getenv("VERSION_CONTROL");
    }
    options.backup = BackupKind::Existing;
    if (control == nullptr || *control == '\0')
        return true;
    std::optional<int> kind = choose(backup_kinds, control, option);
    if (kind)
        options.backup = static_cast<BackupKind>(*kind);
    return kind.has_value();
}

void Parser::choose_backup_suffix() {
    if (suffix == nullptr)
        suffix = getenv("SIMPLE_BACKUP_SUFFIX");
    // A suffix with a slash would put the backup into another directory.
    if (suffix != nullptr && *suffix != '\0' && strchr(suffix, '/') == nullptr)
        options.backup_suffix = suffix;
}

bool Parser::choose_preserved() {
    options.pool.struct_size = sizeof options.pool;
    options.copy.struct_size = sizeof options.copy;
    options.copy.want = ARSYNC_WANT_TOTALS;
    options.copy.preserve = attributes.preserve_flags();
    options.preserve_links = attributes.links;
    options.xattr_required = attributes.xattr_required;
    options.context_required = attributes.context_required;
    if (attributes.default_mode())
        options.copy.flags |= ARSYNC_COPY_DEFAULT_MODE;
    if (!attributes.context_required || selinux_enabled())
        return true;
    hint = false;
    complain("cannot preserve security context without an SELinux-enabled kernel");
    return false;
}

// Whatever this process and its threads make from now on gets the context.
bool Parser::choose_context() {
    if (options.context == nullptr)
        return true;
    hint = false;
    if (attributes.context_required) {
        complain("cannot set target context and preserve it");
        return false;
    }
    if (*options.context == '\0') {
        complain("finding out the default context of a file is not supported; use --context=CTX");
        return false;
    }
    options.copy.preserve &= ~ARSYNC_PRESERVE_CONTEXT;
    int fd = open("/proc/thread-self/attr/fscreate", O_WRONLY | O_CLOEXEC);
    ssize_t length = static_cast<ssize_t>(strlen(options.context));
    bool set = fd >= 0 && write(fd, options.context, strlen(options.context)) == length;
    if (!set)
        complain("failed to set default file creation context to " + quote_word(options.context) +
                 ": " + arsync_strerror(errno));
    if (fd >= 0)
        close(fd);
    return set;
}

void Parser::choose_tree() {
    // A name of a list is followed as one of the command line is, but no link on the way to it.
    if (options.dereference == Dereference::Undecided && options.files_from != nullptr &&
        !(options.recursive && !options.hard_links()))
        options.dereference = Dereference::Named;
    else if (options.dereference == Dereference::Undecided)
        options.dereference =
            options.recursive && !options.hard_links() ? Dereference::Never : Dereference::Always;
    switch (options.dereference) {
    case Dereference::Always:
        options.copy.symlinks = ARSYNC_SYMLINKS_FOLLOW;
        break;
    case Dereference::Named:
        options.copy.symlinks = ARSYNC_SYMLINKS_FOLLOW_TOP;
        break;
    default:
        options.copy.symlinks = ARSYNC_SYMLINKS_KEEP;
        break;
    }
    options.continue_on_error = continue_on_error != 0;
}

Parsed Parser::mistake() {
    if (hint)
        hint_at_help();
    return {std::nullopt, 1};
}

Parsed Parser::parse(int argc, char** argv) {
    int opt = 0;
    while ((opt = getopt_long(argc, argv, short_options, table_for_next(argc, argv), nullptr)) !=
           -1) {
        if (opt == Help || opt == Version) {
            if (opt == Help)
                say(help_text());
            else
                say(version_text());
            return {std::nullopt, 0};
        }
        if (!take(opt))
            return mistake();
    }
    choose_clobber();
    if (!is_consistent() || !choose_backup() || !choose_preserved() || !choose_context())
        return mistake();
    choose_tree();
    choose_backup_suffix();
    options.operands = {argv + optind, static_cast<size_t>(argc - optind)};
    return {std::move(options), 0};
}

} // namespace

Parsed parse_options(int argc, char** argv) {
    // getopt_long begins its own complaints with this.
    std::string name(program_name());
    argv[0] = name.data();
    return Parser().parse(argc, argv);
}

void complain_about_usage(std::string_view message) {
    complain(message);
    hint_at_help();
}

} // namespace cp
