// What is known of filesystems that the tests have no disk of.
#include <doctest/doctest.h>

#include <initializer_list>
#include <linux/magic.h>

#include "copy/filesystem_kinds.h"

using namespace arsync;

namespace {

constexpr uint64_t zfs = 0x2FC12FC1, ceph = 0x00C36400, lustre = 0x0BD00BD3, iso_9660 = 0x9660,
                   unheard_of = 0x12345;

} // namespace

TEST_CASE(
    "a filesystem of which writing waits for a server is remote, and is not taken at its word") {
    for (const uint64_t magic :
         {uint64_t{FUSE_SUPER_MAGIC}, ceph, uint64_t{NFS_SUPER_MAGIC}, uint64_t{CIFS_SUPER_MAGIC},
          uint64_t{SMB2_SUPER_MAGIC}, uint64_t{V9FS_MAGIC}, uint64_t{AFS_SUPER_MAGIC},
          uint64_t{AFS_FS_MAGIC}, lustre}) {
        CAPTURE(magic);
        CHECK(filesystem(magic).remote);
        CHECK_FALSE(filesystem(magic).exact);
        CHECK_FALSE(syncs_whole(filesystem(magic)));
    }
    for (const uint64_t magic :
         {uint64_t{EXT4_SUPER_MAGIC}, uint64_t{XFS_SUPER_MAGIC}, uint64_t{BTRFS_SUPER_MAGIC}, zfs,
          uint64_t{TMPFS_MAGIC}, uint64_t{F2FS_SUPER_MAGIC}, uint64_t{MSDOS_SUPER_MAGIC},
          uint64_t{EXFAT_SUPER_MAGIC}, iso_9660, uint64_t{SQUASHFS_MAGIC}}) {
        CAPTURE(magic);
        CHECK_FALSE(filesystem(magic).remote);
        CHECK(syncs_whole(filesystem(magic)));
    }
}

TEST_CASE("the holes of what compresses are not counted by blocks, and those of ZFS are doubtful") {
    for (const uint64_t magic : {zfs, uint64_t{F2FS_SUPER_MAGIC}, uint64_t{SQUASHFS_MAGIC},
                                 uint64_t{EROFS_SUPER_MAGIC_V1}, iso_9660, unheard_of})
        CHECK(filesystem(magic).compresses);
    // Which counts what is in them before it is compressed: test/system/sparse_test.cpp.
    CHECK_FALSE(filesystem(BTRFS_SUPER_MAGIC).compresses);
    CHECK(filesystem(zfs).holes == HoleTruth::doubtful);
    CHECK(filesystem(ceph).holes == HoleTruth::doubtful);
    CHECK(filesystem(unheard_of).holes == HoleTruth::doubtful);
    CHECK(filesystem(F2FS_SUPER_MAGIC).holes == HoleTruth::always);
}

TEST_CASE("of a filesystem that nobody has heard of everything is tried, and nothing believed") {
    const Filesystem kind = filesystem(unheard_of);
    CHECK(kind.reflinks);
    CHECK(kind.direct_pays);
    CHECK_FALSE(kind.exact);
    CHECK_FALSE(syncs_whole(kind));
}
