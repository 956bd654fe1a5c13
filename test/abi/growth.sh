#!/usr/bin/env bash
# A program built with this header runs on a library whose structs have grown, and one that was built
# with structs that have grown on this library.
. "$(dirname "$0")/lib.sh"

# Every struct that may grow gets one more field. The header is only written anew if it changed: the
# library that is built with it takes a while. By clang++ where it is there: so the library passes its
# warnings (but of what hides something, or is not used, as folders are compiled as one), and works when both compilers
# have had a part in it.
cxx=clang++
"$cxx" -std=c++20 -x c++ -fsyntax-only "$top/test/precompiled.h" 2> /dev/null || cxx=${CXX:-c++}
grown=$build/grown
mkdir -p "$grown/include" "$scratch/include"
awk '/^typedef struct/ { grows = 0 } / struct_size;/ { grows = 1 }
     /^} arsync_/ && grows { print "    uint64_t appended;" } { print }' "$top/include/arsync.h" > "$scratch/include/arsync.h"
cmp -s "$scratch/include/arsync.h" "$grown/include/arsync.h" || cp "$scratch/include/arsync.h" "$grown/include/"

grows() { grep -A1 '^    uint64_t appended;' "$grown/include/arsync.h" | grep -qx "} $1;"; }
builds_library() {
    make -s -C "$top" -j "$(nproc)" B="$grown" CXX="$cxx" CPPFLAGS="-I$grown/include" TOGETHER=yes CXXFLAGS=-O0 "$grown/libarsync.so"
}
# builds NAME INCLUDE FLAG... - against either library, which have the same functions.
builds() {
    local name=$1 include=$2
    shift 2
    "${CC:-cc}" -std=c11 -Wall -Wextra -Werror -I"$include" "$@" "$top/test/abi/growth.c" -o "$scratch/$name" "$build/libarsync.so"
}
# runs NAME LIBRARY - the program with the library of that directory.
runs() {
    rm -rf "$scratch/to"
    mkdir -p "$scratch/from"
    LD_LIBRARY_PATH=$2 timeout 60 "$scratch/$1" "$scratch/from" "$scratch/to"
}

for struct in pool_options copy_options adjustment info stats progress totals details; do
    check "arsync_$struct grows for the test" grows "arsync_$struct"
done
check 'the library with structs that have grown builds' builds_library
check 'a program builds with this header' builds today "$top/include"
check 'and runs on the library that has grown' runs today "$grown"
check 'a program builds with the header that has grown' builds later "$grown/include" -DGROWN
check 'and runs on this library' runs later "$build"
finish
