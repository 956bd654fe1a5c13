#include "sim/catalogue.h"

namespace arsync::sim {

Scenario by_method(Method method, uint64_t size) {
    Scenario scenario;
    scenario.size = size;
    scenario.options.method = method;
    if (method == ARSYNC_METHOD_REFLINK) {
        scenario.options.reflink = ARSYNC_REFLINK_ALWAYS;
        scenario.world.reflink = true;
        scenario.world.filesystem_type = xfs_magic;
    }
    if (method == ARSYNC_METHOD_COPY_FILE_RANGE)
        scenario.world.filesystem_type = nfs_magic;
    return scenario;
}

std::vector<Scenario> catalogue() {
    constexpr uint64_t small = 70'001, large = (1 << 20) + 5000;
    std::vector<Scenario> all;
    const auto add = [&](Method method, uint64_t size, auto change) {
        Scenario scenario = by_method(method, size);
        scenario.world.seed = all.size();
        change(scenario);
        all.push_back(scenario);
    };
    for (const Method method : all_methods) {
        add(method, small, [](Scenario&) {});
        add(method, small, [](Scenario& s) {
            s.layout = Layout::holes;
            s.source_cached = false;
            s.options.replace = ARSYNC_REPLACE_ATOMIC;
            s.options.durability = ARSYNC_DURABILITY_FULL;
            s.existing = Existing::larger;
        });
        add(method, large, [](Scenario& s) {
            s.options.flags = ARSYNC_COPY_VERIFY;
            s.options.preserve =
                ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES;
            s.source_mode = 04750;
            s.source_uid = 1000;
            s.buffer_size = 128 * 1024;
        });
    }
    const auto fixed = [&](auto change) { add(ARSYNC_METHOD_FIXED, small, change); };
    const auto fixed_large = [&](auto change) { add(ARSYNC_METHOD_FIXED, large, change); };
    fixed([](Scenario& s) { s.existing = Existing::larger; });
    fixed([](Scenario& s) {
        s.existing = Existing::link;
        s.options.durability = ARSYNC_DURABILITY_FILE;
        s.options.flags = ARSYNC_COPY_VERIFY;
    });
    fixed([](Scenario& s) {
        s.existing = Existing::link;
        s.options.replace = ARSYNC_REPLACE_ATOMIC;
        s.options.durability = ARSYNC_DURABILITY_FULL;
    });
    fixed([](Scenario& s) {
        s.options.cache = ARSYNC_CACHE_DROP;
        s.source_cached = false;
    });
    fixed([](Scenario& s) {
        s.options.cache = ARSYNC_CACHE_DROP;
        s.world.uncached_io = false;
        s.existing = Existing::smaller;
    });
    fixed([](Scenario& s) {
        s.options.sparse = ARSYNC_SPARSE_NEVER;
        s.layout = Layout::holes;
        s.options.preserve = ARSYNC_PRESERVE_OWNER;
        s.world.privileged = false;
        s.source_uid = 1000;
    });
    fixed([](Scenario& s) {
        s.options.sparse = ARSYNC_SPARSE_ALWAYS;
        s.layout = Layout::zeros;
        s.options.replace = ARSYNC_REPLACE_EXCLUSIVE;
        s.options.durability = ARSYNC_DURABILITY_FULL;
    });
    fixed([](Scenario& s) {
        s.hides_size = true;
        s.options.cache = ARSYNC_CACHE_DROP;
    });
    fixed([](Scenario& s) {
        s.xattrs = true;
        s.source_mode = 06755;
        s.source_uid = 1000;
        s.options.preserve = 0xf;
        s.options.durability = ARSYNC_DURABILITY_FILE;
    });
    for (const bool temporary_files : {true, false})
        for (const auto replace :
             {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_EXCLUSIVE, ARSYNC_REPLACE_ATOMIC})
            fixed_large([&](Scenario& s) {
                s.world.temporary_files = temporary_files;
                s.options.replace = replace;
                s.options.durability = ARSYNC_DURABILITY_FULL;
                s.by_directory = temporary_files;
                s.buffer_size = 256 * 1024;
                s.options.preserve = ARSYNC_PRESERVE_MODE;
            });
    fixed_large([](Scenario& s) {
        s.world.can_link = false;
        s.by_directory = true;
        s.options.replace = ARSYNC_REPLACE_ATOMIC;
        s.options.durability = ARSYNC_DURABILITY_FILE;
        s.existing = Existing::smaller;
        s.buffer_size = 256 * 1024;
    });
    return all;
}

std::vector<Scenario> atomic_and_durable() {
    std::vector<Scenario> some;
    for (const Scenario& scenario : catalogue())
        if (scenario.options.replace == ARSYNC_REPLACE_ATOMIC)
            some.push_back(scenario);
    return some;
}

} // namespace arsync::sim
