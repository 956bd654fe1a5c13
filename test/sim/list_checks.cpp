#include "sim/list_checks.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <tuple>

#include "copy/fold_case.h"
#include "copy/list/order.h"
#include "copy/question.h"
#include "copy/split_path.h"
#include "sim/stages.h"
#include "sim/totals.h"

namespace arsync::sim {

namespace {

using Unsynced = Disk::Unsynced;

bool stops(const ListSimulation& s) {
    return s.scenario.asks(ARSYNC_COPY_STOP_ON_ERROR) && s.outcome().result < 0;
}

bool clashes(const ListSimulation& s) {
    for (const SimulatedPool::Event& event : s.events())
        if ((event.outcome.flags & ARSYNC_COMPLETION_IN_MIRROR) != 0)
            return true;
    return false;
}

// ---- what holds always ----

// Of several calls that fail, each; and of what may not be done besides.
Stage reported_stage(const ListSimulation& s, const Outcome& outcome) {
    const bool may_not = !s.scenario.tree.world.privileged;
    if (outcome.result >= 0 || s.faults.several() || may_not)
        return outcome.stage;
    return ARSYNC_STAGE_OPEN_SOURCE;
}

void check_events(ListSimulation& s) {
    const bool all = !s.was_cancelled() && !stops(s) && !clashes(s) && !s.world.crashed();
    for (size_t i = 0; i < s.scenario.items.size(); ++i)
        if (all && !s.item(i))
            s.world.problem("item " + std::to_string(first_item + i) + " has no completion");
    // A directory that was made may fail in the end, or lose its owner.
    std::set<std::tuple<uint64_t, std::string, Stage, bool>> entries;
    const auto lost = [](const Outcome& outcome) {
        return (outcome.flags & ARSYNC_COMPLETION_DIRECTORY) != 0 &&
               (outcome.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0;
    };
    for (const SimulatedPool::Event& event : s.events())
        if (event.kind == ARSYNC_COMPLETION_ENTRY && event.outcome.action != ARSYNC_ACTION_REMOVE &&
            !entries
                 .emplace(event.user_data, event.path, reported_stage(s, event.outcome),
                          lost(event.outcome))
                 .second)
            s.world.problem("reported twice: " + event.path);
}

// Of an item nothing is told before all those before it have their completions; of a list that
// stops some have none.
void check_order(ListSimulation& s) {
    if (!s.scenario.asks(ARSYNC_COPY_IN_ORDER) || s.was_cancelled() || clashes(s))
        return;
    uint64_t last = 0, ended = first_item; // the next that is to end
    for (const SimulatedPool::Event& event : s.events()) {
        if (event.user_data < first_item)
            continue;
        if (stops(s) ? event.user_data < last : event.user_data != ended)
            s.world.problem("out of order: " + std::to_string(event.user_data) + " after " +
                            std::to_string(last));
        last = event.user_data;
        ended += event.kind == ARSYNC_COMPLETION_ITEM;
    }
}

// What the items say of themselves adds up to what the list says.
void check_totals(ListSimulation& s) {
    arsync_totals sum = {};
    for (size_t i = 0; i < s.scenario.items.size(); ++i) {
        const ItemEnd* const item = s.item(i);
        if (!item)
            continue;
        const bool is_tree = item->outcome.action == ARSYNC_ACTION_TREE;
        const bool cancelled =
            item->outcome.result == -ECANCELED && (s.was_cancelled() || stops(s));
        sum.entries += is_tree ? item->totals.entries : 1;
        sum.errors += is_tree ? item->totals.errors : item->outcome.result < 0 && !cancelled;
        if (is_tree || item->outcome.result == 0)
            sum.bytes += is_tree ? item->totals.bytes : item->outcome.bytes;
        sum.files += is_tree
                         ? item->totals.files
                         : item->outcome.result == 0 && item->outcome.action == ARSYNC_ACTION_COPY;
    }
    for (const SimulatedPool::Event& event : s.events()) // of the list's own: attributes of a way
        sum.errors +=
            event.kind == ARSYNC_COMPLETION_WAY && !event.in_item && event.outcome.result < 0;
    const bool own = s.outcome().stage == ARSYNC_STAGE_SYNC || s.world.crashed();
    const auto same = [&](const char* what, uint64_t said, uint64_t found, uint64_t more = 0) {
        if (said < found || said > found + more)
            s.world.problem(std::string("totals: ") + what + " " + std::to_string(said) +
                            ", and of the items " + std::to_string(found));
    };
    same("entries", s.totals().entries, sum.entries);
    // With the first error elsewhere, the list's own of not being durable may be another. And so
    // may be an attribute that a way could not keep, where nothing is reported. Both may come
    // together: others' losses are told without any fault of this list's.
    const bool durable = s.scenario.options().durability != ARSYNC_DURABILITY_NONE;
    const bool of_way = s.failed_step() && s.scenario.asks(ARSYNC_COPY_PARENTS) &&
                        s.scenario.options().report == ARSYNC_REPORT_NONE;
    same("errors", s.totals().errors, sum.errors, (own || durable ? 1 : 0) + (of_way ? 1 : 0));
    if (s.totals().bytes < sum.bytes || s.totals().files < sum.files)
        s.world.problem("totals: less than that of the items");
    if (!s.was_cancelled() && (s.outcome().result < 0) != (s.totals().errors > 0))
        s.world.problem("the job's result is not that of its items");
}

// The list's error is that of what its path names.
void check_error_path(ListSimulation& s) {
    const Outcome& end = s.outcome();
    if (end.result >= 0 || s.was_cancelled()) {
        if (end.has_error_path)
            s.world.problem("the path of an error that there is not: " + end.error_path);
        return;
    }
    const auto is_that = [&](const Outcome& one) {
        return one.result == end.result && one.stage == end.stage;
    };
    const auto below = [](const std::string& above, const std::string& path) {
        return path.empty() ? above : above + (above.ends_with('/') ? "" : "/") + path;
    };
    bool explained = false;
    for (const SimulatedPool::Event& event : s.events()) {
        if (!is_that(event.outcome) || event.kind == ARSYNC_COMPLETION_ENTRY)
            continue;
        std::string path = event.path;
        if (event.kind == ARSYNC_COMPLETION_ITEM) {
            const bool on_the_way = (event.outcome.flags & ARSYNC_COMPLETION_ON_THE_WAY) != 0;
            const std::string& source = s.scenario.items[event.user_data - first_item].source;
            path = below(source, event.outcome.error_path);
            if (on_the_way && source.starts_with(end.error_path + "/"))
                path = end.error_path;
        }
        explained = explained || (end.has_error_path && path == end.error_path);
    }
    const bool own = end.stage == ARSYNC_STAGE_SYNC || end.stage == ARSYNC_STAGE_MEMORY;
    const bool of_way =
        s.scenario.asks(ARSYNC_COPY_PARENTS) && s.scenario.options().report == ARSYNC_REPORT_NONE;
    const bool of_mirrors =
        s.failed_step() && s.scenario.asks(ARSYNC_COPY_MIRROR) && s.events().empty();
    if (!explained && !own && !of_way && !of_mirrors)
        s.world.problem("the path of the error is " +
                        (end.has_error_path ? "'" + end.error_path + "'" : "not told"));
}

void check_sources(ListSimulation& s) {
    if (!s.changed().empty())
        return;
    const InodeNumber in = s.original().root().names.at("in");
    for (const std::string& difference :
         differences(s.original(), in, s.world.disk, in, everything))
        s.world.problem("a source was changed: " + difference);
    if (!s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        return;
    for (const std::string& difference :
         differences(s.original(), s.root(), s.world.disk, s.root(), everything))
        s.world.problem("a dry run has changed something: " + difference);
}

// ---- as if one after the other ----

// The places that copies are to, or may have touched: there, and at names that begin like it.
class Exempt {
public:
    Exempt(const ListSimulation& list) : s_(list) {}

    void add(size_t item) { add_path(s_.scenario.items[item].destination); }
    void add_path(const std::string& path) {
        for (const Disk* disk : {&s_.original(), &s_.world.disk}) {
            // A link, and what it leads to.
            for (const std::string& one :
                 {spelled(place_on(*disk, path)), spelled(place_of_name_on(*disk, path))}) {
                places_.insert(one);
                if (s_.scenario.options().backup != ARSYNC_BACKUP_NONE && one.ends_with('~'))
                    places_.insert(without_mark(one)); // what is there has a say in its backup
                // Where both are kept: "NAME (1).EXT".
                if (asks_first(s_.scenario.options()))
                    places_.insert(one.substr(0, one.find('.', one.rfind('/') + 2)) + " (");
            }
        }
    }
    bool is_empty() const { return places_.empty(); }

    // Whether an item has to do with one of them.
    bool meets(size_t item) const {
        const ListItemNames& names = s_.scenario.items[item];
        for (const Disk* disk : {&s_.original(), &s_.world.disk})
            if (covers(place_on(*disk, names.destination)) || covers(place_on(*disk, names.source)))
                return true;
        return false;
    }
    bool covers(const std::string& other) const {
        const std::string path = spelled(other);
        return std::any_of(places_.begin(), places_.end(), [&](const std::string& place) {
            return path.starts_with(place) || place.starts_with(path + "/") || path.empty();
        });
    }
    // Whether it is one of them, or below it.
    bool holds(const std::string& other) const {
        const std::string path = spelled(other);
        return std::any_of(places_.begin(), places_.end(), [&](const std::string& place) {
            return path == place || path.starts_with(place + "/") ||
                   (place.ends_with(" (") && path.starts_with(place));
        });
    }
    bool covers_difference(const std::string& difference) const {
        const std::string path = difference.substr(1, difference.find('\'', 1) - 1);
        return covers(path) || is_chance(path);
    }

private:
    // In one of the ways in which it may be.
    std::string spelled(const std::string& path) const {
        return s_.scenario.tree.folds ? fold_case(path) : path;
    }
    // "NAME" of "NAME~" and "NAME.~1~".
    static std::string without_mark(const std::string& backup) {
        const size_t number = backup.find_last_not_of("0123456789", backup.size() - 2);
        const bool is_numbered = number != std::string::npos && number > 0 &&
                                 number + 2 < backup.size() && backup[number] == '~' &&
                                 backup[number - 1] == '.';
        return backup.substr(0, is_numbered ? number - 1 : backup.size() - 1);
    }
    // Without links, "." and "..", as far as it is there.
    std::string place_on(const Disk& disk, const std::string& path) const {
        World look(s_.scenario.tree.world);
        look.disk = disk;
        std::string clean = path;
        while (clean.ends_with("/"))
            clean.pop_back();
        std::string missing;
        for (;;) {
            InodeNumber found = 0;
            if (look.find(AT_FDCWD, clean, Last::followed, found) == 0 || clean.empty()) {
                const std::string whole = (clean.empty() ? "" : look.path_of(found)) + missing;
                return whole.substr(whole.starts_with("/"));
            }
            const size_t slash = clean.rfind('/');
            missing = "/" + clean.substr(slash == std::string::npos ? 0 : slash + 1) + missing;
            clean.resize(slash == std::string::npos ? 0 : slash);
        }
    }

    // Of a tree in which are "NAME" and "NAME~", the order of its entries says which of them
    // becomes the backup "NAME~", and whether that is backed up in its turn.
    bool is_chance(const std::string& path) const {
        if (s_.scenario.options().backup == ARSYNC_BACKUP_NONE || !path.ends_with('~'))
            return false;
        const std::vector<ListItemNames>& items = s_.scenario.items;
        return std::any_of(items.begin(), items.end(), [&](const ListItemNames& names) {
            World look(s_.scenario.tree.world);
            look.disk = s_.world.disk;
            InodeNumber top = 0;
            return path.starts_with(place_on(look.disk, names.destination) + "/") &&
                   look.find(AT_FDCWD, names.source, Last::followed, top) == 0 &&
                   holds_backups(look.disk, top);
        });
    }
    static bool holds_backups(const Disk& disk, InodeNumber directory) {
        const Names& names = disk.at(directory).names;
        return std::any_of(names.begin(), names.end(), [&](const auto& entry) {
            const auto has_it = [&](const auto& other) {
                return entry.first != other.first && entry.first.starts_with(other.first);
            };
            return (entry.first.ends_with('~') &&
                    std::any_of(names.begin(), names.end(), has_it)) ||
                   holds_backups(disk, entry.second);
        });
    }

    // The same, but for a link that the last name is.
    std::string place_of_name_on(const Disk& disk, std::string path) const {
        while (path.ends_with("/"))
            path.pop_back();
        const SplitPath split = split_path(path);
        const std::string parent = place_on(disk, split.parent);
        return parent.empty() ? split.name : parent + "/" + split.name;
    }

    const ListSimulation& s_;
    std::set<std::string> places_;
};

// Whoever sees a file sees all of it, but for one that was overwritten in place and failed.
class Whole {
public:
    explicit Whole(ListSimulation& list) : s_(list) {
        for (const InodeNumber number : s_.original().numbers())
            if (s_.original().at(number).is_file())
                contents_.emplace(s_.original().at(number).content.size(), number);
    }

    void check(const Disk& disk) {
        for (const InodeNumber number : disk.numbers()) {
            const Inode& inode = disk.at(number);
            const std::string path = inode.is_file() ? s_.world.path_of(number) : "";
            const bool is_temporary =
                path.find("/.") != std::string::npos && path.find(".arsync-") != std::string::npos;
            if (inode.is_file() && inode.links > 0 && !is_temporary &&
                !is_whole(inode, inode.content) && !is_of_several(path) &&
                !s_.faults.kept_from_removing(path, s_.was_cancelled()))
                s_.world.problem("a part of a file: " + path);
        }
    }

private:
    bool is_whole(const Inode& inode, const Content& content) const {
        if (s_.original().exists(inode.number)) // a copy in place, which may be cut short
            return s_.scenario.options().replace != ARSYNC_REPLACE_ATOMIC ||
                   content == s_.original().at(inode.number).content || is_known(content) ||
                   is_damaged(content);
        return is_known(content) || is_damaged(content) ||
               (s_.scenario.asks(ARSYNC_COPY_ATTRIBUTES_ONLY) && content.size() == 0) ||
               is_torn(content);
    }
    // What one item has made, another overwrites in place, and is cut short.
    bool is_of_several(const std::string& path) const {
        if (s_.scenario.options().replace == ARSYNC_REPLACE_ATOMIC)
            return false;
        unsigned items = 0;
        bool is_cut = false;
        for (size_t i = 0; i < s_.scenario.items.size(); ++i) {
            Exempt places(s_);
            places.add(i);
            if (!places.holds(path.substr(path.starts_with('/'))))
                continue;
            const ItemEnd* const item = s_.item(i);
            is_cut = is_cut || !item || item->outcome.result < 0;
            ++items;
        }
        return items > 1 && is_cut;
    }
    bool is_known(const Content& content) const {
        const auto [first, last] = contents_.equal_range(content.size());
        return std::any_of(first, last, [&](const auto& one) {
            return s_.original().at(one.second).content == content;
        });
    }
    // Another item has copied what was cut short.
    bool is_torn(const Content& content) const {
        for (const InodeNumber number : s_.original().numbers())
            if (s_.world.disk.exists(number) && s_.world.disk.at(number).content == content)
                return true;
        return false;
    }

    // The device got it wrong, and so has whoever read it from there.
    bool is_damaged(const Content& content) const {
        const auto [first, last] = contents_.equal_range(content.size());
        return std::any_of(first, last, [&](const auto& one) {
            return s_.world.is_damaged_copy(content, s_.original().at(one.second).content);
        });
    }

    ListSimulation& s_;
    std::multimap<uint64_t, InodeNumber> contents_;
};

Compared compared(const ListSimulation& s) {
    Compared also;
    also.mode = also.owner = also.links = true;
    also.times = s.scenario.tree.preserves(ARSYNC_PRESERVE_TIMES);
    also.context = !s.faults.hides_attributes();
    also.xattrs = !s.faults.says_no_attributes();
    also.flags = !s.faults.says_none_of(Call::inode_flags);
    also.project = !s.faults.says_none_of(Call::project);
    return also;
}

std::string describe_end(const Outcome& outcome, uint32_t flags) {
    return name_of_result(outcome.result) + " at stage " + arsync_stage_name(outcome.stage) +
           ", action " + arsync_action_name(outcome.action) + ", flags " + std::to_string(flags) +
           ", bytes " + std::to_string(outcome.bytes) + ", in holes " +
           std::to_string(outcome.hole_bytes) + ", backup '" + outcome.backup + "', name '" +
           outcome.name + "'";
}

bool are_same(const arsync_totals& a, const arsync_totals& b) {
    return std::all_of(std::begin(counted), std::end(counted),
                       [&](const auto& one) { return a.*one.second == b.*one.second; });
}

bool is_same(const ListSimulation& s, const ItemEnd& item, const ItemEnd& wanted) {
    const Outcome& a = item.outcome;
    const Outcome& b = wanted.outcome;
    // Of two links that are followed to one file, which is copied first is chance.
    const auto has_name = [](const Outcome& one) {
        return one.action == ARSYNC_ACTION_COPY || one.action == ARSYNC_ACTION_HARD_LINK;
    };
    const bool follows = s.scenario.options().symlinks == ARSYNC_SYMLINKS_FOLLOW;
    const bool either_is_first = s.scenario.tree.preserves(ARSYNC_PRESERVE_LINKS) && follows &&
                                 a.action != b.action && has_name(a) && has_name(b);
    const bool same_action = a.action == b.action || a.result < 0 || either_is_first;
    const bool is_tree = a.action == ARSYNC_ACTION_TREE;
    // Which of a tree's errors is the first is chance.
    const bool both_trees_fail = is_tree && same_action && a.result < 0 && b.result < 0;
    // Where one could not be seen, or made, there is data.
    const bool same_holes = a.hole_bytes == b.hole_bytes || s.failed_step();
    // Of two trees side by side, which has the copy and which the link to it is chance.
    const bool by_chance =
        either_is_first || (is_tree && s.scenario.tree.preserves(ARSYNC_PRESERVE_LINKS));
    // An owner that a way has lost is told of by a job alone, and of a list by the list.
    uint32_t other_flags = s.scenario.asks(ARSYNC_COPY_PARENTS) ? ARSYNC_COMPLETION_OWNER_LOST : 0;
    if (both_trees_fail)
        other_flags |= ARSYNC_COMPLETION_AT_SOURCE | ARSYNC_COMPLETION_AT_DESTINATION |
                       ARSYNC_COMPLETION_CONFLICT;
    // What is to be durable looks at the directory first.
    const bool same_stage =
        a.stage == b.stage || s.scenario.options().durability == ARSYNC_DURABILITY_FULL;
    return ((a.result == b.result && same_stage) || both_trees_fail) && same_action &&
           (item.flags() & ~other_flags) == (wanted.flags() & ~other_flags) &&
           a.backup == b.backup && a.name == b.name &&
           (by_chance || (a.bytes == b.bytes && same_holes &&
                          (!is_tree || are_same(item.totals, wanted.totals))));
}

void expect_same_item(ListSimulation& s, size_t number, const ItemEnd& wanted) {
    const ItemEnd* const item = s.item(number);
    // What is to be durable looks at the directory first, and so may fail with another error.
    const bool other_error = item && item->outcome.result < 0 && wanted.outcome.result < 0 &&
                             (item->outcome.stage == wanted.outcome.stage ||
                              s.scenario.items[number].destination.ends_with('/')) &&
                             s.scenario.options().durability == ARSYNC_DURABILITY_FULL;
    if (item && !other_error && !is_same(s, *item, wanted))
        s.world.problem("item " + std::to_string(first_item + number) + " ended with " +
                        describe_end(item->outcome, item->flags()) +
                        "; one after the other: " + describe_end(wanted.outcome, wanted.flags()));
}

void check_entries(ListSimulation& s, const SerialList& serial) {
    const uint32_t mode = s.scenario.options().report;
    std::map<std::pair<uint64_t, std::string>, ItemEnd> entries;
    for (const SimulatedPool::Event& event : s.events())
        if (event.kind == ARSYNC_COMPLETION_ENTRY)
            entries[{event.user_data, event.path}] = {event.outcome};
    if (mode == ARSYNC_REPORT_NONE)
        return;
    for (const auto& [name, wanted] : serial.entries) {
        const auto found = entries.find(name);
        const std::string what = std::to_string(name.first) + " '" + name.second + "'";
        if (found == entries.end())
            s.world.problem("not reported: " + what);
        else if (!is_same(s, found->second, wanted) &&
                 !(s.scenario.tree.preserves(ARSYNC_PRESERVE_LINKS) &&
                   found->second.outcome.result == wanted.outcome.result))
            s.world.problem(
                "reported of " + what + ": " +
                describe_end(found->second.outcome, found->second.flags()) +
                "; one after the other: " + describe_end(wanted.outcome, wanted.flags()));
    }
    for (const auto& [name, _] : entries)
        if (!serial.entries.contains(name))
            s.world.problem("reported, and should not be: " + name.second);
}

// Where each directory is synced by its path, a later item may have taken that away; then it is
// told that a name may not be durable. So it is where nobody owns a loss, and a copy has nothing in
// memory, as what shares blocks or was read back.
bool may_not_be_synced(const ListSimulation& s) {
    const WorldOptions& world = s.scenario.tree.world;
    return s.scenario.options().durability != ARSYNC_DURABILITY_NONE &&
           (world.denies_syncfs || world.loses_syncfs || world.others_lose ||
            world.filesystem_type == nfs_magic);
}

void check_questions(ListSimulation& s, const SerialList& serial) {
    if (s.pool().asked_about() != serial.asked_about)
        s.world.problem("other questions are asked than one after the other");
}

void check_same_totals(ListSimulation& s, const SerialList& serial) {
    const auto same = [&](const char* what, uint64_t found, uint64_t wanted) {
        if (found != wanted)
            s.world.problem(std::string("totals: ") + what + " " + std::to_string(found) +
                            ", one after the other " + std::to_string(wanted));
    };
    const arsync_totals& a = s.totals();
    const arsync_totals& b = serial.totals;
    for (const auto& [what, field] : counted)
        if (field != &arsync_totals::errors)
            same(what, a.*field, b.*field);
    same("errors", a.errors, b.errors + (may_not_be_synced(s) && a.errors > b.errors));
    same("bytes in holes", a.hole_bytes, b.hole_bytes);
}

// What the end of the job calls durable is there after a crash, but what is exempt.
void check_durable(ListSimulation& s, const Exempt& exempt) {
    if (s.scenario.options().durability == ARSYNC_DURABILITY_NONE ||
        s.scenario.asks(ARSYNC_COPY_DRY_RUN) || s.was_cancelled())
        return;
    const bool names = s.scenario.options().durability == ARSYNC_DURABILITY_FULL;
    Random random(s.scenario.tree.world.seed);
    Disk after =
        s.world.disk.recover(Unsynced::lost, names ? Unsynced::lost : Unsynced::kept, random);
    for (const InodeNumber number : after.numbers()) { // which have no sync
        Inode& inode = after.at(number);
        if (!inode.is_file() && !inode.is_directory())
            inode.attributes = s.world.disk.at(number).attributes;
    }
    Compared also;
    also.links = names;
    also.mode = names && s.scenario.tree.preserves(ARSYNC_PRESERVE_MODE);
    also.owner = names && s.scenario.tree.preserves(ARSYNC_PRESERVE_OWNER);
    also.times = names && s.scenario.tree.preserves(ARSYNC_PRESERVE_TIMES);
    also.xattrs = names && s.scenario.tree.preserves(ARSYNC_PRESERVE_XATTR);
    also.context = names && s.scenario.tree.preserves(ARSYNC_PRESERVE_CONTEXT);
    also.flags = names && s.scenario.tree.preserves(ARSYNC_PRESERVE_FLAGS);
    also.project = names && s.scenario.tree.preserves(ARSYNC_PRESERVE_PROJECT);
    for (const std::string& difference : differences(s.world.disk, s.root(), after, s.root(), also))
        if (!exempt.covers_difference(difference))
            s.world.problem("after a crash: " + difference);
}

// Of those that fail, part may have been done.
Exempt failures_of(const ListSimulation& s) {
    Exempt exempt(s);
    for (size_t i = 0; i < s.scenario.items.size(); ++i)
        if (const ItemEnd* item = s.item(i); !item || item->outcome.result < 0)
            exempt.add(i);
    return exempt;
}

void check_clash(ListSimulation& s) {
    if (s.events().size() != 1)
        s.world.problem("a list of mirrors that clash says more than that");
    for (const std::string& difference :
         differences(s.original(), s.root(), s.world.disk, s.root(), everything))
        s.world.problem("a list of mirrors that clash did something: " + difference);
}

// What the device got wrong put right, of what the other has by the same name.
void mend(const World& world, Disk& disk, Inode& inode, const Disk& right, const Inode& wanted) {
    if (inode.is_file() && wanted.is_file() && world.is_damaged_copy(inode.content, wanted.content))
        inode.content = wanted.content;
    for (const auto& [name, number] : inode.names)
        if (const auto twin = wanted.names.find(name); twin != wanted.names.end())
            mend(world, disk, disk.at(number), right, right.at(twin->second));
}

// That the time of a directory is that at which something came to it, or went.
bool is_of_now(const World& world, const std::string& difference) {
    const std::string path = difference.substr(1, difference.find('\'', 1) - 1);
    const Inode* const inode = at_path(world.disk, world.disk.root().number, path);
    return difference.ends_with("has another modification time") && inode &&
           inode->is_directory() && inode->attributes.modified.tv_sec >= World::lists_epoch;
}

void check_same_disk(ListSimulation& s, const SerialList& serial, const Exempt& exempt,
                     const Compared& also) {
    Disk disk = s.world.disk;
    if (s.world.damaged)
        mend(s.world, disk, disk.root(), serial.world.disk, serial.world.disk.root());
    for (const std::string& difference :
         differences(serial.world.disk, serial.world.disk.root().number, disk, s.root(), also))
        if (!exempt.covers_difference(difference) && !is_of_now(serial.world, difference))
            s.world.problem("not as one after the other: " + difference);
}

// ---- after a fault ----

// Of those that failed, and all that have to do with what these were to make.
std::set<size_t> touched_by(const ListSimulation& s, const std::set<size_t>& failed,
                            Exempt& exempt) {
    std::set<size_t> all = failed;
    for (const size_t item : failed)
        exempt.add(item);
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < s.scenario.items.size(); ++i)
            if (!all.contains(i) && exempt.meets(i)) {
                exempt.add(i);
                all.insert(i);
                more = true;
            }
    }
    return all;
}

// Whether there are two names in it that are one where names fold.
bool holds_one_twice(const Disk& disk, InodeNumber directory) {
    std::set<std::string> folded;
    const Names& names = disk.at(directory).names;
    return std::any_of(names.begin(), names.end(), [&](const auto& entry) {
        return !folded.insert(fold_case(entry.first)).second || holds_one_twice(disk, entry.second);
    });
}

// Trees of which the order of the entries says which of two names that are one is copied.
std::set<size_t> trees_of_chance(const ListSimulation& s) {
    std::set<size_t> all;
    World look(s.scenario.tree.world);
    look.disk = s.original();
    for (size_t i = 0; s.scenario.tree.folds && i < s.scenario.items.size(); ++i) {
        InodeNumber top = 0;
        if (look.find(AT_FDCWD, s.scenario.items[i].source, Last::followed, top) == 0 &&
            holds_one_twice(look.disk, top))
            all.insert(i);
    }
    return all;
}

} // namespace

void check_always(ListSimulation& s) {
    check_events(s);
    check_order(s);
    check_totals(s);
    check_error_path(s);
    check_sources(s);
    if (!s.world.crashed() && s.changed().empty())
        Whole(s).check(s.world.disk);
}

// A tree that is copied to a directory above it: its entries read what others of them write, and in
// what order is not promised.
static bool reads_what_it_writes(const ListSimulation& s) {
    if (!s.scenario.asks(ARSYNC_COPY_RECURSIVE))
        return false;
    const auto& items = s.scenario.items;
    return std::any_of(items.begin(), items.end(), [](const ListItemNames& item) {
        const auto clean = [](const std::string& path) {
            return std::filesystem::path(path + "/").lexically_normal().string();
        };
        const std::string to = clean(item.destination);
        return clean(item.source).starts_with(to) && clean(item.source) != to;
    });
}

// Those that did not end, or that somebody had a hand in, and what has to do with them.
static std::set<size_t> not_ended(const ListSimulation& s) {
    std::set<size_t> all = trees_of_chance(s);
    for (size_t i = 0; i < s.scenario.items.size(); ++i) {
        const ItemEnd* const item = s.item(i);
        const bool ended = item && item->outcome.result != -ECANCELED;
        const bool stopped = item && stops(s) && item->outcome.result < 0 &&
                             item->outcome.action == ARSYNC_ACTION_TREE;
        if (!ended || stopped)
            all.insert(i);
    }
    for (const SimulatedPool::Event& event : s.events())
        if (event.outcome.result == -EILSEQ && event.user_data >= first_item)
            all.insert(event.user_data - first_item);
    return all;
}

// What has nothing to do with those is as one after the other.
static void check_ended(ListSimulation& s) {
    constexpr uint32_t whole_trees = ARSYNC_COPY_PARENTS | ARSYNC_COPY_MIRROR;
    if (clashes(s) || s.scenario.asks(whole_trees) ||
        s.scenario.tree.preserves(ARSYNC_PRESERVE_LINKS))
        return;
    Exempt exempt(s);
    if (!s.changed().empty())
        exempt.add_path(s.changed());
    const std::set<size_t> touched = touched_by(s, not_ended(s), exempt);
    ListScenario all = s.scenario;
    all.tree.options.flags &= ~ARSYNC_COPY_STOP_ON_ERROR;
    const SerialList others(all, touched);
    for (size_t i = 0; i < s.scenario.items.size(); ++i)
        if (!touched.contains(i))
            expect_same_item(s, i, *others.items[i]);
    check_same_disk(s, others, exempt, compared(s));
}

void check_as_serial(ListSimulation& s) {
    if (reads_what_it_writes(s))
        return; // what always holds is checked before
    if (clashes(s)) {
        check_clash(s);
        return;
    }
    if (!trees_of_chance(s).empty()) {
        check_ended(s);
        return;
    }
    const SerialList serial(s.scenario);
    if (stops(s) || (s.scenario.asks(ARSYNC_COPY_STOP_ON_ERROR) && serial.failed)) {
        const bool unsynced = s.outcome().stage == ARSYNC_STAGE_SYNC && may_not_be_synced(s);
        if (stops(s) != serial.failed && !(stops(s) && unsynced))
            s.world.problem("an error shows only side by side, or only one after the other");
        check_ended(s);
        return;
    }
    for (size_t i = 0; i < s.scenario.items.size(); ++i)
        expect_same_item(s, i, *serial.items[i]);
    check_same_disk(s, serial, Exempt(s), compared(s));
    check_same_totals(s, serial);
    check_entries(s, serial);
    check_questions(s, serial);
    constexpr uint32_t of_any = ARSYNC_COMPLETION_SOURCE_CHANGED | ARSYNC_COMPLETION_SOURCE_SHRANK |
                                ARSYNC_COMPLETION_OWNER_LOST;
    if ((s.outcome().flags & of_any) != (serial.flags & of_any))
        s.world.problem("the list has other flags than its items");
    if (!s.is_counted())
        s.world.problem("progress does not come to its end");
    if (s.totals().errors == serial.totals.errors)
        check_durable(s, failures_of(s));
}

// Whether a directory in an item's tree has failed of what was made to fail.
static bool lost_directory(const ListSimulation& s, const SerialList& whole, size_t item) {
    return std::any_of(s.events().begin(), s.events().end(), [&](const auto& event) {
        const auto alone = whole.entries.find({first_item + item, event.path});
        return event.kind == ARSYNC_COMPLETION_ENTRY && event.user_data == first_item + item &&
               (event.outcome.flags & ARSYNC_COMPLETION_DIRECTORY) != 0 &&
               event.outcome.result < 0 && s.faults.gave(-event.outcome.result) &&
               (alone == whole.entries.end() || alone->second.outcome.result == 0);
    });
}

// Which items fail of it is found out; the others are as if those had done nothing.
void check_after_fault(ListSimulation& s) {
    if (!s.failed_step()) {
        check_as_serial(s);
        return;
    }
    // Nothing can be where a directory may not be searched, or a path ends nowhere; but here
    // something is all the same, for who looks again.
    const auto any_failure = [&](auto is_such) {
        return std::any_of(s.faults.happened().begin(), s.faults.happened().end(), is_such);
    };
    const bool opens_again = any_failure([](const Failure& one) {
        const bool absent = one.error == EACCES || one.error == ELOOP || one.error == ENAMETOOLONG;
        return absent && one.step.call == Call::statx;
    });
    // What cannot be opened gives way to force, and what comes in its place is new.
    const bool gives_way =
        s.scenario.asks(ARSYNC_COPY_FORCE) && any_failure([](const Failure& one) {
            const bool may_not_be_opened = one.error == EACCES || one.error == EPERM ||
                                           one.error == ETXTBSY || one.error == EROFS ||
                                           one.error == ELOOP;
            return may_not_be_opened && one.step.call == Call::open &&
                   one.step.subject == Subject::destination;
        });
    if (clashes(s) || stops(s) || opens_again || gives_way || !trees_of_chance(s).empty())
        return;
    const SerialList whole(s.scenario);
    std::set<size_t> failed;
    Exempt of_failed(s); // for what others find there is another thing then
    for (size_t i = 0; i < s.scenario.items.size(); ++i) {
        const ItemEnd* const item = s.item(i);
        if (!whole.items[i] || !item || of_failed.meets(i))
            continue;
        // Of which it could not be seen whether both names are one entry, that is said.
        const bool unseen = s.faults.has(Call::statx) && item->outcome.result == -EINVAL &&
                            item->outcome.stage == ARSYNC_STAGE_CHECK;
        // What is refused, as a file in the place of a special one, is none of a call's errors.
        const bool refused =
            item->outcome.result == -EOPNOTSUPP && item->outcome.stage == ARSYNC_STAGE_CHECK;
        const bool given = s.faults.gave(-item->outcome.result) && !refused;
        const bool anew = (given || unseen || s.faults.says_lost(item->outcome)) &&
                          item->outcome.result != whole.items[i]->outcome.result;
        const bool both_trees = item->outcome.action == ARSYNC_ACTION_TREE &&
                                whole.items[i]->outcome.action == ARSYNC_ACTION_TREE;
        // What a directory does not hold, as it failed itself, does not fail in it.
        const bool more_failed =
            both_trees &&
            (item->totals.errors > whole.items[i]->totals.errors || lost_directory(s, whole, i));
        if (!anew && !more_failed)
            continue;
        failed.insert(i);
        of_failed.add(i);
        // Others would have been links to its copy.
        if ((s.scenario.options().preserve & ARSYNC_PRESERVE_LINKS) != 0)
            of_failed.add_path(s.scenario.items[i].source);
    }
    // A directory that may not be opened is on the way to several.
    const bool has_ways = s.scenario.asks(ARSYNC_COPY_PARENTS);
    const bool of_way = has_ways && any_failure([](const Failure& one) {
                            return one.error == EACCES && one.step.subject == Subject::directory;
                        });
    if (failed.size() > s.faults.happened().size() && !of_way)
        s.world.problem("more items failed of it than calls");
    for (const size_t i : failed)
        if (ran_out_of_descriptors(s.item(i)->outcome))
            s.world.problem("it ran out of descriptors, and failed");
    // Where a copy is may not be known any more; then a further name is a copy of its own.
    // And part of a tree that fails may have been copied, to be linked to.
    const bool forgets_links = s.scenario.tree.preserves(ARSYNC_PRESERVE_LINKS) &&
                               (s.failed_step()->subject != Subject::source || !failed.empty() ||
                                s.failed_step()->call == Call::open_beneath || s.faults.several());
    if (has_ways || forgets_links)
        return;
    Exempt exempt(s);
    if (failed.empty()) {
        if (s.faults.has(Call::sync_filesystem) && s.outcome().result == 0 && !s.faults.several())
            check_durable(s, exempt);
        for (size_t i = 0; i < s.scenario.items.size() && whole.items[i]; ++i)
            expect_same_item(s, i, *whole.items[i]);
        check_same_disk(s, whole, exempt, compared(s));
        return;
    }
    const std::set<size_t> touched = touched_by(s, failed, exempt);
    const SerialList others(s.scenario, failed);
    for (size_t i = 0; i < s.scenario.items.size(); ++i)
        if (!touched.contains(i) && others.items[i])
            expect_same_item(s, i, *others.items[i]);
    Compared also = compared(s);
    also.links = false;
    check_same_disk(s, others, exempt, also);
}

void check_after_cancel(ListSimulation& s) {
    if (!s.was_cancelled()) {
        check_as_serial(s);
        return;
    }
    if (s.outcome().result != -ECANCELED && !(stops(s) && s.faults.gave(-s.outcome().result)))
        s.world.problem("a list that was cancelled has another result");
    if (!s.failed_step())
        check_ended(s);
}

void check_after_change(ListSimulation& s) {
    check_ended(s);
}

// What was verified is there, or it is told that it is not. Whoever had written or read it fails,
// and the others are as if those had done nothing.
void check_after_damage(ListSimulation& s) {
    const bool verifies = s.scenario.asks(ARSYNC_COPY_VERIFY);
    std::set<size_t> failed;
    bool cached = false;
    bool told = false;
    for (const SimulatedPool::Event& event : s.events()) {
        cached = cached || (event.outcome.flags & ARSYNC_COMPLETION_VERIFIED_CACHED) != 0;
        if (event.outcome.result != -EILSEQ)
            continue;
        told = true;
        if (event.user_data >= first_item)
            failed.insert(event.user_data - first_item);
        if (event.outcome.stage != ARSYNC_STAGE_VERIFY || !verifies)
            s.world.problem("damage is found, but not by verifying");
    }
    const Disk& disk = s.world.disk;
    const bool stays = disk.exists(s.world.damaged_inode) &&
                       disk.at(s.world.damaged_inode).links > 0 &&
                       !disk.at(s.world.damaged_inode).damage.empty();
    if (verifies && stays && !cached && !told)
        s.world.problem("damaged, and not said to be");
    if (clashes(s) || stops(s) || reads_what_it_writes(s) || s.scenario.asks(ARSYNC_COPY_DRY_RUN))
        return;
    const bool forgets_links = s.scenario.tree.preserves(ARSYNC_PRESERVE_LINKS);
    failed.merge(trees_of_chance(s));
    if (!failed.empty() && (forgets_links || s.scenario.asks(ARSYNC_COPY_PARENTS)))
        return;
    Exempt exempt(s);
    const std::set<size_t> touched = touched_by(s, failed, exempt);
    const SerialList others(s.scenario, failed);
    if (s.scenario.asks(ARSYNC_COPY_STOP_ON_ERROR) && others.failed)
        return;
    for (size_t i = 0; i < s.scenario.items.size(); ++i)
        if (!touched.contains(i))
            expect_same_item(s, i, *others.items[i]);
    check_same_disk(s, others, exempt, compared(s));
    if (failed.empty())
        check_same_totals(s, others);
}

// Each name leads to what it led to, or to all of what is to be there.
void check_after_crash(ListSimulation& s) {
    const std::optional<Disk>& crashed = s.world.crashed();
    const arsync_copy_options& o = s.scenario.options();
    if (!crashed || s.world.damaged || !s.changed().empty() || o.replace != ARSYNC_REPLACE_ATOMIC ||
        o.durability == ARSYNC_DURABILITY_NONE || s.scenario.asks(ARSYNC_COPY_ATTRIBUTES_ONLY))
        return;
    Random random(s.scenario.tree.world.seed);
    for (const Unsynced data : {Unsynced::lost, Unsynced::kept, Unsynced::mixed})
        for (const Unsynced names : {Unsynced::lost, Unsynced::kept, Unsynced::mixed})
            Whole(s).check(crashed->recover(data, names, random));
}

// Of calls that fail besides, nobody says here which they cost what.
static void check_after_several(ListSimulation& s) {
    if (!s.failed_step())
        check_ended(s);
}

void check_result(ListSimulation& s) {
    if (!s.world.crashed())
        check_always(s);
    if (s.world.crashed())
        check_after_crash(s);
    else if (s.was_cancelled())
        check_after_cancel(s);
    else if (!s.changed().empty() + s.world.damaged + s.failed_step().has_value() > 1)
        check_after_several(s);
    else if (!s.changed().empty())
        check_after_change(s);
    else if (s.failed_step())
        check_after_fault(s);
    else if (s.world.damaged)
        check_after_damage(s);
    else
        check_as_serial(s);
}

std::string report(const ListSimulation& s) {
    if (s.world.problems.empty())
        return {};
    std::string text = describe(s.scenario);
    if (s.failed_step())
        text +=
            "\n  failed with " + name_of_result(-s.fail_with) + ": " + describe(*s.failed_step());
    if (s.cancel_at != never)
        text += "\n  cancelled at " + std::to_string(s.cancel_at);
    if (s.crash_at != never)
        text += "\n  crashed at " + std::to_string(s.crash_at);
    text += "\n  result " + name_of_result(s.outcome().result) + " at stage " +
            arsync_stage_name(s.outcome().stage);
    for (const SimulatedPool::Event& event : s.events())
        if (event.outcome.result < 0)
            text += "\n  " + std::to_string(event.user_data) + " '" + event.path +
                    "': " + name_of_result(event.outcome.result) + " at stage " +
                    arsync_stage_name(event.outcome.stage);
    for (const std::string& problem : s.world.problems)
        text += "\n  " + problem;
    return text;
}

} // namespace arsync::sim
