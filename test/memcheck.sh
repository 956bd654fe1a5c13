#!/usr/bin/env bash
# memcheck.sh PROGRAM [ARGUMENT...] - run a test program under valgrind: fails where it does, and where memory is
# used that is not set or not the program's, or is lost for good. What a thread that still runs has is not.
set -u
command -v valgrind > /dev/null || { echo "SKIP: $1 under valgrind: no valgrind"; exit 77; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    --fair-sched=yes --log-file="$log" "$@"
status=$?
grep '^==' "$log" | grep -vE 'Warning: noted but unhandled|could cause spurious|See README_MISSING' | head -n 60
exit "$status"
