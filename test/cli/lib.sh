# shellcheck shell=bash
# For the scripts beside this one, which source it: cases, their count, and a place to work in.
#
#     same TITLE SETUP COMMANDS   COMMANDS, in which $CP is cp and then arsync-cp, do the same in two
#                                 directories that SETUP has prepared: exit status, stdout, stderr
#                                 but for the program's name, and the files they leave; any command
#                                 of SETUP that fails fails the case
#     holds TITLE COMMANDS        COMMANDS succeed in an empty directory; $CP is arsync-cp
#     skip TITLE WHY
#     finish                      the count; the script's exit status
#
# What is compared beyond names, kinds, modes, owners, links and content is set by COMPARE, a list
# of: times blocks xattrs acls. With SORT=1 lines of stdout and stderr may come in any order, as those
# about trees do.
#
#     mount_faulty AT BACKING [OPTION...]   show BACKING at AT through a filesystem that fails on demand
#     in_words_of_cp FILE...      in a case: what the program has said, if its C library has other words
#     eventually COMMANDS         in a case: COMMANDS succeed within a minute
#     identical A B               in a case: two trees are alike, as rsync, getfacl, getfattr, getcap and
#                                 stat see them

set -u
export LC_ALL=C.UTF-8
unset POSIXLY_CORRECT VERSION_CONTROL SIMPLE_BACKUP_SUFFIX
umask 022

ARSYNC_CP=$(readlink -f "${ARSYNC_CP:-build/arsync-cp}")
if [ ! -x "$ARSYNC_CP" ]; then
    echo "no arsync-cp: set ARSYNC_CP, or build it first" >&2
    exit 1
fi

WORK=$(mktemp -d)
chmod 755 "$WORK"
# A user other than root must be able to reach it, wherever the build is.
mkdir "$WORK/bin"
cp "$ARSYNC_CP" "$WORK/bin/arsync-cp"
OURS=$WORK/bin/arsync-cp
FAULTFS=${ARSYNC_BUILD:-$(dirname "$ARSYNC_CP")}/test/faultfs
# cp has glibc's words for errors and for options that are none. A program with musl inside has musl's.
WORDS_OF_GLIBC=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/words_of_glibc.sed
MUSL=$(grep -acF 'Symbolic link loop' "$OURS")
has_glibc() { [ "$MUSL" = 0 ]; }
# in_words_of_cp FILE...: what the program has said there, in those of glibc.
in_words_of_cp() { has_glibc || sed -i -f "$WORDS_OF_GLIBC" "$@"; }
COMPARE=
SORT=
passed=0
failed=0
skipped=0
mounts=()

# Run as the cases' last words, by the trap.
# shellcheck disable=SC2317
clean_up() {
    local m
    for m in ${mounts[@]+"${mounts[@]}"}; do umount -l "$m" 2> /dev/null; done
    chattr -R -i -a "$WORK" 2> /dev/null
    rm -rf "$WORK"
}
trap clean_up EXIT

pass() {
    passed=$((passed + 1))
    echo "ok - $1"
}

# The reason is shown below the line, so that a log tells what went wrong.
fail() {
    failed=$((failed + 1))
    echo "not ok - $1"
    tail -n 40 "$WORK/why" | sed 's/^/    /'
}

skip() {
    skipped=$((skipped + 1))
    echo "SKIP: $1: $2"
}

finish() {
    echo "# $passed passed, $failed failed, $skipped skipped"
    [ "$failed" -gt 0 ] && exit 1
    [ "$passed" -eq 0 ] && exit 77
    exit 0
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# bytes COUNT WORD: so many, always the same ones for the same word.
# shellcheck disable=SC2317
bytes() { yes "$2" | head -c "$1"; }

# Commands in SETUP and COMMANDS that want less than root's rights.
# shellcheck disable=SC2317
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# eventually COMMANDS: until they succeed; fails where they do not within a minute.
# shellcheck disable=SC2317
eventually() {
    local - # what is tried is not traced
    set +x
    for _ in $(seq 1200); do
        if eval "$1"; then return 0; fi
        sleep .05
    done
    echo "not within a minute: $1"
    return 1
}

# Whether the process writes a file that has no name yet, or one of its own.
# shellcheck disable=SC2317
is_writing() { find "/proc/$1/fd" -lname "$WORK/*" -printf '%l\n' 2> /dev/null | grep -Eq ' \(deleted\)$|/\.[^/]*$'; }

# A fresh directory under another filesystem; the options are mount's. Fails where that is denied.
mount_at() {
    mkdir -p "$1"
    mount "${@:2}" "$1" 2> /dev/null || return 1
    mounts+=("$1")
}

# image TYPE OPTION...: a file system with these features at $WORK/TYPE; fails where it cannot be had.
# shellcheck disable=SC2317
image() {
    rm -f "$WORK/$1.image"
    truncate -s 320M "$WORK/$1.image"
    "mkfs.$1" -q "${@:2}" "$WORK/$1.image" > /dev/null 2>&1 && mount_at "$WORK/$1" -o loop "$WORK/$1.image"
}

# mount_faulty MOUNTPOINT BACKING [OPTION...]: show BACKING at MOUNTPOINT, with the faults that the
# options of test/fuse/faultfs.cpp name. Fails where that cannot be.
# shellcheck disable=SC2317
mount_faulty() {
    local at=$1 backing=$2
    is_root && [ -x "$FAULTFS" ] && [ -w /dev/fuse ] || return 1
    mkdir -p "$at" "$backing"
    "$FAULTFS" "$backing" "$at" "${@:3}" > "$WORK/faultfs.log" 2>&1 < /dev/null 9>&- &
    eventually "mountpoint -q '$at'" || return 1
    mounts+=("$at")
}

# Everything sorted: the order of a directory is its filesystem's own.
listing() {
    find . -mindepth 1 -printf '%P kind=%y mode=%m owner=%U:%G links=%n to=%l\n' | sort
    case $COMPARE in *times*) find . -mindepth 1 -type f -printf '%P %T+\n' | sort ;; esac
    case $COMPARE in *blocks*) find . -mindepth 1 -type f -printf '%P blocks=%b\n' | sort ;; esac
    case $COMPARE in *xattrs*) find . -print0 | sort -z | xargs -0 getfattr -h -d -m - 2> /dev/null ;; esac
    case $COMPARE in *acls*) find . ! -type l -print0 | sort -z | xargs -0 getfacl 2> /dev/null ;; esac
    find . -type f -exec sha256sum {} + | sort -k 2
}

# run_in DIRECTORY CP SETUP COMMANDS: leaves DIRECTORY.{status,out,err,files}.
run_in() {
    rm -rf "$1"
    mkdir "$1"
    chmod 777 "$1"
    (
        cd "$1" || exit
        # shellcheck disable=SC2030 # each directory has its own
        export CP=$2
        (
            set -e # not as a condition, where it has no effect
            eval "$3"
        ) > "$1.setup" 2>&1
        echo $? > "$1.setup.status"
        (eval "$4") > "$1.out" 2> "$1.err" < /dev/null
        echo $? > "$1.status"
        listing > "$1.files"
    )
}

# shellcheck disable=SC2317
facts_of() {
    (
        cd "$1" || exit
        find . -printf '%P kind=%y mode=%m owner=%U:%G links=%n size=%s time=%T@ to=%l\n' |
            sed -E '/kind=d/s/(links|size)=[0-9]+//g' | LC_ALL=C sort
        find . ! -type l -print0 | LC_ALL=C sort -z | xargs -0 getfacl -n -P 2> /dev/null
        find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - 2> /dev/null |
            grep -av '^trusted.SGI_ACL_'
        getcap -r . 2> /dev/null | LC_ALL=C sort
        find . \( -type b -o -type c \) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort
    )
}

# shellcheck disable=SC2317
# XFS shows ACLs a second time, as attributes of its own; no other filesystem takes them.
identical() {
    local way
    for way in "$1/ $2/" "$2/ $1/"; do
        # shellcheck disable=SC2086 # two words
        if ! rsync -naiHAX --checksum --delete --filter='-x trusted.SGI_ACL_*' $way > "$WORK/rsync" 2>&1 || [ -s "$WORK/rsync" ]; then
            echo "rsync $way:"
            head -n 20 "$WORK/rsync"
            return 1
        fi
    done
    diff -a <(facts_of "$1") <(facts_of "$2")
}

same() {
    run_in "$WORK/theirs" cp "$2" "$3"
    run_in "$WORK/ours" "$OURS" "$2" "$3"
    sed -i 's/^arsync-cp: /cp: /; s/? arsync-cp: /? cp: /g; s/arsync-cp --help/cp --help/' \
        "$WORK/ours.err"
    in_words_of_cp "$WORK/ours.out" "$WORK/ours.err"
    : > "$WORK/why"
    local what
    for what in theirs ours; do
        [ "$(cat "$WORK/$what.setup.status")" = 0 ] || { echo "the setup failed:"; cat "$WORK/$what.setup"; } >> "$WORK/why"
    done
    if [ -n "$SORT" ]; then
        sed -i 's/? cp: /?\ncp: /g; s/? $/?/' "$WORK/theirs.err" "$WORK/ours.err" # questions end without a newline
        for what in out err; do sort -o "$WORK/theirs.$what" "$WORK/theirs.$what"; done
        for what in out err; do sort -o "$WORK/ours.$what" "$WORK/ours.$what"; done
    fi
    for what in status out err files; do
        diff -a -u --label "cp's $what" --label "arsync-cp's $what" "$WORK/theirs.$what" \
            "$WORK/ours.$what" >> "$WORK/why"
    done
    if [ -s "$WORK/why" ]; then fail "$1"; else pass "$1"; fi
}

holds() {
    rm -rf "$WORK/case"
    mkdir "$WORK/case"
    chmod 777 "$WORK/case"
    # Not as a condition, where set -e has no effect. The trace goes where no case looks for messages.
    (
        cd "$WORK/case" || exit
        # shellcheck disable=SC2031 # likewise
        export CP=$OURS
        exec 9>&2
        BASH_XTRACEFD=9
        set -ex
        eval "$2
true"
    ) > "$WORK/why" 2>&1 < /dev/null
    local status=$?
    if [ $status -eq 0 ]; then
        pass "$1"
    else
        echo "exit status $status" >> "$WORK/why"
        fail "$1"
    fi
}
