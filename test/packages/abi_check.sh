#!/usr/bin/env bash
# What `make abi-check` compares: changes of the ABI that break programs are found, and others pass.
#
# The libraries here do nothing: they have the functions of the header as it is, or as it is changed.
. "$(dirname "$0")/../abi/lib.sh"
command -v abidiff > /dev/null || { echo 'SKIP: the ABI: no abidiff (tools/deps.sh package)'; exit 77; }

# library NAME - from $scratch/NAME/arsync.h.
library() {
    local at=$scratch/$1
    {
        echo '#include <arsync.h>'
        ${CC:-cc} -E -P -DARSYNC_API=ARSYNC_API -x c "$at/arsync.h" | awk '
            /^ARSYNC_API / { inside = 1 }
            inside && /;$/ { sub(/;$/, " { for (;;); }"); print; inside = 0; next }
            inside'
    } > "$at/stub.c"
    ${CC:-cc} -g -std=c11 -shared -fPIC "-I$at" -Wl,-soname,libarsync.so.0 "-Wl,--version-script=$at/arsync.map" -o "$at/libarsync.so" "$at/stub.c"
}
# as NAME SED... - the header, changed.
as() {
    local name=$1
    shift
    mkdir "$scratch/$name" && cp "$top/lib/arsync.map" "$scratch/$name" &&
        sed "$@" "$top/include/arsync.h" > "$scratch/$name/arsync.h" &&
        { [ "$name" = old ] || ! cmp -s "$scratch/old/arsync.h" "$scratch/$name/arsync.h"; }
}
compare() { "$top/packaging/abi-compare.sh" "$scratch/old/libarsync.so" "$scratch/old" "$scratch/$1/libarsync.so" "$scratch/$1"; }
passes() { as "$@" && library "$1" && compare "$1"; }
breaks() {
    local status=0
    as "$@" && library "$1" && { compare "$1" || status=$?; } && [ "$status" = 1 ]
}
last='/^} arsync_stats;/i\    uint64_t more;'
swap='/^    uint64_t files;/{h;d};/^    uint64_t directories;/{G}'
new_node() {
    as node '/^ARSYNC_API .*arsync_pool_wake/i\ARSYNC_API int arsync_new(arsync_pool* pool);' &&
        printf 'ARSYNC_0.2 { global: arsync_new; } ARSYNC_0.1;\n' >> "$scratch/node/arsync.map" && library node && compare node
}

as old '' && library old || exit
check 'the same passes' passes same '$a\/* as it was */'
check 'a struct that may grow passes with a field more' passes grown "$last"
check 'a new function passes' new_node
check 'a new value of an enum passes' passes value 's/^    ARSYNC_BACKEND_THREADS = 2$/&, ARSYNC_BACKEND_OTHER = 3/'
check 'a struct that never changes breaks with a field more' breaks fixed '/^} arsync_item;/i\    uint64_t more;'
check 'two fields that have changed places break' breaks swapped "$swap"
check 'and with a field more at the end, too' breaks both -e "$swap" -e '/^} arsync_totals;/i\    uint64_t more;'
check 'a field more in the middle breaks' breaks middle '/^    uint64_t user_data; .*comes back/i\    uint64_t more;'
check 'a field of another type breaks' breaks type 's/^    int32_t result; /    uint32_t result;/'
check 'a function that is gone breaks' breaks gone '/^ARSYNC_API int arsync_pool_wake/d'
check 'a parameter of another type breaks' breaks parameter 's/\(int arsync_pool_shutdown(arsync_pool\* pool, \)uint32_t/\1uint64_t/'
check 'a value of an enum that has changed breaks' breaks number 's/ARSYNC_STAGE_ASK = 28/ARSYNC_STAGE_ASK = 29/'
check 'a flag that has changed breaks' breaks flag 's/\(define ARSYNC_COPY_PARENTS \).*/\1(1u << 60)/'
check 'a flag that is gone breaks' breaks flagless '/define ARSYNC_COMPLETION_REPEATED/d'

# The whole command, in a repository whose library is built by a copy.
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@invalid GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@invalid
repository=$scratch/repository
# commit NAME - the library and the header of that name.
commit() {
    cp "$scratch/$1/libarsync.so" "$repository" && cp "$scratch/$1/arsync.h" "$repository/include" &&
        git -C "$repository" add . && git -C "$repository" commit -q -m "$1"
}
# says STATUS TEXT [BASE] - what the command says of the repository as it is.
says() {
    local status=0 said
    said=$("$repository/packaging/abi-check.sh" "$repository/build" ${3:+"$3"} 2>&1) || status=$?
    printf '%s\n' "$said"
    [ "$status" = "$1" ] && grep -q "$2" <<< "$said"
}
mkdir -p "$repository/packaging" "$repository/include"
cp "$top"/packaging/abi-* "$repository/packaging"
printf '%s: libarsync.so\n\tmkdir -p $(@D) && cp $< $@\n' '$(B)/libarsync.so' > "$repository/Makefile"
echo build > "$repository/.gitignore"
git -C "$repository" init -q
commit old
check 'without a tag the command says so' says 1 'no release has been tagged'
git -C "$repository" tag v1
check 'the release itself passes' says 0 'built with v1 run with this'
commit grown
check 'a commit with a struct that has grown passes' says 0 'built with v1 run with this'
commit fixed
check 'a commit with a struct that must not grow breaks' says 1 'built with v1 would break'
commit parameter
check 'a commit with a parameter of another type breaks' says 1 'built with v1 would break'
git -C "$repository" tag v2
check 'it is compared with the last tag, not with what was built before' says 0 'built with v2 run with this'
check 'any other commit can be named' says 1 'built with v1 would break' v1
finish
