#!/usr/bin/env bash
# What several commands need that share the work on one copy, and how they are told what came of it.
. "$(dirname "$0")/lib.sh"

holds '--range copies a part into what is there, and changes nothing else' '
    bytes 3000000 new > s; bytes 4000000 old > d; chmod 604 d; touch -d 2001-01-01 s; inode=$(stat -c %i d)
    $CP --verify --range=1M:4096 s d; { head -c 1048576 d; tail -c +1048577 s | head -c 4096; tail -c +1052673 d; } | cmp - d
    bytes 1048576 old | cmp -n 1048576 - d; cmp -i 1048576 -n 4096 s d
    test "$(stat -c "%a %i %s" d)" = "604 $inode 4000000"; test "$(stat -c %Y d)" != "$(stat -c %Y s)"'
holds '--range makes what is not there for its owner alone; without a length it is all that follows' '
    bytes 3000000 x > s; chmod 666 s; $CP --range=2000000: s d; test "$(stat -c "%a %s" d)" = "600 3000000"
    $CP --range=0:2000000 s d; cmp s d'
holds '--range copies the names of a list, without following links' '
    mkdir -p s/a elsewhere; bytes 9000 x > s/a/f; mkdir d; ln -s ../elsewhere d/a; printf "a/f\0" > list
    $CP -0 --files-from=list --range=0:10 s d && false; test -z "$(ls elsewhere)"; rm d/a
    $CP -0 --files-from=list --range=0:10 s d; test "$(stat -c %s d/a/f)" = 10'
holds '--range refuses what has no meaning with it' '
    echo x > s; mkdir dir
    for with in -a -p -r -u -n -b --atomic --remove-destination --skip-unchanged; do $CP --range=0:1 $with s d 2> err && false; grep -q "^arsync-cp: --range cannot be used with this: " err; done
    for range in 1 x: :1 0:0 -1:2 0:1: 99999999999999999999:1; do $CP --range=$range s d 2> err && false; grep -q "OFFSET:LENGTH" err; done
    $CP --range=0:1 dir d && false; test ! -e d; ln -s s l; $CP --range=0:1 s l 2> err && false; in_words_of_cp err; grep -q "Too many levels" err'

tree='mkdir -p s/a/b s/empty; echo 1 > s/a/b/f; ln -s b s/a/l; mkfifo s/fifo; chmod 711 s/a s; touch -d 2001-01-01 s/a/b s/a s/empty s;'
holds '--directories-only makes directories and gives them their attributes, the root too' "$tree"'
    $CP -aT --directories-only s d; test "$(cd d && find . | sort | tr "\n" " ")" = ". ./a ./a/b ./empty "
    for x in . a a/b empty; do test "$(stat -c "%a %y" s/$x)" = "$(stat -c "%a %y" d/$x)"; done
    $CP -T --directories-only s d2 2> err && false; grep -q "only with --recursive" err'
holds 'with --mirror it removes what is extra, and copies nothing' "$tree"'
    mkdir -p d/a/b d/x; echo old > d/a/b/f; echo y > d/x/y; $CP -aT --directories-only --mirror -v s d > out; test "$(cat d/a/b/f)" = old -a ! -e d/x
    grep -qx "removed .d/x." out'
holds '--bare-parents leaves directories on the way to others' "$tree"'
    chmod 555 s/a/b; printf "a/b/f\0" > list; $CP -a --bare-parents -0 --files-from=list s d; test "$(stat -c %a d/a d/a/b | tr "\n" " ")" = "700 700 "
    chmod 750 d/a; echo 2 > s/a/b/g; printf "a/b/g\0" > list; $CP -a --bare-parents -0 --files-from=list s d; test "$(stat -c %a d/a)" = 750 -a -e d/a/b/g
    $CP -a --bare-parents s d 2> err && false; grep -q "only with --files-from or --parents" err
    chmod 755 s/a s/a/b; umask 022; $CP -a --no-preserve=mode --bare-parents -0 --files-from=list s e; test "$(stat -c %a e/a e/a/b | tr "\n" " ")" = "755 755 "
    chmod 775 s/a s/a/b; umask 002; for with in -r --preserve=ownership; do
        rm -rf e; $CP $with --bare-parents -0 --files-from=list s e; test "$(stat -c %a e/a e/a/b | tr "\n" " ")" = "775 775 "; done'

status='status() { local is=0; "${@:2}" > out 2> err || is=$?; test $is = $1; }; summary() { tail -n 1 out | grep -q "\"exit_status\":$1,"; };'
holds 'the exit status of --json tells failures apart' "$status"'
    mkdir s; echo x > s/a; printf "a\0" > all; printf "a\0gone\0" > some
    status 0 $CP -a --json -0 --files-from=all s d; summary 0
    status 1 $CP -a --json -0 --files-from=some s d; summary 1
    status 2 $CP -a --json --range=0:1 s d; test ! -s out; status 2 $CP --json --no-such; status 2 $CP --json; status 2 $CP --json -0 s d
    status 3 $CP -a --json -0 --files-from=all gone d; summary 3; status 3 $CP -a --json -0 --files-from=gone s d; summary 3
    status 3 $CP -a --json --continue-on-error=no gone s/a d; summary 3'
holds 'and without it all of them are 1, as with cp' "$status"'
    status 1 $CP --no-such; status 1 $CP -0 s d; status 1 $CP -a --files-from=gone s d; status 1 $CP gone d'
holds 'what is cut off by a signal dies of it, and says 3 in its summary' "$status"'
    bytes 3000000 x > s; $CP --json --bwlimit=100K s d > out & pid=$!; eventually "is_writing $pid"; kill -TERM $pid; is=0; wait $pid || is=$?; test $is = 143; summary 3'
finish
