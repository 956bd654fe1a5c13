#!/usr/bin/env bash
# deb.sh ARCHIVE DIRECTORY - build the Debian packages of a tarball in DIRECTORY.
#
# DEB_BUILD_OPTIONS=nocheck leaves the tests out. Any error of lintian is an error.
set -eu
archive=$1 directory=$2
for tool in dpkg-buildpackage dh lintian; do
    command -v $tool > /dev/null || { echo "make deb: no $tool (tools/deps.sh package)" >&2; exit 1; }
done

rm -rf "$directory"
mkdir -p "$directory"
name=$(basename "$archive" .tar.gz)
cp "$archive" "$directory/${name/-/_}.orig.tar.gz"
tar -C "$directory" -xf "$archive"
cd "$directory/$name"
dpkg-buildpackage -us -uc -b
cd ..
lintian --fail-on error --info ./*.changes
ls ./*.deb
