# shellcheck shell=bash
# What the shell tests of the packaging share. Source it, then write statements as
#   check 'what holds' command...        it holds if the command succeeds
#   skip 'what cannot be seen' 'why'
# and end with `finish`. ARSYNC_BUILD is the build directory, ARSYNC_STAGE an installed tree.
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${ARSYNC_BUILD:-$top/build}
stage=$build/stage
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 skipped=0

check() {
    local what=$1
    shift
    if "$@" > "$scratch/check.out" 2>&1; then
        passed=$((passed + 1))
        printf 'ok %s\n' "$what"
    else
        failed=$((failed + 1))
        sed 's/^/    /' "$scratch/check.out"
        printf 'not ok %s\n' "$what"
    fi
}

skip() {
    skipped=$((skipped + 1))
    printf 'SKIP: %s: %s\n' "$1" "$2"
}

finish() {
    printf '# %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ]
    exit
}

# functions - the names of the functions that arsync.h declares.
functions() { sed -n 's/^ARSYNC_API .*\(arsync_[a-z_]*\)(.*/\1/p' "$top/include/arsync.h" | sort; }

# same FILE FILE - as cmp, but says what differs.
same() { diff -u "$1" "$2"; }

# pkg_config ARGUMENT... - as a program would ask, but about the staged tree and nothing else.
pkg_config() {
    PKG_CONFIG_LIBDIR=$stage/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage \
        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config "$@"
}
