// Round after round in one process: a tree, options, a filesystem, faults and limits at random,
// copied as trees and as lists by a pool of its own. What was called done is there, each job has
// one end, and from one round to the next nothing grows.
//
//     ARSYNC_SOAK_S=3600 ARSYNC_SEED=7 build/test/system -tc='*round after round*'
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "sim/random.h"
#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/held.h"
#include "system/tree.h"

namespace live {

namespace {

namespace fs = std::filesystem;
using arsync::sim::Random;
using Clock = std::chrono::steady_clock;

uint64_t number_of(const char* name, uint64_t otherwise) {
    const char* text = getenv(name);
    return text ? strtoull(text, nullptr, 10) : otherwise;
}

void make_entry(Random& random, const std::string& at, std::vector<std::string>& files) {
    const auto seed = static_cast<uint32_t>(random.next());
    switch (random.below(8)) {
    case 0:
        make_symlink(random.of({"nowhere", "..", "f0"}), at);
        break;
    case 1:
        if (!files.empty()) {
            make_hard_link(files[random.below(files.size())], at);
            break;
        }
        [[fallthrough]];
    case 2:
        write_sparse(at, 300'000, {{4096, 20'000}, {200'000, 270'000}}, seed);
        files.push_back(at);
        break;
    case 3:
        make_node(at, S_IFIFO | 0600);
        break;
    default:
        write_pattern(at, random.of({0ul, 1ul, 4096ul, 5000ul, 70'000ul, 1'300'000ul}), seed);
        files.push_back(at);
    }
    if (random.percent(20))
        lchown(at.c_str(), 1234, 1234);
}

std::vector<std::string> make_tree(Random& random, const std::string& top) {
    std::vector<std::string> files;
    std::vector<std::string> directories{top};
    make_directories(top);
    const uint64_t count = 1 + random.below(40);
    for (uint64_t i = 0; i < count; ++i) {
        const std::string& in = directories[random.below(directories.size())];
        if (random.percent(15)) {
            directories.push_back(in + "/d" + std::to_string(i));
            make_directories(directories.back());
        } else {
            make_entry(random, in + "/f" + std::to_string(i), files);
        }
    }
    return files;
}

Options any_options(Random& random) {
    for (;;) {
        Options options = recursive();
        constexpr uint32_t flags[] = {ARSYNC_COPY_VERIFY, ARSYNC_COPY_MIRROR, ARSYNC_COPY_FORCE,
                                      ARSYNC_COPY_STOP_ON_ERROR}; // SPECIAL waits for FIFOs
        for (const uint32_t flag : flags)
            options.flags |= random.percent(20) ? flag : 0;
        options.method = static_cast<uint32_t>(random.below(9));
        options.reflink = static_cast<uint32_t>(random.below(3));
        options.cache = static_cast<uint32_t>(random.below(3));
        options.replace = static_cast<uint32_t>(random.below(4));
        options.durability = random.percent(20) ? ARSYNC_DURABILITY_FULL : ARSYNC_DURABILITY_NONE;
        options.preserve = static_cast<uint32_t>(random.next()) & preserve_all;
        options.sparse = static_cast<uint32_t>(random.below(3));
        options.update = random.percent(20) ? ARSYNC_UPDATE_CHANGED : ARSYNC_UPDATE_ALL;
        options.backup = random.percent(20) ? ARSYNC_BACKUP_NUMBERED : ARSYNC_BACKUP_NONE;
        options.report = random.percent(50) ? ARSYNC_REPORT_ALL : ARSYNC_REPORT_NONE;
        if (arsync_options_check(&options, nullptr, 0) == 0)
            return options;
    }
}

PoolOptions any_pool(Random& random) {
    PoolOptions options(random.of({0u, 0u, 0u, uint32_t{ARSYNC_BACKEND_THREADS}}));
    options.workers = 1 + static_cast<uint32_t>(random.below(4));
    options.buffer_count = 1 + static_cast<uint32_t>(random.below(16));
    options.buffer_size = 4096u << random.below(10);
    options.queue_depth = 1u << random.below(8);
    return options;
}

// Where a round copies from or to: a filesystem, or one that fails.
class Where {
public:
    explicit Where(Random& random, unsigned percent_faulty) {
        constexpr Kind kinds[] = {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs, Kind::overlay};
        if (random.percent(percent_faulty)) {
            const std::vector<std::vector<std::string>> faults = {{"once=write:ENOSPC:7"},
                                                                  {"fail=fsync:EIO:3"},
                                                                  {"short_write=1000", "direct_io"},
                                                                  {"no_link", "no_rename_flags"},
                                                                  {"sequential"},
                                                                  {"fold_case"},
                                                                  {"slow=open:2"},
                                                                  {"seconds=2"},
                                                                  {"fail=mkdir:EDQUOT:3"},
                                                                  {"once=create:EIO:5"},
                                                                  {"once=read:EIO:9"},
                                                                  {"fail=read:EIO:40"},
                                                                  {"once=open:EACCES:5"},
                                                                  {"fail=readdir:EIO:3"},
                                                                  {"once=getxattr:EIO:4"},
                                                                  {"short_read=3000", "direct_io"}};
            const auto& fault = faults[random.below(faults.size())];
            faulty_ = std::make_unique<FaultyMount>(fault);
            path_ = faulty_->path();
            behind_ = faulty_->backing();
            return;
        }
        const Volume& volume = shared_volume(random.of(kinds));
        directory_ =
            volume.usable() ? std::make_unique<Directory>(volume) : std::make_unique<Directory>();
        path_ = behind_ = directory_->path();
    }
    bool fails() const { return faulty_ != nullptr; }
    bool usable() const { return !faulty_ || faulty_->usable(); }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    // What is there, past what fails.
    const std::string& behind() const { return behind_; }

private:
    std::unique_ptr<FaultyMount> faulty_;
    std::unique_ptr<Directory> directory_;
    std::string path_;
    std::string behind_;
};

// Less than a copy would like to have, for a while: descriptors, locked memory, size of a file, or
// memory at all.
class Limited {
public:
    explicit Limited(Random& random) {
        if (!random.percent(25))
            return;
        switch (random.below(sanitized ? 3 : 4)) { // a sanitizer wants terabytes
        case 0:
            lower(RLIMIT_NOFILE, 40 + random.below(100));
            break;
        case 1:
            lower(RLIMIT_MEMLOCK, random.below(2) * 65536);
            strict_ = false; // buffers are used all the same
            break;
        case 2:
            lower(RLIMIT_FSIZE, random.of({0ul, 4096ul, 100'000ul, 1'000'000ul}));
            break;
        default:
            lower(RLIMIT_AS, mapped() + (24ul << 20) + random.below(200ul << 20));
        }
    }
    Limited(const Limited&) = delete;
    Limited& operator=(const Limited&) = delete;
    ~Limited() {
        if (lowered_)
            setrlimit(what_, &before_);
    }
    bool lets_fail() const { return lowered_ && strict_; }

private:
    static rlim_t mapped() {
        std::ifstream statm("/proc/self/statm");
        rlim_t pages = 0;
        statm >> pages;
        return pages * 4096;
    }
    void lower(__rlimit_resource what, rlim_t most) {
        what_ = what;
        getrlimit(what, &before_);
        const rlimit few{std::min(most, before_.rlim_cur), before_.rlim_max};
        lowered_ = setrlimit(what, &few) == 0;
    }

    __rlimit_resource what_ = RLIMIT_NOFILE;
    rlimit before_{};
    bool lowered_ = false;
    bool strict_ = true;
};

struct Copied {
    std::string name;
    std::string to;
    Options options;
    bool by_list = false; // of its files; else as a tree
    bool cancelled = false;
    int result = 1;
};

// The names below from, as the items of a list.
arsync_job submit_list(Pool& pool, const std::string& from, const std::vector<std::string>& files,
                       const Copied& copy, uint64_t number) {
    mkdir(copy.to.c_str(), 0755);
    const int source = open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int destination = open(copy.to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::vector<arsync_item> items;
    for (const std::string& file : files) {
        const char* name = file.c_str() + from.size() + 1;
        items.push_back({name, name, number, 0});
    }
    Options options = copy.options;
    options.flags |= ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
    arsync_job job = 0;
    arsync_submit_list(pool.get(), source, destination, items.data(), items.size(), &options,
                       number, &job);
    for (const int fd : {source, destination})
        if (fd >= 0)
            close(fd);
    return job;
}

// The files are named below from.
void expect_there(const std::string& from, const std::vector<std::string>& files,
                  const std::string& to) {
    CAPTURE(to);
    for (const std::string& file : files)
        CHECK(difference(file, to + file.substr(from.size())) == "");
}

// Also where there is no descriptor left to count them by: 0.
size_t in_use() {
    size_t count = 0;
    std::error_code error;
    for (fs::directory_iterator all("/proc/self/fd", error); !error && all != end(all);
         all.increment(error))
        ++count;
    return count;
}

// Twice, so that there is something in the way.
// The most descriptors that were seen meanwhile.
size_t copy_twice(Pool& pool, const std::string& from, const std::vector<std::string>& files,
                  std::vector<Copied>& copies) {
    size_t descriptors_max = 0;
    for (unsigned time = 0; time < 2; ++time) {
        size_t jobs = 0;
        for (size_t i = 0; i < copies.size(); ++i) {
            Copied& copy = copies[i];
            copy.result = 1;
            const arsync_job job = copy.by_list ? submit_list(pool, from, files, copy, i + 1)
                                                : pool.submit(from, copy.to, copy.options, i + 1);
            jobs += job != 0;
            if (job != 0 && copy.cancelled)
                arsync_job_cancel(pool.get(), job);
        }
        while (jobs > 0) {
            const arsync_completion done = pool.wait(120'000);
            descriptors_max = std::max(descriptors_max, in_use());
            REQUIRE(done.result != -ETIMEDOUT);
            if (done.kind != ARSYNC_COMPLETION_JOB)
                continue;
            --jobs;
            Copied& copy = copies.at(done.user_data - 1);
            CHECK(copy.result == 1); // one completion
            copy.result = done.result;
        }
    }
    return descriptors_max;
}

std::vector<std::string> seen_from(const std::vector<std::string>& files, const std::string& one,
                                   const std::string& other) {
    std::vector<std::string> all;
    for (const std::string& file : files)
        all.push_back(other + file.substr(one.size()));
    return all;
}

struct Rounds {
    uint64_t went = 0;             // came to be at all
    uint64_t judged_on_faulty = 0; // copies from or to a mount that fails which said 0
    size_t descriptors_max = 0;    // in the middle of the last one
};

// The most that was held in so many rounds.
struct Peaks {
    size_t descriptors = 0, in_use = 0;
    long resident_kib = 0;

    void add(const Held& now, size_t in_the_middle) {
        descriptors = std::max(descriptors, now.descriptors);
        in_use = std::max(in_use, in_the_middle);
        resident_kib = std::max(resident_kib, now.resident_kib);
    }
};
// What one round may hold is for its options to say; that of all is for this.
constexpr size_t in_use_max = 1000;
constexpr long resident_more_kib = 32 << 10;

bool has_faulty_mounts() {
    return FaultyMount({}).usable();
}

void go_round(uint64_t seed, Rounds& rounds) {
    Random random(seed);
    CAPTURE(seed);
    const Where source(random, 10);
    const Where where(random, 15);
    if (!source.usable() || !where.usable())
        return;
    const std::string behind = source.behind() + "/tree";
    const auto files = make_tree(random, behind);
    std::vector<Copied> copies(1 + random.below(3));
    for (size_t i = 0; i < copies.size(); ++i)
        copies[i] = {std::to_string(i), where / std::to_string(i), any_options(random),
                     random.percent(30), random.percent(10)};
    bool lets_fail = false;
    const PoolOptions options = any_pool(random);
    ++rounds.went;
    rounds.descriptors_max = 0;
    try {
        const Limited limit(random);
        lets_fail = limit.lets_fail();
        Pool pool(options);
        if (pool.error() != 0) {
            CHECK(lets_fail);
            return;
        }
        rounds.descriptors_max =
            copy_twice(pool, source / "tree", seen_from(files, behind, source / "tree"), copies);
    } catch (const std::bad_alloc&) { // of the test itself
        CHECK(lets_fail);
        return;
    }
    const bool faulty = source.fails() || where.fails();
    for (const Copied& copy : copies) {
        CAPTURE(copy.options.method);
        CAPTURE(copy.by_list);
        if (copy.result == 0) {
            expect_there(behind, files, where.behind() + "/" + copy.name);
            rounds.judged_on_faulty += faulty;
        }
        const bool strict = copy.options.reflink != 0 || copy.options.replace == 1 ||
                            copy.options.method == ARSYNC_METHOD_REFLINK;
        if (!faulty && !lets_fail && !copy.cancelled && !strict)
            CHECK(copy.result == 0);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "round after round of anything, nothing grows and nothing is lost") {
    const auto begin = Clock::now();
    const std::chrono::seconds lasts(number_of("ARSYNC_SOAK_S", 0));
    const auto limit = begin + lasts;
    const uint64_t rounds = number_of("ARSYNC_ROUNDS", sanitized ? 10 : 30);
    const uint64_t first = number_of("ARSYNC_SEED", 1);
    constexpr uint64_t warm = 20;
    std::unique_ptr<Held> before;
    Peaks most_before, most_after; // the baseline; between rounds, and within them
    Rounds done;
    uint64_t round = 0;
    auto told = Clock::now();
    for (; round < rounds || Clock::now() < limit; ++round) {
        go_round(first + round, done);
        const Held now;
        // What threads keep for themselves comes when so many are first at work at once.
        if (!before && round + 1 >= std::min(warm, rounds / 2) &&
            Clock::now() - begin >= lasts / 10)
            before = std::make_unique<Held>(now);
        else
            (before ? most_after : most_before).add(now, done.descriptors_max);
        if (Clock::now() - told > std::chrono::minutes(5)) {
            told = Clock::now();
            MESSAGE(round, " rounds: ", now.descriptors, " descriptors, ", now.maps, " maps, ",
                    now.locked_kib, " KiB locked, heap ", now.heap, ", resident KiB ",
                    now.resident_kib);
        }
    }
    const Held after;
    MESSAGE(round, " rounds: descriptors ", before->descriptors, " -> ", after.descriptors,
            " (at most ", most_after.descriptors, "), maps ", before->maps, " -> ", after.maps,
            ", locked KiB ", before->locked_kib, " -> ", after.locked_kib, ", heap bytes ",
            before->heap, " -> ", after.heap, ", resident KiB ", before->resident_kib, " -> ",
            after.resident_kib, " (at most ", most_before.resident_kib, ", then ",
            most_after.resident_kib, "); in the middle of a round at most ", most_before.in_use,
            " descriptors, then ", most_after.in_use, "; of ", done.went, " rounds ",
            done.judged_on_faulty, " copies were called done where calls fail");
    CHECK(after.descriptors == before->descriptors);
    CHECK(most_after.descriptors == before->descriptors);
    CHECK(most_after.in_use <= in_use_max);
    if (!sanitized)
        CHECK(most_after.resident_kib <= most_before.resident_kib + resident_more_kib);
    if (has_faulty_mounts() && done.went >= 30)
        CHECK(done.judged_on_faulty > 0);
    CHECK(after.maps <= before->maps + 16);
    CHECK(after.locked_kib <= before->locked_kib);
    if (!sanitized)
        CHECK(after.heap <= before->heap + (1 << 20) + handle_bytes * round);
}

} // namespace live
