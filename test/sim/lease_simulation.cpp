#include "sim/lease_simulation.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "sim/stages.h"

namespace arsync::sim {

static constexpr uint64_t piece = 16 * 1024;

LeaseScenario choose_leases(uint64_t seed) {
    Random random(seed * 5003 + 5);
    LeaseScenario s;
    s.world.seed = seed;
    s.world.short_percent = random.of({0u, 30u});
    s.world.interrupt_percent = random.of({0u, 20u});
    s.world.registrations = static_cast<unsigned>(random.below(6));
    s.world.filesystem_type = random.of({ext4_magic, xfs_magic, nfs_magic});
    s.leases = 1 + static_cast<unsigned>(random.below(4));
    s.pieces = 1 + static_cast<unsigned>(random.below(9));
    s.copies = static_cast<unsigned>(random.below(4));
    return s;
}

std::string describe(const LeaseScenario& s) {
    return "seed " + std::to_string(s.world.seed) + ": " + std::to_string(s.leases) + " leases, " +
           std::to_string(s.pieces) + " pieces, " + std::to_string(s.copies) + " copies; " +
           std::to_string(s.world.registrations) + " may be registered, " +
           std::to_string(s.world.short_percent) + "% short";
}

LeaseSimulation::LeaseSimulation(const LeaseScenario& what)
    : scenario(what), world(what.world), ring(world, counters), files_(world),
      buffers_(ring, 1, piece, false, {}, what.leases), lent_(what.leases, piece, false) {
    Scenario content;
    content.size = what.pieces * piece + 1234;
    content_ = source_content(content);
    const InodeNumber root = world.disk.root().number;
    world.source = add_file(world, root, "source", content_, 0644);
    for (const char* name : {"one", "two"})
        to_.push_back(file(add_file(world, root, name, {}, 0644), O_RDWR));
    from_ = file(world.source, O_RDONLY);
}

std::shared_ptr<CallerFile> LeaseSimulation::file(InodeNumber inode, int flags) {
    auto made = std::make_shared<CallerFile>();
    made->fd = world.add_descriptor(inode, flags);
    made->kind = S_IFREG;
    return made;
}

int LeaseSimulation::before(const Step& step) {
    if (step.index == crash_at)
        world.crash();
    if (step.index == cancel_at)
        cancel_all();
    moved_while_paused += terms_.paused() && is_transfer(step);
    if (step.index == pause_at)
        pause_all();
    if (meanwhile)
        if (const int error = meanwhile(step); error < 0)
            return error;
    const bool fails = step.index == fail_at && can_fail_with(step, fail_with);
    const int error = fails ? fail_with : faults.draw(step);
    if (error == 0)
        return 0;
    faults.note(step, error);
    if (!failed_step_) {
        failed_step_ = step;
        fail_with = error;
    }
    return -error;
}

void LeaseSimulation::cancel_all() {
    world.note("all are cancelled");
    for (Running& each : running_)
        each.job.control.cancel();
    for (Copy& each : copies_)
        each.job.control.cancel();
}

void LeaseSimulation::pause_all() {
    world.note("all are paused");
    running_when_paused = static_cast<unsigned>(running_.size());
    terms_.pause();
}

bool LeaseSimulation::resume_all() {
    if (!terms_.paused())
        return false;
    world.note("all are resumed");
    resumed = true;
    terms_.resume();
    return true;
}

void LeaseSimulation::run() {
    world.before = [this](const Step& step) { return before(step); };
    begin_copies();
    for (unsigned i = 0; i < scenario.leases; ++i) {
        arsync_buffer buffer;
        if (lent_.take(1, &buffer) != 0)
            world.problem("there is no buffer");
        else
            go_on(buffer);
    }
    while ((!running_.empty() || copies_run()) && !ring.stuck()) {
        const bool ran = ring.run_ready();
        if (take_ended() || ran) // nothing that has ended at once is waited for
            continue;
        if (ring.in_flight() > 0 || !resume_all())
            ring.wait();
    }
    world.before = {};
    check_end();
}

bool LeaseSimulation::copies_run() const {
    return std::any_of(copies_.begin(), copies_.end(),
                       [](const Copy& copy) { return copy.completions == 0; });
}

void LeaseSimulation::begin_copies() {
    for (unsigned i = 0; i < scenario.copies; ++i) {
        Copy& copy = copies_.emplace_back();
        copy.job.what = FileCopy{AT_FDCWD, "source", AT_FDCWD, "copy" + std::to_string(i)};
        start({files_, ring, buffers_}, copy.job, copy.completions);
    }
}

void LeaseSimulation::submit(arsync_action what, const std::shared_ptr<CallerFile>& file,
                             const arsync_buffer& buffer, uint64_t offset, uint64_t length) {
    Running& each = running_.emplace_back();
    each.buffer = buffer;
    each.offset = offset;
    CallerOperation operation;
    operation.what = what;
    operation.file = FileUse(file);
    operation.offset = offset;
    operation.length = length;
    if (lent_.begin(buffer.id, what == ARSYNC_ACTION_READ, 0, length, operation.use) != 0)
        world.problem("a buffer that is idle is said to be in use");
    each.job.what = std::move(operation);
    each.job.control.set_terms(terms_);
    start({files_, ring, buffers_}, each.job, each.completions);
}

void LeaseSimulation::go_on(const arsync_buffer& buffer) {
    if (next_ >= content_.size() || failed > 0) {
        if (lent_.release(buffer.id) != 0)
            world.problem("a buffer cannot be released");
        return;
    }
    submit(ARSYNC_ACTION_READ, from_, buffer, next_, piece);
    next_ += piece;
}

// Not if the other write of the same data is still under way.
bool LeaseSimulation::is_idle(const arsync_buffer& buffer) {
    BufferUse use;
    return lent_.begin(buffer.id, true, 0, 0, use) == 0;
}

void LeaseSimulation::note_outcome(const Outcome& outcome) {
    if (outcome_.result == 0)
        outcome_ = outcome;
}

bool LeaseSimulation::take_ended() {
    bool any = false;
    for (auto each = running_.begin(); each != running_.end();) {
        if (each->completions == 0) {
            ++each;
            continue;
        }
        any = true;
        if (each->completions > 1)
            world.problem("more than one completion");
        auto& operation = std::get<CallerOperation>(each->job.what);
        const bool reads = operation.what == ARSYNC_ACTION_READ;
        const Outcome outcome = each->job.outcome;
        const arsync_buffer buffer = each->buffer;
        const uint64_t offset = each->offset;
        check(outcome, reads, operation.length, buffer, offset);
        check_told(outcome, reads);
        if (!reads)
            check_written(outcome, *operation.file, offset);
        operation.use = {}; // as the pool does
        operation.file = FileUse();
        running_.erase(each);
        note_outcome(outcome);
        if (outcome.result < 0) {
            ++failed;
        } else if (reads) {
            for (const auto& to : to_)
                submit(ARSYNC_ACTION_WRITE, to, buffer, offset, outcome.bytes);
            each = running_.begin();
            continue;
        }
        if (is_idle(buffer))
            go_on(buffer);
        each = running_.begin();
    }
    return any;
}

void LeaseSimulation::check(const Outcome& outcome, bool reads, uint64_t length,
                            const arsync_buffer& buffer, uint64_t offset) {
    const uint64_t all = reads ? std::min<uint64_t>(length, content_.size() - offset) : length;
    if (outcome.result == 0 && outcome.bytes != all)
        world.problem("an operation that succeeded has not moved all");
    if (outcome.bytes > length)
        world.problem("an operation says that it moved more than was asked for");
    std::vector<std::byte> wanted(std::min(outcome.bytes, length));
    content_.read(offset, wanted.data(), wanted.size());
    if (!std::equal(wanted.begin(), wanted.end(), static_cast<std::byte*>(buffer.data)))
        world.problem("other bytes are in the buffer");
}

// Where it failed, and with what.
void LeaseSimulation::check_told(const Outcome& outcome, bool reads) {
    const Stage moves = reads ? ARSYNC_STAGE_READ : ARSYNC_STAGE_WRITE;
    const bool began_not = outcome.result == -ECANCELED && outcome.stage == ARSYNC_STAGE_QUEUE;
    if (outcome.stage != (outcome.result == 0 ? ARSYNC_STAGE_NONE : moves) && !began_not)
        world.problem("an operation ends with " + name_of_result(outcome.result) + " at stage " +
                      arsync_stage_name(outcome.stage));
    if (outcome.action != (reads ? ARSYNC_ACTION_READ : ARSYNC_ACTION_WRITE) && !began_not)
        world.problem("an operation is said to be another");
}

// What is said to be written is there, also of what failed.
void LeaseSimulation::check_written(const Outcome& outcome, const CallerFile& file,
                                    uint64_t offset) {
    const Content& content = world.disk.at(world.descriptor(file.fd)->inode).content;
    std::vector<std::byte> wanted(outcome.bytes), is(outcome.bytes);
    content_.read(offset, wanted.data(), wanted.size());
    if (content.read(offset, is.data(), is.size()) != is.size() || is != wanted)
        world.problem("other bytes are in the file than were said to be written");
}

// What was written there is the source's, and of the rest there is nothing.
void LeaseSimulation::check_pieces(const Content& content) {
    std::vector<std::byte> is(content.size()), wanted(content.size());
    content.read(0, is.data(), is.size());
    content_.read(0, wanted.data(), wanted.size());
    bool right = content.size() <= content_.size();
    for (size_t i = 0; i < is.size(); ++i)
        right = right && (is[i] == wanted[i] || is[i] == std::byte{});
    if (!right)
        world.problem("what was never read is in a file");
}

void LeaseSimulation::check_copies() {
    unsigned number = 0;
    for (const Copy& copy : copies_) {
        const std::string name = "copy" + std::to_string(number++);
        const Inode* found = world.disk.find(world.disk.root().number, name);
        note_outcome(copy.job.outcome);
        if (copy.completions != 1)
            world.problem("not one completion of " + name);
        if (world.crashed())
            continue;
        if (found && !(found->content == content_) &&
            !faults.kept_from_removing(name, cancel_at != never))
            world.problem("a part of a file: " + name);
        if (copy.job.outcome.result == 0 && !found)
            world.problem("no copy: " + name);
    }
}

void LeaseSimulation::check_end() {
    if (!running_.empty())
        world.problem("an operation does not end");
    if (ring.in_flight() > 0)
        world.problem("still in flight: " + std::to_string(ring.in_flight()));
    if (buffers_.leased() > 0)
        world.problem("buffers still leased: " + std::to_string(buffers_.leased()));
    if (world.open_descriptors().size() != 3)
        world.problem("descriptors are left open, or the caller's are closed");
    std::vector<arsync_buffer> all(scenario.leases);
    if (lent_.take(scenario.leases, all.data()) != 0)
        world.problem("not all buffers are back");
    check_copies();
    if (!(world.disk.at(world.source).content == content_))
        world.problem("the source's content was changed");
    for (const char* name : {"one", "two"})
        check_pieces(world.disk.find(world.disk.root().number, name)->content);
    if (failed > 0 || world.crashed())
        return;
    for (const char* name : {"one", "two"})
        if (!(world.disk.find(world.disk.root().number, name)->content == content_))
            world.problem(std::string("another content: ") + name);
}

bool is_transfer(const Step& step) {
    return step.call == Call::read || step.call == Call::write || step.call == Call::write_now;
}

void check_result(LeaseSimulation& s) {
    const int result = s.outcome().result;
    const bool cancelled = s.cancel_at != never && result == -ECANCELED;
    const bool failed = result < 0 && s.faults.gave(-result);
    if (result != 0 && !s.world.crashed() && !cancelled && !failed)
        s.world.problem("an error of its own: " + name_of_result(result));
    if (!s.failed_step())
        return;
    const bool goes_on = must_survive(*s.failed_step(), s.fail_with) || begins_anew(s.fail_with) ||
                         ((s.failed_step()->flags & O_DIRECT) != 0 &&
                          (s.fail_with == EINVAL || s.fail_with == EOPNOTSUPP)) ||
                         (s.fail_with == EINVAL && s.failed_step()->call == Call::read &&
                          s.is_behind_end(s.failed_step()->offset));
    if (is_transfer(*s.failed_step()) && result == 0 && !goes_on)
        s.world.problem("an error was dropped: " + name_of_result(-s.fail_with) + " of " +
                        describe(*s.failed_step()));
}

std::string report(const LeaseSimulation& s) {
    if (s.world.problems.empty())
        return {};
    std::string text = describe(s.scenario);
    if (s.failed_step())
        text +=
            "\n  failed with " + name_of_result(-s.fail_with) + ": " + describe(*s.failed_step());
    text += "\n  first result " + name_of_result(s.outcome().result);
    for (const std::string& problem : s.world.problems)
        text += "\n  " + problem;
    return text;
}

} // namespace arsync::sim
