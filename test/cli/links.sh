#!/usr/bin/env bash
# --preserve=links, and files that come up twice on the command line.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

linked='mkdir p q d; echo 1 > p/x; ln p/x p/y; echo 2 > q/x; echo 3 > q/y'
same 'links become files of their own' "$linked" '$CP -v p/x p/y d'
same '--preserve=links keeps them' "$linked" '$CP -v --preserve=links p/x p/y d; $CP --preserve=links p/x p/z d'
same 'so does --preserve=all' "$linked; ln -s x p/z" '$CP -v --preserve=all p/x p/z p/y d'
# What a link takes the place of is told of before it; cp does so after it, but not always.
SORT=1
same 'a second run leaves them linked' "$linked" 'for i in 1 2; do $CP -v --preserve=links p/x p/y d; done'
SORT=
same 'what is in the way is replaced' "$linked; echo q > d/y; ln d/y e" '$CP -v --preserve=links p/x p/y d'
same 'what is in the way is put aside with -b' "$linked; echo q > d/y" '$CP -bv --preserve=links p/x p/y d'
same 'a directory in the way stays' "$linked; mkdir d/y" '$CP -v --preserve=links p/x p/y d'
same 'after a copy that failed the next is the first' "$linked; ln p/x p/z; mkdir d/x" '$CP -v --preserve=links p/x p/y p/z d'
same 'a destination with other links is set free of them' "$linked; echo q > d/x; ln d/x e" '
    $CP -v --preserve=links q/x d; $CP -v --preserve=links --attributes-only p/x d'
same 'newer files become links with -u' "$linked; touch -d 2100-01-01 d/x d/y" '
    $CP -u --preserve=links p/x p/y d; rm d/y; $CP -u --preserve=links p/x p/y d; $CP -u --preserve=links p/x p/y d'
same 'files left alone by -n do not count as copies' "$linked; echo q > d/x" '$CP -nv --preserve=links p/x p/y d'
SORT=1
same 'with -f and several links it is the same' "$linked; ln p/x p/z; echo q > d/y" '$CP -fv --preserve=links p/? d'
SORT=
same 'a link can be copied over by another file' "$linked" '$CP -v --preserve=links p/x p/y q/y d'
same 'a link to a copy made through a symbolic link' "$linked; echo t > t; ln -s ../t d/x" '$CP -v --preserve=links p/x p/y d'

same 'a source named twice is copied once' "$linked" '
    $CP -v p/x p/x d; $CP -v p/x p/./x d; $CP -nv p/x p/x d; $CP -uv q/x q/x d; $CP p/x nope p/x d; $CP -v p/x q/../p/x nope d'
same 'with -b it would overwrite what was just made' "$linked; ln -s x p/l" '$CP -bv p/x p/x d; $CP --backup=t -v p/x p/x d; $CP -v p/x p/l p/l d'
same 'what was just made is not overwritten' "$linked" '
    $CP -v p/x q/x d; $CP -fv p/x q/x d; $CP --remove-destination -v p/x q/x d; $CP -bv p/x q/x d; $CP -v q/x p/x q/y p/y d'
same 'numbered backups let it be overwritten' "$linked" '$CP --backup=t -v p/x q/x d; cat d/x'
same '-n, -u and -i come before that' "$linked" '$CP -nv p/x q/x d; $CP -uv p/x q/x d; $CP -iv p/x q/x d; echo y | $CP -iv p/y q/y d'
holds 'a copy that failed is not there to be overwritten' '
    mkdir d p q; ln -s /proc/self/mem p/x; echo 2 > q/x; $CP p/x q/x d 2> err && false
    test $(wc -l < err) = 1; grep -q "error reading .p/x." err; cmp q/x d/x'
same 'nothing is copied through a symbolic link that was just written through' "$linked; echo t > t; ln -s ../t d/x" '$CP -v p/x q/x d; $CP -v --remove-destination p/x q/x d'
same 'with -u the first copy is not linked to itself' 'mkdir d; echo 1 > x' '$CP -auv --backup=t x x d'
SORT=1
same 'what a link to a copy in a tree replaces is told of' 'mkdir s d; echo 1 > s/x; ln s/x h; echo old > d/x; echo old > d/h' '
    for o in -av "-av --remove-destination" -avb "-avb --remove-destination"; do (cp -r d e; cd e; $CP $o ../s ../s/x ../h .; rm -r ../e); done'
SORT=
same 'so can one to a copy that a tree has made' 'mkdir -p p q d; echo 1 > p/x; ln p/x h; echo 2 > q/x' '
    cd d; $CP -av ../p ../p/x ../q/x .; cat p/x x; rm -r *; $CP -ab ../p ../p/x ../p/x .; $CP -a --backup=t ../p ../p/x ../p/x .'
same 'what cannot be linked is an error' "$linked; mkdir d/y" '$CP --preserve=links -T p/x d/x; $CP --preserve=links p/x p/y d'
same 'a file with one name is copied twice where backups allow it' 'mkdir t; echo 1 > a; ln -s a l; mkfifo p; echo 2 > b; ln b c' '
    $CP -av --backup=t a a t; $CP -av --backup=t l p l p t; $CP -av --backup=t b c c t'
# cp puts the first copy aside, and then cannot link to it.
holds 'a name that comes twice is a link to the backup of its first copy' 'mkdir t; echo 2 > b; ln b c; echo 1 > a
    $CP -a --backup=t b b t; test t/b -ef t/b.~1~; $CP --backup=t --preserve=links a a t; cmp t/a t/a.~1~'
if is_root; then
    for options in -lf -li -ali '-l --remove-destination' '-ali --remove-destination'; do
        export OPTIONS=$options
        holds "$options whose link cannot be made costs nothing" 'mkdir m s; mount -t tmpfs none m; mkdir m/t; echo new > s/b; echo old > m/b; ln m/b m/t/b
            for to in m/b m/t; do yes | $CP $OPTIONS -r -T $([ $to = m/b ] && echo s/b || echo s) $to 2>> err && rc=0 || rc=1; echo $rc >> codes; done
            cat m/b m/t/b > left; umount m; test "$(cat left)" = "$(printf "old\nold")"; test $(grep -c 1 codes) = 2; test $(grep -c "cannot create hard link" err) = 2'
    done
else
    skip 'links that cannot be made' 'needs root to mount'
fi
finish
