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

namespace {

[[noreturn]] void refuse_argument(const char* what, std::string_view word,
                                  const std::string& option, const std::string& valid) {
    throw Mistake{what + quote(word, ARSYNC_QUOTE_WORD) + " for " +
                  quote(option, ARSYNC_QUOTE_WORD) + "\n" + valid};
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
        valid += (synonym ? ", " : "\n  - ") + quote(one.word, ARSYNC_QUOTE_WORD);
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
                                    {"flags", ARSYNC_PRESERVE_FLAGS},
                                    {"project", ARSYNC_PRESERVE_PROJECT},
                                    {"all", everything}};
constexpr uint32_t by_default =
    ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES;
constexpr uint32_t all_but_context = by_default | ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_XATTR;

uint32_t word(const Options& o, std::span<const Word> words, uint32_t otherwise = 0) {
    return optarg != nullptr ? choose(words, optarg, o.option) : otherwise;
}

// Of the words that the library has for numbers.
uint32_t name(const Options& o, const char* (*name_of)(uint32_t)) {
    std::vector<Word> words;
    for (uint32_t i = 0; strcmp(name_of(i), name_of(UINT32_MAX)) != 0; ++i)
        words.push_back({name_of(i), i});
    return word(o, words);
}

uint32_t number(const Options& o, uint64_t highest, uint64_t lowest = 1) {
    const std::optional<uint64_t> number = parse_size(optarg);
    if (number && *number >= lowest && *number <= highest && *number % lowest == 0)
        return static_cast<uint32_t>(*number);
    refuse_argument("invalid argument ", optarg, o.option,
                    "Valid is a number from " + format_size(lowest) + " to " +
                        (lowest > 1
                             ? format_size(highest) + ", a multiple of " + format_size(lowest)
                             : std::to_string(highest)));
}

void rate(Options& o) {
    const std::optional<uint64_t> rate = parse_size(optarg);
    if (!rate)
        refuse_argument("invalid argument ", optarg, o.option,
                        "Valid is a number of bytes a second, or 0 for no limit");
    o.pool.byte_rate = *rate;
}

// Without LENGTH it is all that follows.
void range(Options& o) {
    const std::string_view text = optarg;
    const size_t colon = std::min(text.find(':'), text.size());
    const std::optional<uint64_t> offset = parse_size(text.substr(0, colon));
    const std::optional<uint64_t> length =
        colon + 1 == text.size() ? UINT64_MAX
                                 : parse_size(text.substr(std::min(colon + 1, text.size())));
    if (!offset || length.value_or(0) == 0)
        refuse_argument("invalid argument ", optarg, o.option,
                        "Valid is OFFSET:LENGTH, or OFFSET: for all that follows");
    o.copy.range_offset = *offset;
    o.copy.range_length = *length;
}

void attributes(Options& o, bool keep) {
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

void own(Options& o, const char*& map) {
    map = optarg;
    o.copy.preserve |= ARSYNC_PRESERVE_OWNER;
}

void context(Options& o) {
    if (context_if_there_is() != 0)
        o.context = optarg != nullptr ? optarg : "";
    else if (optarg != nullptr)
        complain("warning: ignoring --context; it requires an SELinux-enabled kernel");
}

void pattern(Options& o, const char* before) {
    if (strchr(optarg, '\n') != nullptr)
        throw Mistake{"a pattern cannot contain a newline: " + quote(optarg)};
    o.filter.append(before).append(optarg).append("\n");
}

// All that is there before a NUL, which nothing may follow, for it cannot be in a name.
void patterns(Options& o) {
    const bool is_stdin = strcmp(optarg, "-") == 0;
    o.patterns_from_stdin = o.patterns_from_stdin || is_stdin;
    char* text = nullptr;
    size_t room = 0;
    errno = 0;
    FILE* const stream = is_stdin ? stdin : fopen(optarg, "re");
    const ssize_t length = stream != nullptr ? getdelim(&text, &room, '\0', stream) : -1;
    const bool has_nul = length > 0 && text[length - 1] == '\0';
    if (stream == nullptr || ferror(stream) != 0 || has_nul)
        throw Mistake{"cannot read patterns from " + quote(optarg) + ": " +
                          arsync_strerror(has_nul ? EILSEQ : errno),
                      false};
    const std::string_view all(text, static_cast<size_t>(std::max<ssize_t>(length, 0)));
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // that editors put there
    o.filter.append(all.substr(all.starts_with(byte_order_mark) ? 3 : 0)).append("\n");
    free(text);
    if (!is_stdin)
        fclose(stream);
}

void archive(Options& o) {
    o.copy.symlinks = ARSYNC_SYMLINKS_KEEP;
    o.recursive = o.reduce_diagnostics = true;
    o.copy.preserve |= all_but_context | context_if_there_is();
}

void target_directory(Options& o) {
    if (o.target_directory != nullptr)
        throw Mistake{"multiple target directories specified", false};
    o.target_directory = optarg;
}

void help(Options& o);

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
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_ATTRIBUTES_ONLY; }},
    {cps, "", "copy-contents", "", "with -r, copy what comes out of FIFOs and devices",
     [](Options& o) { o.copy_contents = true; }},
    {cps, "d", "", "", "as -P --preserve=links",
     [](Options& o) {
         o.copy.symlinks = ARSYNC_SYMLINKS_KEEP;
         o.copy.preserve |= ARSYNC_PRESERVE_LINKS;
     }},
    {ours, "", "bare-parents", "", "with --files-from, leave the directories that are made bare",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_BARE_PARENTS; }},
    {ours, "", "directories-only", "", "with -r, copy directories and their attributes, no files",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_DIRECTORIES_ONLY; }},
    {ours, "", "exclude", "=PATTERN", "leave out what matches; see below",
     [](Options& o) { pattern(o, *optarg == '#' ? "\\" : ""); }},
    {ours, "", "exclude-from", "=FILE", "patterns from FILE, one a line ('-': stdin)", patterns},
    {ours, "", "files-from", "=FILE",
     "copy the names in FILE ('-': stdin) from below SOURCE to below DIRECTORY",
     [](Options& o) { o.files_from = optarg; }},
    {ours, "0", "null", "", "names in that FILE end in NUL bytes, not lines",
     [](Options& o) { o.nul_separated = true; }},
    {ours, "", "include", "=PATTERN", "do not leave out what matches; see below",
     [](Options& o) { pattern(o, "!"); }},
    {cps, "H", "", "", "follow symbolic links named on the command line",
     [](Options& o) { o.copy.symlinks = ARSYNC_SYMLINKS_FOLLOW_TOP; }},
    {cps, "l", "link", "", "make hard links in place of copies",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_HARD_LINK; }},
    {cps, "L", "dereference", "", "follow all symbolic links",
     [](Options& o) { o.copy.symlinks = ARSYNC_SYMLINKS_FOLLOW; }},
    {cps, "P", "no-dereference", "", "keep symbolic links (the default with -r)",
     [](Options& o) { o.copy.symlinks = ARSYNC_SYMLINKS_KEEP; }},
    {cps, "", "parents", "", "copy a/b to DIRECTORY/a/b", [](Options& o) { o.parents = true; }},
    {ours, "", "range", "=OFFSET:LENGTH", "copy only this part of a file, into what is there",
     range},
    {cps, "rR", "recursive", "", "copy directories and all that is in them",
     [](Options& o) { o.recursive = o.enters_listed = true; }},
    {cps, "s", "symbolic-link", "", "make symbolic links in place of copies",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_SYMBOLIC_LINK; }},
    {cps, "", "strip-trailing-slashes", "", "take slashes off the end of each SOURCE",
     [](Options& o) { o.strip_trailing_slashes = true; }},
    {cps, "t", "target-directory", "=DIRECTORY", "copy every SOURCE into DIRECTORY",
     target_directory},
    {cps, "T", "no-target-directory", "", "DEST is a file, even if it names a directory",
     [](Options& o) { o.no_target_directory = true; }},

    {heading, "", "", "", "When DEST exists:"},
    {ours, "", "atomic", "", "replace DEST in one step: it is the old or the whole new file",
     [](Options& o) { o.copy.replace = ARSYNC_REPLACE_ATOMIC; }},
    {cps, "", "backup", "[=CONTROL]", "keep the old DEST under a backup name",
     [](Options& o) {
         o.wants_backup = true;
         o.backup_control = optarg != nullptr ? optarg : o.backup_control;
     }},
    {cps, "b", "", "", "as --backup, without an argument",
     [](Options& o) { o.wants_backup = true; }},
    {cps, "f", "force", "", "remove a DEST that cannot be opened (not with -n)",
     [](Options& o) { o.force = true; }},
    {cps, "i", "interactive", "", "ask before overwriting (undoes an earlier -n)",
     [](Options& o) { o.clobber = Clobber::ask; }},
    {ours, "", "keep-directory-symlink", "", "follow a link to a directory in place of one",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK; }},
    {ours, "", "mirror", "", "with -r, remove from DEST what SOURCE does not have",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_MIRROR; }},
    {cps, "n", "no-clobber", "", "never overwrite (undoes an earlier -i)",
     [](Options& o) { o.clobber = Clobber::never; }},
    {cps, "", "remove-destination", "", "remove DEST before it is opened",
     [](Options& o) { o.removes = true; }},
    {ours, "", "skip-unchanged", "", "leave what has SOURCE's size and time",
     [](Options& o) { o.skip_unchanged = true; }},
    {cps, "S", "suffix", "=SUFFIX", "the end of a simple backup's name",
     [](Options& o) {
         o.wants_backup = true;
         o.backup_suffix = optarg;
     }},
    {cps, "u", "update", "[=WHEN]",
     "overwrite what is older than SOURCE (older, the default), all, none, or fail (none-fail)",
     [](Options& o) { o.update = word(o, updates, ARSYNC_UPDATE_OLDER); }},

    {heading, "", "", "", "What DEST keeps of SOURCE:"},
    {cps, "", "context", "[=CTX]", "give all that is made the SELinux context CTX", context},
    {cps, "p", "", "", "as --preserve=mode,ownership,timestamps",
     [](Options& o) { attributes(o, true); }},
    {cps, "", "preserve", "[=ATTR_LIST]",
     "keep these (default: mode,ownership,timestamps; also context,flags,links,project,xattr,all)",
     [](Options& o) { attributes(o, true); }},
    {cps, "", "no-preserve", "=ATTR_LIST", "do not keep these attributes",
     [](Options& o) { attributes(o, false); }},
    {ours, "", "map-users", "=FROM:TO,...", "keep owners, but the copies of FROM's files are TO's",
     [](Options& o) { own(o, o.copy.user_map); }},
    {ours, "", "map-groups", "=FROM:TO,...", "the same of groups",
     [](Options& o) { own(o, o.copy.group_map); }},
    {cps, "", "sparse", "=WHEN", "make holes: auto, always, never; see below",
     [](Options& o) { o.copy.sparse = word(o, sparse); }},
    {cps, "x", "one-file-system", "", "leave directories of other file systems empty",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_ONE_FILE_SYSTEM; }},
    {cps, "Z", "", "", "refused with SELinux, without effect elsewhere", context},

    {heading, "", "", "", "How the data is moved:"},
    {ours, "", "backend", "=NAME", "auto, uring, threads",
     [](Options& o) { o.pool.backend = name(o, arsync_backend_name); }},
    {ours, "", "buffer-size", "=SIZE", "of a read or write: 4K to 64M, in 4K (default 2M)",
     [](Options& o) {
         o.pool.buffer_size = number(o, ARSYNC_BUFFER_SIZE_MAX, ARSYNC_BUFFER_SIZE_MIN);
     }},
    {ours, "", "buffers", "=N", "buffers of a worker, 1 to 1024 (default 16)",
     [](Options& o) { o.pool.buffer_count = number(o, ARSYNC_BUFFER_COUNT_MAX); }},
    {ours, "", "bwlimit", "=RATE", "move at most so many bytes a second", rate},
    {ours, "", "cache", "=POLICY", "what stays in the page cache: auto, keep, direct, drop",
     [](Options& o) { o.copy.cache = word(o, caches); }},
    {ours, "", "iopoll", "", "poll the device in place of interrupts",
     [](Options& o) { o.pool.flags |= ARSYNC_POOL_IOPOLL; }},
    {ours, "", "jobs", "=N", "worker threads, 1 to 256 (default: the CPUs, at most 8)",
     [](Options& o) { o.pool.workers = number(o, ARSYNC_WORKERS_MAX); }},
    {ours, "", "method", "=NAME",
     "auto, inline, reflink, copy_file_range, fixed, direct, buffered-direct, heap, managed",
     [](Options& o) { o.copy.method = name(o, arsync_method_name); }},
    {ours, "", "queue-depth", "=N", "entries of a worker's queue, 1 to 4096 (default 64)",
     [](Options& o) { o.pool.queue_depth = number(o, ARSYNC_QUEUE_DEPTH_MAX); }},
    {cps, "", "reflink", "[=WHEN]", "share blocks with SOURCE: auto, always, never; see below",
     [](Options& o) { o.copy.reflink = word(o, reflinks, ARSYNC_REFLINK_ALWAYS); }},
    {ours, "", "sqpoll", "", "let a kernel thread pick up submissions",
     [](Options& o) { o.pool.flags |= ARSYNC_POOL_SQPOLL; }},

    {heading, "", "", "", "How sure it is:"},
    {ours, "", "continue-on-error", "=yes|no", "after a failure copy the rest (default: yes)",
     [](Options& o) {
         o.continue_on_error = word(o, std::array{Word{"yes", 1}, Word{"no", 0}});
     }},
    {ours, "", "durable", "", "done means on stable storage, data and name",
     [](Options& o) { o.copy.durability = ARSYNC_DURABILITY_FULL; }},
    {ours, "", "verify", "", "read DEST back and compare",
     [](Options& o) { o.copy.flags |= ARSYNC_COPY_VERIFY; }},

    {heading, "", "", "", "What is shown:"},
    {ours, "", "debug", "", "say how each file was copied, and why; implies -v",
     [](Options& o) { o.debug = o.verbose = true; }},
    {ours, "", "dry-run", "", "change nothing, say what would be done",
     [](Options& o) {
         o.verbose = true;
         o.copy.flags |= ARSYNC_COPY_DRY_RUN;
     }},
    {ours, "", "json", "", "a JSON object a file and one for them all, a line each, on stdout",
     [](Options& o) { o.json = true; }},
    {ours, "", "progress", "", "a line on stderr, if that is a terminal, that tells how far it is",
     [](Options& o) { o.progress = true; }},
    {cps, "v", "verbose", "", "name each file as it is copied",
     [](Options& o) { o.verbose = true; }},
    {cps, "", "help", "", "display this help and exit", help},
    {cps, "", "version", "", "output version information and exit",
     [](Options& o) { o.answer = std::string("arsync-cp (arsync) ") + arsync_version() + "\n"; }},
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
SIGHUP, SIGINT or SIGTERM; then no unfinished new file is left behind. With
--json 2 is a wrong command line, and 3 a copy that could not start or was cut
off.
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
    text.append(text.size() + 2 > column ? 2 : column - text.size(), ' ').append(option.help);
    for (size_t line = 0; text.size() - line > width; text.insert(line, column + 2, ' ')) {
        const size_t end = text.rfind(' ', line + width);
        text[end] = '\n';
        line = end + 1;
    }
    return text + "\n";
}

void help(Options& o) {
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
