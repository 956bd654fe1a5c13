#!/usr/bin/env bash
# Mistakes on the command line, abbreviations, --help and --version.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

same 'what is no option is refused' 'echo x > a' '
    $CP -q a b; $CP --foo a b; $CP -vq a b; $CP -v=3 a b; $CP --help=3; $CP --verbose=x a b'
same 'an option without its argument is refused' '' '$CP -t; $CP -S; $CP --target-d; $CP --sparse'
same 'long options may be abbreviated' 'echo x > a' '
    $CP --verb a b; $CP --no-pres=mode -v a c; $CP --no-t -v a d; $CP --attr -v a e; $CP --remo -v a b
    $CP --str -v a f; $CP --refl=auto -v a g; $CP --spa=auto -v a h; $CP --int -v a i; $CP --forc a j'
same 'an abbreviation of an option of cp means that one, whatever else begins so' 'echo x > a; echo y > b; mkdir d' '
    for o in --f --i --in --int --at --d --de --b --bac --pr --pres=mode --con --cont --cop --e --v --ver --s --no --p --a --u; do $CP $o a c < /dev/null 2> /dev/null; echo $o $?; done
    $CP -v a --b=simple b --f; $CP -vt d --b a; $CP -v --b a -- --f d; $CP -S --b -v a b; $CP -t --b a; POSIXLY_CORRECT=1 $CP -v a --f'
if has_glibc; then
    same 'what an abbreviation can mean is listed as cp lists it' 'echo x > a' '$CP --no- a b; $CP --st a b; $CP --in a b'
    holds 'our own options come before those of cp in such a list, by name' '
    $CP --a 2>&1 | grep -qF "possibilities: '"'--atomic' '--archive' '--attributes-only'"'"
    $CP --n 2>&1 | grep -qF "possibilities: '"'--null' '--no-clobber' '--no-dereference' '--no-preserve' '--no-target-directory'"'"'
else
    skip 'what an abbreviation can mean is listed' 'musl says only that it can mean several'
fi
holds 'abbreviations of our own options' 'echo x > a; $CP --pro a b; $CP --conti=no a c; $CP --dry a d; test ! -e d; $CP --jso a d | grep -q summary; $CP --deb a d | grep -q "^method"; $CP --atomi a d; $CP --inc=a a e; $CP --veri a f; $CP --m=inline a g 2> err && false; grep -q ambiguous err'
same 'an argument that is not in the list is refused, with the list' 'echo x > a' '
    for o in --sparse=foo --reflink=foo --backup=foo --preserve=foo --no-preserve=foo --sparse= \
        --preserve= --preserve=mode, --preserve=mode,foo --sparse=a --reflink=a --backup=n --preserve=modes; do
        $CP $o a b 2> said; echo $?
        grep -Ev "^  - ‘(flags|project)’$" said >&2 # which cp cannot keep
    done; rm said'
# shellcheck disable=SC1112 # these quotes are the point
same 'the list is in the quotes of the locale' 'echo x > a' '
    LC_ALL=C $CP --sparse="f'\''oo" a b; $CP --sparse="f'\''oo" a b; $CP --sparse="‘’\\\"" a b
    $CP --sparse="$(printf "f\nx\377\303\251")" a b; LC_ALL=C $CP --sparse="$(printf "f\nx\377é\\\\")" a b'
same 'arguments may be abbreviated' 'echo x > a' '
    $CP --sparse=au a b; $CP --preserve=mod,t,own a b; $CP --backup=si -v a b; $CP --backup=num -v a b
    $CP --backup=no -v a b; $CP --backup=ni -v a b; $CP --reflink=n a c'
same 'what excludes each other is refused' 'echo x > a; echo y > b' '
    $CP -n -b a b; $CP -n --backup=none a b; $CP -i -b -n a b; $CP -nS.x a b
    $CP --reflink --sparse=always a b; $CP --reflink=always --sparse=never a b
    $CP -bn --reflink --sparse=never a b; $CP --reflink --sparse=never --backup=foo a b
    $CP --reflink=auto --sparse=always a c; $CP --reflink=never --sparse=never a d'
same 'a security context cannot be kept without SELinux' 'echo x > a' '
    if [ -e /sys/fs/selinux/enforce ]; then exit; fi
    $CP --preserve=context a b; $CP --preserve=context; $CP --backup=foo --preserve=context a b
    $CP --preserve=context --no-preserve=all a b; $CP --preserve=context --no-preserve=context a b
    $CP --preserve=all a c; $CP --preserve=all,context a d'
same 'of several mistakes the same one is complained about' '' '
    $CP -bn; $CP --backup=foo; $CP -T -t d; $CP -T -t d a'
same 'hard and symbolic links exclude each other' 'echo x > a' '$CP -ls a b; $CP -sl -bn a b'
same 'a directory is left out without -r' 'mkdir -p s d; echo x > s/f; ln -s s l' '
    $CP s d; echo $?; $CP -v s s/f d; $CP l d; $CP -d l d; $CP -dT s d; $CP -x s/. d; $CP -p s/ d'
same '--context means nothing without SELinux' 'echo x > a' '
    if [ -e /sys/fs/selinux/enforce ]; then exit; fi
    $CP -Z a b; $CP --context a c; $CP --context=foo a d; $CP --context=foo --preserve=context a e'
same 'with --parents the target is a directory' 'mkdir -p s; echo x > s/f; echo y > g' '
    $CP --parents s/f zzz; $CP --parents s/f g; $CP --parents -T s/f g; $CP --parents s/f s/f zzz'
for option in --jobs=0 --jobs=257 --jobs=x --jobs= --jobs=-1 --jobs=1T --buffers=0 --buffers=1025 \
    --buffer-size=4095 --buffer-size=4097 --buffer-size=65M --buffer-size=99999999999999999999 \
    --buffer-size=K --bwlimit=x --bwlimit=1T --continue-on-error=maybe --update=foo --queue-depth=0 --queue-depth=4097 --method=foo --cache=foo --backend=foo \
    --method= --cache=d; do
    holds "$option is refused with what is valid" "
        echo x > a; \$CP $option a b 2> err && false
        test ! -e b; grep -q '^arsync-cp: .*argument ‘${option#*=}’ for ‘${option%%=*}’' err; grep -q ^Valid err
        tail -n 1 err | grep -qx \"Try 'arsync-cp --help' for more information.\""
done
for option in --jobs=1 --jobs=256 --buffers=1 --buffers=1K --buffer-size=4K --buffer-size=64m \
    --buffer-size=1M --buffer-size=8192 --queue-depth=1 --queue-depth=4K --method=inline --cache=keep \
    --cache=drop --bwlimit=1G --bwlimit=0 --continue-on-error=no --update=all --update=older --update=none-fail --cache=direct --backend=threads --backend=auto --sqpoll --iopoll --durable --verify; do
    holds "$option copies as ever" "
        head -c 3000000 /dev/urandom > a; \$CP $option a b > out 2>&1; cmp a b; test ! -s out"
done
for option in '--atomic --remove-destination' '--method=reflink --sparse=never' \
    '--mirror' '-r --mirror -i' '-r --mirror -n' '-r --mirror --update=none' '-0' '--files-from=x --parents' '--files-from=x -s' '--skip-unchanged -u' '-i --files-from=-' '-i --exclude-from=-' '--files-from=- --exclude-from=-' '--method=reflink --reflink=never' '--reflink=always --method=fixed'; do
    holds "$option together are refused" "
        echo x > a; \$CP $option a b 2> err && false; test ! -e b; test \$(wc -l < err) = 2"
done
holds '--help tells of every option' '
    $CP --help > help
    for o in -0 -a -b -d -f -H -i -l -L -n -p -P -r -s -S -t -T -u -v -x -Z; do grep -q -- "^  $o[, ]" help; done
    for o in archive atomic attributes-only backend backup buffer-size buffers bwlimit cache context \
        continue-on-error copy-contents debug dereference dry-run durable exclude exclude-from files-from force help include \
        interactive iopoll jobs json keep-directory-symlink link method mirror no-clobber no-dereference \
        no-preserve no-target-directory null one-file-system parents preserve recursive skip-unchanged symbolic-link \
        progress queue-depth reflink remove-destination sparse sqpoll strip-trailing-slashes suffix \
        target-directory update verbose verify version; do grep -q -- "--$o\b" help; done
    test $(awk "length > 79" help | wc -l) = 0'
holds '--version tells which it is' '$CP --version | grep -qx "arsync-cp (arsync) [0-9]*\.[0-9]*\.[0-9]*"'
same 'what cannot be written to stdout is an error' 'echo x > a' '
    $CP --help > /dev/full; echo $? >&2; $CP --version >&-; echo $? >&2; $CP -v a b > /dev/full; echo $? >&2
    $CP -v a b >&-; echo $? >&2; $CP a b >&-; echo $? >&2'
holds 'closed standard descriptors do not end up in the copy' '
    echo x > a; $CP a b <&- >&-; cmp a b; $CP -v a c <&- >&- 2>&- && false; cmp a c
    mkdir d; $CP a nope d 2>&- && false; cmp a d/a'
finish
