#!/usr/bin/env bash
# arsync-spread by fpsync, and by Slurm with several nodes on this machine.
. "$(dirname "$0")/lib.sh"

if ! command -v fpart fpsync > /dev/null; then
    skip 'arsync-spread by fpsync and by Slurm' 'fpart is not installed'
    finish
fi
make_tree "$WORK/s" 400
cp -a "$WORK/s" "$WORK/judge"

holds 'fpsync runs the units' '
    spread --engine=fpsync -j 2 --files=100 --chunk=8M '"$WORK"'/s d -v > out; cat out; identical '"$WORK"'/judge d
    spread --engine=fpsync --chunk=8M '"$WORK"'/s d > out; grep -q "0 of them now" out'
finish
