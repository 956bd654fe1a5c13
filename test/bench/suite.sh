#!/usr/bin/env bash
# The benchmark suite runs: tiny works, few rounds, on real file systems; and goes on where it was.
. "$(dirname "$0")/../abi/lib.sh"

bench=$top/tools/arsync-bench
# Copies of the pages that it writes into.
mkdir -p "$scratch/docs" "$scratch/images" "$scratch/build/bench"
cp "$top/docs/BENCHMARKS.md" "$scratch/docs/"
cp "$top/README.md" "$scratch/"
ln -s "$build/arsync-cp" "$scratch/build/arsync-cp"
for program in corpus floor inside kernel_news peak speed touch; do ln -s "$build/bench/$program" "$scratch/build/bench/"; done

export ARSYNC_BENCH_ROUNDS=2 ARSYNC_BENCH_SCALE=0.001 ARSYNC_BENCH_DIR=$scratch/images
full() { "$bench/full" "$scratch/build" --docs "$scratch/docs" --cells "$@"; }
results() { python3 -c "import json; r = json.load(open('$scratch/docs/bench/results.json')); $1"; }
page() { cat "$scratch/docs/BENCHMARKS.md"; }

refuses() {
    local words=$1
    shift
    ! "$@" > "$scratch/said" 2>&1 && grep -q -- "$words" "$scratch/said"
}
check 'a row that is not there is refused' refuses 'there is no row nonsense' "$bench/run" "$build" nonsense
check 'without a build directory there is its usage' refuses usage: "$bench/run"
check 'a trace needs a command' refuses 'which command' "$bench/trace"
check 'a part that is not there is refused' refuses 'there is no part nonsense' "$bench/news" "$build" "$scratch" nonsense

lists() { full '*' --list > "$scratch/list" && grep -q '^tree.cached.ext4 ' "$scratch/list" && grep -q '^all ' "$scratch/list"; }
check 'the parts are listed with their times' lists

if [ "$(id -u)" != 0 ] || ! command -v hyperfine > /dev/null || ! losetup -f > /dev/null 2>&1; then
    skip 'the suite runs' 'needs root, hyperfine and loop devices'
    finish
fi

few=4K.cached.tmpfs,1G.durable.ext4,methods.sharing
no_time() { full "$few" --minutes 0 > "$scratch/said" && grep -q 'the time is over: 3 parts are left' "$scratch/said"; }
check 'when the time is over the rest is left' no_time

runs() { full "$few" > "$scratch/said" && [ "$(grep -c 'min to go' "$scratch/said")" = 3 ]; }
check 'tiny works are measured' runs
check 'the raw results are JSON, with all trials' results "
assert len(r['parts']) == 3, list(r['parts'])
for part in r['parts'].values():
    assert part['kind'] != 'failed', part
    assert all(len(t) >= 2 for t in part['trials'].values() if t), part['trials']
assert {'ours', 'cp'} <= set(r['parts']['1G.durable.ext4']['trials'])
assert r['parts']['4K.cached.tmpfs']['counts']['ours']['peak_kib'] > 0"
written() {
    page | grep -q 'only shows that the suite works' && page | grep -q '^| 20 files of 4 KiB, cached |' &&
        page | grep -q '^- Not measured: 1G.cached.ext4' && page | grep -q '^| sharing | reflink |'
}
check 'the page has its figures, and says that the run is small' written
check 'the README has no plot of a small run' cmp "$top/README.md" "$scratch/README.md"
plotted() { [ -s "$scratch/docs/bench/matrix.svg" ] && [ -s "$scratch/docs/bench/methods.sharing.png" ]; }
if command -v gnuplot > /dev/null; then
    check 'plots are drawn' plotted
else
    skip 'plots are drawn' 'no gnuplot'
fi

dates() { stat -c '%n %Y %i' "$scratch"/build/full/*/*.json; }
resumes() {
    dates > "$scratch/before"
    rm "$scratch"/build/full/*/methods.sharing.json
    full "$few" > "$scratch/said" && grep -q '2 of 3 parts are there already' "$scratch/said" &&
        [ "$(grep -c 'min to go' "$scratch/said")" = 1 ] &&
        dates | grep -v methods.sharing | diff - <(grep -v methods.sharing "$scratch/before")
}
check 'what is measured is not measured again' resumes
anew() {
    rm "$scratch/build/arsync-cp"
    cp "$build/arsync-cp" "$scratch/build/arsync-cp"
    echo >> "$scratch/build/arsync-cp"
    full 4K.cached.tmpfs > "$scratch/said" && ! grep -q 'there already' "$scratch/said"
}
check 'what another arsync-cp gave is measured anew' anew
news() { ARSYNC_BENCH_SCALE=0.02 "$bench/news" "$scratch/build" "$scratch/images" > "$scratch/said"; }
check 'what newer kernels bring is measured' news
has_rows() {
    for what in 'rings of 16 buffers' 'xattrs of a link' 'pieces of 4 KiB' poll '16 in flight' 'a hole of' 'read cold' 'copied, O_DIRECT (xfs)' 'fdatasync of 64'; do
        grep -q "^|.*$what" "$scratch/said" || return 1
    done
    ! grep '^|' "$scratch/said" | grep -qv '^\(|[^|]*\)\{6\}|$'
}
check 'each is in the table, or said to be absent' has_rows
leaves_nothing() { [ -z "$(ls "$scratch/images")" ] && ! grep -q "$scratch/images" /proc/mounts && ! losetup -a | grep -q "$scratch/images"; }
check 'no image, mount or loop device is left' leaves_nothing

head -c 1M /dev/urandom > "$scratch/data"
sees() {
    rm -f "$scratch/copy"
    "$bench/trace" --tool "$1" "$build/arsync-cp" --method=fixed "$scratch/data" "$scratch/copy" > "$scratch/said" &&
        grep -q 'calls of io_uring_enter' "$scratch/said" && grep -q '^WRITE_FIXED' "$scratch/said"
}
for tool in perf bpftrace; do
    if ! command -v $tool > /dev/null; then
        skip "the ring is seen by $tool" 'it is not there'
    elif [ ! -d /sys/kernel/tracing/events/io_uring ] || [ "$(cat /proc/sys/kernel/io_uring_disabled 2> /dev/null)" = 2 ]; then
        skip "the ring is seen by $tool" 'no tracepoints, or no io_uring'
    else
        check "the ring is seen by $tool" sees $tool
    fi
done
finish
