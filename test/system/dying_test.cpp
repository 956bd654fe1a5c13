// Filesystems that go away while something is copied on them: shut down as by a dead disk, made
// read-only, unmounted by force or lazily. All jobs end, with an error that says so; nothing of the
// library is left (Clean); and no file that looks whole is not.
//
//     ARSYNC_DYING_ALL=1 build/test/system -tc='*middle of one file*'
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
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

arsync_job begin(Pool& pool, const std::string& from, const std::string& to, const Options& how) {
    const arsync_job job = pool.submit(from, to, how);
    REQUIRE(job != 0);
    REQUIRE(eventually(
        [&] {
            const arsync_progress now = pool.progress(job);
            return now.bytes_done > mib || now.state == ARSYNC_JOB_COMPLETED;
        },
        limit_ms));
    return job;
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

// Copies until one fails, or for so many, while somebody tries to make it read-only, which goes
// between two of them only: as long as a file is open to be written it is EBUSY. Whether it came to
// that.
bool becomes_read_only_beneath(Pool& pool, const std::string& from, const Volume& volume) {
    const auto remount = [&](unsigned long flags) {
        return mount("none", volume.path().c_str(), "", MS_REMOUNT | flags, nullptr) == 0;
    };
    std::atomic<bool> enough = false;
    bool remounted = false;
    std::thread other([&] {
        while (!enough && !remounted)
            remounted = remount(MS_RDONLY);
    });
    arsync_completion done{};
    std::string to;
    const auto copy = [&](unsigned number) {
        to = volume.path() + "/" + std::to_string(number % 50);
        unlink(to.c_str());
        done = pool.copy(
            from, to,
            Options().with_replace(number % 2 ? ARSYNC_REPLACE_ATOMIC : ARSYNC_REPLACE_IN_PLACE));
        if (done.result == 0)
            CHECK(read_file(to) == pattern(200'000));
    };
    unsigned number = 0;
    while (number < 5000 && done.result == 0)
        copy(number++);
    enough = true;
    other.join();
    if (remounted && done.result == 0) // after the last one
        copy(number);
    INFO(words(done));
    CHECK(done.result == (remounted ? -EROFS : 0));
    if (remounted && exists(to)) {
        // The kernel may make the file, and then not let it be opened nor removed any more.
        const std::string content = read_file(to);
        const bool is_only_made = done.stage == ARSYNC_STAGE_OPEN_DESTINATION && content.empty();
        CHECK((is_only_made || content == pattern(200'000)));
    }
    REQUIRE(remount(0));
    CHECK(pool.copy(from, volume.path() + "/again").result == 0);
    return remounted;
}

void becomes_read_only(Kind kind) {
    const Directory elsewhere;
    write_pattern(elsewhere / "from", 200'000);
    const Volume volume(kind, kind == Kind::tmpfs || kind == Kind::ext4 ? 100 : 300);
    NEEDS(volume);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        bool happened = false;
        for (unsigned i = 0; i < 10 && !happened; ++i)
            happened = becomes_read_only_beneath(pool, elsewhere / "from", volume);
        CHECK(happened);
    }
}

// ---- In the middle of one file ----

constexpr uint64_t one_size = 18 * mib;

void make_old(const std::string& to) {
    write_pattern(to, 5000, 9);
    sync();
}
bool is_as_it_was(const std::string& to) {
    return read_file(to) == pattern(5000, 9);
}

// How the one file is copied: each method in place and not durable, or safely, or both if all is
// asked for.
std::vector<Options> ways_of_one() {
    const bool all_of_them = getenv("ARSYNC_DYING_ALL") != nullptr;
    std::vector<Options> all;
    for (const uint32_t method :
         {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_INLINE, ARSYNC_METHOD_DIRECT}) {
        const bool either = method == ARSYNC_METHOD_FIXED || method == ARSYNC_METHOD_DIRECT;
        if (all_of_them || !either)
            all.push_back(Options().with_method(method));
        if (all_of_them || either)
            all.push_back(Options()
                              .with_method(method)
                              .with_replace(ARSYNC_REPLACE_ATOMIC)
                              .with_durability(ARSYNC_DURABILITY_FULL));
    }
    return all;
}

// Copies one file, with something that happens in the middle of it: its one completion. Where that
// made the filesystem fail it is an error, and where it is atomic what was there is there. False if
// it happened too late.
template <class Happen>
bool dies_beneath_one_file(const std::string& from, const std::string& to, uint32_t backend,
                           const Options& how, Happen happen) {
    CAPTURE(backend_name(backend));
    CAPTURE(method_name(how.method));
    CAPTURE(how.replace);
    Pool pool(slowly(backend));
    const arsync_job job = begin(pool, from, to, how);
    REQUIRE(happen());
    const bool in_time = pool.progress(job).state != ARSYNC_JOB_COMPLETED;
    const arsync_completion done = pool.wait(limit_ms);
    if (!in_time && done.result == 0)
        return false;
    INFO(words(done));
    CHECK(done.kind == ARSYNC_COMPLETION_JOB);
    CHECK((says_so(done.result) || done.result == -ENOSPC));
    CHECK(done.stage != ARSYNC_STAGE_NONE);
    CHECK((done.flags & ARSYNC_COMPLETION_COPIED) == 0);
    arsync_completion more;
    CHECK(arsync_poll(pool.get(), &more, 1, 0) == 0);
    CHECK(pool.close() == 0);
    return true;
}

// With a volume of its own each, and again if it happened too late.
template <class Try>
void try_ways_of_one(Try try_one) {
    unsigned number = 0;
    for (const Options& how : ways_of_one()) {
        bool in_time = false;
        for (int i = 0; i < 5 && !in_time; ++i)
            in_time = try_one(how, number);
        CHECK(in_time);
        ++number;
    }
}

bool is_skipped(const Volume& volume) {
    skip(volume.why());
    return true;
}

void is_shut_down_beneath_one_file(Kind kind) {
    const Directory elsewhere;
    write_pattern(elsewhere / "from", one_size);
    const auto all = backends();
    try_ways_of_one([&](const Options& how, unsigned number) {
        const Volume volume(kind, kind == Kind::xfs ? 300 : 100);
        if (!volume.usable())
            return is_skipped(volume);
        const std::string to = volume.path() + "/to";
        make_old(to);
        const bool in_time =
            dies_beneath_one_file(elsewhere / "from", to, all[number % all.size()], how, [&] {
                return shut_down(volume.path(),
                                 number % 3 == 0 ? Death::written_out : Death::at_once);
            });
        REQUIRE(mount_again(volume.path()));
        if (in_time && how.replace == ARSYNC_REPLACE_ATOMIC)
            CHECK(is_as_it_was(to));
        return in_time;
    });
}

// A file that is being written is in the way of whoever asks for it to be read-only.
bool is_asked_in_vain(const std::string& path) {
    return mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) < 0 &&
           errno == EBUSY;
}

// In the middle of "to" it cannot be asked to be read-only, but comes to take no more: then nothing
// can be made in it, for which it gives that error. Whether it came to that in time.
template <class Fault>
bool takes_no_more_beneath_one_file(const std::string& from, const Volume& volume, uint32_t backend,
                                    const Options& how, int error, Fault fault) {
    const std::string to = volume.path() + "/to";
    make_old(to);
    const bool in_time = dies_beneath_one_file(from, to, backend, how, [&] {
        CHECK(is_asked_in_vain(volume.path()));
        return fault();
    });
    CHECK(mkdir((volume.path() + "/d").c_str(), 0755) < 0);
    CHECK(errno == error);
    return in_time;
}

// The kernel finds an error in it, which makes it read-only though a file is being written.
bool has_an_error(const std::string& path) {
    const std::string device = device_at(path).first;
    const std::string trigger =
        "/sys/fs/ext4/" + device.substr(device.rfind('/') + 1) + "/trigger_fs_error";
    const int fd = open(trigger.c_str(), O_WRONLY | O_CLOEXEC);
    const bool done = write(fd, "arsync", 6) == 6;
    close(fd);
    return done;
}

void becomes_read_only_beneath_one_file() {
    const Directory elsewhere;
    write_pattern(elsewhere / "from", one_size);
    const auto all = backends();
    try_ways_of_one([&](const Options& how, unsigned number) {
        const Volume volume(Kind::ext4, 100, {.options = "errors=remount-ro"});
        if (!volume.usable())
            return is_skipped(volume);
        const bool in_time =
            takes_no_more_beneath_one_file(elsewhere / "from", volume, all[number % all.size()],
                                           how, EROFS, [&] { return has_an_error(volume.path()); });
        if (in_time && how.replace == ARSYNC_REPLACE_ATOMIC)
            CHECK(is_as_it_was(volume.path() + "/to"));
        return in_time;
    });
}

// The ext4 that its image is in finds an error, and takes no more writes, as a disk that protects
// itself does: btrfs makes itself read-only, and XFS shuts itself down, when they write out what is
// half done.
bool loses_its_writes(const std::string& below, const std::string& path) {
    if (!has_an_error(below))
        return false;
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool failed = syncfs(fd) < 0;
    close(fd);
    return failed;
}

// What its device has, on another that takes writes, for the journal needs them.
bool mount_a_copy(const std::string& path, uint64_t size) {
    const auto [device, type] = device_at(path);
    const int from = open(device.c_str(), O_RDONLY | O_CLOEXEC);
    const LoopDevice copy(size);
    const int to = open(copy.path().c_str(), O_WRONLY | O_CLOEXEC);
    umount2(path.c_str(), 0);
    std::string part(mib, '\0');
    const std::string zeros(mib, '\0');
    for (off_t at = 0; pread(from, part.data(), mib, at) == static_cast<ssize_t>(mib);
         at += static_cast<off_t>(mib))
        if (part != zeros && pwrite(to, part.data(), mib, at) != static_cast<ssize_t>(mib))
            break;
    close(from);
    close(to);
    return mount(copy.path().c_str(), path.c_str(), type.c_str(), 0, nullptr) == 0;
}

void has_a_device_that_becomes_read_only_beneath_one_file(Kind kind) {
    const Directory elsewhere;
    write_pattern(elsewhere / "from", one_size);
    const auto all = backends();
    try_ways_of_one([&](const Options& how, unsigned number) {
        if (getenv("ARSYNC_DYING_ALL") == nullptr && number % 2 == (kind == Kind::btrfs ? 1U : 0U))
            return true; // the other one does it
        const Volume below(
            Kind::ext4, 400,
            {.in = shared_volume(Kind::tmpfs).path(), .options = "errors=remount-ro"});
        if (!below.usable())
            return is_skipped(below);
        const Volume volume(kind, 300, {.in = below.path()});
        if (!volume.usable())
            return is_skipped(volume);
        const bool in_time = takes_no_more_beneath_one_file(
            elsewhere / "from", volume, all[number % all.size()], how, EIO,
            [&] { return loses_its_writes(below.path(), volume.path()); });
        if (in_time && how.replace == ARSYNC_REPLACE_ATOMIC) {
            REQUIRE(mount_a_copy(volume.path(), 300 * mib));
            CHECK(is_as_it_was(volume.path() + "/to"));
        }
        return in_time;
    });
}

bool fill_up(const std::string& path) {
    const int fd = open((path + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t size = 0;
    for (off_t step = mib * 64; step >= 4096;)
        if (fallocate(fd, 0, size, step) == 0)
            size += step;
        else
            step /= 2;
    close(fd);
    return size > 0;
}

// What lies below it has no more room for it: writes of blocks fail, also of the filesystem's own,
// which then takes itself down.
void fails_beneath_one_file(Kind kind, uint64_t megabytes, const char* options) {
    const Directory elsewhere;
    write_pattern(elsewhere / "from", one_size);
    const auto all = backends();
    try_ways_of_one([&](const Options& how, unsigned number) {
        if (how.durability == ARSYNC_DURABILITY_NONE)
            return true; // may end well before it is written to the device
        const Volume below(Kind::tmpfs, 150);
        if (!below.usable())
            return is_skipped(below);
        const Volume volume(kind, megabytes, {.in = below.path(), .options = options});
        if (!volume.usable())
            return is_skipped(volume);
        const std::string to = volume.path() + "/to";
        make_old(to);
        const bool in_time = dies_beneath_one_file(elsewhere / "from", to, all[number % all.size()],
                                                   how, [&] { return fill_up(below.path()); });
        if (in_time && how.replace == ARSYNC_REPLACE_ATOMIC)
            CHECK(is_as_it_was(to));
        return in_time;
    });
}

} // namespace

TEST_CASE_FIXTURE(Clean, "an ext4 or XFS that is shut down in the middle of one file is an error") {
    is_shut_down_beneath_one_file(Kind::ext4);
    is_shut_down_beneath_one_file(Kind::xfs);
}

TEST_CASE_FIXTURE(Clean, "an ext4 that becomes read-only in the middle of one file is an error") {
    becomes_read_only_beneath_one_file();
}

TEST_CASE_FIXTURE(Clean, "a device that becomes read-only in the middle of one file is an error") {
    has_a_device_that_becomes_read_only_beneath_one_file(Kind::xfs);
    has_a_device_that_becomes_read_only_beneath_one_file(Kind::btrfs);
}

TEST_CASE_FIXTURE(Clean, "a device that fails in the middle of one file is an error") {
    fails_beneath_one_file(Kind::ext4, 200, "errors=remount-ro");
    fails_beneath_one_file(Kind::xfs, 400, nullptr);
    fails_beneath_one_file(Kind::btrfs, 400, nullptr);
}

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
