#!/usr/bin/env bash
# Many files are copied at once, and it comes out as if it had been one after the other.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

same 'what is said is in the order of the command line' '
    mkdir s d; for i in $(seq 1000); do bytes $((i * 37 % 9000)) $i > s/$i; done; rm s/*7; mkdir s/27 s/97
    for i in 3 13 23; do mkdir d/$i; done; bytes 20000000 b > s/1' '
    $CP -v $(seq -f "s/%g" 1000) d 2>&1 | sed "s/^arsync-cp/cp/"'
same 'a source that an earlier copy makes is the copy' 'mkdir d; echo 1 > x; ln -s d/x s; bytes 9000000 c > y; ln -s d/y t' '
    $CP -v x s d; $CP -v y t d; cmp y d/t; rm d/*; $CP -v y d/y t d'
same 'a source that an earlier copy overwrites has the new content' '
    mkdir d; bytes 9000000 d > x; bytes 9000000 e > d/x; ln d/x y; ln -s d/x z' '$CP -v x y z d; cmp d/y x'
same 'a destination that is an earlier source is overwritten after it was read' '
    mkdir d; bytes 9000000 f > x; bytes 5000 g > y; ln x d/y' '$CP -v x y d'
same 'two names of one destination get the last content' '
    mkdir d; bytes 9000000 h > x; bytes 700000 i > y; echo 1 > d/x; ln d/x d/y; echo z > z; ln -s x d/z' '$CP -v x y z d'
same 'a destination that is a symbolic link to an earlier one is written through' 'mkdir d; bytes 9000000 j > x; echo y > y; ln -s x d/y' '$CP -v x y d'
same 'a backup does not take away what is being read' 'mkdir d; bytes 9000000 k > d/x~; echo old > d/x; echo new > x; ln -s d/x~ s' '$CP -bv s x d; $CP -bv s x d'
same 'errors of different kinds keep their places' 'mkdir d e; echo 1 > a; echo 2 > b; ln -s /proc/self/mem m; mkdir d/b; ln -s zz d/a' '
    $CP a b m nope e a d; rm -f d/m; true'
same 'of the names of one file the first on the command line is copied, in a tree or not' '
    mkdir -p p/y/z q d; bytes 9000 m > p/y/z/x; ln p/y/z/x h; echo 2 > q/h; seq 300 | (cd p/y; xargs -I% ln z/x %)' '
    for i in $(seq 15); do $CP -a p h q/h d && rm -r d/*; $CP -a h p q/h d || rm -r d/*; done'
same 'a tree that is copied into the destination itself comes before or after what else is' '
    mkdir -p a/b b d; seq 300 | (cd a/b; split -l 1); (cd a/b; ls) | (cd b; xargs touch); bytes 9000000 a > a/f; cp a/f a/b/z; echo f > f' '
    $CP -r a/. f d; rm -r d/*; $CP -a b a/. d; rm -r d/*; $CP -r a/. b d; rm -r d/*; $CP -r a/f a/b/.. f d'
same 'what a tree overwrites under another name is read or written before or after' '
    mkdir -p c d/c; bytes 9000000 c > c/g; echo f > f; echo o > d/c/g; ln d/c/g d/f; ln d/c/g h; mkdir -p k d/k; bytes 9000000 k > k/g; ln -f d/c/g d/k/g' '
    $CP -r c f d; cat d/c/g; $CP -r c h d; cmp c/g d/h; rm d/h; $CP -r k d/c/g d; cmp d/g k/g; $CP -r k c d; cmp d/k/g c/g'
same 'what is overwritten under another name is read by a tree before or after' '
    mkdir -p c e/d d; bytes 9000000 c > c/g; bytes 9000000 f > f; ln c/g d/f; bytes 9000000 o > e/o; ln -s ../e/o d/o; bytes 3000000 o > o' '
    $CP -r f c d; cmp d/c/g f; $CP -r o e d; cmp d/e/o o'
same 'links to what -u leaves are made beside trees that are there' '
    mkdir -p a b d/a; seq 300 | (cd a; split -l 1); bytes 6000 a > a/z; ln a/z b/z; echo newer > d/a/z; touch -d "next year" d/a/z' '$CP -au a b d'
same 'a backup does not get the name of what is being made' '
    mkdir d; bytes 9000000 x > x~; bytes 9000000 y > x.~1~; echo x > x; echo o > d/x' '
    $CP -bv x~ x d; rm d/x?*; $CP -bv x.~1~ x d; rm d/*; echo o > d/x; $CP -v --backup=numbered x.~1~ x d'
same 'one name in two spellings is one destination' 'mkdir -p a d; bytes 9000000 x > a/x' '
    $CP --backup=numbered --parents a/x ./a/x a//x d; $CP -b --parents a//x a/./x a/x d'
if is_root; then
    same 'a directory on the way is told of once, whose owner it may not keep' '
        mkdir a; echo x > a/x; mkdir -m 777 d' 'as_nobody $CP -pv --parents a/x d'
    # cp closes them as soon as the first file is there, and fails at the second.
    holds 'directories that --parents makes closed are closed when all below them is done' '
        mkdir -pm 777 a d; (cd a; seq 100 | split -l 1); chmod 555 a
        as_nobody $CP -p --parents a/* d; diff -r a d/a; test $(stat -c %a d/a) = 555
        as_nobody mkdir e; (cd a; find . | as_nobody $CP -a --files-from=- . ../e); diff -r a e; rm -rf e/x*; test $(stat -c %a e) = 555'
else
    skip 'directories that --parents makes closed' 'needs root to become nobody'
fi
same 'one directory by two paths is one destination' '
    mkdir -p d l t/d; ln -s d t/l; bytes 40000000 x > d/f; bytes 9000000 y > l/f' '$CP --parents d/f l/f t'
holds 'names of a list that come slowly are copied as they come' '
    mkdir s; for i in 1 2 3 4; do echo $i > s/$i; done
    (printf "1\n2\n3\n"; for i in $(seq 100); do test -e d/2 && break; sleep .1; done; test -e d/2 && echo 4) | $CP --files-from=- s d; diff -r s d'
holds 'a failure that stops the copy is never exit status 0' '
    mkdir s d; for i in $(seq 300); do echo $i > s/$i; done; rm -f s/1; ln -s nowhere s/1
    $CP -aL --continue-on-error=no s/* d 2> err && false; grep -q "cannot stat .s/1." err'
holds '5,000 files in one command arrive whole' '
    mkdir s d; (cd s; seq 5000 | split -l 1 -a 4); ulimit -n 100; $CP s/* d; diff -r s d'
holds 'one large file among many small ones arrives whole' '
    mkdir s d; (cd s; seq 3000 | split -l 1 -a 4); bytes 50000000 l > s/a; $CP --jobs=4 s/* d; diff -r s d'
holds 'with few descriptors, durable copies and those below deep directories are fewer at a time' '
    deep=a/b/c/d/e/f/g/h; mkdir -p s/$deep d; for i in $(seq 300); do bytes 400000 $i > s/$deep/$i; done
    (cd s; find . -type f -printf "%P\n") > list
    for limit in 256 512 1024; do
        (ulimit -n $limit; $CP -a --durable --files-from=list s listed; $CP -a --durable s/$deep/* d); diff -r s listed; diff -r s/$deep d; rm -r listed d/*
    done'
holds 'a list that has too few descriptors ends' '
    mkdir -p s/a/b/c; echo x > s/a/b/c/f; (cd s; find .) > list
    for limit in 18 19; do (ulimit -n $limit; timeout 20 $CP -r --files-from=list s d 2> err || test $? = 1); rm -rf d; done'
finish
