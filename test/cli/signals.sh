#!/usr/bin/env bash
# SIGINT, SIGTERM and SIGHUP: nothing unfinished is left, and the parent can tell what happened.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# A FIFO without an end keeps the copy going until the signal comes.
export SLOW='mkfifo p; (exec 3<> p; echo some >&3; sleep 20) & holder=$!; sleep .1'
for signal in INT:130 TERM:143 HUP:129; do
    export SIGNAL=${signal%:*} STATUS=${signal#*:}
    holds "SIG$SIGNAL ends the copy with status $STATUS and leaves no unfinished file" '
        bytes 1000 x > a; truncate -s 40G big; mkdir d
        # Shells have background jobs ignore SIGINT, and what is ignored stays so.
        python3 -c "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])" \
            $CP --sparse=never a big d 2> err & child=$!
        for i in $(seq 100); do [ -s d/a ] && break; sleep .05; done; sleep .2
        kill -$SIGNAL $child; wait $child && status=0 || status=$?
        test $status = $STATUS; test "$(ls -A d)" = a; cmp a d/a; test ! -s err'
done
if ! command -v python3 > /dev/null; then
    skip 'signals' 'needs python3 to reset them'
    finish
fi
export RUN='import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])'
holds 'with -b the old file is put back' '
    truncate -s 40G big; echo old > b; python3 -c "$RUN" $CP -b --sparse=never big b & child=$!
    for i in $(seq 100); do [ -e b~ ] && break; sleep .05; done; sleep .2; kill -TERM $child; wait $child || true
    test "$(cat b)" = old; test ! -e b~'
holds 'with --atomic the old file is still there' '
    truncate -s 40G big; echo old > b; python3 -c "$RUN" $CP --atomic --sparse=never big b & child=$!
    sleep .5; test "$(cat b)" = old; kill -TERM $child; wait $child || true; test "$(cat b)" = old; test "$(ls -A | tr "\n" " ")" = "b big "'
# At this rate it takes seconds; the signal comes when something is there.
export TREE='mkdir -p s/d/e; for i in $(seq 300); do bytes 2000 $i > s/d/$i; bytes 3000 $i > s/d/e/$i; done; for i in $(seq 8); do bytes 8000000 $i > s/big$i; bytes 9000000 $i > s/d/e/big$i; done; ln -s big1 s/link'
export SLOWLY='--bwlimit=30M --reflink=never'
for signal in INT:130 TERM:143; do
    export SIGNAL=${signal%:*} STATUS=${signal#*:}
    holds "SIG$SIGNAL in the middle of a tree leaves whole files only" "$TREE"'
        mkdir d; python3 -c "$RUN" $CP -a $SLOWLY s d 2> err & child=$!
        for i in $(seq 100); do [ -n "$(find d -type f -size +0 -size -9)" ] && break; sleep .05; done; sleep .2
        kill -$SIGNAL $child; wait $child && status=0 || status=$?; test $status = $STATUS; test ! -s err
        test -z "$(find d -name ".*")"; (cd d/s; find . -type f -exec sha256sum {} +) > there; (cd s; sha256sum --quiet -c ../there)
        test "$(wc -l < there)" -gt 0; test "$(wc -l < there)" -lt 616'
    holds "SIG$SIGNAL in the middle of a tree with --atomic leaves old or new files, whole" "$TREE"'
        mkdir d; cp -r s d; echo old > old; find d -type f -exec cp old {} ";"; ln -sfn elsewhere d/s/link
        python3 -c "$RUN" $CP -a --atomic $SLOWLY s d 2> err & child=$!
        for i in $(seq 100); do [ -n "$(find d -type f -size +4 ! -name ".*")" ] && break; sleep .05; done; sleep .2
        kill -$SIGNAL $child; wait $child && status=0 || status=$?; test $status = $STATUS; test ! -s err
        test -z "$(find d -name ".*")"; (cd d/s; find . -type f -exec sha256sum {} +) > there; test "$(wc -l < there)" = 616
        grep -v "^$(sha256sum < old | cut -c -64)" there > new; (cd s; sha256sum --quiet -c ../new); test "$(wc -l < new)" -lt 616'
done
holds 'timeout(1), which signals twice, leaves no unfinished file either' '
    truncate -s 40G big; timeout 0.5 $CP --sparse=never big b && false; test ! -e b'
holds 'a signal that is ignored stays ignored' '
    bytes 30000000 x > a; (trap "" HUP INT TERM; $CP a b & child=$!; kill -HUP $child; kill -TERM $child; wait $child); cmp a b'
holds 'a signal at the question is an answer' '
    echo x > a; echo y > b; mkfifo in; exec 3<> in; python3 -c "$RUN" $CP -i a b < in 2> err & child=$!
    for i in $(seq 100); do [ -s err ] && break; sleep .05; done; sleep .1; kill -INT $child; wait $child && status=0 || status=$?
    test $status = 130; grep -q y b'
holds 'a second signal ends it at once' '
    mkfifo p; (exec 3<> p; sleep 5) & sleep .1; python3 -c "$RUN" $CP p b & child=$!
    sleep .3; kill -TERM $child; sleep .5; kill -TERM $child 2> /dev/null || true; wait $child && status=0 || status=$?; test $status = 143'
if command -v python3 > /dev/null; then
    holds '--json tells of what was cancelled' '
        truncate -s 40G big; timeout 0.5 $CP --json --sparse=never big b > out && false
        grep -q "\"outcome\":\"cancelled\"" out; tail -n 1 out | grep -q "\"cancelled\":1"'
fi
finish
