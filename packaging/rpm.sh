#!/usr/bin/env bash
# rpm.sh ARCHIVE DIRECTORY - build the RPM packages of a tarball in DIRECTORY.
#
# Where the build dependencies are not RPM packages (Debian's rpmbuild), they are not looked for. Any
# error of rpmlint is an error.
set -eu
archive=$1 directory=$2
here=$(cd "$(dirname "$0")" && pwd)
command -v rpmbuild > /dev/null || { echo 'make rpm: no rpmbuild (tools/deps.sh package)' >&2; exit 1; }

rm -rf "$directory"
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
nodeps=--nodeps
if rpm -q rpm > /dev/null 2>&1; then nodeps=; fi
rpmbuild -ta $nodeps --define "_topdir $directory" "$archive"
find "$directory" -name '*.rpm'
if command -v rpmlint > /dev/null; then
    mapfile -t packages < <(find "$directory" -name '*.rpm' ! -name '*debug*')
    rpmlint -r "$here/arsync.rpmlintrc" "$here/arsync.spec" "${packages[@]}"
else
    echo 'skipped: no rpmlint'
fi
