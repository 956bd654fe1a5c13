#!/bin/sh
# shellcheck shell=sh disable=SC1090,SC1091,SC2154 # it sources what is written for each run
# unit.sh NAME - run one unit of the run whose state directory this file is in, on whatever machine.
#
# It needs sh, arsync-cp, and the source, the destination and this directory at the same paths. It is
# for arsync-spread's engines, and idempotent: a unit that is done is left alone, one that is running
# elsewhere is waited for. What came of it is records/NAME. The exit status is 0 if the unit was run to
# its end, whatever failed in it; 3 if it could not start or was cut off, so that another machine may
# try it.
umask 077
state=$(dirname "$0")
name=$1
host=$(uname -n)
cd "$state" || exit 3
# Sets source, destination and arsync_cp.
. ./settings

# 0 is no unit: it asks whether this machine is fit for any.
if [ "$name" = 0 ]; then
    for directory in "$source" "$destination"; do
        [ -d "$directory" ] || { echo "$host: $directory is not there" >&2; exit 3; }
    done
    command -v "$arsync_cp" > /dev/null || { echo "$host: there is no $arsync_cp" >&2; exit 3; }
    exit 0
fi

is_done() { grep -qs '"status": 0,' "records/$name"; }
# Two machines must not write one file at once: one that was believed dead may still be at it. The lock
# is the filesystem's, and goes with whoever has it.
if command -v flock > /dev/null; then
    exec 9> "locks/$name"
    flock 9 2> /dev/null
fi
if is_done; then exit 0; fi
# Sets kind, may set requirements, and has the arguments of arsync-cp.
. "./units/$name"

began=$(date +%s)
# A name of its own until it is whole, so that nobody reads half of it.
put() {
    cat > "$1.$host.$$"
    mv "$1.$host.$$" "$1"
}
echo "$host $$ $began" | put "running/$name"

record() { # STATUS MESSAGE SUMMARY
    printf '{"unit": "%s", "kind": "%s", "status": %d, "host": "%s", "began": %d, "ended": %d, "message": "%s", "summary": %s}\n' \
        "$name" "$kind" "$1" "$host" "$began" "$(date +%s)" "$2" "$3" | put "records/$name"
    rm -f "running/$name"
}

# What must be true before it can begin. It prints why it is not.
missing=$(requirements 2> /dev/null) || {
    record 3 "$missing" null
    exit 3
}

log=logs/$name
# In the background, so that a signal for this script reaches it.
"$arsync_cp" "$@" < /dev/null > "$log.json" 2> "$log.err" 9>&- &
child=$!
trap 'kill -TERM $child 2> /dev/null' HUP INT TERM
wait $child
status=$?
# A wait that a trap has ended says nothing of the child.
while kill -0 $child 2> /dev/null; do
    wait $child
    status=$?
done
trap '' HUP INT TERM
summary=$(tail -n 1 "$log.json")
case $summary in
    '{"type":"summary"'*) ;;
    *) summary=null ;;
esac
case $status in
    0)
        record 0 '' "$summary"
        rm -f "$log.json" "$log.err"
        exit 0
        ;;
    1)
        # Of what was copied nothing is kept; it may be long.
        grep -a '"outcome":"failed"' "$log.json" | put "$log.json"
        record 1 'some entries failed' "$summary"
        exit 0
        ;;
    2) record 2 'arsync-cp does not take these options' "$summary" ;;
    126 | 127) record 3 'there is no arsync-cp that runs' null ;;
    *) record 3 "cut off: status $status" "$summary" ;;
esac
rm -f "$log.json"
exit 3
