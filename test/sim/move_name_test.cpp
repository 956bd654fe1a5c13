// A name moved to one that is free, by whatever calls there are for that.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <string>

#include "copy/move_name.h"
#include "sim/files.h"
#include "sim/tree.h"

namespace arsync::sim {

namespace {

// "from" is to be moved to "to", where something may be.
class Move {
public:
    explicit Move(bool taken) : world({}), files(world) {
        const InodeNumber root = world.disk.root().number;
        from = add_file(world, root, "from", content_of("new"), 0644);
        if (taken)
            there = add_file(world, root, "to", content_of("old"), 0644);
        world.before = [this](const Step& step) { return before(step); };
    }

    int run() { return move_name(files, AT_FDCWD, "from", "to"); }
    InodeNumber at(const char* name) {
        const Inode* const inode = world.disk.find(world.disk.root().number, name);
        return inode ? inode->number : 0;
    }
    bool is_moved() { return at("to") == from && at("from") == 0; }
    bool is_as_before() { return at("to") == there && at("from") == from; }

    World world;
    SimulatedFiles files;
    InodeNumber from = 0;
    InodeNumber there = 0;
    // Negative errnos. The first rename is the one that takes no name from another.
    int first_rename = 0, link = 0, unlink = 0, look = 0;

private:
    int before(const Step& step) {
        switch (step.call) {
        case Call::rename:
            return ++renames_ == 1 ? first_rename : 0;
        case Call::make_link:
            return link;
        case Call::unlink:
            return step.path == "from" ? unlink : 0;
        case Call::statx:
            return look;
        default:
            return 0;
        }
    }
    unsigned renames_ = 0;
};

constexpr int not_here[] = {-EINVAL, -ENOSYS, -EOPNOTSUPP, -EPERM};

} // namespace

TEST_CASE("a name is moved to a free one, and takes none from another, by a rename that can tell") {
    Move free(false);
    CHECK(free.run() == 0);
    CHECK(free.is_moved());
    Move taken(true);
    CHECK(taken.run() == -EEXIST);
    CHECK(taken.is_as_before());
    Move broken(false);
    broken.first_rename = -EIO;
    CHECK(broken.run() == -EIO);
    CHECK(broken.is_as_before());
}

TEST_CASE("without such a rename a link does it, and goes again if the old name stays") {
    for (const int error : not_here) {
        CAPTURE(error);
        for (const bool taken : {false, true}) {
            Move move(taken);
            move.first_rename = error;
            CHECK(move.run() == (taken ? -EEXIST : 0));
            CHECK((taken ? move.is_as_before() : move.is_moved()));
        }
        Move stuck(false);
        stuck.first_rename = error;
        stuck.unlink = -EIO;
        CHECK(stuck.run() == -EIO);
        CHECK(stuck.is_as_before());
    }
}

TEST_CASE("without links either, a plain rename does it once nothing is seen there") {
    for (const int error : not_here) {
        CAPTURE(error);
        for (const bool taken : {false, true}) {
            Move move(taken);
            move.first_rename = move.link = error;
            CHECK(move.run() == (taken ? -EEXIST : 0));
            CHECK((taken ? move.is_as_before() : move.is_moved()));
        }
        Move blind(false);
        blind.first_rename = blind.link = error;
        blind.look = -EIO;
        CHECK(blind.run() == -EIO);
        CHECK(blind.is_as_before());
    }
}

} // namespace arsync::sim
