#!/usr/bin/env bash
# How arsync-spread scales from 1 to 4 workers, where each call to the destination takes 2 ms as on a slow
# server. Two CPUs cannot show it otherwise: what is waited for is the server.
. "$(dirname "$0")/lib.sh"

files=${FILES:-400}
slow=()
for op in getattr open create read write release flush mkdir chmod chown utimens setxattr getxattr listxattr removexattr truncate readdir opendir releasedir; do
    slow+=("slow=$op:2")
done
if ! command -v fpart > /dev/null || ! mount_faulty "$WORK/slow" "$WORK/backing" "${slow[@]}"; then
    skip 'scaling' 'needs root, fpart and libfuse3'
    finish
fi
mkdir "$WORK/s"
for i in $(seq "$files"); do echo "$i" > "$WORK/s/f$i"; done

# seconds_of WORKERS: the files are copied by so many at a time, each of which has one thread.
seconds_of() {
    local begin end
    rm -rf "$WORK"/slow/d "$WORK/state"
    mkdir "$WORK/slow/d"
    begin=$(date +%s%N)
    "$SPREAD" --arsync-cp "$OURS" --state="$WORK/state" -j "$1" --files=$((files / 16)) "$WORK/s" "$WORK/slow/d" -- --jobs=1 --backend=threads > /dev/null || return 1
    end=$(date +%s%N)
    diff -r "$WORK/s" "$WORK/backing/d" > /dev/null || return 1
    echo $(((end - begin) / 1000000))
}
# The quickest of three: what else the machine does only makes a run slower.
best_of() {
    local i
    for i in 1 2 3; do seconds_of "$1" || return 1; done | sort -n | head -n 1
}

one=$(best_of 1)
printf 'workers  seconds  speedup  of linear\n'
for workers in 1 2 4; do
    took=$one
    [ "$workers" = 1 ] || took=$(best_of "$workers")
    awk -v n="$workers" -v one="$one" -v took="$took" 'BEGIN { printf "%7d  %7.2f  %7.2f  %9.2f\n", n, took / 1000, one / took, one / took / n }'
done | tee "$WORK/table"
holds 'four workers are at least 0.8 of four times as quick as one' '
    awk '"'"'$1 == 4 { exit !($4 >= 0.8) }'"'"' '"$WORK"'/table'
finish
