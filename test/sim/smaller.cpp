#include "sim/smaller.h"

namespace arsync::sim {

namespace {

// The scenarios that differ from one in a single thing.
template <class Scenario>
class Cuts {
public:
    explicit Cuts(const Scenario& whole) : whole_(whole) {}

    // field(scenario): a reference to what is to be set.
    template <class Field, class Value>
    void set(Field field, Value value) {
        Scenario less = whole_;
        if (field(less) == value)
            return;
        field(less) = value;
        all.push_back(less);
    }
    template <class Field>
    void halve(Field field, uint64_t least) {
        Scenario less = whole_;
        auto& number = field(less);
        if (number <= least)
            return;
        using Number = std::remove_reference_t<decltype(number)>;
        number = static_cast<Number>(least + (number - least) / 2);
        all.push_back(less);
    }

    template <class World>
    void cut_world(World world) {
        const WorldOptions plain;
        set(
            [&](Scenario & s) -> auto& { return world(s).short_percent; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return world(s).interrupt_percent; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return world(s).uncached_percent; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return world(s).untyped_percent; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return world(s).spare_blocks; }, 0ul);
        set(
            [&](Scenario & s) -> auto& { return world(s).room_for_dirty_pages; }, 0ul);
        set(
            [&](Scenario & s) -> auto& { return world(s).is_settled; }, false);
        set(
            [&](Scenario & s) -> auto& { return world(s).rotational; }, false);
        set(
            [&](Scenario & s) -> auto& { return world(s).processors; }, 64u);
        set(
            [&](Scenario & s) -> auto& { return world(s).others_lose; }, false);
        set(
            [&](Scenario & s) -> auto& { return world(s).denies_syncfs; }, false);
        set(
            [&](Scenario & s) -> auto& { return world(s).loses_syncfs; }, false);
        set(
            [&](Scenario & s) -> auto& { return world(s).reflink; }, false);
        set(
            [&](Scenario & s) -> auto& { return world(s).filesystem_type; }, ext4_magic);
        set(
            [&](Scenario & s) -> auto& { return world(s).privileged; }, true);
        set(
            [&](Scenario & s) -> auto& { return world(s).temporary_files; }, true);
        set(
            [&](Scenario & s) -> auto& { return world(s).registrations; }, plain.registrations);
    }
    template <class Options>
    void cut_options(Options options) {
        for (uint32_t bit = 0; bit < 32; ++bit) {
            const uint32_t flag = 1u << bit;
            Scenario less = whole_;
            if ((options(less).flags & flag) == 0 || flag == ARSYNC_COPY_RECURSIVE)
                continue;
            options(less).flags &= ~flag;
            all.push_back(less);
        }
        for (uint32_t bit = 0; bit < 8; ++bit) {
            Scenario less = whole_;
            if ((options(less).preserve & 1u << bit) == 0)
                continue;
            options(less).preserve &= ~(1u << bit);
            all.push_back(less);
        }
        set(
            [&](Scenario & s) -> auto& { return options(s).durability; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).backup; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).update; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).replace; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).symlinks; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).cache; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).sparse; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).chunks; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).method; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return options(s).reflink; }, 0u);
    }
    template <class Tree>
    void cut_tree(Tree tree) {
        halve(
            [&](Scenario & s) -> auto& { return tree(s).entries; }, 0);
        halve(
            [&](Scenario & s) -> auto& { return tree(s).directories; }, 0);
        set(
            [&](Scenario & s) -> auto& { return tree(s).linked; }, 0u);
        set(
            [&](Scenario & s) -> auto& { return tree(s).existing; }, false);
        set(
            [&](Scenario & s) -> auto& { return tree(s).folds; }, false);
        set(
            [&](Scenario & s) -> auto& { return tree(s).holed; }, false);
        set(
            [&](Scenario & s) -> auto& { return tree(s).labelled; }, false);
        set(
            [&](Scenario & s) -> auto& { return tree(s).workers; }, 1u);
        set(
            [&](Scenario & s) -> auto& { return tree(s).filter; }, std::string());
        cut_options([&](Scenario & s) -> auto& { return tree(s).options; });
        cut_world([&](Scenario & s) -> auto& { return tree(s).world; });
    }

    std::vector<Scenario> all;

private:
    const Scenario& whole_;
};

} // namespace

std::vector<Scenario> smaller_than(const Scenario& scenario) {
    Cuts<Scenario> cuts(scenario);
    cuts.halve(
        [](Scenario & s) -> auto& { return s.size; }, 0);
    cuts.set(
        [](Scenario & s) -> auto& { return s.layout; }, Layout::dense);
    cuts.set(
        [](Scenario & s) -> auto& { return s.xattrs; }, false);
    cuts.set(
        [](Scenario & s) -> auto& { return s.hides_size; }, false);
    cuts.set(
        [](Scenario & s) -> auto& { return s.in_patches; }, false);
    cuts.set(
        [](Scenario & s) -> auto& { return s.by_directory; }, false);
    if (!scenario.range)
        cuts.set(
            [](Scenario & s) -> auto& { return s.existing; }, Existing::nothing);
    cuts.cut_options([](Scenario & s) -> auto& { return s.options; });
    cuts.cut_world([](Scenario & s) -> auto& { return s.world; });
    return std::move(cuts.all);
}

std::vector<TreeScenario> smaller_than(const TreeScenario& scenario) {
    Cuts<TreeScenario> cuts(scenario);
    cuts.cut_tree([](TreeScenario & s) -> auto& { return s; });
    return std::move(cuts.all);
}

std::vector<ListScenario> smaller_than(const ListScenario& scenario) {
    std::vector<ListScenario> all;
    const size_t count = scenario.items.size();
    for (size_t length = count / 2; length > 0; length /= 2)
        for (size_t at = 0; at + length <= count; at += length) {
            ListScenario less = scenario;
            const auto begin = less.items.begin() + static_cast<std::ptrdiff_t>(at);
            less.items.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
            all.push_back(less);
        }
    Cuts<ListScenario> cuts(scenario);
    cuts.set(
        [](ListScenario & s) -> auto& { return s.in_pieces; }, false);
    cuts.cut_tree([](ListScenario & s) -> auto& { return s.tree; });
    all.insert(all.end(), cuts.all.begin(), cuts.all.end());
    return all;
}

std::vector<LeaseScenario> smaller_than(const LeaseScenario& scenario) {
    Cuts<LeaseScenario> cuts(scenario);
    cuts.halve(
        [](LeaseScenario & s) -> auto& { return s.copies; }, 0);
    cuts.halve(
        [](LeaseScenario & s) -> auto& { return s.leases; }, 1);
    cuts.halve(
        [](LeaseScenario & s) -> auto& { return s.pieces; }, 1);
    cuts.cut_world([](LeaseScenario & s) -> auto& { return s.world; });
    return std::move(cuts.all);
}

} // namespace arsync::sim
