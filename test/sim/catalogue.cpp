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
    // Cached, large, and only to be moved: most of it by other threads.
    for (const auto layout : {Layout::dense, Layout::holes})
        for (const bool in_patches : {false, true})
            add(ARSYNC_METHOD_AUTO, large, [&](Scenario& s) {
                s.layout = layout;
                s.in_patches = in_patches;
                s.existing = in_patches ? Existing::larger : Existing::nothing;
                s.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES;
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

std::vector<Scenario> replacements() {
    std::vector<Scenario> all;
    const auto add = [&](uint32_t replace, uint32_t flags, auto change) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 40'001);
        scenario.world.seed = all.size();
        scenario.existing = all.size() % 2 ? Existing::larger : Existing::smaller;
        scenario.options.replace = replace;
        scenario.options.flags = flags;
        change(scenario);
        all.push_back(scenario);
    };
    const auto full = [](Scenario& s) { s.options.durability = ARSYNC_DURABILITY_FULL; };
    for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        for (const uint32_t flags : {0u, uint32_t{ARSYNC_COPY_RECURSIVE}})
            for (const char* old_backup : {"", "target~", "target.~3~"})
                for (const auto backup :
                     {ARSYNC_BACKUP_SIMPLE, ARSYNC_BACKUP_NUMBERED, ARSYNC_BACKUP_EXISTING})
                    add(replace, flags, [&](Scenario& s) {
                        s.options.backup = backup;
                        if (*old_backup)
                            s.old_backup = old_backup;
                        s.options.durability = static_cast<uint32_t>(all.size() % 3);
                        s.options.preserve = flags ? 0xf : 0;
                        s.source_mode = 0640;
                        s.by_directory = all.size() % 4 == 1;
                        s.world.temporary_files = all.size() % 5 != 1;
                    });
        add(replace, ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_VERIFY, [&](Scenario& s) {
            s.options.backup = ARSYNC_BACKUP_SIMPLE;
            s.options.backup_suffix = ".old";
            s.existing = Existing::link;
            full(s);
        });
        for (const uint32_t link : {ARSYNC_COPY_HARD_LINK, ARSYNC_COPY_SYMBOLIC_LINK})
            add(replace, link, [&](Scenario& s) {
                s.options.backup = ARSYNC_BACKUP_NUMBERED;
                full(s);
            });
    }
    add(ARSYNC_REPLACE_REMOVE, 0, [](Scenario&) {});
    add(ARSYNC_REPLACE_REMOVE, ARSYNC_COPY_RECURSIVE, full);
    add(ARSYNC_REPLACE_REMOVE, 0, [&](Scenario& s) {
        s.existing = Existing::link;
        s.size = (1 << 20) + 5000; // past what is made at its name
        s.buffer_size = 256 * 1024;
        full(s);
    });
    for (const uint32_t flags : {0u, uint32_t{ARSYNC_COPY_RECURSIVE}})
        add(ARSYNC_REPLACE_IN_PLACE, ARSYNC_COPY_FORCE | flags, [&](Scenario& s) {
            s.unwritable = true;
            s.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER;
            full(s);
        });
    for (const auto existing : {Existing::smaller, Existing::link, Existing::nothing})
        for (const uint32_t link : {ARSYNC_COPY_HARD_LINK, ARSYNC_COPY_SYMBOLIC_LINK}) {
            const auto over = [&](Scenario& s) {
                s.existing = existing;
                full(s);
            };
            add(ARSYNC_REPLACE_REMOVE, link, over);
            add(ARSYNC_REPLACE_ATOMIC, link, over);
            add(ARSYNC_REPLACE_IN_PLACE, link | ARSYNC_COPY_FORCE, over);
            add(ARSYNC_REPLACE_REMOVE, link | ARSYNC_COPY_RECURSIVE, over);
        }
    for (size_t i = 0; i < all.size(); i += 2)
        all[i].world.spare_blocks = 100'000; // what gives way is huge
    return all;
}

} // namespace arsync::sim
