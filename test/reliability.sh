#!/usr/bin/env bash
# The tests that docs/RELIABILITY.md names are there.
set -u
cd "$(dirname "$0")/.." || exit 1

missing=0
named=0
# Lines of "FILE<tab>CASE".
while IFS=$'\t' read -r file name; do
    named=$((named + 1))
    # In the source a long name may go on in a second literal.
    if ! tr -d '\n' < "$file" | sed -E 's/" +"//g' | grep -qF "\"$name\""; then
        echo "not ok - $file has no case \"$name\""
        missing=$((missing + 1))
    fi
done < <(grep '^|' docs/RELIABILITY.md | grep -oE '`test/[^`]+`|"[^"]+"' |
    awk '/^`/ { file = substr($0, 2, length - 2); next } { print file "\t" substr($0, 2, length - 2) }')

[ "$named" -gt 0 ] || missing=1
[ "$missing" = 0 ] && echo "ok - all $named cases are there"
echo "# $((missing == 0)) passed, $missing failed, 0 skipped"
[ "$missing" = 0 ]
