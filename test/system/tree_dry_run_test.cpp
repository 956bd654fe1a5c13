// A dry run changes nothing, and says what the real one then does.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/command.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

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
             << lines(dry.actions()) << words(dry) << "\nreal:\n"
             << lines(real.actions()) << words(real));
        CHECK(real.actions().size() >= 15);
        CHECK(dry.actions() == real.actions());
        CHECK(dry.totals.entries == real.totals.entries);
        CHECK(dry.totals.skipped == real.totals.skipped);
        CHECK(dry.totals.directories == real.totals.directories);
        CHECK(real.totals.removed == 6); // "blocked" gives way to a file
        CHECK(dry.totals.removed == real.totals.removed);
        CHECK(read_file(to + "/older") == "older");
    }
}

// Each with what the real one does.
TEST_CASE_FIXTURE(Clean, "a dry run fails where the real one would") {
    const Directory directory;
    make_files(directory / "from", {"a", "dir/c"});
    make_hard_link(directory / "from/a", directory / "from/b");
    make_files(directory / "to", {"b"}, " old");
    Pool pool;
    // A further name of a file.
    const Items names = {{directory / "from/a", directory / "to/a"},
                         {directory / "from/b", directory / "to/b"}};
    const auto linked = [&](uint32_t flags, uint32_t replace, uint32_t update) {
        const ListCopy copy = copy_list(pool, names,
                                        Options()
                                            .with_flags(flags)
                                            .with_preserve(ARSYNC_PRESERVE_LINKS)
                                            .with_replace(replace)
                                            .with_update(update));
        const Told second = copy.item(2);
        unlink((directory / "to/a").c_str());
        return std::pair(second.result, second.action);
    };
    for (const uint32_t flags : {ARSYNC_COPY_DRY_RUN, 0u}) {
        CAPTURE(flags);
        CHECK(linked(flags, ARSYNC_REPLACE_EXCLUSIVE, ARSYNC_UPDATE_ALL).first == -EEXIST);
        CHECK(linked(flags, ARSYNC_REPLACE_IN_PLACE, ARSYNC_UPDATE_NONE) ==
              std::pair<int, uint32_t>(0, ARSYNC_ACTION_SKIP));
    }
    CHECK(read_file(directory / "to/b") == "b old");
    // The same name twice, by two of the source's.
    const Items same = {{directory / "from/a", directory / "to/c"},
                        {directory / "from/b", directory / "to/c"}};
    for (const uint32_t flags : {ARSYNC_COPY_DRY_RUN, 0u}) {
        CAPTURE(flags);
        const Told second =
            copy_list(pool, same, Options().with_flags(flags).with_preserve(ARSYNC_PRESERVE_LINKS))
                .item(2);
        CHECK(second.result == 0);
        CHECK(second.action == ARSYNC_ACTION_SKIP);
    }
    REQUIRE(unlink((directory / "to/c").c_str()) == 0);
    // Links that would not lead to the source, in a directory that would be made.
    const int base = open(directory.path().c_str(), O_PATH | O_DIRECTORY);
    for (const uint32_t flags : {ARSYNC_COPY_DRY_RUN, 0u}) {
        CAPTURE(flags);
        const Options options = recursive(ARSYNC_COPY_SYMBOLIC_LINK | flags);
        REQUIRE(arsync_submit_copy(pool.get(), base, "from", base, "links", &options, 0, nullptr) ==
                0);
        const TreeCopy copy = take_all(pool);
        CHECK(copy.job.result == -EINVAL);
        CHECK(copy.totals.errors == 3);
        CHECK(copy.totals.symlinks == 0);
    }
    // What does not lie where its way says.
    for (const uint32_t flags : {ARSYNC_COPY_DRY_RUN, 0u}) {
        CAPTURE(flags);
        const Options options = Options().with_flags(ARSYNC_COPY_PARENTS | flags);
        REQUIRE(arsync_submit_copy(pool.get(), base, "from/a", base, "to/elsewhere", &options, 0,
                                   nullptr) == 0);
        const arsync_completion done = pool.wait();
        CHECK(done.result == -EINVAL);
        CHECK(done.stage == ARSYNC_STAGE_MAKE_DIRECTORY);
    }
    close(base);
    CHECK_NAMES(directory / "to", {"b"});
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
    INFO(lines(dry.actions()));
    CHECK(dry.actions() == real.actions());
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
         << lines(dry.actions()) << words(dry) << "\nreal:\n"
         << lines(real.actions()) << words(real));
    CHECK(dry.actions() == real.actions());
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
             << lines(dry.actions()) << words(dry) << "\nreal:\n"
             << lines(real.actions()) << words(real));
        CHECK(dry.actions() == real.actions());
        CHECK(real.entries.size() == 8);
        CHECK(dry.totals.files == real.totals.files);
        CHECK(dry.totals.symlinks == real.totals.symlinks);
        CHECK(dry.totals.hard_links == real.totals.hard_links);
        CHECK(dry.totals.skipped == real.totals.skipped);
        CHECK(dry.totals.bytes == real.totals.bytes);
    }
}

TEST_CASE_FIXTURE(Clean, "a dry run counts what mirror then removes, in nested directories too") {
    const Directory directory;
    make_files(directory / "from", {"a", "both/b"});
    const std::string template_of_to = directory / "template";
    make_files(template_of_to, {"extra/1", "extra/deep/2", "extra/deep/deeper/3.keep",
                                "extra/deep/empty/", "both/extra/4", "both/extra/empty/", "5"});
    // More names than are listed at once, and ones that stay among them.
    for (int i = 0; i < 1500; ++i)
        make_files(template_of_to + "/many",
                   {std::to_string(i) + (i % 3 == 0 ? ".keep" : ""),
                    "sub/" + std::to_string(i % 50) + "/" + std::to_string(i)});
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const char* filter : {"", "*.keep\n"}) {
            CAPTURE(filter);
            const std::string to = directory / backend_name(backend) + (*filter ? "-filter" : "");
            output_of({"cp", "-a", template_of_to, to});
            Options options =
                recursive(ARSYNC_COPY_MIRROR).with_report(ARSYNC_REPORT_ALL).with_filter(filter);
            const uint32_t flags = options.flags;
            const Names before = names_in(to);
            const TreeCopy dry = copy_tree(pool, directory / "from", to,
                                           options.with_flags(flags | ARSYNC_COPY_DRY_RUN));
            CHECK(names_in(to) == before);
            const TreeCopy real =
                copy_tree(pool, directory / "from", to, options.with_flags(flags));
            INFO("dry:\n"
                 << lines(dry.actions()) << words(dry) << "\nreal:\n"
                 << lines(real.actions()) << words(real));
            CHECK(dry.job.result == 0);
            CHECK(real.job.result == 0);
            CHECK(dry.totals.removed == real.totals.removed);
            CHECK(real.totals.removed == before.size() + 2 - names_in(to).size()); // two were made
            CHECK(dry.actions() == real.actions());
        }
    }
}

TEST_CASE_FIXTURE(Clean, "an extra directory that holds what is excluded alone is not spoken of") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_files(directory / "to", {"a", "kept/1.keep", "kept/deep/2.keep", "gone/3"});
    Pool pool;
    const Options real =
        recursive(ARSYNC_COPY_MIRROR).with_report(ARSYNC_REPORT_ALL).with_filter("*.keep\n");
    Options dry = real;
    dry.flags |= ARSYNC_COPY_DRY_RUN;
    for (const Options& options : {dry, real}) {
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", options);
        INFO(lines(copy.actions()) << words(copy));
        CHECK(copy.job.result == 0);
        CHECK(copy.find("kept") == nullptr);
        CHECK(copy.action_of("gone") == ARSYNC_ACTION_REMOVE);
        CHECK(copy.entries.size() == 3); // "", a, gone
        CHECK(copy.totals.removed == 2);
    }
    CHECK_NAMES(directory / "to", {"a", "kept", "kept/1.keep", "kept/deep", "kept/deep/2.keep"});
}

} // namespace live
