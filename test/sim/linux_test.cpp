// The simulated files beside the real ones: the same calls, made at random, give the same results.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <linux/openat2.h>

#include "sim/files.h"
#include "sim/seeds.h"
#include "sim/tree.h"
#include "skip.h"

namespace arsync::sim {

namespace {

// The names stand in for all others; the dots lead out of the directory at most twice, so the real
// directory lies deep enough.
constexpr const char* names[] = {"a", "b", "c", "d"};
constexpr const char* paths[] = {
    "a",   "b",    "c",      "d", "a/b",  "b/c", "c/a", "a/b/c", "a/",    "b/c/",    "./a",
    "a/.", "a/..", "b/../a", ".", "c//d", "a//", "",    "d/./",  "c/b/a", "a/../..", "d/a/"};
constexpr const char* targets[] = {"a", "b", "a/b", "c/", ".", "./b", "none", "d"};
constexpr int open_flags[] = {O_RDONLY,
                              O_RDWR,
                              O_WRONLY | O_TRUNC,
                              O_WRONLY | O_CREAT,
                              O_WRONLY | O_CREAT | O_EXCL,
                              O_RDONLY | O_CREAT | O_NOFOLLOW,
                              O_RDONLY | O_DIRECTORY,
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                              O_RDONLY | O_NOFOLLOW,
                              O_PATH,
                              O_PATH | O_NOFOLLOW,
                              O_PATH | O_DIRECTORY | O_NOFOLLOW};
constexpr uint64_t resolves[] = {0,
                                 RESOLVE_BENEATH,
                                 RESOLVE_NO_SYMLINKS,
                                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                     RESOLVE_NO_XDEV,
                                 RESOLVE_IN_ROOT,
                                 RESOLVE_IN_ROOT | RESOLVE_BENEATH};

// One of the two: its files, a directory in them, and another one that is or was there.
struct Side {
    Files& files;
    int top;
    int held;
    bool has_openat2;

    std::string list(int fd) {
        alignas(8) char records[512];
        std::vector<std::string> found;
        int64_t size = files.set_list_position(fd, 0);
        if (size < 0)
            return "error " + std::to_string(size);
        while ((size = files.list(fd, records, sizeof records)) > 0)
            for (int64_t at = 0; at < size;) {
                const auto* record = reinterpret_cast<const dirent*>(records + at);
                found.emplace_back(record->d_name);
                at += record->d_reclen;
            }
        std::sort(found.begin(), found.end());
        std::string text = std::to_string(size);
        for (const std::string& name : found)
            text += " " + name;
        return text;
    }

    std::string facts(int dirfd, const char* path, int flags) {
        struct statx facts;
        const int error = files.statx(dirfd, path, flags, facts);
        if (error < 0)
            return std::to_string(error);
        std::string text = std::to_string(facts.stx_mode);
        if (!S_ISDIR(facts.stx_mode)) // which filesystems do not agree on
            text += " " + std::to_string(facts.stx_nlink) + " " + std::to_string(facts.stx_size);
        return text;
    }

    std::string opened(int fd) {
        if (fd < 0)
            return std::to_string(fd);
        const std::string text = "opened " + facts(fd, "", 0) + " " + list(fd);
        CHECK(files.close(fd) == 0);
        return text;
    }

    std::string hold(int dirfd, const char* path) {
        const int fd = files.open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
            return std::to_string(fd);
        CHECK(files.close(held) == 0);
        held = fd;
        return "held";
    }

    std::string link_text(int dirfd, const char* path) {
        char text[3];
        const int64_t size = files.read_link(dirfd, path, text, sizeof text);
        return size < 0 ? std::to_string(size) : std::string(text, static_cast<size_t>(size));
    }

    std::string times(int dirfd, const char* path) {
        const timespec set[2] = {{0, UTIME_OMIT}, {1'000'000, 7}};
        struct statx facts {};
        const int fd = files.open(dirfd, path, O_PATH | O_NOFOLLOW, 0);
        const int error = fd < 0 ? fd : files.set_times(fd, set);
        if (fd >= 0)
            CHECK(files.close(fd) == 0);
        if (error == 0)
            CHECK(files.statx(dirfd, path, AT_SYMLINK_NOFOLLOW, facts) == 0);
        return std::to_string(error) + " " + std::to_string(facts.stx_mtime.tv_sec) + " " +
               std::to_string(facts.stx_mtime.tv_nsec);
    }

    // A call, chosen by the seed; what came of it.
    std::string call(Random& random) {
        const int dirfd = random.percent(30) ? held : top;
        const uint64_t number = random.below(17);
        const char* path = random.of(paths);
        const char* other = random.of(paths);
        const char* name = random.of(names);
        const char* target = random.of(targets);
        const int flags = random.of(open_flags);
        const uint64_t resolve = random.of(resolves);
        const auto mode = static_cast<mode_t>(random.below(01000));
        const std::string what = std::to_string(number) + (dirfd == held ? " held '" : " '") +
                                 path + "' '" + other + "' " + name + " " + target + " " +
                                 std::to_string(flags) + " " + std::to_string(resolve) + ": ";
        const auto result = [&](int error) { return what + std::to_string(error); };
        // Nobody is at a pipe's other end.
        const int no_wait = flags & O_PATH ? flags : flags | O_NONBLOCK;
        switch (number) {
        case 0:
        case 1:
            return result(files.make_directory(dirfd, path, mode | 0700));
        case 2:
            return result(files.make_symlink(target, dirfd, path));
        case 3:
            return result(files.make_link(top, other, dirfd, path));
        case 4:
            return result(files.make_special(dirfd, path, S_IFIFO | mode, 0));
        case 5:
            return result(files.unlink(dirfd, path));
        case 6:
            return result(files.remove_directory(dirfd, path));
        case 7:
            return result(files.rename(dirfd, name, random.of(names)));
        case 10:
            if (has_openat2)
                return what + opened(files.open_beneath(dirfd, path, no_wait & ~O_CREAT & ~O_EXCL,
                                                        resolve));
            [[fallthrough]];
        case 8:
        case 9:
            return what + opened(files.open(dirfd, path, no_wait, mode | 0600));
        case 11:
            return what + hold(dirfd, name); // of a name: never further up
        case 12:
            return what + facts(dirfd, path, mode & 1 ? AT_SYMLINK_NOFOLLOW : 0);
        case 13:
            return what + list(dirfd);
        case 14:
            return what + link_text(dirfd, path);
        case 15:
            return what + times(dirfd, path);
        default:
            return what + opened(files.open(top, path, O_TMPFILE | O_RDWR, mode | 0600));
        }
    }
};

struct RealDirectory {
    std::string path = "/tmp/arsync-sim-XXXXXX";
    RealDirectory() { REQUIRE(mkdtemp(path.data())); }
    ~RealDirectory() { std::filesystem::remove_all(path); }
};

WorldOptions like_this_process() {
    WorldOptions options;
    options.umask = ::umask(0);
    ::umask(options.umask);
    options.uncached_percent = 0;
    return options;
}

} // namespace

TEST_CASE("names, links and listings are as on Linux") {
    SystemFiles system;
    const bool has_openat2 = system.open_beneath(AT_FDCWD, "/", O_PATH, RESOLVE_BENEATH) == -EXDEV;
    if (!has_openat2)
        skip("openat2 as on Linux: it is missing or denied here");
    for_each_seed(200, [&](uint64_t seed) {
        const RealDirectory directory;
        World world(like_this_process());
        SimulatedFiles simulated(world);
        const auto begin = [has_openat2](Files& files, int start, const char* path) {
            Side side{files, files.open(start, path, O_RDONLY | O_DIRECTORY, 0), -1, has_openat2};
            for (const char* name : {"1", "2", "3"}) { // deep enough
                REQUIRE(files.make_directory(side.top, name, 0755) == 0);
                const int next = files.open(side.top, name, O_RDONLY | O_DIRECTORY, 0);
                REQUIRE(next >= 0);
                CHECK(files.close(side.top) == 0);
                side.top = next;
            }
            side.held = files.open(side.top, ".", O_RDONLY | O_DIRECTORY, 0);
            REQUIRE(side.held >= 0);
            return side;
        };
        Side real = begin(system, AT_FDCWD, directory.path.c_str());
        Side imitation = begin(simulated, AT_FDCWD, "/");
        Random calls(seed), same_calls(seed);
        std::string history;
        for (int i = 0; i < 150; ++i) {
            const std::string wanted = real.call(calls);
            const std::string got = imitation.call(same_calls);
            history += "\n  " + wanted;
            REQUIRE_MESSAGE(got == wanted, "seed ", seed, history);
        }
        for (Side* side : {&real, &imitation}) {
            CHECK(side->files.close(side->top) == 0);
            CHECK(side->files.close(side->held) == 0);
        }
        CHECK(world.problems.empty());
        CHECK(world.open_descriptors().empty());
    });
}

} // namespace arsync::sim
