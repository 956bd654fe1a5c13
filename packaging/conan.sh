#!/usr/bin/env bash
# conan.sh ARCHIVE DIRECTORY - build the Conan package of a tarball in DIRECTORY twice, static and shared,
# and with each a program that takes it.
#
# In a Conan home of its own, that is made anew, and without any remote. $CONAN_ARGUMENTS is handed on to
# conan create. $CONAN says where conan is.
set -eu
archive=$(realpath "$1") directory=$2 conan=${CONAN:-conan}
command -v "$conan" > /dev/null || { echo 'make conan: no conan: pip install conan' >&2; exit 1; }
rm -rf "$directory"
mkdir -p "$directory/home" "$directory/source"
directory=$(cd "$directory" && pwd)
CONAN_HOME=$directory/home
export CONAN_HOME
tar -C "$directory/source" --strip-components=1 -xf "$archive"
env -u CC -u CXX "$conan" profile detect > /dev/null
"$conan" remote disable '*' > /dev/null
test_package=$directory/source/packaging/conan/test_package
for shared in False True; do
    # shellcheck disable=SC2086 # words
    "$conan" create "$directory/source/packaging/conan" -o "arsync/*:shared=$shared" ${CONAN_ARGUMENTS:-}
    # It has copied. With the one the library is in it, with the other it is loaded from the package.
    example=$(find "$test_package/build" -type f -name example)
    loads=False
    if objdump -p "$example" | grep -q 'NEEDED *libarsync'; then loads=True; fi
    [ "$loads" = "$shared" ] || { echo "make conan: with shared=$shared, the program loads the library: $loads" >&2; exit 1; }
    rm -r "$test_package/build"
done
"$conan" list 'arsync/*:*'
echo 'make conan: a program with the static and one with the shared library copy'
