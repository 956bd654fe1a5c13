#include "copy/filesystem_kinds.h"

namespace arsync {

Filesystem filesystem(uint64_t magic) {
    switch (magic) {
    case 0xEF53: // ext2, ext3, ext4
        return {.direct_pays = true,
                .reserving_pays = true,
                .holes = HoleTruth::by_extents,
                .exact = true};
    case 0x58465342: // XFS
        return {.reflinks = true,
                .shares_slowly = true,
                .direct_pays = true,
                .holes = HoleTruth::always,
                .exact = true};
    case 0x9123683E: // btrfs: checksums make O_DIRECT copy pages anyway; compressed data counts
                     // as what it is without; new data waits for room in the metadata
        return {.reflinks = true, .holes = HoleTruth::always, .exact = true};
    case 0xCA451A4E: // bcachefs
        return {.reflinks = true, .compresses = true, .holes = HoleTruth::always, .exact = true};
    case 0x2FC12FC1: // ZFS has shown holes where data was to come
        return {.reflinks = true, .compresses = true, .exact = true};
    case 0x01021994: // tmpfs
    case 0x858458F6: // ramfs
        return {.in_memory = true, .holes = HoleTruth::always, .exact = true};
    case 0xF2F52010: // F2FS
        return {.direct_pays = true, .compresses = true, .holes = HoleTruth::always, .exact = true};
    case 0x4D44:     // FAT
    case 0x2011BAB0: // exFAT
        return {.direct_pays = true, .flushes_by_fsync = true, .exact = true};
    case 0x9660:     // ISO 9660
    case 0x15013346: // UDF
    case 0x73717368: // squashfs
    case 0xE0F5E1E2: // EROFS
        return {.compresses = true, .exact = true};
    case fuse_magic: // FUSE has no clone operation
        return {.offloads = true, .remote = true, .in_order = true};
    case 0x00C36400: // Ceph
        return {.offloads = true, .remote = true};
    case 0x6969:     // NFS
    case 0xFF534D42: // CIFS
    case 0xFE534D42: // SMB2
        return {.reflinks = true, .offloads = true, .remote = true, .holes = HoleTruth::always};
    case 0x01021997: // 9p
    case 0x786F4256: // VirtualBox
    case 0x5346414F: // OpenAFS
    case 0x6B414653: // AFS of the kernel
    case 0x0BD00BD3: // Lustre
        return {.remote = true};
    case 0x794C7630: // overlayfs: its copy_file_range is the upper filesystem's, a plain copy on
                     // most
        return {.reflinks = true,
                .direct_pays = true,
                .caches_below = true,
                .holes = HoleTruth::by_extents};
    case 0x74726163: // tracefs
    case 0x64626720: // debugfs
        return {.polls_late = true};
    default: // a refused reflink is cheap, a missed one is not
        return {.reflinks = true, .direct_pays = true, .compresses = true};
    }
}

} // namespace arsync
