// What a failure is called.
#include "report.h"

#include <cerrno>

#include "text.h"

namespace cp {

namespace {

// What cp says at each stage, of $s, the source, and $d, the destination.
constexpr struct {
    uint32_t stage;
    std::string_view text;
} sentences[] = {
    {ARSYNC_STAGE_LIST, "cannot access $s"},
    {ARSYNC_STAGE_READ_LINK, "cannot read symbolic link $s"},
    {ARSYNC_STAGE_MAKE_DIRECTORY, "cannot create directory $d"},
    {ARSYNC_STAGE_REMOVE, "cannot remove $d"},
    {ARSYNC_STAGE_BACKUP, "cannot backup $d"},
    {ARSYNC_STAGE_CONTEXT, "failed to set the security context of $d"},
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

// The file's mode; 0 if it cannot be seen any more.
mode_t mode_of(const Place& place, bool follow = false) {
    struct stat status;
    return place.look(status, follow) == 0 ? status.st_mode : 0;
}

// One failure, and the words for it.
class Failure {
public:
    Failure(const Subject& subject, const arsync_completion& completion, const Options& options)
        : subject_(subject), completion_(completion), options_(options), error_(-completion.result),
          is_item_(completion.kind == ARSYNC_COMPLETION_ITEM) {}
    std::string describe() const;

private:
    std::string fill(std::string_view text) const;
    // With what the system calls it.
    std::string because(std::string_view text, int error) const {
        return fill(text) + ": " + arsync_strerror(error);
    }
    bool has(uint32_t flag) const { return (completion_.flags & flag) != 0; }
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
    std::string lost_in_mirror() const;

    const Subject& subject_;
    const arsync_completion& completion_;
    const Options& options_;
    const int error_;
    const bool is_item_;
};

std::string Failure::fill(std::string_view text) const {
    std::string filled;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '$')
            filled += quote(text[++at] == 's' ? subject_.source.shown : subject_.destination.shown);
        else
            filled += text[at];
    }
    return filled;
}

bool Failure::is_directory() const {
    return has(ARSYNC_COMPLETION_DIRECTORY) || completion_.action == ARSYNC_ACTION_TREE ||
           completion_.action == ARSYNC_ACTION_MAKE_DIRECTORY ||
           completion_.action == ARSYNC_ACTION_ENTER_DIRECTORY;
}

// With --update=none-fail what is there stays, whatever else is wrong with it.
bool Failure::is_refused() const {
    const bool at_check = completion_.stage == ARSYNC_STAGE_CHECK && error_ == EINVAL;
    const bool is_there = completion_.stage == ARSYNC_STAGE_OPEN_DESTINATION &&
                          (error_ == EEXIST || error_ == EISDIR);
    return options_.clobber == Clobber::Refuse && !is_directory() && (at_check || is_there);
}

// Whether what was come upon in a tree is what the tree is copied to.
bool Failure::is_its_destination() const {
    struct stat found;
    struct stat top;
    return subject_.source.look(found, true) == 0 &&
           subject_.item.destination.look(top, true) == 0 && found.st_dev == top.st_dev &&
           found.st_ino == top.st_ino;
}

// Where it cannot even be asked what is at an item's destination.
std::string Failure::unseen() const {
    struct stat status;
    int error = is_item_ ? subject_.destination.look(status, false) : 0;
    if (is_item_ && error == 0 && S_ISLNK(status.st_mode) && !options_.force)
        error = subject_.destination.look(status, true);
    return error == 0 || error == ENOENT ? "" : because("cannot stat $d", error);
}

// Not being able to ask for its kind and not being able to open it are one stage for the library,
// and two messages of cp.
std::string Failure::opening() const {
    struct stat status;
    const int error = subject_.source.look(status, options_.follows(is_item_));
    // A file of the command line has been looked at before it was to be opened.
    if (error != 0 && error == error_)
        return because("cannot stat $s", error_);
    const bool is_one = is_directory() || (error == 0 && S_ISDIR(status.st_mode));
    return because(is_one ? "cannot access $s" : "cannot open $s for reading", error_);
}

std::string Failure::opening_destination() const {
    // In a tree, or in the way of a link; for a file it has been said before it was tried.
    if (error_ == EISDIR && !subject_.destination.name.ends_with('/'))
        return fill("cannot overwrite directory $d with non-directory");
    if (const std::string why = unseen(); !why.empty())
        return why;
    if (error_ == ENOENT && S_ISLNK(mode_of(subject_.destination)))
        return fill("not writing through dangling symlink $d");
    // Only a directory may have a slash after its name, and this was to be a file.
    return making(error_ == EISDIR ? ENOTDIR : error_);
}

std::string Failure::making(int error) const {
    if (options_.symbolic_links())
        return because("cannot create symbolic link $d to $s", error);
    if (options_.hard_links())
        return because("cannot create hard link $d to $s", error);
    if (completion_.action == ARSYNC_ACTION_HARD_LINK)
        return because("cannot create hard link $d", error);
    const mode_t kind = mode_of(subject_.source) & S_IFMT;
    if (kind == S_IFLNK && options_.dereference != Dereference::Always)
        return because("cannot create symbolic link $d", error);
    if (kind == S_IFIFO && !options_.reads_specials())
        return because("cannot create fifo $d", error);
    const bool is_special = kind == S_IFSOCK || kind == S_IFBLK || kind == S_IFCHR;
    if (is_special && !options_.reads_specials())
        return because("cannot create special file $d", error);
    return because("cannot create regular file $d", error);
}

std::string Failure::making_directory() const {
    // ENOENT: a symbolic link to nothing, with --keep-directory-symlink.
    if ((error_ == ENOTDIR || error_ == ENOENT) && mode_of(subject_.destination) != 0)
        return fill("cannot overwrite non-directory $d with directory $s");
    if (const std::string why = unseen(); !why.empty())
        return why;
    if (completion_.action == ARSYNC_ACTION_HARD_LINK) // in what was made before
        return making(error_);
    return because("cannot create directory $d", error_);
}

std::string Failure::checking() const {
    const std::string source = quote(subject_.item.source.shown);
    const std::string destination = quote(subject_.item.destination.shown);
    if (error_ == EINVAL)
        return fill("$s and $d are the same file");
    if (error_ == EISDIR && !options_.recursive && options_.files_from == nullptr)
        return fill("-r not specified; omitting directory $s");
    if (error_ == EISDIR)
        return fill("cannot overwrite directory $d with non-directory");
    if (error_ == ELOOP && options_.dereference == Dereference::Always &&
        subject_.source.shown != subject_.item.source.shown && !is_its_destination())
        return fill("cannot copy cyclic symbolic link $s");
    if (error_ == ELOOP && options_.has(ARSYNC_COPY_MIRROR))
        return "cannot mirror " + source + " to " + destination +
               ": they have a directory in common";
    if (error_ == ELOOP)
        return "cannot copy a directory, " + source + ", into itself, " + destination;
    // The library opens no socket. Whoever tries hears that there is no such device.
    if (error_ == EOPNOTSUPP && S_ISSOCK(mode_of(subject_.source, true)))
        return because("cannot open $s for reading", ENXIO);
    return because("cannot copy $s to $d", error_);
}

// What keeps the library from going the way to an item; empty: it is something else.
std::string Failure::on_the_way() const {
    if (!has(ARSYNC_COMPLETION_ON_THE_WAY) || !subject_.item.on_way)
        return "";
    const Subject way = way_of(subject_.item, subject_.item.way);
    const Failure there(way, completion_, options_);
    const bool at_source = completion_.stage == ARSYNC_STAGE_OPEN_SOURCE;
    if (at_source && options_.parents)
        return there.because("failed to get attributes of $s", error_);
    if (at_source && S_ISLNK(mode_of(way.source)) && error_ != ENOENT)
        return fill("cannot copy $s through the symbolic link ") + there.fill("$s");
    if (completion_.stage != ARSYNC_STAGE_MAKE_DIRECTORY)
        return "";
    if (error_ == ENOTDIR || error_ == EEXIST)
        return there.fill("$d exists but is not a directory");
    return options_.parents ? there.because("cannot make directory $d", error_) : "";
}

std::string Failure::lost_in_mirror() const {
    const std::string source = quote(subject_.item.mirror->source.shown);
    const std::string destination = quote(subject_.item.mirror->destination.shown);
    if (error_ == EEXIST)
        return "with --mirror, " + source + fill(" and $s cannot both be copied to ") + destination;
    return fill(has(ARSYNC_COMPLETION_AT_SOURCE) ? "with --mirror, $s would be lost in "
                                                 : "with --mirror, $d would be lost in ") +
           destination + ", which is to be like " + source;
}

std::string Failure::describe() const {
    if (const std::string way = on_the_way(); !way.empty())
        return way;
    if (subject_.item.mirror != nullptr)
        return lost_in_mirror();
    if (has(ARSYNC_COMPLETION_JUST_CREATED))
        return fill(error_ == ELOOP ? "will not copy $s through just-created symlink $d"
                                    : "will not overwrite just-created $d with $s");
    if (is_refused())
        return fill("not replacing $d");
    switch (completion_.stage) {
    case ARSYNC_STAGE_OPEN_SOURCE:
        return opening();
    case ARSYNC_STAGE_OPEN_DESTINATION:
        return opening_destination();
    case ARSYNC_STAGE_LINK:
        if (error_ == EINVAL && options_.symbolic_links())
            return quote_if_needed(subject_.destination.shown) +
                   ": can make relative symbolic links only in current directory";
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
            return fill("nothing removed from $d: $s was replaced while it was copied");
        if (error_ == EEXIST)
            return fill("nothing removed from $d: some of its names are others' in another "
                        "spelling");
        break;
    case ARSYNC_STAGE_BACKUP:
        if (error_ == EINVAL)
            return fill("backing up $d might destroy source;  $s not copied");
        break;
    case ARSYNC_STAGE_VERIFY:
        if (error_ == EILSEQ)
            return fill("verification failed: $d does not read back as $s");
        break;
    case ARSYNC_STAGE_MEMORY:
        return "memory exhausted";
    default:
        break;
    }
    for (const auto& [stage, text] : sentences)
        if (stage == completion_.stage)
            return because(text, error_);
    return because("cannot copy $s to $d", error_);
}

} // namespace

std::string describe_failure(const Subject& subject, const arsync_completion& completion,
                             const Options& options) {
    return Failure(subject, completion, options).describe();
}

} // namespace cp
