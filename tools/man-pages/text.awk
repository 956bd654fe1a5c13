# text.awk - what a comment says and what a declaration looks like, in the language of man pages. A
# function gives text that ends with a newline, and changes nothing but what the page mentions.

# Sentences on lines of their own, names in bold, types and arguments in italics. What is mentioned
# becomes a reference at the page's end.
function text(s,    result, word) {
    gsub(/\\/, "\\e", s)
    gsub(/[ \n]+/, " ", s)
    sub(/^ /, "", s)
    result = ""
    while (match(s, /"[A-Z][a-z ]+"( above| below)?|-?[A-Za-z_][A-Za-z0-9_]*(\([0-9]\))?/)) {
        word = substr(s, RSTART, RLENGTH)
        result = result substr(s, 1, RSTART - 1) marked(word)
        s = substr(s, RSTART + RLENGTH)
    }
    result = result s
    gsub(/\. /, ".\n", result)
    gsub(/\n\./, "\n\\\\\\&.", result)
    gsub(/\n'/, "\n\\\\\\&'", result)
    return (result ~ /^[.']/ ? "\\&" : "") result "\n"
}

function marked(word,    bare, declared) {
    bare = word
    if (word ~ /^"/) {
        gsub(/"| above$| below$/, "", bare)
        if (bare in topic_called)
            return page_about(topic_called[bare]) in page_of && page_of[page_about(topic_called[bare])] == current ? word : reference(page_about(topic_called[bare]))
        return index(conventions, "  " bare " ") && word ~ /above$/ ? "\"" bare "\" in \\fBarsync\\fR(3)" : word
    }
    if (word ~ /^-E[A-Z0-9]+$/)
        return "\\fB\\" word "\\fR"
    if (sub(/\(.*/, "", bare))
        return "\\fB" bare "\\fR" substr(word, length(bare) + 1)
    if (word in page_of)
        return page_of[word] == current ? "\\fB" word "\\fR()" : reference(word)
    declared = word in item_of ? item_of[word] : word ~ /^ARSYNC/ && word in constant_in ? constant_in[word] : 0
    if (declared && group[declared] in own_page)
        mentions[own_page[group[declared]]] = 1
    if (word ~ /^[A-Z][A-Z0-9]*_[A-Z0-9_]*$/ || word == "NULL")
        return "\\fB" word "\\fR"
    if (word ~ /^[a-z]+_[a-z_]+$/ || word in arguments && word ~ /^(src|dst|how|max|why)$/)
        return "\\fI" word "\\fR"
    return word
}

function reference(page) {
    mentions[page] = 1
    return "\\fB" page "\\fR(3)"
}

# The page that a topic is on.
function page_about(i,    j) {
    if (group[i] in own_page)
        return own_page[group[i]]
    for (j = 1; j <= items; ++j)
        if (kind[j] == "functions" && group[j] == group[i])
            return function_name[j, 1]
}

# A comment's paragraphs, lists and examples.
function body(s,    n, lines, i, line, waiting, result, in_list, in_code, column) {
    n = split(s, lines, "\n")
    result = waiting = ""
    for (i = 1; i <= n; ++i) {
        line = lines[i]
        if (!in_list && line ~ /^    /) {
            if (!in_code)
                result = result flush(waiting) ".PP\n.in +4n\n.nf\n"
            in_code = 1
            waiting = ""
            gsub(/\\/, "\\e", line)
            result = result substr(line, 5) "\n"
            continue
        }
        if (in_code) {
            result = result ".fi\n.in\n"
            in_code = 0
        }
        if (line ~ /^  [^ ]/) {
            result = result flush(waiting)
            column = in_list ? column : 0
            if (match(line, /[^ ]  +[^ ]/))
                column = RSTART + RLENGTH - 1
            else if (column < 4 || substr(line, column - 1, 1) != " " || substr(line, 3, column - 4) ~ / /)
                column = length(line) + 1
            waiting = substr(line, column)
            line = substr(line, 3, column - 3)
            sub(/ +$/, "", line)
            result = result ".TP\n" text(line)
            in_list = 1
        } else if (line == "") {
            result = result flush(waiting)
            waiting = ""
            if (lines[i + 1] !~ /^  /) {
                result = result ".PP\n"
                in_list = 0
            }
        } else
            waiting = waiting " " line
    }
    return result flush(waiting) (in_code ? ".fi\n.in\n" : "")
}

function flush(waiting) { return waiting == "" ? "" : text(waiting) }

# The paragraphs of a function's comment that are its name, description, returns or errors.
function part_of(s, part,    n, paragraphs, i, at, result) {
    n = split(s, paragraphs, "\n\n")
    result = ""
    for (i = 1; i <= n; ++i) {
        if (paragraphs[i] ~ /^Returns /)
            at = "returns"
        else if (sub(/^Errors:\n/, "", paragraphs[i]))
            at = "errors"
        else if (at != "errors")
            at = i == 1 ? "name" : "description"
        if (at == part)
            result = result (result ? "\n\n" : "") paragraphs[i]
    }
    return result
}

# One line for NAME and for lists.
function summary(i,    s) {
    if (kind[i] == "topic")
        return brief[i]
    s = part_of(doc[i], "name")
    gsub(/\n/, " ", s)
    sub(/\.( .*)?$/, "", s)
    return tolower(substr(s, 1, 1)) substr(s, 2)
}

# A prototype, broken between arguments.
function synopsis(one,    at, n, args, i, width, result) {
    at = index(one, "(")
    n = split(substr(one, at + 1, length(one) - at - 1), args, ", ")
    result = "\\fB" substr(one, 1, at)
    width = at
    for (i = 1; i <= n; ++i) {
        if (i > 1 && width + length(args[i]) > 70) {
            result = result "\n        "
            width = 8
        }
        width += length(args[i]) + 2
        if (match(args[i], /[a-z_0-9]+$/) && RSTART > 1) {
            arguments[substr(args[i], RSTART)] = 1
            args[i] = substr(args[i], 1, RSTART - 1) "\\fI" substr(args[i], RSTART) "\\fB"
        }
        result = result args[i] (i < n ? ", " : "")
    }
    gsub(/, \n/, ",\n", result)
    return result ");\\fR\n"
}

function struct_code(i,    m, result) {
    result = "\\fBtypedef struct " name[i] " {\n"
    for (m = 1; m <= members[i]; ++m)
        if (declares[i, m] !~ /^#define/)
            result = result "    " pointers(declares[i, m]) ";\n"
    return result "} " name[i] ";\\fR\n"
}

function member_list(i,    m, result, said) {
    for (m = 1; m <= members[i]; ++m)
        said += about[i, m] != ""
    if (2 * said < members[i])
        return table_of(i)
    result = ""
    for (m = 1; m <= members[i]; ++m) {
        result = result ".TP\n\\fB" (declares[i, m] ~ /^#define/ || kind[i] == "enum" ? member[i, m] : pointers(declares[i, m])) "\\fR\n"
        result = result within(body(about[i, m]))
    }
    return result
}

# Lists and paragraphs of an item stay within it.
function within(s) { return sub(/\n\.(TP|PP)/, "\n.RS&", s) ? s ".RE\n" : s }

# Constants that say all by their name and value.
function table_of(i,    m, result, value) {
    result = ".PP\n.nf\n"
    for (m = 1; m <= members[i]; ++m) {
        value = declares[i, m]
        sub(/^#define [A-Z0-9_]+ */, "", value)
        result = result "\\fB" member[i, m] "\\fR " value (about[i, m] ? ", " about[i, m] : "") "\n"
    }
    return result ".fi\n"
}

# What constants are called together: by what their names begin with, as ARSYNC_POOL_*.
function family(i,    first) {
    first = member[i, 1]
    if (first ~ /_(MAX|MIN|DEFAULT)$/)
        return "Limits"
    match(first, /^ARSYNC_[A-Z0-9]+_/)
    return substr(first, 1, RLENGTH) "*"
}

# A type or constants under a heading, unless the one before is the same or says it.
function shown(i,    heading) {
    heading = kind[i] == "constants" ? family(i) : (kind[i] == "enum" ? "enum " : "") name[i]
    if (kind[i] != "constants" || !(under_heading || heading == last_heading)) {
        last_heading = heading
        heading = ".SS " heading "\n"
    } else
        heading = ".PP\n"
    if (kind[i] != "constants")
        under_heading = 0
    return heading (kind[i] == "type" ? body(doc[i]) : (doc[i] ? body(doc[i]) : "") member_list(i))
}
