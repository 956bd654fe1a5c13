// Filesystems that go away while something is copied on them: shut down as by a dead disk, made
// read-only, unmounted by force or lazily. All jobs end, with an error that says so; nothing of the
// library is left (Clean); and no file that looks whole is not.
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/tree.h"

namespace live {

namespace {

namespace fs = std::filesystem;

constexpr int limit_ms = 60'000;
constexpr uint64_t mib = 1 << 20;

// FS_IOC_SHUTDOWN, and XFS_IOC_GOINGDOWN: the same number. What was done before is written out, or
// nothing more is.
constexpr unsigned long ioc_shutdown = _IOR('X', 125, uint32_t);
enum class Death : uint32_t { written_out = 0, at_once = 2 };

bool shut_down(const std::string& path, Death how) {
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto word = static_cast<uint32_t>(how);
    const bool done = ioctl(fd, ioc_shutdown, &word) == 0;
    close(fd);
    return done;
}

// The device and the type that /proc says are mounted there.
std::pair<std::string, std::string> device_at(const std::string& path) {
    std::ifstream mounts("/proc/self/mounts");
    std::string device, at, type, rest, found_device, found_type;
    while (mounts >> device >> at >> type && std::getline(mounts, rest))
        if (at == path) {
            found_device = device;
            found_type = type;
        }
    return {found_device, found_type};
}

// As after the disk has come back: mounted once more.
bool mount_again(const std::string& path) {
    const auto [device, type] = device_at(path);
    const int kept = open(device.c_str(), O_RDONLY | O_CLOEXEC); // or the loop device would go
    const bool done = umount2(path.c_str(), 0) == 0 &&
                      mount(device.c_str(), path.c_str(), type.c_str(), 0, nullptr) == 0;
    close(kept);
    return done;
}

// Files of many sizes, by their names.
std::map<std::string, std::string> make_source(const std::string& at) {
    std::map<std::string, std::string> all;
    make_directories(at);
    for (uint32_t i = 0; i < 60; ++i) {
        const uint64_t size = i % 10 == 9 ? 2 * mib + i : uint64_t{i} * i * 50;
        all["f" + std::to_string(i)] = pattern(size, i + 1);
    }
    for (const auto& [name, content] : all)
        write_file(at + "/" + name, content);
    return all;
}

bool is_temporary(const std::string& name) {
    return name.starts_with(".") && name.find(".arsync-") != std::string::npos;
}

// Of each name that is not a temporary one, the content is its own.
std::string not_whole(const std::string& directory,
                      const std::map<std::string, std::string>& source) {
    std::ostringstream wrong;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename();
        if (is_temporary(name))
            continue;
        const auto known = source.find(name);
        if (known == source.end() || read_file(entry.path()) != known->second)
            wrong << name << " has " << entry.file_size() << " bytes; ";
    }
    return wrong.str();
}

bool says_so(int result) {
    return result == -EIO || result == -EROFS || result == -ESHUTDOWN || result == -ENOTCONN ||
           result == -ECONNABORTED || result == -EUCLEAN || result == -ENODEV;
}

// Slow enough that what happens in the middle happens in the middle.
PoolOptions slowly(uint32_t backend) {
    PoolOptions options(backend);
    options.byte_rate = 12 * mib;
    return options;
}

void begin(Pool& pool, const std::string& from, const std::string& to, const Options& how) {
    const arsync_job job = pool.submit(from, to, how);
    REQUIRE(job != 0);
    REQUIRE(eventually(
        [&] {
            const arsync_progress now = pool.progress(job);
            return now.bytes_done > mib || now.state == ARSYNC_JOB_COMPLETED;
        },
        limit_ms));
}

void dies_beneath_a_copy(Kind kind, Death how) {
    const Directory elsewhere;
    const auto source = make_source(elsewhere / "from");
    for (const uint32_t backend : backends())
        for (const bool safe : {false, true}) {
            if (how == Death::at_once && (backend != backends().front() || !safe))
                continue; // says no more
            CAPTURE(backend_name(backend));
            CAPTURE(safe);
            const Volume volume(kind, kind == Kind::xfs ? 300 : 100);
            NEEDS(volume);
            const std::string to = volume.path() + "/to";
            Options options = recursive().with_report(ARSYNC_REPORT_ALL);
            if (safe)
                options.with_replace(ARSYNC_REPLACE_ATOMIC).with_durability(ARSYNC_DURABILITY_FULL);
            TreeCopy copy;
            {
                Pool pool(slowly(backend));
                begin(pool, elsewhere / "from", to, options);
                if (!shut_down(volume.path(), how)) {
                    skip("cannot be shut down: " + name_of(kind));
                    return;
                }
                copy = take_all(pool);
            }
            INFO(words(copy));
            CHECK(says_so(copy.job.result));
            CHECK(copy.job.stage != ARSYNC_STAGE_NONE);
            REQUIRE(mount_again(volume.path()));
            if (safe)
                CHECK(not_whole(to, source) == "");
            if (how == Death::at_once)
                continue;
            for (const Entry& entry : copy.entries)
                if (entry.result == 0 && entry.action == ARSYNC_ACTION_COPY) {
                    CAPTURE(entry.path);
                    CHECK(read_file(to + "/" + entry.path) == source.at(entry.path));
                }
        }
}

void dies_as_a_source(Kind kind) {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory elsewhere;
        const Volume volume(kind, kind == Kind::xfs ? 300 : 100);
        NEEDS(volume);
        const auto source = make_source(volume.path() + "/from");
        Pool pool(slowly(backend));
        begin(pool, volume.path() + "/from", elsewhere / "to",
              recursive().with_report(ARSYNC_REPORT_ALL));
        if (!shut_down(volume.path(), Death::at_once)) {
            skip("cannot be shut down: " + name_of(kind));
            return;
        }
        const TreeCopy copy = take_all(pool);
        INFO(words(copy));
        CHECK(says_so(copy.job.result));
        CHECK(not_whole(elsewhere / "to", source) == "");
    }
}

// Until a copy fails, or for so many.
void becomes_read_only(Kind kind) {
    const Directory elsewhere;
    write_pattern(elsewhere / "from", 200'000);
    const Volume volume(kind, kind == Kind::tmpfs || kind == Kind::ext4 ? 100 : 300);
    NEEDS(volume);
    const auto remount = [&](unsigned long flags) {
        return mount(nullptr, volume.path().c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0;
    };
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        std::atomic<bool> enough = false;
        bool remounted = false;
        std::thread other([&] { // as long as a file is open to be written this is EBUSY
            while (!enough && !remounted)
                remounted = remount(MS_RDONLY);
        });
        arsync_completion done{};
        std::string to;
        for (unsigned i = 0; i < 5000 && done.result == 0; ++i) {
            to = volume.path() + "/" + std::to_string(i % 50);
            unlink(to.c_str());
            done = pool.copy(
                elsewhere / "from", to,
                Options().with_replace(i % 2 ? ARSYNC_REPLACE_ATOMIC : ARSYNC_REPLACE_IN_PLACE));
            if (done.result == 0)
                CHECK(read_file(to) == pattern(200'000));
        }
        enough = true;
        other.join();
        INFO(words(done));
        CHECK(done.result == (remounted ? -EROFS : 0));
        if (remounted && exists(to)) {
            // The kernel may make the file, and then not let it be opened nor removed any more.
            const std::string content = read_file(to);
            const bool is_only_made =
                done.stage == ARSYNC_STAGE_OPEN_DESTINATION && content.empty();
            CHECK((is_only_made || content == pattern(200'000)));
        }
        REQUIRE(remount(0));
        CHECK(pool.copy(elsewhere / "from", volume.path() + "/again").result == 0);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "an ext4 that is shut down beneath a copy is an error, and no more") {
    dies_beneath_a_copy(Kind::ext4, Death::written_out);
    dies_beneath_a_copy(Kind::ext4, Death::at_once);
}

TEST_CASE_FIXTURE(Clean, "an XFS that is shut down beneath a copy is an error, and no more") {
    dies_beneath_a_copy(Kind::xfs, Death::written_out);
    dies_beneath_a_copy(Kind::xfs, Death::at_once);
}

TEST_CASE_FIXTURE(Clean, "of a source whose filesystem is shut down no part looks whole") {
    dies_as_a_source(Kind::ext4);
    dies_as_a_source(Kind::xfs);
}

TEST_CASE_FIXTURE(Clean, "a filesystem that becomes read-only is an error, and no more") {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs}) {
        CAPTURE(name_of(kind));
        becomes_read_only(kind);
    }
}

TEST_CASE_FIXTURE(Clean, "copies that hang in a filesystem end when it is unmounted by force") {
    for (const uint32_t backend : backends())
        for (const char* operation : {"hang=write", "hang=read", "hang=open", "hang=fsync"}) {
            CAPTURE(backend_name(backend));
            CAPTURE(operation);
            const FaultyMount mount({operation});
            NEEDS(mount);
            const Directory elsewhere;
            write_pattern(elsewhere / "from", 300'000);
            write_pattern(mount.backing() + "/from", 300'000);
            Pool pool{PoolOptions(backend)};
            const Options durable = Options().with_durability(ARSYNC_DURABILITY_FULL);
            unsigned jobs = 0;
            for (const char* name : {"a", "b", "c"}) {
                jobs += pool.submit(elsewhere / "from", mount / name, durable) != 0;
                jobs += pool.submit(mount / "from", elsewhere / name, durable) != 0;
            }
            unsigned hanging = 0;
            for (unsigned i = 0; i < 50; ++i) { // some end by themselves
                arsync_completion done{};
                hanging += arsync_poll(pool.get(), &done, 1, 5) == 1;
            }
            hanging = jobs - hanging;
            CHECK(hanging > 0);
            umount2(mount.path().c_str(), MNT_FORCE); // EBUSY, and all the same
            for (; hanging > 0; --hanging) {
                const arsync_completion done = pool.wait(limit_ms);
                INFO(words(done));
                CHECK((done.result == 0 || says_so(done.result) || done.result == -ENOENT));
            }
            for (const char* name : {"a", "b", "c"})
                if (exists(elsewhere / name))
                    CHECK(difference(elsewhere / "from", elsewhere / name) == "");
        }
}

TEST_CASE_FIXTURE(Clean, "what is unmounted lazily beneath a copy is copied to all the same") {
    const Directory elsewhere;
    const auto source = make_source(elsewhere / "from");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Volume volume(Kind::ext4, 100);
        NEEDS(volume);
        const int kept = open(volume.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Pool pool(slowly(backend));
        begin(pool, elsewhere / "from", volume.path() + "/to",
              recursive().with_report(ARSYNC_REPORT_ALL));
        CHECK(umount2(volume.path().c_str(), MNT_DETACH) == 0);
        const TreeCopy copy = take_all(pool);
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        const std::string to = "/proc/self/fd/" + std::to_string(kept) + "/to";
        CHECK(not_whole(to, source) == "");
        CHECK(copy.totals.bytes > 12 * mib);
        close(kept);
    }
}

} // namespace live
