// kill -9 at any instant, of arsync-cp and of a program that uses the library: what is there then
// is what was promised of a copy that is under way, and who copies once more has all of it.
//
//     KILLS=N      so many that are killed before their end, on each filesystem (20)
//     KILL_SEED=N  of other works, at other instants (1)
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/judge.h"
#include "crash/must.h"
#include "crash/number.h"
#include "crash/random.h"
#include "system/content.h"
#include "system/scratch.h"
#include "system/tree.h"

namespace crash {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string run_here(const Work& work, const Place& place) {
    live::Pool pool;
    if (work.run)
        return work.run(place, pool);
    const arsync_completion done =
        pool.copy(place.source + "/" + work.from, place.destination + "/" + work.to, work.options);
    return done.result == 0 ? "" : live::words(done);
}

// In a process group of its own, with whatever it starts.
pid_t start(const Work& work, const Place& place) {
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        const std::string wrong = run_here(work, place);
        if (!wrong.empty())
            dprintf(STDOUT_FILENO, "%s: %s\n", work.name.c_str(), wrong.c_str());
        _exit(wrong.empty() ? 0 : 1);
    }
    setpgid(child, child);
    return child;
}

// Also of what it had started, which is ours when it is gone. Its own status.
int wait_for_all(pid_t child) {
    int status = -1;
    int one = 0;
    for (pid_t gone = 0; (gone = waitpid(-1, &one, 0)) > 0 || errno == EINTR;)
        if (gone == child)
            status = one;
    return status;
}

// Whatever is made has the same time each time.
void settle(const std::string& top) {
    const timespec times[2] = {{1'200'000'000, 0}, {1'200'000'000, 0}};
    const auto set = [&](const fs::path& path) {
        must(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), path);
    };
    for (const auto& entry : fs::recursive_directory_iterator(top))
        set(entry.path());
    set(top);
}

// A work, with what a run that nobody disturbs makes of its destination, and how long that takes.
struct Tried {
    Work work;
    std::optional<Before_and_after> known;
    std::chrono::microseconds took{0};
};

class Killer {
public:
    Killer(const std::string& directory, uint64_t seed) : directory_(directory), random_(seed) {
        live::make_directories(directory_ + "/source");
        make_source(directory_ + "/source");
        for (const std::vector<Work>& together : plan_of(seed, false))
            for (const Work& work : together)
                (work.name.starts_with("arsync-cp") ? commands_ : works_).push_back({work, {}, {}});
    }

    void kill_one() {
        const bool command = !commands_.empty() && random_.one_in(2);
        std::vector<Tried>& some = command ? commands_ : works_;
        Tried& tried = some[random_.below(some.size())];
        if (!tried.known)
            learn(tried);
        const Place place = make_place(tried.work);
        kill_at_random(tried, place);
        const Facts left = facts_below(place.destination);
        complain(judge(tried.work, Progress::under_way, *tried.known, left));
        copy_again(tried, place, left);
        live::remove_tree(place.destination);
    }

    const std::vector<std::string>& said() const { return said_; }
    uint64_t killed() const { return killed_; }

private:
    Place make_place(const Work& work) const {
        Place place{directory_ + "/source", directory_ + "/to"};
        live::make_directories(place.destination);
        work.prepare(place.destination);
        settle(place.destination);
        return place;
    }

    void learn(Tried& tried) {
        const Place place = make_place(tried.work);
        Before_and_after known;
        known.old = facts_below(place.destination);
        const auto begin = Clock::now();
        if (wait_for_all(start(tried.work, place)) != 0)
            complain({tried.work.name + ": failed"});
        tried.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
        known.copied = facts_below(place.destination);
        tried.known = std::move(known);
        live::remove_tree(place.destination);
    }

    void kill_at_random(const Tried& tried, const Place& place) {
        const auto limit = static_cast<uint64_t>(tried.took.count()) + 1;
        const uint64_t after_us = killed_ == 0 ? 0 : random_.below(limit);
        const pid_t child = start(tried.work, place);
        usleep(static_cast<useconds_t>(after_us));
        kill(-child, SIGKILL);
        const int status = wait_for_all(child);
        killed_ += WIFSIGNALED(status) ? 1 : 0;
    }

    // Names of what was not complete may be left, except where what is extra is removed.
    void copy_again(const Tried& tried, const Place& place, const Facts& left) {
        if (wait_for_all(start(tried.work, place)) != 0)
            complain({tried.work.name + ": failed when run again"});
        const bool mirrors = (tried.work.options.flags & ARSYNC_COPY_MIRROR) != 0 ||
                             tried.work.name.find("--mirror") != std::string::npos;
        Facts found = facts_below(place.destination);
        std::erase_if(found, [&](const auto& one) {
            return (!mirrors && is_temporary(one.first)) || is_backup(tried, one.first);
        });
        Before_and_after known = *tried.known;
        std::erase_if(known.copied, [&](const auto& one) { return is_backup(tried, one.first); });
        Work again = tried.work;
        again.promise.durable = true;
        keep_ways(again, known, left);
        complain(judge(again, Progress::done, known, found));
    }

    // Directories on the way that are all there stay as the first run has left them, as with cp,
    // unless they are of one tree.
    static void keep_ways(Work& again, Before_and_after& known, const Facts& left) {
        constexpr uint32_t both = ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
        if ((again.options.flags & both) != ARSYNC_COPY_PARENTS)
            return;
        for (const auto& [path, fact] : known.copied)
            if (fact.is_directory() && !left.contains(path))
                return;
        for (auto& [path, fact] : known.copied)
            if (fact.is_directory())
                fact = left.at(path);
        again.promise.tree = false; // the times of directories
    }

    // The second run makes one of what the first has left.
    static bool is_backup(const Tried& tried, const std::string& path) {
        const std::string& suffix = tried.work.promise.suffix;
        return !suffix.empty() && path.ends_with(suffix);
    }

    void complain(const std::vector<std::string>& more) {
        said_.insert(said_.end(), more.begin(), more.end());
    }

    const std::string directory_;
    Random random_;
    std::vector<Tried> works_;
    std::vector<Tried> commands_;
    std::vector<std::string> said_;
    uint64_t killed_ = 0;
};

// Some end before they are killed, and do not count.
void kill_on(const live::Volume& volume, const std::string& name) {
    const live::Directory directory(volume);
    const uint64_t kills = number_of("KILLS", 20);
    const uint64_t tries_max = 4 * kills + 20;
    Killer killer(directory.path(), number_of("KILL_SEED", 1));
    const auto begin = Clock::now();
    uint64_t tries = 0;
    while (killer.killed() < kills && tries < tries_max) {
        killer.kill_one();
        ++tries;
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    printf("%llu of %llu copies on %s were killed before their end; %.1f s\n",
           static_cast<unsigned long long>(killer.killed()), static_cast<unsigned long long>(tries),
           name.c_str(), took.count());
    INFO(some_of(killer.said()));
    CHECK(killer.said().empty());
    CHECK(killer.killed() >= kills);
}

} // namespace

TEST_CASE("what is killed at any instant has left nothing that it must not") {
    // What a killed command has started is waited for, too.
    must(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
    for (const live::Kind kind : {live::Kind::ext4, live::Kind::xfs, live::Kind::btrfs}) {
        CAPTURE(live::name_of(kind));
        const live::Volume& volume = live::shared_volume(kind);
        if (!volume.usable()) {
            live::skip(volume.why());
            continue;
        }
        kill_on(volume, live::name_of(kind));
    }
}

} // namespace crash
