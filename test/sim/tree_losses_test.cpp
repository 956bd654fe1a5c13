// Of what is lost of a tree's entries, what costs more is told, and what costs nothing is not lost.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <set>
#include <string>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

TreeScenario with_everything(uint64_t seed) {
    TreeScenario scenario;
    scenario.world.seed = seed;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                                ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR |
                                ARSYNC_PRESERVE_LINKS;
    scenario.options.report = ARSYNC_REPORT_ALL;
    return scenario;
}

} // namespace

TEST_CASE("of an entry that loses extended attributes and its times, the times are told") {
    unsigned lost = 0;
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        TreeSimulation simulation(with_everything(seed));
        simulation.meanwhile = [&](const Step& step) {
            lost += step.call == Call::set_xattr;
            return step.call == Call::set_xattr   ? -ENOSPC
                   : step.call == Call::set_times ? -EPERM
                                                  : 0;
        };
        simulation.run();
        for (const auto& entry : simulation.reports())
            CHECK_MESSAGE((entry.outcome.stage == ARSYNC_STAGE_NONE ||
                           entry.outcome.stage == ARSYNC_STAGE_TIMES),
                          seed, ": ", entry.path);
    }
    CHECK(lost > 20);
}

// What has its name is not begun anew, so that is a loss like another, and not that it could not be
// opened.
TEST_CASE("what cannot be opened once more to be sealed is there, and has lost its flags") {
    for (const int error : {ENFILE, EACCES, ESTALE})
        for (const Subject subject : {Subject::source, Subject::destination}) {
            unsigned lost = 0;
            for (uint64_t seed = 1; seed <= 20; ++seed) {
                TreeScenario scenario = with_everything(seed);
                scenario.options.preserve |= ARSYNC_PRESERVE_FLAGS | ARSYNC_PRESERVE_PROJECT;
                scenario.options.preserve &= ~ARSYNC_PRESERVE_LINKS;
                TreeSimulation simulation(scenario);
                std::map<std::string, unsigned> opened;
                simulation.meanwhile = [&](const Step& step) {
                    const bool by_name = step.call == Call::open && step.subject == subject &&
                                         (step.flags & (O_PATH | O_DIRECTORY)) == O_PATH;
                    return by_name && ++opened[step.path] == 2 ? -error : 0;
                };
                simulation.run();
                for (const auto& entry : simulation.reports()) {
                    if (entry.outcome.result == 0)
                        continue;
                    ++lost;
                    CHECK_MESSAGE(entry.outcome.stage == ARSYNC_STAGE_FLAGS, seed, ": ",
                                  entry.path);
                    CHECK((entry.outcome.flags & ARSYNC_COMPLETION_COPIED) != 0);
                }
            }
            CHECK(lost > 5);
        }
}

// Of the directory that the first name was copied from nothing is needed any more.
TEST_CASE("a file gets its further names, or copies, though the first one's directory is gone") {
    for (const int error : {ENOENT, ESTALE, ELOOP, EACCES}) {
        unsigned gone = 0;
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            TreeScenario scenario = with_everything(seed);
            scenario.world.uncached_percent = 0; // each directory is opened once
            scenario.linked = 8;
            TreeSimulation simulation(scenario);
            std::map<std::string, unsigned> opened;
            simulation.meanwhile = [&](const Step& step) {
                if (step.call != Call::open_beneath || step.subject != Subject::source)
                    return 0;
                const bool again = ++opened[step.path] > 1;
                gone += again;
                return again ? -error : 0;
            };
            simulation.run();
            for (const auto& entry : simulation.reports())
                CHECK_MESSAGE(entry.outcome.result == 0, seed, ": ", entry.path);
        }
        CHECK(gone > 10);
    }
}

TEST_CASE("a link that cannot be made costs nothing of what it was to replace") {
    for (const bool hard : {true, false}) {
        unsigned failed = 0;
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            TreeScenario scenario = with_everything(seed);
            scenario.options.flags |=
                ARSYNC_COPY_FORCE | (hard ? ARSYNC_COPY_HARD_LINK : ARSYNC_COPY_SYMBOLIC_LINK);
            scenario.options.preserve = 0;
            scenario.options.replace = ARSYNC_REPLACE_REMOVE;
            scenario.existing = true;
            TreeSimulation simulation(scenario);
            simulation.meanwhile = [&](const Step& step) {
                const bool makes = step.call == (hard ? Call::make_link : Call::make_symlink);
                failed += makes;
                return makes ? -ENOSPC : 0;
            };
            simulation.run();
            for (const auto& entry : simulation.reports())
                if (entry.outcome.result == -ENOSPC && simulation.existed(entry.path))
                    CHECK_MESSAGE(simulation.target(entry.path), seed, ": ", entry.path);
        }
        CHECK(failed > 20);
    }
}

TEST_CASE("what a tree removed before descriptors ran out is told when it is copied in the end") {
    unsigned again = 0;
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        TreeScenario scenario = with_everything(seed);
        scenario.options.replace = ARSYNC_REPLACE_REMOVE;
        scenario.existing = true;
        const auto replaced = [&](int error) {
            TreeSimulation simulation(scenario);
            bool failed = false;
            std::string removed;
            simulation.meanwhile = [&](const Step& step) {
                if (step.call == Call::unlink)
                    removed = step.path;
                const bool makes = is_open(step) && (step.flags & O_CREAT) != 0;
                const bool fails = error != 0 && makes && step.path == removed && !failed;
                failed = failed || fails;
                return fails ? -error : 0;
            };
            simulation.run();
            again += failed;
            std::set<std::string> paths;
            for (const auto& entry : simulation.reports())
                if ((entry.outcome.flags & ARSYNC_COMPLETION_REPLACED) != 0)
                    paths.insert(entry.path);
            return paths;
        };
        CHECK(replaced(EMFILE) == replaced(0));
    }
    CHECK(again > 5);
}

// A umask may take even its maker's rights.
TEST_CASE("want of descriptors is no more than that where a directory is shut to its maker") {
    TreeScenario scenario = with_everything(3);
    scenario.world.uncached_percent = 0;
    TreeSimulation simulation(scenario);
    bool made = false, shut = false, wanted = false;
    simulation.meanwhile = [&](const Step& step) {
        made = made || (step.call == Call::make_directory && step.path != "out/target");
        const bool opens = is_open(step) && step.subject == Subject::directory;
        const bool by_path = (step.flags & O_PATH) != 0;
        if (!made || !opens || wanted || by_path != shut)
            return 0;
        wanted = shut;
        shut = true;
        return wanted ? -EMFILE : -EACCES;
    };
    simulation.run();
    CHECK(wanted);
    CHECK(simulation.outcome().result == 0);
    for (const std::string& problem : simulation.world.problems)
        FAIL_CHECK(problem);
}

TEST_CASE("what cannot be looked at is not removed for the directory that it is in the way of") {
    TreeScenario scenario;
    scenario.world.seed = 1;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR;
    scenario.existing = true;
    scenario.directories = scenario.entries = 0;
    for (const uint64_t fails : {1u, 2u}) {
        TreeSimulation simulation(scenario);
        World& world = simulation.world;
        const InodeNumber target =
            world.disk.at(world.disk.root().names.at("out")).names.at("target");
        world.sources.insert(add_directory(world, world.disk.root().names.at("in"), "zz"));
        const InodeNumber other = add_file(world, target, "zz", content_of("precious"), 0644);
        uint64_t looks = 0;
        simulation.meanwhile = [&](const Step& step) {
            const bool looks_at_it = step.call == Call::statx && step.path == "zz" &&
                                     step.subject == Subject::destination;
            return looks_at_it && ++looks == fails ? -EIO : 0;
        };
        simulation.run();
        CHECK(looks == fails);
        CHECK(simulation.outcome().result == -EIO);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_MAKE_DIRECTORY);
        CHECK(simulation.totals().errors == 1);
        CHECK(world.disk.at(target).names.at("zz") == other);
    }
}

TEST_CASE("a removal that a cancel ends is no error, and is not told") {
    TreeScenario scenario;
    scenario.world.seed = 1;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.existing = true;
    scenario.directories = scenario.entries = 0;
    for (uint64_t last = 1; last < 12; ++last) {
        TreeSimulation simulation(scenario);
        World& world = simulation.world;
        const InodeNumber target =
            world.disk.at(world.disk.root().names.at("out")).names.at("target");
        const InodeNumber extra = add_directory(world, target, "zz");
        for (int i = 0; i < 8; ++i)
            add_file(world, add_directory(world, extra, std::to_string(i).c_str()), "f", {}, 0600);
        uint64_t removed = 0;
        simulation.meanwhile = [&](const Step& step) {
            const bool removes = step.call == Call::unlink || step.call == Call::remove_directory;
            if (removes && ++removed == last)
                simulation.cancel();
            return 0;
        };
        simulation.run();
        CHECK(simulation.outcome().result == -ECANCELED);
        CHECK(simulation.totals().errors == 0);
        for (const auto& entry : simulation.reports())
            CHECK_MESSAGE(entry.outcome.result != -ECANCELED, entry.path);
    }
}

TEST_CASE("a tree whose name can be synced by nobody is none, unless all is synced at once") {
    for (const uint64_t filesystem : {fuse_magic, ext4_magic}) {
        TreeScenario scenario;
        scenario.world.seed = 1;
        scenario.world.filesystem_type = filesystem;
        scenario.options.flags = ARSYNC_COPY_RECURSIVE;
        scenario.options.durability = ARSYNC_DURABILITY_FULL;
        TreeSimulation simulation(scenario);
        simulation.meanwhile = [](const Step& step) {
            const bool to_be_read = (step.flags & O_PATH) == 0;
            return step.call == Call::open && step.path == "out/" && to_be_read ? -EACCES : 0;
        };
        simulation.run();
        const bool by_name = filesystem == fuse_magic;
        CHECK(simulation.outcome().result == (by_name ? -EACCES : 0));
        CHECK(simulation.outcome().stage == (by_name ? ARSYNC_STAGE_SYNC : ARSYNC_STAGE_NONE));
        CHECK((simulation.target("") == nullptr) == by_name);
        for (const std::string& problem : simulation.world.problems)
            FAIL_CHECK(problem);
    }
}

TEST_CASE("what is made with the default mode has nothing of its directory's default ACL") {
    unsigned made = 0;
    for (uint64_t seed = 1; seed <= 10; ++seed) {
        TreeScenario scenario;
        scenario.world.seed = seed;
        scenario.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_DEFAULT_MODE;
        scenario.options.preserve = seed % 2 == 0 ? ARSYNC_PRESERVE_OWNER : 0;
        scenario.existing = true;
        scenario.entries = 40;
        TreeSimulation simulation(scenario);
        World& world = simulation.world;
        const InodeNumber last = world.disk.numbers().back();
        for (const InodeNumber number : world.disk.numbers())
            if (world.subject_of(number) == Subject::directory)
                world.disk.at(number).attributes.xattrs["system.posix_acl_default"] = "all may";
        simulation.run(); // some of what is there is in the way
        for (const InodeNumber number : world.disk.numbers()) {
            const Attributes& attributes = world.disk.at(number).attributes;
            const mode_t kind = attributes.mode & S_IFMT;
            if (number <= last || S_ISLNK(kind))
                continue;
            ++made;
            const mode_t whole = S_ISDIR(kind) || S_ISSOCK(kind) ? 0755 : 0644;
            CHECK_MESSAGE((attributes.mode & 0777) == whole, seed, ": ", world.path_of(number));
            CHECK_MESSAGE(!attributes.xattrs.contains("system.posix_acl_access"), seed, ": ",
                          world.path_of(number));
        }
    }
    CHECK(made > 200);
}

TEST_CASE("what another filesystem shows in an extra directory stays, and so does what it is in") {
    TreeScenario scenario;
    scenario.world.seed = 4;
    scenario.world.destination_type = xfs_magic;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR;
    scenario.existing = true;
    TreeSimulation simulation(scenario);
    World& world = simulation.world;
    const InodeNumber target = world.disk.at(world.disk.root().names.at("out")).names.at("target");
    const InodeNumber extra = add_directory(world, target, "zz-extra");
    add_file(world, extra, "file", content_of("x"), 0644);
    const InodeNumber mounted = add_directory(world, extra, "mounted");
    const InodeNumber inside = add_file(world, mounted, "inside", content_of("y"), 0644);
    world.sources.insert({mounted, inside}); // of the source's filesystem
    simulation.run();
    CHECK(simulation.outcome().result == -EBUSY);
    CHECK(simulation.outcome().stage == ARSYNC_STAGE_REMOVE);
    CHECK(world.disk.at(extra).names == Names{{"mounted", mounted}});
    CHECK(world.disk.at(mounted).names == Names{{"inside", inside}});
}

TEST_CASE("links and pipes that are up to date but for their times are given these") {
    TreeScenario scenario;
    scenario.world.seed = 4;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.update = ARSYNC_UPDATE_CHANGED;
    scenario.options.preserve = ARSYNC_PRESERVE_TIMES;
    scenario.existing = true;
    scenario.directories = scenario.entries = 0;
    TreeSimulation simulation(scenario);
    World& world = simulation.world;
    const InodeNumber in = world.disk.root().names.at("in");
    const InodeNumber target = world.disk.at(world.disk.root().names.at("out")).names.at("target");
    const auto add = [&](InodeNumber directory) {
        return std::vector{add_symlink(world, directory, "zz-link", "x"),
                           add_special(world, directory, "zz-pipe", S_IFIFO | 0644)};
    };
    const std::vector<InodeNumber> from = add(in);
    const std::vector<InodeNumber> to = add(target);
    world.sources.insert(from.begin(), from.end());
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    for (size_t i = 0; i < from.size(); ++i) {
        const timespec& wanted = world.disk.at(from[i]).attributes.modified;
        REQUIRE(world.disk.exists(to[i]));
        const timespec& found = world.disk.at(to[i]).attributes.modified;
        CHECK((found.tv_sec == wanted.tv_sec && found.tv_nsec == wanted.tv_nsec));
    }
}

} // namespace arsync::sim
