// Directories that are made and given their attributes, whatever else happens.
#include <cerrno>
#include <sys/stat.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

mode_t mode_of(const std::string& path) {
    struct stat facts = {};
    CHECK(lstat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "setgid is inherited at every level when only the owner is preserved") {
    NEEDS_ROOT();
    const Directory directory;
    make_files(directory / "from", {"a/b/c/file"});
    make_directories(directory / "to");
    set_owner(directory / "to", 0, 12);
    set_mode(directory / "to", 02775);
    Pool pool;
    Options options = recursive();
    options.preserve = ARSYNC_PRESERVE_OWNER;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to/new", options);
    CHECK(copy.job.result == 0);
    for (const char* path : {"to/new", "to/new/a", "to/new/a/b", "to/new/a/b/c"}) {
        CAPTURE(path);
        CHECK((mode_of(directory / path) & S_ISGID) != 0);
    }
}

} // namespace live
