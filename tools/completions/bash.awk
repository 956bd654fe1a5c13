# arsync-cp's completion for bash, which needs nothing else, not even the package bash-completion.

function begin() {}

function option(letters, name, argument, help, words,    i, spelled, action) {
    for (i = 1; i <= length(letters); ++i)
        spelled = spelled "|-" substr(letters, i, 1)
    if (name != "")
        spelled = spelled "|--" name
    spelled = substr(spelled, 2)
    # One whose argument may be left out is complete without "=".
    all = all " " (name == "" ? spelled : "--" name (argument ~ /^=/ ? "=" : ""))
    if (argument ~ /^=/)
        required = required "|" spelled
    else
        spelled = "--" name
    if (argument ~ /ATTR_LIST/)
        action = "_arsync_cp_list " quoted(words)
    else if (words != "")
        action = "_arsync_cp_words " quoted(words)
    else if (argument ~ /FILE/)
        action = "_arsync_cp_names -f"
    else if (argument ~ /DIRECTORY/)
        action = "_arsync_cp_names -d"
    if (action != "")
        actions = actions "        " spelled ") " action " ;;\n"
}

function end() {
    print "# bash completion for arsync-cp, made from its table of options."
    print "# shellcheck shell=bash"
    print ""
    print "_arsync_cp_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }"
    print "_arsync_cp_names() {"
    print "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")"
    print "    compopt -o filenames 2> /dev/null"
    print "}"
    print "# Of words with commas between, the last one."
    print "_arsync_cp_list() {"
    print "    local before="
    print "    [[ $cur != *,* ]] || before=${cur%,*},"
    print "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"${cur##*,}\")"
    print "    compopt -o nospace 2> /dev/null"
    print "}"
    print ""
    print "# Without an answer bash completes names of files."
    print "_arsync_cp() {"
    print "    local cur=${COMP_WORDS[COMP_CWORD]} option="
    print "    COMPREPLY=()"
    print "    [[ \" ${COMP_WORDS[*]:0:COMP_CWORD} \" != *' -- '* ]] || return 0"
    print "    # \"--sparse=au\" is three words, or one where COMP_WORDBREAKS has no \"=\"."
    print "    if [[ $cur == --*=* ]]; then"
    print "        option=${cur%%=*} cur=${cur#*=}"
    print "    elif [[ $cur == = ]]; then"
    print "        option=${COMP_WORDS[COMP_CWORD - 1]} cur="
    print "    elif ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then"
    print "        option=${COMP_WORDS[COMP_CWORD - 2]}"
    print "    else"
    print "        case ${COMP_WORDS[COMP_CWORD - 1]} in"
    print "        " substr(required, 2) ")"
    print "            option=${COMP_WORDS[COMP_CWORD - 1]}"
    print "            ;;"
    print "        esac"
    print "    fi"
    print "    case $option in"
    print "        '') ;;"
    printf "%s", actions
    print "    esac"
    print "    if [[ -z $option && $cur == -* ]]; then"
    print "        _arsync_cp_words " quoted(substr(all, 2))
    print "        [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2> /dev/null"
    print "    fi"
    print "}"
    print ""
    print "complete -o default -F _arsync_cp arsync-cp"
}
