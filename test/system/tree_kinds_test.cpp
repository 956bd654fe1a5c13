// What is at the destination is of another kind than its source.
#include <cerrno>
#include <sys/stat.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean, "names of a file are not linked to something newer of another kind") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_hard_link(directory / "from/a", directory / "from/b");
    set_mtime(directory / "from/a", 1'000'000'000);
    for (const bool fifo : {true, false}) {
        CAPTURE(fifo);
        const std::string to = directory / (fifo ? "fifo" : "link");
        make_directories(to);
        for (const char* name : {"/a", "/b"}) // whichever comes first
            if (fifo)
                make_node(to + name, S_IFIFO | 0600);
            else
                make_symlink("nowhere", to + name);
        make_directories(directory / "from/sub");
        if (!exists(directory / "from/sub/c"))
            make_hard_link(directory / "from/a", directory / "from/sub/c");
        Pool pool;
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, archive().with_update(ARSYNC_UPDATE_OLDER));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(kind_of(to + "/a") == (fifo ? S_IFIFO : S_IFLNK));
        REQUIRE(kind_of(to + "/sub/c") == S_IFREG);
        CHECK(difference(directory / "from/a", to + "/sub/c") == "");
    }
}

} // namespace live
