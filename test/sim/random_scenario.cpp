// Any copy of one file, in any world in which nothing fails.
#include "sim/catalogue.h"

#include <fcntl.h>
#include <linux/fs.h>

namespace arsync::sim {

namespace {

void choose_world(Random& random, WorldOptions& world) {
    world.filesystem_type = random.of({ext4_magic, xfs_magic, btrfs_magic, nfs_magic});
    world.direct_memory_align = random.of({0u, 512u, 512u, 4096u});
    world.direct_offset_align = world.direct_memory_align;
    world.temporary_files = random.percent(70);
    world.can_link = random.percent(90);
    world.reflink = random.percent(30);
    world.offload = random.percent(70);
    world.preallocation = random.percent(80);
    world.uncached_io = random.percent(60);
    world.reports_holes = random.percent(90);
    world.reports_residency = random.percent(80);
    world.privileged = random.percent(70);
    world.registrations = random.of({0u, 2u, 1000u});
    world.short_percent = random.of({0u, 10u, 60u});
    world.interrupt_percent = random.of({0u, 0u, 25u});
    world.room_for_dirty_pages = random.of({uint64_t{0}, UINT64_MAX});
    world.spare_blocks = random.of({0ul, 0ul, 100'000ul});
    world.is_settled = random.percent(30);
    world.processors = random.of({1u, 2u, 64u});
}

void choose_options(Random& random, arsync_copy_options& options) {
    options.method = random.of(all_methods);
    options.reflink = static_cast<uint32_t>(random.below(3));
    if (options.method == ARSYNC_METHOD_REFLINK)
        options.reflink = ARSYNC_REFLINK_ALWAYS;
    else if (options.reflink == ARSYNC_REFLINK_ALWAYS && options.method != ARSYNC_METHOD_AUTO)
        options.reflink = ARSYNC_REFLINK_AUTO;
    if (options.method == ARSYNC_METHOD_COPY_FILE_RANGE)
        options.reflink = ARSYNC_REFLINK_AUTO;
    options.cache = static_cast<uint32_t>(random.below(4));
    options.replace = static_cast<uint32_t>(random.below(3));
    options.durability = static_cast<uint32_t>(random.below(3));
    options.preserve = static_cast<uint32_t>(random.below(16));
    options.sparse = static_cast<uint32_t>(random.below(3));
    if (options.reflink == ARSYNC_REFLINK_ALWAYS || options.method == ARSYNC_METHOD_COPY_FILE_RANGE)
        options.sparse = ARSYNC_SPARSE_AUTO;
    options.chunks = random.of({0u, 1u, 2u, 7u, 100u});
    options.flags = random.percent(30) ? ARSYNC_COPY_VERIFY : 0;
    if (random.percent(10) && !(options.preserve & ARSYNC_PRESERVE_MODE))
        options.flags |= ARSYNC_COPY_DEFAULT_MODE;
}

// Drawn apart from the rest, which stays what its number has said.
void choose_backup(Random random, Scenario& scenario) {
    const bool may = !scenario.range && scenario.options.replace != ARSYNC_REPLACE_EXCLUSIVE &&
                     scenario.existing != Existing::nothing;
    if (!may || !random.percent(25))
        return;
    scenario.options.backup = 1 + static_cast<uint32_t>(random.below(3));
    if (random.percent(30))
        scenario.old_backup = random.of({"target~", "target.~3~"});
}

// Drawn apart, too: kinds of filesystems, and what they get wrong.
void choose_more_of_world(Random random, Scenario& scenario) {
    WorldOptions& world = scenario.world;
    if (random.percent(15))
        world.filesystem_type = random.of({overlay_magic, fuse_magic, tmpfs_magic});
    if (random.percent(15))
        world.destination_type = random.of({ext4_magic, xfs_magic, tmpfs_magic});
    world.offload_says_0 = random.percent(10);
    const bool may_lie = world.filesystem_type == ext4_magic && !world.reflink;
    world.extents = !may_lie || !random.percent(20);
    world.rotational = random.percent(20);
    world.umask = random.of({022u, 022u, 0u, 077u});
    scenario.source_dirty = scenario.source_cached && random.percent(30);
}

// Drawn apart, too: what is there, how it gives way, and what is kept and told.
void choose_more_of_options(Random random, Scenario& scenario) {
    arsync_copy_options& options = scenario.options;
    if (random.percent(30))
        options.want = static_cast<uint32_t>(random.below(64)) & ~ARSYNC_WANT_TOTALS;
    if (scenario.range) {
        if (random.percent(30))
            scenario.existing = Existing::smaller;
        scenario.by_name = scenario.length > 0 && random.percent(25);
        if (scenario.by_name)
            scenario.destination_offset = scenario.source_offset;
        else if (random.percent(40))
            scenario.destination_flags = random.of({O_DIRECT, O_DSYNC, O_SYNC, O_DIRECT | O_SYNC});
        scenario.source_direct = !scenario.by_name && random.percent(20);
        return;
    }
    if (options.replace != ARSYNC_REPLACE_EXCLUSIVE && random.percent(15))
        options.replace = ARSYNC_REPLACE_REMOVE;
    const bool has_flags = scenario.world.privileged && scenario.world.destination_type == 0 &&
                           scenario.world.filesystem_type == ext4_magic && !scenario.hides_size;
    if (has_flags && random.percent(20)) {
        options.preserve |= random.of({ARSYNC_PRESERVE_FLAGS, ARSYNC_PRESERVE_PROJECT});
        scenario.source_flags = random.of({0, FS_NODUMP_FL, FS_NOCOW_FL | FS_IMMUTABLE_FL});
        scenario.source_project = 42;
    }
    const bool is_file =
        scenario.existing == Existing::smaller || scenario.existing == Existing::larger;
    if (is_file && options.replace == ARSYNC_REPLACE_IN_PLACE && random.percent(15)) {
        scenario.unwritable = true;
        options.flags |= ARSYNC_COPY_FORCE;
    }
}

} // namespace

Scenario choose_copy(uint64_t seed) {
    Random random(seed * 7919);
    Scenario scenario;
    scenario.world.seed = seed;
    choose_world(random, scenario.world);
    choose_options(random, scenario.options);
    scenario.size = random.percent(10) ? (1 << 20) + random.below(200'000)
                                       : random.below(random.of({2ul, 5'000ul, 150'000ul}));
    scenario.layout = static_cast<Layout>(random.below(5));
    scenario.source_cached = random.percent(50);
    scenario.source_mode = random.of({0644u, 0600u, 04755u, 0444u, 02770u});
    scenario.source_uid = random.of({0u, 1000u});
    scenario.xattrs = random.percent(20);
    scenario.hides_size = random.percent(5);
    scenario.existing = static_cast<Existing>(random.below(4));
    scenario.by_directory = random.percent(50);
    scenario.buffer_count = 1 + static_cast<unsigned>(random.below(9));
    scenario.buffer_size = block_size << random.below(7);
    if (random.percent(15)) {
        scenario.range = true;
        scenario.hides_size = false;
        scenario.existing = Existing::larger;
        scenario.source_offset = random.below(scenario.size + 1);
        scenario.destination_offset = random.below(2 * scenario.size + 1);
        scenario.length = random.percent(50) ? UINT64_MAX : random.below(scenario.size + 1);
        scenario.options.replace = scenario.options.preserve = 0;
        scenario.options.flags &= ARSYNC_COPY_VERIFY;
    }
    scenario.in_patches = random.percent(30);
    choose_backup(Random(seed * 15'485'863 + 9), scenario);
    choose_more_of_world(Random(seed * 49'979'687 + 3), scenario);
    choose_more_of_options(Random(seed * 67'867'967 + 5), scenario);
    return scenario;
}

} // namespace arsync::sim
