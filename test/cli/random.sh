#!/usr/bin/env bash
# Random trees and options, beside cp and rsync: $ARSYNC_RANDOM_TREES rounds (25) each of cp as root, cp as
# somebody else, rsync as root and rsync as somebody else, from number $ARSYNC_RANDOM_SEED (1) on. Half of them
# where files can share blocks, if root can mount an XFS. random_trees.py shows a round again.
. "$(dirname "$0")/lib.sh"

if ! command -v python3 > /dev/null; then
    skip 'random trees beside cp and rsync' 'no python3'
    finish
fi
if is_root && command -v mkfs.xfs > /dev/null && truncate -s 1G "$WORK/image" && mkfs.xfs -q -m reflink=1 "$WORK/image" 2> "$WORK/why" &&
    mount_at "$WORK/reflinks" -o loop,nodiscard "$WORK/image"; then
    export ARSYNC_RANDOM_REFLINKS=$WORK/reflinks
else
    skip 'random trees where blocks can be shared' 'needs root, mkfs.xfs and a loop device'
fi
"$(dirname "$0")/random_trees.py" "${ARSYNC_RANDOM_TREES:-25}" "${ARSYNC_RANDOM_SEED:-1}"
