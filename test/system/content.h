// What is in files: made, read and compared.
#pragma once

#include <cstdint>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace live {

struct Range {
    uint64_t begin, end;
    bool operator==(const Range&) const = default;
};

// size bytes that depend on seed and position, so that a block that is missing, doubled, or of
// another file shows. No byte is zero.
std::string pattern(uint64_t size, uint32_t seed = 1, uint64_t offset = 0);

// Make or overwrite a file. Each throws std::system_error where it fails.
void write_file(const std::string& path, const std::string& content);
void write_pattern(const std::string& path, uint64_t size, uint32_t seed = 1);
// Pattern in the ranges, holes elsewhere.
void write_sparse(const std::string& path, uint64_t size, const std::vector<Range>& data,
                  uint32_t seed = 1);
std::string read_file(const std::string& path);

bool exists(const std::string& path); // a symbolic link that leads nowhere does
struct stat stat_of(const std::string& path);
uint64_t size_of(const std::string& path);
mode_t mode_of(const std::string& path); // the permission bits

// "" if both hold the same bytes, else where they differ first. Quick over holes.
std::string difference(const std::string& a, const std::string& b);
// Where SEEK_DATA finds data, rounded outward to blocks of 4096 bytes.
std::vector<Range> data_ranges(const std::string& path);
std::string describe(const std::vector<Range>& ranges);
// "" if both have data and holes at the same blocks, else both lists.
std::string hole_difference(const std::string& a, const std::string& b);
uint64_t hole_bytes(const std::string& path);
// Bytes on the disk after writing back.
uint64_t allocated(const std::string& path);

// How many bytes of it are in extents that other files share too; -1 if that cannot be known.
int64_t shared_bytes(const std::string& path);

// How many bytes of it are in the page cache; -1 if this kernel does not tell.
int64_t cached_bytes(const std::string& path);
// Write it back and out of the page cache.
void make_cold(const std::string& path);
void make_cached(const std::string& path);

} // namespace live
