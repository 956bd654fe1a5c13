# shellcheck shell=bash
# What the tests of docs/examples share, beside test/abi/lib.sh: each example is built as a stranger
# would, against the installed library, and run.
. "$(dirname "${BASH_SOURCE[0]}")/../abi/lib.sh"

export LD_LIBRARY_PATH=$stage/usr/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# builds NAME [FLAG...] - docs/examples/NAME.c as $scratch/NAME, without a warning.
builds() {
    local name=$1 flags
    shift
    read -ra flags <<< "$(pkg_config --cflags --libs arsync)"
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror \
        "$top/docs/examples/$name.c" -o "$scratch/$name" "${flags[@]}" "$@"
}
