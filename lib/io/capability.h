// What this thread may do beyond what the modes and owners of files allow.
#pragma once

#include <algorithm>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace arsync {

// CAP_*, of the first 32.
inline bool has_capability(unsigned number) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    return ::syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1u << number) != 0;
}

// Of that group, to which it may give what it owns.
inline bool is_member(gid_t group) {
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<size_t>(std::max(count, 0)));
    if (::getgroups(count, groups.data()) < 0)
        groups.clear();
    return ::getegid() == group || std::find(groups.begin(), groups.end(), group) != groups.end();
}

} // namespace arsync
