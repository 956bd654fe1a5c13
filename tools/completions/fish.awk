# arsync-cp's completion for fish.

function begin() { print "# fish completion for arsync-cp, made from its table of options." }

function option(letters, name, argument, help, words,    i, line, must) {
    # The argument of "[=WHEN]" is never the next word.
    must = argument ~ /^=/ ? " -x" : ""
    line = "complete -c arsync-cp"
    for (i = 1; i <= length(letters); ++i)
        line = line " -s " substr(letters, i, 1)
    if (name != "")
        line = line " -l " name
    if (argument ~ /ATTR_LIST/)
        line = line must " -a " fish_quoted("(__fish_complete_list , 'printf \"%s\\n\" " words "')")
    else if (words != "")
        line = line must " -a " fish_quoted(words)
    else if (argument ~ /FILE/)
        line = line " -r -F"
    else if (argument ~ /DIRECTORY/)
        line = line " -x -a '(__fish_complete_directories)'"
    else
        line = line must
    print line " -d " fish_quoted(help)
}

# In single quotes fish takes \' and \\, and nothing else, for more than they are.
function fish_quoted(text) {
    gsub(/\\/, "\\\\\\\\", text)
    gsub(/'/, "\\'", text)
    return "'" text "'"
}

function end() {}
