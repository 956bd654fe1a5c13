#!/usr/bin/env bash
# arsync-spread on this machine: what comes of a tree, and of runs that are stopped, repeated or refused.
. "$(dirname "$0")/lib.sh"

if ! command -v fpart > /dev/null; then
    skip 'arsync-spread' 'fpart is not installed'
    finish
fi
# shellcheck disable=SC2317
refuses() { local is=0; spread "${@:3}" 2> err || is=$?; test "$is" = "$1"; grep -q -- "$2" err; } # STATUS MESSAGE ARGUMENT...
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
holds 'what an earlier run has said of a unit is nothing once it runs again, nor is an outcome without a word' '
    mkdir -p s d/b; echo 1 > s/a; echo 2 > s/b; is=0; spread s d || is=$?; test $is = 1; printf "%s\n" "#!/bin/sh" "case \$* in *--directories-only*) exec $CP \"\$@\" ;; esac" "kill -9 \$PPID" > cp; chmod +x cp
    is=0; '"$SPREAD"' --arsync-cp $PWD/cp -v s d > out || is=$?; test $is = 3; is=0; spread --status s d > out || is=$?; test $is = 3; is=0; '"$SPREAD"' --arsync-cp /bin/false s d 2> err || is=$?; test $is = 3; grep -q "has not said what it did" err
    rmdir d/b; spread -v s d > out; diff -r s d; grep -q "^unit 1 .* complete" out'
holds 'a name that has vanished meanwhile is left out by the next run' '
    mkdir s; echo 1 > s/a; echo 2 > s/b; mkdir -p d/b; is=0; spread s d || is=$?; test $is = 1; rm s/b; spread s d; rmdir d/b; diff -r s d'
holds 'with --mirror nothing is removed where anything has failed' '
    mkdir -p s/empty s/dir d/f3 d/extra; chmod 1777 s/dir; echo 1 > s/dir/a; echo 3 > s/f3; is=0; spread --mirror s d 2> err || is=$?; test $is = 1; test -e d/extra; grep -q "nothing was removed" err
    test -d d/empty -a "$(stat -c %a d/dir)" = 1777; rmdir d/f3; spread --mirror s d; test ! -e d/extra; diff -r s d'
holds 'the end of a copy that was cut off is not said to be complete, whatever else has failed' '
    mkdir -p s/empty d/f3; echo 3 > s/f3; cat > cp << "END"
#!/bin/sh
case $* in *--directories-only*) kill -9 $$ ;; esac
exec "$REAL" "$@"
END
    chmod +x cp; is=0; REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp s d 2> err || is=$?; test $is = 3; is=0; spread --status s d > out || is=$?; test $is = 3; grep -q "^not complete" out'
holds 'SRC and DST are what a path through a link leads to, and DST is one by whatever name' '
    mkdir -p other/real here s; echo r > other/right; ln -s ../other/real here/link; echo w > here/wrong; spread here/link/.. d; diff -r other d
    bytes 3000000 x > s/f; mkdir d2; ln -s d2 e; spread_alone s d2 -- --bwlimit=100K & pid=$!; eventually "test -e .d2.arsync-spread/running/1"
    is=0; spread s e 2> err || is=$?; test $is = 3; grep -q "another arsync-spread is at this copy" err; kill -TERM $pid; wait $pid || true
    test -z "$(spread --status s d2 | grep ^running)"; is=0; spread --status other d2 2> err || is=$?; test $is = 2; grep -q "of another SRC" err
    is=0; spread s no/such/d 2> err || is=$?; test $is = 2; test ! -e no; is=0; spread s d -- --preserve=mode,flags 2> err || is=$?; test $is = 2'
holds 'so are the state directory and arsync-cp, and links that need not be followed are left to each host' '
    mkdir -p other/real here/state s; echo 1 > s/f; ln -s ../other/real here/link; ln -s ../other here/whole; cp $CP other/cp; printf "%s\n" "#!/bin/sh" "exit 9" > here/cp; chmod +x here/cp
    '"$SPREAD"' --arsync-cp=here/link/../cp --state=here/link/../state s d; diff -r s d; test -e other/state/plan; test -z "$(ls here/state)"; grep -qx "arsync_cp=$PWD/other/cp" other/state/settings
    (cd here && '"$SPREAD"' --arsync-cp=whole/./cp --state=../other/state ../s ../d); grep -qx "arsync_cp=$PWD/here/whole/cp" other/state/settings'
holds 'of a large file that has vanished between two runs nothing is left' '
    mkdir s; echo 1 > s/a; bytes 3000000 x > s/big; cat > cp << "END"
#!/bin/sh
case $* in *--range=*) exit 3 ;; esac
exec "$REAL" "$@"
END
    chmod +x cp; is=0; REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --chunk=1M s d 2> err || is=$?; test $is = 3; test -e d/big; for size in 4000000 2000000; do bytes $size x > s/big; is=0; REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --chunk=1M s d 2> err || is=$?; test $is = 3; done
    rm s/big; spread --chunk=1M s d; diff -r s d
    bytes 3000000 y > s/big; bytes 3000000 z > d/big; cp d/big mine; is=0; REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --restart --chunk=1M s d 2> err || is=$?; test $is = 3; rm s/big; spread --chunk=1M s d; cmp mine d/big'
holds 'a plan that cannot be read is no reason to say that all was tried' '
    mkdir s; echo 1 > s/a; spread s d; : > .d.arsync-spread/plan; for how in --status -v; do is=0; spread $how s d 2> err || is=$?; test $is = 3; grep -q -- --restart err; done; spread --restart s d; cp .d.arsync-spread/plan whole
    for plan in "[]" null 7 "\"x\"" "{\"source\": \"$PWD/s\"}" "$(sed "/one_file_system/d" whole)" "$(sed "s/\"options\": .*/\"options\": \"-x\",/" whole)" "$(sed "s/\"chunk\": .*/\"chunk\": \"64\",/" whole)" "$(printf "%0100000d" 0 | tr 0 "[")"; do
        printf "%s" "$plan" > .d.arsync-spread/plan; for how in --status -v; do is=0; spread $how s d 2> err || is=$?; test $is = 3; grep -q "$PWD/.d.arsync-spread/plan .*--restart" err; test $(wc -l < err) = 1; done; done; spread --restart s d; diff -r s d'
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
holds 'a run that is killed, and whose units go on, is gone on with, and no unit is at work twice' '
    for i in $(seq 12); do mkdir -p s/d$i; bytes 300000 $i > s/d$i/f; done; ln s/d1/f s/d2/l; bytes 3000000 x > s/big; cp -a s judge; cat > cp << "END"
#!/bin/sh
unit=; for word; do case $word in --files-from=*) unit=${word##*/} ;; esac; done
mkdir "$HERE/at-$unit" || { echo "$unit" >> "$HERE/twice"; exit 3; }
if [ "$unit" = 1 ] && [ ! -e "$HERE/go" ]; then touch "$HERE/begun"; until [ -e "$HERE/go" ]; do sleep .05; done; fi
"$REAL" "$@"; is=$?
rmdir "$HERE/at-$unit"; exit $is
END
    chmod +x cp; export HERE=$PWD REAL=$CP; run() { exec "$SPREAD" --arsync-cp $PWD/cp -j 2 --files=3 --chunk=1M s d; }; (run) & first=$!; eventually "test -e begun"; read -r _ unit _ < .d.arsync-spread/running/1
    kill -9 $first; wait $first || true; kill -9 $unit; eventually "! kill -0 $unit"; is=0; spread --status s d > out || is=$?; test $is = 3; grep -q "^running: unit 1 " out
    (run) & again=$!; sleep 1; kill -0 $again; test -e at-1; touch go; wait $again; test ! -e twice; identical judge d; is=0; spread --status s d > out || is=$?; test $is = 0; mv s away; spread --status s d > out; grep -qx complete out; mv away s'
holds 'two runs at once are refused' '
    mkdir s; bytes 3000000 x > s/f; spread_alone s d -- --bwlimit=100K & pid=$!; eventually "test -e .d.arsync-spread/running/1"
    is=0; spread s d -- --bwlimit=100K 2> err || is=$?; test $is = 3; grep -q "another arsync-spread is at this copy: process $pid on " err; kill -TERM $pid; is=0; wait $pid || is=$?; test $is = 143'
holds 'two runs at once into one directory are refused, whatever their engines and their state directories' '
    mkdir s other l d; bytes 3000000 x > s/f; echo 1 > other/g; ln -s d e; spread_alone --state=l/1 s d -- --bwlimit=100K & pid=$!; eventually "test -e l/1/running/1"
    for how in --engine=local $(command -v parallel > /dev/null && echo --sshlogin=:) $(command -v fpsync > /dev/null && echo --engine=fpsync); do for to in d e; do refuses 3 "another arsync-spread, with another state directory, is at $PWD/d" $how other $to; done; done
    spread --status --state=l/1 s d > out || test $? = 3; spread other d2; kill -TERM $pid; is=0; wait $pid || is=$?; test $is = 143; spread --mirror other d; diff -r other d'
holds 'the walk goes on while units are copied' '
    mkdir s d; for i in $(seq 30); do bytes 1000 $i > s/f$i; done; cat > slow << "END"
#!/bin/sh
# fpart, but for its last lines, which come when the first unit is done
real=$(PATH=$OLD_PATH command -v fpart); "$real" "$@" | while read -r line; do echo "$line"; test "${line% *}" != 2 || until test -e "$STATE/records/1"; do sleep .05; done; done
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
    chmod +x cp; is=0; CHANGING=$PWD/s/f REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --chunk=4M $PWD/s d 2> err || is=$?; test $is = 1; grep -q "the source has changed" err
    bytes 9000001 y > s/f; spread --chunk=4M s d; diff -r s d; test "$(stat -c %Y s/f)" = "$(stat -c %Y d/f)"'
if is_root; then
    holds 'for a user who is not root a read-only directory is filled by several units' '
        mkdir s; for i in $(seq 8); do mkdir -p s/ro; echo $i > s/ro/f$i; done; chmod 555 s/ro; chown -R 65534:65534 .; spread_as() { as_nobody '"$SPREAD"' --arsync-cp $CP "$@"; }
        spread_as -j 2 --files=2 s d; diff -r s d; test "$(stat -c %a d/ro)" = 555'
    holds 'a directory that could not be listed is copied by the next run, and what is linked to it stays linked' '
        mkdir -p s/no s/yes; echo 1 > s/yes/f; echo 2 > s/no/g; ln s/yes/f s/no/linked; chmod 0 s/no; chown -R 65534:65534 .; spread_as() { as_nobody '"$SPREAD"' --arsync-cp $CP "$@"; }
        is=0; spread_as s d 2> err || is=$?; test $is = 1; grep -q "fpart could not list all: ./no" err; chmod 755 s/no
        spread_as s d; diff -r s d; test d/yes/f -ef d/no/linked; spread_as s d > out; grep -q "0 of them now" out'
    holds 'nothing is removed while what is in the source is not all known, and then it is' '
        mkdir -p s/no s/yes d/extra; echo 1 > s/yes/f; echo 2 > s/no/g; chmod 0 s/no; chown -R 65534:65534 .; spread_as() { as_nobody '"$SPREAD"' --arsync-cp $CP "$@"; }
        is=0; spread_as --mirror s d 2> err || is=$?; test $is = 1; test -e d/extra; grep -q "nothing was removed" err; chmod 755 s/no
        spread_as --mirror s d; test ! -e d/extra; diff -r s d'
else
    skip 'for a user who is not root' 'needs root'
fi
# as_python 'LINES' COMMAND...: arsync-spread, but that LINES of Python come before it. cut(N) in them
# kills it at the Nth unit, or `walked`, that it writes.
cat > "$WORK/as_python" << 'END'
#!/usr/bin/env python3
import os, runpy, shutil, sys
rename = os.rename
def cut(left):
    def renamed(old, new):
        nonlocal left
        left -= "/units/" in new or new.endswith("/walked")
        if left == 0:
            os._exit(99)
        rename(old, new)
    os.rename = renamed
exec(sys.argv[1])
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
END
# shellcheck disable=SC2317
spread_as_python() { local lines=$1; shift; python3 "$WORK/as_python" "$lines" "$SPREAD" --arsync-cp "$OURS" "$@"; }

holds 'a run that is killed at any unit is made up for by the next one' '
    mkdir -p s/in; bytes 2000000 x > s/big; echo 1 > s/in/f; is=99; for n in 1 2 3 4 5 6 7 8; do
        rm -rf d .d.arsync-spread; is=0; spread_as_python "cut($n)" --chunk=1M s d || is=$?; test $is = 99 || break
        touch .d.arsync-spread/units/9.new; spread --chunk=1M s d; identical s d
    done; test $is = 0; test $n -ge 6'
holds 'and so is one that is killed while it begins a large file anew' '
    mkdir s; bytes 2000000 x > s/big; echo 1 > s/f; spread --chunk=1M s d; cd .d.arsync-spread; end=$(grep -l kind=finish units/*); cd ..; for n in 1 2 3 4; do
        bytes 2000000 $n > s/big; sed -i "s/\"status\": 0,/\"status\": 1,/; s/\"summary\": .*/\"summary\": null}/" .d.arsync-spread/records/${end#units/}
        is=0; spread_as_python "cut($n)" --chunk=1M s d || is=$?; test $is = 99; spread --chunk=1M s d; identical s d; grep -l kind=range .d.arsync-spread/units/* | wc -l | grep -qx 2
    done'
holds 'a large file is not begun anew under the feet of a range that outlives its run, nor anything under those of the end' '
    mkdir s; bytes 2000000 x > s/big; spread --chunk=1M s d; end=$(grep -l kind=finish .d.arsync-spread/units/*); range=$(grep -l kind=range .d.arsync-spread/units/* | tail -n 1); bytes 2000001 y > s/big; for unit in ${range##*/} end; do
        rm -f .d.arsync-spread/records/${end##*/} .d.arsync-spread/records/end; exec 8> .d.arsync-spread/locks/$unit; flock 8; spread_alone --chunk=1M s d 2> err 8>&- & pid=$!; eventually "grep -q \"waiting for unit $unit of an earlier run\" err"
        test "$(stat -c %s d/big)" = "$(case $unit in end) echo 2000001 ;; *) echo 2000000 ;; esac)"; test -z "$(ls .d.arsync-spread/running)"; exec 8>&-; wait $pid; identical s d; done'
holds 'what SRC and DST are is asked before each unit, and when a run goes on' '
    mkdir s; echo 1 > s/f; echo 2 > s/g; spread --mirror s d; mv s away; mkdir s; rm .d.arsync-spread/records/end; refuses 2 "another identity of SRC" --mirror s d; diff -r away d
    rmdir s; mv away s; mv d away; refuses 2 "another identity of DST" --mirror s d; test ! -e d; mv away d
    if is_root && unshare -m true; then for x in s d; do for unit in end 1; do rm -f .d.arsync-spread/records/$unit; is=0; unshare -m sh -c "mount -t tmpfs none $x; sh .d.arsync-spread/unit.sh $unit" || is=$?
        test $is = 3; grep -q "DST\|SRC is not there" .d.arsync-spread/records/$unit; done; done; diff -r s d; fi
    spread --mirror s d; diff -r s d'
holds 'a state directory is no other directory, and is removed only as a whole' '
    mkdir -p s mine/walk; echo 1 > mine/thesis; echo 2 > mine/walk/x; echo 1 > s/f; for option in --restart -v; do refuses 2 "is no state directory" $option --state=mine s d; rm -f mine/thesis; done; test -e mine/walk/x
    refuses 2 "may not be in SRC or DST" --state=d/state s d; refuses 2 "may not be in SRC or DST" --state=s s d; spread s d; echo 22 > s/f
    for n in 1 3; do is=0; spread_as_python "
left = $n
rmtree = shutil.rmtree
def one(path):
    global left
    left -= 1
    os._exit(99) if left == 0 else rmtree(path)
shutil.rmtree = one" --restart s d || is=$?; test $is = 99; is=0; spread --status s d > out || is=$?; test $is = 3; grep -q "nothing was begun" out; spread s d; diff -r s d; echo 33$n > s/f; done'
holds 'the record of an old unit is not that of a new one with its number, and no run begins anew under its feet' '
    mkdir s; echo 1 > s/f; spread s d; echo 22 > s/f; sed -i "s/^id=.*/id=another/" .d.arsync-spread/units/1; spread s d; diff -r s d
    exec 8> .d.arsync-spread/locks/1; flock 8; refuses 3 "unit 1 of the earlier run is still running" --restart s d 8>&-; exec 8>&-
    cat > cp << "END"
#!/bin/sh
case $* in *--directories*) ;; *) echo >> "$STATE/../calls"; sed -i "s/^id=.*/id=again/" "$STATE/units/1" ;; esac
exec "$REAL" "$@"
END
    chmod +x cp; STATE=$PWD/.d.arsync-spread REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --restart s d; test "$(wc -l < calls)" = 2'
holds 'options of arsync-cp hold for all files, or are refused' '
    mkdir s d; truncate -s 65G s/big; echo newer > d/big; touch -d 2001-01-01 s/big; python3 - '"${SPREAD%/*}"' << "END"
import contextlib, io, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from spread.command import parse
def refused(*words):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            parse(["s", "d", *words])
        except SystemExit as end:
            return end.code == 2 and words[-1] in said.getvalue()
    return False
for option in ("-u", "-L", "-n", "-b", "--mirr", "--dur", "--help", "--exclude=x", "--bwlimit", "--durable=yes", "--json", "-Z"):
    assert refused("--", option), option
for option in ("--update", "--update=none", "--no-clobber", "--backup=numbered", "--suffix=.x", "--atomic", "--sparse=never"):
    assert refused("--chunk=1M", "--", option) and not refused("--", option), option
END
    spread s d -- --update --backup=numbered; grep -qx newer d/big; is=0; '"$SPREAD"' --arsync-cp /bin/true --restart s d 2> err || is=$?; test $is = 3; grep -q "has not said what it did" err'
holds 'what fpart does not tell is found: names that it may not look at, lists without a word, its exit status' '
    mkdir s bin; echo 1 > s/f; echo 2 > s/g; printf "%s\n" "#!/bin/sh" "\"$(command -v fpart)\" \"\$@\" > /dev/null" "exit \$STATUS" > bin/fpart; chmod +x bin/fpart; ( PATH=$PWD/bin:$PATH; STATUS=0 spread s d; diff -r s d; is=0; touch d/extra; STATUS=7 spread --restart --mirror s d 2> err || is=$?; test $is = 3; grep -q "exit status is 7" err
        is=0; spread --status s d > out || is=$?; test $is = 3; test -e d/extra; STATUS=0 spread --mirror s d; test ! -e d/extra )
    spread_as_python "
look = os.stat
def failing(name, **more):
    if name == b\"g\":
        raise OSError(5, \"\")
    return look(name, **more)
os.stat = failing" --restart s d2; diff -r s d2
    if is_root; then mkdir -p s/x/sub; echo 1 > s/x/h; ln s/x/h s/linked; echo 2 > s/x/sub/f; chmod 444 s/x; chown -R 65534:65534 .; is=0; as_nobody '"$SPREAD"' --arsync-cp $CP s d3 2> err || is=$?; test $is = 1; grep -q "x/h.*Permission denied" err; chmod 755 s/x; as_nobody '"$SPREAD"' --arsync-cp $CP s d3; diff -r s d3; test d3/linked -ef d3/x/h; fi'
holds 'a range has copied all its bytes, and what changes in the last moment is not taken for unchanged' '
    mkdir s; bytes 2000000 x > s/big; cat > cp << "END"
#!/bin/sh
case $* in
    *--range=1048576:*) [ "$MODE" != short ] || { shift; set -- --range=9000000:951424 "$@"; } ;;
    *--attributes-only*) [ "$MODE" != change ] || { yes y | head -c 2000000 > "$S/big"; } ;;
esac
exec "$REAL" "$@"
END
    chmod +x cp; run() { S=$PWD/s REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --chunk=1M s d -- --skip-unchanged; }; is=0; MODE=short run 2> err || is=$?; test $is = 3; grep -q "the source ends before the range" err
    is=0; MODE=change run 2> err || is=$?; test $is = 1; grep -q "the source has changed" err; test "$(stat -c %y s/big)" != "$(stat -c %y d/big)"; MODE= run; identical s d'
holds 'a list that fpart could not write whole is no list, and the next run walks again' '
    mkdir s bin; seq 30 | while read i; do echo $i > s/f$i; done; cat > bin/fpart << "END"
#!/bin/sh
real=$(PATH=$OLD_PATH command -v fpart); "$real" "$@" | while read -r number count; do [ $number != 2 ] || truncate -s -$CUT "$LISTS/list.2"; echo $number $count; done
END
    chmod +x bin/fpart; for cut in 1 30; do rm -rf d .d.*; is=0; ( export OLD_PATH=$PATH PATH=$PWD/bin:$PATH LISTS=$PWD/.d.arsync-spread/walk CUT=$cut; spread --files=10 --mirror s d 2> err ) || is=$?; test $is = 3; grep -q "list.2 is not whole" err
    is=0; spread --status --files=10 --mirror s d > out || is=$?; test $is = 3; spread --files=10 --mirror s d; diff -r s d; done'
holds 'a fault of the program is one line and status 3, and all of it if that is wanted' '
    mkdir s; echo 1 > s/f; fault="import fcntl; fcntl.flock = None"; is=0; spread_as_python "$fault" s d 2> err || is=$?; test $is = 3; test $(wc -l < err) = 1; grep -q "ARSYNC_SPREAD_DEBUG=1" err
    is=0; ARSYNC_SPREAD_DEBUG=1 spread_as_python "$fault" s d 2> err || is=$?; test $is = 3; grep -q "^Traceback" err; grep -q "in take_lock" err
    is=0; spread_as_python "
import subprocess
start = subprocess.Popen.__init__
def failing(self, command, **more):
    if command[0] == \"sh\":
        raise BlockingIOError(11, \"Resource temporarily unavailable\")
    start(self, command, **more)
subprocess.Popen.__init__ = failing" -j 2 s d 2> err || is=$?; test $is = 3; test "$(cat err)" = "arsync-spread: Resource temporarily unavailable"; spread s d; diff -r s d'
holds 'a signal at any time ends it in words, and a hangup only if it is wanted' '
    mkdir s; echo 1 > s/f; spread s d; for n in INT TERM HUP; do is=0; spread_as_python "
import os, shutil, signal
shutil.rmtree = lambda path: os.kill(os.getpid(), signal.SIG$n)" --restart s d 2> err || is=$?; test $is = $((128 + $(kill -l $n))); test "$(cat err)" = "arsync-spread: stopped; the same command goes on from here"; done
    spread_as_python "
import os, shutil, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
remove = shutil.rmtree
shutil.rmtree = lambda path, *more, **most: (os.kill(os.getpid(), signal.SIGHUP), remove(path, *more, **most))" --restart s d; diff -r s d'
if is_root && mkdir "$WORK/small" && mount_at "$WORK/small" -t tmpfs -o mode=700,size=4m none; then
    holds 'where the state directory is full a run ends with 3, nothing is removed, and with room it goes on' '
        mkdir s d; seq 300 | while read i; do echo $i > s/f-$i-$(printf %0100d 0); done; bytes 3000000 x > s/big; touch d/extra; for kb in 24 48 72 84 108; do
            rm -rf '"$WORK"'/small/state; mount -o remount,size=${kb}k '"$WORK"'/small; is=0; spread --state='"$WORK"'/small/state --files=50 --chunk=1M --mirror s d 2> err || is=$?; test $is = 3; test -e d/extra; grep -q "No space left on device\|is not whole" err
            mount -o remount,size=4m '"$WORK"'/small; spread --state='"$WORK"'/small/state --files=50 --chunk=1M --mirror s d; diff -r s d; rm -rf d; mkdir d; touch d/extra; done'
else
    skip 'a state directory that is full' 'needs root'
fi
holds 'the directories are done again after units that ran again' '
    mkdir -p s/in; echo 1 > s/in/f; touch -d 2001-01-01 s/in s; spread s d; rm d/in/f .d.arsync-spread/records/1; is=0; spread_as_python "
import subprocess
wait = subprocess.Popen.wait
def waited(self, timeout=None):
    wait(self, timeout)
    if self.args[0] == \"sh\":
        os._exit(99)
subprocess.Popen.wait = waited" s d || is=$?; test $is = 99; spread s d; identical s d'
holds 'other names of a large file wait for its end, and do not copy it whole' '
    mkdir -p s/in; bytes 2000000 x > s/big; ln s/big s/in/too; cat > cp << "END"
#!/bin/sh
case $* in *--range=1048576:*) exit 3 ;; esac
exec "$REAL" "$@"
END
    chmod +x cp; is=0; REAL=$CP '"$SPREAD"' --arsync-cp $PWD/cp --chunk=1M s d 2> err || is=$?; test $is = 3; test $(ls d/big d/in/too 2> /dev/null | wc -l) = 1; grep -q "(linked) .*: unit 1 has not ended," err; spread --chunk=1M s d; identical s d; test d/big -ef d/in/too
    mkdir e e/big e/in e/in/too; is=0; spread --chunk=1M s e 2> err || is=$?; test $is = 1; grep -q "unit 1 has not ended well" err; rmdir e/big e/in/too; rm s/big; spread --chunk=1M s e; diff -r s e; identical s/in e/in'
holds 'a large file that cannot be made leaves the rest whole, and is begun anew' '
    mkdir -p s/dir d/big; bytes 2000000 x > s/big; echo 1 > s/dir/f; chmod 751 s/dir; is=0; spread --chunk=1M s d 2> err || is=$?; test $is = 1; grep -q "cannot make a file of 2000000 bytes: File exists" err; test "$(stat -c %a d/dir)" = 751
    rmdir d/big; spread --chunk=1M s d; identical s d; rm .d.arsync-spread/records/*; grep -l kind=finish .d.arsync-spread/units/*; rm s/big .d.arsync-spread/units/$(basename $(grep -l kind=range .d.arsync-spread/units/* | head -n 1)); rm d/big; spread --chunk=1M s d; identical s d'
holds 'what is running ends when the run is stopped, even if it does not want to' '
    mkdir s; echo 1 > s/f; printf "%s\n" "#!/bin/sh" "trap \"\" TERM" "echo \$\$ > $PWD/pid" "exec sleep 1000" > cp; chmod +x cp; less=100; for how in --engine=local $(command -v parallel > /dev/null && echo --sshlogin=:); do
        ( exec python3 "$WORK/as_python" "
import subprocess
wait = subprocess.Popen.wait
subprocess.Popen.wait = lambda self, timeout=None: wait(self, timeout and timeout / $less)" "$SPREAD" --arsync-cp $PWD/cp $how s d ) & run=$!
        eventually "test -s pid"; kill -INT $run; eventually "! kill -0 $run"; is=0; wait $run || is=$?; test $is = 130; eventually "! kill -0 $(cat pid)"; rm pid; less=1 # it has a patience of its own
    done'
if command -v parallel > /dev/null; then
    holds 'GNU parallel sees no command in the name of a directory' '
        mkdir s; echo 1 > s/f; for d in "{= system(\"touch pwned\") =}" "a{}b {.} '"\\''"'c"; do spread --engine=parallel --sshlogin=: s "$d"; diff -r s "$d"; test -d ".$d.arsync-spread"; done; test ! -e pwned'
else
    skip 'arsync-spread by GNU parallel' 'parallel is not installed'
fi
holds 'what Slurm took is cancelled where it takes no more, and is waited for while it does not answer' '
    mkdir s bin; seq 6 | while read i; do echo $i > s/f$i; done; for x in sbatch squeue scancel scontrol; do printf "%s\n" "#!/bin/sh" "echo $x \$* >> $PWD/asked" "[ -e $PWD/$x ] && . $PWD/$x" > bin/$x; chmod +x bin/$x; done; PATH=$PWD/bin:$PATH
    echo "echo MaxArraySize = 1" > scontrol; echo "[ \$(grep -c ^sbatch $PWD/asked) = 1 ] && echo 71" > sbatch; is=0; spread --engine=slurm --files=2 s d 2> err || is=$?; test $is = 3; grep -qx "scancel 71" asked
    rm asked; echo "echo 72" > sbatch; echo "[ \$(grep -c ^squeue $PWD/asked) -gt 1 ]" > squeue; is=0; spread --engine=slurm --files=2 s d || is=$?; test $is = 3; test "$(grep -c ^squeue asked)" = 2
    rm asked; echo "touch $PWD/taken; sleep 2; echo 73" > sbatch; spread_alone --engine=slurm --files=2 s d & pid=$!; eventually "test -e taken"; kill -INT $pid; is=0; wait $pid || is=$?; test $is = 130; grep -qx "scancel 73" asked'
holds 'chunks are whole MiB' '
    mkdir s; echo 1 > s/f; spread --chunk=1000001 s d; grep -q "\"chunk\": 1048576," .d.arsync-spread/plan'
if is_root; then
    holds 'the state directory is of whoever runs it, and nobody else may write there' '
        mkdir s .d.arsync-spread; echo 1 > s/f; echo mine > victim; ln -s ../victim .d.arsync-spread/lock; chown -h 65534 .d.arsync-spread; refuses 3 "is another user" s d; chown 0 .d.arsync-spread; chmod 777 .d.arsync-spread; refuses 3 "others may write to it" s d
        chmod 700 .d.arsync-spread; refuses 3 "cannot use the state directory" s d; mv .d.arsync-spread real; ln -s real .d.arsync-spread; refuses 3 "cannot use the state directory" s d; grep -qx mine victim'
    holds 'for a user who is not root a read-only tree is gone on with at its top, too' '
        mkdir -p s d/f; echo 1 > s/f; bytes 2000000 x > s/big; chmod 555 s; chown -R 65534:65534 .; spread_as() { as_nobody '"$SPREAD"' --arsync-cp $CP --chunk=1M "$@"; }; mkdir d/big; is=0; spread_as s d || is=$?; test $is = 1; test "$(stat -c %a d)" = 555; rmdir d/f d/big; spread_as s d; identical s d'
fi
finish
