// Copies to which nothing happens: every method, size, layout and way of replacing.
#include <doctest/doctest.h>

#include "sim/catalogue.h"

namespace arsync::sim {

namespace {

constexpr uint64_t chunk = 16 * 1024; // Scenario's default buffer
constexpr uint64_t sizes[] = {0,         1,         4095,          4096,
                              4097,      chunk - 1, chunk,         chunk + 1,
                              3 * chunk, 100'001,   (1 << 20) + 1, (1 << 20) + 2 * chunk};
constexpr Layout layouts[] = {Layout::dense, Layout::holes, Layout::empty, Layout::zeros,
                              Layout::unwritten};

} // namespace

TEST_CASE("every method copies every size and layout, byte for byte and hole for hole") {
    for (const Method method : all_methods)
        for (const uint64_t size : sizes)
            for (const Layout layout : layouts)
                for (const auto sparse :
                     {ARSYNC_SPARSE_AUTO, ARSYNC_SPARSE_ALWAYS, ARSYNC_SPARSE_NEVER}) {
                    if (method == ARSYNC_METHOD_REFLINK && sparse != ARSYNC_SPARSE_AUTO)
                        continue; // shared blocks are as they are
                    if (method == ARSYNC_METHOD_COPY_FILE_RANGE && sparse != ARSYNC_SPARSE_AUTO)
                        continue;
                    Scenario scenario = by_method(method, size);
                    scenario.layout = layout;
                    scenario.options.sparse = sparse;
                    scenario.options.reflink = method == ARSYNC_METHOD_REFLINK
                                                   ? ARSYNC_REFLINK_ALWAYS
                                                   : ARSYNC_REFLINK_NEVER;
                    Simulation simulation(scenario);
                    expect_copied(simulation);
                }
}

TEST_CASE("a method that was asked for runs where both ends can") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_AUTO)
            continue;
        Simulation simulation(by_method(method, 100'001));
        expect_copied(simulation);
        CHECK(simulation.outcome().method == method);
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_FALLBACK) == 0);
    }
}

TEST_CASE("a method that cannot run here gives way to another, and the completion says so") {
    for (const Method method : {ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_BUFFERED_DIRECT,
                                ARSYNC_METHOD_DIRECT_BUFFERED, ARSYNC_METHOD_COPY_FILE_RANGE}) {
        Scenario scenario = by_method(method, 100'001);
        scenario.world.direct_memory_align = scenario.world.direct_offset_align = 0;
        scenario.world.offload = false;
        Simulation simulation(scenario);
        expect_copied(simulation);
        CHECK(simulation.outcome().method != method);
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_FALLBACK) != 0);
    }
}

TEST_CASE("a gap in the page cache does not keep what follows from being moved at once") {
    constexpr uint64_t size = 4 << 20;
    Simulation simulation(by_method(ARSYNC_METHOD_AUTO, size));
    constexpr uint64_t gaps[] = {0, size / 3, size / 2, size - 1};
    for (const uint64_t gap : gaps)
        simulation.source().cached.erase(block_of(gap));
    uint64_t read = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (step.call == Call::read)
            read += step.length;
    };
    expect_copied(simulation);
    CHECK(simulation.outcome().method == ARSYNC_METHOD_INLINE);
    CHECK(read >= std::size(gaps) * block_size);
    CHECK(read <= 2 * std::size(gaps) * chunk); // what comes short is read on
}

TEST_CASE("a reflink that must be, and cannot, is the filesystem's error") {
    Scenario scenario = by_method(ARSYNC_METHOD_REFLINK, 50'000);
    scenario.world.reflink = false;
    Simulation simulation(scenario);
    expect_right(simulation);
    CHECK(simulation.outcome().result == -EOPNOTSUPP);
    CHECK(simulation.outcome().stage == ARSYNC_STAGE_REFLINK);
}

TEST_CASE("blocks are shared where the filesystem can, unless that is not wanted") {
    for (const auto reflink : {ARSYNC_REFLINK_AUTO, ARSYNC_REFLINK_NEVER}) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 100'000);
        scenario.world.reflink = true;
        scenario.world.filesystem_type = btrfs_magic;
        scenario.options.reflink = reflink;
        Simulation simulation(scenario);
        expect_copied(simulation);
        CHECK((simulation.outcome().method == ARSYNC_METHOD_REFLINK) ==
              (reflink == ARSYNC_REFLINK_AUTO));
    }
}

TEST_CASE("O_DIRECT keeps to whatever alignment the device asks for") {
    for (const unsigned align : {512u, 1024u, 4096u})
        for (const Method method :
             {ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED})
            for (const uint64_t size : {511ul, 512ul, 4097ul, 65'536ul, 100'001ul})
                for (const Layout layout : layouts) {
                    Scenario scenario = by_method(method, size);
                    scenario.layout = layout;
                    scenario.source_cached = false;
                    scenario.world.direct_memory_align = scenario.world.direct_offset_align = align;
                    Simulation simulation(scenario);
                    expect_copied(simulation);
                }
}

TEST_CASE("every replace and durability, over whatever is at the name") {
    for (const auto existing : {Existing::nothing, Existing::smaller, Existing::larger,
                                Existing::link, Existing::dangling_link})
        for (const auto replace :
             {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_EXCLUSIVE, ARSYNC_REPLACE_ATOMIC})
            for (const auto durability :
                 {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL})
                for (const uint64_t size : {0ul, 10'000ul, (1ul << 20) + 4097})
                    for (const bool by_directory : {false, true}) {
                        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
                        scenario.existing = existing;
                        scenario.by_directory = by_directory;
                        scenario.options.replace = replace;
                        scenario.options.durability = durability;
                        Simulation simulation(scenario);
                        expect_right(simulation);
                        const bool there = existing != Existing::nothing;
                        int result = 0;
                        if (replace == ARSYNC_REPLACE_EXCLUSIVE && there)
                            result = -EEXIST;
                        else if (replace == ARSYNC_REPLACE_IN_PLACE &&
                                 existing == Existing::dangling_link)
                            result = -ENOENT;
                        CHECK_MESSAGE(simulation.outcome().result == result, describe(scenario));
                    }
}

TEST_CASE("a filesystem that has less to offer changes how, not what") {
    for (const Method method : all_methods)
        for (unsigned lacking = 0; lacking < 64; ++lacking) {
            Scenario scenario = by_method(method, (1 << 20) + 777);
            scenario.layout = Layout::holes;
            scenario.buffer_size = 64 * 1024;
            scenario.world.temporary_files = !(lacking & 1);
            scenario.world.preallocation = !(lacking & 2);
            scenario.world.uncached_io = !(lacking & 4);
            scenario.world.reports_holes = !(lacking & 8);
            scenario.world.reports_residency = !(lacking & 16);
            scenario.world.registrations = lacking & 32 ? 1 : 1000;
            scenario.options.cache = lacking % 3 ? ARSYNC_CACHE_DROP : ARSYNC_CACHE_AUTO;
            Simulation simulation(scenario);
            expect_copied(simulation);
        }
}

TEST_CASE("one buffer is enough for any number of lanes") {
    for (const Method method : all_methods) {
        Scenario scenario = by_method(method, 200'000);
        scenario.buffer_count = 1;
        scenario.options.chunks = 8;
        Simulation simulation(scenario);
        expect_copied(simulation);
    }
}

TEST_CASE("a cache policy leaves in the page cache what it says") {
    for (const auto cache :
         {ARSYNC_CACHE_AUTO, ARSYNC_CACHE_KEEP, ARSYNC_CACHE_DIRECT, ARSYNC_CACHE_DROP})
        for (const bool cached : {false, true})
            for (const uint64_t size : {5'000ul, 100'000ul, 300'000ul}) {
                Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
                scenario.source_cached = cached;
                scenario.options.cache = cache;
                Simulation simulation(scenario);
                expect_copied(simulation);
            }
}

TEST_CASE("a copy that the kernel begins and the buffers end is said to be by the buffers") {
    Scenario scenario = by_method(ARSYNC_METHOD_COPY_FILE_RANGE, 1 << 20);
    scenario.layout = Layout::holes; // so that it is more than one call
    Simulation simulation(scenario);
    unsigned calls = 0;
    simulation.refuse = [&](const Step& step) {
        return step.call == Call::copy_file_range && ++calls > 1 ? -EIO : 0;
    };
    expect_copied(simulation);
    CHECK(calls == 2);
    CHECK(simulation.outcome().method == ARSYNC_METHOD_FIXED);
    CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_FALLBACK) != 0);
}

// A hole is whole blocks, wherever the kernel stopped.
TEST_CASE("and has the holes of its source, though the kernel stopped within a block") {
    unsigned stopped = 0;
    for (uint64_t seed = 0; seed < 40; ++seed) {
        Scenario scenario = by_method(ARSYNC_METHOD_COPY_FILE_RANGE, 1 << 20);
        scenario.layout = Layout::holes;
        scenario.world.seed = seed;
        scenario.world.short_percent = 100;
        Simulation simulation(scenario);
        unsigned calls = 0;
        simulation.refuse = [&](const Step& step) {
            return step.call == Call::copy_file_range && ++calls > 1 ? -EIO : 0;
        };
        expect_copied(simulation);
        stopped += calls == 2;
    }
    CHECK(stopped == 40);
}

// The body tells of the refusal, and nothing of what follows is written.
TEST_CASE("what cannot go past the page cache is dropped in the end, though a hole comes last") {
    unsigned holes_at_the_end = 0;
    for (const Method method : {ARSYNC_METHOD_DIRECT_BUFFERED, ARSYNC_METHOD_FIXED})
        for (uint64_t blocks = 20; blocks < 60; ++blocks) {
            Scenario scenario = by_method(method, blocks * 4096 + 1);
            scenario.layout = Layout::holes;
            scenario.source_cached = false;
            scenario.options.cache = ARSYNC_CACHE_DROP;
            scenario.world.uncached_io = false;
            Simulation simulation(scenario);
            expect_copied(simulation);
            holes_at_the_end += !simulation.original().allocated(blocks);
        }
    CHECK(holes_at_the_end > 0);
}

TEST_CASE("what is written up to its end is not given a size besides") {
    for (const Method method :
         {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_HEAP,
          ARSYNC_METHOD_MANAGED, ARSYNC_METHOD_COPY_FILE_RANGE})
        for (const uint64_t size : {1ul, 4096ul, 100'001ul, (1ul << 20) + 5000}) {
            Scenario scenario = by_method(method, size);
            Simulation simulation(scenario);
            unsigned cuts = 0;
            simulation.meanwhile = [&](const Step& step) { cuts += step.call == Call::truncate; };
            expect_copied(simulation);
            CHECK_MESSAGE(cuts == 0, describe(scenario));
        }
}

TEST_CASE("a limit on the bytes a second holds for every method, and for what is read again") {
    constexpr uint64_t size = 200'000;
    for (const Method method : all_methods)
        for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY})
            for (const bool hides_size : {false, true}) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue; // moves no bytes
                Scenario scenario = by_method(method, size);
                scenario.hides_size = hides_size;
                scenario.options.flags = flags;
                Simulation simulation(scenario);
                simulation.rate = size / 2;
                uint64_t paused_ms = 0;
                simulation.meanwhile = [&](const Step& step) {
                    paused_ms += step.call == Call::pause ? step.length : 0;
                };
                expect_copied(simulation);
                CHECK_MESSAGE(paused_ms >= (flags ? 3800 : 1900), describe(scenario), ": ",
                              paused_ms);
            }
}

TEST_CASE("what is cold goes past the page cache at one end while that has room, else at both") {
    constexpr uint64_t size = 5 << 20;
    struct Case {
        uint64_t destination, room;
        uint32_t durability, flags;
        Method method;
    };
    constexpr uint32_t none = ARSYNC_DURABILITY_NONE;
    constexpr Case cases[] = {
        {ext4_magic, size, none, 0, ARSYNC_METHOD_DIRECT_BUFFERED},
        {ext4_magic, size - 1, none, 0, ARSYNC_METHOD_DIRECT},
        {ext4_magic, size, ARSYNC_DURABILITY_FILE, 0, ARSYNC_METHOD_DIRECT},
        {ext4_magic, size, none, ARSYNC_COPY_VERIFY, ARSYNC_METHOD_DIRECT},
        {btrfs_magic, size, none, 0, ARSYNC_METHOD_DIRECT_BUFFERED},
        {btrfs_magic, size - 1, none, 0, ARSYNC_METHOD_FIXED},
        {tmpfs_magic, 0, none, 0, ARSYNC_METHOD_DIRECT_BUFFERED},
        {fuse_magic, size, none, 0, ARSYNC_METHOD_FIXED},
    };
    for (const Case& each : cases) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
        scenario.world.destination_type = each.destination;
        scenario.world.room_for_dirty_pages = each.room;
        scenario.source_cached = false;
        scenario.options.durability = each.durability;
        scenario.options.flags = each.flags;
        Simulation simulation(scenario);
        expect_copied(simulation);
        CAPTURE(each.destination);
        CAPTURE(each.room);
        CHECK(simulation.outcome().method == each.method);
    }
}

TEST_CASE("of two filesystems the destination's says how it is to be written") {
    constexpr uint64_t size = 5 << 20;
    struct Case {
        uint64_t source, destination;
        Method method; // of what is large and not cached
        bool in_order; // that it is written in
    };
    constexpr Case cases[] = {{ext4_magic, ext4_magic, ARSYNC_METHOD_DIRECT, false},
                              {ext4_magic, xfs_magic, ARSYNC_METHOD_DIRECT, false},
                              {btrfs_magic, ext4_magic, ARSYNC_METHOD_FIXED, false},
                              {ext4_magic, btrfs_magic, ARSYNC_METHOD_FIXED, false},
                              {ext4_magic, fuse_magic, ARSYNC_METHOD_FIXED, true},
                              {fuse_magic, ext4_magic, ARSYNC_METHOD_FIXED, false}};
    for (const Case& each : cases) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
        scenario.world.filesystem_type = each.source;
        scenario.world.destination_type = each.destination;
        scenario.source_cached = false;
        Simulation simulation(scenario);
        uint64_t end = 0;
        bool in_order = true;
        simulation.meanwhile = [&](const Step& step) {
            if (step.call != Call::write)
                return;
            in_order = in_order && step.offset == end;
            end = step.offset + step.length;
        };
        expect_copied(simulation);
        CAPTURE(each.source);
        CAPTURE(each.destination);
        CHECK(simulation.outcome().method == each.method);
        CHECK(in_order == each.in_order);
    }
}

} // namespace arsync::sim
