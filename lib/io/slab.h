// Memory for I/O: mapped, aligned, never in a forked child, given back when its owner goes.
#pragma once

#include <cstddef>
#include <utility>

namespace arsync {

class Slab {
public:
    Slab() = default;
    Slab(Slab&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), mapped_(other.mapped_),
          begin_(std::exchange(other.begin_, nullptr)) {}
    Slab& operator=(Slab&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(mapped_, other.mapped_);
        std::swap(begin_, other.begin_);
        return *this;
    }
    ~Slab();

    // So many bytes, beginning where a huge page may if they are as large as one. huge_pages: try
    // MAP_HUGETLB first; *huge_error is 0 then, or the negative errno for which they are others.
    // False: there is no memory, as errno says.
    bool map(size_t bytes, bool huge_pages, int* huge_error);
    std::byte* begin() const { return begin_; } // null: not mapped

private:
    void* memory_ = nullptr;
    size_t mapped_ = 0;
    std::byte* begin_ = nullptr;
};

} // namespace arsync
