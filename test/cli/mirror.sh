#!/usr/bin/env bash
# --mirror: what it must not remove, and what it must.
. "$(dirname "$0")/lib.sh"

# What is there, whatever its times.
alike='alike() { for d; do (cd $d && find . -printf "%P %y %l\n" | sort && find . -type f -exec sha256sum {} + | sort -k 2) > $d.is; done; cmp $1.is $2.is; };'

replaced='
    mkdir -p src/d/e new/d/e; bytes 1500000 old > src/d/big; echo 1 > src/d/e/f; cp -a src/. dst; echo x > dst/d/extra; bytes 1500000 new > new/d/big; find dst -type f | sort > before;'
holds 'a source directory that is replaced while it is copied costs nothing, and that is an error' "$replaced"'
    $CP -aT --mirror --bwlimit=1M src dst 2> err & job=$!
    sleep .5; mv src/d old; mv new/d src/d; rm -rf old; wait $job && false; test "$(find dst -type f | sort)" = "$(cat before)"
    grep -q "^arsync-cp: nothing removed from .dst/d.: .src/d. was replaced while it was copied$" err
    $CP -aT --mirror src dst; diff -r src dst'
holds 'so is a root' "$replaced"'
    $CP -aT --mirror --bwlimit=1M src dst 2> err & job=$!
    sleep .5; mv src old; mv new src; rm -rf old; wait $job && false; test "$(find dst -type f | sort)" = "$(cat before)"; grep -q "was replaced" err
    $CP -aT --mirror src dst; diff -r src dst'
holds 'so is a root that a link led to, as snapshots change places' "$replaced"'
    ln -s src now; $CP -rT -H --mirror --bwlimit=1M now dst 2> err & job=$!
    sleep .5; ln -sfn new now; rm -rf src; wait $job && false; test "$(find dst -type f | sort)" = "$(cat before)"; grep -q "was replaced" err'
holds 'so is the directory of a list' "$replaced"'
    echo d > list; $CP -r --mirror --bwlimit=1M --files-from=list src dst 2> err & job=$!
    sleep .5; mv src old; mv new src; rm -rf old; wait $job && false; test "$(find dst -type f | sort)" = "$(cat before)"; grep -q "was replaced" err'
holds 'what is removed from the source after it was copied stays until the next time' '
    mkdir -p s/d t; bytes 1500000 z > s/d/big; echo a > s/a; cp -a s/. t; echo x > t/extra
    $CP -rT --mirror --bwlimit=1M s t & job=$!
    sleep .5; rm s/a; wait $job; test -e t/a -a ! -e t/extra; $CP -rT --mirror s t; test ! -e t/a'

kinds='
    mkdir -p s/dir s/link-was/deep s/h t/file/deep t/link t/fifo t/h1 t/h2 t/newer; echo f > s/file; ln -s nowhere s/link; mkfifo s/fifo; echo h > s/h1; ln s/h1 s/h2; echo y > s/link-was/deep/y; echo o > s/newer; touch -d 2001-01-01 s/newer
    echo 1 > t/file/deep/1; echo 1 > t/link/1; echo old > t/dir; ln -s /etc t/link-was;'
holds 'a directory gives way to a file or a link, and they to a directory, as with rsync --delete' "$alike$kinds"'
    cp -a t r; rsync -a -H --delete s/ r/; cp -a t before
    $CP -aT --dry-run --mirror s t; test -z "$(rsync -rlni --delete --itemize-changes before/ t/ | grep -v "^\.")"
    $CP -aT -u -v --mirror s t > out; alike r t; grep -qx "removed .t/file." out; test -e /etc/passwd'
holds 'but not for what is excluded or cannot be read' "$kinds"'
    echo k > t/file/keep.me; $CP -aT --mirror --exclude="*.me" s t 2> err && false; test "$(cat err)" = "arsync-cp: cannot overwrite directory '\''t/file'\'' with non-directory"; test "$(cd t/file && find . -type f)" = ./keep.me; test -p t/fifo
    rm -rf t s; mkdir -p s t/f; echo x > t/f/x; echo x > s/f; chmod 0 s/f; chmod 777 . t t/f; chown -R 65534 t; if is_root; then as_nobody $CP -rT --mirror s t 2> err && false; else $CP -rT --mirror s t 2> err && false; fi; test -e t/f/x; grep -q "cannot open .s/f. for reading" err'
holds 'without --mirror nothing of the kind' "$kinds"'
    cp -a t before; $CP -aT s t 2> err && false; test -d t/file -a -d t/link -a -f t/dir -a -L t/link-was; grep -q "cannot overwrite directory .t/file. with non-directory" err; grep -q "cannot overwrite non-directory .t/dir. with directory" err'

several='mkdir -p s/x d/s/sub/deep z/f; echo 1 > s/x/1; echo 2 > d/s/sub/2; echo 3 > d/s/sub/deep/3; find d | sort > before;'
spares='test "$(find d | sort)" = "$(cat before)"; grep -q "^arsync-cp: with --mirror, .* would be lost in .d/s., which is to be like .s.$" err; test "$(wc -l < err)" = 1'
holds 'a source that lies in what another is mirrored to is refused' "$several"'
    for other in d/s/sub d/s/sub/deep d/s/sub/2 ./d/../d/s/sub/deep "$PWD/d/s/sub"; do for order in "s $other" "$other s"; do $CP -a --mirror $order d 2> err && false; '"$spares"'; done; done
    $CP -a --mirror -t d s d/s/sub 2> err && false; '"$spares"'; $CP -a --mirror s z d; test ! -e d/s/sub -a -e d/z/f'
holds 'also if a link leads there, or lies there' "$several"'
    ln -s d/s/sub link; ln -s d/s/sub/2 file; ln -s ../../s d/s/there; find d | sort > before
    for other in "-H link" "-L file" "-a d/s/there"; do set -- $other; $CP $1 -r --mirror s $2 d 2> err && false; '"$spares"'; done
    ln -s s/sub/2 d/w; find d | sort > before; echo w > w; $CP -r --mirror s w d 2> err && false; '"$spares"
holds 'links that are followed may lead there, so two are not mirrored with -L to where something is' "$several"'
    ln -s ../d/s/sub/2 z/l; for order in "s z" "z s"; do $CP -rL --mirror $order d 2> err && false; test "$(cat err)" = "arsync-cp: with --mirror, cannot follow links in '\''z'\'': they may lead into '\''d/s'\'', which is to be like '\''s'\''"; test "$(find d | sort)" = "$(cat before)"; done
    mkdir new; $CP -rL --mirror s z new; test "$(cat new/z/l)" = 2; $CP -rL --mirror s d; test ! -e d/s/sub'
if is_root; then
    # shellcheck disable=SC2016
    holds 'or a bind mount shows it' "$several"'
        mkdir m; mount --bind d/s/sub m; for other in m m/deep m/2; do $CP -a --mirror s $other d 2> err && false || cat err; '"$spares"' || { umount m; false; }; done; umount m'
    # shellcheck disable=SC2016
    holds 'what a link leads to by a bind mount is not removed, with -x neither' '
        mkdir -p s d/extra else/b; echo x > d/extra/f; ln -s ../else s/l; mount --bind d/extra else/b
        for x in "" -x; do $CP -rLT $x --mirror s d 2> err && { umount else/b; false; }; test -e d/extra/f || { umount else/b; false; }; done; umount else/b'
else
    skip 'or a bind mount shows it' 'needs root'
    skip 'what a link leads to by a bind mount is not removed' 'needs root'
fi

list='mkdir -p s/a/n s/b t/a/old t/c; echo 1 > s/a/1; echo 2 > s/b/2; echo 3 > t/c/3; printf "a\nb\n" > list; find . | sort > ../before;'
holds '--mirror --dry-run --files-from says what --mirror --files-from does' "$list"'
    $CP -r --mirror --dry-run -v --files-from=list s t | sort > ../dry; find . | sort | cmp - ../before
    $CP -r --mirror --dry-run -v --files-from=list s new/deep | sort > ../dry-new; find . | sort | cmp - ../before
    grep -qx "removed .t/a/old." ../dry; grep -q "new/deep/a/1" ../dry-new
    $CP -r --mirror -v --files-from=list s t | sort > ../wet; diff ../dry ../wet; test ! -e t/a/old -a -e t/c/3 -a -e t/b/2
    mkdir new; $CP -r --mirror -v --files-from=list s new/deep | sort | diff ../dry-new -'

if is_root && mkdir "$WORK/btrfs" && truncate -s 128M "$WORK/btrfs.img" && mkfs.btrfs -q "$WORK/btrfs.img" 2> /dev/null && mount_at "$WORK/btrfs" -o loop "$WORK/btrfs.img"; then
    holds 'a subvolume of btrfs goes as any directory, as with rsync --delete' "$alike"'
        cd '"$WORK"'/btrfs; mkdir -p s t r; echo a > s/a
        for to in t r; do btrfs subvolume create $to/extra; btrfs subvolume create $to/extra/inner; mkdir $to/dir; btrfs subvolume create $to/dir/sub; echo x > $to/extra/inner/x; echo x > $to/dir/sub/x; echo x > $to/extra/y; done
        rsync -a --delete s/ r/; $CP -aT --mirror s t; alike r t; test "$(ls t)" = a
        btrfs subvolume create t/a2; echo k > t/a2/k; mkdir -p s/a2; echo n > s/a2/n; $CP -aT --mirror s t; test "$(ls t/a2)" = n
        btrfs subvolume create t/keep; echo 1 > t/keep/1.o; echo 2 > t/keep/2; $CP -aT --mirror --exclude="*.o" s t; test "$(ls t/keep)" = 1.o'
else
    skip 'a subvolume of btrfs' 'cannot be made'
fi

finish
