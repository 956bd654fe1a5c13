#!/usr/bin/env bash
# abi-check.sh BUILD [REVISION] - compare the ABI of libarsync.so with that of a revision, or of the
# last tag v*: functions that went away, and structs and constants that changed in a way that a program
# would notice (abi-compare.sh).
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
# Files of an older commit are older than what was built of another: each has objects of its own.
objects=base-$(git rev-parse --short --verify "$base^{commit}")
rm -rf "$abi/source"
mkdir -p "$abi/source"
git archive "$base" | tar -x -C "$abi/source"
# library TREE NAME
library() {
    make --no-print-directory -C "$1" -j"$(nproc)" B="$abi/$2" CXXFLAGS="${CXXFLAGS:--g -O0}" "$abi/$2/libarsync.so"
}
library "$abi/source" "$objects"
library . this

if packaging/abi-compare.sh "$abi/$objects/libarsync.so" "$abi/source/include" "$abi/this/libarsync.so" include; then
    echo "abi-check: programs that were built with $base run with this"
else
    echo "abi-check: programs that were built with $base would break"
    exit 1
fi
