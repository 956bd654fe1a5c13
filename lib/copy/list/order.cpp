#include "copy/list/order.h"

#include <algorithm>
#include <climits>
#include <vector>

#include "copy/fold_case.h"

namespace arsync {

static std::string joined(std::string_view path, bool leaves_up) {
    std::vector<std::string_view> parts;
    const bool absolute = path.starts_with('/');
    while (!path.empty()) {
        const size_t length = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, length);
        path.remove_prefix(std::min(length + 1, path.size()));
        if (leaves_up && part == ".." && !parts.empty() && parts.back() != "..")
            parts.pop_back();
        else if (!part.empty() && part != ".")
            parts.push_back(part);
    }
    std::string result = absolute ? "/" : "";
    for (size_t i = 0; i < parts.size(); ++i)
        result.append(i == 0 ? "" : "/").append(parts[i]);
    return result;
}

std::string simplified(std::string_view path) {
    return joined(path, true);
}

std::string without_dots(std::string_view path) {
    return joined(path, false);
}

static uint64_t hash(std::string_view text) { // never 0
    const uint64_t value = std::hash<std::string_view>()(text);
    return value == 0 ? 1 : value;
}

static std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return path.substr(0, slash == std::string::npos ? 0 : slash);
}

Order::Order() {
    // The clock that file timestamps are taken from, which lags behind the precise one.
    clock_gettime(CLOCK_REALTIME_COARSE, &began_);
}

bool Order::is_recent(const struct statx& facts) const {
    const statx_timestamp& changed = facts.stx_ctime;
    return changed.tv_sec != began_.tv_sec ? changed.tv_sec > began_.tv_sec
                                           : changed.tv_nsec >= began_.tv_nsec;
}

bool Order::is_touched(const struct statx& found) const {
    const Identity id = identity(found);
    return readers_.contains(id) || writers_.contains(id) || is_recent(found);
}

bool Order::may_meet(const Touch& touch, bool keeps_links) const {
    const auto meets = [&](Upon coming) {
        switch (coming) {
        case Upon::several: // those of two are told apart by their identities
            return with_any_names_ > 0;
        case Upon::any:
            return with_several_names_ > 0;
        default:
            return false;
        }
    };
    // What is linked to must not lose its name meanwhile; a tree may link to anything.
    const bool loses_copy =
        keeps_links &&
        ((touch.linked_id && writers_.contains(*touch.linked_id)) ||
         (touch.has_written && with_any_names_ > 0) || (touch.is_tree() && !writers_.empty()));
    return loses_copy || meets(touch.source_names) || meets(touch.upon()) ||
           (touch.has_source && !touch.is_tree() &&
            (writers_.contains(touch.source_id) ||
             (keeps_links && readers_.contains(touch.source_id))));
}

bool Order::meets(const Touch& touch) const {
    const bool by_name = by_key_.contains(touch.key) || by_key_.contains(touch.source_key) ||
                         read_by_key_.contains(touch.key);
    const bool by_file = writers_.contains(touch.source_id) ||
                         (touch.has_written && (readers_.contains(touch.written_id) ||
                                                writers_.contains(touch.written_id)));
    return by_name || by_file || may_meet(touch, false);
}

// It, by whatever case, what it lies in, or what lies in it.
bool Order::is_in_flight(const std::string& destination) const {
    const std::string name = fold_case(destination);
    for (std::string above = name; !above.empty(); above = parent_of(above))
        if (in_flight_.contains(above))
            return true;
    const auto below = in_flight_.lower_bound(name + "/");
    return below != in_flight_.end() && below->first.starts_with(name + "/");
}

namespace {

// The name without a mark at its end that is a number between two texts; "": it has none.
std::string without_number(const std::string& name, std::string_view before,
                           std::string_view after) {
    if (!name.ends_with(after))
        return "";
    size_t at = name.size() - after.size();
    const size_t end = at;
    while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9')
        --at;
    const bool is_mark = at < end && std::string_view(name).substr(0, at).ends_with(before);
    return is_mark ? name.substr(0, at - before.size()) : "";
}

// Of "NAME (1).EXT".
std::string without_other_number(const std::string& name) {
    const size_t open = name.rfind(" (");
    const size_t close = open == std::string::npos ? open : name.find(')', open);
    if (close == std::string::npos || name.find('/', open) != std::string::npos)
        return "";
    const std::string stem = without_number(name.substr(0, close + 1), " (", ")");
    return stem.empty() ? "" : stem + name.substr(close + 1);
}

template <class Map>
bool has_beginning(const Map& map, const std::string& beginning) {
    const auto found = map.lower_bound(beginning);
    return found != map.end() && found->first.starts_with(beginning);
}

} // namespace

bool Order::meets_backups(const Touch& touch, const std::string& suffix) const {
    const auto is_of_one_in_flight = [&](const std::string& key) {
        const bool simple =
            key.ends_with(suffix) && by_key_.contains(key.substr(0, key.size() - suffix.size()));
        return simple || by_key_.contains(without_number(key, ".~", "~"));
    };
    return is_of_one_in_flight(touch.key) || is_of_one_in_flight(touch.source_key) ||
           by_key_.contains(touch.key + suffix) || has_beginning(by_key_, touch.key + ".~");
}

// One that is as long as a name may be, but for a part of a character or two, was cut.
bool Order::meets_other_names(const Touch& touch) const {
    const auto is_of_one_in_flight = [&](const std::string& key) {
        const std::string stem = without_other_number(key);
        const bool is_cut = !stem.empty() && key.size() - key.rfind('/') + 6 > NAME_MAX;
        return by_key_.contains(stem) || (is_cut && !by_key_.empty());
    };
    // Its extension comes after the number.
    const size_t dot = touch.key.find('.', touch.key.rfind('/') + 2);
    return is_of_one_in_flight(touch.key) || is_of_one_in_flight(touch.source_key) ||
           has_beginning(by_key_, touch.key.substr(0, dot) + " (");
}

void Order::count(Upon upon, int change) {
    if (upon == Upon::several)
        with_several_names_ += change;
    else if (upon == Upon::any)
        with_any_names_ += change;
}

void Order::begin(const Touch& touch) {
    count(touch.upon(), 1);
    ++readers_[touch.source_id];
    if (touch.linked_id)
        ++readers_[*touch.linked_id];
    if (touch.has_written)
        ++writers_[touch.written_id];
    ++in_flight_[touch.folded];
    ++by_key_[touch.key];
    if (!touch.read_key.empty())
        ++read_by_key_[touch.read_key];
}

template <class Map, class Key>
void Order::drop(Map& counts, const Key& key) {
    const auto found = counts.find(key);
    if (found != counts.end() && --found->second == 0)
        counts.erase(found);
}

void Order::end(const Touch& touch) {
    count(touch.upon(), -1);
    drop(readers_, touch.source_id);
    if (touch.linked_id)
        drop(readers_, *touch.linked_id);
    if (touch.has_written)
        drop(writers_, touch.written_id);
    drop(in_flight_, touch.folded);
    drop(by_key_, touch.key);
    if (!touch.read_key.empty())
        drop(read_by_key_, touch.read_key);
}

void Order::note_made(const std::string& destination) {
    const uint64_t name = hash(destination);
    const uint64_t folded = hash(fold_case(destination));
    made_.insert(name);
    if (folded != name)
        made_folded_.insert(folded);
}

Order::Made Order::made(const std::string& destination) const {
    const uint64_t name = hash(destination);
    if (made_.contains(name))
        return Made::it;
    const uint64_t folded = hash(fold_case(destination));
    return made_folded_.contains(folded) || made_.contains(folded) ? Made::another_spelling
                                                                   : Made::nothing;
}

bool Order::repeats(const Touch& touch) {
    return !came_.insert({touch.source_id, hash(touch.source + '\0' + touch.named_destination)});
}

bool Order::repeats_tree(const Touch& touch) {
    const auto [first, last] = trees_.equal_range(touch.source_id);
    for (auto at = first; at != last; ++at)
        if (at->second == touch.named_destination)
            return true;
    trees_.emplace(touch.source_id, touch.named_destination);
    return false;
}

void Order::forget_tree(const Touch& touch) {
    const auto [first, last] = trees_.equal_range(touch.source_id);
    for (auto at = first; at != last; ++at) {
        if (at->second == touch.named_destination) {
            trees_.erase(at);
            return;
        }
    }
}

bool Order::came(const std::string& path) const {
    if (names_.contains(path) || entered_.contains(""))
        return true;
    for (std::string above = path; !above.empty(); above = parent_of(above))
        if (entered_.contains(above))
            return true;
    return false;
}

// A path below a tree's root: whether it, or what it lies in, is left out.
static bool is_left_out(const Filter& filter, std::string_view path, bool is_directory) {
    for (size_t end = path.find('/'); end != std::string_view::npos; end = path.find('/', end + 1))
        if (filter.excludes(path.substr(0, end), true))
            return true;
    return filter.excludes(path, is_directory);
}

bool Order::lies_in_tree(const std::string& path, const Filter& filter, bool is_directory,
                         size_t root_length_min) const {
    for (std::string above = path; !above.empty();) {
        above = parent_of(above);
        if (above.size() < root_length_min)
            return false;
        const size_t root = above.empty() && !path.starts_with('/') ? 0 : above.size() + 1;
        if (trees_by_path_.contains(above) &&
            (filter.empty() ||
             !is_left_out(filter, std::string_view(path).substr(root), is_directory)))
            return true;
    }
    return false;
}

bool Order::came_below(const std::string& path) const {
    return above_.contains(path);
}

void Order::come(const std::string& path, bool enters) {
    if (enters)
        entered_.insert(path);
    if (!names_.insert(path).second)
        return;
    for (std::string above = path; !above.empty();) {
        above = parent_of(above);
        if (!above_.insert(above).second)
            break;
    }
}

} // namespace arsync
