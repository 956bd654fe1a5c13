#!/usr/bin/env bash
# What goes wrong, what is said about it, and what is left behind.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

if is_root && mount_at "$WORK/small" -t tmpfs -o size=64k none; then
    export SMALL=$WORK/small
    # What is reached through a symbolic link is not begun before what comes ahead of it has ended.
    same 'a full filesystem is told of' 'bytes 200000 x > a; echo y > b; ln -s a after_b; rm -f $SMALL/*' '
        $CP a $SMALL/a; rm -f $SMALL/a; $CP b $SMALL/old; $CP -v a $SMALL/old; rm -f $SMALL/*; $CP -v b after_b b $SMALL; rm -f $SMALL/*'
    holds 'a new file that does not fit is not left behind' '
        bytes 200000 x > a; rm -f $SMALL/*; $CP a $SMALL/a 2> err && false
        grep -qx "arsync-cp: error writing .*/a.: No space left on device" err; test ! -e $SMALL/a'
    holds 'with --atomic the old file is still there when the new one does not fit' '
        bytes 200000 x > a; rm -f $SMALL/*; echo old > $SMALL/a; $CP --atomic a $SMALL/a && false
        test "$(cat $SMALL/a)" = old; test "$(ls -A $SMALL)" = a'
    holds 'with -b the old file is put back when the new one does not fit' '
        bytes 200000 x > a; rm -f $SMALL/*; echo old > $SMALL/a; $CP -bv a $SMALL/a && false
        test "$(cat $SMALL/a)" = old; test "$(ls -A $SMALL)" = a'
    rm -f "$SMALL"/*; echo old > "$SMALL/a"
    if mount -o remount,ro "$SMALL" 2> /dev/null; then
        same 'a read-only filesystem is told of' 'echo x > a; echo y > b' '
            $CP a $SMALL/q; $CP a $SMALL; $CP -f a $SMALL; $CP -b a $SMALL; $CP --remove-destination a $SMALL; $CP -v a b $SMALL; $CP -n a $SMALL'
    fi
else
    skip 'full and read-only filesystems' 'needs root and tmpfs'
fi
if is_root && (cd "$WORK" && : > probe && chattr +i probe && chattr -i probe) 2> /dev/null; then
    same 'an immutable file is told of' 'echo x > a; echo y > b; chattr +i b' '
        $CP -v a b; $CP -fv a b; $CP -bv a b; $CP -v --remove-destination a b; chattr -i b'
    same 'an immutable directory is told of' 'mkdir p d; echo x > p/a; ln p/a p/b; echo y > d/b; chattr +i d' '
        $CP -v p/a d; $CP -v p/a p/b d; $CP -v --preserve=links p/a p/b d; $CP -fv p/a d/b; chattr -i d'
else
    skip 'immutable files' 'needs chattr'
fi
same 'a source that cannot be read to its end' 'mkdir d' '
    $CP /proc/self/mem a; $CP -v /proc/self/mem /proc/version d; rm -f a d/mem'
holds 'leaves no new file behind' '$CP /proc/self/mem a && false; test ! -e a; echo old > b; $CP /proc/self/mem b && false; test -e b'
same '--reflink=always where blocks cannot be shared' 'echo x > a; echo y > b' '
    $CP --reflink a /dev/shm/arsync-cli-$$ 2> err; echo $?; sed "s/[0-9][0-9]*\b//g; s/^arsync-//" err; rm -f /dev/shm/arsync-cli-$$ err
    $CP --reflink=auto a /dev/shm/arsync-cli-$$; cat /dev/shm/arsync-cli-$$; rm -f /dev/shm/arsync-cli-$$'
for how in 'trap "" XFSZ' true; do
    export HOW=$how
    holds "a file size limit is an error, not the end ($how)" '
        for all in a "a c"; do
            bytes 300000 x > a; bytes 1 y > c; mkdir d; (eval "$HOW"; ulimit -f 100; $CP $all d 2> err && exit 1; true)
            grep -q "error writing .d/a.: File too large" err; test ! -e d/a; rm -r d
        done'
done
holds 'a source that becomes shorter is told of, and is an error' '
    truncate -s 200M a; $CP --sparse=never --reflink=never --bwlimit=10M a b 2> err & child=$!
    eventually "is_writing $child"; truncate -s 1M a; wait $child && status=0 || status=$?; test $status = 1
    grep -qx "arsync-cp: warning: .a. became shorter while it was copied" err'
same 'what is made where no directory is' 'mkdir s; echo x > a; echo y > s/f' '
    $CP a no/x; $CP -s a no/x; $CP -l a no/x; $CP -r s no/x; $CP -rs s no/x; $CP -r s ""; $CP a ""; $CP -r "" s; $CP -rT s no/x/y; $CP -rns s a; mkdir t; $CP -rns s/f t'
if is_root; then
    same 'a directory that may not be listed is made, and told of' 'mkdir -p s/ok t/there u; echo x > s/ok/f; chmod 311 s; chmod 777 . t t/there; chmod 755 u' '
        as_nobody $CP -r s t; as_nobody $CP -av s t/a; as_nobody $CP -rl s t/l; as_nobody $CP -rT s t/there; as_nobody $CP -r s s/ok t; as_nobody $CP -r s s u; as_nobody $CP -r s ./s s/ok u'
    same 'what a followed link leads to cannot be made, and what is none' 'mkdir -p s t; echo x > f; ln -s ../f s/l; mkfifo p; ln -s ../p s/p; ln -s nowhere s/n' '
        for o in -P "" -L -H -r -rL -rH; do as_nobody $CP $o s/l t; as_nobody $CP -rL s/p t; as_nobody $CP -rH s/p s/n t; as_nobody $CP -rH s/l t/x; done'
else
    skip 'a directory that may not be listed' 'needs root to become nobody'
fi
same 'a second operand comes after a first that failed' 'mkdir -p d/e t u; echo 1 > d/f; echo x > t/d' '$CP -r d d t; $CP -r d nope ./d t; $CP -rn d d t; $CP -r d d u'
holds 'a link or an alias gives the program its name' '
    ln -s "$CP" cp; ln -s "$CP" "my copy"; for p in ./cp "$PWD/cp"; do $p nope a 2> err && false; test "$(cat err)" = "cp: cannot stat '\''nope'\'': No such file or directory"; done
    ./cp --bad 2> err && false; in_words_of_cp err; grep -qx "cp: unrecognized option .--bad." err; grep -qx "Try .cp --help. for more information." err; ./cp --help | grep -q "^Usage: cp "; "./my copy" nope a 2>&1 | grep -q "^my copy: cannot stat"
    echo 1 > a; echo 2 > b; ./cp -i a b < /dev/null 2>&1 | grep -q "^cp: overwrite .b.? "; ./cp a 2>&1 | grep -q "^cp: missing destination"'
finish
