#include "options.h"

#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <unistd.h>
#include <utility>

#include "attributes.h"
#include "choice.h"
#include "quote.h"
#include "say.h"
#include "sizes.h"
#include "usage.h"
#include "words.h"

namespace cp {

namespace {

enum LongOnly {
    Atomic = 256,
    AttributesOnly,
    Backend,
    Backup,
    BufferSize,
    Buffers,
    Cache,
    Debug,
    Durable,
    Help,
    IoPoll,
    Jobs,
    Json,
    Method,
    NoPreserve,
    Preserve,
    Progress,
    QueueDepth,
    Reflink,
    RemoveDestination,
    Sparse,
    SqPoll,
    StripTrailingSlashes,
    Verify,
    Version,
};

constexpr option long_options[] = {
    {"atomic", no_argument, nullptr, Atomic},
    {"attributes-only", no_argument, nullptr, AttributesOnly},
    {"backend", required_argument, nullptr, Backend},
    {"backup", optional_argument, nullptr, Backup},
    {"buffer-size", required_argument, nullptr, BufferSize},
    {"buffers", required_argument, nullptr, Buffers},
    {"cache", required_argument, nullptr, Cache},
    {"debug", no_argument, nullptr, Debug},
    {"durable", no_argument, nullptr, Durable},
    {"force", no_argument, nullptr, 'f'},
    {"help", no_argument, nullptr, Help},
    {"interactive", no_argument, nullptr, 'i'},
    {"iopoll", no_argument, nullptr, IoPoll},
    {"jobs", required_argument, nullptr, Jobs},
    {"json", no_argument, nullptr, Json},
    {"method", required_argument, nullptr, Method},
    {"no-clobber", no_argument, nullptr, 'n'},
    {"no-preserve", required_argument, nullptr, NoPreserve},
    {"no-target-directory", no_argument, nullptr, 'T'},
    {"preserve", optional_argument, nullptr, Preserve},
    {"progress", no_argument, nullptr, Progress},
    {"queue-depth", required_argument, nullptr, QueueDepth},
    {"reflink", optional_argument, nullptr, Reflink},
    {"remove-destination", no_argument, nullptr, RemoveDestination},
    {"sparse", required_argument, nullptr, Sparse},
    {"sqpoll", no_argument, nullptr, SqPoll},
    {"strip-trailing-slashes", no_argument, nullptr, StripTrailingSlashes},
    {"suffix", required_argument, nullptr, 'S'},
    {"target-directory", required_argument, nullptr, 't'},
    {"update", no_argument, nullptr, 'u'},
    {"verbose", no_argument, nullptr, 'v'},
    {"verify", no_argument, nullptr, Verify},
    {"version", no_argument, nullptr, Version},
    {nullptr, 0, nullptr, 0},
};

void hint_at_help() {
    std::string text;
    text.append("Try '").append(program_name).append(" --help' for more information.\n");
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
    bool check_combinations();
    bool choose_backup();
    void choose_backup_suffix();
    bool choose_preserved();
    Parsed mistake();

    Options options;
    Attributes attributes;
    // Whether the complaint is of the kind that --help can help with.
    bool hint = true;
    bool wants_backup = false;
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

bool Parser::take(int opt) {
    switch (opt) {
    case 'b':
        wants_backup = true;
        return true;
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
        options.update = true;
        return true;
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
    case Cache:
        return take_word(cache_words, "--cache", options.copy.cache);
    case Debug:
        options.debug = options.verbose = true;
        return true;
    case Durable:
        options.copy.durability = ARSYNC_DURABILITY_FULL;
        return true;
    case IoPoll:
        options.pool.flags |= ARSYNC_POOL_IOPOLL;
        return true;
    case Jobs:
        return take_number("--jobs", 1, 256, 1, options.pool.workers);
    case Json:
        options.json = true;
        return true;
    case Method:
        return take_word(method_words, "--method", options.copy.method);
    case NoPreserve:
        return attributes.set(optarg, false);
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

bool Parser::check_combinations() {
    bool reflink_always = options.copy.reflink == ARSYNC_REFLINK_ALWAYS;
    bool method_reflink = options.copy.method == ARSYNC_METHOD_REFLINK;
    bool sparse_auto = options.copy.sparse == ARSYNC_SPARSE_AUTO;
    const char* conflict = nullptr;
    if (wants_backup && options.clobber == Clobber::Never)
        conflict = "options --backup and --no-clobber are mutually exclusive";
    else if (reflink_always && !sparse_auto)
        conflict = "--reflink can be used only with --sparse=auto";
    else if (method_reflink && !sparse_auto)
        conflict = "--method=reflink can be used only with --sparse=auto";
    else if (method_reflink && options.copy.reflink == ARSYNC_REFLINK_NEVER)
        conflict = "options --method=reflink and --reflink=never are mutually exclusive";
    else if (reflink_always && options.copy.method != ARSYNC_METHOD_AUTO && !method_reflink)
        conflict = "--reflink can be used only with --method=auto or --method=reflink";
    else if (options.atomic() && options.remove_destination)
        conflict = "options --atomic and --remove-destination are mutually exclusive";
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
    options.copy.preserve = attributes.preserve_flags();
    options.preserve_links = attributes.links;
    options.xattr_required = attributes.xattr_required;
    if (attributes.default_mode())
        options.copy.flags |= ARSYNC_COPY_DEFAULT_MODE;
    if (!attributes.context_required)
        return true;
    hint = false;
    if (access("/sys/fs/selinux/enforce", F_OK) == 0)
        complain("preserving the security context is not supported");
    else
        complain("cannot preserve security context without an SELinux-enabled kernel");
    return false;
}

Parsed Parser::mistake() {
    if (hint)
        hint_at_help();
    return {std::nullopt, 1};
}

Parsed Parser::parse(int argc, char** argv) {
    int opt = 0;
    while ((opt = getopt_long(argc, argv, "bfinpS:t:Tuv", long_options, nullptr)) != -1) {
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
    if (!check_combinations() || !choose_backup() || !choose_preserved())
        return mistake();
    choose_backup_suffix();
    options.operands = {argv + optind, static_cast<size_t>(argc - optind)};
    return {std::move(options), 0};
}

} // namespace

Parsed parse_options(int argc, char** argv) {
    // getopt_long begins its own complaints with this.
    std::string name(program_name);
    argv[0] = name.data();
    return Parser().parse(argc, argv);
}

void complain_about_usage(std::string_view message) {
    complain(message);
    hint_at_help();
}

} // namespace cp
