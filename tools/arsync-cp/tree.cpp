#include "tree.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

#include "debug.h"
#include "failure.h"
#include "json.h"
#include "plan.h"
#include "quote.h"
#include "say.h"
#include "whereabouts.h"

namespace cp {

namespace {

uint32_t backup_of(BackupKind kind) {
    switch (kind) {
    case BackupKind::Simple:
        return ARSYNC_BACKUP_SIMPLE;
    case BackupKind::Numbered:
        return ARSYNC_BACKUP_NUMBERED;
    case BackupKind::Existing:
        return ARSYNC_BACKUP_EXISTING;
    case BackupKind::None:
        break;
    }
    return ARSYNC_BACKUP_NONE;
}

uint32_t update_of(const Options& options) {
    if (options.clobber == Clobber::Never)
        return ARSYNC_UPDATE_NONE;
    if (options.clobber == Clobber::Ask)
        return options.update ? ARSYNC_UPDATE_ASK_OLDER : ARSYNC_UPDATE_ASK;
    if (options.skip_unchanged)
        return ARSYNC_UPDATE_CHANGED;
    return options.update ? ARSYNC_UPDATE_OLDER : ARSYNC_UPDATE_ALL;
}

bool is_directory(const arsync_completion& completion) {
    return (completion.flags & ARSYNC_COMPLETION_DIRECTORY) != 0 ||
           completion.action == ARSYNC_ACTION_MAKE_DIRECTORY ||
           completion.action == ARSYNC_ACTION_ENTER_DIRECTORY;
}

// A directory in a file's place, which nobody has asked to be overwritten: a complaint of the
// library, but not of cp.
bool is_left(const arsync_completion& completion, const Options& options) {
    return options.clobber == Clobber::Never && completion.result == -EISDIR &&
           (completion.stage == ARSYNC_STAGE_OPEN_DESTINATION ||
            completion.stage == ARSYNC_STAGE_CHECK);
}

// Links that say what the source is called lead there only from the working directory.
bool leads_there(const Entry& tree, std::string_view path) {
    struct stat directory;
    return path.find('/') == std::string_view::npos &&
           look_through_link(tree.destination, directory) == 0 && is_working_directory(directory);
}

bool directory_is_missing(const Place& place) {
    struct stat directory;
    return !look_at_directory_of(place, directory) && (errno == ENOENT || errno == ENOTDIR);
}

// Leaves out all but the directories, and the links that lead to their files.
std::string without_refused(const Entry& tree, const std::string& filter) {
    std::string only = leads_there(tree, "") ? "*\n!*/\n!/*\n" : "*\n!*/\n";
    // What was to be taken back in is taken back in if it is a directory.
    for (size_t begin = 0; begin < filter.size();) {
        size_t end = std::min(filter.find('\n', begin), filter.size());
        std::string line = filter.substr(begin, end - begin);
        bool files_too = line.starts_with('!') && !line.ends_with('/');
        only += line + (files_too ? "/\n" : "\n");
        begin = end + 1;
    }
    return only;
}

// cp names a file when it begins to copy it; what keeps it from beginning comes without a name.
bool was_begun(const arsync_completion& completion, const std::string& complaint) {
    if (completion.result == 0)
        return true;
    // One that may not be listed is made all the same.
    if (completion.action == ARSYNC_ACTION_MAKE_DIRECTORY)
        return completion.stage == ARSYNC_STAGE_LIST;
    if (is_directory(completion) || completion.action == ARSYNC_ACTION_REMOVE)
        return false;
    if (completion.result == -ECANCELED || completion.stage == ARSYNC_STAGE_CHECK)
        return false;
    for (const char* beginning : {"cannot stat ", "cannot access ", "cannot overwrite ",
                                  "cannot remove ", "cannot backup "})
        if (complaint.starts_with(beginning))
            return false;
    return true;
}

// Where what was there is now, or would be.
std::optional<Place> backup_made(const Subject& subject, const arsync_completion& completion) {
    if ((completion.flags & ARSYNC_COMPLETION_BACKED_UP) == 0)
        return std::nullopt;
    if (completion.details == nullptr || completion.details->backup == nullptr)
        return std::nullopt;
    auto renamed = [&](std::string_view path) {
        std::string_view base = base_name(path);
        return std::string(path.substr(0, static_cast<size_t>(base.data() - path.data()))) +
               completion.details->backup;
    };
    const Place& place = subject.destination;
    return Place{place.dirfd, renamed(place.name), renamed(place.shown)};
}

void announce(Entry& tree, const Subject& subject, const arsync_completion& completion,
              const std::optional<Place>& backup, const Options& options) {
    std::string destination = quote(subject.destination.shown);
    std::string line = quote(subject.source.shown) + " -> " + destination;
    bool replaced = (completion.flags & ARSYNC_COMPLETION_REPLACED) != 0 &&
                    (options.remove_destination || !options.links_replace());
    switch (completion.action) {
    case ARSYNC_ACTION_ENTER_DIRECTORY:
    case ARSYNC_ACTION_SKIP:
        return;
    case ARSYNC_ACTION_REMOVE:
        tree.chat("removed " + destination + "\n");
        return;
    default:
        break;
    }
    if (backup)
        line += " (backup: " + quote(backup->shown) + ")";
    if (replaced)
        tree.chat("removed " + destination + "\n");
    tree.chat(line + "\n");
}

} // namespace

bool wants_all_entries(const Options& options) {
    return options.verbose || options.json;
}

bool refuses_links(const Entry& tree, const Options& options) {
    return options.symbolic_links() && S_ISDIR(tree.source_mode) &&
           !tree.source.name.starts_with('/');
}

arsync_copy_options tree_options(Entry& tree, const Options& options) {
    arsync_copy_options copy = options.copy;
    copy.flags |= ARSYNC_COPY_RECURSIVE;
    if (options.force || options.links_replace())
        copy.flags |= ARSYNC_COPY_FORCE;
    if (options.reads_specials())
        copy.flags |= ARSYNC_COPY_SPECIAL;
    if (!options.continue_on_error)
        copy.flags |= ARSYNC_COPY_STOP_ON_ERROR;
    if (options.parents || !tree.named)
        copy.flags |= ARSYNC_COPY_PARENTS;
    // What is listed lies in the tree: links on the way would lead out of it.
    if (!tree.named)
        copy.flags |= ARSYNC_COPY_BENEATH;
    if (options.remove_destination && !options.atomic())
        copy.replace = ARSYNC_REPLACE_REMOVE;
    if (options.clobber == Clobber::Refuse)
        copy.replace = ARSYNC_REPLACE_EXCLUSIVE;
    copy.update = update_of(options);
    copy.backup = backup_of(options.backup);
    copy.backup_suffix = options.backup_suffix.c_str();
    copy.report = wants_all_entries(options) ? ARSYNC_REPORT_ALL : ARSYNC_REPORT_ERRORS;
    tree.filter = options.filter;
    // A listed directory is made; what is to be in it is for the list to say.
    if (!tree.named && !options.enters_listed)
        tree.filter = "*";
    tree.filter += tree.left_out;
    if (refuses_links(tree, options)) {
        copy.flags &= ~ARSYNC_COPY_MIRROR; // as where anything else has failed
        if (tree.tells_of_refused) {
            copy.flags |= ARSYNC_COPY_DRY_RUN;
            copy.report = ARSYNC_REPORT_ALL;
        } else {
            tree.filter = without_refused(tree, options.filter);
        }
    }
    copy.filter = tree.filter.empty() ? nullptr : tree.filter.c_str();
    return copy;
}

void report_entry(Entry& tree, const arsync_completion& completion, const Options& options) {
    if (tree.tells_of_refused && (is_directory(completion) || leads_there(tree, completion.path)))
        return;
    Subject subject{below(tree.source, completion.path), below(tree.destination, completion.path),
                    tree};
    // What has failed is told of, not what would have been in it.
    if (tree.tells_of_refused && !options.dry_run && directory_is_missing(subject.destination))
        return;
    tree.entries_told++;
    bool lost = completion.result != 0 && attribute_of(completion.stage) != 0;
    std::string complaint;
    if (completion.result != 0)
        tree.entry_errors++;
    if (is_left(completion, options))
        return;
    if (completion.result != 0 && completion.result != -ECANCELED) {
        if (!lost || loss_is_told(completion, options))
            complaint = describe_failure(subject, completion, options);
        tree.entry_failed = tree.entry_failed || !lost || loss_matters(completion, options);
    } else if (tree.tells_of_refused && completion.action != ARSYNC_ACTION_SKIP) {
        complaint = no_relative_link(subject.destination);
        tree.entry_failed = true;
        tree.entry_errors++;
    }
    std::string warning =
        completion.result == 0 ? describe_warning(subject.source.shown, completion) : "";
    if ((completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0)
        tree.entry_failed = true;

    std::optional<Place> backup;
    if (options.verbose || options.json)
        backup = backup_made(subject, completion);
    if (options.verbose && was_begun(completion, complaint))
        announce(tree, subject, completion, backup, options);
    if (options.debug && completion.result == 0 && completion.action == ARSYNC_ACTION_COPY)
        tree.chat(describe_copy(completion));
    for (std::string* text : {&complaint, &warning})
        if (!text->empty())
            tree.complain(*text);
    if (options.json)
        tree.tell_script(json_of_entry(subject.source.shown, subject.destination.shown, backup,
                                       completion, complaint));
}

bool is_entangled(const Place& source, int target_fd) {
    auto contains = [](const std::vector<FileId>& ids, const FileId& id) {
        return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    std::vector<FileId> above_target = directories_above(target_fd, ".");
    std::vector<FileId> above_source = directories_above(source.dirfd, source.name);
    if (above_source.empty() || above_target.empty())
        return true;
    return contains(above_target, above_source.front()) ||
           contains(above_source, above_target.front());
}

} // namespace cp
