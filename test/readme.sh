#!/usr/bin/env bash
# The C example in README.md compiles as it stands there, against an installed library, and copies.
. "$(dirname "$0")/abi/lib.sh"

sed -n '/^```c$/,/^```$/{ /^```c$/d; /^```$/q; p }' "$top/README.md" > "$scratch/example.c"
read -ra flags <<< "$(pkg_config --cflags --libs arsync)"

compiles() { "${CC:-cc}" -Wall -Wextra -Wpedantic -Werror "$scratch/example.c" -o "$scratch/example" "${flags[@]}"; }
runs() { LD_LIBRARY_PATH=$stage/usr/lib "$scratch/example" "$@"; }
# The largest file that is surely here: the library itself.
copies() { runs "$build/libarsync.a" "$scratch/copy" && cmp "$build/libarsync.a" "$scratch/copy"; }
tells_failure() { ! runs "$scratch/missing" "$scratch/copy-2" && [ ! -e "$scratch/copy-2" ]; }

check 'there is a C example in README.md' test -s "$scratch/example.c"
check 'it compiles without warnings' compiles
check 'it copies a real file' copies
check 'it fails when the copy fails' tells_failure
finish
