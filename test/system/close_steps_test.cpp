// A pool is closed at whichever step of a copy: at each system call that its threads make, which
// waits there until the pool is being closed, or while a filesystem does not answer. The close
// returns and leaves no descriptor, thread or temporary name; what is new is whole or not there,
// what is replaced atomically is old or new; no source changes; and no completion comes twice, or
// is missing where the jobs are cancelled first and polled.
//
//     ARSYNC_CLOSE_ALL=1 build/test/system -tc='*closed at whichever step*'
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <poll.h>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <vector>

#include "system/check.h"
#include "system/child.h"
#include "system/faulty_mount.h"
#include "system/lease.h"
#include "system/list.h"
#include "system/nth_call.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr const char* old_text = "what was there before";
constexpr int limit_ms = 60'000;

enum class What { files, tree, list, lease };
constexpr What all_works[] = {What::files, What::tree, What::list, What::lease};

std::string name_of(What what) {
    const char* const names[] = {"files", "tree", "list", "lease"};
    return names[static_cast<int>(what)];
}

// With jobs running; or when they were cancelled, and all of their completions polled.
enum class Ends { at_once, cancelled_and_polled };

// What is copied is below `from`, what comes of it is at the same path below `to`.
void make_source(const std::string& from) {
    make_directories(from + "/tree/a/b");
    write_pattern(from + "/small", 5000);
    write_pattern(from + "/large", 300'000, 2);
    write_pattern(from + "/other", 200'000, 3);
    write_pattern(from + "/tree/one", 3000, 4);
    write_pattern(from + "/tree/a/two", 150'000, 5);
    write_pattern(from + "/tree/a/b/three", 10, 6);
    make_hard_link(from + "/tree/one", from + "/tree/a/four");
    make_symlink("one", from + "/tree/link");
}

void make_destination(const std::string& to) {
    for (const auto& entry : std::filesystem::directory_iterator(to))
        std::filesystem::remove_all(entry.path());
    make_directories(to + "/tree/a");
    for (const char* name : {"/other", "/tree/one", "/tree/a/two"})
        write_file(to + name, old_text);
}

struct Completion {
    arsync_job job;
    uint32_t kind;
    uint64_t user_data;
    std::string path;
    int result;
};

// Jobs of one kind, running in a pool, from the submit to the close and what is left after it.
class Running {
public:
    Running(What what, uint32_t backend, const std::string& from, const std::string& to)
        : what_(what), from_(from), to_(to), pool_(options(backend)) {}

    void submit() {
        const Options careful = archive()
                                    .with_replace(ARSYNC_REPLACE_ATOMIC)
                                    .with_durability(ARSYNC_DURABILITY_FULL)
                                    .with_report(ARSYNC_REPORT_ALL);
        if (what_ == What::files) {
            add(pool_.submit(from_ + "/large", to_ + "/large",
                             Options().with_method(ARSYNC_METHOD_FIXED)));
            add(pool_.submit(
                from_ + "/other", to_ + "/other",
                Options().with_method(ARSYNC_METHOD_MANAGED).with_replace(ARSYNC_REPLACE_ATOMIC)));
            add(pool_.submit(from_ + "/small", to_ + "/small", careful));
        }
        if (what_ == What::tree)
            add(pool_.submit(from_ + "/tree", to_ + "/tree", careful));
        if (what_ == What::list)
            submit_list(careful);
        if (what_ == What::lease)
            submit_operations();
    }

    // Until all have ended, or a step has come to where it waits. It may hold a lock that the
    // pool's functions take, so it is to wait only while none is called.
    void poll_until(NthStep& step) {
        while (count(ARSYNC_COMPLETION_JOB) < jobs_.size()) {
            pollfd ready[] = {{event_fd_, POLLIN, 0}, {step.stopped(), POLLIN, 0}};
            step.let_wait();
            const int any = poll(ready, 2, limit_ms);
            step.go_on();
            if (any <= 0) {
                wrong_ += "it hangs\n";
                return;
            }
            if (ready[1].revents != 0)
                return;
            take(0);
        }
    }

    void end(Ends how) {
        const bool polled = how == Ends::cancelled_and_polled;
        if (polled) {
            expect(arsync_pool_shutdown(pool_.get(), ARSYNC_SHUTDOWN_CANCEL) == 0, "a shutdown");
            while (take(limit_ms) > 0) {
            }
            expect(last_polled_ == -ESHUTDOWN, "the end of a pool that was shut down");
        }
        expect(pool_.close() == 0, "a close");
        judge_completions(polled);
        judge_buffers();
    }

    // What does not hold. Of the files: afterwards, where `to` can be seen.
    std::string wrong(const std::string& to) {
        for (const auto& [path, what] : contents(to))
            if (path.find(".arsync-") != std::string::npos)
                wrong_ += path + " is left\n";
        if (what_ == What::lease) // what is written in place may be there in part
            return wrong_;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(to))
            if (entry.is_regular_file() && !entry.is_symlink())
                judge_file(entry.path(), std::filesystem::relative(entry.path(), to));
        return wrong_;
    }

private:
    static PoolOptions options(uint32_t backend) {
        PoolOptions options(backend);
        options.workers = 2;
        options.buffer_size = 64 << 10;
        options.lease_count = 2;
        return options;
    }

    void expect(bool holds, const char* what) {
        if (!holds)
            wrong_ += std::string(what) + " is not as it should be\n";
    }
    void add(arsync_job job) {
        expect(job != 0, "a submit");
        jobs_.insert(job);
    }
    void add(int error, const arsync_job& job) { add(error == 0 ? job : 0); }

    void submit_list(const Options& how) {
        Items items;
        for (const char* name : {"/small", "/large", "/other", "/tree"})
            items.add(from_ + name, to_ + name);
        const std::vector<arsync_item> shown = items.shown();
        arsync_job job = 0;
        add(arsync_submit_list(pool_.get(), AT_FDCWD, AT_FDCWD, shown.data(), shown.size(), &how, 0,
                               &job),
            job);
    }

    // A read, writes, a sync, and somebody who waits for the buffers.
    void submit_operations() {
        const PoolFile source(pool_, from_ + "/large", O_RDONLY);
        const PoolFile destination(pool_, to_ + "/large", O_RDWR | O_CREAT);
        expect(arsync_buffer_acquire(pool_.get(), 2, buffers_) == 0, "a lease");
        arsync_job job = 0;
        add(submit_read(pool_, {source, 0, buffers_[0], 0, buffers_[0].size, 0}, &job), job);
        for (const uint64_t place : std::initializer_list<uint64_t>{0, 50'000, 100'000})
            add(submit_write(pool_, {destination, place, buffers_[1], 0, buffers_[1].size, 0},
                             &job),
                job);
        add(arsync_submit_sync(pool_.get(), destination.id(), 0, 0, &job), job);
        add(arsync_submit_acquire(pool_.get(), 1, 0, &job), job);
        expect(arsync_buffer_release(pool_.get(), buffers_[1].id) == 0, "a release");
        buffers_[1].id = 0;
    }

    int take(int wait_ms) {
        arsync_completion done[16];
        last_polled_ = arsync_poll(pool_.get(), done, 16, wait_ms);
        for (int i = 0; i < last_polled_; ++i)
            told_.push_back({done[i].job, done[i].kind, done[i].user_data,
                             done[i].path ? done[i].path : "", done[i].result});
        return last_polled_;
    }
    size_t count(uint32_t kind) const {
        return static_cast<size_t>(std::count_if(
            told_.begin(), told_.end(), [&](const Completion& one) { return one.kind == kind; }));
    }

    void judge_completions(bool polled) {
        std::set<arsync_job> ended;
        std::set<std::tuple<uint32_t, uint64_t, std::string>> seen;
        for (const Completion& one : told_) {
            expect(jobs_.contains(one.job) && !ended.contains(one.job), "whose a completion is");
            expect(one.result == 0 || one.result == -ECANCELED, arsync_strerror(one.result));
            if (one.kind == ARSYNC_COMPLETION_JOB)
                ended.insert(one.job);
            else
                expect(seen.emplace(one.kind, one.user_data, one.path).second, "what comes twice");
        }
        expect(!polled || ended == jobs_, "what has ended of a pool that was shut down");
    }

    // The memory of what is leased stays, and is given back after the close.
    void judge_buffers() {
        if (buffers_[0].id == 0)
            return;
        static_cast<char*>(buffers_[0].data)[buffers_[0].size - 1] = 1;
        expect(arsync_buffer_release(closed_, buffers_[0].id) == 0, "a release after the close");
    }

    void judge_file(const std::string& path, const std::string& name) {
        const bool was_there = name == "other" || name == "tree/one" || name == "tree/a/two";
        const bool right = difference(from_here_ + "/" + name, path).empty() ||
                           (was_there && read_file(path) == old_text);
        if (!right)
            wrong_ += path + " is neither the old file nor the new one\n";
    }

    const What what_;
    const std::string from_;
    const std::string to_;
    Pool pool_;
    arsync_pool* const closed_ = pool_.get();
    const int event_fd_ = arsync_pool_event_fd(closed_);
    std::set<arsync_job> jobs_;
    std::vector<Completion> told_;
    arsync_buffer buffers_[2] = {};
    int last_polled_ = 0;
    std::string wrong_;

public:
    std::string from_here_ = from_; // where the source can be seen while its mount does not answer
};

bool at_length() {
    return getenv("ARSYNC_CLOSE_ALL") != nullptr;
}

constexpr const char* no_seccomp = "no seccomp";

// One kind of jobs, in a child, at a step after the other.
class Steps {
public:
    Steps(Report& report, What what, uint32_t backend, const Directory& directory)
        : report_(report), what_(what), backend_(backend), from_(directory / "from"),
          to_(directory / "to"), source_(state(from_)) {}

    // Of `parts` of them the one of that number.
    void sweep(long part, long parts) {
        if (!step_.works()) {
            report_.expect(false, no_seccomp, 0);
            return;
        }
        close_at(LONG_MAX, Ends::at_once); // how many there are
        const long all = calls_;
        const long stride = at_length() ? parts : std::max(1L, all / slice);
        long tried = 0;
        for (long number = part; number <= all && report_.text().empty(); number += stride) {
            const bool polls = ++tried % 2 == 0;
            close_at(number, polls ? Ends::cancelled_and_polled : Ends::at_once);
            if (at_length())
                close_at(number, polls ? Ends::at_once : Ends::cancelled_and_polled);
        }
        // There are never as many as another time, but not by half.
        EXPECT_WITH(report_, stopped_ >= std::max(1L, tried / 2), std::to_string(stopped_));
    }

private:
    static constexpr long slice = 10;

    void close_at(long number, Ends how) {
        make_destination(to_);
        const size_t descriptors = open_descriptors();
        const size_t threads = thread_names().size();
        std::string wrong;
        {
            Running running(what_, backend_, from_, to_);
            step_.stop_after(number);
            running.submit();
            running.poll_until(step_);
            running.end(how);
            calls_ = step_.end();
            stopped_ += calls_ > number;
            wrong = running.wrong(to_);
        }
        const std::string which = "closed at call " + std::to_string(number) +
                                  (how == Ends::at_once ? ": " : ", polled: ") + wrong;
        EXPECT_WITH(report_, wrong.empty(), which);
        EXPECT_WITH(report_, open_descriptors() == descriptors, which);
        EXPECT_WITH(report_, eventually([&] { return thread_names().size() == threads; }), which);
        EXPECT_WITH(report_, difference(state(from_), source_).empty(), which);
    }

    Report& report_;
    const What what_;
    const uint32_t backend_;
    const std::string from_, to_;
    NthStep step_; // before what is counted
    const std::map<std::string, std::string> source_;
    long calls_ = 0;
    long stopped_ = 0;
};

} // namespace

TEST_CASE_FIXTURE(Clean, "a pool is closed at whichever step of its copies, and leaves nothing") {
    const Directory directory;
    make_source(directory / "from");
    make_directories(directory / "to");
    for (const uint32_t backend : backends())
        for (const What what : all_works) {
            CAPTURE(backend_name(backend));
            CAPTURE(name_of(what));
            const long parts = at_length() ? 8 : 1; // a child has little time
            for (long part = 0; part < parts; ++part) {
                CAPTURE(part);
                const std::string report = in_child(
                    [&](Report& own) { Steps(own, what, backend, directory).sweep(part, parts); });
                if (report.find(no_seccomp) != std::string::npos) {
                    skip("seccomp(2) does not let a process ask itself here");
                    return;
                }
                CHECK(report == "");
            }
        }
}

namespace {

// Names below it contain "t/", and of those an operation hangs.
struct Hang {
    const char* operation;
    bool source; // or the destination
    What what = What::tree;
};
constexpr Hang hangs[] = {
    {"open", true},
    {"read", true, What::files},
    {"read", true},
    {"readdir", true},
    {"listxattr", true},
    {"readlink", true},
    {"read", true, What::list},
    {"create", false},
    {"write", false},
    {"write", false, What::list},
    {"utimens", false},
    {"fsync", false, What::list},
    {"rename", false},
    {"mkdir", false},
    {"symlink", false},
    {"flush", false, What::files},
};

void close_while_it_hangs(const Hang& hang, uint32_t backend) {
    const Directory log;
    const FaultyMount mount(
        {std::string("hang=") + hang.operation + ":t/", "log=" + (log / "log")});
    NEEDS(mount);
    const Directory plain;
    const std::string from = (hang.source ? mount.path() : plain.path()) + "/t";
    const std::string to = (hang.source ? plain.path() : mount.path()) + "/t";
    const std::string real_from = (hang.source ? mount.backing() : plain.path()) + "/t";
    const std::string real_to = (hang.source ? plain.path() : mount.backing()) + "/t";
    make_source(real_from);
    make_directories(real_to);
    make_destination(real_to);
    const auto source = state(real_from);
    const auto hangs_now = [&] {
        return ("\n" + read_file(log / "log")).find(std::string("\n") + hang.operation + " /t/") !=
               std::string::npos;
    };
    Running running(hang.what, backend, from, to);
    running.from_here_ = real_from;
    running.submit();
    CHECK(eventually(hangs_now));
    std::atomic<bool> closed = false;
    std::thread closer([&] {
        running.end(Ends::at_once);
        closed = true;
    });
    usleep(20'000);
    CHECK(!closed);
    mount.go_on();
    closer.join();
    CHECK(running.wrong(real_to) == "");
    CHECK(difference(state(real_from), source) == "");
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a pool that is closed while a filesystem hangs waits for that alone") {
    const std::vector<uint32_t> all = backends();
    size_t turn = 0;
    for (const Hang& hang : hangs) {
        ++turn;
        for (const uint32_t backend : all) {
            if (!at_length() && backend != all[turn % all.size()])
                continue;
            CAPTURE(backend_name(backend));
            CAPTURE(hang.operation);
            CAPTURE(hang.source);
            CAPTURE(name_of(hang.what));
            close_while_it_hangs(hang, backend);
        }
    }
}

} // namespace live
