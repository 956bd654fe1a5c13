#!/usr/bin/env bash
# Whose copies are whose, and what lies on other file systems.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

holds 'a map that is none is refused, with the reason' '
    echo x > a
    for map in 1 1:no-such-user 1-3:4-5 :2; do
        $CP --map-users=$map a b 2> err && exit 1
        grep -q "invalid map of users or groups: user_map: " err; test ! -e b
    done'
if is_root; then
    holds 'maps say whose the copies are, and imply that owners are kept' '
        mkdir -p s/d; echo x > s/a; echo y > s/d/b; chown 1001:2001 s/a s/d; chown 1002:2002 s/d/b
        $CP -r --map-users=1001:44,*:root --map-groups=2000-2009:3000-3009 s t
        test "$(stat -c %u:%g t/a t/d t/d/b | tr "\n" " ")" = "44:3001 44:3001 0:3002 "'
    holds 'a map that may not be applied is an error, also for an ordinary user' '
        echo x > f; chmod 777 .; as_nobody $CP -a f own; test "$(stat -c %u own)" = 65534
        as_nobody $CP --map-users=0:1000 f g 2> err && exit 1; grep -q "failed to preserve ownership" err; test "$(cat g)" = x
        chown 1234:2345 f; as_nobody $CP --map-users=1234:65534 f h; as_nobody $CP --map-groups=2345:65534 f i
        as_nobody $CP --map-groups=2345:1 f j 2> err && exit 1; grep -q "failed to preserve ownership" err'
    COMPARE=
    SORT=1
    # A bind mount is the same file system as its source, and is gone into; another one is not. So do
    # cp and rsync.
    if mount_at "$WORK/other" -t tmpfs none && mkdir "$WORK/bound" && echo bound > "$WORK/bound/file"; then
        export BOUND=$WORK/bound
        mounted='mkdir -p s/bound s/other; echo x > s/a; mount --bind $BOUND s/bound; mount -t tmpfs none s/other; echo y > s/other/b; mkdir s/other/d'
        same '-x goes into bind mounts, and into no other file system' "$mounted" '
            $CP -rx s t; umount s/bound s/other; rm -r s'
        holds '-x leaves what rsync -x leaves' "$mounted"'
            $CP -ax s t; rsync -ax s/ u/; umount s/bound s/other; diff -r t u; test -e t/bound/file; test -d t/other; test ! -e t/other/b'
    else
        skip '-x and bind mounts' 'nothing can be mounted'
    fi
    truncate -s 200M "$WORK/image"
    if command -v btrfs > /dev/null && mkfs.btrfs -q "$WORK/image" > /dev/null 2>&1 && mount_at "$WORK/btrfs" -o loop "$WORK/image"; then
        export BTRFS=$WORK/btrfs
        holds '-x makes an empty directory of a btrfs subvolume, as cp and rsync do' '
            cd $BTRFS; mkdir s; echo x > s/a; btrfs -q subvolume create s/sub; echo y > s/sub/b
            $CP -ax s ours; cp -ax s theirs; rsync -ax s/ rsynced/
            diff -r ours theirs; diff -r ours rsynced; test -d ours/sub; test ! -e ours/sub/b
            $CP -a s whole; test -e whole/sub/b'
    else
        skip '-x and subvolumes' 'no btrfs'
    fi
else
    skip 'owners and mounts' 'needs root'
fi
finish
