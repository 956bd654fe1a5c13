// Somebody else puts a file of his choice at a name of a tree that is just being copied.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <set>
#include <utility>
#include <vector>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

// The directory at or below `top` that has this name in it; 0: none.
InodeNumber holder_of(const Disk& disk, InodeNumber top, const std::string& name) {
    const Inode& inode = disk.at(top);
    if (inode.names.count(name) != 0)
        return top;
    for (const auto& [_, number] : inode.names)
        if (disk.at(number).is_directory())
            if (const InodeNumber found = holder_of(disk, number, name))
                return found;
    return 0;
}

using Name = std::pair<InodeNumber, std::string>; // in a directory

std::vector<Name> names_of_files(const Disk& disk, InodeNumber top) {
    std::vector<Name> found;
    for (const auto& [name, number] : disk.at(top).names) {
        if (disk.at(number).is_file())
            found.emplace_back(top, name);
        if (!disk.at(number).is_directory())
            continue;
        const std::vector<Name> below = names_of_files(disk, number);
        found.insert(found.end(), below.begin(), below.end());
    }
    return found;
}

// A copy in which, so many steps after the first one that `begins`, the name of that is a file's of
// somebody else. Whether it came to that.
bool intrude(const TreeScenario& scenario, uint64_t steps_later,
             const std::function<bool(const Step&)>& begins) {
    TreeSimulation simulation(scenario);
    World& world = simulation.world;
    const InodeNumber victim =
        add_file(world, world.disk.root().number, "victim", content_of("secret"), 0600);
    const Attributes before = world.disk.at(victim).attributes;
    std::string name;
    uint64_t when = never;
    bool done = false;
    simulation.meanwhile = [&](const Step& step) {
        if (name.empty() && begins(step)) {
            name = step.path;
            when = step.index + steps_later;
        }
        const Inode* top = simulation.target("");
        if (step.index != when || !top)
            return 0;
        if (const InodeNumber directory = holder_of(world.disk, top->number, name)) {
            world.change_names(directory, {{name, victim}});
            done = true;
        }
        return 0;
    };
    simulation.run();
    const Attributes& after = world.disk.at(victim).attributes;
    CHECK_MESSAGE(after.mode == before.mode, name, ", ", steps_later, " steps later");
    CHECK_MESSAGE(after.uid == before.uid, name, ", ", steps_later, " steps later");
    CHECK_MESSAGE(after.xattrs == before.xattrs, name, ", ", steps_later, " steps later");
    CHECK_MESSAGE(after.modified.tv_sec == before.modified.tv_sec, name, ", ", steps_later,
                  " steps later");
    if (const Inode* top = simulation.target(""); done && top)
        CHECK_MESSAGE(holder_of(world.disk, top->number, name) != 0, "it was removed: ", name);
    return done;
}

TreeScenario with_all_attributes(uint64_t seed) {
    TreeScenario scenario;
    scenario.world.seed = seed;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                                ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR;
    scenario.options.report = ARSYNC_REPORT_ALL;
    return scenario;
}

} // namespace

TEST_CASE("a file put in the place of a link or pipe just made gets none of its attributes") {
    unsigned done = 0;
    for (uint64_t seed = 1; seed <= 30; ++seed)
        for (uint64_t later = 1; later <= 14; ++later)
            done += intrude(with_all_attributes(seed), later, [](const Step& step) {
                return step.call == Call::make_special || step.call == Call::make_symlink;
            });
    CHECK(done > 100);
}

TEST_CASE("a file put in the place of one that is up to date gets none of its attributes") {
    unsigned done = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        TreeScenario scenario = with_all_attributes(seed);
        scenario.existing = true;
        scenario.options.update = ARSYNC_UPDATE_CHANGED;
        scenario.options.replace = ARSYNC_REPLACE_REMOVE;
        const std::string skipped = [&] {
            TreeSimulation plain(scenario);
            plain.run();
            for (const auto& entry : plain.reports())
                if (entry.outcome.action == ARSYNC_ACTION_SKIP)
                    return entry.path.substr(entry.path.rfind('/') + 1);
            return std::string();
        }();
        if (skipped.empty())
            continue;
        for (uint64_t later = 1; later <= 12; ++later)
            done += intrude(scenario, later, [&](const Step& step) {
                return step.call == Call::statx && step.subject == Subject::destination &&
                       step.path == skipped;
            });
    }
    CHECK(done > 100);
}

TEST_CASE("a file put in the place of a source that was looked at is not copied for it") {
    unsigned done = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        TreeScenario scenario = with_all_attributes(seed);
        scenario.existing = true; // so that it is looked at before it is opened
        scenario.world.untyped_percent = 0;
        scenario.options.update = ARSYNC_UPDATE_CHANGED;
        scenario.options.replace = ARSYNC_REPLACE_REMOVE;
        TreeSimulation simulation(scenario);
        World& world = simulation.world;
        const InodeNumber source = world.disk.root().names.at("in");
        const InodeNumber other =
            add_file(world, world.disk.root().number, "other", content_of("another"), 0600);
        std::string looked_at;
        std::string swapped;
        simulation.meanwhile = [&](const Step& step) {
            if (step.subject != Subject::source || !swapped.empty())
                return 0;
            if (step.call == Call::statx && !step.path.empty())
                looked_at = step.path;
            const InodeNumber directory = holder_of(world.disk, source, step.path);
            if (!is_open(step) || step.path != looked_at || directory == 0)
                return 0;
            const InodeNumber old = world.disk.at(directory).names.at(step.path);
            if (!world.disk.at(old).is_file() || (step.flags & O_PATH) != 0)
                return 0;
            swapped = step.path;
            world.change_names(directory, {{swapped, other}});
            return 0;
        };
        simulation.run();
        if (swapped.empty())
            continue;
        ++done;
        for (const auto& entry : simulation.reports())
            if (entry.path == swapped || entry.path.ends_with("/" + swapped)) {
                CHECK_MESSAGE(entry.outcome.result == -ESTALE, seed, ": ", entry.path);
                CHECK_MESSAGE(entry.outcome.stage == ARSYNC_STAGE_OPEN_SOURCE, seed);
            }
        CHECK(simulation.totals().errors > 0);
    }
    CHECK(done > 10);
}

namespace {

// A copy over an old file, of which the name leads to somebody else's from some step on. Whether it
// came to that; what is at the victim's must stay.
bool lead_away(const arsync_copy_options& options, uint64_t when) {
    TreeScenario scenario;
    scenario.world.seed = 5;
    scenario.existing = true;
    scenario.entries = 0;
    scenario.options = options;
    scenario.options.flags |= ARSYNC_COPY_RECURSIVE;
    TreeSimulation simulation(scenario);
    World& world = simulation.world;
    Disk& disk = world.disk;
    const InodeNumber root = disk.root().number;
    world.sources.insert(
        add_file(world, disk.root().names.at("in"), "old", content_of("new text"), 0751));
    const InodeNumber out = simulation.target("")->number;
    add_file(world, out, "old", content_of("old"), 0640);
    const InodeNumber victim = add_file(world, root, "victim", content_of("secret"), 0600);
    const InodeNumber link = add_symlink(world, root, "link", "../../victim");
    const Inode before = disk.at(victim);
    bool done = false;
    simulation.meanwhile = [&](const Step& step) {
        if (step.index == when) {
            world.change_names(out, {{"old", link}});
            done = true;
        }
        return 0;
    };
    simulation.run();
    const Inode& after = disk.at(victim);
    CHECK_MESSAGE(after.content == before.content, "step ", when);
    CHECK_MESSAGE(after.attributes.mode == before.attributes.mode, "step ", when);
    CHECK_MESSAGE(after.attributes.uid == before.attributes.uid, "step ", when);
    CHECK_MESSAGE(after.attributes.xattrs == before.attributes.xattrs, "step ", when);
    CHECK_MESSAGE(after.attributes.modified.tv_sec == before.attributes.modified.tv_sec, "step ",
                  when);
    CHECK_MESSAGE(disk.at(root).names.count("victim") == 1, "step ", when);
    return done;
}

} // namespace

TEST_CASE("a link put in the place of an old file leads nobody away, at whichever step") {
    constexpr uint32_t all = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES |
                             ARSYNC_PRESERVE_XATTR;
    arsync_copy_options ways[7] = {};
    ways[1].preserve = all;
    ways[2].preserve = all;
    ways[2].flags = ARSYNC_COPY_FORCE;
    ways[3].preserve = all;
    ways[3].backup = ARSYNC_BACKUP_NUMBERED;
    ways[4].preserve = all;
    ways[4].replace = ARSYNC_REPLACE_ATOMIC;
    ways[5].preserve = all;
    ways[5].flags = ARSYNC_COPY_ATTRIBUTES_ONLY;
    ways[6].preserve = all;
    ways[6].durability = ARSYNC_DURABILITY_FULL;
    for (const arsync_copy_options& way : ways) {
        uint64_t step = 1;
        while (lead_away(way, step))
            ++step;
        CHECK(step > 10);
    }
}

TEST_CASE("a file put in the place of a first copy gets no further names") {
    unsigned done = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        TreeScenario scenario = with_all_attributes(seed);
        scenario.options.preserve |= ARSYNC_PRESERVE_LINKS;
        scenario.linked = 4;
        for (uint64_t turn = 0; turn < 6; ++turn) {
            TreeSimulation simulation(scenario);
            World& world = simulation.world;
            const InodeNumber victim =
                add_file(world, world.disk.root().number, "victim", content_of("secret"), 0600);
            uint64_t links = 0;
            std::set<Name> swapped;
            // Just before a link is made, its other names become the intruder's file's.
            simulation.meanwhile = [&](const Step& step) {
                const Inode* top = simulation.target("");
                const bool links_now = step.call == Call::link || step.call == Call::make_link;
                if (!links_now || !top || links++ != turn)
                    return 0;
                for (const auto& [directory, name] : names_of_files(world.disk, top->number))
                    if (name.starts_with('l')) {
                        world.change_names(directory, {{name, victim}});
                        swapped.emplace(directory, name);
                    }
                return 0;
            };
            simulation.run();
            done += !swapped.empty();
            if (const Inode* top = simulation.target(""))
                for (const Name& name : names_of_files(world.disk, top->number))
                    if (world.disk.at(name.first).names.at(name.second) == victim)
                        CHECK_MESSAGE(swapped.count(name) == 1, seed, ": ", name.second);
        }
    }
    CHECK(done > 20);
}

} // namespace arsync::sim
