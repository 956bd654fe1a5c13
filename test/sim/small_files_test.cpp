// Which way a new file of a tree goes, if it is small.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <utility>

#include "copy/tree/together.h"
#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

constexpr int count = 20;
constexpr int together = Together::most;

// Of each file another text, which is not the same at any two of its blocks that are neighbours.
std::string text_of_file(int number, uint64_t size) {
    std::string text(size, ' ');
    for (uint64_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (static_cast<uint64_t>(number) + i / 1000) % 23);
    return text;
}

struct Files {
    uint64_t filesystem;
    uint64_t size;
    bool cached;
    arsync_reflink reflink = ARSYNC_REFLINK_AUTO;
    arsync_sparse sparse = ARSYNC_SPARSE_AUTO;
    arsync_method method = ARSYNC_METHOD_AUTO;
};

// A tree of such files, all of one size.
TreeScenario tree_of(const Files& files) {
    TreeScenario scenario;
    scenario.workers = 1;
    scenario.world.seed = 4;
    scenario.world.filesystem_type = files.filesystem;
    scenario.world.reflink = files.filesystem == xfs_magic || files.filesystem == btrfs_magic;
    scenario.world.reports_residency = true;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.options.reflink = files.reflink;
    scenario.options.sparse = files.sparse;
    scenario.options.method = files.method;
    scenario.entries = 0;
    return scenario;
}

void add(const Files& files, TreeSimulation& simulation, int first = 0) {
    World& world = simulation.world;
    const InodeNumber in = world.disk.root().names.at("in");
    for (int i = first; i < first + count; ++i) {
        const InodeNumber file = add_file(world, in, std::to_string(i).c_str(),
                                          content_of(text_of_file(i, files.size)), 0644);
        world.sources.insert(file);
        for (uint64_t block = 0; files.cached && block * block_size < files.size; ++block)
            world.disk.at(file).cached.insert(block);
    }
}

class SmallFiles : public TreeSimulation {
public:
    SmallFiles(const TreeScenario& how, const Files& files) : TreeSimulation(how) {
        add(files, *this);
    }
    explicit SmallFiles(const Files& files) : SmallFiles(tree_of(files), files) {}
};

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
        CHECK((text_of(copied->content) == text_of_file(i, size)));
    }
}

} // namespace

TEST_CASE("a small file of a tree goes the way that takes the least") {
    const auto way = [](const Files& files, arsync_method expected) {
        SmallFiles simulation(files);
        simulation.run();
        CAPTURE(files.filesystem);
        CAPTURE(files.size);
        CAPTURE(files.cached);
        CAPTURE(expected);
        check_content(simulation, files.size);
        // Whether blocks can be shared is known when those of one are.
        CHECK(with_method(simulation, expected) == count);
    };
    way({xfs_magic, 0, true}, ARSYNC_METHOD_INLINE);
    way({btrfs_magic, 0, true}, ARSYNC_METHOD_INLINE);
    way({xfs_magic, 4096, true}, ARSYNC_METHOD_INLINE);
    way({xfs_magic, 4096, false}, ARSYNC_METHOD_REFLINK);
    way({btrfs_magic, 4096, true}, ARSYNC_METHOD_REFLINK);
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
    way({ext4_magic, 64 << 10, true, ARSYNC_REFLINK_AUTO, ARSYNC_SPARSE_AUTO, ARSYNC_METHOD_INLINE},
        ARSYNC_METHOD_INLINE);
}

TEST_CASE("what the kernel does not copy by itself after all is read and written") {
    for (const int error : {EXDEV, ENOSYS, EPERM, EIO})
        for (const uint64_t size : {uint64_t{64 << 10}, uint64_t{1 << 20}})
            for (const int works : {0, 5}) {
                const Files files{ext4_magic, size, true};
                SmallFiles simulation(files);
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

TEST_CASE("what was made in vain and cannot be removed is told, and not that it is in the way") {
    for (const bool always : {false, true}) {
        SmallFiles simulation({ext4_magic, 1 << 20, true});
        std::string failed;
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::unlink && (failed.empty() || always)) {
                failed = step.path;
                return -EROFS;
            }
            return step.call == Call::copy_file_range ? -EXDEV : 0;
        };
        simulation.run();
        CHECK(simulation.totals().errors == 1); // only the first is made in vain
        CHECK(simulation.totals().files == count - 1);
        for (const auto& entry : simulation.reports())
            if (entry.outcome.result < 0) {
                CHECK(entry.outcome.result == -EROFS);
                CHECK(entry.outcome.stage == ARSYNC_STAGE_REMOVE);
                CHECK(entry.path == failed);
            }
        CHECK((simulation.target(failed) != nullptr) == always); // it is tried once more
    }
}

TEST_CASE("where there is no room for a block it is shared") {
    for (const int error : {ENOSPC, EDQUOT}) {
        const Files files{xfs_magic, 4096, true};
        SmallFiles simulation(files);
        simulation.meanwhile = [&](const Step& step) {
            return step.call == Call::write_now ? -error : 0;
        };
        simulation.run();
        check_content(simulation, files.size);
        CHECK(with_method(simulation, ARSYNC_METHOD_REFLINK) == count);
    }
    SmallFiles simulation({ext4_magic, 4096, true});
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
        SmallFiles simulation(files);
        for (const InodeNumber file : simulation.world.sources)
            simulation.world.disk.at(file).cached.erase(3);
        none_by_kernel(files, simulation);
    }
    SUBCASE("counted, but still being read") {
        SmallFiles simulation(files);
        int calls = 0;
        simulation.meanwhile = [&](const Step& step) {
            calls += step.call == Call::copy_file_range;
            return step.call == Call::read_cached && step.length == 1 && step.offset == size - 1
                       ? -EAGAIN
                       : 0;
        };
        simulation.run();
        check_content(simulation, size);
        CHECK(calls == 0);
    }
    SUBCASE("with holes") {
        SmallFiles simulation(files);
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
        SmallFiles simulation(scenario, files);
        none_by_kernel(files, simulation);
    }
}

TEST_CASE("a cancel ends a copy by the kernel between two of its calls") {
    const Files files{ext4_magic, 1 << 20, true};
    SmallFiles simulation(files);
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
    const auto changes = [](uint64_t size, uint64_t size_then, bool is_later) {
        const Files files{ext4_magic, size, true};
        SmallFiles simulation(files);
        World& world = simulation.world;
        int calls = 0;
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::copy_file_range && ++calls == count / 2)
                for (const InodeNumber number : world.sources) {
                    world.disk.at(number).content.resize(size_then);
                    world.disk.at(number).attributes.modified.tv_nsec += is_later;
                }
            return 0;
        };
        simulation.run();
        CAPTURE(size);
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
            std::string expected = text_of_file(std::stoi(entry.path), std::min(bytes, size));
            expected.resize(bytes);
            CHECK((text_of(copied->content) == expected));
            const bool shrank = (entry.outcome.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0;
            CHECK(shrank == (is_changed && bytes < size));
        }
        CHECK(changed > 0);
        CHECK(simulation.is_counted());
    };
    constexpr uint64_t one = 64 << 10;
    for (const uint64_t size_then : {uint64_t{0}, block_size, one - 1, one, one + 1})
        changes(one, size_then, true);
    changes(one, one + 1, false);        // within one tick of the clock
    changes(300 << 10, 600 << 10, true); // as the second of two slices is copied
}

TEST_CASE("a small file is written whole where writes are short, or cannot be had at once") {
    for (const bool is_short : {true, false})
        for (const Files& files :
             {Files{xfs_magic, 4096, true}, Files{ext4_magic, (32 << 10) - 1, true}}) {
            TreeScenario scenario = tree_of(files);
            scenario.world.short_percent = is_short ? 60 : 0;
            SmallFiles simulation(scenario, files);
            int writes = 0;
            simulation.meanwhile = [&](const Step& step) {
                const bool refused = !is_short && step.call == Call::write_now && ++writes % 3 == 0;
                return refused ? -EAGAIN : 0;
            };
            simulation.run();
            CAPTURE(is_short);
            CAPTURE(files.size);
            CHECK(simulation.totals().errors == 0);
            check_content(simulation, files.size);
            CHECK(simulation.is_counted());
            const Counters& counters = simulation.pool().first_ring().counters();
            CHECK((counters.short_transfers.value() > 0) == is_short);
        }
}

namespace {

// Of what is shared without a coroutine the length is told.
bool shares_at_once(const Step& step) {
    return step.call == Call::reflink && step.length != 0;
}

int shared_at_once(TreeSimulation& simulation) {
    int calls = 0;
    simulation.meanwhile = [&](const Step& step) {
        calls += shares_at_once(step);
        return 0;
    };
    simulation.run();
    return calls;
}

} // namespace

TEST_CASE("what is shared at once is known to be on the disk, without holes, and of its size") {
    const Files files{xfs_magic, 64 << 10, true};
    SUBCASE("it is") {
        SmallFiles simulation(files);
        CHECK(shared_at_once(simulation) > 0);
        check_content(simulation, files.size);
    }
    SUBCASE("a block is yet to be written there") {
        SmallFiles simulation(files);
        for (const InodeNumber number : simulation.world.sources)
            if (Inode& file = simulation.world.disk.at(number); file.is_file())
                file.dirty.insert(files.size / block_size - 1);
        CHECK(shared_at_once(simulation) == 0);
        check_content(simulation, files.size);
        CHECK(with_method(simulation, ARSYNC_METHOD_REFLINK) == count);
    }
    SUBCASE("nobody tells") {
        TreeScenario scenario = tree_of(files);
        scenario.world.reports_residency = false;
        SmallFiles simulation(scenario, files);
        CHECK(shared_at_once(simulation) == 0);
        check_content(simulation, files.size);
        CHECK(with_method(simulation, ARSYNC_METHOD_REFLINK) == count);
    }
    SUBCASE("a server's size is of a moment ago") {
        TreeScenario scenario = tree_of({nfs_magic, files.size, true});
        scenario.world.reflink = true;
        SmallFiles simulation(scenario, files);
        CHECK(shared_at_once(simulation) == 0);
        check_content(simulation, files.size);
        CHECK(with_method(simulation, ARSYNC_METHOD_REFLINK) == count);
    }
    SUBCASE("of holes it is told how many bytes they are") {
        SmallFiles simulation(files);
        for (const InodeNumber number : simulation.world.sources) {
            Inode& file = simulation.world.disk.at(number);
            if (!file.is_file())
                continue;
            file.content.resize(block_size);
            file.content.resize(files.size);
        }
        CHECK(shared_at_once(simulation) == 0);
        CHECK(simulation.outcome().result == 0);
        for (const auto& entry : simulation.reports())
            CHECK((entry.outcome.action != ARSYNC_ACTION_COPY ||
                   entry.outcome.hole_bytes == files.size - block_size));
    }
    SUBCASE("what is to leave memory is dropped from there") {
        TreeScenario scenario = tree_of(files);
        scenario.options.cache = ARSYNC_CACHE_DROP;
        SmallFiles simulation(scenario, files);
        CHECK(shared_at_once(simulation) == 0);
        check_content(simulation, files.size);
    }
}

TEST_CASE("where the page cache does not tell, the kernel is not left to copy") {
    const Files files{ext4_magic, 64 << 10, true};
    TreeScenario scenario = tree_of(files);
    scenario.world.reports_residency = false;
    SmallFiles simulation(scenario, files);
    simulation.run();
    check_content(simulation, files.size);
    CHECK(with_method(simulation, ARSYNC_METHOD_INLINE) == count);
}

TEST_CASE(
    "on an overlay what is in memory goes at once, and each eighth file is asked whether it is") {
    for (const uint64_t size : {uint64_t{0}, uint64_t{3000}, uint64_t{64} << 10}) {
        const bool by_kernel = size > (32 << 10);
        SmallFiles simulation(
            {overlay_magic, size, true, by_kernel ? ARSYNC_REFLINK_AUTO : ARSYNC_REFLINK_NEVER});
        int asked = 0, waited = 0;
        simulation.meanwhile = [&](const Step& step) {
            asked += step.call == Call::page_cache;
            waited += step.call == Call::read; // the ring's
            return 0;
        };
        simulation.run();
        CAPTURE(size);
        check_content(simulation, size);
        if (by_kernel) { // once the first has been refused the sharing
            CHECK(with_method(simulation, ARSYNC_METHOD_COPY_FILE_RANGE) > 0);
            continue;
        }
        CHECK(with_method(simulation, ARSYNC_METHOD_INLINE) == count);
        CHECK(asked == (size == 0 ? 0 : 8 + 2)); // of twenty
        CHECK(waited == 0);
    }
}

TEST_CASE("on an overlay what is not in memory is not taken for it, and comes whole") {
    const Files cached{overlay_magic, 3000, true, ARSYNC_REFLINK_NEVER};
    const Files cold{overlay_magic, 3000, false, ARSYNC_REFLINK_NEVER};
    SmallFiles simulation(cold);
    add(cached, simulation, count);
    int asked = 0;
    simulation.meanwhile = [&](const Step& step) {
        asked += step.call == Call::page_cache;
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(asked > 0);
    for (int i = 0; i < 2 * count; ++i) {
        const Inode* copied = simulation.target(std::to_string(i));
        REQUIRE(copied);
        CHECK((text_of(copied->content) == text_of_file(i, 3000)));
    }
}

TEST_CASE("on an overlay a copy has all that is read, whatever the size says") {
    for (const uint64_t size : {uint64_t{0}, uint64_t{3000}, uint64_t{64} << 10})
        for (const int more : {1000, -1000}) {
            if (size == 0 && more < 0)
                continue;
            const bool by_kernel = size > (32 << 10);
            SmallFiles simulation({overlay_magic, size, true,
                                   by_kernel ? ARSYNC_REFLINK_AUTO : ARSYNC_REFLINK_NEVER});
            World& world = simulation.world;
            bool is_changed = false;
            const uint64_t size_then = size + static_cast<uint64_t>(more);
            simulation.meanwhile = [&](const Step& step) { // after each was asked how long it is
                if ((step.call == Call::read_cached || step.call == Call::copy_file_range) &&
                    !std::exchange(is_changed, true))
                    for (const InodeNumber number : world.sources)
                        if (world.disk.at(number).is_file())
                            world.disk.at(number).content.resize(size_then);
                return 0;
            };
            simulation.run();
            CAPTURE(size);
            CAPTURE(more);
            CHECK(is_changed);
            CHECK(simulation.outcome().result == 0);
            for (int i = 0; i < count; ++i) {
                const Inode* copied = simulation.target(std::to_string(i));
                REQUIRE(copied);
                std::string expected = text_of_file(i, size);
                expected.resize(size_then);
                CHECK((text_of(copied->content) == expected));
            }
        }
}

TEST_CASE("of files of one block those in memory are written, and the others shared") {
    TreeSimulation simulation(tree_of({xfs_magic, 4096, true}));
    for (int i = 0; i < 6; ++i)
        add({xfs_magic, 4096, i % 2 == 0}, simulation, i * count);
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    for (const auto& entry : simulation.reports()) {
        if (entry.outcome.action != ARSYNC_ACTION_COPY)
            continue;
        const bool in_memory = std::stoi(entry.path) / count % 2 == 0;
        CHECK(entry.outcome.method == (in_memory ? ARSYNC_METHOD_INLINE : ARSYNC_METHOD_REFLINK));
    }
}

TEST_CASE("what was shared at once stays whole, and is told as such, if its source then shrinks") {
    const Files files{xfs_magic, 64 << 10, true};
    SmallFiles simulation(files);
    World& world = simulation.world;
    const InodeNumber in = world.disk.root().names.at("in");
    std::string made; // last
    bool has_shared = false;
    bool has_shrunk = false;
    simulation.meanwhile = [&](const Step& step) {
        if (step.call == Call::open && (step.flags & O_CREAT) != 0)
            made = step.path.substr(step.path.rfind('/') + 1);
        const bool looks = step.call == Call::statx && step.subject == Subject::source;
        if (has_shared && looks && !std::exchange(has_shrunk, true)) {
            Inode& source = *world.disk.find(in, made);
            source.content.resize(block_size);
            source.attributes.modified.tv_nsec += 1;
        }
        has_shared = has_shared || shares_at_once(step);
        return 0;
    };
    simulation.run();
    CHECK(has_shrunk);
    int changed = 0;
    for (const auto& entry : simulation.reports()) {
        if ((entry.outcome.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) == 0)
            continue;
        ++changed;
        CHECK(entry.outcome.bytes == files.size);
        CHECK((entry.outcome.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) == 0);
        CHECK((text_of(simulation.target(entry.path)->content) ==
               text_of_file(std::stoi(entry.path), files.size)));
    }
    CHECK(changed == 1);
}

TEST_CASE("what the disk refuses is told at its stage, and no other way is tried") {
    const auto refused = [](const Files& files, Call call, int error, int after, arsync_stage stage,
                            uint64_t errors) {
        SmallFiles simulation(files);
        int calls = 0;
        simulation.meanwhile = [&](const Step& step) {
            return step.call == call && ++calls > after ? -error : 0;
        };
        simulation.run();
        CAPTURE(error);
        CAPTURE(files.size);
        CHECK(simulation.totals().errors == errors);
        for (const auto& entry : simulation.reports())
            if (entry.outcome.result < 0) {
                CHECK(entry.outcome.result == -error);
                CHECK(entry.outcome.stage == stage);
                CHECK(simulation.target(entry.path) == nullptr);
            }
    };
    for (const int error : {EIO, ENOSPC, EDQUOT}) {
        refused({xfs_magic, 8192, true}, Call::reflink, error, 5, ARSYNC_STAGE_REFLINK, count - 5);
        refused({ext4_magic, 8192, true}, Call::write_now, error, 5, ARSYNC_STAGE_WRITE, count - 5);
    }
    for (const int error : {ENOSPC, EDQUOT}) // the others are written
        refused({ext4_magic, 64 << 10, true}, Call::copy_file_range, error, 5,
                ARSYNC_STAGE_COPY_FILE_RANGE, 1);
}

TEST_CASE("where the kernel says 0 of what it cannot copy, all is copied in another way") {
    const Files files{ext4_magic, 64 << 10, true};
    TreeScenario scenario = tree_of(files);
    scenario.world.offload_says_0 = true;
    SmallFiles simulation(scenario, files);
    int calls = 0;
    simulation.meanwhile = [&](const Step& step) {
        calls += step.call == Call::copy_file_range;
        return 0;
    };
    simulation.run();
    check_content(simulation, files.size);
    CHECK(calls > 0);
    CHECK(with_method(simulation, ARSYNC_METHOD_COPY_FILE_RANGE) == 0);
}

TEST_CASE("of what the kernel has copied in part the rest is not held against other files") {
    const Files files{ext4_magic, 1 << 20, true};
    SmallFiles simulation(files);
    int calls = 0;
    simulation.meanwhile = [&](const Step& step) {
        return step.call == Call::copy_file_range && ++calls == 4 * slices(files.size) + 2 ? -EIO
                                                                                           : 0;
    };
    simulation.run();
    check_content(simulation, files.size);
    CHECK(with_method(simulation, ARSYNC_METHOD_COPY_FILE_RANGE) == count - 1);
}

TEST_CASE("small files are read some at a time, and made and written one by one") {
    const auto at_a_time = [](uint64_t size, arsync_backup backup) {
        const Files files{ext4_magic, size, true};
        TreeScenario scenario = tree_of(files);
        scenario.world.uncached_percent = 0;
        scenario.options.backup = backup;
        SmallFiles simulation(scenario, files);
        int read = 0; // and not made
        int most = 0;
        int unwritten = 0;
        simulation.meanwhile = [&](const Step& step) {
            most = std::max(most, read += step.call == Call::read_cached);
            if (step.call == Call::open && (step.flags & O_CREAT) != 0) {
                --read;
                CHECK(++unwritten == 1);
            }
            unwritten -= step.call == Call::write_now;
            return 0;
        };
        simulation.run();
        check_content(simulation, size);
        CHECK(simulation.is_counted());
        return most;
    };
    CHECK(at_a_time(4096, ARSYNC_BACKUP_NONE) == together);
    CHECK(at_a_time(30'000, ARSYNC_BACKUP_NONE) == 2); // what the processor's cache has room for
    CHECK(at_a_time(4096, ARSYNC_BACKUP_SIMPLE) == 1); // where the entries' order counts
}

TEST_CASE("small files that were read with one that fails are not begun where the tree stops") {
    for (const bool cached : {true, false}) {
        const Files files{ext4_magic, 4096, cached};
        TreeScenario scenario = tree_of(files);
        scenario.world.uncached_percent = 0;
        scenario.options.flags |= ARSYNC_COPY_STOP_ON_ERROR;
        SmallFiles simulation(scenario, files);
        int opened = 0;
        int made = 0;
        simulation.meanwhile = [&](const Step& step) {
            const bool opens = step.call == Call::open_beneath && std::isdigit(step.path[0]) != 0;
            made += step.call == Call::open && (step.flags & O_CREAT) != 0;
            if (opens && ++opened == 1 && !cached)
                return -EIO;
            return step.call == Call::open && made == 3 && cached ? -EIO : 0;
        };
        simulation.run();
        CAPTURE(cached);
        CHECK(simulation.outcome().result == -EIO);
        CHECK(opened == together);
        CHECK(made == (cached ? 3 : 0));
        CHECK(simulation.totals().files == (cached ? 2 : 0));
        CHECK(simulation.counts().entries_done == simulation.reports().size());
        CHECK(simulation.counts().entries_total == simulation.reports().size());
    }
}

TEST_CASE("small files that wait to be read together are not counted when the job is cancelled") {
    const Files files{ext4_magic, 4096, false};
    TreeScenario scenario = tree_of(files);
    scenario.world.uncached_percent = 0;
    SmallFiles simulation(scenario, files);
    for (int first = count; first < 5 * count; first += count) // more than go side by side
        add(files, simulation, first);
    simulation.meanwhile = [&](const Step& step) {
        if (step.call == Call::read && step.subject == Subject::source)
            simulation.cancel();
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == -ECANCELED);
    CHECK(simulation.counts().entries_done == simulation.counts().entries_total);
}

TEST_CASE("a small file that has shrunk and whose copy cannot be cut off has failed") {
    const Files files{ext4_magic, 2 * block_size, true};
    SmallFiles simulation(files);
    World& world = simulation.world;
    int writes = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (step.call == Call::write_now && ++writes == count / 2) {
            const std::string path = world.path_of(world.descriptor(step.fd)->inode);
            const InodeNumber in = world.disk.root().names.at("in");
            Inode& source = *world.disk.find(in, path.substr(path.rfind('/') + 1));
            source.content.resize(block_size);
            source.attributes.modified.tv_nsec += 1;
        }
        return step.call == Call::truncate ? -EIO : 0;
    };
    simulation.run();
    CHECK(simulation.totals().errors == 1);
    CHECK(simulation.totals().files == count - 1);
    for (const auto& entry : simulation.reports())
        if (entry.outcome.result < 0) {
            CHECK(entry.outcome.result == -EIO);
            CHECK(simulation.target(entry.path) == nullptr);
        }
}

TEST_CASE("a small file's copy is given up wherever it is cancelled") {
    const Files files{ext4_magic, 4096, true};
    for (const Call call : {Call::open_beneath, Call::write_now, Call::set_times}) {
        TreeScenario scenario = tree_of(files);
        scenario.world.uncached_percent = 0;
        scenario.options.preserve = ARSYNC_PRESERVE_TIMES;
        SmallFiles simulation(scenario, files);
        int made = 0;
        int times = 0; // set, of files
        simulation.meanwhile = [&](const Step& step) {
            const bool opens = step.call == Call::open_beneath && std::isdigit(step.path[0]) != 0;
            if (step.call == call && (opens || step.subject == Subject::destination))
                simulation.cancel();
            made += step.call == Call::open && (step.flags & O_CREAT) != 0;
            times += step.call == Call::set_times && step.subject == Subject::destination;
            return 0;
        };
        simulation.run();
        CAPTURE(name_of(call));
        CHECK(simulation.outcome().result == -ECANCELED);
        CHECK(simulation.totals().files == 0);
        CHECK(made == (call == Call::open_beneath ? 0 : 1));
        CHECK(times == (call == Call::set_times ? 1 : 0));
        for (int i = 0; i < count; ++i)
            CHECK(simulation.target(std::to_string(i)) == nullptr);
    }
}

TEST_CASE("a small file whose close fails is removed, unless another is at its name by now") {
    enum class Then { itself, linked, symlink };
    const Files files{ext4_magic, 4096, true};
    for (const Then then : {Then::itself, Then::linked, Then::symlink}) {
        TreeScenario scenario = tree_of(files);
        SmallFiles simulation(scenario, files);
        World& world = simulation.world;
        int closed = 0;
        std::string failed;
        simulation.meanwhile = [&](const Step& step) {
            if (step.call != Call::close || step.subject != Subject::destination || ++closed != 5)
                return 0;
            const std::string path = world.path_of(world.descriptor(step.fd)->inode);
            failed = path.substr(path.rfind('/') + 1);
            Inode& directory = *world.disk.find(world.disk.root().names.at("out"), "target");
            if (then == Then::linked) {
                world.change_names(directory.number, {{"other", directory.names.at(failed)}});
            } else if (then == Then::symlink) {
                Inode& link = world.make_inode(directory, S_IFLNK | 0777);
                link.target = "nowhere";
                world.change_names(directory.number, {{failed, link.number}});
            }
            return -EIO;
        };
        simulation.run();
        CHECK(closed == count);
        CHECK(simulation.totals().errors == 1);
        CHECK(simulation.totals().files == count - 1);
        for (const auto& entry : simulation.reports())
            if (entry.outcome.result < 0) {
                CHECK(entry.outcome.result == -EIO);
                CHECK(entry.outcome.stage == ARSYNC_STAGE_CLOSE);
                CHECK(entry.path == failed);
            }
        CHECK((simulation.target(failed) == nullptr) == (then == Then::itself));
    }
}

TEST_CASE("what comes to the name of a small new file stays, and is an error") {
    for (const Files& files : {Files{ext4_magic, 4096, true}, Files{ext4_magic, 64 << 10, true},
                               Files{xfs_magic, 64 << 10, true}}) {
        SmallFiles simulation(files);
        World& world = simulation.world;
        std::string taken;
        int made = 0;
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::open && (step.flags & O_CREAT) != 0 && ++made == 5) {
                taken = step.path.substr(step.path.rfind('/') + 1);
                const InodeNumber target =
                    world.disk.find(world.disk.root().names.at("out"), "target")->number;
                add_file(world, target, taken.c_str(), content_of("another's"), 0600);
            }
            return 0;
        };
        simulation.run();
        CHECK(simulation.totals().errors == 1);
        CHECK(simulation.totals().files == count - 1);
        for (const auto& entry : simulation.reports())
            if (entry.outcome.result < 0) {
                CHECK(entry.outcome.result == -EEXIST);
                CHECK(entry.path == taken);
            }
        const Inode* there = simulation.target(taken);
        REQUIRE(there);
        CHECK(text_of(there->content) == "another's");
    }
}

TEST_CASE("a small file that cannot be opened just now, or is stale once, is copied in the end") {
    const Files files{ext4_magic, 4096, true};
    for (const int error : {EMFILE, ENFILE, ESTALE})
        for (const Call call : {Call::open_beneath, Call::open, Call::statx, Call::read_cached}) {
            if (call != Call::open_beneath && call != Call::open && error != ESTALE)
                continue;
            TreeScenario scenario = tree_of(files);
            scenario.world.uncached_percent = 0;
            SmallFiles simulation(scenario, files);
            int calls = 0;
            bool has_begun = false; // some file is being copied
            simulation.meanwhile = [&](const Step& step) {
                const bool makes = call == Call::open && (step.flags & O_CREAT) != 0;
                const bool opens = call == Call::open_beneath && std::isdigit(step.path[0]) != 0;
                // Not the look at what the listing does not tell of, which is by name.
                const bool others = call == Call::statx || call == Call::read_cached;
                const bool reads =
                    others && step.path.empty() && step.subject == Subject::source && has_begun;
                has_begun = has_begun || (step.call == Call::open && (step.flags & O_CREAT) != 0);
                const bool fails = step.call == call && (makes || opens || reads) && ++calls == 9;
                return fails ? -error : 0;
            };
            simulation.run();
            CAPTURE(error);
            CAPTURE(name_of(call));
            CHECK(calls > 9);
            CHECK(simulation.totals().errors == 0);
            check_content(simulation, files.size);
            CHECK(simulation.is_counted());
        }
}

TEST_CASE("a small new file is nobody else's before it has the mode and the ACL of its source") {
    struct Owner {
        uid_t user;
        gid_t group;
    };
    constexpr const char* access = "system.posix_acl_access";
    constexpr const char* inherited = "system.posix_acl_default";
    const auto copies = [](bool has_acl, bool directory_has, uint32_t preserve,
                           const Owner& owner) {
        const Files files{ext4_magic, 4096, true};
        TreeScenario scenario = tree_of(files);
        scenario.options.preserve = preserve;
        SmallFiles simulation(scenario, files);
        World& world = simulation.world;
        for (const InodeNumber number : world.sources) {
            Attributes& source = world.disk.at(number).attributes;
            if (!S_ISREG(source.mode))
                continue;
            source.uid = owner.user;
            source.gid = owner.group;
            if (has_acl)
                source.xattrs[access] = "some may";
        }
        if (directory_has)
            world.disk.at(world.disk.root().names.at("out")).attributes.xattrs[inherited] =
                "all may";
        mode_t shown = 0; // to others, of what has no content yet
        simulation.meanwhile = [&](const Step& step) {
            if (step.call != Call::write_now)
                return 0;
            for (const InodeNumber number : world.disk.numbers()) {
                const Inode& file = world.disk.at(number);
                const bool is_new = file.is_file() && file.content.size() == 0;
                if (is_new && world.subject_of(number) == Subject::destination)
                    shown |= file.attributes.mode & 077;
            }
            return 0;
        };
        simulation.run();
        CAPTURE(has_acl);
        CAPTURE(directory_has);
        CAPTURE(preserve);
        CAPTURE(owner.user);
        CAPTURE(owner.group);
        check_content(simulation, files.size);
        const bool keeps_mode = (preserve & ARSYNC_PRESERVE_MODE) != 0;
        const bool keeps_owner = (preserve & ARSYNC_PRESERVE_OWNER) != 0;
        const bool is_own = owner.user == 0 && owner.group == 0;
        // Who lists no attributes does not know that there is no ACL.
        const bool is_plain = !has_acl && !directory_has && (!keeps_owner || is_own) &&
                              (preserve & ARSYNC_PRESERVE_XATTR) != 0;
        CHECK(shown == (!keeps_mode || is_plain ? 044 : 0));
        for (int i = 0; i < count; ++i) {
            const Attributes& copied = simulation.target(std::to_string(i))->attributes;
            CHECK((copied.mode & 07777) == 0644);
            CHECK(copied.xattrs.contains(access) == (keeps_mode ? has_acl : directory_has));
            if (copied.xattrs.contains(access))
                CHECK(copied.xattrs.at(access) == (keeps_mode ? "some may" : "all may"));
        }
    };
    constexpr uint32_t mode = ARSYNC_PRESERVE_MODE;
    for (const bool has_acl : {false, true})
        for (const bool directory_has : {false, true})
            for (const uint32_t preserve : {uint32_t{0}, mode, mode | ARSYNC_PRESERVE_XATTR})
                copies(has_acl, directory_has, preserve, {0, 0});
    for (const Owner& owner : {Owner{0, 0}, Owner{7, 0}, Owner{0, 7}})
        copies(false, false, mode | ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_OWNER, owner);
}

} // namespace arsync::sim
