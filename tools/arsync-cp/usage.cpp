#include "usage.h"

#include "arsync.h"
#include "say.h"

namespace cp {

namespace {

std::string synopsis() {
    const std::string name(program_name());
    std::string text;
    for (const char* operands :
         {"[OPTION]... [-T] SOURCE DEST", "[OPTION]... SOURCE... DIRECTORY",
          "[OPTION]... -t DIRECTORY SOURCE...", "[OPTION]... --files-from=FILE SOURCE DIRECTORY"})
        text.append(text.empty() ? "Usage: " : "  or:  ").append(name + " " + operands + "\n");
    return text;
}

} // namespace

std::string help_text() {
    return synopsis() +
           R"(Copy SOURCE to DEST, or several SOURCEs to DIRECTORY. Directories are left out
unless -r or -a is given.

An argument that a long option needs, its short form needs too.

What is copied where:
  -a, --archive                as -dr --preserve=all; what cannot be kept of
                                 extended attributes is not complained about
      --attributes-only        create DEST and give it attributes, but no data
      --copy-contents          with -r, copy what comes out of FIFOs and
                                 devices, in place of making them anew
  -d                           as -P --preserve=links
      --exclude=PATTERN        leave out what matches; see below
      --exclude-from=FILE      patterns from FILE, one a line ('-': stdin)
      --files-from=FILE        copy the names in FILE ('-': stdin), which are
                                 below the directory SOURCE, to the same places
                                 below DIRECTORY
  -0, --null                   names in that FILE end in NUL bytes, not lines
      --include=PATTERN        do not leave out what matches; see below
  -H                           follow symbolic links named on the command line
  -l, --link                   make hard links in place of copies
  -L, --dereference            follow all symbolic links
  -P, --no-dereference         keep symbolic links (the default with -r)
      --parents                copy a/b to DIRECTORY/a/b
  -r, -R, --recursive          copy directories and all that is in them
  -s, --symbolic-link          make symbolic links in place of copies
      --strip-trailing-slashes  take slashes off the end of each SOURCE that is
                                 copied into a directory
  -t, --target-directory=DIRECTORY  copy every SOURCE into DIRECTORY
  -T, --no-target-directory    DEST is a file, even if it names a directory

When DEST exists:
      --atomic                 replace DEST in one step: its name always shows
                                 the old file or the whole new one
      --backup[=CONTROL]       keep the old DEST under a backup name
  -b                           as --backup, without an argument
  -f, --force                  if DEST cannot be opened, remove it and try
                                 again (not with -n)
  -i, --interactive            ask before overwriting (undoes an earlier -n)
      --keep-directory-symlink  go into what is a symbolic link to a directory
                                 in the place of a directory
      --mirror                 with -r, remove from DEST what SOURCE does not
                                 have; a SOURCE below DEST is refused, and so
                                 are two SOURCEs to the same place
  -n, --no-clobber             never overwrite (undoes an earlier -i)
      --remove-destination     remove DEST before it is opened
      --skip-unchanged         leave what has SOURCE's size and time
  -S, --suffix=SUFFIX          the end of a simple backup's name
  -u, --update[=WHEN]          overwrite what is older than SOURCE (older, the
                                 default), everything (all), nothing (none), or
                                 nothing, which is an error (none-fail); the
                                 last one counts, and -i asks all the same

What DEST keeps of SOURCE:
      --context=CTX            give all that is made the SELinux context CTX
  -p                           as --preserve=mode,ownership,timestamps
      --preserve[=ATTR_LIST]   keep these attributes (default:
                                 mode,ownership,timestamps); others are
                                 context, links, xattr, all
      --no-preserve=ATTR_LIST  do not keep these attributes
      --sparse=WHEN            make holes: auto, always, never. See below
  -x, --one-file-system        leave directories of other file systems empty
  -Z                           refused with SELinux, without effect elsewhere

How the data is moved:
      --backend=NAME           auto, uring, threads
      --buffer-size=SIZE       bytes of a buffer, the largest read or write: a
                                 multiple of 4K up to 64M (default 2M)
      --buffers=N              buffers of a worker, 1 to 1024 (default 16)
      --bwlimit=RATE           move at most so many bytes a second
      --cache=POLICY           what stays in the page cache: auto, keep,
                                 direct, drop
      --iopoll                 poll the device in place of interrupts
      --jobs=N                 worker threads, 1 to 256 (default: the CPUs, at
                                 most 8)
      --method=NAME            auto, inline, reflink, copy_file_range, fixed,
                                 direct, buffered-direct, heap, managed
      --queue-depth=N          entries of a worker's queue, 1 to 4096 (default
                                 64)
      --reflink[=WHEN]         share blocks with SOURCE: auto, always, never.
                                 See below
      --sqpoll                 let a kernel thread pick up submissions

How sure it is:
      --continue-on-error=yes|no  whether the rest is copied after a failure
                                 (default: yes)
      --durable                done means on stable storage, data and name
      --verify                 read DEST back and compare

What is shown:
      --debug                  say how each file was copied, and what was used
                                 and why; implies -v
      --dry-run                change nothing, say what would be done
      --json                   one JSON object a file and a last one for them
                                 all, a line each, on stdout; what -v says then
                                 goes to stderr
      --progress               a line on stderr that tells how far the copying
                                 is, if stderr is a terminal
  -v, --verbose                name each file as it is copied
      --help                   display this help and exit
      --version                output version information and exit

SIZE, N and RATE may end in K, M or G, powers of 1024.

A PATTERN is like a line of a .gitignore file in SOURCE: 'name' anywhere below,
'/name' only directly in it, 'name/' only a directory; '*' and '?' stop at '/',
'**' does not; '[a-z]' is one of these characters, '[!a-z]' one that is not.
The last one that matches decides, and below a directory that is left out
everything is. What is named on the command line is never left out.

The holes of SOURCE stay holes in DEST: that is --sparse=auto. --sparse=always
makes every block of zeros a hole, --sparse=never writes all zeros out.

With --reflink or --reflink=always blocks are shared, or the copy fails. With
--reflink=auto, the default, they are shared where the file system can. With
--reflink=never DEST always gets blocks of its own.

A backup's name ends in '~', in SUFFIX, or in what SIMPLE_BACKUP_SUFFIX says.
CONTROL, or else the environment's VERSION_CONTROL, is one of these:

  none, off       never make backups, even with --backup
  numbered, t     make numbered backups
  existing, nil   numbered if numbered backups are there, otherwise simple
  simple, never   always make simple backups

With both -f and -b, copying a regular file onto its own name makes a backup of
it.

In JSON, a name that is not valid UTF-8 has U+FFFD in place of the bytes that
are not, and a second field, its key ending in _hex, has all of its bytes in
hexadecimal.

Exit status: 0 if all files were copied, 1 if not, 129, 130 or 143 after
SIGHUP, SIGINT or SIGTERM; then no unfinished new file is left behind.
)";
}

std::string version_text() {
    return std::string("arsync-cp (arsync) ") + arsync_version() + "\n";
}

} // namespace cp
