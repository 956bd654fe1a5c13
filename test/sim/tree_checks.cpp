#include "sim/tree_checks.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>

#include "sim/checks.h"
#include "sim/opening.h"
#include "sim/stages.h"
#include "sim/totals.h"

namespace arsync::sim {

namespace {

void check_totals(TreeSimulation& s) {
    const arsync_totals& want = s.expected().totals;
    const arsync_totals& got = s.totals();
    const auto same = [&](const char* what, uint64_t wanted, uint64_t found) {
        if (wanted != found)
            s.world.problem(std::string("totals: ") + what + " " + std::to_string(found) +
                            ", not " + std::to_string(wanted));
    };
    for (const auto& [what, field] : counted)
        if (is_plain_count(field))
            same(what, want.*field, got.*field);
    // A loss that may be another program's is the job's where it cannot be told from one.
    const bool not_its_own = s.scenario.world.others_lose && got.errors == want.errors + 1;
    if (!not_its_own)
        same("errors", want.errors, got.errors);
    if (!s.scenario.asks(ARSYNC_COPY_DRY_RUN)) // which does not look into what it would remove
        same("removed", want.removed, got.removed);
}

// Every entry once with REPORT_ALL, those that fail with REPORT_ERRORS.
void check_reports(TreeSimulation& s) {
    std::map<std::string, int> entries;
    std::set<std::string> removed;
    std::set<std::string> kept; // as both, which is told of in any case
    for (const TreeSimulation::Report& entry : s.reports()) {
        if ((entry.outcome.flags & ARSYNC_COMPLETION_KEPT_BOTH) != 0)
            kept.insert(entry.path);
        const bool removal = entry.outcome.action == ARSYNC_ACTION_REMOVE;
        if (removal ? !removed.insert(entry.path).second
                    : !entries.emplace(entry.path, entry.outcome.result).second)
            s.world.problem("reported twice: " + entry.path);
    }
    const uint32_t mode = s.scenario.options.report;
    std::map<std::string, int> wanted;
    for (const auto& [path, result] : s.expected().results)
        if (mode == ARSYNC_REPORT_ALL ||
            (mode == ARSYNC_REPORT_ERRORS && (result < 0 || kept.contains(path))))
            wanted.emplace(path, result);
    for (const auto& [path, result] : wanted)
        if (!entries.count(path))
            s.world.problem("not reported: " + path);
        else if (entries[path] != result)
            s.world.problem("reported with " + std::to_string(entries[path]) + ", not " +
                            std::to_string(result) + ": " + path);
    for (const auto& [path, _] : entries)
        if (!wanted.count(path))
            s.world.problem("reported, and should not be: " + path);
    if (mode == ARSYNC_REPORT_ALL && removed != s.expected().removed)
        s.world.problem("other removals were reported");
}

// What is said of each entry that ends well.
void check_ends(TreeSimulation& s) {
    constexpr uint32_t compared = ARSYNC_COMPLETION_DIRECTORY | ARSYNC_COMPLETION_REPLACED |
                                  ARSYNC_COMPLETION_BACKED_UP | ARSYNC_COMPLETION_KEPT_BOTH;
    for (const TreeSimulation::Report& entry : s.reports()) {
        const auto wanted = s.expected().ends.find(entry.path);
        const Outcome& got = entry.outcome;
        if (got.result < 0 || got.action == ARSYNC_ACTION_REMOVE ||
            wanted == s.expected().ends.end())
            continue;
        const EntryEnd& right = wanted->second;
        const bool linked = right.may_be_link && got.action == ARSYNC_ACTION_HARD_LINK;
        const auto wrong = [&](const char* what, uint64_t found, uint64_t not_this) {
            s.world.problem(std::string("reported with ") + what + " " + std::to_string(found) +
                            ", not " + std::to_string(not_this) + ": " + entry.path);
        };
        if (got.action != right.action && !linked)
            wrong("action", got.action, right.action);
        if ((got.flags & compared) != right.flags)
            wrong("flags", got.flags & compared, right.flags);
        const bool dry = s.scenario.asks(ARSYNC_COPY_DRY_RUN);
        const uint64_t bytes = linked ? 0 : right.bytes;
        if (got.bytes != bytes || got.hole_bytes > got.bytes)
            wrong("bytes", got.bytes, bytes);
        if ((got.method != ARSYNC_METHOD_AUTO) != (got.action == ARSYNC_ACTION_COPY && !dry))
            wrong("method", got.method, ARSYNC_METHOD_AUTO);
        if (got.stage != ARSYNC_STAGE_NONE)
            wrong("stage", got.stage, ARSYNC_STAGE_NONE);
        if (got.backup != right.backup || got.name != right.name)
            s.world.problem("reported with the names '" + got.backup + "' and '" + got.name +
                            "', not '" + right.backup + "' and '" + right.name +
                            "': " + entry.path);
    }
}

} // namespace

void check_copied(TreeSimulation& s) {
    for (const std::string& difference : s.differences_on(s.world.disk))
        s.world.problem("differs: " + difference);
}

void check_whole(TreeSimulation& s) {
    check_copied(s);
    check_totals(s);
    check_reports(s);
    check_ends(s);
    const bool fails = s.expected().totals.errors > 0 || s.totals().errors > 0;
    if ((s.outcome().result < 0) != fails)
        s.world.problem("the job's result is not that of its entries");
    if (!s.is_counted())
        s.world.problem("progress is not that of all entries and bytes");
}

// What the end of the job calls durable is there after a crash.
void check_durable(TreeSimulation& s) {
    if (s.scenario.options.durability == ARSYNC_DURABILITY_NONE ||
        s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        return;
    Random random(s.scenario.world.seed);
    const Disk recovered = s.world.disk.recover(Disk::Unsynced::lost, Disk::Unsynced::lost, random);
    for (const std::string& difference : s.lost_on(recovered))
        s.world.problem("after a crash: " + difference);
}

namespace {

// ---- faults ----

bool writes(const Step& step) {
    return !(step.flags & O_PATH) && (step.flags & O_ACCMODE) != O_RDONLY;
}

bool may_mean_no_such_access(int error) {
    return error == EPERM || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS;
}

// A link that is not followed is what is there in a directory's place.
bool is_given(const TreeSimulation& s, int error) {
    const bool of_link =
        error == ENOTDIR || (error == ENOENT && s.scenario.asks(ARSYNC_COPY_MIRROR));
    return s.faults.gave(error) || (of_link && s.faults.gave(ELOOP));
}

// Whether a copy may be whole though this step failed.
bool may_be_harmless(const TreeScenario& scenario, const Step& step, int error) {
    if (begins_anew(error))
        return true;
    switch (step.call) {
    case Call::close: // of what was only read, or was given up
        return !writes(step) || step.nameless;
    case Call::open: // looking upwards for the source, which ends at the first that may not be
        if (step.path == ".." || step.path == "out" || step.path == "out/")
            return true;
        if (is_temporary(step.flags)) // a name will do
            return true;
        if (may_mean_no_such_access(error) && writes(step))
            return true; // it need not be read, or is to be emptied as it is opened
        [[fallthrough]];
    case Call::open_beneath:
        if (step.aside) // to look where a file lies, which is opened again to be copied
            return true;
        // A mirror looks at the source anew before it removes, and if that is not what it was all
        // begins anew.
        if (error == ELOOP && step.subject == Subject::source && scenario.asks(ARSYNC_COPY_MIRROR))
            return true;
        if (error == EACCES && (step.flags & O_DIRECTORY)) // it need not be read, or not again
            return true;
        // To be synced, it may be opened to be written to.
        if (error == EACCES && !writes(step) && step.subject == Subject::destination &&
            scenario.options.durability != ARSYNC_DURABILITY_NONE &&
            (syncs_each(scenario) || scenario.world.others_lose))
            return true;
        [[fallthrough]];
    case Call::open_on_ring:
    case Call::reopen: // tried again when others have closed theirs
        if ((step.flags & O_PATH) && step.subject == Subject::destination &&
            goes_to_server(scenario) && scenario.asks(ARSYNC_COPY_VERIFY))
            return true; // it is open to be read already
        // To lift flags from what has a name already, which need not have any.
        if (step.call == Call::reopen && step.subject == Subject::destination &&
            scenario.preserves(ARSYNC_PRESERVE_FLAGS))
            return true;
        return error == EMFILE || error == ENFILE ||
               (error == ENAMETOOLONG && is_temporary_name(step.path));
    case Call::set_inode_flags: // then one by one, and what they are in the end is compared
        return true;
    case Call::make_special: // a shorter temporary name does
    case Call::make_symlink:
    case Call::make_link:
        return error == ENAMETOOLONG && is_temporary_name(step.path);
    case Call::write_now:
    case Call::write: // in order it may be taken
        if (goes_to_server(scenario) && !means_no_room(error))
            return true;
        [[fallthrough]];
    case Call::read:
        return must_survive(step, error) || is_tried_otherwise(scenario.options, step, error);
    case Call::inode_flags: // read a second time, of a directory; whether they are kept is seen
    case Call::project:
    case Call::sync_filesystem: // each file says for itself
    case Call::statx:           // a second look, or a kind that opening will tell too
    case Call::read_cached:     // the ring reads it
    case Call::seek:            // without holes
    case Call::copy_file_range: // before the first byte another method does
    case Call::allocate:        // only to have it in one piece, or zeros do
    case Call::write_back:      // sync does it
        return true;
    case Call::read_link: // where a source's path begins: not known is not known before, either
        return step.path.starts_with("/proc/");
    case Call::truncate: // opening it with O_TRUNC does
        return step.offset == 0;
    case Call::reflink:
        return error != EIO && error != ENOSPC;
    case Call::get_xattr: // an ACL that cannot be seen is taken to be there
        return step.subject == Subject::directory || means_no_attribute(error) ||
               (step.subject == Subject::destination && scenario.preserves(ARSYNC_PRESERVE_MODE));
    case Call::list_xattrs: // listed again when they are copied
        return step.subject == Subject::source || means_no_attribute(error);
    case Call::link:
        return denies_linking(error) || (error == ENAMETOOLONG && is_temporary_name(step.path));
    case Call::rename:
        return may_mean_no_such_rename(error);
    case Call::chmod: // where it has that mode already; or to have it narrow for a while
        return true;
    case Call::set_xattr: // what may not be written to is made so for a while
        return error == EACCES || (error == EPERM && scenario.preserves(ARSYNC_PRESERVE_OWNER));
    case Call::remove_xattr:
        // Somebody else has removed it, or it was not there.
        if (means_no_attribute(error) || error == EPERM)
            return true;
        [[fallthrough]];
    case Call::set_times: // what was given to another is taken back, and given in the end
        return (error == EACCES || error == EPERM) && scenario.preserves(ARSYNC_PRESERVE_OWNER);
    case Call::unlink: // of a temporary name that is gone already
        return is_temporary_name(step.path) ||
               (error == EPERM && step.subject == Subject::directory); // so POSIX says it is one
    case Call::chown: // an atomic replacement keeps the old owner if it may, and what is there has
                      // its new one before and after
        return !scenario.preserves(ARSYNC_PRESERVE_OWNER) ||
               (scenario.existing && step.subject == Subject::destination);
    default:
        return must_survive(step, error);
    }
}

bool is_above(const std::string& above, const std::string& path) {
    return path != above && (above.empty() || path.starts_with(above + "/"));
}

// Whether what is in a directory for which this was reported may be missing.
bool keeps_out(Stage stage) {
    return stage == ARSYNC_STAGE_OPEN_SOURCE || stage == ARSYNC_STAGE_MAKE_DIRECTORY ||
           stage == ARSYNC_STAGE_LIST || stage == ARSYNC_STAGE_CHECK;
}

bool is_explained(const TreeSimulation& s, const std::string& path) {
    for (const TreeSimulation::Report& entry : s.reports()) {
        // Extra ones stay; or what a directory was to replace does, and nothing is in that.
        const Inode* there = s.target(entry.path);
        const bool stays = entry.outcome.stage == ARSYNC_STAGE_REMOVE &&
                           (!s.wanted(path) || !there || !there->is_directory());
        const bool above = is_above(entry.path, path) && (keeps_out(entry.outcome.stage) || stays);
        if (entry.outcome.result < 0 && (entry.path == path || above))
            return true;
    }
    return false;
}

} // namespace

// Whatever was not reported is as it should be.
void check_others(TreeSimulation& s) {
    for (const auto& [path, result] : s.expected().results) {
        if (result < 0 || is_explained(s, path) || s.is_changed(path))
            continue;
        const Inode* right = s.wanted(path);
        const Inode* found = s.target(path);
        if (!found)
            s.world.problem("missing, and not reported: " + path);
        else if ((found->attributes.mode & S_IFMT) != (right->attributes.mode & S_IFMT) ||
                 !(found->content == right->content) || found->target != right->target)
            s.world.problem("wrong, and not reported: " + path);
    }
    for (const std::string& path : s.expected().removed)
        if (s.target(path) && !is_explained(s, path))
            s.world.problem("not removed, and not reported: " + path);
}

namespace {

// Whether an entry of this name cannot be copied anyway.
bool fails_by_itself(const TreeSimulation& s, const std::string& name) {
    for (const auto& [path, result] : s.expected().results)
        if (result < 0 && path.substr(path.rfind('/') + 1) == name)
            return true;
    return false;
}

// Before a directory gives way to a link or a special file one of these is made, to see whether it
// can be, and taken away again.
bool may_be_of_trial(const TreeSimulation& s, const Step& step) {
    if (!s.scenario.asks(ARSYNC_COPY_MIRROR) || step.subject != Subject::destination ||
        !(step.call == Call::remove_xattr || step.call == Call::set_xattr ||
          step.call == Call::set_times))
        return false;
    return std::any_of(s.expected().results.begin(), s.expected().results.end(),
                       [&](const auto& one) {
                           const Inode* const before = s.old(one.first);
                           const Inode* const after = s.wanted(one.first);
                           return before && after && before->is_directory() &&
                                  !after->is_directory() && !S_ISREG(after->attributes.mode);
                       });
}

bool lost_links_only(const TreeSimulation& s) {
    const std::vector<std::string> all = s.differences_on(s.world.disk);
    return !all.empty() && std::all_of(all.begin(), all.end(), [](const std::string& difference) {
        return difference.ends_with("is a name of another file");
    });
}

} // namespace

static bool is_excused(const TreeSimulation& s, const std::string& difference) {
    const auto is = [&](const char* text) { return difference.find(text) != std::string::npos; };
    return (is("has other extended attributes") && s.faults.says_no_attributes()) ||
           (is("has another label") && s.faults.hides_attributes()) ||
           (is("has file flags") && s.faults.says_none_of(Call::inode_flags)) ||
           (is("is of another project") && s.faults.says_none_of(Call::project));
}

void check_failure(TreeSimulation& s) {
    if (s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        check_copied(s); // that is, nothing was changed
    if (!s.failed_step()) {
        if (!s.scenario.asks(ARSYNC_COPY_DRY_RUN))
            check_copied(s);
        return;
    }
    if (s.totals().directories == 0) { // not even the roots
        if (s.totals().entries != 1 || s.totals().errors != 1)
            s.world.problem("the root is not counted as the one that failed");
        if (!is_given(s, -s.outcome().result))
            s.world.problem("the job's result is not the error");
        return;
    }
    uint64_t reported = 0;
    uint64_t failures = 0; // these, and those that fail by themselves
    for (const TreeSimulation::Report& entry : s.reports()) {
        failures += entry.outcome.result < 0;
        const auto expected = s.expected().results.find(entry.path);
        const bool by_itself = expected != s.expected().results.end() && expected->second < 0 &&
                               expected->second == entry.outcome.result;
        if (entry.outcome.result == 0 || by_itself)
            continue;
        ++reported;
        // What a server has forgotten is begun anew, where a part that was not to be removed is.
        const bool is_left_over =
            entry.outcome.result == -EEXIST && s.faults.gave(ESTALE) && s.faults.has(Call::unlink);
        if (!is_given(s, -entry.outcome.result) && !s.faults.says_lost(entry.outcome) &&
            !is_left_over)
            s.world.problem("reported as another error: " + entry.path);
        if (ran_out_of_descriptors(entry.outcome))
            s.world.problem("it ran out of descriptors, and failed");
    }
    // It may have been another program's loss: then each file was synced by itself.
    const bool sync_failed = s.faults.has(Call::sync_filesystem);
    // Of what is synced in the end it is the job's own, and so is a loss of which it is not known
    // whose it is.
    const bool may_be_own = s.scenario.options.durability != ARSYNC_DURABILITY_NONE &&
                            (s.scenario.world.others_lose || syncs_each(s.scenario));
    const bool own = may_be_own && s.totals().errors > failures;
    const bool synced = (sync_failed || own) && s.outcome().result < 0;
    if (sync_failed && s.outcome().result == 0 && !s.faults.several())
        check_durable(s);
    const bool noticed = reported > 0 || synced;
    if (reported > s.faults.happened().size())
        s.world.problem("more entries failed than calls");
    if (noticed && s.outcome().result >= 0)
        s.world.problem("the job says nothing of it");
    if (noticed && s.scenario.asks(ARSYNC_COPY_STOP_ON_ERROR))
        return;
    if (!noticed && lost_links_only(s))
        return; // the first copy was not found again
    // A file on a filesystem that is not known gets its size before, or else as it is written.
    const auto is_size_before = [&](const Step& step) {
        return step.call == Call::truncate &&
               (s.faults.has(Call::filesystem_type) ||
                is_server(s.scenario.world.filesystem_type) || goes_to_server(s.scenario));
    };
    for (const Failure& one : s.faults.happened())
        if (!noticed && !may_be_harmless(s.scenario, one.step, one.error) &&
            !is_size_before(one.step) && !fails_by_itself(s, one.step.path) &&
            !may_be_of_trial(s, one.step))
            s.world.problem("an error was dropped: " + name_of_result(-one.error) + " of " +
                            describe(one.step));
    if (!noticed)
        for (const std::string& difference : s.differences_on(s.world.disk))
            if (!is_excused(s, difference))
                s.world.problem("differs: " + difference);
    if (!noticed)
        return;
    if (!s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        check_others(s);
}

void check_after_cancel(TreeSimulation& s) {
    if (s.outcome().result != -ECANCELED)
        check_whole(s);
    if (s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        check_copied(s);
}

// As of a change, but that the source is what it was.
void check_after_lie(TreeSimulation& s) {
    const std::string path = s.changed().substr(3); // after "in/"
    const Inode* from = at_path(s.world.disk, s.source(), path);
    const Inode* found = s.target(path);
    if (!s.scenario.asks(ARSYNC_COPY_STOP_ON_ERROR) && !s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        check_others(s);
    if (found && found->is_file() && !s.existed(path) && !is_explained(s, path) &&
        !is_right_by_lie(s.world, found->content, from->content))
        s.world.problem("done, and not the source's content: " + path);
}

// Of what was changed it is there what it was, or what it has become.
void check_after_change(TreeSimulation& s) {
    if (s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        return;
    const bool stops = s.scenario.asks(ARSYNC_COPY_STOP_ON_ERROR) && s.outcome().result < 0;
    if (!stops)
        check_others(s);
    for (const auto& [path, result] : s.expected().results) {
        const Inode* right = s.wanted(path);
        const Inode* found = s.target(path);
        const bool new_one = found && found->is_file() && !s.existed(path);
        if ("in/" + path != s.changed() || !right || !right->is_file() || !new_one ||
            is_explained(s, path))
            continue;
        const Inode* from = at_path(s.world.disk, s.source(), path);
        Content cut = right->content;
        cut.resize(std::min(cut.size(), found->content.size()));
        const bool is_cut = found->content == cut && (!from || cut.size() >= from->content.size());
        const bool is_old = found->content == right->content;
        if (!is_old && !is_cut && !(from && found->content == from->content))
            s.world.problem("neither what it was nor what it is: " + path);
    }
}

void check_after_damage(TreeSimulation& s) {
    const bool cached = (s.outcome().flags & ARSYNC_COMPLETION_VERIFIED_CACHED) != 0;
    if (!s.scenario.asks(ARSYNC_COPY_VERIFY) || cached || s.outcome().result == -ECANCELED)
        return;
    for (const auto& [path, result] : s.expected().results) {
        const Inode* right = s.wanted(path);
        const Inode* found = s.target(path);
        const bool damaged = found && found->number == s.world.damaged_inode;
        if (result == 0 && damaged && right && right->is_file() && !is_explained(s, path) &&
            !s.is_changed(path) && !(World::on_device(*found) == right->content))
            s.world.problem("damaged, and not said to be: " + path);
    }
}

namespace {

std::string folded(std::string path) {
    for (char& c : path)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return path;
}

} // namespace

void check_folded(TreeSimulation& s) {
    check_others(s);
    std::map<std::string, std::vector<std::string>> one_there;
    for (const auto& [path, result] : s.expected().results)
        one_there[folded(path)].push_back(path);
    for (const auto& [name, paths] : one_there) {
        const auto unexplained = [&](const std::string& path) { return !is_explained(s, path); };
        if (std::count_if(paths.begin(), paths.end(), unexplained) > 1)
            s.world.problem("more than one name has become " + name);
    }
    bool fails = false;
    for (const TreeSimulation::Report& entry : s.reports()) {
        const auto expected = s.expected().results.find(entry.path);
        const bool by_itself = expected != s.expected().results.end() && expected->second < 0;
        fails = fails || entry.outcome.result < 0;
        const bool is_second =
            entry.outcome.result == -EEXIST && one_there[folded(entry.path)].size() > 1;
        if (entry.outcome.result < 0 && !by_itself && !is_second && !s.scenario.existing)
            s.world.problem("fails, and is alone by its name: " + entry.path);
    }
    if (fails != (s.outcome().result < 0))
        s.world.problem("the job's result is not that of its entries");
}

void check_result(TreeSimulation& s) {
    const bool any_event = s.world.crashed() || s.world.damaged || !s.changed().empty() ||
                           s.was_cancelled() || s.failed_step();
    if (s.scenario.folds) {
        if (!any_event)
            check_folded(s);
        return;
    }
    if (s.world.crashed())
        check_after_crash(s);
    else if (s.world.damaged)
        check_after_damage(s);
    else if (s.lie != Lie::none && !s.changed().empty()) {
        if (!s.was_cancelled() && !s.failed_step() && s.change_at == never)
            check_after_lie(s);
    } else if (!s.changed().empty() && (s.was_cancelled() || s.failed_step()))
        return; // what holds of both is what always does
    else if (!s.changed().empty())
        check_after_change(s);
    else if (s.was_cancelled() && (s.outcome().result == -ECANCELED || !s.failed_step()))
        check_after_cancel(s);
    else if (s.failed_step())
        check_failure(s);
    else
        check_whole(s);
    if (!s.world.crashed() && !s.was_cancelled() && !s.failed_step() && s.changed().empty() &&
        !s.world.damaged)
        check_durable(s);
}

} // namespace arsync::sim
