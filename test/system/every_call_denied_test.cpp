// Each system call that the library makes is denied in turn, as a filter may do it: copies of every
// kind end, and say the truth. What is made at all is looked up in a trace.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <new>
#include <set>
#include <sstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leave.h"
#include "system/check.h"
#include "system/child.h"
#include "system/trace.h"
#include "system/tree.h"
#include "system/works.h"

namespace live {

namespace {

enum Excused : unsigned {
    nothing = 0,
    keeps_names = 1,       // without it no name can be removed
    keeps_descriptors = 2, // without it no descriptor can be closed
};

struct Call {
    const char* name;
    int number;
    unsigned excused = nothing;
};

// With the numbers of those that are newer than the headers may be; they are the same everywhere.
constexpr Call calls[] = {
    // files and names
    {"openat", __NR_openat},
    {"openat2", __NR_openat2},
    {"close", __NR_close, keeps_descriptors},
    {"mkdirat", __NR_mkdirat},
    {"mknodat", __NR_mknodat},
    {"symlinkat", __NR_symlinkat},
    {"linkat", __NR_linkat},
    {"renameat", __NR_renameat},
    {"renameat2", __NR_renameat2},
    {"unlinkat", __NR_unlinkat, keeps_names},
    {"readlinkat", __NR_readlinkat},
    {"getdents64", __NR_getdents64},
    {"faccessat", __NR_faccessat},
    {"faccessat2", __NR_faccessat2},
#ifdef __NR_open // what has a newer name elsewhere
    {"open", __NR_open},
    {"access", __NR_access},
    {"readlink", __NR_readlink},
    {"chmod", __NR_chmod},
    {"poll", __NR_poll},
#endif
    // what is known of them
    {"statx", __NR_statx},
    {"fstat", __NR_fstat},
    {"newfstatat", __NR_newfstatat},
    {"statfs", __NR_statfs},
    {"fstatfs", __NR_fstatfs},
    {"fcntl", __NR_fcntl},
    {"ioctl", __NR_ioctl},
    {"lseek", __NR_lseek},
    // attributes
    {"fchmod", __NR_fchmod},
    {"fchmodat", __NR_fchmodat},
    {"fchmodat2", 452},
    {"fchown", __NR_fchown},
    {"fchownat", __NR_fchownat},
    {"utimensat", __NR_utimensat},
    {"getxattr", __NR_getxattr},
    {"fgetxattr", __NR_fgetxattr},
    {"listxattr", __NR_listxattr},
    {"flistxattr", __NR_flistxattr},
    {"setxattr", __NR_setxattr},
    {"fsetxattr", __NR_fsetxattr},
    {"removexattr", __NR_removexattr},
    {"fremovexattr", __NR_fremovexattr},
    {"setxattrat", 463},
    {"getxattrat", 464},
    {"listxattrat", 465},
    {"removexattrat", 466},
    {"file_getattr", 468},
    {"file_setattr", 469},
    // data
    {"read", __NR_read},
    {"pread64", __NR_pread64},
    {"readv", __NR_readv},
    {"preadv", __NR_preadv},
    {"preadv2", __NR_preadv2},
    {"write", __NR_write},
    {"pwrite64", __NR_pwrite64},
    {"writev", __NR_writev},
    {"pwritev", __NR_pwritev},
    {"pwritev2", __NR_pwritev2},
    {"copy_file_range", __NR_copy_file_range},
    {"ftruncate", __NR_ftruncate},
    {"fallocate", __NR_fallocate},
    {"fadvise64", __NR_fadvise64},
    {"fsync", __NR_fsync},
    {"fdatasync", __NR_fdatasync},
    {"syncfs", __NR_syncfs},
    {"sync_file_range", __NR_sync_file_range},
    {"cachestat", 451},
    {"mincore", __NR_mincore},
    // memory, threads, limits and who one is
    {"mmap", __NR_mmap},
    {"mremap", __NR_mremap},
    {"mprotect", __NR_mprotect},
    {"madvise", __NR_madvise},
    {"brk", __NR_brk},
    {"clone", __NR_clone},
    {"clone3", __NR_clone3},
    {"set_robust_list", __NR_set_robust_list},
    {"rt_sigprocmask", __NR_rt_sigprocmask},
    {"rt_sigtimedwait", __NR_rt_sigtimedwait},
    {"prctl", __NR_prctl},
    {"gettid", __NR_gettid},
    {"getpid", __NR_getpid},
    {"geteuid", __NR_geteuid},
    {"getegid", __NR_getegid},
    {"getgroups", __NR_getgroups},
    {"setfsuid", __NR_setfsuid},
    {"setfsgid", __NR_setfsgid},
    {"capget", __NR_capget},
    {"prlimit64", __NR_prlimit64},
    {"sysinfo", __NR_sysinfo},
    {"getrandom", __NR_getrandom},
    {"sched_getaffinity", __NR_sched_getaffinity},
    {"sched_yield", __NR_sched_yield},
    {"clock_nanosleep", __NR_clock_nanosleep},
    // being woken
    {"eventfd2", __NR_eventfd2},
    {"pipe2", __NR_pipe2},
    {"ppoll", __NR_ppoll},
    {"io_uring_setup", __NR_io_uring_setup},
    {"io_uring_enter", __NR_io_uring_enter},
    {"io_uring_register", __NR_io_uring_register},
};

// Those that no process can be without.
constexpr struct {
    const char* name;
    const char* why;
} left_out[] = {
    {"exit", "a thread that cannot end runs into what follows it"},
    {"exit_group", "a process that cannot end neither"},
    {"futex", "the C library ends the process where a lock cannot be waited for"},
    {"munmap", "nor where the stack of a thread that has ended cannot be given back"},
    {"rseq", "nor where a thread cannot be registered"},
    {"rt_sigreturn", "a handler of a signal has nowhere to return to"},
    {"restart_syscall", "the kernel makes it in the place of another"},
};

// What a child and the test tell each other without a call.
struct Shared {
    Outcomes outcomes;
    std::atomic<bool> over = false;
    std::atomic<bool> may_end = false;
};

class SharedMemory {
public:
    SharedMemory() {
        void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(memory != MAP_FAILED);
        shared_ = new (memory) Shared;
    }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    ~SharedMemory() { munmap(shared_, sizeof(Shared)); }
    Shared* operator->() const { return shared_; }

private:
    Shared* shared_ = nullptr;
};

size_t entries_of(const std::string& directory) {
    const std::filesystem::directory_iterator all(directory);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

bool has_ended(pid_t pid) {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
           info.si_pid == pid;
}

std::string end_of(int status) {
    if (WIFSIGNALED(status))
        return "killed by signal " + std::to_string(WTERMSIG(status)) + "\n";
    return WEXITSTATUS(status) == 0 ? ""
                                    : "exit status " + std::to_string(WEXITSTATUS(status)) + "\n";
}

// "", or what does not hold where this call is denied.
std::string denied(const Call& call, int error, bool with_ring, Works& works) {
    works.prepare();
    SharedMemory shared;
    const size_t descriptors = open_descriptors() - 1; // without the one that looks
    Child child([&] {
        if (!with_ring && !deny_io_uring())
            arsync::leave(3);
        if (!deny(call.number, error))
            arsync::leave(3);
        works.run(ARSYNC_BACKEND_AUTO, shared->outcomes);
        shared->over.store(true);
        while (!shared->may_end.load())
            usleep(200);
    });
    while (!shared->over.load() && !has_ended(child.pid()))
        usleep(200);
    const std::string proc = "/proc/" + std::to_string(child.pid());
    std::string wrong;
    if (shared->over.load() && !shared->outcomes.hung) {
        if ((call.excused & keeps_descriptors) == 0 && entries_of(proc + "/fd") != descriptors)
            wrong += "it leaves descriptors open\n";
        if (!eventually([&] { return entries_of(proc + "/task") == 1; }, 5000))
            wrong += "it leaves threads\n";
    }
    shared->may_end.store(true);
    const std::string end = end_of(child.wait());
    wrong += end;
    if (call.number < 0 && works.errors(shared->outcomes) > 0)
        wrong += "it fails where nothing is denied\n";
    if (end.empty())
        wrong += works.judge(shared->outcomes,
                             {.names_stay = (call.excused & keeps_names) != 0, .no_pool = true});
    return wrong;
}

constexpr Call no_call = {"none", -1};

std::vector<bool> ways() {
    std::vector<bool> all{false};
    if (has_io_uring())
        all.push_back(true);
    return all;
}

// One where syncing is quick, or all.
std::vector<Kind> kinds() {
    if (!getenv("ARSYNC_FAULTS_AT_LENGTH"))
        return {Kind::tmpfs};
    return {Kind::tmpfs, Kind::ext4, Kind::xfs, Kind::btrfs};
}

std::unique_ptr<Directory> directory_on(Kind kind) {
    const Volume& volume = shared_volume(kind);
    return volume.usable() ? std::make_unique<Directory>(volume) : std::make_unique<Directory>();
}

// The names of the calls in a trace.
std::set<std::string> names_of(const std::string& trace) {
    std::set<std::string> names;
    for (size_t at = 0; at < trace.size(); at = trace.find('\n', at) + 1) {
        const size_t begin = trace.find_first_not_of("0123456789 ", at);
        const size_t end = trace.find_first_of("( \n", begin);
        const std::string name = trace.substr(begin, end - begin);
        if (!name.empty() && trace[end] == '(')
            names.insert(name);
        if (name == "<...") { // "<... NAME resumed>"
            const size_t from = end + 1;
            names.insert(trace.substr(from, trace.find(' ', from) - from));
        }
    }
    return names;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "whichever system call is denied, copies end and say the truth") {
    if (sanitized) {
        skip("a sanitizer has need of calls itself");
        return;
    }
    for (const Kind kind : kinds()) {
        CAPTURE(name_of(kind));
        const auto from = directory_on(kind);
        const auto to = directory_on(kind);
        Works works(from->path(), to->path());
        for (const bool with_ring : ways()) {
            CAPTURE(with_ring);
            CHECK(denied(no_call, EPERM, with_ring, works) == "");
            for (const Call& call : calls)
                for (const int error : {EPERM, ENOSYS}) {
                    CAPTURE(std::string(call.name));
                    CAPTURE(error);
                    CHECK(denied(call, error, with_ring, works) == "");
                }
        }
    }
}

TEST_CASE("each system call that the library makes is one of those that are denied") {
    if (sanitized) {
        skip("a sanitizer makes calls of its own");
        return;
    }
    const auto from = directory_on(Kind::xfs);
    const auto to = directory_on(Kind::xfs);
    Works works(from->path(), to->path());
    std::set<std::string> known;
    for (const Call& call : calls) {
        known.insert(call.name);
        std::ostringstream number; // as strace(1) names those that are newer than it
        number << "syscall_0x" << std::hex << call.number;
        known.insert(number.str());
    }
    for (const auto& call : left_out)
        known.insert(call.name);
    for (const bool with_ring : ways()) {
        CAPTURE(with_ring);
        works.prepare();
        const std::string trace = trace_of(
            [&] {
                const auto outcomes = std::make_unique<Outcomes>();
                works.run(with_ring ? ARSYNC_BACKEND_URING : ARSYNC_BACKEND_THREADS, *outcomes);
                return outcomes->open_error == 0;
            },
            *to / "trace");
        if (trace.empty()) {
            skip("no strace, or it may not trace");
            return;
        }
        CHECK(names_of(trace).contains("openat2"));
        for (const std::string& name : names_of(trace)) {
            CAPTURE(name);
            CHECK(known.contains(name));
        }
    }
}

} // namespace live
