// What takes as long as a file is large is done on another thread, for which nobody waits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "copy/huge.h"
#include "sim/catalogue.h"

namespace arsync::sim {

namespace {

// Looks at each step of a copy.
class Watch {
public:
    explicit Watch(Simulation& copy) : copy_(copy) {}

    void look(const Step& step) {
        if (!takes_long(step))
            return;
        ++found;
        waited_for += !copy_.world.aside;
    }
    unsigned found = 0;
    unsigned waited_for = 0;

private:
    bool takes_long(const Step& step) {
        switch (step.call) {
        case Call::truncate:
            return step.offset == 0 && is_huge_one(opened(step.fd));
        case Call::unlink:
            return is_huge_one(copy_.world.disk.find(copy_.directory(), "target"));
        case Call::rename: // over what has that name
            return is_huge_one(copy_.world.disk.find(copy_.directory(), "target"));
        case Call::close: {
            const Inode* const inode = opened(step.fd);
            return is_huge_one(inode) && inode->links == 0 && opens(inode->number) == 1;
        }
        default:
            return false;
        }
    }
    const Inode* opened(int fd) {
        World& world = copy_.world;
        return world.open(fd) ? &world.disk.at(world.descriptor(fd)->inode) : nullptr;
    }
    int64_t opens(InodeNumber number) {
        const std::vector<int> all = copy_.world.open_descriptors();
        return std::count_if(all.begin(), all.end(),
                             [&](int fd) { return copy_.world.descriptor(fd)->inode == number; });
    }
    static bool is_huge_one(const Inode* inode) {
        return inode && inode->is_file() && is_huge(inode->content.blocks_allocated() * block_size);
    }

    Simulation& copy_;
};

Scenario of_size(uint64_t size) {
    Scenario scenario = by_method(ARSYNC_METHOD_FIXED, size);
    scenario.buffer_size = 256 * 1024;
    return scenario;
}

constexpr uint64_t huge_size = huge_min + 5000;

} // namespace

TEST_CASE("a huge file that gives way does so aside") {
    for (const auto replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_REMOVE}) {
        Scenario scenario = of_size(huge_size / 2); // over one of twice that
        scenario.existing = Existing::larger;
        scenario.options.replace = replace;
        Simulation simulation(scenario);
        Watch watch(simulation);
        simulation.meanwhile = [&](const Step& step) { watch.look(step); };
        expect_copied(simulation);
        CAPTURE(replace);
        CHECK(watch.found == 1);
        CHECK(watch.waited_for == 0);
    }
}

TEST_CASE("a huge file that gets no name goes aside, and so does a source without one") {
    enum class Fate { fails, is_cancelled, cannot_be_linked, source_is_removed };
    for (const Fate fate :
         {Fate::fails, Fate::is_cancelled, Fate::cannot_be_linked, Fate::source_is_removed}) {
        Simulation simulation(of_size(huge_size));
        World& world = simulation.world;
        Watch watch(simulation);
        bool happened = false;
        simulation.refuse = [&](const Step& step) {
            watch.look(step);
            const bool late = step.call == Call::write && step.offset >= huge_min;
            if (fate == Fate::cannot_be_linked && step.call == Call::link) {
                happened = true;
                return -EPERM;
            }
            if (!late || happened || fate == Fate::cannot_be_linked)
                return 0;
            happened = true;
            if (fate == Fate::is_cancelled)
                simulation.cancel();
            if (fate == Fate::source_is_removed)
                world.change_names(world.disk.root().names.at("in"), {{"source", std::nullopt}});
            return fate == Fate::fails ? -ENOSPC : 0;
        };
        simulation.run();
        CAPTURE(static_cast<int>(fate));
        CHECK(happened);
        CHECK(watch.found == 1);
        CHECK(watch.waited_for == 0);
    }
}

} // namespace arsync::sim
