#include "report.h"

#include <algorithm>
#include <cerrno>

#include "json.h"
#include "quote.h"
#include "sizes.h"

namespace cp {

namespace {

uint32_t attribute_of(uint32_t stage) {
    switch (stage) {
    case ARSYNC_STAGE_OWNER:
        return ARSYNC_PRESERVE_OWNER;
    case ARSYNC_STAGE_XATTR:
        return ARSYNC_PRESERVE_XATTR;
    case ARSYNC_STAGE_MODE:
        return ARSYNC_PRESERVE_MODE;
    case ARSYNC_STAGE_TIMES:
        return ARSYNC_PRESERVE_TIMES;
    case ARSYNC_STAGE_CONTEXT:
        return ARSYNC_PRESERVE_CONTEXT;
    default:
        return 0;
    }
}

bool loss_matters(const arsync_completion& completion, const Options& options) {
    switch (completion.stage) {
    case ARSYNC_STAGE_XATTR:
        return options.xattr_required;
    case ARSYNC_STAGE_CONTEXT:
        return options.context_required;
    default:
        return true;
    }
}

bool loss_is_told(const arsync_completion& completion, const Options& options) {
    if (loss_matters(completion, options))
        return true;
    return !options.reduce_diagnostics && completion.result != -EOPNOTSUPP;
}

std::string describe_warning(const std::string& source, const arsync_completion& completion) {
    if ((completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0)
        return "warning: " + quote(source) + " became shorter while it was copied";
    if ((completion.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0)
        return "warning: " + quote(source) + " changed while it was copied";
    return "";
}

std::string with_reason(const char* reason) {
    return *reason == '\0' ? "" : std::string(" (") + reason + ")";
}

std::string describe_switch(const char* name, const arsync_info& info, uint32_t flags_asked_for,
                            uint32_t flag, const char* reason) {
    if ((flags_asked_for & flag) == 0)
        return "";
    bool in_force = (info.flags & flag) != 0;
    return std::string(name) + ": " + (in_force ? "in force" : "not in force") +
           with_reason(reason) + "\n";
}

std::string describe_copy(const arsync_completion& completion) {
    std::string text = "method: ";
    text += arsync_method_name(completion.method);
    if ((completion.flags & ARSYNC_COMPLETION_FALLBACK) != 0)
        text += " (what was asked for could not be used)";
    text += ", reflink: ";
    text += completion.method == ARSYNC_METHOD_REFLINK ? "yes" : "no";
    text += ", copy offload: ";
    text += completion.method == ARSYNC_METHOD_COPY_FILE_RANGE ? "yes" : "no";
    text += ", bytes: " + std::to_string(completion.bytes);
    text += ", of these in holes: " + std::to_string(completion.hole_bytes);
    if ((completion.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0)
        text += ", owner not kept for lack of privilege";
    if ((completion.flags & ARSYNC_COMPLETION_VERIFIED_CACHED) != 0)
        text += ", verified in part from the page cache";
    return text + "\n";
}

// cp does not quote these; but a terminal is not to be given any bytes.
std::string plain(const std::string& name) {
    std::string quoted = quote(name);
    return quoted == "'" + name + "'" ? name : quoted;
}

bool is_directory(const arsync_completion& completion) {
    return (completion.flags & ARSYNC_COMPLETION_DIRECTORY) != 0 ||
           completion.action == ARSYNC_ACTION_MAKE_DIRECTORY ||
           completion.action == ARSYNC_ACTION_ENTER_DIRECTORY;
}

bool is_copied(const arsync_completion& completion) {
    return (completion.flags & ARSYNC_COMPLETION_COPIED) != 0 &&
           attribute_of(completion.stage) != 0;
}

// A directory in a file's place, which nobody has asked to be overwritten: a complaint of the
// library, but not of cp.
bool is_left(const arsync_completion& completion, const Options& options) {
    return options.clobber == Clobber::Never && completion.result == -EISDIR &&
           (completion.flags & ARSYNC_COMPLETION_DIRECTORY) == 0 &&
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
    if (by_force && complaint.starts_with("cannot remove "))
        return true;
    if (complaint.starts_with("cannot open "))
        return true;
    if (completion.result == -ECANCELED || completion.stage == ARSYNC_STAGE_CHECK ||
        (completion.flags & ARSYNC_COMPLETION_ON_THE_WAY) != 0)
        return false;
    for (const char* beginning :
         {"cannot stat ", "cannot access ", "cannot overwrite ", "cannot remove ", "cannot backup ",
          "backing up ", "not replacing ", "will not ", "-r not specified"})
        if (complaint.starts_with(beginning))
            return false;
    return true;
}

// Where what was there is now, or would be, or was for a while.
std::optional<Place> backup_made(const Subject& subject, const arsync_completion& completion) {
    if (completion.details == nullptr || completion.details->backup == nullptr)
        return std::nullopt;
    return beside(subject.destination, completion.details->backup);
}

void announce(Item& item, const Subject& subject, const arsync_completion& completion,
              const std::optional<Place>& backup, const Options& options) {
    const std::string destination = quote(subject.destination.shown);
    const bool replaced = (completion.flags & ARSYNC_COMPLETION_REPLACED) != 0 &&
                          (options.remove_destination || !options.links_replace());
    switch (completion.action) {
    case ARSYNC_ACTION_ENTER_DIRECTORY:
    case ARSYNC_ACTION_SKIP:
        return;
    case ARSYNC_ACTION_REMOVE:
        item.chat("removed " + destination + "\n");
        return;
    default:
        break;
    }
    std::string line = quote(subject.source.shown) + " -> " + destination;
    if (backup)
        line += " (backup: " + quote(backup->shown) + ")";
    // What gives way to force does so when it is met.
    const bool late = completion.kind == ARSYNC_COMPLETION_ITEM &&
                      completion.action == ARSYNC_ACTION_COPY && options.force &&
                      !options.remove_destination && !options.preserve_links;
    if (replaced && !late)
        item.chat("removed " + destination + "\n");
    item.chat(line + "\n");
    if (replaced && late)
        item.chat("removed " + destination + "\n");
}

// What it says of one thing that has ended; the complaint.
std::string tell(Item& item, const Subject& subject, const arsync_completion& completion,
                 const std::optional<Place>& backup, const Options& options) {
    const bool lost = completion.result != 0 && attribute_of(completion.stage) != 0;
    std::string complaint;
    if (completion.result != 0 && completion.result != -ECANCELED) {
        if (!lost || loss_is_told(completion, options))
            complaint = describe_failure(subject, completion, options);
        item.failed = item.failed || !lost || loss_matters(completion, options);
    } else if ((completion.flags & ARSYNC_COMPLETION_REPEATED) != 0) {
        complaint = std::string("warning: source ") +
                    (is_directory(completion) ? "directory " : "file ") +
                    quote(subject.source.shown) + " specified more than once";
    }
    item.failed = item.failed || (completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0;
    if (options.verbose && was_begun(completion, complaint, options))
        announce(item, subject, completion, backup, options);
    if (options.debug && completion.result == 0 && completion.action == ARSYNC_ACTION_COPY)
        item.chat(describe_copy(completion));
    if (!complaint.empty())
        item.complain(complaint);
    const bool put_back = backup && (completion.flags & ARSYNC_COMPLETION_BACKED_UP) == 0;
    if (put_back && options.verbose)
        item.chat(quote(backup->shown) + " -> " + quote(subject.destination.shown) +
                  " (unbackup)\n");
    if (const std::string warning = describe_warning(subject.source.shown, completion);
        completion.result == 0 && !warning.empty())
        item.complain(warning);
    return complaint;
}

Outcome outcome_of(const arsync_completion& completion, const Options& options) {
    if (completion.result == -ECANCELED)
        return Outcome::cancelled;
    if (completion.result != 0 && !is_copied(completion))
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
    if (completion.result != 0 && completion.result != -ECANCELED && item.entry_errors == 0 &&
        !item.failed)
        tell(item, subject_of(item, completion), completion, std::nullopt, options);
    const bool missed =
        item.totals && item.totals->errors > std::max<uint64_t>(item.entry_errors, 1);
    if (completion.result == -ECANCELED)
        item.outcome = Outcome::cancelled;
    else
        item.outcome = item.failed || missed ? Outcome::failed : Outcome::copied;
}

} // namespace

const char* outcome_name(Outcome outcome) {
    switch (outcome) {
    case Outcome::copied:
        return "copied";
    case Outcome::linked:
        return "linked";
    case Outcome::skipped:
        return "skipped";
    case Outcome::failed:
        return "failed";
    case Outcome::cancelled:
        return "cancelled";
    case Outcome::pending:
        break;
    }
    return "pending";
}

void Item::complain(std::string message) {
    if (first_complaint.empty())
        first_complaint = message;
    lines.push_back({Line::Kind::complaint, std::move(message)});
}

Subject subject_of(const Item& item, const arsync_completion& completion) {
    const char* path = completion.kind == ARSYNC_COMPLETION_ITEM ? nullptr : completion.path;
    Subject subject{below(item.source, path != nullptr ? path : ""),
                    below(item.destination, path != nullptr ? path : ""), item};
    // A copy beside what was there has a name of its own.
    if ((completion.flags & ARSYNC_COMPLETION_KEPT_BOTH) != 0 && completion.details != nullptr &&
        completion.details->name != nullptr)
        subject.destination = beside(subject.destination, completion.details->name);
    return subject;
}

// The library tells the components of the path, and leaves out what leads nowhere.
Subject way_of(const Item& item, const std::string& path) {
    const auto wanted = static_cast<size_t>(std::count(path.begin(), path.end(), '/')) +
                        (path.starts_with('/') ? 0 : 1);
    // The beginning of a path that has as many components.
    const auto cut = [&](const std::string& text) {
        size_t at = text.find_first_not_of('/');
        for (size_t count = 0; at < text.size();) {
            const size_t end = std::min(text.find('/', at), text.size());
            count += text.compare(at, end - at, ".") != 0 ? 1 : 0;
            if (count == wanted)
                return text.substr(0, end);
            at = text.find_first_not_of('/', end);
        }
        return text;
    };
    const std::string& name = item.source.name;
    const std::string begin = cut(name);
    const std::string relative = begin.substr(std::min(begin.find_first_not_of('/'), begin.size()));
    const size_t shown = item.source.shown.size() - name.size();
    const std::string whole = name.substr(std::min(name.find_first_not_of('/'), name.size()));
    // Slashes at the end of an operand are not shown of its destination.
    const size_t top =
        item.destination.shown.size() -
        std::min(item.destination.shown.size(), whole.find_last_not_of('/') == std::string::npos
                                                    ? 0
                                                    : whole.find_last_not_of('/') + 1);
    Subject way{item.source, item.destination, item};
    way.source.name = begin;
    way.source.shown = item.source.shown.substr(0, shown) + begin;
    way.destination.shown = item.destination.shown.substr(0, top) + relative;
    way.destination.name = relative;
    return way;
}

void report_entry(Item& item, const arsync_completion& completion, const Options& options) {
    const Subject subject = subject_of(item, completion);
    item.entry_errors += completion.result != 0 ? 1 : 0;
    if (is_left(completion, options))
        return;
    const std::optional<Place> backup = backup_made(subject, completion);
    const std::string complaint = tell(item, subject, completion, backup, options);
    if (options.json)
        item.lines.push_back(
            {Line::Kind::script, json_of_entry(subject.source.shown, subject.destination.shown,
                                               backup, completion, complaint)});
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
    const std::optional<Place> backup = backup_made(subject, completion);
    if ((completion.flags & ARSYNC_COMPLETION_BACKED_UP) != 0)
        item.backup = backup;
    if (completion.action == ARSYNC_ACTION_TREE)
        return settle_tree(item, completion, options);
    item.outcome = outcome_of(completion, options);
    if (is_left(completion, options))
        return;
    const std::string complaint = tell(item, subject, completion, backup, options);
    if (options.json && !item.named)
        item.lines.push_back(
            {Line::Kind::script, json_of_entry(subject.source.shown, subject.destination.shown,
                                               item.backup, completion, complaint)});
}

std::string describe_pool(const arsync_info& info, uint32_t flags_asked_for) {
    std::string text = "backend: ";
    text.append(arsync_backend_name(info.backend)).append(with_reason(info.backend_reason));
    text.append("\nworkers: ").append(std::to_string(info.workers_started)).append(" of ");
    text.append(std::to_string(info.workers)).append(" started, queue depth ");
    text.append(std::to_string(info.queue_depth));
    text.append("\nbuffers: ").append(std::to_string(info.buffer_count)).append(" of ");
    text.append(format_size(info.buffer_size)).append(" a worker; ");
    text.append(std::to_string(info.buffers_registered)).append(" registered, ");
    text.append(std::to_string(info.buffers_refused)).append(" refused");
    text.append(with_reason(info.buffers_reason)).append("\n");
    text +=
        describe_switch("sqpoll", info, flags_asked_for, ARSYNC_POOL_SQPOLL, info.sqpoll_reason);
    text +=
        describe_switch("iopoll", info, flags_asked_for, ARSYNC_POOL_IOPOLL, info.iopoll_reason);
    if (info.kernel_features[0] != '\0')
        text.append("kernel features: ").append(info.kernel_features).append("\n");
    return text;
}

} // namespace cp
