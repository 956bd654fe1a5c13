// Lists of mirrors: none may remove what another item copies or makes.
#include <cerrno>
#include <filesystem>
#include <unistd.h>

#include "system/check.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

// s is to be mirrored to d/s, where there is more than that.
class Mirrors {
public:
    Mirrors() {
        make_files(all,
                   {"s/1", "d/s/sub/2", "d/s/sub/deep/3", "d/s/file", "z/f", "x/f", "m/", "d/l/"});
        items.add(all + "/s", all + "/d/s");
    }
    const Directory directory;
    const std::string all = directory / "all";
    Items items;
};

Options mirror(uint32_t more_flags = 0) {
    return recursive(ARSYNC_COPY_MIRROR | more_flags);
}

// The second item cannot be copied for the first, in either order; and so nothing is done.
void check_refused(const Mirrors& mirrors, int error, uint32_t flags,
                   const Options& options = mirror()) {
    REQUIRE(mirrors.items.size() == 2);
    const auto before = state(mirrors.all);
    Items reversed;
    for (const size_t i : {size_t{1}, size_t{0}})
        reversed.add(mirrors.items.names(i).first, mirrors.items.names(i).second);
    for (const bool first : {true, false}) {
        CAPTURE(first);
        Pool pool;
        const ListCopy copy = copy_list(pool, first ? mirrors.items : reversed, options);
        INFO(words(copy));
        CHECK(copy.job.result == error);
        CHECK(copy.job.stage == ARSYNC_STAGE_CHECK);
        REQUIRE(copy.all.size() == 1);
        const Told& told = copy.all.front();
        CHECK(told.kind == ARSYNC_COMPLETION_ITEM);
        CHECK(told.result == error);
        CHECK(told.flags == (flags | ARSYNC_COMPLETION_IN_MIRROR));
        if (error == -ELOOP || kind_of(mirrors.items.names(1).first) == S_IFREG)
            CHECK(told.user_data == (first ? 2 : 1));
        CHECK(told.other == 3 - told.user_data);
        CHECK(copy.totals.errors == 1);
        CHECK(copy.totals.removed == 0);
        CHECK(difference(before, state(mirrors.all)) == "");
    }
}

void check_source_is_spared(Mirrors& mirrors, const std::string& path,
                            const Options& options = mirror()) {
    CAPTURE(path);
    mirrors.items.add(mirrors.all + "/" + path, mirrors.all + "/d/other");
    check_refused(mirrors, -ELOOP, ARSYNC_COMPLETION_AT_SOURCE, options);
}

void check_destination_is_spared(Mirrors& mirrors, const std::string& path) {
    CAPTURE(path);
    mirrors.items.add(mirrors.all + "/z", mirrors.all + "/" + path);
    check_refused(mirrors, -ELOOP, ARSYNC_COMPLETION_AT_DESTINATION);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "what lies in what another item is mirrored to is copied by no list") {
    for (const char* path : {"d/s", "d/s/sub", "d/s/sub/deep", "d/s/sub/2", "d/s/file",
                             "z/../d/s/./sub/", "d/s/sub/deep/.."}) {
        Mirrors mirrors;
        check_source_is_spared(mirrors, path);
    }
}

TEST_CASE_FIXTURE(Clean, "nor does a link lead there") {
    Mirrors mirrors;
    make_symlink("d/s/sub", mirrors.all + "/link");
    make_symlink("link/2", mirrors.all + "/file");
    SUBCASE("at the source") {
        Options options = mirror();
        options.symlinks = ARSYNC_SYMLINKS_FOLLOW_TOP;
        SUBCASE("to a directory") {
            check_source_is_spared(mirrors, "link", options);
        }
        SUBCASE("to a file") {
            check_source_is_spared(mirrors, "file", options);
        }
    }
    SUBCASE("on the way to the source") {
        check_source_is_spared(mirrors, "link/deep");
    }
    SUBCASE("that lies there itself") {
        make_symlink("../../s", mirrors.all + "/d/s/there");
        check_source_is_spared(mirrors, "d/s/there");
    }
    SUBCASE("at the destination") {
        check_destination_is_spared(mirrors, "link/new");
    }
    SUBCASE("to a file, at the destination") {
        check_destination_is_spared(mirrors, "file");
    }
}

TEST_CASE_FIXTURE(Clean, "a link that is kept does not matter") {
    Mirrors mirrors;
    make_symlink("d/s/sub", mirrors.all + "/link");
    mirrors.items.add(mirrors.all + "/link", mirrors.all + "/d/link");
    Pool pool;
    const ListCopy copy = copy_list(pool, mirrors.items, mirror());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(mirrors.all + "/d/s", {"1"});
    CHECK(text_of(mirrors.all + "/d/link") == "d/s/sub");
}

TEST_CASE_FIXTURE(Clean, "nor does a bind mount show it") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
    Mirrors mirrors;
    SUBCASE("a part of the mirror") {
        const Bound bound(mirrors.all + "/d/s/sub", mirrors.all + "/m");
        NEEDS(bound);
        SUBCASE("the source") {
            check_source_is_spared(mirrors, "m");
        }
        SUBCASE("above the source") {
            check_source_is_spared(mirrors, "m/deep");
        }
        SUBCASE("above a file") {
            check_source_is_spared(mirrors, "m/2");
        }
        SUBCASE("above the destination") {
            check_destination_is_spared(mirrors, "m/new");
        }
    }
    SUBCASE("a file of the mirror") {
        const Bound bound(mirrors.all + "/d/s/file", mirrors.all + "/x/f");
        NEEDS(bound);
        check_source_is_spared(mirrors, "x/f");
    }
    SUBCASE("the mirror is where the source is") {
        const Bound bound(mirrors.all + "/x", mirrors.all + "/d/s");
        NEEDS(bound);
        check_source_is_spared(mirrors, "x/f");
    }
}

// Below an end of an item, another filesystem's directory is a part of it all the same.
TEST_CASE_FIXTURE(Clean, "nor is it what is mounted in an item") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
    Mirrors mirrors;
    make_files(mirrors.all, {"s/m/", "d/s/m/", "x/sub/g"});
    SUBCASE("in a mirror, a source") {
        const Bound bound(mirrors.all + "/x", mirrors.all + "/d/s/m");
        NEEDS(bound);
        SUBCASE("itself") {
            check_source_is_spared(mirrors, "x");
        }
        SUBCASE("above it") {
            check_source_is_spared(mirrors, "x/sub");
        }
        SUBCASE("a file") {
            check_source_is_spared(mirrors, "x/f");
        }
        SUBCASE("a destination") {
            check_destination_is_spared(mirrors, "x/sub");
        }
        SUBCASE("where a destination will be") {
            check_destination_is_spared(mirrors, "x/sub/new/newer");
        }
    }
    SUBCASE("in a source, a mirror") {
        make_directories(mirrors.all + "/z/m");
        const Bound bound(mirrors.all + "/d/s", mirrors.all + "/z/m");
        NEEDS(bound);
        check_source_is_spared(mirrors, "z");
    }
    SUBCASE("but not what is mounted in two") {
        make_directories(mirrors.all + "/z/m");
        make_directories(mirrors.all + "/d/z/m");
        const Bound bound(mirrors.all + "/x", mirrors.all + "/d/s/m");
        const Bound again(mirrors.all + "/x", mirrors.all + "/d/z/m");
        NEEDS(bound);
        NEEDS(again);
        mirrors.items.add(mirrors.all + "/z", mirrors.all + "/d/z");
        Pool pool;
        const ListCopy copy = copy_list(pool, mirrors.items, mirror().with_filter("sub\nf\n"));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK_NAMES(mirrors.all + "/x", {"f", "sub", "sub/g"});
    }
    SUBCASE("but not beside it") {
        make_directories(mirrors.all + "/x/beside");
        const Bound bound(mirrors.all + "/x/beside", mirrors.all + "/d/s/m");
        NEEDS(bound);
        mirrors.items.add(mirrors.all + "/z", mirrors.all + "/x/other");
        Pool pool;
        const ListCopy copy = copy_list(pool, mirrors.items, mirror());
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK_NAMES(mirrors.all + "/x/other", {"f"});
    }
}

TEST_CASE_FIXTURE(Clean, "two are not mirrored to one place, nor one into another's") {
    for (const char* path : {"d/s", "d/./s/", "d/l/../s", "d/s/new", "d/s/sub/deep"}) {
        CAPTURE(path);
        Mirrors mirrors;
        mirrors.items.add(mirrors.all + "/z", mirrors.all + "/" + path);
        check_refused(mirrors, -EEXIST,
                      ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT);
    }
}

TEST_CASE_FIXTURE(Clean, "a file that is to be where another item is mirrored to is what fails") {
    Mirrors mirrors;
    mirrors.items.add(mirrors.all + "/z/f", mirrors.all + "/d/s");
    check_refused(mirrors, -EEXIST, ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT);
}

TEST_CASE_FIXTURE(Clean, "nor into that of what a link with a slash leads to") {
    Mirrors mirrors;
    make_symlink("z", mirrors.all + "/link");
    mirrors.items.add(mirrors.all + "/link/", mirrors.all + "/d");
    check_refused(mirrors, -EEXIST, ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT);
}

TEST_CASE_FIXTURE(Clean, "nor where nothing is yet, by whatever way") {
    Mirrors mirrors;
    make_symlink("d", mirrors.all + "/way");
    std::filesystem::remove_all(mirrors.all + "/d/s");
    SUBCASE("the same") {
        mirrors.items.add(mirrors.all + "/z", mirrors.all + "/way/s");
    }
    SUBCASE("in it") {
        mirrors.items.add(mirrors.all + "/z", mirrors.all + "/way/s/z");
    }
    SUBCASE("a file") {
        mirrors.items.add(mirrors.all + "/z/f", mirrors.all + "/way/s/f");
    }
    const auto before = state(mirrors.all);
    Pool pool;
    const ListCopy copy = copy_list(pool, mirrors.items, mirror());
    INFO(words(copy));
    CHECK(copy.job.result == -ELOOP);
    REQUIRE(copy.all.size() == 1);
    CHECK(copy.all.front().flags ==
          (ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_IN_MIRROR));
    CHECK(difference(before, state(mirrors.all)) == "");
}

TEST_CASE_FIXTURE(Clean, "mirrors that are apart are made, files among them") {
    Mirrors mirrors;
    mirrors.items.add(mirrors.all + "/z", mirrors.all + "/d/z");
    mirrors.items.add(mirrors.all + "/x/f", mirrors.all + "/d/f");
    mirrors.items.add(mirrors.all + "/d/l", mirrors.all + "/new");
    Pool pool;
    const ListCopy copy = copy_list(pool, mirrors.items, mirror());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(mirrors.all + "/d", {"s", "s/1", "z", "z/f", "f", "l"});
    CHECK(copy.totals.removed == 5);
}

TEST_CASE_FIXTURE(Clean, "of one tree a directory and what is in it are no two mirrors") {
    const Directory directory;
    make_files(directory / "s", {"a/1", "a/b/2", "c/3"});
    make_files(directory / "t", {"a/old", "a/b/old", "c/old"});
    const Items items = Items::entries({"a/b", "a", "a/b", "c"});
    Pool pool;
    const ListCopy copy = copy_list_between(pool, directory / "s", directory / "t", items,
                                            mirror(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(tree_difference(directory / "s", directory / "t") == "");
}

TEST_CASE_FIXTURE(Clean, "nor are all of it, put into a directory, and what is in it") {
    const Directory directory;
    make_files(directory / "s", {"a/1", "c/3"});
    make_files(directory / "t", {"d/a/old", "d/old"});
    Pool pool;
    const ListCopy copy = copy_list_between(pool, directory / "s", directory / "t",
                                            {{".", "d/."}, {"a", "d/a"}, {"c", "./d//c"}},
                                            mirror(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(tree_difference(directory / "s", directory / "t/d") == "");
}

TEST_CASE_FIXTURE(Clean, "but what is put elsewhere than the tree has it, is") {
    const Directory directory;
    make_files(directory / "s", {"a/1", "b/2"});
    make_files(directory / "t", {"a/old"});
    const auto before = state(directory / "t");
    Pool pool;
    const ListCopy copy =
        copy_list_between(pool, directory / "s", directory / "t", {{"a", "a"}, {"b", "a/b"}},
                          mirror(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH));
    INFO(words(copy));
    CHECK(copy.job.result == -EEXIST);
    CHECK(difference(before, state(directory / "t")) == "");
}

TEST_CASE_FIXTURE(Clean,
                  "nor does a link below one that is followed lead to what another removes") {
    Mirrors mirrors;
    make_symlink("../d/s/file", mirrors.all + "/z/l");
    const Options options = mirror().with_symlinks(ARSYNC_SYMLINKS_FOLLOW);
    Pool pool;
    SUBCASE("two directories") {
        mirrors.items.add(mirrors.all + "/z", mirrors.all + "/d/z");
        const auto before = state(mirrors.all);
        const ListCopy copy = copy_list(pool, mirrors.items, options);
        INFO(words(copy));
        CHECK(copy.job.result == -EOPNOTSUPP);
        CHECK(copy.job.stage == ARSYNC_STAGE_CHECK);
        REQUIRE(copy.all.size() == 1);
        CHECK(copy.all.front().user_data == 2);
        CHECK(copy.all.front().other == 1);
        CHECK(copy.all.front().flags ==
              (ARSYNC_COMPLETION_AT_SOURCE | ARSYNC_COMPLETION_IN_MIRROR));
        CHECK(difference(before, state(mirrors.all)) == "");
    }
    SUBCASE("though not to where nothing is yet") {
        std::filesystem::remove_all(mirrors.all + "/d/s");
        make_files(mirrors.all, {"o"});
        REQUIRE(unlink((mirrors.all + "/z/l").c_str()) == 0);
        mirrors.items.add(mirrors.all + "/z", mirrors.all + "/d/z");
        CHECK(copy_list(pool, mirrors.items, options).job.result == 0);
    }
    SUBCASE("though not below a file") {
        mirrors.items.add(mirrors.all + "/z/f", mirrors.all + "/d/f");
        CHECK(copy_list(pool, mirrors.items, options).job.result == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "a list of mirrors begins nothing before it has ended, and has room") {
    Mirrors mirrors;
    Items others;
    while (others.size() < ARSYNC_LIST_WAITING_MAX)
        others.add(mirrors.all + "/z", mirrors.all + "/" + std::to_string(others.size()));
    const auto before = state(mirrors.all);
    Pool pool;
    const arsync_job job = open_list(pool, mirror());
    CHECK(add(pool, job, mirrors.items) == 1);
    CHECK(add(pool, job, others) == ARSYNC_LIST_WAITING_MAX);
    arsync_completion done;
    CHECK(arsync_poll(pool.get(), &done, 1, 50) == 0);
    CHECK(difference(before, state(mirrors.all)) == "");
    SUBCASE("one that clashes with the first comes last") {
        CHECK(add(pool, job, {{mirrors.all + "/d/s/sub", mirrors.all + "/sub"}}) == 1);
        CHECK(arsync_list_end(pool.get(), job) == 0);
        CHECK(take_list(pool).job.result == -ELOOP);
    }
    SUBCASE("it is cancelled") {
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        CHECK(take_list(pool).job.result == -ECANCELED);
    }
    CHECK(difference(before, state(mirrors.all)) == "");
}

TEST_CASE_FIXTURE(Clean, "what is to have no entries is no mirror") {
    Mirrors mirrors;
    mirrors.items.add(mirrors.all + "/z", mirrors.all + "/d/s/z");
    Pool pool;
    const ListCopy copy = copy_list(pool, mirrors.items, mirror(ARSYNC_COPY_SHALLOW));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(exists(mirrors.all + "/d/s/file"));
    CHECK(exists(mirrors.all + "/d/s/z"));
}

TEST_CASE_FIXTURE(Clean, "what another item is copied from is mirrored into by no list") {
    Mirrors mirrors;
    SUBCASE("directly") {
        mirrors.items.add(mirrors.all + "/d", mirrors.all + "/other");
        check_refused(mirrors, -ELOOP, ARSYNC_COMPLETION_AT_SOURCE);
    }
    SUBCASE("by a link") {
        make_symlink("d", mirrors.all + "/link");
        mirrors.items.add(mirrors.all + "/link", mirrors.all + "/other");
        Options options = mirror();
        options.symlinks = ARSYNC_SYMLINKS_FOLLOW_TOP;
        check_refused(mirrors, -ELOOP, ARSYNC_COMPLETION_AT_SOURCE, options);
    }
    SUBCASE("by a bind mount") {
        NEEDS_ROOT();
        NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
        const Bound bound(mirrors.all + "/d", mirrors.all + "/m");
        NEEDS(bound);
        mirrors.items.add(mirrors.all + "/m", mirrors.all + "/other");
        check_refused(mirrors, -ELOOP, ARSYNC_COMPLETION_AT_SOURCE);
    }
    SUBCASE("but by one that leaves out what is mounted there") {
        NEEDS_ROOT();
        NEEDS(shared_volume(Kind::ext4));
        const Mounted mounted(mirrors.all + "/d/s");
        NEEDS(mounted);
        mirrors.items.add(mirrors.all + "/d", mirrors.all + "/other");
        Pool pool;
        const ListCopy copy = copy_list(pool, mirrors.items, mirror(ARSYNC_COPY_ONE_FILE_SYSTEM));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK_NAMES(mirrors.all + "/d/s", {"1"});
        CHECK_NAMES(mirrors.all + "/other", {"l", "s"});
    }
}

} // namespace live
