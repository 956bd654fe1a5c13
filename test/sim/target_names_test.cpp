// Which names a list's directory lacks, as far as that is known without asking for each.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <string>

#include "copy/list/target_names.h"
#include "sim/files.h"
#include "sim/tree.h"

namespace arsync::sim {

namespace {

class MayFold final : public SimulatedFiles {
public:
    using SimulatedFiles::SimulatedFiles;
    bool may_fold_names(int) override { return folds; }
    bool folds = false;
};

// A directory "to" with one name in it, "there", and an empty one beside it.
struct Target {
    Target() { add_file(world, to, "there", {}, 0644); }
    bool lacks(const char* path, uint64_t items = 20) {
        return names.lacks(files, AT_FDCWD, path, items);
    }

    World world{WorldOptions{}};
    MayFold files{world};
    const InodeNumber to = add_directory(world, world.disk.root().number, "to");
    const InodeNumber other = add_directory(world, world.disk.root().number, "other");
    TargetNames names;
};

} // namespace

TEST_CASE("a name is known to be free once, where it was not listed") {
    Target target;
    CHECK_FALSE(target.lacks("to/there"));
    CHECK(target.lacks("to/new"));
    CHECK_FALSE(target.lacks("to/new")); // whoever asked has made it
    CHECK(target.lacks("to/newer"));
    add_file(target.world, target.to, "late", {}, 0644);
    CHECK(target.lacks("to/late")); // as it was when it was listed
}

TEST_CASE("a list of few items looks for each, and begins to list when there are more") {
    Target target;
    unsigned lists = 0;
    target.world.before = [&](const Step& step) {
        lists += step.call == Call::list;
        return 0;
    };
    for (const uint64_t items : {1u, 2u, 16u})
        CHECK_FALSE(target.lacks("to/new", items));
    CHECK(lists == 0);
    CHECK(target.lacks("to/new", 17));
    CHECK(lists > 0);
}

TEST_CASE("nothing is known of what is no name in the directory") {
    for (const char* path : {"to/.", "to/..", "to/", ".", ".."}) {
        CAPTURE(path);
        Target target;
        CHECK_FALSE(target.lacks(path));
        CHECK(target.lacks("to/new"));
    }
}

TEST_CASE("nothing is known any more once a name is in another directory, or that is given up") {
    for (const bool elsewhere : {true, false}) {
        Target target;
        CHECK(target.lacks("to/new"));
        if (elsewhere)
            CHECK_FALSE(target.lacks("other/new"));
        else
            target.names.give_up();
        for (const char* path : {"to/newer", "other/newer", "to/newer"})
            CHECK_FALSE(target.lacks(path));
    }
}

TEST_CASE("nothing is known where names may fold, or the directory cannot be listed") {
    for (const Call call : {Call::open, Call::list}) {
        Target target;
        target.world.before = [&](const Step& step) { return step.call == call ? -EACCES : 0; };
        CHECK_FALSE(target.lacks("to/new"));
        target.world.before = {};
        CHECK_FALSE(target.lacks("to/newer"));
    }
    Target target;
    target.files.folds = true;
    CHECK_FALSE(target.lacks("to/new"));
    target.files.folds = false;
    CHECK_FALSE(target.lacks("to/newer"));
}

TEST_CASE("a directory that has far more names than would be looked for is not listed to its end") {
    constexpr unsigned most = 1024 + 4 * 20;
    for (const unsigned count : {most, most + 1, 3 * most}) {
        Target target;
        for (unsigned i = 1; i < count; ++i)
            add_file(target.world, target.to, std::to_string(i).c_str(), {}, 0644);
        size_t listed = 0;
        target.world.before = [&](const Step& step) {
            listed += step.call == Call::list;
            return 0;
        };
        CHECK(target.lacks("to/new") == (count <= most));
        CHECK(listed < 8);
    }
}

} // namespace arsync::sim
