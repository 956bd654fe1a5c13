// What there is to say of a completion.
#include <algorithm>
#include <cerrno>
#include <cinttypes>

#include "run.h"
#include "terminal.h"

namespace {

// cp does not quote these; but a terminal is not to be given any bytes.
std::string plain(const std::string& name) {
    const std::string quoted = quote(name);
    return quoted == "'" + name + "'" ? name : quoted;
}

class Report {
public:
    Report(Item& item, const arsync_completion& completion, const Options& options,
           const Operands& operands)
        : item_(item), done_(completion), options_(options), operands_(operands) {
        Pair subject = item.below(completion.path != nullptr ? completion.path : "");
        if (completion.kind == ARSYNC_COMPLETION_WAY) { // a beginning of the item's own
            subject = {completion.path, item.destination};
            const size_t rest = item.source.size() - subject.source.size();
            subject.destination.resize(subject.destination.size() - rest);
        }
        source_ = operands.shown_source(subject);
        destination_ = operands.shown_destination(subject);
        const arsync_details* details = completion.details;
        // A copy beside what was there has a name of its own, as with -f and -b onto itself.
        if (has(ARSYNC_COMPLETION_KEPT_BOTH) && details != nullptr && details->name != nullptr)
            destination_ = beside(destination_, details->name);
        if (details != nullptr && details->backup != nullptr)
            backup_ = beside(destination_, details->backup);
    }

    void tell_way() {
        if (done_.result != 0)
            item_.way_complaint = failure();
        else if (options_.parents && options_.verbose)
            say(plain(source_) + " -> " + plain(destination_) + "\n");
    }

    std::string question() const {
        arsync_copy_options options = options_.copy;
        // What gives way to a link without a word does so after a yes; nobody forces it.
        if (!options_.force)
            options.flags &= ~ARSYNC_COPY_FORCE;
        return sentence(options);
    }

    void tell_entry() {
        item_.errors += done_.result != 0 ? 1 : 0;
        tell();
    }

    Counts tell_end() {
        const bool is_tree = done_.action == ARSYNC_ACTION_TREE;
        const arsync_details* details = is_tree ? done_.details : nullptr;
        const arsync_totals* totals = details != nullptr ? details->totals : nullptr;
        Count outcome_of_it = outcome();
        if (is_tree) {
            // What no entry has told of.
            if (done_.result != 0 && item_.errors == 0 && !item_.failed)
                tell();
            const bool missed =
                totals != nullptr && totals->errors > std::max<uint64_t>(item_.errors, 1);
            if (outcome_of_it != cancelled)
                outcome_of_it = item_.failed || missed ? failed : copied;
        } else {
            tell();
        }
        Counts counts{};
        if (totals != nullptr) {
            const arsync_totals& t = *totals;
            counts = {t.files,    t.hard_links, t.skipped, t.errors,      0,
                      t.bytes,    t.hole_bytes, t.entries, t.directories, t.symlinks,
                      t.specials, t.removed,    t.errors};
        } else {
            counts[outcome_of_it] = 1;
            counts[bytes] = outcome_of_it == copied ? done_.bytes : 0;
            counts[hole_bytes] = outcome_of_it == copied ? done_.hole_bytes : 0;
            counts[entries] = operands_.listed() ? 1 : 0;
            counts[errors] = operands_.listed() && outcome_of_it == failed ? 1 : 0;
        }
        if (options_.json && !operands_.listed())
            tell_script(done_, operands_.shown_source(item_), operands_.shown_destination(item_),
                        count_names[outcome_of_it], item_.first_complaint);
        item_.failed = item_.failed || outcome_of_it == failed;
        return counts;
    }

private:
    bool has(uint32_t flag) const { return (done_.flags & flag) != 0; }
    bool is_item() const { return done_.kind == ARSYNC_COMPLETION_ITEM; }
    std::string source() const { return quote(source_); }
    std::string destination() const { return quote(destination_); }

    bool is_directory() const {
        return has(ARSYNC_COMPLETION_DIRECTORY) || done_.action == ARSYNC_ACTION_MAKE_DIRECTORY ||
               done_.action == ARSYNC_ACTION_ENTER_DIRECTORY;
    }

    bool lost_attribute() const {
        const uint32_t stage = done_.stage;
        return done_.result != 0 && ((stage >= ARSYNC_STAGE_OWNER && stage <= ARSYNC_STAGE_TIMES) ||
                                     stage == ARSYNC_STAGE_CONTEXT || stage == ARSYNC_STAGE_FLAGS);
    }

    // With names in the places of "$s" and the like.
    std::string fill(std::string_view text) const {
        std::string filled;
        for (size_t at = 0; at < text.size(); ++at) {
            if (text[at] != '$') {
                filled += text[at];
                continue;
            }
            const char which = text[++at];
            const std::string name = which == 's'   ? source_
                                     : which == 'd' ? destination_
                                     : which == 'S' ? operands_.shown_source(item_)
                                     : which == 'D' ? operands_.shown_destination(item_)
                                     : which == 'o' ? operands_.shown_source(*item_.mirror)
                                                    : operands_.shown_destination(*item_.mirror);
            // As cp does before what is no sentence.
            const bool bare = filled.empty() && text.substr(at + 1).starts_with(':');
            filled += bare ? quote(name, ARSYNC_QUOTE_IF_NEEDED) : quote(name);
        }
        return filled;
    }

    std::string failure() const {
        if (has(ARSYNC_COMPLETION_ON_THE_WAY) && !item_.way_complaint.empty())
            return item_.way_complaint;
        const std::string text = sentence(options_.copy);
        if (text.starts_with("omitting "))
            return "-r not specified; " + text;
        return (item_.mirror ? "with --mirror, " : "") + text;
    }

    // What the library calls it.
    std::string sentence(const arsync_copy_options& options) const {
        char text[256] = "";
        arsync_describe(&done_, &options, operands_.source_fd(), item_.source.c_str(),
                        operands_.target_fd(), item_.destination.c_str(), text, sizeof text);
        return fill(text);
    }

    // cp names a file when it begins to copy it; what keeps it from beginning comes without a name.
    bool was_begun(const std::string& complaint) const {
        if (done_.result == 0)
            return true;
        // One that may not be listed is made all the same.
        if (done_.action == ARSYNC_ACTION_MAKE_DIRECTORY)
            return done_.stage == ARSYNC_STAGE_LIST;
        if (is_directory() || done_.action == ARSYNC_ACTION_REMOVE)
            return false;
        const bool by_force = is_item() && options_.force && !options_.removes;
        if (complaint.starts_with("cannot open ") ||
            (by_force && complaint.starts_with("cannot remove ")))
            return true;
        if (done_.result == -ECANCELED || done_.stage == ARSYNC_STAGE_CHECK ||
            has(ARSYNC_COMPLETION_ON_THE_WAY))
            return false;
        constexpr std::array<std::string_view, 8> before = {
            "cannot stat ",   "cannot access ", "cannot overwrite ", "cannot remove ",
            "cannot backup ", "backing up ",    "not replacing ",    "will not "};
        return std::none_of(before.begin(), before.end(), [&](std::string_view beginning) {
            return complaint.starts_with(beginning);
        });
    }

    void complain_of(const std::string& message) {
        complain(message);
        if (item_.first_complaint.empty())
            item_.first_complaint = message;
    }

    void announce() {
        const std::string removed = "removed " + destination() + "\n";
        if (done_.action == ARSYNC_ACTION_REMOVE)
            return say(removed);
        const bool made_before = is_directory() && has(ARSYNC_COMPLETION_OWNER_LOST);
        if (done_.action == ARSYNC_ACTION_ENTER_DIRECTORY || done_.action == ARSYNC_ACTION_SKIP ||
            made_before)
            return;
        const bool untold = options_.links_replace || (options_.has(ARSYNC_COPY_ATTRIBUTES_ONLY) &&
                                                       done_.action != ARSYNC_ACTION_COPY);
        const bool replaced = has(ARSYNC_COMPLETION_REPLACED) && (options_.removes || !untold);
        // What gives way to force does so when it is met.
        const bool late = is_item() && done_.action == ARSYNC_ACTION_COPY && options_.force &&
                          !options_.removes &&
                          (options_.copy.preserve & ARSYNC_PRESERVE_LINKS) == 0;
        const std::string with_backup = backup_.empty() ? "" : " (backup: " + quote(backup_) + ")";
        say((replaced && !late ? removed : "") + source() + " -> " + destination() + with_backup +
            "\n" + (replaced && late ? removed : ""));
    }

    void describe_copy() {
        const auto noted = [&](uint32_t flag, const char* note) { return has(flag) ? note : ""; };
        say(format(
            "method: %s%s, reflink: %s, copy offload: %s, bytes: %" PRIu64
            ", of these in holes: %" PRIu64 "%s%s\n",
            arsync_method_name(done_.method),
            noted(ARSYNC_COMPLETION_FALLBACK, " (what was asked for could not be used)"),
            done_.method == ARSYNC_METHOD_REFLINK ? "yes" : "no",
            done_.method == ARSYNC_METHOD_COPY_FILE_RANGE ? "yes" : "no", done_.bytes,
            done_.hole_bytes,
            noted(ARSYNC_COMPLETION_OWNER_LOST, ", owner not kept for lack of privilege"),
            noted(ARSYNC_COMPLETION_VERIFIED_CACHED, ", verified in part from the page cache")));
    }

    // What there is to say of one thing that has ended.
    void tell() {
        const bool went_wrong = done_.result != 0 && done_.result != -ECANCELED;
        const bool matters = !has(ARSYNC_COMPLETION_NOT_REQUIRED);
        const bool is_told =
            matters || (!options_.reduce_diagnostics && done_.result != -EOPNOTSUPP);
        std::string complaint;
        if (went_wrong && is_told)
            complaint = failure();
        const bool repeated = !went_wrong && has(ARSYNC_COMPLETION_REPEATED);
        if (repeated)
            complaint = std::string("warning: source ") +
                        (is_directory() ? "directory " : "file ") + source() +
                        " specified more than once";
        const bool shrank = has(ARSYNC_COMPLETION_SOURCE_SHRANK);
        item_.failed = item_.failed || shrank || (went_wrong && matters);
        if (options_.verbose && was_begun(complaint))
            announce();
        if (options_.debug && done_.result == 0 && done_.action == ARSYNC_ACTION_COPY)
            describe_copy();
        if (!complaint.empty())
            complain_of(complaint);
        if (options_.verbose && !backup_.empty() && !has(ARSYNC_COMPLETION_BACKED_UP)) // put back
            say(quote(backup_) + " -> " + destination() + " (unbackup)\n");
        if (done_.result == 0 && (shrank || has(ARSYNC_COMPLETION_SOURCE_CHANGED)))
            complain_of("warning: " + source() + (shrank ? " became shorter" : " changed") +
                        " while it was copied");
        const bool is_named = is_item() && !operands_.listed();
        arsync_completion entry = done_;
        entry.kind = ARSYNC_COMPLETION_ENTRY; // as which a name of a list is told of
        if (!matters && complaint.empty())
            entry.result = 0;
        if (options_.json && done_.action != ARSYNC_ACTION_TREE && !is_named && done_.job != 0)
            tell_script(entry, source_, destination_, repeated ? "skipped" : nullptr, complaint);
    }

    // Without an outcome it is that of an entry.
    void tell_script(const arsync_completion& completion, const std::string& from,
                     const std::string& to, const char* outcome, const std::string& message) {
        const auto write = [&](char* text, size_t size) {
            return arsync_completion_json(&completion, from.c_str(), to.c_str(), outcome,
                                          message.c_str(), text, size);
        };
        say_to_script(text_of(write) + "\n");
    }

    Count outcome() const {
        if (done_.result == -ECANCELED)
            return cancelled;
        if (done_.result != 0 && !(has(ARSYNC_COMPLETION_COPIED) && lost_attribute()))
            return failed;
        if (done_.action == ARSYNC_ACTION_SKIP)
            return skipped;
        const bool asked_for = options_.has(ARSYNC_COPY_HARD_LINK);
        return done_.action == ARSYNC_ACTION_HARD_LINK && !asked_for ? linked : copied;
    }

    Item& item_;
    const arsync_completion& done_;
    const Options& options_;
    const Operands& operands_;
    std::string source_; // of what the completion is about, as it is shown, and so are these:
    std::string destination_;
    std::string backup_; // where what was there is now, or would be, or was for a while
};

} // namespace

void report(Item& item, const arsync_completion& completion, const Options& options,
            const Operands& operands, Counts& counts) {
    Report told(item, completion, options, operands);
    if (completion.kind == ARSYNC_COMPLETION_WAY)
        return told.tell_way();
    if (completion.kind == ARSYNC_COMPLETION_ENTRY)
        return told.tell_entry();
    const Counts of_item = told.tell_end();
    std::transform(counts.begin(), counts.end(), of_item.begin(), counts.begin(), std::plus<>());
}

std::string question(Item& item, const arsync_completion& completion, const Options& options,
                     const Operands& operands) {
    return Report(item, completion, options, operands).question();
}
