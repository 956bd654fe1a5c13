#include "crash/log.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/must.h"

namespace crash {

Log::Log(const std::string& path) {
    const int fd = must(open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
    struct stat facts;
    must(fstat(fd, &facts), path);
    size_ = static_cast<size_t>(facts.st_size);
    if (size_ > 0)
        map_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    must(map_ == MAP_FAILED ? -1 : 0, path);
    const char* const begin = static_cast<const char*>(map_);
    for (size_t at = 0; at + sizeof(Event) <= size_;) {
        Entry entry;
        memcpy(static_cast<Event*>(&entry), begin + at, sizeof(Event));
        at += sizeof(Event);
        entry.data = begin + at;
        at += entry.length;
        entries_.push_back(entry);
    }
}

Log::~Log() {
    if (map_)
        munmap(map_, size_);
}

size_t Log::count(What what) const {
    return static_cast<size_t>(std::count_if(
        entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.what == what; }));
}

} // namespace crash
