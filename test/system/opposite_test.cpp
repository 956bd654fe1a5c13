// Two pools that copy in opposite directions at once, what the other one reads and writes: of two
// threads, and of two processes. Nobody waits for ever, each job has one end, what is replaced
// atomically is wholly the one or the other, and nothing is left.
//
//     ARSYNC_OPPOSITE_ROUNDS=100 build/test/system -tc='*opposite directions*'
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr unsigned small_files = 24;

std::string name_of_file(unsigned i) {
    return (i % 3 == 0 ? "" : i % 3 == 1 ? "d/" : "d/e/") + std::to_string(i);
}
std::vector<std::string> common_names() {
    std::vector<std::string> all;
    for (unsigned i = 0; i < small_files; ++i)
        all.push_back(name_of_file(i));
    all.push_back("large");
    return all;
}
// The two sides' files have other sizes, and other bytes at each place.
std::string version(const std::string& name, uint32_t side) {
    const uint64_t size = name == "large" ? 6'000'000 + side * 500'000
                                          : (std::hash<std::string>()(name) % 40'000) + side * 999;
    return pattern(size, side);
}

// Both sides with the names of each other, and one that the other has not.
class Sides {
public:
    Sides() {
        for (uint32_t side : {0u, 1u}) {
            make_directories(path(side) + "/d/e");
            for (const std::string& name : common_names())
                write_file(path(side) + "/" + name, version(name, side));
            write_file(path(side) + "/d/only" + std::to_string(side), version("only", side));
            make_hard_link(path(side) + "/" + name_of_file(1), path(side) + "/linked");
        }
    }
    const std::string& path(uint32_t side) const { return paths_[side]; }

private:
    const Directory directory_;
    const std::string paths_[2] = {directory_ / "a", directory_ / "b"};
};

// What anybody reads at a name is one version of it, whole.
bool is_whole(const std::string& content, const std::string& name) {
    return content == version(name, 0) || content == version(name, 1);
}
// In place each byte is of either, or none was written there yet.
bool is_of_both(const std::string& content, const std::string& name) {
    const std::string a = version(name, 0), b = version(name, 1);
    for (size_t i = 0; i < content.size(); ++i)
        if (content[i] != '\0' && !(i < a.size() && content[i] == a[i]) &&
            !(i < b.size() && content[i] == b[i]))
            return false;
    return content.size() <= std::max(a.size(), b.size());
}

// How each of the two copies from one side to the other. What went wrong, or "": one of them may be
// in a process whose assertions nobody sees.
using Copy = std::function<std::string(Pool&, const std::string& from, const std::string& to)>;
struct Way {
    std::string name;
    bool whole; // each file is, at each instant
    Copy copy;
};

// The other one may have removed or replaced meanwhile what this one had listed.
bool may_be(int result) {
    return result == 0 || result == -ENOENT || result == -ESTALE || result == -EEXIST ||
           result == -ENOTEMPTY;
}
std::string trouble_with(const arsync_completion& job, unsigned strays) {
    const bool right = job.kind == ARSYNC_COMPLETION_JOB && may_be(job.result) && strays == 0;
    return right ? "" : words(job) + ", strays: " + std::to_string(strays) + "\n";
}

std::string copy_as_tree(Pool& pool, const std::string& from, const std::string& to,
                         const Options& options) {
    const TreeCopy copy = copy_tree(pool, from, to, options);
    const std::string trouble = trouble_with(copy.job, copy.strays);
    return trouble == "" ? "" : trouble + words(copy);
}

std::string copy_as_list(Pool& pool, const std::string& from, const std::string& to,
                         const Options& options) {
    const Items items = Items::entries(common_names());
    const ListCopy copy = copy_list_between(pool, from, to, items, options);
    std::string trouble = trouble_with(copy.job, copy.strays);
    if (copy.count(ARSYNC_COMPLETION_ITEM) != items.size())
        trouble += "other items; ";
    return trouble == "" ? "" : trouble + words(copy);
}

std::string copy_as_files(Pool& pool, const std::string& from, const std::string& to,
                          const Options& options) {
    const auto names = common_names();
    std::vector<bool> told(names.size());
    std::string trouble;
    for (size_t i = 0; i < names.size(); ++i)
        if (pool.submit(from + "/" + names[i], to + "/" + names[i], options, i) == 0)
            trouble += "not taken; ";
    for (size_t i = 0; i < names.size(); ++i) {
        const arsync_completion done = pool.wait();
        trouble += trouble_with(done, 0);
        if (done.user_data >= names.size() || told[done.user_data])
            return trouble + "a completion of nothing";
        told[done.user_data] = true;
    }
    arsync_completion stray;
    return arsync_poll(pool.get(), &stray, 1, 0) == 0 ? trouble : trouble + "one more completion";
}

const std::vector<Way>& ways() {
    const auto atomic = [](Options options) { return options.with_replace(ARSYNC_REPLACE_ATOMIC); };
    constexpr uint32_t beneath = ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
    const auto tree = [](const Options& options) -> Copy {
        return [options](Pool& pool, const std::string& from, const std::string& to) {
            return copy_as_tree(pool, from, to, options);
        };
    };
    const auto list = [](const Options& options) -> Copy {
        return [options](Pool& pool, const std::string& from, const std::string& to) {
            return copy_as_list(pool, from, to, options);
        };
    };
    const auto files = [](const Options& options) -> Copy {
        return [options](Pool& pool, const std::string& from, const std::string& to) {
            return copy_as_files(pool, from, to, options);
        };
    };
    static const std::vector<Way> all = {
        {"trees, atomic", true, tree(atomic(archive()))},
        {"trees, atomic and durable", true,
         tree(atomic(archive()).with_durability(ARSYNC_DURABILITY_FULL))},
        {"trees, changed, atomic", true,
         tree(atomic(archive()).with_update(ARSYNC_UPDATE_CHANGED))},
        {"mirrors, atomic", true, tree(atomic(archive(ARSYNC_COPY_MIRROR)))},
        {"trees, in place", false, tree(archive())},
        {"mirrors, in place", false, tree(recursive(ARSYNC_COPY_MIRROR))},
        {"lists, atomic", true, list(atomic(Options().with_flags(beneath)))},
        {"lists, in order, atomic", true,
         list(atomic(Options().with_flags(beneath | ARSYNC_COPY_IN_ORDER)))},
        {"lists, in place", false, list(Options().with_flags(beneath))},
        {"files, atomic", true, files(atomic(Options()))},
        {"files, atomic, through the ring", true,
         files(atomic(Options().with_method(ARSYNC_METHOD_FIXED)))},
        {"files, in place", false, files(Options())},
    };
    return all;
}

unsigned rounds() {
    const char* text = getenv("ARSYNC_OPPOSITE_ROUNDS");
    return text ? static_cast<unsigned>(strtoul(text, nullptr, 10)) : 2;
}

std::string copy_a_few_times(const Way& way, uint32_t backend, const Sides& sides, uint32_t from) {
    PoolOptions options(backend);
    options.workers = 2;
    options.buffer_count = 2; // to be waited for
    Pool pool(options);
    std::string trouble;
    for (unsigned i = 0; i < rounds(); ++i)
        trouble += way.copy(pool, sides.path(from), sides.path(1 - from));
    return trouble;
}

// Somebody looks at the files all the time, with locks that a copy does not respect.
class Reader {
public:
    Reader(const Sides& sides, bool whole)
        : thread_([this, &sides, whole] {
              const auto names = common_names();
              for (unsigned i = 0; !stop_; ++i)
                  look(sides.path(i % 2), names[i / 2 % names.size()], whole);
          }) {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() {
        stop_ = true;
        thread_.join();
        CHECK(looks_ > 0);
    }

private:
    void look(const std::string& side, const std::string& name, bool whole) {
        const int fd = open((side + "/" + name).c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return;
        struct flock all = {};
        all.l_type = F_WRLCK;
        flock(fd, LOCK_EX);
        fcntl(fd, F_OFD_SETLK, &all);
        const std::string content = read_file("/proc/self/fd/" + std::to_string(fd));
        if (whole)
            CHECK(is_whole(content, name));
        else
            CHECK(is_of_both(content, name));
        ++looks_;
        close(fd);
    }

    std::atomic<bool> stop_ = false;
    std::atomic<uint64_t> looks_ = 0;
    std::thread thread_;
};

// Of "d/.NAME.arsync-0123abcd" the name "d/NAME", else "".
std::string name_of_temporary(const std::string& path) {
    const size_t begin = path.rfind('/') + 1; // npos + 1 is 0
    const size_t end = path.rfind(".arsync-");
    return path[begin] == '.' && end != std::string::npos && end > begin
               ? path.substr(0, begin) + path.substr(begin + 1, end - begin - 1)
               : "";
}

void expect_both_right(const Sides& sides, bool whole) {
    const auto is_right = [whole](const std::string& content, const std::string& name) {
        return whole ? is_whole(content, name) : is_of_both(content, name);
    };
    for (const uint32_t side : {0u, 1u}) {
        const std::string& top = sides.path(side);
        CAPTURE(top);
        for (const std::string& name : common_names()) {
            CAPTURE(name);
            const std::string content = read_file(top + "/" + name);
            CHECK(is_right(content, name));
        }
        for (const std::string& name : names_in(top)) {
            // The name that a file had for a moment is a name as any other to who lists just then.
            std::string of = name_of_temporary(name);
            if (of == "")
                continue;
            while (name_of_temporary(of) != "")
                of = name_of_temporary(of);
            CAPTURE(name);
            const bool is_only = of.find("only") != std::string::npos;
            const std::string content = read_file(top + "/" + name);
            CHECK(is_right(content, is_only ? "only" : of == "linked" ? name_of_file(1) : of));
        }
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "two pools that copy in opposite directions both end, and mix no files") {
    for (const uint32_t backend : backends())
        for (const Way& way : ways()) {
            CAPTURE(backend_name(backend));
            CAPTURE(way.name);
            const Sides sides;
            {
                const Reader reader(sides, way.whole);
                std::thread other([&] { CHECK(copy_a_few_times(way, backend, sides, 1) == ""); });
                CHECK(copy_a_few_times(way, backend, sides, 0) == "");
                other.join();
            }
            expect_both_right(sides, way.whole);
        }
}

TEST_CASE_FIXTURE(Clean, "one pool that copies in opposite directions ends, and mixes no files") {
    for (const uint32_t backend : backends())
        for (const uint32_t flags : {0u, uint32_t{ARSYNC_COPY_MIRROR}}) {
            CAPTURE(backend_name(backend));
            CAPTURE(flags);
            const Sides sides;
            Pool pool{PoolOptions(backend)};
            const Options how =
                archive(flags).with_replace(ARSYNC_REPLACE_ATOMIC).with_report(ARSYNC_REPORT_NONE);
            for (unsigned round = 0; round < rounds(); ++round) {
                for (const uint32_t from : {0u, 1u})
                    CHECK(pool.submit(sides.path(from), sides.path(1 - from), how) != 0);
                for (unsigned i = 0; i < 2; ++i) {
                    const arsync_completion done = pool.wait();
                    INFO(words(done));
                    CHECK(done.kind == ARSYNC_COMPLETION_JOB);
                    CHECK(may_be(done.result));
                }
            }
            expect_both_right(sides, true);
        }
}

TEST_CASE_FIXTURE(Clean, "two processes that copy in opposite directions both end, and mix none") {
    for (const uint32_t backend : backends())
        for (const Way& way : ways()) {
            CAPTURE(backend_name(backend));
            CAPTURE(way.name);
            const Sides sides;
            Child other([&] {
                const std::string trouble = copy_a_few_times(way, backend, sides, 1);
                if (trouble != "")
                    throw std::runtime_error((fprintf(stderr, "%s\n", trouble.c_str()), trouble));
            });
            CHECK(copy_a_few_times(way, backend, sides, 0) == "");
            CHECK(other.wait() == 0);
            expect_both_right(sides, way.whole);
        }
}

} // namespace live
