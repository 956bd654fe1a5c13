#!/usr/bin/env bash
# `make static` makes one file that copies where there is nothing else: no library, no /proc, no /dev.
. "$(dirname "$0")/../abi/lib.sh"

program=$build/static/arsync-cp
[ -x "$program" ] || { echo 'SKIP: make static: no static libc or liburing here'; exit 77; }

root=$scratch/root
mkdir -p "$root/src/deep/er"
cp "$program" "$root/arsync-cp"
seq 100000 > "$root/src/deep/file"
ln "$root/src/deep/file" "$root/src/second name"
ln -s deep/file "$root/src/link"
truncate -s 10M "$root/src/hole"
for ((i = 0; i < 200; ++i)); do echo "$i" > "$root/src/deep/er/$i"; done

# Who is not root is root of a user namespace of their own.
in_root=(chroot "$root")
if [ "$(id -u)" != 0 ]; then in_root=(unshare -r chroot "$root"); fi
if ! "${in_root[@]}" /arsync-cp --version > "$scratch/out" 2>&1 && grep -qE '^(chroot|unshare):' "$scratch/out"; then
    cat "$scratch/out"
    echo 'SKIP: make static: no chroot here'
    exit 77
fi

needs_nothing() { ! objdump -p "$program" | grep -E 'NEEDED|INTERP' && [ "$(find "$root" -path "$root/src" -prune -o -type f -print)" = "$root/arsync-cp" ]; }
version=$(awk '/define ARSYNC_VERSION_M|define ARSYNC_VERSION_P/ { v = v s $3; s = "." } END { print v }' "$top/include/arsync.h")
says_version() { "${in_root[@]}" /arsync-cp --version | grep -qx "arsync-cp (arsync) $version"; }
# alike TREE - as far as it can be told without rsync.
listing() { (cd "$1" && find . -printf '%P %y %m %s %n %b %T@ %l\n' | sort) && (cd "$1" && find . -type f -exec sha256sum {} + | sort); }
copies() {
    rm -rf "$root/dst"
    "${in_root[@]}" /arsync-cp -a --backend="$1" /src /dst && same <(listing "$root/src") <(listing "$root/dst")
}
# uring is what it took, or it would say why not.
by_uring() { "${in_root[@]}" /arsync-cp --debug --method=fixed --backend=uring /src/deep/file /one && cmp "$root/src/deep/file" "$root/one"; }
refuses() { ! "${in_root[@]}" /arsync-cp /missing /dst2 && [ ! -e "$root/dst2" ]; }

check 'it is one file' needs_nothing
check 'it runs in a root that has nothing else' says_version
check 'it copies a tree on threads' copies threads
if by_uring > "$scratch/out" 2>&1; then
    check 'it copies a tree by io_uring' copies uring
    check 'it copies a file by io_uring' by_uring
else
    cat "$scratch/out"
    skip 'copies by io_uring' 'no io_uring here'
fi
check 'what is wrong has a message and a status' refuses
finish
