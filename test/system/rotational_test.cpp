// What is read from a disk that says that it is rotational, and in which order. A loop device says
// what it is told to.
#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <map>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

#include "system/check.h"
#include "system/command.h"
#include "system/trace.h"

namespace live {

namespace {

// A directory's files on ext4, and where they lie: in another order than that of their inodes, and
// of their names. They are not in the page cache.
class Files {
public:
    explicit Files(const Directory& directory) : path_(directory / "source") {
        mkdir(path_.c_str(), 0755);
        for (int i = 0; i < count; ++i)
            write_pattern(name(i), 0);
        for (int i = count; i-- > 0;)
            write_past_cache(name(i));
    }
    const std::string& path() const { return path_; }
    std::vector<std::string> in_order() const {
        std::map<uint64_t, std::string> places;
        for (int i = 0; i < count; ++i)
            places[place_of(name(i))] = name(i).substr(path_.size() + 1);
        std::vector<std::string> names;
        for (const auto& [place, name] : places)
            names.push_back(name);
        return names;
    }
    static constexpr int count = 40;

private:
    std::string name(int i) const { return path_ + "/" + std::to_string(i * 7 % count); }
    static void write_past_cache(const std::string& path) {
        alignas(4096) char block[4096];
        memset(block, path.back(), sizeof block);
        const int fd = open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
        CHECK(pwrite(fd, block, sizeof block, 0) == sizeof block);
        close(fd);
    }
    static uint64_t place_of(const std::string& path) {
        alignas(fiemap) char memory[sizeof(fiemap) + sizeof(fiemap_extent)] = {};
        auto* map = reinterpret_cast<fiemap*>(memory);
        map->fm_length = FIEMAP_MAX_OFFSET;
        map->fm_extent_count = 1;
        const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        const bool told = ioctl(fd, FS_IOC_FIEMAP, map) == 0 && map->fm_mapped_extents == 1;
        close(fd);
        return told ? map->fm_extents[0].fe_physical : 0;
    }
    const std::string path_;
};

// False: it cannot be told.
bool tell_rotational(const Volume& volume, bool rotational) {
    struct stat facts;
    if (stat(volume.path().c_str(), &facts) != 0)
        return false;
    std::ofstream file("/sys/dev/block/" + std::to_string(major(facts.st_dev)) + ":" +
                       std::to_string(minor(facts.st_dev)) + "/queue/rotational");
    file << (rotational ? "1" : "0") << std::flush;
    return file.good();
}

// The names of the files that were begun to be read ahead, as they were opened just before.
std::vector<std::string> read_ahead_in(const std::string& trace) {
    std::vector<std::string> names;
    std::string opened;
    std::istringstream lines(trace);
    for (std::string line; std::getline(lines, line);) {
        const size_t begin = line.find("openat2(");
        const size_t name = line.find('"', begin);
        if (begin != std::string::npos && name != std::string::npos)
            opened = line.substr(name + 1, line.find('"', name + 1) - name - 1);
        if (line.find("fadvise64(") != std::string::npos &&
            line.find("POSIX_FADV_WILLNEED") != std::string::npos)
            names.push_back(opened);
    }
    return names;
}

// What a copy of them to `to`/copy calls; empty: it cannot be seen.
std::string trace_of_copy(const Files& files, const Directory& from, const Directory& to,
                          arsync_cache cache = ARSYNC_CACHE_AUTO) {
    const auto copy = [&] {
        Pool pool{PoolOptions(ARSYNC_BACKEND_AUTO)};
        Options options = Options().with_flags(ARSYNC_COPY_RECURSIVE);
        options.cache = cache;
        return pool.copy(files.path(), to / "copy", options).result == 0;
    };
    return trace_of(copy, from / "trace", "openat2,fadvise64,ioctl,openat");
}

} // namespace

TEST_CASE_FIXTURE(Clean, "what is not cached of a rotational disk is read in its order") {
    NEEDS_ROOT();
    NEEDS_COMMAND("strace");
    const Volume volume(Kind::ext4, 64);
    NEEDS(volume);
    for (const bool rotational : {true, false}) {
        CAPTURE(rotational);
        if (!tell_rotational(volume, rotational)) {
            skip("what a loop device is cannot be told");
            return;
        }
        const Directory from(volume);
        const Directory to;
        const Files files(from);
        const std::string trace = trace_of_copy(files, from, to);
        if (trace.empty()) {
            skip("strace may not look at other processes here");
            return;
        }
        INFO(trace);
        CHECK(output_of({"diff", "-r", files.path(), to / "copy"}) == "");
        CHECK(count_of(trace, "/queue/rotational") >= 1);
        CHECK(count_of(trace, "/queue/rotational") <= 2);
        if (rotational) {
            CHECK(read_ahead_in(trace) == files.in_order());
        } else { // not one call more for a file
            CHECK(count_of(trace, "fadvise64") == 0);
            CHECK(count_of(trace, "FS_IOC_FIEMAP") == 0);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "what is cached of a rotational disk is copied as of any other") {
    NEEDS_ROOT();
    NEEDS_COMMAND("strace");
    const Volume volume(Kind::ext4, 64);
    NEEDS(volume);
    if (!tell_rotational(volume, true)) {
        skip("what a loop device is cannot be told");
        return;
    }
    const Directory from(volume);
    const Directory to;
    const Files files(from);
    output_of({"grep", "-r", "nothing of that kind", files.path()});
    const std::string trace = trace_of_copy(files, from, to);
    if (trace.empty()) {
        skip("strace may not look at other processes here");
        return;
    }
    INFO(trace);
    CHECK(output_of({"diff", "-r", files.path(), to / "copy"}) == "");
    CHECK(count_of(trace, "/queue/rotational") >= 1); // it was asked
    CHECK(count_of(trace, "fadvise64") == 0);
    CHECK(count_of(trace, "FS_IOC_FIEMAP") == 0);
}

TEST_CASE_FIXTURE(Clean, "of a rotational disk nothing is read ahead that is not to be cached") {
    NEEDS_ROOT();
    NEEDS_COMMAND("strace");
    const Volume volume(Kind::ext4, 64);
    NEEDS(volume);
    if (!tell_rotational(volume, true)) {
        skip("what a loop device is cannot be told");
        return;
    }
    const Directory from(volume);
    const Files files(from);
    for (const arsync_cache cache : {ARSYNC_CACHE_DROP, ARSYNC_CACHE_DIRECT}) {
        const Directory to;
        const std::string trace = trace_of_copy(files, from, to, cache);
        if (trace.empty()) {
            skip("strace may not look at other processes here");
            return;
        }
        INFO(trace);
        CHECK(count_of(trace, "/queue/rotational") >= 1);
        CHECK(read_ahead_in(trace).empty());
    }
}

TEST_CASE_FIXTURE(Clean, "a FIFO in a directory of a rotational disk keeps nothing else") {
    NEEDS_ROOT();
    const Volume volume(Kind::ext4, 64);
    NEEDS(volume);
    if (!tell_rotational(volume, true)) {
        skip("what a loop device is cannot be told");
        return;
    }
    const Directory from(volume);
    const Directory to;
    const Files files(from);
    const std::string fifo = files.path() + "/fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    REQUIRE(mkdir((files.path() + "/below").c_str(), 0755) == 0);
    write_pattern(files.path() + "/below/file", 1000);
    Pool pool{PoolOptions(ARSYNC_BACKEND_AUTO)};
    const Options options = Options().with_flags(ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_SPECIAL);
    pool.submit(files.path(), to / "copy", options);
    const std::string below = to / "copy/below/file";
    for (int waited_ms = 0; access(below.c_str(), F_OK) != 0 && waited_ms < 20'000; ++waited_ms)
        usleep(1000);
    CHECK(access(below.c_str(), F_OK) == 0);
    close(open(fifo.c_str(), O_WRONLY | O_CLOEXEC)); // nothing comes of it
    CHECK(pool.wait().result == 0);
}

} // namespace live
