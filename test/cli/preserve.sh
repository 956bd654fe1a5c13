#!/usr/bin/env bash
# Modes, owners, times, extended attributes and ACLs.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

modes='for m in 000 400 444 600 644 664 666 700 755 777 1755 2755 4755 6777 7777; do echo $m > f$m; chmod $m f$m; done; mkdir d'
for umask in 022 077 002 000 027; do
    export UMASK=$umask
    same "a new file has the source's permissions less umask $umask" "$modes" 'umask $UMASK; $CP f* d'
    same "-p keeps permissions whatever umask $umask" "$modes" 'umask $UMASK; $CP -p f* d'
    same "--no-preserve=mode gives 0666 less umask $umask" "$modes" 'umask $UMASK; $CP --no-preserve=mode f* d'
done
same 'an old file keeps its permissions' "$modes; for f in f*; do echo old > d/\$f; chmod 640 d/\$f; done" '$CP f* d'
same '--preserve=mode sets them' "$modes; for f in f*; do echo old > d/\$f; chmod 640 d/\$f; done" '$CP --preserve=mode f* d'
same 'the last of --preserve and --no-preserve counts' 'echo x > a; chmod 711 a' '
    $CP --no-preserve=mode -p a 1; $CP -p --no-preserve=mode a 2; $CP --no-preserve=mode --preserve=mode a 3
    $CP --no-preserve=mode --preserve=ownership a 4; $CP --no-preserve=all a 5; $CP --preserve=all --no-preserve=mode,xattr a 6
    $CP --no-preserve=mode --preserve a 7; $CP --no-preserve=mode --preserve=all a 8; $CP --no-preserve=links a 9'
COMPARE='times'
same '-p keeps times to the nanosecond' 'echo x > a; touch -d "1999-12-31 23:59:59.123456789" a; echo y > b; mkdir d' '
    $CP -p a c; $CP --preserve=timestamps a e; $CP --preserve a b; $CP --preserve=all a d'
same 'times before 1970 and far ahead are kept' 'echo x > a; touch -d "1920-05-05 05:05:05.5" a; echo y > b; touch -d "2400-01-01" b; mkdir d' '
    $CP -p a b d'
same '--attributes-only copies no data' 'echo x > a; touch -d 2001-01-01 a; chmod 751 a; echo longer > b; touch -d 2002-02-02 b' '
    $CP --attributes-only -v a b; $CP --attributes-only -pv a b; $CP --attributes-only -pv a c
    $CP --attributes-only --reflink -p a d; $CP --attributes-only --sparse=always -p a e'
COMPARE=
same '--attributes-only replaces a file by a link, and does not say that it removes one' 'ln -s x l; touch a b c; mkdir s e; ln -s y s/a; touch e/a' '
    $CP -v --attributes-only -d l a; $CP -v --attributes-only -fd l b; $CP -v -d l c; $CP -rv --attributes-only s/. e
    touch f; $CP -v --attributes-only --remove-destination -d l f; $CP -rv --attributes-only --remove-destination s/. e'
if is_root; then
    owned='echo x > a; chown 12345:54321 a; chmod 6755 a; echo y > b; mkdir d; chmod 777 d'
    same 'the owner is kept when asked for' "$owned" '$CP a d/1; $CP -p a d/2; $CP --preserve=ownership a d/3; $CP --preserve=ownership,mode a b'
    same 'without privilege the owner is lost, and with it setuid and setgid' "$owned" '
        as_nobody $CP -pv a d/1; as_nobody $CP --preserve=ownership a d/2; as_nobody $CP --preserve=all a d/4'
    holds 'without the owner setuid and setgid are never kept' "$owned"'
        as_nobody $CP --preserve=mode,ownership a d/1; test $(stat -c %a d/1) = 755'
else
    skip 'owners are kept' 'needs root'
fi
holds 'what is made through a link that leads nowhere has the mode of any new file' '
    export POSIXLY_CORRECT=1; echo x > f; chmod 644 f; ln -s nowhere l; $CP --preserve=ownership f l; test "$(stat -c %a nowhere)" = 644'
if [ -n "${ARSYNC_SANITIZE:-}" ]; then
    skip 'without /proc' 'a sanitizer has need of it'
elif unshare -m true 2> /dev/null; then
    holds 'without /proc the umask is what it is' '
        echo x > f; for mask in 077 002 022; do
            unshare -m sh -c "umount -l /proc && umask $mask && $CP --preserve=ownership f $mask"; done
        chmod 666 f; test "$(stat -c %a 077 002 022 | tr "\n" " ")" = "600 644 644 "
        unshare -m sh -c "umount -l /proc && umask 002 && $CP --preserve=ownership f g"; test "$(stat -c %a g)" = 664'
else
    skip 'without /proc' 'needs mount namespaces'
fi
COMPARE=xattrs
if (cd "$WORK" && : > probe && setfattr -n user.probe -v 1 probe) 2> /dev/null; then
    some='echo x > a; setfattr -n user.a -v b a; setfattr -n user.long -v $(printf %01000d 1) a; echo y > b; setfattr -n user.other -v c b'
    same 'extended attributes are kept when asked for' "$some" '
        $CP a 1; $CP -p a 2; $CP --preserve=xattr a 3; $CP --preserve=all a 4; $CP --preserve=xattr --no-preserve=xattr a 5; $CP --preserve=xattr a b'
    if is_root && mount_at "$WORK/ram" -t ramfs none; then
        export RAM=$WORK/ram
        same 'where there are none, that is an error only if they were asked for by name' "$some" '
            $CP --preserve=xattr -v a $RAM/1; cat $RAM/1; $CP --preserve=all -v a $RAM/2; cat $RAM/2; $CP --preserve=all,xattr a $RAM/3
            $CP --preserve=xattr,all a $RAM/4; $CP --preserve=xattr $RAM/2 c; rm $RAM/*'
        holds 'and --continue-on-error=no stops only at an error' '
            for i in $(seq 40); do echo $i > f$i; setfattr -n user.a -v b f$i; done; mkdir d; cp -a f? d; mkdir $RAM/d
            $CP -a --continue-on-error=no f* d $RAM; test $(ls $RAM | wc -l) = 41 -a $(ls $RAM/d | wc -l) = 9; rm -r $RAM/*
            $CP -a --preserve=xattr --continue-on-error=no f* $RAM 2> err && exit 1; test $(wc -l < err) -lt 20; rm -r $RAM/*
            $CP -a --continue-on-error=no f1 nope f[2-9]* $RAM 2> err && exit 1; test $(wc -l < err) = 1; test ! -e $RAM/f40; rm -r $RAM/*'
    else
        skip 'where there are no extended attributes' 'needs root and ramfs'
    fi
else
    skip 'extended attributes are kept' 'this filesystem has none'
fi
COMPARE=acls
if (cd "$WORK" && : > probe && setfacl -m u:1:r probe) 2> /dev/null; then
    same 'ACLs are kept with the mode' 'echo x > a; chmod 640 a; setfacl -m u:1234:rwx,g:99:r a; echo y > b; setfacl -m u:7:r b; echo z > c; setfacl -m u:8:rw c' '
        $CP a 1; $CP -p a 2; $CP --preserve=mode a 3; $CP --preserve=all a 4; $CP -p a b; touch plain; $CP -p plain c; $CP --preserve=timestamps a 5'
    same "a directory's default ACL is for new files" 'echo x > a; chmod 755 a; mkdir d; setfacl -d -m u:1234:rwx,o::- d' '
        $CP a d/1; $CP -p a d/2; umask 077; $CP a d/3'
else
    skip 'ACLs are kept' 'this filesystem has none'
fi
if is_root && unshare -m true 2> /dev/null && [ -e /etc/xattr.conf ]; then
    same '/etc/xattr.conf says which attributes are not copied' 'echo x > a; mkdir d; for f in a d; do for n in keep skip.it Beagle.x last; do setfattr -n user.$n -v "$n" $f; done; done
        printf "# what\nuser.skip.*\tskip # why\nuser.last permissions\nuser.last skip\n" > conf' '
        unshare -m sh -c "mount --bind conf /etc/xattr.conf && $CP -a a b && $CP --preserve=xattr a c && $CP -a d e && $CP -p a f"; for f in b c e f; do getfattr -d $f; done'
    holds 'an attribute of permissions goes with the mode' '
        echo x > a; setfattr -n user.perm -v 1 a; setfattr -n user.own -v 2 a; echo "user.perm permissions" > conf
        unshare -m sh -c "mount --bind conf /etc/xattr.conf && $CP -p a b && $CP --preserve=xattr a c"; getfattr -n user.perm b; getfattr -n user.own b && false; getfattr -n user.own c; getfattr -n user.perm c && false; true'
else
    skip '/etc/xattr.conf' 'needs root, a mount namespace and that file'
fi
finish
