// Little is allowed: descriptors, file sizes, threads, memory.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

bool limit(__rlimit_resource what, rlim_t most) {
    const rlimit both{most, most};
    return setrlimit(what, &both) == 0;
}

bool has_temporary_names(const std::string& top) {
    for (const std::string& name : names_in(top))
        if (name.find(".arsync-") != std::string::npos)
            return true;
    return false;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "few descriptors make copies fail cleanly, or slow, but lose none") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        constexpr int count = 300;
        write_pattern(directory / "from", 200'000);
        check_in_child([&](Report& report) {
            Pool pool{PoolOptions(backend)};
            const arsync_completion first = pool.copy(directory / "from", directory / "0");
            EXPECT_WITH(report, first.result == 0, words(first));
            EXPECT(report, limit(RLIMIT_NOFILE, open_descriptors() + 8));
            std::vector<std::string> names(count + 1);
            for (int i = 1; i <= count; ++i) {
                names[static_cast<size_t>(i)] = directory / std::to_string(i);
                const arsync_job job = pool.submit(
                    directory / "from", directory / std::to_string(i),
                    Options().with_method(ARSYNC_METHOD_FIXED), static_cast<uint64_t>(i));
                EXPECT(report, job != 0);
            }
            int copied = 0;
            for (int i = 1; i <= count; ++i) {
                const arsync_completion done = pool.wait();
                copied += done.result == 0;
                const bool right = done.result == 0 || done.result == -EMFILE;
                EXPECT_WITH(report, right, words(done));
                EXPECT(report, exists(names[done.user_data]) == (done.result == 0));
            }
            EXPECT(report, copied > 0);
            const arsync_completion last = pool.copy(directory / "from", directory / "last");
            EXPECT_WITH(report, last.result == 0, words(last));
        });
        for (int i = 0; i <= count; ++i)
            if (exists(directory / std::to_string(i)))
                CHECK(difference(directory / "from", directory / std::to_string(i)) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "few descriptors make a list slow, or items fail, but none is lost") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        constexpr size_t count = 150;
        Items items;
        for (size_t i = 0; i < count; ++i) {
            const std::string name = "/" + std::to_string(i % 7) + "/" + std::to_string(i);
            make_directories(directory / ("from/" + std::to_string(i % 7)));
            make_directories(directory / ("to/" + std::to_string(i % 7)));
            write_pattern(directory / "from" + name, i % 10 == 0 ? 200'000 : 1000);
            items.add(directory / "from" + name, directory / "to" + name);
        }
        for (const size_t left : {3u, 8u}) {
            CAPTURE(left);
            check_in_child([&](Report& report) {
                Pool pool{PoolOptions(backend)};
                const Options options = Options().with_replace(ARSYNC_REPLACE_ATOMIC);
                const arsync_completion first =
                    pool.copy(directory / "from/0/0", directory / "first", options);
                EXPECT_WITH(report, first.result == 0, words(first));
                const size_t descriptors = open_descriptors();
                const rlimit few{descriptors + left, 1000};
                EXPECT(report, setrlimit(RLIMIT_NOFILE, &few) == 0);
                const ListCopy copy = copy_list(pool, items, options);
                const rlimit many{1000, 1000};
                EXPECT(report, setrlimit(RLIMIT_NOFILE, &many) == 0);
                EXPECT_WITH(report, copy.job.result == 0 || copy.job.result == -EMFILE,
                            words(copy));
                EXPECT(report, copy.strays == 0);
                EXPECT(report, copy.count(ARSYNC_COMPLETION_ITEM) == count);
                size_t copied = 0;
                for (size_t i = 0; i < count; ++i) {
                    const Told told = copy.item(i + 1);
                    const bool is_right =
                        told.kind != 0 && (told.result == 0 || told.result == -EMFILE);
                    EXPECT_WITH(report, is_right, std::to_string(told.result));
                    EXPECT(report, exists(items.names(i).second) == (told.result == 0));
                    copied += told.result == 0;
                }
                EXPECT_WITH(report, copied > 0, std::to_string(copied));
                EXPECT(report, (copied == count) == (copy.job.result == 0));
                EXPECT(report, open_descriptors() <= descriptors + 1);
            });
            CHECK(!has_temporary_names(directory / "to"));
            for (size_t i = 0; i < count; ++i)
                if (exists(items.names(i).second)) {
                    CHECK(difference(items.names(i).first, items.names(i).second) == "");
                    unlink(items.names(i).second.c_str());
                }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "no descriptor at all to be had is an error of open or submit") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    check_in_child([&](Report& report) {
        const int here = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Pool pool;
        EXPECT(report, pool.copy(directory / "from", directory / "to").result == 0);
        EXPECT(report, limit(RLIMIT_NOFILE, 3));
        arsync_pool* other = nullptr;
        EXPECT(report, arsync_pool_open(nullptr, &other) == -EMFILE);
        EXPECT(report, arsync_submit_copy(pool.get(), here, "from", here, "to", nullptr, 0,
                                          nullptr) == -EMFILE);
        const arsync_completion done = pool.copy(directory / "from", directory / "to");
        EXPECT_WITH(report, done.result == -EMFILE, words(done));
        EXPECT(report, done.stage == ARSYNC_STAGE_OPEN_SOURCE);
    });
}

TEST_CASE_FIXTURE(Clean, "a file larger than allowed is an error and no signal, and is not left") {
    const Directory directory;
    constexpr uint64_t size = 2'000'000;
    write_pattern(directory / "from", size);
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        check_in_child([&](Report& report) {
            EXPECT(report, limit(RLIMIT_FSIZE, size / 2));
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue;
                const arsync_completion done =
                    pool.copy(directory / "from", directory / "to", Options().with_method(method));
                EXPECT_WITH(report, done.result == -EFBIG,
                            method_name(method) + ": " + words(done));
                EXPECT(report, !exists(directory / "to"));
            }
        });
        CHECK(directory.entries() == 1);
    }
}

TEST_CASE_FIXTURE(Clean, "a file larger than allowed leaves what it was to replace") {
    const Directory directory;
    constexpr uint64_t size = 2'000'000;
    write_pattern(directory / "from", size);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        write_file(directory / "to", "old");
        check_in_child([&](Report& report) {
            EXPECT(report, limit(RLIMIT_FSIZE, size / 2));
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : all_methods)
                for (const uint32_t durability : {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FULL}) {
                    if (method == ARSYNC_METHOD_REFLINK)
                        continue;
                    const arsync_completion done =
                        pool.copy(directory / "from", directory / "to",
                                  Options()
                                      .with_method(method)
                                      .with_durability(durability)
                                      .with_backup(ARSYNC_BACKUP_NUMBERED)
                                      .with_replace(ARSYNC_REPLACE_ATOMIC));
                    EXPECT_WITH(report, done.result == -EFBIG,
                                method_name(method) + ": " + words(done));
                    EXPECT(report, read_file(directory / "to") == "old");
                }
        });
        CHECK(directory.entries() == 2);
    }
}

TEST_CASE_FIXTURE(Clean, "of a tree or a list a file larger than allowed fails, and it alone") {
    const Directory directory;
    constexpr uint64_t size = 2'000'000;
    make_files(directory / "from", {"a/1", "a/b/2", "3"});
    write_pattern(directory / "from/a/large", size);
    write_pattern(directory / "from/a/replaced", size, 2);
    const std::vector<std::string> names = {"a/1", "a/large", "a/b/2", "a/replaced", "3"};
    Items items;
    for (const std::string& name : names)
        items.add(directory / "from/" + name, directory / "to/" + name);
    const auto is_large = [](const std::string& name) {
        return name.ends_with("large") || name.ends_with("replaced");
    };
    for (const uint32_t backend : backends())
        for (const uint32_t durability : {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FULL})
            for (const bool lists : {false, true}) {
                CAPTURE(backend_name(backend));
                CAPTURE(durability);
                CAPTURE(lists);
                make_directories(directory / "to/a/b");
                write_file(directory / "to/a/replaced", "old");
                check_in_child([&](Report& report) {
                    EXPECT(report, limit(RLIMIT_FSIZE, size / 2));
                    Pool pool{PoolOptions(backend)};
                    const Options options = archive()
                                                .with_durability(durability)
                                                .with_report(ARSYNC_REPORT_ALL)
                                                .with_replace(ARSYNC_REPLACE_ATOMIC);
                    if (lists) {
                        const ListCopy copy = copy_list(pool, items, options);
                        EXPECT_WITH(report, copy.job.result == -EFBIG, words(copy));
                        for (size_t i = 0; i < names.size(); ++i)
                            EXPECT_WITH(report,
                                        copy.item(i + 1).result ==
                                            (is_large(names[i]) ? -EFBIG : 0),
                                        words(copy));
                        return;
                    }
                    const TreeCopy copy =
                        copy_tree(pool, directory / "from", directory / "to", options);
                    EXPECT_WITH(report, copy.job.result == -EFBIG, words(copy));
                    EXPECT_WITH(report, copy.errors().size() == 2, lines(copy.errors()));
                    for (const Entry& entry : copy.entries)
                        EXPECT_WITH(report, entry.result == (is_large(entry.path) ? -EFBIG : 0),
                                    words(copy));
                });
                CHECK_NAMES(directory / "to", {"a", "a/b", "a/b/2", "a/1", "a/replaced", "3"});
                CHECK(read_file(directory / "to/a/replaced") == "old");
                for (const std::string& name : names)
                    if (!is_large(name))
                        CHECK(difference(directory / "from/" + name, directory / "to/" + name) ==
                              "");
                remove_tree(directory / "to");
            }
}

namespace {

constexpr uint64_t mebibyte = 1 << 20;

uint64_t address_space() {
    return std::strtoull(read_file("/proc/self/statm").c_str(), nullptr, 10) *
           static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

bool may_be_short_of_memory(int result) {
    return result == 0 || result == -ENOMEM || result == -EAGAIN;
}

// With so much address space; whether all went well.
bool copies_with(Report& report, uint64_t more, uint32_t backend, const Directory& directory,
                 const Items& items) {
    const rlimit little{address_space() + more, RLIM_INFINITY};
    const rlimit enough{RLIM_INFINITY, RLIM_INFINITY};
    EXPECT(report, setrlimit(RLIMIT_AS, &little) == 0);
    Pool pool{PoolOptions(backend)};
    if (pool.error() != 0) {
        EXPECT(report, setrlimit(RLIMIT_AS, &enough) == 0);
        EXPECT_WITH(report, may_be_short_of_memory(pool.error()), arsync_strerror(pool.error()));
        return false;
    }
    const arsync_job job = pool.submit(
        directory / "from/large", directory / "to/file",
        Options().with_method(ARSYNC_METHOD_MANAGED).with_replace(ARSYNC_REPLACE_ATOMIC));
    arsync_completion file = {};
    file.result = job == 0 ? -ENOMEM : pool.wait().result;
    arsync_job tree = pool.submit(directory / "from", directory / "to/tree", recursive());
    arsync_completion whole = {};
    whole.result = -ENOMEM;
    while (tree != 0) {
        whole = pool.wait();
        if (whole.kind != ARSYNC_COMPLETION_ENTRY)
            break;
    }
    const std::vector<arsync_item> shown = items.shown();
    const Options options;
    const int submitted = arsync_submit_list(pool.get(), AT_FDCWD, AT_FDCWD, shown.data(),
                                             shown.size(), &options, 0, nullptr);
    size_t told = 0;
    arsync_completion list = {};
    list.result = submitted;
    while (submitted == 0) {
        list = pool.wait();
        if (list.kind != ARSYNC_COMPLETION_ITEM)
            break;
        ++told;
        EXPECT_WITH(report, may_be_short_of_memory(list.result), words(list));
    }
    EXPECT(report, setrlimit(RLIMIT_AS, &enough) == 0);
    for (const arsync_completion& done : {file, whole, list})
        EXPECT_WITH(report, may_be_short_of_memory(done.result), words(done));
    EXPECT(report, told <= items.size() && (list.result != 0 || told == items.size()));
    arsync_completion stray;
    EXPECT(report, arsync_poll(pool.get(), &stray, 1, 0) == 0);
    const arsync_completion after = pool.copy(directory / "from/large", directory / "to/after");
    EXPECT_WITH(report, after.result == 0, words(after));
    EXPECT(report, pool.close() == 0);
    return file.result == 0 && whole.result == 0 && list.result == 0;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "with little address space jobs end once each, and the pool goes on") {
    if (sanitized) {
        skip("a sanitizer takes all address space there is");
        return;
    }
    const Directory directory;
    make_directories(directory / "from");
    write_pattern(directory / "from/large", 3'000'000);
    for (int i = 0; i < 50; ++i)
        write_pattern(directory / ("from/" + std::to_string(i)), 2000);
    Items items;
    for (int i = 0; i < 50; ++i)
        items.add(directory / ("from/" + std::to_string(i)),
                  directory / ("to/list/" + std::to_string(i)));
    for (const uint32_t backend : backends()) {
        bool any_failed = false;
        for (const uint64_t more : std::initializer_list<uint64_t>{0, 4, 24, 70, 200, 2000}) {
            CAPTURE(backend_name(backend));
            CAPTURE(more);
            make_directories(directory / "to/list");
            const std::string report = in_child([&](Report& own) {
                const size_t descriptors = open_descriptors();
                const size_t threads = thread_names().size();
                if (!copies_with(own, more * mebibyte, backend, directory, items))
                    write_file(directory / "failed", "");
                EXPECT(own, open_descriptors() == descriptors);
                EXPECT(own, eventually([&] { return thread_names().size() == threads; }));
            });
            CHECK(report == "");
            const bool failed = unlink((directory / "failed").c_str()) == 0;
            any_failed = any_failed || failed;
            CHECK(!(failed && more == 2000));
            CHECK(!has_temporary_names(directory / "to"));
            for (const auto& file :
                 std::filesystem::recursive_directory_iterator(directory / "to")) {
                if (!file.is_regular_file())
                    continue;
                const std::string name = file.path().filename();
                const bool by_name = name != "file" && name != "after";
                CHECK(difference(directory / "from/" + (by_name ? name : "large"), file.path()) ==
                      "");
            }
            remove_tree(directory / "to");
        }
        CHECK(any_failed); // of little it was too little
    }
}

// The limit on threads is the user's: another run of these tests would take from it.
static unsigned user_of_its_own() {
    return ordinary_user + 1 + static_cast<unsigned>(getpid()) % 10000;
}

// Copies by a pool that has no thread.
static void copies_in_poll(Report& report, const Directory& directory, int error) {
    const PoolOptions uring(ARSYNC_BACKEND_URING);
    // A ring belongs to a thread. A submit alone says EAGAIN.
    EXPECT(report, Pool(uring).error() == (error == -EAGAIN ? -ENOMEM : error));
    Pool pool;
    EXPECT(report, pool.error() == 0);
    const int ready = arsync_pool_event_fd(pool.get());
    const auto is_ready = [&] {
        pollfd entry{ready, POLLIN, 0};
        return poll(&entry, 1, 0) == 1;
    };
    EXPECT(report, !is_ready());
    for (const char* name : {"small", "large", "tree"}) {
        const Options options =
            Options().with_flags(ARSYNC_COPY_RECURSIVE).with_report(ARSYNC_REPORT_ALL);
        const std::string to = directory / "copy of " + name;
        EXPECT(report, pool.submit(directory / name, to, options) != 0);
        EXPECT(report, is_ready());
        arsync_completion done = pool.wait();
        while (done.kind == ARSYNC_COMPLETION_ENTRY)
            done = pool.wait();
        EXPECT_WITH(report, done.result == 0, words(done));
        EXPECT(report, !is_ready());
    }
    EXPECT(report, difference(directory / "large", directory / "copy of large") == "");
    EXPECT(report, exists(directory / "copy of tree/4999"));
    const arsync_info info = pool.info();
    EXPECT(report, info.backend == ARSYNC_BACKEND_THREADS && info.workers_started == 0);
    EXPECT_WITH(report, strstr(info.backend_reason, arsync_strerror(error)), info.backend_reason);

    const Options special = Options().with_flags(ARSYNC_COPY_SPECIAL);
    const arsync_completion unread = pool.copy(directory / "small", directory / "fifo", special);
    EXPECT_WITH(report, unread.result == error, words(unread));
    EXPECT(report, unread.stage == ARSYNC_STAGE_OPEN_DESTINATION);

    const arsync_job cancelled = pool.submit(directory / "large", directory / "cancelled");
    EXPECT(report, arsync_job_cancel(pool.get(), cancelled) == 0);
    EXPECT(report, pool.wait().result == -ECANCELED);
    EXPECT(report, pool.submit(directory / "large", directory / "not polled") != 0);
    EXPECT(report, pool.close() == 0);
    EXPECT(report, !exists(directory / "not polled"));
}

TEST_CASE_FIXTURE(Clean, "without a single thread to be had, copies run in poll") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "small", 1000);
    write_pattern(directory / "large", 20'000'000);
    mkfifo((directory / "fifo").c_str(), 0600);
    chmod((directory / "fifo").c_str(), 0666);
    mkdir((directory / "tree").c_str(), 0755);
    for (int i = 0; i < 5000; ++i) // more than may wait to be polled
        write_file(directory / "tree/" + std::to_string(i), "x");
    check_in_child([&](Report& report) {
        EXPECT(report, limit(RLIMIT_NPROC, 1)); // this process is the one
        EXPECT(report, become_ordinary(user_of_its_own()));
        copies_in_poll(report, directory, -EAGAIN);
    });
    std::filesystem::remove_all(directory / "copy of tree");
    check_in_child([&](Report& report) {
        EXPECT(report, deny(__NR_clone3, EPERM) && deny(__NR_clone, EPERM));
        copies_in_poll(report, directory, -EPERM);
    });
}

TEST_CASE_FIXTURE(Clean, "a worker that gets no helper threads ends its copies all the same") {
    NEEDS_ROOT();
    if (thread_sanitized) {
        skip("ThreadSanitizer takes a thread for itself");
        return;
    }
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        const Directory directory;
        chmod(directory.path().c_str(), 0777);
        write_pattern(directory / "from", 2'000'000);
        check_in_child([&](Report& report) {
            EXPECT(report, limit(RLIMIT_NPROC, 2)); // this thread and one worker
            EXPECT(report, become_ordinary(user_of_its_own()));
            PoolOptions options(backend);
            Pool pool(options);
            for (const uint32_t method :
                 {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED, ARSYNC_METHOD_COPY_FILE_RANGE}) {
                const arsync_job job = pool.submit(directory / "from", directory / "to",
                                                   Options().with_method(method));
                EXPECT(report, job != 0);
                arsync_completion done = pool.wait();
                if (done.result == -ETIMEDOUT) {
                    EXPECT_WITH(report, done.result != -ETIMEDOUT, method_name(method));
                    return;
                }
                const bool right = done.result == 0 || done.result == -EAGAIN;
                EXPECT_WITH(report, right, method_name(method) + ": " + words(done));
                EXPECT(report, exists(directory / "to") == (done.result == 0));
                unlink((directory / "to").c_str());
            }
        });
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a worker that gets no helper threads has time for others than one large file") {
    NEEDS_ROOT();
    if (thread_sanitized) {
        skip("ThreadSanitizer takes a thread for itself");
        return;
    }
    if (!has_io_uring()) {
        skip("io_uring is denied");
        return;
    }
    const Directory directory;
    chmod(directory.path().c_str(), 0777);
    write_pattern(directory / "large", 128 << 20);
    chmod((directory / "large").c_str(), 0666); // or the kernel does not tell that it is cached
    write_pattern(directory / "small", 1000);
    check_in_child([&](Report& report) {
        EXPECT(report, limit(RLIMIT_NPROC, 2)); // this thread and one worker
        EXPECT(report, become_ordinary());
        Pool pool;
        const arsync_job large = pool.submit(directory / "large", directory / "copy of large");
        EXPECT(report, eventually([&] { return pool.progress(large).bytes_done > 0; }));
        const arsync_job small = pool.submit(directory / "small", directory / "copy of small");
        const arsync_completion done = pool.wait();
        EXPECT_WITH(report, done.job == small && done.result == 0, words(done));
        EXPECT(report, pool.wait().job == large);
    });
}

} // namespace live
