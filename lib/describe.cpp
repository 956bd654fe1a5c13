// What a failure is called: a sentence in the words of cp, for whoever has somebody to tell.
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "c_wall.h"
#include "options.h"

namespace {

using namespace arsync;

// At each stage that has only one, of $s, the source, and $d, the destination.
constexpr struct {
    uint32_t stage;
    const char* text;
} sentences[] = {
    {ARSYNC_STAGE_LIST, "cannot access $s"},
    {ARSYNC_STAGE_READ_LINK, "cannot read symbolic link $s"},
    {ARSYNC_STAGE_REMOVE, "cannot remove $d"},
    {ARSYNC_STAGE_BACKUP, "cannot backup $d"},
    {ARSYNC_STAGE_CONTEXT, "failed to set the security context of $d"},
    {ARSYNC_STAGE_FLAGS, "preserving file flags for $d"},
    {ARSYNC_STAGE_READ, "error reading $s"},
    {ARSYNC_STAGE_ALLOCATE, "error writing $d"},
    {ARSYNC_STAGE_WRITE, "error writing $d"},
    {ARSYNC_STAGE_REFLINK, "failed to clone $d from $s"},
    {ARSYNC_STAGE_COPY_FILE_RANGE, "error copying $s to $d"},
    {ARSYNC_STAGE_TRUNCATE, "failed to extend $d"},
    {ARSYNC_STAGE_OWNER, "failed to preserve ownership for $d"},
    {ARSYNC_STAGE_XATTR, "setting attributes for $d"},
    {ARSYNC_STAGE_MODE, "preserving permissions for $d"},
    {ARSYNC_STAGE_TIMES, "preserving times for $d"},
    {ARSYNC_STAGE_SYNC, "error syncing $d"},
    {ARSYNC_STAGE_VERIFY, "cannot verify $d"},
    {ARSYNC_STAGE_PUBLISH, "cannot put the new file in the place of $d"},
    {ARSYNC_STAGE_CLOSE, "failed to close $d"},
};

struct Place {
    int dirfd;
    std::string name;
    bool is_open; // dirfd is the file itself, or the directory at the top

    // 0 or an errno value.
    int look(struct stat& status, bool follow) const {
        const int flags =
            (follow ? 0 : AT_SYMLINK_NOFOLLOW) | (is_open && name.empty() ? AT_EMPTY_PATH : 0);
        return fstatat(dirfd, name.c_str(), &status, flags) == 0 ? 0 : errno;
    }
    // The file's mode; 0 if it cannot be seen any more.
    mode_t mode(bool follow = false) const {
        struct stat status;
        return look(status, follow) == 0 ? status.st_mode : 0;
    }
    Place below(const std::string& path) const {
        const std::string top = is_open || name.empty() ? "" : name + "/"; // not "/", the machine's
        return path.empty() ? *this : Place{dirfd, top + path, is_open};
    }
};

// What the completion is about, below the job's or the item's own source and destination.
std::string entry_of(const arsync_completion& completion) {
    const char* path = completion.path;
    if (completion.kind == ARSYNC_COMPLETION_JOB && completion.action == ARSYNC_ACTION_TREE)
        path = completion.details != nullptr ? completion.details->error_path : nullptr;
    return path != nullptr ? path : "";
}

// One failure, and the words for it. The files are looked at again where that tells more.
class Failure {
public:
    Failure(const arsync_completion& completion, const arsync_copy_options& options,
            const Place& source, const Place& destination)
        : completion_(completion), options_(options), top_(destination),
          entry_(entry_of(completion)), source_(source.below(entry_)),
          destination_(destination.below(entry_)), error_(-completion.result),
          is_top_(is_of_top()) {
        if (completion.kind == ARSYNC_COMPLETION_WAY)
            source_ = {source.dirfd, entry_, false};
    }
    std::string describe() const;

private:
    static std::string because(const char* text, int error) {
        return std::string(text) + ": " + arsync_strerror(error);
    }
    bool has(uint32_t flag) const { return (completion_.flags & flag) != 0; }
    bool wants(uint32_t flag) const { return (options_.flags & flag) != 0; }
    bool is_of_top() const;
    bool follows() const;
    bool is_directory() const;
    bool is_refused() const;
    bool is_its_destination() const;
    std::string unseen() const;
    std::string opening() const;
    std::string opening_destination() const;
    std::string making(int error) const;
    std::string making_directory() const;
    std::string checking() const;
    std::string on_the_way() const;
    std::string at_stage() const;

    const arsync_completion& completion_;
    const arsync_copy_options& options_;
    const Place& top_; // the job's or the item's own destination
    const std::string entry_;
    Place source_;
    Place destination_;
    const int error_;
    const bool is_top_; // it is about what was submitted itself
};

bool Failure::is_of_top() const {
    return completion_.kind == ARSYNC_COMPLETION_ITEM ||
           (completion_.kind == ARSYNC_COMPLETION_JOB && entry_.empty());
}

bool Failure::follows() const {
    switch (options_.symlinks) {
    case ARSYNC_SYMLINKS_AUTO:
        return !wants(ARSYNC_COPY_RECURSIVE);
    case ARSYNC_SYMLINKS_FOLLOW_TOP:
        return is_top_;
    default:
        return options_.symlinks == ARSYNC_SYMLINKS_FOLLOW;
    }
}

bool Failure::is_directory() const {
    return has(ARSYNC_COMPLETION_DIRECTORY) || completion_.action == ARSYNC_ACTION_TREE ||
           completion_.action == ARSYNC_ACTION_MAKE_DIRECTORY ||
           completion_.action == ARSYNC_ACTION_ENTER_DIRECTORY;
}

// What is there stays, whatever else is wrong with it.
bool Failure::is_refused() const {
    const bool at_check = completion_.stage == ARSYNC_STAGE_CHECK && error_ == EINVAL;
    const bool is_there = completion_.stage == ARSYNC_STAGE_OPEN_DESTINATION &&
                          (error_ == EEXIST || error_ == EISDIR);
    return options_.replace == ARSYNC_REPLACE_EXCLUSIVE && !is_directory() &&
           (at_check || is_there);
}

// Whether what was come upon in a tree is what the tree is copied to.
bool Failure::is_its_destination() const {
    struct stat found;
    struct stat top;
    return source_.look(found, true) == 0 && top_.look(top, true) == 0 &&
           found.st_dev == top.st_dev && found.st_ino == top.st_ino;
}

// Where it cannot even be asked what is at the destination.
std::string Failure::unseen() const {
    struct stat status;
    int error = is_top_ ? destination_.look(status, false) : 0;
    if (is_top_ && error == 0 && S_ISLNK(status.st_mode) && !wants(ARSYNC_COPY_FORCE))
        error = destination_.look(status, true);
    return error == 0 || error == ENOENT ? "" : because("cannot stat $d", error);
}

// Not being able to ask for its kind and not being able to open it are one stage, and two
// sentences.
std::string Failure::opening() const {
    struct stat status;
    const int error = source_.look(status, follows());
    if (error != 0 && error == error_)
        return because("cannot stat $s", error_);
    const bool is_one = is_directory() || (error == 0 && S_ISDIR(status.st_mode));
    return because(is_one ? "cannot access $s" : "cannot open $s for reading", error_);
}

std::string Failure::opening_destination() const {
    // In a tree, or in the way of a link; for a file it has been said before it was tried.
    if (error_ == EISDIR && (!destination_.name.ends_with('/') || S_ISDIR(destination_.mode())))
        return "cannot overwrite directory $d with non-directory";
    if (std::string why = unseen(); !why.empty())
        return why;
    if (error_ == ENOENT && S_ISLNK(destination_.mode()))
        return "not writing through dangling symlink $d";
    // Only a directory may have a slash after its name, and this was to be a file.
    return making(error_ == EISDIR ? ENOTDIR : error_);
}

std::string Failure::making(int error) const {
    if (wants(ARSYNC_COPY_SYMBOLIC_LINK))
        return because("cannot create symbolic link $d to $s", error);
    if (wants(ARSYNC_COPY_HARD_LINK))
        return because("cannot create hard link $d to $s", error);
    if (completion_.action == ARSYNC_ACTION_HARD_LINK)
        return because("cannot create hard link $d", error);
    const mode_t kind = source_.mode(follows()) & S_IFMT;
    if (kind == S_IFLNK)
        return because("cannot create symbolic link $d", error);
    const bool made = !wants(ARSYNC_COPY_SPECIAL); // and not read
    if (kind == S_IFIFO && made)
        return because("cannot create fifo $d", error);
    if (made && (kind == S_IFSOCK || kind == S_IFBLK || kind == S_IFCHR))
        return because("cannot create special file $d", error);
    return because("cannot create regular file $d", error);
}

std::string Failure::making_directory() const {
    // ENOENT: a symbolic link to nothing, with ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK.
    if ((error_ == ENOTDIR || error_ == ENOENT) && destination_.mode() != 0)
        return "cannot overwrite non-directory $d with directory $s";
    if (std::string why = unseen(); !why.empty())
        return why;
    if (completion_.action == ARSYNC_ACTION_HARD_LINK) // in what was made before
        return making(error_);
    return because("cannot create directory $d", error_);
}

std::string Failure::checking() const {
    if (error_ == EINVAL)
        return "$s and $d are the same file";
    if (error_ == EISDIR)
        return wants(ARSYNC_COPY_RECURSIVE) || has(ARSYNC_COMPLETION_AT_DESTINATION)
                   ? "cannot overwrite directory $d with non-directory"
                   : "omitting directory $s";
    if (error_ == ELOOP && options_.symlinks == ARSYNC_SYMLINKS_FOLLOW && !entry_.empty() &&
        !is_its_destination())
        return "cannot copy cyclic symbolic link $s";
    if (error_ == ELOOP)
        return wants(ARSYNC_COPY_MIRROR) ? "cannot mirror $S to $D: they have a directory in common"
                                         : "cannot copy a directory, $S, into itself, $D";
    // The library opens no socket. Whoever tries hears that there is no such device.
    if (error_ == EOPNOTSUPP && S_ISSOCK(source_.mode(true)))
        return because("cannot open $s for reading", ENXIO);
    return because("cannot copy $s to $d", error_);
}

// Of a directory on the way to an item. Nothing, where it is better told of what lies below it.
std::string Failure::on_the_way() const {
    const bool by_name = !wants(ARSYNC_COPY_BENEATH);
    if (completion_.stage == ARSYNC_STAGE_OPEN_SOURCE) {
        if (by_name)
            return because("failed to get attributes of $s", error_);
        const bool is_link = error_ != ENOENT && S_ISLNK(source_.mode());
        return is_link ? "cannot copy $S through the symbolic link $s" : "";
    }
    if (completion_.stage != ARSYNC_STAGE_MAKE_DIRECTORY)
        return at_stage();
    if (error_ == ENOTDIR || error_ == EEXIST)
        return "$d exists but is not a directory";
    return by_name ? because("cannot make directory $d", error_) : "";
}

std::string Failure::at_stage() const {
    for (const auto& [stage, text] : sentences)
        if (stage == completion_.stage)
            return because(text, error_);
    return because("cannot copy $s to $d", error_);
}

std::string Failure::describe() const {
    if (completion_.kind == ARSYNC_COMPLETION_WAY)
        return on_the_way();
    if (has(ARSYNC_COMPLETION_IN_MIRROR) && error_ == EEXIST)
        return "$o and $s cannot both be copied to $O";
    if (has(ARSYNC_COMPLETION_IN_MIRROR) && error_ == EOPNOTSUPP)
        return "cannot follow links in $S: they may lead into $O, which is to be like $o";
    if (has(ARSYNC_COMPLETION_IN_MIRROR))
        return has(ARSYNC_COMPLETION_AT_SOURCE) ? "$s would be lost in $O, which is to be like $o"
                                                : "$d would be lost in $O, which is to be like $o";
    if (has(ARSYNC_COMPLETION_JUST_CREATED))
        return error_ == ELOOP ? "will not copy $s through just-created symlink $d"
                               : "will not overwrite just-created $d with $s";
    if (is_refused())
        return "not replacing $d";
    switch (completion_.stage) {
    case ARSYNC_STAGE_OPEN_SOURCE:
        return opening();
    case ARSYNC_STAGE_OPEN_DESTINATION:
        return opening_destination();
    case ARSYNC_STAGE_LINK:
        if (error_ == EINVAL && wants(ARSYNC_COPY_SYMBOLIC_LINK))
            return "$d: can make relative symbolic links only in current directory";
        return making(error_);
    case ARSYNC_STAGE_MAKE_SPECIAL:
        return making(error_);
    case ARSYNC_STAGE_MAKE_DIRECTORY:
        return making_directory();
    case ARSYNC_STAGE_CHECK:
        return checking();
    case ARSYNC_STAGE_REMOVE:
        // What is extra was in doubt, and so nothing was removed.
        if (error_ == ESTALE && completion_.action != ARSYNC_ACTION_REMOVE)
            return "nothing removed from $d: $s was replaced while it was copied";
        if (error_ == EEXIST)
            return "nothing removed from $d: some of its names are others' in another spelling";
        return at_stage();
    case ARSYNC_STAGE_BACKUP:
        return error_ == EINVAL ? "backing up $d might destroy source;  $s not copied" : at_stage();
    case ARSYNC_STAGE_VERIFY:
        return error_ == EILSEQ ? "verification failed: $d does not read back as $s" : at_stage();
    case ARSYNC_STAGE_MEMORY:
        return "memory exhausted";
    default:
        return at_stage();
    }
}

// As "rwxr-sr-x".
std::string letters_of(mode_t mode) {
    std::string text = "rwxrwxrwx";
    for (unsigned i = 0; i < text.size(); ++i)
        if ((mode & (0400u >> i)) == 0)
            text[i] = '-';
    for (unsigned i = 0; i < 3; ++i)
        if (char& x = text[3 * i + 2]; (mode & (04000u >> i)) != 0)
            x = x == 'x' ? "sst"[i] : "SST"[i];
    return text;
}

// What is asked before something is replaced, which may not be writable.
std::string question_about(const arsync_completion& completion, const arsync_copy_options& options,
                           const Place& destination) {
    const mode_t mode = completion.details != nullptr ? completion.details->destination.mode : 0;
    if (S_ISLNK(mode) || geteuid() == 0 ||
        faccessat(destination.dirfd, destination.name.c_str(), W_OK, AT_EACCESS) == 0)
        return "overwrite $d? ";
    char octal[8];
    snprintf(octal, sizeof octal, "%04o", static_cast<unsigned>(mode & 07777));
    const bool is_removed =
        options.replace == ARSYNC_REPLACE_REMOVE || (options.flags & ARSYNC_COPY_FORCE) != 0;
    return is_removed ? std::string("replace $d, overriding mode ") + octal + " (" +
                            letters_of(mode) + ")? "
                      : std::string("unwritable $d (mode ") + octal + ", " + letters_of(mode) +
                            "); try anyway? ";
}

} // namespace

int arsync_describe(const arsync_completion* completion, const arsync_copy_options* options,
                    int src_dirfd, const char* src, int dst_dirfd, const char* dst, char* text,
                    size_t size) {
    if (completion == nullptr || (text == nullptr && size > 0))
        return -EFAULT;
    return uncancelled([&] {
        arsync_copy_options ours;
        Refusal refusal;
        if (const int error = check_and_copy_options(options, ours, refusal); error != 0)
            return error;
        const Place source{src_dirfd, src != nullptr ? src : "",
                           (ours.flags & ARSYNC_COPY_SRC_FD) != 0};
        const Place destination{dst_dirfd, dst != nullptr ? dst : "",
                                (ours.flags & ARSYNC_COPY_DST_FD) != 0};
        std::string said;
        if (completion->kind == ARSYNC_COMPLETION_QUESTION)
            said = question_about(*completion, ours, destination.below(entry_of(*completion)));
        else if (completion->result != 0)
            said = Failure(*completion, ours, source, destination).describe();
        give_text(said, text, size);
        return 0;
    });
}
