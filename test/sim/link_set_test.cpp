// Two jobs of one link set, each with a name of the same file: whatever becomes of one of them, the
// other one's name is there, and nobody waits for ever.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "sim/catalogue.h"
#include "sim/seeds.h"
#include "sim/simulation.h"
#include "sim/stages.h"

namespace arsync::sim {

namespace {

constexpr unsigned jobs = 2;

class Set {
public:
    explicit Set(const Scenario& what)
        : scenario(what), world(what.world), files_(world), ring_(world, counters_),
          buffers_(ring_, 2, 16 * 1024, false) {
        const InodeNumber in = add_directory(world, world.disk.root().number, "in");
        out_ = add_directory(world, world.disk.root().number, "out");
        content_ = source_content(what);
        const InodeNumber source = add_file(world, in, name(0), content_, 0640);
        add_name(world, in, name(1), source);
        set_source(world, in);
        for (unsigned i = 0; i < jobs; ++i) {
            if (what.existing != Existing::nothing)
                old_[i] = add_file(world, out_, name(i), content_of(name(i)), existing_mode);
            const std::string file = name(i);
            FileCopy copy{AT_FDCWD, "in/" + file, AT_FDCWD, "out/" + file};
            copy.links = links_.get();
            jobs_[i].what = copy;
            jobs_[i].options = what.options;
            jobs_[i].options.preserve |= ARSYNC_PRESERVE_LINKS;
        }
    }

    static const char* name(unsigned job) { return job == 0 ? "a" : "b"; }

    arsync_copy_options& options(unsigned job) { return jobs_[job].options; }
    InodeNumber out() const { return out_; }
    const Content& content() const { return content_; }

    // As the pool does.
    void cancel(unsigned job) {
        jobs_[job].control.cancel();
        links_->wake_sleepers();
        jobs_[job].control.interrupt(ring_);
    }

    // before: as of World.
    void run(const std::function<int(const Step&)>& before) {
        world.before = [&](const Step& step) {
            ++steps;
            return before(step);
        };
        for (Job& job : jobs_)
            start({files_, ring_, buffers_}, job, completions_);
        while (completions_ < jobs && !ring_.stuck())
            if (!ring_.run_ready() && completions_ < jobs)
                ring_.wait();
        world.before = {};
        check();
    }

    int result(unsigned job) const { return jobs_[job].outcome.result; }
    const Inode* copy(unsigned job) const { return at_path(world.disk, out_, name(job)); }
    const Names& names() const { return world.disk.at(out_).names; }

    const Scenario scenario;
    World world;
    uint64_t steps = 0;

private:
    void check() {
        if (completions_ != jobs)
            world.problem("not as many completions as jobs");
        if (ring_.in_flight() > 0 || buffers_.leased() > 0 || !world.open_descriptors().empty())
            world.problem("something leaked");
        Names wanted;
        for (unsigned i = 0; i < jobs; ++i)
            check_job(i, wanted);
        if (names() != wanted)
            world.problem("names are left in the directory, or gone");
    }

    // wanted: what is to be in the directory.
    void check_job(unsigned job, Names& wanted) {
        const bool backs_up = scenario.options.backup != ARSYNC_BACKUP_NONE;
        const std::string backup = name(job) + std::string(".~1~");
        const Outcome& outcome = jobs_[job].outcome;
        const Inode* found = copy(job);
        const bool is_old = found && found->number == old_[job];
        if (found && !is_old && !(found->content == content_))
            world.problem("a part of a file, or another");
        // After a failure the old file is there, but where it was to be removed, or nothing is; or
        // the new one, if it lost no more than an attribute, or if only its name was not made
        // durable.
        const bool lost =
            outcome.stage == ARSYNC_STAGE_MODE && (outcome.flags & ARSYNC_COMPLETION_COPIED) != 0;
        const bool replaced = lost || (outcome.stage == ARSYNC_STAGE_SYNC && old_[job] != 0 &&
                                       scenario.options.replace == ARSYNC_REPLACE_ATOMIC);
        if (outcome.result == 0 ? !found || is_old : found && !is_old && !replaced)
            world.problem("no copy, or one of a job that failed");
        const bool costs = scenario.options.replace == ARSYNC_REPLACE_REMOVE && !backs_up;
        if (outcome.result < 0 && old_[job] != 0 && !found && !costs)
            world.problem("the old file is gone");
        if (found)
            wanted[name(job)] = found->number;
        if (found && !is_old && old_[job] != 0 && backs_up)
            wanted[backup] = old_[job];
        if (backs_up && old_[job] != 0 &&
            ((outcome.flags & ARSYNC_COMPLETION_BACKED_UP) != 0) != (wanted.count(backup) != 0))
            world.problem("the flags do not say whether it is backed up");
    }

    SimulatedFiles files_;
    Counters counters_;
    SimulatedRing ring_;
    Buffers buffers_;
    std::shared_ptr<Links> links_ = std::make_shared<Links>(true);
    InodeNumber out_ = 0;
    InodeNumber old_[jobs] = {};
    Content content_;
    Job jobs_[jobs];
    unsigned completions_ = 0;
};

void expect_no_problems(const Set& set, const std::string& what) {
    for (const std::string& problem : set.world.problems)
        FAIL_CHECK(describe(set.scenario), "; ", what, ": ", problem, "; results ", set.result(0),
                   ", ", set.result(1));
}

std::vector<Scenario> scenarios() {
    std::vector<Scenario> all;
    const auto add = [&](uint32_t replace, uint32_t backup, Existing existing) {
        Scenario scenario;
        scenario.world.seed = all.size();
        scenario.size = 40'001;
        scenario.existing = existing;
        scenario.options.replace = replace;
        scenario.options.backup = backup;
        scenario.options.flags = all.size() % 2 ? ARSYNC_COPY_RECURSIVE : 0;
        scenario.options.durability = static_cast<uint32_t>(2 - all.size() % 3);
        all.push_back(scenario);
    };
    for (const auto replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_REMOVE}) {
        add(replace, ARSYNC_BACKUP_NONE, Existing::nothing);
        if (replace != ARSYNC_REPLACE_IN_PLACE)
            add(replace, ARSYNC_BACKUP_NONE, Existing::smaller);
        add(replace, ARSYNC_BACKUP_NUMBERED, Existing::smaller);
        add(replace, ARSYNC_BACKUP_NUMBERED, Existing::smaller);
    }
    return all;
}

// The number of steps of the two copies to which nothing happens.
uint64_t steps_of(const Scenario& scenario) {
    Set set(scenario);
    set.run([](const Step&) { return 0; });
    expect_no_problems(set, "nothing happened");
    CHECK(set.result(0) == 0);
    CHECK(set.result(1) == 0);
    CHECK_MESSAGE(set.copy(0) == set.copy(1), describe(scenario));
    return set.steps;
}

} // namespace

TEST_CASE("whichever step of a link set's copies fails, one job does, and the other has its name") {
    for (const Scenario& scenario : scenarios()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t at = 0; at < steps; at += sweep_stride)
            for (const int error : {EIO, ENOSPC, EACCES}) {
                Set set(scenario);
                std::optional<Step> failed;
                set.run([&](const Step& step) {
                    if (step.index != at || !can_fail_with(step, error))
                        return 0;
                    failed = step;
                    return -error;
                });
                const std::string what = failed ? describe(*failed) : "nothing failed";
                expect_no_problems(set, what);
                const int a = set.result(0), b = set.result(1);
                CHECK_MESSAGE((a == 0 || b == 0), describe(scenario), "; ", what);
                CHECK_MESSAGE((a + b == 0 || a + b == -error), describe(scenario), "; ", what);
                if (failed && a == b)
                    CHECK_MESSAGE(may_survive(scenario, *failed, error), describe(scenario), "; ",
                                  what);
            }
    }
}

// The file itself was made by a job that was not to be.
TEST_CASE("a durable name of a link set has content that survives a crash") {
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
        for (const uint64_t size : {uint64_t{5000}, uint64_t{2} << 20}) {
            Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
            scenario.options.replace = replace;
            Set set(scenario);
            set.options(1).durability = ARSYNC_DURABILITY_FULL;
            set.run([](const Step&) { return 0; });
            CHECK(set.result(0) == 0);
            CHECK(set.result(1) == 0);
            CHECK(set.copy(0) == set.copy(1));
            Random random(1);
            const Disk after =
                set.world.disk.recover(Disk::Unsynced::lost, Disk::Unsynced::lost, random);
            const Inode* const b = after.find(set.out(), Set::name(1));
            REQUIRE(b);
            CHECK(b->content == set.content());
        }
}

TEST_CASE("whenever one job of a link set is cancelled, it ends, and the other has its name") {
    for (const Scenario& scenario : scenarios()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t at = 0; at < steps; at += sweep_stride)
            for (unsigned job = 0; job < jobs; ++job) {
                Set set(scenario);
                set.run([&](const Step& step) {
                    if (step.index == at)
                        set.cancel(job);
                    return 0;
                });
                const std::string what =
                    std::string("cancelled ") + Set::name(job) + " at " + std::to_string(at);
                expect_no_problems(set, what);
                const int result = set.result(job);
                CHECK_MESSAGE((result == 0 || result == -ECANCELED), describe(scenario), what);
                CHECK_MESSAGE(set.result(1 - job) == 0, describe(scenario), what);
            }
    }
}

TEST_CASE("where no link can be made to it, a name of a link set gets a copy of its own") {
    for (const Scenario& scenario : scenarios())
        for (const int error : {EXDEV, EMLINK}) {
            Set set(scenario);
            bool refused = false;
            set.run([&](const Step& step) {
                const bool copied = set.copy(0) && set.copy(0)->content.size() == scenario.size;
                if (step.call != Call::link || !copied || refused)
                    return 0;
                refused = true;
                return -error;
            });
            CHECK(refused);
            expect_no_problems(set, "no links");
            CHECK(set.result(0) == 0);
            CHECK(set.result(1) == 0);
            CHECK_MESSAGE(set.copy(0) != set.copy(1), describe(scenario));
        }
}

} // namespace arsync::sim
