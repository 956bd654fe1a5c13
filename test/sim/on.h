// The steps that most calls of SimulatedFiles are.
#pragma once

#include <cerrno>
#include <fcntl.h>

#include "sim/files.h"

namespace arsync::sim {

// Whether the call does with a descriptor that is open with O_PATH.
inline bool takes_path(Call call) {
    switch (call) {
    case Call::filesystem_type:
    case Call::chmod:
    case Call::chown:
    case Call::set_times:
    case Call::list_xattrs:
    case Call::get_xattr:
    case Call::set_xattr:
    case Call::remove_xattr:
    case Call::inode_flags:
    case Call::set_inode_flags:
    case Call::project:
    case Call::set_project:
        return true;
    default:
        return false;
    }
}

template <class Effect>
int64_t SimulatedFiles::on(Step step, int fd, Effect effect) {
    step.subject = world_.subject_of(fd);
    step.flags = world_.flags_of(fd);
    step.fd = fd;
    return world_.step(step, [&]() -> int64_t {
        Description* description = world_.descriptor_to_change(fd);
        if (!description || ((description->flags & O_PATH) && !takes_path(step.call)))
            return -EBADF;
        return effect(world_.disk.at(description->inode), *description);
    });
}

template <class Effect>
int64_t SimulatedFiles::at(Call call, int dirfd, const char* path, Effect effect) {
    return world_.step(step_at(call, dirfd, path, Last::kept), [&]() -> int64_t {
        InodeNumber number = 0;
        if (const int error = world_.find(dirfd, path, Last::kept, number); error < 0)
            return error;
        return effect(world_.disk.at(number));
    });
}

} // namespace arsync::sim
