#!/usr/bin/env bash
# What test/mutants/results.tsv says of mistakes put into lib/ holds together: at least 100 are caught, each
# by a test that is there, and one that is said to be none says why. What is open is counted. Each is of code
# that is there: of what is not, the results go (test/mutants/run.py).
set -u
cd "$(dirname "$0")/.." || exit 1

# All source of a suite on one line; a long name may go on in a second literal.
declare -A cases
for suite in unit sim system; do
    cases[$suite]=$(cat test/$suite/*.cpp | tr -d '\n' | sed -E 's/" +"//g')
done

declare -A sources
is_there() {
    [ -n "${sources[$1]-}" ] || sources[$1]=$(tr -s ' \n' ' ' < "$1")
    [[ ${sources[$1]} == *"$(tr -s ' \n' ' ' <<< "$2" | sed 's/ $//')"* ]]
}

caught=0
equivalent=0
open=0
wrong=0
while IFS=$'\37' read -r file rule text _ _ verdict by; do
    suite=${by%%: *}
    name=${by#*: }
    # In the source a quotation mark has a backslash before it.
    name=${name//\"/\\\"}
    if ! is_there "$file" "$text"; then
        echo "not ok - there is no such code: $file: $rule: $text"
        wrong=$((wrong + 1))
    fi
    if [ "$verdict" = equivalent ] && [ -n "$by" ]; then
        equivalent=$((equivalent + 1))
    elif [ "$verdict" = open ] || [ "$verdict" = 'not reached' ]; then
        open=$((open + 1))
    elif [ "$verdict" != caught ]; then
        echo "not ok - $verdict: $file: $rule: $text"
        wrong=$((wrong + 1))
    elif [ "$suite" = cli ] && [ -e "test/cli/$name" ]; then
        caught=$((caught + 1))
    elif [[ ${cases[$suite]-} == *"\"$name\""* ]]; then
        caught=$((caught + 1))
    else
        echo "not ok - there is no test \"$name\" in $suite: $file: $rule: $text"
        wrong=$((wrong + 1))
    fi
done < <(tail -n +2 test/mutants/results.tsv | tr '\t' '\37')

if [ "$caught" -lt 100 ]; then
    echo "not ok - only $caught are caught"
    wrong=$((wrong + 1))
fi
[ "$wrong" = 0 ] && echo "ok - of $((caught + equivalent + open)) mutants $caught are caught, $equivalent are none, $open are open"
echo "# $((wrong == 0)) passed, $wrong failed, 0 skipped"
[ "$wrong" = 0 ]
