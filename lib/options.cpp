#include "options.h"

#include <cerrno>
#include <cstring>

#include "copy/id_map.h"
#include "copy/question.h"
#include "structs.h"

namespace arsync {

namespace {

constexpr const char* unknown = "is no value that this version knows";
constexpr const char* unknown_bits = "has bits that this version does not know";

bool has(uint32_t flags, uint32_t all_of) {
    return (flags & all_of) == all_of;
}

Refusal unknown_value(const arsync_copy_options& options) {
    constexpr uint32_t flags =
        ARSYNC_COPY_VERIFY | ARSYNC_COPY_SPECIAL | ARSYNC_COPY_ATTRIBUTES_ONLY |
        ARSYNC_COPY_NOFOLLOW | ARSYNC_COPY_DEFAULT_MODE | ARSYNC_COPY_RECURSIVE |
        ARSYNC_COPY_ONE_FILE_SYSTEM | ARSYNC_COPY_MIRROR | ARSYNC_COPY_DRY_RUN |
        ARSYNC_COPY_STOP_ON_ERROR | ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK |
        ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK | ARSYNC_COPY_FORCE | ARSYNC_COPY_PARENTS |
        ARSYNC_COPY_BENEATH | ARSYNC_COPY_KEEP_LOCKS | ARSYNC_COPY_BORROW_DIRFDS |
        ARSYNC_COPY_SHALLOW | ARSYNC_COPY_DANGLING | ARSYNC_COPY_SRC_FD | ARSYNC_COPY_DST_FD |
        ARSYNC_COPY_DIRECTORIES_ONLY | ARSYNC_COPY_BARE_PARENTS | ARSYNC_COPY_IN_ORDER;
    constexpr uint32_t preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                                  ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR |
                                  ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_CONTEXT |
                                  ARSYNC_PRESERVE_FLAGS | ARSYNC_PRESERVE_PROJECT;
    constexpr uint32_t want = ARSYNC_WANT_TOTALS | ARSYNC_WANT_ERROR_PATH | ARSYNC_WANT_SOURCE |
                              ARSYNC_WANT_DESTINATION | ARSYNC_WANT_DIGEST | ARSYNC_WANT_TIMES |
                              ARSYNC_WANT_FD;
    if ((options.flags & ~flags) != 0)
        return {"flags", unknown_bits};
    if ((options.want & ~want) != 0)
        return {"want", unknown_bits};
    if ((options.preserve & ~preserve) != 0)
        return {"preserve", unknown_bits};
    if ((options.required & ~preserve) != 0)
        return {"required", unknown_bits};
    if (options.method > ARSYNC_METHOD_MANAGED)
        return {"method", unknown};
    if (options.reflink > ARSYNC_REFLINK_NEVER)
        return {"reflink", unknown};
    if (options.cache > ARSYNC_CACHE_DROP)
        return {"cache", unknown};
    if (options.replace > ARSYNC_REPLACE_REMOVE)
        return {"replace", unknown};
    if (options.durability > ARSYNC_DURABILITY_FULL)
        return {"durability", unknown};
    if (options.sparse > ARSYNC_SPARSE_NEVER)
        return {"sparse", unknown};
    if (options.chunks > ARSYNC_CHUNKS_MAX)
        return {"chunks", "is more than ARSYNC_CHUNKS_MAX"};
    if (options.update > ARSYNC_UPDATE_ASK_OLDER)
        return {"update", unknown};
    if (options.symlinks > ARSYNC_SYMLINKS_FOLLOW)
        return {"symlinks", unknown};
    if (options.report > ARSYNC_REPORT_NONE)
        return {"report", unknown};
    if (options.backup > ARSYNC_BACKUP_EXISTING)
        return {"backup", unknown};
    if (options.backup_suffix && options.backup_suffix[0] == '\0')
        return {"backup_suffix", "is empty"};
    if (options.backup_suffix && strchr(options.backup_suffix, '/'))
        return {"backup_suffix", "has a slash"};
    const char* why = nullptr;
    if (options.user_map && id_map_of(options.user_map, IdKind::user, why).empty())
        return {"user_map", why};
    if (options.group_map && id_map_of(options.group_map, IdKind::group, why).empty())
        return {"group_map", why};
    return {};
}

// What a mirror removes would be the backups, or what was kept as both, or lie behind the links.
Refusal contradiction_in_mirror(const arsync_copy_options& options) {
    if (!has(options.flags, ARSYNC_COPY_RECURSIVE))
        return {"flags", "ARSYNC_COPY_MIRROR needs ARSYNC_COPY_RECURSIVE"};
    if (has(options.flags, ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK))
        return {"flags", "ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK does not go with ARSYNC_COPY_MIRROR"};
    if (options.backup != ARSYNC_BACKUP_NONE)
        return {"backup", "does not go with ARSYNC_COPY_MIRROR"};
    if (asks_first(options))
        return {"update", "does not go with ARSYNC_COPY_MIRROR"};
    return {};
}

// Of an open file no name is known, so nothing can be done with that.
Refusal contradiction_of_open_files(const arsync_copy_options& options) {
    const uint32_t flags = options.flags;
    constexpr const char* with_source = "does not go with ARSYNC_COPY_SRC_FD";
    constexpr const char* with_destination = "does not go with ARSYNC_COPY_DST_FD";
    const bool to_open = has(flags, ARSYNC_COPY_DST_FD);
    constexpr uint32_t by_name = ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH | ARSYNC_COPY_HARD_LINK |
                                 ARSYNC_COPY_SYMBOLIC_LINK;
    if ((flags & by_name) != 0)
        return {"flags", "PARENTS, BENEATH and links do not go with open files"};
    if (to_open && (flags & (ARSYNC_COPY_FORCE | ARSYNC_COPY_DRY_RUN)) != 0)
        return {"flags", "FORCE and DRY_RUN do not go with ARSYNC_COPY_DST_FD"};
    if (options.link_set != 0)
        return {"link_set", "does not go with open files"};
    if (to_open && options.replace != ARSYNC_REPLACE_IN_PLACE)
        return {"replace", with_destination};
    if (to_open && options.update != ARSYNC_UPDATE_ALL)
        return {"update", with_destination};
    if (to_open && options.backup != ARSYNC_BACKUP_NONE)
        return {"backup", with_destination};
    if (to_open && options.symlinks == ARSYNC_SYMLINKS_KEEP)
        return {"symlinks", with_destination};
    if (options.update == ARSYNC_UPDATE_CHANGED)
        return {"update", with_source};
    return {};
}

// A part of a file has no attributes, and what is there is what it is written into.
Refusal contradiction_of_part(const arsync_copy_options& options) {
    constexpr const char* reason = "does not go with range_length";
    constexpr uint32_t flags = ARSYNC_COPY_VERIFY | ARSYNC_COPY_NOFOLLOW | ARSYNC_COPY_PARENTS |
                               ARSYNC_COPY_BENEATH | ARSYNC_COPY_BARE_PARENTS |
                               ARSYNC_COPY_STOP_ON_ERROR | ARSYNC_COPY_BORROW_DIRFDS |
                               ARSYNC_COPY_IN_ORDER;
    if ((options.flags & ~flags) != 0)
        return {"flags", "only VERIFY and what says where to copy go with range_length"};
    if (options.preserve != 0)
        return {"preserve", reason};
    if (options.replace != ARSYNC_REPLACE_IN_PLACE)
        return {"replace", reason};
    if (options.update != ARSYNC_UPDATE_ALL)
        return {"update", reason};
    if (options.symlinks == ARSYNC_SYMLINKS_KEEP)
        return {"symlinks", "KEEP does not go with range_length"};
    if (options.backup != ARSYNC_BACKUP_NONE)
        return {"backup", reason};
    if (options.link_set != 0)
        return {"link_set", reason};
    if (has(options.want, ARSYNC_WANT_FD))
        return {"want", "ARSYNC_WANT_FD does not go with range_length"};
    constexpr uint64_t end_max = INT64_MAX;
    if (options.range_offset > end_max || (options.range_length != UINT64_MAX &&
                                           options.range_length > end_max - options.range_offset))
        return {"range_length", "goes past INT64_MAX"};
    return {};
}

Refusal contradiction(const arsync_copy_options& options) {
    const uint32_t flags = options.flags;
    if (options.range_offset != 0 && options.range_length == 0)
        return {"range_offset", "needs range_length"};
    if (options.range_length != 0)
        if (const Refusal refusal = contradiction_of_part(options))
            return refusal;
    if ((flags & (ARSYNC_COPY_SRC_FD | ARSYNC_COPY_DST_FD)) != 0)
        if (const Refusal refusal = contradiction_of_open_files(options))
            return refusal;
    if (has(options.want, ARSYNC_WANT_FD) && has(flags, ARSYNC_COPY_RECURSIVE))
        return {"want", "ARSYNC_WANT_FD does not go with ARSYNC_COPY_RECURSIVE"};
    if (has(flags, ARSYNC_COPY_DEFAULT_MODE) && has(options.preserve, ARSYNC_PRESERVE_MODE))
        return {"flags", "ARSYNC_COPY_DEFAULT_MODE does not go with ARSYNC_PRESERVE_MODE"};
    if (has(flags, ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK))
        return {"flags", "ARSYNC_COPY_HARD_LINK does not go with ARSYNC_COPY_SYMBOLIC_LINK"};
    if (has(flags, ARSYNC_COPY_SHALLOW) && !has(flags, ARSYNC_COPY_RECURSIVE))
        return {"flags", "ARSYNC_COPY_SHALLOW needs ARSYNC_COPY_RECURSIVE"};
    if (has(flags, ARSYNC_COPY_DIRECTORIES_ONLY) && !has(flags, ARSYNC_COPY_RECURSIVE))
        return {"flags", "ARSYNC_COPY_DIRECTORIES_ONLY needs ARSYNC_COPY_RECURSIVE"};
    if (has(flags, ARSYNC_COPY_BARE_PARENTS) && !has(flags, ARSYNC_COPY_PARENTS))
        return {"flags", "ARSYNC_COPY_BARE_PARENTS needs ARSYNC_COPY_PARENTS"};
    if (options.filter && !has(flags, ARSYNC_COPY_RECURSIVE))
        return {"filter", "needs ARSYNC_COPY_RECURSIVE"};
    if (has(flags, ARSYNC_COPY_BENEATH) && !has(flags, ARSYNC_COPY_PARENTS))
        return {"flags", "ARSYNC_COPY_BENEATH needs ARSYNC_COPY_PARENTS"};
    // The text of a link would be a path from a directory that it is not in.
    if (has(flags, ARSYNC_COPY_BENEATH | ARSYNC_COPY_SYMBOLIC_LINK))
        return {"flags", "ARSYNC_COPY_SYMBOLIC_LINK does not go with ARSYNC_COPY_BENEATH"};
    constexpr uint32_t with_owners = ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_MODE;
    const bool has_owners = (options.preserve & with_owners) != 0;
    constexpr const char* needs_owners = "needs ARSYNC_PRESERVE_OWNER or ARSYNC_PRESERVE_MODE";
    if (options.user_map && !has_owners)
        return {"user_map", needs_owners};
    if (options.group_map && !has_owners)
        return {"group_map", needs_owners};
    if (options.backup != ARSYNC_BACKUP_NONE && options.replace == ARSYNC_REPLACE_EXCLUSIVE)
        return {"backup", "does not go with ARSYNC_REPLACE_EXCLUSIVE"};
    if (options.method == ARSYNC_METHOD_REFLINK && options.reflink == ARSYNC_REFLINK_NEVER)
        return {"reflink", "NEVER does not go with ARSYNC_METHOD_REFLINK"};
    // Shared blocks are what they are: holes can be neither made nor filled in them.
    const bool shares =
        options.method == ARSYNC_METHOD_REFLINK || options.reflink == ARSYNC_REFLINK_ALWAYS;
    if (shares && options.sparse != ARSYNC_SPARSE_AUTO)
        return {"sparse", "must be AUTO where blocks are to be shared"};
    return has(flags, ARSYNC_COPY_MIRROR) ? contradiction_in_mirror(options) : Refusal{};
}

} // namespace

int check_and_copy_options(const arsync_copy_options* theirs, arsync_copy_options& ours,
                           Refusal& why) {
    if (theirs && check_size(*theirs) == -EINVAL)
        why = {"struct_size", "is the size in no version"};
    if (const int error = copy_in(theirs, ours); error < 0) {
        if (error == -E2BIG)
            why = {"struct_size", "is of a newer version, whose fields are not all 0"};
        else if (!why)
            why = {"reserved", "is not 0"};
        return error;
    }
    why = unknown_value(ours);
    if (!why)
        why = contradiction(ours);
    if (why)
        return -EINVAL;
    if (ours.method == ARSYNC_METHOD_REFLINK)
        ours.reflink = ARSYNC_REFLINK_ALWAYS;
    return 0;
}

// A filter and maps have been refused by now: they need a flag or attributes, which are refused
// here.
Refusal refusal_for_range(const arsync_copy_options& options) {
    constexpr const char* meaningless = "means nothing for a range";
    constexpr uint32_t flags = ARSYNC_COPY_VERIFY | ARSYNC_COPY_KEEP_LOCKS;
    if ((options.flags & ~flags) != 0)
        return {"flags", meaningless};
    if (options.preserve != 0)
        return {"preserve", meaningless};
    if (options.replace != 0)
        return {"replace", meaningless};
    if (options.update != 0)
        return {"update", meaningless};
    if (options.symlinks != 0)
        return {"symlinks", meaningless};
    if (options.backup != 0)
        return {"backup", meaningless};
    if (options.link_set != 0)
        return {"link_set", meaningless};
    if (has(options.want, ARSYNC_WANT_FD))
        return {"want", "ARSYNC_WANT_FD means nothing for a range"};
    if (options.range_length != 0)
        return {"range_length", meaningless};
    return {};
}

Refusal refusal_for_path(const arsync_copy_options& options) {
    if (has(options.flags, ARSYNC_COPY_KEEP_LOCKS))
        return {"flags", "ARSYNC_COPY_KEEP_LOCKS is for ranges alone"};
    return {};
}

} // namespace arsync
