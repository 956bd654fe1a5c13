// The steps that most calls of SimulatedFiles are.
#pragma once

#include <cerrno>
#include <fcntl.h>

#include "sim/files.h"

namespace arsync::sim {

template <class Effect>
int64_t SimulatedFiles::on(Step step, int fd, Effect effect) {
    step.subject = world_.subject_of(fd);
    step.flags = world_.flags_of(fd);
    return world_.step(step, [&]() -> int64_t {
        Description* description = world_.descriptor_to_change(fd);
        const bool only_facts = step.call == Call::filesystem_type ||
                                step.call == Call::list_xattrs || step.call == Call::get_xattr;
        if (!description || ((description->flags & O_PATH) && !only_facts))
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
