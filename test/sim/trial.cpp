#include "sim/trial.h"

#include "copy/question.h"
#include "sim/catalogue.h"
#include "sim/fate.h"
#include "sim/lease_simulation.h"
#include "sim/list_checks.h"
#include "sim/smaller.h"
#include "sim/tree_checks.h"

namespace arsync::sim {

std::string describe(const Fate& fate) {
    std::string text;
    const auto at = [&](const char* what, uint64_t number) {
        if (number != never)
            text += std::string(what) + std::to_string(number) + "; ";
    };
    for (const Faults::Planned& one : fate.failures)
        at("a call fails at step ", one.step);
    at("cancelled at step ", fate.cancel_at);
    at("the power goes at step ", fate.crash_at);
    at("somebody changes something at step ", fate.change_at);
    at(fate.forgets ? "the device forgets write " : "the device damages write ",
       fate.damaged_write);
    at("STOP is the answer to question ", fate.stop_at_question);
    at("paused at step ", fate.pause_at);
    if (fate.lie != Lie::none)
        text += "of a source a look tells " + describe(fate.lie) + "; ";
    if (fate.never_answers)
        text += "no question is answered; ";
    return text.empty() ? "nothing happens to it" : text.substr(0, text.size() - 2);
}

std::vector<uint64_t*> Fate::steps() {
    std::vector<uint64_t*> all;
    for (Faults::Planned& one : failures)
        all.push_back(&one.step);
    for (uint64_t* at : {&cancel_at, &crash_at, &change_at, &pause_at})
        if (*at != never)
            all.push_back(at);
    return all;
}

std::vector<Fate> Fate::smaller() const {
    std::vector<Fate> all;
    for (size_t i = 0; i < failures.size(); ++i) {
        all.push_back(*this);
        all.back().failures.erase(all.back().failures.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const auto event : {&Fate::cancel_at, &Fate::crash_at, &Fate::change_at,
                             &Fate::stop_at_question, &Fate::damaged_write, &Fate::pause_at})
        if (this->*event != never) {
            all.push_back(*this);
            all.back().*event = never;
        }
    if (lie != Lie::none) {
        all.push_back(*this);
        all.back().lie = Lie::none;
    }
    return all;
}

namespace {

void add_event(Fate& fate, Random& random, const Possible& possible, uint64_t kind) {
    const uint64_t step = random.below(random.of({30ul, 120ul, 400ul}));
    switch (kind) {
    case 0:
    case 1:
    case 2:
        fate.failures.push_back({step, random.next()});
        break;
    case 3:
        fate.cancel_at = step;
        break;
    case 4:
        fate.crash_at = step;
        break;
    case 5:
        fate.never_answers = possible.questions && random.percent(50);
        if (possible.questions && !fate.never_answers)
            fate.stop_at_question = random.below(5);
        break;
    case 6:
        if (possible.changes)
            fate.change_at = step;
        break;
    case 7:
        if (possible.damage) {
            fate.damaged_write = random.below(random.of({2ul, 20ul, 100ul}));
            fate.forgets = random.percent(50);
        }
        break;
    default:
        break;
    }
}

} // namespace

Fate choose_fate(Random& random, const Possible& possible) {
    constexpr uint64_t kinds = 9, that_happen = 8;
    Fate fate;
    if (random.percent(75)) {
        add_event(fate, random, possible, random.below(kinds));
        return fate;
    }
    for (uint64_t left = 2 + random.below(3); left > 0; --left)
        add_event(fate, random, possible, random.below(that_happen));
    return fate;
}

void choose_pause_and_lie(Random& random, Fate& fate) {
    if (random.percent(12))
        fate.pause_at = random.below(random.of({30ul, 120ul, 400ul}));
    const bool lies = random.percent(8);
    if (lies && fate.change_at == never) // or nobody could say what was wrong of it
        fate.lie = static_cast<Lie>(1 + random.below(5));
}

namespace {

template <class Simulation>
void apply(const Fate& fate, Simulation& simulation) {
    simulation.faults.planned = fate.failures;
    simulation.cancel_at = fate.cancel_at;
    simulation.crash_at = fate.crash_at;
    if constexpr (requires { simulation.pool(); }) {
        simulation.pool().never_answers = fate.never_answers;
        simulation.pool().stop_at_question = fate.stop_at_question;
    }
    if constexpr (requires { simulation.change_at; })
        simulation.change_at = fate.change_at;
    simulation.pause_at = fate.pause_at;
    if constexpr (requires { simulation.lie; })
        simulation.lie = fate.lie;
    simulation.world.damaged_write = fate.damaged_write;
    simulation.world.forgets = fate.forgets;
}

template <class Scenario, class Simulation>
class TrialOf final : public Trial {
public:
    TrialOf(const Scenario& what, const Fate& fate) : scenario_(what), fate_(fate) {}

    std::string run(const Trace& trace) const override {
        Simulation simulation(scenario_);
        apply(fate_, simulation);
        simulation.world.trace = trace;
        simulation.run();
        simulation.world.note("the job ends with " + name_of_result(simulation.outcome().result) +
                              " at stage " + arsync_stage_name(simulation.outcome().stage));
        simulation.world.trace = {};
        check_result(simulation);
        return report(simulation);
    }
    std::string describe() const override {
        return sim::describe(scenario_) + "\n  " + sim::describe(fate_);
    }
    std::vector<std::unique_ptr<Trial>> smaller() const override {
        std::vector<std::unique_ptr<Trial>> all;
        for (const Scenario& scenario : smaller_than(scenario_))
            all.push_back(std::make_unique<TrialOf>(scenario, fate_));
        for (const Fate& fate : fate_.smaller())
            all.push_back(std::make_unique<TrialOf>(scenario_, fate));
        return all;
    }
    std::unique_ptr<Trial> at_step(uint64_t step) const override {
        return fate_.has_step() ? std::make_unique<TrialOf>(scenario_, fate_.at_step(step))
                                : nullptr;
    }

private:
    const Scenario scenario_;
    const Fate fate_;
};

} // namespace

namespace {

// Where what becomes of a name depends on which of two came first, the rest is kept plain.
void fold_names(TreeScenario& scenario) {
    scenario.folds = true;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.options.flags &= ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_VERIFY;
    scenario.options.backup = ARSYNC_BACKUP_NONE;
    scenario.options.update = ARSYNC_UPDATE_ALL;
    scenario.options.symlinks = ARSYNC_SYMLINKS_KEEP;
    scenario.filter.clear();
    scenario.world.others_lose = false;
}

} // namespace

std::unique_ptr<Trial> trial_of(uint64_t seed) {
    Random random(seed * 104'729 + 1);
    Random more(seed * 32'452'843 + 7);
    const uint64_t kind = seed % 10;
    if (kind < 2) {
        Fate fate = choose_fate(random, {false, true, true});
        choose_pause_and_lie(more, fate);
        return std::make_unique<TrialOf<Scenario, Simulation>>(choose_copy(seed), fate);
    }
    if (kind < 5) {
        TreeScenario scenario = choose_tree(seed);
        Fate fate = choose_fate(random, {asks_first(scenario.options), true, true});
        choose_pause_and_lie(more, fate);
        if (fate.has_step() || fate.damaged_write != never || fate.lie != Lie::none)
            scenario.options.report = ARSYNC_REPORT_ALL; // for who judges
        if (random.percent(10))
            fold_names(scenario);
        return std::make_unique<TrialOf<TreeScenario, TreeSimulation>>(scenario, fate);
    }
    if (kind < 9) {
        const bool folds = random.percent(10);
        ListScenario scenario = choose_list(seed, folds);
        Fate fate = choose_fate(random, {asks_first(scenario.options()), true, true});
        choose_pause_and_lie(more, fate);
        if (fate.damaged_write != never) {
            scenario.tree.options.report = ARSYNC_REPORT_ALL; // for who judges
            if (random.percent(50))
                scenario.tree.options.flags |= ARSYNC_COPY_VERIFY;
        }
        return std::make_unique<TrialOf<ListScenario, ListSimulation>>(scenario, fate);
    }
    Fate fate = choose_fate(random, {});
    choose_pause_and_lie(more, fate);
    return std::make_unique<TrialOf<LeaseScenario, LeaseSimulation>>(choose_leases(seed), fate);
}

namespace {

// Itself, or with what happens to it at another step, for with less in it there are others.
std::unique_ptr<Trial> wrong_one_of(std::unique_ptr<Trial> trial) {
    if (!trial->run().empty())
        return trial;
    constexpr uint64_t steps_tried = 120;
    for (uint64_t step = 0; step < steps_tried; ++step) {
        std::unique_ptr<Trial> other = trial->at_step(step);
        if (!other)
            return nullptr;
        if (!other->run().empty())
            return other;
    }
    return nullptr;
}

} // namespace

std::unique_ptr<Trial> shrink(std::unique_ptr<Trial> wrong) {
    for (bool more = true; more;) {
        more = false;
        for (std::unique_ptr<Trial>& candidate : wrong->smaller()) {
            std::unique_ptr<Trial> found = wrong_one_of(std::move(candidate));
            if (!found)
                continue;
            wrong = std::move(found);
            more = true;
            break;
        }
    }
    return wrong;
}

} // namespace arsync::sim
