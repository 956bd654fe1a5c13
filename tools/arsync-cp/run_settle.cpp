// What comes back: completions, what becomes of their entries, and what is said about them.
#include "run.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backup.h"
#include "debug.h"
#include "failure.h"
#include "json.h"
#include "prompt.h"
#include "quote.h"
#include "say.h"
#include "tree.h"

namespace cp {

void Run::take_entry(Entry& tree, const arsync_completion& completion) {
    report_entry(tree, completion, options);
    failed = failed || tree.entry_failed;
}

// What came before is said before the question is put.
void Run::take_question(const Entry& entry, const arsync_completion& completion) {
    print_settled();
    if (stop_requested())
        return; // which has withdrawn it
    const arsync_details& details = *completion.details;
    Place destination = below(entry.destination, completion.path != nullptr ? completion.path : "");
    bool yes = may_overwrite(destination, details.destination.mode, options);
    arsync_answer(pool, details.question, yes ? ARSYNC_ANSWER_REPLACE : ARSYNC_ANSWER_SKIP);
}

void Run::keep_totals(Entry& entry, const arsync_completion& completion) {
    const arsync_totals* told =
        completion.details != nullptr ? completion.details->totals : nullptr;
    if (told == nullptr)
        return;
    if (entry.tells_of_refused && entry.totals) { // nothing else of a dry run counts
        entry.totals->entries = told->entries;
        entry.totals->errors = std::max(entry.totals->errors, entry.entry_errors);
        return;
    }
    arsync_totals& kept = entry.totals.emplace();
    memcpy(&kept, told, std::min<size_t>(sizeof kept, told->struct_size));
}

void Run::note_end(const Entry& entry, bool made) {
    auto how = entry.through_link ? Ledger::Made::ThroughLink : Ledger::Made::File;
    ledger.end(entry.source_id, entry.destination_id ? &*entry.destination_id : nullptr,
               entry.destination, entry.comes_upon(),
               made && entry.named ? how : Ledger::Made::Nothing);
}

void Run::settle_tree(Entry& entry, const arsync_completion& completion) {
    keep_totals(entry, completion);
    bool is_there = entry.totals && entry.totals->directories > 0;
    if (is_there && refuses_links(entry, options) && !entry.tells_of_refused && !stopping) {
        entry.tells_of_refused = true;
        if (submit(entry) == 0)
            return;
    }
    // What is no directory is the whole of its tree.
    if (entry.entries_told == 0 && completion.action != ARSYNC_ACTION_TREE &&
        completion.result != -ECANCELED && (completion.result != 0 || wants_all_entries(options))) {
        arsync_completion whole = completion;
        whole.path = "";
        take_entry(entry, whole);
    }
    bool untold = completion.result != 0 && completion.result != -ECANCELED &&
                  entry.entry_errors == 0 && !entry.entry_failed;
    // Of the directories on the way.
    bool lost = untold && attribute_of(completion.stage) != 0;
    if (untold && (!lost || loss_is_told(completion, options)))
        entry.complain(
            describe_failure({entry.source, entry.destination, entry}, completion, options));
    bool matters = untold && (!lost || loss_matters(completion, options));
    bool missed = entry.totals && entry.totals->errors > entry.entry_errors + (untold ? 1 : 0);
    if (completion.result == -ECANCELED)
        entry.outcome = Outcome::Cancelled;
    else if (matters || missed || entry.entry_failed)
        entry.outcome = Outcome::Failed;
    else
        entry.outcome = Outcome::Copied;
    if (entry.totals)
        entry.totals->errors = std::max<uint64_t>(entry.totals->errors, untold ? 1 : 0);
    entry.completion.details = nullptr;
    running--;
    descriptors_held -= entry.descriptors;
    if (entry.outcome == Outcome::Failed && (!entry.totals || entry.totals->directories == 0))
        ledger.forget_first_copy(entry.source_id, entry.destination);
    bool made = entry.outcome == Outcome::Copied && !S_ISDIR(entry.source_mode) &&
                completion.action != ARSYNC_ACTION_SKIP;
    note_end(entry, made);
    end(entry);
}

void Run::settle(Entry& entry, const arsync_completion& completion) {
    entry.job = 0;
    entry.completion = completion;
    if (entry.is_tree)
        return settle_tree(entry, completion);
    if (completion.result == 0 || is_copied(completion)) {
        succeed(entry, completion);
    } else if (completion.result == -ECANCELED) {
        entry.outcome = Outcome::Cancelled;
        undo_backup(entry);
    } else if (try_again(entry, completion)) {
        return;
    } else if (entry.outcome == Outcome::Pending) {
        entry.fail(describe_failure({entry.source, entry.destination, entry}, completion, options));
        undo_backup(entry);
    }
    running--;
    descriptors_held -= entry.descriptors;
    // What was linked may be replaced, as with cp.
    note_end(entry, entry.outcome == Outcome::Copied);
    end(entry);
}

// Whether the copy runs again, in another way. If not, the outcome may have been decided.
bool Run::try_again(Entry& entry, const arsync_completion& completion) {
    if (stopping)
        return false;
    bool not_opened = completion.stage == ARSYNC_STAGE_OPEN_DESTINATION;
    if (not_opened && completion.result == -EEXIST && options.clobber == Clobber::Never) {
        // Somebody else made it since we looked.
        entry.outcome = Outcome::Skipped;
        return false;
    }
    bool writes = S_ISREG(entry.source_mode) || options.reads_specials();
    if (not_opened && writes && options.force && !entry.destination_is_new && !options.atomic()) {
        if (!remove_destination(entry, options))
            return false;
        entry.through_link = false;
        return submit(entry) == 0;
    }
    return false;
}

void Run::succeed(Entry& entry, const arsync_completion& completion) {
    bool linked = link_set != 0 && completion.action == ARSYNC_ACTION_HARD_LINK;
    entry.outcome = linked ? Outcome::Linked : Outcome::Copied;
    totals.bytes += completion.bytes;
    totals.hole_bytes += completion.hole_bytes;
    // What was linked is not the first: that one is in a tree, and the library knows of it.
    if (options.preserve_links && !options.hard_links() && !linked)
        ledger.remember_first_copy(entry.source_id, entry.destination);
    if (linked && options.verbose && (completion.flags & ARSYNC_COMPLETION_REPLACED) != 0)
        entry.chat("removed " + quote(entry.destination.shown) + "\n");
    if (options.debug)
        entry.chat(describe_copy(completion));
    std::string warning = describe_warning(entry.source.shown, completion);
    if (!warning.empty())
        entry.complain(std::move(warning));
    bool shrank = (completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0;
    bool lost = completion.result != 0;
    if (lost && loss_is_told(completion, options))
        entry.complain(
            describe_failure({entry.source, entry.destination, entry}, completion, options));
    failed = failed || shrank || (lost && loss_matters(completion, options));
}

void Run::undo_backup(Entry& entry) {
    if (!entry.backup)
        return;
    if (options.dry_run) {
        entry.backup.reset();
        return;
    }
    Aside how = options.atomic() ? Aside::Link : Aside::Rename;
    int error = put_back(*entry.backup, entry.destination, how);
    if (error != 0)
        entry.complain("cannot un-backup " + quote(entry.destination.shown) + ": " +
                       arsync_strerror(error));
    else if (options.verbose)
        entry.chat(quote(entry.backup->shown) + " -> " + quote(entry.destination.shown) +
                   " (unbackup)\n");
    entry.backup.reset();
}

void Run::end(Entry& entry) {
    failed = failed || entry.outcome == Outcome::Failed;
    if (entry.totals)
        add_tree(totals, *entry.totals);
    else
        totals.outcomes[static_cast<size_t>(entry.outcome)]++;
    if (entry.counts_entries()) {
        trees_left -= entry.named ? 1 : 0;
        progress.end_tree(entry.totals ? entry.totals->entries : 0,
                          entry.totals ? entry.totals->bytes : 0);
    } else {
        uint64_t bytes = entry.totals ? entry.totals->bytes : entry.completion.bytes;
        progress.end_file(entry.size, entry.outcome == Outcome::Copied ? bytes : 0);
    }
}

void Run::print_lines(Entry& entry) {
    for (const Entry::Line& line : entry.lines) {
        switch (line.kind) {
        case Entry::Line::Kind::Chat:
            say(line.text);
            break;
        case Entry::Line::Kind::Complaint:
            complain(line.text);
            break;
        case Entry::Line::Kind::Script:
            say_to_script(line.text);
            break;
        }
    }
    entry.lines.clear();
}

void Run::print_settled() {
    while (!window.empty()) {
        Entry& first = window.front();
        print_lines(first);
        if (first.outcome == Outcome::Pending)
            return;
        if (options.json && !(first.is_tree && !first.named && first.totals))
            say_to_script(json_of(first));
        window.pop_front();
    }
}

} // namespace cp
