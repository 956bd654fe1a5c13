#include "io/folds_names.h"

#include <cstdint>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

namespace arsync {

namespace {

constexpr int casefold_flag = 0x40000000; // FS_CASEFOLD_FL, in <linux/fs.h> since 5.4

// Of ext4 and others, whose directories are asked one by one.
bool has_casefold_flag(int directory) {
    int flags = 0;
    return ioctl(directory, FS_IOC_GETFLAGS, &flags) == 0 && (flags & casefold_flag) != 0;
}

// XFS's own header is not everywhere: struct xfs_fsop_geom_v1, of 112 bytes.
struct XfsGeometry {
    uint32_t before[23];
    uint32_t flags;
    uint32_t after[4];
};
static_assert(sizeof(XfsGeometry) == 112);

// Made with "-n version=ci", of the whole file system.
bool is_case_insensitive_xfs(int directory) {
    constexpr auto geometry_request = _IOR('X', 100, XfsGeometry);
    constexpr uint32_t ascii_ci = 1u << 12;
    XfsGeometry geometry = {};
    return ioctl(directory, geometry_request, &geometry) != 0 || (geometry.flags & ascii_ci) != 0;
}

} // namespace

bool may_fold_names(int directory) {
    struct statfs facts;
    if (fstatfs(directory, &facts) != 0)
        return true;
    switch (static_cast<uint32_t>(facts.f_type)) {
    case 0xEF53:     // ext2, ext3, ext4
    case 0x01021994: // tmpfs
    case 0xF2F52010: // F2FS
    case 0xCA451A4E: // bcachefs
    case 0x794C7630: // overlayfs
        return has_casefold_flag(directory);
    case 0x58465342: // XFS
        return is_case_insensitive_xfs(directory);
    case 0x9123683E: // btrfs
    case 0x858458F6: // ramfs
        return false;
    default:
        return true;
    }
}

} // namespace arsync
