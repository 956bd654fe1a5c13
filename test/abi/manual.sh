#!/usr/bin/env bash
# Each function of arsync.h has a man page with what the header says of it, everything that the header
# declares is on some page, and no formatter complains about any page.
. "$(dirname "$0")/lib.sh"

pages=$build/man/man3
header=$top/include/arsync.h
functions > "$scratch/functions"

# The prototypes of a C file without comments, one a line, all blanks alike, without attributes.
prototypes() {
    tr '\n' ' ' | grep -oE '(const char|int|void|uint32_t)[ *]+arsync_[a-z_]+\([^;]*\);' |
        sed -E 's/ +/ /g; s/\( /(/g; s/ ?\* ?/*/g' | sort
}
bare() { sed -e ':all; N; $! b all; s|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' "$header"; }
# section NAME < PAGE - the lines of one section, without fonts.
section() { awk -v name="$1" '/^\.SH/ { on = $0 == ".SH " name; next } on' | sed -E 's/\\f[BIR]//g; s/\\-/-/g'; }
has_sections() {
    local page missing=0
    while read -r page; do
        for name in NAME SYNOPSIS DESCRIPTION 'RETURN VALUE' 'SEE ALSO'; do
            [ -n "$(section "$name" < "$pages/$page.3")" ] || { echo "$page: no $name"; missing=1; }
        done
    done < "$scratch/functions"
    return "$missing"
}
each_has_a_page() { ! while read -r page; do [ -s "$pages/$page.3" ] || echo "no page: $page"; done < "$scratch/functions" | grep .; }
names_itself() { ! while read -r page; do section NAME < "$pages/$page.3" | grep -qw "$page" || echo "$page"; done < "$scratch/functions" | grep .; }
# What the pages' synopses declare is what the header declares, each on the page of its name.
has_prototypes() {
    while read -r page; do
        section SYNOPSIS < "$pages/$page.3" | prototypes | grep "arsync_${page#arsync_}("
    done < "$scratch/functions" | sort > "$scratch/on_pages"
    bare | sed 's/^ARSYNC_API //' | prototypes > "$scratch/in_header"
    [ "$(wc -l < "$scratch/in_header")" = "$(wc -l < "$scratch/functions")" ] && same "$scratch/in_header" "$scratch/on_pages"
}
shows_structs() {
    local missing=0 page struct
    while read -r page; do
        for struct in $(grep -oE 'arsync_[a-z_]+\*' <<< "$(grep "[ *]$page(" "$scratch/in_header")" | tr -d '*' | sort -u); do
            grep -q "^typedef struct $struct {" "$header" || continue
            section SYNOPSIS < "$pages/$page.3" | grep -q "^typedef struct $struct {" || { echo "$page: no struct $struct"; missing=1; }
        done
    done < "$scratch/functions"
    return "$missing"
}
errors_of() { section ERRORS < "$pages/$1.3" | grep -oE -- '-E[A-Z0-9]+' | sort -u | tr '\n' ' '; }
# Some that are known, for the rule that takes them from the comments.
has_errors() {
    [[ "$(errors_of arsync_answer)" == '-EINVAL -ENOENT ' && "$(errors_of arsync_poll)" == '-EBUSY -EINVAL -ESHUTDOWN ' &&
        "$(errors_of arsync_submit_copy)" == *-EAGAIN*-ENAMETOOLONG* ]]
}
# Types, fields and constants.
names() {
    bare > "$scratch/bare.h"
    grep -oE '\bARSYNC_[A-Z0-9_]+' "$scratch/bare.h" | grep -v -e '_H$' -e _API -e '^ARSYNC_MEASURING$'
    grep -oE '^(typedef struct|enum) arsync_[a-z_]+' "$scratch/bare.h" | grep -oE 'arsync_[a-z_]+'
    sed -n '/^typedef struct arsync_[a-z_]* {/,/^}/s/^ *[a-z0-9_ ]*[ *]\([a-z_]*\)\(\[[0-9]*\]\)*;.*/\1/p' "$scratch/bare.h"
}
# A name in a sentence is no description: it has to have a line of its own, as a tag or in a table.
everything_is_described() {
    local name missing=0
    sed -nE 's/^\.SS (enum )?//p; s/^\\fB([^\\]*)\\fR.*/\1/p; s/^(arsync.*) \\- .*$/\1/p' "$pages"/*.3 | grep -oE '[A-Za-z0-9_]+' | sort -u > "$scratch/described"
    for name in $(names | sort -u); do
        grep -qx -- "$name" "$scratch/described" || { echo "on no page: $name"; missing=1; }
    done
    return "$missing"
}
references_exist() {
    ! grep -ohE 'arsync_[a-z_]+(\\fR| )\(3\)' "$pages"/*.3 | grep -oE 'arsync_[a-z_]+' | sort -u | while read -r page; do
        [ -s "$pages/$page.3" ] || echo "no page: $page"
    done | grep .
}
listed_in_overview() { ! for page in "$pages"/arsync_*.3; do grep -q "^\.BR $(basename "$page" .3) (3)$" "$pages/arsync.3" || echo "$page"; done | grep .; }
all_pages() { printf '%s\0' "$pages"/*.3 "$build/man/man1/arsync-cp.1"; }
# man -l and groff say nothing about a page that has no mistake.
man_is_quiet() { [ -z "$(all_pages | xargs -0 -I{} man -l --warnings -Tascii {} 2>&1 > /dev/null | tee /dev/stderr)" ]; }
groff_is_quiet() { [ -z "$(all_pages | xargs -0 -n 1 groff -ww -mandoc -Tascii -z 2>&1 | tee /dev/stderr)" ]; }
mandoc_is_quiet() { all_pages | xargs -0 mandoc -T lint -W warning; }
# Distributions differ in which awk they have.
makes_the_same_pages() {
    local script=()
    for part in read text write; do script+=(-f "$top/tools/man-pages/$part.awk"); done
    rm -rf "$scratch/pages" && mkdir "$scratch/pages" &&
        "$@" -v out="$scratch/pages" "${script[@]}" "$header" "$top/man/arsync.3.in" && diff -r "$pages" "$scratch/pages"
}
# mdoc writes -f, --force[=X] as Fl f , Fl -force Ns Op = Ns Ar X.
options_in_manual() {
    local missing=0
    "$build/arsync-cp" --help | grep -oE '^ +-.*' | grep -oE -- '(^ +|, )--?[a-zA-Z][a-z-]*' | grep -oE -- '-[a-zA-Z-]+' > "$scratch/options"
    while read -r option; do
        grep -qE -- "Fl ${option#-}( |$)" "$build/man/man1/arsync-cp.1" || { echo "not in arsync-cp.1: $option"; missing=1; }
    done < "$scratch/options"
    [ -s "$scratch/options" ] && return "$missing"
}

check 'the header declares functions' test -s "$scratch/functions"
check 'each has a page' each_has_a_page
check 'each page names its function' names_itself
check 'and has all sections' has_sections
check 'its synopsis has the prototype of the header' has_prototypes
check 'and each struct that it takes' shows_structs
check 'errors have a section of their own' has_errors
check 'every constant, struct and field is described' everything_is_described
check 'pages refer to pages that are there' references_exist
check 'arsync.3 lists them all' listed_in_overview
check 'arsync-cp.1 has every option of --help' options_in_manual
for formatter in man groff mandoc; do
    if command -v $formatter > /dev/null; then
        check "$formatter formats all pages without a warning" "${formatter}_is_quiet"
    else
        skip "what $formatter says of the pages" "no $formatter"
    fi
done
for awk in mawk gawk 'busybox awk' original-awk; do
    read -ra words <<< "$awk"
    if command -v "${words[0]}" > /dev/null; then
        check "$awk makes the same pages" makes_the_same_pages "${words[@]}"
    fi
done
finish
