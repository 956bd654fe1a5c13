// Operations at random on two files, several at once, and a model in memory that says what the
// files must hold afterwards: ranges copied by every method, from one file to the other, back, and
// within one; reads and writes with leased buffers, by the page cache and by O_DIRECT; and what the
// test itself does to the files in between.
//
// The kernel may fail what is right: where it cannot drop a page beside a direct write, the next
// sync ends with EIO; and once a read did. What its tracepoints show to have ended so is passed on
// rightly, then; there is a limit to how many.
//
//     ARSYNC_OPERATIONS=100000 ARSYNC_SEED=7 ARSYNC_SEEDS=3 build/test/system -tc='*operations at
//     random*'
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <vector>

#include "sim/random.h"
#include "system/check.h"
#include "system/kernel_errors.h"
#include "system/lease.h"

namespace live {

namespace {

using arsync::sim::Random;

constexpr uint64_t file_max = 1 << 20;
constexpr uint64_t lease_size = 128 << 10;
constexpr unsigned at_once = 6;

uint64_t number_of(const char* name, uint64_t otherwise) {
    const char* text = getenv(name);
    return text ? strtoull(text, nullptr, 10) : otherwise;
}

struct File {
    explicit File(const std::string& where)
        : path(where), fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)),
          direct_fd(open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        close(fd);
        if (direct_fd >= 0)
            close(direct_fd);
    }

    const std::string path;
    const int fd;
    const int direct_fd; // past the page cache; -1 where that cannot be
    std::string model;
};

// A part of a file that an operation of the batch uses.
struct Use {
    const File* file;
    uint64_t begin, end;
    bool writes;
    bool clashes(const Use& other) const {
        return file == other.file && (writes || other.writes) && begin < other.end &&
               other.begin < end;
    }
};

struct Done {
    int result = 1;
    uint64_t bytes = 0;
};

class Exercise {
public:
    Exercise(const Volume& volume, uint32_t backend, uint64_t seed)
        : random_(seed), directory_(volume), pool_(options(backend)), a_(directory_ / "a"),
          b_(directory_ / "b") {
        for (unsigned i = 0; i < at_once; ++i)
            leases_.push_back(std::make_unique<Lease>(pool_));
        for (const File* file : {&a_, &b_}) {
            pool_files_.push_back(std::make_unique<PoolFile>(pool_, file->path, O_RDWR));
            pool_files_.push_back(std::make_unique<PoolFile>(pool_, file->path, O_RDWR | O_DIRECT));
        }
        change_outside(a_);
    }

    // False: what happened is in trouble().
    bool run(uint64_t operations) {
        while (count_ < operations) {
            batch_.clear();
            uses_.clear();
            if (random_.percent(60))
                change_outside(random_.percent(70) ? a_ : b_);
            const uint64_t size = 1 + random_.below(at_once);
            kernel_errors_.taken(); // by what is not of the library
            for (uint64_t i = 0; i < size; ++i)
                begin_one(i);
            const bool right = finish() && holds(a_) && holds(b_);
            if (!right) {
                trouble_ = "before operation " + std::to_string(count_) + ": " + trouble_;
                for (const std::string& each : batch_)
                    trouble_ += "\n  " + each;
                return false;
            }
        }
        return true;
    }
    const std::string& trouble() const { return trouble_; }
    uint64_t shared() const { return shared_; } // how many were by sharing blocks
    // How many that moved something were with a descriptor that is open with O_DIRECT: of a range,
    // or of a leased buffer.
    uint64_t direct_ranges() const { return direct_ranges_; }
    uint64_t direct_leases() const { return direct_leases_; }
    bool can_direct() const { return a_.direct_fd >= 0; }
    // The kernel's errors with which operations have ended.
    const std::vector<std::string>& passed_on() const { return passed_on_; }

private:
    struct Expected {
        uint64_t number, bytes;
        bool shares; // or is refused where that cannot be
    };
    struct Read {
        uint64_t number;
        const Lease* lease;
        uint64_t at;
        std::string text;
    };
    struct Change {
        File* file;
        uint64_t at;
        std::string text;
        uint64_t number;
    };

    static PoolOptions options(uint32_t backend) {
        PoolOptions options(backend);
        options.workers = 2;
        options.buffer_size = lease_size;
        options.lease_count = at_once;
        return options;
    }

    // Round numbers are where the faults are, and next to them.
    uint64_t place(uint64_t below) {
        const uint64_t any = random_.below(below + 1);
        switch (random_.below(4)) {
        case 0:
            return any;
        case 1:
            return any / 512 * 512;
        default:
            return any / 4096 * 4096;
        }
    }
    uint64_t length() {
        switch (random_.below(4)) {
        case 0:
            return random_.below(20);
        case 1:
            return place(16 << 10);
        default:
            return place(300 << 10);
        }
    }

    // By this thread, while nothing else is under way.
    void change_outside(File& file) {
        const uint64_t size = file.model.size();
        const uint64_t at = place(size);
        const uint64_t count = std::min(length(), file_max - at);
        switch (random_.below(5)) {
        case 0: {
            note("truncate", file, at, 0);
            if (ftruncate(file.fd, static_cast<off_t>(at)) == 0)
                file.model.resize(at);
            return;
        }
        case 1: {
            const uint64_t longer = std::min(size + count, file_max);
            note("extend", file, longer, 0);
            if (ftruncate(file.fd, static_cast<off_t>(longer)) == 0)
                file.model.resize(longer);
            return;
        }
        case 2:
            note("punch", file, at, count);
            if (count > 0 && fallocate(file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                       static_cast<off_t>(at), static_cast<off_t>(count)) == 0)
                put(file.model, at, std::string(std::min(count, size - at), '\0'));
            return;
        default: {
            const std::string text = pattern(count, ++content_);
            note("write", file, at, count);
            if (pwrite(file.fd, text.data(), count, static_cast<off_t>(at)) ==
                static_cast<ssize_t>(count))
                put(file.model, at, text);
            if (random_.percent(20))
                fsync(file.fd);
        }
        }
    }

    static void put(std::string& content, uint64_t at, const std::string& text) {
        if (text.empty())
            return;
        content.resize(std::max<uint64_t>(content.size(), at + text.size()));
        content.replace(at, text.size(), text);
    }

    // One that gets in the way of another is left out.
    void begin_one(uint64_t number) {
        File& from = random_.percent(50) ? a_ : b_;
        File& to = random_.percent(70) ? (&from == &a_ ? b_ : a_) : from;
        if (random_.percent(60))
            copy_range(number, from, to);
        else
            use_lease(number, from);
    }

    bool take(std::initializer_list<Use> wanted) {
        for (const Use& use : wanted)
            for (const Use& other : uses_)
                if (use.clashes(other))
                    return false;
        uses_.insert(uses_.end(), wanted);
        return true;
    }

    void copy_range(uint64_t number, File& from, File& to) {
        static constexpr uint32_t methods[] = {ARSYNC_METHOD_AUTO,
                                               ARSYNC_METHOD_AUTO,
                                               ARSYNC_METHOD_INLINE,
                                               ARSYNC_METHOD_FIXED,
                                               ARSYNC_METHOD_DIRECT,
                                               ARSYNC_METHOD_BUFFERED_DIRECT,
                                               ARSYNC_METHOD_DIRECT_BUFFERED,
                                               ARSYNC_METHOD_HEAP,
                                               ARSYNC_METHOD_MANAGED,
                                               ARSYNC_METHOD_COPY_FILE_RANGE,
                                               ARSYNC_METHOD_REFLINK};
        const uint32_t method = random_.of(methods);
        const bool shares = method == ARSYNC_METHOD_REFLINK; // whole blocks, or it is refused
        const uint64_t grid = shares && random_.percent(80) ? 4096 : 1;
        const uint64_t size = from.model.size();
        const uint64_t source = place(size + 5000) / grid * grid;
        const uint64_t target = place(std::min(to.model.size() + 9000, file_max / 2)) / grid * grid;
        const bool to_the_end = random_.percent(10);
        const uint64_t asked = to_the_end ? UINT64_MAX : length() / grid * grid;
        const uint64_t moved =
            source >= size ? 0 : std::min({asked, size - source, file_max - target});
        const uint64_t told = to_the_end && target + (size - std::min(source, size)) <= file_max
                                  ? asked
                                  : std::min(asked, file_max - target);
        if (&from == &to && source < target + moved && target < source + moved)
            return;
        // The end of a source may move while another one writes to it, so nobody else does.
        const bool at_its_end = told > size - std::min(source, size);
        if (!take({{&from, source, at_its_end ? UINT64_MAX : source + moved, false},
                   {&to, target, target + moved, true}}))
            return;
        Options how;
        how.method = method;
        if (how.method == ARSYNC_METHOD_AUTO)
            how.cache = static_cast<uint32_t>(random_.below(4));
        how.sparse =
            shares ? uint32_t{ARSYNC_SPARSE_AUTO} : static_cast<uint32_t>(random_.below(3));
        how.chunks = static_cast<uint32_t>(random_.below(4));
        how.flags = random_.percent(20) ? ARSYNC_COPY_VERIFY : 0;
        if (random_.percent(10))
            how.durability = ARSYNC_DURABILITY_FILE;
        const bool from_direct = can_direct() && random_.percent(50);
        const bool to_direct = can_direct() && random_.percent(50);
        note("copy by " + method_name(how.method) + " from " + std::to_string(source) + " of " +
                 (from_direct ? "direct " : "") + name(from) + (to_direct ? " to direct" : ""),
             to, target, told);
        const int error = arsync_submit_copy_range(
            pool_.get(), from_direct ? from.direct_fd : from.fd, source,
            to_direct ? to.direct_fd : to.fd, target, told, &how, number, nullptr);
        submitted(number, error, moved, shares);
        direct_ranges_ += error == 0 && moved > 0 && (from_direct || to_direct);
        if (moved > 0)
            changes_.push_back({&to, target, from.model.substr(source, moved), number});
    }

    void use_lease(uint64_t number, File& file) {
        const bool direct = random_.percent(40);
        const uint64_t grid = direct ? 4096 : 1; // so it shares no page with another operation
        const Lease& lease = *leases_[number];
        const uint64_t at = random_.below(lease_size / 2) / grid * grid;
        const uint64_t offset = place(file.model.size()) / grid * grid;
        uint64_t count = std::min(length(), lease_size - at) / grid * grid;
        count = std::min(count, (file_max - offset) / grid * grid);
        const bool writes = random_.percent(60);
        if (direct && !can_direct())
            return;
        const PoolFile& opened = *pool_files_[(&file == &a_ ? 0U : 2U) + (direct ? 1U : 0U)];
        if (opened.error() != 0) {
            refused_ = true;
            return;
        }
        const uint64_t have =
            offset >= file.model.size() ? 0 : std::min<uint64_t>(count, file.model.size() - offset);
        const uint64_t end = writes || have == count ? offset + count : UINT64_MAX;
        if (!take({{&file, offset, end, writes}}))
            return;
        direct_leases_ += direct && (writes ? count : have) > 0;
        note(std::string(direct ? "direct " : "") + (writes ? "write" : "read") + " by lease", file,
             offset, count);
        if (writes) {
            const std::string text = pattern(count, ++content_);
            std::copy(text.begin(), text.end(), lease.bytes() + at);
            submitted(number, submit_write(pool_, {opened, offset, lease, at, count, number}),
                      count);
            if (count > 0)
                changes_.push_back({&file, offset, text, number});
            return;
        }
        submitted(number, submit_read(pool_, {opened, offset, lease, at, count, number}), have);
        reads_.push_back({number, &lease, at,
                          file.model.substr(std::min<uint64_t>(offset, file.model.size()), have)});
    }

    void submitted(uint64_t number, int error, uint64_t bytes, bool shares = false) {
        ++count_;
        if (error != 0) {
            batch_.push_back("refused: " + std::to_string(error));
            refused_ = true;
            return;
        }
        expected_.push_back({number, bytes, shares});
    }

    bool finish() {
        bool right = !refused_;
        bool failed = false;
        std::vector<Done> done(at_once);
        for (size_t i = 0; i < expected_.size(); ++i) {
            const arsync_completion completion = pool_.wait();
            if (completion.result != 0)
                batch_.push_back("-> " + words(completion));
            failed = failed || completion.result == -EIO;
            if (completion.user_data < at_once)
                done[completion.user_data] = {completion.result, completion.bytes};
        }
        const std::vector<std::string> kernels =
            failed ? kernel_errors_.taken() : std::vector<std::string>();
        std::vector<uint64_t> passed_on;
        for (const Expected& each : expected_) {
            const int result = done[each.number].result;
            if (result == -EIO && passed_on.size() < kernels.size()) {
                passed_on_.push_back(kernels[passed_on.size()]);
                passed_on.push_back(each.number);
                continue;
            }
            shared_ += each.shares && each.bytes > 0 && result == 0;
            if (each.shares && (result == -EOPNOTSUPP || result == -EINVAL))
                continue;
            if (result != 0 || done[each.number].bytes != each.bytes) {
                trouble_ += "number " + std::to_string(each.number) + " has " +
                            std::to_string(done[each.number].bytes) + " of " +
                            std::to_string(each.bytes) + " bytes; ";
                right = false;
            }
        }
        for (const Read& each : reads_)
            if (done[each.number].result == 0 &&
                each.lease->text(each.at, each.text.size()) != each.text) {
                trouble_ += "a read has other bytes; ";
                right = false;
            }
        for (const Change& each : changes_)
            if (done[each.number].result == 0) // what was refused has changed nothing
                put(each.file->model, each.at, each.text);
            else if (std::count(passed_on.begin(), passed_on.end(), each.number) > 0)
                put_what_came(each);
        expected_.clear();
        reads_.clear();
        changes_.clear();
        return right;
    }

    // What failed on the way may have changed any of its bytes, and no other.
    static void put_what_came(const Change& change) {
        std::string& model = change.file->model;
        const std::string content = read_file(change.file->path);
        const size_t end = std::min<size_t>(content.size(), change.at + change.text.size());
        if (content.size() > change.at)
            model.resize(std::max<size_t>(model.size(), end));
        for (size_t at = change.at; at < end; ++at)
            if (content[at] == change.text[at - change.at])
                model[at] = content[at];
    }

    bool holds(const File& file) {
        const std::string content = read_file(file.path);
        if (content == file.model)
            return true;
        const auto at =
            std::mismatch(content.begin(), content.end(), file.model.begin(), file.model.end());
        trouble_ += name(file) + " has " + std::to_string(content.size()) +
                    " bytes and is to have " + std::to_string(file.model.size()) +
                    ", and differs from " + std::to_string(at.first - content.begin()) + " on; ";
        return false;
    }

    std::string name(const File& file) const { return &file == &a_ ? "a" : "b"; }
    void note(const std::string& what, const File& file, uint64_t offset, uint64_t count) {
        batch_.push_back(what + ", " + name(file) + " at " + std::to_string(offset) + ", " +
                         std::to_string(count));
    }

    Random random_;
    const Directory directory_;
    KernelErrors kernel_errors_;
    Pool pool_;
    File a_, b_;
    std::vector<std::unique_ptr<Lease>> leases_;
    std::vector<std::unique_ptr<PoolFile>> pool_files_; // a, a direct, b, b direct
    uint64_t count_ = 0;
    uint64_t shared_ = 0;
    uint64_t direct_ranges_ = 0;
    uint64_t direct_leases_ = 0;
    std::vector<std::string> passed_on_;
    uint32_t content_ = 0;
    std::vector<Use> uses_;
    std::vector<Expected> expected_;
    std::vector<Read> reads_;
    std::vector<Change> changes_; // once the batch is done
    std::vector<std::string> batch_;
    std::string trouble_;
    bool refused_ = false;
};

void exercise(Kind kind) {
    const Volume& volume = shared_volume(kind);
    NEEDS(volume);
    const uint64_t operations = number_of("ARSYNC_OPERATIONS", sanitized ? 200 : 1500);
    const uint64_t first = number_of("ARSYNC_SEED", 1);
    const uint64_t seeds = number_of("ARSYNC_SEEDS", 1);
    for (uint64_t seed = first; seed < first + seeds; ++seed) {
        CAPTURE(seed);
        for (const uint32_t backend : both_backends) {
            if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
                continue;
            CAPTURE(backend_name(backend));
            Exercise work(volume, backend, seed);
            const bool right = work.run(operations);
            INFO(work.trouble());
            CHECK(right);
            const bool can_share = kind == Kind::xfs || kind == Kind::btrfs;
            CHECK((can_share || work.shared() == 0));
            CHECK((!can_share || operations < 1000 || work.shared() > 0));
            CHECK((kind == Kind::tmpfs || work.can_direct())); // tmpfs since Linux 6.6
            CHECK(work.can_direct() == (work.direct_ranges() > 0));
            CHECK(work.can_direct() == (work.direct_leases() > 0));
            CHECK(work.passed_on().size() <= 1 + operations / 100000);
            for (const std::string& error : work.passed_on())
                MESSAGE("the kernel's own: " << error);
        }
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "an EIO of the kernel's is seen, and no other error of its") {
    KernelErrors errors;
    if (!errors.available()) {
        skip("the kernel's events cannot be read");
        return;
    }
    const Directory directory;
    write_file(directory / "a", "content");
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const Lease lease(pool);
        const PoolFile file(pool, directory / "a", O_RDONLY);
        const PoolFile written(pool, directory / "b", O_WRONLY | O_CREAT);
        CHECK(read(pool, {file, 0, lease, 0, 7}).result == 0);
        CHECK(read(pool, {written, 0, lease, 0, 7}).result == -EBADF);
        CHECK(errors.taken().empty());
        const PoolFile no_memory(pool, "/proc/self/mem", O_RDONLY); // there is nothing at 0
        CHECK(read(pool, {no_memory, 0, lease, 0, 7}).result == -EIO);
        CHECK(errors.taken().size() == 1);
        CHECK(errors.taken().empty());
    }
}
TEST_CASE_FIXTURE(Clean, "operations at random leave what they say on ext4") {
    exercise(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "operations at random leave what they say on XFS") {
    exercise(Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "operations at random leave what they say on btrfs") {
    exercise(Kind::btrfs);
}
TEST_CASE_FIXTURE(Clean, "operations at random leave what they say on tmpfs") {
    exercise(Kind::tmpfs);
}

} // namespace live
