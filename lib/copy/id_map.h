// Whose the copy of somebody's file is: users and groups, each by a map that the options give.
//
// A map is a text, "FROM:TO[,FROM:TO...]", in which FROM is an id, a range A-B, or "*", and TO is
// an id or a range that is as long. The first that has an id counts; what none has stays. Names
// stand for ids in the caller's text alone, so that nothing is looked up while files are copied.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "arsync.h"

namespace arsync {

enum class IdKind { user, group };

// The same map without names; "" and why where it is none. Looks into /etc/passwd or /etc/group,
// and asks no server.
std::string id_map_of(const char* text, IdKind kind, const char*& why);

// maps: as id_map_of() has made them, or null.
uid_t mapped_id(const char* map, uid_t id);
inline uid_t copied_user(const arsync_copy_options& options, uid_t id) {
    return options.user_map ? mapped_id(options.user_map, id) : id;
}
inline gid_t copied_group(const arsync_copy_options& options, gid_t id) {
    return options.group_map ? mapped_id(options.group_map, id) : id;
}

// Of a POSIX ACL, as an extended attribute has it: the file's group may do no more than all others.
void narrow_group_of_acl(std::vector<char>& acl);

// The ids of a POSIX ACL, as an extended attribute has it, of a file of a group. Entries that
// become one, or that of a group that becomes the file's, have the rights that all of them had.
void map_acl(const arsync_copy_options& options, gid_t group, std::vector<char>& acl);

} // namespace arsync
