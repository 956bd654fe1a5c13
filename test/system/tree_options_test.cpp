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

TEST_CASE_FIXTURE(Clean, "mirror leaves what is mounted in an extra directory, and says so") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::tmpfs)); // so that mounts are our own
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_files(directory / "to", {"extra/mnt/", "gone"});
    const Mounted mounted(directory / "to/extra/mnt");
    NEEDS(mounted);
    write_file(directory / "to/extra/mnt/inside", "i");
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
    CHECK(copy.errors() == std::vector<std::string>{"extra: remove: Device or resource busy"});
    CHECK(copy.job.result == -EBUSY);
    CHECK_NAMES(directory / "to", {"a", "extra", "extra/mnt", "extra/mnt/inside"});
    CHECK(copy.totals.removed == 1);
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

TEST_CASE_FIXTURE(Clean, "a dry run tells of errors, and of what mirror would have to leave") {
    const Directory directory;
    make_files(directory / "from", {"blocked", "file", "good", "way/below"});
    make_files(directory / "to", {"blocked/below", "good", "way", "extra/in", "extra/in.keep"});
    Pool pool;
    const Options all = recursive(ARSYNC_COPY_MIRROR)
                            .with_replace(ARSYNC_REPLACE_EXCLUSIVE)
                            .with_filter("*.keep")
                            .with_report(ARSYNC_REPORT_ALL);
    Options dry_options = all;
    dry_options.flags |= ARSYNC_COPY_DRY_RUN;
    const auto before = state(directory / "to");
    const TreeCopy dry = copy_tree(pool, directory / "from", directory / "to", dry_options);
    CHECK(difference(before, state(directory / "to")) == "");
    const TreeCopy real = copy_tree(pool, directory / "from", directory / "to", all);
    INFO("dry:\n"
         << shown(actions(dry)) << words(dry) << "\nreal:\n"
         << shown(actions(real)) << words(real));
    CHECK(actions(dry) == actions(real));
    CHECK(dry.errors() == real.errors());
    CHECK(real.errors().size() == 3);
}

TEST_CASE_FIXTURE(Clean, "dry runs of links in place of copies, and of backups, say what is done") {
    const Directory directory;
    make_files(directory / "from", {"old", "new", "sub/old", "sub/new"});
    make_symlink("text", directory / "from/link");
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    Pool pool;
    std::vector<Options> all;
    for (const uint32_t flag : {ARSYNC_COPY_HARD_LINK, ARSYNC_COPY_SYMBOLIC_LINK})
        all.push_back(recursive(flag).with_replace(ARSYNC_REPLACE_REMOVE));
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_ATOMIC})
        all.push_back(recursive().with_replace(replace));
    for (const uint32_t update : {ARSYNC_UPDATE_NONE, ARSYNC_UPDATE_CHANGED})
        all.push_back(recursive().with_update(update));
    all.push_back(recursive().with_backup(ARSYNC_BACKUP_NUMBERED));
    all.push_back(recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
    for (size_t i = 0; i < all.size(); ++i) {
        CAPTURE(i);
        const std::string to = directory / std::to_string(i);
        make_files(to, {"old", "sub/old"}, " as it was");
        Options options = all[i].with_report(ARSYNC_REPORT_ALL);
        Options dry_options = options;
        dry_options.flags |= ARSYNC_COPY_DRY_RUN;
        const auto before = state(to);
        const TreeCopy dry = copy_tree(pool, directory / "from", to, dry_options);
        CHECK(difference(before, state(to)) == "");
        const TreeCopy real = copy_tree(pool, directory / "from", to, options);
        INFO("dry:\n"
             << shown(actions(dry)) << words(dry) << "\nreal:\n"
             << shown(actions(real)) << words(real));
        CHECK(actions(dry) == actions(real));
        CHECK(real.entries.size() == 8);
        CHECK(dry.totals.files == real.totals.files);
        CHECK(dry.totals.symlinks == real.totals.symlinks);
        CHECK(dry.totals.hard_links == real.totals.hard_links);
        CHECK(dry.totals.skipped == real.totals.skipped);
        CHECK(dry.totals.bytes == real.totals.bytes);
    }
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

// ---- what is there already ----

TEST_CASE_FIXTURE(Clean, "backups are named as their kind says") {
    const Directory directory;
    make_files(directory / "from", {"plain", "numbered", "sub/plain", "new", "link"});
    Pool pool;
    const auto copied = [&](const std::string& to, Options options) {
        make_files(to, {"plain", "numbered", "sub/plain"}, " old");
        make_files(to, {"numbered.~2~", "numbered.~9~"}, " older");
        make_symlink("nowhere", to + "/link");
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, options.with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        for (const char* name : {"plain", "numbered", "sub/plain", "new", "link"}) {
            CHECK(kind_of(to + "/" + name) == S_IFREG);
            CHECK(read_file(to + "/" + name) == name);
            const Entry* entry = copy.find(name);
            REQUIRE(entry);
            CHECK(((entry->flags & ARSYNC_COMPLETION_BACKED_UP) != 0) ==
                  (std::string(name) != "new"));
        }
        CHECK(read_file(to + "/numbered.~9~") == "numbered.~9~ older");
    };
    const Names always = {"plain", "numbered",     "sub",          "sub/plain",
                          "new",   "numbered.~2~", "numbered.~9~", "link"};
    const auto with = [&](Names more) {
        more.insert(always.begin(), always.end());
        return more;
    };
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE}) {
        CAPTURE(replace);
        const std::string to = directory / std::to_string(replace);
        const Options options = recursive().with_replace(replace);

        copied(to + "simple", Options(options).with_backup(ARSYNC_BACKUP_SIMPLE));
        CHECK_NAMES(to + "simple", with({"plain~", "numbered~", "sub/plain~", "link~"}));
        CHECK(read_file(to + "simple/sub/plain~") == "sub/plain old");
        CHECK(text_of(to + "simple/link~") == "nowhere");

        Options suffix = Options(options).with_backup(ARSYNC_BACKUP_SIMPLE);
        suffix.backup_suffix = ".old";
        copied(to + "suffix", suffix);
        CHECK_NAMES(to + "suffix",
                    with({"plain.old", "numbered.old", "sub/plain.old", "link.old"}));

        copied(to + "numbered", Options(options).with_backup(ARSYNC_BACKUP_NUMBERED));
        CHECK_NAMES(to + "numbered",
                    with({"plain.~1~", "numbered.~10~", "sub/plain.~1~", "link.~1~"}));
        CHECK(read_file(to + "numbered/numbered.~10~") == "numbered old");

        copied(to + "existing", Options(options).with_backup(ARSYNC_BACKUP_EXISTING));
        CHECK_NAMES(to + "existing", with({"plain~", "numbered.~10~", "sub/plain~", "link~"}));
        CHECK(read_file(to + "existing/plain~") == "plain old");
    }
}

TEST_CASE_FIXTURE(Clean, "exclusive copies what is not there and fails at what is") {
    const Directory directory;
    make_files(directory / "from", {"old", "new", "sub/old", "sub/new"});
    make_files(directory / "to", {"old", "sub/old"}, " as it was");
    make_symlink("a", directory / "from/link");
    make_symlink("b", directory / "to/link");
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive().with_replace(ARSYNC_REPLACE_EXCLUSIVE));
    INFO(words(copy));
    CHECK(copy.job.result == -EEXIST);
    CHECK(copy.entries.size() == 3);
    for (const char* name : {"old", "sub/old", "link"}) {
        const Entry* entry = copy.find(name);
        REQUIRE(entry);
        CHECK(entry->result == -EEXIST);
    }
    CHECK(read_file(directory / "to/old") == "old as it was");
    CHECK(read_file(directory / "to/sub/old") == "sub/old as it was");
    CHECK(text_of(directory / "to/link") == "b");
    CHECK(read_file(directory / "to/new") == "new");
    CHECK(read_file(directory / "to/sub/new") == "sub/new");
}

TEST_CASE_FIXTURE(Clean, "remove and atomic make new files, in place writes into the old one") {
    const Directory directory;
    make_files(directory / "from", {"file", "link"});
    Pool pool;
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_ATOMIC}) {
        CAPTURE(replace);
        const std::string to = directory / std::to_string(replace);
        make_files(to, {"file"}, " as it was");
        make_files(directory.path(), {"aside"});
        make_symlink("../aside", to + "/link");
        const std::string other = to + "-other-name";
        make_hard_link(to + "/file", other);
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to,
                      recursive().with_replace(replace).with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK_NAMES(to, {"file", "link"});
        CHECK(read_file(to + "/file") == "file");
        CHECK(read_file(other) == (replace == ARSYNC_REPLACE_IN_PLACE ? "file" : "file as it was"));
        CHECK(kind_of(to + "/link") == S_IFREG); // not written through
        CHECK(read_file(directory / "aside") == "aside");
        const Entry* file = copy.find("file");
        REQUIRE(file);
        if (replace != ARSYNC_REPLACE_ATOMIC)
            CHECK(((file->flags & ARSYNC_COMPLETION_REPLACED) != 0) ==
                  (replace == ARSYNC_REPLACE_REMOVE));
    }
}

TEST_CASE_FIXTURE(Clean, "in an atomic copy of a tree a reader sees old or new whole files") {
    const Directory directory;
    const std::string contents_of[] = {pattern(300'000, 1), pattern(500'000, 2)};
    for (const char* top : {"0", "1"}) {
        make_directories(directory / (std::string(top) + "/sub"));
        write_file(directory / (std::string(top) + "/sub/file"), contents_of[*top - '0']);
    }
    const std::string to = directory / "to";
    Pool pool;
    REQUIRE(copy_tree(pool, directory / "0", to).job.result == 0);
    std::atomic<bool> stop = false;
    std::atomic<int> seen[2] = {0, 0};
    std::atomic<int> odd = 0;
    std::thread reader([&] {
        while (!stop) {
            try {
                const std::string content = read_file(to + "/sub/file");
                ++(content == contents_of[0] ? seen[0] : content == contents_of[1] ? seen[1] : odd);
            } catch (const std::exception&) {
                ++odd; // the name was not there
            }
        }
    });
    bool right = true;
    for (int i = 1; i <= 30 || (i < 20'000 && (seen[0] < 3 || seen[1] < 3)); ++i)
        right = copy_tree(pool, directory / std::to_string(i % 2), to,
                          recursive().with_replace(ARSYNC_REPLACE_ATOMIC))
                        .job.result == 0 &&
                right;
    stop = true;
    reader.join();
    CHECK(right);
    CHECK(odd == 0);
    CHECK(seen[0] >= 3);
    CHECK(seen[1] >= 3);
    CHECK_NAMES(to, {"sub", "sub/file"});
}

TEST_CASE_FIXTURE(Clean, "force removes what an ordinary user may not write") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"locked", "open", "sub/locked"});
    make_files(directory / "to", {"locked", "open", "sub/locked"}, " as it was");
    output_of({"chown", "-R", std::to_string(ordinary_user), directory / "to"});
    set_mode(directory / "to/locked", 0444);
    set_mode(directory / "to/sub/locked", 0444);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy without = copy_tree(pool, directory / "from", directory / "to");
        EXPECT_WITH(report,
                    without.errors() == (std::vector<std::string>{
                                            "locked: open destination: Permission denied",
                                            "sub/locked: open destination: Permission denied"}),
                    words(without));
        EXPECT(report, read_file(directory / "to/locked") == "locked as it was");
        EXPECT(report, read_file(directory / "to/open") == "open");
        const TreeCopy with =
            copy_tree(pool, directory / "from", directory / "to",
                      recursive(ARSYNC_COPY_FORCE).with_report(ARSYNC_REPORT_ALL));
        EXPECT_WITH(report, with.job.result == 0, words(with));
        EXPECT(report, read_file(directory / "to/locked") == "locked");
        EXPECT(report, read_file(directory / "to/sub/locked") == "sub/locked");
        const Entry* locked = with.find("locked");
        const Entry* open = with.find("open");
        EXPECT(report, locked && (locked->flags & ARSYNC_COMPLETION_REPLACED));
        EXPECT(report, open && !(open->flags & ARSYNC_COMPLETION_REPLACED));
    });
}

TEST_CASE_FIXTURE(Clean, "parents makes the directories on the way, with their attributes") {
    const Directory directory;
    make_files(directory / "from", {"a/b/c/file", "a/b/beside", "a/beside"});
    make_directories(directory / "to");
    set_mode(directory / "from/a", 0710);
    set_mode(directory / "from/a/b", 0751);
    set_mtime(directory / "from/a", 1'000'000'000);
    const int from = open((directory / "from").c_str(), O_PATH | O_DIRECTORY);
    const int to = open((directory / "to").c_str(), O_PATH | O_DIRECTORY);
    REQUIRE(from >= 0);
    REQUIRE(to >= 0);
    Pool pool;
    const auto copied = [&](const char* path, const char* as, const Options& options) {
        const int error = arsync_submit_copy(pool.get(), from, path, to, as, &options, 0, nullptr);
        return error < 0 ? error : take_all(pool).job.result;
    };
    const Options options =
        recursive(ARSYNC_COPY_PARENTS).with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES);
    CHECK(copied("a/b/c", "a/b/c", recursive()) == -ENOENT);
    CHECK(copied("a/b/c", "other/c", options) == -EINVAL);
    CHECK_NAMES(directory / "to", {});
    CHECK(copied("a/b/c", "a/b/c", options) == 0);
    CHECK_NAMES(directory / "to", {"a", "a/b", "a/b/c", "a/b/c/file"});
    CHECK(mode_of(directory / "to/a") == 0710);
    CHECK(mode_of(directory / "to/a/b") == 0751);
    CHECK(stat_of(directory / "to/a").st_mtim.tv_sec == 1'000'000'000);
    // Those that are there get the attributes too.
    set_mode(directory / "to/a", 0700);
    CHECK(copied("a/beside", "a/beside", options) == 0);
    CHECK(mode_of(directory / "to/a") == 0710);
    CHECK(read_file(directory / "to/a/beside") == "a/beside");
    close(from);
    close(to);
}

// ---- what is said ----

TEST_CASE_FIXTURE(Clean, "a recursive copy of what is no directory is that of one entry") {
    const Directory directory;
    write_file(directory / "file", "content");
    make_symlink("file", directory / "link");
    make_node(directory / "fifo", S_IFIFO | 0640);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        make_directories(to);
        Pool pool{PoolOptions(backend)};

        const TreeCopy file = copy_tree(pool, directory / "file", to + "/file");
        CHECK(file.job.result == 0);
        CHECK(file.job.action == ARSYNC_ACTION_COPY);
        CHECK(file.job.bytes == 7);
        CHECK(read_file(to + "/file") == "content");
        REQUIRE(file.has_totals);
        CHECK(file.totals.entries == 1);
        CHECK(file.totals.files == 1);
        CHECK(file.totals.bytes == 7);

        const TreeCopy link = copy_tree(pool, directory / "link", to + "/link");
        CHECK(link.job.result == 0);
        CHECK(link.job.action == ARSYNC_ACTION_SYMBOLIC_LINK);
        CHECK(text_of(to + "/link") == "file");
        CHECK(link.totals.entries == 1);
        CHECK(link.totals.symlinks == 1);

        const TreeCopy fifo = copy_tree(pool, directory / "fifo", to + "/fifo", archive());
        CHECK(fifo.job.result == 0);
        CHECK(fifo.job.action == ARSYNC_ACTION_MAKE_SPECIAL);
        CHECK(kind_of(to + "/fifo") == S_IFIFO);
        CHECK(mode_of(to + "/fifo") == 0640);
        CHECK(fifo.totals.entries == 1);
        CHECK(fifo.totals.specials == 1);

        const TreeCopy none = copy_tree(pool, directory / "none", to + "/none");
        CHECK(none.job.result == -ENOENT);
        CHECK_FALSE(exists(to + "/none"));
    }
}

TEST_CASE_FIXTURE(Clean, "totals are what is there") {
    const Directory directory;
    for (int i = 0; i < 200; ++i) {
        const std::string sub = "from/" + std::to_string(i % 7) + "/" + std::to_string(i % 3);
        make_directories(directory / sub);
        write_pattern(directory / (sub + "/" + std::to_string(i)), static_cast<uint64_t>(i) * 700,
                      static_cast<uint32_t>(i));
    }
    write_sparse(directory / "from/sparse", 1 << 20, {{0, 4096}, {1 << 19, (1 << 19) + 4096}});
    make_symlink("nowhere", directory / "from/link");
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    make_hard_link(directory / "from/sparse", directory / "from/second");
    make_hard_link(directory / "from/sparse", directory / "from/0/third");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        Pool pool{PoolOptions(backend)};
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, archive().with_report(ARSYNC_REPORT_ALL));
        CHECK(copy.job.result == 0);
        CHECK(copy.job.action == ARSYNC_ACTION_TREE);
        CHECK(tree_difference(directory / "from", to) == "");
        const Counts there = count_tree(to);
        CHECK(copy.totals.struct_size == sizeof(arsync_totals));
        CHECK(copy.totals.entries == there.entries);
        CHECK(copy.totals.files == 201);
        CHECK(copy.totals.hard_links == 2);
        CHECK(copy.totals.files + copy.totals.hard_links == there.files);
        CHECK(copy.totals.directories == there.directories);
        CHECK(copy.totals.symlinks == 1);
        CHECK(copy.totals.specials == 1);
        CHECK(copy.totals.skipped == 0);
        CHECK(copy.totals.removed == 0);
        CHECK(copy.totals.errors == 0);
        CHECK(copy.totals.bytes == there.bytes - (2 << 20));
        CHECK(copy.totals.bytes == copy.job.bytes);
        CHECK(copy.totals.hole_bytes == (1 << 20) - 8192);
        uint64_t by_method = 0;
        for (const uint64_t files : copy.totals.files_by_method)
            by_method += files;
        CHECK(by_method == copy.totals.files);
        CHECK(copy.entries.size() == there.entries);
    }
}

// ---- what comes in between ----

TEST_CASE_FIXTURE(Clean, "a tree of large files that is cancelled leaves whole files only") {
    const Directory directory;
    constexpr uint64_t size = 4 << 20;
    constexpr int count = 12;
    make_directories(directory / "from/sub");
    const auto name_of_file = [](int i) { return (i % 2 ? "sub/" : "") + std::to_string(i); };
    for (int i = 0; i < count; ++i)
        write_pattern(directory / ("from/" + name_of_file(i)), size, static_cast<uint32_t>(i));
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
            CAPTURE(replace);
            const std::string to = directory / (backend_name(backend) + std::to_string(replace));
            PoolOptions options(backend);
            options.byte_rate = 20 << 20;
            Pool pool(options);
            const arsync_job job = pool.submit(
                directory / "from", to,
                recursive().with_replace(replace).with_reflink(ARSYNC_REFLINK_NEVER), 7);
            REQUIRE(job != 0);
            CHECK(eventually([&] { return pool.progress(job).bytes_done > size + size / 2; }));
            CHECK(arsync_cancel(pool.get(), job) == 0);
            const TreeCopy copy = take_all(pool);
            INFO(words(copy));
            CHECK(copy.job.job == job);
            CHECK(copy.job.user_data == 7);
            CHECK(copy.job.result == -ECANCELED);
            CHECK(copy.strays == 0);
            CHECK(arsync_cancel(pool.get(), job) == -ENOENT);
            int whole = 0;
            for (const std::string& name : names_in(to)) {
                CAPTURE(name);
                if (name == "sub")
                    continue;
                ++whole;
                CHECK(exists(directory / ("from/" + name)));
                CHECK(difference(directory / ("from/" + name), to + "/" + name) == "");
            }
            CHECK(whole < count);
            CHECK(copy.totals.files == static_cast<uint64_t>(whole));
        }
    }
}

TEST_CASE_FIXTURE(Clean, "entries that vanish while they are walked are errors, and nothing more") {
    constexpr int directories = 60;
    constexpr int files = 25;
    const Directory directory;
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        bool vanished = false;
        for (int round = 0; round < 10 && !vanished; ++round) {
            CAPTURE(round);
            const std::string from = directory / "from";
            const std::string to = directory / "to";
            for (int i = 0; i < directories; ++i) {
                make_directories(from + "/" + std::to_string(i));
                for (int j = 0; j < files; ++j)
                    write_pattern(from + "/" + std::to_string(i) + "/" + std::to_string(j), 20'000,
                                  static_cast<uint32_t>(i * files + j));
            }
            std::atomic<bool> go = false;
            std::thread remover([&] {
                while (!go)
                    std::this_thread::yield();
                for (int i = directories - 1; i >= 0; --i) {
                    const std::string sub = from + "/" + std::to_string(i);
                    for (int j = files - 1; j >= 0; --j)
                        unlink((sub + "/" + std::to_string(j)).c_str());
                    rmdir(sub.c_str());
                }
            });
            const arsync_job job =
                pool.submit(from, to, recursive().with_report(ARSYNC_REPORT_ALL));
            go = true;
            const TreeCopy copy = take_all(pool);
            remover.join();
            INFO(words(copy));
            CHECK(job != 0);
            CHECK(copy.job.job == job);
            CHECK(copy.strays == 0);
            uint64_t copied = 0;
            for (const Entry& entry : copy.entries) {
                CAPTURE(entry.path);
                if (entry.result != 0)
                    CHECK(entry.result == -ENOENT);
                else if (entry.action == ARSYNC_ACTION_COPY)
                    ++copied;
            }
            CHECK((copy.job.result == 0 || copy.job.result == -ENOENT));
            CHECK(copy.totals.errors == copy.errors().size());
            CHECK(copy.totals.files == copied);
            uint64_t there = 0;
            for (int i = 0; i < directories; ++i) {
                for (int j = 0; j < files; ++j) {
                    const std::string path = to + "/" + std::to_string(i) + "/" + std::to_string(j);
                    if (!exists(path))
                        continue;
                    ++there;
                    CAPTURE(path);
                    CHECK(read_file(path) == pattern(20'000, static_cast<uint32_t>(i * files + j)));
                }
            }
            CHECK(there == copied);
            vanished = there > 0 && there < directories * files;
            remove_tree(to);
        }
        CHECK(vanished); // else nothing was tried
    }
}

} // namespace live
