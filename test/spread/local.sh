#!/usr/bin/env bash
# arsync-spread on this machine: what comes of a tree, and of runs that are stopped, repeated or refused.
. "$(dirname "$0")/lib.sh"

if ! command -v fpart > /dev/null; then
    skip 'arsync-spread' 'fpart is not installed'
    finish
fi
make_tree "$WORK/tree" 500
cp -a "$WORK/tree" "$WORK/judge"

holds 'a tree in parts is what cp -a makes of it' '
    spread -j 2 --files=200 --chunk=4M '"$WORK"'/tree d; identical '"$WORK"'/judge d
    test "$(ls -A)" = "$(printf ".d.arsync-spread\nd")"; grep -l "kind=range" .d.arsync-spread/units/* | wc -l | grep -qx 13'
holds 'a second run has nothing to do, and --status says so' '
    ln -s '"$WORK"'/tree s; spread s d; touch -d 2001-01-01 d/f-of-mine; spread s d > out; grep -q "0 of them now" out; test -e d/f-of-mine
    spread --status s d > status; grep -qx complete status; test "$(status_of done)" = "$(status_of units)"
    spread --restart s d; spread --mirror s d 2> err && false; grep -q "begun with another mirror" err; spread --restart --mirror s d; test ! -e d/f-of-mine'
holds 'other options, other trees and what cannot be are refused' '
    refuses() { local is=0; spread "${@:3}" 2> err || is=$?; test $is = $1; grep -q -- "$2" err; }
    mkdir -p s/in; echo x > f; refuses 2 "not a directory" gone d; refuses 2 "not a directory" s f; refuses 2 "one is in the other" s s/in; refuses 2 "one is in the other" s s/.
    refuses 2 "no meaning here: --mirror" s d -- --mirror; refuses 2 "no meaning here: -r" s d -- -r; refuses 2 "not a size" --chunk=0 s d; refuses 2 "SRC and DST" s; refuses 2 "takes no hosts" --engine=local --on=h s d; refuses 2 "needs --on" --engine=parallel s d
    test ! -e d; spread s d; mkdir s2; refuses 2 "begun with another source" --state=.d.arsync-spread s2 d; 
    mkdir p; ln -s "$(python3 -c "import sys; print(sys.executable)")" p/python3; is=0; (PATH=$PWD/p; spread --restart s d 2> err) || is=$?; test $is = 3; grep -q "fpart is not installed" err'
holds 'what is kept is kept of large files, of links to them, and of directories, too' '
    mkdir -p s/dir; bytes 5000000 x > s/big; ln s/big s/dir/too; echo 1 > s/small; setfattr -n user.x -v 1 s/big s/small s/dir; chmod 710 s/dir s/big; touch -d 2001-01-01 s/big s/dir
    spread --chunk=1M s d -- --no-preserve=xattr; test d/big -ef d/dir/too; diff -r s d; for x in big dir; do test "$(stat -c "%a %y" s/$x)" = "$(stat -c "%a %y" d/$x)"; done
    test -z "$(getfattr -d d/big d/small d/dir)"; spread --restart --chunk=1M s d2; test "$(getfattr -d d2/big d2/small d2/dir | grep -c user.x)" = 3'
holds 'what fails in a unit is told with its unit, and is tried again by the next run' '
    mkdir -p s d; seq 10 | while read i; do echo $i > s/f$i; done; mkdir d/f3
    is=0; spread -v s d > out 2> err || is=$?; test $is = 1; grep -q "unit 1 (files) on .*: some entries failed, 10 files, .*, 1 error" err; grep -q "cannot overwrite directory .d/f3. with non-directory\|f3" err
    is=0; spread --status s d > out || is=$?; test $is = 1; grep -q "but for entries that failed" out; rmdir d/f3; spread s d; diff -r s d'
holds 'a name that has vanished meanwhile is left out by the next run' '
    mkdir s; echo 1 > s/a; echo 2 > s/b; mkdir -p d/b; is=0; spread s d || is=$?; test $is = 1; rm s/b; spread s d; rmdir d/b; diff -r s d'
holds 'with --mirror nothing is removed where anything has failed' '
    mkdir -p s d/f3 d/extra; echo 3 > s/f3; is=0; spread --mirror s d 2> err || is=$?; test $is = 1; test -e d/extra; grep -q "entries of unit 1 have failed" err
    rmdir d/f3; spread --mirror s d; test ! -e d/extra'
holds 'a run that is stopped goes on where it was, and repeats nothing' '
    for i in $(seq 32); do mkdir -p s/d$i; bytes 10000 $i > s/d$i/f; done; cat > cp << "END"
#!/bin/sh
case $* in *"/parts/3 "*) touch "$HERE/has-begun"; sleep 1000 ;; esac
exec "$REAL" "$@"
END
    chmod +x cp; export HERE=$PWD REAL=$CP; ( exec "$SPREAD" --arsync-cp $PWD/cp --files=4 s d ) & pid=$!
    eventually "test -e has-begun"; kill -INT $pid; is=0; wait $pid || is=$?; test $is = 130
    test "$(status_of done)" = 2; is=0; spread --status s d || is=$?; test $is = 3
    cp -a .d.arsync-spread/records before; spread --files=4 s d; diff -r s d
    for unit in $(grep -l "\"status\": 0," before/*); do cmp $unit .d.arsync-spread/records/${unit##*/}; done; test -e before/1 -a -e before/2'
holds 'two runs at once are refused' '
    mkdir s; bytes 3000000 x > s/f; spread_alone s d -- --bwlimit=100K & pid=$!; eventually "test -e .d.arsync-spread/running/1"
    is=0; spread s d -- --bwlimit=100K 2> err || is=$?; test $is = 3; grep -q "another arsync-spread is at this copy: process $pid on " err; kill -TERM $pid; is=0; wait $pid || is=$?; test $is = 143'
holds 'the walk goes on while units are copied' '
    mkdir s d; for i in $(seq 30); do bytes 1000 $i > s/f$i; done; cat > slow << "END"
#!/bin/sh
# fpart, but for its last lines, which come when the first unit is done
real=$(PATH=$OLD_PATH command -v fpart); "$real" "$@" | while read -r line; do echo "$line"; test "$line" != 2 || until test -e "$STATE/records/1"; do sleep .05; done; done
END
    mkdir bin; mv slow bin/fpart; chmod +x bin/fpart; OLD_PATH=$PATH PATH=$PWD/bin:$PATH STATE=$PWD/.d.arsync-spread timeout 60 '"$SPREAD"' --arsync-cp $CP --files=10 s d; diff -r s d'
holds 'a walk that is cut off is made again, and no name is in two units' '
    mkdir s bin; for i in $(seq 50); do echo $i > s/f$i; done; ln s/f1 s/l1; ln s/f50 s/l50; cat > bin/fpart << "END"
#!/bin/sh
real=$(PATH=$OLD_PATH command -v fpart); "$real" "$@" | { read -r one; echo $one; read -r two; echo $two; until test -e "$STATE/records/2"; do sleep .05; done; touch "$STATE/../cut"; exec sleep 1000; }
END
    chmod +x bin/fpart; ( export OLD_PATH=$PATH PATH=$PWD/bin:$PATH STATE=$PWD/.d.arsync-spread; exec "$SPREAD" --arsync-cp $CP --files=10 s d ) & pid=$!
    eventually "test -e cut"; kill -INT $pid; is=0; wait $pid || is=$?; test $is = 130; test ! -e .d.arsync-spread/walked; ls .d.arsync-spread/records > before; test -s before
    spread --files=10 s d; diff -r s d; test s/f1 -ef s/l1 -a d/f1 -ef d/l1 -a d/f50 -ef d/l50; test -z "$(cat .d.arsync-spread/parts/* | sort -z | uniq -zd)"; test "$(cat .d.arsync-spread/parts/* | tr -dc "\0" | wc -c)" = 52'
holds 'a large file whose source changes before its end is begun anew by the next run' '
    mkdir s; bytes 9000000 x > s/f; cat > cp << "END"
#!/bin/sh
case $* in *--range=4194304:*) touch -d 2002-02-02 "$CHANGING" ;; esac
exec "$REAL" "$@"
END
    chmod +x cp; is=0; CHANGING=$PWD/s/f REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --chunk=4M $PWD/s d 2> err || is=$?; test $is = 3; grep -q "the source has changed" err
    bytes 9000001 y > s/f; spread --chunk=4M s d; diff -r s d; test "$(stat -c %Y s/f)" = "$(stat -c %Y d/f)"'
if is_root; then
    holds 'for a user who is not root a read-only directory is filled by several units' '
        mkdir s; for i in $(seq 8); do mkdir -p s/ro; echo $i > s/ro/f$i; done; chmod 555 s/ro; chown -R 65534:65534 .; spread_as() { as_nobody '"$SPREAD"' --arsync-cp $CP "$@"; }
        spread_as -j 2 --files=2 s d; diff -r s d; test "$(stat -c %a d/ro)" = 555'
    holds 'a directory that could not be listed is copied by the next run, and what is linked to it stays linked' '
        mkdir -p s/no s/yes; echo 1 > s/yes/f; echo 2 > s/no/g; ln s/yes/f s/no/linked; chmod 0 s/no; chown -R 65534:65534 .; spread_as() { as_nobody '"$SPREAD"' --arsync-cp $CP "$@"; }
        is=0; spread_as s d 2> err || is=$?; test $is = 1; grep -q "fpart could not list all: ./no" err; chmod 755 s/no
        spread_as s d; diff -r s d; test d/yes/f -ef d/no/linked; spread_as s d > out; grep -q "0 of them now" out'
else
    skip 'for a user who is not root' 'needs root'
fi
finish
