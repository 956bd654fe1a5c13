#include "crash/recording.h"

#include <atomic>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include "crash/must.h"
#include "crash/random.h"
#include "crash/recorder.h"
#include "system/command.h"
#include "system/content.h"
#include "system/tree.h"

namespace crash {

namespace {

uint64_t begins(size_t number) {
    return number * 2 + 1;
}
uint64_t ends(size_t number) {
    return number * 2 + 2;
}

void sync_all(const std::string& path) {
    const int fd = must(open(path.c_str(), O_RDONLY | O_DIRECTORY), path);
    const int result = syncfs(fd);
    close(fd);
    must(result, path);
}

// Another program that syncs a file of its own again and again. With that a filesystem writes out
// names and attributes of what is only half copied.
class Neighbour {
public:
    explicit Neighbour(const std::string& path)
        : fd_(must(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), path)),
          thread_([this] { work(); }) {}
    Neighbour(const Neighbour&) = delete;
    Neighbour& operator=(const Neighbour&) = delete;
    ~Neighbour() {
        ends_ = true;
        thread_.join();
        close(fd_);
    }

private:
    void work() {
        for (off_t at = 0; !ends_; ++at) {
            if (pwrite(fd_, "x", 1, at) == 1)
                fsync(fd_);
            std::this_thread::sleep_for(std::chrono::microseconds(500));
        }
    }

    const int fd_;
    std::atomic<bool> ends_ = false;
    std::thread thread_;
};

} // namespace

Recording::Recording(const Filesystem& kind, const std::string& directory, uint64_t seed,
                     bool durable)
    : kind_(kind), directory_(directory), mounted_at_(directory + "/fs"), seed_(seed) {
    const Plan plan = plan_of(seed, durable);
    for (const char* name : {"/fs", "/recorder", "/source"})
        live::make_directories(directory_ + name);
    skipped_ = make_filesystem(kind_, base());
    if (!skipped_.empty())
        return;
    make_source(directory_ + "/source");
    prepare(plan);
    if (!skipped_.empty())
        return;
    // XFS writes zeros all over its log, which would make each state's image large.
    const std::string copied =
        live::output_in(directory_, "fallocate --dig-holes base && cp --sparse=always base disk");
    if (!copied.empty())
        throw std::runtime_error(copied);
    carry_out(plan, durable);
    if (!skipped_.empty())
        return;
    log_ = std::make_unique<Log>(directory_ + "/log");
    find_marks();
}

void Recording::prepare(const Plan& plan) {
    const Mounted mounted(kind_, base(), mounted_at_);
    skipped_ = mounted.why();
    if (!skipped_.empty())
        return;
    make_source(mounted_at_ + "/source");
    for (const std::vector<Work>& together : plan) {
        for (const Work& work : together) {
            Recorded one;
            one.work = work;
            one.directory = "/to/" + std::to_string(all_.size());
            live::make_directories(mounted_at_ + one.directory);
            work.prepare(mounted_at_ + one.directory);
            all_.push_back(std::move(one));
        }
    }
    for (Recorded& one : all_)
        one.known.old = facts_below(mounted_at_ + one.directory);
    source_ = facts_below(mounted_at_ + "/source");
}

Place Recording::place_of(const Recorded& one) const {
    return {(one.work.inside ? mounted_at_ : directory_) + "/source", mounted_at_ + one.directory};
}

void Recording::carry_out(const Plan& plan, bool durable) {
    const Recorder recorder(directory_ + "/disk", directory_ + "/log", directory_ + "/recorder");
    if (!recorder.usable()) {
        skipped_ = recorder.why();
        return;
    }
    const Mounted mounted(kind_, recorder.disk(), mounted_at_);
    if (!mounted.usable())
        throw std::runtime_error(mounted.why());
    size_t first = 0;
    for (const std::vector<Work>& together : plan) {
        std::optional<Neighbour> neighbour;
        if (Random(seed_ + first).one_in(2))
            neighbour.emplace(mounted_at_ + "/neighbour");
        run_together(together, first, recorder);
        neighbour.reset();
        for (size_t i = first; i < first + together.size(); ++i)
            all_[i].known.copied = facts_below(mounted_at_ + all_[i].directory);
        first += together.size();
    }
    if (!durable)
        sync_all(mounted_at_);
}

void Recording::run_together(const std::vector<Work>& works, size_t first,
                             const Recorder& recorder) {
    live::Pool pool;
    size_t waiting = 0;
    for (size_t i = first; i < first + works.size(); ++i) {
        const Recorded& one = all_[i];
        const Place place = place_of(one);
        recorder.mark(begins(i));
        if (one.work.run) {
            const std::string wrong = one.work.run(place, pool);
            if (!wrong.empty())
                failures_.push_back(one.work.name + ": " + wrong);
            recorder.mark(ends(i));
        } else {
            pool.submit(place.source + "/" + one.work.from, place.destination + "/" + one.work.to,
                        one.work.options, i);
            ++waiting;
        }
    }
    for (; waiting > 0; --waiting) {
        const arsync_completion done = pool.wait();
        recorder.mark(ends(done.user_data));
        if (done.result != 0)
            failures_.push_back(all_[done.user_data].work.name + ": " + live::words(done));
    }
}

void Recording::find_marks() {
    const std::vector<Entry>& entries = log_->entries();
    first_mark_ = entries.size();
    for (Recorded& one : all_)
        one.begun = one.done = entries.size();
    for (size_t i = entries.size(); i-- > 0;) {
        if (entries[i].what != What::mark)
            continue;
        first_mark_ = i;
        Recorded& one = all_.at((entries[i].at - 1) / 2);
        (entries[i].at % 2 == 1 ? one.begun : one.done) = i;
    }
}

// Those that are under way, those that were done or come next, and some of the others: what
// happened long before the last flush cannot be lost without a fault of the filesystem's own.
bool Recording::looks_at(const Recorded& one, const State& state) const {
    const auto is_near = [&](size_t mark) {
        const size_t distance = mark > state.end ? mark - state.end : state.end - mark;
        return distance < log_->entries().size() / 8;
    };
    const auto number = static_cast<uint64_t>(&one - all_.data());
    return is_near(one.begun) || is_near(one.done) ||
           Random(state.number ^ (number << 32)).one_in(8);
}

std::vector<std::string> Recording::judge_image(const std::string& image, const State& state) {
    const Mounted mounted(kind_, image, mounted_at_, true);
    if (!mounted.usable())
        return {mounted.why()};
    std::vector<std::string> all;
    const auto look = [&](const Work& work, const std::string& directory, Progress progress,
                          const Before_and_after& known) {
        std::vector<std::string> said;
        try {
            said = judge(work, progress, known, facts_below(mounted_at_ + directory));
        } catch (const std::exception& wrong) {
            said.push_back(work.name + ": " + wrong.what());
        }
        all.insert(all.end(), said.begin(), said.end());
        return said.empty();
    };
    for (const Recorded& one : all_) {
        if (!looks_at(one, state))
            continue;
        const Progress progress = state.end > one.done    ? Progress::done
                                  : state.end > one.begun ? Progress::under_way
                                                          : Progress::not_begun;
        const bool holds = look(one.work, one.directory, progress, one.known);
        if (progress == Progress::done && one.work.promise.durable) {
            ++works_done;
            works_lost += holds ? 0 : 1;
        }
    }
    Work source;
    source.name = "the source";
    look(source, "/source", Progress::not_begun, {source_, {}});
    return all;
}

} // namespace crash
