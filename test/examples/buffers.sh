#!/usr/bin/env bash
# The examples of leased buffers: hashcp.c, fanout.c and zstdio.c of docs/examples.
. "$(dirname "$0")/lib.sh"

short() { test "$(wc -l < "$top/docs/examples/$1.c")" -lt 100; }
# Sizes around the ends of blocks; the largest goes round the buffers more than once.
sizes='0 1 4096 524288 2097153 23456789'
for size in $sizes; do head -c "$size" /dev/urandom > "$scratch/$size"; done

hashes() {
    local size
    for size in $sizes; do
        rm -f "$scratch/to"
        "$scratch/hashcp" "$scratch/$size" "$scratch/to" > "$scratch/said" || return 1
        cmp "$scratch/$size" "$scratch/to" || return 1
        [ "$(cut -d' ' -f1 "$scratch/said")" = "$("$scratch/xxh3" < "$scratch/$size")" ] || return 1
    done
}
# The hash of what is on stdin, in one go.
cat > "$scratch/xxh3.c" << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>
int main(void) {
    size_t room = 64 << 20;
    char *all = malloc(room);
    printf("%016llx\n", (unsigned long long)XXH3_64bits(all, fread(all, 1, room, stdin)));
    return 0;
}
END
fans_out() {
    local size name
    for size in $sizes; do
        rm -f "$scratch/a" "$scratch/b" "$scratch/c"
        "$scratch/fanout" "$scratch/$size" "$scratch/a" "$scratch/b" "$scratch/c" || return 1
        for name in a b c; do cmp "$scratch/$size" "$scratch/$name" || return 1; done
    done
}
compresses() {
    local size
    for size in $sizes; do
        rm -f "$scratch/packed"
        "$scratch/zstdio" "$scratch/$size" "$scratch/packed" || return 1
        zstd -qdc "$scratch/packed" | cmp - "$scratch/$size" || return 1
    done
}
fails() { ! "$scratch/$1" "$scratch/missing" "$scratch/to" "${@:2}" 2> "$scratch/said" && [ -s "$scratch/said" ]; }

spares() {
    local size
    for size in $sizes; do
        if "$scratch/$1" "$scratch/$size" "$scratch/$size" "${@:2}" 2> "$scratch/said"; then return 1; fi
        [ "$(stat -c %s "$scratch/$size")" = "$size" ] || return 1
    done
}

for name in hashcp fanout zstdio; do check "$name in fewer than 100 lines" short "$name"; done
check 'hashcp builds' builds hashcp -lxxhash
check 'so does what it is compared with' "${CC:-cc}" "$scratch/xxh3.c" -o "$scratch/xxh3" -lxxhash
check 'it copies a file and tells its hash' hashes
check 'it says what failed' fails hashcp
check 'it does not write to what it reads' spares hashcp
check 'fanout builds' builds fanout
check 'it copies a file to three places' fans_out
check 'it says what failed' fails fanout "$scratch/b" "$scratch/c"
check 'it does not write to what it reads' spares fanout "$scratch/b" "$scratch/c"
if pkg-config --exists libzstd && command -v zstd > /dev/null; then
    check 'zstdio builds' builds zstdio -lzstd
    check 'zstd unpacks what it has packed' compresses
    check 'it says what failed' fails zstdio
    check 'it does not write to what it reads' spares zstdio
else
    skip 'zstdio' 'no libzstd, or no zstd'
fi
finish
