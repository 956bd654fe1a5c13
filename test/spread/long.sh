#!/usr/bin/env bash
# Not of `make check`: 100,000 files and one of 4 GiB over three hosts, one of which loses its power in the
# middle. FILES and BIG change how much.
. "$(dirname "$0")/lib.sh"

if ! command -v fpart parallel > /dev/null || ! make_hosts 3; then
    skip '100,000 files over three hosts' 'needs root, network namespaces, sshd, fpart and GNU parallel'
    finish
fi
python3 "$(dirname "$0")/tree.py" "$WORK/s" "${FILES:-100000}" "${BIG:-4294967296}"
holds 'what three hosts make of it, one of them killed in the middle, and a second run, is what cp -a makes' '
    cp -a '"$WORK"'/s judge; ln -s '"$WORK"'/s s
    spread_alone --on=h1,h2,h3 --chunk=512M --files=3000 s/ d > out 2>&1 & pid=$!
    eventually "test \$(ls .d.arsync-spread/records 2> /dev/null | grep -c .) -ge 8"; kill_host h2; sleep 1; kill -INT $pid; wait $pid || true; cat out; spread --status s d || true
    cp -a .d.arsync-spread/records before; spread --on=h1,h3 --chunk=512M --files=3000 s/ d -v > out; cat out; identical judge d
    { find judge | wc -l; du -s --apparent-size -BM judge; grep -l "\"status\": 0," before/[0-9]* | wc -l; tail -n 1 out; } > '"$WORK"'/figures
    for unit in $(grep -l "\"status\": 0," before/[0-9]*); do cmp $unit .d.arsync-spread/records/${unit##*/}; done'
# Names, MiB, units that were done when the host was killed, and what the next run did.
cat "$WORK/figures" 2> /dev/null
finish
