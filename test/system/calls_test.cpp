// How many system calls a small file costs. A plain loop takes 7: open, fstat, open, read, write
// and two closes.
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "system/check.h"
#include "system/command.h"
#include "system/processors.h"
#include "system/trace.h"

namespace live {

namespace {

constexpr int copies = 20;

// To be found in the trace. It fails, and does nothing else.
void mark(const char* text) {
    [[maybe_unused]] const ssize_t put = write(-1, text, 5);
}

// Calls between the marks, of all threads, with this text in their line. The line on which an
// interrupted one goes on is none.
int calls_in(const std::string& trace, const char* text = "") {
    std::istringstream lines(trace);
    bool counts = false;
    int count = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.find("\"begin\"") != std::string::npos)
            counts = true;
        else if (line.find("\"ended\"") != std::string::npos)
            counts = false;
        else if (counts && line.find(" resumed>") == std::string::npos)
            count += line.find(text) != std::string::npos ? 1 : 0;
    }
    return count;
}

// Of what makes both marks. A busy machine may let it run before strace is ready: then again.
std::string trace_of_marked(const std::function<bool()>& body, const Directory& directory) {
    std::string trace;
    for (int i = 0; i < 5 && trace.find("\"ended\"") == std::string::npos; ++i) {
        for (int copy = 0; copy < copies; ++copy)
            unlink((directory / "to" + std::to_string(copy)).c_str());
        for (const char* name : {"first", "second"})
            std::filesystem::remove_all(directory / name);
        trace = trace_of(body, directory / "trace");
        if (trace.empty())
            break;
    }
    return trace;
}

int open_directory(const Directory& directory) {
    return open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// Of so many copies by one pool that has copied before, from one directory to another.
std::string trace_of_copies(const Directory& source, const Directory& directory, uint32_t backend) {
    const auto copy_all = [&] {
        Pool pool{PoolOptions(backend)};
        const Options options = Options().with_flags(ARSYNC_COPY_BORROW_DIRFDS);
        const int from = open_directory(source);
        const int to = open_directory(directory);
        bool right = true;
        const auto copy = [&](const std::string& name) {
            right = right && arsync_submit_copy(pool.get(), from, "from", to, name.c_str(),
                                                &options, 0, nullptr) == 0;
            right = right && pool.wait().result == 0;
        };
        copy("first");
        copy("second");
        mark("begin");
        for (int i = 0; i < copies; ++i)
            copy("to" + std::to_string(i));
        mark("ended");
        return right;
    };
    return trace_of_marked(copy_all, directory);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a job of a small file takes at most 14 system calls") {
    NEEDS_COMMAND("strace");
    for (const Kind kind : {Kind::ext4, Kind::tmpfs}) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
            const Directory source(volume);
            const Directory directory(volume);
            write_pattern(source / "from", 4096);
            const std::string trace = trace_of_copies(source, directory, backend);
            if (trace.empty()) {
                skip("strace may not look at other processes here");
                return;
            }
            CAPTURE(name_of(kind));
            CAPTURE(backend_name(backend));
            INFO(trace);
            CHECK(calls_in(trace) > 7 * copies);
            CHECK(calls_in(trace) <= 14 * copies);
            CHECK(difference(source / "from", directory / "to0") == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "one call for a small file takes at most 10 system calls, by no other thread") {
    NEEDS_COMMAND("strace");
    if (sanitized) {
        skip("a sanitizer makes calls of its own");
        return;
    }
    for (const Kind kind : {Kind::ext4, Kind::tmpfs}) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Directory directory(volume);
        write_pattern(directory / "from", 4096);
        const auto copy_all = [&] {
            bool right = true;
            const auto copy = [&](const std::string& to) {
                right = right && arsync_copy(AT_FDCWD, (directory / "from").c_str(), AT_FDCWD,
                                             to.c_str(), nullptr, nullptr) == 0;
            };
            copy(directory / "first");
            mark("begin");
            for (int i = 0; i < copies; ++i)
                copy(directory / "to" + std::to_string(i));
            mark("ended");
            return right;
        };
        const std::string trace = trace_of_marked(copy_all, directory);
        if (trace.empty()) {
            skip("strace may not look at other processes here");
            return;
        }
        CAPTURE(name_of(kind));
        INFO(trace);
        CHECK(calls_in(trace) >= 7 * copies);
        CHECK(calls_in(trace) <= 10 * copies);
        CHECK(trace.find("clone") == std::string::npos);
        CHECK(difference(directory / "from", directory / "to0") == "");
    }
}

// Of half of a list of so many small files, by a pool that has copied the other half before, from
// one directory to another.
static std::string trace_of_list(const Directory& source, const Directory& directory,
                                 uint32_t backend, size_t count) {
    const auto copy_all = [&] {
        PoolOptions options(backend);
        options.workers = 1; // nobody to wait for at a mutex
        Pool pool(options);
        const int from = open_directory(source);
        const int to = open_directory(directory);
        std::vector<std::string> names;
        for (size_t i = 0; i < count; ++i)
            names.push_back(std::to_string(i));
        const auto copy = [&](size_t first, size_t end) {
            std::vector<arsync_item> items;
            for (size_t i = first; i < end; ++i)
                items.push_back({names[i].c_str(), names[i].c_str(), i, 0});
            bool right = arsync_submit_list(pool.get(), from, to, items.data(), items.size(),
                                            nullptr, 0, nullptr) == 0;
            arsync_completion done[256];
            uint32_t kind = 0;
            while (right && kind != ARSYNC_COMPLETION_JOB) {
                const int got = arsync_poll(pool.get(), done, 256, 60'000);
                right = got > 0;
                for (int i = 0; i < got; ++i)
                    right = right && done[i].result == 0;
                kind = right ? done[got - 1].kind : 0U;
            }
            return right;
        };
        const bool warm = copy(0, count / 2);
        mark("begin");
        const bool right = copy(count / 2, count);
        mark("ended");
        return warm && right;
    };
    return trace_of_marked(copy_all, directory);
}

// Growing memory, a worker's turns and the like cost a few for all of them. Who polls takes what is
// there once a millisecond, so its waits follow the clock, and under strace there are many of them
// an item. Of futexes only the wakes are counted, and one must be for many items.
TEST_CASE_FIXTURE(Clean, "an item of a list of small files takes nine system calls") {
    NEEDS_COMMAND("strace");
    constexpr int items = 1000; // of which one half is counted
    for (const Kind kind : {Kind::ext4, Kind::tmpfs}) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
            const Directory source(volume);
            const Directory directory(volume);
            for (int i = 0; i < items; ++i)
                write_pattern(source / std::to_string(i), 4096);
            const std::string trace = trace_of_list(source, directory, backend, items);
            if (trace.empty()) {
                skip("strace may not look at other processes here");
                return;
            }
            CAPTURE(name_of(kind));
            CAPTURE(backend_name(backend));
            // Where a server's mount is about, each path is followed to see whether it leads there.
            const int followed = calls_in(trace, " readlink(");
            const int calls = calls_in(trace) - calls_in(trace, " futex(") - followed;
            const int wakes = calls_in(trace, "FUTEX_WAKE");
            CAPTURE(followed);
            CAPTURE(calls);
            CAPTURE(wakes);
            CHECK(calls >= 8 * items / 2);
            if (!sanitized) // whose memory takes calls of its own
                CHECK(calls < 9 * items / 2 + items / 10);
            CHECK(wakes < items / 2);
            CHECK(difference(source / "999", directory / "999") == "");
        }
    }
}

// Of a tree of so many small files, by one worker.
static std::string trace_of_tree(const Directory& source, const Directory& directory,
                                 const Options& how) {
    const auto copy_all = [&] {
        PoolOptions options;
        options.workers = 1;
        Pool pool(options);
        const Options tree = Options(how).with_flags(ARSYNC_COPY_RECURSIVE);
        const bool warm = pool.copy(source / "few", directory / "first", tree).result == 0;
        mark("begin");
        const bool right = pool.copy(source / "many", directory / "second", tree).result == 0;
        mark("ended");
        return warm && right;
    };
    return trace_of_marked(copy_all, directory);
}

// Two opens, two looks at the source, a read and a write, two closes. Of more than a block a look
// for what is cached, or not on the disk yet, in place of the read, and the sharing in place of the
// write, or the kernel's own copy, for which the last byte is read first. Of an overlay's the first
// eight and then each eighth is asked by three calls whether it is in memory; and until the first
// has been refused the sharing, others try.
TEST_CASE_FIXTURE(Clean, "a small file of a tree takes eight system calls, or nine") {
    NEEDS_COMMAND("strace");
    constexpr int files = 500;
    const auto count = [&](Kind kind, uint64_t size) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Directory source(volume);
        const Directory directory(volume);
        for (const char* name : {"few", "many"}) {
            REQUIRE(mkdir((source / name).c_str(), 0755) == 0);
            for (int i = 0; i < files; ++i)
                write_pattern(source / name + "/" + std::to_string(i), size);
        }
        sync();
        if (size > 4096 && kind != Kind::overlay &&
            cached_bytes(source / "many/0") != static_cast<int64_t>(size)) {
            skip("no cachestat(2), or the source is not cached");
            return;
        }
        const bool by_kernel = size > 4096 && kind != Kind::xfs;
        const int each = by_kernel && kind == Kind::ext4 ? 9 : 8;
        const int most = each * files + (kind == Kind::overlay ? 3 * files / 2 : files / 4);
        const int by_kernel_min = kind == Kind::overlay ? files * 3 / 4 : files - 2;
        // A name that the kernel does not find at once, as others are made or gone, and what a busy
        // machine has put out of memory meanwhile go another way: then again.
        int calls = most;
        std::string trace;
        for (int i = 0; i < 5 && calls >= most; ++i) {
            trace = trace_of_tree(source, directory, Options());
            if (trace.empty()) {
                skip("strace may not look at other processes here");
                return;
            }
            calls = calls_in(trace);
        }
        CAPTURE(name_of(kind));
        CAPTURE(size);
        CAPTURE(calls);
        CHECK(calls >= each * files);
        if (!sanitized) // whose memory takes calls of its own
            CHECK(calls < most);
        CHECK(calls_in(trace, " copy_file_range(") >= (by_kernel ? by_kernel_min : 0));
        CHECK(calls_in(trace, " copy_file_range(") <= (by_kernel ? files : 0));
        CHECK(difference(source / "many/499", directory / "second/499") == "");
        const std::string atomic =
            trace_of_tree(source, directory, Options().with_replace(ARSYNC_REPLACE_ATOMIC));
        CHECK(calls_in(atomic, " preadv2(") <= files); // what it does in another way is read once
    };
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::overlay})
        for (const uint64_t size : {uint64_t{4096}, uint64_t{64 << 10}})
            count(kind, size);
}

// By default a caller may close its directories at once; one that is both needs one descriptor.
TEST_CASE_FIXTURE(Clean, "a queued job has a descriptor of its directory, unless that is lent") {
    const Directory directory;
    REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
    const auto open_files = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    };
    constexpr int jobs = 200; // more than a worker begins: these wait for a writer
    for (const uint32_t flags : {0u, uint32_t{ARSYNC_COPY_BORROW_DIRFDS}}) {
        PoolOptions one(ARSYNC_BACKEND_THREADS);
        one.workers = 1;
        Pool pool(one);
        const int above = open_directory(directory);
        const auto before = open_files();
        const Options options = Options().with_flags(flags | ARSYNC_COPY_SPECIAL);
        for (int i = 0; i < jobs; ++i)
            REQUIRE(arsync_submit_copy(pool.get(), above, "fifo", above, "to", &options, 0,
                                       nullptr) == 0);
        const auto taken = open_files() - before;
        CHECK((flags == 0 ? taken >= jobs : taken < jobs));
        CHECK(taken < 2 * jobs);
        CHECK(pool.close() == 0);
        CHECK(close(above) == 0);
    }
    Pool pool;
    const Options lent = Options().with_flags(ARSYNC_COPY_BORROW_DIRFDS);
    REQUIRE(arsync_submit_copy(pool.get(), 12345, "from", 12345, "to", &lent, 0, nullptr) == 0);
    CHECK(pool.wait().result == -EBADF);
}

// A file that is worth threads, if its blocks are not shared, and a small one in the way of a copy.
struct Large {
    static constexpr uint64_t size = 40 << 20;

    explicit Large(const Volume& volume) : directory(volume) {
        write_pattern(from, size);
        write_old();
    }
    void write_old() const { write_pattern(directory / "old", 100, 9); }
    int copy(const char* to, const arsync_copy_options* options, arsync_completion& done) const {
        return arsync_copy(AT_FDCWD, from.c_str(), AT_FDCWD, (directory / to).c_str(), options,
                           &done);
    }
    // Whether it is a copy that shares all its blocks.
    bool is_shared_with(const char* to) const {
        return difference(from, directory / to) == "" && shared_bytes(directory / to) == size;
    }

    const Directory directory;
    const std::string from = directory / "from";
};
constexpr Kind kinds_of_sharing[] = {Kind::xfs, Kind::btrfs, Kind::ext4}; // the last does not

TEST_CASE_FIXTURE(Clean, "one call shares the blocks of a large file by no other thread") {
    NEEDS_COMMAND("strace");
    if (thread_sanitized) {
        skip("ThreadSanitizer makes calls of its own");
        return;
    }
    for (const Kind kind : kinds_of_sharing) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Large large(volume);
        const bool shares = kind != Kind::ext4;
        arsync_completion done{};
        const auto to_new = [&] {
            mark("begin");
            const bool right = large.copy("new", nullptr, done) == 0 && done.bytes == large.size;
            mark("ended");
            return right;
        };
        const std::string trace = trace_of_marked(to_new, large.directory);
        if (trace.empty()) {
            skip("strace may not look at other processes here");
            return;
        }
        CAPTURE(name_of(kind));
        INFO(trace);
        CHECK(difference(large.from, large.directory / "new") == "");
        CHECK((trace.find("clone3(") == std::string::npos) == shares);
        CHECK(large.is_shared_with("new") == shares);
        // What is to be written over may take long to be emptied, and is a pool's.
        CHECK(large.copy("old", nullptr, done) == 0);
        CHECK(difference(large.from, large.directory / "old") == "");
        CHECK((done.method == ARSYNC_METHOD_REFLINK) == shares);
        const Options exclusive = Options().with_replace(ARSYNC_REPLACE_EXCLUSIVE);
        CHECK(large.copy("new", &exclusive, done) == -EEXIST);
        CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
    }
}

TEST_CASE_FIXTURE(Clean, "one call that is to share blocks or fail does so by no other thread") {
    NEEDS_COMMAND("strace");
    if (thread_sanitized) {
        skip("ThreadSanitizer makes calls of its own");
        return;
    }
    for (const Kind kind : kinds_of_sharing) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Large large(volume);
        const bool shares = kind != Kind::ext4;
        for (const bool always : {true, false}) {
            Options options;
            options.method = always ? ARSYNC_METHOD_AUTO : ARSYNC_METHOD_REFLINK;
            options.reflink = always ? ARSYNC_REFLINK_ALWAYS : ARSYNC_REFLINK_AUTO;
            const auto copy = [&](const char* to) {
                arsync_completion done{};
                const int result = large.copy(to, &options, done);
                return shares ? result == 0 && done.method == ARSYNC_METHOD_REFLINK
                              : result == -EOPNOTSUPP && done.stage == ARSYNC_STAGE_REFLINK;
            };
            const auto to_new_and_old = [&] {
                mark("begin");
                const bool right = copy("new") && copy("old");
                mark("ended");
                return right;
            };
            const std::string trace = trace_of_marked(to_new_and_old, large.directory);
            if (trace.empty()) {
                skip("strace may not look at other processes here");
                return;
            }
            CAPTURE(name_of(kind));
            CAPTURE(always);
            INFO(trace);
            CHECK(trace.find("FICLONE") != std::string::npos);
            CHECK(trace.find("clone3(") == std::string::npos);
            CHECK(trace.find("clone(") == std::string::npos);
            // To read all of it again is worth threads, and comes to the same.
            options.flags = ARSYNC_COPY_VERIFY;
            CHECK(copy("verified"));
            for (const char* name : {"new", "verified"}) {
                CHECK(std::filesystem::exists(large.directory / name) == shares);
                CHECK((!shares || large.is_shared_with(name)));
                std::filesystem::remove(large.directory / name);
            }
            CHECK((!shares || large.is_shared_with("old")));
            large.write_old();
        }
    }
}

TEST_CASE_FIXTURE(Clean, "how much memory there is is asked where there is need of more, once") {
    NEEDS_TWO_PROCESSORS();
    NEEDS_COMMAND("strace");
    for (const Kind kind : {Kind::xfs, Kind::ext4}) {
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Directory directory(volume);
        write_pattern(directory / "from", 20 << 20);
        const auto copy_twice = [&] {
            mark("begin");
            Pool pool;
            const bool right = pool.copy(directory / "from", directory / "to0").result == 0 &&
                               pool.copy(directory / "from", directory / "to1").result == 0;
            mark("ended");
            return right;
        };
        const std::string trace = trace_of_marked(copy_twice, directory);
        if (trace.empty()) {
            skip("strace may not look at other processes here");
            return;
        }
        CAPTURE(name_of(kind));
        INFO(trace);
        CHECK(difference(directory / "from", directory / "to1") == "");
        const bool shares = shared_bytes(directory / "to1") > 0;
        CHECK(calls_in(trace, "\"/proc/thread-self/cgroup\"") == (shares ? 0 : 1));
    }
}

} // namespace live
