#!/usr/bin/env bash
# A program that knows nothing of this repository finds the installed library by CMake and by Meson.
# (test/abi/install.sh has pkg-config.)
. "$(dirname "$0")/../abi/lib.sh"

version=$(pkg_config --modversion arsync)
mkdir "$scratch/source"
cat > "$scratch/source/program.c" <<'C'
#include <arsync.h>
#include <fcntl.h>

int main(int argc, char** argv) {
    return argc != 3 || arsync_copy(AT_FDCWD, argv[1], AT_FDCWD, argv[2], NULL, NULL) != 0;
}
C
copies() { rm -f "$scratch/copy" && LD_LIBRARY_PATH=$lib "$1" "$top/README.md" "$scratch/copy" && cmp "$top/README.md" "$scratch/copy"; }
needs() { objdump -p "$1" | grep NEEDED | grep -q "$2"; }
lib=$stage/usr/lib

cat > "$scratch/source/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.9)
project(stranger C)
find_package(arsync ${WANTED} REQUIRED CONFIG)
find_package(arsync) # twice, as parts of one program do
message(STATUS "found ${arsync_VERSION}")
add_executable(shared program.c)
target_link_libraries(shared arsync::arsync)
add_executable(static program.c)
target_link_libraries(static arsync::static)
CMAKE
# configures WANTED [PREFIX] - a program that wants this version.
configures() {
    rm -rf "$scratch/cmake"
    cmake -S "$scratch/source" -B "$scratch/cmake" -DWANTED="$1" -DCMAKE_PREFIX_PATH="${2:-$stage/usr}" > "$scratch/out" 2>&1 &&
        grep -qx -- "-- found $version" "$scratch/out"
}
refuses() { ! configures "$1" && tr -s '\n ' ' ' < "$scratch/out" | grep 'compatible with requested version'; }
builds() { cmake --build "$scratch/cmake"; }
# Installed elsewhere, with the libraries where Debian has them, and found through a link.
moved() {
    lib=$scratch/moved/usr/lib/x86_64-linux-gnu
    mkdir -p "$lib/cmake/arsync" && cp -r "$stage/usr/include" "$scratch/moved/usr" &&
        cp -P "$stage"/usr/lib/libarsync.* "$lib" && ln -s usr/lib "$scratch/moved/lib" &&
        make -s -C "$top" B="$scratch/b" prefix=/usr libdir=/usr/lib/x86_64-linux-gnu \
            "$scratch"/b/cmake/arsyncConfig{,Version}.cmake &&
        mv "$scratch"/b/cmake/* "$lib/cmake/arsync" && configures "$version" "$scratch/moved" &&
        builds && copies "$scratch/cmake/shared"
}
if command -v cmake > /dev/null; then
    check 'cmake finds it' configures ''
    check 'a program is built' builds
    check 'with the shared library, it copies' copies "$scratch/cmake/shared"
    check 'and needs it by its soname' needs "$scratch/cmake/shared" 'libarsync\.so\.0$'
    check 'with the static library, it copies' copies "$scratch/cmake/static"
    check 'and needs no libarsync.so' eval '! needs "$scratch/cmake/static" libarsync'
    check 'this version is what it wants' configures "$version"
    check 'its series is, too' configures "${version%.*}"
    check 'a newer one it is not' refuses "${version%.*}.99"
    check 'nor another series' refuses 0.0.1
    check 'an installation that was moved is found' moved
    lib=$stage/usr/lib
else
    skip 'cmake' 'no cmake (make deps)'
fi

cat > "$scratch/source/meson.build" <<'MESON'
project('stranger', 'c')
executable('shared', 'program.c', dependencies: dependency('arsync', version: '>=0.1'))
executable('static', 'program.c', dependencies: dependency('arsync', static: true))
MESON
meson_builds() {
    PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage meson setup "$scratch/meson" "$scratch/source" &&
        ninja -C "$scratch/meson"
}
if command -v meson > /dev/null && command -v ninja > /dev/null; then
    check 'meson finds it, and a program is built' meson_builds
    check 'with the shared library, it copies' copies "$scratch/meson/shared"
    check 'with the static library, it copies' copies "$scratch/meson/static"
    check 'and needs no libarsync.so' eval '! needs "$scratch/meson/static" libarsync'
else
    skip 'meson' 'no meson or ninja (make deps)'
fi
finish
