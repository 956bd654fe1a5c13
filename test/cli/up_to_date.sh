#!/usr/bin/env bash
# What is up to date, where times are coarse; and attributes of what is.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

export OLD='touch -d "2001-01-01 00:00:01.987654321" s/f s/d/g'
tree='mkdir -p s/d; echo content > s/f; echo more > s/d/g; eval "$OLD"'
# In $M nothing is copied a second time, but what is newer by one step.
export AGAIN='
    rm -rf $M/*; $CP -rp s $M/t; $CP -p s/f $M/f
    $CP -rpTv --skip-unchanged s $M/t > said; $CP -rpTvu s $M/t >> said; $CP -puv s/f $M/f >> said; $CP -pv --skip-unchanged s/f $M/f >> said
    if [ -s said ]; then cat said; false; fi
    echo CONTENT > s/f; touch -d "2001-01-01 00:00:$STEP" s/f
    $CP -rpTu s $M/t; cmp s/f $M/t/f; echo Content > s/f; touch -d "2001-01-01 00:00:09" s/f; $CP -rpT --skip-unchanged s $M/t; cmp s/f $M/t/f
    $CP -pu s/f $M/f; cmp s/f $M/f'
if is_root && truncate -s 16M "$WORK/image" && mkfs.ext4 -q -I 128 "$WORK/image" 2> /dev/null && mount_at "$WORK/seconds" -o loop "$WORK/image"; then
    export M=$WORK/seconds STEP=02
    holds 'whole seconds: ext4 with small inodes' "$tree; $AGAIN"
else
    skip 'whole seconds' 'needs root, mkfs.ext4 and loop devices'
fi
if mount_faulty "$WORK/two" "$WORK/back" seconds=2 && [ -d "$WORK/two" ]; then
    export M=$WORK/two STEP=04
    holds 'steps of two seconds' "$tree"'
        $CP -rp s $M/t; $CP -rpTv --skip-unchanged s $M/t > said; $CP -rpTvu s $M/t >> said
        if [ -s said ]; then cat said; false; fi
        touch -d "2001-01-01 00:00:02" s/f; $CP -rpTvu s $M/t > said; grep s/f said'
else
    skip 'steps of two seconds' 'needs root, libfuse and /dev/fuse'
fi
holds 'fine steps stay fine' 'mkdir s d; echo a > s/f; echo b > d/f; touch -d "2001-01-01 00:00:01" d/f; touch -d "2001-01-01 00:00:01.000001" s/f
    $CP -rpTu s d; cmp s/f d/f; echo c > s/f; touch -d "2001-01-01 00:00:01.5" s/f; touch -d "2001-01-01 00:00:01" d/f; $CP -pu s/f d/f; cmp s/f d/f'
if is_root; then
    holds 'snapshots by somebody who may not give files away stay links' '
        mkdir s; echo x > s/f; echo x > s/g; chmod 644 s/f; chmod 6755 s/g; chmod 777 .
        as_nobody sh -c "$CP -aT s one 2> err; cp -al one two; $CP -aT --skip-unchanged s two 2> err"; test one/f -ef two/f; test one/g -ef two/g'
    holds 'but no group changes in one for what is in another' '
        mkdir s; echo x > s/f; chown -R 65534:65534 s; chmod 777 .; as() { setpriv --reuid=65534 --regid=65534 --groups=65534,1234 "$@"; }
        as $CP -aT s one; as cp -al one two; chgrp 1234 s/f; as $CP -aT --skip-unchanged s two; test $(stat -c %g one/f) = 65534; test $(stat -c %g two/f) = 1234'
else
    skip 'snapshots by somebody who may not give files away' 'needs root'
fi
if is_root && (cd "$WORK" && : > probe && setfattr -n user.probe -v 1 probe && setfacl -m u:1:r probe) 2> /dev/null; then
    holds '--skip-unchanged brings every attribute up to date' 'mkdir -p s/d; for f in f d/g h i; do echo x > s/$f; chmod 755 s/$f; done; ln -s f s/l
        setcap cap_net_raw=ep s/f; setfacl -m u:1234:rwx s/d/g; setfattr -n user.x -v 1 s/h; setfattr -n user.y -v 1 s/h; setcap cap_net_raw=ep s/i
        $CP -aT s d; identical s d
        chown 1001:1002 s/f; setcap cap_net_raw=ep s/f; setfacl -b s/d/g; chmod 755 s/d/g; setfattr -x user.x s/h; setfattr -n user.y -v 2 s/h; setfattr -n user.z -v 3 s/h; setcap -r s/i
        $CP -aTv --skip-unchanged s d > said; cat said; ! grep -E "/(f|g|h|i|l)" said; identical s d; [ -n "$(getcap d/f)" ]; [ -z "$(getcap d/i)" ]
        $CP -a --skip-unchanged s/h d/h'
    holds 'and writes nothing where all is' 'mkdir -p s; echo x > s/f; chmod 750 s/f; setfacl -m u:1234:rwx s/f; setfattr -n user.x -v 1 s/f; setcap cap_net_raw=ep s/f; ln -s f s/l; mkfifo s/p
        $CP -aT s d; find d ! -type d -printf "%p %C@\n" | sort > before; sleep .05; $CP -aT --skip-unchanged s d; find d ! -type d -printf "%p %C@\n" | sort > after; diff before after'
else
    skip '--skip-unchanged brings attributes up to date' 'needs root and such attributes'
fi
finish
