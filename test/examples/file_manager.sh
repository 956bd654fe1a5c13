#!/usr/bin/env bash
# docs/examples/file_manager.c copies 500 files by a list and a dialogue, and takes it back.
. "$(dirname "$0")/lib.sh"

# Input is written when the program has asked for it, as a user would.
# converse ANSWER... - a new run, each answer to the next prompt; what it says is in $said.
said=
converse() {
    local part
    said=
    coproc { cd "$scratch/from" && exec timeout 60 "$scratch/file_manager" ../to ./* 2>&1; }
    # bash takes these away when the program ends.
    local pid=$COPROC_PID
    exec 7<&"${COPROC[0]}" 8>&"${COPROC[1]}"
    while IFS= read -r -d '?' part <&7; do
        said+="$part?"
        [ $# -gt 0 ] || break
        printf '%s\n' "$1" >&8
        shift
    done
    exec 8>&-
    said+=$part$(cat <&7)
    exec 7<&-
    wait "$pid" 2> /dev/null
    printf '%s\n' "$said"
}
fresh() {
    rm -rf "$scratch/from" "$scratch/to"
    mkdir -p "$scratch/from/more" "$scratch/to/more"
    (cd "$scratch/from" && for ((i = 100; i < 600; ++i)); do echo "new $i" > "file $i.txt"; done)
    echo new > "$scratch/from/more/inside"
    for name in 'file 100.txt' 'file 101.txt' 'file 102.txt' more/inside; do echo 'it was here' > "$scratch/to/$name"; done
    (cd "$scratch/to" && find . | sort > "$scratch/before")
}
has() { [ "$(cat "$scratch/to/$1")" = "$2" ]; }
says() { grep -qF -- "$1" <<< "$said"; }
as_before() {
    (cd "$scratch/to" && find . | sort) > "$scratch/after"
    same "$scratch/before" "$scratch/after" && ! grep -rq new "$scratch/to"
}

check 'it builds' builds file_manager
check 'in fewer than 200 lines' test "$(wc -l < "$top/docs/examples/file_manager.c")" -lt 200

# Questions come in the order in which the copy gets to them: all that matters is how many of each.
fresh
check 'one of each answer' converse s r k R n
check 'four were asked about' test "$(grep -o 'is there' <<< "$said" | wc -l)" = 4
check '500 were copied and one was not' says '500 copied, 1 skipped, 0 failed: done'
check 'each is there once, and both of the one that was kept' test "$(find "$scratch/to" -name 'file ???.txt' | wc -l)" = 500
check 'what was replaced has a backup' test "$(find "$scratch/to" -name '*.~1~' | wc -l)" = 2
check 'what was kept has a name beside it' test "$(find "$scratch/to" -name '*(1)*' | wc -l)" = 1

fresh
check 'an answer for all' converse R n
check 'replaces all' has more/inside new
check 'and asks no more' test "$(grep -o 'is there' <<< "$said" | wc -l)" = 1
fresh
check 'an answer for all, undone' converse R y
check 'it says so' says undone
check 'all is as it was' as_before

fresh
check 'stopped at a question, undone' converse s x y
check 'it was cancelled' says 'Operation canceled'
check 'all is as it was' as_before

# A paused job begins nothing, though there are answers.
fresh
pauses() {
    local first second
    mkfifo "$scratch/in" && exec 8<> "$scratch/in"
    (cd "$scratch/from" && exec timeout 60 "$scratch/file_manager" ../to ./* < "$scratch/in" > "$scratch/out" 2>&1) &
    echo p >&8
    for ((i = 0; i < 100; ++i)); do grep -q paused "$scratch/out" && break; sleep 0.05; done
    sleep 0.2
    first=$(find "$scratch/to" | wc -l)
    sleep 0.3
    second=$(find "$scratch/to" | wc -l)
    echo g >&8
    echo S >&8
    echo n >&8
    wait $!
    exec 8>&-
    cat "$scratch/out"
    [ "$first" = "$second" ]
}
check 'while it is paused nothing is made' pauses
said=$(cat "$scratch/out")
check 'it says that it is paused, and that it goes on' says 'goes on, '
check 'then the rest is copied' says 'failed: done'
check 'all of it' test "$(find "$scratch/to" -name 'file ???.txt' | wc -l)" = 500

fresh
check 'cancelled, undone' converse c y
check 'all is as it was' as_before
finish
