#!/usr/bin/env bash
# libarsync.a has no names but those of arsync.h: a program that has things of its own by every name
# that the library uses inside links it, and neither gets the other's.
. "$(dirname "$0")/lib.sh"

library=$build/libarsync.a
functions > "$scratch/functions"
# Names that the library's objects share with one another, and those of the C++ library that are in them.
find "$build/obj/lib" -name '*.o' -exec nm -g --defined-only {} + 2> /dev/null |
    awk 'NF == 3 { print $3 }' | sort -u | comm -23 - "$scratch/functions" > "$scratch/names"
nm -g --defined-only "$library" 2> /dev/null | awk 'NF == 3 { print $3 }' | sort > "$scratch/global"

cat > "$scratch/program.c" <<'C'
#define _XOPEN_SOURCE 700
#include <arsync.h>
#include <fcntl.h>

int main(int argc, char** argv) {
    arsync_copy_options options = {.struct_size = sizeof options, .flags = ARSYNC_COPY_RECURSIVE};
    arsync_pool* pool;
    arsync_completion done;
    int error = argc == 3 ? arsync_pool_open(0, &pool) : 1;
    if (error == 0)
        error = arsync_submit_copy(pool, AT_FDCWD, argv[1], AT_FDCWD, argv[2], &options, 0, 0);
    if (error == 0 && arsync_poll(pool, &done, 1, -1) == 1)
        error = done.result;
    return error != 0 || arsync_pool_close(pool) != 0;
}
C
{
    echo 'void abort(void);'
    awk '{ printf "void own%d(void) __asm__(\"%s\");\nvoid own%d(void) { abort(); }\n", NR, $1, NR }' "$scratch/names"
} > "$scratch/own.c"

# links COMPILER FLAG... - the program and what it has of its own, with the library.
links() { "$@" -w -I"$top/include" "$scratch/program.c" "$scratch/own.c" -o "$scratch/program" "$library" -luring -lstdc++ -lpthread; }
copies() {
    rm -rf "$scratch/to"
    timeout 60 "$scratch/program" "$top/include" "$scratch/to" && diff -r "$top/include" "$scratch/to"
}
# with NAME COMPILER FLAG...
with() {
    local name=$1
    shift
    if ! command -v "$1" > /dev/null; then
        skip "a program of $name" "no $1"
        return
    fi
    check "a program with all of its names links it: $name" links "$@"
    check "and copies: $name" copies
}

check 'the library has names inside' test -s "$scratch/names"
check 'outside it has the functions of arsync.h alone' same "$scratch/functions" "$scratch/global"
with gcc gcc
with 'gcc -flto' gcc -flto
with clang clang
with 'clang -flto' clang -flto
finish
