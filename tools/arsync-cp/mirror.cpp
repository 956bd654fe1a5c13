#include "mirror.h"

#include <climits>
#include <string>
#include <unistd.h>
#include <unordered_map>
#include <vector>

#include "quote.h"
#include "say.h"
#include "whereabouts.h"

namespace cp {

namespace {

bool is_directory(const Place& place) {
    struct stat status;
    return look_through_link(place, status) == 0 && S_ISDIR(status.st_mode);
}

bool has_room_for_both(const Operands& operands, size_t outer, size_t inner, bool same_name) {
    if (!is_directory(operands.source(outer)) &&
        !(same_name && is_directory(operands.source(inner))))
        return true;
    complain("with --mirror, " + quote(operands.source(outer).shown) + " and " +
             quote(operands.source(inner).shown) + " cannot both be copied to " +
             quote(operands.destination(outer).shown));
    return false;
}

// The directories that are there to be mirrored to, by what they are and by where they are.
class Mirrored {
public:
    explicit Mirrored(const Operands& operands) {
        for (size_t i = 0; i < operands.count(); i++) {
            Place to = operands.destination(i);
            int fd = is_directory(operands.source(i))
                         ? openat(to.dirfd, to.name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)
                         : -1;
            struct stat status;
            if (fd < 0 || fstat(fd, &status) != 0)
                continue;
            by_id.emplace(id_of(status), i);
            if (std::string place = place_on_device(fd); !place.empty())
                by_place.emplace(place, i);
            close(fd);
        }
    }
    bool empty() const { return by_id.empty(); }

    // The operand, other than the one named, in whose mirror something is that an open file names.
    std::optional<size_t> around(int fd, size_t own) const {
        struct stat status;
        std::string name = std::to_string(fd);
        std::string directory = ".";
        char text[PATH_MAX];
        if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode)) {
            ssize_t length = readlink(("/proc/self/fd/" + name).c_str(), text, sizeof text);
            std::string path(text, length < 0 ? 0 : static_cast<size_t>(length));
            directory = path.substr(0, path.rfind('/') + 1);
        }
        for (const FileId& id : directories_above(fd, directory))
            if (auto found = by_id.find(id); found != by_id.end() && found->second != own)
                return found->second;
        for (std::string place = place_on_device(fd); !place.empty();) {
            if (auto found = by_place.find(place); found != by_place.end() && found->second != own)
                return found->second;
            size_t slash = place.rfind('/');
            place.resize(slash == std::string::npos ? 0 : slash);
        }
        return std::nullopt;
    }

private:
    std::unordered_multimap<FileId, size_t, FileIdHash> by_id;
    std::unordered_multimap<std::string, size_t> by_place;
};

// Of an operand's place: itself, and where it leads if it is followed.
std::optional<size_t> mirror_around(const Mirrored& mirrored, const Place& place, bool follows,
                                    size_t own) {
    std::optional<size_t> found;
    for (int flags : {O_NOFOLLOW, 0}) {
        if (flags == 0 && !follows)
            break;
        int fd = openat(place.dirfd, place.name.c_str(), O_PATH | O_CLOEXEC | flags);
        if (fd < 0)
            continue;
        found = mirrored.around(fd, own);
        close(fd);
        if (found)
            break;
    }
    return found;
}

} // namespace

bool mirrors_are_apart(const Operands& operands) {
    std::unordered_map<std::string, size_t> names;
    for (size_t i = 0; i < operands.count(); i++) {
        auto [first, is_new] = names.try_emplace(simplified(operands.destination(i).name), i);
        if (!is_new && !has_room_for_both(operands, first->second, i, true))
            return false;
    }
    for (size_t i = 0; i < operands.count(); i++) {
        std::string above = simplified(operands.destination(i).name);
        while (!above.empty()) {
            size_t slash = above.rfind('/');
            above.resize(slash == std::string::npos ? 0 : slash);
            auto outer = names.find(above);
            if (outer != names.end() && !has_room_for_both(operands, outer->second, i, false))
                return false;
        }
    }
    return true;
}

bool mirrors_spare_others(const Operands& operands, const Options& options) {
    if (operands.count() < 2)
        return true; // of one alone the library knows
    Mirrored mirrored(operands);
    for (size_t i = 0; i < operands.count() && !mirrored.empty(); i++) {
        Place from = operands.source(i);
        Place to = operands.destination(i);
        std::optional<size_t> outer = mirror_around(mirrored, from, options.follows_named(), i);
        const std::string& lost = outer ? from.shown : to.shown;
        if (!outer)
            outer = mirror_around(mirrored, to, true, i);
        if (!outer)
            continue;
        complain("with --mirror, " + quote(lost) + " would be lost in " +
                 quote(operands.destination(*outer).shown) + ", which is to be like " +
                 quote(operands.source(*outer).shown));
        return false;
    }
    return true;
}

} // namespace cp
