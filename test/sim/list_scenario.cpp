#include "sim/list_scenario.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "copy/question.h"
#include "options.h"

namespace arsync::sim {

namespace {

// All paths at and below a directory, as they are written from the root.
void add_paths(const Disk& disk, InodeNumber directory, const std::string& at,
               std::vector<std::string>& paths) {
    for (const auto& [name, number] : disk.at(directory).names) {
        const std::string path = at + "/" + name;
        paths.push_back(path);
        add_paths(disk, number, path, paths);
    }
}

std::string last_of_path(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

class Chooser {
public:
    Chooser(Random& random, const TreeScenario& tree) : random_(random), tree_(tree) {
        World world(tree.world);
        const Trees trees = build_trees(world, tree);
        add_paths(world.disk, trees.source, "in", sources_);
        if (trees.target != 0)
            add_paths(world.disk, trees.target, "out/target", there_);
        if (sources_.empty())
            sources_.push_back("in");
    }

    ListItemNames choose() {
        ListItemNames item{choose_source(), ""};
        item.destination = choose_destination(item.source);
        if (!tree_.asks(ARSYNC_COPY_PARENTS)) { // which has them end alike
            item.destination = respelled(item.destination);
            item.source = respelled(item.source);
        }
        // A link's text that is relative leads to the source from the working directory alone.
        if (tree_.asks(ARSYNC_COPY_SYMBOLIC_LINK))
            item.source = "/" + item.source;
        earlier_.push_back(item);
        return item;
    }

private:
    // Where names fold, what is below "out" by another case, now and then.
    std::string respelled(std::string path) {
        if (!tree_.folds || !path.starts_with("out/") || !random_.percent(40))
            return path;
        const size_t at = random_.percent(70) ? path.rfind('/') : 4;
        for (size_t i = at; i < path.size(); ++i)
            path[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(path[i])));
        return path;
    }
    const std::string& any(const std::vector<std::string>& all) {
        return all[random_.below(all.size())];
    }
    const ListItemNames& any_earlier() { return earlier_[random_.below(earlier_.size())]; }

    std::string choose_source() {
        const uint64_t kind = random_.below(100);
        if (kind < 3)
            return "in/missing";
        if (kind < 5)
            return "in";
        if (kind < 15 && !earlier_.empty())
            return any_earlier().source.substr(tree_.asks(ARSYNC_COPY_SYMBOLIC_LINK));
        const bool chains = !earlier_.empty() && !tree_.asks(ARSYNC_COPY_PARENTS) &&
                            !tree_.asks(ARSYNC_COPY_SYMBOLIC_LINK);
        if (kind < 25 && chains) { // what an earlier one makes
            const std::string& made = any_earlier().destination;
            return random_.percent(30) ? made + "/f" + std::to_string(random_.below(30)) : made;
        }
        return any(sources_);
    }

    std::string choose_destination(const std::string& source) {
        if (tree_.asks(ARSYNC_COPY_PARENTS))
            return random_.of({"out/", "out/target/", "out/", "out/missing/"}) + source;
        const uint64_t kind = random_.below(100);
        const std::string name = last_of_path(source);
        if (kind < 20 && !there_.empty())
            return any(there_);
        if (kind < 40 && tree_.existing && source.starts_with("in/"))
            return "out/target/" + source.substr(3);
        if (kind < 50 && !earlier_.empty())
            return any_earlier().destination;
        const bool below = !tree_.asks(ARSYNC_COPY_SYMBOLIC_LINK | ARSYNC_COPY_HARD_LINK);
        if (kind < 58 && !earlier_.empty() && below)
            return any_earlier().destination + "/" + name;
        if (kind < 62 && !earlier_.empty())
            return any_earlier().destination +
                   random_.of({"~", ".~1~", " (1)", below ? "/" : "", ".old"});
        if (kind < 65)
            return random_.of({"out/missing/", "out/./", "out/../out/", "out//"}) + name;
        if (kind < 70)
            return "out/shared" + std::to_string(random_.below(3));
        return "out/" + name;
    }

    Random& random_;
    const TreeScenario& tree_;
    std::vector<std::string> sources_, there_;
    std::vector<ListItemNames> earlier_;
};

void choose_world(Random& random, uint64_t seed, WorldOptions& world) {
    world.seed = seed;
    world.temporary_files = random.percent(70);
    world.offload = random.percent(60);
    world.reflink = random.percent(20);
    world.reports_residency = random.percent(80);
    world.filesystem_type = random.of({ext4_magic, ext4_magic, xfs_magic, btrfs_magic, nfs_magic});
    world.short_percent = random.of({0u, 0u, 30u});
    world.interrupt_percent = random.of({0u, 0u, 20u});
    world.uncached_percent = random.of({0u, 30u, 100u});
    world.untyped_percent = random.of({0u, 10u, 100u});
    world.denies_syncfs = random.percent(5);
    world.loses_syncfs = random.percent(5);
    world.others_lose = random.percent(10);
    world.lists_mounts = random.percent(70);
}

void choose_options(Random& random, TreeScenario& s) {
    arsync_copy_options& o = s.options;
    const auto sometimes = [&](unsigned chance, uint32_t flag) {
        o.flags |= random.percent(chance) ? flag : 0;
    };
    sometimes(70, ARSYNC_COPY_RECURSIVE);
    sometimes(10, ARSYNC_COPY_VERIFY);
    sometimes(8, ARSYNC_COPY_DRY_RUN);
    sometimes(8, ARSYNC_COPY_STOP_ON_ERROR);
    sometimes(15, ARSYNC_COPY_FORCE);
    sometimes(5, ARSYNC_COPY_NOFOLLOW);
    sometimes(5, ARSYNC_COPY_DANGLING);
    sometimes(3, ARSYNC_COPY_ATTRIBUTES_ONLY);
    if (random.percent(10))
        o.flags |= random.of({ARSYNC_COPY_HARD_LINK, ARSYNC_COPY_SYMBOLIC_LINK});
    else
        sometimes(15, ARSYNC_COPY_PARENTS);
    const bool recursive = s.asks(ARSYNC_COPY_RECURSIVE);
    if (recursive && !s.asks(ARSYNC_COPY_PARENTS))
        sometimes(10, ARSYNC_COPY_MIRROR);
    const bool mirror = s.asks(ARSYNC_COPY_MIRROR);
    o.preserve = random.percent(40) ? 31 : static_cast<uint32_t>(random.below(32));
    o.replace = static_cast<uint32_t>(random.below(4));
    if (!mirror && o.replace != ARSYNC_REPLACE_EXCLUSIVE && random.percent(25))
        o.backup = 1 + static_cast<uint32_t>(random.below(3));
    if (random.percent(30))
        o.update = static_cast<uint32_t>(random.below(4));
    if (!mirror && random.percent(25))
        o.update = random.of({ARSYNC_UPDATE_ASK, ARSYNC_UPDATE_ASK_OLDER});
    // Of what two items make, which is newer is chance.
    if (o.update == ARSYNC_UPDATE_OLDER || o.update == ARSYNC_UPDATE_CHANGED ||
        o.update == ARSYNC_UPDATE_ASK_OLDER)
        o.preserve |= ARSYNC_PRESERVE_TIMES;
    o.symlinks = random.percent(50) ? 0 : static_cast<uint32_t>(random.below(4));
    o.report = random.of({0u, 1u, 1u, 2u});
    o.durability = static_cast<uint32_t>(random.below(3));
    if (recursive && random.percent(10))
        s.filter = "*.x\nd1/\n/f3\n";
}

void choose_more_options(Random& random, TreeScenario& s) {
    choose_ways_of_moving(random, s);
    if (random.percent(25))
        s.options.flags |= ARSYNC_COPY_IN_ORDER;
}

// Of one tree's entries, one that was copied before or with what it lies in, or the reverse: then
// it is not as one after the other.
bool comes_again(const ListScenario& s, const ListItemNames& item) {
    const auto holds = [](const std::string& a, const std::string& b) {
        return (b + "/").starts_with(a + "/");
    };
    return s.asks(ARSYNC_COPY_BENEATH) &&
           std::any_of(s.items.begin(), s.items.end(), [&](const ListItemNames& earlier) {
               return holds(earlier.source, item.source) || holds(item.source, earlier.source);
           });
}

// What most lists do not have, nor their worlds.
void choose_rarer_options(Random& random, TreeScenario& s) {
    if (!random.percent(35))
        return;
    arsync_copy_options& o = s.options;
    const auto sometimes = [&](unsigned chance, uint32_t flag) {
        o.flags |= random.percent(chance) ? flag : 0;
    };
    s.world.privileged = random.percent(70);
    s.world.rotational = random.percent(30);
    s.world.can_link = random.percent(80);
    if (random.percent(20))
        s.world.destination_type = random.of({ext4_magic, xfs_magic, nfs_magic});
    if (random.percent(30))
        o.required = o.preserve & static_cast<uint32_t>(random.below(256));
    sometimes(20, ARSYNC_COPY_ONE_FILE_SYSTEM);
    if (!s.preserves(ARSYNC_PRESERVE_MODE))
        sometimes(20, ARSYNC_COPY_DEFAULT_MODE);
    if (s.asks(ARSYNC_COPY_RECURSIVE)) // what is shallow, and has ways, is one of them
        sometimes(15, s.asks(ARSYNC_COPY_PARENTS)
                          ? ARSYNC_COPY_DIRECTORIES_ONLY
                          : random.of({ARSYNC_COPY_SHALLOW, ARSYNC_COPY_DIRECTORIES_ONLY}));
    if (s.asks(ARSYNC_COPY_PARENTS)) {
        sometimes(30, ARSYNC_COPY_BARE_PARENTS);
        sometimes(50, ARSYNC_COPY_BENEATH);
        if (s.asks(ARSYNC_COPY_RECURSIVE) && o.backup == ARSYNC_BACKUP_NONE && !asks_first(o))
            sometimes(25, ARSYNC_COPY_MIRROR);
    }
    if (!s.asks(ARSYNC_COPY_MIRROR))
        sometimes(20, ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK);
}

} // namespace

ListScenario choose_list(uint64_t seed, bool folds) {
    Random random(seed * 6271 + 11);
    ListScenario s;
    s.tree.folds = folds;
    choose_world(random, seed, s.tree.world);
    choose_options(random, s.tree);
    Random more(seed * 15'485'863 + 6);
    choose_more_options(more, s.tree);
    Random rarer(seed * 982'451'653 + 8);
    choose_rarer_options(rarer, s.tree);
    s.tree.workers = 1 + static_cast<unsigned>(random.below(3));
    s.tree.directories = static_cast<unsigned>(random.below(6));
    s.tree.entries = 2 + static_cast<unsigned>(random.below(20));
    s.tree.linked = random.percent(40) ? 3 : 0;
    s.tree.existing = random.percent(60);
    s.tree.buffer_count = 1 + static_cast<unsigned>(random.below(6));
    s.in_pieces = random.percent(40);
    // Other workers are called after 32 items; a list of more than 16 is made durable as one.
    const uint64_t count = random.below(random.of({4ul, 12ul, 30ul, 60ul}));
    Chooser chooser(random, s.tree);
    for (uint64_t i = 0; i <= count; ++i)
        if (ListItemNames item = chooser.choose(); !comes_again(s, item))
            s.items.push_back(std::move(item));
    return s;
}

uint32_t answer_in(const ListScenario& scenario, uint64_t user_data, const std::string& path) {
    return answer_to(scenario.tree, std::to_string(user_data) + path);
}

std::string describe(const ListScenario& s) {
    std::string text = describe(s.tree) + (s.in_pieces ? "; added in pieces" : "");
    for (size_t i = 0; i < s.items.size(); ++i)
        text += "\n  item " + std::to_string(first_item + i) + ": '" + s.items[i].source +
                "' to '" + s.items[i].destination + "'";
    return text;
}

} // namespace arsync::sim
