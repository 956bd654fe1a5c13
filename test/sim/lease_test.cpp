// Reads and writes of callers' buffers on the simulated ring: one read, and then two writes of the
// same memory at once, of a whole file piece by piece, through few buffers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <list>
#include <sys/stat.h>
#include <thread>

#include "caller/operation.h"
#include "sim/seeds.h"
#include "sim/simulation.h"

namespace arsync::sim {

namespace {

constexpr unsigned leases = 3;
constexpr uint64_t piece = 16 * 1024;

// A program that copies a file to two others, as arsync.h would have it do.
class Caller {
public:
    explicit Caller(const WorldOptions& options)
        : world(options), ring(world, counters), files_(world),
          buffers_(ring, 1, piece, false, {}, leases), lent_(leases, piece, false) {
        Scenario what;
        what.size = 7 * piece + 1234;
        content_ = source_content(what);
        world.source = add_file(world, world.disk.root().number, "source", content_, 0644);
        for (const char* name : {"one", "two"})
            to_.push_back(file(add_file(world, world.disk.root().number, name, {}, 0644), O_RDWR));
        from_ = file(world.source, O_RDONLY);
    }

    // Each that fails, or is cancelled, is the last of its buffer.
    void run() {
        for (unsigned i = 0; i < leases; ++i) {
            arsync_buffer buffer;
            REQUIRE(lent_.take(1, &buffer) == 0);
            go_on(buffer);
        }
        while (!running_.empty() && !ring.stuck()) {
            if (!ring.run_ready())
                ring.wait();
            take_ended();
        }
        check_end();
    }

    void cancel_all() {
        for (Running& each : running_)
            each.job.control.cancel();
    }

    World world;
    Counters counters;
    SimulatedRing ring;
    unsigned failed = 0;

private:
    struct Running {
        Job job;
        arsync_buffer buffer{};
        uint64_t offset = 0;
        unsigned completions = 0;
    };

    std::shared_ptr<CallerFile> file(InodeNumber inode, int flags) {
        auto made = std::make_shared<CallerFile>();
        made->fd = world.add_descriptor(inode, flags);
        made->kind = S_IFREG;
        return made;
    }

    void submit(arsync_action what, const std::shared_ptr<CallerFile>& file,
                const arsync_buffer& buffer, uint64_t offset, uint64_t length) {
        Running& each = running_.emplace_back();
        each.buffer = buffer;
        each.offset = offset;
        CallerOperation operation;
        operation.what = what;
        operation.file = FileUse(file);
        operation.offset = offset;
        operation.length = length;
        REQUIRE(lent_.begin(buffer.id, what == ARSYNC_ACTION_READ, 0, length, operation.use) == 0);
        each.job.what = std::move(operation);
        start({files_, ring, buffers_}, each.job, each.completions);
    }

    void go_on(const arsync_buffer& buffer) {
        if (next_ >= content_.size() || failed > 0) {
            CHECK(lent_.release(buffer.id) == 0);
            return;
        }
        submit(ARSYNC_ACTION_READ, from_, buffer, next_, piece);
        next_ += piece;
    }

    // Not if the other write of the same data is still under way.
    bool is_idle(const arsync_buffer& buffer) {
        BufferUse use;
        return lent_.begin(buffer.id, true, 0, 0, use) == 0;
    }

    void take_ended() {
        for (auto each = running_.begin(); each != running_.end();) {
            if (each->completions == 0) {
                ++each;
                continue;
            }
            CHECK(each->completions == 1);
            auto& operation = std::get<CallerOperation>(each->job.what);
            const bool reads = operation.what == ARSYNC_ACTION_READ;
            const Outcome outcome = each->job.outcome;
            const arsync_buffer buffer = each->buffer;
            const uint64_t offset = each->offset;
            check(outcome, reads, operation.length, buffer, offset);
            operation.use = {}; // as the pool does
            operation.file = FileUse();
            running_.erase(each);
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
    }

    void check(const Outcome& outcome, bool reads, uint64_t length, const arsync_buffer& buffer,
               uint64_t offset) {
        if (outcome.result == 0)
            CHECK(outcome.bytes ==
                  (reads ? std::min<uint64_t>(length, content_.size() - offset) : length));
        CHECK(outcome.bytes <= length);
        std::vector<std::byte> wanted(outcome.bytes);
        content_.read(offset, wanted.data(), wanted.size());
        CHECK(std::equal(wanted.begin(), wanted.end(), static_cast<std::byte*>(buffer.data)));
    }

    void check_end() {
        CHECK(running_.empty());
        CHECK(ring.in_flight() == 0);
        for (const std::string& problem : world.problems)
            FAIL_CHECK(problem);
        arsync_buffer all[leases];
        CHECK(lent_.take(leases, all) == 0); // they are all back
        if (failed > 0)
            return;
        for (const char* name : {"one", "two"})
            CHECK(world.disk.find(world.disk.root().number, name)->content == content_);
    }

    SimulatedFiles files_;
    Buffers buffers_;
    CallerBuffers lent_;
    Content content_;
    std::shared_ptr<CallerFile> from_;
    std::vector<std::shared_ptr<CallerFile>> to_;
    std::list<Running> running_;
    uint64_t next_ = 0;
};

WorldOptions shaky(uint64_t seed) {
    WorldOptions options;
    options.seed = seed;
    options.short_percent = 30;
    options.registrations = static_cast<unsigned>(seed % 5);
    return options;
}

} // namespace

TEST_CASE("what goes through callers' buffers is whole, however short each transfer is") {
    for_each_seed(200, [](uint64_t seed) {
        CAPTURE(seed);
        Caller caller(shaky(seed));
        caller.run();
        CHECK(caller.failed == 0);
        CHECK(caller.counters.short_transfers.value() > 0);
        if (seed % 5 == 4) // the first buffers' indices are the worker's own
            CHECK(caller.counters.reads_fixed.value() + caller.counters.reads_inline.value() ==
                  caller.counters.reads.value());
    });
}

TEST_CASE("whichever step fails, its operation ends with that, and tells what it had done") {
    for_each_seed(3, [](uint64_t seed) {
        Caller whole(shaky(seed));
        whole.run();
        for (uint64_t at = 0; at < whole.world.steps(); at += sweep_stride) {
            CAPTURE(seed);
            CAPTURE(at);
            Caller caller(shaky(seed));
            bool fails = false;
            caller.world.before = [&](const Step& step) {
                const bool transfers = step.call == Call::read || step.call == Call::write ||
                                       step.call == Call::write_now;
                if (step.index != at || !transfers)
                    return 0;
                fails = true;
                return -EIO;
            };
            caller.run();
            CHECK(caller.failed == (fails ? 1 : 0));
        }
    });
}

TEST_CASE("a worker that has waited in a write of its own has the ring make the file's others") {
    Caller caller({});
    unsigned of_workers = 0;
    unsigned of_ring = 0;
    caller.world.before = [&](const Step& step) {
        of_ring += step.call == Call::write;
        if (step.call == Call::write_now) {
            ++of_workers;
            std::this_thread::sleep_for(std::chrono::milliseconds(15));
        }
        return 0;
    };
    caller.run();
    CHECK(caller.failed == 0);
    CHECK(of_workers >= 2); // the first of each file
    CHECK(of_ring > 0);
}

TEST_CASE("whenever callers' operations are cancelled, each ends once, and lets its buffer go") {
    for_each_seed(3, [](uint64_t seed) {
        Caller whole(shaky(seed));
        whole.run();
        for (uint64_t at = 0; at < whole.world.steps(); at += sweep_stride) {
            CAPTURE(seed);
            CAPTURE(at);
            Caller caller(shaky(seed));
            caller.world.before = [&](const Step& step) {
                if (step.index == at)
                    caller.cancel_all();
                return 0;
            };
            caller.run();
        }
    });
}

} // namespace arsync::sim
