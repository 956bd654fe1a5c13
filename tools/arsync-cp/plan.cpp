#include "plan.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include "backup.h"
#include "failure.h"
#include "prompt.h"
#include "quote.h"
#include "same_file.h"

namespace cp {

namespace {

std::string because(int error) {
    return std::string(": ") + arsync_strerror(error);
}

// A link that an earlier source has made, or was copied through, may lead anywhere.
std::string not_through_link(const Entry& entry) {
    return "will not copy " + quote(entry.source.shown) + " through just-created symlink " +
           quote(entry.destination.shown);
}

// As the destination's filesystem keeps times: in the largest steps, of powers of ten, that its
// last change too could have been told in.
bool is_newer(const struct stat& source, const struct stat& there) {
    const timespec& a = source.st_mtim;
    const timespec& b = there.st_mtim;
    long step = 1;
    while (step < 1'000'000'000 && b.tv_nsec % (step * 10) == 0 &&
           there.st_ctim.tv_nsec % (step * 10) == 0)
        step *= 10;
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec - a.tv_nsec % step > b.tv_nsec;
}

// The library creates no file through a symbolic link; it overwrites one.
bool create_through_link(const Place& link, mode_t mode) {
    int fd = openat(link.dirfd, link.name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode & 0777);
    return fd >= 0 && close(fd) == 0;
}

} // namespace

bool is_working_directory(const struct stat& status) {
    struct stat here;
    return stat(".", &here) == 0 && id_of(here) == id_of(status);
}

bool links_from_here(const Entry& entry, const Options& options) {
    struct stat directory;
    if (entry.source.name.starts_with('/'))
        return true;
    // Where there is no directory, that is what is to be complained about; unless it will be made.
    if (!look_at_directory_of(entry.destination, directory))
        return !options.parents;
    return is_working_directory(directory);
}

std::string no_relative_link(const Place& destination) {
    return quote_if_needed(destination.shown) +
           ": can make relative symbolic links only in current directory";
}

bool remove_destination(Entry& entry, const Options& options, bool say_so) {
    std::string name = quote(entry.destination.shown);
    if (options.dry_run) {
        if (say_so)
            entry.chat("removed " + name + "\n");
        entry.removal_due = true;
        return true;
    }
    bool removed = unlinkat(entry.destination.dirfd, entry.destination.name.c_str(), 0) == 0;
    int error = removed ? 0 : errno;
    if (error == 0) {
        if (options.verbose && say_so)
            entry.chat("removed " + name + "\n");
    } else if (error != ENOENT) {
        entry.fail("cannot remove " + name + because(error));
        return false;
    }
    entry.destination_is_new = true;
    return true;
}

// What there is under the two names. Verdict::Copy means here: go on.
struct Planner::Found {
    struct stat source_link {};
    struct stat source {};
    struct stat destination_link {};
    struct stat destination {}; // what would be written into
    bool exists = false;
    bool dangles = false; // a symbolic link to nothing, to be followed

    bool destination_is_link() const { return exists && S_ISLNK(destination_link.st_mode); }
};

bool Planner::replaces_name(mode_t source_mode) const {
    bool makes_data = S_ISREG(source_mode) || (options.reads_specials() && !S_ISLNK(source_mode));
    return !makes_data || options.makes_links() || options.backup != BackupKind::None ||
           options.remove_destination || options.atomic();
}

bool Planner::goes_through_link(const Entry& entry, const Found& found) const {
    return found.destination_is_link() && !replaces_name(entry.source_mode);
}

Verdict Planner::look_at_source(Entry& entry, Found& found, bool idle) {
    int error = look_at_link(entry.source, found.source_link);
    found.source = found.source_link;
    bool is_link = error == 0 && S_ISLNK(found.source_link.st_mode) && options.follows(entry.named);
    // A name that is not there may be one that an earlier copy is about to make, and a symbolic
    // link may lead to such a file.
    if ((error != 0 || is_link) && !idle)
        return Verdict::Wait;
    if (is_link)
        error = look_through_link(entry.source, found.source);
    if (error != 0) {
        entry.fail("cannot stat " + quote(entry.source.shown) + because(error));
        return Verdict::Done;
    }
    if (S_ISDIR(found.source.st_mode) && !options.recursive) {
        entry.fail("-r not specified; omitting directory " + quote(entry.source.shown));
        return Verdict::Done;
    }
    entry.source_id = id_of(found.source);
    entry.is_tree = S_ISDIR(found.source.st_mode);
    entry.source_mode = found.source.st_mode;
    entry.size = S_ISREG(entry.source_mode) ? static_cast<uint64_t>(found.source.st_size) : 0;

    bool is_directory = S_ISDIR(entry.source_mode);
    bool keeps_links = options.preserve_links && !options.hard_links();
    bool has_several = found.source.st_nlink > 1 || options.follows(entry.named);
    entry.source_names = is_directory                 ? Names::Any
                         : keeps_links && has_several ? Names::Several
                                                      : Names::One;
    if (!idle && ledger.may_meet(entry.source_names))
        return Verdict::Wait;
    if (is_directory || !entry.named)
        return Verdict::Copy;
    bool awaited = ledger.is_written(entry.source_id) || ledger.is_recent(found.source) ||
                   (options.preserve_links && ledger.is_read(entry.source_id));
    if (!idle && awaited)
        return Verdict::Wait;
    bool repeats = !entry.source_checked && ledger.source_repeats(entry.source_id, entry.source);
    entry.source_checked = true;
    if (repeats && options.backup == BackupKind::None) {
        entry.complain("warning: source file " + quote(entry.source.shown) +
                       " specified more than once");
        entry.outcome = Outcome::Skipped;
        return Verdict::Done;
    }
    return Verdict::Copy;
}

Verdict Planner::look_at_destination(Entry& entry, Found& found, bool idle) {
    if (!idle && ledger.is_in_flight(entry.destination))
        return Verdict::Wait;
    int error = look_at_link(entry.destination, found.destination_link);
    found.destination = found.destination_link;
    bool is_followed = error == 0 && S_ISLNK(found.destination_link.st_mode) &&
                       !replaces_name(found.source.st_mode);
    if (is_followed) {
        if (!idle)
            return Verdict::Wait;
        error = look_through_link(entry.destination, found.destination);
        found.dangles = error == ENOENT;
        // With -f, opening such a link will fail, and then it is removed.
        if (error == ELOOP && options.force) {
            found.destination = {};
            error = 0;
        }
    }
    if (error != 0 && error != ENOENT) {
        entry.fail("cannot stat " + quote(entry.destination.shown) + because(error));
        return Verdict::Done;
    }
    found.exists = error == 0;
    if (S_ISDIR(entry.source_mode))
        return Verdict::Copy;
    // A tree may hold what is written into as well.
    entry.destination_has_names = is_followed || found.destination.st_nlink > 1;
    if (!found.exists || idle)
        return Verdict::Copy;
    if (ledger.may_meet(entry.comes_upon()))
        return Verdict::Wait;
    FileId id = id_of(found.destination);
    bool awaited =
        ledger.is_read(id) || ledger.is_written(id) || ledger.is_recent(found.destination);
    return awaited ? Verdict::Wait : Verdict::Copy;
}

Verdict Planner::leave_newer(Entry& entry) {
    entry.outcome = Outcome::Skipped;
    if (!options.preserve_links || options.hard_links())
        return Verdict::Done;
    // It counts as a copy all the same: what is linked among the sources becomes linked here, even
    // if that takes the place of a newer file.
    const Place* first = ledger.first_copy(entry.source_id);
    if (first == nullptr) {
        ledger.remember_first_copy(entry.source_id, entry.destination);
        return Verdict::Done;
    }
    if (same_entry(*first, entry.destination))
        return Verdict::Done;
    entry.outcome = Outcome::Pending;
    entry.link_to = *first;
    return Verdict::Link;
}

Verdict Planner::ask_user(Entry& entry, const Found& found, bool idle) {
    if (options.clobber != Clobber::Ask || entry.allowed)
        return Verdict::Copy;
    // What came before is said before the question is put.
    if (!idle)
        return Verdict::Wait;
    entry.allowed = may_overwrite(entry.destination, found.destination.st_mode, options);
    if (entry.allowed)
        return Verdict::Copy;
    entry.outcome = Outcome::Skipped;
    return Verdict::Done;
}

Verdict Planner::judge_existing(Entry& entry, const Found& found, bool idle) {
    if (options.clobber == Clobber::Never) {
        entry.outcome = Outcome::Skipped;
        return Verdict::Done;
    }
    if (options.clobber == Clobber::Refuse) {
        entry.fail(not_replacing(entry.destination));
        return Verdict::Done;
    }
    std::string source = quote(entry.source.shown);
    std::string destination = quote(entry.destination.shown);
    Sameness sameness =
        compare_files({entry.source, found.source_link, found.source},
                      {entry.destination, found.destination_link, found.destination}, options,
                      options.follows(entry.named));
    if (sameness == Sameness::Destroyed) {
        entry.fail(source + " and " + destination + " are the same file");
        return Verdict::Done;
    }
    if (options.update && !is_newer(found.source, found.destination))
        return leave_newer(entry);
    if (Verdict answer = ask_user(entry, found, idle); answer != Verdict::Copy)
        return answer;
    if (sameness == Sameness::Done) {
        entry.outcome = Outcome::Skipped;
        return Verdict::Done;
    }
    bool is_directory = S_ISDIR(found.destination.st_mode);
    bool just_made = ledger.made(entry.destination) != Ledger::Made::Nothing;
    if (just_made && goes_through_link(entry, found))
        entry.fail(not_through_link(entry));
    else if (just_made && !is_directory && options.backup != BackupKind::Numbered)
        entry.fail(not_overwriting(entry.source, entry.destination));
    else if (is_directory)
        entry.fail("cannot overwrite directory " + destination + " with non-directory");
    return entry.outcome == Outcome::Failed ? Verdict::Done : Verdict::Copy;
}

// A dry run has made nothing that could be found; the ledger knows what would be there by now. What
// -u, -i and --skip-unchanged would have to ask the file itself stays untold.
Verdict Planner::judge_pretended(Entry& entry) const {
    bool asks_file = options.update || options.skip_unchanged || options.clobber == Clobber::Ask;
    if (asks_file || S_ISDIR(entry.source_mode) ||
        ledger.made(entry.destination) != Ledger::Made::File)
        return Verdict::Copy;
    if (options.clobber == Clobber::Never)
        entry.outcome = Outcome::Skipped;
    else if (options.clobber == Clobber::Refuse)
        entry.fail(not_replacing(entry.destination));
    else if (options.backup != BackupKind::Numbered)
        entry.fail(not_overwriting(entry.source, entry.destination));
    return entry.outcome == Outcome::Pending ? Verdict::Copy : Verdict::Done;
}

Verdict Planner::put_destination_aside(Entry& entry, const Found& found, bool idle) {
    if (!idle && ledger.is_backup_in_flight(entry.destination, options.backup_suffix))
        return Verdict::Wait;
    std::string destination = quote(entry.destination.shown);
    Place simple = entry.destination;
    simple.name += options.backup_suffix;
    struct stat old_backup;
    if (options.backup != BackupKind::Numbered && look_at_link(simple, old_backup) == 0) {
        FileId id = id_of(old_backup);
        if (!idle && (ledger.is_read(id) || ledger.is_written(id) || ledger.is_recent(old_backup)))
            return Verdict::Wait;
        if (id == id_of(found.source) && base_name(entry.source.name) == base_name(simple.name)) {
            entry.fail("backing up " + destination + " might destroy source;  " +
                       quote(entry.source.shown) + " not copied");
            return Verdict::Done;
        }
    }
    if (options.dry_run) {
        std::optional<Backup> next =
            next_backup(entry.destination, options.backup, options.backup_suffix);
        entry.backup = next ? std::optional<Place>(next->place) : std::nullopt;
        entry.removal_due = true;
        return Verdict::Copy;
    }
    Aside how = options.atomic() ? Aside::Link : Aside::Rename;
    entry.backup = put_aside(entry.destination, options.backup, options.backup_suffix, how);
    int error = entry.backup ? 0 : errno;
    if (error != 0 && error != ENOENT) {
        entry.fail("cannot backup " + destination + because(error));
        return Verdict::Done;
    }
    entry.destination_is_new = !(entry.backup && how == Aside::Link);
    return Verdict::Copy;
}

Verdict Planner::clear_destination(Entry& entry, const Found& found, bool idle) {
    if (options.backup != BackupKind::None)
        return put_destination_aside(entry, found, idle);
    if (options.atomic())
        return Verdict::Copy;
    bool copies_data = (options.copy.flags & ARSYNC_COPY_ATTRIBUTES_ONLY) == 0;
    // A name that shares its file with others is set free, or links that are not in the source
    // would be kept up. A kept link, or what is made anew, can only take an empty place.
    bool breaks_link = options.preserve_links && found.destination.st_nlink > 1;
    bool makes_anew = !options.follows(entry.named) && !S_ISREG(entry.source_mode);
    bool told = options.remove_destination || (copies_data && (breaks_link || makes_anew));
    if (!told && !options.links_replace())
        return Verdict::Copy;
    // A link that cannot be made must not cost what it would replace; the library sees to it.
    if (options.makes_links()) {
        if (told && options.verbose)
            entry.chat("removed " + quote(entry.destination.shown) + "\n");
        entry.removal_due = true;
        return Verdict::Copy;
    }
    return remove_destination(entry, options, told) ? Verdict::Copy : Verdict::Done;
}

Verdict Planner::plan_tree(Entry& entry, const Found& found, bool idle) {
    std::string source = quote(entry.source.shown);
    std::string destination = quote(entry.destination.shown);
    if (found.exists) {
        bool same = id_of(found.source) == id_of(found.destination);
        bool is_directory = S_ISDIR(found.destination.st_mode);
        struct stat target;
        if (!is_directory && (options.copy.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0)
            is_directory =
                look_through_link(entry.destination, target) == 0 && S_ISDIR(target.st_mode);
        if (same && (options.clobber == Clobber::Never || options.hard_links())) {
            // All that is in it is there already.
            entry.outcome = Outcome::Skipped;
            return Verdict::Done;
        }
        if (same)
            entry.fail(source + " and " + destination + " are the same file");
        else if (!is_directory)
            entry.fail("cannot overwrite non-directory " + destination + " with directory " +
                       source);
    }
    if (entry.outcome == Outcome::Failed)
        return Verdict::Done;
    const Place* earlier = ledger.first_copy(entry.source_id);
    if (earlier == nullptr) {
        ledger.remember_first_copy(entry.source_id, entry.destination);
    } else if (!idle) {
        return Verdict::Wait; // the earlier one may fail yet, and then this is the first
    } else if (same_entry(*earlier, entry.destination)) {
        entry.complain("warning: source directory " + source + " specified more than once");
        entry.outcome = Outcome::Skipped;
        return Verdict::Done;
    } else if (!options.follows_named()) {
        entry.fail("will not create hard link " + destination + " to directory " +
                   quote(earlier->shown));
        return Verdict::Done;
    }
    return Verdict::Tree;
}

// POSIX wants the file that the link points to created; by default that is taken for an accident or
// an attack. false after a complaint.
bool Planner::end_dangling(Entry& entry, const Found& found) const {
    if (ledger.made(entry.destination) != Ledger::Made::Nothing) {
        entry.fail(not_through_link(entry));
        return false;
    }
    bool created =
        getenv("POSIXLY_CORRECT") != nullptr &&
        (options.dry_run || create_through_link(entry.destination, found.source.st_mode));
    if (!created)
        entry.fail("not writing through dangling symlink " + quote(entry.destination.shown));
    entry.destination_is_new = false;
    entry.through_link = true;
    return created;
}

// What the copy will write into, if that is not new.
void Planner::note_destination(Entry& entry, const Found& found) const {
    if (!found.exists || entry.destination_is_new)
        return;
    entry.through_link = goes_through_link(entry, found);
    entry.destination_id = id_of(found.destination);
}

Verdict Planner::plan(Entry& entry, bool idle) {
    Found found;
    Verdict verdict = look_at_source(entry, found, idle);
    if (verdict == Verdict::Copy)
        verdict = look_at_destination(entry, found, idle);
    entry.destination_is_new = !found.exists;
    if (verdict == Verdict::Copy && S_ISDIR(entry.source_mode))
        return plan_tree(entry, found, idle);
    if (verdict == Verdict::Copy && found.exists)
        verdict = judge_existing(entry, found, idle);
    else if (verdict == Verdict::Copy && options.dry_run)
        verdict = judge_pretended(entry);
    if (verdict == Verdict::Copy && options.skip_unchanged) {
        if (options.symbolic_links() && !links_from_here(entry, options)) {
            entry.fail(no_relative_link(entry.destination));
            return Verdict::Done;
        }
        if (found.dangles && !end_dangling(entry, found))
            return Verdict::Done;
        entry.is_tree = true;
        note_destination(entry, found);
        return Verdict::Tree;
    }
    if (verdict == Verdict::Copy && found.exists)
        verdict = clear_destination(entry, found, idle);
    if (verdict != Verdict::Copy)
        return verdict;

    note_destination(entry, found);
    if (options.verbose) {
        std::string line = quote(entry.source.shown) + " -> " + quote(entry.destination.shown);
        if (entry.backup)
            line += " (backup: " + quote(entry.backup->shown) + ")";
        entry.chat(line + "\n");
    }
    // With --parents the library links them, when it has made the directories.
    bool keeps_names = entry.source_names == Names::Several && !options.parents;
    if (const Place* first = keeps_names ? ledger.first_copy(entry.source_id) : nullptr) {
        entry.link_to = *first;
        return Verdict::Link;
    }
    if (options.symbolic_links() && !links_from_here(entry, options)) {
        entry.fail(no_relative_link(entry.destination));
        return Verdict::Done;
    }
    return found.dangles && !end_dangling(entry, found) ? Verdict::Done : Verdict::Copy;
}

} // namespace cp
