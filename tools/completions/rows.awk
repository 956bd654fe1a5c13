# The rows of arsync-cp's option table, for bash.awk, zsh.awk and fish.awk beside this file:
#   awk -f rows.awk -f SHELL.awk option_table.cpp
# calls option(letters, name, argument, help, words) for each, where argument is "", "=FILE" or
# "[=WHEN]", and words what may stand there, with spaces between; before and after them begin() and end().

# What --help lists after a colon, or as its only text: "make holes: auto, always, never; see below".
# What it has in prose only is said here.
function words_of(argument, help,    n, i, parts, words) {
    if (argument ~ /CONTROL/)
        return "none off numbered t existing nil simple never"
    if (argument ~ /ATTR_LIST/)
        return "mode ownership timestamps links context xattr flags project all"
    if (argument ~ /WHEN/ && help ~ /none-fail/)
        return "all none none-fail older"
    if (argument ~ /\|/) {
        sub(/^=/, "", argument)
        gsub(/\|/, " ", argument)
        return argument
    }
    if (argument !~ /NAME|WHEN|POLICY/)
        return ""
    sub(/.*: /, "", help)
    sub(/;.*/, "", help)
    n = split(help, parts, ", ")
    for (i = 1; i <= n; ++i) {
        if (parts[i] !~ /^[a-z_-]+$/) {
            print "no list of words for " argument ": " help > "/dev/stderr"
            exit failed = 1
        }
        words = words (i > 1 ? " " : "") parts[i]
    }
    return words
}

# In single quotes, as a word of a POSIX shell.
function quoted(text) {
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}

BEGIN { begin() }

# A row begins with who has the option; its strings are its letters, name, argument and help, of
# which the last may stand on lines of its own, in pieces.
/^    \{(cps|ours), "/ { text = ""; in_row = 1 }
in_row {
    text = text $0
    if (/\},?$/) {
        in_row = 0
        gsub(/" +"/, "", text)
        split(text, part, "\"")
        ++rows
        words = words_of(part[6], part[8])
        sub(/; see below$/, "", part[8])
        option(part[2], part[4], part[6], part[8], words)
    }
}

END {
    if (failed)
        exit 1
    if (rows < 10) {
        print "no table of options" > "/dev/stderr"
        exit 1
    }
    end()
}
