#!/usr/bin/env bash
# Destinations that exist: -i, -n, -u, -f, --remove-destination.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

two='echo new > a; echo old > b'
same '-i asks, and no answer is a no' "$two" '$CP -i a b; $CP -iv a b < /dev/null'
same '-i whose answers cannot be read' "$two; mkdir d" '
    $CP -i a b <&-; echo $?; $CP -i a b < d; echo $?; $CP -i a new <&-; echo $?; $CP -ni a b <&-; echo $?'
same '-i takes y for a yes' "$two; mkdir d; echo 3 > d/a" '
    echo n | $CP -iv a b; echo yes | $CP -iv a b; echo Y | $CP -iv a b; printf y | $CP -iv a d
    echo " y" | $CP -iv a b; echo | $CP -iv a b'
same '-i asks for each file in turn' 'mkdir d; for f in 1 2 3 4; do echo new > $f; echo $f > d/$f; done; rm d/3' '
    printf "y\nn\ny\n" | $CP -iv 1 2 3 4 d'
same '-i asks only about what is there' 'echo x > a' '$CP -iv a b'
same '-i asks before it says that a directory is in the way' "$two; mkdir d" '
    $CP -iT a d; echo y | $CP -iT a d; echo y | $CP -i a a'
same '-i overrides -n before it, and -n overrides -i' "$two" '$CP -niv a b; $CP -inv a b'
same '-n leaves what is there, silently' "$two; mkdir d; ln a hard; ln -s a soft" '
    $CP -nv a b; echo $?; $CP -nv a new; $CP -n a a; echo $?; $CP -n a hard; $CP -n a soft; $CP -nT a d; $CP -nf a b'
same '-n creates nothing through a dangling symbolic link' 'echo x > a; ln -s zz l' '$CP -nv a l'
COMPARE='times'
old='echo new > a; touch -d 2001-01-01 a'
same '-u copies what is not there' "$old" '$CP -uv a b; touch -d 2001-01-01 b; $CP -uv a b'
same '-u leaves what is newer' "$old; echo newer > b; touch -d 2002-01-01 b; mkdir d" '
    $CP -uv a b; echo $?; $CP -uTv a d; echo $?'
same '-u replaces what is older' "$old; echo older > b; touch -d 2000-01-01 b" '$CP -upv a b'
same '-u looks at nanoseconds' '
    for i in 1 2 3; do echo new > $i; echo old > old$i; touch -d "2001-01-01 00:00:00.00000000$i" $i; done
    touch -d "2001-01-01 00:00:00.000000002" old?' '
    for i in 1 2 3; do $CP -upv $i old$i; done'
same '-u does not hide that it is the same file' "$old; ln a b" '$CP -u a a; $CP -u a b'
same '-u and -i ask only about what is older' "$old; echo 2 > b; echo 0 > c; touch -d 1999-01-01 c" '
    touch -d 2002-01-01 b; $CP -uiv a b; echo y | $CP -uipv a c'
COMPARE=
same '--remove-destination makes a new file' "$two; chmod 600 b; ln b c; ln -s b l" '
    $CP -v --remove-destination a b; $CP -v --remove-destination a l; $CP --remove-destination -v a new'
same 'the old file keeps its mode when it is overwritten' "$two; chmod 640 b; chmod 755 a" '$CP -v a b; $CP -fv a b'
same 'other links of the destination see the new content' "$two; ln b c; ln -s b l" '$CP -v a b; $CP -v a l'
same 'a directory in the way stays' 'echo x > a; mkdir -p d/a e' '
    $CP -v a d; $CP -fv a d; $CP --remove-destination -v a d; $CP -T -v a e; $CP -bTv a e'
same 'nothing is written through a dangling symbolic link' 'echo x > a; ln -s zz l; ln -s /no/zz m' '
    $CP -v a l; $CP -fv a l; $CP -uv a l; $CP -iv a l; $CP a m'
same 'unless POSIXLY_CORRECT is set' 'echo x > a; ln -s zz l' 'POSIXLY_CORRECT=1 $CP a l'
same '--remove-destination and -b replace a dangling symbolic link' 'echo x > a; ln -s zz l; ln -s zz m' '
    $CP -v --remove-destination a l; $CP -vb a m'
same 'a symbolic link to itself can only be replaced' 'echo x > a; for l in 1 2 3 4 5 6; do ln -s $l $l; done' '
    $CP -v a 1; $CP -fv a 2; $CP -v --remove-destination a 3; $CP -vb a 4; $CP -vn a 5; $CP -vi a 6'
# cp 9.1 replaces it, although -n is there to leave things alone.
holds '-n leaves a symbolic link to itself even with -f' 'echo x > a; ln -s l l; $CP -fn a l; test -L l'
same 'a program that runs can only be replaced' 'echo x > a; cp "$(command -v sleep)" s' '
    ./s 60 & eventually "test /proc/$!/exe -ef s"; $CP -v a s; $CP -fv a s; kill $!'
if is_root; then
    mine='echo new > a; echo old > b; chmod 444 b'
    same 'a file that may not be written cannot be overwritten' "$mine" '
        as_nobody $CP -v a b; as_nobody $CP -v a .'
    same '-f removes it' "$mine" 'as_nobody $CP -fv a b'
    same '--remove-destination removes it first' "$mine" 'as_nobody $CP -v --remove-destination a b'
    same '-i says that it is not writable' "$mine; chmod 4654 b" '
        as_nobody $CP -i a b; echo y | as_nobody $CP -iv a b; echo n | as_nobody $CP -ifv a b
        chmod 1007 b; as_nobody $CP -i --remove-destination a b; echo y | as_nobody $CP -ifv a b'
    same 'a directory that may not be written to is in the way' '
        echo x > a; mkdir d; echo old > d/b; chmod 444 d/b' '
        as_nobody $CP -v a d/b; as_nobody $CP -fv a d/b; as_nobody $CP -v --remove-destination a d/b
        as_nobody $CP -bv a d/b; as_nobody $CP -v a d/new; as_nobody $CP a d/no/x'
    same 'a directory that may not be searched is in the way' 'echo x > a; mkdir d; chmod 0 d' '
        as_nobody $CP a d; as_nobody $CP a d/y; as_nobody $CP a a d; as_nobody $CP -t d a; as_nobody $CP d/x y; as_nobody $CP d .'
    same 'a source that may not be read is named' 'echo x > a; chmod 0 a; echo y > b; chmod 666 b; mkdir d; chmod 777 d' '
        as_nobody $CP -v a new; as_nobody $CP -v a b; as_nobody $CP -v a d; as_nobody $CP -b a b
        as_nobody $CP -v a b d/c'
else
    skip 'what one may not read or write' 'needs root to become nobody'
fi
holds "an empty file over an empty one makes it new" ": > a; : > b; touch -d 2001-01-01 b; \$CP a b; test -z \"\$(find b ! -newermt 2001-01-02)\""
finish
