#include "copy/list/mirrors.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/fold_case.h"
#include "copy/path.h"
#include "copy/split_path.h"
#include "io/facts.h"

namespace arsync {

namespace {

std::string without_slashes_at_end(std::string path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return path;
}

std::string text_of(const PlaceOnDevice& place) {
    return place.device + ":" + place.path;
}

PlaceOnDevice below(const PlaceOnDevice& place, const std::string& name) {
    return {place.device, (place.path == "/" ? "" : place.path) + "/" + name};
}

// It, and all above it; then "".
template <class Visit>
void for_each_above(std::string path, Visit visit) {
    visit(path);
    while (!path.empty()) {
        const size_t slash = path.rfind('/');
        path.resize(slash == std::string::npos ? 0 : slash);
        visit(path);
    }
}

template <class Map, class Key>
void append(const Map& map, const Key& key, std::vector<size_t>& numbers) {
    const auto [first, last] = map.equal_range(key);
    std::transform(first, last, std::back_inserter(numbers),
                   [](const auto& each) { return each.second; });
}

} // namespace

// ---- names ----

Mirrors::End Mirrors::source_of(size_t item) const {
    const std::string& path = items_[item].source;
    return {source_dirfd_, without_slashes_at_end(path),
            follows_top(options_) || path.ends_with('/'), false};
}

// A link there is replaced, or written through.
Mirrors::End Mirrors::destination_of(size_t item) const {
    return {destination_dirfd_, without_slashes_at_end(items_[item].destination), true, true};
}

// Of one tree: what is in a directory that is an item is made by that item as well.
bool Mirrors::belong_together(size_t one, size_t other) const {
    if (one == other)
        return true;
    if ((options_.flags & ARSYNC_COPY_BENEATH) == 0)
        return false;
    // Whether both lie as far below something as their sources do.
    const auto top = [&](size_t item) {
        const std::string source = simplified(items_[item].source);
        const std::string destination = simplified(items_[item].destination);
        return destination.ends_with(source) ? without_slashes_at_end(destination.substr(
                                                   0, destination.size() - source.size()))
                                             : "?" + destination;
    };
    return top(one) == top(other);
}

bool Mirrors::is_directory(size_t item) {
    const End end = source_of(item);
    struct statx facts;
    return files_.statx(end.dirfd, end.path.c_str(), end.follows ? 0 : AT_SYMLINK_NOFOLLOW,
                        facts) == 0 &&
           S_ISDIR(facts.stx_mode);
}

std::optional<Clash> Mirrors::clash_of_names(size_t outer, size_t inner, bool same) {
    if (belong_together(outer, inner))
        return std::nullopt;
    if (is_directory(outer))
        return Clash{inner, outer, EEXIST, Side::conflict};
    if (same && is_directory(inner)) // the outer one, which came first, mirrors nothing
        return Clash{outer, inner, EEXIST, Side::conflict};
    return std::nullopt;
}

std::optional<Clash> Mirrors::compare_names() {
    std::optional<Clash> clash;
    std::unordered_map<std::string, size_t> names;
    for (size_t i = 0; i < items_.size() && !clash; ++i) {
        const auto [first, is_new] = names.try_emplace(simplified(items_[i].destination), i);
        if (!is_new)
            clash = clash_of_names(first->second, i, true);
    }
    for (size_t i = 0; i < items_.size() && !clash; ++i) {
        const std::string own = simplified(items_[i].destination);
        for_each_above(own, [&](const std::string& above) {
            const auto outer = names.find(above);
            if (!clash && above != own && outer != names.end())
                clash = clash_of_names(outer->second, i, false);
        });
    }
    return clash;
}

// ---- places ----

// What cannot be opened is not there, for all that is known; but for want of descriptors nothing is
// known.
int Mirrors::open(int dirfd, const std::string& path, int flags) const {
    const int fd = files_.open(dirfd, path.empty() ? "." : path.c_str(), O_PATH | flags, 0);
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        check(ARSYNC_STAGE_CHECK, fd);
    return fd;
}

// False: it is not there.
bool Mirrors::find(const End& end, const Spot& spot, bool follows, Found& found) {
    found.file = File(files_, open(end.dirfd, end.path, follows ? 0 : O_NOFOLLOW));
    if (!found.file || files_.statx(found.file.get(), "", 0, found.facts) < 0)
        return false;
    const std::string name = split_path(end.path).name;
    found.by_name = !follows && !spot.missing && !name.empty() && name != "." && name != ".." &&
                    mount_of(found.facts) == spot.mount;
    if (found.by_name && spot.place) {
        found.place = below(*spot.place, name);
        return true;
    }
    const std::vector<PlaceOnDevice> places = places_of(found);
    found.place.reset();
    if (!places.empty())
        found.place = places.front();
    return true;
}

// Its own, and then those of what is mounted below it; none if that is not to be known.
std::vector<PlaceOnDevice> Mirrors::places_of(const Found& found) const {
    std::vector<PlaceOnDevice> places;
    const int result = files_.places_of(found.file.get(), places);
    if (result == -EMFILE || result == -ENFILE || result == -ENOMEM)
        check(ARSYNC_STAGE_CHECK, result);
    if (result < 0)
        places.clear();
    return places;
}

std::string Mirrors::key_of(const Spot& spot, const std::string& name) const {
    return spot.key + "/" + (spot.folds ? fold_case(name) : name);
}

const Mirrors::Spot& Mirrors::spot_of(const End& end) {
    auto& known = end.is_destination ? destination_spots_ : source_spots_;
    std::string parent = split_path(end.path).parent;
    const auto found = known.find(parent);
    if (found != known.end())
        return found->second;
    Spot spot = look_at_spot(end, parent);
    return known.emplace(std::move(parent), std::move(spot)).first->second;
}

Mirrors::Spot Mirrors::look_at_spot(const End& end, const std::string& parent) {
    Spot spot;
    std::string path = without_slashes_at_end(parent);
    std::string rest; // of the path, that is not there yet
    Found found;
    while (!find({end.dirfd, path, true, end.is_destination}, spot, true, found)) {
        spot.missing = true;
        if (path.empty() || path == "/")
            return spot;
        const SplitPath split = split_path(path);
        rest = "/" + split.name + rest;
        path = without_slashes_at_end(split.parent);
    }
    mirrors_.add_around(*this, found, spot.around);
    if (end.is_destination)
        sources_.add_around(*this, found, spot.sources);
    spot.mount = mount_of(found.facts);
    spot.place = found.place;
    if (end.is_destination) {
        const File listed(files_, files_.open(end.dirfd, path.empty() ? "." : path.c_str(),
                                              O_RDONLY | O_DIRECTORY, 0));
        spot.folds = listed && files_.may_fold_names(listed.get());
    }
    rest = simplified(rest);
    spot.key = text_of(identity(found.facts)) + (rest == "/"  ? ""
                                                 : spot.folds ? fold_case(rest)
                                                              : rest);
    return spot;
}

void Mirrors::Tops::add(size_t item, const Found& found) {
    by_id_.emplace(identity(found.facts), item);
    if (found.place)
        by_place_.emplace(text_of(*found.place), item);
    all_.push_back({item, found.facts.stx_dev_major, found.facts.stx_dev_minor,
                    mount_of(found.facts), found.place.has_value()});
}

const Mirrors::Tops::Top* Mirrors::Tops::find(size_t item) const {
    const auto at =
        std::lower_bound(all_.begin(), all_.end(), item,
                         [](const Top& top, size_t number) { return top.item < number; });
    return at != all_.end() && at->item == item ? &*at : nullptr;
}

bool Mirrors::Tops::contains(size_t item) const {
    return find(item) != nullptr;
}

template <class Predicate>
std::optional<size_t> Mirrors::Tops::first_but(Predicate is_left_out) const {
    const auto other = std::find_if(all_.begin(), all_.end(),
                                    [&](const Top& top) { return !is_left_out(top.item); });
    return other == all_.end() ? std::nullopt : std::optional<size_t>(other->item);
}

bool Mirrors::Tops::are_on_one_device(size_t item, const Found& found) const {
    const Top* const top = find(item);
    return top && top->major == found.facts.stx_dev_major &&
           top->minor == found.facts.stx_dev_minor;
}

void Mirrors::Tops::add_same(const Found& found, Numbers& same) const {
    append(by_id_, identity(found.facts), same);
    if (found.place)
        append(by_place_, text_of(*found.place), same);
}

// Of an open directory and all above it. False: of not all.
bool Mirrors::Tops::add_above(const Mirrors& mirrors, int directory, Numbers& around) const {
    struct statx facts;
    Identity last;
    File up;
    while (mirrors.files_.statx(directory, "", 0, facts) == 0) {
        if (identity(facts) == last)
            return true;
        last = identity(facts);
        append(by_id_, last, around);
        const int above = mirrors.open(directory, "..", O_DIRECTORY);
        if (above < 0)
            return false;
        up = File(mirrors.files_, above);
        directory = above;
    }
    return false;
}

// ".." of a mount leads to where it is mounted, not to the directory that it shows: that the list
// of mounts tells. Where there is none, the two are at least of one mount, in which ".." tells the
// truth, or of different filesystems; else it is in doubt.
void Mirrors::Tops::add_around(const Mirrors& mirrors, const Found& found, Numbers& around) const {
    if (empty())
        return;
    const bool is_directory = S_ISDIR(found.facts.stx_mode);
    const bool is_known = is_directory && add_above(mirrors, found.file.get(), around);
    if (found.place)
        for_each_above(found.place->path, [&](const std::string& above) {
            const std::string& path = above.empty() ? "/" : above;
            append(by_place_, text_of(PlaceOnDevice{found.place->device, path}), around);
        });
    for (const Top& top : all_) {
        const bool same_device =
            top.major == found.facts.stx_dev_major && top.minor == found.facts.stx_dev_minor;
        const bool told =
            (found.place && top.has_place) || (is_known && top.mount == mount_of(found.facts));
        if (same_device && !told)
            around.push_back(top.item);
    }
}

// Of one file system what is of another is no part of the source. btrfs counts as one with all its
// subvolumes here: to refuse too much removes nothing.
void Mirrors::note_mounted(std::vector<Mounted>& all, size_t item, const Found& found) const {
    Mounted mounted{item, places_of(found)};
    if (mounted.places.empty())
        return;
    const std::string own = mounted.places.front().device;
    mounted.places.erase(mounted.places.begin());
    if (&all == &mounted_in_sources_ && (options_.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) != 0)
        std::erase_if(mounted.places,
                      [&](const PlaceOnDevice& place) { return place.device != own; });
    if (!mounted.places.empty())
        all.push_back(std::move(mounted));
}

// with_mounted: what is mounted in it counts as well. Of two mirrors it does not: both may have
// /sys.
void Mirrors::add_mounted(const std::vector<Mounted>& all, const Found& found, bool with_mounted,
                          Numbers& around) const {
    if (all.empty())
        return;
    std::vector<PlaceOnDevice> own = places_of(found);
    if (!with_mounted && !own.empty())
        own.resize(1);
    for (const Mounted& mounted : all)
        if (overlap(mounted.places, own))
            around.push_back(mounted.item);
}

// What is not there yet lies in it only if the directory does that it will be made in.
void Mirrors::add_mounted_above(const std::vector<Mounted>& all, const Spot& spot,
                                Numbers& around) {
    const auto shows = [&](const PlaceOnDevice& place) {
        return spot.place && place.device == spot.place->device &&
               is_in(spot.place->path, place.path);
    };
    for (const Mounted& mounted : all)
        if (std::any_of(mounted.places.begin(), mounted.places.end(), shows))
            around.push_back(mounted.item);
}

// What an end is, or leads to. False: that is no directory.
bool Mirrors::find_directory(const End& end, const Spot& spot, Found& found) {
    const bool is_there =
        find(end, spot, false, found) &&
        (!S_ISLNK(found.facts.stx_mode) || (end.follows && find(end, spot, true, found)));
    return is_there && S_ISDIR(found.facts.stx_mode);
}

void Mirrors::add(size_t item) {
    if (!is_directory(item))
        return;
    Found found;
    const End source = source_of(item);
    if (find_directory(source, spot_of(source), found)) {
        sources_.add(item, found);
        note_mounted(mounted_in_sources_, item, found);
    }
    const End end = destination_of(item);
    const Spot& spot = spot_of(end);
    if (find_directory(end, spot, found)) {
        mirrors_.add(item, found);
        note_mounted(mounted_in_mirrors_, item, found);
    } else { // it will be made
        by_key_.emplace(key_of(spot, split_path(end.path).name), item);
    }
}

// Another's than its own.
std::optional<size_t> Mirrors::mirror_around(const End& end, size_t own) {
    const Spot& spot = spot_of(end);
    Numbers around = spot.around;
    if (end.is_destination)
        for_each_above(key_of(spot, split_path(end.path).name),
                       [&](const std::string& above) { append(by_key_, above, around); });
    Found found;
    if (find(end, spot, false, found)) {
        const bool is_link = S_ISLNK(found.facts.stx_mode);
        if (!found.by_name)
            mirrors_.add_around(*this, found, around);
        else if (!is_link)
            mirrors_.add_same(found, around);
        if (is_link && end.follows && find(end, spot, true, found))
            mirrors_.add_around(*this, found, around);
        add_mounted(mounted_in_mirrors_, found, !end.is_destination, around);
    } else {
        add_mounted_above(mounted_in_mirrors_, spot, around);
    }
    const auto clashes = [&](size_t mirror) { return !belong_together(own, mirror); };
    const auto first = std::find_if(around.begin(), around.end(), clashes);
    return first == around.end() ? std::nullopt : std::optional<size_t>(*first);
}

// What the item mirrors to may be a part of what another is copied from, which would lose what is
// extra there.
std::optional<size_t> Mirrors::source_around_mirror(size_t own) {
    if (!mirrors_.contains(own))
        return std::nullopt;
    const End end = destination_of(own);
    const Spot& spot = spot_of(end);
    Numbers around = spot.sources;
    Found found;
    if (!find_directory(end, spot, found))
        return std::nullopt;
    if (!found.by_name)
        sources_.add_around(*this, found, around);
    if ((options_.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) != 0)
        std::erase_if(around,
                      [&](size_t source) { return !sources_.are_on_one_device(source, found); });
    add_mounted(mounted_in_sources_, found, true, around);
    const auto clashes = [&](size_t source) { return !belong_together(own, source); };
    const auto first = std::find_if(around.begin(), around.end(), clashes);
    return first == around.end() ? std::nullopt : std::optional<size_t>(*first);
}

// Where a link below an item leads is known when that is copied. A tree looks out for its own
// mirror then, and removes nothing before all is copied; but others remove what is extra in theirs
// by then.
std::optional<size_t> Mirrors::mirror_behind_links(size_t own) const {
    if (options_.symlinks != ARSYNC_SYMLINKS_FOLLOW || !sources_.contains(own))
        return std::nullopt;
    const auto is_own = [&](size_t item) { // also what is listed twice
        return simplified(items_[item].source) == simplified(items_[own].source) &&
               simplified(items_[item].destination) == simplified(items_[own].destination);
    };
    return mirrors_.first_but(is_own);
}

std::optional<Clash> Mirrors::compare(size_t item) {
    if (mirrors_.empty() && by_key_.empty())
        return std::nullopt;
    if (const auto mirror = mirror_around(source_of(item), item))
        return Clash{item, *mirror, ELOOP, Side::source};
    if (const auto mirror = mirror_around(destination_of(item), item))
        return Clash{item, *mirror, ELOOP, Side::destination};
    if (const auto source = source_around_mirror(item))
        return Clash{*source, item, ELOOP, Side::source};
    if (const auto mirror = mirror_behind_links(item))
        return Clash{item, *mirror, EOPNOTSUPP, Side::source};
    return std::nullopt;
}

} // namespace arsync
