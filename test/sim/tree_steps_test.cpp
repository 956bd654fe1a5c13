// How many steps a tree's copy takes, and how many at once, where that is not to be seen by what
// comes of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

TreeScenario mirror() {
    TreeScenario scenario;
    scenario.world.seed = 1;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR;
    scenario.existing = true;
    scenario.directories = scenario.entries = 2;
    scenario.filter = "*.kept\n";
    return scenario;
}

InodeNumber target_of(World& world) {
    return world.disk.at(world.disk.root().names.at("out")).names.at("target");
}

void add_kept(World& world, InodeNumber directory, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        add_file(world, directory, (std::to_string(i) + ".kept").c_str(), {}, 0600);
}

} // namespace

TEST_CASE("an extra directory is listed once, however many directories go from it") {
    TreeSimulation simulation(mirror());
    World& world = simulation.world;
    const InodeNumber extra = add_directory(world, target_of(world), "zz-extra");
    add_kept(world, extra, 3000);
    constexpr unsigned directories = 200;
    for (unsigned i = 0; i < directories; ++i)
        add_directory(world, extra, ("d" + std::to_string(i)).c_str());
    unsigned lists = 0;
    simulation.meanwhile = [&](const Step& step) {
        lists += step.call == Call::list;
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(world.disk.at(extra).names.size() == 3000);
    CHECK(lists < 4 * directories); // but for a few of each that goes
}

TEST_CASE("a mirror that is cancelled does not first look at all of a large directory") {
    TreeSimulation simulation(mirror());
    World& world = simulation.world;
    add_directory(world, world.disk.root().names.at("in"), "zz");
    add_kept(world, add_directory(world, target_of(world), "zz"), 5000);
    uint64_t cancelled_at = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (cancelled_at == 0 && step.call == Call::statx && step.path.ends_with(".kept")) {
            cancelled_at = step.index;
            simulation.cancel();
        }
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == -ECANCELED);
    CHECK(cancelled_at > 0);
    CHECK(world.steps() - cancelled_at < 1500);
}

TEST_CASE("when descriptors are to be had again, as many files are copied side by side as before") {
    TreeScenario scenario;
    scenario.world.seed = 1;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.directories = 0;
    scenario.entries = 2000;
    scenario.world.uncached_percent = 100; // so that each is waited for
    TreeSimulation simulation(scenario);
    uint64_t opens = 0;
    size_t open_at_end = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (!is_open(step) || step.subject != Subject::source)
            return 0;
        ++opens;
        if (opens > 2000)
            open_at_end = std::max(open_at_end, simulation.world.open_descriptors().size());
        return opens > 20 && opens < 200 ? -EMFILE : 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(open_at_end > 40);
}

TEST_CASE("a directory that was made is known as made, wherever descriptors ran out then") {
    TreeScenario scenario;
    scenario.world.seed = 3;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.durability = ARSYNC_DURABILITY_FILE;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.directories = 2;
    scenario.entries = 3;
    TreeSimulation plain(scenario);
    plain.run();
    unsigned directories = 0;
    for (uint64_t step = 0; step < plain.world.steps(); ++step) {
        TreeSimulation simulation(scenario);
        simulation.fail_at = step;
        simulation.fail_with = EMFILE;
        simulation.run();
        if (simulation.outcome().result != 0)
            continue;
        for (const auto& entry : simulation.reports()) {
            CHECK_MESSAGE(entry.outcome.action != ARSYNC_ACTION_ENTER_DIRECTORY, step, ": ",
                          entry.path);
            directories += entry.outcome.action == ARSYNC_ACTION_MAKE_DIRECTORY;
        }
    }
    CHECK(directories > 0);
}

namespace {

// A tree of small files on an XFS, of which blocks are shared once that has worked.
TreeScenario of_shared_files() {
    TreeScenario scenario;
    scenario.workers = 1;
    scenario.world.seed = 2;
    scenario.world.filesystem_type = xfs_magic;
    scenario.world.reflink = scenario.world.reports_residency = true;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.entries = 0;
    return scenario;
}

constexpr int shared_files = 100;
constexpr uint64_t shared_size = 3 * block_size;

void add_shared_files(TreeSimulation& simulation, bool cached = false) {
    World& world = simulation.world;
    const InodeNumber in = world.disk.root().names.at("in");
    for (int i = 0; i < shared_files; ++i) {
        const InodeNumber file = add_file(world, in, std::to_string(i).c_str(),
                                          content_of(std::string(shared_size, 'x')), 0644);
        world.sources.insert(file);
        for (uint64_t block = 0; cached && block < shared_size / block_size; ++block)
            world.disk.at(file).cached.insert(block);
    }
}

} // namespace

TEST_CASE("where blocks of small files cannot be shared after all, each is copied all the same") {
    for (const int error : {EINVAL, EXDEV, EOPNOTSUPP, EPERM}) {
        TreeScenario scenario = of_shared_files();
        scenario.world.uncached_percent = 0;
        scenario.options.preserve = ARSYNC_PRESERVE_TIMES; // so that each is whole before the next
        TreeSimulation simulation(scenario);
        add_shared_files(simulation);
        int shared = 0;
        int removed = 0;
        size_t most_before = 0; // descriptors, once the first ones have ended
        size_t most_after = 0;
        simulation.meanwhile = [&](const Step& step) {
            removed += step.call == Call::unlink;
            if (step.call != Call::reflink)
                return 0;
            size_t& most = ++shared < 80 ? most_before : most_after;
            if (shared > 60)
                most = std::max(most, simulation.world.open_descriptors().size());
            return shared >= 80 ? -error : 0;
        };
        simulation.run();
        CAPTURE(error);
        CHECK(simulation.outcome().result == 0);
        CHECK(simulation.totals().files == shared_files);
        CHECK(simulation.totals().bytes == shared_files * shared_size);
        CHECK(shared >= 80);
        // One at a time; then many that wait side by side. Those ask once more, unless it is the
        // filesystem that cannot.
        CHECK(most_before + 10 < most_after);
        CHECK((shared > shared_files) == (error != EOPNOTSUPP));
        CHECK(removed <= 3); // what was not cached; no others try
        for (int i = 0; i < shared_files; ++i) {
            const Inode* copied = simulation.target(std::to_string(i));
            REQUIRE(copied);
            CHECK(text_of(copied->content) == std::string(shared_size, 'x'));
        }
    }
}

TEST_CASE("of a small file that changes while it is shared or read, its copy has what is told") {
    for (const uint64_t filesystem : {xfs_magic, ext4_magic})
        for (const uint64_t size_then : {block_size, shared_size, 5 * block_size})
            for (const bool cached : {true, false}) {
                TreeScenario scenario = of_shared_files();
                scenario.world.filesystem_type = filesystem;
                TreeSimulation simulation(scenario);
                add_shared_files(simulation, cached);
                World& world = simulation.world;
                int moved = 0;
                simulation.meanwhile = [&](const Step& step) {
                    const bool moves = step.call == Call::reflink || step.call == Call::write_now;
                    if (moves && ++moved == 90)
                        for (const InodeNumber number : world.sources) {
                            world.disk.at(number).content.resize(size_then);
                            world.disk.at(number).attributes.modified.tv_nsec += 1;
                        }
                    return 0;
                };
                simulation.run();
                CAPTURE(filesystem);
                CAPTURE(size_then);
                CAPTURE(cached);
                CHECK(simulation.outcome().result == 0);
                unsigned changed = 0;
                uint64_t bytes = 0;
                for (const auto& entry : simulation.reports()) {
                    if (entry.outcome.action != ARSYNC_ACTION_COPY)
                        continue;
                    const auto told = [&](uint32_t flag) {
                        return (entry.outcome.flags & flag) != 0;
                    };
                    const bool has_changed = told(ARSYNC_COMPLETION_SOURCE_CHANGED);
                    changed += has_changed;
                    if (has_changed) { // what was shared before stays as it was
                        const bool all = entry.outcome.bytes == shared_size;
                        CHECK((all || entry.outcome.bytes == size_then));
                        CHECK(entry.outcome.bytes <= shared_size);
                        CHECK((!all || size_then >= shared_size || filesystem == xfs_magic));
                        CHECK(told(ARSYNC_COMPLETION_SOURCE_SHRANK) == !all);
                    }
                    bytes += entry.outcome.bytes;
                    const Inode* copied = simulation.target(entry.path);
                    REQUIRE(copied);
                    CHECK(copied->content.size() == entry.outcome.bytes);
                }
                CHECK(changed > 0);
                CHECK(bytes == simulation.totals().bytes);
                CHECK(simulation.is_counted());
            }
}

TEST_CASE("a small file is copied whole, however much of it is in memory") {
    for (const uint64_t filesystem : {xfs_magic, ext4_magic}) {
        TreeScenario scenario = of_shared_files();
        scenario.world.filesystem_type = filesystem;
        scenario.world.reflink = false;
        TreeSimulation simulation(scenario);
        World& world = simulation.world;
        const InodeNumber in = world.disk.root().names.at("in");
        const auto text = [](uint64_t number) {
            return std::string(shared_size, static_cast<char>('a' + number % 26));
        };
        for (uint64_t i = 0; i < shared_files; ++i) {
            const InodeNumber file =
                add_file(world, in, std::to_string(i).c_str(), content_of(text(i)), 0644);
            world.sources.insert(file);
            for (uint64_t block = 0; block < i % 4; ++block)
                world.disk.at(file).cached.insert(block);
        }
        simulation.run();
        CHECK(simulation.outcome().result == 0);
        for (uint64_t i = 0; i < shared_files; ++i) {
            const Inode* copied = simulation.target(std::to_string(i));
            REQUIRE(copied);
            CHECK(text_of(copied->content) == text(i));
        }
    }
}

TEST_CASE("nobody asks what a file is that was just made in a tree") {
    for (const uint64_t filesystem : {ext4_magic, xfs_magic, fuse_magic}) {
        TreeScenario scenario;
        scenario.world.seed = 1;
        scenario.world.filesystem_type = filesystem;
        scenario.options.flags = ARSYNC_COPY_RECURSIVE;
        scenario.entries = 0;
        TreeSimulation simulation(scenario);
        World& world = simulation.world;
        const InodeNumber in = world.disk.root().names.at("in");
        for (int i = 0; i < 20; ++i)
            world.sources.insert(
                add_file(world, in, std::to_string(i).c_str(), content_of("some"), 0644));
        unsigned questions = 0;
        simulation.meanwhile = [&](const Step& step) {
            const bool opened = step.path.empty() && step.subject == Subject::destination;
            questions += step.call == Call::statx && opened;
            return 0;
        };
        simulation.run();
        CHECK(simulation.outcome().result == 0);
        CHECK(simulation.totals().files == 20);
        CHECK_MESSAGE(questions == 0, filesystem);
    }
}

namespace {

// Few enough descriptors for walkers to wait for entries.
class FewDescriptors {
public:
    FewDescriptors() {
        REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit few = before_;
        few.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 100);
        REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_ = {};
};

} // namespace

TEST_CASE("where descriptors are few, no directory is listed while files are open") {
    const FewDescriptors few;
    TreeScenario scenario;
    scenario.world.seed = 5;
    scenario.world.uncached_percent = 100; // so that each is waited for
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.directories = 6;
    scenario.entries = 900;
    TreeSimulation simulation(scenario);
    World& world = simulation.world;
    size_t most = 0;
    unsigned lists = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (step.call != Call::list)
            return 0;
        ++lists;
        const std::vector<int> open = world.open_descriptors();
        const auto files = std::count_if(open.begin(), open.end(), [&](int fd) {
            return !world.disk.at(world.descriptor(fd)->inode).is_directory();
        });
        most = std::max(most, static_cast<size_t>(files));
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(lists > 8);
    CHECK(most == 0);
}

TEST_CASE("a tree that is not to be durable syncs nothing") {
    for (uint64_t seed = 1; seed <= 80; ++seed) {
        TreeScenario scenario = choose_tree(seed);
        scenario.options.durability = ARSYNC_DURABILITY_NONE;
        scenario.options.flags &= ~ARSYNC_COPY_VERIFY;
        if (scenario.options.cache == ARSYNC_CACHE_DROP) // which writes back what it drops
            scenario.options.cache = ARSYNC_CACHE_AUTO;
        TreeSimulation simulation(scenario);
        unsigned syncs = 0;
        simulation.meanwhile = [&](const Step& step) {
            syncs += step.call == Call::sync || step.call == Call::sync_filesystem ||
                     step.call == Call::write_back;
            return 0;
        };
        simulation.run();
        CHECK_MESSAGE(syncs == 0, describe(scenario));
    }
}

TEST_CASE("a durable tree on one filesystem is written out at once, and no file of it alone") {
    for (const uint32_t update : {ARSYNC_UPDATE_ALL, ARSYNC_UPDATE_CHANGED}) {
        TreeScenario scenario;
        scenario.world.seed = 2;
        scenario.existing = true;
        scenario.options.flags = ARSYNC_COPY_RECURSIVE;
        scenario.options.update = update;
        scenario.options.durability = ARSYNC_DURABILITY_FULL;
        TreeSimulation simulation(scenario);
        unsigned alone = 0;
        unsigned all = 0;
        simulation.meanwhile = [&](const Step& step) {
            alone += step.call == Call::sync && step.subject == Subject::destination;
            all += step.call == Call::sync_filesystem;
            return 0;
        };
        simulation.run();
        CHECK(simulation.totals().files > 3);
        CHECK(alone == 0);
        CHECK(all == 1);
    }
}

} // namespace arsync::sim
