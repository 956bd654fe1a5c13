#include "options.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <getopt.h>
#include <optional>
#include <unistd.h>
#include <vector>

#include "terminal.h"

namespace cp {

namespace {

[[noreturn]] void refuse_argument(const char* what, std::string_view word,
                                  const std::string& option, const std::string& valid) {
    throw Mistake{what + quote_word(word) + " for " + quote_word(option) + "\n" + valid};
}

} // namespace

uint32_t choose(std::span<const Word> words, std::string_view word, const std::string& option) {
    std::optional<uint32_t> found;
    bool ambiguous = false;
    std::string valid = "Valid arguments are:";
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
    if (!found || ambiguous)
        refuse_argument(ambiguous ? "ambiguous argument " : "invalid argument ", word, option,
                        valid);
    return *found;
}

namespace {

constexpr Word sparse[] = {
    {"never", ARSYNC_SPARSE_NEVER}, {"auto", ARSYNC_SPARSE_AUTO}, {"always", ARSYNC_SPARSE_ALWAYS}};
constexpr Word updates[] = {{"all", ARSYNC_UPDATE_ALL},
                            {"none", ARSYNC_UPDATE_NONE},
                            {"none-fail", none_fail},
                            {"older", ARSYNC_UPDATE_OLDER}};
constexpr Word reflinks[] = {{"auto", ARSYNC_REFLINK_AUTO},
                             {"always", ARSYNC_REFLINK_ALWAYS},
                             {"never", ARSYNC_REFLINK_NEVER}};
constexpr Word caches[] = {{"auto", ARSYNC_CACHE_AUTO},
                           {"keep", ARSYNC_CACHE_KEEP},
                           {"direct", ARSYNC_CACHE_DIRECT},
                           {"drop", ARSYNC_CACHE_DROP}};

constexpr uint32_t everything = UINT32_MAX;
constexpr Word attribute_words[] = {{"mode", ARSYNC_PRESERVE_MODE},
                                    {"timestamps", ARSYNC_PRESERVE_TIMES},
                                    {"ownership", ARSYNC_PRESERVE_OWNER},
                                    {"links", ARSYNC_PRESERVE_LINKS},
                                    {"context", ARSYNC_PRESERVE_CONTEXT},
                                    {"xattr", ARSYNC_PRESERVE_XATTR},
                                    {"all", everything}};
constexpr uint32_t by_default =
    ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES;
constexpr uint32_t all_but_context = by_default | ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_XATTR;

uint32_t word(const Given& o, std::span<const Word> words, uint32_t otherwise = 0) {
    return optarg != nullptr ? choose(words, optarg, o.option) : otherwise;
}

// Of the words that the library has for numbers.
uint32_t name(const Given& o, const char* (*name_of)(uint32_t)) {
    std::vector<Word> words;
    for (uint32_t i = 0; strcmp(name_of(i), name_of(UINT32_MAX)) != 0; ++i)
        words.push_back({name_of(i), i});
    return word(o, words);
}

uint32_t number(const Given& o, uint64_t highest, uint64_t lowest = 1) {
    const std::optional<uint64_t> number = parse_size(optarg);
    if (number && *number >= lowest && *number <= highest && *number % lowest == 0)
        return static_cast<uint32_t>(*number);
    refuse_argument("invalid argument ", optarg, o.option,
                    "Valid is a number from " + format_size(lowest) + " to " +
                        (lowest > 1
                             ? format_size(highest) + ", a multiple of " + format_size(lowest)
                             : std::to_string(highest)));
}

void rate(Given& o) {
    const std::optional<uint64_t> rate = parse_size(optarg);
    if (!rate)
        refuse_argument("invalid argument ", optarg, o.option,
                        "Valid is a number of bytes a second, or 0 for no limit");
    o.pool.byte_rate = *rate;
}

void attributes(Given& o, bool keep) {
    if (optarg == nullptr) {
        o.copy.preserve |= by_default;
        return;
    }
    for (std::string_view list = optarg;; list.remove_prefix(list.find(',') + 1)) {
        const std::string_view one = list.substr(0, list.find(','));
        const uint32_t chosen = choose(attribute_words, one, o.option);
        const uint32_t context_bit = keep ? context_if_there_is() : ARSYNC_PRESERVE_CONTEXT;
        const uint32_t bits = chosen == everything ? all_but_context | context_bit : chosen;
        const uint32_t by_name = chosen == everything ? 0 : bits & can_be_required;
        o.copy.preserve = keep ? o.copy.preserve | bits : o.copy.preserve & ~bits;
        o.required = keep ? o.required | by_name : o.required & ~by_name;
        if ((bits & ARSYNC_PRESERVE_MODE) != 0)
            o.mode_declined = !keep;
        if (one.size() == list.size())
            return;
    }
}

void context(Given& o) {
    if (context_if_there_is() != 0)
        o.context = optarg != nullptr ? optarg : "";
    else if (optarg != nullptr)
        complain("warning: ignoring --context; it requires an SELinux-enabled kernel");
}

void pattern(Given& o, const char* before) {
    if (strchr(optarg, '\n') != nullptr)
        throw Mistake{"a pattern cannot contain a newline: " + quote(optarg)};
    o.filter.append(before).append(optarg).append("\n");
}

void patterns(Given& o) {
    const bool is_stdin = strcmp(optarg, "-") == 0;
    o.patterns_from_stdin = o.patterns_from_stdin || is_stdin;
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
    if (error == 0 && text.find('\0') != text.npos)
        error = EILSEQ;
    if (error != 0)
        throw Mistake{"cannot read patterns from " + quote(optarg) + ": " + arsync_strerror(error),
                      false};
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // that editors put there
    o.filter += std::string_view(text).substr(text.starts_with(byte_order_mark) ? 3 : 0);
    if (!text.ends_with('\n'))
        o.filter += '\n';
}

void archive(Given& o) {
    o.copy.symlinks = ARSYNC_SYMLINKS_KEEP;
    o.recursive = o.reduce_diagnostics = true;
    o.copy.preserve |= all_but_context | context_if_there_is();
}

void target_directory(Given& o) {
    if (o.target_directory != nullptr)
        throw Mistake{"multiple target directories specified", false};
    o.target_directory = optarg;
}

void help(Given& o);

constexpr auto heading = Option::Kind::heading;
constexpr auto cps = Option::Kind::cps;
constexpr auto ours = Option::Kind::ours;

constexpr const char* usage[] = {"[OPTION]... [-T] SOURCE DEST", "[OPTION]... SOURCE... DIRECTORY",
                                 "[OPTION]... -t DIRECTORY SOURCE...",
                                 "[OPTION]... --files-from=FILE SOURCE DIRECTORY"};

// The manual has its tags and its synopsis from here (tools/man-pages/options.awk).
constexpr Option table[] = {
    {heading, "", "", "", "What is copied where:"},
    {cps, "a", "archive", "", "as -dr --preserve=all, xattrs as far as they can be kept", archive},
    {cps, "", "attributes-only", "", "create DEST with attributes, but no data",
     [](Given& o) { o.copy.flags |= ARSYNC_COPY_ATTRIBUTES_ONLY; }},
    {cps, "", "copy-contents", "", "with -r, copy what comes out of FIFOs and devices",
     [](Given& o) { o.copy_contents = true; }},
    {cps, "d", "", "", "as -P --preserve=links",
     [](Given& o) {
         o.copy.symlinks = ARSYNC_SYMLINKS_KEEP;
         o.copy.preserve |= ARSYNC_PRESERVE_LINKS;
     }},
    {ours, "", "exclude", "=PATTERN", "leave out what matches; see below",
     [](Given& o) { pattern(o, *optarg == '#' ? "\\" : ""); }},
    {ours, "", "exclude-from", "=FILE", "patterns from FILE, one a line ('-': stdin)", patterns},
    {ours, "", "files-from", "=FILE",
     "copy the names in FILE ('-': stdin) from below SOURCE to below DIRECTORY",
     [](Given& o) { o.files_from = optarg; }},
    {ours, "0", "null", "", "names in that FILE end in NUL bytes, not lines",
     [](Given& o) { o.nul_separated = true; }},
    {ours, "", "include", "=PATTERN", "do not leave out what matches; see below",
     [](Given& o) { pattern(o, "!"); }},
    {cps, "H", "", "", "follow symbolic links named on the command line",
     [](Given& o) { o.copy.symlinks = ARSYNC_SYMLINKS_FOLLOW_TOP; }},
    {cps, "l", "link", "", "make hard links in place of copies",
     [](Given& o) { o.copy.flags |= ARSYNC_COPY_HARD_LINK; }},
    {cps, "L", "dereference", "", "follow all symbolic links",
     [](Given& o) { o.copy.symlinks = ARSYNC_SYMLINKS_FOLLOW; }},
    {cps, "P", "no-dereference", "", "keep symbolic links (the default with -r)",
     [](Given& o) { o.copy.symlinks = ARSYNC_SYMLINKS_KEEP; }},
    {cps, "", "parents", "", "copy a/b to DIRECTORY/a/b", [](Given& o) { o.parents = true; }},
    {cps, "rR", "recursive", "", "copy directories and all that is in them",
     [](Given& o) { o.recursive = o.enters_listed = true; }},
    {cps, "s", "symbolic-link", "", "make symbolic links in place of copies",
     [](Given& o) { o.copy.flags |= ARSYNC_COPY_SYMBOLIC_LINK; }},
    {cps, "", "strip-trailing-slashes", "", "take slashes off the end of each SOURCE",
     [](Given& o) { o.strip_trailing_slashes = true; }},
    {cps, "t", "target-directory", "=DIRECTORY", "copy every SOURCE into DIRECTORY",
     target_directory},
    {cps, "T", "no-target-directory", "", "DEST is a file, even if it names a directory",
     [](Given& o) { o.no_target_directory = true; }},

    {heading, "", "", "", "When DEST exists:"},
    {ours, "", "atomic", "", "replace DEST in one step: it is the old or the whole new file",
     [](Given& o) { o.copy.replace = ARSYNC_REPLACE_ATOMIC; }},
    {cps, "", "backup", "[=CONTROL]", "keep the old DEST under a backup name",
     [](Given& o) {
         o.wants_backup = true;
         o.backup_control = optarg != nullptr ? optarg : o.backup_control;
     }},
    {cps, "b", "", "", "as --backup, without an argument", [](Given& o) { o.wants_backup = true; }},
    {cps, "f", "force", "", "remove a DEST that cannot be opened (not with -n)",
     [](Given& o) { o.force = true; }},
    {cps, "i", "interactive", "", "ask before overwriting (undoes an earlier -n)",
     [](Given& o) { o.clobber = Clobber::ask; }},
    {ours, "", "keep-directory-symlink", "", "follow a link to a directory in place of one",
     [](Given& o) { o.copy.flags |= ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK; }},
    {ours, "", "mirror", "", "with -r, remove from DEST what SOURCE does not have",
     [](Given& o) { o.copy.flags |= ARSYNC_COPY_MIRROR; }},
    {cps, "n", "no-clobber", "", "never overwrite (undoes an earlier -i)",
     [](Given& o) { o.clobber = Clobber::never; }},
    {cps, "", "remove-destination", "", "remove DEST before it is opened",
     [](Given& o) { o.remove_destination = true; }},
    {ours, "", "skip-unchanged", "", "leave what has SOURCE's size and time",
     [](Given& o) { o.skip_unchanged = true; }},
    {cps, "S", "suffix", "=SUFFIX", "the end of a simple backup's name",
     [](Given& o) {
         o.wants_backup = true;
         o.backup_suffix = optarg;
     }},
    {cps, "u", "update", "[=WHEN]",
     "overwrite what is older than SOURCE (older, the default), all, none, or fail (none-fail)",
     [](Given& o) { o.update = word(o, updates, ARSYNC_UPDATE_OLDER); }},

    {heading, "", "", "", "What DEST keeps of SOURCE:"},
    {cps, "", "context", "[=CTX]", "give all that is made the SELinux context CTX", context},
    {cps, "p", "", "", "as --preserve=mode,ownership,timestamps",
     [](Given& o) { attributes(o, true); }},
    {cps, "", "preserve", "[=ATTR_LIST]",
     "keep these attributes (default: mode,ownership,timestamps; also context,links,xattr,all)",
     [](Given& o) { attributes(o, true); }},
    {cps, "", "no-preserve", "=ATTR_LIST", "do not keep these attributes",
     [](Given& o) { attributes(o, false); }},
    {cps, "", "sparse", "=WHEN", "make holes: auto, always, never; see below",
     [](Given& o) { o.copy.sparse = word(o, sparse); }},
    {cps, "x", "one-file-system", "", "leave directories of other file systems empty",
     [](Given& o) { o.copy.flags |= ARSYNC_COPY_ONE_FILE_SYSTEM; }},
    {cps, "Z", "", "", "refused with SELinux, without effect elsewhere", context},

    {heading, "", "", "", "How the data is moved:"},
    {ours, "", "backend", "=NAME", "auto, uring, threads",
     [](Given& o) { o.pool.backend = name(o, arsync_backend_name); }},
    {ours, "", "buffer-size", "=SIZE", "of a read or write: 4K to 64M, in 4K (default 2M)",
     [](Given& o) {
         o.pool.buffer_size = number(o, ARSYNC_BUFFER_SIZE_MAX, ARSYNC_BUFFER_SIZE_MIN);
     }},
    {ours, "", "buffers", "=N", "buffers of a worker, 1 to 1024 (default 16)",
     [](Given& o) { o.pool.buffer_count = number(o, ARSYNC_BUFFER_COUNT_MAX); }},
    {ours, "", "bwlimit", "=RATE", "move at most so many bytes a second", rate},
    {ours, "", "cache", "=POLICY", "what stays in the page cache: auto, keep, direct, drop",
     [](Given& o) { o.copy.cache = word(o, caches); }},
    {ours, "", "iopoll", "", "poll the device in place of interrupts",
     [](Given& o) { o.pool.flags |= ARSYNC_POOL_IOPOLL; }},
    {ours, "", "jobs", "=N", "worker threads, 1 to 256 (default: the CPUs, at most 8)",
     [](Given& o) { o.pool.workers = number(o, ARSYNC_WORKERS_MAX); }},
    {ours, "", "method", "=NAME",
     "auto, inline, reflink, copy_file_range, fixed, direct, buffered-direct, heap, managed",
     [](Given& o) { o.copy.method = name(o, arsync_method_name); }},
    {ours, "", "queue-depth", "=N", "entries of a worker's queue, 1 to 4096 (default 64)",
     [](Given& o) { o.pool.queue_depth = number(o, ARSYNC_QUEUE_DEPTH_MAX); }},
    {cps, "", "reflink", "[=WHEN]", "share blocks with SOURCE: auto, always, never; see below",
     [](Given& o) { o.copy.reflink = word(o, reflinks, ARSYNC_REFLINK_ALWAYS); }},
    {ours, "", "sqpoll", "", "let a kernel thread pick up submissions",
     [](Given& o) { o.pool.flags |= ARSYNC_POOL_SQPOLL; }},

    {heading, "", "", "", "How sure it is:"},
    {ours, "", "continue-on-error", "=yes|no", "after a failure copy the rest (default: yes)",
     [](Given& o) {
         o.continue_on_error = word(o, std::array{Word{"yes", 1}, Word{"no", 0}});
     }},
    {ours, "", "durable", "", "done means on stable storage, data and name",
     [](Given& o) { o.copy.durability = ARSYNC_DURABILITY_FULL; }},
    {ours, "", "verify", "", "read DEST back and compare",
     [](Given& o) { o.copy.flags |= ARSYNC_COPY_VERIFY; }},

    {heading, "", "", "", "What is shown:"},
    {ours, "", "debug", "", "say how each file was copied, and why; implies -v",
     [](Given& o) { o.debug = o.verbose = true; }},
    {ours, "", "dry-run", "", "change nothing, say what would be done",
     [](Given& o) {
         o.verbose = true;
         o.copy.flags |= ARSYNC_COPY_DRY_RUN;
     }},
    {ours, "", "json", "", "a JSON object a file and one for them all, a line each, on stdout",
     [](Given& o) { o.json = true; }},
    {ours, "", "progress", "", "a line on stderr, if that is a terminal, that tells how far it is",
     [](Given& o) { o.progress = true; }},
    {cps, "v", "verbose", "", "name each file as it is copied", [](Given& o) { o.verbose = true; }},
    {cps, "", "help", "", "display this help and exit", help},
    {cps, "", "version", "", "output version information and exit",
     [](Given& o) { o.answer = std::string("arsync-cp (arsync) ") + arsync_version() + "\n"; }},
};

constexpr std::string_view notes = R"(
SIZE, N and RATE may end in K, M or G, powers of 1024.

A PATTERN is like a line of a .gitignore file in SOURCE; the last one that
matches decides. What is named on the command line is never left out.

--sparse=auto, the default, keeps SOURCE's holes; always makes every block of
zeros one; never writes all zeros out. --reflink without WHEN is always, which
shares blocks or fails; auto, the default, shares them where that can be.

CONTROL, or else the environment's VERSION_CONTROL, is none or off, numbered
or t, existing or nil (numbered if there are any, else simple), simple or
never. A simple backup's name ends in '~', SUFFIX, or SIMPLE_BACKUP_SUFFIX.
With -f and -b, copying a regular file onto its own name makes a backup of it.

Exit status: 0 if all files were copied, 1 if not, 129, 130 or 143 after
SIGHUP, SIGINT or SIGTERM; then no unfinished new file is left behind.
)";

// "  -r, -R, --recursive          copy directories and all that is in them"
std::string line_of(const Option& option) {
    constexpr size_t column = 31;
    constexpr size_t width = 79;
    std::string text = option.letters.empty() ? "      " : "  ";
    for (const char letter : option.letters)
        text.append("-").append(1, letter).append(", ");
    if (*option.name != '\0')
        text.append("--").append(option.name).append(option.argument);
    else
        text.resize(text.size() - 2);
    text.append(text.size() + 2 > column ? 2 : column - text.size(), ' ');
    size_t length = text.size();
    for (std::string_view rest = option.help; !rest.empty();) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        if (length + word.size() > width) {
            text.back() = '\n';
            text.append(column + 2, ' ');
            length = column + 2;
        }
        text.append(word).append(" ");
        length += word.size() + 1;
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    text.back() = '\n';
    return text;
}

void help(Given& o) {
    for (const char* operands : usage)
        o.answer += (o.answer.empty() ? "Usage: " : "  or:  ") +
                    std::string(program_invocation_short_name) + " " + operands + "\n";
    o.answer += "Copy SOURCE to DEST, or several SOURCEs to DIRECTORY. Directories are left out\n"
                "unless -r or -a is given. An argument that a long option needs, its short form\n"
                "needs too. The manual says more.\n";
    for (const Option& option : table)
        o.answer +=
            option.kind == heading ? "\n" + std::string(option.help) + "\n" : line_of(option);
    o.answer += notes;
}

} // namespace

uint32_t context_if_there_is() {
    static const bool enabled = access("/sys/fs/selinux/enforce", F_OK) == 0;
    return enabled ? ARSYNC_PRESERVE_CONTEXT : 0;
}

const std::span<const Option> option_table = table;

} // namespace cp
