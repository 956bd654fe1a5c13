// What is measured, each in a file of its own.
#pragma once

#include <cstddef>
#include <string>

#include "files.h"

namespace news {

struct World {
    std::string directory; // empty, on the file system that is measured
    std::string file_system;
    size_t size; // of a large file: 1 GiB, or less of a small run

    std::string source() const { return directory + "/source"; }
    std::string destination() const { return directory + "/destination"; }
    // With their content, as they were made once.
    void make_source(size_t bytes, unsigned count = 1) const;
};

void clone_buffers(const World& world);
void xattrs_by_name(const World& world);
void pieces_at_once(const World& world);
void hybrid_polling(const World& world);
void waiting(const World& world);
void written_zeros(const World& world);
void past_the_cache(const World& world);
void several_rings(const World& world);
void kernel_threads(const World& world);
void threads_that_sync(const World& world);

// By a pool that is opened for it, as arsync_copy_options::method says.
void library_copy(const World& world, uint32_t method);

} // namespace news
