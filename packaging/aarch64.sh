#!/usr/bin/env bash
# aarch64.sh - build the library, the unit and the simulated tests for aarch64, and run them under qemu.
#
# liburing for aarch64 comes from Debian's archive into build/aarch64/sysroot; the machine's own list of
# architectures stays as it is. SUITES='unit sim' says which are run, and TESTS='*hole*,*as on Linux*' which
# cases of them, by their names.
# qemu (of version 7.2) knows nothing of io_uring and of openat2(2), so the tests of the real ring and of that
# call are skipped, and pools run on threads. Each thread that starts is translated anew, so that the tests that start many
# of them take minutes, and more on a machine that does other things.
set -eu
cd "$(dirname "$0")/.."
suites=${SUITES:-unit sim}
triplet=aarch64-linux-gnu
for tool in $triplet-g++ qemu-aarch64-static apt-get; do
    command -v "$tool" > /dev/null ||
        { echo "make aarch64: no $tool (tools/deps.sh package)" >&2; exit 1; }
done
mkdir -p build/aarch64/sysroot
build=$PWD/build/aarch64 sysroot=$PWD/build/aarch64/sysroot

if [ ! -e "$sysroot/usr/lib/$triplet/liburing.a" ]; then
    mkdir -p "$build/apt/lists/partial" "$build/apt/cache/archives/partial"
    : > "$build/apt/status"
    own=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
        -o Dir::State="$build/apt" -o Dir::State::status="$build/apt/status" -o Dir::Cache="$build/apt/cache")
    apt-get "${own[@]}" update -qq || true # other sources of this machine may know nothing of arm64
    (cd "$build/apt" && apt-get "${own[@]}" download -qq liburing-dev liburing2)
    for package in "$build"/apt/*.deb; do dpkg -x "$package" "$sysroot"; done
fi
# Headers that are the same everywhere; of the machine's others none may be seen.
for header in doctest xxhash.h; do ln -sfn "/usr/include/$header" "$sysroot/usr/include/$header"; done

targets=()
for suite in $suites; do targets+=("build/aarch64/test/$suite"); done
make --no-print-directory -j"$(nproc)" B=build/aarch64 CC=$triplet-gcc CXX="${CCACHE:-} $triplet-g++" OBJCOPY=$triplet-objcopy \
    CPPFLAGS="-isystem $sysroot/usr/include" LDFLAGS="-L$sysroot/usr/lib/$triplet" CXXFLAGS="${CXXFLAGS:--O1}" "${targets[@]}"

# test/run counts.
programs=()
for suite in $suites; do
    program=build/aarch64/run/$suite
    mkdir -p build/aarch64/run
    # shellcheck disable=SC2016 # for that shell
    printf '#!/bin/sh\nexec qemu-aarch64-static -L /usr/%s -E LD_LIBRARY_PATH=/usr/%s/lib:%s %s ${TESTS:+"-tc=$TESTS"}\n' \
        "$triplet" "$triplet" "$sysroot/usr/lib/$triplet" "$PWD/build/aarch64/test/$suite" > "$program"
    chmod +x "$program"
    programs+=("$program")
done
ARSYNC_BUILD=build/aarch64 TEST_TIME_LIMIT=${TEST_TIME_LIMIT:-7200} test/run "${programs[@]}"
