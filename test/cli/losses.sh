#!/usr/bin/env bash
# Attributes that cannot be kept: what else is kept, and what is said, beside cp.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# In commands: what is in the mount, which is made anew for each of the two. After the first loss cp
# gives up on the other attributes of a file, which arsync-cp does not; so modes are not compared.
export SHOW='(cd $M/x && find . -mindepth 1 -printf "%P %y %s\n" | sort; cat f d/g 2> /dev/null); rm -rf $M/x'
setup='echo content > f; chmod 640 f; mkdir d; echo more > d/g; chmod 640 d/g; chmod 750 d; setfattr -n user.x -v y f d/g; ln -s f l'
SORT=1
# Modes may be set as ACLs too.
for fault in 'no_chmod no_xattr' no_chown no_utimens no_xattr; do
    # shellcheck disable=SC2086 # words
    if mount_faulty "$WORK/${fault% *}" "$WORK/back-${fault% *}" $fault; then
        export M=$WORK/${fault% *}
        for options in -p -a '-r' '-r --no-preserve=mode' '--preserve=ownership -r' '--preserve=xattr -r'; do
            export OPTIONS=$options
            # cp sets that mode again where it is set already, and complains.
            case $fault$options in no_chmod*--no-preserve=mode) continue ;; esac
            same "$fault: $options" "$setup; chown 1001:1002 f d d/g; chmod 644 f" 'export LC_ALL=C; mkdir $M/x; $CP $OPTIONS f $M/x; $CP $OPTIONS d $M/x; eval "$SHOW"'
        done
        holds "$fault: the content is there, and a backup stays" "$setup"'
            mkdir $M/x; echo old > $M/x/f; chown 1001 f; $CP -a --backup f $M/x || true; cmp f $M/x/f; grep old $M/x/f~; rm -rf $M/x'
        holds "$fault: what can be kept is" "$setup"'
            chown 1001:1002 f; touch -d 2001-01-01 f; mkdir $M/x; $CP -a f $M/x || true
            [ ${M##*/} = no_chmod ] || [ $(stat -c %a $M/x/f) = 640 ]
            [ ${M##*/} = no_chown ] || [ $(stat -c %u:%g $M/x/f) = 1001:1002 ]
            [ ${M##*/} = no_utimens ] || [ $(stat -c %Y $M/x/f) = $(stat -c %Y f) ]
            case $M in */no_xattr | */no_chmod) ;; *) getfattr -n user.x $M/x/f ;; esac; rm -rf $M/x'
        holds "$fault: a large file too" 'bytes 3000000 large > f; chmod 600 f; chown 1001 f; mkdir $M/x; $CP -a f $M/x || true; cmp f $M/x/f; rm -rf $M/x'
    else
        skip "$fault" 'needs root, libfuse and /dev/fuse'
    fi
done
if is_root && unshare -r true 2> /dev/null; then
    same 'in a user namespace root hears of owners that it cannot give' 'echo x > f; chown 1001:1002 f; chmod 600 f; mkdir d e; cp -a f d; chmod 755 d' '
        unshare -r $CP -a f e/1; unshare -r $CP -a d e/2; unshare -r $CP --preserve=mode f e/3'
    same 'an ordinary user does not' 'echo x > f; chown 1001:1002 f; chmod 644 f' 'as_nobody $CP -p f g'
else
    skip 'owners in a user namespace' 'needs root and user namespaces'
fi
COMPARE=xattrs
if is_root && (cd "$WORK" && : > probe && setfattr -n user.probe -v 1 probe) 2> /dev/null; then
    same 'read-only files keep their extended attributes' 'mkdir d; echo x > d/f; chmod 444 d/f; setfattr -n user.x -v y d/f; cp -a d/f a; chown -R 65534:65534 d a' '
        as_nobody $CP -a a b; as_nobody $CP -a d e; as_nobody $CP --preserve=xattr a c; as_nobody $CP -r --preserve=xattr d f'
    same 'one that cannot be set does not cost the others' 'echo x > a; setfattr -n user.a -v 1 a; setfattr -n user.z -v 1 a; setcap cap_net_raw=ep a; chmod 755 a' '
        as_nobody $CP -a a b'
    same 'those of directories on the way cost nothing' 'mkdir -p d/e t; setfattr -n user.x -v y d; echo x > d/e/f; mkdir ram' '
        mount -t ramfs none ram; $CP -a --parents d/e/f ram; echo $?; $CP -a --parents d/e ram; echo $?; cat ram/d/e/f; umount ram'
else
    skip 'read-only files keep their extended attributes' 'needs root and such attributes'
fi
COMPARE=
if [ -n "${ARSYNC_SANITIZE:-}" ]; then
    skip 'without /proc' 'a sanitizer has need of it'
elif is_root && unshare -m true 2> /dev/null; then
    same 'without /proc nothing is missed that is not there' "$setup; mkfifo p; mkdir t" '
        unshare -m bash -c "umount -l /proc && $CP -a f d l p t; echo \$?"'
    if [ "$(printf '6.13\n%s\n' "$(uname -r)" | sort -V | head -1)" = 6.13 ]; then
        for what in 'setfattr -h -n trusted.x -v 1 l' 'setfattr -n trusted.x -v 1 p' 'setfacl -m u:1:rw p'; do
            export SET=$what
            holds "without /proc it is kept where nobody else can change names: $what" '
                mkdir -m 755 s s/d t; cd s; ln -s nowhere l; mkfifo p; $SET; cp -a l p d; cd ..
                unshare -m bash -c "umount -l /proc && $CP -a --preserve=xattr s/l s/p s/d t && $CP -a s u"
                for copied in t u; do
                    diff <(getfattr -h -d -m - s/l s/p | grep -v "^#") <(getfattr -h -d -m - $copied/l $copied/p | grep -v "^#")
                    diff <(getfacl -c s/p s/d/p) <(getfacl -c $copied/p $copied/d/p)
                done'
            holds "without /proc what is lost is told: $what" '
                ln -s nowhere l; mkfifo p; mkdir t; $SET
                unshare -m bash -c "umount -l /proc && $CP -a --preserve=xattr l p t" 2> err && exit 1; test -L t/l; test -p t/p; test $(grep -c ": Function not " err) = 1'
        done
    else
        skip 'without /proc what is lost is told' 'needs Linux 6.13'
    fi
fi
COMPARE=acls
if (cd "$WORK" && : > probe && setfacl -m u:1:r probe) 2> /dev/null; then
    for umask in 022 002 077; do
        for options in '-r' '-r --no-preserve=mode' '-r --preserve=ownership' '-r --no-preserve=mode --preserve=ownership' '-a'; do
            export UMASK=$umask OPTIONS=$options
            same "under a default ACL, umask $umask: $options" '
                mkdir -p s/a/b; echo x > s/f; chmod 666 s/f; echo y > s/a/g; chmod 604 s/a/g; mkfifo s/p; chmod 664 s/p; chmod 777 s/a; chmod 570 s/a/b; mkdir d; setfacl -m d:u:1234:rwx,d:g::rwx,d:o::rx,d:m::rwx d' '
                umask $UMASK; $CP $OPTIONS s d; $CP $OPTIONS s/f d/1'
        done
    done
else
    skip 'modes under a default ACL' 'this filesystem has none'
fi
finish
