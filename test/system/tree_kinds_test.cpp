// What is at the destination is of another kind than its source.
#include <cerrno>
#include <sys/stat.h>

#include "system/check.h"
#include "system/command.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean, "names of a file are not linked to something newer of another kind") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_hard_link(directory / "from/a", directory / "from/b");
    set_mtime(directory / "from/a", 1'000'000'000);
    for (const bool fifo : {true, false}) {
        CAPTURE(fifo);
        const std::string to = directory / (fifo ? "fifo" : "link");
        make_directories(to);
        for (const char* name : {"/a", "/b"}) // whichever comes first
            if (fifo)
                make_node(to + name, S_IFIFO | 0600);
            else
                make_symlink("nowhere", to + name);
        make_directories(directory / "from/sub");
        if (!exists(directory / "from/sub/c"))
            make_hard_link(directory / "from/a", directory / "from/sub/c");
        Pool pool;
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, archive().with_update(ARSYNC_UPDATE_OLDER));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(kind_of(to + "/a") == (fifo ? S_IFIFO : S_IFLNK));
        REQUIRE(kind_of(to + "/sub/c") == S_IFREG);
        CHECK(difference(directory / "from/a", to + "/sub/c") == "");
    }
}

TEST_CASE_FIXTURE(Clean, "what cp cannot overwrite stays, and is told of") {
    const Directory directory;
    make_files(directory / "from", {"socket", "fifo", "attributes"});
    make_symlink("attributes", directory / "from/link");
    make_directories(directory / "to");
    make_files(directory / "to", {"link"});
    make_node(directory / "to/socket", S_IFSOCK | 0600);
    make_node(directory / "to/fifo", S_IFIFO | 0600);
    Pool pool;
    const auto copied = [&](Options options) {
        return copy_tree(pool, directory / "from", directory / "to", options).errors();
    };
    const std::vector<std::string> streams = {
        "fifo: check: Operation not supported",
        "socket: open destination: No such device or address"};
    CHECK(copied(recursive()) == streams);
    CHECK(kind_of(directory / "to/socket") == S_IFSOCK);
    CHECK(kind_of(directory / "to/fifo") == S_IFIFO);
    CHECK(kind_of(directory / "to/link") == S_IFLNK); // made anew, as it is kept

    CHECK(copied(recursive(ARSYNC_COPY_FORCE)) == std::vector<std::string>{streams[0]});
    CHECK(kind_of(directory / "to/socket") == S_IFREG);
    CHECK(copied(recursive().with_replace(ARSYNC_REPLACE_REMOVE)).empty());
    CHECK(kind_of(directory / "to/fifo") == S_IFREG);
}

TEST_CASE_FIXTURE(Clean, "links, and attributes alone, take the place of nothing") {
    const Directory directory;
    make_files(directory / "from", {"over-link"});
    make_symlink("nowhere", directory / "from/link");
    make_files(directory / "to", {"link", "aside"});
    make_symlink("aside", directory / "to/over-link");
    Pool pool;
    const auto copied = [&](uint32_t flags) {
        return copy_tree(pool, directory / "from", directory / "to", recursive(flags)).errors();
    };
    using Lines = std::vector<std::string>;
    CHECK(copied(ARSYNC_COPY_ATTRIBUTES_ONLY) ==
          Lines{"link: link: File exists",
                "over-link: open destination: Too many levels of symbolic links"});
    CHECK(copied(ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_ATTRIBUTES_ONLY) ==
          Lines{"link: link: File exists", "over-link: link: File exists"});
    CHECK(copied(ARSYNC_COPY_SYMBOLIC_LINK | ARSYNC_COPY_ATTRIBUTES_ONLY) ==
          Lines{"link: link: File exists", "over-link: link: File exists"});
    CHECK(read_file(directory / "to/link") == "link");
    CHECK(text_of(directory / "to/over-link") == "aside");
    CHECK(copied(ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_FORCE) == Lines{});
    CHECK(inode_of(directory / "to/over-link") == inode_of(directory / "from/over-link"));
}

TEST_CASE_FIXTURE(Clean, "where links are followed, special files take the place of nothing") {
    const Directory directory;
    make_directories(directory / "from");
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    make_files(directory / "to", {"fifo"});
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
    CHECK(copy.errors() == std::vector<std::string>{"fifo: make special file: File exists"});
    CHECK(read_file(directory / "to/fifo") == "fifo");
    CHECK(copy_tree(pool, directory / "from", directory / "to").job.result == 0);
    CHECK(kind_of(directory / "to/fifo") == S_IFIFO);
}

TEST_CASE_FIXTURE(Clean, "a file is not lost where it is the source by another name") {
    const Directory directory;
    Pool pool;
    const auto copied = [&](const std::string& to, Options options) {
        output_of({"rm", "-rf", directory / "from", to});
        make_files(directory / "from", {"hard"});
        make_directories(to);
        make_hard_link(directory / "from/hard", to + "/hard");
        make_files(to, {"end"});
        make_symlink(to + "/end", directory / "from/end"); // which would be a link to itself
        const TreeCopy copy = copy_tree(pool, directory / "from", to, options);
        CHECK(read_file(directory / "from/hard") == "hard");
        CHECK(read_file(to + "/hard") == "hard");
        return copy.errors();
    };
    const std::string to = directory / "to";
    const std::string end = "end: check: Invalid argument";
    const std::string hard = "hard: check: Invalid argument";
    using Lines = std::vector<std::string>;
    const auto is_linked = [&] {
        return inode_of(to + "/hard") == inode_of(directory / "from/hard");
    };
    CHECK(copied(to, recursive()) == Lines{end, hard});
    CHECK(copied(to, archive()) == Lines{end, hard});
    CHECK(copied(to, recursive().with_replace(ARSYNC_REPLACE_ATOMIC)) == Lines{end, hard});
    CHECK(is_linked());
    CHECK(read_file(to + "/end") == "end");
    CHECK(copied(to, recursive().with_update(ARSYNC_UPDATE_NONE)) == Lines{});
    CHECK(copied(to, recursive(ARSYNC_COPY_HARD_LINK)) == Lines{});
    CHECK(is_linked());
    CHECK(read_file(to + "/end") == "end");

    CHECK(copied(to, recursive().with_replace(ARSYNC_REPLACE_REMOVE)) == Lines{end});
    CHECK(!is_linked());
    CHECK(read_file(to + "/end") == "end");
    CHECK(copied(to, recursive().with_backup(ARSYNC_BACKUP_SIMPLE)) == Lines{});
    CHECK(!is_linked());
    CHECK(inode_of(to + "/hard~") == inode_of(directory / "from/hard"));
    CHECK(read_file(to + "/end~") == "end");
}

TEST_CASE_FIXTURE(Clean, "without its source's mode a socket has another one than a FIFO") {
    const Directory directory;
    make_directories(directory / "from");
    make_node(directory / "from/socket", S_IFSOCK | 0600);
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    const mode_t before = umask(022);
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_DEFAULT_MODE));
    umask(before);
    CHECK(copy.job.result == 0);
    CHECK(mode_of(directory / "to/socket") == 0755);
    CHECK(mode_of(directory / "to/fifo") == 0644);
}

} // namespace live
