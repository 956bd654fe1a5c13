// What this thread may do beyond what the modes and owners of files allow.
#pragma once

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace arsync {

// CAP_*, of the first 32.
inline bool has_capability(unsigned number) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    return ::syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1u << number) != 0;
}

} // namespace arsync
