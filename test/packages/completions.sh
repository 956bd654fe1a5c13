#!/usr/bin/env bash
# The completions of bash, zsh and fish, as installed: they offer what arsync-cp takes, no more and no less.
. "$(dirname "$0")/../abi/lib.sh"
export LC_ALL=C

share=$stage/usr/share
bash_file=$share/bash-completion/completions/arsync-cp
zsh_file=$share/zsh/site-functions/_arsync-cp
fish_file=$share/fish/vendor_completions.d/arsync-cp.fish
program=$stage/usr/bin/arsync-cp
mkdir "$scratch/here" && cd "$scratch/here" && mkdir 'a dir' && touch 'a file' || exit

# What --help has, without the letters of those that have a name.
"$program" --help | grep -oE '^ +((-., )*--[a-z-]+|-.  )' | awk '{ print $NF }' | sort > "$scratch/options"
# takes OPTION - the words that arsync-cp names when it is given another one.
takes() { "$program" "$1=?" a b 2>&1 | grep '^  - ' | grep -oE '[a-z_-]{2,}|\bt\b' | sort; }
with_words='--backup --update --preserve --no-preserve --sparse --reflink --backend --cache --method --continue-on-error'

# in_SHELL WORD - what is offered in place of WORD, the last of the line, in order.
in_bash() {
    bash -c '. "$1" && shift
        COMP_WORDS=(arsync-cp "$@") COMP_CWORD=$#
        _arsync_cp && printf "%s\n" "${COMPREPLY[@]}"' bash "$bash_file" "$@" | sort
}
# The whole completion, in a terminal of its own: what is offered is what compadd finds to fit.
mkdir "$scratch/zsh"
cat > "$scratch/zsh/.zshrc" <<'ZSH'
LISTMAX=10000
fpath=($SITE $fpath)
autoload -Uz compinit && compinit -D -u
compadd() {
    local -a found
    builtin compadd -O found "$@"
    (( $#found )) && print -rl -- $found >> $OFFERED
    builtin compadd "$@"
}
zle-line-init() {
    BUFFER="arsync-cp $LINE" CURSOR=1000
    zle complete-word
    BUFFER=exit
    zle accept-line
}
zle -N zle-line-init
ZSH
in_zsh() {
    : > "$scratch/offered"
    ZDOTDIR=$scratch/zsh SITE=$(dirname "$zsh_file") OFFERED=$scratch/offered LINE="$*" timeout 60 zsh -f -c '
        zmodload zsh/zpty
        zpty z zsh -d -i
        while zpty -r z; do :; done' > "$scratch/terminal" 2>&1 < /dev/null
    sort -u "$scratch/offered"
}
in_fish() {
    HOME=$scratch fish --no-config -c 'source $argv[1]; complete -C "arsync-cp $argv[2]"' "$fish_file" "$*" | cut -f 1 | sort
}

# offers SHELL EXPECTED WORD... - exactly that, with spaces between.
offers() {
    local shell=$1 expected=$2
    shift 2
    "in_$shell" "$@" > "$scratch/got"
    same <(printf '%s\n' "$expected" | tr ' ' '\n') "$scratch/got"
}

check 'help has options' test "$(wc -l < "$scratch/options")" -gt 40

offers_directory() { [ "$(in_bash -t a)" = 'a dir' ]; }
bash_has_all_options() {
    in_bash - | sed 's/=$//' | sort > "$scratch/got"
    same "$scratch/options" "$scratch/got"
}
bash_has_all_words() {
    local option
    for option in $with_words; do
        in_bash "$option" = '' > "$scratch/got"
        same <(takes "$option") "$scratch/got" || return
    done
}
check 'bash: loads' bash -c '. "$1" && complete -p arsync-cp' bash "$bash_file"
check 'bash: all options' bash_has_all_options
check 'bash: all words that options take' bash_has_all_words
check 'bash: a word that was begun' offers bash 'always auto' --sparse = a
check 'bash: in one word' offers bash 'always auto' --sparse=a
check 'bash: the next word' offers bash 'always auto' --sparse a
check 'bash: not after an option that takes none there' offers bash '' --reflink a
check 'bash: the last of a list' offers bash 'links,mode' --preserve = links,m
check 'bash: directories' offers_directory
check 'bash: no options after --' offers bash '' -- -
if command -v shellcheck > /dev/null; then
    check 'bash: shellcheck' shellcheck "$bash_file"
else
    skip 'bash: shellcheck' 'no shellcheck (make deps)'
fi

zsh_has_all_options() {
    # Letters too, and options that take something with "=".
    in_zsh - | sed 's/=-\?$//' > "$scratch/got"
    [ -z "$(comm -23 "$scratch/options" "$scratch/got")" ] || same "$scratch/options" "$scratch/got"
}
if command -v zsh > /dev/null; then
    check 'zsh: parses' zsh -n "$zsh_file"
    check 'zsh: all options' zsh_has_all_options
    check 'zsh: words' offers zsh 'always auto never' --sparse=
    check 'zsh: the next word' offers zsh 'keep' --cache k
    check 'zsh: the last of a list' offers zsh 'mode' --preserve=links,m
else
    skip 'zsh' 'no zsh (make deps)'
fi

fish_has_all_options() {
    { in_fish - | grep -E '^-.$'; in_fish --; } | sort -u > "$scratch/got"
    [ -z "$(comm -23 "$scratch/options" <(sed 's/=$//' "$scratch/got" | sort -u))" ] || same "$scratch/options" "$scratch/got"
}
fish_has_all_words() {
    local option
    for option in --sparse --backend --cache --method --continue-on-error; do
        in_fish "$option=" | sed 's/.*=//' | sort > "$scratch/got"
        same <(takes "$option") "$scratch/got" || return
    done
}
if command -v fish > /dev/null; then
    check 'fish: parses' fish --no-config -n "$fish_file"
    check 'fish: all options' fish_has_all_options
    check 'fish: all words of options that take one' fish_has_all_words
    check 'fish: the last of a list' offers fish '--preserve=links,mode' --preserve=links,m
else
    skip 'fish' 'no fish (make deps)'
fi
finish
