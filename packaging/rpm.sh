#!/usr/bin/env bash
# rpm.sh ARCHIVE DIRECTORY - build the RPM packages of a tarball in DIRECTORY, and try them: installed into
# a root of their own, the program there copies, and a program is built with the library.
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
mapfile -t packages < <(find "$directory" -name '*.rpm' ! -name '*debug*' ! -name '*.src.rpm')
if command -v rpmlint > /dev/null; then
    rpmlint -r "$here/arsync.rpmlintrc" "$here/arsync.spec" "${packages[@]}" "$directory"/SRPMS/*.rpm
else
    echo 'skipped: no rpmlint'
fi

# What they want of others they would have of a system of RPM packages; here the machine has it.
root=$directory/root
rpm --root "$root" --initdb
rpm --root "$root" --install $nodeps --nosignature --noscripts "${packages[@]}"
rpm --root "$root" --query --all | sort
library=$(dirname "$(find "$root/usr" -name 'libarsync.so')")
export LD_LIBRARY_PATH=$library
rm -rf "$directory/try"
mkdir "$directory/try"
"$root/usr/bin/arsync-cp" -a --verify "$root/usr/include" "$directory/try/include"
diff -r "$root/usr/include" "$directory/try/include"
sed -n '/^```c$/,/^```$/{ /^```c$/d; /^```$/q; p }' "$here/../README.md" > "$directory/try/copy.c"
cc -Wall -Werror "-I$root/usr/include" "$directory/try/copy.c" "-L$library" -larsync -o "$directory/try/copy"
"$directory/try/copy" "$here/../README.md" "$directory/try/README.md"
cmp "$here/../README.md" "$directory/try/README.md"
mapfile -t installed < <(rpm --root "$root" --query --all)
rpm --root "$root" --erase $nodeps --noscripts "${installed[@]}"
left=$(find "$root" ! -path "$root$(rpm --eval '%_dbpath')/*" -name '*arsync*')
[ -z "$left" ] || { echo "make rpm: left when they are removed: $left" >&2; exit 1; }
echo 'make rpm: the packages are installed, copy, and are removed again'
