#!/usr/bin/env bash
# musl.sh - build the library, arsync-cp and the unit tests with musl in place of glibc, run the tests, and
# try the program, which is one file without libraries, in a root that has nothing else in it.
#
# musl-gcc has no C++ library, so this takes clang, libc++ and musl from the package ziglang of PyPI:
# pip install ziglang. $ZIG is how it is called (python3 -m ziglang).
set -eu
cd "$(dirname "$0")/.."
read -ra zig <<< "${ZIG:-python3 -m ziglang}"
"${zig[@]}" version > /dev/null 2>&1 || { echo 'make musl: no zig: pip install ziglang' >&2; exit 1; }
build=$PWD/build/musl
triplet=$(uname -m)-linux-musl
mkdir -p "$build/bin" "$build/include"
# The Makefile goes by the name. The machine's other headers are glibc's.
wrapper() { printf '#!/bin/sh\nexec %s %s -target %s "$@"\n' "${zig[*]}" "$2" "$triplet" > "$build/bin/$1"; }
wrapper clang cc
wrapper clang++ c++
chmod +x "$build"/bin/*
for header in liburing.h liburing xxhash.h nlohmann doctest; do ln -sfn "/usr/include/$header" "$build/include/$header"; done
# Of liburing the functions that it has from a C library are in musl, too.
uring=$(cc -print-file-name=liburing.a)
mkdir -p "$build/lib" && ln -sfn "$uring" "$build/lib/liburing.a"

PATH=$build/bin:$PATH make --no-print-directory -j"$(nproc)" B=build/musl CC=clang CXX="${CCACHE:-} clang++" \
    CPPFLAGS="-isystem $build/include" LDFLAGS="-static -L$build/lib" CXXFLAGS="${CXXFLAGS:--O1}" runtime= uring_a=-luring \
    build/musl/arsync-cp build/musl/test/unit

if objdump -p build/musl/arsync-cp | grep -E 'NEEDED|INTERP'; then echo 'make musl: arsync-cp wants a library' >&2; exit 1; fi
ls -l build/musl/arsync-cp
mkdir -p build/musl/static && cp build/musl/arsync-cp build/musl/static/arsync-cp
ARSYNC_BUILD=$build test/run build/musl/test/unit test/packages/static.sh
