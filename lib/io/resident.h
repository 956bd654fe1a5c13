// Whether what is to be read of a file is in memory, where the filesystem cannot be asked to read
// only that (RWF_NOWAIT): tmpfs, overlayfs, FUSE and some others.
#pragma once

#include <cstddef>
#include <cstdint>

namespace arsync {

// What that has may be swapped out, as any memory may, and is taken for resident.
bool is_on_tmpfs(int fd);

// 1 or 0, or a negative errno where the file cannot be mapped. Of more than 128 KiB a sample tells.
// Of a file that one may not write the kernel says that all is.
int is_resident(int fd, uint64_t offset, size_t length);

} // namespace arsync
