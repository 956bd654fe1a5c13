#include "sim/tree_scenario.h"

#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "copy/filter.h"
#include "copy/keep_both.h"
#include "copy/question.h"

namespace arsync::sim {

namespace {

// Data blocks like no others, so that a file in the wrong place shows. Thousands of trials have the
// same, which are made once.
BlockRef block_for(uint64_t number) {
    constexpr size_t kept_max = 8192;
    static std::unordered_map<uint64_t, BlockRef> kept;
    if (kept.size() >= kept_max)
        kept.clear();
    BlockRef& block = kept[number];
    if (block)
        return block;
    auto data = std::make_shared<Block>();
    Random random(number);
    for (size_t i = 0; i < data->size(); i += sizeof(uint64_t)) {
        const uint64_t bytes = random.next();
        std::memcpy(data->data() + i, &bytes, sizeof bytes);
    }
    block = std::move(data);
    return block;
}

Content content_for(uint64_t number, uint64_t size) {
    Content content;
    for (uint64_t block = 0; block < blocks_for(size); ++block)
        content.set_block(block, block_for(number * 1'000'003 + block));
    content.set_size(blocks_for(size) * block_size);
    content.resize(size);
    return content;
}

// ---- the source ----

class Builder {
public:
    Builder(World& world, const TreeScenario& scenario)
        : world_(world), scenario_(scenario), random_(scenario.world.seed * 31 + 7) {}

    InodeNumber source() {
        std::vector<InodeNumber> directories{
            add_directory(world_, world_.disk.root().number, "in", 0751)};
        for (unsigned i = 0; i < scenario_.directories; ++i) {
            const InodeNumber above = directories[random_.below(directories.size())];
            const mode_t mode = random_.of({0755u, 0700u, 0555u, 0775u, 01777u});
            const std::string name = "d" + std::to_string(i);
            directories.push_back(add_directory(world_, above, name.c_str(), mode));
            describe_owner(world_.disk.at(directories.back()));
        }
        for (unsigned i = 0; i < scenario_.entries; ++i)
            add_entry(directories[random_.below(directories.size())], i);
        InodeNumber file = 0;
        for (unsigned i = 0; i < scenario_.linked; ++i) {
            const InodeNumber above = directories[random_.below(directories.size())];
            const std::string name = "l" + std::to_string(i);
            if (file == 0)
                file = add_file(world_, above, name.c_str(), content_for(77, 20'000), 0644);
            else
                add_name(world_, above, name.c_str(), file);
        }
        set_source(world_, directories.front());
        return directories.front();
    }

    // A destination that has some of the source, in one state or another, and extra entries.
    void conflicts(InodeNumber source, InodeNumber target) {
        const Names names = world_.disk.at(source).names;
        for (const auto& [name, number] : names) {
            const Inode& inode = world_.disk.at(number);
            if (world_.disk.find(target, name)) // by another spelling
                continue;
            if (!inode.is_directory() && inode.links == 1 && random_.percent(60))
                conflict(target, name.c_str(), inode);
            if (!inode.is_directory() || random_.percent(40))
                continue;
            if (random_.percent(70))
                conflicts(number, add_directory(world_, target, name.c_str(), 0711));
            else if (random_.percent(50))
                add_file(world_, target, name.c_str(), content_for(number + 5000, 3000), 0644);
            else
                add_symlink(world_, target, name.c_str(), "..");
        }
        add_file(world_, target, "extra", content_for(target + 9000, 100), 0644);
        const InodeNumber extra = add_directory(world_, target, "extra.d");
        add_file(world_, add_directory(world_, extra, "deeper"), "file", content_for(1, 5), 0600);
        add_file(world_, extra, "file", content_for(2, 5), 0600);
    }

private:
    void add_entry(InodeNumber directory, unsigned number) {
        std::string name = "f" + std::to_string(number) + (random_.percent(20) ? ".x" : "");
        if (scenario_.folds && number > 0 && random_.percent(30))
            name = "F" + std::to_string(number - 1);
        if (world_.disk.at(directory).names.count(name))
            return;
        const char* text = name.c_str();
        const auto kind = random_.below(100);
        InodeNumber made = 0;
        if (kind < 12) {
            const Names& siblings = world_.disk.at(directory).names;
            std::string target = "nowhere";
            if (!siblings.empty() && random_.percent(70))
                target = std::next(siblings.begin(),
                                   static_cast<std::ptrdiff_t>(random_.below(siblings.size())))
                             ->first;
            made = add_symlink(world_, directory, text, target.c_str());
        } else if (kind < 30 && !made_.empty()) {
            add_name(world_, directory, text, made_[random_.below(made_.size())]);
            return;
        } else if (kind < 40) {
            const mode_t mode = random_.of({0644u | S_IFIFO, 0600u | S_IFCHR, 0755u | S_IFSOCK});
            made = add_special(world_, directory, text, mode, S_ISCHR(mode) ? 0x103 : 0);
        } else {
            made = add_any_file(directory, text, number);
        }
        describe_owner(world_.disk.at(made));
        made_.push_back(made);
    }

    InodeNumber add_any_file(InodeNumber directory, const char* name, unsigned number) {
        const uint64_t chunk = scenario_.buffer_size;
        uint64_t size =
            random_.of({uint64_t{0}, uint64_t{0}, uint64_t{1}, uint64_t{4095}, uint64_t{4096},
                        uint64_t{4097}, chunk - 1, chunk, chunk + 1, 3 * chunk, 5 * chunk + 77});
        if (random_.percent(2))
            size = (1 << 20) + 5000; // past what is made at its name
        const mode_t mode = random_.of({0644u, 0600u, 0444u, 0755u, 04755u});
        const InodeNumber made = add_file(world_, directory, name, content_for(number, size), mode);
        Inode& inode = world_.disk.at(made);
        if (scenario_.holed)
            make_holes(inode, number);
        if (random_.percent(20))
            inode.attributes.xattrs = {{"user.note", "a note"}};
        if (random_.percent(70))
            for (const auto& [block, _] : inode.content.blocks())
                inode.cached.insert(block);
        return made;
    }

    // Of its second block, and one that is zeros.
    void make_holes(Inode& inode, unsigned number) {
        const uint64_t blocks = blocks_for(inode.content.size());
        if (number % 2 == 0 && blocks > 2)
            inode.content.clear_block(1);
        if (number % 3 == 0 && blocks > 3)
            inode.content.set_block(2, std::make_shared<Block>());
        inode.durable_content = inode.content;
    }

    void describe_owner(Inode& inode) {
        inode.attributes.uid = random_.of({0u, 0u, 1000u});
        inode.attributes.gid = random_.of({0u, 100u});
        if (scenario_.labelled)
            label(inode);
        world_.disk.sync_all(inode);
    }

    void label(Inode& inode) {
        inode.attributes.project = static_cast<uint32_t>(inode.number % 3);
        const bool has_flags = scenario_.world.filesystem_type == ext4_magic; // as the world says
        if (has_flags && (inode.is_file() || inode.is_directory()))
            inode.attributes.flags = flags_of(inode.number);
        // What a list's first item seals on the way, the next one could not give attributes to.
        if (scenario_.asks(ARSYNC_COPY_PARENTS))
            inode.attributes.flags &= ~unsigned{FS_APPEND_FL | FS_IMMUTABLE_FL};
        if (inode.number % 2 == 0 && !inode.is_link())
            inode.attributes.xattrs["security.selinux"] = "a label";
    }

    static unsigned flags_of(InodeNumber number) {
        constexpr unsigned all[] = {0, 0,          FS_NODUMP_FL,   FS_NOATIME_FL, 0, FS_APPEND_FL,
                                    0, FS_SYNC_FL, FS_IMMUTABLE_FL};
        return all[number % std::size(all)];
    }

    void conflict(InodeNumber target, const char* name, const Inode& source) {
        const Attributes attributes = source.attributes;
        const Content content = source.content;
        const std::string text = source.target;
        const bool is_file = source.is_file();
        InodeNumber made = 0;
        switch (random_.below(5)) {
        case 0: // the same, as an earlier copy has left it
            if (is_file)
                made = add_file(world_, target, name, content, 0604);
            else if (source.is_link())
                made = add_symlink(world_, target, name, text.c_str());
            else
                made = add_special(world_, target, name, attributes.mode, source.device);
            if (is_file || random_.percent(50))
                world_.disk.at(made).attributes.modified = attributes.modified;
            break;
        case 1:
            made = add_symlink(world_, target, name, "extra");
            break;
        case 2:
            made = add_special(world_, target, name, S_IFIFO | 0600);
            break;
        case 3:
            made = add_directory(world_, target, name);
            break;
        default:
            made = add_file(world_, target, name, content_for(source.number + 7000, 6000), 0604);
            break;
        }
        Inode& inode = world_.disk.at(made);
        if (random_.percent(50) && inode.attributes.modified.tv_sec != attributes.modified.tv_sec)
            inode.attributes.modified = {1'000'000'000, 5}; // older than any source
        world_.disk.sync_all(inode);
    }

    World& world_;
    const TreeScenario& scenario_;
    Random random_;
    std::vector<InodeNumber> made_; // no directories
};

// ---- what is to come of it ----

InodeNumber clone(World& world, const Inode& from, InodeNumber directory, const char* name) {
    const mode_t mode = from.attributes.mode;
    InodeNumber made = 0;
    if (from.is_directory())
        made = add_directory(world, directory, name);
    else if (from.is_link())
        made = add_symlink(world, directory, name, from.target.c_str());
    else if (from.is_file())
        made = add_file(world, directory, name, from.content, 0);
    else
        made = add_special(world, directory, name, mode, from.device);
    world.disk.at(made).attributes = from.attributes;
    return made;
}

void clone_tree(World& world, InodeNumber from, InodeNumber to) {
    const Names names = world.disk.at(from).names;
    for (const auto& [name, number] : names) {
        const InodeNumber made = clone(world, world.disk.at(number), to, name.c_str());
        clone_tree(world, number, made);
    }
}

void remove_name(World& world, InodeNumber directory, const std::string& name) {
    world.disk.change_names(world.disk.at(directory), {{name, std::nullopt}});
    world.disk.sync_all(world.disk.at(directory));
}

unsigned count_tree(const Disk& disk, InodeNumber top) {
    unsigned count = 1;
    for (const auto& [_, number] : disk.at(top).names)
        count += count_tree(disk, number);
    return count;
}

class Model {
public:
    Model(World& world, const TreeScenario& scenario, Expectation& result)
        : world_(world), disk_(world.disk), scenario_(scenario), filter_(scenario.filter),
          result_(result) {}

    void merge(InodeNumber from, InodeNumber to, const std::string& path, bool made) {
        const Names names = disk_.at(from).names;
        for (const auto& [name, number] : names) {
            const std::string at = path.empty() ? name : path + "/" + name;
            const InodeNumber followed = follow(from, number);
            const bool is_directory = followed != 0 && disk_.at(followed).is_directory();
            if (!filter_.empty() && filter_.excludes(at, is_directory))
                continue;
            if (!is_directory && scenario_.asks(ARSYNC_COPY_DIRECTORIES_ONLY))
                continue;
            ++result_.totals.entries;
            int result = -ENOENT; // the link leads nowhere
            if (is_directory)
                result = enter(followed, to, name, at);
            else if (followed != 0)
                result = copy(followed, to, name, at);
            result_.results[at] = result;
            result_.totals.errors += result < 0;
            if (result < 0)
                result_.ends.erase(at);
        }
        if (!made && scenario_.asks(ARSYNC_COPY_MIRROR))
            mirror(names, to, path);
        disk_.at(to).attributes = disk_.at(from).attributes;
    }

private:
    InodeNumber follow(InodeNumber directory, InodeNumber number) {
        while (scenario_.options.symlinks == ARSYNC_SYMLINKS_FOLLOW && disk_.at(number).is_link()) {
            const Inode* target = disk_.find(directory, disk_.at(number).target);
            if (!target)
                return 0;
            number = target->number;
        }
        return number;
    }

    int enter(InodeNumber from, InodeNumber to, const std::string& name, const std::string& path) {
        const Inode* found = disk_.find(to, name);
        EntryEnd& end = result_.ends[path];
        end.flags = ARSYNC_COMPLETION_DIRECTORY;
        if (found && !found->is_directory()) {
            if (!replaces_kinds(scenario_) || filter_.excludes(path, false))
                return -ENOTDIR;
            ++result_.totals.removed;
            remove_name(world_, to, name);
            end.flags |= ARSYNC_COMPLETION_REPLACED;
            found = nullptr;
        }
        end.action = found ? ARSYNC_ACTION_ENTER_DIRECTORY : ARSYNC_ACTION_MAKE_DIRECTORY;
        const InodeNumber target = found ? found->number : add_directory(world_, to, name.c_str());
        ++result_.totals.directories;
        merge(from, target, path, !found);
        return 0;
    }

    int copy(InodeNumber number, InodeNumber to, const std::string& name, const std::string& path) {
        const Inode& from = disk_.at(number);
        Inode* found = disk_.find(to, name);
        EntryEnd& end = result_.ends[path];
        if (found && found->is_directory() && replaces_kinds(scenario_)) {
            if (!remove_tree(to, name, path))
                return -EISDIR;
            end.flags |= ARSYNC_COMPLETION_REPLACED;
            found = nullptr;
        }
        if (found) {
            if (stays(from, *found, path)) {
                ++result_.totals.skipped;
                end.action = ARSYNC_ACTION_SKIP;
                return 0;
            }
            if (asks_first(scenario_.options) &&
                answer_to(scenario_, path) == ARSYNC_ANSWER_KEEP_BOTH) {
                end.name = other_name(name, 1);
                end.flags |= ARSYNC_COMPLETION_KEPT_BOTH;
                return copy(number, to, end.name, path);
            }
            if (found->is_directory())
                return -EISDIR;
            if (scenario_.options.replace == ARSYNC_REPLACE_EXCLUSIVE)
                return -EEXIST;
            if (scenario_.options.backup != ARSYNC_BACKUP_NONE) {
                end.backup = backup_of(scenario_, name);
                end.flags |= ARSYNC_COMPLETION_BACKED_UP;
                add_name(world_, to, end.backup.c_str(), found->number);
            } else if (!becomes_link(from)) {
                if (const int refused = refuse_in_place(from, *found))
                    return refused;
            }
            if (end.backup.empty() && is_removed(from, *found))
                end.flags |= ARSYNC_COMPLETION_REPLACED;
            remove_name(world_, to, name);
        }
        if (scenario_.asks(ARSYNC_COPY_SYMBOLIC_LINK)) {
            add_symlink(world_, to, name.c_str(), ("/in/" + path).c_str());
            ++result_.totals.symlinks;
            end.action = ARSYNC_ACTION_SYMBOLIC_LINK;
            return 0;
        }
        if (scenario_.asks(ARSYNC_COPY_HARD_LINK)) { // or what looks like one
            clone(world_, from, to, name.c_str());
            ++result_.totals.hard_links;
            end.action = ARSYNC_ACTION_HARD_LINK;
            return 0;
        }
        end.may_be_link = scenario_.preserves(ARSYNC_PRESERVE_LINKS) && from.links > 1;
        const bool is_link = becomes_link(from);
        if (is_link) {
            add_name(world_, to, name.c_str(), firsts_.at(number));
            ++result_.totals.hard_links;
        } else {
            firsts_[number] = clone(world_, from, to, name.c_str());
        }
        if (from.is_file()) {
            result_.totals.files += !is_link;
            result_.totals.bytes += is_link ? 0 : from.content.size();
            end.action = ARSYNC_ACTION_COPY;
            end.bytes = from.content.size();
        } else if (from.is_link()) {
            result_.totals.symlinks += !is_link;
            end.action = ARSYNC_ACTION_SYMBOLIC_LINK;
        } else {
            result_.totals.specials += !is_link;
            end.action = ARSYNC_ACTION_MAKE_SPECIAL;
        }
        return 0;
    }

    // Rather than written to, or gone when the new one comes to its name.
    bool is_removed(const Inode& from, const Inode& found) const {
        if (scenario_.options.replace == ARSYNC_REPLACE_REMOVE)
            return true;
        const bool writes = from.is_file() && found.is_file() && !becomes_link(from);
        return scenario_.options.replace == ARSYNC_REPLACE_IN_PLACE &&
               (!writes || scenario_.unwritable);
    }

    // With all in it that is not excluded. Whether it is gone.
    bool remove_tree(InodeNumber directory, const std::string& name, const std::string& path) {
        const InodeNumber number = disk_.find(directory, name)->number;
        const Names names = disk_.at(number).names;
        bool empty = true;
        for (const auto& [below, inside] : names) {
            const std::string at = path + "/" + below;
            const bool excluded = filter_.excludes(at, disk_.at(inside).is_directory());
            empty = !excluded && remove_tree(number, below, at) && empty;
        }
        if (empty) {
            ++result_.totals.removed;
            remove_name(world_, directory, name);
        }
        return empty;
    }

    bool becomes_link(const Inode& from) const {
        return scenario_.preserves(ARSYNC_PRESERVE_LINKS) && from.links > 1 &&
               firsts_.contains(from.number);
    }

    // What cp cannot overwrite either, or the library would not open.
    int refuse_in_place(const Inode& from, const Inode& found) const {
        if (scenario_.options.replace != ARSYNC_REPLACE_IN_PLACE)
            return 0;
        if (from.is_file())
            return found.is_file() || found.is_link() ? 0 : -EOPNOTSUPP;
        return scenario_.options.symlinks == ARSYNC_SYMLINKS_FOLLOW ? -EEXIST : 0;
    }

    bool stays(const Inode& from, Inode& found, const std::string& path) {
        const timespec& a = from.attributes.modified;
        const timespec& b = found.attributes.modified;
        const bool same_time = a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
        switch (scenario_.options.update) {
        case ARSYNC_UPDATE_NONE:
            return true;
        case ARSYNC_UPDATE_OLDER: // no two of different times are of one second
            return same_time || a.tv_sec < b.tv_sec;
        case ARSYNC_UPDATE_ASK:
            return answer_to(scenario_, path) == ARSYNC_ANSWER_SKIP;
        case ARSYNC_UPDATE_ASK_OLDER:
            return same_time || a.tv_sec < b.tv_sec ||
                   answer_to(scenario_, path) == ARSYNC_ANSWER_SKIP;
        case ARSYNC_UPDATE_CHANGED:
            break;
        default:
            return false;
        }
        if ((from.attributes.mode & S_IFMT) != (found.attributes.mode & S_IFMT) ||
            from.target != found.target || from.device != found.device ||
            (from.is_file() && (!same_time || from.content.size() != found.content.size())))
            return false;
        found.attributes.xattrs = from.attributes.xattrs;
        found.attributes.mode = from.attributes.mode;
        found.attributes.uid = from.attributes.uid;
        found.attributes.gid = from.attributes.gid;
        found.attributes.modified = from.attributes.modified;
        found.attributes.flags = from.attributes.flags;
        found.attributes.project = from.attributes.project;
        return true;
    }

    void mirror(const Names& wanted, InodeNumber to, const std::string& path) {
        const Names names = disk_.at(to).names;
        for (const auto& [name, number] : names) {
            const std::string at = path.empty() ? name : path + "/" + name;
            if (wanted.count(name) || filter_.excludes(at, disk_.at(number).is_directory()))
                continue;
            result_.totals.removed += count_tree(disk_, number);
            result_.removed.insert(at);
            remove_name(world_, to, name);
        }
    }

    World& world_;
    Disk& disk_;
    const TreeScenario& scenario_;
    const Filter filter_;
    Expectation& result_;
    std::map<InodeNumber, InodeNumber> firsts_; // copies by their source
};

} // namespace

bool replaces_kinds(const TreeScenario& s) {
    return s.asks(ARSYNC_COPY_MIRROR) && s.options.replace != ARSYNC_REPLACE_EXCLUSIVE &&
           s.options.update != ARSYNC_UPDATE_NONE;
}

bool is_server(uint64_t type) {
    return type == fuse_magic || type == overlay_magic || type == nfs_magic;
}

bool goes_to_server(const TreeScenario& s) {
    return is_server(s.world.destination_type != 0 ? s.world.destination_type
                                                   : s.world.filesystem_type);
}

bool syncs_each(const TreeScenario& s) {
    return goes_to_server(s) || s.world.denies_syncfs || s.world.loses_syncfs;
}

// No file has numbered backups to begin with.
std::string backup_of(const TreeScenario& s, const std::string& name) {
    return name + (s.options.backup == ARSYNC_BACKUP_NUMBERED ? ".~1~" : "~");
}

std::string describe(const TreeScenario& s) {
    const auto number = [](uint64_t n) { return std::to_string(n); };
    const arsync_copy_options& o = s.options;
    return "seed " + number(s.world.seed) + ": " + number(s.directories) + " directories, " +
           number(s.entries) + " entries" + (s.existing ? ", over some of it" : "") +
           (s.folds ? ", where names fold" : "") +
           (s.unwritable ? " that may not be written to" : "") + "; flags " + number(o.flags) +
           " preserve " + number(o.preserve) + " replace " + number(o.replace) + " update " +
           number(o.update) + " symlinks " + number(o.symlinks) + " report " + number(o.report) +
           " durability " + number(o.durability) + " backup " + number(o.backup) + " method " +
           number(o.method) + " reflink " + number(o.reflink) + " cache " + number(o.cache) +
           " sparse " + number(o.sparse) + " chunks " + number(o.chunks) +
           (s.holed ? ", with holes" : "") + (s.labelled ? ", with labels" : "") + " filter '" +
           s.filter + "'; filesystem " + number(s.world.filesystem_type) +
           (s.world.destination_type != 0 ? " to " + number(s.world.destination_type) : "") + "; " +
           number(s.linked) + " linked, " + number(s.workers) + " workers, " +
           number(s.buffer_count) + " buffers of " + number(s.buffer_size);
}

void choose_ways_of_moving(Random& random, TreeScenario& s) {
    constexpr Method any_world[] = {
        ARSYNC_METHOD_INLINE, ARSYNC_METHOD_COPY_FILE_RANGE, ARSYNC_METHOD_FIXED,
        ARSYNC_METHOD_DIRECT, ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED,
        ARSYNC_METHOD_HEAP,   ARSYNC_METHOD_MANAGED};
    arsync_copy_options& o = s.options;
    if (random.percent(40))
        o.method = random.of(any_world);
    if (random.percent(30))
        o.cache = static_cast<uint32_t>(random.below(4));
    if (random.percent(30))
        o.sparse = static_cast<uint32_t>(random.below(3));
    if (random.percent(30))
        o.chunks = random.of({1u, 2u, 7u, 100u});
    if (random.percent(20))
        o.reflink = ARSYNC_REFLINK_NEVER;
    const bool may_share = s.world.reflink && o.sparse == ARSYNC_SPARSE_AUTO;
    if (may_share && random.percent(30)) {
        o.reflink = ARSYNC_REFLINK_ALWAYS;
        o.method = random.of({ARSYNC_METHOD_AUTO, ARSYNC_METHOD_REFLINK});
    }
    s.holed = random.percent(50);
    s.labelled = random.percent(25);
    if (s.labelled)
        o.preserve |= static_cast<uint32_t>(random.below(8)) * ARSYNC_PRESERVE_CONTEXT;
}

namespace {

// Where it is and where it goes, and what else there may be in it: drawn apart, too.
void choose_place(Random& random, TreeScenario& s) {
    if (random.percent(50))
        s.world.filesystem_type =
            random.of({xfs_magic, btrfs_magic, nfs_magic, overlay_magic, tmpfs_magic, fuse_magic});
    if (s.options.reflink != ARSYNC_REFLINK_ALWAYS && random.percent(15))
        s.world.destination_type = random.of({ext4_magic, xfs_magic, nfs_magic, tmpfs_magic});
    s.world.denies_syncfs = random.percent(5);
    s.world.loses_syncfs = random.percent(5);
    s.world.others_lose = random.percent(10);
    s.world.lists_mounts = random.percent(70);
    s.linked = random.percent(20) ? 3 : 0;
    if (random.percent(5))
        s.options.flags |= ARSYNC_COPY_DIRECTORIES_ONLY;
}

} // namespace

TreeScenario choose_tree(uint64_t seed) {
    Random random(seed * 7919 + 3);
    TreeScenario s;
    s.world.seed = seed;
    s.world.temporary_files = random.percent(70);
    s.world.offload = random.percent(60);
    s.world.reflink = random.percent(20);
    s.world.reports_residency = random.percent(80);
    s.world.short_percent = random.of({0u, 0u, 30u});
    s.world.interrupt_percent = random.of({0u, 0u, 20u});
    s.world.uncached_percent = random.of({0u, 30u, 100u});
    s.world.untyped_percent = random.of({0u, 10u, 100u});
    s.world.spare_blocks = seed % 4 == 0 ? 100'000 : 0;
    s.world.rotational = seed % 3 == 0;
    s.workers = random.percent(25) ? 2 : 1;
    s.directories = static_cast<unsigned>(random.below(9));
    s.entries = static_cast<unsigned>(random.below(30)) + (s.workers > 1 ? 70 : 0);
    s.existing = random.percent(40);
    s.buffer_count = 1 + static_cast<unsigned>(random.below(6));

    arsync_copy_options& o = s.options;
    o.flags = ARSYNC_COPY_RECURSIVE;
    const auto sometimes = [&](unsigned chance, uint32_t flag) {
        o.flags |= random.percent(chance) ? flag : 0;
    };
    sometimes(15, ARSYNC_COPY_VERIFY);
    sometimes(25, ARSYNC_COPY_MIRROR);
    sometimes(10, ARSYNC_COPY_DRY_RUN);
    sometimes(20, ARSYNC_COPY_ONE_FILE_SYSTEM);
    o.preserve = random.percent(30) ? 31 : static_cast<uint32_t>(random.below(32));
    o.replace = static_cast<uint32_t>(random.below(4));
    o.update = random.percent(50) ? 0 : static_cast<uint32_t>(random.below(4));
    o.symlinks = static_cast<uint32_t>(random.below(4));
    if (o.symlinks == ARSYNC_SYMLINKS_FOLLOW)
        o.preserve &= ~ARSYNC_PRESERVE_LINKS; // a name may be met more often than there are names
    o.report = random.of({0u, 1u, 1u, 1u, 2u});
    o.durability = static_cast<uint32_t>(random.below(3));
    if (!s.existing && o.symlinks != ARSYNC_SYMLINKS_FOLLOW)
        sometimes(20, ARSYNC_COPY_STOP_ON_ERROR);
    if (random.percent(20))
        s.filter = "*.x\nd1/\n/f3\n";
    if (o.replace != ARSYNC_REPLACE_EXCLUSIVE && !s.asks(ARSYNC_COPY_MIRROR) && random.percent(25))
        o.backup = 1 + static_cast<uint32_t>(random.below(3));
    if (s.existing && !s.asks(ARSYNC_COPY_MIRROR) && random.percent(50))
        o.update = random.of({ARSYNC_UPDATE_ASK, ARSYNC_UPDATE_ASK_OLDER});
    Random more(seed * 15'485'863 + 5);
    choose_ways_of_moving(more, s);
    Random elsewhere(seed * 49'979'687 + 9);
    choose_place(elsewhere, s);
    return s;
}

uint32_t answer_to(const TreeScenario& scenario, const std::string& path) {
    size_t hash = scenario.world.seed;
    for (const char c : path)
        hash = hash * 31 + static_cast<unsigned char>(c);
    constexpr uint32_t answers[] = {ARSYNC_ANSWER_SKIP, ARSYNC_ANSWER_REPLACE,
                                    ARSYNC_ANSWER_KEEP_BOTH};
    return answers[hash / 7 % 3];
}

std::vector<TreeScenario> tree_catalogue() {
    std::vector<TreeScenario> all;
    const auto add = [&](uint64_t seed, uint32_t preserve) -> TreeScenario& {
        TreeScenario s;
        s.world.seed = seed;
        s.options.flags = ARSYNC_COPY_RECURSIVE;
        s.options.preserve = preserve;
        s.options.report = ARSYNC_REPORT_ALL;
        s.directories = 3;
        s.entries = 9;
        all.push_back(s);
        return all.back();
    };
    add(1, 0);
    add(2, 31);
    add(3, 31).options.durability = ARSYNC_DURABILITY_FULL;
    add(4, ARSYNC_PRESERVE_LINKS).options.flags |= ARSYNC_COPY_VERIFY;
    add(5, 31).options.symlinks = ARSYNC_SYMLINKS_KEEP;
    TreeScenario& atomic = add(6, 31);
    atomic.options.replace = ARSYNC_REPLACE_ATOMIC;
    atomic.options.durability = ARSYNC_DURABILITY_FILE;
    atomic.existing = true;
    TreeScenario& mirror = add(7, ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES);
    mirror.options.flags |= ARSYNC_COPY_MIRROR;
    mirror.existing = true;
    TreeScenario& bare = add(all.size() + 1, ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES);
    bare.options.flags |= ARSYNC_COPY_MIRROR | ARSYNC_COPY_DIRECTORIES_ONLY;
    bare.existing = true;
    TreeScenario& dry = add(8, 31);
    dry.options.flags |= ARSYNC_COPY_MIRROR | ARSYNC_COPY_DRY_RUN;
    dry.existing = true;
    TreeScenario& follow = add(9, ARSYNC_PRESERVE_OWNER);
    follow.options.symlinks = ARSYNC_SYMLINKS_FOLLOW;
    TreeScenario& changed = add(10, 31);
    changed.options.update = ARSYNC_UPDATE_CHANGED;
    changed.options.replace = ARSYNC_REPLACE_REMOVE;
    changed.existing = true;
    TreeScenario& force = add(11, ARSYNC_PRESERVE_MODE);
    force.options.flags |= ARSYNC_COPY_FORCE;
    force.existing = force.unwritable = true;
    TreeScenario& asks = add(all.size() + 1, 31);
    asks.options.update = ARSYNC_UPDATE_ASK;
    asks.existing = true;
    asks.linked = 3;
    for (const uint32_t link : {ARSYNC_COPY_HARD_LINK, ARSYNC_COPY_SYMBOLIC_LINK}) {
        TreeScenario& links = add(all.size() + 1, 0);
        links.options.replace = ARSYNC_REPLACE_REMOVE;
        links.options.flags |= link;
        links.existing = true;
    }
    for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
        for (const auto backup : {ARSYNC_BACKUP_SIMPLE, ARSYNC_BACKUP_NUMBERED}) {
            TreeScenario& kept = add(all.size() + 1, backup == ARSYNC_BACKUP_SIMPLE ? 0 : 31);
            kept.options.replace = replace;
            kept.options.backup = backup;
            kept.options.durability = ARSYNC_DURABILITY_FILE;
            kept.linked = backup == ARSYNC_BACKUP_SIMPLE ? 0 : 3;
            kept.existing = true;
        }
    return all;
}

Trees build_trees(World& world, const TreeScenario& scenario) {
    Builder builder(world, scenario);
    Trees trees;
    trees.source = builder.source();
    trees.above = add_directory(world, world.disk.root().number, "out");
    world.disk.at(trees.above).folds = scenario.folds;
    if (scenario.existing) {
        trees.target = add_directory(world, trees.above, "target", 0711);
        builder.conflicts(trees.source, trees.target);
    }
    return trees;
}

Expectation expect_of(World& world, const TreeScenario& scenario, const Trees& trees) {
    Expectation result;
    const InodeNumber top = add_directory(world, world.disk.root().number, "expected");
    const InodeNumber before = add_directory(world, top, "before");
    const InodeNumber merged = add_directory(world, top, "after");
    if (trees.target != 0) {
        clone_tree(world, trees.target, merged);
        clone_tree(world, trees.target, before);
        world.disk.at(before).attributes = world.disk.at(trees.target).attributes;
    }
    result.totals.entries = 1;
    result.totals.directories = 1;
    result.results[""] = 0;
    result.ends[""] = {.action = trees.target == 0 ? ARSYNC_ACTION_MAKE_DIRECTORY
                                                   : ARSYNC_ACTION_ENTER_DIRECTORY,
                       .flags = ARSYNC_COMPLETION_DIRECTORY};
    Model model(world, scenario, result);
    model.merge(trees.source, merged, "", trees.target == 0);
    result.tree = scenario.asks(ARSYNC_COPY_DRY_RUN) ? before : merged;
    return result;
}

} // namespace arsync::sim
