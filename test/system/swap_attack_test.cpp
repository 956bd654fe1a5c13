// Symbolic links that somebody swaps in while something is copied, class by class: whatever is
// swapped, and however it is copied, what lies outside is neither read nor changed. Each class is a
// test case, which goes through all ways of copying: trees, lists of trees, entries of a list
// beneath a root, single entries beneath a root, directories on the way, and files; in place,
// atomically, with backups, as mirrors, with questions, and attributes alone.
//
//     ARSYNC_ATTACK_MS=2000 build/test/system -tc='*swapped*'
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/check.h"
#include "system/list.h"
#include "system/opened.h"
#include "system/swapper.h"
#include "system/tree.h"

namespace live {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// ---- What is copied, and what is not to be touched ----

const std::vector<std::string>& directories() {
    static const std::vector<std::string> all = {"", "dir/", "dir/sub/"};
    return all;
}
const std::vector<std::string>& files() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> names;
        for (const std::string& directory : directories())
            for (const char* name : {"file1", "file2", "file3", "big"})
                names.push_back(directory + name);
        return names;
    }();
    return all;
}

// The same names in each, with other bytes, modes, owners, times and attributes.
void make_place(const std::string& top, const std::string& marker, unsigned number,
                uint64_t big = 200'000) {
    make_directories(top + "/dir/sub");
    const auto finish = [&](const std::string& path, mode_t mode) {
        set_owner(path, 1000 + number, 2000 + number);
        set_mode(path, mode);
        setxattr(path.c_str(), "user.of", marker.data(), marker.size(), 0);
        set_mtime(path, 1'500'000'000 + number * 1000, 7);
    };
    for (const std::string& name : files()) {
        const bool is_big = name.ends_with("big");
        write_file(top + "/" + name, marker + pattern(is_big ? big : 100, number));
        finish(top + "/" + name, number % 2 ? 0640 : 0604);
    }
    for (const std::string& directory : directories()) {
        make_node(top + "/" + directory + "fifo", S_IFIFO | (number % 2 ? 0640 : 0604));
        set_owner(top + "/" + directory + "fifo", 1000 + number, 2000 + number);
        make_symlink("nowhere" + marker, top + "/" + directory + "link");
        set_owner(top + "/" + directory + "link", 1000 + number, 2000 + number);
    }
    for (const char* directory : {"/dir/sub", "/dir", ""})
        finish(top + directory, number % 2 ? 0750 : 0705);
}

// All that can be seen of it, and when it was last changed at all. What was read meanwhile is not.
std::map<std::string, std::string> all_of(const std::string& top) {
    std::map<std::string, std::string> all = state(top);
    for (auto& [path, text] : all) {
        struct stat facts;
        REQUIRE(lstat((top + path).c_str(), &facts) == 0);
        char value[100];
        const ssize_t size = lgetxattr((top + path).c_str(), "user.of", value, sizeof value);
        text += " " + std::to_string(facts.st_ctim.tv_sec) + "." +
                std::to_string(facts.st_ctim.tv_nsec) + " " + std::to_string(facts.st_nlink) + " " +
                std::string(value, size < 0 ? 0 : static_cast<size_t>(size));
    }
    return all;
}

bool holds(const std::string& top, const std::string& marker) {
    for (const auto& [path, what] : contents(top))
        if (what.starts_with("file") && what.find(marker) != std::string::npos)
            return true;
    return false;
}

// ---- How it is copied ----

enum class Shape { tree, trees_listed, entries_listed, entry_beneath, parents, file };
constexpr Shape shapes[] = {Shape::tree,          Shape::trees_listed, Shape::entries_listed,
                            Shape::entry_beneath, Shape::parents,      Shape::file};
const char* name_of(Shape shape) {
    constexpr const char* names[] = {"tree",          "trees of a list", "entries of a list",
                                     "entry beneath", "with parents",    "file"};
    return names[static_cast<size_t>(shape)];
}

struct Way {
    std::string name;
    Options options;
    uint32_t answer = 0;
};

const std::vector<Way>& ways() {
    const auto kept = [] { return Options().with_preserve(preserve_all); };
    static const std::vector<Way> all = {
        {"in place", kept()},
        {"changed", kept().with_update(ARSYNC_UPDATE_CHANGED)},
        {"atomic", kept().with_replace(ARSYNC_REPLACE_ATOMIC)},
        {"atomic, durable",
         kept().with_replace(ARSYNC_REPLACE_ATOMIC).with_durability(ARSYNC_DURABILITY_FULL)},
        {"remove, force", kept().with_replace(ARSYNC_REPLACE_REMOVE).with_flags(ARSYNC_COPY_FORCE)},
        {"exclusive", kept().with_replace(ARSYNC_REPLACE_EXCLUSIVE)},
        {"attributes only", kept().with_flags(ARSYNC_COPY_ATTRIBUTES_ONLY)},
        {"mirror", kept().with_flags(ARSYNC_COPY_MIRROR)},
        {"mirror, atomic, changed", kept()
                                        .with_flags(ARSYNC_COPY_MIRROR)
                                        .with_replace(ARSYNC_REPLACE_ATOMIC)
                                        .with_update(ARSYNC_UPDATE_CHANGED)},
        {"simple backups", kept().with_backup(ARSYNC_BACKUP_SIMPLE)},
        {"numbered backups", kept().with_backup(ARSYNC_BACKUP_NUMBERED)},
        {"simple backups, atomic",
         kept().with_backup(ARSYNC_BACKUP_SIMPLE).with_replace(ARSYNC_REPLACE_ATOMIC)},
        {"numbered backups, atomic",
         kept().with_backup(ARSYNC_BACKUP_NUMBERED).with_replace(ARSYNC_REPLACE_ATOMIC)},
        {"asked, replaced", kept().with_update(ARSYNC_UPDATE_ASK), ARSYNC_ANSWER_REPLACE},
        {"asked, both kept", kept().with_update(ARSYNC_UPDATE_ASK), ARSYNC_ANSWER_KEEP_BOTH},
        {"asked, replaced atomically",
         kept().with_update(ARSYNC_UPDATE_ASK).with_replace(ARSYNC_REPLACE_ATOMIC),
         ARSYNC_ANSWER_REPLACE},
        {"asked, simple backups",
         kept().with_update(ARSYNC_UPDATE_ASK).with_backup(ARSYNC_BACKUP_SIMPLE),
         ARSYNC_ANSWER_REPLACE},
        {"asked, numbered backups",
         kept().with_update(ARSYNC_UPDATE_ASK).with_backup(ARSYNC_BACKUP_NUMBERED),
         ARSYNC_ANSWER_REPLACE},
    };
    return all;
}

// The options of a way in a shape; nothing if that makes no sense.
std::optional<Options> options_of(const Way& way, Shape shape) {
    Options options = way.options;
    switch (shape) {
    case Shape::tree:
    case Shape::trees_listed:
        options.flags |= ARSYNC_COPY_RECURSIVE;
        break;
    case Shape::entries_listed:
    case Shape::entry_beneath:
        options.flags |= ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
        break;
    case Shape::parents:
        options.flags |= ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_PARENTS;
        break;
    case Shape::file:
        options.flags |= ARSYNC_COPY_NOFOLLOW;
    }
    const bool of_a_mirror = (options.flags & ARSYNC_COPY_MIRROR) != 0;
    if (of_a_mirror && (shape == Shape::file || shape == Shape::entries_listed))
        return std::nullopt;
    REQUIRE(arsync_options_check(&options, nullptr, 0) == 0);
    return options;
}

// What a shape copies by itself, and below which of it nothing that is swapped may lead away.
Items items_of(Shape shape) {
    switch (shape) {
    case Shape::trees_listed:
    case Shape::entry_beneath:
        return {{"dir", "dir"}};
    case Shape::entries_listed:
        return Items::entries(files());
    case Shape::parents:
        return {{"dir/sub", "dir/sub"}};
    default:
        return {{"file1", "file1"}, {"big", "big"}};
    }
}
bool is_safe(Shape shape, const std::string& swapped) {
    switch (shape) {
    case Shape::parents:
        return swapped.starts_with("dir/sub/");
    case Shape::file:
        return swapped.find('/') == std::string::npos;
    case Shape::trees_listed:
    case Shape::entry_beneath:
        return swapped.starts_with("dir");
    default:
        return true;
    }
}

// Each job of it has one completion.
void copy_once(Pool& pool, Shape shape, const Way& way, const Options& options,
               const std::string& from, const std::string& to) {
    const auto answer = [&](const arsync_completion&) { return way.answer; };
    const auto expect_one = [&](const ListCopy& copy) {
        INFO(words(copy));
        CHECK(copy.job.kind == ARSYNC_COMPLETION_JOB);
        CHECK(copy.strays == 0);
    };
    const Opened source(from), destination(to);
    const Items items = items_of(shape);
    if (shape == Shape::trees_listed || shape == Shape::entries_listed) {
        expect_one(copy_list_between(pool, from, to, items, options, answer));
        return;
    }
    if (shape == Shape::tree) {
        REQUIRE(pool.submit(from, to, options) != 0);
        expect_one(take_list(pool, answer));
        return;
    }
    for (size_t i = 0; i < items.size(); ++i) {
        REQUIRE(arsync_submit_copy(pool.get(), source.get(), items.names(i).first.c_str(),
                                   destination.get(), items.names(i).second.c_str(), &options, 0,
                                   nullptr) == 0);
        expect_one(take_list(pool, answer));
    }
}

// ---- What is swapped ----

struct Attack {
    const char* at;                   // "from" or "to", where the names are
    std::vector<std::string> swapped; // each with a link to what has the same name outside
    bool empties = false;             // the destination has none of the names before
    bool has_extras = false;          // it has more that a mirror removes
    uint64_t big = 200'000;           // bytes of a file that takes its time
    bool (*suits)(const Way&) = [](const Way&) { return true; };
};

bool is_mirror(const Way& way) {
    return (way.options.flags & ARSYNC_COPY_MIRROR) != 0;
}
bool is_atomic(const Way& way) {
    return way.options.replace == ARSYNC_REPLACE_ATOMIC;
}
bool backs_up(const Way& way) {
    return way.options.backup != ARSYNC_BACKUP_NONE;
}
bool asks(const Way& way) {
    return way.answer != 0;
}

// For each way of copying in each class. Without it every other one is tried, each once or twice.
std::optional<std::chrono::milliseconds> time_for_each() {
    const char* text = getenv("ARSYNC_ATTACK_MS");
    if (!text)
        return std::nullopt;
    return std::chrono::milliseconds(strtoul(text, nullptr, 10));
}

void make_extras(const std::string& top) {
    for (const char* directory : {"/extra/deep", "/dir/extra/deep", "/dir/sub/extra/deep"})
        make_files(top + directory, {"1", "2", "d/3", "d/4"});
}

// A few copies from one state; then what was swapped is put aside.
uint64_t attack_once(const Directory& directory, const Attack& attack,
                     const std::vector<std::string>& swapped, Pool& pool, Shape shape,
                     const Way& way, const Options& options) {
    const std::string from = directory / "from", to = directory / "to";
    const std::string links = directory / "links";
    for (const std::string& old : {from, to, links})
        fs::remove_all(old); // no link is followed
    make_place(from, "ours", 1, attack.big);
    if (attack.empties)
        make_directories(to);
    else
        make_place(to, "old", 2);
    if (attack.has_extras)
        make_extras(to);
    make_directories(links);
    std::vector<Swapper::Pair> pairs;
    for (const std::string& name : swapped) {
        const std::string link = links + "/" + std::to_string(pairs.size());
        const bool of_a_backup = name.find('~') != std::string::npos;
        make_symlink(directory / ("outside/" + (of_a_backup ? "dir/file1" : name)), link);
        pairs.emplace_back(directory / (attack.at + ("/" + name)), link);
    }
    Swapper swapper(pairs, true);
    for (unsigned i = 0; i < (attack.has_extras || attack.empties ? 1 : 3); ++i)
        copy_once(pool, shape, way, options, from, to);
    swapper.stop();
    return swapper.swaps();
}

void attack_all_ways(const Attack& attack) {
    NEEDS_ROOT(); // for the owners
    const Directory directory;
    make_place(directory / "outside", "SECRET", 3);
    make_extras(directory / "outside");
    const auto before = all_of(directory / "outside");
    static unsigned number = 0;
    for (const Shape shape : shapes)
        for (const Way& way : ways()) {
            const std::optional<Options> options = options_of(way, shape);
            std::vector<std::string> swapped;
            for (const std::string& name : attack.swapped)
                if (is_safe(shape, name))
                    swapped.push_back(name);
            if (!options || !attack.suits(way) || swapped.empty())
                continue;
            ++number;
            if (!time_for_each() && number % 2 == 0)
                continue;
            CAPTURE(std::string(name_of(shape)));
            CAPTURE(way.name);
            const auto all = backends();
            Pool pool{PoolOptions(all[number / 2 % all.size()])};
            const auto end = Clock::now() + time_for_each().value_or(std::chrono::milliseconds(10));
            uint64_t swaps = 0;
            do {
                swaps += attack_once(directory, attack, swapped, pool, shape, way, *options);
                CHECK_FALSE(holds(directory / "to", "SECRET"));
            } while (Clock::now() < end || swaps == 0);
            CHECK(difference(before, all_of(directory / "outside")) == "");
        }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "swapped: a directory on the way of the destination") {
    attack_all_ways({"to", {"dir"}});
    attack_all_ways({"to", {"dir/sub"}});
}

TEST_CASE_FIXTURE(Clean, "swapped: the final name") {
    attack_all_ways({"to", {"file1", "big", "dir/file1", "dir/big", "dir/sub/file1"}});
}

TEST_CASE_FIXTURE(Clean, "swapped: a name or a directory that is made anew") {
    attack_all_ways({.at = "to", .swapped = {"file1", "dir"}, .empties = true});
    attack_all_ways({.at = "to", .swapped = {"dir/file1", "dir/sub"}, .empties = true});
}

TEST_CASE_FIXTURE(Clean, "swapped: a directory of the source, or a file, beneath a root") {
    attack_all_ways({"from", {"dir"}});
    attack_all_ways({"from", {"file1", "big", "dir/file1", "dir/sub"}});
}

TEST_CASE_FIXTURE(Clean, "swapped: the directory that the temporary file is in") {
    attack_all_ways({.at = "to", .swapped = {"dir"}, .big = 3'000'000, .suits = is_atomic});
    attack_all_ways({.at = "to", .swapped = {"dir/sub"}, .big = 3'000'000, .suits = is_atomic});
}

TEST_CASE_FIXTURE(Clean, "swapped: a backup's name, and its directory") {
    attack_all_ways({.at = "to",
                     .swapped = {"file1~", "big.~1~", "dir/file1~", "dir/file2.~1~", "dir/big~",
                                 "dir/sub/big.~1~", "dir/sub/file1~", "dir/sub/file2.~1~"},
                     .suits = backs_up});
    attack_all_ways({.at = "to", .swapped = {"dir"}, .suits = backs_up});
    attack_all_ways({.at = "to", .swapped = {"dir/sub"}, .suits = backs_up});
}

TEST_CASE_FIXTURE(Clean, "swapped: what a mirror removes, and where") {
    const auto extras = [](const std::vector<std::string>& names) {
        return Attack{.at = "to", .swapped = names, .has_extras = true, .suits = is_mirror};
    };
    attack_all_ways(extras({"extra", "dir/extra", "dir/sub/extra"}));
    attack_all_ways(extras({"extra/deep", "dir/extra/deep", "dir/sub/extra/deep"}));
    attack_all_ways(extras({"extra/deep/d", "dir/extra/deep/d", "dir/sub/extra/deep/d"}));
    attack_all_ways(extras({"dir"}));
}

TEST_CASE_FIXTURE(Clean, "swapped: what gets its owner, mode, times and attributes") {
    attack_all_ways({"to", {"fifo", "link", "dir/fifo", "dir/link", "dir/sub"}});
    attack_all_ways({"to", {"file2", "dir/file2", "dir/sub/fifo", "dir/sub/link", "dir/sub/big"}});
    attack_all_ways(
        {.at = "to", .swapped = {"fifo", "dir/fifo", "dir/link", "dir/sub/link"}, .empties = true});
}

TEST_CASE_FIXTURE(Clean, "swapped: what was asked about, before the answer") {
    attack_all_ways({.at = "to", .swapped = {"dir"}, .suits = asks});
    attack_all_ways({.at = "to", .swapped = {"file1", "dir/file1", "dir/sub"}, .suits = asks});
}

// The same against a program that goes by names: else nothing was shown above.
TEST_CASE_FIXTURE(Clean, "swapped: what goes by names does get outside") {
    const Directory directory;
    make_place(directory / "outside", "SECRET", 3);
    const auto before = all_of(directory / "outside");
    const auto limit = Clock::now() + std::chrono::seconds(60);
    bool hit = false;
    while (!hit && Clock::now() < limit) {
        for (const char* old : {"from", "to", "links"})
            fs::remove_all(directory / old);
        make_place(directory / "from", "ours", 1);
        make_place(directory / "to", "old", 2);
        make_directories(directory / "links");
        make_symlink(directory / "outside/dir", directory / "links/0");
        Swapper swapper({{directory / "to/dir", directory / "links/0"}});
        for (int i = 0; i < 20; ++i)
            for (const std::string& name : files()) {
                std::error_code ignored;
                const std::string to = directory / ("to/" + name);
                if (fs::is_symlink(fs::symlink_status(fs::path(to).parent_path(), ignored)))
                    continue; // as one might think
                fs::copy_file(directory / ("from/" + name), to,
                              fs::copy_options::overwrite_existing, ignored);
            }
        swapper.stop();
        hit = difference(before, all_of(directory / "outside")) != "";
    }
    CHECK(hit);
}

} // namespace live
