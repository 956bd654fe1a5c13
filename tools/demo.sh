#!/usr/bin/env bash
# demo.sh [ARSYNC_CP] - copy a large file and several real files with arsync-cp, prove that the copies
# are right, show what was used, and time it beside cp. Leaves nothing behind.
#
# TMPDIR says where (default: /var/tmp, which is on a disk more often than /tmp).
set -euo pipefail

arsync_cp=$(realpath "${1:-build/arsync-cp}")
rounds=5
dir=$(mktemp -d -p "${TMPDIR:-/var/tmp}" arsync-demo.XXXXXX)
trap 'rm -rf "$dir"' EXIT

cd "$dir"

title() { printf '\n== %s\n' "$*"; }

# run COMMAND... - say it, then do it.
run() {
    printf '$ %s\n' "${*/#"$arsync_cp"/arsync-cp}"
    "$@"
}

# arsync-cp draws its progress on a terminal only. Where the output goes elsewhere it gets one from
# script(1), and some of what it draws there becomes lines: one each ten percent and each file.
with_terminal() {
    if [ -t 2 ] || ! command -v script > /dev/null; then
        "$@"
    else
        SHELL=/bin/bash script -qec "$(printf '%q ' "$@")" /dev/null < /dev/null |
            sed -u -e 's/\r$//' -e 's/\r/\n/g' -e 's/\x1b\[K//g' |
            awk '/^[0-9]+%/ { step = int($1 / 10) " " $3; if (step == last) next; last = step } /./'
    fi
}

# ---- Files to copy ------------------------------------------------------------------------------

# The large file and a copy have to fit, with room to spare for everybody else.
large_mib=1024
free_mib=$(df --output=avail -m . | tail -n 1)
if [ "$free_mib" -lt $((large_mib * 4)) ]; then large_mib=$((free_mib / 8)); fi
if [ "$large_mib" -lt 16 ]; then echo "demo: too little space in $dir" >&2; exit 1; fi

title "Files to copy, in a directory on $(stat -f -c %T .)"
# Real bytes: this machine's libraries and programs in a row, as often as it takes.
# head has what it wants before tar is through; the broken pipe ends the loop.
while tar -cf - -C / usr/lib usr/share; do :; done 2> /dev/null | head -c "${large_mib}M" > large || true
mkdir several copies
find /usr/lib /usr/share -xdev -type f -size +512k -size -32M -readable -printf '%f\t%p\n' |
    sort -u -t $'\t' -k 1,1 | cut -f 2 | awk 'NR <= 24' | xargs -r -d '\n' cp -t several
ls -sh large
printf '%s and %d files from /usr\n' "$(du -sh several | cut -f 1)" "$(find several -type f | wc -l)"
sync -f .

# ---- Copies -------------------------------------------------------------------------------------

title 'A large file, with progress, read back and compared; --debug says what was used'
echo '$ arsync-cp --progress --verify --debug large copy'
with_terminal "$arsync_cp" --progress --verify --debug large copy
run cmp large copy && echo 'cmp finds them the same, too'
rm copy

title 'Several real files into a directory, each replaced as a whole and kept on disk'
echo '$ arsync-cp --progress --verify --atomic --durable -p -t copies several/*'
with_terminal "$arsync_cp" --progress --verify --atomic --durable -p -t copies several/*
run diff -r several copies && echo 'diff finds them the same, too'

# ---- How fast -----------------------------------------------------------------------------------

# timed COMMAND... - seconds that it takes.
timed() {
    local start=${EPOCHREALTIME/,/.}
    "$@"
    awk -v start="$start" -v end="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%.3f\n", end - start }'
}
cp_then_sync() { cp "$1" "$2" && sync "$2"; }

# trial NAME COMMAND... - time one copy to a new file, with nothing left to write from the one before.
trial() {
    local name=$1
    shift
    sync -f .
    timed "$@" large "copy.$name" >> "times.$name"
    rm "copy.$name"
}

# compare TITLE A B - medians and fastest of what trial wrote for A and B, and their ratio.
compare() {
    for name in "$2" "$3"; do
        sort -n "times.$name" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)], t[1] }'
    done | awk -v title="$1" '
        { median[NR] = $1; least[NR] = $2 }
        END {
            printf "%-34s cp %.3f s (least %.3f)   arsync-cp %.3f s (least %.3f)   ratio %.2f\n",
                title, median[1], least[1], median[2], least[2], median[2] / median[1]
        }'
}

title "Beside cp: ${large_mib} MiB, $rounds rounds in turn, medians (a first look; make bench measures with care)"
# The first round warms memory and cache, and does not count.
for ((round = 0; round <= rounds; round++)); do
    if [ $round = 1 ]; then rm times.*; fi
    trial cp cp
    trial arsync "$arsync_cp"
    trial cp-durable cp_then_sync
    trial arsync-durable "$arsync_cp" --durable
done
compare 'cached' cp arsync
compare 'cached, then kept on disk' cp-durable arsync-durable

if [ -w /proc/sys/vm/drop_caches ]; then
    for ((round = 0; round < rounds; round++)); do
        for name in cp arsync; do
            sync -f .
            echo 1 > /proc/sys/vm/drop_caches
            if [ $name = cp ]; then trial cp-cold cp; else trial arsync-cold "$arsync_cp"; fi
        done
    done
    compare 'not cached' cp-cold arsync-cold
else
    echo 'not cached: only root can empty the page cache; not measured'
fi
