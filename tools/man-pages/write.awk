# write.awk - which pages there are, what is on each, and what each refers to.

# Without the paragraphs that begin nothing: before another macro that begins one, or after a heading.
function tidy(page,    n, lines, i, last, result) {
    n = split(page, lines, "\n")
    result = ""
    last = ".SH"
    for (i = 1; i < n; ++i) {
        if (lines[i] == ".PP" && (lines[i + 1] ~ /^\.(PP|TP|SS|SH|RE)/ || last ~ /^\.S[HS]/))
            continue
        last = lines[i]
        result = result last "\n"
    }
    return result
}

function write(title, page,    file_name) {
    file_name = out "/" title ".3"
    printf ".\\\" Made from arsync.h by tools/man-pages.\n" > file_name
    printf ".TH %s 3 \"%s\" \"libarsync %s\"\n.nh\n.ad l\n%s", title, date, version, tidy(page) > file_name
    close(file_name)
}

# references: those that the page has not mentioned.
function see_also(title, references,    n, all, i, j, page, result) {
    for (page in mentions)
        references = references " " page
    n = split(references, all, " ")
    for (i = 2; i <= n; ++i)
        for (j = i; j > 1 && all[j] < all[j - 1]; --j) {
            page = all[j]
            all[j] = all[j - 1]
            all[j - 1] = page
        }
    result = ".SH SEE ALSO\n"
    for (i = 1; i <= n; ++i)
        if (all[i] != all[i - 1] && all[i] != title)
            result = result ".BR " all[i] " (3),\n"
    return result ".BR arsync (3)\n"
}

# Whether a struct is in the prototypes of a comment's functions.
function takes(i, struct,    k) {
    for (k = 1; k <= functions[i]; ++k)
        if (prototype[i, k] ~ ("[( ]" struct " "))
            return 1
    return 0
}

function find_own_pages(    i, j, users) {
    for (i = 1; i <= items; ++i) {
        if (kind[i] != "struct")
            continue
        users = 0
        for (j = 1; j <= items; ++j)
            users += kind[j] == "functions" && takes(j, name[i])
        if (users >= 3 && users > most[group[i]]) {
            most[group[i]] = users
            own_page[group[i]] = name[i]
        }
    }
    for (i in topic_of)
        if ((has_functions[i] == 0 || has_functions[i] >= 3) && !(i in own_page))
            own_page[i] = "arsync_" tolower(name[topic_of[i]])
    for (i = 1; i <= items; ++i)
        if (kind[i] == "text" && !(group[i] in own_page)) {
            print "on no page, and no topic: " doc[i] > "/dev/stderr"
            exit 1
        }
}

# Whether a text names an enum or constants, by themselves or as a family (ARSYNC_POOL_*).
function names(s, i,    m, word) {
    if (kind[i] == "enum")
        return s ~ ("enum " name[i] "[^a-z_]")
    if (kind[i] != "constants")
        return 0
    while (match(s, /ARSYNC_[A-Z0-9_]+[*]?/)) {
        word = substr(s, RSTART, RLENGTH)
        s = substr(s, RSTART + RLENGTH)
        for (m = 1; m <= members[i]; ++m)
            if (word == member[i, m] || (sub(/[*]$/, "*", word) && index(member[i, m], substr(word, 1, length(word) - 1)) == 1))
                return 1
    }
    return 0
}

function begin_page(i) {
    current = i
    last_heading = ""
    under_heading = 0
    split("", arguments)
    split("", mentions)
}

function function_page(i,    j, k, m, all, page, said, references, related) {
    begin_page(i)
    for (k = 1; k <= functions[i]; ++k) {
        all = all (k > 1 ? ", " : "") function_name[i, k]
        page = page "\n" synopsis(prototype[i, k])
    }
    page = ".SH NAME\n" all " \\- " summary(i) "\n.SH SYNOPSIS\n.nf\n\\fB#include <arsync.h>\\fR\n" page
    said = doc[i]
    for (j = 1; j <= items; ++j) {
        if (kind[j] == "topic" && group[j] == group[i])
            said = said " " doc[j]
        if (kind[j] != "struct" || !takes(i, name[j]))
            continue
        page = page "\n" struct_code(j)
        if (group[j] in own_page)
            references = references " " own_page[group[j]]
        else {
            related = related " " j " "
            said = said " " doc[j]
            for (m = 1; m <= members[j]; ++m)
                said = said " " about[j, m] " "
        }
    }
    page = page ".fi\n.SH DESCRIPTION\n"
    page = page body(part_of(doc[i], "description") ? part_of(doc[i], "description") : part_of(doc[i], "name"))
    for (j = 1; j <= items; ++j) {
        if (kind[j] == "functions" && group[j] == group[i] && j != i)
            for (k = 1; k <= functions[j]; ++k)
                references = references " " function_name[j, k]
        if (group[j] in own_page)
            continue
        if (related ~ (" " j " ") || names(said, j) || (kind[j] == "type" && group[j] == group[i] && takes(i, name[j])))
            page = page shown(j)
        else if (kind[j] == "topic" && group[j] == group[i])
            page = page ".SS " name[j] "\n" body(doc[j])
    }
    page = page ".SH RETURN VALUE\n" (part_of(doc[i], "returns") ? body(part_of(doc[i], "returns")) : "None.\n")
    if (prototype[i, 1] ~ /^int /)
        page = page ".SH ERRORS\n" body(part_of(doc[i], "errors")) ".PP\nErrors that all functions share are in\n.BR arsync (3),\nsection Conventions.\n"
    gsub(/, /, " ", all)
    for (k = 1; k <= functions[i]; ++k)
        write(function_name[i, k], page see_also(function_name[i, k], references " " all))
}

# A section's own page: its struct first, then all else in the header's order.
function section_page(which,    title, main, i, k, n, all, titles, page, references, last) {
    begin_page(0)
    title = own_page[which]
    main = title in item_of ? item_of[title] : topic_of[which]
    all = title
    page = ".SH DESCRIPTION\n" body(part_of(doc[main], "description") && kind[main] == "struct" ? part_of(doc[main], "description") : doc[main])
    if (kind[main] == "struct")
        page = ".SH SYNOPSIS\n.nf\n\\fB#include <arsync.h>\\fR\n\n" struct_code(main) ".fi\n" page member_list(main)
    for (i = 1; i <= items; ++i) {
        if (kind[i] == "functions")
            for (k = 1; k <= functions[i]; ++k)
                if (group[i] == which || takes(i, title))
                    references = references " " function_name[i, k]
        if (group[i] != which || i == main || kind[i] == "functions")
            continue
        if (theme[i] != last) {
            page = page ".SH " toupper(theme[i]) "\n"
            last_heading = ""
        }
        last = theme[i]
        if (kind[i] == "struct")
            all = all ", " name[i]
        if (kind[i] == "heading") {
            page = page ".SS " name[i] "\n"
            under_heading = 1
        } else if (kind[i] == "text" || kind[i] == "topic")
            page = page ".PP\n" body(doc[i])
        else
            page = page shown(i)
    }
    n = split(all, titles, ", ")
    for (k = 1; k <= n; ++k)
        write(titles[k], ".SH NAME\n" all " \\- " summary(main) "\n" page see_also(titles[k], references))
}

function list_of_pages(    i, j, k, last, result) {
    for (i = 1; i <= items; ++i) {
        if (group[i] != last && (has_functions[group[i]] || group[i] in own_page)) {
            last = group[i]
            result = result ".SS " last "\n"
            if (last in own_page) {
                result = result ".TP\n.BR " own_page[last] " (3)\n"
                for (j = i; j <= items; ++j)
                    if (kind[j] == "struct" && group[j] == last && name[j] != own_page[last])
                        result = result ".TQ\n.BR " name[j] " (3)\n"
                result = result summary(own_page[last] in item_of ? item_of[own_page[last]] : topic_of[last]) "\n"
            }
        }
        for (k = 1; k <= functions[i]; ++k)
            result = result (k == 1 ? ".TP\n" : ".TQ\n") ".BR " function_name[i, k] " (3)\n"
        if (functions[i])
            result = result summary(i) "\n"
    }
    return result
}

END {
    end_of_chunk()
    find_own_pages()
    for (item = 1; item <= items; ++item)
        if (kind[item] == "functions")
            function_page(item)
    for (which in own_page)
        section_page(which)
    begin_page(0)
    for (line = 1; line <= overview_lines; ++line)
        if (overview[line] == "@CONVENTIONS@")
            page = page body(conventions)
        else if (overview[line] == "@FUNCTIONS@")
            page = page list_of_pages()
        else if (overview[line] !~ /^\.TH/)
            page = page overview[line] "\n"
    write("arsync", page)
}
