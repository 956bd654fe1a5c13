#!/usr/bin/env bash
# Which source goes where, and what is said when that is not clear.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

same 'no operand is a mistake' '' '$CP'
same 'one operand is a mistake' '' '$CP a'
same 'one operand with -T is a mistake' '' '$CP -T a'
same 'a file is copied to a new name' 'echo x > a' '$CP a b'
same 'a file is copied over another' 'echo x > a; echo longer > b' '$CP a b'
same 'an empty file is copied' ': > a' '$CP a b'
same 'a file is copied into a directory' 'echo x > a; mkdir d' '$CP a d'
same 'several files are copied into a directory' 'echo x > a; echo y > b; mkdir d' '$CP a b d'
same 'several files need a directory' 'echo x > a; echo y > b' '$CP a b c'
same 'a file is no directory for several' 'echo x > a; echo y > b; echo z > c' '$CP a b c'
same '-t names the directory first' 'echo x > a; echo y > b; mkdir d' '$CP -v -t d a b'
same '-t takes one file' 'echo x > a; mkdir d' '$CP -vt d a'
same '-t wants operands' 'mkdir d' '$CP -t d'
same '-t wants a directory' 'echo x > a; echo y > f' '$CP -t f a'
same '-t wants a directory that is there' 'echo x > a' '$CP -t d a'
same '-t "" is no directory' 'echo x > a' '$CP -t "" a'
same '-t twice is a mistake' 'mkdir d e; echo x > a' '$CP -t d -t e a'
same '-t and -T exclude each other' 'mkdir d; echo x > a' '$CP -t d -T a; $CP -T -t d a'
same '-T takes two operands only' 'echo x > a' '$CP -T a b c'
same '-T does not copy into a directory' 'echo x > a; mkdir d' '$CP -T a d; $CP -vT a b'
same 'a slash after a new name is a mistake' 'echo x > a' '$CP a d/; $CP -T a d/; $CP -n a d/; $CP -u a d/'
same 'what is there is left alone by -n, a directory too' 'echo x > a; mkdir -p d/a s t/s/a; echo x > s/a' '
    $CP -n a d; $CP -nT a d; $CP -nT a d/; $CP -rn a d; $CP -rn s t; $CP -rnT s t/s'
holds '-n tells a script of what it leaves, and of what cannot be' 'echo x > a; mkdir -p d/a
    $CP -n --json a d | grep -q "\"outcome\":\"skipped\""
    $CP -n --json a b/ > told && exit 1
    grep -q "\"outcome\":\"failed\"" told'
same 'a slash after a file name is a mistake' 'echo x > a; echo y > f' '$CP a f/; $CP a f/x; $CP a/ b'
same 'a directory that is not there is named' 'echo x > a' '$CP a d/e'
same 'a directory with a slash after its name gives way to no file' 'echo x > a; mkdir d' '$CP -T a d/; $CP -fT a d//'
holds 'a dry run says of it what the copy says' '
    echo x > a; ln -s a l; mkfifo p
    for copy in "a d/" "-n a d/" "-T a d/" "-l a d/" "-s $PWD/a d/" "-P l d/" "-R p d/" "-b a d/" "--atomic a d/"; do
        first=0; second=0
        $CP $copy 2> real || first=$?; $CP --dry-run $copy 2> dry || second=$?
        test $first,$second = 1,1; diff real dry
    done'
same 'slashes after a directory are one' 'echo x > a; mkdir d' '
    $CP -v a d/; $CP -v a d//; $CP -v a ./d//; $CP -v a d/.; $CP -v a .//d; $CP -vt d// ./a'
same 'the target may be . or .. or /' 'mkdir -p p/q; echo x > p/q/a' '
    cd p/q && $CP -v a ..; $CP -v ../a ../..; $CP a .; $CP -v ../a ../../b'
same 'a source may have directories in its name' 'mkdir -p p/q d; echo x > p/q/a' '
    $CP -v p/q/a d; $CP -v p//q///a d; $CP -v ./p/q/../q/a .'
same 'a directory is left out' 'mkdir d; echo x > a' '
    $CP d e; $CP d a; $CP d/ e; $CP . d; $CP .. d; $CP / d; $CP d/. a; $CP d a d; $CP -n d a'
same 'a source that is not there is named' 'mkdir d' '$CP nope x; $CP "" x; $CP nope no d; $CP nope d'
same 'the empty name is no destination' 'echo x > a' '$CP a ""; $CP -T "" a; $CP a a ""'
same 'the others are copied if one fails' 'echo x > a; echo y > c; mkdir d e' '
    $CP -v a nope e c d'
holds 'names that end with NUL are not taken for lines' 'mkdir s d; echo x > s/a; echo y > s/b; printf "a\0b\0" > list
    $CP --files-from=list s d 2> err && false; grep -q "^arsync-cp: not a name below the source: " err; test -z "$(ls -A d)"
    $CP -0 --files-from=list s d; diff -r s d'
same '--strip-trailing-slashes takes them off' 'echo x > a; mkdir d; ln -s a l' '
    $CP -v --strip-trailing-slashes a/ b; $CP -v --strip-trailing-slashes a/// d
    $CP -v --strip-trailing-slashes d/ b; $CP -v --strip-trailing-slashes l/ d
    $CP -v --strip-trailing-slashes a/ a/// d; $CP --strip-trailing-slashes / b; $CP --strip-trailing-slashes /// d
    $CP --strip-trailing-slashes "" b; $CP --strip-trailing-slashes a y/'
same 'without it a slash makes a directory of the source' 'echo x > a; ln -s a l' '
    $CP a/ b; $CP l/ b'
same 'options may come last, unless POSIXLY_CORRECT' 'echo x > a; mkdir d' '
    $CP a d -v; POSIXLY_CORRECT=1 $CP a d -v; $CP a b -v; $CP -- -x b'
same 'a symbolic link to a directory is a target' 'echo x > a; mkdir d; ln -s d l' '
    $CP -v a l; $CP -v a l/; $CP -vT a l'
same 'a source that is a symbolic link is followed' 'echo x > a; ln -s a l; ln -s l ll; mkdir d' '
    $CP -v ll b; $CP -v l ll d'
same 'a symbolic link to nothing, or to itself, is no source' 'ln -s zz l; ln -s m m' '
    $CP l b; $CP m b'
n=$(printf '%0256d' 7)
same 'names that are too long are refused' 'echo x > a; mkdir d' "
    \$CP a $n; \$CP $n b; \$CP -t $n a; \$CP a a $n; \$CP a d/$n; \$CP a $n/"
n=${n#0}
same 'names of 255 bytes are copied' "echo x > $n; mkdir d" "\$CP -v $n d; \$CP -v $n d/a"
same 'a path of more than 4096 bytes is refused' 'echo x > a' '
    p=$(printf "%04000d" 0 | sed "s|0|./|g"); $CP a "$p"b; $CP "$p"a b'
holds 'a target of two slashes is shown with both' 'echo x > a; test "$($CP --dry-run a //)" = "'"'a' -> '//a'"'"; test "$($CP --dry-run -t // a)" = "'"'a' -> '//a'"'"'
finish
