// Whether a copy has its source's time, where times are kept in steps.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>

#include "copy/time_step.h"
#include "sim/files.h"
#include "sim/tree.h"

namespace arsync::sim {

namespace {

// A copy with these times of modification and change, on a filesystem that keeps times in steps of
// so many seconds.
class Copy {
public:
    Copy(timespec modified, timespec changed, uint64_t filesystem = ext4_magic, time_t step_s = 0)
        : world(of_type(filesystem)), files(world) {
        number = add_file(world, world.disk.root().number, "copy", content_of("x"), 0644);
        inode().attributes.modified = before = modified;
        inode().attributes.changed = changed;
        world.before = [this](const Step& step) {
            attempts += step.call == Call::set_times;
            return step.call == Call::set_times ? refuses : 0;
        };
        world.after = [this, step_s](const Step& step, int64_t) {
            if (step.call != Call::set_times || step_s == 0)
                return;
            timespec& time = inode().attributes.modified;
            time = {time.tv_sec - time.tv_sec % step_s, 0};
        };
    }

    bool has(timespec source, bool may_try) {
        struct statx wanted;
        struct statx found;
        std::memset(&wanted, 0, sizeof wanted);
        wanted.stx_mtime.tv_sec = source.tv_sec;
        wanted.stx_mtime.tv_nsec = static_cast<uint32_t>(source.tv_nsec);
        REQUIRE(files.statx(AT_FDCWD, "copy", 0, found) == 0);
        if (swapped)
            world.change_names(world.disk.root().number,
                               {{"copy", add_file(world, world.disk.root().number, "other",
                                                  content_of("y"), 0644)}});
        const bool same = has_time_of(files, AT_FDCWD, "copy", wanted, found, may_try);
        CHECK(world.open_descriptors().empty());
        CHECK(world.problems.empty());
        return same;
    }
    bool is_as_before() {
        const timespec& now = inode().attributes.modified;
        return now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec;
    }
    Inode& inode() { return world.disk.at(number); }

    World world;
    SimulatedFiles files;
    InodeNumber number = 0;
    timespec before = {};
    int refuses = 0; // to have its times set: a negative errno
    bool swapped = false;
    unsigned attempts = 0;

private:
    static WorldOptions of_type(uint64_t filesystem) {
        WorldOptions options;
        options.filesystem_type = filesystem;
        return options;
    }
};

} // namespace

TEST_CASE("a time is the source's if it is that in the steps that the copy's times were made of") {
    CHECK(Copy({5, 123'456'789}, {9, 1}).has({5, 123'456'789}, false));
    CHECK(Copy({5, 123'456'000}, {9, 7'000}).has({5, 123'456'789}, false));
    CHECK(Copy({5, 0}, {9, 0}).has({5, 999'999'999}, false));
    CHECK_FALSE(Copy({5, 123'456'000}, {9, 1}).has({5, 123'456'789}, false));
    CHECK_FALSE(Copy({5, 123'456'000}, {9, 7'000}).has({5, 123'457'789}, false));
    CHECK_FALSE(Copy({5, 100'000'000}, {9, 0}).has({5, 200'000'000}, false));
    CHECK_FALSE(Copy({5, 0}, {9, 1}).has({5, 1}, false));
    CHECK_FALSE(Copy({5, 0}, {9, 0}).has({6, 0}, false));
    CHECK_FALSE(Copy({5, 0}, {9, 0}).has({4, 999'999'999}, false));
}

TEST_CASE(
    "where steps may be of two seconds the copy is given the source's time, and told by that") {
    for (const uint64_t filesystem : {uint64_t{MSDOS_SUPER_MAGIC}, fuse_magic}) {
        CAPTURE(filesystem);
        for (const timespec source : {timespec{4, 5}, timespec{5, 0}, timespec{5, 999'999'999}}) {
            Copy coarse({4, 0}, {9, 1}, filesystem, 2);
            CHECK(coarse.has(source, true));
            CHECK(coarse.is_as_before());
            Copy fine({4, 0}, {9, 1}, filesystem);
            CHECK_FALSE(fine.has(source, true));
            CHECK(fine.attempts == 2);
            CHECK(fine.is_as_before());
            Copy shut({4, 0}, {9, 1}, filesystem, 2);
            shut.refuses = -EPERM;
            CHECK_FALSE(shut.has(source, true));
            Copy other({4, 0}, {9, 1}, filesystem, 2);
            other.swapped = true;
            CHECK_FALSE(other.has(source, true));
            CHECK(other.attempts == 0);
        }
    }
}

TEST_CASE("a copy is not given another time to no purpose") {
    const auto attempts = [](timespec time, uint64_t filesystem, timespec source, bool may_try) {
        Copy copy(time, {9, 1}, filesystem, 2);
        CHECK_FALSE(copy.has(source, may_try));
        return copy.attempts;
    };
    CHECK(attempts({4, 0}, fuse_magic, {5, 0}, false) == 0);
    CHECK(attempts({4, 0}, ext4_magic, {5, 0}, true) == 0);
    CHECK(attempts({4, 0}, fuse_magic, {6, 0}, true) == 0);
    CHECK(attempts({4, 0}, fuse_magic, {3, 999'999'999}, true) == 0);
    CHECK(attempts({4, 1}, fuse_magic, {5, 0}, true) == 0);
}

} // namespace arsync::sim
