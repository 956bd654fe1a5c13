#!/usr/bin/env bash
# aarch64.sh - build the library, the unit and the simulated tests for aarch64, and run them under qemu.
#
# liburing for aarch64 comes from Debian's archive into build/aarch64/sysroot; the machine's own list of
# architectures stays as it is. SUITES='unit sim', and TESTS is a filter of doctest: TESTS='-tc=*hole*'.
# qemu knows nothing of io_uring, so the tests of the real ring are skipped. It is slow, and a thread of a
# test may sleep in it for ever, so each suite has a time limit.
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

status=0
for suite in $suites; do
    file -b "build/aarch64/test/$suite" 2> /dev/null | cut -d , -f 2 || true
    # shellcheck disable=SC2086 # words
    QEMU_LD_PREFIX=/usr/$triplet QEMU_SET_ENV=LD_LIBRARY_PATH=/usr/$triplet/lib:$sysroot/usr/lib/$triplet \
        timeout "${LIMIT:-3600}" qemu-aarch64-static "build/aarch64/test/$suite" ${TESTS:-} || status=1
done
exit $status
