#!/usr/bin/env bash
# --progress: one line on a terminal, nothing anywhere else.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

holds 'nothing is drawn if stderr is no terminal' 'bytes 9000000 x > a; $CP --progress a b > out 2> err; test ! -s out -a ! -s err; cmp a b'
if ! command -v python3 > /dev/null; then
    skip 'the line on a terminal' 'needs python3 for a terminal'
    finish
fi
# Runs a command with stderr on a terminal of so many columns and prints what it drew there.
cat > "$WORK/terminal.py" << 'END'
import fcntl, os, pty, struct, subprocess, sys, termios
columns = int(sys.argv[1])
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
child = subprocess.Popen(sys.argv[2:], stderr=slave)
os.close(slave)
drawn = b""
while True:
    try:
        some = os.read(master, 65536)
    except OSError:
        break
    if not some:
        break
    drawn += some
sys.stdout.buffer.write(drawn)
sys.exit(child.wait())
END
export TERMINAL=$WORK/terminal.py
holds 'the line shows files, bytes, rate and time, and stays in its columns' '
    mkdir d; for i in 1 2 3; do bytes 30000000 $i > $i; done
    python3 "$TERMINAL" 80 $CP --progress 1 2 3 d > drawn; cmp 1 d/1
    tr "\r" "\n" < drawn | sed "s/\x1b\[K//" | awk "length > 79 { bad = 1 } END { exit bad }"
    tail -c 200 drawn | grep -q "100%  85M/85M  3/3 files  .*/s  0:00 left"; tail -c 1 drawn | grep -q "^$"'
for columns in 1 5 20 40 60 200; do
    holds "in $columns columns it leaves out what does not fit" "
        bytes 30000000 x > a; python3 \"\$TERMINAL\" $columns \$CP --progress a b > drawn
        tr '\\r' '\\n' < drawn | sed 's/\\x1b\\[K//' | awk 'length > $((columns > 1 ? columns - 1 : 1)) { bad = 1 } END { exit bad }'
        grep -c '100%' drawn | grep -qx $((columns > 1 ? 1 : 0)); grep -c '/s' drawn | grep -qx $((columns > 20 ? 1 : 0)); grep -c '\[.*=\]' drawn | grep -qx $((columns > 40 ? 1 : 0))"
done
holds 'it is drawn at most ten times a second' '
    bytes 300000000 x > a; start=$(date +%s%N); python3 "$TERMINAL" 80 $CP --progress --durable a b > drawn; end=$(date +%s%N)
    test $(tr -dc "\r" < drawn | wc -c) -le $(((end - start) / 100000000 + 2))'
holds 'messages are not written into it' '
    bytes 30000000 x > a; mkdir d; python3 "$TERMINAL" 80 $CP --progress --bwlimit=60M a nope d > drawn && false
    sed "s/\x1b\[K/<cleared>/g" drawn | tr "\r" "\n" > lines; head -n 2 lines | grep -q "^<cleared>.*%.* files"
    grep -q "^<cleared>arsync-cp: cannot stat .nope.: No such file or directory$" lines'
holds 'skipped and failed files are not in the sum' '
    mkdir d; bytes 9000000 x > a; bytes 5000000 y > b; echo > d/a; python3 "$TERMINAL" 80 $CP -n --progress a b d > drawn
    tail -c 200 drawn | grep -q "100%  4.7M/4.7M  2/2 files"'
finish
