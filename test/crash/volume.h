// A filesystem in an image, which can be looked at, or written to, while it is mounted.
#pragma once

#include <cstdint>
#include <string>

namespace crash {

struct Filesystem {
    const char* name;
    uint64_t size;       // of the smallest image that is large enough
    const char* options; // of mount(2)
    const char* make;    // the command that makes one in the image "$1"
    uint32_t sector;     // what a write of this filesystem may be torn into, see states.h
};

// XFS and btrfs are not made for a block of metadata that is torn: some such states cannot be
// mounted.
constexpr Filesystem ext4{"ext4", 96 << 20, "",
                          "mkfs.ext4 -q -F -m 0 -E nodiscard,lazy_itable_init=0 \"$1\"", 512};
constexpr Filesystem xfs{"xfs", 300 << 20, "", "mkfs.xfs -q -f -K \"$1\"", 4096};
constexpr Filesystem btrfs{"btrfs", 256 << 20, "nodiscard",
                           "mkfs.btrfs -q -f -K \"$1\" > /dev/null", 4096};

// "" if it could be made, else why not.
std::string make_filesystem(const Filesystem& kind, const std::string& image);

// Mounted by a loop device of its own for as long as this lives.
class Mounted {
public:
    Mounted(const Filesystem& kind, const std::string& image, const std::string& at,
            bool read_only = false);
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    ~Mounted();

    bool usable() const { return why_.empty(); }
    const std::string& why() const { return why_; }

private:
    const std::string at_;
    std::string why_;
};

} // namespace crash
