// Which way a new file of a tree goes, if it is small.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

constexpr int count = 20;

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

void add(const Files& files, TreeSimulation& simulation) {
    World& world = simulation.world;
    const InodeNumber in = world.disk.root().names.at("in");
    for (int i = 0; i < count; ++i) {
        const InodeNumber file =
            add_file(world, in, std::to_string(i).c_str(),
                     content_of(std::string(files.size, static_cast<char>('a' + i))), 0644);
        world.sources.insert(file);
        for (uint64_t block = 0; files.cached && block * block_size < files.size; ++block)
            world.disk.at(file).cached.insert(block);
    }
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
        CHECK(text_of(copied->content) == std::string(size, static_cast<char>('a' + i)));
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
        CHECK(with_method(simulation, expected) >= count - 1);
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
    for (const int error : {EXDEV, ENOSYS, EPERM, EIO, ENOMEM})
        for (const uint64_t size : {uint64_t{64 << 10}, uint64_t{1 << 20}})
            for (const int works : {0, 5}) {
                const Files files{ext4_magic, size, true};
                TreeSimulation simulation(tree_of(files));
                add(files, simulation);
                int calls = 0;
                simulation.meanwhile = [&](const Step& step) {
                    return step.call == Call::copy_file_range && ++calls > works ? -error : 0;
                };
                simulation.run();
                CAPTURE(error);
                CAPTURE(size);
                CHECK(calls == count);
                check_content(simulation, size);
                CHECK(with_method(simulation, ARSYNC_METHOD_COPY_FILE_RANGE) == works);
            }
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
            changed += (entry.outcome.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0;
            const Inode* copied = simulation.target(entry.path);
            REQUIRE(copied);
            CHECK(copied->content.size() == entry.outcome.bytes);
        }
        CHECK(changed > 0);
    }
}

} // namespace arsync::sim
