#include "options.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <getopt.h>
#include <unistd.h>

#include "terminal.h"

namespace {

// Now only what it says: what it means, -i and -n have a say in as well.
void update(Options& o) {
    Options said;
    set(said, "update", optarg, "--update");
    o.update = said.copy;
}

void context(Options& o) {
    if (has_selinux())
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
    set(o, "preserve", "all", "");
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
    {cps, "", "attributes-only", "", "create DEST with attributes, but no data"},
    {cps, "", "copy-contents", "", "with -r, copy what comes out of FIFOs and devices",
     [](Options& o) { o.copy_contents = true; }},
    {cps, "d", "", "", "as -P --preserve=links",
     [](Options& o) {
         o.copy.symlinks = ARSYNC_SYMLINKS_KEEP;
         set(o, "preserve", "links", "");
     }},
    {ours, "", "bare-parents", "", "with --files-from, leave the directories that are made bare"},
    {ours, "", "directories-only", "", "with -r, copy directories and their attributes, no files"},
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
    {cps, "l", "link", "", "make hard links in place of copies"},
    {cps, "L", "dereference", "", "follow all symbolic links",
     [](Options& o) { o.copy.symlinks = ARSYNC_SYMLINKS_FOLLOW; }},
    {cps, "P", "no-dereference", "", "keep symbolic links (the default with -r)",
     [](Options& o) { o.copy.symlinks = ARSYNC_SYMLINKS_KEEP; }},
    {cps, "", "parents", "", "copy a/b to DIRECTORY/a/b", [](Options& o) { o.parents = true; }},
    {ours, "", "range", "=OFFSET:LENGTH", "copy only this part of a file, into what is there"},
    {cps, "rR", "recursive", "", "copy directories and all that is in them",
     [](Options& o) { o.recursive = o.enters_listed = true; }},
    {cps, "s", "symbolic-link", "", "make symbolic links in place of copies"},
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
    {ours, "", "keep-directory-symlink", "", "follow a link to a directory in place of one"},
    {ours, "", "mirror", "", "with -r, remove from DEST what SOURCE does not have"},
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
     update},

    {heading, "", "", "", "What DEST keeps of SOURCE:"},
    {cps, "", "context", "[=CTX]", "give all that is made the SELinux context CTX", context},
    {cps, "p", "", "", "as --preserve=mode,ownership,timestamps",
     [](Options& o) { set(o, "preserve", nullptr, ""); }},
    {cps, "", "preserve", "[=ATTR_LIST]",
     "keep these (default: mode,ownership,timestamps; also context,flags,links,project,xattr,all)"},
    {cps, "", "no-preserve", "=ATTR_LIST", "do not keep these attributes"},
    {ours, "", "map-users", "=FROM:TO,...", "keep owners, but the copies of FROM's files are TO's"},
    {ours, "", "map-groups", "=FROM:TO,...", "the same of groups"},
    {cps, "", "sparse", "=WHEN", "make holes: auto, always, never; see below"},
    {cps, "x", "one-file-system", "", "leave directories of other file systems empty"},
    {cps, "Z", "", "", "refused with SELinux, without effect elsewhere", context},

    {heading, "", "", "", "How the data is moved:"},
    {ours, "", "backend", "=NAME", "auto, uring, threads"},
    {ours, "", "buffer-size", "=SIZE", "of a read or write: 4K to 64M, in 4K (default 2M)"},
    {ours, "", "buffers", "=N", "buffers of a worker, 1 to 1024 (default 16)"},
    {ours, "", "bwlimit", "=RATE", "move at most so many bytes a second"},
    {ours, "", "cache", "=POLICY", "what stays in the page cache: auto, keep, direct, drop"},
    {ours, "", "iopoll", "", "poll the device in place of interrupts"},
    {ours, "", "jobs", "=N", "worker threads, 1 to 256 (default: the CPUs, at most 8)"},
    {ours, "", "method", "=NAME",
     "auto, inline, reflink, copy_file_range, fixed, direct, buffered-direct, direct-buffered, "
     "heap, managed"},
    {ours, "", "queue-depth", "=N", "entries of a worker's queue, 1 to 4096 (default 64)"},
    {cps, "", "reflink", "[=WHEN]", "share blocks with SOURCE: auto, always, never; see below"},
    {ours, "", "sqpoll", "", "let a kernel thread pick up submissions"},

    {heading, "", "", "", "How sure it is:"},
    {ours, "", "continue-on-error", "=yes|no", "after a failure copy the rest (default: yes)"},
    {ours, "", "durable", "", "done means on stable storage, data and name",
     [](Options& o) { o.copy.durability = ARSYNC_DURABILITY_FULL; }},
    {ours, "", "verify", "", "read DEST back and compare"},

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

bool has_selinux() {
    return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

const std::span<const Option> option_table = table;
