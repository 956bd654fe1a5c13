# The manual of arsync-cp, with what its option table says: awk -f options.awk option_table.cpp arsync-cp.1.in
#
# In the manual a line "@synopsis" stands for how the program is called, and a line "@ NAME" for the
# tag of an option, which is named by its long form, or by its letter if it has none.

# "=FILE", of a long form, or "[=WHEN]".
function argument(text,    words) {
    if (text == "")
        return ""
    words = tolower(text)
    gsub(/[][=]/, "", words)
    if (text ~ /\|/) { # one of these words
        gsub(/\|/, " Ns | Ns Cm ", words)
        words = "Cm " words
    } else {
        words = "Ar " words
    }
    return (text ~ /^\[/ ? " Ns Op = Ns " : " Ns = Ns ") words
}

# A word of a line of usage, as a request of mdoc.
function request(word,    dots) {
    dots = sub(/\.\.\.$/, "", word) ? " ..." : ""
    if (word ~ /^\[-.\]$/)
        return ".Op Fl " substr(word, 3, 1)
    if (word ~ /^\[/)
        return ".Op Ar " tolower(substr(word, 2, length(word) - 2)) dots
    if (word ~ /^--/)
        return ".Fl -" substr(word, 3, index(word, "=") - 3) argument(substr(word, index(word, "=")))
    return word ~ /^-/ ? ".Fl " substr(word, 2) : ".Ar " tolower(word) dots
}

# A row begins with who has it, its letters, its name and its argument.
FNR == NR && /^    \{(cps|ours), "/ {
    split($0, row, "\"")
    tag = ""
    for (i = 1; i <= length(row[2]); ++i)
        tag = tag (tag == "" ? "" : " , ") "Fl " substr(row[2], i, 1)
    if (row[4] != "")
        tag = tag (tag == "" ? "" : " , ") "Fl -" row[4] argument(row[6])
    tags[row[4] != "" ? row[4] : row[2]] = tag
    next
}
FNR == NR && /usage\[\] = \{/ { in_usage = 1 }
FNR == NR && in_usage {
    while (match($0, /"[^"]*"/)) {
        count = split(substr($0, RSTART + 1, RLENGTH - 2), words, " ")
        synopsis = synopsis ".Nm\n"
        for (i = 1; i <= count; ++i)
            synopsis = synopsis request(words[i]) "\n"
        $0 = substr($0, RSTART + RLENGTH)
    }
    in_usage = $0 !~ /;/
}
FNR == NR { next }

/^@synopsis$/ {
    printf "%s", synopsis
    next
}
/^@ / {
    if (!($2 in tags)) {
        print "no such option: " $2 > "/dev/stderr"
        failed = 1
    }
    print ".It " tags[$2]
    used[$2] = 1
    next
}
{ print }

END {
    for (name in tags)
        if (!(name in used)) {
            print "not in the manual: " name > "/dev/stderr"
            failed = 1
        }
    exit failed
}
