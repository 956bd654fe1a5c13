// Which existing files a tree's copy replaces: update.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

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
    CHECK(copy.action_of("sub/old") == ARSYNC_ACTION_SKIP);
    CHECK(copy.action_of("sub/new") == ARSYNC_ACTION_COPY);
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

namespace {

constexpr const char* lost = "user.lost";

void give(const std::string& path) {
    setxattr(path.c_str(), lost, "v", 1, 0);
    setxattr(path.c_str(), "user.kept", "v", 1, 0);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "update changed removes what a directory has lost, and a changed file") {
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    make_files(directory / "from", {"same", "changed", "sub/file", "sub/below/"});
    const std::string all[] = {"", "/same", "/changed", "/sub", "/sub/file", "/sub/below"};
    for (const std::string& path : all)
        give(directory / "from" + path);
    const Options options = archive().with_update(ARSYNC_UPDATE_CHANGED);
    Pool pool;
    CHECK(copy_tree(pool, directory / "from", directory / "to", options).job.result == 0);
    write_file(directory / "from/changed", "changed since");
    for (const std::string& path : all)
        REQUIRE(removexattr((directory / "from" + path).c_str(), lost) == 0);
    for (const std::string& path : all) // of the same size
        REQUIRE(setxattr((directory / "from" + path).c_str(), "user.kept", "w", 1, 0) == 0);
    setxattr((directory / "to/sub").c_str(), "security.other", "v", 1, 0);
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", options);
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.totals.files == 1);
    for (const std::string& path : all) {
        CAPTURE(path);
        const std::string at = directory / "to" + path;
        CHECK(getxattr(at.c_str(), lost, nullptr, 0) == -1);
        char kept = 0;
        CHECK(getxattr(at.c_str(), "user.kept", &kept, 1) == 1);
        CHECK(kept == 'w');
    }
    if (geteuid() == 0) // another policy's
        CHECK(getxattr((directory / "to/sub").c_str(), "security.other", nullptr, 0) == 1);
}

TEST_CASE_FIXTURE(Clean,
                  "update changed removes what directories on the way to an entry have lost") {
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    make_files(directory / "from", {"a/b/file"});
    make_directories(directory / "to");
    for (const char* path : {"from/a", "from/a/b"})
        give(directory / path);
    const Options options =
        archive(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH).with_update(ARSYNC_UPDATE_CHANGED);
    const int from = open((directory / "from").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int to = open((directory / "to").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    Pool pool;
    for (const bool again : {false, true}) {
        CAPTURE(again);
        REQUIRE(arsync_submit_copy(pool.get(), from, "a/b/file", to, "a/b/file", &options, 0,
                                   nullptr) == 0);
        const arsync_completion done = pool.wait();
        INFO(words(done));
        CHECK(done.result == 0);
        for (const char* path : {"a", "a/b"}) {
            const std::string at = directory / "to/" + path;
            CHECK((getxattr(at.c_str(), lost, nullptr, 0) == 1) == !again);
            CHECK(getxattr(at.c_str(), "user.kept", nullptr, 0) == 1);
            removexattr((directory / "from/" + path).c_str(), lost);
        }
    }
    close(from);
    close(to);
}

} // namespace live
