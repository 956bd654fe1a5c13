#!/usr/bin/env bash
# libarsync.so shows the functions of arsync.h, no more and no fewer, and so does its map.
. "$(dirname "$0")/lib.sh"

library=$build/libarsync.so
functions > "$scratch/header"
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort > "$scratch/exported"
grep -o '^ *arsync_[a-z_]*;' "$top/lib/arsync.map" | tr -d ' ;' | sort > "$scratch/map"

soname_is() { objdump -p "$library" | grep -qx " *SONAME *$1"; }
needs_no_cxx_runtime() { ! objdump -p "$library" | grep -E 'NEEDED.*(libstdc\+\+|libgcc_s)'; }
# All locales come with the first stream, and are a third of the file. Names of types are there in what is stripped, too.
brings_no_locales() { test -s "$1" && ! grep -aqE 'St(3__1)?8time_getI' "$1"; }
every_symbol_has_a_version() { ! nm -D --defined-only "$library" | grep ' T ' | grep -v '@@ARSYNC_0\.[0-9]*$'; }

check 'the header declares functions' test -s "$scratch/header"
check 'the library exports exactly the functions of the header' same "$scratch/header" "$scratch/exported"
check 'so does its map' same "$scratch/header" "$scratch/map"
check 'each has the version of the release it came with' every_symbol_has_a_version
check 'the soname has the major version' soname_is "libarsync.so.$(sed -n 's/.*define ARSYNC_VERSION_MAJOR //p' "$top/include/arsync.h")"
check 'the library brings its C++ runtime' needs_no_cxx_runtime
check 'and nothing of its locales' brings_no_locales "$library"
check 'nor does arsync-cp' brings_no_locales "$build/arsync-cp"
finish
