#include "report.h"

#include <cerrno>
#include <cinttypes>

#include "text.h"

namespace cp {

namespace {

bool has(const arsync_completion& completion, uint32_t flag) {
    return (completion.flags & flag) != 0;
}

bool lost_attribute(const arsync_completion& completion) {
    switch (completion.stage) {
    case ARSYNC_STAGE_OWNER:
    case ARSYNC_STAGE_XATTR:
    case ARSYNC_STAGE_MODE:
    case ARSYNC_STAGE_TIMES:
    case ARSYNC_STAGE_CONTEXT:
        return completion.result != 0;
    default:
        return false;
    }
}

bool loss_matters(const arsync_completion& completion, const Options& options) {
    const uint32_t attribute = completion.stage == ARSYNC_STAGE_XATTR     ? ARSYNC_PRESERVE_XATTR
                               : completion.stage == ARSYNC_STAGE_CONTEXT ? ARSYNC_PRESERVE_CONTEXT
                                                                          : 0;
    return attribute == 0 || (options.required & attribute) != 0;
}

bool loss_is_told(const arsync_completion& completion, const Options& options) {
    return loss_matters(completion, options) ||
           (!options.reduce_diagnostics && completion.result != -EOPNOTSUPP);
}

std::string describe_copy(const arsync_completion& completion) {
    const uint32_t method = completion.method;
    const auto noted = [&](uint32_t flag, const char* note) {
        return has(completion, flag) ? note : "";
    };
    return format(
        "method: %s%s, reflink: %s, copy offload: %s, bytes: %" PRIu64
        ", of these in holes: %" PRIu64 "%s%s\n",
        arsync_method_name(method),
        noted(ARSYNC_COMPLETION_FALLBACK, " (what was asked for could not be used)"),
        method == ARSYNC_METHOD_REFLINK ? "yes" : "no",
        method == ARSYNC_METHOD_COPY_FILE_RANGE ? "yes" : "no", completion.bytes,
        completion.hole_bytes,
        noted(ARSYNC_COMPLETION_OWNER_LOST, ", owner not kept for lack of privilege"),
        noted(ARSYNC_COMPLETION_VERIFIED_CACHED, ", verified in part from the page cache"));
}

// cp does not quote these; but a terminal is not to be given any bytes.
std::string plain(const std::string& name) {
    const std::string quoted = quote(name);
    return quoted == "'" + name + "'" ? name : quoted;
}

bool is_directory(const arsync_completion& completion) {
    return has(completion, ARSYNC_COMPLETION_DIRECTORY) ||
           completion.action == ARSYNC_ACTION_MAKE_DIRECTORY ||
           completion.action == ARSYNC_ACTION_ENTER_DIRECTORY;
}

// A directory in a file's place, which nobody has asked to be overwritten: a complaint of the
// library, but not of cp.
bool is_left(const arsync_completion& completion, const Options& options) {
    return options.clobber == Clobber::Never && completion.result == -EISDIR &&
           !has(completion, ARSYNC_COMPLETION_DIRECTORY) &&
           completion.stage == ARSYNC_STAGE_OPEN_DESTINATION;
}

// cp names a file when it begins to copy it; what keeps it from beginning comes without a name.
bool was_begun(const arsync_completion& completion, const std::string& complaint,
               const Options& options) {
    if (completion.result == 0)
        return true;
    // One that may not be listed is made all the same.
    if (completion.action == ARSYNC_ACTION_MAKE_DIRECTORY)
        return completion.stage == ARSYNC_STAGE_LIST;
    if (is_directory(completion) || completion.action == ARSYNC_ACTION_REMOVE)
        return false;
    const bool by_force =
        completion.kind == ARSYNC_COMPLETION_ITEM && options.force && !options.remove_destination;
    if (complaint.starts_with("cannot open ") ||
        (by_force && complaint.starts_with("cannot remove ")))
        return true;
    if (completion.result == -ECANCELED || completion.stage == ARSYNC_STAGE_CHECK ||
        has(completion, ARSYNC_COMPLETION_ON_THE_WAY))
        return false;
    for (const char* beginning :
         {"cannot stat ", "cannot access ", "cannot overwrite ", "cannot remove ", "cannot backup ",
          "backing up ", "not replacing ", "will not ", "-r not specified"})
        if (complaint.starts_with(beginning))
            return false;
    return true;
}

// Where what was there is now, or would be, or was for a while.
std::string backup_made(const Subject& subject, const arsync_completion& completion) {
    const arsync_details* details = completion.details;
    return details != nullptr && details->backup != nullptr
               ? subject.destination.beside(details->backup).shown
               : "";
}

void announce(Item& item, const Subject& subject, const arsync_completion& completion,
              const std::string& backup, const Options& options) {
    const std::string destination = quote(subject.destination.shown);
    const std::string removed = "removed " + destination + "\n";
    if (completion.action == ARSYNC_ACTION_REMOVE)
        return item.chat(removed);
    if (completion.action == ARSYNC_ACTION_ENTER_DIRECTORY ||
        completion.action == ARSYNC_ACTION_SKIP)
        return;
    const bool replaced = has(completion, ARSYNC_COMPLETION_REPLACED) &&
                          (options.remove_destination || !options.links_replace());
    // What gives way to force does so when it is met.
    const bool late = completion.kind == ARSYNC_COMPLETION_ITEM &&
                      completion.action == ARSYNC_ACTION_COPY && options.force &&
                      !options.remove_destination && !options.preserves_links();
    const std::string with_backup = backup.empty() ? "" : " (backup: " + quote(backup) + ")";
    item.chat((replaced && !late ? removed : "") + quote(subject.source.shown) + " -> " +
              destination + with_backup + "\n" + (replaced && late ? removed : ""));
}

std::string describe_change(const std::string& source, const arsync_completion& completion) {
    if (completion.result == 0 && has(completion, ARSYNC_COMPLETION_SOURCE_SHRANK))
        return "warning: " + quote(source) + " became shorter while it was copied";
    if (completion.result == 0 && has(completion, ARSYNC_COMPLETION_SOURCE_CHANGED))
        return "warning: " + quote(source) + " changed while it was copied";
    return "";
}

// What there is to say of one thing that has ended.
void tell(Item& item, const Subject& subject, const arsync_completion& completion,
          const std::string& backup, const Options& options) {
    const bool lost = lost_attribute(completion);
    const bool went_wrong = completion.result != 0 && completion.result != -ECANCELED;
    std::string complaint;
    if (went_wrong && (!lost || loss_is_told(completion, options)))
        complaint = describe_failure(subject, completion, options);
    else if (!went_wrong && has(completion, ARSYNC_COMPLETION_REPEATED))
        complaint = std::string("warning: source ") +
                    (is_directory(completion) ? "directory " : "file ") +
                    quote(subject.source.shown) + " specified more than once";
    item.failed = item.failed || has(completion, ARSYNC_COMPLETION_SOURCE_SHRANK) ||
                  (went_wrong && (!lost || loss_matters(completion, options)));
    if (options.verbose && was_begun(completion, complaint, options))
        announce(item, subject, completion, backup, options);
    if (options.debug && completion.result == 0 && completion.action == ARSYNC_ACTION_COPY)
        item.chat(describe_copy(completion));
    item.complain(complaint);
    const bool put_back = !backup.empty() && !has(completion, ARSYNC_COMPLETION_BACKED_UP);
    if (put_back && options.verbose)
        item.chat(quote(backup) + " -> " + quote(subject.destination.shown) + " (unbackup)\n");
    item.complain(describe_change(subject.source.shown, completion));
    const bool settles = completion.kind == ARSYNC_COMPLETION_ITEM;
    if (options.json && completion.action != ARSYNC_ACTION_TREE && !(settles && item.named))
        item.lines.push_back({Line::Kind::script, json_of(subject, settles ? item.backup : backup,
                                                          completion, complaint)});
}

Outcome outcome_of(const arsync_completion& completion, const Options& options) {
    if (completion.result == -ECANCELED)
        return Outcome::cancelled;
    const bool copied = has(completion, ARSYNC_COMPLETION_COPIED) && lost_attribute(completion);
    if (completion.result != 0 && !copied)
        return is_left(completion, options) ? Outcome::skipped : Outcome::failed;
    if (completion.action == ARSYNC_ACTION_SKIP)
        return Outcome::skipped;
    return completion.action == ARSYNC_ACTION_HARD_LINK && !options.hard_links() ? Outcome::linked
                                                                                 : Outcome::copied;
}

void settle_tree(Item& item, const arsync_completion& completion, const Options& options) {
    if (completion.details != nullptr && completion.details->totals != nullptr)
        item.totals = *completion.details->totals;
    // What no entry has told of.
    if (completion.result != 0 && item.entry_errors == 0 && !item.failed)
        tell(item, subject_of(item, completion), completion, "", options);
    const bool missed =
        item.totals && item.totals->errors > std::max<uint64_t>(item.entry_errors, 1);
    item.outcome = completion.result == -ECANCELED ? Outcome::cancelled
                   : item.failed || missed         ? Outcome::failed
                                                   : Outcome::copied;
}

} // namespace

void Item::complain(const std::string& message) {
    if (message.empty())
        return;
    lines.push_back({Line::Kind::complaint, message});
    if (first_complaint.empty())
        first_complaint = message;
}

Subject subject_of(const Item& item, const arsync_completion& completion) {
    const bool is_entry = completion.kind != ARSYNC_COMPLETION_ITEM && completion.path != nullptr;
    const char* path = is_entry ? completion.path : "";
    Subject subject{{item.source.below(path), item.destination.below(path)}, item};
    // A copy beside what was there has a name of its own.
    if (has(completion, ARSYNC_COMPLETION_KEPT_BOTH) && completion.details != nullptr &&
        completion.details->name != nullptr)
        subject.destination = subject.destination.beside(completion.details->name);
    return subject;
}

// It is a beginning of the item's own, and what is shown ends with that.
Subject way_of(const Item& item, const std::string& path) {
    const size_t slashes = item.source.name.size() - 1 - item.source.name.find_last_not_of('/');
    const size_t rest = item.source.name.size() - path.size();
    Subject way{item, item};
    way.source.name = path;
    way.source.shown.resize(way.source.shown.size() - rest);
    way.destination.shown.resize(way.destination.shown.size() - (rest - slashes));
    return way;
}

void report_entry(Item& item, const arsync_completion& completion, const Options& options) {
    const Subject subject = subject_of(item, completion);
    item.entry_errors += completion.result != 0 ? 1 : 0;
    if (!is_left(completion, options))
        tell(item, subject, completion, backup_made(subject, completion), options);
}

void report_way(Item& item, const arsync_completion& completion, const Options& options) {
    if (completion.result != 0) {
        item.on_way = completion;
        item.way = completion.path;
    } else if (options.parents && options.verbose) {
        const Subject way = way_of(item, completion.path);
        item.chat(plain(way.source.shown) + " -> " + plain(way.destination.shown) + "\n");
    }
}

void settle(Item& item, const arsync_completion& completion, const Options& options) {
    item.completion = completion;
    item.completion.details = nullptr;
    const Subject subject = subject_of(item, completion);
    const std::string backup = backup_made(subject, completion);
    if (has(completion, ARSYNC_COMPLETION_BACKED_UP))
        item.backup = backup;
    if (completion.action == ARSYNC_ACTION_TREE)
        return settle_tree(item, completion, options);
    item.outcome = outcome_of(completion, options);
    if (!is_left(completion, options))
        tell(item, subject, completion, backup, options);
}

void Totals::add(const Item& item) {
    const auto count = [&](Outcome outcome, uint64_t number) {
        outcomes[static_cast<size_t>(outcome)] += number;
    };
    if (!item.totals) {
        const bool copied = item.outcome == Outcome::copied;
        ++ended;
        count(item.outcome, 1);
        bytes += copied ? item.completion.bytes : 0;
        hole_bytes += copied ? item.completion.hole_bytes : 0;
        trees.entries += item.named ? 0 : 1;
        trees.errors += !item.named && item.outcome == Outcome::failed ? 1 : 0;
        return;
    }
    const arsync_totals& tree = *item.totals;
    count(Outcome::copied, tree.files);
    count(Outcome::linked, tree.hard_links);
    count(Outcome::skipped, tree.skipped);
    count(Outcome::failed, tree.errors);
    ended += tree.entries;
    bytes += tree.bytes;
    hole_bytes += tree.hole_bytes;
    trees.entries += tree.entries;
    trees.directories += tree.directories;
    trees.symlinks += tree.symlinks;
    trees.specials += tree.specials;
    trees.removed += tree.removed;
    trees.errors += tree.errors;
}

std::string describe_pool(const arsync_info& info, uint32_t flags_asked_for) {
    const auto with_reason = [](const char* reason) {
        return *reason == '\0' ? "" : std::string(" (") + reason + ")";
    };
    std::string text = format(
        "backend: %s%s\nworkers: %u of %u started, queue depth %u\nbuffers: %u of %s a worker; "
        "%u registered, %u refused%s\n",
        arsync_backend_name(info.backend), with_reason(info.backend_reason).c_str(),
        info.workers_started, info.workers, info.queue_depth, info.buffer_count,
        format_size(info.buffer_size).c_str(), info.buffers_registered, info.buffers_refused,
        with_reason(info.buffers_reason).c_str());
    const auto tell_switch = [&](const char* name, uint32_t flag, const char* reason) {
        if ((flags_asked_for & flag) != 0)
            text += std::string(name) +
                    ((info.flags & flag) != 0 ? ": in force" : ": not in force") +
                    with_reason(reason) + "\n";
    };
    tell_switch("sqpoll", ARSYNC_POOL_SQPOLL, info.sqpoll_reason);
    tell_switch("iopoll", ARSYNC_POOL_IOPOLL, info.iopoll_reason);
    if (info.kernel_features[0] != '\0')
        text += std::string("kernel features: ") + info.kernel_features + "\n";
    return text;
}

} // namespace cp
