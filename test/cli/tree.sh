#!/usr/bin/env bash
# Directories: what cp -r and cp -a make of them, what they say, and what gets in their way.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SORT=1
tree='mkdir -p s/d/e s/empty; echo 1 > s/f; echo 2 > s/d/g; echo 3 > s/d/e/h; ln -s f s/l; ln -s d s/ld; ln -s /no/where s/dang; mkfifo s/p; chmod 640 s/d/g; chmod 700 s/d/e'
same '-r copies a directory to a new name, or into one that is there' "$tree" '$CP -rv s new; $CP -rv s new; $CP -rv s new; $CP -rTv s new/s; $CP -rv s no/where'
same '-a, -dr and -rp' "$tree" '$CP -av s a; $CP -drv s b; $CP -rpv s c; $CP -Rv s e; $CP --archive s f; $CP --recursive s g'
same 'into a directory, with and without slashes and dots' "$tree; mkdir -p d1 d2 d3 d4 d5" '
    $CP -rv s/ d1; $CP -rv s/. d2; $CP -rv s/d/.. d3; $CP -rv s/d// d4/; $CP -rv -t d5 s/d s/empty/; (cd s && $CP -rv . ../d1)'
same '-T makes no directory in the directory' "$tree; mkdir d" '$CP -rTv s d; $CP -rT s/d s/f; $CP -rT s/f s/d; $CP -rT s s; $CP -r s s/f'
same 'only new directories are named by -v' "$tree; mkdir -p d/s/d" '$CP -rv s d; $CP -rv s d; $CP -av s d'
same 'a directory onto a file, a file onto a directory' "$tree; mkdir -p d/s/f d/s/l; echo x > d/s/d; echo y > d/s/empty" '
    $CP -rv s d; $CP -rv s/f d/s; $CP -rv s/d d/s; $CP -rfv s d; $CP -r --remove-destination s d; $CP -rb s d; $CP -rn s d'
same 'a directory named twice, or of one name with another' "$tree; mkdir -p t/s d; echo t > t/s/t; echo 9 > t/s/f" '
    $CP -rv s s/ d; $CP -rv s s/d s/d/e d; $CP -rv s t/s d; $CP -rv s/f s/d s/f d; $CP -rv s nope s/d/g d'
same 'a directory is not copied into itself' "$tree" '
    $CP -r s/empty s/empty 2> err; cat err >&2; rm -rf s/empty/*; rm err; $CP -rT s s; $CP -r . .; echo $?; rm -rf s/*'
same 'a link to where it has come from is found at once' 'mkdir -p in/s/a/b in/x d; ln -s .. in/s/a/up; ln -s ../../.. in/s/a/b/out; ln -s ../s in/x/s; echo 1 > in/s/f' '
    for from in in/s/a in/s/a/b; do $CP -rLv $from d; done; rm in/s/a/b/out; $CP -rLv in/s in/x d; $CP -rLv in/s/a d/a2'
holds 'nor is anything made before that is known' "$tree"'
    for o in -r -a -rL; do $CP $o s s/d/new 2> err && false; test "$(cat err)" = "arsync-cp: cannot copy a directory, '\''s'\'', into itself, '\''s/d/new'\''"; test ! -e s/d/new; done
    $CP -r s s 2> err && false; grep -qx "arsync-cp: cannot copy a directory, .s., into itself, .s/s." err
    $CP -r . s/d 2> err && false; grep -q "cannot copy a directory, .\.., into itself" err; ln -s s/d to; $CP -r s to/new 2> err && false; grep -q "into itself, .to/new.$" err'
COMPARE='xattrs acls'
same 'existing files are overwritten, existing links replaced' "$tree; mkdir d; cp -r s d; echo old > d/s/f; rm d/s/l; ln -s zz d/s/l; rm d/s/p; echo p > d/s/p; ln d/s/f hard" '
    $CP -rv s d; cat hard; $CP -av s d; cat hard; $CP -dv s/l d/s; $CP -PRv s/p s/l s/dang d; $CP -Pv s/l s/dang d'
COMPARE=
same '-n leaves what is there' "$tree; mkdir -p d/s/d; echo old > d/s/f; echo old > d/s/l; mkdir d/s/p" '$CP -rnv s d; $CP -anv s d'
same '-u leaves what is not older' "$tree; touch -d 2001-01-01 s/f s/d/g; mkdir -p d/s/d; echo newer > d/s/f; echo older > d/s/d/g; touch -d 2000-01-01 d/s/d/g" '
    $CP -ruv s d; $CP -auv s d'
same '-f removes what cannot be opened' "$tree; cp -r s d" '$CP -rfvT s d; $CP -rvT --remove-destination s d'
same '-b keeps what was there' "$tree; for i in 1 2 3; do mkdir d\$i; cp -r s d\$i; done" '
    $CP -rbv s d1; $CP -rbv s d1; $CP -rv --backup=t s d2; $CP -rv --backup=t s d2; $CP -rv --backup=t s d2; $CP -rv --backup=nil s d2; $CP -abv -S .old s d3; $CP -rbv s/f s/d d3'
# Each with the same answer: which file is asked for first is the filesystem's affair.
same '-i asks for each file' "mkdir -p s/d d/s/d; echo 1 > s/d/f; echo old > d/s/d/f; echo 2 > s/d/g" '
    $CP -riv s d; yes n | $CP -riv s d; for o in -r -a -rb "-r --remove-destination"; do yes | $CP $o -iv s d; done'
same '-i takes the end of the answers for a no' "mkdir -p s/d d/s/d; echo 1 > s/d/f; echo old > d/s/d/f" '
    $CP -riv s d; echo n | $CP -riv s d; echo y | $CP -riv s d'
# cp writes through the link.
holds '-i replaces a symbolic link below the root, and writes through none' '
    mkdir src dst; echo new > src/f; echo victim > v; ln -s ../v dst/f; echo y | $CP -ri src/. dst 2> err
    test "$(cat v)" = victim; test ! -L dst/f; grep -q new dst/f; grep -q "overwrite .dst/./f.?" err'
holds '-i leaves what a directory that was swapped at the prompt would lead to' '
    mkdir -p src/d dst/d out; echo new > src/d/f; echo old > dst/d/f; echo victim > out/f; mkfifo in; exec 3<> in
    $CP -ri src/. dst < in 2> err & child=$!
    eventually "grep -q overwrite err"; mv dst/d away; ln -s ../out dst/d; echo y >&3; wait $child || true
    test "$(cat out/f)" = victim; test "$(stat -c %a out)" = 755'
holds '-i writes to no FIFO that was put in the place of a file at the prompt' '
    mkdir src dst; echo new > src/f; echo old > dst/f; mkfifo in; exec 3<> in
    $CP -ri src/. dst < in 2> err & child=$!
    eventually "grep -q overwrite err"; rm dst/f; mkfifo dst/f; echo y >&3; echo y >&3; wait $child && false
    test -p dst/f; test $(grep -o "overwrite .dst/./f.?" err | wc -l) = 2'
if is_root; then
    holds '-i writes to no device below the root' '
        mkdir src dst; echo new > src/f; mknod dst/f c 1 7; echo y | $CP -ri src/. dst 2> err && false; test -c dst/f; ! grep -q "No space" err'
fi
touched='mkdir -p s/d/e s/ro t/d/e t/ro; for f in a d/b d/e/c ro/r; do echo new > s/$f; echo old > t/$f; ln t/$f t/$f.2; done; ln -s x s/d/l; ln -s y t/d/l
    chmod 700 s/d; chmod 555 s/ro; chown -R 65534:65534 .; find s -depth -exec touch -h -d "2001-02-03 04:05:06.123456789" {} +'
if is_root; then
    for options in -ai -aib '-ai --remove-destination' -rpi; do
        export OPTIONS=$options
        same "$options leaves directories with what they have in the source" "$touched" 'yes | as_nobody $CP $OPTIONS -T s t; find t -type d -printf "%p %m %T+\n"'
    done
    holds '-ai replaces in directories that get their mode between question and copy' 'on_one=
        for options in $(for i in 1 2 3 4; do echo -ai+--remove-destination -ai+--backup=numbered -aib; done); do
            rm -rf s t; for i in $(seq 30); do mkdir -p s/$i t/$i; echo $i > s/$i/f; ln s/$i/f s/$i/g; echo old > t/$i/f; cp t/$i/f t/$i/g; chmod 555 s/$i; done; chown -R 65534:65534 s t
            yes | as_nobody $on_one $CP ${options/+/ } -T s t > out 2>&1; find t -name "*~" -delete; diff -r s t; test -z "$(find t -mindepth 1 -type d ! -perm 555)"
            if [ "$on_one" ]; then on_one=; else on_one="taskset -c $(taskset -pc $$ | sed "s/.*[:,-] *//")"; fi
        done'
else
    skip 'directories after -ai' 'needs root to become nobody'
fi
same '-i follows with -H what was named, with -L everything' 'mkdir -p s/d t/d; echo f > f; ln -s ../f s/l; ln s/l s/l2; ln -s nowhere s/d/dang; for n in l l2 d/dang; do echo old > t/$n; done; ln -s s top' '
    for o in -riH -aiH -riP; do cp -a t t$o; yes | $CP $o -T top t$o; done; rm s/d/dang; yes | $CP -riL -T top t'
same '-i and a kept link, a FIFO, a directory in the way' "mkdir -p s d/s/g; ln -s x s/l; echo old > d/s/l; cp -r s t; mkfifo q; echo 1 > q2; mkdir -p s2 d/s2; mkfifo s2/p; echo old > d/s2/p; mkdir -p s3 d/s3/f; echo 3 > s3/f" '
    echo n | $CP -riv s d; echo y | $CP -riv s d; echo y | $CP -riv s2 d; echo y | $CP -riv s3 d'
umask 022
for umask in 022 077 002; do
    export UMASK=$umask
    same "modes of directories with umask $umask" 'for m in 000 500 555 700 711 750 755 777 1777 2755 4755 7777; do mkdir -p s/d$m; echo $m > s/d$m/f; chmod $m s/d$m; done' '
        umask $UMASK; $CP -r s a; $CP -a s b; $CP -r --no-preserve=mode s c; $CP -rp s d; $CP -a --no-preserve=mode s e; mkdir -m 700 f; $CP -r s/. f; mkdir -m 700 g; $CP -a s/. g'
done
same '--attributes-only makes empty files' "$tree" '$CP -r --attributes-only s d; $CP -a --attributes-only s e; rm d/p d/l d/ld d/dang; echo old > d/f; $CP -aT --attributes-only s d; cat d/f'
same 'names of any bytes' 'mkdir -p s; cd s; n=$(printf "a\nb"); mkdir "$n"; echo 1 > "$n/$(printf "\377\376")"; echo 2 > "$(printf "%0255d" 7)"; echo 3 > "it'\''s"; echo 4 > "-v"; echo 5 > " "; mkdir "$(printf "\001\033[31m")"' '
    $CP -rv s d; $CP -av s d'
if is_root; then
    unreadable='mkdir -p s/no s/noread/x s/nosearch s/ok; echo 1 > s/no/f; echo 2 > s/noread/f; echo 3 > s/nosearch/f; echo 4 > s/ok/f; echo 5 > s/secret; echo 6 > s/f
        chmod 0 s/no s/secret; chmod 311 s/noread; chmod 644 s/nosearch; chown -R 65534:65534 s'
    same 'what may not be read is named, and the rest copied' "$unreadable" 'mkdir f; chmod 777 f; for o in -r -rp -rf; do as_nobody $CP $o s d$o; as_nobody $CP $o s/no s/noread s/nosearch s/ok f; done; cat d*/ok/f f/ok/f; ls d*/nosearch; chmod -R 777 d* f; rm -rf d* f; as_nobody $CP -v s/secret s/f d'
    same '-v names a directory that is made though it may not be listed' "$unreadable" 'mkdir d; chmod 777 d; for i in 1 2; do as_nobody $CP -rv s d; done; as_nobody $CP -rv s/no s/noread new'
    same 'what may not be written is named, and the rest copied' "$tree; chown -R 65534:65534 s; mkdir -p d/s/d d/s/empty; chmod 777 d/s; chmod 755 d d/s/d; echo old > d/s/f; ln -s mine d/s/dang" '
        as_nobody $CP -rv s d; as_nobody $CP -rfv s d; as_nobody $CP -r s d/s/empty; as_nobody $CP -ls s d; as_nobody $CP -rlv s/d d; as_nobody $CP -rs $PWD/s/d d'
    same 'what could not be made is not in the way of another copy of its source' 'mkdir -p s/d t/d; echo 1 > s/d/f; chmod 777 t/d; chmod 755 t' '
        as_nobody $CP -r s s/. t; cat t/d/f; as_nobody $CP -r s s t'
    same 'ownership that cannot be kept' "$tree; chown -R 12:34 s; chmod -R a+rX s; chmod 4755 s/f; chmod 2755 s/d" 'as_nobody $CP -a s d; as_nobody $CP -rp s e; as_nobody $CP -r s f; as_nobody $CP -r --preserve=ownership s g'
    # Even those that take the rights that the copy itself needs.
    for umask in 0777 0477 0700 0300; do
        export UMASK=$umask
        same "an ordinary user's -r with umask $umask" "$tree; chown -R 65534:65534 s" '
            umask $UMASK; as_nobody $CP -r s new; as_nobody $CP -rv s new; as_nobody $CP -r --no-preserve=mode s plain; as_nobody $CP s/f file
            mkdir -m 777 d; as_nobody $CP -rv s d; mkdir -m 777 e; as_nobody $CP -r --parents s/d/e e'
        same "an ordinary user's -a with umask $umask" "$tree; chown -R 65534:65534 s" '
            umask $UMASK; as_nobody $CP -a s new; as_nobody $CP -av s new; as_nobody $CP -rp s again; mkdir -m 777 d; as_nobody $CP -av s d; as_nobody $CP -a --parents s/d/e d'
    done
else
    skip 'what may not be read or written' 'needs root to become nobody'
    skip 'umasks that take the rights of the owner' 'needs root to become nobody'
fi
if command -v rsync > /dev/null; then
    full='mkdir -p s/d/e s/empty s/ro; echo 1 > s/f; bytes 3000000 x > s/d/big; ln s/f s/d/hard; ln s/f s/d/e/hard2; ln -s ../f s/d/l; ln -s /no/where s/dang; mkfifo -m 620 s/p; truncate -s 1M s/hole; bytes 70000 h >> s/hole
        python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"s/sock\")"; echo r > s/ro/r; chmod 555 s/ro; chmod 4755 s/f; chmod 1777 s/empty; n=$(printf "a\nb\377"); mkdir "s/$n"; echo n > "s/$n/$(printf "%0255d" 3)"
        : > s/zero; setfattr -n user.a -v b s/f s/d s/ro || true; setfacl -m u:1234:rwx s/d s/hole || true; setfacl -d -m g:99:rx s/d || true
        find s -depth -exec touch -h -d "2001-02-03 04:05:06.123456789" {} +'
    for options in -a '-a --jobs=1' '-a --jobs=8' '-a --backend=threads' '-a --verify' '-a --durable' '-a --atomic' '-a --reflink=never' '-a --method=fixed' '-a --sparse=always' '-a --cache=drop' '-dr --preserve=all'; do
        export TREE_OPTIONS=$options
        holds "$options loses nothing" "$full"'
            $CP $TREE_OPTIONS s new; identical s new; $CP $TREE_OPTIONS -T s new; identical s new'
    done
    if is_root; then
        holds '-a as root loses nothing' "$full"'
            mknod s/null c 1 3; mknod s/disk b 7 123; chown -R 12:34 s/d; chown -h 56:78 s/dang s/p s/null; setcap cap_net_raw+ep s/d/big; setfattr -h -n trusted.t -v 1 s/d s/dang; chmod 6755 s/d/big; setcap cap_net_raw+ep s/d/big
            find s -depth -exec touch -h -d "2001-02-03 04:05:06.123456789" {} +
            $CP -a s new; identical s new; mkdir into; $CP -a s into; identical s into/s; $CP -aT s new; identical s new'
        holds 'an ordinary user keeps what is allowed' "$full"'
            chown -R 65534:65534 s; chmod 4755 s/f; find s -depth -exec touch -h -d "2001-02-03 04:05:06.123456789" {} +; mkdir -m 777 d
            as_nobody $CP -a s d; identical s d/s'
        for fs in ext4 xfs btrfs; do
            if command -v mkfs.$fs > /dev/null && truncate -s 400M "$WORK/image" && mkfs.$fs -q "$WORK/image" > /dev/null 2>&1 && mount_at "$WORK/$fs" -o loop "$WORK/image"; then
                export FS=$WORK/$fs
                holds "-a on $fs loses nothing" "$full"'
                    mkdir $FS/t; $CP -a s $FS/t/s; identical s $FS/t/s; $CP -a $FS/t/s $FS/t/s2; identical s $FS/t/s2; $CP -a $FS/t/s2 back; identical s back; $CP -aT s $FS/t/s; identical s $FS/t/s'
                umount "$FS"
            else
                skip "-a on $fs loses nothing" "cannot be mounted"
            fi
            rm -f "$WORK/image"
        done
        if mount_at "$WORK/tmpfs" -t tmpfs none; then
            export FS=$WORK/tmpfs
            holds '-a on tmpfs loses nothing' "$full"'; setfattr -x user.a s/f s/d s/ro || true
                find s -depth -exec touch -h -d "2001-02-03 04:05:06.123456789" {} +; $CP -a s $FS/s; identical s $FS/s; $CP -a $FS/s back; identical s back'
        else
            skip '-a on tmpfs loses nothing' 'cannot be mounted'
        fi
        if mkdir -p "$WORK/tmpfs/u" "$WORK/tmpfs/w" "$WORK/tmpfs/l" && mount_at "$WORK/over" -t overlay -o "lowerdir=$WORK/tmpfs/l,upperdir=$WORK/tmpfs/u,workdir=$WORK/tmpfs/w" none; then
            export FS=$WORK/over
            holds '-a on overlayfs loses nothing' "$full"'; setfattr -x user.a s/f s/d s/ro || true
                find s -depth -exec touch -h -d "2001-02-03 04:05:06.123456789" {} +; $CP -a s $FS/s; identical s $FS/s; $CP -a $FS/s back; identical s back'
        else
            skip '-a on overlayfs loses nothing' 'cannot be mounted'
        fi
        if mount_at "$WORK/ramfs" -t ramfs none; then
            export RAM=$WORK/ramfs
            same 'where there are no attributes, that is an error only if they were asked for by name' 'mkdir -p s/d; echo x > s/d/f; setfattr -n user.a -v b s/d/f s/d; ln -s x s/l' '
                $CP -av s $RAM/a; $CP -r --preserve=all s $RAM/b; $CP -r --preserve=xattr s $RAM/c; $CP -a --preserve=xattr s $RAM/e; cat $RAM/?/d/f; ls $RAM/*; rm -rf ${RAM:?}/*'
        fi
    fi
    holds 'a directory of 20,000 files and a tree 2,000 deep' '
        mkdir -p s; (cd s && seq -f "f%g" 20000 | xargs touch); python3 -c "
import os
for i in range(2000):
    os.mkdir(\"d\" * 9); os.chdir(\"d\" * 9)
open(\"end\", \"w\").write(\"end\")"; mv ddddddddd s/deep; $CP -a s t; test $(ls t | wc -l) = 20001; test "$(find t -name d* | wc -l)" = 2000
        (cd t/deep; while [ -d ddddddddd ]; do cd -P ddddddddd; done; cat end) | grep -q end; rm -rf t'
    holds 'with few descriptors' "$full"'; mkdir -p s/w; for i in $(seq 300); do mkdir s/w/$i; echo $i > s/w/$i/f; done; find s -depth -exec touch -h -d 2001-02-03 {} +; (ulimit -n 32; $CP -a s new); identical s new'
else
    skip 'that nothing is lost' 'needs rsync to judge'
fi
if is_root && (truncate -s 20M "$WORK/small" && mkfs.ext4 -q "$WORK/small" && mount_at "$WORK/full" -o loop "$WORK/small") > /dev/null 2>&1; then
    mounts+=("$WORK/full")
    export FULL=$WORK/full
    holds 'a full disk in the middle' '
        mkdir s; for i in $(seq 40); do bytes 1000000 $i > s/$i; done; $CP -r s $FULL 2> err && false; grep -q "^arsync-cp: error writing .$FULL/s/[0-9]*.: No space left on device$" err
        for f in $FULL/s/*; do cmp $f s/${f##*/}; done; rm -rf $FULL/s'
else
    skip 'a full disk in the middle' 'needs root and a loop device'
fi
finish
