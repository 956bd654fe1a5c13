// The copy of a list, run as a pool runs it, by one worker or several; and the same items copied
// one after the other, each as a job of its own, by which it is judged.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "sim/faults.h"
#include "sim/list_scenario.h"
#include "sim/pool.h"
#include "sim/simulation.h"

namespace arsync::sim {

// What became of an item.
struct ItemEnd {
    Outcome outcome;
    arsync_totals totals = {};
    uint32_t flags() const; // those of which the order of items makes no chance
};

// Nothing happens here but the copies. What the header says of items that come after others is said
// here once more: what an earlier one has made stays, and what came before is skipped.
class SerialList {
public:
    // left_out: as if they had failed, and done nothing.
    explicit SerialList(const ListScenario& what, const std::set<size_t>& left_out = {});

    World world;
    std::vector<std::optional<ItemEnd>> items;                   // none: not begun
    std::map<std::pair<uint64_t, std::string>, ItemEnd> entries; // reported, by their items
    SimulatedPool::AskedAbout asked_about;
    uint32_t flags = 0; // of any item
    arsync_totals totals = {};
    bool failed = false;

private:
    void copy(size_t number);
    // What it is known by when it comes again; none: it is not there.
    struct Came {
        InodeNumber source;
        std::string from, to;
        auto operator<=>(const Came&) const = default;
    };
    std::optional<Came> look(size_t number);
    bool repeats(const Came& item) const;
    // The name that it is known by when it has been made.
    std::string made_as(const std::string& destination);
    void add(const arsync_totals& more);

    const ListScenario& scenario_;
    Links links_{true};
    std::set<std::string> made_;
    std::set<Came> came_;
};

class ListSimulation {
public:
    explicit ListSimulation(const ListScenario& what);

    // What is to happen, by the number of the step before which it does.
    uint64_t fail_at = never;
    int fail_with = 0; // a positive errno
    Faults faults; // more of them, with errors that are drawn; fail_with is then the first one's
    uint64_t cancel_at = never;
    uint64_t crash_at = never;
    uint64_t pause_at = never;
    Lie lie = Lie::none;                       // of a look at a source
    std::function<int(const Step&)> meanwhile; // anything else: 0, or a negative errno
    uint64_t change_at = never; // somebody changes a source, or takes a directory away

    void cancel();
    void run();

    const ListScenario scenario;
    World world;

    const Outcome& outcome() const { return job_.outcome; }
    const arsync_totals& totals() const { return job_.totals; }
    const std::vector<SimulatedPool::Event>& events() const { return pool_.events(); }
    uint64_t questions() const { return pool_.questions(); }
    bool helped() const { return pool_.helped(); }
    SimulatedPool& pool() { return pool_; }
    // What somebody has changed; "": nothing.
    const std::string& changed() const { return changed_; }
    bool was_cancelled() const { return job_.control.cancelled(); }
    const std::optional<Step>& failed_step() const { return failed_step_; }
    // As it was to begin with.
    const Disk& original() const { return *original_; }
    InodeNumber root() const { return world.disk.root().number; }
    const ItemEnd* item(size_t number) const;
    // Entries are all done that were found.
    bool is_counted() const;

private:
    bool add_items();
    void take_events();
    int before(const Step& step);

    SimulatedPool pool_;
    Random random_;
    Job job_;
    std::shared_ptr<List> list_;
    size_t added_ = 0;
    bool ended_ = false;
    std::string changed_;
    std::optional<Step> failed_step_;
    std::optional<Disk> original_;
    std::map<size_t, ItemEnd> ends_;
};

} // namespace arsync::sim
