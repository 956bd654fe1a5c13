// A source on a disk that has to seek: in which order what is not cached is read, and by how many.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

TreeScenario of_disk(bool rotational, unsigned workers = 1) {
    TreeScenario scenario;
    scenario.world.seed = 5;
    scenario.world.rotational = rotational;
    scenario.world.uncached_percent = 0; // of names, once they were opened
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.directories = scenario.entries = 0;
    scenario.workers = workers;
    return scenario;
}

// A tree to which files are added, and what is read of them by which steps.
class Reading : public TreeSimulation {
public:
    explicit Reading(const TreeScenario& how) : TreeSimulation(how) {
        meanwhile = [this](const Step& step) {
            note(step);
            return 0;
        };
    }
    InodeNumber in() const { return world.disk.root().names.at("in"); }
    void add(InodeNumber directory, unsigned count, uint64_t size, bool cached) {
        for (unsigned i = 0; i < count; ++i) {
            const std::string name = (cached ? "cached" : "cold") + std::to_string(i);
            const InodeNumber file =
                add_file(world, directory, name.c_str(), content_of(std::string(size, 'x')), 0644);
            world.sources.insert(file);
            directory_of[file] = directory;
            for (const auto& [block, data] : world.disk.at(file).content.blocks())
                if (cached)
                    world.disk.at(file).cached.insert(block);
        }
    }
    // But for what is there of the files that were added after the tree was known.
    std::string problems() const {
        std::string all;
        for (const std::string& problem : world.problems)
            if (problem.find("a name that should not be there") == std::string::npos &&
                problem.find("is extra") == std::string::npos)
                all += problem + "\n";
        return all;
    }
    std::map<InodeNumber, InodeNumber> directory_of;
    std::vector<InodeNumber> read_ahead; // files
    std::vector<InodeNumber> read;       // those that the ring reads, each time that it is another
    unsigned places_asked = 0;

private:
    void note(const Step& step) {
        places_asked += step.call == Call::place_on_disk;
        const Description* const open = step.fd >= 0 ? world.descriptor(step.fd) : nullptr;
        if (step.call == Call::read_ahead && open)
            read_ahead.push_back(open->inode);
        if (step.call == Call::read && open && (read.empty() || read.back() != open->inode))
            read.push_back(open->inode);
    }
};

bool is_in_order(const std::vector<InodeNumber>& files) {
    return std::is_sorted(files.begin(), files.end(),
                          [](InodeNumber a, InodeNumber b) { return place_of(a) < place_of(b); });
}

} // namespace

TEST_CASE("what is not cached of a directory on a rotational disk is read in the disk's order") {
    Reading reading(of_disk(true));
    reading.add(reading.in(), 300, 3000, false);
    reading.add(reading.in(), 20, 3000, true);
    reading.run();
    CHECK(reading.outcome().result == 0);
    CHECK(reading.read_ahead.size() == 300); // all of them at once, more than a usual listing
    CHECK(is_in_order(reading.read_ahead));
    CHECK(reading.problems() == "");
}

TEST_CASE("on other disks no order is asked for, nor of what is to be in cp's") {
    for (const bool rotational : {true, false}) {
        TreeScenario scenario = of_disk(rotational);
        if (rotational)
            scenario.options.backup = ARSYNC_BACKUP_SIMPLE;
        Reading reading(scenario);
        reading.add(reading.in(), 100, 3000, false);
        reading.run();
        CHECK(reading.outcome().result == 0);
        CHECK(reading.read_ahead.empty());
        CHECK(reading.places_asked == 0);
    }
}

TEST_CASE("two workers read the directories of a rotational disk one after the other") {
    Reading reading(of_disk(true, 2));
    constexpr unsigned directories = 12;
    reading.add(reading.in(), 100, 100, true); // enough to call the other
    for (unsigned i = 0; i < directories; ++i)
        reading.add(add_directory(reading.world, reading.in(), std::to_string(i).c_str()), 20, 3000,
                    false);
    reading.run();
    CHECK(reading.outcome().result == 0);
    CHECK(reading.helped());
    CHECK(reading.read_ahead.size() == 20 * directories);
    std::set<InodeNumber> seen;
    InodeNumber last = 0;
    for (const InodeNumber file : reading.read_ahead) {
        const InodeNumber directory = reading.directory_of[file];
        if (directory != last)
            CHECK(seen.insert(directory).second);
        last = directory;
    }
}

TEST_CASE("of large files on a rotational disk one is read at a time") {
    for (const unsigned workers : {1u, 2u}) {
        TreeScenario scenario = of_disk(true, workers);
        scenario.world.direct_offset_align = scenario.world.direct_memory_align = 0;
        scenario.buffer_size = 1 << 20;
        Reading reading(scenario);
        for (unsigned i = 0; i < 3; ++i)
            reading.add(add_directory(reading.world, reading.in(), std::to_string(i).c_str()), 3,
                        5 << 20, false);
        reading.run();
        CHECK(reading.outcome().result == 0);
        CHECK(reading.read_ahead.empty());
        std::vector<InodeNumber> read = reading.read;
        std::sort(read.begin(), read.end());
        CHECK(read.size() == 9);
        CHECK(std::adjacent_find(read.begin(), read.end()) == read.end());
    }
}

TEST_CASE("a directory on a rotational disk is copied whatever its files' places are called") {
    for (const Call call : {Call::place_on_disk, Call::read_ahead, Call::open_beneath}) {
        Reading reading(of_disk(true));
        reading.add(reading.in(), 50, 3000, false);
        const auto note = reading.meanwhile;
        reading.meanwhile = [&](const Step& step) {
            note(step);
            return step.call == call && reading.world.aside == (call != Call::read_ahead) ? -EIO
                                                                                          : 0;
        };
        reading.run();
        CHECK(reading.outcome().result == 0);
        CHECK(reading.totals().files == 50);
        CHECK(reading.problems() == "");
    }
}

} // namespace arsync::sim
