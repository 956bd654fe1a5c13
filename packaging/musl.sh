#!/usr/bin/env bash
# musl.sh - build the library, arsync-cp and the unit tests with musl in place of glibc, run these and those of
# the command line, and try the program, which is one file without libraries, in a root that has nothing else
# in it.
#
# musl-gcc has no C++ library, so this takes clang, libc++ and musl from the package ziglang of PyPI:
# pip install ziglang. $ZIG is how it is called (python3 -m ziglang). That libc++ and musl are compiled
# when they are first linked, which takes minutes.
set -eu
cd "$(dirname "$0")/.."
read -ra zig <<< "${ZIG:-python3 -m ziglang}"
"${zig[@]}" version > /dev/null 2>&1 || { echo 'make musl: no zig: pip install ziglang' >&2; exit 1; }
build=$PWD/build/musl
triplet=$(uname -m)-linux-musl
mkdir -p "$build/bin" "$build/include" "$build/lib" "$build/static" "$build/test"
# The Makefile goes by the name. zig's linker cannot make one object that keeps its groups (-r), for which any
# other is as good. musl's ioctl takes an int for what the kernel's headers make unsigned.
wrapper() {
    printf '#!/bin/sh\ncase " $* " in *" -r "*) exec g++ "$@" ;; esac\nexec %s %s -target %s "$@" -Wno-sign-conversion\n' \
        "${zig[*]}" "$2" "$triplet" > "$build/bin/$1"
}
wrapper clang cc
wrapper clang++ c++
chmod +x "$build"/bin/*
# The machine's other headers are glibc's.
for header in liburing.h liburing xxhash.h doctest; do ln -sfn "/usr/include/$header" "$build/include/$header"; done
# Of liburing the functions that it has from a C library are in musl, too.
ln -sfn "$(cc -print-file-name=liburing.a)" "$build/lib/liburing.a"

# The tests of the ring have functions of liburing in their own place, which takes a shared liburing.
mapfile -t tests < <(find test/unit -name '*.cpp' ! -name uring_test.cpp | sed 's|\(.*\)\.cpp|build/musl/obj/\1.o|')
PATH=$build/bin:$PATH make --no-print-directory -j"$(nproc)" B=build/musl CC=clang CXX="${CCACHE:-} clang++" \
    CPPFLAGS="-isystem $build/include" LDFLAGS="-static -L$build/lib" CXXFLAGS="${CXXFLAGS:--O1}" runtime= uring_a=-luring \
    build/musl/arsync-cp "${tests[@]}"
mapfile -t library < <(find lib -name '*.cpp' | sed 's|\(.*\)\.cpp|build/musl/obj/\1.o|')
"$build/bin/clang++" -pthread -static "-L$build/lib" -o build/musl/test/unit "${tests[@]}" "${library[@]}" -luring

if objdump -p build/musl/arsync-cp | grep -E 'NEEDED|INTERP'; then echo 'make musl: arsync-cp wants a library' >&2; exit 1; fi
cp build/musl/arsync-cp build/musl/static/arsync-cp
ls -l build/musl/arsync-cp
# The command line's tests compare with the machine's cp, and know musl's words.
mapfile -t cli < <(find test/cli -name '*.sh' ! -name lib.sh | sort)
ARSYNC_BUILD=$build ARSYNC_CP=$build/arsync-cp test/run build/musl/test/unit test/packages/static.sh "${cli[@]}"
