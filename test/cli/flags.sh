#!/usr/bin/env bash
# File flags and project ids, which cp does not keep.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

for tool in mkfs.ext4 chattr lsattr; do
    command -v "$tool" > /dev/null || { skip 'file flags' "no $tool"; finish; }
done
if ! is_root; then
    skip 'file flags' 'needs root'
    finish
fi
disk=$WORK/ext4
features=
for try in casefold,verity verity none; do
    if image ext4 -O "$try"; then
        features=$try
        break
    fi
done
if [ -z "$features" ]; then
    skip 'file flags' 'no ext4 to be had'
    finish
fi
export DISK=$disk
# As chattr names them, those that come with being an ext4 file left out.
cat > "$WORK/bin/flags" << 'EOF'
#!/bin/sh
lsattr -d "$1" | cut -d ' ' -f 1 | tr -d 'eN-'
EOF
chmod 755 "$WORK/bin/flags"
PATH=$WORK/bin:$PATH

holds 'flags are no part of -a' '
    mkdir $DISK/1; echo x > $DISK/1/a; chattr +id $DISK/1/a
    $CP -a $DISK/1/a $DISK/1/b; test "$(flags $DISK/1/b)" = ""; rm $DISK/1/b'
mkdir "$WORK/ram"
if mount_at "$WORK/ram" -t ramfs none; then
    export RAM=$WORK/ram
    holds 'what is asked for by name and lost is an error, whatever else is lost beside it' '
        mkdir $DISK/0; echo x > $DISK/0/a; setfattr -n user.x -v y $DISK/0/a; chattr +d $DISK/0/a
        $CP -a $DISK/0/a $RAM/a; $CP -a --preserve=flags $DISK/0/a $RAM/b 2> err && false; grep -q "file flags" err
        $CP -a --preserve=flags $DISK/0 $RAM 2> err && false; grep -q "file flags" err; rm -r $RAM/*'
else
    skip 'what is asked for by name and lost' 'no ramfs to be had'
fi
holds 'a directory that is sealed and right is no error, however often it is copied' '
    mkdir -p $DISK/9/i/d; chattr +a $DISK/9/i/d; cd $DISK/9; $CP -a --preserve=flags i j; $CP -aT --preserve=flags i j
    test "$(flags j/d)" = a; chattr -a i/d j/d'
holds 'flags are kept when asked for by name, and are no part of all' '
    mkdir $DISK/2; echo x > $DISK/2/a; chattr +idA $DISK/2/a
    $CP -p --preserve=flags $DISK/2/a $DISK/2/b; test "$(flags $DISK/2/b)" = "$(flags $DISK/2/a)"; test -n "$(flags $DISK/2/a)"
    $CP --preserve=all $DISK/2/a $DISK/2/c; test "$(flags $DISK/2/c)" = ""
    $CP --preserve=flags --no-preserve=flags $DISK/2/a $DISK/2/d; test "$(flags $DISK/2/d)" = ""'
holds 'a tree keeps them, and a second run changes nothing' '
    mkdir -p $DISK/3/a/b; echo x > $DISK/3/a/b/x; ln $DISK/3/a/b/x $DISK/3/a/y; chattr +i $DISK/3/a/b/x; chattr +a $DISK/3/a/b; chattr +i $DISK/3/a
    for i in 1 2; do
        $CP -a --preserve=flags --skip-unchanged -T $DISK/3 $DISK/4
        for f in a a/b a/b/x a/y; do test "$(flags $DISK/3/$f)" = "$(flags $DISK/4/$f)"; done
        test $DISK/4/a/b/x -ef $DISK/4/a/y
    done'
case $features in
    *casefold*) holds 'a directory that folds names does so again' '
        mkdir $DISK/5; chattr +F $DISK/5; echo x > $DISK/5/File
        $CP -a --preserve=flags $DISK/5 $DISK/6; test "$(flags $DISK/6)" = F; test "$(cat $DISK/6/fILE)" = x' ;;
    *) skip 'a directory that folds names does so again' 'this kernel has no ext4 that folds names' ;;
esac
# FS_IOC_ENABLE_VERITY, with SHA-256 in blocks of 4096 bytes.
cat > "$WORK/bin/protect" << 'EOF'
#!/usr/bin/env python3
import fcntl, struct, sys
with open(sys.argv[1], "rb") as file:
    fcntl.ioctl(file, 0x40806685, struct.pack("<IIIIQII", 1, 1, 4096, 0, 0, 0, 0).ljust(128, b"\0"))
EOF
chmod 755 "$WORK/bin/protect"
echo x > "$DISK/probe"
if protect "$DISK/probe" 2> /dev/null; then
    holds 'that a file is no more protected by fs-verity is told with its flags' '
        mkdir $DISK/v; echo x > $DISK/v/a; protect $DISK/v/a; $CP -a $DISK/v/a $DISK/v/b
        $CP --preserve=flags $DISK/v/a $DISK/v/c 2> err && exit 1
        grep -q "preserving file flags" err; cmp $DISK/v/a $DISK/v/c; echo more >> $DISK/v/c'
else
    skip 'fs-verity' 'not to be had'
fi
holds 'what cannot be kept is told, and costs no file' '
    mkdir -m 777 $DISK/7; echo x > $DISK/7/a; chattr +id $DISK/7/a
    as_nobody $CP --preserve=flags $DISK/7/a $DISK/7/b 2> err && exit 1
    grep -q "preserving file flags for '\''$DISK/7/b'\'': Operation not permitted" err
    test "$(flags $DISK/7/b)" = d; cmp $DISK/7/a $DISK/7/b; rm $DISK/7/b'
if image xfs; then
    export XFS=$WORK/xfs
    holds 'project ids are kept when asked for' '
        mkdir $XFS/8 $XFS/9; echo x > $XFS/8/a; chattr -p 42 $XFS/8/a; chattr -p 7 $XFS/9; chattr +P $XFS/9
        $CP --preserve=project $XFS/8/a $XFS/9/a; $CP $XFS/8/a $XFS/9/b; $CP --atomic --preserve=project $XFS/8/a $XFS/9/c
        project() { lsattr -p $1 | tr -s " " | sed "s/^ //" | cut -d " " -f 1; }
        test "$(project $XFS/9/a)" = 42; test "$(project $XFS/9/b)" = 7; test "$(project $XFS/9/c)" = 42'
else
    skip 'project ids are kept when asked for' 'no XFS to be had'
fi
holds 'what is immutable is not replaced, as with cp' '
    mkdir $DISK/10; echo x > $DISK/10/a; echo y > $DISK/10/b; chattr +i $DISK/10/b
    for how in -f --atomic --remove-destination; do $CP --preserve=flags $how $DISK/10/a $DISK/10/b && exit 1; done
    test "$(cat $DISK/10/b)" = y'
finish
