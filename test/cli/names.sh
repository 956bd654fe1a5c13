#!/usr/bin/env bash
# Names in messages are quoted as cp quotes them, and nothing unprintable reaches the terminal.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC1003,SC1112 # odd names are the point
names=(
    'a b' "it's" '"q"' "it's \"q\"" $'new\nline' $'\n' $'tab\tx' $'\001' $'\177' $'\377' $'a\377b'
    'é' $'€\377' '$x' '`x`' '~' '~a' 'a~' '#x' 'a#' '\' 'a\b' '!' '*' '?' '[x]' '{a}' '{' '}' 'a;b'
    'a=b' '' '-' "'" "''" $'\'\n\'' $'a\'\nb\'' $'\033[31m' $'\302\205' '‮' $'\302\255' $'\342\200\250'
    $'\302\240' '‘x’' '😀' $'\364\217\277\277' $'\355\240\200' $'\342\202' $'\342\202x' $'a\342\202\n'
    $'\n\n' $'a\n1' $'\0011' $'\a\b\v\f\r' $'a\nb c' '??/' "'??'" $'\314\201' $'\342\200\213'
    $'\357\277\277' $'\300\200' $'\356\200\200' $'\'a\'\n.' $'\377"\'' $'\377\377\n\377a'
    $'\né\n' "'é" "~'" "#'" "'~" "'#" "'&" "'<x" "a'b,c:d@e%f+g" "'[" "']" "'^" "'|"
)
if has_glibc; then
    names+=($'\315\270')
    same 'a locale that is not there is C' '' 'LC_ALL=no_SUCH.UTF-8 $CP é x'
else
    skip 'a locale that is not there, and a character of no Unicode yet' 'musl takes each for UTF-8, and printable'
fi
for locale in C.UTF-8 C; do
    for name in "${names[@]}"; do
        export NAME=$name LOCALE=$locale
        same "in $locale cp's words for the name $(printf %q "$name")" '' \
            'LC_ALL=$LOCALE $CP -- "$NAME" /no/x'
    done
done
same 'LC_CTYPE decides, LC_ALL over it, LANG under it' '' '
    unset LC_ALL
    LC_CTYPE=C.UTF-8 $CP é x; LC_CTYPE=C $CP é x; LANG=C.UTF-8 $CP é x; LANG=C.UTF-8 LC_CTYPE=C $CP é x
    LC_ALL=C LC_CTYPE=C.UTF-8 $CP é x; $CP é x'
same 'odd names are copied and shown by -v' 'mkdir d; echo 1 > "$(printf "a\nb")"; echo 2 > "$(printf "\377")"; echo 3 > "it'\''s"' '
    $CP -v -- * d'
# cp 9.1 forgets to open its dollar quotes when a name has a quote and ends in a control byte.
holds 'a quote and a control byte at the end can be pasted into a shell' '
    name=$(printf "it'\''s\377"); $CP "$name" x 2> err && false
    shown=$(sed "s/.*stat \(.*\): No such.*/\1/" err); eval "test \"\$name\" = $shown"'
finish
