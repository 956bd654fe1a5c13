#!/usr/bin/env bash
# conan.sh - build the Conan package twice, static and shared, and with each a program that takes it.
#
# In a Conan home of its own, below build, that is made anew. $CONAN_ARGUMENTS is handed on to conan create.
set -eu
cd "$(dirname "$0")/.."
command -v conan > /dev/null || { echo 'make conan: no conan: pip install conan' >&2; exit 1; }
rm -rf build/conan
mkdir -p build/conan
CONAN_HOME=$PWD/build/conan
export CONAN_HOME
env -u CC -u CXX conan profile detect > /dev/null
conan remote disable '*' > /dev/null
for shared in False True; do
    # shellcheck disable=SC2086 # words
    conan create packaging/conan -o "arsync/*:shared=$shared" ${CONAN_ARGUMENTS:-}
done
conan list 'arsync/*:*'
