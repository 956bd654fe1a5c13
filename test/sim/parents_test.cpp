// A copy that makes the directories on the way to it: each step fails, is cancelled, or is the last
// before a crash.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "sim/seeds.h"
#include "sim/simulation.h"
#include "sim/stages.h"
#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

constexpr mode_t p_mode = 0750, q_mode = 0701, old_mode = 0711;
constexpr time_t p_modified = 1'000, q_modified = 2'000, old_modified = 500; // s

struct ParentsScenario {
    uint32_t preserve = 0;
    uint32_t replace = ARSYNC_REPLACE_IN_PLACE;
    unsigned existing = 0; // of the directories so many; with both there is something at the name
    uint64_t size = 0;
    uint32_t beneath = 0; // or the flag

    bool leads_to_new() const { return existing < 2; }
};

class Parents {
public:
    explicit Parents(const ParentsScenario& what)
        : scenario(what), world({}), files_(world), ring_(world, counters_),
          buffers_(ring_, 2, 64 * 1024, false) {
        const InodeNumber root = world.disk.root().number;
        Scenario plain;
        plain.size = what.size;
        content_ = source_content(plain);
        source_ = add_directory(world, root, "p", p_mode);
        add_file(world, add_directory(world, source_, "q", q_mode), "file", content_, 0640);
        set_modified("p", p_modified);
        set_modified("p/q", q_modified);
        set_source(world, source_);
        out_ = add_directory(world, root, "out");
        if (what.existing > 0) {
            const InodeNumber p = add_directory(world, out_, "p", old_mode);
            if (what.existing > 1)
                add_file(world, add_directory(world, p, "q", old_mode), "file", content_of("old"),
                         existing_mode);
            set_modified("out/p", old_modified);
        }
        job_.what = FileCopy{AT_FDCWD, "p/q/file", AT_FDCWD, "out/p/q/file"};
        job_.options.flags = ARSYNC_COPY_PARENTS | what.beneath;
        job_.options.preserve = what.preserve;
        job_.options.replace = what.replace;
        job_.options.durability = ARSYNC_DURABILITY_FULL;
        original_ = world.disk;
    }

    void cancel() {
        job_.control.cancel();
        job_.control.interrupt(ring_);
    }

    void run(const std::function<int(const Step&)>& before) {
        world.before = before;
        start({files_, ring_, buffers_}, job_, completions_);
        while (completions_ == 0 && !ring_.stuck())
            if (!ring_.run_ready() && completions_ == 0)
                ring_.wait();
        world.before = {};
        if (completions_ != 1)
            world.problem("not one completion");
        if (ring_.in_flight() > 0 || buffers_.leased() > 0 || !world.open_descriptors().empty())
            world.problem("something leaked");
        for (const std::string& difference :
             differences(*original_, source_, world.disk, source_, {true, true, true, true, true}))
            world.problem("the source was changed: " + difference);
        if (!world.crashed())
            check(world.disk);
    }

    // After a completion the file and its name are there, whatever a crash takes.
    void check_durable() {
        Random random(0);
        const Disk after = world.disk.recover(Disk::Unsynced::lost, Disk::Unsynced::lost, random);
        const Inode* file = at_path(after, out_, "p/q/file");
        if (!file || !(file->content == content_))
            world.problem("a crash after the completion loses the file");
        check_attributes(after);
    }

    const Outcome& outcome() const { return job_.outcome; }
    bool copied() const {
        const Inode* file = at_path(world.disk, out_, "p/q/file");
        return file && file->content == content_;
    }

    const ParentsScenario scenario;
    World world;
    std::optional<Step> failed;

private:
    void set_modified(const char* path, time_t seconds) {
        const Inode* inode = at_path(world.disk, world.disk.root().number, path);
        world.disk.at(inode->number).attributes.modified = {seconds, 0};
    }

    void check(const Disk& disk) {
        check_attributes(disk);
        const Inode* file = at_path(disk, out_, "p/q/file");
        if (outcome().result == 0 && !copied())
            world.problem("no copy");
        // What fails of the directories when the file is there does not cost it, nor does an
        // attribute.
        const bool complete = (outcome().flags & ARSYNC_COMPLETION_COPIED) != 0;
        if (complete && !copied())
            world.problem("no copy, though it is said to be complete");
        if (outcome().result < 0 && scenario.leads_to_new() && file && !complete)
            world.problem("a failed copy is there");
        for (const char* path : {"", "p", "p/q"})
            if (const Inode* directory = at_path(disk, out_, path);
                directory && directory->names.size() > 1)
                world.problem(std::string("more than one name in ") + path);
    }

    void check_attributes(const Disk& disk) {
        check_mode(disk, "p", p_mode, scenario.existing > 0);
        check_mode(disk, "p/q", q_mode, scenario.existing > 1);
        if (outcome().result < 0 || (scenario.preserve & ARSYNC_PRESERVE_TIMES) == 0)
            return;
        check_times(disk, "p", gets_attributes(scenario.existing > 0) ? p_modified : old_modified);
        if (gets_attributes(scenario.existing > 1)) // else a name in it may have been replaced
            check_times(disk, "p/q", q_modified);
    }

    bool gets_attributes(bool was_there) const {
        return !was_there || scenario.leads_to_new() || scenario.beneath != 0;
    }

    void check_times(const Disk& disk, const char* path, time_t modified) {
        const Inode* inode = at_path(disk, out_, path);
        if (!inode || inode->attributes.modified.tv_sec != modified)
            world.problem(std::string("not the times of ") + path);
    }

    // Whatever becomes of what is in it, a directory that was made has its mode. One that was there
    // gets another only on the way to one that is made, or beneath.
    void check_mode(const Disk& disk, const char* path, mode_t of_source, bool was_there) {
        const Inode* inode = at_path(disk, out_, path);
        const bool failed_there = failed && (outcome().stage == ARSYNC_STAGE_MODE ||
                                             outcome().stage == ARSYNC_STAGE_OWNER);
        if (!inode || failed_there)
            return;
        const bool preserved = (scenario.preserve & ARSYNC_PRESERVE_MODE) != 0;
        const mode_t has = inode->attributes.mode & 07777;
        mode_t mode = preserved ? of_source : of_source & ~world.options.umask;
        if (was_there && (!preserved || !gets_attributes(was_there)))
            mode = old_mode;
        else if (was_there && outcome().result < 0)
            mode = has;
        if (has != mode)
            world.problem(std::string("not the mode of ") + path);
    }

    SimulatedFiles files_;
    Counters counters_;
    SimulatedRing ring_;
    Buffers buffers_;
    InodeNumber source_ = 0;
    InodeNumber out_ = 0;
    Content content_;
    std::optional<Disk> original_;
    Job job_;
    unsigned completions_ = 0;
};

std::vector<ParentsScenario> scenarios() {
    std::vector<ParentsScenario> all;
    constexpr uint32_t preserve =
        ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES;
    constexpr uint64_t sizes[] = {5'000, 0, 40'001};
    for (const unsigned existing : {0u, 1u, 2u})
        for (const uint32_t what : {0u, preserve})
            for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
                all.push_back({what, replace, existing, sizes[replace]});
    all.push_back({preserve, ARSYNC_REPLACE_IN_PLACE, 2, sizes[0], ARSYNC_COPY_BENEATH});
    return all;
}

void expect_no_problems(const Parents& copy, const std::string& what) {
    for (const std::string& problem : copy.world.problems)
        FAIL_CHECK("preserve ", copy.scenario.preserve, " replace ", copy.scenario.replace,
                   " existing ", copy.scenario.existing, " beneath ", copy.scenario.beneath, "; ",
                   what, ": ", problem, "; result ", copy.outcome().result, " stage ",
                   copy.outcome().stage);
}

uint64_t steps_of(const ParentsScenario& scenario) {
    Parents copy(scenario);
    copy.run([](const Step&) { return 0; });
    copy.check_durable();
    CHECK(copy.outcome().result == 0);
    expect_no_problems(copy, "nothing happened");
    return copy.world.steps();
}

// Whether all may be well though this step failed.
bool may_be_harmless(const ParentsScenario& scenario, const Step& step, int error) {
    if (step.subject == Subject::directory || step.subject == Subject::source)
        if (error == EACCES && (is_open(step) || step.call == Call::make_directory))
            return true; // to be searched is enough
    if (step.subject == Subject::directory && step.call == Call::get_xattr)
        return true; // a default ACL that cannot be seen is taken to be there
    Scenario plain;
    plain.options.preserve = scenario.preserve;
    return may_survive(plain, step, error);
}

} // namespace

TEST_CASE("whichever step of a copy with its parents fails, those that were made are right") {
    for (const ParentsScenario& scenario : scenarios()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t at = 0; at < steps; at += sweep_stride)
            for (const int error : {EIO, ENOSPC, EACCES, EMFILE}) {
                Parents copy(scenario);
                copy.run([&](const Step& step) {
                    if (step.index != at || !can_fail_with(step, error) ||
                        (error == EMFILE && !is_open(step)))
                        return 0;
                    copy.failed = step;
                    return -error;
                });
                const std::string what =
                    copy.failed ? describe(*copy.failed) + " with " + std::to_string(error)
                                : "nothing failed";
                expect_no_problems(copy, what);
                const int result = copy.outcome().result;
                CHECK_MESSAGE((result == 0 || result == -error), what);
                if (copy.failed && result == 0)
                    CHECK_MESSAGE(may_be_harmless(scenario, *copy.failed, error), what);
            }
    }
}

TEST_CASE("whenever a copy with its parents is cancelled, those that were made are right") {
    for (const ParentsScenario& scenario : scenarios()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t at = 0; at < steps; at += sweep_stride) {
            Parents copy(scenario);
            copy.run([&](const Step& step) {
                if (step.index == at)
                    copy.cancel();
                return 0;
            });
            const std::string what = "cancelled at " + std::to_string(at);
            expect_no_problems(copy, what);
            const int result = copy.outcome().result;
            CHECK_MESSAGE((result == 0 || result == -ECANCELED), what);
        }
    }
}

TEST_CASE("a crash at any step of a copy with its parents leaks nothing") {
    for (const ParentsScenario& scenario : scenarios()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t at = 0; at < steps; at += sweep_stride) {
            Parents copy(scenario);
            copy.run([&](const Step& step) {
                if (step.index == at)
                    copy.world.crash();
                return 0;
            });
            expect_no_problems(copy, "crashed at " + std::to_string(at));
        }
    }
}

} // namespace arsync::sim
