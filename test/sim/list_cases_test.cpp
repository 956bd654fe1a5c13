// Lists, one by one, in which something once went wrong side by side that one after the other does
// not.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <utility>

#include "sim/list_checks.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

// Files of these names in "in" and "out", each with its name and the directory's as its content,
// and items between them.
class Listed {
public:
    Listed(uint64_t seed, const arsync_copy_options& options, std::vector<ListItemNames> items,
           const WorldOptions& world = {})
        : list(scenario(seed, options, std::move(items), world)) {
        in = list.world.disk.root().names.at("in");
        out = list.world.disk.root().names.at("out");
    }

    InodeNumber add(InodeNumber directory, const std::string& name) {
        const std::string text = (directory == in ? "in/" : "out/") + name;
        return add_file(list.world, directory, name.c_str(), content_of(text), 0644);
    }
    // What is there was written long ago: what was not may be another item's work.
    void age() {
        Disk& disk = list.world.disk;
        for (const InodeNumber directory : {in, out})
            for (const auto& [name, number] : disk.at(directory).names)
                disk.at(number).attributes.changed = {};
    }
    void answer_all(uint32_t answer) {
        list.pool().answer = [this, answer](uint64_t, const std::string&) {
            ++questions;
            return answer;
        };
    }
    void run() {
        list.run();
        for (const std::string& problem : list.world.problems)
            FAIL_CHECK(problem);
    }
    std::string text(const std::string& name) const {
        const Inode* found = at_path(list.world.disk, out, name);
        return found ? text_of(found->content) : "nothing";
    }
    int result(size_t item) const { return list.item(item)->outcome.result; }

    ListSimulation list;
    InodeNumber in = 0, out = 0;
    unsigned questions = 0; // that answer_all() has answered

private:
    static ListScenario scenario(uint64_t seed, const arsync_copy_options& options,
                                 std::vector<ListItemNames> items, WorldOptions world) {
        ListScenario s;
        world.seed = seed;
        s.tree.world = world;
        s.tree.options = options;
        s.tree.directories = s.tree.entries = 0;
        s.tree.workers = 1 + static_cast<unsigned>(seed % 3);
        s.items = std::move(items);
        return s;
    }
};

constexpr uint64_t orders = 40; // seeds that each order things in another way

uint32_t keep_both(uint64_t, const std::string&) {
    return ARSYNC_ANSWER_KEEP_BOTH;
}

// So many that they are made durable as one.
std::vector<ListItemNames> many_items() {
    std::vector<ListItemNames> items;
    for (int i = 0; i < 20; ++i)
        items.push_back({"in/" + std::to_string(i), "out/" + std::to_string(i)});
    return items;
}

arsync_copy_options durable() {
    arsync_copy_options options = {};
    options.durability = ARSYNC_DURABILITY_FULL;
    return options;
}

// Of what syncfs(2) says that it was lost, all but this is on the disk.
void lose_only(Listed& listed, const std::string& name) {
    listed.list.meanwhile = [&listed, name, told = false](const Step& step) mutable {
        if (step.call != Call::sync_filesystem || std::exchange(told, true))
            return 0;
        Disk& disk = listed.list.world.disk;
        const InodeNumber lost = disk.at(listed.out).names.at(name);
        for (const InodeNumber number : disk.numbers())
            if (number != lost)
                disk.sync_all(disk.at(number));
        return -EIO;
    };
}

} // namespace

TEST_CASE("a dry run of a list that keeps both of what it would just have made comes to its end") {
    arsync_copy_options options = {};
    options.flags = ARSYNC_COPY_DRY_RUN;
    options.update = ARSYNC_UPDATE_ASK;
    Listed listed(1, options, {{"in/a", "out/x"}, {"in/b", "out/x"}});
    listed.add(listed.in, "a");
    listed.add(listed.in, "b");
    listed.add(listed.out, "x");
    listed.list.pool().answer = keep_both;
    listed.run();
    CHECK(listed.result(0) == 0);
    CHECK(listed.result(1) == 0);
    CHECK(listed.text("x") == "out/x");
}

TEST_CASE("where names fold numbered backups of one file are counted in all its spellings") {
    for (const auto backup : {ARSYNC_BACKUP_NUMBERED, ARSYNC_BACKUP_EXISTING}) {
        arsync_copy_options options = {};
        options.backup = backup;
        Listed listed(1, options, {{"in/a", "out/x"}});
        listed.list.world.disk.at(listed.out).folds = true;
        for (const char* name : {"X", "X.~1~", "x.~9~", "Y.~11~"})
            listed.add(listed.out, name);
        listed.add(listed.in, "a");
        listed.run();
        CHECK(listed.result(0) == 0);
        CHECK(listed.text("x") == "in/a");
        CHECK(listed.text("x.~10~") == "out/X");
        CHECK(listed.text("x.~1~") == "out/X.~1~");
    }
}

TEST_CASE("a numbered backup whose name is taken before it has it gets another one, and an end") {
    arsync_copy_options options = {};
    options.backup = ARSYNC_BACKUP_NUMBERED;
    for (const bool always : {false, true}) {
        Listed listed(1, options, {{"in/a", "out/x"}});
        listed.add(listed.out, "x");
        listed.add(listed.in, "a");
        unsigned tried = 0;
        listed.list.meanwhile = [&](const Step& step) {
            if (step.call != Call::rename || step.path != "out/x")
                return 0;
            ++tried;
            return always || tried <= 2 ? -EEXIST : 0;
        };
        listed.run();
        CHECK(listed.result(0) == (always ? -EEXIST : 0));
        CHECK(listed.text("x") == std::string(always ? "out/x" : "in/a"));
        CHECK(listed.text("x.~2~") == std::string(always ? "nothing" : "out/x"));
    }
}

TEST_CASE("where names fold a dry run refuses what the copy would, a second spelling") {
    for (const bool folds : {false, true})
        for (const uint32_t flags : {0u, uint32_t{ARSYNC_COPY_DRY_RUN}}) {
            CAPTURE(flags);
            arsync_copy_options options = {};
            options.flags = flags;
            Listed listed(1, options, {{"in/a", "out/x"}, {"in/b", "out/X"}});
            listed.list.world.disk.at(listed.out).folds = folds;
            listed.add(listed.in, "a");
            listed.add(listed.in, "b");
            listed.run();
            CHECK(listed.result(0) == 0);
            CHECK(listed.result(1) == (folds ? -EEXIST : 0));
        }
}

// In a directory that is new: what the list itself has made there is asked about.
TEST_CASE("where names fold a second spelling is asked about, in one tree too") {
    arsync_copy_options options = {};
    options.flags = ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
    options.update = ARSYNC_UPDATE_ASK;
    for (const uint32_t answer : {ARSYNC_ANSWER_REPLACE, ARSYNC_ANSWER_SKIP}) {
        Listed listed(0, options, {{"in/f", "out/in/f"}, {"in/F", "out/in/F"}});
        listed.list.world.disk.at(listed.out).folds = true;
        listed.add(listed.in, "f");
        listed.add(listed.in, "F");
        listed.answer_all(answer);
        listed.run();
        CHECK(listed.questions == 1);
        CHECK(listed.result(0) == 0);
        CHECK(listed.result(1) == (answer == ARSYNC_ANSWER_SKIP ? 0 : -EEXIST));
    }
}

TEST_CASE("where names fold nothing is written through a link that the list has just made") {
    arsync_copy_options options = {};
    options.symlinks = ARSYNC_SYMLINKS_KEEP;
    options.flags = ARSYNC_COPY_DANGLING;
    Listed listed(1, options, {{"in/l", "out/x"}, {"in/a", "out/X"}});
    listed.list.world.disk.at(listed.out).folds = true;
    add_symlink(listed.list.world, listed.in, "l", "nowhere");
    listed.add(listed.in, "a");
    listed.run();
    CHECK(listed.result(0) == 0);
    CHECK(listed.result(1) == -ELOOP);
    CHECK(listed.text("nowhere") == "nothing");
}

TEST_CASE(
    "what is written through a link that leads nowhere has ended before others get its name") {
    for (uint64_t seed = 0; seed < orders; ++seed) {
        CAPTURE(seed);
        arsync_copy_options options = {};
        options.flags = ARSYNC_COPY_DANGLING;
        Listed listed(seed, options, {{"in/a", "out/x"}, {"in/b", "out/y"}});
        add_symlink(listed.list.world, listed.out, "x", "y");
        const std::string large(3'000'000, 'a');
        add_file(listed.list.world, listed.in, "a", content_of(large), 0644);
        listed.add(listed.in, "b");
        listed.age();
        listed.run();
        CHECK(listed.result(0) == 0);
        CHECK(listed.result(1) == 0);
        CHECK((listed.text("y") == "in/b")); // which would print all of a
    }
}

TEST_CASE("what a list has made of a link is looked at, and not taken for absent") {
    for (uint64_t seed = 0; seed < orders; ++seed) {
        CAPTURE(seed);
        std::vector<ListItemNames> items = many_items(); // so many that the directory is listed
        items.push_back({"in/l", "./out/n"});            // leads to m
        items.push_back({"in/z", "out/m"});
        items.push_back({"in/y", "out/n"}); // must wait for z, which is written there, too
        arsync_copy_options options = {};
        options.symlinks = ARSYNC_SYMLINKS_KEEP;
        Listed listed(seed, options, std::move(items));
        for (int i = 0; i < 20; ++i)
            listed.add(listed.in, std::to_string(i));
        listed.add(listed.out, "m");
        add_symlink(listed.list.world, listed.in, "l", "m");
        const std::string large(3'000'000, 'z');
        add_file(listed.list.world, listed.in, "z", content_of(large), 0644);
        listed.add(listed.in, "y");
        listed.age();
        listed.run();
        for (size_t i = 0; i < 23; ++i)
            CHECK(listed.result(i) == 0);
        CHECK((listed.text("m") == "in/y")); // which would print all of z
    }
}

TEST_CASE("progress counts a directory that cannot be begun as an entry that has failed") {
    arsync_copy_options options = {};
    options.flags = ARSYNC_COPY_RECURSIVE;
    Listed listed(1, options, {{"in", "out/missing/in"}, {"in/a", "out/a"}});
    listed.add(listed.in, "a");
    listed.run();
    CHECK(listed.result(0) == -ENOENT);
    CHECK(listed.list.is_counted());
}

TEST_CASE("a durable list tells of its own losses, and not of what other programs have lost") {
    for (uint64_t seed = 0; seed < orders; ++seed) {
        WorldOptions world;
        world.others_lose = true;
        std::vector<ListItemNames> items = many_items();
        items.push_back({"in/0", "out/missing/0"}); // of which nothing can be lost
        items.push_back({"in/0", "out/1/"});
        Listed others(seed, durable(), items, world);
        Listed own(seed, durable(), many_items());
        lose_only(own, "7");
        for (Listed* listed : {&others, &own}) {
            for (int i = 0; i < 20; ++i)
                listed->add(listed->in, std::to_string(i));
            listed->run();
        }
        CHECK(others.list.totals().errors == 2);
        CHECK(own.list.outcome().result == -EIO);
        CHECK(own.list.outcome().stage == ARSYNC_STAGE_SYNC);
    }
}

TEST_CASE("a durable list asks for links that it has found, too, when there is a loss") {
    for (const bool found : {false, true}) {
        CAPTURE(found);
        arsync_copy_options options = durable();
        options.flags = ARSYNC_COPY_HARD_LINK;
        Listed listed(1, options, many_items());
        World& world = listed.list.world;
        for (int i = 0; i < 20; ++i) {
            const std::string name = std::to_string(i);
            const InodeNumber source = listed.add(listed.in, name);
            if (found)
                add_name(world, listed.out, name.c_str(), source);
        }
        lose_only(listed, "7");
        listed.run();
        for (size_t i = 0; i < 20; ++i)
            CHECK(listed.result(i) == 0);
        CHECK(listed.list.item(7)->outcome.action ==
              (found ? ARSYNC_ACTION_SKIP : ARSYNC_ACTION_HARD_LINK));
        CHECK(listed.list.outcome().result == -EIO);
        CHECK(listed.list.outcome().stage == ARSYNC_STAGE_SYNC);
    }
}

// Both are the list's own, and no item's.
TEST_CASE("a list whose way fails, and that is not durable in the end, tells of two errors more") {
    for (const bool way_fails : {false, true})
        for (const auto report : {ARSYNC_REPORT_ERRORS, ARSYNC_REPORT_NONE}) {
            CAPTURE(way_fails);
            WorldOptions world;
            world.others_lose = true;
            std::vector<ListItemNames> items;
            for (int i = 0; i < 20; ++i)
                items.push_back({"in/" + std::to_string(i), "out/in/" + std::to_string(i)});
            arsync_copy_options options = durable();
            options.flags =
                ARSYNC_COPY_PARENTS | ARSYNC_COPY_VERIFY; // which leaves no memory of it
            options.preserve = ARSYNC_PRESERVE_TIMES;
            options.report = report;
            Listed listed(1, options, items, world);
            for (int i = 0; i < 20; ++i)
                listed.add(listed.in, std::to_string(i));
            listed.list.meanwhile = [&](const Step& step) {
                const bool of_way =
                    step.call == Call::set_times && step.subject == Subject::directory;
                return way_fails && of_way ? -EPERM : 0;
            };
            listed.run();
            for (size_t i = 0; i < items.size(); ++i)
                CHECK(listed.result(i) == 0);
            CHECK(listed.list.totals().errors == (way_fails ? 2 : 1));
            CHECK(listed.list.is_counted());
            CHECK(listed.list.outcome().result == -EIO); // the graver one
            CHECK(listed.list.outcome().stage == ARSYNC_STAGE_SYNC);
        }
}

TEST_CASE("a durable list asks for what was kept as both, and for backups, when there is a loss") {
    for (const bool backs_up : {false, true})
        for (uint64_t seed = 0; seed < orders; ++seed) {
            arsync_copy_options options = durable();
            options.update = backs_up ? ARSYNC_UPDATE_ALL : ARSYNC_UPDATE_ASK;
            options.backup = backs_up ? ARSYNC_BACKUP_NUMBERED : ARSYNC_BACKUP_NONE;
            std::vector<ListItemNames> items = many_items();
            items.push_back({"in/1", "out/0"}); // after one that made it
            Listed listed(seed, options, items);
            for (int i = 0; i < 20; ++i)
                listed.add(listed.in, std::to_string(i));
            listed.list.pool().answer = keep_both;
            lose_only(listed, backs_up ? "0.~1~" : "0 (1)");
            listed.run();
            CHECK(listed.result(20) == 0);
            CHECK(listed.list.outcome().result == -EIO);
        }
}

TEST_CASE("a durable list that is cancelled while it syncs file by file syncs no more of them") {
    for (uint64_t seed = 0; seed < orders; ++seed) {
        WorldOptions world;
        world.others_lose = true;
        Listed listed(seed, durable(), many_items(), world);
        for (int i = 0; i < 20; ++i)
            listed.add(listed.in, std::to_string(i));
        bool one_by_one = false;
        int syncs = 0;
        listed.list.meanwhile = [&](const Step& step) {
            one_by_one = one_by_one || step.call == Call::sync_filesystem;
            if (one_by_one && step.call == Call::sync && ++syncs == 2)
                listed.list.cancel();
            return 0;
        };
        listed.run();
        CHECK(syncs == 2);
        CHECK(listed.list.outcome().result == -ECANCELED);
    }
}

TEST_CASE("what an item is to be kept as, or backed up as, waits for it to be") {
    for (uint64_t seed = 0; seed < orders; ++seed) {
        arsync_copy_options options = {};
        options.backup = ARSYNC_BACKUP_EXISTING;
        Listed backups(seed, options, {{"in/a", "out/x"}, {"in/b", "out/x.~1~"}});
        options.backup = ARSYNC_BACKUP_NONE;
        options.update = ARSYNC_UPDATE_ASK;
        Listed both(seed, options, {{"in/a", "out/x"}, {"in/b", "out/x (1)"}});
        for (Listed* listed : {&backups, &both}) {
            listed->add(listed->in, "a");
            listed->add(listed->in, "b");
            listed->add(listed->out, "x");
            listed->list.pool().answer = keep_both;
            listed->run();
        }
        CHECK(backups.text("x~") == "out/x"); // there was no numbered one
        CHECK(backups.text("x.~1~") == "in/b");
        CHECK(both.text("x (1)") == "in/a");
        CHECK(both.text("x (1) (1)") == "in/b");
    }
}

TEST_CASE("an item that could not be looked at fails, for nobody knows what it would meet") {
    for (uint64_t seed = 0; seed < orders; ++seed) {
        Listed listed(seed, {}, {{"in/a", "out/x"}, {"in/b", "out/x"}});
        listed.add(listed.in, "a");
        listed.add(listed.in, "b");
        unsigned looks = 0; // the second is when nothing else is in flight
        listed.list.meanwhile = [&](const Step& step) {
            const bool looks_at_it = step.call == Call::statx && step.path == "in/b";
            return looks_at_it && looks++ < 2 ? -EIO : 0;
        };
        listed.run();
        CHECK(looks == 2);
        CHECK(listed.result(0) == 0);
        CHECK(listed.result(1) == -EIO);
        CHECK(listed.text("x") == "in/a");
    }
}

TEST_CASE("a further name of a file is no link to a copy that an item before it has replaced") {
    arsync_copy_options options = {};
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.preserve = ARSYNC_PRESERVE_LINKS;
    options.replace = ARSYNC_REPLACE_ATOMIC;
    options.update = ARSYNC_UPDATE_CHANGED;
    for (uint64_t seed = 0; seed < orders; ++seed) {
        Listed listed(seed, options,
                      {{"in/a", "out/a"}, {"in/longer", "out/a"}, {"in/b", "out/b"}});
        World& world = listed.list.world;
        const InodeNumber source = listed.add(listed.in, "a");
        add_name(world, listed.in, "b", source);
        listed.add(listed.in, "longer");
        // As large and as old, so it stays.
        const InodeNumber old = add_file(world, listed.out, "a", content_of("OUT/"), 0644);
        world.disk.at(old).attributes.modified = world.disk.at(source).attributes.modified;
        listed.run();
        CHECK(listed.text("a") == "in/longer");
        CHECK(listed.text("b") == "in/a");
    }
}

TEST_CASE("a further name is asked about before it takes the place of a link that leads nowhere") {
    arsync_copy_options options = {};
    options.preserve = ARSYNC_PRESERVE_LINKS;
    options.update = ARSYNC_UPDATE_ASK;
    for (const uint32_t answer : {ARSYNC_ANSWER_REPLACE, ARSYNC_ANSWER_SKIP}) {
        Listed listed(0, options, {{"in/a", "out/a"}, {"in/b", "out/b"}});
        World& world = listed.list.world;
        add_name(world, listed.in, "b", listed.add(listed.in, "a"));
        add_symlink(world, listed.out, "b", "nowhere");
        listed.answer_all(answer);
        listed.run();
        CHECK(listed.questions == 1);
        CHECK(listed.result(0) == 0);
        CHECK(listed.result(1) == 0);
        CHECK(listed.text("a") == "in/a");
        const InodeNumber b = world.disk.at(listed.out).names.at("b");
        CHECK((b == world.disk.at(listed.out).names.at("a")) == (answer == ARSYNC_ANSWER_REPLACE));
    }
}

// Renaming one name of a file to another does nothing, so the name does not become free.
TEST_CASE("what has its backup's name already is asked about once") {
    for (const uint32_t preserve : {0u, uint32_t{ARSYNC_PRESERVE_LINKS}}) {
        arsync_copy_options options = {};
        options.preserve = preserve;
        options.update = ARSYNC_UPDATE_ASK;
        options.backup = ARSYNC_BACKUP_SIMPLE;
        Listed listed(0, options, {{"in/a", "out/a"}, {"in/a", "out/b"}});
        World& world = listed.list.world;
        add_name(world, listed.in, "again", listed.add(listed.in, "a"));
        add_name(world, listed.out, "b~",
                 add_file(world, listed.out, "b", content_of("old"), 0644));
        unsigned questions = 0;
        listed.list.pool().answer = [&](uint64_t, const std::string&) {
            return ++questions < 10 ? ARSYNC_ANSWER_REPLACE : ARSYNC_ANSWER_STOP;
        };
        listed.run();
        CHECK(questions == 1);
        CHECK(listed.result(0) == 0);
        CHECK(listed.result(1) == -EEXIST);
        CHECK(listed.text("b") == "old");
        CHECK(listed.text("b~") == "old");
    }
}

TEST_CASE("want of descriptors on the way to an item is waited for, wherever they run out") {
    for (const uint32_t beneath : {0u, ARSYNC_COPY_BENEATH})
        for (const int error : {EMFILE, ENFILE}) {
            arsync_copy_options options = {};
            options.flags = ARSYNC_COPY_PARENTS | beneath;
            uint64_t steps = 1;
            for (uint64_t step = 0; step < steps; ++step) {
                Listed listed(1, options, {{"in/d/e/a", "out/in/d/e/a"}, {"in/d/b", "out/in/d/b"}});
                World& world = listed.list.world;
                const InodeNumber d = add_directory(world, listed.in, "d");
                add_file(world, add_directory(world, d, "e"), "a", content_of("a"), 0644);
                add_file(world, d, "b", content_of("b"), 0644);
                listed.list.fail_at = step;
                listed.list.fail_with = error;
                listed.run();
                steps = world.steps();
                CAPTURE(step);
                CHECK(listed.result(0) == 0);
                CHECK(listed.result(1) == 0);
                CHECK(listed.text("in/d/e/a") == "a");
                CHECK(listed.text("in/d/b") == "b");
            }
            CHECK(steps > 30);
        }
}

TEST_CASE("what was removed before descriptors ran out is told when it is copied in the end") {
    for (const int error : {EMFILE, ENFILE}) {
        arsync_copy_options options = {};
        options.replace = ARSYNC_REPLACE_REMOVE;
        Listed listed(1, options, {{"in/a", "out/a"}});
        listed.add(listed.in, "a");
        listed.add(listed.out, "a");
        listed.age();
        bool removed = false, failed = false;
        listed.list.meanwhile = [&](const Step& step) {
            removed = removed || step.call == Call::unlink;
            const bool opens = removed && step.call == Call::open;
            return opens && !std::exchange(failed, true) ? -error : 0;
        };
        listed.run();
        CHECK(failed);
        CHECK(listed.result(0) == 0);
        CHECK(listed.text("a") == "in/a");
        CHECK((listed.list.item(0)->outcome.flags & ARSYNC_COMPLETION_REPLACED) != 0);
    }
}

TEST_CASE("a tree that could not be begun is copied with the one that it lies in") {
    for (uint64_t seed = 0; seed < orders; ++seed) {
        arsync_copy_options options = {};
        options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
        Listed listed(seed, options, {{"in/d/sub", "out/in/d/sub"}, {"in/d", "out/in/d"}});
        World& world = listed.list.world;
        const InodeNumber d = add_directory(world, listed.in, "d");
        add_file(world, add_directory(world, d, "sub"), "f", content_of("f"), 0644);
        bool failed = false;
        listed.list.meanwhile = [&](const Step& step) {
            const bool makes = step.call == Call::make_directory && step.path == "sub";
            return makes && !std::exchange(failed, true) ? -EIO : 0;
        };
        listed.run();
        CHECK(failed);
        CHECK(listed.result(0) == -EIO);
        CHECK(listed.result(1) == 0);
        CHECK(listed.text("in/d/sub/f") == "f");
    }
}

// Another directory may be at the link's end by the time it is asked again.
TEST_CASE("a mirror beneath a directory removes nothing once a link leads to its source") {
    for (const bool linked : {true, false}) {
        arsync_copy_options options = {};
        options.flags =
            ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH | ARSYNC_COPY_MIRROR;
        Listed listed(1, options, {{"in/a/b", "out/in/a/b"}});
        World& world = listed.list.world;
        const InodeNumber a = add_directory(world, listed.in, "a");
        add_file(world, add_directory(world, a, "b"), "f", content_of("f"), 0644);
        const InodeNumber there = add_directory(
            world, add_directory(world, add_directory(world, listed.out, "in"), "a"), "b");
        add_file(world, there, "extra", content_of("extra"), 0644);
        bool swapped = false;
        listed.list.meanwhile = [&](const Step& step) {
            if (linked && !swapped && step.call == Call::list) {
                swapped = true;
                world.change_names(listed.in, {{"a", std::nullopt}, {"moved", a}});
                add_symlink(world, listed.in, "a", "moved");
            }
            return 0;
        };
        listed.run();
        CHECK(swapped == linked);
        CHECK(listed.result(0) == (linked ? -ESTALE : 0));
        CHECK(listed.text("in/a/b/extra") == (linked ? "extra" : "nothing"));
        CHECK(listed.text("in/a/b/f") == "f");
    }
}

// Of many items the directory that they go to is listed, and what is not in it is not looked for.
TEST_CASE("what comes to a directory after it was listed is overwritten as what was there before") {
    for_each_seed(orders, [](uint64_t seed) {
        Listed listed(seed, {}, many_items());
        for (int i = 0; i < 20; ++i)
            listed.add(listed.in, std::to_string(i));
        listed.add(listed.out, "3");
        listed.age();
        bool came = false;
        int looks = 0;
        listed.list.meanwhile = [&](const Step& step) {
            looks += step.call == Call::statx && step.path.starts_with("out/");
            const bool makes = step.call == Call::open && (step.flags & O_CREAT) != 0;
            if (makes && !std::exchange(came, true))
                listed.add(listed.out, "19");
            return 0;
        };
        listed.run();
        CAPTURE(seed);
        CHECK(came);
        CHECK(looks > 0); // for those that are there
        CHECK(looks < 15);
        for (size_t i = 0; i < 20; ++i) {
            CHECK(listed.result(i) == 0);
            CHECK(listed.text(std::to_string(i)) == "in/" + std::to_string(i));
        }
    });
}

TEST_CASE(
    "a name that was free, and that two items go to, is the first one's, or the last spelling's") {
    for_each_seed(orders, [](uint64_t seed) {
        std::vector<ListItemNames> items = many_items();
        items.push_back({"in/3", "out/5"});
        items.push_back({"in/4", "out/./6"}); // as cp takes it
        Listed listed(seed, {}, std::move(items));
        for (int i = 0; i < 20; ++i)
            listed.add(listed.in, std::to_string(i));
        listed.age();
        listed.run();
        CAPTURE(seed);
        CHECK(listed.result(20) == -EEXIST);
        CHECK(listed.text("5") == "in/5");
        CHECK(listed.result(21) == 0);
        CHECK(listed.text("6") == "in/4");
    });
}

// One item makes it under another spelling of its directory, or somebody else does; the next reads
// it, and the last replaces it: not before it was read.
TEST_CASE("what came to a listed directory, and is read there, is replaced after that") {
    for_each_seed(orders, [](uint64_t seed) {
        arsync_copy_options options = {};
        options.method = ARSYNC_METHOD_FIXED; // which waits at each step
        for (const bool by_item : {true, false}) {
            std::vector<ListItemNames> items = many_items();
            if (by_item)
                items.push_back({"in/a", "./out/x"});
            items.push_back({"out/x", "in/b"});
            items.push_back({"in/c", "out/x"});
            Listed listed(seed, options, std::move(items));
            const std::string large(200'000, 'l'); // it is read piece by piece
            const auto add_large = [&](InodeNumber directory, const char* name) {
                Disk& disk = listed.list.world.disk;
                disk.at(listed.add(directory, name)).content = content_of(large);
            };
            add_large(listed.in, "a");
            listed.add(listed.in, "c");
            for (int i = 0; i < 20; ++i)
                listed.add(listed.in, std::to_string(i));
            listed.age();
            bool came = by_item;
            listed.list.meanwhile = [&](const Step& step) {
                const bool makes = step.call == Call::open && (step.flags & O_CREAT) != 0;
                if (makes && !std::exchange(came, true))
                    add_large(listed.out, "x");
                return 0;
            };
            listed.run();
            CAPTURE(seed);
            CAPTURE(by_item);
            CHECK(came);
            const Inode* read = at_path(listed.list.world.disk, listed.in, "b");
            REQUIRE(read);
            CHECK(text_of(read->content) == large);
            CHECK(listed.text("x") == "in/c");
        }
    });
}

TEST_CASE("a link that is followed, and cannot be looked at, is not copied as a link instead") {
    arsync_copy_options options = {};
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.preserve = ARSYNC_PRESERVE_LINKS;
    options.symlinks = ARSYNC_SYMLINKS_FOLLOW_TOP;
    for (int failing = 0; failing < 8; ++failing) {
        Listed listed(static_cast<uint64_t>(failing), options, {{"in/l", "out/l"}});
        listed.add(listed.in, "a");
        add_symlink(listed.list.world, listed.in, "l", "a");
        int looks = 0;
        listed.list.meanwhile = [&](const Step& step) {
            const bool fails =
                step.call == Call::statx && step.path == "in/l" && looks++ == failing;
            return fails ? -EIO : 0;
        };
        listed.run();
        CAPTURE(failing);
        CHECK(listed.result(0) == (looks > failing ? -EIO : 0));
        CHECK(listed.text("l") == (looks > failing ? "nothing" : "in/a"));
    }
}

TEST_CASE(
    "what comes to a name that a list's directory did not have is met as if it had been there") {
    enum class Comes { file, link, directory };
    for (const Comes comes : {Comes::file, Comes::link, Comes::directory})
        for (const uint16_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_EXCLUSIVE}) {
            arsync_copy_options options = {};
            options.replace = replace;
            Listed listed(7, options, many_items());
            World& world = listed.list.world;
            for (size_t i = 0; i < many_items().size(); ++i)
                listed.add(listed.in, std::to_string(i));
            const InodeNumber linked = listed.add(listed.out, "linked");
            int made = 0;
            size_t taken = 0;
            InodeNumber newcomer = 0;
            listed.list.meanwhile = [&](const Step& step) {
                if (step.call != Call::open || (step.flags & O_CREAT) == 0 || ++made != 15)
                    return 0;
                const std::string name = step.path.substr(step.path.rfind('/') + 1);
                taken = std::stoul(name);
                if (comes == Comes::file)
                    newcomer = listed.add(listed.out, name);
                else if (comes == Comes::link)
                    newcomer = add_symlink(world, listed.out, name.c_str(), "linked");
                else
                    newcomer = add_directory(world, listed.out, name.c_str());
                return 0;
            };
            listed.run();
            CAPTURE(static_cast<int>(comes));
            CAPTURE(replace);
            const bool exclusive = replace == ARSYNC_REPLACE_EXCLUSIVE;
            const int expected = exclusive ? -EEXIST : comes == Comes::directory ? -EISDIR : 0;
            const std::string name = std::to_string(taken);
            REQUIRE(newcomer != 0);
            for (size_t i = 0; i < many_items().size(); ++i)
                CHECK(listed.result(i) == (i == taken ? expected : 0));
            CHECK(world.disk.at(listed.out).names.at(name) == newcomer);
            const std::string old = comes == Comes::file ? "out/" + name : "out/linked";
            const std::string& text =
                text_of(world.disk.at(comes == Comes::file ? newcomer : linked).content);
            CHECK(text == (expected == 0 ? "in/" + name : old));
        }
}

// To start a thread, and its ring, takes longer than to share a file's blocks.
TEST_CASE("a large item calls others for those that follow it, and for nobody else") {
    for (const size_t count : {size_t{1}, size_t{2}}) {
        bool helped = false;
        for (uint64_t seed = 1; seed < 3 * orders; seed += 3) { // of two workers
            std::vector<ListItemNames> items;
            for (size_t i = 0; i < count; ++i)
                items.push_back({"in/" + std::to_string(i), "out/" + std::to_string(i)});
            Listed listed(seed, arsync_copy_options{}, items);
            const std::string text(9 << 20, 'x');
            for (size_t i = 0; i < count; ++i)
                add_file(listed.list.world, listed.in, std::to_string(i).c_str(), content_of(text),
                         0644);
            listed.run();
            for (size_t i = 0; i < count; ++i) {
                CHECK(listed.result(i) == 0);
                CHECK(listed.text(std::to_string(i)) == text);
            }
            helped = helped || listed.list.helped();
        }
        CAPTURE(count);
        CHECK(helped == (count > 1));
    }
}

// Made at once, for nothing had its name; a server does not take its first write, and nothing may
// be removed there.
TEST_CASE("what was made in vain and cannot be removed is overwritten where it need not be new") {
    WorldOptions world;
    world.filesystem_type = ext4_magic;
    int kept = 0;
    for_each_seed(orders, [&](uint64_t seed) {
        Listed listed(seed, {}, many_items(), world);
        for (int i = 0; i < 20; ++i)
            listed.list.world.disk.at(listed.add(listed.in, std::to_string(i))).cached = {0};
        listed.age();
        bool refused = false;
        listed.list.meanwhile = [&](const Step& step) {
            if (step.call == Call::write_now && !std::exchange(refused, true))
                return -EAGAIN;
            kept += step.call == Call::unlink;
            return step.call == Call::unlink ? -EPERM : 0;
        };
        listed.run();
        CAPTURE(seed);
        CHECK(refused);
        for (size_t i = 0; i < 20; ++i) {
            CHECK(listed.result(i) == 0);
            CHECK(listed.text(std::to_string(i)) == "in/" + std::to_string(i));
        }
    });
    CHECK(kept > 0);
}

TEST_CASE("a list tells of an owner that a directory on the way has lost, as one copy does") {
    for (const size_t count : {size_t{1}, size_t{2}}) {
        arsync_copy_options options = {};
        options.flags = ARSYNC_COPY_PARENTS;
        options.preserve = ARSYNC_PRESERVE_OWNER;
        WorldOptions world;
        world.privileged = false;
        std::vector<ListItemNames> items = {{"in/d/a", "out/in/d/a"}, {"in/d/b", "out/in/d/b"}};
        items.resize(count);
        Listed listed(1, options, items, world);
        const InodeNumber d = add_directory(listed.list.world, listed.in, "d");
        listed.list.world.disk.at(d).attributes.uid = 1000;
        add_file(listed.list.world, d, "a", content_of("a"), 0644);
        add_file(listed.list.world, d, "b", content_of("b"), 0644);
        listed.run();
        CHECK((listed.list.outcome().flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
        unsigned ways = 0;
        for (const SimulatedPool::Event& event : listed.list.events())
            if (event.kind == ARSYNC_COMPLETION_WAY) {
                CHECK(event.path == "in/d");
                CHECK((event.outcome.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
                ++ways;
            }
        CHECK(ways == 1);
    }
}

TEST_CASE(
    "a directory that is itself an item of shallow ones gets its attributes, if ways do not") {
    for (const uint32_t beneath : {0u, uint32_t{ARSYNC_COPY_BENEATH}})
        for (const uint32_t bare : {0u, uint32_t{ARSYNC_COPY_BARE_PARENTS}}) {
            CAPTURE(bare);
            CAPTURE(beneath);
            arsync_copy_options options = {};
            options.flags =
                ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_SHALLOW | ARSYNC_COPY_PARENTS | bare | beneath;
            options.preserve = ARSYNC_PRESERVE_OWNER;
            Listed listed(1, options, {{"in/d", "out/in/d"}});
            const InodeNumber d = add_directory(listed.list.world, listed.in, "d");
            listed.list.world.disk.at(d).attributes.uid = 1000;
            listed.run();
            CHECK(listed.result(0) == 0);
            const Inode* made = at_path(listed.list.world.disk, listed.out, "in/d");
            REQUIRE(made);
            CHECK(made->attributes.uid == 1000);
        }
}

} // namespace arsync::sim
