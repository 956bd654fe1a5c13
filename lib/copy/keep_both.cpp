#include "copy/keep_both.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <string_view>

#include "copy/split_path.h"

namespace arsync {

namespace {

bool is_taken(Files& files, int dirfd, const std::string& path) {
    struct statx found;
    const int result = files.statx(dirfd, path.c_str(), AT_SYMLINK_NOFOLLOW, found);
    if (result != -ENOENT)
        check(ARSYNC_STAGE_OPEN_DESTINATION, result);
    return result == 0;
}

// Where "EXT" begins with its dot; of "a.tar.gz" that is ".tar.gz".
size_t extension_of(const std::string& name) {
    size_t dot = name.rfind('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == name.size())
        return name.size();
    constexpr std::string_view tar = ".tar";
    if (dot > tar.size() && name.compare(dot - tar.size(), tar.size(), tar) == 0)
        dot -= tar.size();
    return dot;
}

// Something has taken the name since it was found free.
bool was_taken(const Error& error) {
    return error.code == EEXIST || (error.code == EISDIR && error.stage != ARSYNC_STAGE_CHECK);
}

} // namespace

std::string other_name(const std::string& name, unsigned number) {
    const size_t dot = extension_of(name);
    const std::string mark = " (" + std::to_string(number) + ")";
    constexpr size_t character_max = 4; // bytes: so much of the beginning stays at least
    const size_t least = mark.size() + std::min(dot, character_max);
    const std::string end = mark + cut_name(name.substr(dot), NAME_MAX - least);
    return cut_name(name.substr(0, dot), NAME_MAX - end.size()) + end;
}

Task<void> keep_both(Io io, const FileCopy& names, unsigned char type, const EntryContext& context,
                     const arsync_copy_options& options, Control& control, Outcome& outcome) {
    arsync_copy_options how = options;
    how.update = ARSYNC_UPDATE_ALL;
    if (how.replace != ARSYNC_REPLACE_ATOMIC) // which shows no part of a file at a new name either
        how.replace = ARSYNC_REPLACE_EXCLUSIVE;
    how.backup = ARSYNC_BACKUP_NONE;
    const SplitPath source = split_path(names.source);
    const SplitPath path = split_path(names.destination);
    const Outcome before = outcome;
    FileCopy to = names;
    to.fresh = true; // what comes to the name meanwhile is -EEXIST, whatever `replace`
    for (unsigned number = 0;; ++number) {
        control.throw_if_cancelled();
        const std::string name = number == 0 ? path.name : other_name(path.name, number);
        to.destination = path.parent + name;
        to.just_created = names.just_created && number == 0; // that was said of the first
        if (!names.path_from_base.empty())
            to.path_from_base = split_path(names.path_from_base).parent + name;
        // What the source has is likely to come there.
        const bool free = !is_taken(io.files, to.destination_dirfd, to.destination) &&
                          (number == 0 || source.name != path.name ||
                           !is_taken(io.files, names.source_dirfd, source.parent + name));
        if (!free)
            continue;
        bool taken = false;
        try {
            co_await copy_entry(io, to, type, context, how, control, outcome);
        } catch (const Error& error) {
            if (!was_taken(error) || control.source_is_spent())
                throw;
            taken = true;
        }
        if (!taken) {
            if (number > 0) {
                outcome.flags |= ARSYNC_COMPLETION_KEPT_BOTH;
                outcome.name = name;
            }
            co_return;
        }
        control.restart();
        outcome = before;
    }
}

} // namespace arsync
