// A disk that is full.
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint64_t mib = 1024 * 1024;

bool is_stage_of_writing(uint32_t stage) {
    return stage == ARSYNC_STAGE_WRITE || stage == ARSYNC_STAGE_ALLOCATE ||
           stage == ARSYNC_STAGE_COPY_FILE_RANGE;
}

void fails_and_leaves_nothing(Kind kind, uint64_t megabytes) {
    const Volume volume(kind, megabytes);
    NEEDS(volume);
    const Directory here(volume);
    const Directory elsewhere;
    // One that fits, but not twice; and one that never fits.
    write_pattern(here / "near", megabytes * mib / 8 * 5);
    write_pattern(elsewhere / "far", (megabytes + 1) * mib);
    const size_t entries = here.entries();
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const std::string& from : {here / "near", elsewhere / "far"}) {
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue;
                CAPTURE(method_name(method));
                for (const uint32_t replace :
                     {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_EXCLUSIVE, ARSYNC_REPLACE_ATOMIC}) {
                    const Options options = Options().with_method(method).with_replace(replace);
                    const arsync_completion done = pool.copy(from, here / "to", options);
                    INFO(words(done));
                    CHECK(done.result == -ENOSPC);
                    CHECK(is_stage_of_writing(done.stage));
                    CHECK(here.entries() == entries);
                }
            }
        }
        // All the space is there again.
        write_pattern(elsewhere / "small", 2 * mib);
        CHECK(pool.copy(elsewhere / "small", here / "to").result == 0);
        CHECK(difference(elsewhere / "small", here / "to") == "");

        write_pattern(here / "to", 5000, 9);
        const Options atomic = Options().with_replace(ARSYNC_REPLACE_ATOMIC);
        CHECK(pool.copy(here / "near", here / "to", atomic).result == -ENOSPC);
        CHECK(read_file(here / "to") == pattern(5000, 9));
        CHECK(here.entries() == entries + 1);
        unlink((here / "to").c_str());
    }
}

constexpr uint32_t replaces_that_back_up[] = {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE,
                                              ARSYNC_REPLACE_ATOMIC};

void gives_the_backup_its_name_back(Kind kind, uint64_t megabytes) {
    const Volume volume(kind, megabytes);
    NEEDS(volume);
    const Directory here(volume);
    const Directory elsewhere;
    write_pattern(elsewhere / "far", (megabytes + 1) * mib);
    write_pattern(here / "to", 5000, 9);
    const ino_t inode = inode_of(here / "to");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const uint32_t flags : {0u, ARSYNC_COPY_RECURSIVE}) {
            CAPTURE(flags);
            for (const uint32_t backup : {ARSYNC_BACKUP_SIMPLE, ARSYNC_BACKUP_NUMBERED}) {
                CAPTURE(backup);
                for (const uint32_t replace : replaces_that_back_up) {
                    CAPTURE(replace);
                    const arsync_completion done = pool.copy(
                        elsewhere / "far", here / "to",
                        Options().with_flags(flags).with_backup(backup).with_replace(replace));
                    INFO(words(done));
                    CHECK(done.result == -ENOSPC);
                    CHECK(is_stage_of_writing(done.stage));
                    CHECK((done.flags & ARSYNC_COMPLETION_BACKED_UP) == 0);
                    CHECK_NAMES(here.path(), {"to"});
                    CHECK(read_file(here / "to") == pattern(5000, 9));
                    CHECK(inode_of(here / "to") == inode);
                }
            }
        }
    }
}

void gives_backups_in_a_tree_their_names_back(Kind kind, uint64_t megabytes) {
    const Volume volume(kind, megabytes);
    NEEDS(volume);
    const Directory here(volume);
    const Directory elsewhere;
    make_directories(elsewhere / "from/sub");
    make_directories(here / "to/sub");
    for (const char* name : {"far", "sub/far"}) {
        write_pattern(elsewhere / ("from/" + std::string(name)), (megabytes + 1) * mib);
        write_pattern(here / ("to/" + std::string(name)), 5000, 9);
    }
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const uint32_t replace : replaces_that_back_up) {
            CAPTURE(replace);
            const TreeCopy copy = copy_tree(pool, elsewhere / "from", here / "to",
                                            recursive()
                                                .with_backup(ARSYNC_BACKUP_SIMPLE)
                                                .with_replace(replace)
                                                .with_report(ARSYNC_REPORT_ALL));
            INFO(words(copy));
            CHECK(copy.job.result == -ENOSPC);
            CHECK(copy.totals.errors == 2);
            CHECK_NAMES(here / "to", {"far", "sub", "sub/far"});
            for (const char* name : {"far", "sub/far"}) {
                const Entry* entry = copy.find(name);
                REQUIRE(entry);
                CHECK(entry->result == -ENOSPC);
                CHECK((entry->flags & ARSYNC_COMPLETION_BACKED_UP) == 0);
                CHECK(read_file(here / ("to/" + std::string(name))) == pattern(5000, 9));
            }
        }
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "on a full ext4 a copy fails and leaves nothing") {
    fails_and_leaves_nothing(Kind::ext4, 24);
}
TEST_CASE_FIXTURE(Clean, "on a full tmpfs a copy fails and leaves nothing") {
    fails_and_leaves_nothing(Kind::tmpfs, 16);
}

TEST_CASE_FIXTURE(Clean, "on a full ext4 a backup gets its name back") {
    gives_the_backup_its_name_back(Kind::ext4, 24);
}
TEST_CASE_FIXTURE(Clean, "on a full tmpfs a backup gets its name back") {
    gives_the_backup_its_name_back(Kind::tmpfs, 16);
}

TEST_CASE_FIXTURE(Clean, "on a full ext4 backups in a tree get their names back") {
    gives_backups_in_a_tree_their_names_back(Kind::ext4, 24);
}
TEST_CASE_FIXTURE(Clean, "on a full tmpfs backups in a tree get their names back") {
    gives_backups_in_a_tree_their_names_back(Kind::tmpfs, 16);
}

TEST_CASE_FIXTURE(Clean, "a sparse file larger than the disk is copied as long as its data fits") {
    const Volume volume(Kind::ext4, 24);
    NEEDS(volume);
    const Directory directory(volume);
    write_sparse(directory / "from", 1024 * mib, {{500 * mib, 502 * mib}});
    Pool pool;
    for (const uint32_t method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        CAPTURE(method_name(method));
        const arsync_completion done =
            pool.copy(directory / "from", directory / "to", Options().with_method(method));
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(difference(directory / "from", directory / "to") == "");
        unlink((directory / "to").c_str());
    }
}

} // namespace live
