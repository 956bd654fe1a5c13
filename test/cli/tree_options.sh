#!/usr/bin/env bash
# Of trees: what cp has no or other words for. --parents, --exclude, --mirror, --files-from, --dry-run, --json ...
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SORT=1
tree='mkdir -p s/d/e t; echo 1 > s/f; echo 2 > s/d/g; echo 3 > s/d/e/h; chmod 700 s/d; chmod 751 s/d/e; ln -s d s/ld; ln -s s/d l'
same '--parents makes the directories on the way' "$tree" '
    $CP --parents -v s/d/e/h t; $CP --parents -v s/d/g s/f s/d/e/h t; $CP --parents -rv s/d/e t; $CP --parents -rv s t; $CP --parents -v -t t s/f; $CP --parents f t'
same '--parents with slashes, dots and links' "$tree; mkdir t2 t3 t4 t5" '
    $CP --parents -v s//d///g t; $CP --parents -rv s/d/ t2; (cd s && $CP --parents -v ./d/../d/g ../t3); $CP --parents -v s/ld/g l/e/h t4; $CP --parents -rv s/ld t5; $CP --parents -rLv s/ld t5; $CP --parents -v "$PWD/s/f" t3 > /dev/null; test -f "t3/$PWD/s/f" && rm -rf t3/*'
same '--parents and what is in the way' "$tree; mkdir t/s t2; echo x > t/s/d; echo y > t2/s" '$CP --parents -v s/d/g t; $CP --parents -v s/d/e/h t t2; $CP --parents s/f/x s/nope t; $CP --parents nope/a t; $CP -r --parents s t2'
if is_root; then
    same '--parents -v names no directory that it cannot make' "$tree; mkdir -p u/s; chmod 755 . t u u/s" '
        for o in -v -rv; do as_nobody $CP --parents $o s/f t; as_nobody $CP --parents $o s/f u; as_nobody $CP --parents $o s/d/e s/d/e/h u t; done; chmod 755 s/d; as_nobody $CP --parents -rv s/d/e s/d u'
else
    skip '--parents -v names no directory that it cannot make' 'needs root to become nobody'
fi
holds '--parents makes no link that would lead nowhere, nor a directory for it' "$tree"'
    for o in -sv -rsv "-sv --dry-run" "-sv --skip-unchanged"; do
        $CP --parents $o s/f t > out 2> err && false; grep -q "^s -> " out && false; test ! -e t/s
        test "$(cat err)" = "arsync-cp: t/s/f: can make relative symbolic links only in current directory"
    done
    $CP --parents -s "$PWD/s/f" t; cmp t/$PWD/s/f s/f; mkdir u; $CP --parents -rs "$PWD/s/d" u; test -L "u/$PWD/s/d/g"'
same '--parents -p leaves alone directories that were all there' "$tree; chmod 750 s; mkdir -p t/s/d t2/s/d; chmod 711 t/s t/s/d t2/s t2/s/d" '
    $CP --parents -p s/f s/d/g t; stat -c "%a %n" t/s t/s/d; $CP --parents -p s/d/g s/d/e/h t2; stat -c "%a %n" t2/s t2/s/d; touch -r s/d/g t/s; rm t/s/f; $CP --parents -p --preserve=timestamps s/f t; find t -newer s/d/g -name s'
same '--parents with -p and a umask' "$tree; chmod 2755 s; chmod 555 s/d; mkdir t2 t3" 'umask 077; $CP --parents -p s/d/e/h t; $CP --parents s/d/e/h t2; $CP -a --parents s/d/e t3; chmod 755 t*/s/d'
same '--strip-trailing-slashes' "$tree" '$CP -rv --strip-trailing-slashes l/ s/ld/ t; $CP -rv l/ t; $CP -rv l/. t'
if is_root && mkdir -p "$WORK/m" && mount_at "$WORK/m" -t tmpfs none; then
    export MOUNT=$WORK/m
    mkdir -p "$MOUNT/s/inner"
    mount_at "$MOUNT/s/inner" -t tmpfs -o mode=755 none && echo 1 > "$MOUNT/s/inner/f" && echo 2 > "$MOUNT/s/f"
    mounts=("${mounts[1]}" "${mounts[0]}")
    same '-x stays on one filesystem' '' '$CP -rxv $MOUNT/s t; $CP -axv $MOUNT/s u; $CP -rv $MOUNT/s v; $CP -rxv $MOUNT/s/inner w; $CP -x $MOUNT/s/inner/f x'
    holds 'what is listed is copied though the tree that it lies in left it out with -x' '
        mkdir t; printf "s\ns/inner\n" > list; for out in "" --exclude=zzz; do rm -rf t; $CP -rx $out --files-from=list $MOUNT t; test "$(cat t/s/inner/f t/s/f)" = "1
2"; done'
else
    skip '-x stays on one filesystem' 'needs to mount'
fi
same '-s of a tree with a relative name makes the directories, and complains' 'mkdir -p s/a/b t u v; echo 1 > s/f; echo 2 > s/a/g; ln -s f s/l; mkfifo s/p; mkdir -p e/a/b; chmod 750 e/a' '
    $CP -as e t; echo $?; $CP -rs e w; $CP -rsv s x; (cd t && $CP -rsv ../s .); $CP -rsT s v; $CP -rsLv s y; (cd u; cp -r ../s .; $CP -rsvT s .); $CP -asv $PWD/s z > /dev/null; rm -r z; echo > file; $CP -rsT s file'
SORT=

some='mkdir -p s/build s/src/build s/keep; for f in a.o a.c src/b.o src/b.c build/x src/build/y keep/k.o "#h" "!n"; do echo $f > "s/$f"; done'
files='(cd t && find . -type f -printf "%P\n" | sort | tr "\n" " ")'
export FILES=$files
holds '--exclude leaves out what matches' "$some"'
    $CP -r --exclude="*.o" s t; test "$(eval "$FILES")" = "!n #h a.c build/x src/b.c src/build/y "; rm -rf t
    $CP -r --exclude=/build --exclude="*.o" --include=k.o s t; test "$(eval "$FILES")" = "!n #h a.c keep/k.o src/b.c src/build/y "; rm -rf t
    $CP -r --include=k.o --exclude="*.o" --exclude=build/ s t; test "$(eval "$FILES")" = "!n #h a.c src/b.c "; rm -rf t
    $CP -r --exclude="#h" --exclude="\!n" --exclude="**/build" --exclude=keep s t; test "$(eval "$FILES")" = "a.c a.o src/b.c src/b.o "; rm -rf t'
holds '--exclude-from reads lines' "$some"'
    printf "# all but one\n*.o\n!k.o\n\nbuild/" > p; $CP -r --exclude-from=p s t; test "$(eval "$FILES")" = "!n #h a.c keep/k.o src/b.c "; rm -rf t
    $CP -r --exclude-from=- --include=x s t < p; test "$(eval "$FILES")" = "!n #h a.c keep/k.o src/b.c "
    printf "\357\273\277*.o\n" > bom; $CP -r --exclude-from=bom s m; test -z "$(find m -name "*.o")"; $CP -r --exclude=none --exclude-from=bom s m2; diff -r m m2
    printf "*.o" > unended; $CP -r --exclude-from=unended --exclude=none s m3; diff -r m m3
    $CP -r --exclude-from=nope s u 2> err && false; test "$(cat err)" = "arsync-cp: cannot read patterns from '\''nope'\'': No such file or directory"; test ! -e u
    $CP -r --exclude="$(printf "a\nb")" s u 2> err && false; test ! -e u'
holds 'what is named is not left out' "$some"'; mkdir t; $CP --exclude="*.o" s/a.o t; $CP -r --exclude=s s t; test -f t/a.o -a -f t/s/a.c'
holds '--mirror removes what the source has not, and only that' "$some"'
    mkdir -p t/old/deep t/src; echo x > t/old/deep/f; echo y > t/extra; echo z > t/src/b.o2; ln -s /etc t/link; echo o > t/x.o
    $CP -rvT --mirror --exclude="*.o" s t > out; test ! -e t/old -a ! -e t/extra -a ! -L t/link -a -e t/x.o -a ! -e t/src/b.o2 -a -e /etc/passwd; grep -qx "removed .t/old." out; grep -qx "removed .t/link." out
    $CP -aT --mirror s t; rsync -naiHAX --delete s/ t/ > out; test ! -s out'
holds '--mirror of what lies below the destination is refused' '
    mkdir -p t/s/d; echo x > t/s/d/f; echo y > t/other; for dry in "" --dry-run; do $CP -rT --mirror $dry t/s t 2> err && false; test "$(cat err)" = "arsync-cp: cannot mirror '\''t/s'\'' to '\''t'\'': they have a directory in common"; test "$(cd t && find . -type f | sort | tr "\n" " ")" = "./other ./s/d/f "; done'
holds '--mirror that follows a link into its destination removes nothing there' '
    fresh() { rm -rf s d; mkdir -p s/x s/y d/x d/keep/sub; echo p > d/keep/sub/p; echo q > d/x/file; echo 1 > s/x/1; }
    whole() { test "$(cat d/keep/sub/p d/x/file)" = "p
q"; }
    fresh; ln -s ../d/keep s/l; for dry in --dry-run "" --exclude=p; do $CP -rLT --mirror $dry s d 2> err && false; test $(wc -l < err) = 1; whole; done
    fresh; ln -s ../../d/x/file s/x/m; ln -s ../../d/x/file s/y/m; $CP -rLT --mirror s d 2> err && false; test $(wc -l < err) = 2; whole
    fresh; ln -s ../../d/keep/sub/p s/y/m; $CP -rLT --mirror s d 2> err && false; whole
    fresh; mkdir o; echo 2 > o/2; ln -s ../../o s/y/o; ln -s ../o/2 s/2; $CP -rLT --mirror s d; diff -r s d; test ! -e d/keep'
holds '--mirror of several sources to one place is refused before anything is done' '
    mkdir -p a b/sub b/a t/extra; echo 1 > a/1; echo 2 > b/2; echo f > f; touch sub
    for sources in "a/. b/." "a/. b" "b a/." "f a/." "a b/a" "a ./a/" "--parents b b/a"; do $CP -r --mirror $sources t 2> err && false; grep -q "^arsync-cp: with --mirror, .* cannot both be copied to " err; test $(wc -l < err) = 1; test "$(ls t)" = extra; done
    mkdir -p t/a/old; $CP -r --mirror a b f t; test "$(ls t | tr "\n" " ")" = "a b extra f "; test ! -e t/a/old; $CP -r --mirror --parents b/a b/sub t; test -d t/b/sub'
holds '--mirror removes nothing where the source could not be listed' "$some"'
    if [ $(id -u) = 0 ]; then cp -r s t; echo x > t/src/extra; rm t/a.c; chown -R 65534 s t; chmod 300 s/src; chmod 777 .; as_nobody $CP -rT --mirror s t 2> err && false; grep -q "cannot access .s/src.: Permission denied" err; test -e t/src/extra -a -e t/src/b.c -a -e t/a.c; chmod 700 s/src; fi'
holds '--skip-unchanged copies what differs in size or time, and no more' "$some"'
    $CP -a s t; find t -type f -printf "%p %i %C@\n" | sort > before; echo longer > s/a.c; touch -d 2001-01-01 s/src/b.c; chmod 600 s/a.o; rm t/a.o; sleep .02; $CP -avT --skip-unchanged s t > out
    test "$(sort out | tr "\n" " ")" = "'\''s/a.c'\'' -> '\''t/a.c'\'' '\''s/a.o'\'' -> '\''t/a.o'\'' '\''s/src/b.c'\'' -> '\''t/src/b.c'\'' "; rsync -naiHAX --checksum s/ t/ > out; test ! -s out
    find t -type f -printf "%p %i %C@\n" | sort > after; comm -12 before after | cut -d " " -f 1 > unchanged; test "$(tr "\n" " " < unchanged)" = "t/!n t/#h t/build/x t/keep/k.o t/src/b.o t/src/build/y "
    $CP -av --skip-unchanged s/a.c t > out; test ! -s out; touch s/a.c; $CP -av --skip-unchanged s/a.c s/a.o t > out; test $(wc -l < out) = 1'
holds '--dry-run knows what it would have made, and what could not be' '
    mkdir a b d; echo 1 > a/x; echo 2 > b/x; ln -s nope l
    for o in -v -bv -nv "-v --backup=t"; do
        $CP --dry-run $o a/x b/x d > dry 2> dry.err && was=0 || was=$?; test ! -e d/x
        $CP $o a/x b/x d > real 2> real.err && now=0 || now=$?; rm -f d/*; cmp dry.err real.err; test $was = $now; sed "s/ (backup.*//" real | cmp dry
    done
    for o in "" --dry-run --skip-unchanged "--skip-unchanged --dry-run"; do
        $CP $o a/x l 2> err && false; grep -qx "arsync-cp: not writing through dangling symlink .l." err; test ! -e nope
    done
    POSIXLY_CORRECT=1 $CP --dry-run a/x l; test ! -e nope; POSIXLY_CORRECT=1 $CP --skip-unchanged a/x l; cmp nope a/x'
if is_root; then
    export RELUCTANT='rm -rf b s d; mkdir -p s d/s; echo 2 > b; echo 3 > s/b; echo 4 > s/c; cp -r s/* d/s; chmod 777 d d/s; chmod 666 d/s/c; chmod 444 b d/s/b; touch -d 2000-01-01 b d/s/*'
    holds '--dry-run tells of what -f would remove, and without it of what cannot be written' '
        echo 1 > a; for o in -f -v -fu --attributes-only; do for from in "-T a b" "-r s d"; do
            eval "$RELUCTANT"; find . -printf "%p %T@ %C@ %s\n" | sort > ../before
            as_nobody $CP -v --dry-run $o $from 2>&1 | sort > ../dry; find . -printf "%p %T@ %C@ %s\n" | sort | cmp - ../before
            case $o in -f*) grep -q "^removed .*b.$" ../dry ;; *) grep -q "^arsync-cp: cannot create regular file .*b.: Permission denied$" ../dry ;; esac
            as_nobody $CP -v $o $from 2>&1 | sort | cmp - ../dry; done; done; rm ../before ../dry'
else
    skip '--dry-run tells of what -f would remove' 'needs root to become nobody'
fi
holds '--dry-run says what would be done and does nothing' "$some"'
    mkdir t; echo old > t/a.c; echo x > t/extra; find . -printf "%p %T@ %C@ %s\n" | sort > ../before; $CP -a --dry-run --mirror -T s t > ../out; $CP --dry-run s/a.c s/a.o t >> ../out; $CP --dry-run --remove-destination s/a.c t >> ../out; $CP -b --dry-run s/a.c t >> ../out; $CP --dry-run -r s new >> ../out
    $CP --dry-run -l s/a.c new; $CP --dry-run -p --preserve=links s/a.c s/a.o t > /dev/null; $CP --dry-run nope t 2> ../err && false; grep -q "cannot stat" ../err
    find . -printf "%p %T@ %C@ %s\n" | sort | cmp - ../before; grep -qx "removed .t/extra." ../out; grep -qx ".s/src/b.c. -> .t/src/b.c." ../out; grep -qx ".s/a.c. -> .t/a.c. (backup: .t/a.c~.)" ../out; grep -qx ".s. -> .new." ../out'
holds 'of several --update the last one counts, and -i asks all the same' '
    mkdir s t; echo new > s/f; old() { echo old > t/f; touch -d 2001-01-01 t/f; }
    for r in "s/f t" "-rT s t"; do
        old; $CP -i --update=older $r < /dev/null 2> err; grep -q "overwrite .t/f" err; grep -q old t/f; $CP --update=older -i $r < /dev/null 2> err; grep -q old t/f; echo y | $CP -i --update=older $r 2> err; grep -q new t/f
        old; touch t/f; touch -d 2001-01-01 s/f; $CP -i -u $r < /dev/null 2> err; test ! -s err; touch s/f
        old; $CP --update=none -u $r; grep -q new t/f; old; $CP -u --update=none $r; grep -q old t/f; $CP --update=none --update=all $r; grep -q new t/f; old; $CP -n -u $r; grep -q old t/f; $CP -n --update=all $r; grep -q old t/f; $CP -n -i $r < /dev/null 2> err; grep -q overwrite err; $CP -i -n $r; grep -q old t/f
    done'
holds '--update=none-fail leaves what is there, and says so' '
    mkdir -p s/d t/d; echo 1 > s/f; echo 2 > s/d/g; echo 3 > s/n; ln -s f s/l; mkdir t/l; echo old > t/f; echo old > t/d/g
    $CP --update=none-fail s/f t 2> err && false; test "$(cat err)" = "arsync-cp: not replacing '\''t/f'\''"; grep -q old t/f; $CP --update=none-fail s/n u; cmp s/n u
    for o in "" -f --remove-destination -p -l; do $CP -rT $o --update=none-fail s t 2> err && false; sort err > sorted; printf "arsync-cp: not replacing '\''t/%s'\''\n" d/g f l | if [ -e t/n.seen ]; then { cat; echo "arsync-cp: not replacing '\''t/n'\''"; }; else cat; fi | cmp - sorted; touch t/n.seen; cmp s/n t/n; grep -q old t/f; grep -q old t/d/g; done
    $CP --update=none-fail s/f s/f 2> err && false; grep -q "not replacing .s/f." err; $CP -n --update=none-fail s/f t; for o in -b --atomic "-r --mirror"; do $CP $o --update=none-fail s/f t 2> err && false; grep -q none-fail err; done; grep -q old t/f
    printf "f\nn\n" > list; $CP --update=none-fail --files-from=list s t 2> err && false; grep -q "not replacing .t/f" err; $CP --dry-run --update=none-fail s/f t 2> err && false; grep -q "not replacing" err'
holds '--update=none, older and all' 'mkdir s t; echo 1 > s/f; echo old > t/f; $CP --update=none s/f t; grep -q old t/f; $CP -rT --update=none s t; grep -q old t/f; touch -d 2001-01-01 s/f; $CP --update=older s/f t; $CP -rT --update=older s t; grep -q old t/f; $CP -u --update=all s/f t; grep -q 1 t/f; $CP -n --update=all s/f t'
holds '--atomic and -b: the old file has a second name' "$some"'
    cp -r s t; echo old > t/a.c; ln t/a.c second; ln -sf nowhere t/src/b.c; $CP -rT --atomic -b s t; diff s/a.c t/a.c; test t/a.c~ -ef second; test "$(readlink t/src/b.c~)" = nowhere; test ! -L t/src/b.c; $CP -rT --atomic --backup=t s t; test -e t/a.c.~1~
    rm -rf t; mkdir t; mkfifo t/a.c p; $CP -rT --atomic s t; cmp s/a.c t/a.c; $CP --atomic s/a.c p 2> err && false; test -p p'
if is_root; then
    holds 'a durable tree needs no directory on the way that may be listed' '
        mkdir -p s/p/q/top d; echo x > s/p/q/top/f; chown -R nobody s d; chmod 333 d
        cd s; as_nobody $CP -rp --durable --parents p/q/top ../d; test "$(cat ../d/p/q/top/f)" = x'
    holds '--mirror leaves a bind mount, though it is of the same file system' 'mkdir -p s precious t/extra/m; echo x > precious/f; mount --bind precious t/extra/m
        $CP -rT --mirror s t 2> err && rc=0 || rc=1; umount t/extra/m; test $rc = 1; test -e precious/f; in_words_of_cp err; grep -q "Device or resource busy" err'
else
    skip '--mirror leaves a bind mount' 'needs root'
fi
holds '--dry-run of a list knows that a directory which would be made is empty' '
    mkdir -p s/B d; echo 1 > s/B/b; printf "B/b\nB\n" > list; $CP -r -n --dry-run --files-from=list s d; test ! -e d/B'
holds '--files-from copies nothing twice, whatever else is left out' '
    mkdir -p s/d/e; echo f > s/d/f; echo g > s/d/e/g; printf "d\nd/f\nd/e/g\n" > list
    for out in "" --exclude=zzz --exclude=/f/; do rm -rf t; $CP -r -b $out --files-from=list s t 2> err && false; test $(grep -c "just-created" err) = 2; diff -r s t; done
    for out in --exclude=/e --exclude=g; do rm -rf t; $CP -r -b $out --files-from=list s t 2> err && false; test $(grep -c "just-created" err) = 1; diff -r s t; done'
holds '--files-from copies what is listed to the same places' "$some"'
    printf "a.c\nsrc/b.c\n\n/keep/\n./src/build/y\nkeep/k.o" > list; $CP --files-from=list s t; test "$(eval "$FILES")" = "a.c keep/k.o src/b.c src/build/y "; rm -rf t
    printf "src\nkeep\n" > list; $CP --files-from=list -v s t | sort > out; test "$(cat out)" = "$(printf "'\''s/keep'\'' -> '\''t/keep'\''\n'\''s/src'\'' -> '\''t/src'\''")"; test -z "$(cd t && find . -type f)"; rm -rf t
    $CP -r --files-from=list s t; test "$(eval "$FILES")" = "keep/k.o src/b.c src/b.o src/build/y "; rm -rf t
    (cd s && find . -type f -print0) | $CP -a -0 --files-from=- -t t s; (cd s && find . -type d) | $CP -a --files-from=- s t; diff -r s t'
holds '--files-from makes FIFOs anew, and writes to none, with and without -r' '
    mkdir s; mkfifo s/p; echo 1 > s/f; printf "p\nf\n" > list
    for o in -v -p -L -d -r -a; do timeout 60 $CP $o --files-from=list s t$o; test -p t$o/p; cmp s/f t$o/f; done
    mkdir t; mkfifo t/f; timeout 60 $CP --files-from=list s t 2> err && false; test $? != 124; grep -q "t/f" err; test -p t/f; test -p t/p'
holds '--files-from tells of what is not there, and goes on' "$some"'
    printf "nope\na.c\n../s/a.o\nsrc/no/x\na.o\n" > list; $CP --files-from=list s t 2> err && false; test "$(eval "$FILES")" = "a.c a.o "; test $(wc -l < err) = 3; grep -qx "arsync-cp: cannot stat .s/nope.: No such file or directory" err; grep -q "not a name below the source: .\.\./s/a.o." err
    $CP --files-from=none s t 2> err && false; grep -q "cannot open .none. for reading" err; $CP --files-from=list nope t 2> err && false; $CP --files-from=list s 2> err && false; $CP --files-from=list s t t 2> err && false; true'
holds '--files-from makes no directory before it has found the source and the list' "$some"'
    echo a.c > list; $CP --files-from=none s t 2> err && false; test ! -e t; $CP --files-from=list nope t 2> err && false; grep -q "source directory .nope." err; test ! -e t
    $CP --files-from=list --dry-run s t > out; test "$(cat out)" = "'\''s/a.c'\'' -> '\''t/a.c'\''"; test ! -e t; $CP --files-from=list --dry-run -t t s > out2; cmp out out2
    $CP -T --files-from=list s t; cmp s/a.c t/a.c; $CP -T --files-from=list s list 2> err && false; grep -q "target directory .list.: Not a directory" err; $CP -T -t t --files-from=list s 2> err && false; grep -q "cannot combine" err'
holds '--files-from follows no symbolic link on the way, nor writes through one' '
    mkdir -p s/d out t; echo 1 > s/d/g; echo 2 > s/f; echo secret > out/h; ln -s ../out s/l; ln -s d s/in; ln -s ../out t/d; ln -s ../out/h t/f; printf "l/h\nin/g\nd/g\nf\nl\n" > list
    for dry in --dry-run ""; do $CP $dry -a --files-from=list s t > /dev/null 2> err && false; sort err > sorted; printf "%s\n" "arsync-cp: '\''t/d'\'' exists but is not a directory" "arsync-cp: cannot copy '\''s/in/g'\'' through the symbolic link '\''s/in'\''" "arsync-cp: cannot copy '\''s/l/h'\'' through the symbolic link '\''s/l'\''" | cmp - sorted; done
    test "$(cat out/*)" = secret; test "$(ls t | tr "\n" " ")" = "d f l "; test ! -L t/f; cmp s/f t/f; test "$(readlink t/l)" = ../out
    $CP -L --files-from=list s u; cmp out/h u/l/h; cmp s/d/g u/in/g; $CP -a --keep-directory-symlink --files-from=list s t 2> err && false; cmp s/d/g out/g; rm t/d; ln -s nowhere t/d; $CP --files-from=list s t 2> err && false; grep -q "^arsync-cp: .t/d. exists but is not a directory" err
    mkdir -p h/a h/b; echo x > h/a/1; ln h/a/1 h/b/2; printf "a/1\nb/2\n" | $CP -a --files-from=- h v; test v/a/1 -ef v/b/2; printf "d/none\n" | $CP -a --files-from=- s w 2> err && false; test $(stat -c %a w/d) = 755; test $(wc -l < err) = 1'
holds '--files-from follows what is named, but nothing on the way, unless -L says so' '
    mkdir -p s/d out; echo secret > out/h; ln -s ../out s/l; echo x > s/d/f; ln -s d/f s/g; ln -s d s/e; printf "l/h\nd/f\ng\ne/f\n" > list
    for o in -v -p -f -l --preserve=all -rl; do $CP $o --files-from=list s "t$o" > /dev/null 2> err && false; sort err > sorted; printf "%s\n" "arsync-cp: cannot copy '\''s/e/f'\'' through the symbolic link '\''s/e'\''" "arsync-cp: cannot copy '\''s/l/h'\'' through the symbolic link '\''s/l'\''" | cmp - sorted; test -f "t$o/g"; test ! -L "t$o/g"; cmp s/d/f "t$o/d/f"; test ! -e "t$o/l"; test ! -e "t$o/e"; done
    for o in -d -P -a -r; do $CP $o --files-from=list s "t$o" 2> /dev/null && false; test "$(readlink "t$o/g")" = d/f; test ! -e "t$o/l"; done; $CP -L --files-from=list s t; cmp out/h t/l/h'
twice='mkdir -p s/d/e t/d; echo 1 > s/d/f; echo 2 > s/d/g; echo 3 > s/d/e/h; echo old > t/d/f'
refused="arsync-cp: will not overwrite just-created 't/d/f' with 's/d/f'"
holds '--files-from: a name that comes again is refused, and the backup is of the old file' "$twice"'
    for list in "d/f\nd/f" "d/f\n./d//f/" "d/f\nd/g\nd/f"; do for o in -b -rb -ab --backup=simple; do
        printf "$list" > list; $CP $o --files-from=list s t 2> err && false; test "$(grep -c "will not overwrite just-created" err)" = 1; test $(wc -l < err) = 1
        grep -q old t/d/f~; cmp s/d/f t/d/f; rm -r t; mkdir -p t/d; echo old > t/d/f
    done; done
    printf "d/f\nd/f\n" > list; $CP -n --files-from=list s t; grep -q old t/d/f; $CP --backup=t --files-from=list s t; grep -q old t/d/f.~1~; cmp s/d/f t/d/f.~2~; cmp s/d/f t/d/f'
holds '--files-from: a directory and what is in it, in any order, are copied once' "$twice"'
    printf "d\nd/f\n" > list; $CP -rb --files-from=list s t 2> err && false; test "$(cat err)" = "'"$refused"'"; grep -q old t/d/f~; diff -r -x "*~" s t; rm -r t; mkdir -p t/d; echo old > t/d/f
    printf "d/f\nd/e\nd\n" > list; $CP -rb --files-from=list s t 2> err && false; grep -qxF "'"$refused"'" err; grep -q "warning: source directory .s/d/e. specified more than once" err; grep -q old t/d/f~; diff -r -x "*~" s t; test ! -e t/d/e/h~
    printf "d\nd/f\nd\nd/e\nd/e/h\n" > list; $CP -a --files-from=list s u 2> err; grep -q "warning: source directory .s/d. specified" err; test ! -e u/d/g; cmp s/d/e/h u/d/e/h
    printf ".\nd/g\n" > list; $CP -r --files-from=list s v 2> err && false; diff -r s v; n=$(printf "x?\n[y]"); echo n > "s/$n"; echo n > "s/x1 [y]"; (cd s; printf "%s\0.\0" "$n") > list; $CP -r -0 --files-from=list s w 2> err && false; diff -r s w'
holds '--files-from: names that come again do not depend on the workers' "$twice"'
    for i in 1 2 3 4 5 6 7 8; do printf "d/f\nd/f\nd/g\nd\n" > list; $CP -rb --jobs=8 --files-from=list s t 2> err && false; grep -q old t/d/f~; test "$(grep -c just-created err)" = 3; rm -r t; mkdir -p t/d; echo old > t/d/f; done'
holds '--files-from: names with newlines, and many of them' '
    mkdir -p s/d; n=$(printf "a\nb\377"); echo x > "s/$n"; (cd s/d && seq -f "f%g" 3000 | xargs touch); (cd s; find . -type f -print0) > list; $CP -p -0 --files-from=list s t; diff -r s t'
holds '--continue-on-error=no stops at the first failure' '
    mkdir t; for i in $(seq 500); do echo $i > f$i; done; $CP --continue-on-error=no f1 nope f2 t 2> err && false; test $(wc -l < err) = 1; test ! -e t/f2
    $CP --continue-on-error=yes f1 nope f2 t 2> err && false; cmp f2 t/f2; mkdir -p s; cp f* s; mkdir -p u/s/f250; $CP -r --continue-on-error=no s u 2> err && false; test $(grep -c "cannot overwrite directory" err) = 1'
holds '--bwlimit keeps to its rate' 'bytes 3000000 x > a; mkdir s; cp a s/1; cp a s/2; start=$(date +%s%N); $CP -r --reflink=never --bwlimit=4M s t; end=$(date +%s%N); diff -r s t; test $(((end - start) / 1000000)) -ge 900'
holds '--keep-directory-symlink goes into a link to a directory' '
    mkdir -p s/d/e real t; echo 1 > s/d/f; echo 2 > s/d/e/g; ln -s ../real t/d; $CP -rT s t 2> err && false; test "$(cat err)" = "arsync-cp: cannot overwrite non-directory '\''t/d'\'' with directory '\''s/d'\''"; test -z "$(ls real)"
    $CP -rT --keep-directory-symlink s t; cmp s/d/e/g real/e/g; test -L t/d; ln -s real l; $CP -r --keep-directory-symlink -T s/d l; ln -s nowhere t/x; mkdir s/x; $CP -rT --keep-directory-symlink s t 2> err && false; grep -q "cannot overwrite non-directory .t/x." err'
if command -v python3 > /dev/null; then
    export PARSE='import json, sys; lines = [json.loads(line) for line in sys.stdin.buffer]; summary = lines[-1]; entries = {l["destination"]: l for l in lines if l["type"] not in ("tree", "summary")}; trees = [l for l in lines if l["type"] == "tree"]'
    holds '--json gives an object an entry, one a tree, and a last one' '
        mkdir -p s/d; echo one > s/f; ln s/f s/hard; ln -s f s/l; mkfifo s/p; echo x > "s/d/$(printf "\377")"; mkdir -p t/s; echo y > t/s/extra; mkdir t/s/hard2; $CP -a --json --mirror s t > out
        python3 -c "$PARSE
assert entries[\"t/s\"][\"outcome\"] == \"entered\" and entries[\"t/s/d\"][\"outcome\"] == \"made\" and entries[\"t/s/d\"][\"type\"] == \"directory\", entries
assert sorted([entries[\"t/s/f\"][\"outcome\"], entries[\"t/s/hard\"][\"outcome\"]]) == [\"copied\", \"linked\"]
assert entries[\"t/s/l\"][\"type\"] == \"symbolic-link\" and entries[\"t/s/p\"][\"type\"] == \"special\" and entries[\"t/s/extra\"][\"outcome\"] == \"removed\"
assert [bytes.fromhex(e[\"destination_hex\"]) for e in entries.values() if \"destination_hex\" in e] == [b\"t/s/d/\\xff\"]
assert len(trees) == 1 and trees[0][\"source\"] == \"s\" and trees[0][\"copied\"] == 2 and trees[0][\"removed\"] == 2, trees
assert summary[\"copied\"] == 2 and summary[\"linked\"] == 1 and summary[\"symbolic_links\"] == 1 and summary[\"specials\"] == 1 and summary[\"entries\"] == 7 and summary[\"directories\"] == 2 and summary[\"exit_status\"] == 0, summary
" < out'
    holds '--json and --dry-run tell of the backups in a tree' '
        mkdir -p s t/s; for f in f g h; do echo new > s/$f; done; for f in f g f.~1~; do echo old > t/s/$f; done
        for kind in simple existing numbered; do $CP -r --backup=$kind --dry-run s t | sort > dry; cp -r t was; $CP -rv --backup=$kind s t | sort > real; cmp dry real; rm -r t; mv was t; done
        $CP -r --json --backup s t > out; python3 -c "$PARSE
assert [entries[\"t/s/\" + f].get(\"backup\") for f in \"fgh\"] == [\"t/s/f.~2~\", \"t/s/g~\", None], entries" < out'
    holds '--json tells of entries that failed' '
        mkdir -p s/f t/s/g t/s/f; echo 1 > s/g; echo 2 > s/h; $CP -r --json s t > out 2> err && false; python3 -c "$PARSE
assert entries[\"t/s/g\"][\"outcome\"] == \"failed\" and entries[\"t/s/g\"][\"message\"].startswith(\"cannot overwrite directory\") and trees[0][\"errors\"] == 1 and trees[0][\"outcome\"] == \"failed\" and summary[\"failed\"] == 1 and summary[\"exit_status\"] == 1" < out'
    cat > "$WORK/terminal.py" << 'END'
import fcntl, os, pty, struct, subprocess, sys, termios, time
master, slave = pty.openpty()
size = lambda columns: fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
size(80)
child = subprocess.Popen(sys.argv[1:], stderr=slave)
drawn, began, resized = b"", time.time(), False
os.set_blocking(master, False)
while child.poll() is None:
    time.sleep(0.02)
    try:
        drawn += os.read(master, 65536)
    except BlockingIOError:
        pass
    if not resized and time.time() - began > 0.6:
        size(40)
        resized = True
        drawn += b"\r<resized>"
try:
    drawn += os.read(master, 65536)
except OSError:
    pass
sys.stdout.buffer.write(drawn)
sys.exit(child.returncode)
END
    export TERMINAL=$WORK/terminal.py
    holds '--progress of a tree keeps to the terminal, even when it is resized' '
        mkdir -p s; for i in $(seq 60); do mkdir s/$i; for j in 1 2 3; do bytes 30000 x > s/$i/$j; done; done; python3 "$TERMINAL" $CP -r --progress --reflink=never --bwlimit=3M s t > drawn; diff -r s t
        tr "\r" "\n" < drawn | sed "s/\x1b\[K//" > lines; awk "length > 79 { bad = 1 } END { exit bad }" lines; sed "1,/<resized>/d" lines | tail -n +3 | awk "length > 39 { bad = 1 } END { exit bad }"
        grep -q "files .*/s" lines; tail -n 3 lines | grep -q "100%  5.1M/5.1M  2[0-9][0-9]/2[0-9][0-9] files"'
else
    skip '--json of trees' 'needs python3 to read it'
fi
finish
