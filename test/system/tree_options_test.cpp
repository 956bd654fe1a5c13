// What the options of a tree's copy do, one by one.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/command.h"
#include "system/tree.h"

namespace live {

namespace {

using Names = std::set<std::string>;

// What is below it, without the top itself.
Names names_in(const std::string& top) {
    Names all;
    for (const auto& [path, what] : contents(top))
        if (!path.empty())
            all.insert(path.substr(1));
    return all;
}

std::string shown(const Names& names) {
    return lines({names.begin(), names.end()});
}

// Files that hold their own paths, with the directories they are in; a name that ends in a slash
// is an empty directory.
void make_files(const std::string& top, const std::vector<std::string>& paths,
                const std::string& more = "") {
    make_directories(top);
    for (const std::string& path : paths) {
        make_directories(top + "/" + path.substr(0, path.rfind('/') + 1));
        if (!path.ends_with("/"))
            write_file(top + "/" + path, path + more);
    }
}

std::string text_of(const std::string& link) {
    char text[4096];
    const ssize_t size = readlink(link.c_str(), text, sizeof text);
    return size < 0 ? "no link" : std::string(text, static_cast<size_t>(size));
}

// 0 where nothing is. No link is followed.
mode_t kind_of(const std::string& path) {
    struct stat facts;
    return lstat(path.c_str(), &facts) == 0 ? facts.st_mode & S_IFMT : 0;
}
ino_t inode_of(const std::string& path) {
    struct stat facts;
    return lstat(path.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

std::set<std::pair<std::string, uint32_t>> actions(const TreeCopy& copy) {
    std::set<std::pair<std::string, uint32_t>> all;
    for (const Entry& entry : copy.entries)
        all.insert({entry.path, entry.action});
    return all;
}

std::string shown(const std::set<std::pair<std::string, uint32_t>>& all) {
    std::string text;
    for (const auto& [path, action] : all)
        text += path + ": " + std::to_string(action) + "\n";
    return text;
}

uint32_t action_of(const TreeCopy& copy, const std::string& path) {
    const Entry* entry = copy.find(path);
    return entry ? entry->action : 0;
}

// A tmpfs over a directory, for as long as this lives.
class Mounted {
public:
    explicit Mounted(const std::string& path)
        : path_(path), usable_(mount("none", path.c_str(), "tmpfs", 0, "size=1m") == 0) {}
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    ~Mounted() {
        if (usable_)
            umount2(path_.c_str(), MNT_DETACH);
    }
    bool usable() const { return usable_; }
    std::string why() const { return "cannot mount a tmpfs"; }

private:
    std::string path_;
    bool usable_;
};

#define CHECK_NAMES(top, ...)                                                                      \
    do {                                                                                           \
        const Names there = names_in(top);                                                         \
        INFO(shown(there));                                                                        \
        CHECK(there == Names(__VA_ARGS__));                                                        \
    } while (false)

} // namespace

// ---- filter ----

TEST_CASE_FIXTURE(Clean, "the filter leaves out what it excludes and takes back in what it says") {
    const Directory directory;
    make_files(directory / "from",
               {"a.o", "a.c", "keep.o", "sub/b.o", "sub/keep.o", "top", "sub/top", "build/x",
                "build/keep.o", "deep/1/2/log", "sub/build", "#name"});
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive().with_filter("# comment\n"
                                                            "*.o\n"
                                                            "\n"
                                                            "!keep.o\n"
                                                            "/top\n"
                                                            "build/\n"
                                                            "deep/**/log\n"
                                                            "\\#name\n"));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "to", {"a.c", "keep.o", "sub", "sub/keep.o", "sub/top", "sub/build",
                                   "deep", "deep/1", "deep/1/2"});
    CHECK(copy.totals.files == 5);
    CHECK(copy.totals.entries == 10);
}

TEST_CASE_FIXTURE(Clean, "stars of a filter stop at slashes, double ones do not") {
    const Directory directory;
    make_files(directory / "from", {"a/x", "a/b/x", "c/b/x", "ab", "axb", "a-long-b"});
    Pool pool;
    copy_tree(pool, directory / "from", directory / "one", recursive().with_filter("a/*/x\na?b"));
    CHECK_NAMES(directory / "one", {"a", "a/x", "a/b", "c", "c/b", "c/b/x", "ab", "a-long-b"});
    copy_tree(pool, directory / "from", directory / "two", recursive().with_filter("a/**/x\na*b"));
    CHECK_NAMES(directory / "two", {"a", "a/b", "c", "c/b", "c/b/x"});
}

// ---- update ----

TEST_CASE_FIXTURE(Clean, "update none makes what is missing and leaves what is there") {
    const Directory directory;
    make_files(directory / "from", {"new", "old", "sub/new", "sub/old"});
    make_files(directory / "to", {"old", "sub/old"}, " as it was");
    make_symlink("nowhere", directory / "to/link");
    write_file(directory / "from/link", "file");
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to",
                  recursive().with_update(ARSYNC_UPDATE_NONE).with_report(ARSYNC_REPORT_ALL));
    CHECK(copy.job.result == 0);
    CHECK(read_file(directory / "to/old") == "old as it was");
    CHECK(read_file(directory / "to/sub/old") == "sub/old as it was");
    CHECK(read_file(directory / "to/new") == "new");
    CHECK(read_file(directory / "to/sub/new") == "sub/new");
    CHECK(text_of(directory / "to/link") == "nowhere");
    CHECK(copy.totals.skipped == 3);
    CHECK(copy.totals.files == 2);
    CHECK(action_of(copy, "sub/old") == ARSYNC_ACTION_SKIP);
    CHECK(action_of(copy, "sub/new") == ARSYNC_ACTION_COPY);
}

TEST_CASE_FIXTURE(Clean, "update older replaces what is older, to the nanosecond") {
    const Directory directory;
    make_files(directory / "from", {"older", "newer", "same", "new"});
    make_files(directory / "to", {"older", "newer", "same"}, " as it was");
    for (const char* name : {"older", "newer", "same"})
        set_mtime(directory / ("from/" + std::string(name)), 1'000'000'000, 500);
    set_mtime(directory / "to/older", 1'000'000'000, 499);
    set_mtime(directory / "to/newer", 1'000'000'000, 501);
    set_mtime(directory / "to/same", 1'000'000'000, 500);
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive().with_update(ARSYNC_UPDATE_OLDER));
    CHECK(copy.job.result == 0);
    CHECK(read_file(directory / "to/older") == "older");
    CHECK(read_file(directory / "to/newer") == "newer as it was");
    CHECK(read_file(directory / "to/same") == "same as it was");
    CHECK(read_file(directory / "to/new") == "new");
    CHECK(copy.totals.skipped == 2);
}

TEST_CASE_FIXTURE(Clean, "update changed replaces other sizes, times and kinds, and nothing else") {
    const Directory directory;
    const std::vector<std::string> all = {"mode", "size", "time", "kind", "same"};
    make_files(directory / "from", all);
    make_files(directory / "to", all);
    write_file(directory / "to/mode", "edom"); // the same size
    write_file(directory / "to/same", "emas");
    write_file(directory / "to/time", "emit");
    write_file(directory / "to/size", "longer");
    unlink((directory / "to/kind").c_str());
    make_symlink("kind", directory / "to/kind");
    make_symlink("text", directory / "from/link");
    make_symlink("text", directory / "to/link");
    make_symlink("text", directory / "from/other");
    make_symlink("txet", directory / "to/other");
    for (const char* top : {"from/", "to/"})
        for (const std::string& name : all)
            set_mtime(directory / (top + name), 1'000'000'000, 500);
    set_mtime(directory / "to/time", 1'000'000'000, 501);
    set_mode(directory / "from/mode", 0751);
    set_mode(directory / "to/mode", 0600);
    const ino_t link = inode_of(directory / "to/link");
    const Options changed = recursive()
                                .with_update(ARSYNC_UPDATE_CHANGED)
                                .with_report(ARSYNC_REPORT_ALL)
                                .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES);
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", changed);
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(read_file(directory / "to/mode") == "edom");
    CHECK(mode_of(directory / "to/mode") == 0751);
    CHECK(read_file(directory / "to/same") == "emas");
    CHECK(read_file(directory / "to/time") == "time");
    CHECK(read_file(directory / "to/size") == "size");
    CHECK(kind_of(directory / "to/kind") == S_IFREG);
    CHECK(text_of(directory / "to/other") == "text");
    CHECK(inode_of(directory / "to/link") == link);
    CHECK(copy.totals.skipped == 3);
    CHECK(copy.totals.files == 3);
    // A second time nothing is left to do.
    const auto before = state(directory / "to");
    const TreeCopy again = copy_tree(pool, directory / "from", directory / "to", changed);
    CHECK(again.totals.skipped == 7);
    CHECK(again.totals.files == 0);
    CHECK(difference(before, state(directory / "to")) == "");
}

// ---- mirror ----

TEST_CASE_FIXTURE(Clean, "mirror removes what is extra, whole directories too") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    make_files(directory / "to", {"a", "extra", "sub/extra", "dir/1", "dir/deep/2", "dir/empty/"});
    make_symlink(directory / "from", directory / "to/link"); // what it leads to stays
    make_node(directory / "to/fifo", S_IFIFO | 0600);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        output_of({"cp", "-a", directory / "to", to});
        Pool pool{PoolOptions(backend)};
        const TreeCopy plain = copy_tree(pool, directory / "from", to);
        CHECK(plain.totals.removed == 0);
        CHECK(exists(to + "/dir/deep/2"));
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to,
                      recursive(ARSYNC_COPY_MIRROR).with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(tree_difference(directory / "from", to) == "");
        CHECK(copy.totals.removed == 9);
        CHECK(copy.totals.entries == 4);
        CHECK(action_of(copy, "dir") == ARSYNC_ACTION_REMOVE);
        CHECK(action_of(copy, "sub/extra") == ARSYNC_ACTION_REMOVE);
    }
    CHECK_NAMES(directory / "from", {"a", "sub", "sub/b"});
}

TEST_CASE_FIXTURE(Clean, "mirror leaves what the filter excludes, inside extra directories too") {
    const Directory directory;
    make_files(directory / "from", {"a", "a.keep"});
    make_files(directory / "to", {"b", "b.keep", "dir/c", "dir/c.keep", "dir/deep/d.keep",
                                  "dir/other/e", "out/f", "out/g.keep"});
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive(ARSYNC_COPY_MIRROR).with_filter("*.keep\n/out/\n"));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "to", {"a", "b.keep", "dir", "dir/c.keep", "dir/deep",
                                   "dir/deep/d.keep", "out", "out/f", "out/g.keep"});
    CHECK(copy.totals.removed == 4); // b, dir/c, dir/other, dir/other/e
}

TEST_CASE_FIXTURE(Clean, "mirror removes nothing where the source could not be listed") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"locked/a", "locked/sub/b", "open/a"});
    make_files(directory / "to", {"locked/extra", "locked/sub/extra", "open/extra", "gone"});
    output_of({"chown", "-R", std::to_string(ordinary_user), directory / "to"});
    set_mode(directory / "from/locked", 0);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy copy =
            copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
        EXPECT_WITH(report,
                    copy.errors() == std::vector<std::string>{"locked: list: Permission denied"},
                    words(copy));
        EXPECT(report, copy.totals.removed == 2);
    });
    CHECK_NAMES(directory / "to",
                {"locked", "locked/extra", "locked/sub", "locked/sub/extra", "open", "open/a"});
}

// ---- dry run ----

TEST_CASE_FIXTURE(Clean, "a dry run changes nothing and says what the real one then does") {
    const Directory directory;
    make_files(directory / "from", {"new", "same", "older", "dir/new", "both/new", "both/old",
                                    "skip.o", "blocked", "to-link"});
    make_symlink("text", directory / "from/link");
    make_symlink("text", directory / "from/both/link");
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    make_files(directory / "to",
               {"same", "older", "both/old", "both/extra", "extra/1/2", "blocked/below", "keep.o"});
    make_symlink("old", directory / "to/both/link");
    make_symlink("old", directory / "to/to-link");
    for (const char* name : {"from/same", "to/same", "from/older"})
        set_mtime(directory / name, 1'000'000'000);
    set_mtime(directory / "to/older", 999'999'999);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        output_of({"cp", "-a", directory / "to", to});
        Pool pool{PoolOptions(backend)};
        Options options = archive(ARSYNC_COPY_MIRROR)
                              .with_update(ARSYNC_UPDATE_OLDER)
                              .with_report(ARSYNC_REPORT_ALL)
                              .with_filter("*.o");
        const uint32_t flags = options.flags;
        const auto before = state(to);
        const TreeCopy dry = copy_tree(pool, directory / "from", to,
                                       options.with_flags(flags | ARSYNC_COPY_DRY_RUN));
        CHECK(difference(before, state(to)) == "");
        const TreeCopy real = copy_tree(pool, directory / "from", to, options.with_flags(flags));
        INFO("dry:\n"
             << shown(actions(dry)) << words(dry) << "\nreal:\n"
             << shown(actions(real)) << words(real));
        CHECK(actions(real).size() >= 15);
        CHECK(actions(dry) == actions(real));
        CHECK(dry.totals.entries == real.totals.entries);
        CHECK(dry.totals.skipped == real.totals.skipped);
        CHECK(dry.totals.directories == real.totals.directories);
        CHECK(real.totals.removed == 4);
        CHECK(read_file(to + "/older") == "older");
    }
}

TEST_CASE_FIXTURE(Clean, "a dry run to where nothing is makes nothing") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    Pool pool;
    const Options all = recursive().with_report(ARSYNC_REPORT_ALL);
    Options dry_options = all;
    dry_options.flags |= ARSYNC_COPY_DRY_RUN;
    const TreeCopy dry = copy_tree(pool, directory / "from", directory / "to", dry_options);
    CHECK(dry.job.result == 0);
    CHECK_FALSE(exists(directory / "to"));
    const TreeCopy real = copy_tree(pool, directory / "from", directory / "to", all);
    INFO(shown(actions(dry)));
    CHECK(actions(dry) == actions(real));
    CHECK(real.entries.size() == 4);
}

// ---- file systems and links ----

TEST_CASE_FIXTURE(Clean,
                  "one file system: what is mounted in the source is made, and stays empty") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::tmpfs)); // so that mounts are our own
    const Directory directory;
    make_files(directory / "from", {"a", "sub/mnt/", "sub/z"});
    const Mounted mounted(directory / "from/sub/mnt");
    NEEDS(mounted);
    write_file(directory / "from/sub/mnt/inside", "i");
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "one",
                                    recursive(ARSYNC_COPY_ONE_FILE_SYSTEM));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "one", {"a", "sub", "sub/mnt", "sub/z"});
    CHECK(copy_tree(pool, directory / "from", directory / "all").job.result == 0);
    CHECK(read_file(directory / "all/sub/mnt/inside") == "i");
}

TEST_CASE_FIXTURE(Clean, "symbolic links are kept or followed, as the policy says") {
    const Directory directory;
    make_files(directory / "real", {"file", "dir/below"});
    make_symlink("file", directory / "real/to-file");
    make_symlink("dir", directory / "real/to-dir");
    make_symlink("real", directory / "from");
    Pool pool;
    for (const uint32_t policy : {ARSYNC_SYMLINKS_AUTO, ARSYNC_SYMLINKS_KEEP}) {
        const std::string to = directory / ("keep" + std::to_string(policy));
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, recursive().with_symlinks(policy));
        CHECK(copy.job.result == 0);
        CHECK(text_of(to) == "real");
        CHECK(copy.totals.symlinks == 1);
        CHECK(copy.totals.entries == 1);
    }
    const TreeCopy top = copy_tree(pool, directory / "from", directory / "top",
                                   recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW_TOP));
    CHECK(top.job.result == 0);
    CHECK(kind_of(directory / "top") == S_IFDIR);
    CHECK(tree_difference(directory / "real", directory / "top") == "");
    CHECK(top.totals.symlinks == 2);
    const TreeCopy all = copy_tree(pool, directory / "from", directory / "all",
                                   recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
    CHECK(all.job.result == 0);
    CHECK_NAMES(directory / "all",
                {"file", "dir", "dir/below", "to-file", "to-dir", "to-dir/below"});
    CHECK(kind_of(directory / "all/to-file") == S_IFREG);
    CHECK(kind_of(directory / "all/to-dir") == S_IFDIR);
    CHECK(read_file(directory / "all/to-dir/below") == "dir/below");
    CHECK(all.totals.symlinks == 0);
}

TEST_CASE_FIXTURE(Clean,
                  "links that are followed in circles, or nowhere, fail; the rest is copied") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/deep/b", "z"});
    make_symlink("../..", directory / "from/sub/deep/up");
    make_symlink(".", directory / "from/sub/here");
    make_symlink("self", directory / "from/self");
    make_symlink("nothing", directory / "from/nowhere");
    Pool pool;
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        const TreeCopy copy = copy_tree(pool, directory / "from", to,
                                        recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
        INFO(words(copy));
        std::map<std::string, int> results;
        for (const Entry& entry : copy.entries)
            results[entry.path] = entry.result;
        CHECK(results == std::map<std::string, int>{{"sub/deep/up", -ELOOP},
                                                    {"sub/here", -ELOOP},
                                                    {"self", -ELOOP},
                                                    {"nowhere", -ENOENT}});
        CHECK(copy.totals.errors == 4);
        CHECK_NAMES(to, {"a", "sub", "sub/deep", "sub/deep/b", "z"});
    }
}

TEST_CASE_FIXTURE(Clean, "a directory is copied neither into itself nor onto itself") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    make_symlink("from/sub", directory / "alias");
    Pool pool;
    const auto before = state(directory.path());
    for (const char* to : {"from/new", "from/sub/new", "from/sub", "alias/new"}) {
        CAPTURE(to);
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / to);
        INFO(words(copy));
        CHECK(copy.job.result == -ELOOP);
        CHECK(difference(before, state(directory.path())) == "");
    }
    for (const char* to : {"from", "from/", "from/sub/..", "./from"}) {
        CAPTURE(to);
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / to);
        INFO(words(copy));
        CHECK(copy.job.result == -EINVAL);
        CHECK(difference(before, state(directory.path())) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "hard and symbolic links in place of copies") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    Pool pool;
    const TreeCopy hard =
        copy_tree(pool, directory / "from", directory / "hard", recursive(ARSYNC_COPY_HARD_LINK));
    CHECK(hard.job.result == 0);
    for (const char* name : {"/a", "/sub/b"})
        CHECK(inode_of((directory / "hard") + name) == inode_of((directory / "from") + name));
    CHECK(inode_of(directory / "hard/sub") != inode_of(directory / "from/sub"));
    CHECK(hard.totals.hard_links == 2);
    CHECK(hard.totals.files == 0);
    CHECK(hard.totals.bytes == 0);
    const TreeCopy symbolic = copy_tree(pool, directory / "from", directory / "symbolic",
                                        recursive(ARSYNC_COPY_SYMBOLIC_LINK));
    CHECK(symbolic.job.result == 0);
    CHECK(text_of(directory / "symbolic/a") == directory / "from/a");
    CHECK(text_of(directory / "symbolic/sub/b") == directory / "from/sub/b");
    CHECK(kind_of(directory / "symbolic/sub") == S_IFDIR);
    CHECK(symbolic.totals.symlinks == 2);
}

TEST_CASE_FIXTURE(Clean,
                  "a link in a directory's place is gone into only where that is asked for") {
    const Directory directory;
    make_files(directory / "from", {"sub/a", "other"});
    make_files(directory / "elsewhere", {"there"});
    make_directories(directory / "to");
    make_symlink("../elsewhere", directory / "to/sub");
    Pool pool;
    const TreeCopy without = copy_tree(pool, directory / "from", directory / "to");
    CHECK(without.errors() == std::vector<std::string>{"sub: make directory: Not a directory"});
    CHECK(without.job.result == -ENOTDIR);
    CHECK_NAMES(directory / "elsewhere", {"there"});
    CHECK(read_file(directory / "to/other") == "other");
    const TreeCopy with = copy_tree(pool, directory / "from", directory / "to",
                                    recursive(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK));
    INFO(words(with));
    CHECK(with.job.result == 0);
    CHECK(text_of(directory / "to/sub") == "../elsewhere");
    CHECK_NAMES(directory / "elsewhere", {"there", "a"});
    // To a file it is none to a directory.
    make_files(directory / "second", {"sub/a"});
    make_files(directory / "file", {"it"});
    make_directories(directory / "third");
    make_symlink("../file/it", directory / "third/sub");
    CHECK(copy_tree(pool, directory / "second", directory / "third",
                    recursive(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK))
              .job.result == -ENOTDIR);
    CHECK(read_file(directory / "file/it") == "it");
}

} // namespace live
