#include "sim/many.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "leave.h"
#include "sim/trial.h"

namespace arsync::sim {

namespace {

// More than any trial takes, of the processor's time: one that goes on is looping.
constexpr time_t seconds_max = 20;
// A fault that every trial shows needs not be shown by all.
constexpr unsigned shown_max = 5;

// What the processes share.
struct Shared {
    std::atomic<uint64_t> next = 0;
    std::atomic<unsigned> wrong = 0;
    std::atomic<uint64_t> microseconds = 0; // of the processors' time
    std::atomic<uint64_t> slowest = 0;      // of these the most that one trial took, and which
    std::atomic<uint64_t> slowest_seed = 0;
};

uint64_t processor_microseconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<uint64_t>(now.tv_nsec) / 1000;
}

// Ends the process, and so tells of the trial, if it takes too long.
void limit_time() {
    const itimerval limit{{0, 0}, {seconds_max, 0}};
    setitimer(ITIMER_VIRTUAL, &limit, nullptr);
}

// Each line at once, so that processes do not mix theirs.
void print(const std::string& text) {
    std::fputs((text + "\n").c_str(), stdout);
    std::fflush(stdout);
}

std::string seed_text(uint64_t seed) {
    return "seed " + std::to_string(seed) + " (make sim SEED=" + std::to_string(seed) + ")";
}

void show(uint64_t seed, const std::string& what) {
    print("WRONG: " + seed_text(seed) + ":\n" + what);
    const itimerval none{};
    setitimer(ITIMER_VIRTUAL, &none, nullptr);
    print("made small:\n" + shrink(trial_of(seed))->run());
}

// Two at once may name the other's number, which is no more than a hint where to look.
void note_time(Shared& shared, uint64_t seed, uint64_t took) {
    shared.microseconds += took;
    if (took > shared.slowest) {
        shared.slowest = took;
        shared.slowest_seed = seed;
    }
}

// current: which one this process is at, for whoever finds that it has died.
void work(Shared& shared, std::atomic<uint64_t>& current, uint64_t count) {
    for (;;) {
        const uint64_t seed = shared.next.fetch_add(1);
        if (seed >= count)
            return;
        current = seed;
        limit_time();
        const uint64_t begin = processor_microseconds();
        const std::string what = trial_of(seed)->run();
        note_time(shared, seed, processor_microseconds() - begin);
        if (what.empty())
            continue;
        if (shared.wrong.fetch_add(1) < shown_max)
            show(seed, what);
        else
            print("WRONG: " + seed_text(seed) + ": " + what.substr(what.rfind('\n') + 1));
    }
}

template <class T>
T* share(size_t count) {
    void* memory =
        mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("mmap");
        std::exit(2);
    }
    return new (memory) T[count]{};
}

class Workers {
public:
    explicit Workers(uint64_t count)
        : count_(count), size_(std::max(1u, std::thread::hardware_concurrency())),
          shared_(share<Shared>(1)), current_(share<std::atomic<uint64_t>>(size_)), pids_(size_) {}

    const Shared& shared() const { return *shared_; }

    // How many trials were wrong.
    unsigned run() {
        for (size_t i = 0; i < size_; ++i)
            start(i);
        for (size_t running = size_; running > 0;) {
            int status = 0;
            const pid_t pid = wait(&status);
            if (pid < 0 && errno == EINTR)
                continue;
            const auto at = std::find(pids_.begin(), pids_.end(), pid);
            if (at == pids_.end())
                continue;
            const auto number = static_cast<size_t>(at - pids_.begin());
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                --running;
                continue;
            }
            ++shared_->wrong;
            print("WRONG: " + seed_text(current_[number]) +
                  (WIFSIGNALED(status) && WTERMSIG(status) == SIGVTALRM
                       ? " does not end"
                       : " ends its process with " + std::to_string(status)));
            start(number);
        }
        return shared_->wrong;
    }

private:
    void start(size_t number) {
        std::fflush(stdout);
        const pid_t pid = fork();
        if (pid < 0) {
            std::perror("fork");
            std::exit(2);
        }
        if (pid > 0) {
            pids_[number] = pid;
            return;
        }
        work(*shared_, current_[number], count_);
        leave(0);
    }

    const uint64_t count_;
    const size_t size_;
    Shared* const shared_;
    std::atomic<uint64_t>* const current_;
    std::vector<pid_t> pids_;
};

} // namespace

int run_many(uint64_t count) {
    const auto begin = std::chrono::steady_clock::now();
    Workers workers(count);
    const unsigned wrong = workers.run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const Shared& all = workers.shared();
    std::printf("%.0f s, and %.0f s of the processors' time; the slowest trial, of seed %llu, took "
                "%.2f s of that\n",
                took.count(), static_cast<double>(all.microseconds) / 1e6,
                static_cast<unsigned long long>(all.slowest_seed),
                static_cast<double>(all.slowest) / 1e6);
    print(std::to_string(count) + " trials, " + std::to_string(wrong) + " wrong");
    return wrong > 0;
}

int replay(uint64_t seed) {
    const std::unique_ptr<Trial> trial = trial_of(seed);
    print(trial->describe());
    const std::string what = trial->run(print);
    if (what.empty()) {
        print("nothing is wrong with it");
        return 0;
    }
    print("WRONG:\n" + what);
    const std::unique_ptr<Trial> small = shrink(trial_of(seed));
    print("\nmade small: " + small->describe());
    print("WRONG:\n" + small->run(print));
    return 1;
}

} // namespace arsync::sim
