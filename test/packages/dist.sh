#!/usr/bin/env bash
# `make dist` has all of the last commit in it, and always the same bytes.
. "$(dirname "$0")/../abi/lib.sh"

git -C "$top" rev-parse -q --verify HEAD > /dev/null 2>&1 || { echo 'SKIP: make dist: not a git repository'; exit 77; }
git -c safe.directory='*' clone -q "$top" "$scratch/clone" || exit

# tarball PLACE - as another user's machine would make it.
tarball() { (cd "$1" && make -s dist B="$scratch/$2" > "$scratch/made"); }
one() { tarball "$top" one && archive=$(cat "$scratch/made") && test -s "$archive"; }
# The clone's files have another time and another mode.
two() { chmod -R g+w "$scratch/clone" && (umask 077 && tarball "$scratch/clone" two) && cmp "$archive" "$(cat "$scratch/made")"; }
has_all() {
    same <(git -C "$top" ls-tree -r --name-only HEAD | sort) \
        <(tar -tf "$archive" | grep -v '/$' | sed 's|^[^/]*/||' | sort)
}
is_the_commit() {
    tar -C "$scratch" -xf "$archive" && tree=$scratch/$(basename "$archive" .tar.gz) &&
        diff -r --exclude=.git "$scratch/clone" "$tree"
}
# listing - who has what there, and since when.
listing() { tar --utc --numeric-owner -tvf "$1" | awk '{ print $2, $4, $5 }' | sort -u; }
says_nothing_of_the_machine() { [ "$(listing "$archive" | cut -d ' ' -f 1 | sort -u)" = 0/0 ]; }
# The device numbers of a file: tar 1.34 writes zeros into a ustar header, 1.35 leaves them empty.
has_what_any_tar_writes() { [ "$(gzip -dc "$archive" | head -c 345 | tail -c 16 | tr -d '\0' | wc -c)" = 0 ]; }
takes_the_time() {
    SOURCE_DATE_EPOCH=86400 tarball "$top" other && [ "$(listing "$(cat "$scratch/made")")" = '0/0 1970-01-02 00:00' ]
}
# As far as make's plan here: what has no git builds too.
builds() { make -n -C "$tree" install DESTDIR="$scratch/stage" > "$scratch/plan" && grep -q libarsync "$scratch/plan"; }

check 'make dist' one
check 'the same commit has the same bytes elsewhere' two
check 'it has every file of the commit' has_all
check 'with its content' is_the_commit
check 'its owner is nobody here' says_nothing_of_the_machine
check 'nothing is in it that another version of tar leaves out' has_what_any_tar_writes
check 'SOURCE_DATE_EPOCH is the time of all of it' takes_the_time
check 'make has all that it wants there' builds
finish
