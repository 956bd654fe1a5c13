#!/usr/bin/env bash
# abi-compare.sh LIBRARY INCLUDE NEW_LIBRARY NEW_INCLUDE - whether programs that were built with the first
# run with the second: 0 if so, 1 if not, 2 if that cannot be told. Both libraries have debug information.
#
# abidiff looks at the functions. It takes a field more in a struct for a change like any other, and
# knows nothing of constants; so these, and the places of fields, are printed by a program that is
# built with each header, and all that the old one prints is to be printed by the new one.
set -euE
here=$(cd "$(dirname "$0")" && pwd)
old=$1 old_include=$2 new=$3 new_include=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# facts NAME INCLUDE
facts() {
    ${CC:-cc} -E -dD -P -x c "$2/arsync.h" > "$scratch/$1.h"
    awk -f "$here/abi-facts.awk" "$scratch/$1.h" > "$scratch/$1.c"
    ${CC:-cc} -std=c11 "-I$2" -o "$scratch/$1" "$scratch/$1.c"
    "$scratch/$1" | LC_ALL=C sort > "$scratch/$1.facts"
    grep -q ' at .* bytes' "$scratch/$1.facts"
}
trap 'exit 2' ERR
facts old "$old_include"
facts new "$new_include"
trap - ERR

# What is checked by the places of fields.
printf '[suppress_type]\ntype_kind = struct\nname_regexp = ^arsync_\nhas_data_member_inserted_at = end\n' > "$scratch/grown"

status=0
abidiff --suppressions "$scratch/grown" --no-added-syms --headers-dir1 "$old_include" --headers-dir2 "$new_include" \
    --drop-private-types "$old" "$new" || status=$?
# Its bits: 1 an error, 2 wrong usage, 4 a change, 8 a change that is known to break programs.
if ((status & 3)); then exit 2; fi
gone=$(LC_ALL=C comm -23 "$scratch/old.facts" "$scratch/new.facts")
if [ -n "$gone" ]; then
    printf 'Not so any more:\n%s\n' "$gone"
    status=8
fi
LC_ALL=C comm -13 "$scratch/old.facts" "$scratch/new.facts" | sed '1i New:'
[ "$status" = 0 ]
