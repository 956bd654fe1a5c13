#!/usr/bin/env bash
# The cases in C, as a program that is linked with the installed library.
. "$(dirname "$0")/lib.sh"

read -ra flags <<< "$(pkg-config --cflags --libs arsync)"
builds() {
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -g -pthread -I"$top/test/abi/client" \
        "$here"/c/*.c "$top/test/abi/client/client.c" -o "$scratch/cases.program" "${flags[@]}"
}

sed -n 's/^    TEST(\([a-z0-9_]*\)),$/\1/p' "$here/c/main.c" > "$scratch/names"
check 'the cases of cases.md, in their order' has_all_cases "$scratch/names"
check 'the program builds' builds
tally "$scratch/cases.program"
finish
