#include "sim/trial.h"

#include <cerrno>

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
    if (fate.fail_at != never)
        text += "fails with " + name_of_result(-fate.fail_with) + " ";
    at("at step ", fate.fail_at);
    at("cancelled at step ", fate.cancel_at);
    at("the power goes at step ", fate.crash_at);
    at("somebody changes something at step ", fate.change_at);
    at("STOP is the answer to question ", fate.stop_at_question);
    if (fate.never_answers)
        text += "no question is answered; ";
    return text.empty() ? "nothing happens to it" : text.substr(0, text.size() - 2);
}

Fate choose_fate(Random& random, bool asks, bool changes) {
    Fate fate;
    const uint64_t step = random.below(random.of({30ul, 120ul, 400ul}));
    switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
        fate.fail_at = step;
        fate.fail_with = random.of({EIO, ENOSPC, EMFILE, EACCES});
        break;
    case 3:
        fate.cancel_at = step;
        break;
    case 4:
        fate.crash_at = step;
        break;
    case 5:
        fate.never_answers = asks && random.percent(50);
        if (asks && !fate.never_answers)
            fate.stop_at_question = random.below(5);
        break;
    case 6:
        if (changes)
            fate.change_at = step;
        break;
    default:
        break;
    }
    return fate;
}

namespace {

template <class Simulation>
void apply(const Fate& fate, Simulation& simulation) {
    simulation.fail_at = fate.fail_at;
    simulation.fail_with = fate.fail_with;
    simulation.cancel_at = fate.cancel_at;
    simulation.crash_at = fate.crash_at;
    if constexpr (requires { simulation.pool(); }) {
        simulation.pool().never_answers = fate.never_answers;
        simulation.pool().stop_at_question = fate.stop_at_question;
    }
    if constexpr (requires { simulation.change_at; })
        simulation.change_at = fate.change_at;
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

std::unique_ptr<Trial> trial_of(uint64_t seed) {
    Random random(seed * 104'729 + 1);
    const uint64_t kind = seed % 10;
    if (kind < 2)
        return std::make_unique<TrialOf<Scenario, Simulation>>(choose_copy(seed),
                                                               choose_fate(random, false, false));
    if (kind < 5) {
        TreeScenario scenario = choose_tree(seed);
        const Fate fate = choose_fate(random, asks_first(scenario.options), false);
        if (fate.fail_at != never)
            scenario.options.report = ARSYNC_REPORT_ALL; // for who judges
        return std::make_unique<TrialOf<TreeScenario, TreeSimulation>>(scenario, fate);
    }
    if (kind < 9) {
        const ListScenario scenario = choose_list(seed);
        const Fate fate = choose_fate(random, asks_first(scenario.options()), true);
        return std::make_unique<TrialOf<ListScenario, ListSimulation>>(scenario, fate);
    }
    return std::make_unique<TrialOf<LeaseScenario, LeaseSimulation>>(
        choose_leases(seed), choose_fate(random, false, false));
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
