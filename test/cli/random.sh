#!/usr/bin/env bash
# Random trees and options, beside cp and rsync: $ARSYNC_RANDOM_TREES rounds (100), from number
# $ARSYNC_RANDOM_SEED (1) on; random_trees.py shows a round again.
set -u

skip() {
    echo "SKIP: random trees beside cp: $1"
    exit 77
}

command -v python3 > /dev/null || skip 'no python3'
# Its ways are known: random_trees.py tells where arsync-cp has others.
case $(LC_ALL=C cp --version 2> /dev/null) in 'cp (GNU coreutils) 9.1'*) ;; *) skip 'another cp than that of coreutils 9.1' ;; esac
exec "$(dirname "$0")/random_trees.py" "${ARSYNC_RANDOM_TREES:-100}" "${ARSYNC_RANDOM_SEED:-1}"
