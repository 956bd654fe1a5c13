#!/usr/bin/env bash
# What `make install` leaves is what a stranger's program needs: it finds the library by pkg-config,
# links it dynamically or statically, and runs.
. "$(dirname "$0")/lib.sh"

cat > "$scratch/program.c" <<'C'
#include <arsync.h>
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char** argv) {
    arsync_pool* pool;
    arsync_completion done;
    int error = argc == 3 ? arsync_pool_open(NULL, &pool) : 1;
    if (error == 0)
        error = arsync_submit_copy(pool, AT_FDCWD, argv[1], AT_FDCWD, argv[2], NULL, 0, NULL);
    if (error == 0 && arsync_poll(pool, &done, 1, -1) == 1)
        error = done.result;
    printf("%s\n", arsync_version());
    return error != 0 || arsync_pool_close(pool) != 0;
}
C
version=$(awk '/define ARSYNC_VERSION_M|define ARSYNC_VERSION_P/ { v = v s $3; s = "." } END { print v }' "$top/include/arsync.h")
major=${version%%.*}

# builds NAME WORD... - compile the program with what pkg-config said.
builds() {
    local name=$1
    shift
    "${CC:-cc}" -Wall -Wextra -Werror "$scratch/program.c" -o "$scratch/$name" "$@"
}
copies() {
    rm -f "$scratch/copy"
    LD_LIBRARY_PATH=$stage/usr/lib "$scratch/$1" "$top/include/arsync.h" "$scratch/copy" | grep -qx "$version" &&
        cmp "$top/include/arsync.h" "$scratch/copy"
}
uses_shared_library() { objdump -p "$scratch/$1" | grep 'NEEDED' | grep -q "libarsync.so.$major"; }
has_version() { [ "$(pkg_config --modversion arsync)" = "$version" ]; }
says_version() { "$stage/usr/bin/arsync-cp" --version | head -n 1 | grep -w -- "$version"; }

for file in bin/arsync-cp include/arsync.h lib/libarsync.a "lib/libarsync.so.$version" lib/pkgconfig/arsync.pc \
    lib/cmake/arsync/arsyncConfig.cmake lib/cmake/arsync/arsyncConfigVersion.cmake share/doc/arsync/LICENSE \
    share/man/man1/arsync-cp.1 share/man/man3/arsync.3 share/man/man3/arsync_copy.3; do
    check "installed: $file" test -s "$stage/usr/$file"
done
check 'the loader finds it by its soname' test "$(readlink "$stage/usr/lib/libarsync.so.$major")" = "libarsync.so.$version"
check 'the linker finds it by its name' test "$(readlink "$stage/usr/lib/libarsync.so")" = "libarsync.so.$major"
check 'arsync.pc names no directory of the build' bash -c "! grep -F '$build' '$stage/usr/lib/pkgconfig/arsync.pc'"
check 'arsync.pc has the version of the header' has_version
check 'arsync-cp --version too' says_version

read -ra shared <<< "$(pkg_config --cflags --libs arsync)"
read -ra static <<< "$(pkg_config --static --cflags --libs arsync)"
check 'a program links the shared library' builds shared "${shared[@]}"
check 'and needs it by its soname' uses_shared_library shared
check 'and copies a file' copies shared

check 'a program links the static library' builds mixed "${static[@]/#-larsync/-l:libarsync.a}"
check 'and copies a file' copies mixed

# Not every distribution has all the static libraries that this takes.
if "${CC:-cc}" -static -x c++ - -o "$scratch/probe" -luring -lstdc++ <<< 'int main() {}' 2> /dev/null; then
    check 'a wholly static program links' builds static -static "${static[@]}"
    check 'and copies a file' copies static
else
    skip 'a wholly static program' 'no static libc, liburing or C++ runtime here'
fi

# Last, since it empties the tree.
leaves_nothing() {
    cp -r "$stage" "$scratch/stage" &&
        make -s -C "$top" uninstall DESTDIR="$scratch/stage" prefix=/usr &&
        [ -z "$(find "$scratch/stage" ! -type d -print | tee /dev/stderr)" ]
}
check 'uninstall removes all of it' leaves_nothing
finish
