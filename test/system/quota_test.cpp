// A quota that is used up.
#include <cerrno>

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
        for (const uint32_t method :
             {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_HEAP})
            for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
                CAPTURE(method_name(method));
                CAPTURE(replace);
                const arsync_completion done =
                    pool.copy(elsewhere / "large", here / "to",
                              Options().with_method(method).with_replace(replace));
                INFO(words(done));
                CHECK(done.result == -EDQUOT);
                CHECK(done.stage != ARSYNC_STAGE_NONE);
                CHECK(here.entries() == entries);
                output_of({"sync", "-f", volume.path()}); // then the room is there again
            }
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
