# read.awk - with text.awk and write.awk: the pages of section 3 from the comments of arsync.h, so that they cannot differ.
#
#     awk -v out=DIRECTORY -f read.awk -f text.awk -f write.awk include/arsync.h man/arsync.3.in
#
# The header is in chunks, which blank lines separate: a comment, a declaration, or both. A comment
# "---- Section ----" or "---- Section: theme ----" begins a section. A comment is in paragraphs. A line
# that begins with two spaces begins an item of a list, "  Tag  Text"; what is further in goes on with
# it, or is an example if there is no list. The first paragraph of a function's comment becomes its name
# in one line, "Returns" begins that paragraph and "Errors:" that list. A comment that begins with
# "Title: what it is about" is a topic.
#
# Functions that share a comment share a text, with a page for each. It has the structs that they take,
# and the constants that these and the comment name. But a section with a struct that three comments or
# more have in their prototypes has one page, by that struct's name, and so has a topic that three
# comments or more, or none, are about.
# arsync.3 is man/arsync.3.in with the header's conventions and a list of all pages.

FNR == 1 { ++file }
file == 2 {
    overview[++overview_lines] = $0
    if (/^\.TH/) {
        split($0, quoted, "\"")
        date = quoted[2]
    }
    next
}
/^ \* Conventions$/ { in_conventions = 1; next }
/^ \* Everything here/ { in_conventions = 0 }
in_conventions { conventions = conventions substr($0, 4) "\n" }
/^#define ARSYNC_VERSION_(MAJOR|MINOR|PATCH)/ { version = version (version ? "." : "") $3 }
/^\/\* ----/ {
    sub(/^\/\* -+ /, "")
    sub(/ -+ \*\/$/, "")
    section = $0
    next
}
# Declarations begin with the first section, and end with the second extern "C".
section == "" || /^#(if|ifdef|endif)/ || /^[}]$/ { next }
/^$/ { end_of_chunk(); next }
{ chunk = chunk $0 "\n" }

function end_of_chunk(    i, at, rest) {
    if (chunk == "")
        return
    i = ++items
    split(section, parts, ": ")
    group[i] = parts[1]
    theme[i] = parts[2]
    rest = chunk
    chunk = ""
    if (rest ~ /^\/\*/) {
        at = index(rest, "*/")
        doc[i] = plain(substr(rest, 1, at + 1))
        rest = substr(rest, at + 3)
    }
    if (rest == "")
        take_text(i)
    else if (rest ~ /^ARSYNC_API/)
        take_functions(i, rest)
    else if (rest ~ /^#define/)
        take_constants(i, rest)
    else {
        kind[i] = rest ~ /^enum/ ? "enum" : rest ~ /[{]/ ? "struct" : "type"
        match(rest, kind[i] == "type" ? "arsync_[a-z_]+;" : "arsync_[a-z_]+ [{]")
        name[i] = substr(rest, RSTART, RLENGTH)
        gsub(/[ {;]/, "", name[i])
        item_of[name[i]] = i
        take_members(i, rest)
    }
}

# A comment's text, without what frames it.
function plain(comment) {
    sub(/[ \n]*\*\/ *$/, "", comment)
    sub(/^ *\/\* ?/, "", comment)
    gsub(/\n *\* ?/, "\n", comment)
    return comment
}

function take_text(i,    first) {
    kind[i] = "text"
    first = doc[i]
    sub(/\n.*/, "", first)
    if (first ~ /^[A-Z][a-z ]*: [a-z]/ && doc[i] ~ /\n\n/) {
        kind[i] = "topic"
        name[i] = first
        sub(/:.*/, "", name[i])
        brief[i] = substr(first, length(name[i]) + 3)
        sub(/^[^\n]*\n\n/, "", doc[i])
        topic_of[group[i]] = i
        topic_called[name[i]] = i
    } else if (doc[i] ~ /^[A-Z][a-z ]*:$/) {
        kind[i] = "heading"
        name[i] = doc[i]
        sub(/:$/, "", name[i])
    }
}

function take_functions(i, rest,    n, lines, k, one) {
    kind[i] = "functions"
    ++has_functions[group[i]]
    n = split(rest, lines, ";\n")
    for (k = 1; k < n; ++k) {
        one = lines[k]
        gsub(/\n */, " ", one)
        sub(/^ARSYNC_API /, "", one)
        one = pointers(one)
        prototype[i, ++functions[i]] = one
        match(one, /arsync_[a-z_]+\(/)
        function_name[i, k] = substr(one, RSTART, RLENGTH - 1)
        page_of[function_name[i, k]] = i
    }
}

# The star beside the name, as is C's way.
function pointers(s) {
    gsub(/\*\* /, " **", s)
    gsub(/\* /, " *", s)
    return s
}

# A comment is about all constants below it if the second has none of its own before it.
function take_constants(i, rest,    lines) {
    kind[i] = "constants"
    split(rest, lines, "\n")
    if (lines[2] !~ /^#define/ && lines[1] !~ /\/\*/) {
        rest = "/* " doc[i] " */\n" rest
        doc[i] = ""
    }
    take_members(i, rest)
}

# What declares each member or constant, and its comment, which is before or behind it.
function take_members(i, rest,    n, lines, k, line, note, before, m) {
    n = split(rest, lines, "\n")
    before = ""
    for (k = 1; k <= n; ++k) {
        line = lines[k]
        if (line ~ /^(typedef|enum|[}])/ || line == "")
            continue
        m = 0
        note = line
        if (line !~ /^ *\/\*/) {
            m = ++members[i]
            about[i, m] = before
            before = ""
            declares[i, m] = line
            sub(/ *\/\*.*/, "", declares[i, m])
            gsub(/^ +|[,;] *$| +\\$/, "", declares[i, m])
            member[i, m] = identifier(declares[i, m])
            constant_in[member[i, m]] = i
            if (!sub(/^[^\/]*\/\*/, "/*", note)) {
                if (line ~ /\\$/)
                    ++k
                continue
            }
        }
        while (note !~ /\*\/ *$/)
            note = note "\n" lines[++k]
        if (m) {
            gsub(/\n +/, "\n", note)
            about[i, m] = about[i, m] plain(note)
        } else
            before = plain(note)
    }
}

function identifier(declaration) {
    sub(/^#define /, "", declaration)
    sub(/\[.*/, "", declaration)
    sub(declaration ~ /^ARSYNC/ ? "[ =(].*" : ".*[ *]", "", declaration)
    return declaration
}
