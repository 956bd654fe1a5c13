#!/usr/bin/env bash
# The Python module: its cases and its own tests, with the installed library and as a wheel.
. "$(dirname "$0")/lib.sh"

package=$top/bindings/python
if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi # some tests make ten thousand files
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
command -v python3 > /dev/null || skip_all 'no python3 (make deps)'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip_all "$(python3 --version) is older than 3.9"
python3 -c 'import pytest' 2> /dev/null || skip_all 'no pytest (make deps)'

# tests FILE... - with a line for each, as lib.sh wants it. ARSYNC_CFLAGS says where arsync.h is.
tests() {
    local status
    (cd "$package/tests" && PYTHONPATH=$package ARSYNC_CFLAGS=$(pkg-config --cflags arsync) \
        timeout 600 python3 -m pytest -p no:cacheprovider -v -rs "$@") > "$scratch/pytest" 2>&1
    status=$?
    sed -nE 's/^test_[a-z]+\.py::test_(.*) PASSED .*/ok \1/p; s/^test_[a-z]+\.py::test_(.*) (FAILED|ERROR) .*/not ok \1/p
        s/^SKIPPED \[[0-9]+\] ([^ ]*) (.*)/SKIP: \1 \2/p' "$scratch/pytest"
    [ "$status" = 0 ] || sed 's/^/    /' "$scratch/pytest"
    return "$status"
}

# program N - the Nth one of the README, run against the installed library.
program() {
    awk -v n="$1" '/^```/ { if (inside) inside = 0; else if (/python/ && ++count == n) { inside = 1; next } } inside' \
        "$package/README.md" > "$scratch/program$1.py"
    shift
    PYTHONPATH=$package python3 "$scratch"/program*.py "$@"
}
first_program() {
    mkdir -p "$scratch/tree" && echo hello > "$scratch/tree/file" && program 1 "$scratch/tree" "$scratch/copy" &&
        diff -r "$scratch/tree" "$scratch/copy" && rm "$scratch"/program1.py
}
second_program() { program 2 "$scratch/tree" "$scratch/copy2" && diff -r "$scratch/tree" "$scratch/copy2"; }
# One file is in the way: it is kept, with the new one beside it.
example_answers() {
    mkdir -p "$scratch/from" "$scratch/to" || return
    echo new > "$scratch/from/file"
    echo old > "$scratch/to/file"
    echo b | PYTHONPATH=$package python3 "$package/example/copytree.py" "$scratch/from" "$scratch/to" || return
    [ "$(cat "$scratch/to/file" "$scratch/to/file (1)")" = $'old\nnew' ]
}
bench_copies() {
    mkdir -p "$scratch/bench/from" "$scratch/bench/to" || return
    for i in 0 1 2; do echo "$i" > "$scratch/bench/from/$i"; done
    export PYTHONPATH=$package
    python3 "$package/bench/list.py" "$scratch/bench/from" "$scratch/bench/to" &&
        diff -r "$scratch/bench/from" "$scratch/bench/to" &&
        python3 "$package/bench/tree.py" arsync "$scratch/bench/from" "$scratch/bench/to2"
}
builds_a_wheel() {
    ARSYNC_LIBRARY_DIR=$stage/usr/lib pip wheel -q --no-deps --no-cache-dir -w "$scratch/wheel" "$package"
}
# With no library but the one in the wheel.
wheel_copies() {
    pip install -q --no-deps --no-index --target "$scratch/site" "$scratch"/wheel/arsync-*.whl || return
    (cd "$scratch" && env -u LD_LIBRARY_PATH PYTHONPATH="$scratch/site" python3 -c '
import arsync, sys
assert arsync.__file__.startswith(sys.argv[1]), arsync.__file__
assert "/site/arsync/lib/" in open("/proc/self/maps").read()
arsync.copytree("tree", "copy of the wheel")' "$scratch/site") && diff -r "$scratch/tree" "$scratch/copy of the wheel"
}
# What the sdist has is enough to build all of it; that is as far as make's plan here.
sdist_is_whole() {
    (cd "$package" && PYTHONPATH=backend python3 -c '
import build_wheel, sys
build_wheel.build_sdist(sys.argv[1])' "$scratch") && tar -C "$scratch" -xf "$scratch"/arsync-*.tar.gz &&
        make -n -C "$scratch"/arsync-*/libarsync build/libarsync.so > /dev/null
}
says_what_is_missing() {
    ! env -u LD_LIBRARY_PATH PYTHONPATH="$package" ARSYNC_LIBRARY= python3 -c '
import ctypes
def none(name): raise OSError(name)
ctypes.CDLL = none
import arsync' 2> "$scratch/said" && grep -q 'install libarsync, or name it by ARSYNC_LIBRARY' "$scratch/said"
}

sed -n 's/^def test_\([a-z0-9_]*\)(.*/\1/p' "$package/tests/test_cases.py" > "$scratch/names"
check 'the cases of cases.md, in their order' has_all_cases "$scratch/names"
tally tests
check 'the first program of README.md' first_program
check 'the second program of README.md' second_program
check 'the example copies, and keeps both' example_answers
check 'the benchmarks copy' bench_copies
if command -v pip > /dev/null; then
    check 'a wheel is built' builds_a_wheel
    check 'it copies with the library that is inside' wheel_copies
else
    skip 'the wheel' 'no pip'
fi
check 'the sdist has all that it takes to build' sdist_is_whole
check 'without the library the import says what is missing' says_what_is_missing
finish
