// Whether two paths are one file, and one entry of a directory.
#include <doctest/doctest.h>

#include <fcntl.h>

#include "copy/same_file.h"
#include "sim/files.h"
#include "sim/tree.h"

namespace arsync::sim {

namespace {

// "a/file", "a/other" and "b/file" are names of one file; "link" leads to the directory "a".
class Paths {
public:
    Paths() {
        const InodeNumber root = world.disk.root().number;
        const InodeNumber a = add_directory(world, root, "a");
        const InodeNumber b = add_directory(world, root, "b");
        const InodeNumber file = add_file(world, a, "file", content_of("x"), 0644);
        add_name(world, a, "other", file);
        add_name(world, b, "file", file);
        add_symlink(world, root, "link", "a");
    }
    bool are_one_entry(const char* source, const char* destination) {
        return is_one_entry(files, FileCopy{AT_FDCWD, source, AT_FDCWD, destination});
    }
    Meeting meet(const char* source, const char* destination, uint32_t backup) {
        struct statx from;
        struct statx there;
        REQUIRE(files.statx(AT_FDCWD, source, 0, from) == 0);
        REQUIRE(files.statx(AT_FDCWD, destination, AT_SYMLINK_NOFOLLOW, there) == 0);
        arsync_copy_options options{};
        options.backup = backup;
        return arsync::meet(files, FileCopy{AT_FDCWD, source, AT_FDCWD, destination}, from, there,
                            options);
    }

    World world{WorldOptions{}};
    SimulatedFiles files{world};
};

} // namespace

TEST_CASE("two paths are one entry if their names are one, and what these are in") {
    Paths paths;
    CHECK(paths.are_one_entry("a/file", "a/file"));
    CHECK(paths.are_one_entry("a/file", "link/file"));
    CHECK_FALSE(paths.are_one_entry("a/file", "a/other"));
    CHECK_FALSE(paths.are_one_entry("a/file", "b/file"));
    CHECK_FALSE(paths.are_one_entry("a/other", "b/file"));
    CHECK_THROWS_AS(paths.are_one_entry("a/file", "nowhere/file"), Error);
}

TEST_CASE("a backup may be made of another name of the source, and not of the source itself") {
    Paths paths;
    for (const char* other : {"a/other", "b/file"}) {
        CHECK(paths.meet("a/file", other, ARSYNC_BACKUP_SIMPLE) == Meeting::harmless);
        CHECK(paths.meet("a/file", other, ARSYNC_BACKUP_NONE) == Meeting::fatal);
    }
    for (const char* same : {"a/file", "link/file"})
        CHECK(paths.meet("a/file", same, ARSYNC_BACKUP_SIMPLE) == Meeting::fatal);
}

} // namespace arsync::sim
