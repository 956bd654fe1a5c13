#include "sim/list_simulation.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/fold_case.h"
#include "copy/list/order.h"
#include "copy/path.h"
#include "copy/split_path.h"
#include "copy/tree/totals.h"
#include "sim/changes.h"
#include "sim/opening.h"
#include "sim/stages.h"
#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

void describe_job(Job& job, const ListScenario& scenario) {
    job.options = scenario.options();
    job.options.struct_size = sizeof job.options;
    job.options.want = ARSYNC_WANT_ERROR_PATH;
    job.filter = Filter(scenario.tree.filter);
}

bool keeps_links(const ListScenario& s) {
    return s.tree.preserves(ARSYNC_PRESERVE_LINKS) && !s.asks(ARSYNC_COPY_HARD_LINK);
}

} // namespace

uint32_t ItemEnd::flags() const {
    // What is in memory is chance, and which method the pool takes.
    return outcome.flags & ~(ARSYNC_COMPLETION_VERIFIED_CACHED | ARSYNC_COMPLETION_FALLBACK);
}

// ---- one after the other ----

SerialList::SerialList(const ListScenario& what, const std::set<size_t>& left_out)
    : world(what.tree.world), items(what.items.size()), scenario_(what) {
    build_trees(world, what.tree);
    world.begin_lists();
    const bool stops = what.asks(ARSYNC_COPY_STOP_ON_ERROR);
    for (size_t i = 0; i < items.size() && !(failed && stops); ++i)
        if (!left_out.contains(i))
            copy(i);
    links_.close();
}

// A directory is known by itself, whatever the path to it.
std::optional<SerialList::Came> SerialList::look(size_t number) {
    const ListItemNames& names = scenario_.items[number];
    InodeNumber source = 0;
    const Last last = follows_top(scenario_.options()) ? Last::followed : Last::kept;
    if (world.find(AT_FDCWD, names.source, last, source) < 0)
        return std::nullopt;
    const bool is_tree = world.disk.at(source).is_directory();
    return Came{source, is_tree ? "" : simplified(names.source), without_dots(names.destination)};
}

bool SerialList::repeats(const Came& item) const {
    const bool backs_up = scenario_.options().backup != ARSYNC_BACKUP_NONE;
    return came_.contains(item) && (item.from.empty() || !backs_up);
}

std::string SerialList::made_as(const std::string& destination) {
    InodeNumber directory = 0; // which a dry run may not have
    const bool folds =
        scenario_.tree.folds &&
        world.find(AT_FDCWD, split_path(destination).directory(), Last::followed, directory) == 0;
    return folds ? fold_case(destination) : destination;
}

void SerialList::copy(size_t number) {
    const ListItemNames& names = scenario_.items[number];
    items[number].emplace();
    ItemEnd& end = *items[number];
    const std::optional<Came> came = look(number);
    if (came && repeats(*came)) {
        end.outcome.action = ARSYNC_ACTION_SKIP;
        end.outcome.flags = ARSYNC_COMPLETION_REPEATED;
        if (came->from.empty())
            end.outcome.flags |= ARSYNC_COMPLETION_DIRECTORY;
        count(totals, end.outcome);
        return;
    }
    Job job;
    describe_job(job, scenario_);
    job.options.durability = ARSYNC_DURABILITY_NONE; // it changes nothing of what comes out
    FileCopy copy{AT_FDCWD, names.source, AT_FDCWD, names.destination};
    copy.just_created = made_.contains(made_as(names.destination));
    copy.links = keeps_links(scenario_) ? &links_ : nullptr;
    copy.may_recur = copy.links && follows_top(job.options);
    job.what = copy;
    job.user_data = first_item + number;
    SimulatedPool pool(world, 1, scenario_.tree.buffer_count, scenario_.tree.buffer_size);
    pool.answer = [&](uint64_t, const std::string& path) {
        asked_about.emplace(job.user_data, path);
        return answer_in(scenario_, job.user_data, path);
    };
    pool.run(job);
    end.outcome = job.outcome;
    end.totals = job.totals;
    flags |= job.outcome.flags;
    for (const SimulatedPool::Event& event : pool.events())
        if (event.kind == ARSYNC_COMPLETION_ENTRY)
            entries[{job.user_data, event.path}] = {event.outcome};
    const Outcome& outcome = job.outcome;
    const bool is_tree = outcome.action == ARSYNC_ACTION_TREE;
    const bool copied = outcome.result == 0 || (outcome.flags & ARSYNC_COMPLETION_COPIED) != 0;
    const bool linked =
        outcome.action == ARSYNC_ACTION_HARD_LINK && !scenario_.asks(ARSYNC_COPY_HARD_LINK);
    if (copied && !is_tree && !linked && outcome.action != ARSYNC_ACTION_SKIP)
        made_.insert(made_as(outcome.name.empty()
                                 ? names.destination
                                 : split_path(names.destination).parent + outcome.name));
    // What failed for its way will do so again; and a tree whose root failed is begun again.
    const bool on_the_way =
        scenario_.asks(ARSYNC_COPY_PARENTS) && outcome.stage == ARSYNC_STAGE_MAKE_DIRECTORY;
    const bool not_begun =
        came && came->from.empty() && outcome.result < 0 && job.totals.directories == 0;
    if (came && !not_begun && !on_the_way)
        came_.insert(*came);
    failed = failed || outcome.result < 0;
    if (is_tree) {
        add(end.totals);
    } else {
        count(totals, outcome);
        totals.errors += outcome.result < 0;
    }
}

void SerialList::add(const arsync_totals& more) {
    totals.entries += more.entries;
    totals.files += more.files;
    totals.directories += more.directories;
    totals.symlinks += more.symlinks;
    totals.hard_links += more.hard_links;
    totals.specials += more.specials;
    totals.skipped += more.skipped;
    totals.removed += more.removed;
    totals.errors += more.errors;
    totals.bytes += more.bytes;
    totals.hole_bytes += more.hole_bytes;
}

// ---- side by side ----

ListSimulation::ListSimulation(const ListScenario& what)
    : scenario(what), world(what.tree.world),
      pool_(world, what.tree.workers, what.tree.buffer_count, what.tree.buffer_size),
      random_(what.tree.world.seed + 29) {
    build_trees(world, scenario.tree);
    original_ = world.disk;
    world.begin_lists();
    describe_job(job_, scenario);
    job_.user_data = 1;
    list_ = std::make_shared<List>(AT_FDCWD, AT_FDCWD, job_.options, job_.filter, job_.control,
                                   nullptr);
    job_.what = ListCopy{list_};
    if (!scenario.in_pieces) {
        std::vector<ListItem> all;
        for (size_t i = 0; i < scenario.items.size(); ++i)
            all.push_back(
                {scenario.items[i].source, scenario.items[i].destination, first_item + i});
        list_->fill(std::move(all));
        ended_ = true;
    }
    pool_.meanwhile = [this] { return add_items(); };
    pool_.answer = [this](uint64_t user_data, const std::string& path) {
        return answer_in(scenario, user_data, path);
    };
}

// Some items more, now and then, and some time later the end. Whether there are more to come.
bool ListSimulation::add_items() {
    if (ended_ || was_cancelled())
        return false;
    if (!random_.percent(30))
        return true;
    if (added_ == scenario.items.size()) {
        world.note("the list is ended");
        if (list_->end() != 0)
            world.problem("the list cannot be ended");
        ended_ = true;
        return false;
    }
    const size_t count = std::min<size_t>(1 + random_.below(6), scenario.items.size() - added_);
    std::vector<ListItem> some;
    for (size_t i = added_; i < added_ + count; ++i)
        some.push_back({scenario.items[i].source, scenario.items[i].destination, first_item + i});
    world.note(std::to_string(count) + " items are added");
    if (list_->add(std::move(some)) != static_cast<int>(count))
        world.problem("items are not taken");
    added_ += count;
    return true;
}

void ListSimulation::cancel() {
    pool_.cancel();
}

void ListSimulation::run() {
    world.before = [this](const Step& step) { return before(step); };
    if (lie != Lie::none) {
        Random random(scenario.tree.world.seed + 3);
        changed_ = lie_about_something(world, random, lie);
    }
    pool_.run(job_);
    world.before = {};
    pool_.check_leaks();
    for (const int fd : world.open_descriptors())
        world.problem("left open: descriptor " + std::to_string(fd));
    take_events();
}

void ListSimulation::take_events() {
    for (const SimulatedPool::Event& event : events()) {
        if (event.kind != ARSYNC_COMPLETION_ITEM)
            continue;
        const uint64_t number = event.user_data - first_item;
        if (number >= scenario.items.size() || !event.in_item)
            world.problem("a completion of an item that there is not");
        else if (!ends_.try_emplace(number, ItemEnd{event.outcome, event.totals}).second)
            world.problem("two completions of item " + std::to_string(event.user_data));
    }
}

const ItemEnd* ListSimulation::item(size_t number) const {
    const auto found = ends_.find(number);
    return found == ends_.end() ? nullptr : &found->second;
}

bool ListSimulation::is_counted() const {
    const Control::Counts& counts = job_.control.counts();
    return counts.entries_done == counts.entries_total && counts.walking == 0 &&
           counts.errors == job_.totals.errors;
}

int ListSimulation::before(const Step& step) {
    check_open(world, step);
    if (step.index == crash_at)
        world.crash();
    if (step.index == cancel_at)
        cancel();
    if (step.index == pause_at)
        pool_.pause();
    if (step.index == change_at)
        changed_ = change_something(world, random_);
    if (meanwhile)
        if (const int error = meanwhile(step); error < 0)
            return error;
    const bool fails = step.index == fail_at && can_fail_with(step, fail_with) &&
                       !((fail_with == EMFILE || fail_with == ENFILE) && !is_open(step));
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

} // namespace arsync::sim
