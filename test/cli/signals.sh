#!/usr/bin/env bash
# SIGINT, SIGTERM and SIGHUP: nothing unfinished is left, and the parent can tell what happened.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Shells have background jobs ignore SIGINT, and what is ignored stays so.
if ! env --default-signal=INT true 2> /dev/null; then
    skip 'signals' 'needs an env(1) that resets them'
    finish
fi
export RUN='env --default-signal=INT'
# At this rate it takes longer than any wait for a signal's time.
export BIG='truncate -s 200M big'
export SLOWLY='--sparse=never --reflink=never --bwlimit=2M'

for signal in INT:130 TERM:143 HUP:129; do
    export SIGNAL=${signal%:*} STATUS=${signal#*:}
    holds "SIG$SIGNAL ends the copy with status $STATUS and leaves no unfinished file" "$BIG"'
        bytes 1000 x > a; mkdir d; $RUN $CP $SLOWLY a big d 2> err & child=$!
        eventually "test -s d/a && is_writing $child"; kill -$SIGNAL $child; wait $child && status=0 || status=$?
        test $status = $STATUS; test "$(ls -A d)" = a; cmp a d/a; test ! -s err'
done
holds 'with -b the old file is put back' "$BIG"'
    echo old > b; $RUN $CP -b $SLOWLY big b & child=$!
    eventually "test -e b~ && is_writing $child"; kill -TERM $child; wait $child || true
    test "$(cat b)" = old; test ! -e b~'
holds 'with --atomic the old file is still there' "$BIG"'
    echo old > b; $RUN $CP --atomic $SLOWLY big b & child=$!
    eventually "is_writing $child"; test "$(cat b)" = old; kill -TERM $child; wait $child || true
    test "$(cat b)" = old; test "$(ls -A | tr "\n" " ")" = "b big "'
export TREE='mkdir -p s/d/e; for i in $(seq 300); do bytes 2000 $i > s/d/$i; bytes 3000 $i > s/d/e/$i; done; for i in $(seq 8); do bytes 8000000 $i > s/big$i; bytes 9000000 $i > s/d/e/big$i; done; ln -s big1 s/link'
export SLOW_TREE='--reflink=never --bwlimit=5M'
for signal in INT:130 TERM:143; do
    export SIGNAL=${signal%:*} STATUS=${signal#*:}
    holds "SIG$SIGNAL in the middle of a tree leaves whole files only" "$TREE"'
        mkdir d; $RUN $CP -a $SLOW_TREE s d 2> err & child=$!
        eventually "find d -type f -size +0 -size -9 | grep -q ."
        kill -$SIGNAL $child; wait $child && status=0 || status=$?; test $status = $STATUS; test ! -s err
        test -z "$(find d -name ".*")"; (cd d/s; find . -type f -exec sha256sum {} +) > there; (cd s; sha256sum --quiet -c ../there)
        test "$(wc -l < there)" -gt 0; test "$(wc -l < there)" -lt 616'
    holds "SIG$SIGNAL in the middle of a tree with --atomic leaves old or new files, whole" "$TREE"'
        mkdir d; cp -r s d; echo old > old; find d -type f -exec cp old {} ";"; ln -sfn elsewhere d/s/link
        $RUN $CP -a --atomic $SLOW_TREE s d 2> err & child=$!
        eventually "find d -type f -size +4 ! -name \".*\" | grep -q ."
        kill -$SIGNAL $child; wait $child && status=0 || status=$?; test $status = $STATUS; test ! -s err
        test -z "$(find d -name ".*")"; (cd d/s; find . -type f -exec sha256sum {} +) > there; test "$(wc -l < there)" = 616
        grep -v "^$(sha256sum < old | cut -c -64)" there > new; (cd s; sha256sum --quiet -c ../new); test "$(wc -l < new)" -lt 616'
done
holds 'timeout(1), which signals twice, does not keep it from putting the old file back' "$BIG"'
    echo old > b; timeout 300 bash -c "echo \$\$ > child; exec $CP -b $SLOWLY big b" & child=$!
    eventually "test -e b~ && is_writing \$(cat child)"; kill -TERM $child; wait $child || true
    test "$(cat b)" = old; test ! -e b~'
holds 'a signal that is ignored stays ignored' '
    bytes 30000000 x > a; trap "" HUP INT TERM; $CP --reflink=never --bwlimit=10M a b & child=$!; trap - HUP INT TERM
    eventually "is_writing $child"; kill -HUP $child; kill -INT $child; kill -TERM $child; wait $child; cmp a b'
holds 'a signal ends the wait for a list without a word' '
    mkdir s t; echo x > s/a; mkfifo in; exec 3<> in; echo a >&3; $RUN $CP --files-from=in s t 2> err & child=$!
    eventually "test -s t/a"; kill -INT $child; wait $child && status=0 || status=$?
    test $status = 130; test ! -s err; cmp s/a t/a; test "$(ls -A t)" = a'
holds 'a signal at the question is an answer' '
    echo x > a; echo y > b; mkfifo in; exec 3<> in; $RUN $CP -i a b < in 2> err & child=$!
    eventually "test -s err"; kill -INT $child; wait $child && status=0 || status=$?
    test $status = 130; grep -q y b'
# Nothing ends a write to a frozen filesystem, so the first signal has to wait; nor can the process go
# before the thaw, but then its status tells which of the two ended it.
if is_root && command -v mkfs.ext4 fsfreeze > /dev/null && truncate -s 64M "$WORK/disk" && mkfs.ext4 -q "$WORK/disk" &&
    mount_at "$WORK/frozen" -o loop "$WORK/disk"; then
    export FROZEN=$WORK/frozen
    # Whether a thread waits for what no signal ends, and goes on to.
    is_stuck() { for _ in 1 2 3 4 5; do grep -qs '^State:.D' "/proc/$1/task/"*/status || return 1; sleep .1; done; }
    holds 'a second signal ends it, though the first is still waiting' '
        bytes 3000000 x > a; fsfreeze -f "$FROZEN"; $RUN $CP a "$FROZEN/b" & child=$!
        eventually "is_stuck $child" && kill -TERM $child && sleep 1 && kill -HUP $child || true
        fsfreeze -u "$FROZEN"; wait $child && status=0 || status=$?; test $status = 129'
else
    skip 'a second signal ends it, though the first is still waiting' 'needs root and an ext4 image to freeze'
fi
if is_root && [ -r /proc/kmsg ]; then
    holds 'a signal ends the copy of what has no size and no end' '
        timeout -k 20 2 $CP /proc/kmsg k && status=0 || status=$?; test $status = 124; test ! -e k'
fi
holds 'a signal ends the wait for a reader of a FIFO' '
    echo x > a; mkfifo p; $RUN $CP a p & child=$!
    sleep .5; kill -TERM $child; wait $child && status=0 || status=$?; test $status = 143; test -p p'
holds '--json tells of what was cancelled' "$BIG"'
    $RUN $CP --json $SLOWLY big b > out & child=$!
    eventually "is_writing $child"; kill -TERM $child; wait $child && false
    grep -q "\"outcome\":\"cancelled\"" out; tail -n 1 out | grep -q "\"cancelled\":1"'
finish
