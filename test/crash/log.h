// What became of a disk, in order: each write and each flush, and marks of whoever used it.
//
// The recorder appends to a file, one Event after the other, a write's data behind its event. A
// flush makes durable what stands before it: a write is written down before it is answered, and a
// flush when it is asked for, which is after the answers that it is about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace crash {

enum class What : uint32_t { write, flush, mark };

struct Event {
    What what = What::flush;
    uint32_t length = 0; // of a write
    uint64_t at = 0;     // of a write its offset; a mark's number
};

struct Entry : Event {
    const char* data = nullptr;
};

// A log as it is now.
class Log {
public:
    explicit Log(const std::string& path); // throws where it cannot be read
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    ~Log();

    const std::vector<Entry>& entries() const { return entries_; }
    size_t count(What what) const;

private:
    void* map_ = nullptr;
    size_t size_ = 0;
    std::vector<Entry> entries_;
};

} // namespace crash
