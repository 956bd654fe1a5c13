// A quota that is used up.
#include <cerrno>
#include <unistd.h>

#include "system/check.h"
#include "system/command.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean, "beyond a quota of btrfs a copy fails with EDQUOT and leaves nothing") {
    const Volume volume(Kind::btrfs, 400);
    NEEDS(volume);
    const Directory here(volume);
    if (output_of({"btrfs", "quota", "enable", volume.path()}) != "" ||
        output_of({"btrfs", "qgroup", "limit", "24M", volume.path()}) != "") {
        skip("no quotas of btrfs");
        return;
    }
    const Directory elsewhere;
    write_pattern(elsewhere / "large", 48 << 20);
    write_pattern(elsewhere / "small", 1 << 20);
    const size_t entries = here.entries();
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const uint32_t method : all_methods) {
            if (method == ARSYNC_METHOD_REFLINK)
                continue; // not from elsewhere
            for (const bool safe : {false, true}) {
                const uint32_t durability =
                    safe == (method % 2 == 0) ? ARSYNC_DURABILITY_FULL : ARSYNC_DURABILITY_NONE;
                CAPTURE(method_name(method));
                CAPTURE(safe);
                CAPTURE(durability);
                const arsync_completion done = pool.copy(
                    elsewhere / "large", here / "to",
                    Options()
                        .with_method(method)
                        .with_replace(safe ? ARSYNC_REPLACE_ATOMIC : ARSYNC_REPLACE_IN_PLACE)
                        .with_durability(durability));
                INFO(words(done));
                CHECK(done.result == -EDQUOT);
                CHECK(done.stage != ARSYNC_STAGE_NONE);
                CHECK(here.entries() == entries);
                output_of({"sync", "-f", volume.path()}); // then the room is there again
            }
        }
        // Blocks that are shared count once.
        write_pattern(here / "within", 14 << 20);
        for (const uint32_t method : {ARSYNC_METHOD_REFLINK, ARSYNC_METHOD_COPY_FILE_RANGE}) {
            CAPTURE(method_name(method));
            const arsync_completion done =
                pool.copy(here / "within", here / "to", Options().with_method(method));
            INFO(words(done));
            CHECK(done.result == 0);
            CHECK(difference(here / "within", here / "to") == "");
        }
        for (const char* name : {"within", "to"})
            unlink((here / name).c_str());
        output_of({"sync", "-f", volume.path()});
        const TreeCopy tree = copy_tree(pool, elsewhere.path(), here / "tree");
        INFO(words(tree));
        CHECK(tree.job.result == -EDQUOT);
        CHECK_FALSE(exists(here / "tree/large"));
        CHECK(difference(elsewhere / "small", here / "tree/small") == "");
        remove_tree(here / "tree");
        output_of({"sync", "-f", volume.path()});
    }
}

} // namespace live
