#!/usr/bin/env bash
# The Rust crates: all their tests, those of their documentation among them; what clippy and rustdoc
# say; and what would be published.
. "$(dirname "$0")/lib.sh"

crates=$top/bindings/rust
export CARGO_TARGET_DIR=$build/rust CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_TERM_COLOR=never
command -v cargo > /dev/null || skip_all 'no cargo'
minor=$(cargo --version | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
[ "${minor:-0}" -ge 85 ] || skip_all "cargo is older than 1.85: $(cargo --version)"

in_crates() { (cd "$crates" && "$@"); }
# tests ARGUMENT... - cargo test, with a line for each test as lib.sh wants it.
tests() {
    in_crates cargo test --locked --workspace --no-fail-fast "$@" > "$scratch/cargo" 2>&1
    local status=$?
    sed -n 's/^test \(.*\) \.\.\. ok$/ok \1/p; s/^test \(.*\) \.\.\. FAILED$/not ok \1/p
        s/^test \(.*\) \.\.\. ignored.*/SKIP: \1: ignored/p' "$scratch/cargo"
    [ "$status" = 0 ] || sed 's/^/    /' "$scratch/cargo"
    return "$status"
}
# with_tool WHAT TOOL COMMAND... - if there is such a tool.
with_tool() {
    local what=$1 tool=$2
    shift 2
    if in_crates cargo "$tool" --version > /dev/null 2>&1; then check "$what" in_crates "$@"; else skip "$what" "no cargo $tool"; fi
}
documents() { RUSTDOCFLAGS='-D warnings' in_crates cargo doc --locked --workspace --no-deps; }
packages() { in_crates cargo package --locked --allow-dirty --target-dir "$scratch/package" "$@"; }

# The library's directory with no sysroot, as there is none where it is really installed.
relocated() {
    mkdir -p "$scratch/pc"
    sed "s|^prefix=.*|prefix=$stage/usr|" "$stage/usr/lib/pkgconfig/arsync.pc" > "$scratch/pc/arsync.pc"
}
builds_statically() {
    relocated && in_crates env -u PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR="$scratch/pc" ARSYNC_STATIC=1 \
        cargo build --locked -p arsync --example tree
}
copies_statically() {
    mkdir -p "$scratch/from/x" && echo text > "$scratch/from/x/y"
    ! ldd "$CARGO_TARGET_DIR/debug/examples/tree" | grep arsync &&
        env -u LD_LIBRARY_PATH "$CARGO_TARGET_DIR/debug/examples/tree" "$scratch/from" "$scratch/to" &&
        diff -r "$scratch/from" "$scratch/to"
}
says_what_is_missing() {
    ! in_crates env PKG_CONFIG_LIBDIR="$scratch" PKG_CONFIG_SYSROOT_DIR= cargo build --locked -p arsync-sys \
        --target-dir "$scratch/missing" > "$scratch/said" 2>&1 &&
        grep -q 'libarsync 0.1 or later was not found' "$scratch/said" && grep -q 'PKG_CONFIG_PATH' "$scratch/said"
}

# Futures too: who polls them does the work. A user of no rights may not have a single thread more.
runs_without_threads() {
    local program
    program=$(in_crates cargo test --locked -p arsync --test cases --no-run 2>&1 | sed -n 's/.*Executable .*(\(.*\))$/\1/p')
    install -d -m 777 "$scratch/alone" && chmod 755 "$scratch" &&
        cp "$CARGO_TARGET_DIR/debug/deps/${program##*/}" "$scratch/alone/cases" && cp -L "$stage"/usr/lib/libarsync.so.? "$scratch/alone/" || return
    for name in "$@"; do
        TMPDIR=$scratch/alone LD_LIBRARY_PATH=$scratch/alone timeout 60 setpriv --reuid 65534 --clear-groups \
            prlimit --nproc=0 "$scratch/alone/cases" --exact "$name" --test-threads=1 || return
    done
}
# This one starts a thread of its own.
fails_without_threads() { ! runs_without_threads waits_for_a_buffer; }

sed -n '/^#\[test\]/{n;s/^fn \([a-z0-9_]*\)().*/\1/p}' "$crates/arsync/tests/cases.rs" > "$scratch/names"
check 'the cases of cases.md, in their order' has_all_cases "$scratch/names"
if rustc --version | grep -q '^rustc 1\.95\.'; then
    tally tests
else
    skip 'misuse does not compile' "the compiler's words are those of rustc 1.95"
    tally tests -- --skip misuse_does_not_compile
fi
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null && command -v prlimit > /dev/null; then
    check 'jobs and futures where no thread can be started' runs_without_threads wakes_its_waiter copies_a_tree
    check 'which is so there' fails_without_threads
else
    skip 'jobs and futures where no thread can be started' 'not root, or no setpriv or prlimit'
fi
with_tool 'the format of the crates' fmt cargo fmt --check
with_tool 'clippy has nothing to say' clippy cargo clippy --locked --workspace --all-targets -- -D warnings
check 'rustdoc has nothing to say' documents
if [ "$minor" -ge 90 ]; then
    check 'the crates build from what would be published' packages --workspace
else
    check 'arsync-sys builds from what would be published' packages -p arsync-sys
    skip 'the package of arsync' 'this cargo looks for arsync-sys in the registry'
fi
check 'a program links libarsync.a' builds_statically
check 'and copies' copies_statically
check 'a build without libarsync says what is missing' says_what_is_missing
finish
