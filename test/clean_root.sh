#!/usr/bin/env bash
# clean_root.sh [COMMAND...] - run the commands of README.md ("make demo", "make check") on a fresh clone in a
# fresh Debian that has make and nothing else, so that a package that nobody has named is missed.
#
# It takes root and debootstrap, and half an hour. $DEBIAN_SUITE is which Debian (bookworm; sid has the
# newest compilers), $DEBIAN_MIRROR where from; $DEBIAN_BASE a directory that debootstrap has made before, of
# which a copy is taken; $CLEAN_BIND directories that are to be seen in there, too, under their own names;
# $RUN and $CXXFLAGS what make is given in there.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
suite=${DEBIAN_SUITE:-bookworm} mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
[ $# -gt 0 ] || set -- 'make demo' 'make check'
[ "$(id -u)" = 0 ] || { echo 'SKIP: a clean root: a chroot takes root'; exit 77; }
command -v debootstrap > /dev/null || { echo 'SKIP: a clean root: no debootstrap (tools/deps.sh package)'; exit 77; }

root=$(mktemp -d -p "${TMPDIR:-/var/tmp}" arsync-clean.XXXXXX)
# shellcheck disable=SC2317 # by the trap
clean_up() { rm -rf --one-file-system "$root"; }
trap clean_up EXIT
trap 'exit 143' TERM INT
if [ -n "${DEBIAN_BASE:-}" ]; then
    cp -ax "$DEBIAN_BASE/." "$root"
else
    debootstrap --variant=minbase "$suite" "$root" "$mirror" > "$root.log" 2>&1 || { tail "$root.log"; exit 1; }
    rm "$root.log"
fi
git -c safe.directory='*' clone -q --no-hardlinks "$top" "$root/source"
# A mirror may be older than the week that sid vouches for itself; what it has is signed all the same.
echo 'Acquire::Check-Valid-Until "false";' > "$root/etc/apt/apt.conf.d/99any-age"

# The mounts are of a namespace of their own, and so they are gone with it, whatever happens in there.
# shellcheck disable=SC2016 # for that shell
unshare -m --propagation private bash -c '
    set -eu
    root=$1
    shift
    mount --bind "$root" "$root" # so that its own list of mounts has it, as that of a container has
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    for shared in ${CLEAN_BIND:-}; do
        mkdir -p "$root$shared"
        mount --bind "$shared" "$root$shared"
    done
    kept=()
    for name in RUN CXXFLAGS; do
        if [ -n "${!name:-}" ]; then kept+=("$name=${!name}"); fi
    done
    inside() {
        chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive "${kept[@]}" bash -c "cd /source && $1"
    }
    inside "apt-get update -qq && apt-get install -y -qq --no-install-recommends make" > "$root/log" 2>&1 || { tail "$root/log"; exit 1; }
    for command; do
        printf "\n\$ %s\n" "$command"
        inside "$command" || { echo "not ok $command"; exit 1; }
        echo "ok $command"
    done
' bash "$root" "$@"
