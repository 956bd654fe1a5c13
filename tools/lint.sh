#!/usr/bin/env bash
# lint.sh - formatting, shell scripts, man pages, and what clang++ warns of (g++ does when it builds, with
# warnings as errors, too). Each tool that is not installed is skipped with a line that says so; the exit status is that of all the others.
set -u
cd "$(dirname "$0")/.." || exit 1

status=0
# lint WHAT COMMAND... - run it if it is there, and remember if it complains.
lint() {
    local what=$1
    shift
    if ! command -v "$1" > /dev/null; then
        echo "skipped: $what: no $1 (make deps)"
    elif "$@"; then
        echo "ok: $what"
    else
        echo "not ok: $what"
        status=1
    fi
}

mapfile -t cpp < <(find lib tools test -name '*.cpp' | sort)
if ! pkg-config --exists fuse3; then
    mapfile -t cpp < <(printf '%s\n' "${cpp[@]}" | grep -Ev '^test/(fuse|crash)/')
fi
# Of the library clang-tidy tells what clang++ warns of, too: it is compiled with the same flags. QUICK=yes: no
# clang-tidy, and clang++ has the tools, not the tests, of which g++ warns in any case, nor the library, which
# test/abi/growth.sh builds with it.
has_tidy() { [ -z "${QUICK:-}" ] && command -v clang-tidy > /dev/null; }
if [ -n "${QUICK:-}" ]; then
    mapfile -t cpp < <(printf '%s\n' "${cpp[@]}" | grep '^tools/')
elif has_tidy; then
    mapfile -t cpp < <(printf '%s\n' "${cpp[@]}" | grep -v '^lib/')
fi
mapfile -t sources < <(find include lib tools test docs -name '*.[ch]' -o -name '*.cpp' | sort)
mapfile -t scripts < <(grep -rlE '^#!/usr/bin/env bash|^# shellcheck shell' .ci tools test packaging | sort)

lint 'format of the source' clang-format --dry-run -Werror "${sources[@]}"
# Meant: text in single quotes (2016), functions handed on by name (2317), subshells with variables of
# their own (2030, 2031), words that are also commands (2209), and the tests' odd names (1003, 1112).
check_scripts() {
    printf '%s\0' "${scripts[@]}" | xargs -0 -n 12 -P "$(nproc)" "$1" -x -P SCRIPTDIR -e SC1003,SC1112,SC2016,SC2030,SC2031,SC2209,SC2317
}
if command -v shellcheck > /dev/null; then
    lint 'shell scripts' check_scripts shellcheck
else
    echo 'skipped: shell scripts: no shellcheck (make deps)'
fi
manual=build/man/man1/arsync-cp.1
make -s $manual && lint 'arsync-cp.1' mandoc -T lint -W warning $manual
lint 'arsync-spread.1' mandoc -T lint -W warning man/arsync-spread.1

# The Makefile alone knows the flags; clang++ checks the mutexes, too (lib/io/mutex.h).
compile_all() {
    local flags common result
    mapfile -t flags < <(make -s print-flags CXX="$1" | xargs -n 1)
    common=$(mktemp)
    "${flags[@]}" -x c++-header -o "$common" test/precompiled.h &&
        printf '%s\0' "${cpp[@]}" |
        xargs -0 -n 1 -P "$(nproc)" "${flags[@]}" -Ilib -Itest -include-pch "$common" -fsyntax-only
    result=$?
    rm "$common"
    return "$result"
}
if command -v clang++ > /dev/null; then
    lint 'clang++ warnings' compile_all clang++
else
    echo 'skipped: clang++ warnings: no clang++ (make deps)'
fi

# Only the library, which takes 2 minutes on 2 cores. .clang-tidy says what it looks for.
tidy() {
    local flags
    mapfile -t flags < <(make -s print-flags CXX=clang++ | xargs -n 1)
    find lib -name '*.cpp' -print0 | sort -z |
        xargs -0 -P "$(nproc)" -I {} "$1" --quiet {} -- "${flags[@]:1}" -Ilib 2> /dev/null
}
if has_tidy; then
    lint 'clang-tidy, and clang++ warnings of the library' tidy clang-tidy
else
    echo "skipped: clang-tidy: not there (make deps), or QUICK is set"
fi
exit $status
