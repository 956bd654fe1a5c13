#!/bin/sh
# shellcheck shell=sh disable=SC1090,SC1091,SC2154 # it sources what is written for each run
# unit.sh NAME - run one unit of the run whose state directory this file is in, on whatever machine.
#
# It needs sh, the usual commands (cat, date, grep, mv, rm, tail, touch, uname), GNU's stat, arsync-cp, and
# the source, the destination and this directory at the same paths; and flock, without which a unit that was
# believed dead is not waited for.
#
# It is for arsync-spread's engines, and idempotent: a unit that is done is left alone, one that is running
# elsewhere is waited for. What came of it is records/NAME. The exit status is 0 if the unit was run to
# its end, whatever failed in it; 3 if it could not start or was cut off, so that another machine may
# try it.
umask 077
name=$1
host=$(uname -n)
cd "${0%/*}" || exit 3
# 0 is no unit: GNU parallel begins nothing before it has read as many lines as it has places.
[ "$name" != 0 ] || exit 0
# Two machines must not write one file at once: one that was believed dead may still be at it. The lock
# is the filesystem's, and goes with whoever has it.
if command -v flock > /dev/null; then
    exec 9> "locks/$name"
    flock 9 2> /dev/null
fi
# What others have made or removed there NFS sees when a directory is opened, not before it has forgotten.
true < units
true < records
[ -e "units/$name" ] || exit 3
# Sets source, destination, what they are, and arsync_cp.
. ./settings
ranges='' was='' problem='' file='' after=''
# Sets id, kind, bytes and what the kind needs, and has the arguments of arsync-cp.
. "./units/$name"

# Sets status to what came of a unit, 3 if nothing yet. A number may have been that of another unit, which
# wrote its record late; so the id counts, too.
status_of() { # UNIT
    status=3 head='' line=''
    [ ! -e "units/$1" ] || read -r head < "units/$1"
    [ ! -e "records/$1" ] || read -r line < "records/$1"
    case $line in
        "{\"unit\": \"$1\", \"id\": \"${head#id=}\", \"status\": "*)
            line=${line#*\"status\": }
            status=${line%%,*}
            ;;
    esac
}
status_of "$name"
[ "$status" != 0 ] || exit 0

began=$(date +%s)
# A name of its own until it is whole, so that nobody reads half of it.
put() {
    if cat > "$1.$host.$$"; then mv "$1.$host.$$" "$1"; else rm -f "$1.$host.$$"; fi
}
echo "$host $$ $began" | put "running/$name"

# The last thing that is done: 3 is tried again, on another machine if there is one.
end_with() { # STATUS MESSAGE SUMMARY
    if grep -qsx "id=$id" "units/$name"; then # and not begun anew meanwhile
        printf '{"unit": "%s", "id": "%s", "status": %d, "kind": "%s", "host": "%s", "began": %d, "ended": %d, "message": "%s", "summary": %s}\n' \
            "$name" "$id" "$1" "$kind" "$host" "$began" "$(date +%s)" "$2" "${3:-null}" | put "records/$name"
        rm -f "running/$name"
    fi
    [ "$1" -le 1 ] || exit 3
    exit 0
}

# Where it is not mounted there is another directory, or none. FUSE may number one differently each time.
identity() { # DIRECTORY
    case $(stat -f -c %T -- "$1/." 2> /dev/null) in
        fuse*) echo fuse ;;
        *) stat -c %i -- "$1/." 2> /dev/null ;;
    esac
}
[ "$(identity "$source")" = "$source_identity" ] || end_with 3 'SRC is not there, or not the directory that it is where the run began'
[ "$(identity "$destination")" = "$destination_identity" ] || end_with 3 'DST is not there, or not the directory that it is where the run began'

# What must be true before it can begin.
source_is_as_it_was() { [ "$(TZ=UTC stat -c '%s %y' -- "$source/$file" 2> /dev/null)" = "$was" ]; }
case $kind in
    finish)
        [ -z "$problem" ] || end_with 1 "$problem"
        source_is_as_it_was || end_with 1 'the source has changed'
        for unit in $ranges; do
            status_of "$unit"
            case $status in
                0) ;;
                1) end_with 1 "range $unit has not ended well" ;;
                *) end_with 3 "range $unit has not ended" ;;
            esac
        done
        [ -z "$ranges" ] || [ "$(stat -c %s -- "$destination/$file" 2> /dev/null)" = "${was%% *}" ] ||
            end_with 1 'the size of the copy is not that of the source'
        ;;
    linked)
        # It is forgotten where the name that it was to copy is gone, so that there is nothing to wait for.
        if [ -n "$after" ] && [ -e "units/$after" ]; then
            status_of "$after"
            case $status in
                0) ;;
                1) end_with 1 "unit $after has not ended well" ;;
                *) end_with 3 "unit $after has not ended" ;;
            esac
        fi
        ;;
    directories)
        for unit in units/*; do
            unit=${unit#units/}
            case $unit in *[!0-9]*) continue ;; esac
            status_of "$unit"
            case $status in
                0) ;;
                1) mirror=no ;;
                *) end_with 3 "unit $unit has not ended" ;;
            esac
        done
        # Where anything has failed nothing is removed.
        if [ "$mirror" = no ]; then
            for argument; do
                shift
                [ "$argument" = --mirror ] || set -- "$@" "$argument"
            done
        fi
        ;;
esac

log=logs/$name
rm -f "$log.json" "$log.err" # where they cannot be written, those of an earlier try say nothing of this one
# In the background, so that a signal for this script reaches it. It has the lock too, and so keeps it if
# this script is killed.
"$arsync_cp" "$@" < /dev/null > "$log.json" 2> "$log.err" &
child=$!
trap 'kill -TERM $child 2> /dev/null' HUP INT TERM
wait $child
status=$?
# A wait that a trap has ended says nothing of the child. (After any other the number may be another's.)
while [ "$status" -gt 128 ] && kill -0 $child 2> /dev/null; do
    wait $child
    status=$?
done
trap '' HUP INT TERM
grep -qsx "id=$id" "units/$name" || exit 3 # these are the logs of another unit now
summary=$(tail -n 1 "$log.json")
case $summary in
    '{"type":"summary"'*'}') ;;
    *) summary= ;;
esac
if [ "$status" -le 1 ] && [ -z "$summary" ]; then end_with 3 'arsync-cp has not said what it did'; fi
case $kind$status$summary in
    range0*\"bytes\":"$bytes",*) ;;
    range0*) end_with 3 'the source ends before the range does' "$summary" ;;
    finish0*)
        # What was given to the copy is not to be taken for the sign that it has this content.
        if ! source_is_as_it_was; then
            touch -c -h -- "$destination/$file"
            end_with 1 'the source has changed'
        fi
        ;;
esac
case $status in
    0)
        rm -f "$log.json" "$log.err"
        end_with 0 '' "$summary"
        ;;
    1)
        # Of what was copied nothing is kept; it may be long.
        grep -a '"outcome":"failed"' "$log.json" | put "$log.json"
        end_with 1 'some entries failed' "$summary"
        ;;
esac
rm -f "$log.json"
case $status in
    2) end_with 2 'arsync-cp does not take these options' "$summary" ;;
    126 | 127) end_with 3 'there is no arsync-cp that runs' ;;
    *) end_with 3 "cut off: status $status" "$summary" ;;
esac
