// Which entries a filter leaves out of a tree's copy.
#include "system/check.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean, "the filter leaves out what it excludes and takes back in what it says") {
    const Directory directory;
    make_files(directory / "from",
               {"a.o", "a.c", "keep.o", "sub/b.o", "sub/keep.o", "top", "sub/top", "build/x",
                "build/keep.o", "deep/1/2/log", "sub/build", "#name"});
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive().with_filter("# comment\n"
                                                            "*.o\n"
                                                            "\n"
                                                            "!keep.o\n"
                                                            "/top\n"
                                                            "build/\n"
                                                            "deep/**/log\n"
                                                            "\\#name\n"));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "to", {"a.c", "keep.o", "sub", "sub/keep.o", "sub/top", "sub/build",
                                   "deep", "deep/1", "deep/1/2"});
    CHECK(copy.totals.files == 5);
    CHECK(copy.totals.entries == 10);
}

TEST_CASE_FIXTURE(Clean, "stars of a filter stop at slashes, double ones do not") {
    const Directory directory;
    make_files(directory / "from", {"a/x", "a/b/x", "c/b/x", "ab", "axb", "a-long-b"});
    Pool pool;
    copy_tree(pool, directory / "from", directory / "one", recursive().with_filter("a/*/x\na?b"));
    CHECK_NAMES(directory / "one", {"a", "a/x", "a/b", "c", "c/b", "c/b/x", "ab", "a-long-b"});
    copy_tree(pool, directory / "from", directory / "two", recursive().with_filter("a/**/x\na*b"));
    CHECK_NAMES(directory / "two", {"a", "a/b", "c", "c/b", "c/b/x"});
}

} // namespace live
