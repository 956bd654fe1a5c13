#!/usr/bin/env bash
# FIFOs, devices, sockets, files without a size, and holes.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

same 'a FIFO is read to its end' 'mkfifo p; mkdir d' '
    (echo hello > p &) ; timeout 60 $CP -v p f; (bytes 3000000 x > p &) ; timeout 60 $CP p d'
same 'a FIFO is written to' 'mkfifo p; echo hello > a' 'timeout 60 cat p > got & timeout 60 $CP -v a p; wait; cat got'
same 'from FIFO to FIFO' 'mkfifo p q' '(bytes 200000 x > p &) ; timeout 60 cat q > got & timeout 60 $CP p q; wait; wc -c < got'
same 'a FIFO is not waited for where nothing is copied' 'mkfifo p; echo x > a; touch -d 2001-01-01 a' '
    timeout 60 $CP -n p a; timeout 60 $CP -uv a p; timeout 60 $CP -bv a p'
same 'standard input and output have names' 'echo x > a; mkdir d' '
    echo in | $CP -v /dev/stdin 1; $CP a /dev/stdout | cat; $CP /dev/fd/0 2 < /dev/null; cat a | $CP -v /dev/stdin /dev/stdout | cat
    $CP -v /dev/stdin d < a; $CP a /dev/stderr 2>&1 | cat'
same '/dev/null takes everything and gives nothing' 'echo x > a' '
    $CP -v a /dev/null; $CP -v /dev/null b; $CP /dev/null a; test -c /dev/null'
same 'what takes write(2) and no offset is written' 'echo 54321 > a' '
    sleep 30 & $CP a /proc/$!/timerslack_ns 2> /dev/null; echo $?; cat /proc/$!/timerslack_ns; cat a | $CP /dev/stdin /proc/$!/timerslack_ns 2> /dev/null; echo $?; cat /proc/$!/timerslack_ns; kill $!'
same '/dev/full is full' 'echo x > a' '$CP -v a /dev/full; echo $?; $CP /dev/null /dev/full'
same 'files in /proc and /sys are read to their end' '' '
    $CP /proc/version v; $CP /proc/cpuinfo c; cut -d: -f1 c > c2; rm c; $CP /sys/kernel/mm/transparent_hugepage/enabled t
    $CP /proc/self/status s; grep -c . s; rm s; $CP /proc/self/mem m 2> err; sed "s/^arsync-//" err >&2; rm -f m err
    $CP v /proc/no; $CP v /sys/kernel/notes'
if command -v python3 > /dev/null; then
    same 'a socket cannot be read' 'python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"s\")"; echo x > a; mkdir d; ln -s s l' '
        $CP -v s b; $CP -v a s; $CP -fv a s; $CP l d; $CP -L l d; $CP -rL l d'
else
    skip 'a socket cannot be read' 'needs python3 to make one'
fi
if is_root && (cd "$WORK" && mknod probe c 1 3 && : > probe) 2> /dev/null; then
    same 'devices under other names' 'mknod null c 1 3; mknod zero c 1 5; mknod full c 1 7; mkdir d; echo x > a; echo y > d/null; cp -a null d/a' '
        $CP -v a null; $CP -v null b; $CP -v a full; $CP -v null d; $CP -v a d; $CP -bv a null; $CP -v --remove-destination a d
        $CP --attributes-only -v zero z; $CP --sparse=always null e; $CP -pv null f; (head -c 1 /dev/zero; stat -c "%A %h %U:%G %s" null)'
    holds '--atomic does not put a file in the place of a device' '
        mknod null c 1 3; echo x > a; $CP --atomic a null 2> err && false; test -c null; grep -q "cannot copy .a. to .null." err'
else
    skip 'devices under other names' 'needs to make devices'
fi
if is_root && truncate -s 1M "$WORK/disk" && loop=$(losetup -f --show "$WORK/disk" 2> /dev/null); then
    export LOOP=$loop
    same 'a block device is read, and written to' 'bytes 1048576 x > a; bytes 1048577 y > b; bytes 5000 z > c' '
        $CP a $LOOP; $CP $LOOP d; cmp a d; $CP c $LOOP; $CP $LOOP e; $CP -v b $LOOP; $CP -v $LOOP f'
    losetup -d "$loop"
else
    skip 'a block device is read, and written to' 'needs root and a loop device'
fi
COMPARE=blocks
# Of 64 KiB, so that every filesystem can have them.
holes='truncate -s 1M all; bytes 65536 a > end; truncate -s 1M end; truncate -s 1M begin; bytes 65536 b >> begin
    bytes 65536 c > middle; truncate -s 512K middle; bytes 65536 d >> middle; : > none; bytes 100000 e > full; head -c 1M /dev/zero > zeros; mkdir d'
same 'holes stay holes, and zeros stay zeros' "$holes" '$CP all end begin middle none full zeros d; for f in *; do [ -d $f ] || cmp $f d/$f; done'
same '--sparse=never fills holes' "$holes" '$CP --sparse=never all end begin middle none full zeros d; for f in *; do [ -d $f ] || cmp $f d/$f; done'
same '--sparse=always makes holes of zeros' "$holes" '$CP --sparse=always all end begin middle none full zeros d; for f in *; do [ -d $f ] || cmp $f d/$f; done'
same 'no old content shows through a hole' "$holes; for f in *; do [ -d \$f ] || bytes 3000000 old > d/\$f; done" '
    $CP all end begin middle none full zeros d; for f in *; do [ -d $f ] || cmp $f d/$f; done'
same 'nor with --sparse=always' "$holes; for f in *; do [ -d \$f ] || bytes 3000000 old > d/\$f; done" '
    $CP --sparse=always all end begin middle none full zeros d; for f in *; do [ -d $f ] || cmp $f d/$f; done'
COMPARE=
holds '--skip-unchanged reads what cp without -r reads' 'mkfifo p; (echo one > p) & $CP --skip-unchanged p f; grep -qx one f; (echo two > p) & $CP --skip-unchanged p f; grep -qx two f
    mkfifo q; (cat q > got) & (echo three > p) & $CP --skip-unchanged p q; wait; grep -qx three got; $CP --skip-unchanged /dev/null n; test -f n; $CP -r --skip-unchanged p made; test -p made'
finish
