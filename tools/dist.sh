#!/usr/bin/env bash
# dist.sh NAME DIRECTORY - write DIRECTORY/NAME.tar.gz from the last commit, and print its name.
#
# Of one commit it always has the same bytes: names in order, no owner, no mode that an umask would
# change, and one time for all, that of the commit or $SOURCE_DATE_EPOCH.
# The format is gnu, as tar 1.34 and 1.35 write different headers of ustar.
set -eu
export LC_ALL=C TZ=UTC0
name=$1 directory=$2
umask 022
git rev-parse --verify -q HEAD > /dev/null || { echo "dist: this is no git repository" >&2; exit 1; }
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git archive --prefix="$name/" HEAD | tar -x -C "$scratch"
mkdir -p "$directory"
tar --create --directory="$scratch" --format=gnu --sort=name --mtime="@$time" --owner=0 --group=0 \
    --numeric-owner --mode=u=rwX,go=rX "$name" | gzip -n -9 > "$scratch/$name.tar.gz"
mv "$scratch/$name.tar.gz" "$directory/$name.tar.gz"
echo "$directory/$name.tar.gz"
