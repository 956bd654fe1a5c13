// Which way a new file of a tree goes, if it is small.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

constexpr int count = 20;

char letter_of(int number) {
    return static_cast<char>('a' + number % 26);
}

struct Files {
    uint64_t filesystem;
    uint64_t size;
    bool cached;
    arsync_reflink reflink = ARSYNC_REFLINK_AUTO;
    arsync_sparse sparse = ARSYNC_SPARSE_AUTO;
};

// A tree of such files, all of one size.
TreeScenario tree_of(const Files& files) {
    TreeScenario scenario;
    scenario.workers = 1;
    scenario.world.seed = 4;
    scenario.world.filesystem_type = files.filesystem;
    scenario.world.reflink = files.filesystem == xfs_magic;
    scenario.world.reports_residency = true;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.options.reflink = files.reflink;
    scenario.options.sparse = files.sparse;
    scenario.entries = 0;
    return scenario;
}

void add(const Files& files, TreeSimulation& simulation, int first = 0) {
    World& world = simulation.world;
    const InodeNumber in = world.disk.root().names.at("in");
    for (int i = first; i < first + count; ++i) {
        const InodeNumber file = add_file(world, in, std::to_string(i).c_str(),
                                          content_of(std::string(files.size, letter_of(i))), 0644);
        world.sources.insert(file);
        for (uint64_t block = 0; files.cached && block * block_size < files.size; ++block)
            world.disk.at(file).cached.insert(block);
    }
}

// The calls by which the kernel copies a file.
int slices(uint64_t size) {
    return static_cast<int>((size + (256 << 10) - 1) / (256 << 10));
}

// How many of them went that way.
int64_t with_method(const TreeSimulation& simulation, arsync_method method) {
    return std::ranges::count_if(simulation.reports(), [&](const auto& entry) {
        return entry.outcome.action == ARSYNC_ACTION_COPY && entry.outcome.method == method;
    });
}

void check_content(TreeSimulation& simulation, uint64_t size) {
    CHECK(simulation.outcome().result == 0);
    CHECK(simulation.totals().bytes == count * size);
    for (int i = 0; i < count; ++i) {
        const Inode* copied = simulation.target(std::to_string(i));
        REQUIRE(copied);
        CHECK((text_of(copied->content) == std::string(size, letter_of(i))));
    }
}

} // namespace

TEST_CASE("a small file of a tree goes the way that takes the least") {
    const auto way = [](const Files& files, arsync_method expected) {
        TreeSimulation simulation(tree_of(files));
        add(files, simulation);
        simulation.run();
        CAPTURE(files.filesystem);
        CAPTURE(files.size);
        CAPTURE(files.cached);
        CAPTURE(expected);
        check_content(simulation, files.size);
        // Whether blocks can be shared is known when those of one are.
        CHECK(with_method(simulation, expected) == count);
    };
    way({xfs_magic, 4096, true}, ARSYNC_METHOD_INLINE);
    way({xfs_magic, 4096, false}, ARSYNC_METHOD_REFLINK);
    way({xfs_magic, 4097, true}, ARSYNC_METHOD_REFLINK);
    way({xfs_magic, 1 << 20, true}, ARSYNC_METHOD_REFLINK);
    way({xfs_magic, 4096, true, ARSYNC_REFLINK_ALWAYS}, ARSYNC_METHOD_REFLINK);
    way({xfs_magic, 64 << 10, true, ARSYNC_REFLINK_NEVER}, ARSYNC_METHOD_INLINE);
    way({ext4_magic, (32 << 10) - 1, true}, ARSYNC_METHOD_INLINE);
    way({ext4_magic, 32 << 10, true}, ARSYNC_METHOD_COPY_FILE_RANGE);
    way({ext4_magic, 1 << 20, true}, ARSYNC_METHOD_COPY_FILE_RANGE);
    way({ext4_magic, (1 << 20) + 1, true}, ARSYNC_METHOD_INLINE);
    way({ext4_magic, 64 << 10, false}, ARSYNC_METHOD_INLINE);
    way({ext4_magic, 1 << 20, false}, ARSYNC_METHOD_FIXED);
    way({ext4_magic, 64 << 10, true, ARSYNC_REFLINK_NEVER}, ARSYNC_METHOD_INLINE);
    way({ext4_magic, 64 << 10, true, ARSYNC_REFLINK_AUTO, ARSYNC_SPARSE_NEVER},
        ARSYNC_METHOD_INLINE);
}

TEST_CASE("what the kernel does not copy by itself after all is read and written") {
    for (const int error : {EXDEV, ENOSYS, EPERM, EIO})
        for (const uint64_t size : {uint64_t{64 << 10}, uint64_t{1 << 20}})
            for (const int works : {0, 5}) {
                const Files files{ext4_magic, size, true};
                TreeSimulation simulation(tree_of(files));
                add(files, simulation);
                int calls = 0;
                simulation.meanwhile = [&](const Step& step) {
                    return step.call == Call::copy_file_range && ++calls > works * slices(size)
                               ? -error
                               : 0;
                };
                simulation.run();
                CAPTURE(error);
                CAPTURE(size);
                CHECK(calls == works * slices(size) + 1); // nobody else need try
                check_content(simulation, size);
                CHECK(with_method(simulation, ARSYNC_METHOD_COPY_FILE_RANGE) == works);
            }
}

TEST_CASE("where there is no room for a block it is shared") {
    for (const int error : {ENOSPC, EDQUOT}) {
        const Files files{xfs_magic, 4096, true};
        TreeSimulation simulation(tree_of(files));
        add(files, simulation);
        simulation.meanwhile = [&](const Step& step) {
            return step.call == Call::write_now ? -error : 0;
        };
        simulation.run();
        check_content(simulation, files.size);
        CHECK(with_method(simulation, ARSYNC_METHOD_REFLINK) == count);
    }
    TreeSimulation simulation(tree_of({ext4_magic, 4096, true}));
    add({ext4_magic, 4096, true}, simulation);
    simulation.meanwhile = [](const Step& step) {
        return step.call == Call::write_now ? -ENOSPC : 0;
    };
    simulation.run();
    CHECK(simulation.totals().errors == count);
    CHECK(simulation.target("0") == nullptr);
}

TEST_CASE("what is shared is not fetched from the disk before") {
    TreeSimulation simulation(tree_of({xfs_magic, 4096, false}));
    for (int i = 0; i < 10; ++i)
        add({xfs_magic, 4096, false}, simulation, i * count);
    int reads = 0;
    int shared = 0;
    int reads_before = 0; // it is known that blocks can be shared, and that these are not cached
    simulation.meanwhile = [&](const Step& step) {
        reads += step.call == Call::read_cached;
        shared += step.call == Call::reflink;
        if (shared == 5 * count)
            reads_before = reads;
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(with_method(simulation, ARSYNC_METHOD_REFLINK) == 10 * count);
    CHECK(reads_before > 0);
    CHECK(reads == reads_before);
}

TEST_CASE(
    "the kernel is left to copy only what is in memory, has no holes and stays on its device") {
    constexpr uint64_t size = 64 << 10;
    const auto none_by_kernel = [](const Files& files, TreeSimulation& simulation) {
        int calls = 0;
        simulation.meanwhile = [&](const Step& step) {
            calls += step.call == Call::copy_file_range;
            return 0;
        };
        simulation.run();
        CHECK(simulation.outcome().result == 0);
        CHECK(simulation.totals().bytes == count * files.size);
        CHECK(calls == 0);
    };
    const Files files{ext4_magic, size, true};
    SUBCASE("half of it in memory") {
        TreeSimulation simulation(tree_of(files));
        add(files, simulation);
        for (const InodeNumber file : simulation.world.sources)
            simulation.world.disk.at(file).cached.erase(3);
        none_by_kernel(files, simulation);
    }
    SUBCASE("counted, but still being read") {
        TreeSimulation simulation(tree_of(files));
        add(files, simulation);
        int calls = 0;
        simulation.meanwhile = [&](const Step& step) {
            calls += step.call == Call::copy_file_range;
            return step.call == Call::read_cached && step.length == 1 ? -EAGAIN : 0;
        };
        simulation.run();
        check_content(simulation, size);
        CHECK(calls == 0);
    }
    SUBCASE("with holes") {
        TreeSimulation simulation(tree_of(files));
        add(files, simulation);
        for (const InodeNumber number : simulation.world.sources) {
            Inode& file = simulation.world.disk.at(number);
            if (!file.is_file())
                continue;
            file.content.resize(block_size);
            file.content.resize(size);
        }
        none_by_kernel(files, simulation);
    }
    SUBCASE("to another device") {
        TreeScenario scenario = tree_of(files);
        scenario.world.destination_type = ext4_magic;
        TreeSimulation simulation(scenario);
        add(files, simulation);
        none_by_kernel(files, simulation);
    }
}

TEST_CASE("a cancel ends a copy by the kernel between two of its calls") {
    const Files files{ext4_magic, 1 << 20, true};
    TreeSimulation simulation(tree_of(files));
    add(files, simulation);
    int calls = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (step.call == Call::copy_file_range && ++calls == 2)
            simulation.cancel();
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == -ECANCELED);
    CHECK(calls == 2);
}

TEST_CASE("of a file that changes while the kernel copies it, its copy has what is told") {
    constexpr uint64_t size = 64 << 10;
    for (const uint64_t size_then : {uint64_t{0}, block_size, size - 1, size, size + 1}) {
        const Files files{ext4_magic, size, true};
        TreeSimulation simulation(tree_of(files));
        add(files, simulation);
        World& world = simulation.world;
        int calls = 0;
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::copy_file_range && ++calls == count / 2)
                for (const InodeNumber number : world.sources) {
                    world.disk.at(number).content.resize(size_then);
                    world.disk.at(number).attributes.modified.tv_nsec += 1;
                }
            return 0;
        };
        simulation.run();
        CAPTURE(size_then);
        CHECK(simulation.outcome().result == 0);
        unsigned changed = 0;
        for (const auto& entry : simulation.reports()) {
            if (entry.outcome.action != ARSYNC_ACTION_COPY)
                continue;
            const bool is_changed = (entry.outcome.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0;
            changed += is_changed;
            const Inode* copied = simulation.target(entry.path);
            REQUIRE(copied);
            const uint64_t bytes = entry.outcome.bytes;
            CHECK((bytes == size || bytes == size_then));
            std::string expected(std::min(bytes, size), letter_of(std::stoi(entry.path)));
            expected.resize(bytes);
            CHECK((text_of(copied->content) == expected));
            const bool shrank = (entry.outcome.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0;
            CHECK(shrank == (is_changed && bytes < size));
        }
        CHECK(changed > 0);
        CHECK(simulation.is_counted());
    }
}

} // namespace arsync::sim
