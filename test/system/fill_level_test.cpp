// A disk with less and less room: at each level some copies fit and others do not, and what is left
// of each is as the header says.
//
//     ARSYNC_FILL_LEVELS=200 build/test/system -tc='*fill level*'
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint64_t kib = 1024;
constexpr uint64_t room_max = 2600 * kib; // a little more than all of it takes

uint64_t room(const std::string& path) {
    struct statvfs facts;
    return statvfs(path.c_str(), &facts) == 0 ? uint64_t{facts.f_bavail} * facts.f_bsize : 0;
}

// Takes all room but so much, as far as the filesystem knows what it has.
class Filler {
public:
    Filler(const std::string& directory, uint64_t left) : path_(directory + "/filler") {
        const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        sync();
        uint64_t have = 0;
        for (uint64_t step = uint64_t{1} << 30; step >= 4 * kib;) {
            const uint64_t free = room(directory);
            const uint64_t wanted = free > left ? std::min(free - left, step) : 0;
            if (wanted >= 4 * kib &&
                fallocate(fd, 0, static_cast<off_t>(have), static_cast<off_t>(wanted)) == 0)
                have += wanted;
            else
                step /= 2;
        }
        close(fd);
    }
    Filler(const Filler&) = delete;
    Filler& operator=(const Filler&) = delete;
    ~Filler() {
        unlink(path_.c_str());
        sync();
    }

private:
    const std::string path_;
};

bool is_want_of_room(int result) {
    return result == -ENOSPC || result == -EDQUOT;
}

// How it is copied: methods that are not taken by themselves, and made durable.
struct Way {
    uint32_t method = ARSYNC_METHOD_AUTO;
    uint32_t durability = ARSYNC_DURABILITY_NONE;
    bool within = false; // the source is on the same filesystem, so that it may copy by itself
};
constexpr Way ways[] = {
    {ARSYNC_METHOD_FIXED},
    {ARSYNC_METHOD_DIRECT},
    {ARSYNC_METHOD_INLINE},
    {ARSYNC_METHOD_COPY_FILE_RANGE, ARSYNC_DURABILITY_NONE, true},
    {ARSYNC_METHOD_REFLINK, ARSYNC_DURABILITY_NONE, true},
    {ARSYNC_METHOD_AUTO, ARSYNC_DURABILITY_FULL},
    {ARSYNC_METHOD_AUTO, ARSYNC_DURABILITY_FILE, true},
    {ARSYNC_METHOD_FIXED, ARSYNC_DURABILITY_FULL},
    {ARSYNC_METHOD_DIRECT, ARSYNC_DURABILITY_FULL},
    {ARSYNC_METHOD_COPY_FILE_RANGE, ARSYNC_DURABILITY_FULL, true},
    {ARSYNC_METHOD_BUFFERED_DIRECT},
    {ARSYNC_METHOD_DIRECT_BUFFERED},
};

class Level {
public:
    Level(Pool& pool, const std::string& source, const Directory& here, const Way& way)
        : pool_(pool), source_(source), here_(here), way_(way) {}

    void try_all() {
        copy_to_a_new_name();
        replace_atomically();
        replace_with_a_backup();
        copy_a_tree();
        copied_ = copied_ && !failed_;
    }
    bool copied() const { return copied_; } // all of it
    bool failed() const { return failed_; } // some of it

private:
    // Whether it is at its name, with an attribute less at the most. What was not written back yet
    // may still have failed to be, so it is read from the disk.
    bool is_there(const arsync_completion& done, const std::string& from, const std::string& to) {
        failed_ = failed_ || done.result != 0;
        INFO(words(done));
        CHECK((done.result == 0 || is_refused(done.result)));
        const bool there = (done.flags & ARSYNC_COMPLETION_COPIED) != 0;
        if (done.result == 0)
            CHECK(there);
        if (!there)
            return false;
        make_cold(to);
        CHECK(difference(from, to) == "");
        return true;
    }

    Options options() const { return in_this_way(Options().with_preserve(preserve_all)); }
    Options in_this_way(Options options) const {
        return options.with_method(way_.method).with_durability(way_.durability);
    }
    // Blocks are shared, or it is an error.
    bool is_refused(int result) const {
        return is_want_of_room(result) ||
               (way_.method == ARSYNC_METHOD_REFLINK && result == -EOPNOTSUPP);
    }

    void copy_to_a_new_name() {
        const std::string to = here_ / "new";
        const arsync_completion done = pool_.copy(source_ + "/file", to, options());
        if (!is_there(done, source_ + "/file", to))
            CHECK(!exists(to));
    }

    void replace_atomically() {
        const arsync_completion done = pool_.copy(source_ + "/file", here_ / "old",
                                                  options().with_replace(ARSYNC_REPLACE_ATOMIC));
        if (!is_there(done, source_ + "/file", here_ / "old"))
            CHECK(read_file(here_ / "old") == pattern(100'000, 5));
    }

    void replace_with_a_backup() {
        const arsync_completion done = pool_.copy(source_ + "/file", here_ / "kept",
                                                  options().with_backup(ARSYNC_BACKUP_SIMPLE));
        const bool there = is_there(done, source_ + "/file", here_ / "kept");
        CHECK(read_file(here_ / (there ? "kept~" : "kept")) == pattern(100'000, 6));
        CHECK(exists(here_ / "kept~") == there);
    }

    void copy_a_tree() {
        const TreeCopy copy = copy_tree(pool_, source_ + "/tree", here_ / "tree",
                                        in_this_way(archive().with_report(ARSYNC_REPORT_ALL)));
        failed_ = failed_ || copy.job.result != 0;
        INFO(words(copy));
        CHECK((copy.job.result == 0 || is_refused(copy.job.result)));
        Names expected;
        for (const Entry& entry : copy.entries) {
            CHECK((entry.result == 0 || is_refused(entry.result)));
            const std::string to = here_ / ("tree/" + entry.path);
            const bool there = (entry.flags & ARSYNC_COMPLETION_COPIED) != 0;
            if (entry.action == ARSYNC_ACTION_COPY && there) {
                make_cold(to);
                CHECK(difference(source_ + "/tree/" + entry.path, to) == "");
            }
            if (entry.action == ARSYNC_ACTION_COPY && !there)
                CHECK(!exists(to));
            expected.insert(entry.path);
        }
        if (!exists(here_ / "tree"))
            return;
        for (const std::string& name : names_in(here_ / "tree"))
            CHECK(expected.contains(name));
    }

    Pool& pool_;
    const std::string source_;
    const Directory& here_;
    const Way way_;
    bool copied_ = true;
    bool failed_ = false;
};

void make_source(const std::string& source) {
    write_pattern(source + "/file", 400 * kib);
    const std::string value(700, 'x'); // as much as there is room for beside a small inode
    setxattr((source + "/file").c_str(), "user.much", value.data(), value.size(), 0);
    make_directories(source + "/tree/a/b");
    for (int i = 0; i < 40; ++i)
        write_pattern(source + "/tree/" + std::string(i % 2 ? "a/b/" : "a/") + std::to_string(i),
                      static_cast<uint64_t>(i) * 1000, static_cast<uint32_t>(i));
    make_symlink("nowhere", source + "/tree/a/link");
    make_hard_link(source + "/tree/a/2", source + "/tree/a/b/linked");
}

void fills(Kind kind, uint64_t megabytes) {
    const Volume volume(kind, megabytes);
    NEEDS(volume);
    const Directory elsewhere, within(volume);
    make_source(elsewhere.path());
    make_source(within.path());
    const char* text = getenv("ARSYNC_FILL_LEVELS");
    const uint64_t levels = text ? strtoull(text, nullptr, 10) : sanitized ? 3 : 9;
    unsigned all_copied = 0;
    unsigned some_failed = 0;
    const auto try_level = [&](uint64_t level, const Way& way) {
        const uint64_t left = room_max * level / levels;
        CAPTURE(left);
        CAPTURE(method_name(way.method));
        CAPTURE(way.durability);
        const Directory here(volume);
        write_pattern(here / "old", 100'000, 5);
        write_pattern(here / "kept", 100'000, 6);
        const Filler filler(here.path(), left);
        const std::vector<uint32_t> all = backends();
        Pool pool{PoolOptions(all[level % all.size()])};
        Level one(pool, way.within ? within.path() : elsewhere.path(), here, way);
        one.try_all();
        all_copied += one.copied();
        some_failed += one.failed();
        CHECK(pool.close() == 0);
    };
    const size_t first = static_cast<size_t>(kind) * 4; // so that few levels try all of them, too
    for (uint64_t level = 0; level <= levels; ++level) {
        try_level(level, {});
        // The others in turn, each at levels far apart.
        if (text || level % 2 == 0)
            try_level(level * 7 % (levels + 1),
                      ways[(first + level / (text ? 1 : 2)) % std::size(ways)]);
    }
    CHECK(all_copied > 0);
    CHECK(some_failed > 0);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "at each fill level of an ext4 a copy is whole or not there") {
    fills(Kind::ext4, 24);
}
TEST_CASE_FIXTURE(Clean, "at each fill level of an XFS a copy is whole or not there") {
    fills(Kind::xfs, 320);
}
TEST_CASE_FIXTURE(Clean, "at each fill level of a btrfs a copy is whole or not there") {
    fills(Kind::btrfs, 128);
}
TEST_CASE_FIXTURE(Clean, "at each fill level of a tmpfs a copy is whole or not there") {
    fills(Kind::tmpfs, 16);
}

} // namespace live
