#!/usr/bin/env bash
# Real FUSE filesystems: an object store's mount, which takes files from their beginning to their
# end, and lxcfs, whose files are shorter than they say.
. "$(dirname "$0")/lib.sh"

# serve MOUNTPOINT COMMAND...: a filesystem that runs in the foreground.
serve() {
    mkdir -p "$1"
    is_root && [ -w /dev/fuse ] && command -v "$2" > /dev/null || return 1
    "${@:2}" > "$WORK/server.log" 2>&1 < /dev/null 9>&- &
    eventually "mountpoint -q '$1'" || return 1
    mounts+=("$1")
}

mkdir -p "$WORK/bucket"
if serve "$WORK/store" rclone mount "$WORK/bucket" "$WORK/store" --config /dev/null; then
    made='mkdir s; echo small > s/small; bytes 3000001 big > s/big; bytes 5000 x > s/sparse; truncate -s 2M s/sparse; bytes 9 end >> s/sparse; ln s/big s/name'
    for options in -r '-r --durable' '-r --verify' '-r --sparse=always' '-r --jobs=1 --method=heap' '-r --preserve=links'; do
        holds "a store gets its files in order, and again over longer ones ($options)" "$made"'
            ln -s '"$WORK/store"' t; rm -rf t/b
            $CP '"$options"' s t/b 2> err; diff -r s t/b; test ! -s err
            bytes 4000000 old > old; for f in s/*; do cp old t/b/${f##*/}; done
            $CP '"$options"' -T s t/b 2> err; diff -r s t/b; test ! -s err'
    done
else
    skip 'an object store' 'needs root and rclone'
fi
if serve "$WORK/lx" lxcfs --pidfile="$WORK/lxcfs.pid" "$WORK/lx"; then
    holds 'what lxcfs makes up is copied to its end, whatever its size' '
        for f in stat uptime cpuinfo swaps; do $CP '"$WORK/lx/proc"'/$f $f 2> err; test ! -s err; test -s $f; done
        grep -q ^intr stat; $CP --verify '"$WORK/lx/proc"'/cpuinfo c; cmp c '"$WORK/lx/proc"'/cpuinfo'
else
    skip 'what lxcfs makes up' 'needs root and lxcfs'
fi
if mount_faulty "$WORK/durable" "$WORK/backing" log="$WORK/ops"; then
    export TO=$WORK/durable OPS=$WORK/ops BACKING=$WORK/backing
    holds '--durable makes the name of the directory durable that a list is copied to' '
        mkdir -p s/d; echo 1 > s/b; echo 2 > s/d/c; printf "b\nd/c\n" | $CP -a --durable --files-from=- s "$TO/new"
        test "$(grep -E "^(mkdir|fsyncdir) " "$OPS" | head -n 2 | tr "\n" " ")" = "mkdir /new fsyncdir / "; diff -r s "$BACKING/new"'
else
    skip '--durable of a list' 'needs root and FUSE'
fi
finish
