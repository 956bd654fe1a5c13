// Which way large files of a tree go that are in memory, or whose blocks can be shared.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

// Not the same at any two blocks of a file that are neighbours, nor in any two files.
std::string text_of_file(size_t number, uint64_t size) {
    std::string text(size, ' ');
    for (uint64_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (number + i / 1000) % 23);
    return text;
}

TreeScenario tree_on(uint64_t filesystem) {
    TreeScenario scenario;
    scenario.world.seed = 4;
    scenario.world.filesystem_type = filesystem;
    scenario.world.reflink = filesystem == xfs_magic;
    scenario.world.reports_residency = true;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.entries = 0;
    return scenario;
}

class LargeFiles : public TreeSimulation {
public:
    LargeFiles(const TreeScenario& how, const std::vector<uint64_t>& sizes)
        : TreeSimulation(how), sizes_(sizes) {
        const InodeNumber in = world.disk.root().names.at("in");
        for (size_t i = 0; i < sizes.size(); ++i) {
            files_.push_back(add_file(world, in, std::to_string(i).c_str(),
                                      content_of(text_of_file(i, sizes[i])), 0644));
            world.sources.insert(files_.back());
        }
    }
    void hold_in_memory() {
        for (const InodeNumber number : files_) {
            Inode& file = world.disk.at(number);
            for (uint64_t block = 0; block < blocks_for(file.content.size()); ++block)
                file.cached.insert(block);
        }
    }
    Inode& file(size_t number) { return world.disk.at(files_[number]); }

    // Of copies that are there by now.
    int names() {
        int count = 0;
        for (size_t i = 0; i < sizes_.size(); ++i)
            count += target(std::to_string(i)) ? 1 : 0;
        return count;
    }
    int64_t with_method(arsync_method method) const {
        return std::ranges::count_if(reports(), [&](const auto& entry) {
            return entry.outcome.action == ARSYNC_ACTION_COPY && entry.outcome.method == method;
        });
    }
    void check_content() {
        CHECK(outcome().result == 0);
        uint64_t bytes = 0;
        for (size_t i = 0; i < sizes_.size(); ++i) {
            const Inode* copied = target(std::to_string(i));
            REQUIRE(copied);
            CHECK((text_of(copied->content) == text_of_file(i, sizes_[i])));
            bytes += sizes_[i];
        }
        CHECK(totals().bytes == bytes);
        CHECK(totals().files == sizes_.size());
    }

private:
    const std::vector<uint64_t> sizes_;
    std::vector<InodeNumber> files_;
};

constexpr uint64_t above_small = (1 << 20) + 1;
constexpr uint64_t in_parts = (4 << 20) + 5;

} // namespace

TEST_CASE("blocks of a large file are shared at once, and it has no name until they are") {
    TreeScenario scenario = tree_on(xfs_magic);
    SUBCASE("nobody asks for its pages where it has been left alone for long") {
        scenario.world.is_settled = true;
    }
    SUBCASE("and otherwise whether they have been written out") {}
    const std::vector<uint64_t> sizes(5, above_small);
    LargeFiles simulation(scenario, sizes);
    int asked = 0;
    int whole = 0;
    simulation.meanwhile = [&](const Step& step) {
        asked += step.call == Call::page_cache;
        if (step.call == Call::link && step.path != ".")
            ++whole;
        if (step.call == Call::reflink)
            CHECK(simulation.names() == whole);
        return 0;
    };
    simulation.run();
    simulation.check_content();
    CHECK(simulation.with_method(ARSYNC_METHOD_REFLINK) == 5);
    CHECK(asked == (scenario.world.is_settled ? 0 : 2 * 5)); // of both ends
    CHECK(whole == 5);
    CHECK(simulation.pool().first_ring().counters().bytes_reflinked.value() == 5 * above_small);
}

TEST_CASE("a large file that is being written is shared by who can wait for its blocks") {
    LargeFiles simulation(tree_on(xfs_magic), {above_small});
    simulation.file(0).dirty.insert(0);
    simulation.hold_in_memory();
    bool by_length = false; // which is told where it is done at once
    simulation.meanwhile = [&](const Step& step) {
        by_length = by_length || (step.call == Call::reflink && step.length != 0);
        return 0;
    };
    simulation.run();
    simulation.check_content();
    CHECK(simulation.with_method(ARSYNC_METHOD_REFLINK) == 1);
    CHECK_FALSE(by_length);
}

TEST_CASE("a large file whose blocks are shared goes to a name where it may be given none later") {
    TreeScenario scenario = tree_on(xfs_magic);
    scenario.world.is_settled = true;
    LargeFiles simulation(scenario, {above_small, above_small});
    simulation.meanwhile = [](const Step& step) {
        return step.call == Call::link && step.path != "." ? -EPERM : 0;
    };
    simulation.run();
    simulation.check_content();
}

TEST_CASE("of large files that cannot share blocks nothing is left, and the next ones do not try") {
    for (const int error : {EOPNOTSUPP, EXDEV}) {
        TreeScenario scenario = tree_on(xfs_magic);
        scenario.world.is_settled = true;
        LargeFiles simulation(scenario, std::vector<uint64_t>(5, above_small));
        int at_once = 0;
        int removed = 0;
        simulation.meanwhile = [&](const Step& step) {
            removed += step.call == Call::unlink;
            at_once += step.call == Call::reflink && step.length != 0;
            return step.call == Call::reflink ? -error : 0;
        };
        simulation.run();
        CAPTURE(error);
        simulation.check_content();
        CHECK(at_once == 1);
        CHECK(removed == 0);
    }
}

TEST_CASE("the kernel copies what is cached, where there is a file for each processor") {
    // The first ones have company when others come, the last ones none any more.
    const std::pair<unsigned, int> least[] = {{1, 6}, {2, 4}, {4, 1}, {64, 0}};
    for (const auto& each : least) {
        TreeScenario scenario = tree_on(ext4_magic);
        scenario.world.processors = each.first;
        LargeFiles simulation(scenario, std::vector<uint64_t>(6, in_parts));
        simulation.hold_in_memory();
        simulation.run();
        CAPTURE(each.first);
        simulation.check_content();
        const int64_t by_kernel = simulation.with_method(ARSYNC_METHOD_COPY_FILE_RANGE);
        CHECK(by_kernel >= each.second);
        CHECK((by_kernel > 0) == (each.second > 0));
    }
}

TEST_CASE("the kernel does not copy what is not all cached, nor what is not large") {
    TreeScenario scenario = tree_on(ext4_magic);
    scenario.world.processors = 1;
    SUBCASE("a block is missing") {
        LargeFiles simulation(scenario, {in_parts, in_parts});
        simulation.hold_in_memory();
        simulation.file(0).cached.erase(7);
        simulation.file(1).cached.erase(700);
        simulation.run();
        simulation.check_content();
        CHECK(simulation.with_method(ARSYNC_METHOD_COPY_FILE_RANGE) == 0);
    }
    SUBCASE("it is one piece for one thread") {
        LargeFiles simulation(scenario, {in_parts - 5, above_small});
        simulation.hold_in_memory();
        simulation.run();
        simulation.check_content();
        CHECK(simulation.with_method(ARSYNC_METHOD_COPY_FILE_RANGE) == 0);
    }
}

TEST_CASE("what the kernel will not copy is copied all the same, from where it stopped") {
    for (const int error : {EXDEV, EIO}) {
        TreeScenario scenario = tree_on(ext4_magic);
        scenario.world.processors = 1;
        scenario.world.short_percent = 90;
        LargeFiles simulation(scenario, {in_parts, in_parts});
        simulation.hold_in_memory();
        int calls = 0;
        simulation.meanwhile = [&](const Step& step) {
            return step.call == Call::copy_file_range && ++calls % 3 == 0 ? -error : 0;
        };
        simulation.run();
        CAPTURE(error);
        simulation.check_content();
        CHECK(calls >= 3);
    }
}

TEST_CASE("many cold files begin with few buffers, and each with as many as it was asked to have") {
    for (const uint32_t chunks : {0u, 8u}) {
        TreeScenario scenario = tree_on(ext4_magic);
        scenario.world.room_for_dirty_pages = UINT64_MAX;
        scenario.buffer_count = 16;
        scenario.buffer_size = 1 << 20;
        scenario.options.chunks = chunks;
        LargeFiles simulation(scenario, std::vector<uint64_t>(8, in_parts));
        unsigned most = 0; // before it has been found out what more of them bring
        unsigned reads = 0;
        simulation.meanwhile = [&](const Step& step) {
            reads += step.call == Call::read ? 1 : 0;
            if (reads <= 12)
                most = std::max(most, simulation.pool().first_buffers().leased());
            return 0;
        };
        simulation.run();
        CAPTURE(chunks);
        simulation.check_content();
        CHECK(simulation.with_method(ARSYNC_METHOD_DIRECT_BUFFERED) == 8);
        const unsigned usual = usual_pipeline(ARSYNC_METHOD_DIRECT_BUFFERED, 1 << 20).lanes;
        if (chunks == 0)
            CHECK(most == usual);
        else
            CHECK(most > usual);
    }
}

TEST_CASE("who is left alone goes on by as many threads as there are") {
    constexpr uint64_t some_slices = (130 << 20) + 5;
    TreeScenario scenario = tree_on(ext4_magic);
    scenario.world.processors = 2;
    LargeFiles simulation(scenario, {in_parts, some_slices});
    simulation.hold_in_memory();
    simulation.run();
    simulation.check_content();
    uint64_t by_kernel = simulation.pool().first_ring().counters().bytes_offloaded.value();
    CAPTURE(by_kernel);
    CHECK(simulation.with_method(ARSYNC_METHOD_INLINE) >= 1);
    CHECK(by_kernel < some_slices);
}

} // namespace arsync::sim
