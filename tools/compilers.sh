#!/usr/bin/env bash
# compilers.sh [COMPILER...] - build the library, arsync-cp, and what tests them from inside, from C and in the
# simulated world, with each of these, or with each g++ from 12 and clang++ from 14 on that is installed, and run
# those tests (RUN, by default "unit client sim"). A warning is an error.
set -u
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || mapfile -t found < <(compgen -c | grep -E '^(g\+\+|clang\+\+)-[0-9]+$' | sort -uV | awk -F- '$1 == "g++" ? $2 >= 12 : $2 >= 14')
[ $# -gt 0 ] || set -- "${found[@]}"
[ $# -gt 0 ] || { echo 'make compilers: no g++-N or clang++-N is installed: apt-get install g++-14 clang-19, and the like' >&2; exit 1; }

read -ra run <<< "${RUN:-unit client sim}"

# all_pass BUILD: the suites, one after the other.
all_pass() {
    local suite
    for suite in "${run[@]}"; do "$1/test/$suite" || return; done
}

passed=0 failed=0
for compiler; do
    build=build/compilers/$compiler
    log=build/compilers/$compiler.log
    mkdir -p build/compilers
    case $compiler in # the C compiler beside it
        *clang++*) cc=${compiler/clang++/clang} ;;
        *) cc=${compiler/g++/gcc} ;;
    esac
    if make --no-print-directory -j"$(nproc)" B="$build" CXX="${CCACHE:-} $compiler" CC="$cc" PRECOMPILED= CXXFLAGS="${CXXFLAGS:--O2}" \
        "$build/libarsync.so" "$build/arsync-cp" "${run[@]/#/$build/test/}" > "$log" 2>&1 && all_pass "$build" >> "$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok $compiler: $("$compiler" --version | head -n 1)"
    else
        failed=$((failed + 1))
        grep -E 'error|warning|FAILED|Error' "$log" | head -n 20
        echo "not ok $compiler ($log)"
    fi
done
echo "# $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
