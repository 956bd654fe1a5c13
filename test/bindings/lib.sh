# shellcheck shell=bash
# What the bindings' scripts share, beside test/abi/lib.sh: the staged library as the only one that
# pkg-config and the loader find, and the comparison with cases.md. A script's tests print lines
# "ok NAME", "not ok NAME" and "SKIP: NAME: why" (or are made to), which `tally` counts.
. "$(dirname "${BASH_SOURCE[0]}")/../abi/lib.sh"

here=$top/test/bindings
export PKG_CONFIG_LIBDIR=$stage/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
export LD_LIBRARY_PATH=$stage/usr/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

[ -f "$stage/usr/lib/pkgconfig/arsync.pc" ] || { echo 'no staged install: make stage'; exit 1; }

# cases - their names, in order.
cases() { sed -n 's/^[0-9]*\. `\([a-z0-9_]*\)`.*/\1/p' "$here/cases.md"; }

# has_all_cases LIST - LIST, names in the order of a source, has those of cases.md in their order.
has_all_cases() {
    cases > "$scratch/cases"
    grep -xF -f "$scratch/cases" "$1" > "$scratch/cases.here"
    same "$scratch/cases" "$scratch/cases.here"
}

# skip_all WHY - there is no tool for this language.
skip_all() {
    printf 'SKIP: %s: %s\n' "$(basename "$0" .sh)" "$1"
    exit 77
}

# tally COMMAND... - run it, show what it prints, and count its lines; that it fails without a line
# that says so is a failure too.
tally() {
    local status p f s
    "$@" > "$scratch/tally" 2>&1
    status=$?
    cat "$scratch/tally"
    p=$(grep -c '^ok ' "$scratch/tally")
    f=$(grep -c '^not ok ' "$scratch/tally")
    s=$(grep -c '^SKIP: ' "$scratch/tally")
    if [ "$status" != 0 ] && [ "$f" = 0 ]; then
        printf 'not ok %s: exit status %s\n' "$1" "$status"
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
