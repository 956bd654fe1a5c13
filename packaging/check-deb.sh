#!/usr/bin/env bash
# check-deb.sh DIRECTORY - install the packages that deb.sh left there into a fresh Debian, run their
# autopkgtests there as a user who has nothing of this repository but the tests, and remove them again.
#
# $DEBIAN_SUITE is which Debian (bookworm), $DEBIAN_MIRROR where from; $DEBIAN_BASE a directory that
# debootstrap has made before, of which a copy is taken.
set -eu
directory=$(cd "$1" && pwd)
suite=${DEBIAN_SUITE:-bookworm} mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
ls "$directory"/*.deb > /dev/null || { echo 'check-deb: make deb first' >&2; exit 1; }
command -v debootstrap > /dev/null || { echo 'check-deb: no debootstrap (tools/deps.sh package)' >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo 'check-deb: a chroot takes root' >&2; exit 1; }

root=$(mktemp -d)
clean_up() {
    umount -l "$root/proc" 2> /dev/null || true
    rm -rf --one-file-system "$root"
}
trap clean_up EXIT
if [ -n "${DEBIAN_BASE:-}" ]; then
    cp -ax "$DEBIAN_BASE/." "$root"
else
    debootstrap --variant=minbase "$suite" "$root" "$mirror"
fi
mount -t proc proc "$root/proc"
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }

mkdir "$root/packages" "$root/source"
cp "$directory"/*.deb "$root/packages"
rm -f "$root"/packages/*-dbgsym_*
# What the tests take: the README's example, and a tree to copy.
tree=$(find "$directory" -maxdepth 1 -type d -name 'arsync-*' | head -n 1)
cp -r "$tree/debian" "$tree/README.md" "$tree/include" "$root/source"

# What the packages and their tests want, and no more.
wanted=$(sed -n 's/^Depends: //p' "$root/source/debian/tests/control" | tr -d ',' | tr ' ' '\n' | grep -v arsync | sort -u)
# shellcheck disable=SC2086 # a list
in_root apt-get install -y -qq --no-install-recommends $wanted > "$root/log" 2>&1 || { tail "$root/log"; exit 1; }
in_root sh -c 'apt-get install -y -qq --no-install-recommends /packages/*.deb' > "$root/log" 2>&1 || { tail "$root/log"; exit 1; }
in_root sh -c 'dpkg -l | grep arsync'

failed=0
mapfile -t tests < <(sed -n 's/^Tests: //p' "$root/source/debian/tests/control")
in_root useradd -m tester
for test in "${tests[@]}"; do
    if in_root su tester -c "cd /source && debian/tests/$test"; then
        echo "ok $test"
    else
        echo "not ok $test"
        failed=1
    fi
done
in_root sh -c 'dpkg --purge $(dpkg-query -W -f "\${Package}\n" | grep arsync)' > "$root/log" 2>&1 || { tail "$root/log"; failed=1; }
left=$(find "$root/usr" -name '*arsync*')
if [ -n "$left" ]; then
    echo "not ok nothing is left when they are removed: $left"
    failed=1
else
    echo 'ok nothing is left when they are removed'
fi
exit $failed
