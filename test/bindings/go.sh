#!/usr/bin/env bash
# The Go package: its cases, its examples, the race detector, cgo's checks, and who uses it.
. "$(dirname "$0")/lib.sh"

package=$top/bindings/go
# With tests on tmpfs: they make some ten thousand files.
if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi
export GOTOOLCHAIN=${GOTOOLCHAIN:-auto} GOFLAGS=-buildvcs=false
unset GOROOT

# is_at_least VERSION VERSION - whether the second one is.
is_at_least() { printf '%s\n' "$1" "$2" | sort -C -V; }
needed=$(sed -n 's/^go //p' "$package/go.mod")
command -v go > /dev/null || skip_all 'no go (make deps)'
version=$(cd / && go env GOVERSION)
# From 1.21 on it gets a newer one by itself. An older one can have it as a module.
newer_go() {
    local dir
    dir=$(cd "$scratch" && echo 'module newer' > go.mod &&
        GOFLAGS=-mod=mod go mod download -json "golang.org/toolchain@v0.0.1-go$needed.0.linux-$(go env GOARCH)" |
        sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -d "$dir/bin" ] && chmod -R u+x "$dir/bin" "$dir/pkg/tool" && PATH=$dir/bin:$PATH
}
is_at_least 1.21 "${version#go}" || newer_go || skip_all "$version is older than $needed"
[ "$(go env CGO_ENABLED)" = 1 ] || skip_all 'no cgo'
cd "$package" || exit 1

# go_test ARGUMENT... - the tests, told as tally wants them.
go_test() {
    local status
    go test -count=1 -v "$@" ./... > "$scratch/go" 2>&1
    status=$?
    sed -nE 's/^--- PASS: ([A-Za-z0-9_]+) .*/ok \1/p; s/^--- FAIL: ([A-Za-z0-9_]+) .*/not ok \1/p;
        s/^--- SKIP: ([A-Za-z0-9_]+) .*/SKIP: \1: no such thing in Go/p' "$scratch/go"
    [ "$status" = 0 ] || grep -v -e '^=== ' -e '^--- PASS' "$scratch/go"
    return "$status"
}
quietly() { go test -count=1 "$@"; }

# The names as they are in Go: TestCopiesAFile.
sed -n 's/^func Test\([A-Za-z0-9]*\)(.*/\1/p' cases_test.go |
    sed -E 's/([A-Z0-9])/_\L\1/g; s/^_//; s/_([0-9])/_\1/g' | sed 's/utf8/utf_8/' > "$scratch/names"

# As the README has it.
first_program() (
    mkdir -p "$scratch/first/tree" && cd "$scratch/first" || return
    sed -n '/^```go$/,/^```$/{ /^```/d; p }' "$package/README.md" > main.go
    echo hello > tree/file
    go mod init first && go mod edit -require=arsync@v0.0.0 -replace=arsync="$package" && go build -o first &&
        ./first tree copy && cmp tree/file copy/file && ! ./first missing copy
)
# One file is in the way: it is kept with the new one beside it.
example_answers() {
    mkdir -p "$scratch/example/from" "$scratch/example/to" || return
    echo new > "$scratch/example/from/file"
    echo old > "$scratch/example/to/file"
    echo b | go run ./example "$scratch/example/from" "$scratch/example/to" || return
    [ "$(cat "$scratch/example/to/file" "$scratch/example/to/file (1)")" = $'old\nnew' ]
}
# The benchmark copies what it says.
bench_copies() {
    mkdir -p "$scratch/bench/from" "$scratch/bench/to" || return
    for i in 0 1 2; do echo "$i" > "$scratch/bench/from/$i"; done
    go run ./bench "$scratch/bench/from" "$scratch/bench/to" && diff -r "$scratch/bench/from" "$scratch/bench/to"
}
refuses_another_version() {
    mkdir -p "$scratch/include" || return
    sed 's/define ARSYNC_VERSION_MAJOR 0/define ARSYNC_VERSION_MAJOR 1/' "$stage/usr/include/arsync.h" \
        > "$scratch/include/arsync.h"
    ! CGO_CPPFLAGS="-I$scratch/include" go build . > "$scratch/refused" 2>&1 || return
    grep -q 'this package is for arsync.h 0.1' "$scratch/refused"
}
format() { [ -z "$(gofmt -l .)" ]; }
# Each exported name has a comment, its own or its group's: staticcheck's ST1000, ST1020 to ST1022.
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
staticcheck() { "$scratch/bin/staticcheck" -checks all,ST1020,ST1021,ST1022 ./...; }

check 'the cases of cases.md, in their order' has_all_cases "$scratch/names"
tally go_test
check 'with the race detector' quietly -race
check 'with cgocheck2' env GOEXPERIMENT=cgocheck2 go test -count=1
check 'format' format
check 'go vet' go vet ./...
if GOBIN=$scratch/bin go install $staticcheck 2> "$scratch/install"; then
    check 'staticcheck' staticcheck
else
    skip staticcheck "$(tail -n 1 "$scratch/install")"
fi
check 'the first program of README.md' first_program
check 'the example copies, and keeps both' example_answers
check 'the benchmark copies' bench_copies
check 'another major version of the header is refused' refuses_another_version
finish
