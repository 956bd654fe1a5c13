#!/usr/bin/env bash
# arsync.h by itself pleases strict C and C++ compilers, and every struct in it is where it was.
. "$(dirname "$0")/lib.sh"

strict=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$top/include" -fsyntax-only)
echo '#include "arsync.h"' > "$scratch/alone.c"
printf '#include "arsync.h"\n#include "arsync.h"\n' > "$scratch/twice.c"
printf '#define ARSYNC_MEASURING\n#include "arsync.h"\nint m = ARSYNC_METHOD_HEAP + ARSYNC_METHOD_MANAGED;\n' > "$scratch/measures.c"
sed 1d "$scratch/measures.c" > "$scratch/measures_unasked.c"
printf '#define ARSYNC_API extern\n#include "arsync.h"\n' > "$scratch/own_api.c"
refuses() { ! "$@" 2> /dev/null; }

# compile NAME COMPILER FLAG... - each source with this compiler, if there is one.
compile() {
    local name=$1 compiler=$2
    shift 2
    if ! command -v "$compiler" > /dev/null; then
        skip "the header with $name" "no $compiler"
        return
    fi
    check "the header alone is valid: $name" "$compiler" "$@" "${strict[@]}" "$scratch/alone.c"
    check "it may be included twice: $name" "$compiler" "$@" "${strict[@]}" "$scratch/twice.c"
    check "what is measured against is there for who asks: $name" "$compiler" "$@" "${strict[@]}" "$scratch/measures.c"
    check "and for nobody else: $name" refuses "$compiler" "$@" "${strict[@]}" "$scratch/measures_unasked.c"
    check "ARSYNC_API may be the program's: $name" "$compiler" "$@" "${strict[@]}" "$scratch/own_api.c"
    check "the structs have their layout: $name" "$compiler" "$@" "${strict[@]}" "$top/test/abi/layout.c"
}

for compiler in gcc clang; do
    compile "$compiler -std=c11" $compiler -std=c11
done
for compiler in g++ clang++; do
    compile "$compiler -std=c++17" $compiler -x c++ -std=c++17
    compile "$compiler -std=c++20" $compiler -x c++ -std=c++20
done
finish
