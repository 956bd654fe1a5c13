#include "sim/tree_simulation.h"

#include <cerrno>
#include <fcntl.h>

#include "sim/changes.h"
#include "sim/opening.h"
#include "sim/stages.h"
#include "sim/totals.h"

namespace arsync::sim {

bool is_open(const Step& step) {
    return step.call == Call::open || step.call == Call::open_beneath ||
           step.call == Call::reopen || step.call == Call::open_on_ring;
}

static bool writes_to_old(const Step& step) {
    const bool writes = !(step.flags & O_PATH) && (step.flags & O_ACCMODE) != O_RDONLY;
    const bool makes = (step.flags & O_CREAT) || (step.flags & O_TMPFILE) == O_TMPFILE;
    return step.call == Call::open && step.subject == Subject::destination && writes && !makes;
}

static bool changes_names(const Step& step) {
    switch (step.call) {
    case Call::open:
        return (step.flags & O_CREAT) != 0;
    case Call::link:
    case Call::make_link:
    case Call::make_symlink:
    case Call::make_special:
    case Call::rename:
    case Call::unlink:
        return true;
    default:
        return false;
    }
}

TreeSimulation::TreeSimulation(const TreeScenario& what)
    : scenario(what), world(what.world),
      pool_(world, what.workers, what.buffer_count, what.buffer_size) {
    trees_ = build_trees(world, scenario);
    expected_ = expect_of(world, scenario, trees_);
    original_ = world.disk;
    if (trees_.target != 0)
        add_old_paths("");
    // A link's text that is relative leads to the source from the working directory alone.
    job_.what = FileCopy{AT_FDCWD, scenario.asks(ARSYNC_COPY_SYMBOLIC_LINK) ? "/in" : "in",
                         AT_FDCWD, "out/target"};
    job_.options = scenario.options;
    job_.options.struct_size = sizeof job_.options;
    job_.filter = Filter(scenario.filter);
    pool_.answer = [this](uint64_t, const std::string& path) { return answer_to(scenario, path); };
}

void TreeSimulation::run() {
    world.before = [this](const Step& step) { return before(step); };
    world.after = [this](const Step& step, int64_t) {
        if (changes_names(step))
            check_old();
    };
    if (lie != Lie::none) {
        Random random(scenario.world.seed + 3);
        changed_ = lie_about_something(world, random, lie);
    }
    pool_.run(job_);
    world.before = {};
    world.after = {};
    check_old();
    pool_.check_leaks();
    for (const int fd : world.open_descriptors())
        world.problem("left open: descriptor " + std::to_string(fd));
    for (const std::string& difference :
         sim::differences(changed_then_ ? *changed_then_ : *original_, trees_.source, world.disk,
                          trees_.source, everything))
        world.problem("the source was changed: " + difference);
    const Inode* top = target("");
    if (top && top->is_directory() && !world.crashed())
        check_names("", *top);
    if (trees_.target != 0)
        check_stayed("", original_->at(trees_.target));
    if (scenario.options.report == ARSYNC_REPORT_ALL) {
        check_sums();
        check_told();
    }
}

bool TreeSimulation::is_counted() const {
    const Control& control = job_.control;
    const Control::Counts& counts = control.counts();
    return counts.entries_done == counts.entries_total && counts.walking == 0 &&
           counts.errors == job_.totals.errors && control.bytes_done() == job_.totals.bytes &&
           control.bytes_total() == job_.totals.bytes;
}

int TreeSimulation::before(const Step& step) {
    check_open(world, step);
    if (step.index == crash_at)
        world.crash();
    if (step.index == cancel_at)
        cancel();
    if (step.index == pause_at)
        pool_.pause();
    if (step.index == change_at) {
        Random random(scenario.world.seed + change_at);
        changed_ = change_something(world, random);
        changed_then_ = world.disk;
    }
    if (meanwhile)
        if (const int error = meanwhile(step); error < 0)
            return error;
    if (scenario.unwritable && writes_to_old(step))
        return -EACCES;
    const bool fails = step.index == fail_at && can_fail_with(step, fail_with) &&
                       !(fail_with == EMFILE && !is_open(step));
    const int error = fails ? fail_with : faults.draw(step);
    if (error == 0)
        return 0;
    faults.note(step, error);
    if (!failed_step_) {
        failed_step_ = step;
        fail_with = error;
    }
    return -error;
}

const Inode* TreeSimulation::target_on(const Disk& disk, const std::string& path) const {
    return at_path(disk, trees_.above, path.empty() ? "target" : "target/" + path);
}

const Inode* TreeSimulation::old(const std::string& path) const {
    return trees_.target == 0 ? nullptr : at_path(*original_, trees_.target, path);
}

void TreeSimulation::add_old_paths(const std::string& path) {
    const Inode& inode = *old(path);
    if (!inode.is_directory())
        old_paths_.push_back(path);
    for (const auto& [name, _] : inode.names)
        add_old_paths(path.empty() ? name : path + "/" + name);
}

bool TreeSimulation::is_kept(const Disk& disk, const std::string& path) const {
    const InodeNumber number = old(path)->number;
    const Inode* named = target_on(disk, path);
    if (named && named->number == number)
        return true;
    const Inode* kept = target_on(disk, backup_of(scenario, path));
    return kept && kept->number == number && scenario.options.backup != ARSYNC_BACKUP_NONE;
}

bool TreeSimulation::is_changed(const std::string& path) const {
    const auto is_at = [&](const std::string& top) {
        if (!changed_.starts_with(top + "/"))
            return changed_ == top && !top.empty();
        const std::string at = changed_.substr(top.size() + 1);
        const std::string both = at.substr(0, at.find('.', at.rfind('/') + 2)) + " (";
        if (path.starts_with(both) || path == backup_of(scenario, at))
            return true;
        return path == at || path.starts_with(at + "/") || path.starts_with(at + " moved away");
    };
    const Inode* from = at_path(*original_, trees_.source, path);
    const bool leads_there = !changed_.empty() && (!from || from->is_link()) &&
                             scenario.options.symlinks == ARSYNC_SYMLINKS_FOLLOW;
    return leads_there || is_at("in") || is_at("out/target");
}

void TreeSimulation::check_old() {
    const bool backs_up = scenario.options.backup != ARSYNC_BACKUP_NONE;
    const bool atomic = scenario.options.replace == ARSYNC_REPLACE_ATOMIC ||
                        (scenario.asks(ARSYNC_COPY_HARD_LINK) && !backs_up);
    for (const std::string& path : old_paths_) {
        if (is_changed(path))
            continue;
        if (backs_up && !is_kept(world.disk, path))
            world.problem("has neither its name nor its backup's: " + path);
        else if (backs_up && world.disk.at(old(path)->number).version != old(path)->version)
            world.problem("was written to: " + path);
        const Inode* right = wanted(path);
        const bool other_kind = right && right->is_directory() && replaces_kinds(scenario);
        if (atomic && right && !other_kind) // nor is it extra
            check_shown(path);
    }
}

// Once a new file was seen to be complete it is not compared again until it changes.
void TreeSimulation::check_shown(const std::string& path) {
    const Inode* now = target(path);
    if (!now) {
        world.problem("nothing has the name " + path);
        return;
    }
    if (now->number == old(path)->number)
        return;
    std::pair<InodeNumber, uint64_t>& shown = shown_[path];
    const std::pair<InodeNumber, uint64_t> seen{now->number, now->version};
    if (shown != seen && !(now->content == wanted(path)->content))
        world.problem("shows a part of a file: " + path);
    shown = seen;
}

Compared TreeSimulation::preserved() const {
    const bool dry = scenario.asks(ARSYNC_COPY_DRY_RUN);
    Compared also;
    also.mode = dry || scenario.preserves(ARSYNC_PRESERVE_MODE);
    also.owner = dry || scenario.preserves(ARSYNC_PRESERVE_OWNER);
    also.times = dry || scenario.preserves(ARSYNC_PRESERVE_TIMES);
    also.xattrs = dry || scenario.preserves(ARSYNC_PRESERVE_XATTR);
    also.links = scenario.preserves(ARSYNC_PRESERVE_LINKS);
    also.flags = dry || scenario.preserves(ARSYNC_PRESERVE_FLAGS);
    also.project = dry || scenario.preserves(ARSYNC_PRESERVE_PROJECT);
    also.context = dry || scenario.preserves(ARSYNC_PRESERVE_CONTEXT);
    return also;
}

std::vector<std::string> TreeSimulation::differences_on(const Disk& disk) const {
    return differ(disk, preserved());
}

std::vector<std::string> TreeSimulation::lost_on(const Disk& disk) const {
    Compared also = preserved();
    also.linked = !syncs_each(scenario);
    return differ(disk, also);
}

std::vector<std::string> TreeSimulation::differ(const Disk& disk, const Compared& also) const {
    const Inode* top = target_on(disk, "");
    const bool dry = scenario.asks(ARSYNC_COPY_DRY_RUN);
    if (!top)
        return dry && trees_.target == 0 ? std::vector<std::string>{}
                                         : std::vector<std::string>{"nothing is there"};
    return sim::differences(world.disk, expected_.tree, disk, top->number, also);
}

// Whatever happened: a name that was not there leads to what it should, and to all of it.
void TreeSimulation::check_names(const std::string& path, const Inode& directory) {
    for (const auto& [name, number] : directory.names) {
        const std::string at = path.empty() ? name : path + "/" + name;
        const Inode& inode = world.disk.at(number);
        const Inode* right = wanted(at);
        if (is_changed(at) || number == world.damaged_inode)
            continue;
        if (!right && !existed(at))
            world.problem("a name that should not be there: " + at);
        else if (!existed(at) && inode.is_file() && !(inode.content == right->content) &&
                 !faults.kept_from_removing(at, was_cancelled()))
            world.problem("a part of a file: " + at);
        check_names(at, inode);
    }
}

// Of what was there: whether it is nothing that is copied over, added to or removed.
bool TreeSimulation::is_to_stay(const std::string& path) const {
    if (scenario.asks(ARSYNC_COPY_DRY_RUN))
        return true;
    for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
        if (expected_.removed.contains(path.substr(0, end)))
            return false;
    const auto entry = expected_.results.find(path);
    if (entry == expected_.results.end())
        return wanted(path) != nullptr;
    const auto end = expected_.ends.find(path);
    return entry->second < 0 || end->second.action == ARSYNC_ACTION_SKIP ||
           (end->second.flags & ARSYNC_COMPLETION_KEPT_BOTH) != 0;
}

// Whatever happened.
void TreeSimulation::check_stayed(const std::string& path, const Inode& before) {
    const Inode* now = target(path);
    const bool stays = is_to_stay(path) && !is_changed(path);
    if (stays && (!now || now->number != before.number))
        world.problem("was to stay, and is gone: " + path);
    else if (stays && now->version != before.version)
        world.problem("was to stay, and was written to: " + path);
    for (const auto& [name, number] : before.names)
        check_stayed(path.empty() ? name : path + "/" + name, original_->at(number));
}

// Whatever happened: the job accounts for what its entries say.
void TreeSimulation::check_sums() {
    if (job_.totals.directories == 0) // not even the roots
        return;
    arsync_totals sum = {};
    std::set<std::string> seen;
    for (const Report& entry : reports()) {
        const Outcome& end = entry.outcome;
        sum.errors += end.result < 0;
        if (end.action == ARSYNC_ACTION_REMOVE) {
            sum.removed += end.result == 0;
            continue;
        }
        if (!seen.insert(entry.path).second) // a directory's end
            continue;
        ++sum.entries;
        const bool directory =
            (end.flags & ARSYNC_COMPLETION_DIRECTORY) != 0 && end.action != ARSYNC_ACTION_NONE;
        const bool copied = (end.flags & ARSYNC_COMPLETION_COPIED) != 0 &&
                            end.stage != ARSYNC_STAGE_SYNC; // of what was up to date
        if (end.result < 0 && !copied && !(directory && end.stage == ARSYNC_STAGE_LIST))
            continue;
        sum.bytes += end.bytes;
        sum.hole_bytes += end.hole_bytes;
        sum.files += end.action == ARSYNC_ACTION_COPY;
        sum.files_by_method[end.method] += end.action == ARSYNC_ACTION_COPY;
        sum.directories += directory;
        sum.symlinks += end.action == ARSYNC_ACTION_SYMBOLIC_LINK;
        sum.hard_links += end.action == ARSYNC_ACTION_HARD_LINK;
        sum.specials += end.action == ARSYNC_ACTION_MAKE_SPECIAL;
        sum.skipped += end.action == ARSYNC_ACTION_SKIP;
    }
    const arsync_totals& said = job_.totals;
    const auto same = [&](const char* what, uint64_t total, uint64_t found) {
        if (total != found)
            world.problem(std::string("totals: ") + what + " " + std::to_string(total) +
                          ", and of the entries " + std::to_string(found));
    };
    for (const auto& [what, field] : counted)
        if (is_plain_count(field))
            same(what, said.*field, sum.*field);
    same("hole bytes", said.hole_bytes, sum.hole_bytes);
    for (size_t i = 0; i < std::size(sum.files_by_method); ++i)
        same("files of a method", said.files_by_method[i], sum.files_by_method[i]);
    if (said.removed < sum.removed)
        world.problem("totals: fewer removed than the entries say");
    // That all is durable is the job's own to say.
    const bool own =
        said.errors == sum.errors + 1 && scenario.options.durability != ARSYNC_DURABILITY_NONE;
    if (said.errors != sum.errors && !own)
        same("errors", said.errors, sum.errors);
    if (job_.outcome.bytes != said.bytes || job_.outcome.hole_bytes != said.hole_bytes)
        world.problem("the job's bytes are not those of its totals");
    if (!was_cancelled() && (job_.outcome.result < 0) != (said.errors > 0))
        world.problem("the job's result is not that of its entries");
}

// Whatever happened: what is said to be copied is, and what was not there is told of.
void TreeSimulation::check_told() {
    if (scenario.asks(ARSYNC_COPY_DRY_RUN) || world.crashed())
        return;
    std::set<std::string> told;
    for (const Report& entry : reports()) {
        const Outcome& end = entry.outcome;
        const bool is_there = end.result == 0 || (end.flags & ARSYNC_COMPLETION_COPIED) != 0 ||
                              end.stage == ARSYNC_STAGE_LIST;
        if (end.action == ARSYNC_ACTION_REMOVE || !is_there)
            continue;
        const std::string above = entry.path.substr(0, entry.path.rfind('/') + 1);
        const std::string at = end.name.empty() ? entry.path : above + end.name;
        told.insert(at);
        const Inode* now = target(at);
        const Inode* right = wanted(at);
        if (is_changed(entry.path) || is_changed(at) || (now && now->number == world.damaged_inode))
            continue;
        if (!now)
            world.problem("said to be there, and is not: " + at);
        else if (right && end.action != ARSYNC_ACTION_SKIP &&
                 ((now->attributes.mode & S_IFMT) != (right->attributes.mode & S_IFMT) ||
                  !(now->content == right->content) || now->target != right->target))
            world.problem("said to be there, and is something else: " + at);
    }
    const auto check = [&](const auto& self, const std::string& path, const Inode& inode) -> void {
        const bool backup = path.ends_with('~');
        if (faults.gave(ENOENT)) // who is told that nothing is there does not remove it
            return;
        if (!inode.is_directory() && !existed(path) && !backup && !told.contains(path) &&
            !is_changed(path) && inode.number != world.damaged_inode &&
            !faults.kept_from_removing(path, was_cancelled()))
            world.problem("is there, and nothing says so: " + path);
        for (const auto& [name, number] : inode.names)
            self(self, path.empty() ? name : path + "/" + name, world.disk.at(number));
    };
    if (const Inode* top = target(""))
        check(check, "", *top);
}

std::string report(const TreeSimulation& simulation) {
    if (simulation.world.problems.empty())
        return {};
    std::string text = describe(simulation.scenario);
    if (simulation.failed_step())
        text += "\n  failed with " + std::to_string(simulation.fail_with) + ": " +
                describe(*simulation.failed_step());
    if (simulation.cancel_at != never)
        text += "\n  cancelled at " + std::to_string(simulation.cancel_at);
    if (simulation.crash_at != never)
        text += "\n  crashed at " + std::to_string(simulation.crash_at);
    text += "\n  result " + std::to_string(simulation.outcome().result) + " stage " +
            std::to_string(simulation.outcome().stage);
    for (const TreeSimulation::Report& entry : simulation.reports())
        if (entry.outcome.result < 0)
            text += "\n  entry '" + entry.path + "': " + std::to_string(entry.outcome.result) +
                    " stage " + std::to_string(entry.outcome.stage);
    for (const std::string& problem : simulation.world.problems)
        text += "\n  " + problem;
    return text;
}

} // namespace arsync::sim
