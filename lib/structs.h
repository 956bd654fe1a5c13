// Structs that may grow, between the caller's version of arsync.h and ours.
//
// A struct grows at its end, and only from one release to the next. So struct_size is the size that
// it had in some release, or has here, or is larger than both; any other would cut a field in two.
// What a release had never changes: each is a constant of arsync.h.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "arsync.h"

namespace arsync {

// No struct of this library will ever be larger; a size that is comes from uninitialised memory.
constexpr uint32_t struct_size_max = 4096;

// The sizes that a struct had in each release.
template <class Struct>
inline constexpr void* released_sizes = nullptr; // of one that is not told below: does not compile
template <>
inline constexpr std::array<uint32_t, 1> released_sizes<arsync_pool_options> = {
    ARSYNC_POOL_OPTIONS_SIZE_0_1};
template <>
inline constexpr std::array<uint32_t, 1> released_sizes<arsync_copy_options> = {
    ARSYNC_COPY_OPTIONS_SIZE_0_1};
template <>
inline constexpr std::array<uint32_t, 1> released_sizes<arsync_adjustment> = {
    ARSYNC_ADJUSTMENT_SIZE_0_1};
template <>
inline constexpr std::array<uint32_t, 1> released_sizes<arsync_info> = {ARSYNC_INFO_SIZE_0_1};
template <>
inline constexpr std::array<uint32_t, 1> released_sizes<arsync_stats> = {ARSYNC_STATS_SIZE_0_1};
template <>
inline constexpr std::array<uint32_t, 1> released_sizes<arsync_progress> = {
    ARSYNC_PROGRESS_SIZE_0_1};

template <class Struct>
int check_size(const Struct& theirs) {
    const uint32_t size = theirs.struct_size;
    const auto& sizes = released_sizes<Struct>;
    if (size < sizeof(Struct) && std::find(sizes.begin(), sizes.end(), size) == sizes.end())
        return -EINVAL;
    return size > struct_size_max ? -E2BIG : 0;
}

inline bool all_zero(const void* data, size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

// Options: fields that the caller's version does not have are 0, and what ours does not have must
// be. Null: all are 0.
template <class Options>
int copy_in(const Options* from, Options& to) {
    to = {};
    to.struct_size = sizeof to;
    if (!from)
        return 0;
    if (const int error = check_size(*from); error < 0)
        return error;
    const uint32_t size = from->struct_size;
    const auto* bytes = reinterpret_cast<const unsigned char*>(from);
    if (size > sizeof to && !all_zero(bytes + sizeof to, size - sizeof to))
        return -E2BIG;
    memcpy(&to, from, std::min<size_t>(size, sizeof to));
    to.struct_size = sizeof to;
    return all_zero(to.reserved, sizeof to.reserved) ? 0 : -EINVAL;
}

// What the library fills: fields that ours does not have become 0.
template <class Result, class Fill>
int copy_out(Result* to, Fill fill) {
    if (const int error = check_size(*to); error < 0)
        return error;
    const uint32_t size = to->struct_size;
    Result result = {};
    if (const int error = fill(result); error < 0)
        return error;
    result.struct_size = size;
    memset(to, 0, size);
    memcpy(to, &result, std::min<size_t>(size, sizeof result));
    return 0;
}

} // namespace arsync
