// Before an item is begun: what it will touch, and whether it must wait for what is in flight.
//
// Each look is as of an item that may not be the only one; where what is seen may not be final, or
// is touched by another, all others are waited for, and what is seen then is. By whoever has the
// turn.
#include "copy/list/member.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>

#include "copy/fold_case.h"
#include "copy/list/item_host.h"
#include "copy/list/take.h"
#include "copy/path.h"
#include "copy/split_path.h"

namespace arsync {

// Nothing is there, or nothing can be: the copy will say which. Anything else says nothing of what
// the item would touch, so it cannot be begun beside others. A way is told of when it is looked
// for.
void ListMember::refuse_unknown(Stage stage, int result) const {
    constexpr int absent[] = {ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG};
    const bool is_absent =
        std::find(std::begin(absent), std::end(absent), -result) != std::end(absent);
    const bool is_shut =
        result == -EACCES && (stage != ARSYNC_STAGE_OPEN_SOURCE || list_.asks(ARSYNC_COPY_PARENTS));
    if (result < 0 && !is_absent && !is_shut)
        throw Error{stage, -result};
}

Task<void> ListMember::admit(Item& item) {
    item.touch.source = simplified(item.names.source);
    item.touch.destination = simplified(item.names.destination);
    item.touch.named_destination = without_dots(item.names.destination);
    item.touch.folded = fold_case(item.touch.destination);
    // As cp takes it: a file that is named in two ways is written twice, not refused.
    item.touch.made_as = list_.of_one_tree() ? item.touch.destination : item.names.destination;
    if (list_.of_one_tree())
        co_await admit_entry(item);
    else
        co_await admit_path(item);
    if (list_.asks(ARSYNC_COPY_PARENTS) && !item.failure)
        co_await find_way(item);
    if (item.meets && !item.failure) {
        co_await nobody_else();
        co_await find_way(item); // and what is there now
    }
    if (list_.sync_.is_asked() && !item.failure)
        item.left = list_.sync_.choose(io_.files, item.names.destination, item.touch, item.way,
                                       list_.has_many());
}

// Nobody has named these one by one: what matters is which of them came before; and, when their
// ways are known, what has several names.
Task<void> ListMember::admit_entry(Item& item) {
    const bool enters = list_.asks(ARSYNC_COPY_RECURSIVE) && !list_.asks(ARSYNC_COPY_SHALLOW);
    list_.look_up(item, enters);
    item.touch.key = item.touch.folded;
    if (item.waits) {
        co_await nobody_else();
        list_.look_for_made(item);
    }
    if (item.came_before)
        list_.judge_again(item, look_where_it_is(item));
}

// Of what may have been copied with a tree, as trees look at it: what links lead to, if those are
// followed. A tree makes a directory of another filesystem than its root's, but enters none; files
// in those that it enters are copied, wherever they lie.
List::Whereabouts ListMember::look_where_it_is(const Item& item) {
    const int at_flags =
        list_.options_.symlinks == ARSYNC_SYMLINKS_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
    struct statx facts;
    const auto look = [&](const std::string& path) {
        return io_.files.statx(list_.source_dirfd_, path.empty() ? "." : path.c_str(), at_flags,
                               facts) == 0;
    };
    std::string path = item.touch.source;
    List::Whereabouts found;
    if (!look(path))
        return found;
    found.is_directory = S_ISDIR(facts.stx_mode);
    std::optional<Identity> device;
    if (found.is_directory)
        device = identity(facts);
    while (!path.empty() && list_.asks(ARSYNC_COPY_ONE_FILE_SYSTEM)) {
        const size_t slash = path.rfind('/');
        path.resize(slash == std::string::npos ? 0 : slash);
        if (!look(path))
            continue;
        const Identity above = identity(facts);
        if (device && (above.major != device->major || above.minor != device->minor)) {
            found.root_length_min = path.size() + 1;
            break;
        }
        device = above;
    }
    return found;
}

void List::look_up(Item& item, bool enters) {
    const Lock lock(mutex_);
    item.came_before = order_.came(item.touch.source);
    look_for_made_under_lock(item);
    item.has_parts = enters && order_.came_below(item.touch.source);
    item.waits = item.came_before || item.has_parts || order_.is_in_flight(item.touch.destination);
    order_.come(item.touch.source, enters);
}

// Again, for what was in flight has ended.
void List::look_for_made(Item& item) {
    const Lock lock(mutex_);
    look_for_made_under_lock(item);
}

// Another source may have been copied there.
void List::look_for_made_under_lock(Item& item) const {
    const Order::Made made = order_.made(item.touch.destination);
    item.just_created = made == Order::Made::it;
    item.may_be_one = made == Order::Made::another_spelling;
}

// What came before has ended. What lies in what was copied with all in it was copied with it.
void List::judge_again(Item& item, Whereabouts where) {
    const Lock lock(mutex_);
    if (order_.is_entered(item.touch.source)) {
        item.repeats = item.touch.has_source = true;
        item.touch.source_mode = S_IFDIR;
    }
    const bool was_in_tree =
        order_.lies_in_tree(item.touch.source, filter_, where.is_directory, where.root_length_min);
    item.just_created = item.just_created || was_in_tree;
}

Task<void> ListMember::admit_path(Item& item) {
    bool known = true;
    item.touch.key = key_of(list_.destination_dirfd_, item.names.destination,
                            list_.destination_directories_, known);
    item.touch.source_key =
        key_of(list_.source_dirfd_, item.names.source, list_.source_directories_, known);
    if (!known)
        co_await nobody_else();
    bool idle = list_.is_idle();
    try {
        while (!look(item, idle)) {
            co_await nobody_else();
            idle = true;
        }
    } catch (const Error& error) {
        item.failure = error;
        co_return;
    }
    if (item.may_be_one)
        item.just_created = folds_names(item);
    // What is made through a link that leads nowhere has a name elsewhere, which others may get.
    const bool makes_elsewhere = item.touch.through_link && item.touch.is_new;
    item.alone = !known || makes_elsewhere || runs_alone(item);
    if (item.alone && !list_.is_idle())
        co_await nobody_else();
}

// A name in a directory, whatever the path to that; the path where it is not there yet. known: set
// to false if there is something of which it is not to be known what.
std::string ListMember::key_of(int dirfd, const std::string& path,
                               std::unordered_map<std::string, std::string>& directories,
                               bool& known) {
    const SplitPath split = split_path(path);
    std::string name = fold_case(split.name);
    const auto found = directories.find(split.parent);
    if (found != directories.end())
        return found->second + "/" + name;
    struct statx facts;
    const int result = io_.files.statx(dirfd, split.directory(), 0, facts);
    known = known && (result == 0 || result == -ENOENT || result == -ENOTDIR);
    if (result < 0)
        return "?" + fold_case(simplified(split.parent)) + "/" + name;
    std::string directory = text_of(identity(facts));
    constexpr size_t most = 4096;
    if (directories.size() >= most)
        directories.clear();
    directories.emplace(split.parent, directory);
    return directory + "/" + name;
}

// Whether case makes no difference in the directory of its destination; yes where that is not to be
// known, and no where a dry run has not made it.
bool ListMember::folds_names(const Item& item) const {
    const SplitPath path = split_path(item.names.destination);
    const int fd =
        io_.files.open(list_.destination_dirfd_, path.directory(), O_RDONLY | O_DIRECTORY, 0);
    if (fd == -ENOENT)
        return false;
    const File directory(io_.files, fd);
    return !directory || io_.files.may_fold_names(directory.get());
}

// False: it is to wait, and be looked at again.
bool ListMember::look(Item& item, bool idle) {
    Touch touch;
    touch.source = item.touch.source;
    touch.destination = item.touch.destination;
    touch.named_destination = item.touch.named_destination;
    touch.folded = item.touch.folded;
    touch.key = item.touch.key;
    touch.source_key = item.touch.source_key;
    touch.made_as = item.touch.made_as;
    const bool seen = look_at_source(touch, item, idle) && look_at_destination(touch, item, idle);
    if (!seen)
        return false;
    if (!idle && list_.meets_by_other_names(touch))
        return false;
    item.touch = std::move(touch);
    if (!item.touch.has_source)
        return true;
    return list_.judge(item, idle);
}

bool List::judge(Item& item, bool idle) {
    const Lock lock(mutex_);
    const Touch& touch = item.touch;
    const bool met =
        order_.may_meet(touch, keeps_links()) || order_.is_in_flight(touch.destination) ||
        order_.is_name_in_flight(touch.key) || order_.is_name_in_flight(touch.source_key);
    // What lies in several directories may be what a tree reads, or is copied to.
    const std::string target = touch.key.substr(0, touch.key.find('/'));
    has_several_targets_ = has_several_targets_ || (!target_.empty() && target_ != target);
    target_ = target;
    if (!idle && has_several_targets_ && (touch.is_tree() || order_.has_trees_in_flight()))
        return false;
    const bool again = touch.is_tree() && order_.knows_tree(touch);
    if (!idle && (met || again)) // an earlier tree may fail yet, and then this is the first
        return false;
    const bool backs_up = options_.backup != ARSYNC_BACKUP_NONE;
    item.repeats =
        touch.is_tree() ? order_.repeats_tree(touch) : order_.repeats(touch) && !backs_up;
    const Order::Made made = order_.made(touch.made_as);
    item.just_created = !touch.is_tree() && made == Order::Made::it;
    // Or a link that leads nowhere is; or it would be.
    const bool is_there = !touch.is_new || touch.through_link || asks(ARSYNC_COPY_DRY_RUN);
    item.may_be_one = !touch.is_tree() && is_there && made == Order::Made::another_spelling;
    return true;
}

bool ListMember::look_at_source(Touch& touch, const Item& item, bool idle) {
    const char* name = item.names.source.c_str();
    struct statx facts;
    int result = io_.files.statx(list_.source_dirfd_, name, AT_SYMLINK_NOFOLLOW, facts);
    const bool is_link = result == 0 && S_ISLNK(facts.stx_mode) && follows_top(list_.options_);
    // A name that is not there may be one that an earlier copy is about to make, and a symbolic
    // link may lead to such a file.
    if ((result < 0 || is_link) && !idle)
        return false;
    touch.source_is_link = is_link;
    if (is_link)
        result = io_.files.statx(list_.source_dirfd_, name, 0, facts);
    refuse_unknown(ARSYNC_STAGE_OPEN_SOURCE, result);
    if (result < 0)
        return true;
    touch.has_source = true;
    touch.source_id = identity(facts);
    touch.source_mode = facts.stx_mode;
    touch.source_size = S_ISREG(facts.stx_mode) ? facts.stx_size : 0;
    const bool several = facts.stx_nlink > 1 || follows_top(list_.options_);
    if (touch.is_tree())
        touch.source_names = Upon::any;
    else if (list_.keeps_links() && several)
        touch.source_names = Upon::several;
    if (touch.source_names == Upon::several)
        touch.linked_id = list_.links_.copy_of(touch.source_id);
    return idle || touch.is_tree() || !list_.is_recent(facts);
}

// Whether the destination's name itself is dealt with, and not what it may point to.
bool ListMember::replaces_name(mode_t source_mode) const {
    const arsync_copy_options& options = list_.options_;
    const bool makes_data =
        S_ISREG(source_mode) || (list_.asks(ARSYNC_COPY_SPECIAL) && !S_ISLNK(source_mode));
    constexpr uint32_t links = ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK;
    return !makes_data || list_.asks(links) || options.backup != ARSYNC_BACKUP_NONE ||
           options.replace == ARSYNC_REPLACE_REMOVE || options.replace == ARSYNC_REPLACE_ATOMIC;
}

// Where nothing but that would be looked for. What another item makes there without being asked
// about here, or reads there, would not be met.
bool ListMember::was_absent(const Touch& touch, const Item& item) {
    const arsync_copy_options& options = list_.options_;
    const auto directory_of = [](const std::string& key) { return key.substr(0, key.find('/')); };
    const bool plain = S_ISREG(touch.source_mode) && !touch.source_is_link &&
                       options.backup == ARSYNC_BACKUP_NONE &&
                       options.replace == ARSYNC_REPLACE_IN_PLACE &&
                       options.durability == ARSYNC_DURABILITY_NONE && !asks_first(options) &&
                       !list_.asks(ARSYNC_COPY_PARENTS | ARSYNC_COPY_HARD_LINK |
                                   ARSYNC_COPY_SYMBOLIC_LINK | ARSYNC_COPY_DRY_RUN) &&
                       directory_of(touch.key) != directory_of(touch.source_key);
    if (!plain) {
        list_.target_names_.give_up();
        return false;
    }
    return list_.target_names_.lacks(io_.files, list_.destination_dirfd_, item.names.destination,
                                     list_.known_items());
}

bool ListMember::look_at_destination(Touch& touch, Item& item, bool idle) {
    if (!touch.has_source)
        return true;
    item.was_absent = was_absent(touch, item);
    if (item.was_absent)
        return true;
    const char* name = item.names.destination.c_str();
    struct statx found;
    int result = io_.files.statx(list_.destination_dirfd_, name, AT_SYMLINK_NOFOLLOW, found);
    const bool follows =
        result == 0 && S_ISLNK(found.stx_mode) && !replaces_name(touch.source_mode);
    if (follows && !idle)
        return false;
    touch.through_link = follows;
    if (follows)
        result = io_.files.statx(list_.destination_dirfd_, name, 0, found);
    refuse_unknown(touch.is_tree() ? ARSYNC_STAGE_MAKE_DIRECTORY : ARSYNC_STAGE_OPEN_DESTINATION,
                   result);
    if (result < 0)
        return true;
    touch.is_new = false;
    if (touch.is_tree())
        return true;
    // A tree may hold what is written into as well.
    touch.destination_has_names = follows || found.stx_nlink > 1;
    touch.has_written = true;
    touch.written_id = identity(found);
    if (!idle && list_.is_touched(found))
        return false;
    return looks_at_backup(item, idle);
}

// What a backup would take the place of.
bool ListMember::looks_at_backup(const Item& item, bool idle) {
    const arsync_copy_options& options = list_.options_;
    if (options.backup == ARSYNC_BACKUP_NONE || idle)
        return true;
    const std::string suffix = options.backup_suffix ? options.backup_suffix : "~";
    struct statx old;
    const std::string simple = item.names.destination + suffix;
    return io_.files.statx(list_.destination_dirfd_, simple.c_str(), AT_SYMLINK_NOFOLLOW, old) <
               0 ||
           !list_.is_touched(old);
}

// Trees run side by side where that makes no difference, and where what is told of their entries
// need not be kept apart. What is in a directory already may have names elsewhere, or be what
// others are to be copied to.
bool ListMember::runs_alone(const Item& item) const {
    const arsync_copy_options& options = list_.options_;
    // Which way paths have in common is known only of the entries of one tree.
    const uint32_t flags =
        ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK | (list_.of_one_tree() ? 0 : ARSYNC_COPY_PARENTS);
    if (!item.touch.is_tree() || item.repeats)
        return false;
    return !item.touch.is_new || list_.asks(flags) || options.report == ARSYNC_REPORT_ALL ||
           list_.has_several_targets() || asks_first(options) ||
           options.symlinks == ARSYNC_SYMLINKS_FOLLOW || is_entangled(item);
}

// Whether the source has the directory that is copied to in it, or the reverse; yes where that is
// not to be known.
bool ListMember::is_entangled(const Item& item) const {
    const auto above = [&](int dirfd, const std::string& path, std::vector<Identity>& all) {
        File at(io_.files, io_.files.open(dirfd, path.c_str(), O_PATH | O_DIRECTORY, 0));
        struct statx facts;
        while (at && io_.files.statx(at.get(), "", 0, facts) == 0) {
            if (!all.empty() && all.back() == identity(facts))
                return true;
            all.push_back(identity(facts));
            at = File(io_.files, io_.files.open(at.get(), "..", O_PATH | O_DIRECTORY, 0));
        }
        return false;
    };
    const auto contains = [](const std::vector<Identity>& all, const Identity& one) {
        return std::find(all.begin(), all.end(), one) != all.end();
    };
    std::string path = item.names.destination;
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    std::vector<Identity> source;
    std::vector<Identity> target;
    return !above(list_.source_dirfd_, item.names.source, source) ||
           !above(list_.destination_dirfd_, split_path(path).directory(), target) ||
           contains(source, target.front()) || contains(target, source.front());
}

// ---- the directories on the way ----

Task<void> ListMember::find_way(Item& item) {
    for (unsigned number = 0;; ++number) {
        item.failure.reset();
        try {
            enter_way(item);
            if (list_.of_one_tree() && !item.repeats && !item.directory)
                look_from_way(item, *Pin(io_.files, item.way));
        } catch (const Error& error) {
            item.failure = error;
        }
        const bool scarce =
            item.failure && (item.failure->code == EMFILE || item.failure->code == ENFILE);
        bool again = false;
        if (scarce) {
            start_admitted();
            again = co_await wait_for_descriptors(number);
        }
        tell_of_ways(item, !again);
        if (!again)
            co_return;
    }
}

// A symbolic link whose text is relative leads nowhere from a directory that is yet to be made.
void ListMember::refuse_lost_link(const Item& item) const {
    const bool relative = !item.names.source.starts_with('/');
    if (!list_.asks(ARSYNC_COPY_SYMBOLIC_LINK) || !relative || item.touch.is_tree() ||
        !item.touch.has_source)
        return;
    struct statx here;
    struct statx there;
    const SplitPath path = split_path(item.names.destination);
    check(ARSYNC_STAGE_LINK, io_.files.statx(list_.source_dirfd_, ".", 0, here));
    if (io_.files.statx(list_.destination_dirfd_, path.directory(), 0, there) < 0 ||
        identity(here) != identity(there))
        throw Error{ARSYNC_STAGE_LINK, EINVAL};
}

void ListMember::enter_way(Item& item) {
    refuse_lost_link(item);
    Ways& ways = list_.ways_;
    const ListItem& names = item.names;
    item.way = ways.enter(io_.files, names.source, names.destination);
    item.unsyncable =
        list_.options_.durability == ARSYNC_DURABILITY_FULL && ways.is_unsyncable(item.way);
    const Pin way(io_.files, item.way);
    if (item.may_be_one && !way->missing)
        item.just_created = item.just_created || io_.files.may_fold_names(way->destination());
    const bool shallow = list_.asks(ARSYNC_COPY_SHALLOW);
    const bool again =
        item.came_before && item.just_created && list_.options_.backup != ARSYNC_BACKUP_NUMBERED;
    if (!shallow && !again)
        return;
    struct statx facts;
    const std::string name = last_component(names.source);
    const int result = io_.files.statx(
        way->source(), name.c_str(), follows_top(list_.options_) ? 0 : AT_SYMLINK_NOFOLLOW, facts);
    if (result < 0 || !S_ISDIR(facts.stx_mode))
        return;
    // One that lies in what was copied with all in it was copied with it. One whose entries are the
    // list's to name is one on the way to them.
    item.repeats = !shallow;
    if (!shallow)
        return;
    item.touch.has_source = true;
    item.touch.source_mode = facts.stx_mode;
    item.directory = ways.make(io_.files, names.source, names.destination);
    item.made_directory = ways.drop_made(item.touch.source);
}

// Of an entry of one tree: what it would touch of what has other names as well. In a directory that
// the list has made there is nothing but what its items make, of which their paths tell.
void ListMember::look_from_way(Item& item, const Directory& way) {
    Touch& touch = item.touch;
    const bool may_be_one = // what is read and what is written
        way.missing || (way.source_id.major == way.destination_id.major &&
                        way.source_id.minor == way.destination_id.minor);
    const std::string name = "/" + fold_case(last_component(item.names.source));
    touch.source_key = may_be_one ? text_of(way.source_id) + name : "";
    touch.read_key = touch.source_key;
    if (way.destination_id != Identity{}) // which a dry run does not look for
        touch.key = text_of(way.destination_id) + name;
    touch.is_new = true;
    touch.has_written = touch.destination_has_names = false;
    const bool may_be_tree = list_.asks(ARSYNC_COPY_RECURSIVE) && !list_.asks(ARSYNC_COPY_SHALLOW);
    if (may_be_tree || may_be_one)
        look_at_source_from(way, item);
    if (!way.made && !way.missing)
        look_at_destination_from(way, item);
    const bool idle = list_.is_idle();
    // A file that is read has perhaps not been asked which it is.
    const bool may_be_read = may_be_one && touch.destination_has_names;
    item.alone = runs_alone(item);
    item.meets = !idle && (item.alone || may_be_read || list_.meets(touch));
}

void ListMember::look_at_source_from(const Directory& way, Item& item) {
    struct statx facts;
    const std::string name = last_component(item.names.source);
    const int result = io_.files.statx(
        way.source(), name.c_str(), follows_top(list_.options_) ? 0 : AT_SYMLINK_NOFOLLOW, facts);
    refuse_unknown(ARSYNC_STAGE_OPEN_SOURCE, result);
    if (result < 0)
        return;
    item.touch.source_id = identity(facts);
    if (!S_ISDIR(facts.stx_mode))
        return;
    item.touch.has_source = true;
    item.touch.source_mode = facts.stx_mode;
    item.touch.source_names = Upon::any;
}

void ListMember::look_at_destination_from(const Directory& way, Item& item) {
    Touch& touch = item.touch;
    struct statx found;
    const std::string name = last_component(item.names.destination);
    const int result = io_.files.statx(way.destination(), name.c_str(), AT_SYMLINK_NOFOLLOW, found);
    refuse_unknown(touch.is_tree() ? ARSYNC_STAGE_MAKE_DIRECTORY : ARSYNC_STAGE_OPEN_DESTINATION,
                   result);
    if (result < 0)
        return;
    touch.is_new = false;
    if (touch.is_tree() || !S_ISREG(found.stx_mode))
        return;
    touch.has_written = true;
    touch.written_id = identity(found);
    touch.destination_has_names = found.stx_nlink > 1 && !replaces_name(S_IFREG);
}

// Those that were made, and if it is over the one that could not be.
void ListMember::tell_of_ways(Item& item, bool over) {
    ItemHost host(list_, host_, item);
    for (Ways::Made& made : list_.ways_.take_made()) {
        Outcome outcome;
        outcome.action = ARSYNC_ACTION_MAKE_DIRECTORY;
        outcome.flags = ARSYNC_COMPLETION_DIRECTORY;
        if (!made.is_new && over)
            outcome.fail(*item.failure);
        if (!made.is_new && !over)
            continue;
        if (outcome.result < 0) {
            item.fails_on_the_way = true;
            item.failed_way = made.path;
        }
        const bool told = outcome.result < 0 ? list_.options_.report != ARSYNC_REPORT_NONE
                                             : list_.options_.report == ARSYNC_REPORT_ALL;
        if (told)
            host.report(
                {.kind = ARSYNC_COMPLETION_WAY, .path = std::move(made.path), .outcome = outcome});
    }
}

} // namespace arsync
