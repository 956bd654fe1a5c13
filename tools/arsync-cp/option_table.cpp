#include "option_table.h"

#include <algorithm>
#include <getopt.h>

#include "terminal.h"

namespace cp {

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
constexpr Word methods[] = {{"auto", ARSYNC_METHOD_AUTO},
                            {"inline", ARSYNC_METHOD_INLINE},
                            {"reflink", ARSYNC_METHOD_REFLINK},
                            {"copy_file_range", ARSYNC_METHOD_COPY_FILE_RANGE},
                            {"fixed", ARSYNC_METHOD_FIXED},
                            {"direct", ARSYNC_METHOD_DIRECT},
                            {"buffered-direct", ARSYNC_METHOD_BUFFERED_DIRECT},
                            {"heap", ARSYNC_METHOD_HEAP},
                            {"managed", ARSYNC_METHOD_MANAGED}};
constexpr Word caches[] = {{"auto", ARSYNC_CACHE_AUTO},
                           {"keep", ARSYNC_CACHE_KEEP},
                           {"direct", ARSYNC_CACHE_DIRECT},
                           {"drop", ARSYNC_CACHE_DROP}};
constexpr Word backends[] = {{"auto", ARSYNC_BACKEND_AUTO},
                             {"uring", ARSYNC_BACKEND_URING},
                             {"threads", ARSYNC_BACKEND_THREADS}};
constexpr Word yes_no[] = {{"yes", 1}, {"no", 0}};

constexpr auto cps = Option::Kind::cps;
constexpr auto ours = Option::Kind::ours;

constexpr Option heading(std::string_view text) {
    return {Option::Kind::heading, "", "", "", text, nullptr};
}

// A flag of the copy that is set.
template <uint32_t flag>
void set(Parser& parser) {
    parser.set(flag);
}

// A member of the options that becomes true.
template <bool Options::*member>
void yes(Parser& parser) {
    parser.o.*member = true;
}

template <Dereference follow>
void dereference(Parser& parser) {
    parser.o.dereference = follow;
}

template <Clobber clobber>
void overwrite(Parser& parser) {
    parser.o.clobber = clobber;
}

constexpr const char* usage[] = {"[OPTION]... [-T] SOURCE DEST", "[OPTION]... SOURCE... DIRECTORY",
                                 "[OPTION]... -t DIRECTORY SOURCE...",
                                 "[OPTION]... --files-from=FILE SOURCE DIRECTORY"};

// The manual has its tags and its synopsis from here (tools/man-pages/options.awk).
constexpr Option table[] = {
    heading("What is copied where:"),
    {cps, "a", "archive", "", "as -dr --preserve=all, xattrs as far as they can be kept",
     [](Parser& p) { p.archive(); }},
    {cps, "", "attributes-only", "", "create DEST with attributes, but no data",
     set<ARSYNC_COPY_ATTRIBUTES_ONLY>},
    {cps, "", "copy-contents", "", "with -r, copy what comes out of FIFOs and devices",
     yes<&Options::copy_contents>},
    {cps, "d", "", "", "as -P --preserve=links", [](Parser& p) { p.links(); }},
    {ours, "", "exclude", "=PATTERN", "leave out what matches; see below",
     [](Parser& p) { p.pattern(false); }},
    {ours, "", "exclude-from", "=FILE", "patterns from FILE, one a line ('-': stdin)",
     [](Parser& p) { p.patterns(); }},
    {ours, "", "files-from", "=FILE",
     "copy the names in FILE ('-': stdin) from below SOURCE to below DIRECTORY",
     [](Parser& p) { p.o.files_from = optarg; }},
    {ours, "0", "null", "", "names in that FILE end in NUL bytes, not lines",
     yes<&Options::nul_separated>},
    {ours, "", "include", "=PATTERN", "do not leave out what matches; see below",
     [](Parser& p) { p.pattern(true); }},
    {cps, "H", "", "", "follow symbolic links named on the command line",
     dereference<Dereference::Named>},
    {cps, "l", "link", "", "make hard links in place of copies", set<ARSYNC_COPY_HARD_LINK>},
    {cps, "L", "dereference", "", "follow all symbolic links", dereference<Dereference::Always>},
    {cps, "P", "no-dereference", "", "keep symbolic links (the default with -r)",
     dereference<Dereference::Never>},
    {cps, "", "parents", "", "copy a/b to DIRECTORY/a/b", yes<&Options::parents>},
    {cps, "rR", "recursive", "", "copy directories and all that is in them",
     [](Parser& p) { p.o.recursive = p.enters_listed = true; }},
    {cps, "s", "symbolic-link", "", "make symbolic links in place of copies",
     set<ARSYNC_COPY_SYMBOLIC_LINK>},
    {cps, "", "strip-trailing-slashes", "", "take slashes off the end of each SOURCE",
     yes<&Options::strip_trailing_slashes>},
    {cps, "t", "target-directory", "=DIRECTORY", "copy every SOURCE into DIRECTORY",
     [](Parser& p) { p.target_directory(); }},
    {cps, "T", "no-target-directory", "", "DEST is a file, even if it names a directory",
     yes<&Options::no_target_directory>},

    heading("When DEST exists:"),
    {ours, "", "atomic", "", "replace DEST in one step: it is the old or the whole new file",
     [](Parser& p) { p.o.copy.replace = ARSYNC_REPLACE_ATOMIC; }},
    {cps, "", "backup", "[=CONTROL]", "keep the old DEST under a backup name",
     [](Parser& p) { p.backup(); }},
    {cps, "b", "", "", "as --backup, without an argument", [](Parser& p) { p.backup(); }},
    {cps, "f", "force", "", "remove a DEST that cannot be opened (not with -n)",
     yes<&Options::force>},
    {cps, "i", "interactive", "", "ask before overwriting (undoes an earlier -n)",
     overwrite<Clobber::Ask>},
    {ours, "", "keep-directory-symlink", "", "follow a link to a directory in place of one",
     set<ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK>},
    {ours, "", "mirror", "", "with -r, remove from DEST what SOURCE does not have",
     set<ARSYNC_COPY_MIRROR>},
    {cps, "n", "no-clobber", "", "never overwrite (undoes an earlier -i)",
     overwrite<Clobber::Never>},
    {cps, "", "remove-destination", "", "remove DEST before it is opened",
     yes<&Options::remove_destination>},
    {ours, "", "skip-unchanged", "", "leave what has SOURCE's size and time",
     yes<&Options::skip_unchanged>},
    {cps, "S", "suffix", "=SUFFIX", "the end of a simple backup's name",
     [](Parser& p) { p.suffix(); }},
    {cps, "u", "update", "[=WHEN]",
     "overwrite what is older than SOURCE (older, the default), all, none, or fail (none-fail)",
     [](Parser& p) { p.word(updates, p.update, ARSYNC_UPDATE_OLDER); }},

    heading("What DEST keeps of SOURCE:"),
    {cps, "", "context", "[=CTX]", "give all that is made the SELinux context CTX",
     [](Parser& p) { p.context(); }},
    {cps, "p", "", "", "as --preserve=mode,ownership,timestamps",
     [](Parser& p) { p.attributes(true); }},
    {cps, "", "preserve", "[=ATTR_LIST]",
     "keep these attributes (default: mode,ownership,timestamps; also context,links,xattr,all)",
     [](Parser& p) { p.attributes(true); }},
    {cps, "", "no-preserve", "=ATTR_LIST", "do not keep these attributes",
     [](Parser& p) { p.attributes(false); }},
    {cps, "", "sparse", "=WHEN", "make holes: auto, always, never; see below",
     [](Parser& p) { p.word(sparse, p.o.copy.sparse); }},
    {cps, "x", "one-file-system", "", "leave directories of other file systems empty",
     set<ARSYNC_COPY_ONE_FILE_SYSTEM>},
    {cps, "Z", "", "", "refused with SELinux, without effect elsewhere",
     [](Parser& p) { p.context(); }},

    heading("How the data is moved:"),
    {ours, "", "backend", "=NAME", "auto, uring, threads",
     [](Parser& p) { p.word(backends, p.o.pool.backend); }},
    {ours, "", "buffer-size", "=SIZE", "of a read or write: 4K to 64M, in 4K (default 2M)",
     [](Parser& p) { p.number(p.o.pool.buffer_size, 4096, ARSYNC_BUFFER_SIZE_MAX, 4096); }},
    {ours, "", "buffers", "=N", "buffers of a worker, 1 to 1024 (default 16)",
     [](Parser& p) { p.number(p.o.pool.buffer_count, 1, ARSYNC_BUFFER_COUNT_MAX); }},
    {ours, "", "bwlimit", "=RATE", "move at most so many bytes a second",
     [](Parser& p) { p.rate(); }},
    {ours, "", "cache", "=POLICY", "what stays in the page cache: auto, keep, direct, drop",
     [](Parser& p) { p.word(caches, p.o.copy.cache); }},
    {ours, "", "iopoll", "", "poll the device in place of interrupts",
     [](Parser& p) { p.o.pool.flags |= ARSYNC_POOL_IOPOLL; }},
    {ours, "", "jobs", "=N", "worker threads, 1 to 256 (default: the CPUs, at most 8)",
     [](Parser& p) { p.number(p.o.pool.workers, 1, ARSYNC_WORKERS_MAX); }},
    {ours, "", "method", "=NAME",
     "auto, inline, reflink, copy_file_range, fixed, direct, buffered-direct, heap, managed",
     [](Parser& p) { p.word(methods, p.o.copy.method); }},
    {ours, "", "queue-depth", "=N", "entries of a worker's queue, 1 to 4096 (default 64)",
     [](Parser& p) { p.number(p.o.pool.queue_depth, 1, ARSYNC_QUEUE_DEPTH_MAX); }},
    {cps, "", "reflink", "[=WHEN]", "share blocks with SOURCE: auto, always, never; see below",
     [](Parser& p) { p.word(reflinks, p.o.copy.reflink, ARSYNC_REFLINK_ALWAYS); }},
    {ours, "", "sqpoll", "", "let a kernel thread pick up submissions",
     [](Parser& p) { p.o.pool.flags |= ARSYNC_POOL_SQPOLL; }},

    heading("How sure it is:"),
    {ours, "", "continue-on-error", "=yes|no", "after a failure copy the rest (default: yes)",
     [](Parser& p) { p.word(yes_no, p.continue_on_error); }},
    {ours, "", "durable", "", "done means on stable storage, data and name",
     [](Parser& p) { p.o.copy.durability = ARSYNC_DURABILITY_FULL; }},
    {ours, "", "verify", "", "read DEST back and compare", set<ARSYNC_COPY_VERIFY>},

    heading("What is shown:"),
    {ours, "", "debug", "", "say how each file was copied, and why; implies -v",
     [](Parser& p) { p.o.debug = p.o.verbose = true; }},
    {ours, "", "dry-run", "", "change nothing, say what would be done",
     [](Parser& p) { p.dry_run(); }},
    {ours, "", "json", "", "a JSON object a file and one for them all, a line each, on stdout",
     yes<&Options::json>},
    {ours, "", "progress", "", "a line on stderr, if that is a terminal, that tells how far it is",
     yes<&Options::progress>},
    {cps, "v", "verbose", "", "name each file as it is copied", yes<&Options::verbose>},
    {cps, "", "help", "", "display this help and exit", [](Parser& p) { p.end_with(help_text()); }},
    {cps, "", "version", "", "output version information and exit",
     [](Parser& p) { p.end_with(std::string("arsync-cp (arsync) ") + arsync_version() + "\n"); }},
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

} // namespace

const std::span<const Option> option_table = table;

std::string help_text() {
    std::string text;
    for (const char* operands : usage)
        text += (text.empty() ? "Usage: " : "  or:  ") + program_name() + " " + operands + "\n";
    text += "Copy SOURCE to DEST, or several SOURCEs to DIRECTORY. Directories are left out\n"
            "unless -r or -a is given. An argument that a long option needs, its short form\n"
            "needs too. The manual says more.\n";
    for (const Option& option : option_table)
        text += option.kind == Option::Kind::heading ? "\n" + std::string(option.help) + "\n"
                                                     : line_of(option);
    return text.append(notes);
}

} // namespace cp
