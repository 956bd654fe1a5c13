#!/usr/bin/env bash
# libarsync.so shows the functions of arsync.h, no more and no fewer; so do its map and its man page;
# and that of arsync-cp has its options.
. "$(dirname "$0")/lib.sh"

library=$build/libarsync.so
functions > "$scratch/header"
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort > "$scratch/exported"
grep -o '^ *arsync_[a-z_]*;' "$top/lib/arsync.map" | tr -d ' ;' | sort > "$scratch/map"
sed -n 's/^\.Fn \(arsync_[a-z_]*\).*/\1/p; s/^\.Fo \(arsync_[a-z_]*\)$/\1/p' "$top/man/arsync.3" | sort -u > "$scratch/manual"

# What a C program can name besides functions: types, fields, constants.
names() {
    sed -e ':all; N; $! b all; s|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' "$top/include/arsync.h" > "$scratch/bare.h"
    grep -oE '\bARSYNC_[A-Z0-9_]+' "$scratch/bare.h" | grep -v -e '_H$' -e _API
    sed -n '/^typedef struct arsync_[a-z_]* {/,/^}/s/^ *[a-z0-9_ ]*[ *]\([a-z_]*\)\(\[[0-9]*\]\)*;.*/\1/p' "$scratch/bare.h"
}
# A name in a sentence is no description: it has to be marked up, on a line of its own (Dv of a
# constant, Fa of a field), where others may stand beside it.
all_in_manual() {
    local missing=0
    sed -nE 's/^\.(It )?(Dv|Fa) (.*)/\3/p' "$top/man/arsync.3" | grep -oE '[A-Za-z0-9_]+' | sort -u > "$scratch/marked"
    for name in $(names | sort -u); do
        grep -qx -- "$name" "$scratch/marked" || { echo "not in arsync.3: $name"; missing=1; }
    done
    return "$missing"
}
# mdoc writes -f, --force[=X] as Fl f , Fl -force Ns Op = Ns Ar X.
options_in_manual() {
    local missing=0
    "$build/arsync-cp" --help | grep -oE '^ +-.*' | grep -oE -- '(^ +|, )--?[a-zA-Z][a-z-]*' | grep -oE -- '-[a-zA-Z-]+' > "$scratch/options"
    while read -r option; do
        grep -qE -- "Fl ${option#-}( |$)" "$top/man/arsync-cp.1" || { echo "not in arsync-cp.1: $option"; missing=1; }
    done < "$scratch/options"
    [ -s "$scratch/options" ] && return "$missing"
}
soname_is() { objdump -p "$library" | grep -qx " *SONAME *$1"; }
needs_no_cxx_runtime() { ! objdump -p "$library" | grep -E 'NEEDED.*(libstdc\+\+|libgcc_s)'; }
every_symbol_has_a_version() { ! nm -D --defined-only "$library" | grep ' T ' | grep -v '@@ARSYNC_0\.[0-9]*$'; }
# A man page that -l formats without a word on stderr has no mistake that groff knows of.
formats_cleanly() { [ -z "$(man -l --warnings=w -Tutf8 "$1" 2>&1 > /dev/null)" ]; }

check 'the header declares functions' test -s "$scratch/header"
check 'the library exports exactly the functions of the header' same "$scratch/header" "$scratch/exported"
check 'so does its map' same "$scratch/header" "$scratch/map"
check 'each has the version of the release it came with' every_symbol_has_a_version
check 'the soname has the major version' soname_is "libarsync.so.$(sed -n 's/.*define ARSYNC_VERSION_MAJOR //p' "$top/include/arsync.h")"
check 'the library brings its C++ runtime' needs_no_cxx_runtime
check 'arsync.3 has the synopsis of each function' same "$scratch/header" "$scratch/manual"
check 'arsync.3 names every constant and every field' all_in_manual
check 'arsync-cp.1 has every option of --help' options_in_manual
for page in arsync.3 arsync-cp.1; do
    if command -v man > /dev/null; then
        check "$page formats without warnings" formats_cleanly "$top/man/$page"
    else
        skip "the format of $page" 'no man'
    fi
done
finish
