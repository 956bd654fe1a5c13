#!/usr/bin/env bash
# abi-check.sh BUILD [REVISION] - compare the ABI of libarsync.so with that of a revision, or of the
# last tag v*: functions that went away, and structs that changed in a way that a program would notice.
#
# Both are built with debug information, without optimisation, below BUILD/abi.
set -eu
cd "$(dirname "$0")/.."
build=$1
base=${2:-$(git describe --tags --abbrev=0 --match 'v*' 2> /dev/null || true)}
if [ -z "$base" ]; then
    echo 'abi-check: no release has been tagged yet, so there is nothing to compare with; make abi-check ABI_BASE=REVISION' >&2
    exit 1
fi
command -v abidiff > /dev/null || { echo 'abi-check: no abidiff (tools/deps.sh package)' >&2; exit 1; }

mkdir -p "$build/abi"
abi=$(cd "$build/abi" && pwd)
rm -rf "$abi/source"
mkdir -p "$abi/source"
git archive "$base" | tar -x -C "$abi/source"
# library TREE NAME
library() {
    make --no-print-directory -C "$1" -j"$(nproc)" B="$abi/$2" CXXFLAGS="${CXXFLAGS:--g -O0}" "$abi/$2/libarsync.so"
}
library "$abi/source" base
library . this

status=0
abidiff --headers-dir1 "$abi/source/include" --headers-dir2 include --drop-private-types \
    "$abi/base/libarsync.so" "$abi/this/libarsync.so" || status=$?
# Its bits: 1 an error, 2 wrong usage, 4 a change, 8 a change that breaks programs.
if ((status & 8)); then echo "abi-check: programs that were built with $base would break"
elif ((status & 4)); then echo "abi-check: changed since $base, and compatible"
elif ((status)); then echo "abi-check: abidiff failed"
else echo "abi-check: the same ABI as $base"; fi
exit $((status & ~4))
