# arsync-cp's completion for zsh, as _arguments takes it.

function begin() {
    print "#compdef arsync-cp"
    print "# Made from arsync-cp's table of options."
    print ""
    print "_arguments -s -S \\"
}

# SPELLED EXCLUSIVE ARGUMENT HELP WORDS - a line for one spelling.
function line(spelled, exclusive, argument, help, words,    what, action, spec) {
    gsub(/\\|\[|\]|:/, "\\\\&", help)
    spec = exclusive spelled
    if (argument != "") {
        what = tolower(argument)
        gsub(/[][=]/, "", what)
        if (argument ~ /ATTR_LIST/)
            action = "_values -s , attribute " words
        else if (words != "")
            action = "(" words ")"
        else if (argument ~ /FILE/)
            action = "_files"
        else if (argument ~ /DIRECTORY/)
            action = "_files -/"
        else
            action = " "
        # "-t DIR", "-tDIR"; "--sparse=WHEN", "--sparse WHEN"; "--backup[=CONTROL]"
        spec = spec (spelled ~ /^--/ ? (argument ~ /^=/ ? "=" : "=-") : "+")
    }
    spec = spec "[" help "]"
    if (argument != "")
        spec = spec (argument ~ /^=/ ? ":" : "::") what ":" action
    print "    " quoted(spec) " \\"
}

function option(letters, name, argument, help, words,    i, all, exclusive) {
    for (i = 1; i <= length(letters); ++i)
        all = all " -" substr(letters, i, 1)
    if (name != "")
        all = all " --" name
    # What may be given once only is offered once; patterns may come again.
    exclusive = argument ~ /PATTERN/ || name == "exclude-from" ? "*" : "(" substr(all, 2) ")"
    for (i = 1; i <= length(letters); ++i)
        # The argument that may be left out is the long form's alone.
        line("-" substr(letters, i, 1), exclusive, argument ~ /^=/ ? argument : "", help, words)
    if (name != "")
        line("--" name, exclusive, argument, help, words)
}

function end() { print "    '*:file:_files'" }
